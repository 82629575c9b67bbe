//! The host has no room for what a guest or a module asks for: that is an error, a trap or a −1,
//! and never the end of the process.

use lineal::{
    ArrayType, BackingKind, Config, Engine, ExternRef, FieldType, Func, FuncType, Instance, Linker,
    Memory, MemoryOptions, MemoryType, Module, Mutability, Ref, RefType, SharedMemory, StorageType,
    Store, Table, TableType, Trap, Val, ValType,
};

use crate::allocator::{refusing, refusing_each};
use crate::{call, instantiate, trap};

/// More than the host needs for itself while it does what a guest says.
const FLOOR_BYTES: usize = 4096;

/// An engine whose memories come from the allocator.
fn engine() -> Engine {
    let options = MemoryOptions::new().backing(BackingKind::Heap);
    Engine::new(Config::new().memory_options(options)).unwrap()
}

#[test]
fn a_memory_that_cannot_grow_stays_as_it_is() {
    for shared in ["", " shared"] {
        let (mut store, instance) = instantiate(
            &engine(),
            &format!(
                r#"(module (memory 1 9{shared})
                (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
                (func (export "put") (i32.store (i32.const 65532) (i32.const 7)))
                (func (export "get") (result i32) (i32.load (i32.const 65532)))
                (func (export "beyond") (result i32) (i32.load (i32.const 65536))))"#
            ),
        );
        call::<_, (), ()>(&mut store, instance, "put", ()).unwrap();
        // A shared one has had its room from the start.
        let expected = if shared.is_empty() { [-1, -1] } else { [1, 2] };
        for (delta, expected) in [1, 3].into_iter().zip(expected) {
            let grown: i32 =
                refusing(FLOOR_BYTES, || call(&mut store, instance, "grow", delta).unwrap());
            assert_eq!(grown, expected, "{shared}");
        }
        assert_eq!(call::<_, (), i32>(&mut store, instance, "get", ()).unwrap(), 7);
        if shared.is_empty() {
            let beyond = call::<_, (), i32>(&mut store, instance, "beyond", ());
            assert_eq!(trap(beyond), Trap::MemoryOutOfBounds);
            assert_eq!(call::<_, i32, i32>(&mut store, instance, "grow", 1).unwrap(), 1);
        }
        assert_eq!(call::<_, (), i32>(&mut store, instance, "beyond", ()).unwrap(), 0);
    }
}

#[test]
fn a_table_that_cannot_grow_stays_as_it_is() {
    let (mut store, instance) = instantiate(
        &engine(),
        r#"(module (table $t (export "t") 1 externref) (table $u i64 1 funcref)
            (func (export "grow") (param i32) (result i32)
                (table.grow $t (ref.null extern) (local.get 0)))
            (func (export "grow64") (param i64) (result i64)
                (table.grow $u (ref.null func) (local.get 0))))"#,
    );
    let table = instance.get_table(&store, "t").unwrap();
    refusing(FLOOR_BYTES, || {
        for delta in [1_000, 9_999_999, i32::MAX, -1] {
            assert_eq!(call::<_, i32, i32>(&mut store, instance, "grow", delta).unwrap(), -1);
            let delta = i64::from(delta);
            assert_eq!(call::<_, i64, i64>(&mut store, instance, "grow64", delta).unwrap(), -1);
        }
        assert!(table.grow(&mut store, 1_000, Ref::Extern(None)).is_err());
        assert!(Table::new(&mut store, table_type(1_000), Ref::Func(None)).is_err());
    });
    assert_eq!(table.size(&store), 1);
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "grow", 1_000).unwrap(), 1);
}

fn table_type(minimum: u32) -> TableType {
    TableType::new(RefType::FUNCREF, minimum, None)
}

#[test]
fn memories_that_the_host_wants_are_errors() {
    let engine = engine();
    let mut store = Store::new(&engine, ());
    refusing(FLOOR_BYTES, || {
        let ty = MemoryType::new(1, None);
        let error = Memory::new(&mut store, ty).unwrap_err().to_string();
        assert!(error.contains("1 page"), "{error}");
        let ty = MemoryType::shared(1, 4);
        let error = SharedMemory::new(&engine, ty).unwrap_err().to_string();
        assert!(error.contains("262144 bytes"), "{error}");
    });
    let ty = MemoryType::new(1, None);
    Memory::new(&mut store, ty).unwrap();
}

