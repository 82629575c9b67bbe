//! Sockets: `sock_…`. A guest has those that it gets as standard streams, and what it accepts.

use std::fs;
use std::sync::Arc;

use rustix::event::PollFlags;
use rustix::net::{RecvFlags, SendFlags, Shutdown};

use crate::ctx::Context;
use crate::errno::{Errno, Fault, Outcome};
use crate::file::File;
use crate::guest::Guest;
use crate::pipe::lock;
use crate::rights::{Filetype, fdflag, right};
use crate::table::{Entry, Object};

/// Flags of `sock_recv`.
const PEEK: u32 = 1;
const WAIT_ALL: u32 = 2;

/// The flag in `sock_recv`'s result.
const TRUNCATED: u16 = 1;

/// The socket behind a descriptor.
fn socket(entry: &Entry) -> Result<&File, Errno> {
    match &*entry.object {
        Object::File(file)
            if matches!(file.filetype(), Filetype::SocketStream | Filetype::SocketDgram) =>
        {
            Ok(file)
        }
        _ => Err(Errno::Notsock),
    }
}

/// Repeats a call until it does not have to wait any more.
fn wait_for<R>(
    guest: &mut Guest<'_>,
    file: &File,
    events: PollFlags,
    mut call: impl FnMut(&mut Guest<'_>) -> Outcome<R>,
) -> Outcome<R> {
    loop {
        match call(guest) {
            Err(Fault::Errno(Errno::Again)) if file.flags() & fdflag::NONBLOCK == 0 => {
                file.wait(guest, events)?;
            }
            result => return result,
        }
    }
}

pub(crate) fn sock_accept(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    flags: u32,
    result: u32,
) -> Outcome {
    guest.check_u32(result)?;
    let entry = cx.get(fd, right::SOCK_ACCEPT)?;
    let file = socket(&entry)?;
    let flags = match u16::try_from(flags) {
        Ok(flags) if flags & !fdflag::NONBLOCK == 0 => flags,
        _ => return Err(Errno::Inval.into()),
    };
    // A socket that does not listen would be waited for without end.
    if file.filetype() == Filetype::SocketDgram {
        return Err(Errno::Notsup.into());
    }
    if !rustix::net::sockopt::socket_acceptconn(file.fd())? {
        return Err(Errno::Inval.into());
    }
    let connection = wait_for(guest, file, PollFlags::IN, |_| {
        // The listening socket is the host's too, so it must not be made one that never waits.
        if !file.is_ready(PollFlags::IN)? {
            return Err(Errno::Again.into());
        }
        Ok(rustix::io::retry_on_intr(|| rustix::net::accept(file.fd()))?)
    })?;
    rustix::io::ioctl_fionbio(&connection, true)?;
    let object = Object::File(File::accepted(fs::File::from(connection), flags));
    let entry = Entry {
        object: Arc::new(object),
        base: right::STREAM,
        inheriting: 0,
        allowed: right::ALL,
        preopen: None,
    };
    let fd = lock(&cx.table).insert(entry)?;
    guest.write_u32(result, fd)
}

#[expect(clippy::too_many_arguments, reason = "the function has so many")]
pub(crate) fn sock_recv(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    flags: u32,
    len_result: u32,
    flags_result: u32,
) -> Outcome {
    let mut buffers = guest.buffers(iovs, iovs_len)?;
    guest.check_u32(len_result)?;
    guest.check(flags_result, 2)?;
    let entry = cx.get(fd, right::FD_READ)?;
    let file = socket(&entry)?;
    if flags & !(PEEK | WAIT_ALL) != 0 {
        return Err(Errno::Inval.into());
    }
    let is_datagram = file.filetype() == Filetype::SocketDgram;
    let mut recv_flags = RecvFlags::DONTWAIT;
    recv_flags.set(RecvFlags::PEEK, flags & PEEK != 0);
    recv_flags.set(RecvFlags::TRUNC, is_datagram);
    let wants_all = flags & WAIT_ALL != 0 && flags & PEEK == 0 && !is_datagram;
    let (mut done, mut truncated) = (0_usize, false);
    loop {
        let received = wait_for(guest, file, PollFlags::IN, |guest| {
            guest.fill_buffers(&buffers, |slices| {
                let Some(first) = slices.first_mut() else { return Ok(0) };
                let room = first.len();
                let (len, full) = rustix::io::retry_on_intr(|| {
                    rustix::net::recv(file.fd(), &mut first[..], recv_flags)
                })?;
                truncated = full > room;
                Ok(len)
            })
        });
        match received {
            Ok((len, _)) => {
                done += len;
                if !wants_all || len == 0 {
                    break;
                }
                buffers.advance(guest, len)?;
            }
            Err(Fault::Errno(_)) if done > 0 => break,
            Err(fault) => return Err(fault),
        }
    }
    // All lengths together have 32 bits.
    guest.write_u32(len_result, done as u32)?;
    let flags = if truncated { TRUNCATED } else { 0 };
    guest.write(flags_result, &flags.to_le_bytes())
}

pub(crate) fn sock_send(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    flags: u32,
    result: u32,
) -> Outcome {
    let mut buffers = guest.buffers(iovs, iovs_len)?;
    guest.check_u32(result)?;
    let entry = cx.get(fd, right::FD_WRITE)?;
    let file = socket(&entry)?;
    if flags != 0 {
        // There are none.
        return Err(Errno::Inval.into());
    }
    let send_flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    let mut done = 0_usize;
    loop {
        let sent = wait_for(guest, file, PollFlags::OUT, |guest| {
            guest.take_buffers(&buffers, |slices| {
                let Some(first) = slices.first() else { return Ok(0) };
                let send = || rustix::net::send(file.fd(), first, send_flags);
                Ok(rustix::io::retry_on_intr(send)?)
            })
        });
        match sent {
            Ok((0, _)) => break,
            Ok((len, _)) => {
                done += len;
                buffers.advance(guest, len)?;
            }
            Err(Fault::Errno(_)) if done > 0 => break,
            Err(fault) => return Err(fault),
        }
    }
    guest.write_u32(result, done as u32)
}

pub(crate) fn sock_shutdown(cx: &Context, _guest: &mut Guest<'_>, fd: u32, how: u32) -> Outcome {
    let entry = cx.get(fd, right::SOCK_SHUTDOWN)?;
    let file = socket(&entry)?;
    let how = match how {
        1 => Shutdown::Read,
        2 => Shutdown::Write,
        3 => Shutdown::Both,
        _ => return Err(Errno::Inval.into()),
    };
    rustix::net::shutdown(file.fd(), how)?;
    Ok(())
}
