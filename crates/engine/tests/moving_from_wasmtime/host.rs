//! Host functions, what they see of their caller, globals, backtraces and configurations.

use std::num::NonZeroUsize;

use lineal::*;

/// Closures of several shapes, with and without the caller.
#[test]
fn closures() -> Result<()> {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
            (import "host" "plain" (func $plain (param i32 i64) (result i64)))
            (import "host" "checked" (func $checked (param f64) (result f64)))
            (import "host" "log" (func $log (param i32 i32)))
            (import "host" "dynamic" (func $dynamic (param i32) (result i32 i64)))
            (memory (export "memory") 1)
            (data (i32.const 32) "from the guest")
            (func (export "helper") (param i32) (result i32)
                (i32.add (local.get 0) (i32.const 100)))
            (func (export "run") (param f64) (result i64) (local i32 i64)
                (call $log (i32.const 32) (i32.const 14))
                (drop (call $checked (local.get 0)))
                (call $dynamic (i32.const 4))
                (local.set 2)
                (local.set 1)
                (call $plain (local.get 1) (local.get 2))))"#,
    )?;

    struct Host {
        lines: Vec<String>,
        calls: u32,
    }

    let mut linker: Linker<Host> = Linker::new(&engine);
    linker.func_wrap("host", "plain", |a: i32, b: i64| i64::from(a) * b)?;
    linker.func_wrap("host", "checked", |x: f64| -> Result<f64> {
        ensure!(x >= 0.0, "the square root of {x} is not a number");
        Ok(x.sqrt())
    })?;
    linker.func_wrap("host", "log", |mut caller: Caller<'_, Host>, ptr: u32, len: u32| {
        let Some(memory) = caller.get_export("memory").and_then(|e| e.into_memory()) else {
            bail!("the caller has no memory");
        };
        let (bytes, host) = memory.data_and_store_mut(&mut caller);
        let text = bytes.get(ptr as usize..).and_then(|bytes| bytes.get(..len as usize));
        let text = text.ok_or_else(|| format_err!("pointer/length out of bounds"))?;
        host.lines.push(std::str::from_utf8(text)?.to_string());
        Ok(())
    })?;
    let ty = FuncType::new(&engine, [ValType::I32], [ValType::I32, ValType::I64]);
    linker.func_new("host", "dynamic", ty, |mut caller, params, results| {
        caller.data_mut().calls += 1;
        // Back into the guest.
        let helper = caller.get_export("helper").unwrap().into_func().unwrap();
        let helper = helper.typed::<i32, i32>(&caller)?;
        let sum = helper.call(&mut caller, params[0].unwrap_i32())?;
        results[0] = Val::I32(sum);
        results[1] = Val::I64(-1);
        Ok(())
    })?;

    let mut store = Store::new(&engine, Host { lines: Vec::new(), calls: 0 });
    let instance = linker.instantiate(&mut store, &module)?;
    let run = instance.get_typed_func::<f64, i64>(&mut store, "run")?;
    assert_eq!(run.call(&mut store, 4.0)?, -104);
    assert_eq!(store.data().lines, ["from the guest"]);
    assert_eq!(store.data().calls, 1);
    let error = run.call(&mut store, -1.0).unwrap_err();
    assert_eq!(error.root_cause().to_string(), "the square root of -1 is not a number");
    assert!(error.downcast_ref::<WasmBacktrace>().is_some());
    Ok(())
}

/// What a caller can do besides.
#[test]
fn callers() -> Result<()> {
    let mut config = Config::new();
    config.consume_fuel(true);
    let engine = Engine::new(&config)?;
    let module = Module::new(
        &engine,
        r#"(module
            (import "host" "look" (func $look (result i64)))
            (global (export "count") (mut i32) (i32.const 3))
            (func (export "run") (result i64) (call $look)))"#,
    )?;
    let count = module.get_export_index("count").unwrap();
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "look", move |mut caller: Caller<'_, ()>| -> Result<u64> {
        assert!(Engine::same(caller.engine(), caller.as_context().engine()));
        let global = caller.get_module_export(&count).and_then(|e| e.into_global()).unwrap();
        let old = global.get(&mut caller).unwrap_i32();
        global.set(&mut caller, Val::I32(old + 1))?;
        caller.gc(None)?;
        let fuel = caller.get_fuel()?;
        caller.set_fuel(fuel / 2)?;
        assert_eq!(WasmBacktrace::capture(&caller).frames().len(), 1);
        Ok(fuel)
    })?;
    let mut store = Store::new(&engine, ());
    store.set_fuel(10_000)?;
    let instance = linker.instantiate(&mut store, &module)?;
    let run = instance.get_typed_func::<(), u64>(&mut store, "run")?;
    let seen = run.call(&mut store, ())?;
    assert!(seen <= 10_000 && store.get_fuel()? <= seen / 2);
    let count = instance.get_global(&mut store, "count").unwrap();
    assert_eq!(count.get(&mut store).unwrap_i32(), 4);
    assert_eq!(count.ty(&store).mutability(), Mutability::Var);

    let constant = GlobalType::new(ValType::I64, Mutability::Const);
    let constant = Global::new(&mut store, constant, Val::I64(1))?;
    assert!(constant.set(&mut store, Val::I64(2)).is_err());
    Ok(())
}

