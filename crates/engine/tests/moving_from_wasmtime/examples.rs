//! The programs of the first pages: hello, memories, linking, fuel, threads.

use lineal::*;

/// Hello: a host function that the guest calls.
#[test]
fn hello() -> Result<()> {
    let engine = Engine::default();
    let wat = r#"
        (module
            (import "greeter" "hello" (func $hello (param i32)))
            (func (export "run") (call $hello (i32.const 3))))
    "#;
    let module = Module::new(&engine, wat)?;
    let mut store = Store::new(&engine, Vec::new());
    let hello = Func::wrap(&mut store, |mut caller: Caller<'_, Vec<String>>, times: i32| {
        caller.data_mut().push("hello, world! ".repeat(times as usize));
    });
    let instance = Instance::new(&mut store, &module, &[hello.into()])?;
    let run = instance.get_typed_func::<(), ()>(&mut store, "run")?;
    run.call(&mut store, ())?;
    assert_eq!(store.data()[..], ["hello, world! hello, world! hello, world! "]);
    Ok(())
}

/// Greatest common divisor: a pure function, called with types and without.
#[test]
fn gcd() -> Result<()> {
    let mut store = Store::<()>::default();
    let module = Module::new(
        store.engine(),
        r#"(module (func (export "gcd") (param $a i32) (param $b i32) (result i32) (local $t i32)
            (loop $again (result i32)
                (if (result i32) (i32.eqz (local.get $b))
                    (then (local.get $a))
                    (else
                        (local.set $t (i32.rem_u (local.get $a) (local.get $b)))
                        (local.set $a (local.get $b))
                        (local.set $b (local.get $t))
                        (br $again))))))"#,
    )?;
    let instance = Instance::new(&mut store, &module, &[])?;
    let gcd = instance.get_typed_func::<(i32, i32), i32>(&mut store, "gcd")?;
    assert_eq!(gcd.call(&mut store, (1071, 462))?, 21);

    let gcd = instance.get_func(&mut store, "gcd").expect("`gcd` was not an exported function");
    let mut results = [Val::I32(0)];
    gcd.call(&mut store, &[Val::I32(6), Val::I32(27)], &mut results)?;
    assert_eq!(results[0].unwrap_i32(), 3);
    Ok(())
}

