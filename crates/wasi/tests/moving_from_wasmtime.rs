//! Programs in the manner of Wasmtime's examples with WASI: two other names make them programs for
//! Wasmtime.

use lineal::*;
use lineal_wasi::p1::{self, WasiP1Ctx};
use lineal_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use lineal_wasi::{FsPerms, I32Exit, WasiCtx, WasiCtxBuilder, p0};

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

/// The context by its short name, a directory that can only be read, and a program of the version
/// before.
#[test]
fn both_versions() -> Result<()> {
    let engine = Engine::default();
    let mut linker: Linker<WasiP1Ctx> = Linker::new(&engine);
    p1::add_to_linker_sync(&mut linker, |s| s)?;
    p0::add_to_linker_sync(&mut linker, |s| s)?;
    // Creates a file in descriptor 3; the error's number.
    let create = |version: &str| {
        Module::new(
            &engine,
            format!(
                r#"(module
                    (import "{version}" "path_open"
                        (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
                    (memory (export "memory") 1)
                    (data (i32.const 0) "new")
                    (func (export "create") (result i32)
                        (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 3)
                            (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 16))))"#
            ),
        )
    };
    let dir = std::env::temp_dir().join(format!("lineal-wasi-moving-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    for version in ["wasi_snapshot_preview1", "wasi_unstable"] {
        let module = create(version)?;
        for (perms, expected) in [(FsPerms::ReadOnly, 63), (FsPerms::ReadWrite, 0)] {
            let wasi: WasiCtx = WasiCtx::builder().preopened_dir(&dir, "/", perms)?.build();
            let mut store = Store::new(&engine, wasi);
            let instance = linker.instantiate(&mut store, &module)?;
            let create = instance.get_typed_func::<(), i32>(&mut store, "create")?;
            assert_eq!(create.call(&mut store, ())?, expected, "{version} {perms:?}");
            assert_eq!(dir.join("new").exists(), perms == FsPerms::ReadWrite);
        }
        std::fs::remove_file(dir.join("new"))?;
    }
    std::fs::remove_dir(&dir)?;
    Ok(())
}

/// Two programs on one thread: while one sleeps, the other one runs.
#[cfg(feature = "async")]
#[test]
fn sleeping_leaves_the_thread_to_others() -> Result<()> {
    type Add = fn(&mut Linker<WasiP1Ctx>) -> Result<()>;
    let versions: [(&str, u32, Add); 2] = [
        ("wasi_snapshot_preview1", 24, |linker| p1::add_to_linker_async(linker, |s| s)),
        ("wasi_unstable", 32, |linker| p0::add_to_linker_async(linker, |s| s)),
    ];
    for (version, timeout, add) in versions {
        // Of the subscription at 64.
        let (clock, timeout) = (64 + timeout - 8, 64 + timeout);
        let engine = Engine::default();
        let mut linker: Linker<WasiP1Ctx> = Linker::new(&engine);
        add(&mut linker)?;
        // Sleeps some nanoseconds by the monotonic clock, and writes its first argument's letter.
        let module = Module::new(
            &engine,
            format!(
                r#"(module
                    (import "{version}" "poll_oneoff"
                        (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
                    (import "{version}" "fd_write"
                        (func $fd_write (param i32 i32 i32 i32) (result i32)))
                    (memory (export "memory") 1)
                    (data (i32.const 0) "\00\02\00\00\01\00\00\00")
                    (func (export "run") (param $letter i32) (param $nanos i64) (result i32)
                        (i32.store8 (i32.const 512) (local.get $letter))
                        (i32.store (i32.const {clock}) (i32.const 1))
                        (i64.store (i32.const {timeout}) (local.get $nanos))
                        (if (call $poll_oneoff (i32.const 64) (i32.const 128) (i32.const 1)
                                (i32.const 256))
                            (then unreachable))
                        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1)
                            (i32.const 16)))
                        (i32.load (i32.const 256))))"#,
            ),
        )?;
        let stdout = MemoryOutputPipe::new(64);
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let tasks = [('a', 1_000_000_000_i64), ('b', 50_000_000)].map(|(letter, nanos)| {
            let wasi = WasiCtxBuilder::new().stdout(stdout.clone()).build_p1();
            let (engine, linker, module) = (engine.clone(), linker.clone(), module.clone());
            runtime.spawn(async move {
                let mut store = Store::new(&engine, wasi);
                let instance = linker.instantiate_async(&mut store, &module).await?;
                let run = instance.get_typed_func::<(u32, i64), u32>(&mut store, "run")?;
                run.call_async(&mut store, (u32::from(letter), nanos)).await
            })
        });
        for task in tasks {
            assert_eq!(runtime.block_on(task)??, 1);
        }
        assert_eq!(&stdout.contents()[..], b"ba", "{version}");
    }
    Ok(())
}
