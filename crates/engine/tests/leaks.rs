//! What is dropped is gone: however many instances there were, the process takes as much memory
//! and has as many mappings and files as with a few of them.
//!
//! One test does all, one thing after the other, as it looks at the whole process.
#![cfg(target_os = "linux")]

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use lineal::{
    Caller, Config, Engine, ExternRef, Instance, Linker, MemoryType, Module, Rooted, SharedMemory,
    Store, Val,
};

/// What the process has of the host's.
#[derive(Clone, Copy, Debug)]
struct Usage {
    resident_bytes: usize,
    mappings: usize,
    files: usize,
}

impl Usage {
    fn now() -> Usage {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kib: usize = resident.trim().trim_end_matches(" kB").parse().unwrap();
        Usage {
            resident_bytes: kib * 1024,
            mappings: fs::read_to_string("/proc/self/maps").unwrap().lines().count(),
            files: fs::read_dir("/proc/self/fd").unwrap().count(),
        }
    }
}

/// Does something so many times, and checks that the second half took nothing.
#[track_caller]
fn check_flat(what: &str, times: usize, mut run: impl FnMut(usize)) {
    (0..times / 2).for_each(&mut run);
    let before = Usage::now();
    (times / 2..times).for_each(&mut run);
    let after = Usage::now();
    let grown = after.resident_bytes.saturating_sub(before.resident_bytes);
    // Nothing that a time makes is smaller than 16 bytes.
    let slack_bytes = (times / 2 * 8).max(512 << 10);
    assert!(grown < slack_bytes, "{what}: {before:?} became {after:?}");
    assert!(after.mappings <= before.mappings + 4, "{what}: {before:?} became {after:?}");
    assert_eq!(after.files, before.files, "{what}");
}

const MODULE: &str = r#"(module
    (import "host" "add" (func $add (param i32 externref) (result i32)))
    (type $pair (struct (field (mut i32)) (field (ref null $pair))))
    (memory (export "memory") 1 4)
    (table (export "table") 10 funcref) (table 2 externref)
    (elem (i32.const 0) $run $add) (elem funcref (ref.func $run))
    (global $g (mut i32) (i32.const 1)) (global $pair (mut (ref null $pair)) (ref.null $pair))
    (tag $tag (param i32))
    (data (i32.const 100) "some bytes") (data "others")
    (func $run (export "run") (param i32 externref) (result i32)
        (global.set $g (i32.add (global.get $g) (local.get 0)))
        (global.set $pair (struct.new $pair (global.get $g) (global.get $pair)))
        (table.set 1 (i32.const 1) (local.get 1))
        (i32.store (i32.const 8) (global.get $g))
        (drop (block (result i32) (try_table (catch $tag 0) (throw $tag (i32.const 1)))
            (i32.const 0)))
        (call $add (i32.load (i32.const 8)) (local.get 1)))
    (func (export "trap") (param i32) (drop (memory.grow (i32.const 1))) (unreachable)))"#;

static ALIVE: AtomicUsize = AtomicUsize::new(0);

/// A host value that knows how many of them there are.
struct Counted;

