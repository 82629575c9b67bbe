//! The `Table` handle.

use crate::{instantiate, trap};
use lineal::{ExternRef, Func, Ref, RefType, Store, Table, TableType, Trap};

fn ty(element: RefType, minimum: u32, maximum: Option<u32>) -> TableType {
    TableType::new(element, minimum, maximum)
}

/// The numbers that the table's functions return; -1 for null.
fn numbers(store: &mut Store<()>, table: Table) -> Vec<i32> {
    let mut numbers = Vec::new();
    for index in 0..table.size(&*store) {
        let element = table.get(&*store, index).unwrap();
        let func = element.as_func().unwrap();
        numbers.push(match func {
            Some(func) => func.typed::<(), i32>(&*store).unwrap().call(&mut *store, ()).unwrap(),
            None => -1,
        });
    }
    numbers
}

#[test]
fn elements_are_set_filled_and_copied() {
    let mut store = Store::<()>::default();
    let [zero, one, two] = [0, 1, 2].map(|n| Func::wrap(&mut store, move || n));
    let table = Table::new(&mut store, ty(RefType::FUNCREF, 4, None), zero.into()).unwrap();
    assert_eq!(numbers(&mut store, table), [0; 4]);
    table.set(&mut store, 1, one.into()).unwrap();
    table.fill(&mut store, 2, two.into(), 2).unwrap();
    assert_eq!(numbers(&mut store, table), [0, 1, 2, 2]);
    Table::copy(&mut store, &table, 1, &table, 0, 3).unwrap();
    assert_eq!(numbers(&mut store, table), [0, 0, 1, 2]);

    let other = Table::new(&mut store, ty(RefType::FUNCREF, 2, None), Ref::Func(None)).unwrap();
    Table::copy(&mut store, &other, 0, &table, 2, 2).unwrap();
    assert_eq!(numbers(&mut store, other), [1, 2]);
}

#[test]
fn ranges_are_bounded() {
    let mut store = Store::<()>::default();
    let null = Ref::Func(None);
    let table = Table::new(&mut store, ty(RefType::FUNCREF, 2, None), null).unwrap();
    assert!(table.get(&store, 2).is_none());
    assert!(table.get(&store, u64::MAX).is_none());
    let errors = [
        table.set(&mut store, 2, null).unwrap_err(),
        table.set(&mut store, u64::MAX, null).unwrap_err(),
        table.fill(&mut store, 1, null, 2).unwrap_err(),
        table.fill(&mut store, 3, null, 0).unwrap_err(),
        table.fill(&mut store, 1, null, u64::MAX).unwrap_err(),
        Table::copy(&mut store, &table, 1, &table, 0, 2).unwrap_err(),
        Table::copy(&mut store, &table, 0, &table, 1, 2).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(trap(&error), Trap::TableOutOfBounds);
    }
    table.fill(&mut store, 2, null, 0).unwrap();
}

#[test]
fn growth_is_limited() {
    let mut store = Store::<()>::default();
    let null = Ref::Func(None);
    let table = Table::new(&mut store, ty(RefType::FUNCREF, 1, Some(3)), null).unwrap();
    let one = Func::wrap(&mut store, || 1);
    assert_eq!(table.grow(&mut store, 2, one.into()).unwrap(), 1);
    assert_eq!(numbers(&mut store, table), [-1, 1, 1]);
    assert_eq!(table.grow(&mut store, 0, null).unwrap(), 3);
    for delta in [1, u64::MAX] {
        assert!(table.grow(&mut store, delta, null).is_err());
    }
    assert_eq!(table.size(&store), 3);
    let huge = TableType::new64(RefType::FUNCREF, u64::MAX, None);
    let error = Table::new(&mut store, huge, null).unwrap_err();
    assert!(error.to_string().contains("no room"), "{error}");
}

#[test]
fn element_types_are_checked() {
    let mut store = Store::<()>::default();
    let value = ExternRef::new(&mut store, 1).unwrap();
    let func = Func::wrap(&mut store, || ());
    let funcs = Table::new(&mut store, ty(RefType::FUNCREF, 1, None), func.into()).unwrap();
    let externs = Table::new(&mut store, ty(RefType::EXTERNREF, 1, None), value.into()).unwrap();
    assert!(funcs.set(&mut store, 0, value.into()).is_err());
    assert!(externs.set(&mut store, 0, Ref::Func(None)).is_err());
    assert!(externs.grow(&mut store, 1, func.into()).is_err());
    assert!(Table::copy(&mut store, &funcs, 0, &externs, 0, 1).is_err());
    assert!(Table::new(&mut store, ty(RefType::FUNCREF, 1, None), Ref::Extern(None)).is_err());
    let element = externs.get(&store, 0).unwrap();
    let value = element.unwrap_extern().unwrap();
    assert_eq!(value.data(&store).unwrap().unwrap().downcast_ref(), Some(&1));
}

#[test]
fn the_guest_calls_what_the_host_puts_in() {
    let (mut store, instance) = instantiate(
        r#"(module
            (type $f (func (param i32) (result i32)))
            (table (export "table") 2 funcref)
            (elem (i32.const 0) $double)
            (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
            (func (export "call") (param i32 i32) (result i32)
                (call_indirect (type $f) (local.get 1) (local.get 0))))"#,
    );
    let table = instance.get_table(&store, "table").unwrap();
    assert_eq!(table.ty(&store), ty(RefType::FUNCREF, 2, None));
    let call = instance.get_typed_func::<(u32, i32), i32>(&store, "call").unwrap();
    assert_eq!(call.call(&mut store, (0, 21)).unwrap(), 42);
    assert_eq!(trap(&call.call(&mut store, (1, 0)).unwrap_err()), Trap::IndirectCallToNull);

    let square = Func::wrap(&mut store, |x: i32| x * x);
    table.set(&mut store, 1, square.into()).unwrap();
    assert_eq!(call.call(&mut store, (1, 7)).unwrap(), 49);
    let other = Func::wrap(&mut store, |x: i64| x);
    table.set(&mut store, 1, other.into()).unwrap();
    assert_eq!(trap(&call.call(&mut store, (1, 7)).unwrap_err()), Trap::BadSignature);
    table.grow(&mut store, 1, square.into()).unwrap();
    assert_eq!(call.call(&mut store, (2, 8)).unwrap(), 64);
}
