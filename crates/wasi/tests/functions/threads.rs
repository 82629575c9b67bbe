//! Threads: `wasi.thread-spawn`.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use lineal::{Engine, Linker, Module, Store};
use lineal_wasi::p1::{self, WasiP1Ctx};
use lineal_wasi::pipe::MemoryOutputPipe;
use lineal_wasi::threads::{self, WasiThreadsCtx};
use lineal_wasi::{I32Exit, WasiCtxBuilder};

#[derive(Clone)]
struct Host {
    wasi: WasiP1Ctx,
    threads: Option<Arc<WasiThreadsCtx<Host>>>,
}

/// A module whose threads add their argument, write a line, and wake who waits for them; one with
/// the argument 7 exits, one with 8 traps.
const MODULE: &str = r#"(module
    (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "env" "memory" (memory 1 1 shared))
    (export "memory" (memory 0))
    (func (export "wasi_thread_start") (param $tid i32) (param $arg i32)
        (if (i32.eq (local.get $arg) (i32.const 7)) (then (call $exit (i32.const 3))))
        (if (i32.eq (local.get $arg) (i32.const 8)) (then (unreachable)))
        (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 128)))
        (drop (i32.atomic.rmw.add (i32.const 4) (local.get $arg)))
        (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
        (drop (memory.atomic.notify (i32.const 0) (i32.const -1))))
    (func (export "prepare")
        (i32.store (i32.const 16) (i32.const 32)) (i32.store (i32.const 20) (i32.const 5))
        (i32.store (i32.const 32) (i32.const 0x6c6c6568)) (i32.store (i32.const 36) (i32.const 0x0a)))
    (func (export "spawn") (param i32) (result i32) (call $spawn (local.get 0)))
    (func (export "wait") (param $count i32) (result i32) (local $done i32)
        (loop $again
            (local.set $done (i32.atomic.load (i32.const 0)))
            (if (i32.lt_u (local.get $done) (local.get $count)) (then
                (drop (memory.atomic.wait32
                    (i32.const 0) (local.get $done) (i64.const 10000000000)))
                (br $again))))
        (i32.atomic.load (i32.const 4))))"#;

struct Guest {
    store: Store<Host>,
    instance: lineal::Instance,
    stdout: MemoryOutputPipe,
    failures: mpsc::Receiver<lineal::Error>,
}

fn guest(with_threads: bool) -> Guest {
    let engine = Engine::default();
    let module = Module::new(&engine, MODULE).unwrap();
    let mut linker = Linker::new(&engine);
    let stdout = MemoryOutputPipe::new(1000);
    let wasi = WasiCtxBuilder::new().stdout(stdout.clone()).build_p1();
    let mut store = Store::new(&engine, Host { wasi, threads: None });
    p1::add_to_linker_sync(&mut linker, |host: &mut Host| &mut host.wasi).unwrap();
    threads::add_to_linker(&mut linker, &store, &module, |host: &mut Host| host.threads.as_deref())
        .unwrap();
    let linker = Arc::new(linker);
    let (sender, failures) = mpsc::channel();
    if with_threads {
        let sender = Mutex::new(sender);
        let threads = WasiThreadsCtx::new(module.clone(), Arc::clone(&linker))
            .on_failure(move |error| sender.lock().unwrap().send(error).unwrap());
        store.data_mut().threads = Some(Arc::new(threads));
    }
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let prepare = instance.get_typed_func::<(), ()>(&store, "prepare").unwrap();
    prepare.call(&mut store, ()).unwrap();
    Guest { store, instance, stdout, failures }
}

impl Guest {
    fn call(&mut self, name: &str, arg: i32) -> i32 {
        let func = self.instance.get_typed_func::<i32, i32>(&self.store, name).unwrap();
        func.call(&mut self.store, arg).unwrap()
    }
}

#[test]
fn threads_share_memory_and_descriptors() {
    let mut guest = guest(true);
    let ids: Vec<i32> = (0..8).map(|_| guest.call("spawn", 5)).collect();
    assert!(ids.iter().all(|id| (1..1 << 29).contains(id)), "{ids:?}");
    assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), 8);
    assert_eq!(guest.call("wait", 8), 40);
    assert_eq!(guest.stdout.contents(), b"hell\n".repeat(8));
    assert!(guest.failures.try_recv().is_err());
}

#[test]
fn the_end_of_one_thread_is_told() {
    let mut guest = guest(true);
    assert!(guest.call("spawn", 7) > 0);
    let error = guest.failures.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(error.downcast_ref::<I32Exit>(), Some(&I32Exit(3)));
    assert!(guest.call("spawn", 8) > 0);
    let error = guest.failures.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(error.downcast_ref(), Some(&lineal::Trap::UnreachableCodeReached));
}

#[test]
fn without_a_context_no_thread_starts() {
    assert_eq!(guest(false).call("spawn", 5), -1);
}
