//! Host functions: every shape of closure, and what a `Caller` can do.

use lineal::{
    Caller, Engine, Error, ExternRef, Func, FuncType, Instance, Linker, Memory, Module, Result,
    Rooted, Store, Val, ValType, WasmBacktrace,
};

/// Calls a host function by way of a guest that imports and re-exports a call to it.
fn through_guest(
    store: &mut Store<u32>,
    func: Func,
    params: &[Val],
    results: &mut [Val],
) -> Result<()> {
    let ty = func.ty(&store);
    let text = |ty: ValType| format!(" {ty}");
    let (p, r): (String, String) =
        (ty.params().map(text).collect(), ty.results().map(text).collect());
    let gets: String = (0..ty.params().len()).map(|i| format!("(local.get {i}) ")).collect();
    let wat = format!(
        r#"(module (import "" "" (func $f (param{p}) (result{r})))
            (func (export "call") (param{p}) (result{r}) {gets} call $f))"#
    );
    let module = Module::new(store.engine(), wat)?;
    let instance = Instance::new(&mut *store, &module, &[func.into()])?;
    instance.get_func(&*store, "call").unwrap().call(store, params, results)
}

fn store() -> Store<u32> {
    Store::new(&Engine::default(), 0)
}

#[test]
fn numbers_arrive_and_return_as_they_are() {
    let mut store = store();
    let f = Func::wrap(&mut store, |a: i32, b: u32, c: i64, d: u64, e: f32, f: f64| {
        assert_eq!((a, b, c, d), (-1, u32::MAX, i64::MIN, u64::MAX));
        (f, e, d, c, b, a)
    });
    let nan32 = f32::from_bits(0x7fa0_1234);
    let params = [
        Val::from(-1),
        Val::from(u32::MAX),
        Val::from(i64::MIN),
        Val::from(u64::MAX),
        Val::from(nan32),
        Val::from(-0.0_f64),
    ];
    let mut results = [Val::I32(0); 6];
    through_guest(&mut store, f, &params, &mut results).unwrap();
    assert_eq!(results[0].unwrap_f64().to_bits(), (-0.0_f64).to_bits());
    assert!(matches!(results[1], Val::F32(bits) if bits == nan32.to_bits()));
    assert_eq!(results[2].unwrap_i64(), -1);
    assert_eq!(results[3].unwrap_i64(), i64::MIN);
    assert_eq!(results[4].unwrap_i32(), -1);
    assert_eq!(results[5].unwrap_i32(), -1);
}

#[test]
fn every_shape_of_result_is_accepted() {
    let mut store = store();
    let none = Func::wrap(&mut store, || {});
    let one = Func::wrap(&mut store, || 1_i64);
    let tuple = Func::wrap(&mut store, || (1_i32, 2.0_f32));
    let single_tuple = Func::wrap(&mut store, || (1_i32,));
    let fallible_none = Func::wrap(&mut store, || Result::Ok(()));
    let fallible_one = Func::wrap(&mut store, || Result::Ok(1.0_f64));
    let fallible_tuple = Func::wrap(&mut store, || Result::Ok((1_u32, 2_u64, 3_i32)));
    let results = |func: Func| func.ty(&store).results().collect::<Vec<_>>();
    use ValType::{F32, F64, I32, I64};
    assert_eq!(results(none), []);
    assert_eq!(results(one), [I64]);
    assert_eq!(results(tuple), [I32, F32]);
    assert_eq!(results(single_tuple), [I32]);
    assert_eq!(results(fallible_none), []);
    assert_eq!(results(fallible_one), [F64]);
    assert_eq!(results(fallible_tuple), [I32, I64, I32]);
    let mut vals = [Val::I32(0); 3];
    through_guest(&mut store, fallible_tuple, &[], &mut vals).unwrap();
    assert_eq!(vals.map(|val| val.i32().map_or(-1, i64::from)), [1, -1, 3]);
    assert_eq!(vals[1].unwrap_i64(), 2);
}

#[test]
fn sixteen_parameters_and_results() {
    let mut store = store();
    let f = Func::wrap(
        &mut store,
        |mut caller: Caller<'_, u32>,
         a: i32,
         b: i64,
         c: i32,
         d: i64,
         e: i32,
         f: i64,
         g: i32,
         h: i64,
         i: i32,
         j: i64,
         k: i32,
         l: i64,
         m: i32,
         n: i64,
         o: i32,
         p: i64| {
            *caller.data_mut() += 1;
            (p, o, n, m, l, k, j, i, h, g, f, e, d, c, b, a)
        },
    );
    let params: [Val; 16] =
        std::array::from_fn(|i| if i % 2 == 0 { Val::I32(i as i32) } else { Val::I64(i as i64) });
    let mut results = [Val::I32(0); 16];
    through_guest(&mut store, f, &params, &mut results).unwrap();
    for (index, result) in results.into_iter().enumerate() {
        let expected = 15 - index as i64;
        let actual = result.i64().or(result.i32().map(i64::from));
        assert_eq!(actual, Some(expected), "result {index}");
    }
}

