//! References: structures, arrays, exceptions, functions in tables, and how long they live.

use lineal::*;

/// Structures and arrays that the host makes and looks into.
#[test]
fn structures_and_arrays() -> Result<()> {
    let mut config = Config::new();
    config.wasm_function_references(true);
    config.wasm_gc(true);
    let engine = Engine::new(&config)?;
    let mut store = Store::new(&engine, ());

    let field_ty = FieldType::new(Mutability::Var, StorageType::I8);
    let pair_ty = StructType::new(
        &engine,
        [
            field_ty.clone(),
            FieldType::new(Mutability::Const, StorageType::ValType(ValType::ANYREF)),
        ],
    )?;
    let bytes_ty = ArrayType::new(&engine, field_ty);

    let pair_pre = StructRefPre::new(&mut store, pair_ty.clone());
    let bytes_pre = ArrayRefPre::new(&mut store, bytes_ty);
    let bytes = ArrayRef::new_from_i8_slice(&mut store, &bytes_pre, b"hello")?;
    let pair: Rooted<StructRef> =
        StructRef::new(&mut store, &pair_pre, &[Val::I32(300), Val::from(bytes)])?;
    assert_eq!(pair.field(&mut store, 0)?.unwrap_i32(), 300 % 256);
    assert!(pair.matches_ty(&store, &pair_ty)?);
    assert!(pair.set_field(&mut store, 1, Val::null_any_ref()).is_err());

    let held = pair.field(&mut store, 1)?;
    let array = held.unwrap_anyref().expect("not null").unwrap_array(&store)?;
    assert!(Rooted::ref_eq(&store, &array, &bytes)?);
    assert_eq!(array.len(&store)?, 5);
    array.set(&mut store, 0, Val::I32(b'J'.into()))?;
    let mut text = [0; 5];
    array.copy_to_i8_slice(&mut store, &mut text)?;
    assert_eq!(&text, b"Jello");
    let sum: i32 = array.elems(&mut store)?.map(|elem| elem.unwrap_i32()).sum();
    assert_eq!(sum, b"Jello".iter().map(|&byte| i32::from(byte)).sum::<i32>());

    let module = Module::new(
        &engine,
        r#"(module
            (type $bytes (array (mut i8)))
            (type $pair (struct (field (mut i8)) (field anyref)))
            (func (export "first") (param (ref $pair)) (result i32)
                (array.get_u $bytes
                    (ref.cast (ref $bytes) (struct.get $pair 1 (local.get 0))) (i32.const 0)))
            (func (export "kind") (param anyref) (result i32)
                (if (result i32) (ref.test (ref $pair) (local.get 0))
                    (then (i32.const 1))
                    (else (ref.test i31ref (local.get 0)) (i32.shl (i32.const 1))))))"#,
    )?;
    let instance = Instance::new(&mut store, &module, &[])?;
    let first = instance.get_func(&mut store, "first").unwrap();
    let mut results = [Val::I32(0)];
    first.call(&mut store, &[Val::AnyRef(Some(pair.to_anyref()))], &mut results)?;
    assert_eq!(results[0].unwrap_i32(), i32::from(b'J'));

    let kind = instance.get_typed_func::<Option<Rooted<AnyRef>>, i32>(&mut store, "kind")?;
    assert_eq!(kind.call(&mut store, Some(pair.to_anyref()))?, 1);
    let number = AnyRef::from_i31(&mut store, I31::wrapping_u32(7));
    assert_eq!(kind.call(&mut store, Some(number))?, 2);
    assert_eq!(number.unwrap_i31(&store)?.get_u32(), 7);
    assert!(number.is_eqref(&store)? && !number.is_struct(&store)?);
    let eq: Rooted<EqRef> = number.unwrap_eqref(&mut store)?;
    assert!(eq.as_array(&store)?.is_none());
    assert!(matches!(number.ty(&store)?, HeapType::I31));
    Ok(())
}

