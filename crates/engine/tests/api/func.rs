//! `Func::call`: checks of what it is given.

use crate::instantiate;
use lineal::{Func, Store, Val};

const ADD: &str = r#"(module (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1))))"#;

#[test]
fn parameters_and_results_are_counted() {
    let (mut store, instance) = instantiate(ADD);
    let add = instance.get_func(&store, "add").unwrap();
    let mut one = [Val::I32(0)];
    add.call(&mut store, &[Val::I32(2), Val::I32(3)], &mut one).unwrap();
    assert_eq!(one[0].unwrap_i32(), 5);

    let error = add.call(&mut store, &[Val::I32(2)], &mut one).unwrap_err();
    assert_eq!(error.to_string(), "expected 2 parameters, got 1");
    let error = add.call(&mut store, &[Val::I32(2), Val::I32(3)], &mut []).unwrap_err();
    assert_eq!(error.to_string(), "expected 1 results, got 0");
}

#[test]
fn types_of_parameters_are_checked() {
    let (mut store, instance) = instantiate(ADD);
    let add = instance.get_func(&store, "add").unwrap();
    for wrong in [Val::I64(1), Val::from(1.0_f32), Val::null_func_ref(), Val::null_extern_ref()] {
        let error = add.call(&mut store, &[Val::I32(1), wrong], &mut [Val::I32(0)]).unwrap_err();
        let message = format!("{error:#}");
        assert!(message.starts_with("invalid parameter: type mismatch: expected i32"), "{message}");
    }
}

#[test]
fn references_of_another_store_are_refused() {
    let (mut store, instance) = instantiate(r#"(module (func (export "take") (param funcref)))"#);
    let take = instance.get_func(&store, "take").unwrap();
    let mut other = Store::<()>::default();
    let foreign = Func::wrap(&mut other, || ());
    let error = take.call(&mut store, &[foreign.into()], &mut []).unwrap_err();
    assert!(format!("{error:#}").contains("another store"));
    let take = take.typed::<Option<Func>, ()>(&store).unwrap();
    let error = take.call(&mut store, Some(foreign)).unwrap_err();
    assert!(format!("{error:#}").contains("another store"));
}

#[test]
fn many_values_are_passed_in_order() {
    let params = 100;
    let gets: String = (0..params).rev().map(|i| format!("(local.get {i})")).collect();
    let list = " i32".repeat(params);
    let (mut store, instance) = instantiate(&format!(
        r#"(module (func (export "reverse") (param{list}) (result{list}) {gets}))"#
    ));
    let reverse = instance.get_func(&store, "reverse").unwrap();
    let vals: Vec<Val> = (0..params as i32).map(Val::I32).collect();
    let mut results = vec![Val::I64(0); params];
    reverse.call(&mut store, &vals, &mut results).unwrap();
    let results: Vec<i32> = results.iter().map(Val::unwrap_i32).collect();
    assert!(results.into_iter().eq((0..params as i32).rev()));
}

#[test]
fn the_type_is_the_functions() {
    let (mut store, instance) = instantiate(ADD);
    let add = instance.get_func(&store, "add").unwrap();
    assert_eq!(add.ty(&store).to_string(), "(i32, i32) -> i32");
    let host = Func::wrap(&mut store, |_: f32, _: Option<Func>| 1_u64);
    assert_eq!(host.ty(&store).to_string(), "(f32, funcref) -> i64");
}
