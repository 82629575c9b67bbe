//! Standard streams: memory, files, pipes of the host's.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use lineal::Trap;
use lineal_wasi::pipe::{InputFile, MemoryInputPipe, MemoryOutputPipe, OutputFile};
use lineal_wasi::{StdinStream, StdoutStream, WasiCtxBuilder};

use crate::errno::*;
use crate::{DATA, Guest, NONBLOCK, RESULT, directory, right};

/// The two ends of a pipe: for reading, and for writing.
pub(crate) fn pipe() -> (File, File) {
    let (read, write) = std::io::pipe().unwrap();
    (File::from(OwnedFd::from(read)), File::from(OwnedFd::from(write)))
}

#[test]
fn memory_is_read_and_written() {
    let (stdin, stdout, stderr) =
        (MemoryInputPipe::new("input"), MemoryOutputPipe::new(8), MemoryOutputPipe::new(100));
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdin(stdin.clone()).stdout(stdout.clone()).stderr(stderr.clone());
    let mut guest = Guest::new(&mut wasi);
    assert_eq!(guest.read_fd(0, 3), Ok(b"inp".to_vec()));
    assert!(!stdin.is_empty());
    assert_eq!(guest.read_fd(0, 100), Ok(b"ut".to_vec()));
    assert_eq!(guest.read_fd(0, 100), Ok(Vec::new()));
    assert!(stdin.is_empty());
    assert_eq!(guest.write_fd(1, b"output"), Ok(6));
    // As much as there is room for, and then no more.
    assert_eq!(guest.write_fd(1, b"output"), Ok(2));
    assert_eq!(guest.write_fd(1, b"output"), Err(NOSPC));
    assert_eq!(guest.write_fd(1, b""), Ok(0));
    assert_eq!(guest.write_fd(2, b"error"), Ok(5));
    assert_eq!((stdout.contents(), stderr.contents()), (b"outputou".to_vec(), b"error".to_vec()));
    assert_eq!(guest.call("fd_seek", &[1, 0, 0, RESULT.into()]), SPIPE);
    assert_eq!(guest.call("fd_tell", &[0, RESULT.into()]), SPIPE);
    assert_eq!(guest.call("fd_filestat_set_times", &[1, 0, 0, 1]), BADF);
    guest.ok("fd_fdstat_get", &[0, RESULT.into()]);
    assert_eq!(guest.u64(RESULT + 8) & (right::READ | right::WRITE | right::SEEK), right::READ);
    guest.ok("fd_close", &[1]);
    assert_eq!(guest.write_fd(1, b"x"), Err(BADF));
}

struct Own;

impl StdinStream for Own {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        buffer.fill(7);
        // Whatever it says, the guest gets no more than it has room for.
        Ok(usize::MAX)
    }
}

impl StdoutStream for Own {
    fn write(&mut self, _buffer: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn a_stream_can_be_the_embedders() {
    let mut guest = Guest::new(WasiCtxBuilder::new().stdin(Own).stdout(Own));
    assert_eq!(guest.read_fd(0, 3), Ok(vec![7; 3]));
    assert_eq!(guest.write_fd(1, b"x"), Err(PIPE));
}

#[test]
fn files_are_streams_that_can_be_sought() {
    let dir = directory("file-streams");
    fs::write(dir.join("in"), "input").unwrap();
    let (input, output) =
        (File::open(dir.join("in")).unwrap(), File::create(dir.join("out")).unwrap());
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdin(InputFile::new(input)).stdout(OutputFile::new(output));
    let mut guest = Guest::new(&mut wasi);
    assert_eq!(guest.read_fd(0, 100), Ok(b"input".to_vec()));
    guest.ok("fd_seek", &[0, 2, 0, RESULT.into()]);
    assert_eq!(guest.read_fd(0, 100), Ok(b"put".to_vec()));
    assert_eq!(guest.write_fd(1, b"output"), Ok(6));
    assert_eq!(fs::read(dir.join("out")).unwrap(), b"output");
    // Others write to the same open file.
    assert_eq!(guest.call("fd_fdstat_set_flags", &[1, 1]), NOTSUP);
}

#[test]
fn pipes_are_waited_for() {
    let (read, mut write) = pipe();
    let mut guest = Guest::new(WasiCtxBuilder::new().stdin(InputFile::new(read)));
    let start = Instant::now();
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        write.write_all(b"late").unwrap();
    });
    assert_eq!(guest.read_fd(0, 100), Ok(b"late".to_vec()));
    assert!(start.elapsed() >= Duration::from_millis(25));
    assert_eq!(guest.read_fd(0, 100), Ok(Vec::new()));
    writer.join().unwrap();
}

