//! [`Directory`]: a directory that a guest may use, which is all of the host's files it can reach.
//!
//! Paths are resolved by [`cap_std`], which follows no link and no `..` out of the directory, also
//! while others rename what is on the way.

use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, SystemTimeSpec};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::{OFlags, Timespec, Timestamps};

use crate::errno::Errno;
use crate::file::{File, filetype_of};
use crate::filestat::Filestat;
use crate::listing::Listing;
use crate::perms::{DirPerms, FilePerms};
use crate::pipe::lock;
use crate::rights::{Filetype, fdflag, oflag};
use crate::table::Object;

/// A directory, and what the guest may do in it.
pub(crate) struct Directory {
    dir: Dir,
    dir_perms: DirPerms,
    file_perms: FilePerms,
    /// What it contained when the guest last began to list it.
    listing: Mutex<Option<Listing>>,
}

/// How to open what is at a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    pub(crate) follow: bool,
    pub(crate) oflags: u16,
    pub(crate) fdflags: u16,
    pub(crate) read: bool,
    pub(crate) write: bool,
}

/// One of the two times of a file to set.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NewTime {
    Keep,
    Now,
    Nanos(u64),
}

impl Directory {
    /// A directory of the host's.
    pub(crate) fn preopened(
        path: &Path,
        dir_perms: DirPerms,
        file_perms: FilePerms,
    ) -> std::io::Result<Directory> {
        // A directory that is only for looking things up in cannot be listed, or its times be set.
        let mut options = std::fs::OpenOptions::new();
        options.read(true).custom_flags(OFlags::DIRECTORY.bits() as i32);
        let dir = match options.open(path) {
            Ok(file) => Dir::from_std_file(file),
            // But it is all there is if the host does not let it be read.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                Dir::open_ambient_dir(path, ambient_authority())?
            }
            Err(error) => return Err(error),
        };
        Ok(Directory::new(dir, dir_perms, file_perms))
    }

    fn new(dir: Dir, dir_perms: DirPerms, file_perms: FilePerms) -> Directory {
        Directory { dir, dir_perms, file_perms, listing: Mutex::default() }
    }

    pub(crate) fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.dir.as_fd()
    }

    fn require(&self, perms: DirPerms) -> Result<(), Errno> {
        if self.dir_perms.contains(perms) { Ok(()) } else { Err(Errno::Perm) }
    }

    /// # Errors
    ///
    /// `perm`, if the directory was given for reading only.
    pub(crate) fn require_mutable(&self) -> Result<(), Errno> {
        self.require(DirPerms::MUTATE)
    }

    pub(crate) fn open(&self, path: &Path, opening: Opening) -> Result<Object, Errno> {
        let Opening { follow, oflags, fdflags, .. } = opening;
        let (mut read, mut write) = (opening.read, opening.write);
        let has = |flag| oflags & flag != 0;
        self.require(DirPerms::READ)?;
        if has(oflag::CREAT) {
            self.require(DirPerms::MUTATE)?;
            if has(oflag::DIRECTORY) {
                return Err(Errno::Inval);
            }
        }
        if has(oflag::DIRECTORY) {
            if has(oflag::TRUNC) {
                return Err(Errno::Inval);
            }
            // A directory is opened for reading only, whatever is asked for.
            (read, write) = (true, false);
        } else {
            if (write || has(oflag::TRUNC)) && !self.file_perms.contains(FilePerms::WRITE) {
                return Err(Errno::Perm);
            }
            if read && !self.file_perms.contains(FilePerms::READ) {
                // It can still be a directory.
                read = false;
            }
        }
        // Nobody waits here for the other end of a pipe: reads and writes wait for it.
        let mut os = OFlags::NONBLOCK | OFlags::NOCTTY;
        for (flag, os_flag) in [
            (oflag::CREAT, OFlags::CREATE),
            (oflag::DIRECTORY, OFlags::DIRECTORY),
            (oflag::TRUNC, OFlags::TRUNC),
        ] {
            os.set(os_flag, has(flag));
        }
        os.set(OFlags::EXCL, has(oflag::EXCL) && has(oflag::CREAT));
        os.set(OFlags::APPEND, fdflags & fdflag::APPEND != 0);
        os.set(OFlags::DSYNC, fdflags & fdflag::DSYNC != 0);
        os.set(OFlags::SYNC, fdflags & (fdflag::SYNC | fdflag::RSYNC) != 0);
        let mut options = OpenOptions::new();
        // The host cannot open a file for nothing; the descriptor knows better.
        options.read(read || !write).write(write).custom_flags(os.bits() as i32);
        options.follow(if follow { FollowSymlinks::Yes } else { FollowSymlinks::No });
        let file = self.dir.open_with(path, &options)?.into_std();
        let filetype = filetype_of(&file)?;
        if filetype == Filetype::Directory {
            let dir = Dir::from_std_file(usable(file)?);
            return Ok(Object::Directory(Directory::new(dir, self.dir_perms, self.file_perms)));
        }
        if opening.read && !read {
            return Err(Errno::Perm);
        }
        let mutable = self.file_perms.contains(FilePerms::WRITE);
        Ok(Object::File(File::opened(file, filetype, fdflags, (read, write), mutable)))
    }

    pub(crate) fn create_directory(&self, path: &Path) -> Result<(), Errno> {
        self.require(DirPerms::MUTATE)?;
        Ok(self.dir.create_dir(without_slashes(path))?)
    }

    pub(crate) fn filestat(&self) -> Result<Filestat, Errno> {
        Ok(Filestat::of_file(&rustix::fs::fstat(&self.dir)?, Filetype::Directory))
    }

    pub(crate) fn path_filestat(&self, path: &Path, follow: bool) -> Result<Filestat, Errno> {
        self.require(DirPerms::READ)?;
        let metadata =
            if follow { self.dir.metadata(path)? } else { self.dir.symlink_metadata(path)? };
        Ok(Filestat::of_path(&metadata))
    }

    pub(crate) fn path_set_times(
        &self,
        path: &Path,
        follow: bool,
        accessed: NewTime,
        modified: NewTime,
    ) -> Result<(), Errno> {
        self.require(DirPerms::MUTATE)?;
        if !follow {
            return Ok(self.dir.set_symlink_times(path, accessed.spec(), modified.spec())?);
        }
        // The owner of a file can set its times by way of any descriptor, so that the file itself
        // need not be written to. What is a pipe must not make anybody wait.
        let mut options = OpenOptions::new();
        options.read(true).custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32);
        match self.dir.open_with(path, &options) {
            Ok(file) => set_times(file.as_fd(), accessed, modified),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                Ok(self.dir.set_times(path, accessed.spec(), modified.spec())?)
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn link(
        &self,
        from: &Path,
        to_directory: &Directory,
        to: &Path,
    ) -> Result<(), Errno> {
        self.require(DirPerms::MUTATE)?;
        to_directory.require(DirPerms::MUTATE)?;
        Ok(self.dir.hard_link(from, &to_directory.dir, to)?)
    }

    pub(crate) fn rename(
        &self,
        from: &Path,
        to_directory: &Directory,
        to: &Path,
    ) -> Result<(), Errno> {
        self.require(DirPerms::MUTATE)?;
        to_directory.require(DirPerms::MUTATE)?;
        Ok(self.dir.rename(from, &to_directory.dir, to)?)
    }

    pub(crate) fn symlink(&self, target: &Path, path: &Path) -> Result<(), Errno> {
        self.require(DirPerms::MUTATE)?;
        Ok(self.dir.symlink(target, path)?)
    }

    pub(crate) fn read_link(&self, path: &Path) -> Result<PathBuf, Errno> {
        self.require(DirPerms::READ)?;
        Ok(self.dir.read_link(path)?)
    }

    pub(crate) fn remove_directory(&self, path: &Path) -> Result<(), Errno> {
        self.require(DirPerms::MUTATE)?;
        Ok(self.dir.remove_dir(without_slashes(path))?)
    }

    pub(crate) fn unlink_file(&self, path: &Path) -> Result<(), Errno> {
        self.require(DirPerms::MUTATE)?;
        Ok(self.dir.remove_file(path)?)
    }

    /// Hands the entries from a cookie on to a function, in the form that the guest wants.
    pub(crate) fn list<T>(&self, cookie: u64, show: impl FnOnce(&[u8]) -> T) -> Result<T, Errno> {
        self.require(DirPerms::READ)?;
        let mut listing = lock(&self.listing);
        // From the beginning, the directory is looked at again.
        let current = match listing.take() {
            Some(current) if cookie != 0 => current,
            _ => Listing::of(&self.dir)?,
        };
        Ok(show(listing.insert(current).from(cookie)))
    }
}

