//! A trap stops the guest where it is: what was done remains done, what was begun is not half
//! done, and the store goes on.

use lineal::{
    Caller, Config, Engine, Error, Instance, Linker, Memory, MemoryType, Module, Ref, RefType,
    Store, Table, TableType, Trap, Val,
};

use crate::{call, instantiate, trap};

/// Each operation on a range that ends past the end, with what it would have written.
const BULK: &str = r#"(module
    (type $bytes (array (mut i8))) (type $refs (array (mut funcref)))
    (memory (export "memory") 1) (memory $other i64 1)
    (table $t (export "t") 4 funcref) (table $u 4 funcref)
    (data $data "0123456789") (elem $elem func $f $f $f)
    (global $array (ref $bytes) (array.new $bytes (i32.const 97) (i32.const 8)))
    (func $f)
    (func (export "memory.fill")
        (memory.fill (i32.const 65530) (i32.const 1) (i32.const 7)))
    (func (export "memory.copy")
        (i32.store (i32.const 0) (i32.const 0x01010101))
        (memory.copy (i32.const 65534) (i32.const 0) (i32.const 4)))
    (func (export "memory.copy from beyond")
        (i32.store (i32.const 65532) (i32.const 0x01010101))
        (memory.copy (i32.const 100) (i32.const 65532) (i32.const 5)))
    (func (export "memory.copy between")
        (memory.fill $other (i64.const 0) (i32.const 1) (i64.const 65536))
        (memory.copy 0 $other (i32.const 65535) (i64.const 0) (i32.const 2)))
    (func (export "memory.init")
        (memory.init $data (i32.const 65530) (i32.const 0) (i32.const 10)))
    (func (export "memory.init beyond")
        (memory.init $data (i32.const 100) (i32.const 5) (i32.const 6)))
    (func (export "table.fill") (table.fill $t (i32.const 2) (ref.func $f) (i32.const 3)))
    (func (export "table.init")
        (table.init $t $elem (i32.const 2) (i32.const 0) (i32.const 3)))
    (func (export "table.init beyond")
        (table.init $t $elem (i32.const 0) (i32.const 1) (i32.const 3)))
    (func (export "table.copy")
        (table.fill $u (i32.const 0) (ref.func $f) (i32.const 4))
        (table.copy $t $u (i32.const 1) (i32.const 0) (i32.const 4)))
    (func (export "array.fill")
        (array.fill $bytes (global.get $array) (i32.const 5) (i32.const 1) (i32.const 4)))
    (func (export "array.copy")
        (array.copy $bytes $bytes (global.get $array) (i32.const 5)
            (array.new $bytes (i32.const 1) (i32.const 9)) (i32.const 0) (i32.const 4)))
    (func (export "array.init_data")
        (array.init_data $bytes $data
            (global.get $array) (i32.const 5) (i32.const 0) (i32.const 4)))
    (func (export "array bytes") (result i64) (local i32 i64)
        (loop (result i64)
            (local.set 1 (i64.or
                (i64.shl (local.get 1) (i64.const 8))
                (i64.extend_i32_u (array.get_u $bytes (global.get $array) (local.get 0)))))
            (br_if 0 (i32.lt_u
                (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 8)))
            (local.get 1))))"#;

#[test]
fn operations_that_do_not_fit_write_nothing() {
    let (mut store, instance) = instantiate(&Engine::default(), BULK);
    let memory = instance.get_memory(&store, "memory").unwrap();
    let table = instance.get_table(&store, "t").unwrap();
    let names: Vec<String> = instance
        .exports(&store)
        .map(|export| export.name().to_owned())
        .filter(|name| name.contains('.'))
        .collect();
    assert_eq!(names.len(), 13);
    for name in names {
        let expected = match name.split('.').next() {
            Some("memory") => Trap::MemoryOutOfBounds,
            Some("table") => Trap::TableOutOfBounds,
            _ => Trap::ArrayOutOfBounds,
        };
        assert_eq!(trap(call::<_, (), ()>(&mut store, instance, &name, ())), expected, "{name}");
        // But for what the test itself put there.
        assert!(memory.data(&store)[4..65_532].iter().all(|&byte| byte == 0), "{name}");
        if !name.ends_with("from beyond") {
            let end = &memory.data(&store)[65_532..];
            assert!(end.iter().all(|&byte| byte == 0), "{name}");
        }
        memory.data_mut(&mut store).fill(0);
        for index in 0..4 {
            assert!(table.get(&store, index).unwrap().is_null(), "{name}");
        }
        let bytes: i64 = call(&mut store, instance, "array bytes", ()).unwrap();
        assert_eq!(bytes, i64::from_be_bytes([97; 8]), "{name}");
    }
}

