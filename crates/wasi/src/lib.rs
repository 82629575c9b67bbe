//! WASI preview 1 for Lineal: arguments, environment, directories, standard streams, clocks,
//! random numbers and exit codes.
//!
//! A [`WasiCtxBuilder`] says what a guest may use of the host, and nothing else is reachable;
//! [`p1::add_to_linker_sync`] defines the functions of `wasi_snapshot_preview1` on it, and
//! [`p0::add_to_linker_sync`] those of `wasi_unstable`, the version before. Names and behaviour are those
//! of Wasmtime's `wasmtime_wasi`.
//!
//! ```
//! use lineal::{Engine, Linker, Module, Store};
//! use lineal_wasi::p1::{self, WasiP1Ctx};
//! use lineal_wasi::pipe::MemoryOutputPipe;
//! use lineal_wasi::{I32Exit, WasiCtxBuilder};
//!
//! let engine = Engine::default();
//! let module = Module::new(&engine, r#"(module
//!     (import "wasi_snapshot_preview1" "fd_write"
//!         (func $fd_write (param i32 i32 i32 i32) (result i32)))
//!     (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
//!     (memory (export "memory") 1)
//!     (data (i32.const 0) "\08\00\00\00\06\00\00\00hello\n")
//!     (func (export "_start")
//!         (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
//!         (call $proc_exit (i32.const 7))))"#)?;
//!
//! let mut linker = Linker::new(&engine);
//! p1::add_to_linker_sync(&mut linker, |wasi: &mut WasiP1Ctx| wasi)?;
//!
//! let stdout = MemoryOutputPipe::new(4096);
//! let wasi = WasiCtxBuilder::new().stdout(stdout.clone()).build_p1();
//! let mut store = Store::new(&engine, wasi);
//! let instance = linker.instantiate(&mut store, &module)?;
//! let start = instance.get_typed_func::<(), ()>(&store, "_start")?;
//!
//! let error = start.call(&mut store, ()).unwrap_err();
//! assert_eq!(error.downcast_ref::<I32Exit>().map(|exit| exit.0), Some(7));
//! assert_eq!(stdout.contents(), b"hello\n");
//! # Ok::<(), lineal::Error>(())
//! ```
//!
//! The guest must export its memory, shared or not, under the name `memory`.
//!
//! # The sandbox
//!
//! A guest can name only what it was given:
//!
//! - Files are reached by way of [directories](WasiCtxBuilder::preopened_dir) only. A path is
//!   resolved by [`cap_std`] below such a directory: an absolute path, a `..` that leads out, and a
//!   symbolic link that leads out are refused with `perm`, also while another process renames
//!   directories or exchanges them for links. On Linux, the kernel itself resolves the path
//!   (`openat2` with `RESOLVE_BENEATH`).
//! - [`FsPerms`], or [`DirPerms`] and [`FilePerms`], say what is allowed below a directory. What they do
//!   not allow is refused with `perm`. A guest can give up rights of a descriptor, but never get more.
//! - Links to absolute paths can be neither made nor read. The inode of a directory's parent is not
//!   told. Directory listings, sizes and times of what is inside are.
//! - There is no way to open a network connection or to start a process.
//! - Memory is a limit of its own: a guest can make the host hold up to 65,536 descriptors, and the
//!   names of every directory that it lists.
//!
//! Each pointer that a guest passes is checked together with its length before anything happens.
//! One that is invalid stops the guest, as an access of its own would; nothing else that goes wrong
//! in the host does: it is told to the guest by an error number.
//!
//! # Waiting
//!
//! A guest that sleeps, or waits for a descriptor, is stopped when its epoch's deadline is reached,
//! within about ten milliseconds; see
//! [`Config::epoch_interruption`](lineal::Config::epoch_interruption).
//!
//! By [`p1::add_to_linker_async`], a guest that waits in `poll_oneoff`, which is how programs sleep,
//! leaves the thread to others. No runtime is needed for that. Reads and writes wait on the thread.
//!
//! # Speed
//!
//! A read or a write of a memory that threads do not share allocates nothing, and the operating
//! system reads and writes the guest's memory itself. Bytes of a shared memory are copied once more.
//!
//! # Platforms
//!
//! Unix only: Linux, macOS and the BSDs. Elsewhere the crate does not compile, and says so.
//!
//! # Runs that can be repeated
//!
//! With a [`SteadyClock`] for both clocks and a [`seeded_random`], what a guest does depends on its
//! input only.

#![forbid(unsafe_code)]

#[cfg(not(unix))]
compile_error!("lineal-wasi is for Unix only: it waits for descriptors, and names files by bytes");

mod clocks;
mod ctx;
mod dir;
mod errno;
mod file;
mod filestat;
mod functions;
mod guest;
mod listing;
pub mod p0;
pub mod p1;
mod perms;
pub mod pipe;
mod random;
mod rights;
mod streams;
mod table;
pub mod threads;
#[cfg(feature = "async")]
mod waiting;

use std::fmt;

pub use clocks::{HostMonotonicClock, HostWallClock, SteadyClock};
pub use ctx::WasiCtxBuilder;
pub use perms::{DirPerms, FilePerms, FsPerms};
pub use pipe::{StdinStream, StdoutStream};
pub use rand_core;
pub use random::seeded_random;

/// The context of preview 1, which is all that there is.
pub type WasiCtx = p1::WasiP1Ctx;

/// Where Wasmtime's crate has its pipes.
pub mod p2 {
    pub use crate::pipe;
}

/// The error by which a guest ends that calls `proc_exit`: its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct I32Exit(pub i32);

impl I32Exit {
    /// The code as that of a process.
    pub fn process_exit_code(&self) -> i32 {
        self.0 & 0xff
    }
}

impl fmt::Display for I32Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exited with status {}", self.0)
    }
}

impl std::error::Error for I32Exit {}

/// Says of the error by which a guest was stopped that it was waiting at that time: for a clock or
/// a descriptor. It is found by downcasting the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting;

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped while it was waiting")
    }
}