/// Memory: sizes, safe access, growing, and a memory of the host's.
#[test]
fn memory() -> Result<()> {
    let mut store: Store<()> = Store::default();
    let wat = r#"
        (module
            (memory (export "memory") 2 3)
            (func (export "size") (result i32) (memory.size))
            (func (export "load") (param i32) (result i32) (i32.load8_s (local.get 0)))
            (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
            (data (i32.const 0x1000) "\01\02\03\04"))
    "#;
    let module = Module::new(store.engine(), wat)?;
    let instance = Instance::new(&mut store, &module, &[])?;
    let memory = instance
        .get_memory(&mut store, "memory")
        .ok_or(format_err!("failed to find `memory` export"))?;
    let size = instance.get_typed_func::<(), i32>(&mut store, "size")?;
    let load_fn = instance.get_typed_func::<i32, i32>(&mut store, "load")?;
    let store_fn = instance.get_typed_func::<(i32, i32), ()>(&mut store, "store")?;

    assert_eq!(memory.size(&store), 2);
    assert_eq!(memory.data_size(&store), 0x20000);
    assert_eq!(memory.data_mut(&mut store)[0], 0);
    assert_eq!(memory.data(&store)[0x1000..0x1004], [1, 2, 3, 4]);
    assert_eq!(size.call(&mut store, ())?, 2);
    assert_eq!(load_fn.call(&mut store, 0x1003)?, 4);
    assert!(load_fn.call(&mut store, 0x20000).is_err());

    memory.data_mut(&mut store)[0x1003] = 5;
    store_fn.call(&mut store, (0x1002, 6))?;
    assert!(store_fn.call(&mut store, (0x20000, 0)).is_err());
    assert_eq!(memory.data(&store)[0x1002..0x1004], [6, 5]);

    memory.grow(&mut store, 1)?;
    assert_eq!(memory.size(&store), 3);
    assert_eq!(memory.data_size(&store), 0x30000);
    assert!(memory.grow(&mut store, 1).is_err());
    assert!(memory.grow(&mut store, 0).is_ok());

    let mut bytes = [0; 2];
    memory.read(&store, 0x1002, &mut bytes)?;
    assert_eq!(bytes, [6, 5]);
    let error: MemoryAccessError = memory.write(&mut store, 0x2ffff, &bytes).unwrap_err();
    assert!(error.to_string().contains("out of bounds"));

    let (data, host) = memory.data_and_store_mut(&mut store);
    data[7] = 7;
    let () = *host;

    let memorytype = MemoryType::new(5, Some(5));
    let memory2 = Memory::new(&mut store, memorytype)?;
    assert_eq!(memory2.size(&store), 5);
    assert_eq!(memory2.ty(&store).maximum(), Some(5));
    assert!(memory2.grow(&mut store, 1).is_err());
    assert!(memory2.grow(&mut store, 0).is_ok());
    Ok(())
}

/// Several memories in one module.
#[test]
fn multimemory() -> Result<()> {
    let mut config = Config::new();
    config.wasm_multi_memory(true);
    let engine = Engine::new(&config)?;
    let mut store = Store::new(&engine, ());
    let module = Module::new(
        &engine,
        r#"(module
            (memory (export "a") 2 3) (memory (export "b") 2 4)
            (func (export "size_b") (result i32) (memory.size 1))
            (func (export "copy") (param i32 i32 i32)
                (memory.copy 1 0 (local.get 0) (local.get 1) (local.get 2)))
            (data (memory 0) (i32.const 0x1000) "\01\02\03\04"))"#,
    )?;
    let instance = Instance::new(&mut store, &module, &[])?;
    let a = instance.get_memory(&mut store, "a").unwrap();
    let b = instance.get_memory(&mut store, "b").unwrap();
    let size_b = instance.get_typed_func::<(), i32>(&mut store, "size_b")?;
    let copy = instance.get_typed_func::<(i32, i32, i32), ()>(&mut store, "copy")?;
    copy.call(&mut store, (0x10, 0x1000, 4))?;
    assert_eq!(b.data(&store)[0x10..0x14], [1, 2, 3, 4]);
    assert_eq!(a.data(&store)[0x10..0x14], [0; 4]);
    b.grow(&mut store, 2)?;
    assert_eq!((size_b.call(&mut store, ())?, a.size(&store)), (4, 2));
    Ok(())
}

