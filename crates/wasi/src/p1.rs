//! Preview 1: [`WasiP1Ctx`], what a guest may use, and [`add_to_linker_sync`], by what names.

use std::fmt;
use std::sync::Arc;

use lineal::{Caller, Linker, Result};

use crate::ctx::{Context, WasiCtxBuilder};
use crate::functions::process::{finish, proc_exit};
use crate::guest::{Call, Guest};

/// What a guest may use of the host, made by [`WasiCtxBuilder`].
///
/// A store has one in its value. A clone is another handle to the same: the same descriptors,
/// clocks and so on, as threads of one program have them.
#[derive(Clone)]
pub struct WasiP1Ctx {
    context: Arc<Context>,
}

impl WasiP1Ctx {
    /// Says what the guest gets; see [`WasiCtxBuilder`].
    pub fn builder() -> WasiCtxBuilder {
        WasiCtxBuilder::new()
    }

    pub(crate) fn new(context: Context) -> WasiP1Ctx {
        WasiP1Ctx { context: Arc::new(context) }
    }

    /// What the calls work on.
    pub(crate) fn context(&self) -> Arc<Context> {
        Arc::clone(&self.context)
    }
}

impl fmt::Debug for WasiP1Ctx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasiP1Ctx").finish_non_exhaustive()
    }
}

/// Defines functions that are called with the context and the guest first.
macro_rules! define {
    ($linker:ident, $get_cx:ident, $module:literal:
        $($($path:ident)::+ ($($arg:ident: $ty:ty),*);)*) => {$(
        $linker.func_wrap(
            $module,
            last!($($path)+),
            move |mut caller: Caller<'_, T>, $($arg: $ty),*| -> Result<i32> {
                let context = $get_cx(caller.data_mut()).context();
                let mut call = Call::new(&mut caller)?;
                let mut guest = Guest::new(&mut call);
                finish($($path)::+(&context, &mut guest, $($arg),*))
            },
        )?;
    )*};
}

/// The last of some names, as a string.
macro_rules! last {
    ($last:ident) => {
        stringify!($last)
    };
    ($first:ident $($rest:ident)+) => {
        last!($($rest)+)
    };
}

/// Defines what both versions have in common.
macro_rules! define_common {
    ($linker:ident, $get_cx:ident, $module:literal) => {
        use crate::functions::{fd, path, process, sock};
        define! { $linker, $get_cx, $module:
            process::args_get(argv: u32, buf: u32);
            process::args_sizes_get(count: u32, size: u32);
            process::clock_res_get(id: u32, result: u32);
            process::clock_time_get(id: u32, precision: u64, result: u32);
            process::environ_get(environ: u32, buf: u32);
            process::environ_sizes_get(count: u32, size: u32);
            fd::fd_advise(fd: u32, offset: u64, len: u64, advice: u32);
            fd::fd_allocate(fd: u32, offset: u64, len: u64);
            fd::fd_close(fd: u32);
            fd::fd_datasync(fd: u32);
            fd::fd_fdstat_get(fd: u32, result: u32);
            fd::fd_fdstat_set_flags(fd: u32, flags: u32);
            fd::fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64);
            fd::fd_filestat_set_size(fd: u32, size: u64);
            fd::fd_filestat_set_times(fd: u32, accessed: u64, modified: u64, flags: u32);
            fd::fd_pread(fd: u32, iovs: u32, iovs_len: u32, offset: u64, result: u32);
            fd::fd_prestat_dir_name(fd: u32, path: u32, path_len: u32);
            fd::fd_prestat_get(fd: u32, result: u32);
            fd::fd_pwrite(fd: u32, iovs: u32, iovs_len: u32, offset: u64, result: u32);
            fd::fd_read(fd: u32, iovs: u32, iovs_len: u32, result: u32);
            fd::fd_readdir(fd: u32, buf: u32, buf_len: u32, cookie: u64, result: u32);
            fd::fd_renumber(from: u32, to: u32);
            fd::fd_sync(fd: u32);
            fd::fd_tell(fd: u32, result: u32);
            fd::fd_write(fd: u32, iovs: u32, iovs_len: u32, result: u32);
            path::path_create_directory(fd: u32, path: u32, path_len: u32);
            path::path_filestat_set_times(
                fd: u32, flags: u32, path: u32, path_len: u32, accessed: u64, modified: u64,
                fst_flags: u32
            );
            path::path_link(
                old_fd: u32, old_flags: u32, old_path: u32, old_path_len: u32, new_fd: u32,
                new_path: u32, new_path_len: u32
            );
            path::path_open(
                fd: u32, dirflags: u32, path: u32, path_len: u32, oflags: u32, base: u64,
                inheriting: u64, fdflags: u32, result: u32
            );
            path::path_readlink(
                fd: u32, path: u32, path_len: u32, buf: u32, buf_len: u32, result: u32
            );
            path::path_remove_directory(fd: u32, path: u32, path_len: u32);
            path::path_rename(
                old_fd: u32, old_path: u32, old_path_len: u32, new_fd: u32, new_path: u32,
                new_path_len: u32
            );
            path::path_symlink(
                target: u32, target_len: u32, fd: u32, path: u32, path_len: u32
            );
            path::path_unlink_file(fd: u32, path: u32, path_len: u32);
            process::proc_raise(signal: u32);
            process::random_get(addr: u32, len: u32);
            process::sched_yield();
            sock::sock_recv(
                fd: u32, iovs: u32, iovs_len: u32, flags: u32, len_result: u32, flags_result: u32
            );
            sock::sock_send(fd: u32, iovs: u32, iovs_len: u32, flags: u32, result: u32);
            sock::sock_shutdown(fd: u32, how: u32);
        }
        $linker.func_wrap($module, "proc_exit", |status: u32| -> Result<()> {
            Err(proc_exit(status))
        })?;
    };
}

