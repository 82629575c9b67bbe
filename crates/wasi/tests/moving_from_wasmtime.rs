//! Programs in the manner of Wasmtime's examples with WASI: two other names make them programs for
//! Wasmtime.

use lineal::*;
use lineal_wasi::p1::{self, WasiP1Ctx};
use lineal_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use lineal_wasi::{I32Exit, WasiCtxBuilder};

/// A library and a program that uses it, both with WASI.
#[test]
fn linking_with_wasi() -> Result<()> {
    let engine = Engine::default();
    let mut linker: Linker<WasiP1Ctx> = Linker::new(&engine);
    p1::add_to_linker_sync(&mut linker, |s| s)?;

    let linking1 = Module::new(
        &engine,
        r#"(module
            (import "linking2" "double" (func $double (param i32) (result i32)))
            (import "linking2" "log" (func $log (param i32 i32)))
            (import "linking2" "memory" (memory 1))
            (import "linking2" "memory_offset" (global $offset i32))
            (func (export "run") (result i32)
                (memory.init $text (global.get $offset) (i32.const 0) (i32.const 14))
                (call $log (global.get $offset) (i32.const 14))
                (call $double (i32.const 21)))
            (data $text "Hello, world!\n"))"#,
    )?;
    let linking2 = Module::new(
        &engine,
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write"
                (func $fd_write (param i32 i32 i32 i32) (result i32)))
            (func (export "double") (param i32) (result i32)
                (i32.mul (local.get 0) (i32.const 2)))
            (func (export "log") (param i32 i32)
                (i32.store (i32.const 4) (local.get 0))
                (i32.store (i32.const 8) (local.get 1))
                (drop (call $fd_write (i32.const 1) (i32.const 4) (i32.const 1) (i32.const 20))))
            (memory (export "memory") 2)
            (global (export "memory_offset") i32 (i32.const 65536)))"#,
    )?;

    let stdout = MemoryOutputPipe::new(1024);
    let wasi = WasiCtxBuilder::new().stdout(stdout.clone()).args(&["program"]).build_p1();
    let mut store = Store::new(&engine, wasi);
    let linking2 = linker.instantiate(&mut store, &linking2)?;
    linker.instance(&mut store, "linking2", linking2)?;
    let linking1 = linker.instantiate(&mut store, &linking1)?;
    let run = linking1.get_typed_func::<(), i32>(&mut store, "run")?;
    assert_eq!(run.call(&mut store, ())?, 42);
    drop(store);
    assert_eq!(&stdout.contents()[..], b"Hello, world!\n");
    Ok(())
}

/// A program whose streams are in memory, run as a command by its name.
#[test]
fn streams_in_memory() -> Result<()> {
    let engine = Engine::default();
    let mut linker: Linker<WasiP1Ctx> = Linker::new(&engine);
    p1::add_to_linker_sync(&mut linker, |ctx: &mut WasiP1Ctx| ctx)?;
    // Copies what it reads to both outputs, and ends with the number of bytes.
    let module = Module::new(
        &engine,
        r#"(module
            (import "wasi_snapshot_preview1" "fd_read"
                (func $fd_read (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write"
                (func $fd_write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\00\01\00\00\40\00\00\00")
            (func (export "_start")
                (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
                (i32.store (i32.const 4) (i32.load (i32.const 16)))
                (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))
                (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 20)))
                (call $proc_exit (i32.load (i32.const 16)))))"#,
    )?;
    let (stdout, stderr) = (MemoryOutputPipe::new(64), MemoryOutputPipe::new(64));
    let wasi = WasiCtxBuilder::new()
        .stdin(MemoryInputPipe::new("some input"))
        .stdout(stdout.clone())
        .stderr(stderr.clone())
        .build_p1();
    let mut store = Store::new(&engine, wasi);
    linker.module(&mut store, "", &module)?;
    let start = linker.get_default(&mut store, "")?.typed::<(), ()>(&store)?;
    let error = start.call(&mut store, ()).unwrap_err();
    assert_eq!(error.downcast_ref::<I32Exit>().map(|exit| exit.0), Some(10));
    assert_eq!(&stdout.contents()[..], b"some input");
    assert_eq!(&stderr.contents()[..], b"some input");
    Ok(())
}
