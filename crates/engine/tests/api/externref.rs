//! Host values that the guest passes around.

use crate::instantiate;
use lineal::{ExternRef, Ref, Val};

#[test]
fn values_survive_in_tables_and_globals() {
    let (mut store, instance) = instantiate(
        r#"(module
            (table (export "table") 2 externref)
            (global (export "global") (mut externref) (ref.null extern))
            (func (export "put") (param externref)
                (table.set (i32.const 1) (local.get 0))
                (global.set 0 (local.get 0)))
            (func (export "is_null") (param externref) (result i32)
                (ref.is_null (local.get 0))))"#,
    );
    let put = instance.get_typed_func::<Option<ExternRef>, ()>(&store, "put").unwrap();
    let is_null = instance.get_typed_func::<Option<ExternRef>, i32>(&store, "is_null").unwrap();
    let first = ExternRef::new(&mut store, String::from("first")).unwrap();
    let second = ExternRef::new(&mut store, 2.5_f64).unwrap();
    assert_eq!(is_null.call(&mut store, None).unwrap(), 1);
    assert_eq!(is_null.call(&mut store, Some(first)).unwrap(), 0);

    put.call(&mut store, Some(first)).unwrap();
    let table = instance.get_table(&store, "table").unwrap();
    assert!(matches!(table.get(&store, 0), Some(Ref::Extern(None))));
    let value = table.get(&store, 1).unwrap().as_extern().unwrap().unwrap();
    let text = value.data(&store).unwrap().unwrap().downcast_ref::<String>().unwrap();
    assert_eq!(text, "first");

    let global = instance.get_global(&store, "global").unwrap();
    global.set(&mut store, second.into()).unwrap();
    let Val::ExternRef(Some(value)) = global.get(&store) else { panic!() };
    assert_eq!(value.data(&store).unwrap().unwrap().downcast_ref(), Some(&2.5_f64));
}
