//! Epochs: a host that interrupts guests, from another thread or not.

use std::time::Duration;

use lineal::{
    BackingKind, Caller, Config, Engine, Func, Global, Instance, Linker, Memory, MemoryOptions,
    Module, Store, Trap, TypedFunc, UpdateDeadline, Val,
};

use crate::trap;

fn engine() -> Engine {
    Engine::new(Config::new().epoch_interruption(true)).unwrap()
}

const FOREVER: &str = r#"(module (func (export "f") (loop (br 0))))"#;

fn instantiate<T>(store: &mut Store<T>, wat: &str) -> Instance {
    let module = Module::new(store.engine(), wat).unwrap();
    Instance::new(store, &module, &[]).unwrap()
}

#[test]
fn another_thread_interrupts() {
    let engine = engine();
    let mut store = Store::new(&engine, ());
    store.set_epoch_deadline(1);
    let f = instantiate(&mut store, FOREVER).get_typed_func::<(), ()>(&store, "f").unwrap();
    let weak = engine.weak();
    let timer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        weak.upgrade().expect("the store keeps the engine").increment_epoch();
    });
    let error = f.call(&mut store, ()).unwrap_err();
    assert_eq!(trap(&error), Trap::Interrupt);
    assert!(error.downcast_ref::<lineal::WasmBacktrace>().is_some());
    timer.join().unwrap();
}

#[test]
fn a_weak_engine_does_not_keep_it() {
    let engine = engine();
    let weak = engine.weak();
    assert!(weak.upgrade().is_some_and(|upgraded| Engine::same(&upgraded, &engine)));
    drop(engine);
    assert!(weak.upgrade().is_none());
}

#[test]
fn without_a_deadline_a_guest_does_not_begin() {
    let mut store = Store::new(&engine(), ());
    let f = instantiate(&mut store, r#"(module (func (export "f")))"#);
    let f = f.get_typed_func::<(), ()>(&store, "f").unwrap();
    assert_eq!(trap(&f.call(&mut store, ()).unwrap_err()), Trap::Interrupt);
    store.set_epoch_deadline(1);
    f.call(&mut store, ()).unwrap();
}

#[test]
fn a_guest_that_does_not_begin_is_at_its_first_instruction() {
    let engine = Engine::new(Config::new().epoch_interruption(true).consume_fuel(true)).unwrap();
    for (deadline, expected) in [(0, Trap::Interrupt), (1, Trap::OutOfFuel)] {
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(deadline);
        let f = instantiate(&mut store, FOREVER).get_typed_func::<(), ()>(&store, "f").unwrap();
        let error = f.call(&mut store, ()).unwrap_err();
        assert_eq!(trap(&error), expected);
        let frame = &error.downcast_ref::<lineal::WasmBacktrace>().unwrap().frames()[0];
        // Behind the byte that says how many locals there are.
        assert_eq!(frame.func_offset(), Some(1));
    }
}

#[test]
fn recursion_is_interrupted() {
    let engine = engine();
    let mut store = Store::new(&engine, ());
    let wat = r#"(module (import "" "tick" (func $tick)) (func $f (export "f")
        (call $tick) (return_call $f)))"#;
    let module = Module::new(&engine, wat).unwrap();
    let mut linker = Linker::new(&engine);
    let tick = |caller: Caller<'_, ()>| caller.engine().increment_epoch();
    linker.func_wrap("", "tick", tick).unwrap();
    let f = linker.instantiate(&mut store, &module).unwrap();
    let f = f.get_typed_func::<(), ()>(&store, "f").unwrap();
    store.set_epoch_deadline(1000);
    assert_eq!(trap(&f.call(&mut store, ()).unwrap_err()), Trap::Interrupt);
}

#[test]
fn a_callback_lets_the_guest_go_on() {
    let engine = engine();
    let mut store = Store::new(&engine, 0_u64);
    store.epoch_deadline_callback(|mut store| {
        *store.data_mut() += 1;
        Ok(UpdateDeadline::Continue(u64::from(*store.data() >= 4)))
    });
    let wat = r#"(module (func (export "f") (param i32 i64 f64) (result i64)
        (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (i64.add (local.get 1) (i64.trunc_f64_s (f64.mul (local.get 2) (f64.const 2))))))"#;
    let f = instantiate(&mut store, wat);
    let f = f.get_typed_func::<(i32, i64, f64), i64>(&store, "f").unwrap();
    // Once at the start, then in the loop's first rounds; registers survive it.
    assert_eq!(f.call(&mut store, (1000, 30, 1.5)).unwrap(), 33);
    assert_eq!(*store.data(), 4);
}

