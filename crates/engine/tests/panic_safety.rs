//! A panic in any callback passes through the guest and leaves the store usable.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lineal::{
    AsContextMut as _, Caller, Config, Engine, Error, ExternRef, Func, FuncType, Instance, Linker,
    Module, Ref, ResourceLimiter, Result, RootScope, Store, Trap, TypedFunc, UpdateDeadline, Val,
    ValType,
};

const MODULE: &str = r#"(module
    (import "host" "f" (func $f (param i32) (result i32)))
    (memory (export "memory") 1)
    (func $deep (param i32 i32) (result i32)
        (if (result i32) (local.get 1)
            (then (i32.add (i32.const 1)
                (call $deep (local.get 0) (i32.sub (local.get 1) (i32.const 1)))))
            (else (call $f (local.get 0)))))
    (func (export "run") (param i32) (result i32)
        (call $deep (local.get 0) (i32.const 10))))"#;

fn setup(
    f: impl Fn(Caller<'_, ()>, i32) -> i32 + Send + Sync + 'static,
) -> (Store<()>, TypedFunc<i32, i32>) {
    let engine = Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    linker.func_wrap("host", "f", f).unwrap();
    let module = Module::new(&engine, MODULE).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func(&store, "run").unwrap();
    (store, run)
}

#[test]
fn the_payload_arrives_and_the_store_works_on() {
    let token = Arc::new(());
    let captured = token.clone();
    let (mut store, run) = setup(move |_, x| {
        let _guard = captured.clone();
        assert!(x != 0, "zero");
        x
    });
    for _ in 0..3 {
        assert_eq!(run.call(&mut store, 5).unwrap(), 15);
        let payload = catch_unwind(AssertUnwindSafe(|| run.call(&mut store, 0))).unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"zero"));
    }
    drop(store);
    assert_eq!(Arc::strong_count(&token), 1);
}

#[test]
fn a_panic_passes_through_several_guests() {
    let (mut store, run) = setup(|mut caller, x| {
        let run = caller.get_export("memory").map(|_| ());
        assert!(run.is_some());
        if x == 0 {
            std::panic::panic_any(7_i32);
        }
        let inner = Func::wrap(&mut caller, |_: i32| -> i32 { std::panic::panic_any(8_i32) });
        inner.typed::<i32, i32>(&caller).unwrap().call(&mut caller, x).unwrap()
    });
    for (argument, expected) in [(0, 7), (1, 8)] {
        let payload = catch_unwind(AssertUnwindSafe(|| run.call(&mut store, argument)));
        assert_eq!(payload.unwrap_err().downcast_ref::<i32>(), Some(&expected));
    }
}

/// A host of which any callback can be made to panic, the next time that it is called.
#[derive(Default)]
struct Host {
    armed: Option<&'static str>,
}

impl Host {
    fn at(&self, callback: &str) {
        assert!(self.armed != Some(callback), "panic in {callback}");
    }
}

impl ResourceLimiter for Host {
    fn memory_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        self.at("memory_growing");
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _: Error) -> Result<()> {
        self.at("memory_grow_failed");
        Ok(())
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        self.at("table_growing");
        Ok(true)
    }

    fn table_grow_failed(&mut self, _: Error) -> Result<()> {
        self.at("table_grow_failed");
        Ok(())
    }

    fn gc_heap_growing(&mut self, _: usize, _: usize) -> Result<bool> {
        self.at("gc_heap_growing");
        Ok(true)
    }

    fn instance_creating(&mut self, _: usize) -> Result<bool> {
        self.at("instance_creating");
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.at("instances");
        1000
    }

    fn tables(&self) -> usize {
        self.at("tables");
        1000
    }

    fn memories(&self) -> usize {
        self.at("memories");
        1000
    }
}

/// A value of the host's whose destructor panics, once.
struct Bomb(Arc<AtomicBool>);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0.swap(false, Ordering::Relaxed) {
            std::panic::panic_any("panic in a destructor".to_owned());
        }
    }
}