/// Linking two modules.
#[test]
fn linking() -> Result<()> {
    let engine = Engine::default();
    let mut linker: Linker<Vec<String>> = Linker::new(&engine);
    linker.func_wrap("host", "log", |mut caller: Caller<'_, Vec<String>>, at: u32, len: u32| {
        let memory = match caller.get_export("memory") {
            Some(Extern::Memory(memory)) => memory,
            _ => bail!("failed to find memory"),
        };
        let (data, lines) = memory.data_and_store_mut(&mut caller);
        let bytes = &data[at as usize..][..len as usize];
        lines.push(std::str::from_utf8(bytes)?.to_owned());
        Ok(())
    })?;
    let numbers = Module::new(
        &engine,
        r#"(module
            (func (export "double") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
            (memory (export "memory") 2)
            (global (export "next") (mut i32) (i32.const 65536)))"#,
    )?;
    let main = Module::new(
        &engine,
        r#"(module
            (import "numbers" "double" (func $double (param i32) (result i32)))
            (import "numbers" "memory" (memory 1))
            (import "numbers" "next" (global $next (mut i32)))
            (import "host" "log" (func $log (param i32 i32)))
            (export "memory" (memory 0))
            (func (export "run") (result i32)
                (global.set $next (i32.const 65546))
                (call $log (i32.const 65536) (i32.const 10))
                (call $double (i32.const 21)))
            (data (i32.const 65536) "from main\n"))"#,
    )?;
    let mut store = Store::new(&engine, Vec::new());
    let numbers = linker.instantiate(&mut store, &numbers)?;
    linker.instance(&mut store, "numbers", numbers)?;
    let main = linker.instantiate(&mut store, &main)?;
    let run = main.get_typed_func::<(), i32>(&mut store, "run")?;
    assert_eq!(run.call(&mut store, ())?, 42);
    let next = numbers.get_global(&mut store, "next").unwrap();
    assert_eq!(next.get(&mut store).i32(), Some(65546));
    assert_eq!(store.data()[..], ["from main\n"]);

    let mut names: Vec<_> =
        linker.iter(&mut store).map(|(module, name, _)| format!("{module}.{name}")).collect();
    names.sort();
    assert_eq!(names, ["host.log", "numbers.double", "numbers.memory", "numbers.next"]);
    Ok(())
}

/// Fuel: a function called with ever larger arguments until it has none left.
#[test]
fn fuel() -> Result<()> {
    let mut config = Config::new();
    config.consume_fuel(true);
    let engine = Engine::new(&config)?;
    let mut store = Store::new(&engine, ());
    store.set_fuel(10_000)?;
    let module = Module::new(
        store.engine(),
        r#"(module (func $fibonacci (export "fibonacci") (param i32) (result i32)
            (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0)) (else
                (i32.add (call $fibonacci (i32.sub (local.get 0) (i32.const 1)))
                    (call $fibonacci (i32.sub (local.get 0) (i32.const 2))))))))"#,
    )?;
    let instance = Instance::new(&mut store, &module, &[])?;
    let fibonacci = instance.get_typed_func::<i32, i32>(&mut store, "fibonacci")?;
    let mut last = 0;
    for n in 1.. {
        let fuel_before = store.get_fuel()?;
        match fibonacci.call(&mut store, n) {
            Ok(_) => {
                let consumed = fuel_before - store.get_fuel()?;
                assert!(consumed > last);
                last = consumed;
                store.set_fuel(10_000)?;
            }
            Err(error) => {
                assert_eq!(error.downcast::<Trap>()?, Trap::OutOfFuel);
                assert!((12..20).contains(&n), "{n}");
                break;
            }
        };
    }
    Ok(())
}

/// Interrupt: another thread counts epochs.
#[test]
fn interrupt() -> Result<()> {
    let engine = Engine::new(Config::new().epoch_interruption(true))?;
    let mut store = Store::new(&engine, ());
    store.set_epoch_deadline(1);
    let module = Module::new(&engine, r#"(module (func (export "run") (loop br 0)))"#)?;
    let instance = Instance::new(&mut store, &module, &[])?;
    let run = instance.get_typed_func::<(), ()>(&mut store, "run")?;
    let timer = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(20));
        engine.increment_epoch();
    });
    let trap = run.call(&mut store, ()).unwrap_err();
    assert_eq!(trap.downcast_ref::<Trap>(), Some(&Trap::Interrupt));
    assert!(format!("{trap:?}").contains("wasm trap: interrupt"));
    timer.join().unwrap();
    Ok(())
}