/// Bulk operations on a memory of any kind, whose numbers each tell where they are.
fn memory_of(index: &str, shared: &str) -> String {
    format!(
        r#"(module
        (memory $m {index} 1 1{shared}) (memory $other {index} 1) (data $data "0123456789")
        (func (export "prepare") (local $at {index})
            (loop
                (i64.store $m (local.get $at) (call $number (local.get $at)))
                (local.set $at ({index}.add (local.get $at) ({index}.const 8)))
                (br_if 0 ({index}.lt_u (local.get $at) ({index}.const 65536)))))
        (func (export "differences") (result i32) (local $at {index}) (local $count i32)
            (loop
                (local.set $count (i32.add (local.get $count) (i64.ne
                    (i64.load $m (local.get $at)) (call $number (local.get $at)))))
                (local.set $at ({index}.add (local.get $at) ({index}.const 8)))
                (br_if 0 ({index}.lt_u (local.get $at) ({index}.const 65536))))
            (local.get $count))
        (func $number (param {index}) (result i64)
            (i64.mul (i64.add (i64.const 1) {widened}) (i64.const 0x9e3779b97f4a7c15)))
        (func (export "fill") (param $dst {index}) (param $src {index}) (param $len {index})
            (memory.fill $m (local.get $dst) (i32.const 7) (local.get $len)))
        (func (export "copy") (param $dst {index}) (param $src {index}) (param $len {index})
            (memory.copy $m $m (local.get $dst) (local.get $src) (local.get $len)))
        (func (export "copy here") (param $dst {index}) (param $src {index}) (param $len {index})
            (memory.copy $m $other (local.get $dst) (local.get $src) (local.get $len)))
        (func (export "init") (param $dst {index}) (param $src i32) (param $len i32)
            (memory.init $m $data (local.get $dst) (local.get $src) (local.get $len))))"#,
        widened = if index == "i32" { "(i64.extend_i32_u (local.get 0))" } else { "(local.get 0)" },
    )
}

#[test]
fn whatever_the_memory_what_does_not_fit_is_not_begun() {
    for (index, shared) in [("i32", ""), ("i64", ""), ("i32", " shared"), ("i64", " shared")] {
        let (mut store, instance) = instantiate(&Engine::default(), &memory_of(index, shared));
        let number = |value: i64| match index {
            "i32" => Val::I32(value as i32),
            _ => Val::I64(value),
        };
        let mut run = |name: &str, params: &[Val]| {
            let func = instance.get_func(&store, name).unwrap();
            func.call(&mut store, params, &mut [])
        };
        run("prepare", &[]).unwrap();
        // Past the end by one, from behind it, by all that can be said, and of no length.
        let ranges = [(65_530, 7), (65_535, 2), (65_536, 1), (0, 65_537), (1, -1), (-1, 2)];
        for (start, len) in ranges.into_iter().chain([(-8, 16), (65_537, 0), (-1, 0)]) {
            let told = |name| format!("{name} of {len} at {start}, {index}{shared}");
            for (name, dst, src) in [
                ("fill", start, 0),
                ("copy", start, 0),
                ("copy", start, 8),
                ("copy", 8, start),
                ("copy here", start, 0),
                ("copy here", 8, start),
            ] {
                let params = [dst, src, len].map(number);
                assert_eq!(trap(run(name, &params)), Trap::MemoryOutOfBounds, "{}", told(name));
            }
        }
        for (dst, src, len) in [(65_530, 0, 7), (65_537, 0, 0), (-1, 0, 2), (0, 5, 6), (0, 0, -1)] {
            let params = [number(dst), Val::I32(src), Val::I32(len)];
            assert_eq!(trap(run("init", &params)), Trap::MemoryOutOfBounds, "{dst} {src} {len}");
        }
        // What fits to the last byte does it.
        for name in ["fill", "copy", "copy here"] {
            run(name, &[65_536, 65_536, 0].map(number)).unwrap();
        }
        let differences =
            |store: &mut Store<()>| call::<_, (), i32>(store, instance, "differences", ()).unwrap();
        assert_eq!(differences(&mut store), 0, "{index}{shared}");
        let fill = instance.get_func(&store, "fill").unwrap();
        fill.call(&mut store, &[65_529, 0, 7].map(number), &mut []).unwrap();
        assert_eq!(differences(&mut store), 1, "{index}{shared}");
    }
}

