//! Programs that are easy to translate wrongly: each was, once.

use lineal::{Engine, Instance, Module, Store};

/// Calls the function `f` of a module.
fn f(wat: &str, argument: i32) -> i32 {
    let engine = Engine::default();
    let module = Module::new(&engine, wat).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let f = instance.get_typed_func::<i32, i32>(&store, "f").unwrap();
    f.call(&mut store, argument).unwrap()
}

#[test]
fn a_branch_on_a_comparison_of_constants_has_its_operands() {
    let wat = r#"(module (func (export "f") (param i32) (result i32)
        (if (result i32) (i64.eqz (i64.const 7)) (then (i32.const 2)) (else (i32.const 1)))))"#;
    assert_eq!(f(wat, 0), 1);
}

#[test]
fn a_comparison_that_a_branch_replaced_is_forgotten() {
    // The subtraction's cell is where the outer comparison's was.
    let wat = r#"(module (func (export "f") (param i32) (result i32) (local $x i32)
        (block $out
            (br_if $out (i32.eqz (i32.eqz (i32.mul (local.get $x) (local.get 0)))))
            (i32.sub (local.get 0) (local.get 0))
            (if (result i32) (then (i32.const 2)) (else (i32.const 3)))
            (local.set $x))
        (local.get $x)))"#;
    assert_eq!(f(wat, 5), 3);
}

#[test]
fn a_branch_with_a_value_leaves_pending_results_to_the_other_path() {
    // The sum's first operand is where the block's result goes.
    let wat = r#"(module (func (export "f") (param i32) (result i32)
        (block $out (result i32)
            (i32.and (i32.const 6) (local.get 0))
            (if (i32.eqz (local.get 0)) (then (br $out (i32.const 1))))
            (i32.add (i32.const 100)))))"#;
    assert_eq!((f(wat, 15), f(wat, 0)), (106, 1));
    let wat = r#"(module (func (export "f") (param i32) (result i32)
        (block $out (result i32)
            (i32.and (i32.const 6) (local.get 0))
            (drop (br_if $out (i32.const 1) (i32.eqz (local.get 0))))
            (i32.add (i32.const 100)))))"#;
    assert_eq!((f(wat, 15), f(wat, 0)), (106, 1));
}