#[test]
fn a_callback_can_stop_the_guest() {
    let mut store = Store::new(&engine(), ());
    let f = instantiate(&mut store, FOREVER).get_typed_func::<(), ()>(&store, "f").unwrap();
    store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Interrupt));
    assert_eq!(trap(&f.call(&mut store, ()).unwrap_err()), Trap::Interrupt);
    store.epoch_deadline_callback(|_| Err(lineal::Error::msg("my reason")));
    let error = f.call(&mut store, ()).unwrap_err();
    assert_eq!(error.root_cause().to_string(), "my reason");
    store.epoch_deadline_trap();
    assert_eq!(trap(&f.call(&mut store, ()).unwrap_err()), Trap::Interrupt);
}

#[test]
fn a_callback_that_panics_leaves_the_store_usable() {
    let mut store = Store::new(&engine(), ());
    let f = instantiate(&mut store, FOREVER).get_typed_func::<(), ()>(&store, "f").unwrap();
    store.epoch_deadline_callback(|_| panic!("in the callback"));
    for _ in 0..2 {
        let message = crate::panic_message(|| drop(f.call(&mut store, ())));
        assert_eq!(message, "in the callback");
    }
}

/// Where the host's callback finds what it works with.
#[derive(Default)]
struct Host {
    memory: Option<Memory>,
    helper: Option<Func>,
}

#[test]
fn a_callback_can_grow_the_memory_and_call_the_guest() {
    let engine = engine();
    let mut store = Store::new(&engine, Host::default());
    let wat = r#"(module (memory (export "memory") 1)
        (func (export "helper") (result i32) (i32.store (i32.const 0) (i32.const 7)) (i32.const 5))
        (func (export "f") (result i32)
            (loop (br_if 0 (i32.lt_u (memory.size) (i32.const 3))))
            (i32.store (i32.const 131072) (i32.const 35))
            (i32.add (i32.load (i32.const 131072)) (i32.load (i32.const 0)))))"#;
    let instance = instantiate(&mut store, wat);
    store.data_mut().memory = instance.get_memory(&store, "memory");
    store.data_mut().helper = instance.get_func(&store, "helper");
    store.epoch_deadline_callback(|mut store| {
        let memory = store.data().memory.expect("set");
        let helper = store.data().helper.expect("set").typed::<(), i32>(&store)?;
        if memory.size(&store) < 3 {
            memory.grow(&mut store, 1)?;
            store.set_epoch_deadline(1);
            assert_eq!(helper.call(&mut store, ())?, 5);
            return Ok(UpdateDeadline::Continue(0));
        }
        Ok(UpdateDeadline::Continue(1))
    });
    let f = instance.get_typed_func::<(), i32>(&store, "f").unwrap();
    assert_eq!(f.call(&mut store, ()).unwrap(), 42);
}

#[test]
fn a_guest_called_by_the_callback_is_interrupted() {
    let engine = engine();
    let mut store = Store::new(&engine, Host::default());
    let instance = instantiate(&mut store, FOREVER);
    store.data_mut().helper = instance.get_func(&store, "f");
    store.epoch_deadline_callback(|mut store| {
        let helper = store.data().helper.expect("set").typed::<(), ()>(&store)?;
        helper.call(&mut store, ())?;
        Ok(UpdateDeadline::Continue(1))
    });
    let f = instance.get_typed_func::<(), ()>(&store, "f").unwrap();
    assert_eq!(trap(&f.call(&mut store, ()).unwrap_err()), Trap::Interrupt);
}

/// A store whose deadline is always reached, and whose callback lets the guest go on so many times.
fn always_due(times: u32, wat: &str) -> (Store<u32>, Instance) {
    let mut store = Store::new(&engine(), 0);
    store.epoch_deadline_callback(move |mut store| {
        *store.data_mut() += 1;
        let goes_on = *store.data() <= times;
        Ok(if goes_on { UpdateDeadline::Continue(0) } else { UpdateDeadline::Interrupt })
    });
    let instance = instantiate(&mut store, wat);
    (store, instance)
}