/// A store with a memory and a table of the host's, as imports named `host`.
fn with_imports(engine: &Engine) -> (Store<()>, Linker<()>, Memory, Table) {
    let mut store = Store::new(engine, ());
    let memory = MemoryType::new(1, None);
    let memory = Memory::new(&mut store, memory).unwrap();
    let ty = TableType::new(RefType::FUNCREF, 4, None);
    let table = Table::new(&mut store, ty, Ref::Func(None)).unwrap();
    let mut linker = Linker::new(engine);
    linker.define(&store, "host", "memory", memory).unwrap();
    linker.define(&store, "host", "table", table).unwrap();
    (store, linker, memory, table)
}

#[test]
fn what_a_start_function_did_before_its_trap_remains() {
    let engine = Engine::default();
    let (mut store, linker, memory, table) = with_imports(&engine);
    let module = Module::new(
        &engine,
        r#"(module
            (import "host" "memory" (memory 1)) (import "host" "table" (table 4 funcref))
            (elem declare func $seven)
            (global $seven i32 (i32.const 7))
            (data (i32.const 8) "active")
            (func $seven (result i32) (global.get $seven))
            (func $start
                (i32.store (i32.const 0) (i32.const 42))
                (table.set (i32.const 1) (ref.func $seven))
                (drop (memory.grow (i32.const 1)))
                (drop (table.grow (ref.null func) (i32.const 2)))
                (i32.store (i32.const 65536) (i32.const 43))
                (i32.store (i32.const 131069) (i32.const 44))
                (i32.store (i32.const 0) (i32.const 45)))
            (start $start))"#,
    )
    .unwrap();
    for round in 1..=3 {
        let result = linker.instantiate(&mut store, &module);
        // Once there are more pages, the second store is in bounds.
        if round == 1 {
            assert_eq!(trap(result), Trap::MemoryOutOfBounds);
            assert_eq!(memory.load::<u32>(&store, 0).unwrap(), 42);
            assert_eq!(memory.load::<u32>(&store, 65_536).unwrap(), 43);
        } else {
            result.unwrap();
            assert_eq!(memory.load::<u32>(&store, 0).unwrap(), 45);
        }
        assert_eq!(&memory.data(&store)[8..14], b"active");
        assert_eq!((memory.size(&store), table.size(&store)), (1 + round, 4 + 2 * round));
        let Some(Ref::Func(Some(seven))) = table.get(&store, 1) else { panic!("no function") };
        let mut results = [Val::I32(0)];
        seven.call(&mut store, &[], &mut results).unwrap();
        assert_eq!(results[0].unwrap_i32(), 7);
    }
}

#[test]
fn segments_before_the_one_that_does_not_fit_remain() {
    let engine = Engine::default();
    let (mut store, linker, memory, table) = with_imports(&engine);
    // Element segments come before data segments, and a trap ends both.
    let module = |elem: u32, data: u32| {
        let wat = format!(
            r#"(module
            (import "host" "memory" (memory 1)) (import "host" "table" (table 4 funcref))
            (func $f)
            (elem (i32.const 0) $f) (elem (i32.const {elem}) $f $f) (elem (i32.const 1) $f)
            (data (i32.const 0) "a") (data (i32.const {data}) "bc") (data (i32.const 2) "d"))"#
        );
        Module::new(&engine, wat).unwrap()
    };
    let is_set = |store: &Store<()>| {
        [0, 1, 2, 3].map(|index| u8::from(!table.get(store, index).unwrap().is_null()))
    };
    let result = linker.instantiate(&mut store, &module(3, 8));
    assert_eq!(trap(result), Trap::TableOutOfBounds);
    assert_eq!((is_set(&store), &memory.data(&store)[..3]), ([1, 0, 0, 0], &[0; 3][..]));
    let result = linker.instantiate(&mut store, &module(2, 65_535));
    assert_eq!(trap(result), Trap::MemoryOutOfBounds);
    assert_eq!((is_set(&store), &memory.data(&store)[..3]), ([1; 4], &b"a\0\0"[..]));
    assert_eq!(memory.data(&store)[65_535], 0);
    linker.instantiate(&mut store, &module(2, 65_534)).unwrap();
    assert_eq!(&memory.data(&store)[..3], b"a\0d");
}

