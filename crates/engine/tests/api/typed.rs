//! `TypedFunc`: types are checked once, then calls go straight through.

use crate::instantiate;
use lineal::{ExternRef, Func, Rooted};

const MODULE: &str = r#"(module
    (func (export "none"))
    (func (export "sum") (param i32 i64 f32 f64) (result f64)
        (f64.add
            (f64.add (f64.convert_i32_s (local.get 0)) (f64.convert_i64_s (local.get 1)))
            (f64.add (f64.promote_f32 (local.get 2)) (local.get 3))))
    (func (export "swap") (param i32 i64) (result i64 i32) (local.get 1) (local.get 0))
    (func (export "same") (param externref) (result externref) (local.get 0))
    (func (export "self") (result funcref) (ref.func 4))
    (memory (export "memory") 1))"#;

#[test]
fn shapes_of_parameters_and_results() {
    let (mut store, instance) = instantiate(MODULE);
    let none = instance.get_typed_func::<(), ()>(&store, "none").unwrap();
    none.call(&mut store, ()).unwrap();
    let sum = instance.get_typed_func::<(i32, i64, f32, f64), f64>(&store, "sum").unwrap();
    assert_eq!(sum.call(&mut store, (-1, 20, 0.5, 0.25)).unwrap(), 19.75);
    let swap = instance.get_typed_func::<(u32, u64), (u64, u32)>(&store, "swap").unwrap();
    assert_eq!(swap.call(&mut store, (u32::MAX, 1)).unwrap(), (1, u32::MAX));
    let swap = instance.get_typed_func::<(i32, i64), (i64, i32)>(&store, "swap").unwrap();
    assert_eq!(swap.call(&mut store, (-5, i64::MIN)).unwrap(), (i64::MIN, -5));
}

#[test]
fn references() {
    let (mut store, instance) = instantiate(MODULE);
    type Value = Option<Rooted<ExternRef>>;
    let same = instance.get_typed_func::<Value, (Value,)>(&store, "same").unwrap();
    assert!(same.call(&mut store, None).unwrap().0.is_none());
    let value = ExternRef::new(&mut store, 7_u8).unwrap();
    let back = same.call(&mut store, Some(value)).unwrap().0.unwrap();
    assert_eq!(back.data(&store).unwrap().unwrap().downcast_ref(), Some(&7_u8));

    let itself = instance.get_typed_func::<(), Option<Func>>(&store, "self").unwrap();
    let itself = itself.call(&mut store, ()).unwrap().unwrap();
    assert_eq!(itself.ty(&store).to_string(), "() -> funcref");
}

#[test]
fn other_types_are_refused() {
    let (store, instance) = instantiate(MODULE);
    let error = instance.get_typed_func::<(i32, i32), (i64, i32)>(&store, "swap").unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "the function `swap` is of another type: type mismatch with parameters: \
         the function has (i32, i64), but (i32, i32) was asked for"
    );
    let swap = instance.get_func(&store, "swap").unwrap();
    let error = swap.typed::<(i32, i64), i64>(&store).unwrap_err();
    assert_eq!(
        error.to_string(),
        "type mismatch with results: the function has (i64, i32), but (i64) was asked for"
    );
    assert!(swap.typed::<(i32, i64), ()>(&store).is_err());
    assert!(swap.typed::<(i32, i64, i32), (i64, i32)>(&store).is_err());
    assert!(swap.typed::<(f32, i64), (i64, i32)>(&store).is_err());
}

#[test]
fn only_exported_functions_are_found() {
    let (store, instance) = instantiate(MODULE);
    let error = instance.get_typed_func::<(), ()>(&store, "nothing").unwrap_err();
    assert_eq!(error.to_string(), "nothing is exported under the name `nothing`");
    let error = instance.get_typed_func::<(), ()>(&store, "memory").unwrap_err();
    assert_eq!(error.to_string(), "the export `memory` is not a function");
}
