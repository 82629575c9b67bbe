use std::thread;
use std::time::Duration;

use lineal::{
    Caller, Config, Engine, Extern, Instance, Linker, Memory, MemoryType, Module, SharedMemory,
    Store, Trap, WaitResult,
};

use crate::{instantiate, panic_message, trap};

fn shared(engine: &Engine, minimum: u32, maximum: u32) -> SharedMemory {
    SharedMemory::new(engine, MemoryType::shared(minimum, maximum)).unwrap()
}

/// Stores with everything in them go to other threads, and shared memories to several.
const _: () = {
    const fn is_send<T: Send>() {}
    const fn is_send_and_sync<T: Send + Sync>() {}
    is_send::<Store<Vec<u8>>>();
    is_send_and_sync::<SharedMemory>();
    is_send_and_sync::<Module>();
    is_send_and_sync::<Extern>();
};

#[test]
fn the_host_sees_what_memory_has() {
    let engine = Engine::default();
    let memory = shared(&engine, 1, 3);
    assert_eq!(memory.ty(), MemoryType::shared(1, 3));
    assert_eq!((memory.size(), memory.page_size(), memory.data_size()), (1, 65_536, 65_536));
    assert_eq!(memory.data().len(), 65_536);
    assert_eq!(memory.clone().grow(2).unwrap(), 1);
    assert!(memory.grow(1).is_err());
    assert_eq!((memory.size(), memory.data().len()), (3, 3 * 65_536));
    assert_eq!(memory.atomic_notify(0, 1), Ok(0));
    assert_eq!(memory.atomic_notify(2, 1), Err(Trap::HeapMisaligned));
    assert_eq!(memory.atomic_notify(3 * 65_536, 1), Err(Trap::MemoryOutOfBounds));
    assert_eq!(memory.atomic_wait32(0, 1, None), Ok(WaitResult::Mismatch));
    assert_eq!(memory.atomic_wait64(4, 0, None), Err(Trap::HeapMisaligned));
    let timeout = Some(Duration::from_nanos(1));
    assert_eq!(memory.atomic_wait64(8, 0, timeout), Ok(WaitResult::TimedOut));
}

#[test]
fn types_say_which_kind() {
    let engine = Engine::default();
    let unshared = MemoryType::new(1, Some(1));
    assert!(SharedMemory::new(&engine, unshared).is_err());
    let mut store = Store::new(&engine, ());
    let error = Memory::new(&mut store, shared(&engine, 1, 1).ty()).unwrap_err();
    assert!(error.to_string().contains("SharedMemory::new"), "{error}");
}

#[test]
fn shared_memories_can_be_switched_off() {
    let mut config = Config::new();
    config.shared_memory(false);
    let engine = Engine::new(&config).unwrap();
    let ty = MemoryType::shared(1, 1);
    assert!(SharedMemory::new(&engine, ty).unwrap_err().to_string().contains("switched off"));
    let mut store = Store::new(&engine, ());
    let module = Module::new(&engine, "(module (memory 1 1 shared))").unwrap();
    assert!(Instance::new(&mut store, &module, &[]).is_err());
    // Atomics do not need them.
    let wat = "(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))";
    assert!(Module::new(&engine, wat).is_ok());

    let engine = Engine::new(Config::new().wasm_threads(false)).unwrap();
    for wat in ["(module (memory 1 1 shared))", wat] {
        let error = Module::new(&engine, wat).unwrap_err();
        assert!(format!("{error:#}").contains("threads"), "{error:#}");
    }
}

#[test]
fn exports_are_shared_memories() {
    let (mut store, instance) = instantiate(
        r#"(module (memory (export "m") 1 2 shared) (data (i32.const 3) "abc")
            (func (export "size") (result i32) memory.size)
            (func (export "grow") (result i32) (memory.grow (i32.const 1))))"#,
    );
    assert!(instance.get_memory(&store, "m").is_none());
    assert!(instance.debug_memory(&store, 0).is_none());
    let memory = instance.get_shared_memory(&store, "m").unwrap();
    assert!(instance.debug_shared_memory(&store, 0).unwrap().linear().same(memory.linear()));
    assert_eq!(memory.linear().read_string(3, 3).unwrap(), "abc");
    let exports = instance.exports(&store);
    assert!(exports.last().unwrap().into_shared_memory().is_none());

    let call = |store: &mut Store<()>, name| {
        instance.get_typed_func::<(), i32>(&*store, name).unwrap().call(store, ()).unwrap()
    };
    assert_eq!(call(&mut store, "grow"), 1);
    assert_eq!(memory.size(), 2);
    assert_eq!((call(&mut store, "grow"), call(&mut store, "size")), (-1, 2));
    drop(store);
    assert_eq!(memory.linear().load::<u8>(5, 0), Ok(b'c'));
}

