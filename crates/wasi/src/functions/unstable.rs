//! What `wasi_unstable` has in another form than `wasi_snapshot_preview1`.

use crate::ctx::Context;
use crate::errno::Outcome;
use crate::functions::fd::{self, Whence, seek};
use crate::functions::path;
use crate::functions::poll::{UNSTABLE, poll_all};
use crate::guest::Guest;

pub(crate) fn fd_filestat_get(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    result: u32,
) -> Outcome {
    guest.check(result, 56)?;
    let filestat = fd::filestat(cx, fd)?;
    guest.write(result, &filestat.unstable())
}

/// The numbers of what an offset counts from are in another order.
pub(crate) fn fd_seek(
    cx: &Context,
    guest: &mut Guest<'_>,
    fd: u32,
    offset: i64,
    whence: u32,
    result: u32,
) -> Outcome {
    let whence = match whence {
        0 => Some(Whence::Current),
        1 => Some(Whence::End),
        2 => Some(Whence::Start),
        _ => None,
    };
    seek(cx, guest, fd, offset, whence, result)
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
    guest.check(result, 56)?;
    let filestat = path::filestat(cx, guest, fd, flags, path, path_len)?;
    guest.write(result, &filestat.unstable())
}

pub(crate) fn poll_oneoff(
    cx: &Context,
    guest: &mut Guest<'_>,
    subscriptions: u32,
    events: u32,
    count: u32,
    result: u32,
) -> Outcome {
    poll_all(cx, guest, &UNSTABLE, subscriptions, events, count, result)
}