const DEEP: &str = r#"(module $deep
    (import "host" "peek" (func $peek))
    (func $f (export "f") (param i32)
        (if (local.get 0)
            (then (call $f (i32.sub (local.get 0) (i32.const 1))))
            (else (call $peek) unreachable))))"#;

fn backtrace_of(config: &Config) -> Result<(Vec<usize>, Option<usize>)> {
    let engine = Engine::new(config)?;
    let module = Module::new(&engine, DEEP)?;
    let mut store = Store::new(&engine, Vec::new());
    let peek = Func::wrap(&mut store, |mut caller: Caller<'_, Vec<usize>>| {
        let counts = [
            WasmBacktrace::capture(&caller).frames().len(),
            WasmBacktrace::force_capture(&caller).frames().len(),
        ];
        caller.data_mut().extend(counts);
    });
    let instance = Instance::new(&mut store, &module, &[peek.into()])?;
    let f = instance.get_typed_func::<i32, ()>(&mut store, "f")?;
    let error = f.call(&mut store, 9).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::UnreachableCodeReached));
    let frames = error.downcast_ref::<WasmBacktrace>().map(|backtrace| {
        let frame: &FrameInfo = &backtrace.frames()[0];
        assert_eq!((frame.func_name(), frame.func_index()), (Some("f"), 1));
        assert_eq!(frame.module().name(), Some("deep"));
        assert!(frame.func_offset() < frame.module_offset());
        backtrace.frames().len()
    });
    Ok((store.into_data(), frames))
}

/// Backtraces: how many frames, and whether at all.
#[test]
fn backtraces() -> Result<()> {
    let mut config = Config::new();
    assert_eq!(backtrace_of(&config)?, (vec![10, 10], Some(10)));
    config.wasm_backtrace_max_frames(NonZeroUsize::new(3));
    assert_eq!(backtrace_of(&config)?, (vec![3, 3], Some(3)));
    config.wasm_backtrace_max_frames(None);
    assert_eq!(backtrace_of(&config)?, (vec![0, 10], None));
    let mut config = Config::new();
    config.wasm_backtrace(false);
    assert_eq!(backtrace_of(&config)?, (vec![0, 10], None));
    let store = Store::<()>::default();
    assert!(WasmBacktrace::force_capture(&store).frames().is_empty());
    Ok(())
}

/// Host code that asks for a backtrace where it cannot have one, or after calls of its own.
#[test]
fn backtraces_at_other_times() -> Result<()> {
    let mut config = Config::new();
    config.epoch_interruption(true);
    let engine = Engine::new(&config)?;
    let module = Module::new(
        &engine,
        r#"(module
            (import "host" "nest" (func $nest))
            (func $inner (export "inner") (param i32) (result i32)
                (if (result i32) (local.get 0)
                    (then (call $inner (i32.sub (local.get 0) (i32.const 1))))
                    (else (i32.const 7))))
            (func $outer (export "outer") (call $middle))
            (func $middle (call $nest)))"#,
    )?;
    let mut store = Store::new(&engine, 0);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut store| {
        *store.data_mut() += 1;
        assert!(WasmBacktrace::force_capture(&store).frames().is_empty());
        Ok(UpdateDeadline::Continue(1))
    });
    let nest = Func::wrap(&mut store, |mut caller: Caller<'_, i32>| -> Result<()> {
        let names = |caller: &Caller<'_, i32>| -> Vec<String> {
            let backtrace = WasmBacktrace::capture(caller);
            let frames = backtrace.frames().iter();
            frames.map(|frame| frame.func_name().unwrap_or("?").to_string()).collect()
        };
        assert_eq!(names(&caller), ["middle", "outer"]);
        let inner = caller.get_export("inner").unwrap().into_func().unwrap();
        let inner = inner.typed::<i32, i32>(&caller)?;
        caller.engine().increment_epoch();
        assert_eq!(inner.call(&mut caller, 5)?, 7);
        assert_eq!(names(&caller), ["middle", "outer"]);
        assert!(inner.call(&mut caller, 1 << 30).is_err());
        assert_eq!(names(&caller), ["middle", "outer"]);
        let own = Func::wrap(&mut caller, |caller: Caller<'_, i32>| {
            assert!(WasmBacktrace::capture(&caller).frames().is_empty());
        });
        own.call(&mut caller, &[], &mut [])?;
        Ok(())
    });
    let instance = Instance::new(&mut store, &module, &[nest.into()])?;
    let outer = instance.get_typed_func::<(), ()>(&mut store, "outer")?;
    for _ in 0..2 {
        outer.call(&mut store, ())?;
        assert!(WasmBacktrace::capture(&store).frames().is_empty());
    }
    assert!(*store.data() >= 1);
    Ok(())
}