#[test]
fn whoever_does_not_want_to_wait_does_not() {
    let (read, mut write) = pipe();
    let mut guest = Guest::new(WasiCtxBuilder::new().stdin(InputFile::new(read)));
    guest.ok("fd_fdstat_set_flags", &[0, NONBLOCK.into()]);
    assert_eq!(guest.read_fd(0, 10), Err(AGAIN));
    write.write_all(b"x").unwrap();
    assert_eq!(guest.read_fd(0, 10), Ok(b"x".to_vec()));
    drop(write);
    assert_eq!(guest.read_fd(0, 10), Ok(Vec::new()));

    let (mut read, write) = pipe();
    let mut guest = Guest::new(WasiCtxBuilder::new().stdout(OutputFile::new(write)));
    guest.ok("fd_fdstat_set_flags", &[1, NONBLOCK.into()]);
    let mut written = 0;
    let last = loop {
        match guest.write_fd(1, &[7; 50_000]) {
            Ok(len) => written += len,
            Err(errno) => break errno,
        }
    };
    assert_eq!(last, AGAIN);
    // The host's own descriptor still waits.
    assert!(written >= 4096);
    let mut bytes = vec![0; written as usize];
    read.read_exact(&mut bytes).unwrap();
    assert!(guest.write_fd(1, b"x").is_ok());
}

#[test]
fn a_pipe_that_nobody_reads_is_an_error() {
    let (read, write) = pipe();
    drop(read);
    let mut guest = Guest::new(WasiCtxBuilder::new().stdout(OutputFile::new(write)));
    assert_eq!(guest.write_fd(1, b"x"), Err(PIPE));
}

/// Calls a function that would wait for ever; it ends when the guest's time is up.
#[track_caller]
fn ends_in_time(guest: &mut Guest, name: &str, args: &[i64]) {
    let engine = guest.store.engine().clone();
    let timer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        engine.increment_epoch();
        Instant::now()
    });
    let error = guest.try_call(name, args).expect_err("it was stopped");
    let ended = Instant::now();
    let late = ended.saturating_duration_since(timer.join().unwrap());
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt), "{error:?}");
    // It takes ten milliseconds, but the machine may have other things to do.
    assert!(late < Duration::from_millis(500), "{late:?}");
}

#[test]
fn waiting_ends_when_time_is_up() {
    let (read, mut write) = pipe();
    let mut guest = Guest::new(WasiCtxBuilder::new().stdin(InputFile::new(read)));
    let [iovs, count] = guest.iovs(&[(DATA as u32, 100)]);
    ends_in_time(&mut guest, "fd_read", &[0, iovs, count, RESULT.into()]);
    // Nothing is lost by that.
    guest.store.set_epoch_deadline(1);
    write.write_all(b"after").unwrap();
    assert_eq!(guest.read_fd(0, 100), Ok(b"after".to_vec()));

    let (_read, write) = pipe();
    let mut guest = Guest::new(WasiCtxBuilder::new().stdout(OutputFile::new(write)));
    // More than a pipe holds.
    let [iovs, count] = guest.iovs(&[(0, 200_000)]);
    let mut total = 0;
    while total < 100_000 {
        guest.ok("fd_fdstat_set_flags", &[1, NONBLOCK.into()]);
        if guest.call("fd_write", &[1, iovs, count, RESULT.into()]) != SUCCESS {
            break;
        }
        total += guest.u32(RESULT);
    }
    guest.ok("fd_fdstat_set_flags", &[1, 0]);
    ends_in_time(&mut guest, "fd_write", &[1, iovs, count, RESULT.into()]);
}

