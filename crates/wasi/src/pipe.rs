//! Standard streams that are not the host's own: memory, and files.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a guest reads its standard input from.
///
/// [`MemoryInputPipe`] and [`InputFile`] are such streams. One of one's own implements
/// [`read`](Self::read); the guest waits for as long as that does.
pub trait StdinStream: Send {
    /// Fills a buffer, or the beginning of it, and returns how many bytes it has now. 0 bytes are
    /// the end of the stream.
    ///
    /// # Errors
    ///
    /// The guest gets the error's number, or `io` if it has none.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// How many bytes can be read without waiting, as far as that is known. At the end of the
    /// stream that is `Some(0)`; `None` means that a read would wait.
    fn ready_bytes(&mut self) -> Option<u64> {
        Some(1)
    }

    /// The descriptor, if the stream is one. It is used directly then.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// What a guest writes its standard output or standard error to.
///
/// [`MemoryOutputPipe`] and [`OutputFile`] are such streams.
pub trait StdoutStream: Send {
    /// Writes a buffer, or the beginning of it, and returns how many bytes that was.
    ///
    /// # Errors
    ///
    /// The guest gets the error's number, or `io` if it has none.
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize>;

    /// The descriptor, if the stream is one. It is used directly then.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// Standard input from memory.
///
/// ```
/// use lineal_wasi::WasiCtxBuilder;
/// use lineal_wasi::pipe::MemoryInputPipe;
///
/// let wasi = WasiCtxBuilder::new().stdin(MemoryInputPipe::new("to be read")).build_p1();
/// ```
#[derive(Clone, Debug)]
pub struct MemoryInputPipe {
    input: Arc<Mutex<Input>>,
}

#[derive(Debug)]
struct Input {
    bytes: Vec<u8>,
    read: usize,
}

impl MemoryInputPipe {
    /// A pipe with these bytes in it. Its clones read from the same pipe.
    pub fn new(bytes: impl Into<Vec<u8>>) -> MemoryInputPipe {
        MemoryInputPipe { input: Arc::new(Mutex::new(Input { bytes: bytes.into(), read: 0 })) }
    }

    /// Whether everything has been read.
    pub fn is_empty(&self) -> bool {
        let input = lock(&self.input);
        input.read == input.bytes.len()
    }
}

impl StdinStream for MemoryInputPipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut input = lock(&self.input);
        let left = &input.bytes[input.read..];
        let len = left.len().min(buffer.len());
        buffer[..len].copy_from_slice(&left[..len]);
        input.read += len;
        Ok(len)
    }

    fn ready_bytes(&mut self) -> Option<u64> {
        let input = lock(&self.input);
        Some((input.bytes.len() - input.read) as u64)
    }
}

/// Standard output or standard error to memory.
///
/// ```
/// use lineal_wasi::WasiCtxBuilder;
/// use lineal_wasi::pipe::MemoryOutputPipe;
///
/// let stdout = MemoryOutputPipe::new(1 << 20);
/// let wasi = WasiCtxBuilder::new().stdout(stdout.clone()).build_p1();
/// // When the guest has run:
/// assert_eq!(stdout.contents(), b"");
/// ```
#[derive(Clone)]
pub struct MemoryOutputPipe {
    output: Arc<Mutex<Vec<u8>>>,
    capacity: usize,
}

impl MemoryOutputPipe {
    /// A pipe for up to so many bytes. What goes beyond that fails: the guest is told that there
    /// is no space. Its clones are the same pipe.
    pub fn new(capacity: usize) -> MemoryOutputPipe {
        MemoryOutputPipe { output: Arc::default(), capacity }
    }

    /// What has been written up to now.
    pub fn contents(&self) -> Vec<u8> {
        lock(&self.output).clone()
    }

    /// What has been written, if this is the last handle to the pipe.
    pub fn try_into_inner(self) -> Option<Vec<u8>> {
        let output = Arc::into_inner(self.output)?;
        Some(output.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for MemoryOutputPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryOutputPipe").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

impl StdoutStream for MemoryOutputPipe {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let mut output = lock(&self.output);
        let len = buffer.len().min(self.capacity.saturating_sub(output.len()));
        if len == 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        output.try_reserve(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
        output.extend_from_slice(&buffer[..len]);
        Ok(len)
    }
}

/// Standard input from a file of the host's, or anything else that has a descriptor.
#[derive(Debug)]
pub struct InputFile {
    file: File,
}

impl InputFile {
    /// A stream that reads from where the file is now.
    pub fn new(file: File) -> InputFile {
        InputFile { file }
    }
}

impl StdinStream for InputFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        io::Read::read(&mut self.file, buffer)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.file.as_fd())
    }
}

/// Standard output or standard error to a file of the host's, or anything else that has a
/// descriptor.
#[derive(Debug)]
pub struct OutputFile {
    file: File,
}

impl OutputFile {
    /// A stream that writes to where the file is now.
    pub fn new(file: File) -> OutputFile {
        OutputFile { file }
    }
}

impl StdoutStream for OutputFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut self.file, buffer)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.file.as_fd())
    }
}

macro_rules! host_streams {
    ($($name:ident: $stream:ident, $method:ident($($buffer:tt)*), $do:path;)*) => {$(
        impl $stream for io::$name {
            fn $method(&mut self, buffer: $($buffer)* [u8]) -> io::Result<usize> {
                $do(self, buffer)
            }

            fn descriptor(&self) -> Option<BorrowedFd<'_>> {
                Some(self.as_fd())
            }
        }
    )*};
}

host_streams! {
    Stdin: StdinStream, read(&mut), io::Read::read;
    Stdout: StdoutStream, write(&), io::Write::write;
    Stderr: StdoutStream, write(&), io::Write::write;
}

/// A stream that takes everything and keeps nothing.
pub(crate) struct Sink;

impl StdoutStream for Sink {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(buffer.len())
    }
}

/// A lock that a panic elsewhere has not made useless.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