/// Settings that programs make and that change nothing here.
#[test]
fn settings_that_change_nothing() -> Result<()> {
    let mut config = Config::new();
    config
        .debug_info(true)
        .native_unwind_info(false)
        .generate_address_map(true)
        .memory_reservation(1 << 32)
        .memory_reservation_for_growth(1 << 20)
        .memory_guard_size(1 << 16)
        .memory_may_move(true)
        .memory_init_cow(true)
        .guard_before_linear_memory(true)
        .table_lazy_init(true)
        .signals_based_traps(true)
        .gc_support(true)
        .cranelift_nan_canonicalization(true)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable);
    let engine = Engine::new(&config)?;
    let mut store = Store::try_new(&engine, ())?;
    let add = Func::try_wrap(&mut store, |a: i32, b: i32| a + b)?;
    assert_eq!(add.typed::<(i32, i32), i32>(&store)?.call(&mut store, (1, 2))?, 3);
    let mut linker = Linker::<()>::default();
    linker.allow_unknown_exports(true);
    Ok(())
}

/// Errors with contexts, as programs write them.
#[test]
fn errors() -> Result<()> {
    use lineal::error::Context as _;

    fn read(at: Option<u32>) -> Result<u32> {
        let at = at.context("no address")?;
        ensure!(at % 4 == 0, "{at} is not a multiple of 4");
        Ok(at)
    }
    assert_eq!(read(None).unwrap_err().to_string(), "no address");
    assert_eq!(read(Some(5)).unwrap_err().to_string(), "5 is not a multiple of 4");
    let error = read(Some(6)).with_context(|| "cannot read").unwrap_err();
    assert_eq!(format!("{error:#}"), "cannot read: 6 is not a multiple of 4");

    let engine = Engine::default();
    let error = Module::new(&engine, "(module (func (result i32)))").unwrap_err();
    assert!(error.to_string().contains("type mismatch"), "{error}");
    let module = Module::new(&engine, r#"(module (import "a" "b" (func)))"#)?;
    let error = Linker::<()>::new(&engine).instantiate_pre(&module).unwrap_err();
    let unknown = error.downcast_ref::<UnknownImportError>().unwrap();
    assert_eq!((unknown.module(), unknown.name()), ("a", "b"));
    assert_eq!(error.to_string(), "unknown import: `a::b` has not been defined");
    assert_eq!(Trap::MemoryOutOfBounds.to_string(), "wasm trap: out of bounds memory access");
    Ok(())
}

/// A configuration as services have it, and a cache of compiled modules in files.
#[test]
fn settings_of_a_compiler_and_modules_in_files() -> Result<()> {
    use lineal::error::ToWasmtimeResult as _;

    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::SpeedAndSize)
        .cranelift_debug_verifier(false)
        .profiler(ProfilingStrategy::None)
        .cache(Some(Cache::from_file(None)?))
        .cache(Some(Cache::new(CacheConfig::new())?));
    let engine = Engine::new(&config)?;
    let text = "(module (func (export \"answer\") (result i32) (i32.const 42)))";
    let module = Module::new(&engine, text)?;
    let answer = |module: &Module| -> Result<i32> {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, module, &[])?;
        instance.get_typed_func::<(), i32>(&mut store, "answer")?.call(&mut store, ())
    };

    let bytes = module.serialize()?;
    assert_eq!(bytes, engine.precompile_module(text.as_bytes())?);
    assert_eq!(answer(&Module::deserialize(&engine, &bytes)?)?, 42);
    // What is loaded is checked.
    let broken = Module::deserialize(&engine, &bytes[..bytes.len() - 1]).err();
    assert!(broken.is_some_and(|error| error.is::<DecodeError>()));

    let file = std::env::temp_dir().join(format!("lineal-moving-{}.cwasm", std::process::id()));
    std::fs::write(&file, &bytes).map_err(Error::from).to_wasmtime_result()?;
    let found = match Engine::detect_precompiled_file(&file)? {
        Some(_) => Module::deserialize_file(&engine, &file)?,
        None => Module::from_file(&engine, &file)?,
    };
    assert_eq!(answer(&found)?, 42);
    assert_eq!(answer(&Module::deserialize_file(&engine, &file)?)?, 42);
    std::fs::remove_file(&file)?;
    assert!(Engine::detect_precompiled_file(&file).is_err());
    assert_eq!(Engine::detect_precompiled(&bytes), None);
    Ok(())
}
