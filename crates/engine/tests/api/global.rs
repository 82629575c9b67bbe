//! The `Global` handle.

use crate::instantiate;
use lineal::{Engine, Func, Global, GlobalType, Instance, Module, Mutability, Store, Val, ValType};

#[test]
fn values_of_every_type_are_kept() {
    let mut store = Store::<()>::default();
    let func = Func::wrap(&mut store, || 42);
    let vals: [Val; 6] = [
        Val::I32(-1),
        Val::I64(i64::MIN),
        Val::F32(0x7fa0_0001),
        Val::F64(0xfff4_0000_0000_0001),
        func.into(),
        Val::null_extern_ref(),
    ];
    for val in vals {
        let content = match val {
            Val::FuncRef(_) => ValType::FUNCREF,
            Val::ExternRef(_) => ValType::EXTERNREF,
            number => number.ty(&store).unwrap(),
        };
        let ty = GlobalType::new(content, Mutability::Const);
        let global = Global::new(&mut store, ty.clone(), val).unwrap();
        assert_eq!(global.ty(&store), ty);
        match (val, global.get(&store)) {
            (Val::I32(a), Val::I32(b)) => assert_eq!(a, b),
            (Val::I64(a), Val::I64(b)) => assert_eq!(a, b),
            (Val::F32(a), Val::F32(b)) => assert_eq!(a, b),
            (Val::F64(a), Val::F64(b)) => assert_eq!(a, b),
            (Val::FuncRef(Some(_)), Val::FuncRef(Some(b))) => {
                assert_eq!(b.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), 42);
            }
            (Val::ExternRef(None), Val::ExternRef(None)) => {}
            (put, got) => panic!("put {put:?}, got {got:?}"),
        }
    }
}

#[test]
fn types_and_mutability_are_checked() {
    let mut store = Store::<()>::default();
    let ty = GlobalType::new(ValType::I32, Mutability::Var);
    assert!(Global::new(&mut store, ty.clone(), Val::I64(1)).is_err());
    let global = Global::new(&mut store, ty, Val::I32(1)).unwrap();
    let error = global.set(&mut store, Val::from(1.0_f32)).unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "invalid value for a global: type mismatch: expected i32, found f32"
    );
    let constant = GlobalType::new(ValType::I32, Mutability::Const);
    let constant = Global::new(&mut store, constant, Val::I32(1)).unwrap();
    let error = constant.set(&mut store, Val::I32(2)).unwrap_err();
    assert_eq!(error.to_string(), "the global is immutable");
    assert_eq!(constant.get(&store).unwrap_i32(), 1);
}

#[test]
fn host_and_guest_share_globals() {
    let (mut store, instance) = instantiate(
        r#"(module
            (global (export "counter") (mut i64) (i64.const 5))
            (func (export "next") (result i64)
                (global.set 0 (i64.add (global.get 0) (i64.const 1)))
                (global.get 0)))"#,
    );
    let counter = instance.get_global(&store, "counter").unwrap();
    let next = instance.get_typed_func::<(), i64>(&store, "next").unwrap();
    assert_eq!(next.call(&mut store, ()).unwrap(), 6);
    assert_eq!(counter.get(&store).unwrap_i64(), 6);
    counter.set(&mut store, Val::I64(-2)).unwrap();
    assert_eq!(next.call(&mut store, ()).unwrap(), -1);
}

#[test]
fn initial_values_are_computed() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let ty = GlobalType::new(ValType::I32, Mutability::Const);
    let base = Global::new(&mut store, ty, Val::I32(100)).unwrap();
    let module = Module::new(
        &engine,
        r#"(module
            (import "" "base" (global $base i32))
            (global (export "a") i32
                (i32.add (global.get $base) (i32.mul (i32.const 3) (i32.const -2))))
            (global (export "b") i64 (i64.sub (i64.const 0) (i64.const 1)))
            (global (export "f") funcref (ref.func $seven))
            (global (export "n") externref (ref.null extern))
            (memory (export "memory") 1)
            (data (i32.add (global.get $base) (i32.const 1)) "here")
            (func $seven (result i32) (i32.const 7)))"#,
    )
    .unwrap();
    let instance = Instance::new(&mut store, &module, &[base.into()]).unwrap();
    let get = |name: &str| instance.get_global(&store, name).unwrap().get(&store);
    assert_eq!(get("a").unwrap_i32(), 94);
    assert_eq!(get("b").unwrap_i64(), -1);
    assert!(get("n").unwrap_extern_ref().is_none());
    let seven = get("f");
    let seven = seven.unwrap_func_ref().unwrap();
    let memory = instance.get_memory(&store, "memory").unwrap();
    assert_eq!(memory.data(&store)[101..105], *b"here");
    assert_eq!(seven.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), 7);
}