#[test]
fn imports_match_by_kind_and_limits() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let memory = shared(&engine, 1, 3);
    memory.grow(1).unwrap();
    let mut import = |text: &str, item: Extern| {
        let wat = format!(r#"(module (import "a" "b" {text}))"#);
        let module = Module::new(&engine, wat).unwrap();
        Instance::new(&mut store, &module, &[item]).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(import("(memory 2 3 shared)", memory.clone().into()), Ok(()));
    assert!(import("(memory 3 3 shared)", memory.clone().into()).is_err());
    assert!(import("(memory 1 2 shared)", memory.clone().into()).is_err());
    let error = import("(memory 1 3)", memory.clone().into()).unwrap_err();
    assert!(error.contains("found a shared memory"), "{error}");
    assert!(import("(func)", memory.into()).is_err());

    // One that is not shared does not become so by its type.
    let ty = MemoryType::shared(1, 1);
    let plain = MemoryType::new(1, Some(1));
    let disguised = Memory::new(&mut store, plain).unwrap();
    *disguised.linear_mut(&mut store) = lineal::LinearMemory::new(ty.into()).unwrap();
    let wat = r#"(module (import "a" "b" (memory 1 1 shared)))"#;
    let module = Module::new(&engine, wat).unwrap();
    assert!(Instance::new(&mut store, &module, &[disguised.into()]).is_err());
}

#[test]
fn linkers_and_callers_have_them() {
    let engine = Engine::default();
    let memory = shared(&engine, 1, 1);
    let module = Module::new(
        &engine,
        r#"(module (import "host" "memory" (memory 1 1 shared)) (import "host" "f" (func $f))
            (export "memory" (memory 0))
            (func (export "run") (i32.store (i32.const 8) (i32.const 7)) call $f))"#,
    )
    .unwrap();
    let mut linker = Linker::<u32>::new(&engine);
    linker
        .func_wrap("host", "f", |mut caller: Caller<'_, u32>| {
            let export = caller.get_export("memory").unwrap();
            let memory = export.into_shared_memory().unwrap();
            *caller.data_mut() = memory.linear().load(8, 0).unwrap();
        })
        .unwrap();
    let mut store = Store::new(&engine, 0);
    linker.define(&store, "host", "memory", memory.clone()).unwrap();
    // The definition is no store's, so the linker serves any.
    for _ in 0..2 {
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let run = instance.get_typed_func::<(), ()>(&store, "run").unwrap();
        run.call(&mut store, ()).unwrap();
        assert_eq!(*store.data(), 7);
        store = Store::new(&engine, 0);
    }

    let other = Engine::default();
    let mut store = Store::new(&other, ());
    let module = Module::new(&other, r#"(module (import "" "" (memory 1 1 shared)))"#).unwrap();
    let message = panic_message(|| {
        let _ = Instance::new(&mut store, &module, &[memory.into()]);
    });
    assert!(message.contains("wrong store"), "{message}");
}

#[test]
fn growth_elsewhere_is_seen() {
    let engine = Engine::default();
    let memory = shared(&engine, 1, 2);
    let module = Module::new(
        &engine,
        r#"(module (import "" "" (memory 1 2 shared))
            (func (export "load") (result i32) (i32.load (i32.const 65536)))
            (func (export "wait_until_there")
                (loop $again
                    (br_if $again (i32.ne (memory.size) (i32.const 2))))
                (i64.store offset=65528 (i32.const 65536) (i64.const -1))))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[memory.clone().into()]).unwrap();
    let load = instance.get_typed_func::<(), i32>(&store, "load").unwrap();
    assert_eq!(trap(&load.call(&mut store, ()).unwrap_err()), Trap::MemoryOutOfBounds);
    let guest = thread::spawn(move || {
        let wait = instance.get_typed_func::<(), ()>(&store, "wait_until_there").unwrap();
        wait.call(&mut store, ()).unwrap();
        load.call(&mut store, ()).unwrap()
    });
    thread::sleep(Duration::from_millis(5));
    memory.grow(1).unwrap();
    assert_eq!(guest.join().unwrap(), 0);
    assert_eq!(memory.linear().load::<u64>(131_064, 0), Ok(u64::MAX));
}

const WAITING: &str = r#"(module (import "" "" (memory 1 1 shared)) (memory $own 1 1)
    (func (export "wait") (param i32 i32 i64) (result i32)
        (memory.atomic.wait32 (local.get 0) (local.get 1) (local.get 2)))
    (func (export "wait64") (param i32 i64 i64) (result i32)
        (memory.atomic.wait64 offset=8 (local.get 0) (local.get 1) (local.get 2)))
    (func (export "notify") (param i32 i32) (result i32)
        (memory.atomic.notify offset=4 (local.get 0) (local.get 1)))
    (func (export "wait_alone") (result i32)
        (memory.atomic.wait32 $own (i32.const 0) (i32.const 1) (i64.const 0)))
    (func (export "notify_alone") (result i32)
        (memory.atomic.notify $own (i32.const 0) (i32.const 1))))"#;