impl Counted {
    fn new() -> Counted {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Counted
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

fn linker(engine: &Engine) -> Linker<Counted> {
    let mut linker = Linker::new(engine);
    linker
        .func_wrap(
            "host",
            "add",
            |_: Caller<'_, Counted>, x: i32, value: Option<Rooted<ExternRef>>| {
                x + i32::from(value.is_some())
            },
        )
        .unwrap();
    linker
}

/// Instantiates a module in a store of its own and uses everything in it.
fn use_once(linker: &Linker<Counted>, module: &Module) {
    let mut store = Store::new(module.engine(), Counted::new());
    let instance = linker.instantiate(&mut store, module).unwrap();
    let value = ExternRef::new(&mut store, Counted::new()).unwrap();
    let run =
        instance.get_typed_func::<(i32, Option<Rooted<ExternRef>>), i32>(&store, "run").unwrap();
    assert_eq!(run.call(&mut store, (5, Some(value))).unwrap(), 7);
    let captured = Counted::new();
    let own = lineal::Func::wrap(&mut store, move || {
        let _ = &captured;
    });
    instance.get_table(&store, "table").unwrap().set(&mut store, 7, own.into()).unwrap();
    own.call(&mut store, &[], &mut []).unwrap();
    let trap = instance.get_func(&store, "trap").unwrap();
    trap.call(&mut store, &[Val::I32(1)], &mut []).unwrap_err();
    let memory = instance.get_memory(&store, "memory").unwrap();
    assert_eq!(memory.size(&store), 2);
}

#[test]
fn what_is_dropped_is_gone() {
    let engine = Engine::default();
    let module = Module::new(&engine, MODULE).unwrap();
    let shared_linker = linker(&engine);

    check_flat("stores", 100_000, |_| use_once(&shared_linker, &module));

    let prepared = shared_linker.instantiate_pre(&module).unwrap();
    check_flat("prepared instances", 20_000, |_| {
        let mut store = Store::new(&engine, Counted::new());
        prepared.instantiate(&mut store).unwrap();
    });

    // The types are the same ones each time; the rest of a module is its own.
    let wasm = wat::parse_str(MODULE).unwrap();
    check_flat("modules", 4_000, |_| {
        use_once(&shared_linker, &Module::new(&engine, &wasm).unwrap());
    });

    check_flat("engines", 2_000, |index| {
        let engine = Engine::new(Config::new().consume_fuel(index % 2 == 0)).unwrap();
        let module = Module::new(&engine, &wasm).unwrap();
        let linker = linker(&engine);
        let mut store = Store::new(&engine, Counted::new());
        if index % 2 == 0 {
            store.set_fuel(1_000).unwrap();
        }
        linker.instantiate(&mut store, &module).unwrap();
    });

    check_flat("failed instances", 20_000, |index| {
        let mut store = Store::new(&engine, Counted::new());
        if index % 2 == 0 {
            assert!(Instance::new(&mut store, &module, &[]).is_err());
        }
        let failing = &failing(&engine)[index % 3];
        assert!(Instance::new(&mut store, failing, &[]).is_err());
    });

    let sharing = r#"(module (import "" "" (memory 1 4 shared))
        (func (export "add") (result i32)
            (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))"#;
    let sharing = Module::new(&engine, sharing).unwrap();
    check_flat("shared memories", 4_000, |_| {
        let ty = MemoryType::shared(1, 4);
        let memory = SharedMemory::new(&engine, ty).unwrap();
        for expected in 0..3 {
            let mut store = Store::new(&engine, Counted::new());
            let imports = [memory.clone().into()];
            let instance = Instance::new(&mut store, &sharing, &imports).unwrap();
            let add = instance.get_typed_func::<(), i32>(&store, "add").unwrap();
            assert_eq!(add.call(&mut store, ()).unwrap(), expected);
        }
    });

    // The allocator has an arena for each thread at once, up to eight for each processor, and keeps
    // them. They come first, all of them.
    let arenas = 8 * std::thread::available_parallelism().unwrap().get();
    let together = Barrier::new(arenas);
    std::thread::scope(|scope| {
        for _ in 0..arenas {
            scope.spawn(|| {
                use_once(&shared_linker, &module);
                together.wait();
            });
        }
    });

    check_flat("threads", 400, |_| {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| use_once(&shared_linker, &module));
            }
        });
    });

    assert_eq!(ALIVE.load(Ordering::Relaxed), 0);
    let token = Arc::new(());
    let held = token.clone();
    let mut linker = Linker::<Counted>::new(&engine);
    linker.func_wrap("host", "f", move || drop(held.clone())).unwrap();
    drop(linker);
    assert_eq!(Arc::strong_count(&token), 1);
}

/// Modules whose instantiation fails, at different points.
fn failing(engine: &Engine) -> &'static [Module; 3] {
    static MODULES: std::sync::OnceLock<[Module; 3]> = std::sync::OnceLock::new();
    MODULES.get_or_init(|| {
        [
            "(module (memory 1) (table 4 funcref) (func $f (unreachable)) (start $f))",
            "(module (memory 1) (func $f) (table 1 funcref) (elem (i32.const 1) $f))",
            r#"(module (memory 1) (memory 1) (data (i32.const 65535) "too long"))"#,
        ]
        .map(|wat| Module::new(engine, wat).unwrap())
    })
}
