//! When and on which threads functions are validated and translated.

use lineal::{
    CompilationMode, CompilationProgress, Config, DecodeError, Engine, Func, Instance, Linker,
    Module, ModuleTooLarge, Store, Trap, WasmBacktrace,
};

const FUNCTIONS: usize = 4_000;

/// A module with more code than one thread takes, in which some functions are invalid: they leave
/// nothing on the stack.
fn large_module(invalid: &[usize], end: &str) -> String {
    let body = "(local.set 0 (i32.add (local.get 0) (i32.const 1000)))".repeat(12);
    let valid = format!("(func (param i32) (result i32) {body} (local.get 0))");
    let invalid_func = format!("(func (param i32) (result i32) {body})");
    let functions = (0..FUNCTIONS).map(|index| match invalid.contains(&index) {
        true => invalid_func.as_str(),
        false => valid.as_str(),
    });
    functions.fold("(module (memory 1)".to_owned(), |text, func| text + func) + end + ")"
}

fn engine(mode: CompilationMode, parallel: bool) -> Engine {
    Engine::new(Config::new().compilation_mode(mode).parallel_compilation(parallel)).unwrap()
}

#[test]
fn the_first_error_is_the_same_on_any_number_of_threads() {
    let last = FUNCTIONS - 1;
    let invalid_data = "(data (i32.const 0) \"a\") (data (memory 7) (i32.const 0) \"b\")";
    for (invalid, end) in [
        (&[0][..], ""),
        (&[last], ""),
        (&[1_500, 1_501, 1_502, 3_000, last], ""),
        (&[2_000, 2_900], invalid_data),
        (&[], invalid_data),
    ] {
        let binary = wat::parse_str(large_module(invalid, end)).unwrap();
        let offset = |mode, parallel| {
            let error = Module::new(&engine(mode, parallel), &binary).unwrap_err();
            let error = error.downcast_ref::<DecodeError>().unwrap();
            (error.offset().unwrap(), error.to_string())
        };
        let expected = offset(CompilationMode::Eager, false);
        assert_eq!(
            lineal::Module::validate(&Engine::default(), &binary).unwrap_err().to_string(),
            expected.1
        );
        for _ in 0..3 {
            assert_eq!(offset(CompilationMode::Eager, true), expected);
            assert_eq!(offset(CompilationMode::Lazy, true), expected);
        }
    }
}

#[test]
fn a_large_module_runs_as_usual() {
    for mode in [CompilationMode::Eager, CompilationMode::Lazy, CompilationMode::LazyValidation] {
        let engine = engine(mode, true);
        let wat = large_module(&[], "(export \"first\" (func 0)) (export \"last\" (func 3999))");
        let module = Module::new(&engine, wat).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        for name in ["first", "last"] {
            let func = instance.get_typed_func::<i32, i32>(&store, name).unwrap();
            assert_eq!(func.call(&mut store, 5).unwrap(), 12_005);
        }
    }
}

