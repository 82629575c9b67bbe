//! Descriptors: `fd_…`.

use std::num::NonZeroU64;

use rustix::fs::{Advice, FallocateFlags, SeekFrom};

use crate::ctx::Context;
use crate::dir::{NewTime, set_times};
use crate::errno::{Errno, Fault, Outcome};
use crate::file::File;
use crate::filestat::Filestat;
use crate::guest::Guest;
use crate::pipe::lock;
use crate::rights::{Filetype, fdflag, fstflag, right};
use crate::table::{Entry, Object};

pub(crate) fn fd_advise(
    cx: &Context,
    _guest: &mut Guest<'_>,
    fd: u32,
    offset: u64,
    len: u64,
    advice: u32,
) -> Outcome {
    let entry = cx.get(fd, right::FD_ADVISE)?;
    let advice = match advice {
        0 => Advice::Normal,
        1 => Advice::Sequential,
        2 => Advice::Random,
        3 => Advice::WillNeed,
        4 => Advice::DontNeed,
        5 => Advice::NoReuse,
        _ => return Err(Errno::Inval.into()),
    };
    if i64::try_from(offset).is_err() || i64::try_from(len).is_err() {
        return Err(Errno::Inval.into());
    }
    rustix::fs::fadvise(entry.file()?.fd(), offset, NonZeroU64::new(len), advice)?;
    Ok(())
}

pub(crate) fn fd_allocate(
    cx: &Context,
    _guest: &mut Guest<'_>,
    fd: u32,
    offset: u64,
    len: u64,
) -> Outcome {
    let entry = cx.get(fd, right::FD_ALLOCATE)?;
    let file = entry.file()?;
    let end = offset.checked_add(len).filter(|&end| i64::try_from(end).is_ok());
    let Some(end) = end else { return Err(Errno::Fbig.into()) };
    if len == 0 {
        return Err(Errno::Inval.into());
    }
    if !file.is_writable() {
        return Err(Errno::Badf.into());
    }
    match rustix::fs::fallocate(file.fd(), FallocateFlags::empty(), offset, len) {
        // Not all file systems can; the size is what programs rely on.
        Err(rustix::io::Errno::OPNOTSUPP) if file.filetype() == Filetype::RegularFile => {
            let size = rustix::fs::fstat(file.fd())?.st_size;
            if u64::try_from(size).unwrap_or(0) < end {
                rustix::fs::ftruncate(file.fd(), end)?;
            }
            Ok(())
        }
        result => Ok(result?),
    }
}

pub(crate) fn fd_close(cx: &Context, _guest: &mut Guest<'_>, fd: u32) -> Outcome {
    // What closing comes to is for the host: the number is free in any case.
    let entry = lock(&cx.table).remove(fd)?;
    drop(entry);
    Ok(())
}

pub(crate) fn fd_datasync(cx: &Context, _guest: &mut Guest<'_>, fd: u32) -> Outcome {
    let entry = cx.get(fd, right::FD_DATASYNC)?;
    match &*entry.object {
        Object::File(file) => rustix::fs::fdatasync(file.fd())?,
        Object::Directory(directory) => rustix::fs::fdatasync(directory.fd())?,
        Object::Input(_) | Object::Output(_) => return Err(Errno::Inval.into()),
    }
    Ok(())
}

pub(crate) fn fd_sync(cx: &Context, _guest: &mut Guest<'_>, fd: u32) -> Outcome {
    let entry = cx.get(fd, right::FD_SYNC)?;
    match &*entry.object {
        Object::File(file) => rustix::fs::fsync(file.fd())?,
        Object::Directory(directory) => rustix::fs::fsync(directory.fd())?,
        Object::Input(_) | Object::Output(_) => return Err(Errno::Inval.into()),
    }
    Ok(())
}

pub(crate) fn fd_fdstat_get(cx: &Context, guest: &mut Guest<'_>, fd: u32, result: u32) -> Outcome {
    guest.check(result, 24)?;
    let entry = cx.get(fd, 0)?;
    let (filetype, flags) = match &*entry.object {
        Object::File(file) => (file.filetype(), file.flags()),
        Object::Directory(_) => (Filetype::Directory, 0),
        Object::Input(_) | Object::Output(_) => (Filetype::Unknown, 0),
    };
    let mut bytes = [0; 24];
    bytes[0] = filetype as u8;
    bytes[2..4].copy_from_slice(&flags.to_le_bytes());
    bytes[8..16].copy_from_slice(&entry.base.to_le_bytes());
    bytes[16..24].copy_from_slice(&entry.inheriting.to_le_bytes());
    guest.write(result, &bytes)
}

