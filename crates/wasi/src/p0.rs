//! Preview 0: the functions of `wasi_unstable`, which programs from before 2020 import.

use lineal::{Linker, Result};

use crate::p1::WasiP1Ctx;

/// Defines all functions of `wasi_unstable`, as
/// [`p1::add_to_linker_sync`](crate::p1::add_to_linker_sync) does those of `wasi_snapshot_preview1`.
///
/// # Errors
///
/// If one of them is defined already and the linker does not allow shadowing.
pub fn add_to_linker_sync<T: 'static>(
    linker: &mut Linker<T>,
    get_cx: impl Fn(&mut T) -> &mut WasiP1Ctx + Send + Sync + Copy + 'static,
) -> Result<()> {
    crate::p1::add_unstable(linker, get_cx)?;
    crate::p1::add_unstable_poll(linker, get_cx)
}

/// The same for asynchronous calls, as [`p1::add_to_linker_async`](crate::p1::add_to_linker_async).
///
/// # Errors
///
/// If one of them is defined already and the linker does not allow shadowing.
#[cfg(feature = "async")]
pub fn add_to_linker_async<T: Send + 'static>(
    linker: &mut Linker<T>,
    get_cx: impl Fn(&mut T) -> &mut WasiP1Ctx + Send + Sync + Copy + 'static,
) -> Result<()> {
    use crate::functions::poll::UNSTABLE;
    crate::p1::add_unstable(linker, get_cx)?;
    crate::waiting::add_poll(linker, "wasi_unstable", &UNSTABLE, get_cx)
}