/// References to host values, in tables, globals and calls.
#[test]
fn externref() -> Result<()> {
    let mut config = Config::new();
    config.wasm_reference_types(true);
    let engine = Engine::new(&config)?;
    let mut store = Store::new(&engine, ());
    let module = Module::new(
        &engine,
        r#"(module
            (table (export "table") 10 externref)
            (global (export "global") (mut externref) (ref.null extern))
            (func (export "func") (param externref) (result externref) (local.get 0)))"#,
    )?;
    let instance = Instance::new(&mut store, &module, &[])?;

    let externref = ExternRef::new(&mut store, "hello, references!")?;
    let data = externref.data(&store)?.expect("should have host data");
    let string = *data.downcast_ref::<&str>().expect("should be a str");
    assert_eq!(string, "hello, references!");

    let table = instance.get_table(&mut store, "table").unwrap();
    table.set(&mut store, 3, Some(externref).into())?;
    let elem =
        table.get(&mut store, 3).expect("in bounds").unwrap_extern().copied().expect("not null");
    assert!(Rooted::ref_eq(&store, &elem, &externref)?);

    let global = instance.get_global(&mut store, "global").unwrap();
    global.set(&mut store, Some(externref).into())?;
    let global_val =
        global.get(&mut store).unwrap_externref().copied().expect("should not be null");
    assert!(Rooted::ref_eq(&store, &global_val, &externref)?);

    let func = instance.get_typed_func::<Option<Rooted<ExternRef>>, Option<Rooted<ExternRef>>>(
        &mut store, "func",
    )?;
    let returned = func.call(&mut store, Some(externref))?;
    let returned = returned.expect("should not be null");
    assert!(Rooted::ref_eq(&store, &returned, &externref)?);

    store.gc(None)?;
    assert_eq!(returned.data(&store)?.unwrap().downcast_ref(), Some(&string));
    Ok(())
}

/// Several values at once.
#[test]
fn multi() -> Result<()> {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let module = Module::new(
        &engine,
        r#"(module
            (func $swap_and_bump (import "" "f") (param i32 i64) (result i64 i32))
            (func (export "g") (param i32 i64) (result i64 i32)
                (call $swap_and_bump (local.get 0) (local.get 1)))
            (func (export "many") (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
                (result i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
                local.get 9 local.get 8 local.get 7 local.get 6 local.get 5
                local.get 4 local.get 3 local.get 2 local.get 1 local.get 0))"#,
    )?;
    let callback_type =
        FuncType::new(&engine, [ValType::I32, ValType::I64], [ValType::I64, ValType::I32]);
    let callback = Func::new(&mut store, callback_type, |_, args, results| {
        results[0] = Val::I64(args[1].unwrap_i64() + 1);
        results[1] = Val::I32(args[0].unwrap_i32() + 1);
        Ok(())
    });
    let instance = Instance::new(&mut store, &module, &[callback.into()])?;
    let g = instance.get_typed_func::<(i32, i64), (i64, i32)>(&mut store, "g")?;
    assert_eq!(g.call(&mut store, (1, 3))?, (4, 2));

    let g = instance.get_func(&mut store, "g").unwrap();
    let mut results = vec![Val::I32(0); g.ty(&store).results().len()];
    g.call(&mut store, &[Val::I32(2), Val::I64(4)], &mut results)?;
    assert_eq!((results[0].unwrap_i64(), results[1].unwrap_i32()), (5, 3));

    type Ten = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);
    let many = instance.get_typed_func::<Ten, Ten>(&mut store, "many")?;
    assert_eq!(
        many.call(&mut store, (0, 1, 2, 3, 4, 5, 6, 7, 8, 9))?,
        (9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
    );
    Ok(())
}

/// Threads that share a memory.
#[test]
fn threads() -> Result<()> {
    let mut config = Config::new();
    config.wasm_threads(true);
    config.shared_memory(true);
    let engine = Engine::new(&config)?;
    let module = Module::new(
        &engine,
        r#"(module
            (import "env" "memory" (memory 1 5 shared))
            (import "env" "report" (func $report (param i32)))
            (func (export "count") (param $times i32)
                (loop $again
                    (call $report (i32.atomic.rmw.add (i32.const 64) (i32.const 1)))
                    (br_if $again
                        (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))))"#,
    )?;
    let shared_memory = SharedMemory::new(&engine, MemoryType::shared(1, 5))?;
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));

    let mut linker: Linker<()> = Linker::new(&engine);
    let report = seen.clone();
    linker.func_wrap("env", "report", move |n: i32| report.lock().unwrap().push(n))?;
    let mut store = Store::new(&engine, ());
    linker.define(&mut store, "env", "memory", shared_memory.clone())?;

    let children: Vec<_> = (0..4)
        .map(|_| {
            let (engine, linker, module) = (engine.clone(), linker.clone(), module.clone());
            std::thread::spawn(move || -> Result<()> {
                let mut store = Store::new(&engine, ());
                let instance = linker.instantiate(&mut store, &module)?;
                let count = instance.get_typed_func::<i32, ()>(&mut store, "count")?;
                count.call(&mut store, 100)
            })
        })
        .collect();
    for child in children {
        child.join().unwrap()?;
    }
    let mut numbers = seen.lock().unwrap().clone();
    numbers.sort();
    assert_eq!(numbers, (0..400).collect::<Vec<_>>());
    assert_eq!(shared_memory.size(), 1);
    assert_eq!(shared_memory.linear().load::<u32>(64, 0)?, 400);
    Ok(())
}

