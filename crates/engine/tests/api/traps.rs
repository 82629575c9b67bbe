//! Traps and their backtraces.

use crate::{instantiate, trap};
use lineal::{Caller, Engine, Instance, Linker, Module, Store, Trap, WasmBacktrace};

#[track_caller]
fn backtrace(error: &lineal::Error) -> &WasmBacktrace {
    error.downcast_ref().unwrap_or_else(|| panic!("no backtrace: {error:?}"))
}

fn names(error: &lineal::Error) -> Vec<&str> {
    backtrace(error).frames().iter().map(|frame| frame.func_name().unwrap_or("?")).collect()
}

#[test]
fn every_trap_is_found_by_downcast() {
    let (mut store, instance) = instantiate(
        r#"(module
            (memory 1) (table 2 funcref) (type $void (func))
            (elem (i32.const 1) $seven)
            (func $seven (result i32) (i32.const 7))
            (func (export "unreachable") unreachable)
            (func (export "load") (drop (i32.load (i32.const 65533))))
            (func (export "store") (i64.store offset=4 (i32.const -1) (i64.const 0)))
            (func (export "fill")
                (memory.fill (i32.const 65536) (i32.const 0) (i32.const 1)))
            (func (export "divide") (drop (i32.div_s (i32.const 1) (i32.const 0))))
            (func (export "overflow") (drop (i32.div_s (i32.const 0x80000000) (i32.const -1))))
            (func (export "truncate") (drop (i32.trunc_f64_s (f64.const nan))))
            (func (export "large") (drop (i64.trunc_f32_u (f32.const -1))))
            (func (export "table") (drop (table.get (i32.const 2))))
            (func (export "undefined") (call_indirect (type $void) (i32.const 2)))
            (func (export "null") (call_indirect (type $void) (i32.const 0)))
            (func (export "signature") (call_indirect (type $void) (i32.const 1)))
            (func $forever (export "recursion") (call $forever)))"#,
    );
    let expected = [
        ("unreachable", Trap::UnreachableCodeReached),
        ("load", Trap::MemoryOutOfBounds),
        ("store", Trap::MemoryOutOfBounds),
        ("fill", Trap::MemoryOutOfBounds),
        ("divide", Trap::IntegerDivisionByZero),
        ("overflow", Trap::IntegerOverflow),
        ("truncate", Trap::BadConversionToInteger),
        ("large", Trap::IntegerOverflow),
        ("table", Trap::TableOutOfBounds),
        ("undefined", Trap::TableOutOfBounds),
        ("null", Trap::IndirectCallToNull),
        ("signature", Trap::BadSignature),
        ("recursion", Trap::StackOverflow),
    ];
    for (name, expected) in expected {
        let func = instance.get_typed_func::<(), ()>(&store, name).unwrap();
        let error = func.call(&mut store, ()).unwrap_err();
        assert_eq!(trap(&error), expected, "{name}");
        assert!(!backtrace(&error).frames().is_empty(), "{name}");
        assert!(format!("{error:?}").contains(expected.message()), "{name}: {error:?}");
    }
}

const CHAIN: &str = r#"(module $chain
    (import "host" "call" (func $host))
    (func $innermost (param i32) (result i32)
        (i32.div_u (i32.const 1) (local.get 0)))
    (func $middle (param i32) (result i32)
        (i32.add (i32.const 1) (call $innermost (local.get 0))))
    (func (export "outermost") (param i32) (result i32)
        (drop (call $innermost (i32.const 1)))
        (call $middle (local.get 0))))"#;

#[test]
fn backtraces_list_functions_and_offsets() {
    let engine = Engine::default();
    let binary = wat::parse_str(CHAIN).unwrap();
    let module = Module::new(&engine, &binary).unwrap();
    let mut linker = Linker::<()>::new(&engine);
    linker.func_wrap("host", "call", || ()).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let func = instance.get_typed_func::<i32, i32>(&store, "outermost").unwrap();
    assert_eq!(func.call(&mut store, 1).unwrap(), 2);

    let error = func.call(&mut store, 0).unwrap_err();
    assert_eq!(trap(&error), Trap::IntegerDivisionByZero);
    assert_eq!(names(&error), ["innermost", "middle", "?"]);
    let frames = backtrace(&error).frames();
    let indices: Vec<u32> = frames.iter().map(|frame| frame.func_index()).collect();
    assert_eq!(indices, [1, 2, 3]);
    // The instruction at each offset: i32.div_u, then calls of 1 and of 2.
    let at = |frame: usize| &binary[frames[frame].module_offset().unwrap()..];
    assert_eq!(at(0)[0], 0x6e);
    assert_eq!(at(1)[..2], [0x10, 1]);
    assert_eq!(at(2)[..2], [0x10, 2]);
    // After one byte of local declarations and two instructions of two bytes.
    assert_eq!(frames[0].func_offset(), Some(5));
    assert_eq!(frames[0].module().name(), Some("chain"));

    let text = backtrace(&error).to_string();
    let offsets: Vec<usize> = frames.iter().map(|frame| frame.module_offset().unwrap()).collect();
    assert_eq!(
        text,
        format!(
            "error while executing at wasm backtrace:\n    0: {:#8x} - chain!innermost\n    \
             1: {:#8x} - chain!middle\n    2: {:#8x} - chain!<wasm function 3>",
            offsets[0], offsets[1], offsets[2]
        )
    );
}

