//! Reading and writing allocates nothing, and copies nothing but what the operating system does:
//! it, or the embedder's stream, gets the guest's own bytes.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use allocation_counter::measure;
use lineal::{Engine, Instance, Linker, Module, Store};
use lineal_wasi::p1::{self, WasiP1Ctx};
use lineal_wasi::pipe::{InputFile, OutputFile};
use lineal_wasi::{FsPerms, StdinStream, StdoutStream, WasiCtxBuilder};

/// Opens `file`, and reads and writes it, in one piece and in two.
const MODULE: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open" (func $path_open
        (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pread" (func $pread
        (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pwrite" (func $pwrite
        (param i32 i32 i32 i64 i32) (result i32)))
    (memory (export "memory") 2)
    (data (i32.const 0) "file")
    ;; Two buffers, the second before the first.
    (data (i32.const 16) "\00\10\00\00\64\00\00\00\00\08\00\00\32\00\00\00")
    (func (export "open") (result i32)
        (if (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 1)
            (i64.const 0x46) (i64.const 0) (i32.const 0) (i32.const 8)) (then unreachable))
        (i32.load (i32.const 8)))
    (func (export "read") (param $fd i32) (param $count i32) (result i32)
        (if (call $read (local.get $fd) (i32.const 16) (local.get $count) (i32.const 8))
            (then unreachable))
        (i32.load (i32.const 8)))
    (func (export "write") (param $fd i32) (param $count i32) (result i32)
        (if (call $write (local.get $fd) (i32.const 16) (local.get $count) (i32.const 8))
            (then unreachable))
        (i32.load (i32.const 8)))
    (func (export "pread") (param $fd i32) (param $count i32) (result i32)
        (if (call $pread (local.get $fd) (i32.const 16) (local.get $count) (i64.const 0)
            (i32.const 8)) (then unreachable))
        (i32.load (i32.const 8)))
    (func (export "pwrite") (param $fd i32) (param $count i32) (result i32)
        (if (call $pwrite (local.get $fd) (i32.const 16) (local.get $count) (i64.const 0)
            (i32.const 8)) (then unreachable))
        (i32.load (i32.const 8))))"#;

/// Where the first buffer is, and the lengths of both.
const FIRST_ADDR: usize = 0x1000;
const LENS: [i32; 2] = [100, 50];

fn instance(wasi: &mut WasiCtxBuilder) -> (Store<WasiP1Ctx>, Instance) {
    let engine = Engine::default();
    let module = Module::new(&engine, MODULE).unwrap();
    let mut linker = Linker::new(&engine);
    p1::add_to_linker_sync(&mut linker, |wasi: &mut WasiP1Ctx| wasi).unwrap();
    let mut store = Store::new(&engine, wasi.build_p1());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    (store, instance)
}

/// How often the calls of a guest allocate: by name, descriptor, and number of buffers.
fn allocations(wasi: &mut WasiCtxBuilder, names: &[&str], fd: Option<i32>) {
    let (mut store, instance) = instance(wasi);
    let fd = fd.unwrap_or_else(|| {
        let open = instance.get_typed_func::<(), i32>(&store, "open").unwrap();
        open.call(&mut store, ()).unwrap()
    });
    for name in names {
        for count in [1, 2] {
            let func = instance.get_typed_func::<(i32, i32), i32>(&store, name).unwrap();
            // The first call translates the function.
            func.call(&mut store, (fd, count)).unwrap();
            let mut len = 0;
            let info = measure(|| {
                for _ in 0..10 {
                    len = func.call(&mut store, (fd, count)).unwrap();
                }
            });
            assert_eq!(info.count_total, 0, "{name} of {count} buffers");
            assert_eq!(len, LENS[..count as usize].iter().sum::<i32>(), "{name}");
        }
    }
}

#[test]
fn files_are_read_and_written_without_allocating() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("zero-alloc");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("file"), [1; 1 << 16]).unwrap();
    let mut wasi = WasiCtxBuilder::new();
    wasi.preopened_dir(&dir, "dir", FsPerms::ReadWrite).unwrap();
    allocations(&mut wasi, &["read", "write", "pread", "pwrite"], None);
}

#[test]
fn standard_streams_are_read_and_written_without_allocating() {
    let zero = || File::options().read(true).write(true).open("/dev/zero").unwrap();
    let mut wasi = WasiCtxBuilder::new();
    allocations(wasi.stdin(InputFile::new(zero())), &["read"], Some(0));
    allocations(wasi.stdout(OutputFile::new(zero())), &["write"], Some(1));
    let (read, write) = std::io::pipe().unwrap();
    let writer = std::thread::spawn(move || {
        // It fails when nobody reads any more.
        while io::Write::write_all(&mut &write, &[1; 150 * 100]).is_ok() {}
    });
    // All that is read is whole buffers, whose lengths divide what is written at once.
    let pipe = InputFile::new(File::from(std::os::fd::OwnedFd::from(read)));
    let (mut store, guest) = instance(WasiCtxBuilder::new().stdin(pipe));
    let read = guest.get_typed_func::<(i32, i32), i32>(&store, "read").unwrap();
    read.call(&mut store, (0, 2)).unwrap();
    let info = measure(|| assert!(read.call(&mut store, (0, 2)).unwrap() > 0));
    assert_eq!(info.count_total, 0);
    drop(store);
    writer.join().unwrap();
}

/// Where the bytes are that it was called with.
#[derive(Clone, Default)]
struct Address(Arc<Mutex<usize>>);

impl StdinStream for Address {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        *self.0.lock().unwrap() = buffer.as_ptr().addr();
        Ok(buffer.len())
    }
}

impl StdoutStream for Address {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        *self.0.lock().unwrap() = buffer.as_ptr().addr();
        Ok(buffer.len())
    }
}

#[test]
fn streams_get_the_guests_own_bytes() {
    let (stdin, stdout) = (Address::default(), Address::default());
    let mut wasi = WasiCtxBuilder::new();
    let (mut store, guest) = instance(wasi.stdin(stdin.clone()).stdout(stdout.clone()));
    for (name, fd, stream) in [("read", 0, stdin), ("write", 1, stdout)] {
        let func = guest.get_typed_func::<(i32, i32), i32>(&store, name).unwrap();
        assert_eq!(func.call(&mut store, (fd, 1)).unwrap(), LENS[0]);
        let memory = guest.get_memory(&store, "memory").unwrap();
        let bytes = memory.slice(&store, FIRST_ADDR as u64, 1).unwrap();
        assert_eq!(*stream.0.lock().unwrap(), bytes.as_ptr().addr(), "{name}");
    }
}
