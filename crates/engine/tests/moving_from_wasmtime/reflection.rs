//! What programs ask about modules and types before they run anything.

use lineal::*;

/// The types of imports and exports.
#[test]
fn imports_and_exports() -> Result<()> {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module $demo
            (import "env" "f" (func (param i32 f64) (result i64)))
            (import "env" "m" (memory 1 4))
            (import "env" "t" (table 2 funcref))
            (import "env" "g" (global (mut externref)))
            (global (export "answer") i32 (i32.const 42))
            (func (export "run") (param v128) (result i32 i32) i32.const 1 i32.const 2))"#,
    )?;
    assert_eq!(module.name(), Some("demo"));
    for import in module.imports() {
        assert_eq!(import.module(), "env");
        match import.ty() {
            ExternType::Func(ty) => {
                assert_eq!(ty.params().len(), 2);
                assert!(ty.param(0).unwrap().is_i32() && ty.param(1).unwrap().is_f64());
                assert!(matches!(ty.results().collect::<Vec<_>>()[..], [ValType::I64]));
                assert!(ty.result(1).is_none());
            }
            ExternType::Memory(ty) => {
                assert_eq!((ty.minimum(), ty.maximum()), (1, Some(4)));
                assert!(!ty.is_64() && !ty.is_shared());
                assert_eq!((ty.page_size(), ty.page_size_log2()), (65_536, 16));
            }
            ExternType::Table(ty) => {
                assert!(ty.element().is_nullable() && ty.element().heap_type().is_func());
                assert_eq!((ty.minimum(), ty.maximum(), ty.is_64()), (2, None, false));
            }
            ExternType::Global(ty) => {
                assert_eq!(ty.mutability(), Mutability::Var);
                assert!(ty.content().is_ref() && ty.content().is_externref());
                assert!(ty.content().unwrap_ref().heap_type().is_extern());
            }
            ExternType::Tag(_) => unreachable!("no tag is imported"),
        }
    }
    let exports: Vec<(&str, ExternType)> =
        module.exports().map(|export| (export.name(), export.ty())).collect();
    assert_eq!(exports.len(), 2);
    assert!(exports[0].1.unwrap_global().mutability().is_const());
    let run = exports[1].1.func().expect("a function");
    assert!(run.param(0).is_some_and(|ty| ty.is_v128()));
    assert!(FuncType::eq(run, module.get_export("run").unwrap().unwrap_func()));

    let needs = module.resources_required();
    assert_eq!((needs.num_memories, needs.num_tables), (0, 0));
    let index = module.get_export_index("run").unwrap();
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_default_values(&mut store, &module)?;
    let instance = linker.instantiate(&mut store, &module)?;
    let run = instance.get_module_export(&mut store, &index).unwrap().into_func().unwrap();
    assert_eq!(run.ty(&store).results().len(), 2);
    assert!(Module::same(instance.module(&store), &module));
    let names: Vec<String> =
        instance.exports(&mut store).map(|export| export.name().to_string()).collect();
    assert_eq!(names, ["answer", "run"]);
    Ok(())
}