/// Traps in every way, at every depth, with the host in between.
const NESTED: &str = r#"(module
    (import "host" "attempt" (func $attempt (param i32 i32) (result i32)))
    (memory (export "memory") 1 3)
    (table 2 funcref) (elem (i32.const 0) $f)
    (global $calls (mut i32) (i32.const 0))
    (func $f (param i32))
    (func $deeper (call $deeper))
    (func $fail (param i32)
        (block (block (block (block (block (block
            (br_table 0 1 2 3 4 5 (local.get 0)))
            (unreachable))
            (drop (i32.load (i32.const -1))))
            (drop (i32.div_u (i32.const 1) (global.get $zero))))
            (call_indirect (i32.const 0)))
            (call_indirect (i32.const 1)))
        (call $deeper))
    (global $zero i32 (i32.const 0))
    ;; Fails at depth 0; the host attempts each call and says whether it failed.
    (func (export "run") (param $depth i32) (param $way i32) (result i32) (local $pinned i64)
        (local.set $pinned (i64.const 1))
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (if (i32.eqz (local.get $depth)) (then (call $fail (local.get $way))))
        (drop (memory.grow (i32.const 1)))
        (loop
            (local.set $pinned (i64.mul (local.get $pinned) (i64.const 3)))
            (br_if 0 (i64.lt_u (local.get $pinned) (i64.const 1000))))
        (i32.add
            (i32.mul (i32.const 10)
                (call $attempt (i32.sub (local.get $depth) (i32.const 1)) (local.get $way)))
            (i32.wrap_i64 (i64.rem_u (local.get $pinned) (i64.const 10)))))
    (func (export "calls") (result i32) (global.get $calls)))"#;

#[test]
fn a_host_that_handles_a_trap_goes_on() {
    let engine = Engine::default();
    let module = Module::new(&engine, NESTED).unwrap();
    let mut linker = Linker::<Vec<Trap>>::new(&engine);
    let attempt = |mut caller: Caller<'_, Vec<Trap>>, depth: i32, way: i32| {
        let run = caller.get_export("run").unwrap().into_func().unwrap();
        let run = run.typed::<(i32, i32), i32>(&caller).unwrap();
        match run.call(&mut caller, (depth, way)) {
            Ok(result) => result,
            Err(error) => {
                let trap = *error.downcast_ref::<Trap>().unwrap();
                caller.data_mut().push(trap);
                1
            }
        }
    };
    linker.func_wrap("host", "attempt", attempt).unwrap();
    let mut store = Store::new(&engine, Vec::new());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<(i32, i32), i32>(&store, "run").unwrap();
    let ways = [
        Trap::UnreachableCodeReached,
        Trap::MemoryOutOfBounds,
        Trap::IntegerDivisionByZero,
        Trap::BadSignature,
        Trap::IndirectCallToNull,
        Trap::StackOverflow,
    ];
    for (way, expected) in (0..).zip(ways) {
        assert_eq!(trap(run.call(&mut store, (0, way))), expected);
        // 3 to the power of 7 is 2187; the one who fails gives 1.
        assert_eq!(run.call(&mut store, (1, way)).unwrap(), 17);
        assert_eq!(run.call(&mut store, (4, way)).unwrap(), 17_777);
        assert_eq!(std::mem::take(store.data_mut()), [expected; 2]);
    }
    let calls: i32 = call(&mut store, instance, "calls", ()).unwrap();
    assert_eq!(calls, 6 * (1 + 2 + 5));
    assert_eq!(instance.get_memory(&store, "memory").unwrap().size(&store), 3);
}

