//! [`File`]: something with a descriptor of the host's, and how a guest waits for it.

use std::fs;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::OFlags;
use rustix::io::Errno as Os;

use crate::errno::{Errno, Fault, Outcome};
use crate::guest::{Buffers, Guest};
use crate::rights::{Filetype, fdflag};

/// How long a guest waits before it is looked at whether its time is up.
pub(crate) const SLICE: Duration = Duration::from_millis(10);

/// What a pipe takes without making the writer wait, if it takes anything.
const PIPE_BYTES: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

/// A file, a pipe, a terminal, a device or a socket.
pub(crate) struct File {
    file: fs::File,
    filetype: Filetype,
    /// Whether it has a position: only then can it be read and written without waiting, always.
    seekable: bool,
    /// Whether it is the guest's own, so that the host's descriptor can be changed for it. Streams
    /// that are never make the host wait.
    own: bool,
    /// The flags that the guest sees.
    flags: AtomicU16,
    readable: bool,
    writable: bool,
    /// Whether it may be resized and its times be set, whatever it was opened for.
    mutable: bool,
}

impl File {
    /// A file that was opened for the guest, without waiting.
    pub(crate) fn opened(
        file: fs::File,
        filetype: Filetype,
        flags: u16,
        (readable, writable): (bool, bool),
        mutable: bool,
    ) -> File {
        let seekable = is_seekable(&file, filetype);
        let flags = AtomicU16::new(flags);
        File { file, filetype, seekable, own: true, flags, readable, writable, mutable }
    }

    /// A standard stream that the guest shares with the host.
    pub(crate) fn standard(fd: BorrowedFd<'_>, is_input: bool) -> Result<File, Errno> {
        let file = fs::File::from(fd.try_clone_to_owned()?);
        let filetype = filetype_of(&file)?;
        let os = rustix::fs::fcntl_getfl(&file)?;
        let flag = |os_flag, flag| if os.contains(os_flag) { flag } else { 0 };
        let flags = flag(OFlags::APPEND, fdflag::APPEND) | flag(OFlags::NONBLOCK, fdflag::NONBLOCK);
        Ok(File {
            seekable: is_seekable(&file, filetype),
            file,
            filetype,
            own: false,
            flags: AtomicU16::new(flags),
            readable: is_input,
            writable: !is_input,
            mutable: !is_input,
        })
    }

