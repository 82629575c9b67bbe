//! The functions of `wasi_snapshot_preview1`: [`wasi_common`]'s, with the guest's memory.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use lineal::{Caller, Error, Extern, Linker, Result};
use wasi_common::snapshots::preview_1::wasi_snapshot_preview1 as wasi;
use wasi_common::{I32Exit, WasiCtx};
use wiggle::GuestMemory;

/// The name that guests import from.
const MODULE: &str = "wasi_snapshot_preview1";

/// Defines functions that are called with the context and the guest's memory first.
macro_rules! define {
    ($linker:ident, $get_cx:ident: $($name:ident($($arg:ident: $ty:ident),*) -> $result:ty;)*) => {$(
        $linker.func_wrap(
            MODULE,
            stringify!($name),
            move |mut caller: Caller<'_, T>, $($arg: $ty),*| -> Result<$result> {
                match caller.get_export("memory") {
                    Some(Extern::Memory(memory)) => {
                        let (bytes, data) = memory.data_and_store_mut(&mut caller);
                        let mut memory = GuestMemory::Unshared(bytes);
                        run(wasi::$name($get_cx(data), &mut memory, $($arg),*))
                    }
                    Some(Extern::SharedMemory(memory)) => {
                        let mut memory = GuestMemory::Shared(memory.data());
                        run(wasi::$name($get_cx(caller.data_mut()), &mut memory, $($arg),*))
                    }
                    _ => Err(Error::msg("the guest does not export a memory as `memory`")),
                }
            },
        )?;
    )*};
}

/// Defines all functions of WASI preview 1; `get_cx` finds the context in the store's value.
///
/// # Errors
///
/// If one of them is defined already and the linker does not allow shadowing.
///
/// What the functions do in a guest that exports no memory is an error. `proc_exit` stops the
/// guest with an [`I32Exit`], which holds the exit code.
pub fn add_to_linker<T>(
    linker: &mut Linker<T>,
    get_cx: impl Fn(&mut T) -> &mut WasiCtx + Send + Sync + Copy + 'static,
) -> Result<()> {
    define! { linker, get_cx:
        args_get(a: i32, b: i32) -> i32;
        args_sizes_get(a: i32, b: i32) -> i32;
        clock_res_get(a: i32, b: i32) -> i32;
        clock_time_get(a: i32, b: i64, c: i32) -> i32;
        environ_get(a: i32, b: i32) -> i32;
        environ_sizes_get(a: i32, b: i32) -> i32;
        fd_advise(a: i32, b: i64, c: i64, d: i32) -> i32;
        fd_allocate(a: i32, b: i64, c: i64) -> i32;
        fd_close(a: i32) -> i32;
        fd_datasync(a: i32) -> i32;
        fd_fdstat_get(a: i32, b: i32) -> i32;
        fd_fdstat_set_flags(a: i32, b: i32) -> i32;
        fd_fdstat_set_rights(a: i32, b: i64, c: i64) -> i32;
        fd_filestat_get(a: i32, b: i32) -> i32;
        fd_filestat_set_size(a: i32, b: i64) -> i32;
        fd_filestat_set_times(a: i32, b: i64, c: i64, d: i32) -> i32;
        fd_pread(a: i32, b: i32, c: i32, d: i64, e: i32) -> i32;
        fd_prestat_dir_name(a: i32, b: i32, c: i32) -> i32;
        fd_prestat_get(a: i32, b: i32) -> i32;
        fd_pwrite(a: i32, b: i32, c: i32, d: i64, e: i32) -> i32;
        fd_read(a: i32, b: i32, c: i32, d: i32) -> i32;
        fd_readdir(a: i32, b: i32, c: i32, d: i64, e: i32) -> i32;
        fd_renumber(a: i32, b: i32) -> i32;
        fd_seek(a: i32, b: i64, c: i32, d: i32) -> i32;
        fd_sync(a: i32) -> i32;
        fd_tell(a: i32, b: i32) -> i32;
        fd_write(a: i32, b: i32, c: i32, d: i32) -> i32;
        path_create_directory(a: i32, b: i32, c: i32) -> i32;
        path_filestat_get(a: i32, b: i32, c: i32, d: i32, e: i32) -> i32;
        path_filestat_set_times(a: i32, b: i32, c: i32, d: i32, e: i64, f: i64, g: i32) -> i32;
        path_link(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32, g: i32) -> i32;
        path_open(a: i32, b: i32, c: i32, d: i32, e: i32, f: i64, g: i64, h: i32, i: i32) -> i32;
        path_readlink(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32) -> i32;
        path_remove_directory(a: i32, b: i32, c: i32) -> i32;
        path_rename(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32) -> i32;
        path_symlink(a: i32, b: i32, c: i32, d: i32, e: i32) -> i32;
        path_unlink_file(a: i32, b: i32, c: i32) -> i32;
        poll_oneoff(a: i32, b: i32, c: i32, d: i32) -> i32;
        proc_exit(a: i32) -> ();
        proc_raise(a: i32) -> i32;
        random_get(a: i32, b: i32) -> i32;
        sched_yield() -> i32;
        sock_accept(a: i32, b: i32, c: i32) -> i32;
        sock_recv(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32) -> i32;
        sock_send(a: i32, b: i32, c: i32, d: i32, e: i32) -> i32;
        sock_shutdown(a: i32, b: i32) -> i32;
    }
    Ok(())
}

/// Runs a function to its end. With synchronous files and clocks, it never waits for anything that
/// another task would have to do.
fn run<R>(call: impl Future<Output = wiggle::error::Result<R>>) -> Result<R> {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(result)) => Ok(result),
        Poll::Ready(Err(error)) => Err(match error.downcast::<I32Exit>() {
            Ok(exit) => Error::new(exit),
            Err(error) => Error::msg(format!("{error:#}")),
        }),
        Poll::Pending => Err(Error::msg("a WASI call would wait for an asynchronous task")),
    }
}