pub(crate) fn fd_fdstat_set_flags(
    cx: &Context,
    _guest: &mut Guest<'_>,
    fd: u32,
    flags: u32,
) -> Outcome {
    let entry = cx.get(fd, right::FD_FDSTAT_SET_FLAGS)?;
    let flags = u16::try_from(flags).map_err(|_| Errno::Inval)?;
    match &*entry.object {
        Object::File(file) => Ok(file.set_flags(flags)?),
        // They have no flags that could be set.
        _ if flags & !fdflag::ALL != 0 => Err(Errno::Inval.into()),
        _ if flags == 0 => Ok(()),
        Object::Directory(_) => Err(Errno::Badf.into()),
        Object::Input(_) | Object::Output(_) => Err(Errno::Notsup.into()),
    }
}

pub(crate) fn fd_fdstat_set_rights(
    cx: &Context,
    _guest: &mut Guest<'_>,
    fd: u32,
    base: u64,
    inheriting: u64,
) -> Outcome {
    Ok(lock(&cx.table).get_mut(fd)?.set_rights(base, inheriting)?)
}

/// The attributes of what is open.
pub(crate) fn filestat(cx: &Context, fd: u32) -> Result<Filestat, Errno> {
    let entry = cx.get(fd, right::FD_FILESTAT_GET)?;
    Ok(match &*entry.object {
        Object::File(file) => Filestat::of_file(&rustix::fs::fstat(file.fd())?, file.filetype()),
        Object::Directory(directory) => directory.filestat()?,
        Object::Input(_) | Object::Output(_) => Filestat::of_stream(),
    })
}

pub(crate) fn fd_filestat_get(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    result: u32,
) -> Outcome {
    guest.check(result, 64)?;
    let filestat = filestat(cx, fd)?;
    guest.write(result, &filestat.preview1())
}

pub(crate) fn fd_filestat_set_size(
    cx: &Context,
    _guest: &mut Guest<'_>,
    fd: u32,
    size: u64,
) -> Outcome {
    let entry = cx.get(fd, right::FD_FILESTAT_SET_SIZE)?;
    let file = entry.file()?;
    if !file.is_writable() {
        // What `ftruncate` says of a file that is open for reading only.
        return Err(Errno::Inval.into());
    }
    if i64::try_from(size).is_err() {
        return Err(Errno::Inval.into());
    }
    rustix::fs::ftruncate(file.fd(), size)?;
    Ok(())
}

/// The times to set, from the flags that say which.
pub(crate) fn new_times(
    accessed: u64,
    modified: u64,
    flags: u32,
) -> Result<(NewTime, NewTime), Errno> {
    let flags = u16::try_from(flags).map_err(|_| Errno::Inval)?;
    if flags & !fstflag::ALL != 0 {
        return Err(Errno::Inval);
    }
    let time = |given, now, nanos| match (flags & given != 0, flags & now != 0) {
        (false, false) => Ok(NewTime::Keep),
        (true, false) => Ok(NewTime::Nanos(nanos)),
        (false, true) => Ok(NewTime::Now),
        (true, true) => Err(Errno::Inval),
    };
    Ok((
        time(fstflag::ATIM, fstflag::ATIM_NOW, accessed)?,
        time(fstflag::MTIM, fstflag::MTIM_NOW, modified)?,
    ))
}

pub(crate) fn fd_filestat_set_times(
    cx: &Context,
    _guest: &mut Guest<'_>,
    fd: u32,
    accessed: u64,
    modified: u64,
    flags: u32,
) -> Outcome {
    let entry = cx.get(fd, right::FD_FILESTAT_SET_TIMES)?;
    let (accessed, modified) = new_times(accessed, modified, flags)?;
    match &*entry.object {
        Object::File(file) => {
            file.require_mutable()?;
            set_times(file.fd(), accessed, modified)?;
        }
        Object::Directory(directory) => {
            directory.require_mutable()?;
            set_times(directory.fd(), accessed, modified)?;
        }
        Object::Input(_) | Object::Output(_) => return Err(Errno::Badf.into()),
    }
    Ok(())
}

pub(crate) fn fd_read(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    result: u32,
) -> Outcome {
    let buffers = guest.buffers(iovs, iovs_len)?;
    guest.check_u32(result)?;
    let entry = cx.get(fd, right::FD_READ)?;
    let len = match &*entry.object {
        Object::File(file) => file.read(guest, buffers, None)?,
        Object::Input(input) => input.read(guest, &buffers)?,
        Object::Output(_) => return Err(Errno::Badf.into()),
        Object::Directory(_) => return Err(Errno::Isdir.into()),
    };
    guest.write_u32(result, len)
}

pub(crate) fn fd_write(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    result: u32,
) -> Outcome {
    let buffers = guest.buffers(iovs, iovs_len)?;
    guest.check_u32(result)?;
    let entry = cx.get(fd, right::FD_WRITE)?;
    let len = match &*entry.object {
        Object::File(file) => file.write(guest, buffers, None)?,
        Object::Output(output) => output.write(guest, buffers)?,
        Object::Input(_) | Object::Directory(_) => return Err(Errno::Badf.into()),
    };
    guest.write_u32(result, len)
}