#[test]
fn a_large_operation_on_memory_is_done_in_pieces() {
    let wat = r#"(module
        (memory (export "memory") 1040)
        (func (export "fill") (memory.fill (i32.const 5) (i32.const 7) (i32.const 0x4000000)))
        (func (export "up")
            (memory.copy (i32.const 0x10000) (i32.const 0) (i32.const 0x4000000)))
        (func (export "down")
            (memory.copy (i32.const 0) (i32.const 0x10000) (i32.const 0x4000000))))"#;
    let (mut store, instance) = always_due(u32::MAX, wat);
    let memory = instance.get_memory(&store, "memory").unwrap();
    let calls = |store: &mut Store<u32>, name| {
        let before = *store.data();
        let f = instance.get_typed_func::<(), ()>(&mut *store, name).unwrap();
        f.call(&mut *store, ()).unwrap();
        *store.data() - before
    };
    // Where the function begins, and after each piece.
    assert!(calls(&mut store, "fill") > 4);
    let data = memory.data(&store);
    assert!(data[..5].iter().all(|&byte| byte == 0) && data[0x400_0005] == 0);
    assert!(data[5..0x400_0005].iter().all(|&byte| byte == 7));

    for (name, from, to) in [("up", 0, 0x1_0000), ("down", 0x1_0000, 0)] {
        let bytes = memory.data_mut(&mut store);
        bytes
            .chunks_mut(4)
            .zip(0u32..)
            .for_each(|(word, n)| word.copy_from_slice(&n.to_le_bytes()));
        let expected = bytes[from..from + 0x400_0000].to_vec();
        assert!(calls(&mut store, name) > 4, "{name}");
        assert!(memory.data(&store)[to..to + 0x400_0000] == expected, "{name}");
    }

    // The third time, after the second piece, it is stopped.
    let (mut store, instance) = always_due(2, wat);
    let memory = instance.get_memory(&store, "memory").unwrap();
    let fill = instance.get_typed_func::<(), ()>(&store, "fill").unwrap();
    assert_eq!(trap(&fill.call(&mut store, ()).unwrap_err()), Trap::Interrupt);
    let data = memory.data(&store);
    assert_eq!((data[5], data[0x400_0004]), (7, 0));
}

#[test]
fn a_large_operation_on_an_array_is_done_in_pieces() {
    let wat = r#"(module
        (type $a (array (mut i64)))
        (func (export "f") (result i64)
            (local $a (ref $a))
            (local.set $a (array.new $a (i64.const 9) (i32.const 0x800000)))
            (array.fill $a (local.get $a) (i32.const 1) (i64.const 4) (i32.const 0x7ffffe))
            (i64.add
                (i64.add (array.get $a (local.get $a) (i32.const 0))
                    (array.get $a (local.get $a) (i32.const 0x7fffff)))
                (array.get $a (local.get $a) (i32.const 0x7ffffe)))))"#;
    let (mut store, instance) = always_due(u32::MAX, wat);
    let f = instance.get_typed_func::<(), i64>(&store, "f").unwrap();
    assert_eq!(f.call(&mut store, ()).unwrap(), 9 + 9 + 4);
    assert!(*store.data() >= 1 + 4 + 4, "{}", store.data());
}

#[test]
fn the_search_for_a_handler_is_interrupted() {
    let wat = r#"(module
        (tag $e)
        (func $down (param i32)
            (if (i32.eqz (local.get 0)) (then (throw $e)))
            (call $down (i32.sub (local.get 0) (i32.const 1))))
        (func (export "f") (result i32)
            (block $caught (try_table (catch $e $caught) (call $down (i32.const 99))))
            (i32.const 5)))"#;
    let (mut store, instance) = always_due(u32::MAX, wat);
    let f = instance.get_typed_func::<(), i32>(&store, "f").unwrap();
    assert_eq!(f.call(&mut store, ()).unwrap(), 5);
    // Each of the 101 functions looks when it begins, and its frame is looked at once more.
    assert_eq!(*store.data(), 2 * 101);

    let (mut store, instance) = always_due(101 + 50, wat);
    let f = instance.get_typed_func::<(), i32>(&store, "f").unwrap();
    assert_eq!(trap(&f.call(&mut store, ()).unwrap_err()), Trap::Interrupt);
    // The store goes on to work.
    *store.data_mut() = 0;
    store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Continue(1)));
    assert_eq!(f.call(&mut store, ()).unwrap(), 5);
}