#[test]
fn a_stack_that_cannot_be_made_is_an_error() {
    // No other test leaves a stack of this size behind.
    let bytes = 123_456;
    let engine = Engine::new(Config::new().max_wasm_stack(bytes)).unwrap();
    let (mut store, instance) = instantiate(&engine, r#"(module (func (export "run")))"#);
    for _ in 0..2 {
        let result = refusing(FLOOR_BYTES, || call::<_, (), ()>(&mut store, instance, "run", ()));
        let error = result.unwrap_err();
        let refused = error.downcast_ref::<lineal::OutOfMemory>().unwrap();
        assert_eq!(refused.requested_bytes(), bytes);
        assert_eq!(error.to_string(), "the host has no room for 123456 bytes");
    }
    call::<_, (), ()>(&mut store, instance, "run", ()).unwrap();
}

/// A module that says in few bytes that it wants much, of everything that an instance has.
fn greedy() -> String {
    let many = 2_000;
    let mut wat = String::from(
        r#"(module (type $bytes (array i8)) (type $refs (array (mut funcref)))
            (import "host" "f" (func $f))
            (memory 1) (memory 2) (table $t 3000 funcref) (table $u 5000 externref)
            (global (export "bytes") (ref $bytes)
                (array.new $bytes (i32.const 1) (i32.const 10000)))
            (global (export "last") (mut i32) (i32.const 0))
            (func (export "check") (result i32)
                (i32.add (global.get 1) (call_indirect $t (result i32) (i32.const 1999))))
            (tag $tag) (data (i32.const 0) "active")
            (func $start (global.set 1 (i32.const 35)) (call $f)) (start $start)"#,
    );
    let mut repeat = |text: &str| (0..many).for_each(|_| wat += text);
    repeat("(func (result i32) (i32.const 7))");
    repeat("(global i32 (i32.const 1))");
    repeat("(tag)");
    repeat("(data \"\")");
    repeat("(elem func)");
    wat += "(elem (table $t) (i32.const 0) func";
    (0..many).for_each(|index| wat += &format!(" {}", 3 + index));
    wat += ") (elem funcref";
    (0..many).for_each(|_| wat += " (ref.null func)");
    wat += "))";
    wat
}

#[test]
fn an_instance_that_does_not_fit_is_an_error() {
    let engine = engine();
    let module = Module::new(&engine, greedy()).unwrap();
    let mut linker = Linker::<u32>::new(&engine);
    linker
        .func_wrap("host", "f", |mut caller: lineal::Caller<'_, u32>| *caller.data_mut() += 1)
        .unwrap();
    let mut errors = 0;
    let refused = refusing_each(FLOOR_BYTES, || {
        let mut store = Store::new(&engine, 0);
        match linker.instantiate(&mut store, &module) {
            Ok(_) => {}
            Err(error) => {
                errors += 1;
                let told = error.to_string();
                let trapped = error.downcast_ref() == Some(&Trap::GcHeapOutOfMemory);
                assert!(trapped || told.contains("room"), "{error:?}");
                assert_eq!(*store.data(), 0, "the start function ran");
            }
        }
        // The store can be used all the same.
        let instance = linker.instantiate(&mut store, &module);
        if let Ok(instance) = instance {
            assert_eq!(call::<_, (), i32>(&mut store, instance, "check", ()).unwrap(), 42);
        }
    });
    assert!(refused > 10, "{refused} allocations were refused");
    assert!(errors > 10, "{errors} instantiations failed");
}

#[test]
fn objects_that_do_not_fit_are_traps() {
    let fields = "(field i64)".repeat(1_000);
    let values = "(i64.const 1)".repeat(1_000);
    let params = "i64 ".repeat(1_000);
    let (mut store, instance) = instantiate(
        &Engine::default(),
        &format!(
            r#"(module
            (type $bytes (array (mut i8))) (type $words (array i64)) (type $refs (array funcref))
            (type $large (struct {fields}))
            (tag $large (param {params}))
            (data $data "{data}") (elem $elem funcref {elements})
            (func (export "new") (drop (array.new $bytes (i32.const 1) (i32.const 100000))))
            (func (export "default") (drop (array.new_default $bytes (i32.const 100000))))
            (func (export "fixed") (drop (array.new_fixed $words 1000 {values})))
            (func (export "data") (drop (array.new_data $bytes $data (i32.const 0) (i32.const 10000))))
            (func (export "elem") (drop (array.new_elem $refs $elem (i32.const 0) (i32.const 1000))))
            (func (export "struct") (drop (struct.new $large {values})))
            (func (export "struct default") (drop (struct.new_default $large)))
            (func (export "throw")
                (try_table (catch_all 0) {values} (throw $large))))"#,
            data = "x".repeat(10_000),
            elements = "(ref.null func)".repeat(1_000),
        ),
    );
    // The stack comes first, and the first object brings what all others need.
    call::<_, (), ()>(&mut store, instance, "new", ()).unwrap();
    let names = ["new", "default", "fixed", "data", "elem", "struct", "struct default", "throw"];
    for name in names {
        let result = refusing(FLOOR_BYTES, || call::<_, (), ()>(&mut store, instance, name, ()));
        assert_eq!(trap(result), Trap::GcHeapOutOfMemory, "{name}");
        call::<_, (), ()>(&mut store, instance, name, ()).unwrap();
    }
    let field = FieldType::new(Mutability::Const, StorageType::I8);
    let bytes = ArrayType::new(store.engine(), field);
    let bytes = lineal::ArrayRefPre::new(&mut store, bytes);
    let large = refusing(FLOOR_BYTES, || {
        lineal::ArrayRef::new(&mut store, &bytes, &Val::I32(0), 100_000).map(|_| ())
    });
    assert_eq!(trap(large), Trap::GcHeapOutOfMemory);
}

#[test]
fn garbage_makes_room_before_there_is_none() {
    let (mut store, instance) = instantiate(
        &Engine::default(),
        r#"(module (type $bytes (array i8)) (global $kept (mut (ref null $bytes)) (ref.null $bytes))
            (func (export "keep") (global.set $kept (array.new_default $bytes (i32.const 10))))
            (func (export "waste") (drop (array.new_default $bytes (i32.const 10000))))
            (func (export "len") (result i32) (array.len (global.get $kept))))"#,
    );
    call::<_, (), ()>(&mut store, instance, "keep", ()).unwrap();
    let mut collected = 0;
    // Each time, the first attempt is refused and the one after the collection is not.
    let refused = refusing_each(FLOOR_BYTES, || {
        call::<_, (), ()>(&mut store, instance, "waste", ()).unwrap();
        collected += 1;
    });
    assert!(refused >= 1 && collected > refused);
    assert_eq!(call::<_, (), i32>(&mut store, instance, "len", ()).unwrap(), 10);
}