#[test]
fn a_large_write_to_a_pipe_is_whole() {
    let (mut read, write) = pipe();
    let mut guest = Guest::new(WasiCtxBuilder::new().stdout(OutputFile::new(write)));
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        read.read_to_end(&mut bytes).unwrap();
        bytes.len()
    });
    let [iovs, count] = guest.iovs(&[(0, 200_000), (0, 50_000)]);
    guest.ok("fd_write", &[1, iovs, count, RESULT.into()]);
    assert_eq!(guest.u32(RESULT), 250_000);
    drop(guest);
    assert_eq!(reader.join().unwrap(), 250_000);
}

#[test]
fn named_pipes_do_not_hang() {
    let dir = directory("fifo");
    let path = dir.join("fifo");
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, 0o600.into(), 0).unwrap();
    let mut guest = Guest::in_dir(&dir);
    // Nobody reads: writing is an error that is told at once.
    assert_eq!(guest.open("fifo", 0, right::WRITE, NONBLOCK), Err(NXIO));
    let fd = guest.open("fifo", 0, right::READ, NONBLOCK).unwrap();
    guest.ok("fd_fdstat_get", &[fd, RESULT.into()]);
    assert_eq!((guest.bytes(RESULT, 1)[0], guest.u16(RESULT + 2)), (0, NONBLOCK as u16));
    assert_eq!(guest.u64(RESULT + 8) & right::SEEK, 0);
    assert_eq!(guest.call("fd_seek", &[fd, 0, 0, RESULT.into()]), SPIPE);
    assert_eq!(guest.read_fd(fd, 10), Ok(Vec::new()));
    let write = guest.open("fifo", 0, right::WRITE, NONBLOCK).unwrap();
    assert_eq!(guest.read_fd(fd, 10), Err(AGAIN));
    assert_eq!(guest.write_fd(write, b"through"), Ok(7));
    assert_eq!(guest.read_fd(fd, 10), Ok(b"through".to_vec()));
    guest.ok("fd_fdstat_set_flags", &[fd, 0]);
    let [iovs, count] = guest.iovs(&[(DATA as u32, 100)]);
    ends_in_time(&mut guest, "fd_read", &[fd, iovs, count, RESULT.into()]);
}

#[test]
fn a_named_pipe_waits_for_its_other_end() {
    let dir = directory("fifo-waits");
    let path = dir.join("fifo");
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, 0o600.into(), 0).unwrap();
    let mut guest = Guest::in_dir(&dir);
    let other = path.clone();
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        fs::write(other, "late").unwrap();
    });
    let fd = guest.open("fifo", 0, right::READ, 0).unwrap();
    assert_eq!(guest.read_fd(fd, 10), Ok(b"late".to_vec()));
    writer.join().unwrap();
    let reader = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        fs::read(path).unwrap()
    });
    guest.ok("fd_close", &[fd]);
    let fd = guest.open("fifo", 0, right::WRITE, 0).unwrap();
    assert_eq!(guest.write_fd(fd, b"to whoever comes"), Ok(16));
    guest.ok("fd_close", &[fd]);
    assert_eq!(reader.join().unwrap(), b"to whoever comes");
    // It can be stopped too.
    let [path, len] = guest.path("fifo");
    let open = [3, 0, path, len, 0, right::WRITE as i64, 0, 0, RESULT.into()];
    ends_in_time(&mut guest, "path_open", &open);
}