/// Calls a function and returns its result, and how often the callback was called.
fn counted(store: &mut Store<u32>, instance: Instance, name: &str) -> (i32, u32) {
    let before = *store.data();
    let f = instance.get_typed_func::<(), i32>(&mut *store, name).unwrap();
    (f.call(&mut *store, ()).unwrap(), *store.data() - before)
}

/// Elements of four pieces and a half.
const ELEMENTS: u32 = 9 << 20;

#[test]
fn a_large_operation_on_a_table_is_done_in_pieces() {
    let wat = format!(
        r#"(module
        (type $number (func (result i32)))
        (table $t {ELEMENTS} funcref) (table $other {ELEMENTS} funcref) (table $small 0 funcref)
        (elem declare func $one $two)
        (func $one (result i32) (i32.const 1))
        (func $two (result i32) (i32.const 2))
        (func $at (param i32) (result i32) (call_indirect $t (type $number) (local.get 0)))
        (func (export "fill") (result i32)
            (table.fill $t (i32.const 1) (ref.func $one) (i32.const {most}))
            (i32.add (call $at (i32.const 1)) (call $at (i32.const {most}))))
        (func (export "up") (result i32)
            (table.set $t (i32.const 1) (ref.func $two))
            (table.copy $t $t (i32.const 2) (i32.const 1) (i32.const {less}))
            (table.set $t (i32.const 1) (ref.func $one))
            (table.set $t (i32.const {most}) (ref.func $two))
            (i32.add (call $at (i32.const 2)) (call $at (i32.const 3))))
        (func (export "down") (result i32)
            (table.copy $t $t (i32.const 1) (i32.const 2) (i32.const {less}))
            (i32.add (call $at (i32.const 1)) (call $at (i32.const {less}))))
        (func (export "across") (result i32)
            (table.copy $other $t (i32.const 1) (i32.const 1) (i32.const {most}))
            (call_indirect $other (type $number) (i32.const {less})))
        (func (export "grow") (result i32)
            (drop (table.grow $small (ref.func $two) (i32.const {ELEMENTS})))
            (i32.add (call_indirect $small (type $number) (i32.const 0))
                (call_indirect $small (type $number) (i32.const {most})))))"#,
        most = ELEMENTS - 1,
        less = ELEMENTS - 2,
    );
    let (mut store, instance) = always_due(u32::MAX, &wat);
    for (name, expected) in [("fill", 2), ("up", 3), ("down", 4), ("across", 2), ("grow", 4)] {
        let (result, calls) = counted(&mut store, instance, name);
        assert_eq!(result, expected, "{name}");
        // Where functions begin, and after each piece.
        assert!(calls > 4, "{name}: {calls}");
    }
    // After the second piece it is stopped.
    let (mut store, instance) = always_due(2, &wat);
    let fill = instance.get_typed_func::<(), i32>(&store, "fill").unwrap();
    assert_eq!(trap(&fill.call(&mut store, ()).unwrap_err()), Trap::Interrupt);
}