#[test]
fn code_counts_as_part_of_the_module() {
    // Each body is a branch table with few bytes, of which each becomes 8.
    let labels = "0 ".repeat(5_000);
    let function = format!("(func (export \"f\") (br_table {labels} (i32.const 0)))");
    let functions = function.replace(" (export \"f\")", "").repeat(50);
    let binary = wat::parse_str(format!("(module {function} {functions})")).unwrap();
    let limit_bytes = 2 * binary.len() as u64;
    let module = |mode, parallel| {
        let mut config = Config::new();
        config
            .compilation_mode(mode)
            .parallel_compilation(parallel)
            .module_memory_limit(limit_bytes);
        Module::new(&Engine::new(&config).unwrap(), &binary)
    };
    for parallel in [false, true] {
        let error = module(CompilationMode::Eager, parallel).unwrap_err();
        let error = error.downcast_ref::<ModuleTooLarge>().unwrap();
        assert_eq!(error.limit_bytes(), limit_bytes);
        assert!(error.needed_bytes() > limit_bytes && error.needed_bytes() < 2 * limit_bytes);
    }
    for mode in [CompilationMode::Lazy, CompilationMode::LazyValidation] {
        let module = module(mode, true).unwrap();
        let mut store = Store::new(module.engine(), ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        // There is room for the code of one function.
        let func = instance.get_typed_func::<(), ()>(&store, "f").unwrap();
        func.call(&mut store, ()).unwrap();
    }
}

#[test]
fn a_function_whose_code_is_too_large_cannot_be_called() {
    let wat =
        format!("(module (func (export \"f\") (br_table {} (i32.const 0))))", "0 ".repeat(50_000));
    let binary = wat::parse_str(wat).unwrap();
    let mut config = Config::new();
    config.compilation_mode(CompilationMode::Lazy).module_memory_limit(3 * binary.len() as u64);
    let module = Module::new(&Engine::new(&config).unwrap(), &binary).unwrap();
    let mut store = Store::new(module.engine(), ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let func = instance.get_typed_func::<(), ()>(&store, "f").unwrap();
    for _ in 0..2 {
        let error = func.call(&mut store, ()).unwrap_err();
        assert!(error.is::<ModuleTooLarge>(), "{error:?}");
    }
}

const PARTLY_INVALID: &str = r#"(module $parts
    (table funcref (elem $invalid))
    (type $t (func (result i32)))
    (func $invalid (result i32))
    (func (export "valid") (result i32) (i32.const 7))
    (func $caller (export "call") (result i32) (call $invalid))
    (func (export "indirect") (result i32) (call_indirect (type $t) (i32.const 0)))
    (func (export "tail") (result i32) (return_call $invalid))
    (func (export "caught") (result i32)
        (block (try_table (catch_all 0) (return (call $invalid)))) (i32.const 1))
    (export "itself" (func $invalid)))"#;

fn partly_invalid() -> (Store<()>, Instance) {
    let engine = engine(CompilationMode::LazyValidation, true);
    let module = Module::new(&engine, PARTLY_INVALID).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    (store, instance)
}

#[test]
fn an_invalid_function_fails_when_it_is_called() {
    let eager = Module::new(&Engine::default(), PARTLY_INVALID).unwrap_err();
    let offset = eager.downcast_ref::<DecodeError>().unwrap().offset().unwrap();
    let (mut store, instance) = partly_invalid();
    for name in ["itself", "call", "indirect", "tail", "caught", "call"] {
        let func = instance.get_typed_func::<(), i32>(&store, name).unwrap();
        let error = func.call(&mut store, ()).unwrap_err();
        let reason =
            error.downcast_ref::<DecodeError>().unwrap_or_else(|| panic!("{name}: {error:?}"));
        assert_eq!(reason.offset(), Some(offset), "{name}");
        assert!(error.downcast_ref::<Trap>().is_none());
        assert!(format!("{error:?}").contains("cannot call function 0 (`invalid`)"), "{error:?}");
        let valid = instance.get_typed_func::<(), i32>(&store, "valid").unwrap();
        assert_eq!(valid.call(&mut store, ()).unwrap(), 7);
    }
}

#[test]
fn the_backtrace_begins_with_the_caller_of_the_invalid_function() {
    let (mut store, instance) = partly_invalid();
    let func = instance.get_typed_func::<(), i32>(&store, "call").unwrap();
    let error = func.call(&mut store, ()).unwrap_err();
    let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
    let names: Vec<_> = backtrace.frames().iter().map(|frame| frame.func_name().unwrap()).collect();
    assert_eq!(names, ["caller"]);
}

#[test]
fn an_invalid_function_called_from_another_instance_or_the_host_fails() {
    let (mut store, instance) = partly_invalid();
    let engine = store.engine().clone();
    let invalid = instance.get_func(&mut store, "itself").unwrap();
    let host =
        Func::wrap(&mut store, move |mut caller: lineal::Caller<'_, ()>| -> lineal::Result<i32> {
            invalid.typed::<(), i32>(&caller)?.call(&mut caller, ())
        });
    let wat = r#"(module
        (import "m" "guest" (func $guest (result i32)))
        (import "m" "host" (func $host (result i32)))
        (func (export "guest") (result i32) (call $guest))
        (func (export "host") (result i32) (call $host)))"#;
    let mut linker = Linker::new(&engine);
    linker.define(&store, "m", "guest", invalid).unwrap();
    linker.define(&store, "m", "host", host).unwrap();
    let module = Module::new(&engine, wat).unwrap();
    let other = linker.instantiate(&mut store, &module).unwrap();
    for name in ["guest", "host"] {
        let func = other.get_typed_func::<(), i32>(&store, name).unwrap();
        let error = func.call(&mut store, ()).unwrap_err();
        assert!(error.is::<DecodeError>(), "{name}: {error:?}");
    }
}

#[test]
fn an_invalid_start_function_fails_the_instantiation() {
    let engine = engine(CompilationMode::LazyValidation, true);
    let module =
        Module::new(&engine, "(module (func (result i32)) (func i32.add) (start 1))").unwrap();
    let mut store = Store::new(&engine, ());
    let error = Instance::new(&mut store, &module, &[]).unwrap_err();
    assert!(error.is::<DecodeError>(), "{error:?}");
}

#[test]
fn what_is_outside_of_functions_is_validated_at_once() {
    let engine = engine(CompilationMode::LazyValidation, true);
    for wat in [
        "(module (export \"f\" (func 3)))",
        "(module (memory 1) (data (memory 7) (i32.const 0) \"b\"))",
    ] {
        assert!(Module::new(&engine, wat).unwrap_err().is::<DecodeError>());
    }
}

#[test]
fn threads_may_call_an_invalid_function_at_the_same_time() {
    let engine = engine(CompilationMode::LazyValidation, true);
    let module = Module::new(&engine, PARTLY_INVALID).unwrap();
    let call = |name| {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        instance.get_typed_func::<(), i32>(&store, name).unwrap().call(&mut store, ())
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                assert_eq!(call("valid").unwrap(), 7);
                assert!(call("call").unwrap_err().is::<DecodeError>());
            });
        }
    });
}

#[test]
fn progress_counts_each_function_once() {
    let wat = large_module(&[], "");
    for (mode, parallel) in [
        (CompilationMode::Eager, true),
        (CompilationMode::Eager, false),
        (CompilationMode::Lazy, true),
    ] {
        let progress = CompilationProgress::new();
        let mut config = Config::new();
        config.compilation_mode(mode).parallel_compilation(parallel);
        let engine = Engine::new(config.compilation_progress(&progress)).unwrap();
        assert_eq!((progress.done_bytes(), progress.all_bytes()), (0, 0));
        for count in 1..3 {
            Module::new(&engine, &wat).unwrap();
            let bytes = progress.all_bytes();
            assert!(bytes > count * 60 * FUNCTIONS as u64, "{bytes}");
            assert_eq!(progress.done_bytes(), bytes, "{mode:?}");
        }
        // What comes before an error counts.
        Module::new(&engine, large_module(&[FUNCTIONS - 1], "")).unwrap_err();
        assert!(progress.done_bytes() < progress.all_bytes());
    }
}