#[test]
fn hosts_and_guests_wake_each_other() {
    let engine = Engine::default();
    let memory = shared(&engine, 1, 1);
    let module = Module::new(&engine, WAITING).unwrap();
    let start = || {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[memory.clone().into()]).unwrap();
        (store, instance)
    };
    let forever = -1_i64;
    thread::scope(|scope| {
        let guest = scope.spawn(|| {
            let (mut store, instance) = start();
            let wait = instance.get_typed_func::<(u32, u32, i64), u32>(&store, "wait").unwrap();
            wait.call(&mut store, (16, 0, forever)).unwrap()
        });
        while memory.atomic_notify(16, 1).unwrap() == 0 {}
        assert_eq!(guest.join().unwrap(), 0);

        let host = scope.spawn(|| memory.atomic_wait32(24, 0, None));
        let (mut store, instance) = start();
        let notify = instance.get_typed_func::<(u32, u32), u32>(&store, "notify").unwrap();
        while notify.call(&mut store, (20, u32::MAX)).unwrap() == 0 {}
        assert_eq!(host.join().unwrap(), Ok(WaitResult::Ok));
    });
}

#[test]
fn waits_end_as_they_should() {
    let engine = Engine::default();
    let memory = shared(&engine, 1, 1);
    memory.linear().store(8, 0, 1_u64 << 40).unwrap();
    let module = Module::new(&engine, WAITING).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[memory.into()]).unwrap();

    let wait = instance.get_typed_func::<(u32, u32, i64), u32>(&store, "wait").unwrap();
    let mut wait = |addr, expected, timeout| {
        wait.call(&mut store, (addr, expected, timeout)).map_err(|error| trap(&error))
    };
    assert_eq!(wait(16, 1, -1), Ok(1));
    assert_eq!(wait(16, 0, 0), Ok(2));
    assert_eq!(wait(16, 0, 1_000_000), Ok(2));
    assert_eq!(wait(17, 0, 0), Err(Trap::HeapMisaligned));
    assert_eq!(wait(65_536, 0, 0), Err(Trap::MemoryOutOfBounds));

    let wait64 = instance.get_typed_func::<(u32, i64, i64), u32>(&store, "wait64").unwrap();
    let mut wait64 = |addr, expected, timeout| {
        wait64.call(&mut store, (addr, expected, timeout)).map_err(|error| trap(&error))
    };
    assert_eq!(wait64(0, 0, -1), Ok(1));
    assert_eq!(wait64(0, 1 << 40, 0), Ok(2));
    assert_eq!(wait64(4, 0, 0), Err(Trap::HeapMisaligned));
    // An address that does not wrap around.
    assert_eq!(wait64(0xffff_fff8, 0, 0), Err(Trap::MemoryOutOfBounds));

    let wait = instance.get_typed_func::<(), u32>(&store, "wait_alone").unwrap();
    let error = wait.call(&mut store, ()).unwrap_err();
    assert_eq!(trap(&error), Trap::AtomicWaitNonSharedMemory);
    let notify = instance.get_typed_func::<(), u32>(&store, "notify_alone").unwrap();
    assert_eq!(notify.call(&mut store, ()).unwrap(), 0);
}

#[test]
fn ranges_are_copied_between_kinds() {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
            (import "" "" (memory $one 1 1 shared)) (import "" "" (memory $same 1 1 shared))
            (memory $wide (export "wide") i64 1 1 shared) (memory $own (export "own") 1)
            (data $text "hello, world")
            (func (export "run")
                (memory.init $one $text (i32.const 8) (i32.const 0) (i32.const 12))
                (memory.copy $same $one (i32.const 10) (i32.const 8) (i32.const 12))
                (memory.copy $wide $one (i64.const 1) (i32.const 8) (i32.const 14))
                (memory.fill $wide (i64.const 3) (i32.const 0x2d) (i64.const 2))
                (memory.copy $own $wide (i32.const 0) (i64.const 0) (i32.const 20))
                (memory.copy $wide $own (i64.const 100) (i32.const 0) (i32.const 20)))
            (func (export "beyond") (memory.fill $wide (i64.const -1) (i32.const 0) (i64.const 2)))
            (func (export "dropped")
                (data.drop $text)
                (memory.init $one $text (i32.const 0) (i32.const 0) (i32.const 1))))"#,
    )
    .unwrap();
    let memory = shared(&engine, 1, 1);
    let mut store = Store::new(&engine, ());
    let imports = [memory.clone().into(), memory.clone().into()];
    let instance = Instance::new(&mut store, &module, &imports).unwrap();
    let mut call = |name| {
        let func = instance.get_typed_func::<(), ()>(&store, name).unwrap();
        func.call(&mut store, ()).map_err(|error| trap(&error))
    };
    assert_eq!(call("run"), Ok(()));
    assert_eq!(call("beyond"), Err(Trap::MemoryOutOfBounds));
    assert_eq!(call("dropped"), Err(Trap::MemoryOutOfBounds));
    assert_eq!(memory.linear().read_string(8, 14).unwrap(), "hehello, world");
    let wide = instance.get_shared_memory(&store, "wide").unwrap();
    assert_eq!(wide.linear().read_string(0, 16).unwrap(), "\0he--llo, world\0");
    assert_eq!(wide.linear().read_string(100, 16).unwrap(), "\0he--llo, world\0");
    let own = instance.get_memory(&store, "own").unwrap();
    assert_eq!(own.linear(&store).read_str(0, 16).unwrap(), "\0he--llo, world\0");
}