/// Operations that read segments of which each has several pieces.
fn segments() -> String {
    let bytes = "x".repeat(34 << 20);
    let count = 5 << 20;
    let funcs = "$f ".repeat(count);
    format!(
        r#"(module
        (type $bytes (array (mut i8))) (type $refs (array (mut funcref)))
        (table $t {count} funcref)
        (data $data "{bytes}") (elem $elem func {funcs})
        (func $f (export "f"))
        (func (export "drop") (data.drop $data) (elem.drop $elem))
        (func (export "new_data") (result i32) (local $a (ref $bytes))
            (local.set $a (array.new_data $bytes $data (i32.const 0) (i32.const {len})))
            (array.get_u $bytes (local.get $a) (i32.const {last})))
        (func (export "init_data") (result i32) (local $a (ref $bytes))
            (local.set $a (array.new_default $bytes (i32.const {len})))
            (array.init_data $bytes $data
                (local.get $a) (i32.const 1) (i32.const 0) (i32.const {last}))
            (i32.sub (array.get_u $bytes (local.get $a) (i32.const {last}))
                (array.get_u $bytes (local.get $a) (i32.const 0))))
        (func (export "new_elem") (result i32)
            (ref.is_null (array.get $refs
                (array.new_elem $refs $elem (i32.const 0) (i32.const {count}))
                (i32.const {last_ref}))))
        (func (export "init_elem") (result i32) (local $a (ref $refs))
            (local.set $a (array.new_default $refs (i32.const {count})))
            (array.init_elem $refs $elem
                (local.get $a) (i32.const 1) (i32.const 0) (i32.const {last_ref}))
            (i32.sub (ref.is_null (array.get $refs (local.get $a) (i32.const 0)))
                (ref.is_null (array.get $refs (local.get $a) (i32.const {last_ref})))))
        (func (export "table") (result i32)
            (table.init $t $elem (i32.const 0) (i32.const 0) (i32.const {count}))
            (ref.is_null (table.get $t (i32.const {last_ref})))))"#,
        len = bytes.len(),
        last = bytes.len() - 1,
        last_ref = count - 1,
    )
}

#[test]
fn large_operations_on_segments_are_done_in_pieces() {
    let wat = segments();
    let (mut store, instance) = always_due(u32::MAX, &wat);
    let x = i32::from(b'x');
    let cases =
        [("new_data", x), ("init_data", x), ("new_elem", 0), ("init_elem", 1), ("table", 0)];
    for (name, expected) in cases {
        let (result, calls) = counted(&mut store, instance, name);
        assert_eq!(result, expected, "{name}");
        assert!(calls > 3, "{name}: {calls}");
    }
    // The host runs after each piece. If it drops the segment, the rest is not there any more.
    for (name, _) in cases {
        let mut store = Store::new(&engine(), None::<TypedFunc<(), ()>>);
        let instance = instantiate(&mut store, &wat);
        *store.data_mut() = Some(instance.get_typed_func(&store, "drop").unwrap());
        let mut calls = 0;
        store.epoch_deadline_callback(move |mut store| {
            calls += 1;
            if calls == 2 {
                // What is called here must not be interrupted itself.
                store.set_epoch_deadline(u64::MAX);
                let drop = store.data().expect("set");
                drop.call(&mut store, ())?;
            }
            Ok(UpdateDeadline::Continue(0))
        });
        let f = instance.get_typed_func::<(), i32>(&store, name).unwrap();
        let trap = trap(&f.call(&mut store, ()).unwrap_err());
        let expected =
            if name.ends_with("data") { Trap::MemoryOutOfBounds } else { Trap::TableOutOfBounds };
        assert_eq!(trap, expected, "{name}");
    }
}

/// A guest that waits for a notification, on a shared memory.
const WAITS: &str = r#"(module
    (memory (export "memory") 1 1 shared)
    (func (export "f") (result i32)
        (memory.atomic.wait32 (i32.const 8) (i32.const 0) (i64.const -1)))
    (func (export "g") (result i32)
        (memory.atomic.wait64 (i32.const 16) (i64.const 0) (i64.const -1))))"#;

#[test]
fn a_guest_that_waits_for_another_thread_is_interrupted() {
    for name in ["f", "g"] {
        let engine = engine();
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(1);
        let wait = instantiate(&mut store, WAITS).get_typed_func::<(), i32>(&store, name).unwrap();
        let timer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            engine.increment_epoch();
        });
        let error = wait.call(&mut store, ()).unwrap_err();
        assert_eq!(trap(&error), Trap::Interrupt);
        let trace = error.downcast_ref::<lineal::WasmBacktrace>().unwrap();
        assert_eq!(trace.frames().len(), 1);
        timer.join().unwrap();
        // The store is as good as before, and nobody is left in the queue.
        store.set_epoch_deadline(1000);
        let memory = instantiate(&mut store, WAITS).get_shared_memory(&store, "memory").unwrap();
        assert_eq!(memory.atomic_notify(8, 1).unwrap(), 0);
    }
}