/// Types that are built by hand, and which of them match.
#[test]
fn types_by_hand() -> Result<()> {
    let engine = Engine::default();
    let binary = FuncType::new(&engine, [ValType::I32, ValType::I32], [ValType::I32]);
    let concrete = ValType::Ref(RefType::new(false, HeapType::ConcreteFunc(binary.clone())));
    assert!(concrete.matches(&ValType::FUNCREF) && !ValType::FUNCREF.matches(&concrete));
    assert!(ValType::eq(&ValType::FUNCREF, &RefType::FUNCREF.into()));
    assert!(HeapType::from(binary.clone()).unwrap_concrete_func().matches(&binary));
    assert!(HeapType::None.matches(&HeapType::I31) && HeapType::I31.matches(&HeapType::Eq));
    assert!(matches!(HeapType::from(binary).top(), HeapType::Func));
    assert!(matches!(HeapType::Struct.bottom(), HeapType::None));
    assert!(RefType::new(false, HeapType::Any).matches(&RefType::ANYREF));
    assert!(ValType::I32.default_value().is_some_and(|val| val.unwrap_i32() == 0));

    let base = StructType::with_finality_and_supertype(
        &engine,
        Finality::NonFinal,
        None,
        [FieldType::new(Mutability::Var, StorageType::ValType(ValType::I32))],
    )?;
    let sub = StructType::with_finality_and_supertype(
        &engine,
        Finality::Final,
        Some(&base),
        [
            FieldType::new(Mutability::Var, StorageType::ValType(ValType::I32)),
            FieldType::new(Mutability::Const, StorageType::I16),
        ],
    )?;
    assert!(sub.matches(&base) && !base.matches(&sub));
    assert_eq!(sub.fields().len(), 2);
    assert!(sub.field(1).unwrap().element_type().is_i16());
    assert!(sub.field(1).unwrap().element_type().unpack().is_i32());

    let ty = MemoryTypeBuilder::new().min(1).max(Some(2)).shared(true).build()?;
    assert!(ty.is_shared());
    assert!(MemoryTypeBuilder::default().min(2).max(Some(1)).build().is_err());
    assert!(MemoryType::builder().shared(true).build().is_err());
    assert!(MemoryType::builder().page_size_log2(3).build().is_err());
    assert!(MemoryType::new64(1 << 32, None).is_64());
    assert!(std::panic::catch_unwind(|| MemoryType::new(2, Some(1))).is_err());

    // What has a default value.
    let mut store = Store::new(&engine, ());
    let items = [
        ExternType::from(MemoryType::new(1, None)),
        MemoryType::shared(1, 1).into(),
        TableType::new64(RefType::EXTERNREF, 3, None).into(),
        GlobalType::new(ValType::F32, Mutability::Const).into(),
        TagType::new(FuncType::new(&engine, [], [])).into(),
        FuncType::new(&engine, [], [ValType::I64, ValType::ANYREF]).into(),
    ];
    for item in items {
        let value = item.default_value(&mut store)?;
        assert_eq!(format!("{:?}", value.ty(&store)), format!("{item:?}"));
    }
    let non_null = GlobalType::new(concrete, Mutability::Const);
    assert!(non_null.default_value(&mut store).is_err());
    Ok(())
}

/// Values that know their type at run time.
#[test]
fn values() -> Result<()> {
    let mut store: Store<()> = Store::default();
    let func = Func::wrap(&mut store, || {});
    let values = [
        Val::I32(1),
        Val::from(2_i64),
        Val::from(1.5_f32),
        Val::from(2.5_f64),
        Val::from(3_u128),
        Val::from(func),
        Val::null_extern_ref(),
        Val::null_any_ref(),
    ];
    assert_eq!(values[1].unwrap_i64(), 2);
    assert_eq!((values[2].unwrap_f32(), values[3].unwrap_f64()), (1.5, 2.5));
    assert_eq!(values[4].unwrap_v128().as_u128(), 3);
    assert!(values[5].unwrap_funcref().is_some());
    assert!(values[6].unwrap_externref().is_none() && values[7].unwrap_anyref().is_none());
    assert!(values[0].ref_().is_none() && values[6].ref_().is_some_and(|r| r.is_null()));
    assert!(values[5].matches_ty(&store, &ValType::FUNCREF)?);
    assert!(values[5].ty(&store)?.unwrap_ref().heap_type().is_concrete_func());
    assert!(matches!(Val::null_ref(&HeapType::Exn), Val::ExnRef(None)));
    assert!(values[0].externref().is_none());
    assert!(Ref::from(func).matches_ty(&store, &RefType::FUNCREF)?);
    assert!(matches!(Ref::from(func).ty(&store)?.heap_type(), HeapType::ConcreteFunc(_)));
    assert!(NoExtern::null_val().unwrap_externref().is_none());
    let nothing = Func::wrap(&mut store, |_: Option<NoFunc>| NoneRef::null());
    nothing.typed::<Option<NoFunc>, Option<NoneRef>>(&store)?.call(&mut store, NoFunc::null())?;
    Ok(())
}