#[test]
fn after_a_stack_overflow_the_whole_stack_is_there_again() {
    let engine = Engine::new(Config::new().max_wasm_stack(64 << 10)).unwrap();
    let mut linker = Linker::<u32>::new(&engine);
    linker
        .func_wrap("host", "back", |mut caller: Caller<'_, u32>, depth: i32| {
            *caller.data_mut() += 1;
            let down = caller.get_export("down").unwrap().into_func().unwrap();
            // The error of the innermost call goes all the way out.
            down.typed::<i32, i32>(&caller)?.call(&mut caller, depth)
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "host" "back" (func $back (param i32) (result i32)))
            (func $down (export "down") (param i32) (result i32)
                (if (result i32) (i32.eqz (local.get 0))
                    (then (i32.const 0))
                    (else (if (result i32) (i32.rem_u (local.get 0) (i32.const 10))
                        (then (i32.add (i32.const 1)
                            (call $down (i32.sub (local.get 0) (i32.const 1)))))
                        (else (i32.add (i32.const 1)
                            (call $back (i32.sub (local.get 0) (i32.const 1))))))))))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, 0);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let down = instance.get_typed_func::<i32, i32>(&store, "down").unwrap();
    let deepest = (1..).take_while(|&depth| down.call(&mut store, depth).is_ok()).last().unwrap();
    assert!(deepest > 100, "{deepest}");
    for _ in 0..100 {
        assert_eq!(trap(down.call(&mut store, 1_000_000)), Trap::StackOverflow);
        assert_eq!(trap(down.call(&mut store, deepest + 1)), Trap::StackOverflow);
        assert_eq!(down.call(&mut store, deepest).unwrap(), deepest);
    }
}

#[test]
fn a_guest_that_got_new_fuel_goes_on_where_it_left_its_state() {
    let engine = Engine::new(Config::new().consume_fuel(true)).unwrap();
    let (mut store, mut linker) = (Store::new(&engine, 0), Linker::<u64>::new(&engine));
    linker
        .func_wrap("host", "refuel", |mut caller: Caller<'_, u64>| {
            let fuel = *caller.data();
            caller.set_fuel(fuel)
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "host" "refuel" (func $refuel))
            (global $done (mut i32) (i32.const 0))
            (func (export "count") (param $to i32) (result i32)
                (loop (result i32)
                    (global.set $done (i32.add (global.get $done) (i32.const 1)))
                    (br_if 0 (i32.lt_u (global.get $done) (local.get $to)))
                    (global.get $done)))
            (func (export "refuelled") (param i32) (result i32)
                (loop (result i32)
                    (call $refuel)
                    (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))
                    (i32.const 5))))"#,
    )
    .unwrap();
    store.set_fuel(1_000).unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let mut stops = 0;
    let total = loop {
        store.set_fuel(500).unwrap();
        match call::<_, _, i32>(&mut store, instance, "count", 10_000) {
            Ok(total) => break total,
            Err(error) => {
                assert_eq!(error.downcast_ref(), Some(&Trap::OutOfFuel));
                assert_eq!(store.get_fuel().unwrap(), 0);
                // Without more, nothing goes on.
                assert_eq!(
                    trap(call::<_, _, i32>(&mut store, instance, "count", 1)),
                    Trap::OutOfFuel
                );
                stops += 1;
            }
        }
    };
    assert_eq!(total, 10_000);
    assert!(stops > 50, "{stops}");
    // A host function can do it, too.
    *store.data_mut() = 50;
    store.set_fuel(50).unwrap();
    assert_eq!(call::<_, _, i32>(&mut store, instance, "refuelled", 1_000).unwrap(), 5);
    *store.data_mut() = 1;
    store.set_fuel(50).unwrap();
    let result = call::<_, _, i32>(&mut store, instance, "refuelled", 1_000);
    assert_eq!(trap(result), Trap::OutOfFuel);
}

#[test]
fn an_error_of_the_host_in_a_nested_start_function_arrives() {
    let engine = Engine::default();
    let inner =
        Module::new(&engine, r#"(module (import "host" "fail" (func $fail)) (start $fail))"#)
            .unwrap();
    let outer = Module::new(
        &engine,
        r#"(module (import "host" "instantiate" (func $instantiate (result i32)))
            (memory (export "memory") 1)
            (func (export "run") (result i32)
                (i32.add (call $instantiate) (i32.mul (i32.const 100) (call $instantiate)))))"#,
    )
    .unwrap();
    let mut linker = Linker::<i32>::new(&engine);
    linker.func_wrap("host", "fail", || -> lineal::Result<()> { Err(Error::msg("no")) }).unwrap();
    let within = linker.clone();
    linker
        .func_wrap("host", "instantiate", move |mut caller: Caller<'_, i32>| {
            *caller.data_mut() += 1;
            let error = within.instantiate(&mut caller, &inner).unwrap_err();
            assert_eq!(error.root_cause().to_string(), "no");
            *caller.data()
        })
        .unwrap();
    let mut store = Store::new(&engine, 0);
    let instance: Instance = linker.instantiate(&mut store, &outer).unwrap();
    assert_eq!(call::<_, (), i32>(&mut store, instance, "run", ()).unwrap(), 201);
}
