//! Paths: `path_…`.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::ctx::Context;
use crate::dir::{Directory, Opening, guest_path};
use crate::errno::{Errno, Outcome};
use crate::file::SLICE;
use crate::filestat::Filestat;
use crate::functions::fd::new_times;
use crate::guest::Guest;
use crate::pipe::lock;
use crate::rights::{fdflag, lookup, oflag, right};
use crate::table::{Entry, Object, sensible};

/// Whether a lookup follows a link at the path's end.
fn follows(flags: u32) -> Result<bool, Errno> {
    if flags & !lookup::SYMLINK_FOLLOW != 0 {
        return Err(Errno::Inval);
    }
    Ok(flags & lookup::SYMLINK_FOLLOW != 0)
}

pub(crate) fn path_create_directory(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    path: u32,
    path_len: u32,
) -> Outcome {
    let path = guest.read_vec(path, path_len)?;
    let entry = cx.get(fd, right::PATH_CREATE_DIRECTORY)?;
    Ok(entry.directory()?.create_directory(guest_path(&path)?)?)
}

/// The attributes of what is at a path.
pub(crate) fn filestat(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    flags: u32,
    path: u32,
    path_len: u32,
) -> Outcome<Filestat> {
    let path = guest.read_vec(path, path_len)?;
    let entry = cx.get(fd, right::PATH_FILESTAT_GET)?;
    Ok(entry.directory()?.path_filestat(guest_path(&path)?, follows(flags)?)?)
}

pub(crate) fn path_filestat_get(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    flags: u32,
    path: u32,
    path_len: u32,
    result: u32,
) -> Outcome {
    guest.check(result, 64)?;
    let filestat = filestat(cx, guest, fd, flags, path, path_len)?;
    guest.write(result, &filestat.preview1())
}

#[expect(clippy::too_many_arguments, reason = "the function has so many")]
pub(crate) fn path_filestat_set_times(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    flags: u32,
    path: u32,
    path_len: u32,
    accessed: u64,
    modified: u64,
    fst_flags: u32,
) -> Outcome {
    let path = guest.read_vec(path, path_len)?;
    let entry = cx.get(fd, right::PATH_FILESTAT_SET_TIMES)?;
    let (accessed, modified) = new_times(accessed, modified, fst_flags)?;
    let follow = follows(flags)?;
    Ok(entry.directory()?.path_set_times(guest_path(&path)?, follow, accessed, modified)?)
}

#[expect(clippy::too_many_arguments, reason = "the function has so many")]
pub(crate) fn path_link(
    cx: &Context,
    guest: &mut Guest<'_>,
    old_fd: u32,
    old_flags: u32,
    old_path: u32,
    old_path_len: u32,
    new_fd: u32,
    new_path: u32,
    new_path_len: u32,
) -> Outcome {
    let old_path = guest.read_vec(old_path, old_path_len)?;
    let new_path = guest.read_vec(new_path, new_path_len)?;
    let old = cx.get(old_fd, right::PATH_LINK_SOURCE)?;
    let new = cx.get(new_fd, right::PATH_LINK_TARGET)?;
    if follows(old_flags)? {
        // The link is made of what the path names, and that is the symbolic link.
        return Err(Errno::Inval.into());
    }
    let (old_path, new_path) = (guest_path(&old_path)?, guest_path(&new_path)?);
    Ok(old.directory()?.link(old_path, new.directory()?, new_path)?)
}

#[expect(clippy::too_many_arguments, reason = "the function has so many")]
pub(crate) fn path_open(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    dirflags: u32,
    path: u32,
    path_len: u32,
    oflags: u32,
    base: u64,
    inheriting: u64,
    fdflags: u32,
    result: u32,
) -> Outcome {
    let path = guest.read_vec(path, path_len)?;
    guest.check_u32(result)?;
    let flags = |flags: u32, all: u16| match u16::try_from(flags) {
        Ok(flags) if flags & !all == 0 => Ok(flags),
        _ => Err(Errno::Inval),
    };
    let (oflags, fdflags) = (flags(oflags, oflag::ALL)?, flags(fdflags, fdflag::ALL)?);
    let mut needed = right::PATH_OPEN;
    if oflags & oflag::CREAT != 0 {
        needed |= right::PATH_CREATE_FILE;
    }
    if oflags & oflag::TRUNC != 0 {
        needed |= right::PATH_FILESTAT_SET_SIZE;
    }
    let parent = cx.get(fd, needed)?;
    let directory = parent.directory()?;
    // Bits that are no rights are no harm.
    let (base, inheriting) = (base & right::ALL, inheriting & right::ALL);
    if (base | inheriting) & !parent.inheriting != 0 {
        return Err(Errno::Notcapable.into());
    }
    let opening = Opening {
        follow: follows(dirflags)?,
        oflags,
        fdflags,
        read: base & right::READS != 0,
        write: base & right::WRITES != 0,
    };
    let object = open(guest, directory, guest_path(&path)?, opening)?;
    let entry = Entry {
        base: sensible(base, &object),
        inheriting: match (&object, inheriting) {
            // Programs for hosts without rights ask for none.
            (Object::Directory(_), 0) => parent.inheriting,
            (Object::Directory(_), inheriting) => inheriting,
            _ => 0,
        },
        allowed: parent.inheriting,
        object: Arc::new(object),
        preopen: None,
    };
    let fd = lock(&cx.table).insert(entry)?;
    guest.write_u32(result, fd)
}