const GUEST: &str = r#"(module
    (import "host" "typed" (func $typed (param i32) (result i32)))
    (import "host" "dynamic" (func $dynamic (param i32) (result i32)))
    (import "host" "start" (func $start))
    (type $f (func (param i32) (result i32)))
    (memory $m (export "memory") 1 3) (table $t (export "table") 2 4 funcref)
    (elem (i32.const 0) $typed $dynamic)
    (elem declare func $typed) (tag $tag (param i32))
    (global $held (mut externref) (ref.null extern))
    (start $start)
    (func (export "typed") (drop (call $typed (i32.const 1))))
    (func (export "dynamic") (drop (call $dynamic (i32.const 1))))
    (func (export "indirect") (drop (call_indirect (type $f) (i32.const 1) (i32.const 1))))
    (func (export "by_reference") (drop (call_ref $f (i32.const 1) (ref.func $typed))))
    (func (export "tail") (result i32) (return_call $typed (i32.const 1)))
    (func (export "in_try") (block (try_table (catch_all 0) (drop (call $typed (i32.const 1))))))
    (func (export "grow_memory") (drop (memory.grow (i32.const 1))))
    (func (export "grow_memory_too_far") (drop (memory.grow (i32.const 5))))
    (func (export "grow_table") (drop (table.grow $t (ref.null func) (i32.const 1))))
    (func (export "grow_table_too_far") (drop (table.grow $t (ref.null func) (i32.const 5))))
    (func (export "hold") (param externref) (global.set $held (local.get 0)))
    (func (export "nothing"))
    (func $fibonacci (param i32) (result i32)
        (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
            (else (i32.add (call $fibonacci (i32.sub (local.get 0) (i32.const 1)))
                (call $fibonacci (i32.sub (local.get 0) (i32.const 2)))))))
    (func $depth (param i32) (result i32)
        (i32.store (i32.const 0) (local.get 0))
        (call $depth (i32.add (local.get 0) (i32.const 1))))
    (func (export "recurse") (drop (call $depth (i32.const 0))))
    (func (export "work") (result i32) (local $i i32) (local $sum i32)
        (loop $again
            (i32.store (i32.mul (local.get $i) (i32.const 4)) (local.get $i))
            (block $caught (result i32)
                (try_table (catch $tag $caught) (throw $tag (local.get $i)))
                (unreachable))
            (local.set $sum (i32.add (local.get $sum)))
            (local.set $sum (i32.add (local.get $sum) (call $typed (local.get $i))))
            (local.set $sum (i32.add (local.get $sum)
                (call_indirect (type $f) (local.get $i) (i32.const 1))))
            (br_if $again (i32.lt_u
                (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
        (i32.add (local.get $sum) (call $fibonacci (i32.const 15))))
"#;

/// The rest of the guest: with objects, if this build has them.
const OBJECTS: &str = if cfg!(feature = "gc") {
    r#"
    (type $list (struct (field (ref null $list)) (field i32)))
    (global $objects (mut (ref null $list)) (ref.null $list))
    (func (export "objects") (result i32) (local $i i32) (local $sum i32)
        (global.set $objects (ref.null $list))
        (loop $again
            (global.set $objects (struct.new $list (global.get $objects) (local.get $i)))
            (local.set $sum (i32.add (local.get $sum) (call $typed (local.get $i))))
            (br_if $again (i32.lt_u
                (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
        (loop $next
            (local.set $sum (i32.add (local.get $sum)
                (struct.get $list 1 (global.get $objects))))
            (global.set $objects (struct.get $list 0 (global.get $objects)))
            (br_if $next (i32.eqz (ref.is_null (global.get $objects)))))
        (local.get $sum)))"#
} else {
    r#"(func (export "objects") (result i32) (i32.const 0)))"#
};

struct Guest {
    store: Store<Host>,
    linker: Linker<Host>,
    module: Module,
    instance: Instance,
}

impl Guest {
    fn new() -> Guest {
        let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
        let mut linker = Linker::<Host>::new(&engine);
        let typed = |caller: Caller<'_, Host>, x: i32| {
            caller.data().at("typed");
            x
        };
        linker.func_wrap("host", "typed", typed).unwrap();
        let start = |caller: Caller<'_, Host>| caller.data().at("start");
        linker.func_wrap("host", "start", start).unwrap();
        let ty = FuncType::new(&engine, [ValType::I32], [ValType::I32]);
        let dynamic = |caller: Caller<'_, Host>, args: &[Val], results: &mut [Val]| {
            caller.data().at("dynamic");
            results[0] = args[0];
            Ok(())
        };
        linker.func_new("host", "dynamic", ty, dynamic).unwrap();
        let mut store = Store::new(&engine, Host::default());
        store.limiter(|host| host);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store| {
            store.data().at("epoch");
            Ok(UpdateDeadline::Continue(1))
        });
        let module = Module::new(&engine, format!("{GUEST}{OBJECTS}")).unwrap();
        let instance = linker.instantiate(&mut store, &module).unwrap();
        Guest { store, linker, module, instance }
    }

    fn call(&mut self, name: &str) -> Result<()> {
        let results = usize::from(name == "tail");
        let f = self.instance.get_func(&self.store, name).expect("exported");
        f.call(&mut self.store, &[], &mut vec![Val::I32(0); results])
    }

    /// All that can be seen of the store, after everything in it has worked.
    fn results(&mut self) -> Vec<i64> {
        let work = self.instance.get_typed_func::<(), i32>(&self.store, "work").unwrap();
        let mut sum = work.call(&mut self.store, ()).unwrap();
        let objects = self.instance.get_typed_func::<(), i32>(&self.store, "objects").unwrap();
        sum += objects.call(&mut self.store, ()).unwrap();
        self.store.gc(None).unwrap();
        let overflow = self.call("recurse").unwrap_err();
        assert_eq!(overflow.downcast_ref::<Trap>(), Some(&Trap::StackOverflow));
        let memory = self.instance.get_memory(&self.store, "memory").unwrap();
        let bytes = memory.data(&self.store);
        // The first word is how deep the recursion was.
        let depth = i32::from_le_bytes(bytes[..4].try_into().unwrap());
        let bytes = bytes[4..].iter().map(|&byte| i64::from(byte)).sum();
        let table = self.instance.get_table(&self.store, "table").unwrap();
        vec![
            sum.into(),
            depth.into(),
            bytes,
            memory.size(&self.store) as i64,
            table.size(&self.store) as i64,
        ]
    }

    /// Calls something of which a callback panics.
    #[track_caller]
    fn panics(&mut self, callback: &'static str, run: impl FnOnce(&mut Guest)) {
        self.store.data_mut().armed = Some(callback);
        let outcome = catch_unwind(AssertUnwindSafe(|| run(self)));
        self.store.data_mut().armed = None;
        let payload = outcome.expect_err(callback);
        let message = payload.downcast_ref::<String>().expect("a message");
        assert_eq!(*message, format!("panic in {callback}"));
    }
}

#[test]
fn a_store_works_on_after_a_panic_in_any_callback() {
    let expected = Guest::new().results();
    let mut guest = Guest::new();
    for round in 0..3 {
        for (callback, function) in [
            ("typed", "typed"),
            ("dynamic", "dynamic"),
            ("dynamic", "indirect"),
            ("typed", "by_reference"),
            ("typed", "tail"),
            ("typed", "in_try"),
            ("memory_growing", "grow_memory"),
            ("memory_grow_failed", "grow_memory_too_far"),
            ("table_growing", "grow_table"),
            ("table_grow_failed", "grow_table_too_far"),
        ] {
            guest.panics(callback, |guest| drop(guest.call(function)));
            assert_eq!(guest.results(), expected, "round {round}, {function}");
        }
        guest.panics("epoch", |guest| {
            guest.store.engine().increment_epoch();
            drop(guest.call("nothing"));
        });
        assert_eq!(guest.results(), expected, "round {round}, epoch");
        guest.panics("epoch", |guest| {
            guest.store.engine().increment_epoch();
            drop(guest.store.as_context_mut().check_epoch());
        });
        assert_eq!(guest.results(), expected, "round {round}, epoch asked by the host");
        for callback in ["start", "instance_creating", "instances", "tables", "memories"] {
            guest.panics(callback, |guest| {
                drop(guest.linker.instantiate(&mut guest.store, &guest.module));
            });
            assert_eq!(guest.results(), expected, "round {round}, {callback}");
        }
        // What the host does itself.
        let memory = guest.instance.get_memory(&guest.store, "memory").unwrap();
        guest.panics("memory_growing", |guest| drop(memory.grow(&mut guest.store, 1)));
        let table = guest.instance.get_table(&guest.store, "table").unwrap();
        guest.panics("table_growing", |guest| {
            drop(table.grow(&mut guest.store, 1, Ref::Func(None)));
        });
        guest.panics("gc_heap_growing", |guest| {
            drop(ExternRef::new(RootScope::new(&mut guest.store), [0_u8; 200_000]));
        });
        assert_eq!(guest.results(), expected, "round {round}, growth by the host");
        // What the guest lets go of is dropped by the collector.
        let armed = Arc::new(AtomicBool::new(true));
        {
            let mut scope = RootScope::new(&mut guest.store);
            let value = ExternRef::new(&mut scope, Bomb(armed.clone())).unwrap();
            let hold = guest.instance.get_func(&scope, "hold").unwrap();
            hold.call(&mut scope, &[Val::ExternRef(Some(value))], &mut []).unwrap();
        }
        let hold = guest.instance.get_func(&guest.store, "hold").unwrap();
        hold.call(&mut guest.store, &[Val::ExternRef(None)], &mut []).unwrap();
        guest.panics("a destructor", |guest| drop(guest.store.gc(None)));
        assert!(!armed.load(Ordering::Relaxed));
        assert_eq!(guest.results(), expected, "round {round}, destructor");
    }
}