#[test]
fn collecting_needs_no_room() {
    let elements = "(ref.null func)".repeat(10_000);
    let (mut store, _) = instantiate(
        &Engine::default(),
        &format!("(module (table 10000 externref) (elem $large funcref {elements}))"),
    );
    for _ in 0..1_000 {
        ExternRef::new(&mut store, 1).unwrap();
    }
    refusing(FLOOR_BYTES, || store.gc(None)).unwrap();
}

#[test]
fn calls_between_instances_end_as_a_stack_overflow() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let wat = r#"(module (import "" "t" (table 2 funcref))
        (func (export "f") (param i32 i32) (result i32)
            (if (i32.eqz (local.get 1)) (then (return (i32.const 1))))
            (call_indirect (param i32 i32) (result i32)
                (i32.xor (local.get 0) (i32.const 1))
                (i32.sub (local.get 1) (i32.const 1))
                (i32.xor (local.get 0) (i32.const 1)))))"#;
    let module = Module::new(&engine, wat).unwrap();
    let table = Table::new(&mut store, table_type(2), Ref::Func(None)).unwrap();
    let funcs = [0, 1].map(|index| {
        let instance = Instance::new(&mut store, &module, &[table.into()]).unwrap();
        let func = instance.get_func(&store, "f").unwrap();
        table.set(&mut store, index, func.into()).unwrap();
        func
    });
    let run = funcs[0].typed::<(i32, i32), i32>(&store).unwrap();
    assert_eq!(run.call(&mut store, (0, 3)).unwrap(), 1);
    let result = refusing(FLOOR_BYTES, || run.call(&mut store, (0, 1_000)));
    assert_eq!(trap(result), Trap::StackOverflow);
    assert_eq!(run.call(&mut store, (0, 1_000)).unwrap(), 1);
}

#[test]
fn calls_with_many_values_are_errors_or_work() {
    let params = vec![ValType::I64; 1_000];
    let mut store = Store::new(&Engine::default(), ());
    let ty = FuncType::new(store.engine(), params.clone(), params);
    let func = Func::new(&mut store, ty, |_, params, results| {
        results.copy_from_slice(params);
        Ok(())
    });
    let values = vec![Val::I64(5); 1_000];
    let mut results = vec![Val::I64(0); 1_000];
    func.call(&mut store, &values, &mut results).unwrap();
    results.fill(Val::I64(0));
    let result = refusing(FLOOR_BYTES, || func.call(&mut store, &values, &mut results));
    assert!(result.unwrap_err().downcast_ref::<lineal::OutOfMemory>().is_some());
    func.call(&mut store, &values, &mut results).unwrap();
    assert_eq!(results[999].unwrap_i64(), 5);
}
