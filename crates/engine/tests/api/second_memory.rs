//! Memory 1, whose base and limits the executor keeps: whatever makes it larger is seen by the next
//! access.

use lineal::{Caller, Engine, Func, Instance, Linker, Memory, MemoryType, Module, Store, Val};

/// Each export makes memory 1 one page larger in its way, and returns what it then reads in its last
/// four bytes after it wrote 42 there.
const GUEST: &str = r#"(module
    (import "m" "m" (memory $first 1 20))
    (import "m" "m" (memory $second 1 20))
    (import "m" "m" (memory $third 1 20))
    (import "host" "grow" (func $host))
    (import "host" "nested" (func $nested))
    (import "other" "grow" (func $other))
    (import "other" "throw" (func $throw))
    (import "other" "tag" (tag $tag))

    (func $touch (result i32) (local $end i32)
        (local.set $end (i32.sub (i32.shl (memory.size $second) (i32.const 16)) (i32.const 4)))
        (i32.store $second (local.get $end) (i32.const 42))
        (i32.load $second (local.get $end)))
    (func $tail (return_call $other))
    (func $caught (block $caught (try_table (catch $tag $caught) (call $throw))))

    ;; Calls inside an instance read nothing again, so it is what comes before `$touch` that must have.
    (func (export "own") (result i32)
        (drop (memory.grow $second (i32.const 1))) (call $touch))
    (func (export "first") (result i32)
        (i32.store $second (i32.const 0) (memory.grow $first (i32.const 1))) (call $touch))
    (func (export "third") (result i32)
        (i32.store $second (i32.const 0) (memory.grow $third (i32.const 1))) (call $touch))
    (func (export "host") (result i32) (call $host) (call $touch))
    (func (export "nested") (result i32) (call $nested) (call $touch))
    (func (export "other") (result i32) (call $other) (call $touch))
    (func (export "tail") (result i32) (call $tail) (call $touch))
    (func (export "caught") (result i32) (call $caught) (call $touch)))"#;

const OTHER: &str = r#"(module
    (import "m" "m" (memory 1 20))
    (tag $tag (export "tag"))
    (func (export "grow") (drop (memory.grow (i32.const 1))))
    (func (export "throw") (drop (memory.grow (i32.const 1))) (throw $tag)))"#;

#[test]
fn whatever_makes_it_larger_is_seen_at_once() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let memory = Memory::new(&mut store, MemoryType::new(1, Some(20))).unwrap();
    let mut linker = Linker::new(&engine);
    linker.define(&store, "m", "m", memory).unwrap();
    let other = Module::new(&engine, OTHER).unwrap();
    let other = linker.instantiate(&mut store, &other).unwrap();
    linker.instance(&mut store, "other", other).unwrap();
    let grow = other.get_func(&mut store, "grow").unwrap();
    linker
        .func_wrap("host", "grow", move |mut caller: Caller<'_, ()>| {
            memory.grow(&mut caller, 1).map(|_| ())
        })
        .unwrap();
    let nested = Func::wrap(&mut store, move |mut caller: Caller<'_, ()>| {
        grow.call(&mut caller, &[], &mut [])
    });
    linker.define(&store, "host", "nested", nested).unwrap();
    let guest = Module::new(&engine, GUEST).unwrap();
    let guest = linker.instantiate(&mut store, &guest).unwrap();

    for name in ["own", "first", "third", "host", "nested", "other", "tail", "caught"] {
        let pages = memory.size(&store);
        assert_eq!(touched(&mut store, guest, name), 42, "{name}");
        assert_eq!(memory.size(&store), pages + 1, "{name}");
    }
}

fn touched(store: &mut Store<()>, guest: Instance, name: &str) -> i32 {
    let mut results = [Val::I32(0)];
    let func = guest.get_func(&mut *store, name).unwrap();
    func.call(store, &[], &mut results).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    results[0].unwrap_i32()
}

/// A memory of another module is not taken for the one of the module that ran before.
#[test]
fn each_instance_has_its_own() {
    const MODULE: &str = r#"(module
        (import "m" "f" (func $f (result i32)))
        (memory 1) (memory $second 2 2)
        (data (memory $second) (i32.const 0) "\01")
        (func (export "run") (result i32)
            (i32.add (call $f) (i32.load8_u $second (i32.const 0))))
        (func (export "far") (result i32)
            (drop (call $f)) (i32.load8_u $second (i32.const 131071))))"#;
    const CALLED: &str = r#"(module
        (memory 1) (memory $second 1)
        (data (memory $second) (i32.const 0) "\10")
        (func (export "f") (result i32) (i32.load8_u $second (i32.const 0))))"#;
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    let called = Module::new(&engine, CALLED).unwrap();
    let called = linker.instantiate(&mut store, &called).unwrap();
    linker.instance(&mut store, "m", called).unwrap();
    let module = Module::new(&engine, MODULE).unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    assert_eq!(touched(&mut store, instance, "run"), 0x11);
    assert_eq!(touched(&mut store, instance, "far"), 0);
}