/// Limits, imports resolved beforehand, and imports that nobody defines.
#[test]
fn embedding() -> Result<()> {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
            (import "env" "f" (func $f (param i32) (result i64 f32 externref)))
            (import "env" "memory" (memory 3 5)) (import "env" "table" (table 2 funcref))
            (import "env" "global" (global f64))
            (func (export "f") (result i64 f32 externref) (call $f (i32.const 1)))
            (func (export "sizes") (result i32 i32 f64) memory.size table.size global.get 0))"#,
    )?;
    Module::validate(&engine, b"(module)")?;
    assert_eq!(module.imports().len(), 4);
    assert_eq!(module.exports().map(|export| export.name()).collect::<Vec<_>>(), ["f", "sizes"]);
    assert!(matches!(module.get_export("f"), Some(ExternType::Func(_))));

    let mut linker = Linker::new(&engine);
    let error = linker.instantiate_pre(&module).unwrap_err();
    assert_eq!(error.downcast_ref::<UnknownImportError>().unwrap().name(), "f");

    let mut store = Store::new(&engine, ());
    linker.define_unknown_imports_as_default_values(&mut store, &module)?;
    let pre: InstancePre<()> = linker.instantiate_pre(&module)?;
    assert_eq!(pre.module().exports().len(), 2);
    for _ in 0..2 {
        let instance = pre.instantiate(&mut store)?;
        let f = instance
            .get_typed_func::<(), (i64, f32, Option<Rooted<ExternRef>>)>(&mut store, "f")?;
        let (a, b, c) = f.call(&mut store, ())?;
        assert!((a, b, c.is_none()) == (0, 0.0, true));
        let sizes = instance.get_typed_func::<(), (i32, i32, f64)>(&mut store, "sizes")?;
        assert_eq!(sizes.call(&mut store, ())?, (3, 2, 0.0));
    }

    let mut linker = Linker::<()>::new(&engine);
    linker.func_wrap("env", "f", |_: i32| (1_i64, 2_f32, None::<Rooted<ExternRef>>))?;
    linker.allow_shadowing(true);
    linker.func_wrap("env", "f", |x: i32| (i64::from(x) + 10, 2_f32, None::<Rooted<ExternRef>>))?;
    linker.alias("env", "f", "other", "g")?;
    linker.alias_module("env", "copy")?;
    assert!(linker.get(&mut store, "other", "g").is_ok());
    assert!(linker.get(&mut store, "copy", "f").is_ok());
    linker.define_unknown_imports_as_traps(&module)?;
    let error = linker.instantiate(&mut store, &module).unwrap_err();
    assert!(error.to_string().contains("env::memory"), "{error}");
    Ok(())
}