    /// A connection that was accepted for the guest, without waiting.
    pub(crate) fn accepted(file: fs::File, flags: u16) -> File {
        File::opened(file, Filetype::SocketStream, flags, (true, true), true)
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    pub(crate) fn filetype(&self) -> Filetype {
        self.filetype
    }

    pub(crate) fn is_seekable(&self) -> bool {
        self.seekable
    }

    pub(crate) fn is_readable(&self) -> bool {
        self.readable
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.writable
    }

    /// # Errors
    ///
    /// `perm`, if the directory that the file comes from was given for reading only.
    pub(crate) fn require_mutable(&self) -> Result<(), Errno> {
        if self.mutable { Ok(()) } else { Err(Errno::Perm) }
    }

    pub(crate) fn flags(&self) -> u16 {
        self.flags.load(Ordering::Relaxed)
    }

    pub(crate) fn set_flags(&self, flags: u16) -> Result<(), Errno> {
        let changed = flags ^ self.flags();
        if flags & !fdflag::ALL != 0 || changed & fdflag::FIXED != 0 {
            return Err(Errno::Inval);
        }
        if changed & fdflag::APPEND != 0 {
            if !self.own {
                // Others write to the same open file, and would be made to append as well.
                return Err(Errno::Notsup);
            }
            let mut os = rustix::fs::fcntl_getfl(&self.file)?;
            os.set(OFlags::APPEND, flags & fdflag::APPEND != 0);
            rustix::fs::fcntl_setfl(&self.file, os)?;
        }
        // Whether the guest waits is decided here, and not by the host's descriptor.
        self.flags.store(flags, Ordering::Relaxed);
        Ok(())
    }

    fn is_nonblocking(&self) -> bool {
        self.flags() & fdflag::NONBLOCK != 0
    }

    /// Reads from a position, or from where the file is.
    pub(crate) fn read(
        &self,
        guest: &mut Guest<'_>,
        mut buffers: Buffers,
        offset: Option<u64>,
    ) -> Outcome<u32> {
        if !self.readable {
            return Err(Errno::Badf.into());
        }
        let waits = self.waits(guest)?;
        if self.own && !self.seekable && !self.is_nonblocking() {
            // A named pipe that nobody has opened for writing yet is not at its end.
            self.wait(guest, PollFlags::IN)?;
        }
        let mut done = 0_u32;
        loop {
            let at = offset.map(|offset| offset.saturating_add(done.into()));
            match guest.fill_buffers(&buffers, |slices| self.read_once(slices, at, waits)) {
                Ok((len, asked)) => {
                    // All lengths together have 32 bits.
                    done += len as u32;
                    if len < asked || asked == 0 || !self.seekable {
                        return Ok(done);
                    }
                    buffers.advance(guest, len)?;
                    if buffers.is_done() {
                        return Ok(done);
                    }
                }
                Err(Fault::Errno(_)) if done > 0 => return Ok(done),
                Err(Fault::Errno(Errno::Again)) if !self.is_nonblocking() => {
                    self.wait(guest, PollFlags::IN)?;
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    /// Writes to a position, or to where the file is.
    pub(crate) fn write(
        &self,
        guest: &mut Guest<'_>,
        mut buffers: Buffers,
        offset: Option<u64>,
    ) -> Outcome<u32> {
        if !self.writable {
            return Err(Errno::Badf.into());
        }
        let waits = self.waits(guest)?;
        let mut done = 0_u32;
        loop {
            let at = offset.map(|offset| offset.saturating_add(done.into()));
            match guest.take_buffers(&buffers, |slices| self.write_once(slices, at, waits)) {
                Ok((0, _)) => return Ok(done),
                Ok((len, asked)) => {
                    done += len as u32;
                    if self.seekable && len < asked {
                        return Ok(done);
                    }
                    buffers.advance(guest, len)?;
                    if buffers.is_done() {
                        return Ok(done);
                    }
                }
                Err(Fault::Errno(Errno::Again)) if !self.is_nonblocking() => {
                    self.wait(guest, PollFlags::OUT)?;
                }
                Err(Fault::Errno(_)) if done > 0 => return Ok(done),
                Err(fault) => return Err(fault),
            }
        }
    }

    /// Whether the operating system may let the guest wait: if nobody will ever stop it.
    fn waits(&self, guest: &mut Guest<'_>) -> Outcome<bool> {
        Ok(self.seekable || (!guest.check_time()? && !self.is_nonblocking()))
    }

    fn read_once(
        &self,
        slices: &mut [IoSliceMut<'_>],
        offset: Option<u64>,
        waits: bool,
    ) -> Result<usize, Errno> {
        if offset.is_some() || self.own || waits {
            // The call for one buffer is faster.
            return Ok(rustix::io::retry_on_intr(|| match (&mut *slices, offset) {
                ([only], None) => rustix::io::read(&self.file, &mut **only),
                (slices, None) => rustix::io::readv(&self.file, slices),
                ([only], Some(offset)) => rustix::io::pread(&self.file, &mut **only, offset),
                (slices, Some(offset)) => rustix::io::preadv(&self.file, slices, offset),
            })?);
        }
        #[cfg(target_os = "linux")]
        match rustix::io::retry_on_intr(|| {
            let flags = rustix::io::ReadWriteFlags::NOWAIT;
            rustix::io::preadv2(&self.file, slices, u64::MAX, flags)
        }) {
            Err(Os::OPNOTSUPP | Os::NOSYS | Os::INVAL) => {}
            result => return Ok(result?),
        }
        if !self.is_ready(PollFlags::IN)? {
            return Err(Errno::Again);
        }
        Ok(rustix::io::retry_on_intr(|| rustix::io::readv(&self.file, slices))?)
    }

    fn write_once(
        &self,
        slices: &[IoSlice<'_>],
        offset: Option<u64>,
        waits: bool,
    ) -> Result<usize, Errno> {
        if offset.is_some() || self.own || waits {
            return Ok(rustix::io::retry_on_intr(|| match (slices, offset) {
                ([only], None) => rustix::io::write(&self.file, only),
                (slices, None) => rustix::io::writev(&self.file, slices),
                ([only], Some(offset)) => rustix::io::pwrite(&self.file, only, offset),
                (slices, Some(offset)) => rustix::io::pwritev(&self.file, slices, offset),
            })?);
        }
        #[cfg(target_os = "linux")]
        match rustix::io::retry_on_intr(|| {
            let flags = rustix::io::ReadWriteFlags::NOWAIT;
            rustix::io::pwritev2(&self.file, slices, u64::MAX, flags)
        }) {
            Err(Os::OPNOTSUPP | Os::NOSYS | Os::INVAL) => {}
            result => return Ok(result?),
        }
        if !self.is_ready(PollFlags::OUT)? {
            return Err(Errno::Again);
        }
        let first = slices.first().map_or(&[][..], |slice| slice);
        let piece = &first[..first.len().min(PIPE_BYTES)];
        Ok(rustix::io::retry_on_intr(|| rustix::io::write(&self.file, piece))?)
    }

    /// Whether something can be read or written now.
    pub(crate) fn is_ready(&self, events: PollFlags) -> Result<bool, Errno> {
        poll_one(self.fd(), events, Some(Duration::ZERO))
    }

    /// Waits until something can be read or written, or the guest's time is up.
    pub(crate) fn wait(&self, guest: &mut Guest<'_>, events: PollFlags) -> Outcome {
        loop {
            let slice = guest.check_time_waiting()?.then_some(SLICE);
            if poll_one(self.fd(), events, slice)? {
                return Ok(());
            }
        }
    }
}

fn is_seekable(file: &fs::File, filetype: Filetype) -> bool {
    match filetype {
        Filetype::RegularFile | Filetype::BlockDevice => true,
        Filetype::CharacterDevice => rustix::fs::tell(file).is_ok(),
        _ => false,
    }
}

/// What a descriptor of the host's stands for.
pub(crate) fn filetype_of(file: &fs::File) -> Result<Filetype, Errno> {
    let stat = rustix::fs::fstat(file)?;
    let filetype = Filetype::from(rustix::fs::FileType::from_raw_mode(stat.st_mode));
    if filetype == Filetype::SocketStream
        && rustix::net::sockopt::socket_type(file)? == rustix::net::SocketType::DGRAM
    {
        return Ok(Filetype::SocketDgram);
    }
    Ok(filetype)
}

/// Waits for one descriptor; whether it is ready.
fn poll_one(fd: BorrowedFd<'_>, events: PollFlags, time: Option<Duration>) -> Result<bool, Errno> {
    poll(&mut [PollFd::from_borrowed_fd(fd, events)], time)
}

/// Waits for descriptors; whether one is ready. A signal ends the waiting.
pub(crate) fn poll(fds: &mut [PollFd<'_>], time: Option<Duration>) -> Result<bool, Errno> {
    // What is too long for the host is longer than anybody waits.
    let timespec = time.and_then(|time| Timespec::try_from(time).ok());
    match rustix::event::poll(fds, timespec.as_ref()) {
        Ok(ready) => Ok(ready > 0),
        Err(Os::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
