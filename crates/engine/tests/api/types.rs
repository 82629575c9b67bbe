//! Types that modules define, as the host sees them.

use lineal::{
    Engine, ExternType, FieldType, Finality, Func, FuncType, Global, GlobalType, HeapType,
    Instance, Module, Mutability, Ref, RefType, StorageType, Store, StructType, Table, TableType,
    Trap, Val, ValType,
};

fn reference(engine: &Engine, nullable: bool) -> RefType {
    let ty = FuncType::new(engine, [ValType::I32], []);
    RefType::new(nullable, HeapType::ConcreteFunc(ty))
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
    let content = ValType::Ref(reference(&engine, true));
    let expected = ExternType::Global(GlobalType::new(content, Mutability::Var));
    assert_eq!(module.get_export("g"), Some(expected));
}

#[test]
fn a_function_must_be_of_the_type_that_is_asked_for() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let unary = reference(&engine, false);
    let good = Func::wrap(&mut store, |_: i32| {});
    let bad = Func::wrap(&mut store, |_: i64| {});
    let ty = GlobalType::new(ValType::Ref(unary), Mutability::Var);
    let global = Global::new(&mut store, ty, good.into()).unwrap();
    assert!(global.set(&mut store, bad.into()).is_err());
    assert!(global.set(&mut store, Val::null_func_ref()).is_err());
    assert!(Val::from(good).matches_ty(&store, &ValType::FUNCREF).unwrap());

    let element = reference(&engine, true);
    let ty = TableType::new(element, 1, None);
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
fn a_type_must_match_its_supertype() {
    let engine = Engine::default();
    let field = |ty| FieldType::new(Mutability::Const, StorageType::ValType(ty));
    let open = |fields: Vec<FieldType>, supertype: Option<&StructType>| {
        StructType::with_finality_and_supertype(&engine, Finality::NonFinal, supertype, fields)
    };
    let base = open(vec![field(ValType::ANYREF)], None).unwrap();
    let sub = open(vec![field(ValType::EQREF), field(ValType::I32)], Some(&base)).unwrap();
    assert!(sub.matches(&base) && !base.matches(&sub));
    assert_eq!((sub.supertype(), base.supertype()), (Some(base.clone()), None));
    assert!(open(vec![field(ValType::I32)], Some(&base)).is_err());
    assert!(open(vec![], Some(&base)).is_err());
    let last = StructType::new(&engine, [field(ValType::ANYREF)]).unwrap();
    assert!(last.finality().is_final() && last != base);
    let error = open(vec![field(ValType::ANYREF)], Some(&last)).unwrap_err();
    assert_eq!(error.to_string(), "cannot create a subtype of a final supertype");
}

#[test]
fn types_of_another_engine_are_refused() {
    let [own, other] = [Engine::default(), Engine::default()];
    let panics = |f: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).is_err();
    let foreign = reference(&other, true);
    let ty = ValType::Ref(foreign.clone());
    assert!(panics(&|| drop(FuncType::new(&own, [ty.clone()], []))));
    assert!(panics(&|| {
        let mut store = Store::new(&own, ());
        let global = GlobalType::new(ty.clone(), Mutability::Var);
        let _ = Global::new(&mut store, global, Val::null_func_ref());
    }));
    assert!(panics(&|| {
        let mut store = Store::new(&own, ());
        let table = TableType::new(foreign.clone(), 0, None);
        let _ = Table::new(&mut store, table, Ref::Func(None));
    }));
    assert!(panics(&|| {
        let mut store = Store::new(&own, ());
        let func = FuncType::new(&other, [], []);
        Func::new(&mut store, func, |_, _, _| Ok(()));
    }));
    assert!(panics(&|| {
        let store = Store::new(&own, ());
        let _ = Val::null_func_ref().matches_ty(&store, &ty);
    }));
    assert!(panics(&|| {
        ty.matches(&ValType::Ref(reference(&own, true)));
    }));
    assert!(ty.matches(&ValType::FUNCREF));
}