/// Defines all functions of `wasi_snapshot_preview1`; `get_cx` finds the context in the store's value.
///
/// `proc_exit` stops the guest with an [`I32Exit`](crate::I32Exit), which holds the exit code. A
/// pointer that is invalid stops it as well; everything else that can go wrong is told to the
/// guest by an error number.
///
/// # Errors
///
/// If one of them is defined already and the linker does not allow shadowing.
pub fn add_to_linker_sync<T: 'static>(
    linker: &mut Linker<T>,
    get_cx: impl Fn(&mut T) -> &mut WasiP1Ctx + Send + Sync + Copy + 'static,
) -> Result<()> {
    use crate::functions::poll;
    add_preview1(linker, get_cx)?;
    define! { linker, get_cx, "wasi_snapshot_preview1":
        poll::poll_oneoff(subscriptions: u32, events: u32, count: u32, result: u32);
    }
    Ok(())
}

/// The same for asynchronous calls, such as
/// [`TypedFunc::call_async`](lineal::TypedFunc::call_async): a guest that sleeps leaves the thread to
/// others. Only `poll_oneoff` waits that way. Descriptors in it are looked at every ten milliseconds;
/// a read or a write that has to wait blocks the thread.
///
/// # Errors
///
/// If one of them is defined already and the linker does not allow shadowing.
#[cfg(feature = "async")]
pub fn add_to_linker_async<T: Send + 'static>(
    linker: &mut Linker<T>,
    get_cx: impl Fn(&mut T) -> &mut WasiP1Ctx + Send + Sync + Copy + 'static,
) -> Result<()> {
    use crate::functions::poll::PREVIEW1;
    add_preview1(linker, get_cx)?;
    crate::waiting::add_poll(linker, "wasi_snapshot_preview1", &PREVIEW1, get_cx)
}

/// All but `poll_oneoff`.
fn add_preview1<T: 'static>(
    linker: &mut Linker<T>,
    get_cx: impl Fn(&mut T) -> &mut WasiP1Ctx + Send + Sync + Copy + 'static,
) -> Result<()> {
    define_common!(linker, get_cx, "wasi_snapshot_preview1");
    define! { linker, get_cx, "wasi_snapshot_preview1":
        fd::fd_filestat_get(fd: u32, result: u32);
        fd::fd_seek(fd: u32, offset: i64, whence: u32, result: u32);
        path::path_filestat_get(fd: u32, flags: u32, path: u32, path_len: u32, result: u32);
        sock::sock_accept(fd: u32, flags: u32, result: u32);
    }
    Ok(())
}

/// All of `wasi_unstable` but `poll_oneoff`.
pub(crate) fn add_unstable<T: 'static>(
    linker: &mut Linker<T>,
    get_cx: impl Fn(&mut T) -> &mut WasiP1Ctx + Send + Sync + Copy + 'static,
) -> Result<()> {
    use crate::functions::unstable;
    define_common!(linker, get_cx, "wasi_unstable");
    define! { linker, get_cx, "wasi_unstable":
        unstable::fd_filestat_get(fd: u32, result: u32);
        unstable::fd_seek(fd: u32, offset: i64, whence: u32, result: u32);
        unstable::path_filestat_get(fd: u32, flags: u32, path: u32, path_len: u32, result: u32);
    }
    Ok(())
}

/// `poll_oneoff` of `wasi_unstable`, which waits on the thread.
pub(crate) fn add_unstable_poll<T: 'static>(
    linker: &mut Linker<T>,
    get_cx: impl Fn(&mut T) -> &mut WasiP1Ctx + Send + Sync + Copy + 'static,
) -> Result<()> {
    use crate::functions::unstable;
    define! { linker, get_cx, "wasi_unstable":
        unstable::poll_oneoff(subscriptions: u32, events: u32, count: u32, result: u32);
    }
    Ok(())
}