#[test]
fn more_results_than_parameters_have_room() {
    let mut store = store();
    let f = Func::wrap(&mut store, |x: i32| (x, x + 1, x + 2, x + 3, x + 4));
    let module = Module::new(
        store.engine(),
        r#"(module (import "" "" (func $f (param i32) (result i32 i32 i32 i32 i32)))
            (func (export "sum") (param i32) (result i32)
                (local.get 0) ;; stays below the call's results
                (call $f (local.get 0))
                (i32.add) (i32.add) (i32.add) (i32.add) (i32.add)))"#,
    )
    .unwrap();
    let instance = Instance::new(&mut store, &module, &[f.into()]).unwrap();
    let sum = instance.get_typed_func::<i32, i32>(&store, "sum").unwrap();
    assert_eq!(sum.call(&mut store, 10).unwrap(), 10 + 10 + 11 + 12 + 13 + 14);
}

#[test]
fn dynamic_functions_get_slices() {
    let mut store = store();
    let ty = FuncType::new(
        store.engine(),
        [ValType::I32, ValType::F64],
        [ValType::F64, ValType::FUNCREF],
    );
    let f = Func::new(&mut store, ty, |mut caller, params, results| {
        assert_eq!(results[0].unwrap_f64(), 0.0);
        assert!(results[1].unwrap_func_ref().is_none());
        *caller.data_mut() += 1;
        results[0] = Val::from(params[1].unwrap_f64() * f64::from(params[0].unwrap_i32()));
        Ok(())
    });
    let mut results = [Val::I32(0); 2];
    through_guest(&mut store, f, &[Val::I32(3), Val::from(1.5)], &mut results).unwrap();
    assert_eq!(results[0].unwrap_f64(), 4.5);
    assert!(results[1].unwrap_func_ref().is_none());
    assert_eq!(*store.data(), 1);
}

#[test]
fn dynamic_functions_with_many_values() {
    let mut store = store();
    let ty = FuncType::new(store.engine(), vec![ValType::I32; 40], vec![ValType::I32; 50]);
    let f = Func::new(&mut store, ty, |_, params, results| {
        for (index, result) in results.iter_mut().enumerate() {
            *result = Val::I32(params[index % 40].unwrap_i32() + index as i32);
        }
        Ok(())
    });
    let params: Vec<Val> = (0..40).map(|i| Val::I32(i * 100)).collect();
    let mut results = vec![Val::I64(0); 50];
    through_guest(&mut store, f, &params, &mut results).unwrap();
    for (index, result) in results.iter().enumerate() {
        assert_eq!(result.unwrap_i32(), (index % 40 * 100 + index) as i32);
    }
}

#[test]
fn a_dynamic_function_with_a_result_of_the_wrong_type_fails() {
    let mut store = store();
    let ty = FuncType::new(store.engine(), [], [ValType::I32]);
    let f = Func::new(&mut store, ty, |_, _, results| {
        results[0] = Val::I64(1);
        Ok(())
    });
    let error = f.call(&mut store, &[], &mut [Val::I32(0)]).unwrap_err();
    assert_eq!(error.to_string(), "type mismatch: expected i32, found i64");
}

#[test]
fn errors_stop_the_guest_and_keep_their_type() {
    #[derive(Debug, PartialEq)]
    struct Custom(i32);
    impl std::fmt::Display for Custom {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "custom {}", self.0)
        }
    }
    impl std::error::Error for Custom {}

    let mut store = store();
    let f = Func::wrap(&mut store, |code: i32| -> Result<i32> { Err(Error::new(Custom(code))) });
    let error = through_guest(&mut store, f, &[Val::I32(7)], &mut [Val::I32(0)]).unwrap_err();
    assert_eq!(error.downcast_ref::<Custom>(), Some(&Custom(7)));
    let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
    assert_eq!(backtrace.frames().len(), 1);
    assert_eq!(format!("{:#}", error.root_cause()), "custom 7");

    // Called by the host, there is no guest in between.
    let error = f.call(&mut store, &[Val::I32(8)], &mut [Val::I32(0)]).unwrap_err();
    assert_eq!(error.downcast_ref::<Custom>(), Some(&Custom(8)));
    assert!(error.downcast_ref::<WasmBacktrace>().is_none());
    assert_eq!(error.to_string(), "custom 8");
}