impl NewTime {
    fn spec(self) -> Option<SystemTimeSpec> {
        match self {
            NewTime::Keep => None,
            NewTime::Now => Some(SystemTimeSpec::SymbolicNow),
            NewTime::Nanos(nanos) => {
                let time = std::time::UNIX_EPOCH + std::time::Duration::from_nanos(nanos);
                Some(SystemTimeSpec::Absolute(cap_std::time::SystemTime::from_std(time)))
            }
        }
    }

    fn timespec(self) -> Timespec {
        match self {
            NewTime::Keep => Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
            NewTime::Now => Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW },
            NewTime::Nanos(nanos) => Timespec {
                // At most 2⁶⁴ nanoseconds are few seconds.
                tv_sec: (nanos / 1_000_000_000) as _,
                tv_nsec: (nanos % 1_000_000_000) as _,
            },
        }
    }
}

/// Sets the times of something that is open.
pub(crate) fn set_times(
    fd: std::os::fd::BorrowedFd<'_>,
    accessed: NewTime,
    modified: NewTime,
) -> Result<(), Errno> {
    let times =
        Timestamps { last_access: accessed.timespec(), last_modification: modified.timespec() };
    Ok(rustix::fs::futimens(fd, &times)?)
}

/// A directory that can be listed. Where the kernel does not resolve paths, [`cap_std`] opens some
/// directories only for looking things up in.
fn usable(dir: std::fs::File) -> Result<std::fs::File, Errno> {
    #[cfg(target_os = "linux")]
    if rustix::fs::fcntl_getfl(&dir)?.contains(OFlags::PATH) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        return Ok(rustix::fs::openat(&dir, ".", flags, rustix::fs::Mode::empty())?.into());
    }
    Ok(dir)
}

/// The path of a directory, which may end in slashes.
fn without_slashes(path: &Path) -> &Path {
    let bytes = path.as_os_str().as_bytes();
    let len = bytes.iter().rposition(|&byte| byte != b'/').map_or(bytes.len(), |last| last + 1);
    Path::new(std::ffi::OsStr::from_bytes(&bytes[..len]))
}

/// A path as the host knows it, from the guest's bytes.
///
/// # Errors
///
/// `ilseq` if it is not UTF-8, `inval` if there is a NUL in it, `noent` if it is empty.
pub(crate) fn guest_path(bytes: &[u8]) -> Result<&Path, Errno> {
    let text = std::str::from_utf8(bytes).map_err(|_| Errno::Ilseq)?;
    if text.contains('\0') {
        return Err(Errno::Inval);
    }
    if text.is_empty() {
        return Err(Errno::Noent);
    }
    Ok(Path::new(std::ffi::OsStr::from_bytes(bytes)))
}