/// Opens what is at a path. To write to a named pipe, somebody must read it; the guest waits for
/// that unless it says that it does not want to.
fn open(
    guest: &mut Guest<'_>,
    directory: &Directory,
    path: &Path,
    opening: Opening,
) -> Outcome<Object> {
    loop {
        match directory.open(path, opening) {
            Err(Errno::Nxio)
                if opening.fdflags & fdflag::NONBLOCK == 0
                    && directory.path_filestat(path, opening.follow)?.is_pipe() =>
            {
                guest.check_time_waiting()?;
                std::thread::sleep(SLICE);
            }
            result => return Ok(result?),
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "the function has so many")]
pub(crate) fn path_readlink(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    path: u32,
    path_len: u32,
    buf: u32,
    buf_len: u32,
    result: u32,
) -> Outcome {
    let path = guest.read_vec(path, path_len)?;
    guest.check(buf, buf_len.into())?;
    guest.check_u32(result)?;
    let entry = cx.get(fd, right::PATH_READLINK)?;
    let target = entry.directory()?.read_link(guest_path(&path)?)?;
    let target = target.as_os_str().as_bytes();
    // As much as there is room for, like the function of Unix.
    let len = target.len().min(buf_len as usize);
    guest.write(buf, &target[..len])?;
    guest.write_u32(result, len as u32)
}

pub(crate) fn path_remove_directory(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    path: u32,
    path_len: u32,
) -> Outcome {
    let path = guest.read_vec(path, path_len)?;
    let entry = cx.get(fd, right::PATH_REMOVE_DIRECTORY)?;
    Ok(entry.directory()?.remove_directory(guest_path(&path)?)?)
}

#[expect(clippy::too_many_arguments, reason = "the function has so many")]
pub(crate) fn path_rename(
    cx: &Context,
    guest: &mut Guest<'_>,
    old_fd: u32,
    old_path: u32,
    old_path_len: u32,
    new_fd: u32,
    new_path: u32,
    new_path_len: u32,
) -> Outcome {
    let old_path = guest.read_vec(old_path, old_path_len)?;
    let new_path = guest.read_vec(new_path, new_path_len)?;
    let old = cx.get(old_fd, right::PATH_RENAME_SOURCE)?;
    let new = cx.get(new_fd, right::PATH_RENAME_TARGET)?;
    let (old_path, new_path) = (guest_path(&old_path)?, guest_path(&new_path)?);
    Ok(old.directory()?.rename(old_path, new.directory()?, new_path)?)
}

pub(crate) fn path_symlink(
    cx: &Context,
    guest: &mut Guest<'_>,
    target: u32,
    target_len: u32,
    fd: u32,
    path: u32,
    path_len: u32,
) -> Outcome {
    let target = guest.read_vec(target, target_len)?;
    let path = guest.read_vec(path, path_len)?;
    let entry = cx.get(fd, right::PATH_SYMLINK)?;
    // Where the link leads is looked at when it is followed; only absolute paths are refused.
    let target: &Path = guest_path(&target)?;
    Ok(entry.directory()?.symlink(target, guest_path(&path)?)?)
}

pub(crate) fn path_unlink_file(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    path: u32,
    path_len: u32,
) -> Outcome {
    let path = guest.read_vec(path, path_len)?;
    let entry = cx.get(fd, right::PATH_UNLINK_FILE)?;
    Ok(entry.directory()?.unlink_file(guest_path(&path)?)?)
}