#[test]
fn the_caller_gives_access_to_the_guests_memory() {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
            (import "host" "upper" (func $upper (param i32 i32)))
            (memory (export "memory") 1)
            (data (i32.const 100) "hello")
            (func (export "run") (result i32)
                (call $upper (i32.const 100) (i32.const 5))
                (i32.load8_u (i32.const 104))))"#,
    )
    .unwrap();
    let mut linker = Linker::<u32>::new(&engine);
    let memory_of = |caller: &mut Caller<'_, u32>| -> Memory {
        caller.get_export("memory").unwrap().into_memory().unwrap()
    };
    linker
        .func_wrap("host", "upper", move |mut caller: Caller<'_, u32>, addr: u32, len: u32| {
            let memory = memory_of(&mut caller);
            let (bytes, calls) = memory.data_and_store_mut(&mut caller);
            bytes[addr as usize..][..len as usize].make_ascii_uppercase();
            *calls += 1;
            assert!(caller.get_export("run").unwrap().into_func().is_some());
            assert!(caller.get_export("none").is_none());
        })
        .unwrap();
    let mut store = Store::new(&engine, 0);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<(), i32>(&store, "run").unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap(), i32::from(b'O'));
    assert_eq!(*store.data(), 1);
    let memory = instance.get_memory(&store, "memory").unwrap();
    assert_eq!(memory.linear(&store).read_str(100, 5).unwrap(), "HELLO");
}

#[test]
fn growing_the_callers_memory_is_seen_after_the_call() {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
            (import "host" "grow" (func $grow))
            (memory (export "memory") 1)
            (func (export "run") (result i32)
                (i32.store (i32.const 0) (i32.const 7))
                (call $grow)
                (i32.store (i32.const 65536) (i32.const 35))
                (i32.add (i32.load (i32.const 0)) (i32.load (i32.const 65536)))))"#,
    )
    .unwrap();
    let mut linker = Linker::<()>::new(&engine);
    linker
        .func_wrap("host", "grow", |mut caller: Caller<'_, ()>| -> Result<()> {
            let memory = caller.get_export("memory").unwrap().into_memory().unwrap();
            assert_eq!(memory.grow(&mut caller, 1)?, 1);
            Ok(())
        })
        .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<(), i32>(&store, "run").unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap(), 42);
}

#[test]
fn a_host_function_called_by_the_host_has_no_calling_instance() {
    let mut store = store();
    let f = Func::wrap(&mut store, |mut caller: Caller<'_, u32>| {
        assert!(caller.get_export("memory").is_none());
        *caller.data_mut() += 1;
        assert!(Engine::same(caller.engine(), &caller.engine().clone()));
    });
    f.call(&mut store, &[], &mut []).unwrap();
    assert_eq!(*store.data(), 1);

    // The same if a host function that a guest called does so.
    let nested = Func::wrap(&mut store, move |mut caller: Caller<'_, u32>| {
        assert!(caller.get_export("call").is_some());
        f.call(&mut caller, &[], &mut [])
    });
    through_guest(&mut store, nested, &[], &mut []).unwrap();
    assert_eq!(*store.data(), 2);
}

#[test]
fn references_pass_through_host_functions() {
    let mut store = store();
    let f = Func::wrap(&mut store, |func: Option<Func>, value: Option<Rooted<ExternRef>>| {
        (value, func)
    });
    let answer = Func::wrap(&mut store, || 42);
    let value = ExternRef::new(&mut store, "value").unwrap();
    let mut results = [Val::I32(0); 2];
    through_guest(&mut store, f, &[answer.into(), value.into()], &mut results).unwrap();
    let value = results[0].unwrap_extern_ref().unwrap();
    let data = value.data(&store).unwrap().unwrap();
    assert_eq!(data.downcast_ref::<&str>(), Some(&"value"));
    let func = results[1].unwrap_func_ref().unwrap();
    assert_eq!(func.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), 42);

    let nulls = [Val::null_func_ref(), Val::null_extern_ref()];
    through_guest(&mut store, f, &nulls, &mut results).unwrap();
    assert!(results[0].unwrap_extern_ref().is_none());
    assert!(results[1].unwrap_func_ref().is_none());
}