/// A file that can be read or written at a position.
fn positioned(entry: &Entry, offset: u64) -> Result<&File, Errno> {
    let file = entry.file()?;
    if !file.is_seekable() {
        return Err(Errno::Spipe);
    }
    if i64::try_from(offset).is_err() {
        return Err(Errno::Inval);
    }
    Ok(file)
}

pub(crate) fn fd_pread(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    offset: u64,
    result: u32,
) -> Outcome {
    let buffers = guest.buffers(iovs, iovs_len)?;
    guest.check_u32(result)?;
    let entry = cx.get(fd, right::FD_READ | right::FD_SEEK)?;
    if matches!(&*entry.object, Object::Directory(_)) {
        return Err(Errno::Isdir.into());
    }
    let len = positioned(&entry, offset)?.read(guest, buffers, Some(offset))?;
    guest.write_u32(result, len)
}

pub(crate) fn fd_pwrite(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    offset: u64,
    result: u32,
) -> Outcome {
    let buffers = guest.buffers(iovs, iovs_len)?;
    guest.check_u32(result)?;
    let entry = cx.get(fd, right::FD_WRITE | right::FD_SEEK)?;
    let len = positioned(&entry, offset)?.write(guest, buffers, Some(offset))?;
    guest.write_u32(result, len)
}

/// The name of a directory that the guest was given.
fn preopen_name(cx: &Context, fd: u32) -> Result<std::sync::Arc<[u8]>, Errno> {
    cx.get(fd, 0)?.preopen.ok_or(Errno::Badf)
}

pub(crate) fn fd_prestat_get(cx: &Context, guest: &mut Guest<'_>, fd: u32, result: u32) -> Outcome {
    guest.check(result, 8)?;
    let name = preopen_name(cx, fd)?;
    let len = u32::try_from(name.len()).map_err(|_| Errno::Overflow)?;
    // A directory is the only kind there is.
    guest.write_u32(result, 0)?;
    guest.write_u32(result + 4, len)
}

pub(crate) fn fd_prestat_dir_name(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    path: u32,
    path_len: u32,
) -> Outcome {
    guest.check(path, path_len.into())?;
    let name = preopen_name(cx, fd)?;
    if name.len() > path_len as usize {
        return Err(Errno::Nametoolong.into());
    }
    guest.write(path, &name)
}

pub(crate) fn fd_readdir(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    buf: u32,
    buf_len: u32,
    cookie: u64,
    result: u32,
) -> Outcome {
    guest.check(buf, buf_len.into())?;
    guest.check_u32(result)?;
    let entry = cx.get(fd, right::FD_READDIR)?;
    let len = entry.directory()?.list(cookie, |entries| {
        let len = entries.len().min(buf_len as usize);
        guest.write(buf, &entries[..len])?;
        Ok::<_, Fault>(len)
    })??;
    // No more than the length of the buffer.
    guest.write_u32(result, len as u32)
}

pub(crate) fn fd_renumber(cx: &Context, _guest: &mut Guest<'_>, from: u32, to: u32) -> Outcome {
    Ok(lock(&cx.table).renumber(from, to)?)
}

/// From where an offset counts.
#[derive(Clone, Copy)]
pub(crate) enum Whence {
    Start,
    Current,
    End,
}

pub(crate) fn seek(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    offset: i64,
    whence: Option<Whence>,
    result: u32,
) -> Outcome {
    guest.check_u64(result)?;
    // Just asking needs less.
    let asks = offset == 0 && matches!(whence, Some(Whence::Current));
    let entry = cx.get(fd, if asks { right::FD_TELL } else { right::FD_SEEK })?;
    let file = entry.file()?;
    let position = match whence.ok_or(Errno::Inval)? {
        Whence::Start => SeekFrom::Start(u64::try_from(offset).map_err(|_| Errno::Inval)?),
        Whence::Current => SeekFrom::Current(offset),
        Whence::End => SeekFrom::End(offset),
    };
    if !file.is_seekable() {
        return Err(Errno::Spipe.into());
    }
    let position = rustix::fs::seek(file.fd(), position)?;
    guest.write_u64(result, position)
}

pub(crate) fn fd_seek(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    offset: i64,
    whence: u32,
    result: u32,
) -> Outcome {
    let whence = match whence {
        0 => Some(Whence::Start),
        1 => Some(Whence::Current),
        2 => Some(Whence::End),
        _ => None,
    };
    seek(cx, guest, fd, offset, whence, result)
}

pub(crate) fn fd_tell(cx: &Context, guest: &mut Guest<'_>, fd: u32, result: u32) -> Outcome {
    seek(cx, guest, fd, 0, Some(Whence::Current), result)
}
