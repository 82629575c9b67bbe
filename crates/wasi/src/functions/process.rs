//! Arguments, environment, clocks, random numbers, and the end.

use lineal::Error;

use crate::I32Exit;
use crate::ctx::Context;
use crate::errno::{Errno, Fault, Outcome};
use crate::guest::Guest;
use crate::pipe::lock;

/// The clocks' numbers. Those of the processor's time are not supported.
pub(crate) const REALTIME: u32 = 0;
pub(crate) const MONOTONIC: u32 = 1;

pub(crate) fn args_get(cx: &Context, guest: &mut Guest<'_>, argv: u32, bytes: u32) -> Outcome {
    strings_get(&cx.args, guest, argv, bytes)
}

pub(crate) fn args_sizes_get(
    cx: &Context,
    guest: &mut Guest<'_>,
    count: u32,
    size: u32,
) -> Outcome {
    strings_sizes_get(&cx.args, guest, count, size)
}

pub(crate) fn environ_get(cx: &Context, guest: &mut Guest<'_>, environ: u32, buf: u32) -> Outcome {
    strings_get(&cx.env, guest, environ, buf)
}

pub(crate) fn environ_sizes_get(
    cx: &Context,
    guest: &mut Guest<'_>,
    count: u32,
    size: u32,
) -> Outcome {
    strings_sizes_get(&cx.env, guest, count, size)
}

/// The number of strings, and the size of all of them with a NUL each.
fn sizes(strings: &[Vec<u8>]) -> Result<(u32, u32), Errno> {
    let bytes: usize = strings.iter().map(|string| string.len() + 1).sum();
    let count = u32::try_from(strings.len()).map_err(|_| Errno::Overflow)?;
    Ok((count, u32::try_from(bytes).map_err(|_| Errno::Overflow)?))
}

fn strings_sizes_get(
    strings: &[Vec<u8>],
    guest: &mut Guest<'_>,
    count_addr: u32,
    size_addr: u32,
) -> Outcome {
    guest.check_u32(count_addr)?;
    guest.check_u32(size_addr)?;
    let (count, size) = sizes(strings)?;
    guest.write_u32(count_addr, count)?;
    guest.write_u32(size_addr, size)
}

fn strings_get(
    strings: &[Vec<u8>],
    guest: &mut Guest<'_>,
    mut pointer_addr: u32,
    mut addr: u32,
) -> Outcome {
    let (count, size) = sizes(strings)?;
    guest.check(pointer_addr, u64::from(count) * 4)?;
    guest.check(addr, size.into())?;
    for string in strings {
        guest.write_u32(pointer_addr, addr)?;
        guest.write(addr, string)?;
        // One past the last address of 2³² is written to by nobody.
        addr = addr.wrapping_add(string.len() as u32);
        guest.write(addr, &[0])?;
        addr = addr.wrapping_add(1);
        pointer_addr = pointer_addr.wrapping_add(4);
    }
    Ok(())
}

pub(crate) fn clock_res_get(cx: &Context, guest: &mut Guest<'_>, id: u32, result: u32) -> Outcome {
    guest.check_u64(result)?;
    let nanos = match id {
        REALTIME => u64::try_from(cx.wall_clock.resolution().as_nanos()),
        MONOTONIC => Ok(cx.monotonic_clock.resolution()),
        _ => return Err(Errno::Inval.into()),
    };
    guest.write_u64(result, nanos.map_err(|_| Errno::Overflow)?)
}

pub(crate) fn clock_time_get(
    cx: &Context,
    guest: &mut Guest<'_>,
    id: u32,
    _precision: u64,
    result: u32,
) -> Outcome {
    guest.check_u64(result)?;
    let nanos = now(cx, id)?;
    guest.write_u64(result, nanos)
}

/// The time of a clock in nanoseconds.
pub(crate) fn now(cx: &Context, id: u32) -> Result<u64, Errno> {
    match id {
        REALTIME => u64::try_from(cx.wall_clock.now().as_nanos()).map_err(|_| Errno::Overflow),
        MONOTONIC => Ok(cx.monotonic_clock.now()),
        _ => Err(Errno::Inval),
    }
}

pub(crate) fn random_get(cx: &Context, guest: &mut Guest<'_>, addr: u32, len: u32) -> Outcome {
    guest.fill(addr, len, |bytes| lock(&cx.random).fill(bytes))
}

pub(crate) fn sched_yield(_cx: &Context, guest: &mut Guest<'_>) -> Outcome {
    std::thread::yield_now();
    guest.check_time()?;
    Ok(())
}

/// Signals are not part of preview 1's hosts.
pub(crate) fn proc_raise(_cx: &Context, _guest: &mut Guest<'_>, _signal: u32) -> Outcome {
    Err(Errno::Notsup.into())
}

/// Ends the guest.
pub(crate) fn proc_exit(status: u32) -> Error {
    Error::new(I32Exit(status as i32))
}

/// Says how a call ended: with a number for the guest, or with its end.
pub(crate) fn finish(outcome: Outcome) -> lineal::Result<i32> {
    match outcome {
        Ok(()) => Ok(0),
        Err(Fault::Errno(errno)) => Ok(errno as i32),
        Err(Fault::Stop(error)) => Err(error),
    }
}