#[test]
fn lazily_translated_functions_have_backtraces() {
    let mut config = lineal::Config::new();
    config.compilation_mode(lineal::CompilationMode::Lazy);
    let engine = Engine::new(&config).unwrap();
    let module = Module::new(&engine, CHAIN).unwrap();
    let mut linker = Linker::<()>::new(&engine);
    linker.func_wrap("host", "call", || ()).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let func = instance.get_typed_func::<i32, i32>(&store, "outermost").unwrap();
    let error = func.call(&mut store, 0).unwrap_err();
    assert_eq!(names(&error), ["innermost", "middle", "?"]);
    assert_eq!(func.call(&mut store, 1).unwrap(), 2);
}

#[test]
fn backtraces_cross_instances() {
    let engine = Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    let mut store = Store::new(&engine, ());
    let callee = Module::new(
        &engine,
        r#"(module $callee
            (func $trap (unreachable))
            (func $enter (export "enter") (param i32) (call $trap)))"#,
    )
    .unwrap();
    let caller = Module::new(
        &engine,
        r#"(module $caller
            (import "callee" "enter" (func $enter (param i32)))
            (func $one (i64.const 1) (call $enter (i32.const 1)) (drop))
            (func (export "run") (local i64 i64 i64) (call $one)))"#,
    )
    .unwrap();
    linker.module(&mut store, "callee", &callee).unwrap();
    let instance = linker.instantiate(&mut store, &caller).unwrap();
    let run = instance.get_typed_func::<(), ()>(&store, "run").unwrap();
    for _ in 0..2 {
        let error = run.call(&mut store, ()).unwrap_err();
        assert_eq!(names(&error), ["trap", "enter", "one", "?"]);
        let modules: Vec<_> =
            backtrace(&error).frames().iter().map(|f| f.module().name().unwrap()).collect();
        assert_eq!(modules, ["callee", "callee", "caller", "caller"]);
    }
}

#[test]
fn backtraces_cross_the_host() {
    let engine = Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    linker
        .func_wrap("host", "call", |mut caller: Caller<'_, ()>| {
            let func = caller.get_export("inner").unwrap().into_func().unwrap();
            func.call(&mut caller, &[], &mut [])
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module $m
            (import "host" "call" (func $host))
            (func $trap (unreachable))
            (func $inner (export "inner") (call $trap))
            (func $outer (export "outer") (call $host)))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let outer = instance.get_typed_func::<(), ()>(&store, "outer").unwrap();
    let error = outer.call(&mut store, ()).unwrap_err();
    assert_eq!(trap(&error), Trap::UnreachableCodeReached);
    assert_eq!(names(&error), ["trap", "inner", "outer"]);
}

#[test]
fn long_backtraces_are_cut() {
    let (mut store, instance) = instantiate(
        r#"(module (func $down (export "down") (param i32)
            (if (i32.eqz (local.get 0)) (then unreachable))
            (call $down (i32.sub (local.get 0) (i32.const 1)))))"#,
    );
    let down = instance.get_typed_func::<i32, ()>(&store, "down").unwrap();
    for (depth, frames) in [(0, 1), (18, 19), (19, 20), (20, 20), (1000, 20)] {
        let error = down.call(&mut store, depth).unwrap_err();
        let backtrace = backtrace(&error);
        assert_eq!(backtrace.frames().len(), frames, "depth {depth}");
        let left_out = depth as usize + 1 - frames;
        assert_eq!(backtrace.frames_left_out(), left_out, "depth {depth}");
        let more = backtrace.to_string().contains(&format!("\n       and {left_out} more"));
        assert_eq!(more, left_out > 0);
    }
}

#[test]
fn tail_calls_leave_no_frame() {
    let (mut store, instance) = instantiate(
        r#"(module
            (func $trap (unreachable))
            (func $tail (return_call $trap))
            (func (export "run") (call $tail)))"#,
    );
    let run = instance.get_typed_func::<(), ()>(&store, "run").unwrap();
    let error = run.call(&mut store, ()).unwrap_err();
    assert_eq!(names(&error), ["trap", "?"]);
}

#[test]
fn host_functions_can_trap() {
    let engine = Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    linker
        .func_wrap("host", "check", |_: i32| -> lineal::Result<()> {
            Err(Trap::IntegerOverflow.into())
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "host" "check" (func $check (param i32)))
            (func $run (export "run") (call $check (i32.const 1))))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<(), ()>(&store, "run").unwrap();
    let error = run.call(&mut store, ()).unwrap_err();
    assert_eq!(trap(&error), Trap::IntegerOverflow);
    assert_eq!(names(&error), ["run"]);
}

#[test]
fn a_trap_in_the_start_function_fails_the_instantiation() {
    let engine = Engine::default();
    let module = Module::new(&engine, "(module (func $begin unreachable) (start $begin))").unwrap();
    let mut store = Store::new(&engine, ());
    let error = Instance::new(&mut store, &module, &[]).unwrap_err();
    assert_eq!(trap(&error), Trap::UnreachableCodeReached);
    assert_eq!(names(&error), ["begin"]);
}

#[test]
fn what_happened_before_a_trap_remains() {
    let (mut store, instance) = instantiate(
        r#"(module
            (memory (export "memory") 1)
            (global (export "global") (mut i32) (i32.const 0))
            (func (export "run")
                (i32.store (i32.const 0) (i32.const 5))
                (global.set 0 (i32.const 6))
                unreachable))"#,
    );
    let run = instance.get_typed_func::<(), ()>(&store, "run").unwrap();
    run.call(&mut store, ()).unwrap_err();
    let memory = instance.get_memory(&store, "memory").unwrap();
    assert_eq!(memory.data(&store)[0], 5);
    let global = instance.get_global(&store, "global").unwrap();
    assert_eq!(global.get(&store).unwrap_i32(), 6);
}
