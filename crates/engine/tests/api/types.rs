//! Types that modules define, as the host sees them.

use lineal::{
    Engine, ExternType, Func, FuncType, Global, GlobalType, HeapType, Instance, Module, Ref,
    RefType, Store, Table, TableType, Trap, TypeIndex, Val, ValType,
};

fn reference(engine: &Engine, ty: FuncType, nullable: bool) -> RefType {
    RefType { nullable, heap: HeapType::ConcreteFunc(engine.register_type(&ty.into())) }
}

#[test]
fn modules_and_hosts_name_equal_types_alike() {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        "(module (type (func (result i64))) (type $t (func (param i32)))
            (global (export \"g\") (mut (ref null $t)) (ref.null $t)))",
    )
    .unwrap();
    let content = ValType::Ref(reference(&engine, FuncType::new([ValType::I32], []), true));
    let expected = ExternType::Global(GlobalType { content, mutable: true });
    assert_eq!(module.get_export("g"), Some(expected));
}

#[test]
fn a_function_must_be_of_the_type_that_is_asked_for() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let unary = reference(&engine, FuncType::new([ValType::I32], []), false);
    let good = Func::wrap(&mut store, |_: i32| {});
    let bad = Func::wrap(&mut store, |_: i64| {});
    let ty = GlobalType { content: ValType::Ref(unary), mutable: true };
    let global = Global::new(&mut store, ty, good.into()).unwrap();
    assert!(global.set(&mut store, bad.into()).is_err());
    assert!(global.set(&mut store, Val::null_func_ref()).is_err());
    assert!(Val::from(good).matches_ty(&store, &ValType::FUNCREF).unwrap());

    let element = RefType { nullable: true, ..unary };
    let ty = TableType { element, minimum: 1, maximum: None, table64: false };
    let table = Table::new(&mut store, ty, Ref::Func(None)).unwrap();
    table.set(&mut store, 0, good.into()).unwrap();
    assert!(table.set(&mut store, 0, bad.into()).is_err());
}

#[test]
fn host_functions_are_called_by_reference() {
    let engine = Engine::default();
    let mut store = Store::<()>::new(&engine, ());
    let module = Module::new(
        &engine,
        "(module (type $t (func (param i32) (result i32)))
            (func (export \"twice\") (param $f (ref null $t)) (param $x i32) (result i32)
                (call_ref $t (call_ref $t (local.get $x) (local.get $f)) (local.get $f)))
            (func (export \"tail\") (param $f (ref null $t)) (param $x i32) (result i32)
                (return_call_ref $t (local.get $x) (local.get $f))))",
    )
    .unwrap();
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let triple = Func::wrap(&mut store, |x: i32| x * 3);
    for (name, expected) in [("twice", 63), ("tail", 21)] {
        let func = instance.get_func(&store, name).unwrap();
        let mut results = [Val::I32(0)];
        func.call(&mut store, &[triple.into(), Val::I32(7)], &mut results).unwrap();
        assert_eq!(results[0].unwrap_i32(), expected);
        let error = func.call(&mut store, &[Val::FuncRef(None), Val::I32(7)], &mut results);
        assert_eq!(error.unwrap_err().downcast_ref(), Some(&Trap::NullReference));
    }
}

#[test]
fn numbers_that_no_type_has_are_told_apart() {
    let engine = Engine::default();
    let TypeIndex(number) = engine.register_type(&FuncType::new([ValType::I32], []).into());
    assert!(engine.type_at(TypeIndex(number)).is_some());
    for bit in 0..32 {
        assert!(engine.type_at(TypeIndex(number ^ 1 << bit)).is_none(), "bit {bit}");
    }
    assert!(engine.type_at(TypeIndex(u32::MAX)).is_none());
}