/// Roots: a scope's references end with it, owned ones do not.
#[test]
fn scopes_and_owned_references() -> Result<()> {
    let mut store: Store<()> = Store::default();
    let (gone, kept): (Rooted<ExternRef>, OwnedRooted<ExternRef>) = {
        let mut scope = RootScope::new(&mut store);
        let gone = ExternRef::new(&mut scope, String::from("gone"))?;
        let kept = ExternRef::new(&mut scope, String::from("kept"))?;
        (gone, kept.to_owned_rooted(&mut scope)?)
    };
    store.gc(None)?;
    assert!(gone.data(&store).is_err());
    let data = kept.data(&store)?.expect("host data").downcast_ref::<String>();
    assert_eq!(data.map(String::as_str), Some("kept"));

    let rooted = kept.to_rooted(&mut store);
    rooted.data_mut(&mut store)?.unwrap().downcast_mut::<String>().unwrap().push('!');
    assert!(OwnedRooted::ref_eq(&store, &kept, &rooted)?);
    let text = rooted.data(&store)?.unwrap().downcast_ref::<String>().unwrap();
    assert_eq!(text, "kept!");

    // Host functions take and give both kinds.
    let engine = store.engine().clone();
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "same", |value: Option<OwnedRooted<ExternRef>>| value)?;
    let module = Module::new(
        &engine,
        r#"(module
            (import "host" "same" (func $same (param externref) (result externref)))
            (func (export "run") (param externref) (result externref)
                (call $same (local.get 0))))"#,
    )?;
    let instance = linker.instantiate(&mut store, &module)?;
    let run = instance
        .get_typed_func::<OwnedRooted<ExternRef>, Option<Rooted<ExternRef>>>(&mut store, "run");
    assert!(run.is_ok(), "what is never null may be passed where null is allowed");
    let back = run?.call(&mut store, kept.clone())?.expect("not null");
    assert!(Rooted::ref_eq(&store, &back, &kept)?);

    // As a guest's reference and back.
    let any = AnyRef::convert_extern(&mut store, rooted)?;
    assert!(!any.is_i31(&store)? && any.as_struct(&store)?.is_none());
    let back = ExternRef::convert_any(&mut store, any)?;
    assert!(Rooted::ref_eq(&store, &back, &rooted)?);
    Ok(())
}

/// A heap with a limit: the value comes back with the error.
#[test]
fn out_of_heap() -> Result<()> {
    let mut store: Store<()> = Store::default();
    let mut value = vec![1_u8; 100];
    let reference = match ExternRef::new(&mut store, value) {
        Ok(reference) => reference,
        Err(error) => match error.downcast::<GcHeapOutOfMemory<Vec<u8>>>() {
            Ok(oom) => {
                let (inner, oom) = oom.take_inner();
                value = inner;
                store.gc(Some(&oom))?;
                ExternRef::new(&mut store, value)?
            }
            Err(error) => return Err(error),
        },
    };
    assert!(reference.data(&store)?.is_some_and(|data| data.is::<Vec<u8>>()));
    Ok(())
}