#[test]
fn a_guest_that_may_go_on_goes_on_waiting() {
    let engine = engine();
    let mut store = Store::new(&engine, 0);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut cx| {
        *cx.data_mut() += 1;
        Ok(UpdateDeadline::Continue(1))
    });
    let instance = instantiate(&mut store, WAITS);
    let memory = instance.get_shared_memory(&store, "memory").unwrap();
    let wait = instance.get_typed_func::<(), i32>(&store, "f").unwrap();
    let other = std::thread::spawn(move || {
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(30));
            engine.increment_epoch();
        }
        // It never left the queue.
        std::thread::sleep(Duration::from_millis(30));
        memory.atomic_notify(8, 1).unwrap()
    });
    assert_eq!(wait.call(&mut store, ()).unwrap(), 0);
    assert_eq!(other.join().unwrap(), 1);
    assert!(*store.data() > 0);
}

/// What the callback changes while a guest waits: memory 0 moves, and an object is collected unless
/// the guest has it.
#[test]
fn a_guest_that_waited_sees_what_the_host_did() {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.memory_options(MemoryOptions::new().backing(BackingKind::Heap));
    let engine = Engine::new(&config).unwrap();
    let mut store: Store<Option<(Memory, Global)>> = Store::new(&engine, None);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut cx| {
        let (memory, global) = cx.data().expect("it is set");
        memory.grow(&mut cx, 100)?;
        memory.write(&mut cx, 0, &9_i32.to_le_bytes())?;
        global.set(&mut cx, Val::AnyRef(None))?;
        cx.gc(None)?;
        Ok(UpdateDeadline::Continue(1000))
    });
    let instance = instantiate(
        &mut store,
        r#"(module
            (type $s (struct (field i32)))
            (memory (export "memory") 1)
            (memory $shared 1 1 shared)
            (global $g (export "g") (mut anyref) (struct.new $s (i32.const 42)))
            (func (export "f") (result i32)
                (i32.store (i32.const 0) (i32.const 7))
                (global.get $g)
                (drop (memory.atomic.wait32 $shared
                    (i32.const 8) (i32.const 0) (i64.const 400000000)))
                (struct.get $s 0 (ref.cast (ref $s)))
                (i32.add (i32.load (i32.const 0)))))"#,
    );
    let memory = instance.get_memory(&store, "memory").unwrap();
    let global = instance.get_global(&store, "g").unwrap();
    *store.data_mut() = Some((memory, global));
    let f = instance.get_typed_func::<(), i32>(&store, "f").unwrap();
    let timer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        engine.increment_epoch();
    });
    assert_eq!(f.call(&mut store, ()).unwrap(), 42 + 9);
    timer.join().unwrap();
}

#[test]
fn what_instances_begin_with_can_be_interrupted() {
    let tables = r#"(module (elem declare func $f) (func $f)
        (table 400000 funcref (ref.func $f)) (table 400000 funcref (ref.func $f))
        (table 400000 funcref (ref.func $f)))"#;
    let array = "(module (type $bytes (array i8))
        (global (ref $bytes) (array.new $bytes (i32.const 1) (i32.const 40000000))))";
    let small = r#"(module (elem declare func $f) (func $f) (table 1000 funcref (ref.func $f)))"#;
    let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
    let instantiate = |store: &mut Store<u32>, wat: &str| {
        let module = Module::new(&engine, wat).unwrap();
        Instance::new(store, &module, &[])
    };
    // The deadline of a new store has passed.
    let mut store = Store::new(&engine, 0);
    for wat in [tables, array] {
        assert_eq!(trap(&instantiate(&mut store, wat).unwrap_err()), Trap::Interrupt);
    }
    instantiate(&mut store, small).unwrap();
    store.set_epoch_deadline(1);
    for wat in [tables, array] {
        instantiate(&mut store, wat).unwrap();
    }
    // A callback is asked where it can run.
    let mut store = Store::new(&engine, 0);
    store.epoch_deadline_callback(|mut store| {
        *store.data_mut() += 1;
        Ok(UpdateDeadline::Continue(0))
    });
    for wat in [tables, array, small] {
        instantiate(&mut store, wat).unwrap();
    }
    assert_eq!(*store.data(), 3);
    store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Interrupt));
    assert_eq!(trap(&instantiate(&mut store, tables).unwrap_err()), Trap::Interrupt);
}
