//! WASI preview 1 for Lineal: arguments, environment, directories, standard streams, clocks,
//! random numbers and exit codes, by way of [`wasi_common`].
//!
//! A [`WasiCtx`] holds what a guest may reach, and nothing else is reachable; [`add_to_linker`]
//! defines the functions of `wasi_snapshot_preview1` on it.
//!
//! ```
//! use lineal::{Engine, Linker, Module, Store};
//! use lineal_wasi::pipe::WritePipe;
//! use lineal_wasi::{I32Exit, WasiCtx, WasiCtxBuilder};
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
//! lineal_wasi::add_to_linker(&mut linker, |wasi: &mut WasiCtx| wasi)?;
//!
//! let stdout = WritePipe::new_in_memory();
//! let wasi = WasiCtxBuilder::new().stdout(Box::new(stdout.clone())).build();
//! let mut store = Store::new(&engine, wasi);
//! let instance = linker.instantiate(&mut store, &module)?;
//! let start = instance.get_typed_func::<(), ()>(&store, "_start")?;
//!
//! let error = start.call(&mut store, ()).unwrap_err();
//! assert_eq!(error.downcast_ref::<I32Exit>().map(|exit| exit.0), Some(7));
//! drop(store);
//! assert_eq!(stdout.try_into_inner().expect("the only one").into_inner(), b"hello\n");
//! # Ok::<(), lineal::Error>(())
//! ```
//!
//! The guest must export its memory, shared or not, under the name `memory`.

#![forbid(unsafe_code)]

mod preview1;

pub use preview1::add_to_linker;
pub use wasi_common::sync::{Dir, WasiCtxBuilder, ambient_authority};
pub use wasi_common::{I32Exit, WasiCtx, WasiDir, WasiFile, pipe};