/// Exceptions that the host throws and catches.
#[test]
fn exceptions() -> Result<()> {
    let mut config = Config::new();
    config.wasm_exceptions(true);
    let engine = Engine::new(&config)?;
    let mut store = Store::new(&engine, ());

    let exn_ty = ExnType::new(&engine, [ValType::I32, ValType::I64])?;
    let tag = Tag::new(&mut store, &exn_ty.tag_type())?;
    let throw_ty = FuncType::new(&engine, [ValType::I32], []);
    let thrown = exn_ty.clone();
    let throw = Func::new(&mut store, throw_ty, move |mut caller, params, _results| {
        let exnpre = ExnRefPre::new(&mut caller, thrown.clone());
        let exn = ExnRef::new(&mut caller, &exnpre, &tag, &[params[0], Val::I64(9)])?;
        caller.as_context_mut().throw(exn)?;
        Ok(())
    });
    let module = Module::new(
        &engine,
        r#"(module
            (import "host" "tag" (tag $t (param i32 i64)))
            (import "host" "throw" (func $throw (param i32)))
            (func (export "catch") (param i32) (result i32)
                (block $caught (result i32 i64)
                    (try_table (catch $t $caught) (call $throw (local.get 0)))
                    (return (i32.const -1)))
                (drop))
            (func (export "pass") (param i32) (call $throw (local.get 0))))"#,
    )?;
    let instance = Instance::new(&mut store, &module, &[tag.into(), throw.into()])?;
    let catch = instance.get_typed_func::<i32, i32>(&mut store, "catch")?;
    assert_eq!(catch.call(&mut store, 42)?, 42);

    let pass = instance.get_typed_func::<i32, ()>(&mut store, "pass")?;
    let error = pass.call(&mut store, 7).unwrap_err();
    assert!(error.is::<ThrownException>());
    assert!(store.has_pending_exception());
    let exn: Rooted<ExnRef> = store.take_pending_exception().unwrap();
    assert!(Tag::eq(&exn.tag(&mut store)?, &tag, &store));
    assert_eq!(exn.ty(&store)?.fields().len(), 2);
    let fields: Vec<Val> = exn.fields(&mut store)?.collect();
    assert_eq!((fields[0].unwrap_i32(), fields[1].unwrap_i64()), (7, 9));
    assert_eq!(exn.field(&mut store, 0)?.unwrap_i32(), 7);
    Ok(())
}

/// A table of functions.
#[test]
fn tables_of_functions() -> Result<()> {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let ty = TableType::new(RefType::FUNCREF, 2, Some(4));
    let table = Table::new(&mut store, ty, Ref::Func(None))?;
    let double = Func::wrap(&mut store, |x: i32| x * 2);
    table.set(&mut store, 0, double.into())?;
    table.set(&mut store, 1, Ref::Func(Some(double)))?;
    assert_eq!(table.grow(&mut store, 1, Ref::null(&HeapType::Func))?, 2);
    assert_eq!(table.size(&store), 3);

    let module = Module::new(
        &engine,
        r#"(module
            (type $f (func (param i32) (result i32)))
            (import "host" "table" (table 1 funcref))
            (elem (i32.const 1) $triple)
            (func $triple (type $f) (i32.mul (local.get 0) (i32.const 3)))
            (func (export "call") (param i32 i32) (result i32)
                (call_indirect (type $f) (local.get 1) (local.get 0))))"#,
    )?;
    let instance = Instance::new(&mut store, &module, &[table.into()])?;
    let call = instance.get_typed_func::<(i32, i32), i32>(&mut store, "call")?;
    assert_eq!(call.call(&mut store, (0, 7))?, 14);
    assert_eq!(call.call(&mut store, (1, 7))?, 21);
    let trap = call.call(&mut store, (2, 7)).unwrap_err().downcast::<Trap>()?;
    assert_eq!(trap, Trap::IndirectCallToNull);
    let trap = call.call(&mut store, (3, 7)).unwrap_err().downcast::<Trap>()?;
    assert_eq!(trap, Trap::TableOutOfBounds);

    let triple = table.get(&mut store, 1).unwrap();
    let triple = triple.unwrap_func().copied().expect("not null");
    assert_eq!(triple.typed::<i32, i32>(&store)?.call(&mut store, 5)?, 15);
    assert!(table.get(&mut store, 2).unwrap().is_null());
    assert!(triple.matches_ty(&store, &FuncType::new(&engine, [ValType::I32], [ValType::I32])));
    Table::copy(&mut store, &table, 2, &table, 0, 1)?;
    assert!(table.get(&mut store, 2).unwrap().is_non_null());
    table.fill(&mut store, 0, Ref::Func(None), 3)?;
    assert!(table.get(&mut store, 0).unwrap().is_null());
    Ok(())
}
