//! Each section of a module, and the index spaces, as the decoder reports them.

use lineal_decoder::{
    ConstExpr, ConstOp, ElementItems, ExternIndex, ExternType, Features, FuncType, GlobalType,
    MemoryType, Module, RefType, SegmentMode, TableType, ValType,
};
use lineal_memory::{AddressType, PageSize, Pages};

fn decode(text: &str) -> Module {
    Module::new(text.as_bytes(), &Features::default()).unwrap()
}

fn expr(ops: &[ConstOp]) -> ConstExpr {
    ops.iter().copied().collect()
}

#[test]
fn empty_modules() {
    for input in [&b"\0asm\x01\0\0\0"[..], b"(module)", b"(; nothing ;) (module $m)"] {
        let module = Module::new(input, &Features::default()).unwrap();
        assert!(module.types.is_empty() && module.funcs.is_empty() && module.exports.is_empty());
        assert_eq!(&module.bytes[..4], b"\0asm");
    }
}

#[test]
fn types_and_functions() {
    let module = decode(
        "(module
           (type (func (param i32 i64 f32 f64) (result externref funcref)))
           (type (func))
           (import \"a\" \"f\" (func (type 1)))
           (func (type 0) unreachable)
           (func (type 1)))",
    );
    let ty = FuncType::new(
        [ValType::I32, ValType::I64, ValType::F32, ValType::F64],
        [ValType::EXTERNREF, ValType::FUNCREF],
    );
    assert_eq!(module.types, [ty.clone().into(), FuncType::new([], []).into()]);
    assert_eq!(module.type_as_func(0).to_string(), "(i32, i64, f32, f64) -> (externref, funcref)");
    assert_eq!(module.funcs, [1, 0, 1]);
    assert_eq!(module.imported_funcs, 1);
    assert_eq!(module.func_type(1), &ty);
    assert!(module.body(0).is_none());
    assert!(module.body(3).is_none());
    let body = module.body(1).unwrap();
    // No local declarations, `unreachable`, `end`.
    assert_eq!(&module.bytes[body.range.clone()], [0x00, 0x00, 0x0b]);
}

#[test]
fn imports_come_first_in_every_index_space() {
    let module = decode(
        "(module
           (import \"m\" \"f\" (func (param i32)))
           (import \"m\" \"t\" (table 1 2 funcref))
           (import \"m\" \"m\" (memory 3 4))
           (import \"m\" \"g\" (global (mut i64)))
           (func) (table 5 externref) (memory 6) (global f32 (f32.const 1.5))
           (export \"f\" (func 1)) (export \"t\" (table 1))
           (export \"m\" (memory 1)) (export \"g\" (global 0)))",
    );
    let kinds: Vec<String> = module
        .imports
        .iter()
        .map(|import| format!("{}.{} {:?}", import.module, import.name, import.ty))
        .collect();
    assert_eq!(kinds.len(), 4);
    assert!(kinds[0].starts_with("m.f Func((i32) -> ())"), "{}", kinds[0]);
    assert_eq!(
        (
            module.imported_funcs,
            module.imported_tables,
            module.imported_memories,
            module.imported_globals
        ),
        (1, 1, 1, 1)
    );
    assert_eq!(module.tables[0].ty.maximum, Some(2));
    assert_eq!(module.tables[1].ty.element, RefType::EXTERNREF);
    assert_eq!(module.memories[0], MemoryType::new(Pages(3), Some(Pages(4))).unwrap());
    assert_eq!(module.memories[1], MemoryType::new(Pages(6), None).unwrap());
    assert!(module.globals[0].init.is_none());
    assert_eq!(module.globals[0].ty, GlobalType { content: ValType::I64, mutable: true });
    assert_eq!(module.globals[1].init, Some(expr(&[ConstOp::F32Const(1.5f32.to_bits())])));

    assert_eq!(module.export("f"), Some(ExternIndex::Func(1)));
    assert_eq!(module.export("t"), Some(ExternIndex::Table(1)));
    assert_eq!(module.export("m"), Some(ExternIndex::Memory(1)));
    assert_eq!(module.export("g"), Some(ExternIndex::Global(0)));
    assert_eq!(module.export("absent"), None);
    let ty = TableType { element: RefType::EXTERNREF, minimum: 5, maximum: None, table64: false };
    assert_eq!(module.extern_type(ExternIndex::Table(1)), ExternType::Table(ty));
    let ty = GlobalType { content: ValType::I64, mutable: true };
    assert_eq!(module.extern_type(ExternIndex::Global(0)), ExternType::Global(ty));
    assert_eq!(module.extern_type(ExternIndex::Memory(1)), ExternType::Memory(module.memories[1]));
    assert_eq!(module.extern_type(ExternIndex::Func(1)), ExternType::Func(FuncType::new([], [])));
}

#[test]
fn exports_keep_their_order_and_are_found_by_name() {
    let module = decode(
        "(module (func) (func)
           (export \"z\" (func 0)) (export \"\" (func 1)) (export \"a\" (func 1)))",
    );
    let names: Vec<&str> = module.exports.iter().map(|export| &*export.name).collect();
    assert_eq!(names, ["z", "", "a"]);
    assert_eq!(module.export("z"), Some(ExternIndex::Func(0)));
    assert_eq!(module.export(""), Some(ExternIndex::Func(1)));
    assert_eq!(module.export("b"), None);
}

#[test]
fn memories_of_every_kind() {
    let mut features = Features::default();
    features.wasm_custom_page_sizes(true);
    let text = b"(module (memory i64 1 2) (memory 100 (pagesize 1)) (memory 0 65536))";
    let module = Module::new(text, &features).unwrap();
    assert_eq!(module.memories[0].address_type(), AddressType::I64);
    assert_eq!(module.memories[1].page_size(), PageSize::ONE_BYTE);
    assert_eq!(module.memories[2].maximum(), Some(Pages(65_536)));
}

#[test]
fn tables_of_64_bits() {
    let module = decode("(module (table i64 1 4294967296 funcref))");
    assert!(module.tables[0].ty.table64);
    assert_eq!(module.tables[0].ty.maximum, Some(1 << 32));
}

#[test]
fn constant_expressions() {
    let module = decode(
        "(module
           (import \"m\" \"g\" (global i32))
           (global i32 (i32.mul (i32.add (global.get 0) (i32.const 3)) (i32.const -1)))
           (global i64 (i64.sub (i64.const 1) (i64.const 2)))
           (global f64 (f64.const -0))
           (global funcref (ref.func 0))
           (global externref (ref.null extern))
           (func (export \"f\")))",
    );
    let inits: Vec<&ConstExpr> =
        module.globals.iter().filter_map(|global| global.init.as_ref()).collect();
    let expected = [
        expr(&[
            ConstOp::GlobalGet(0),
            ConstOp::I32Const(3),
            ConstOp::I32Add,
            ConstOp::I32Const(-1),
            ConstOp::I32Mul,
        ]),
        expr(&[ConstOp::I64Const(1), ConstOp::I64Const(2), ConstOp::I64Sub]),
        expr(&[ConstOp::F64Const(1 << 63)]),
        expr(&[ConstOp::RefFunc(0)]),
        expr(&[ConstOp::RefNull(RefType::EXTERNREF)]),
    ];
    assert_eq!(inits, expected.iter().collect::<Vec<_>>());
}

#[test]
fn element_segments() {
    let module = decode(
        "(module (table 4 funcref) (table 4 funcref) (func)
           (elem (table 1) (i32.const 2) func 0 0)
           (elem funcref (ref.func 0) (ref.null func))
           (elem declare func 0)
           (elem externref (ref.null extern)))",
    );
    let SegmentMode::Active { target, offset } = &module.elements[0].mode else { panic!() };
    assert_eq!((*target, offset), (1, &expr(&[ConstOp::I32Const(2)])));
    assert!(matches!(&module.elements[0].items, ElementItems::Funcs(funcs) if **funcs == [0, 0]));
    assert!(matches!(module.elements[1].mode, SegmentMode::Passive));
    let ElementItems::Exprs(items) = &module.elements[1].items else { panic!() };
    assert_eq!(items[1], expr(&[ConstOp::RefNull(RefType::FUNCREF)]));
    assert!(matches!(module.elements[2].mode, SegmentMode::Declared));
    assert_eq!(module.elements[3].ty, RefType::EXTERNREF);
}

#[test]
fn data_segments_are_ranges_of_the_bytes() {
    let module = decode(
        "(module (memory 1) (memory 1)
           (data (memory 1) (i32.const 7) \"active\")
           (data \"passive\")
           (data (i32.const 0) \"\"))",
    );
    let SegmentMode::Active { target, offset } = &module.data[0].mode else { panic!() };
    assert_eq!((*target, offset), (1, &expr(&[ConstOp::I32Const(7)])));
    assert!(matches!(module.data[1].mode, SegmentMode::Passive));
    assert_eq!(module.data_bytes(0), b"active");
    assert_eq!(module.data_bytes(1), b"passive");
    assert_eq!(module.data_bytes(2), b"");
}

#[test]
fn start_function() {
    assert_eq!(decode("(module (func) (func $s) (start $s))").start, Some(1));
    assert_eq!(decode("(module (func))").start, None);
}

#[test]
fn names_of_the_module_and_its_functions() {
    let module = decode(
        "(module $calc (import \"m\" \"f\" (func $imported))
           (func $add) (func) (func $\"naïve\"))",
    );
    assert_eq!(module.names().module(), Some("calc"));
    assert_eq!(module.names().func(0), Some("imported"));
    assert_eq!(module.names().func(1), Some("add"));
    assert_eq!(module.names().func(2), None);
    assert_eq!(module.names().func(3), Some("naïve"));
    assert_eq!(module.names().func(4), None);
    let all: Vec<_> = module.names().funcs().collect();
    assert_eq!(all, [(0, "imported"), (1, "add"), (3, "naïve")]);
}

/// A module with a custom section called `name`.
fn with_name_section(contents: &[u8]) -> Module {
    let mut bytes = b"\0asm\x01\0\0\0\0".to_vec();
    bytes.push(u8::try_from(contents.len()).unwrap() + 5);
    bytes.extend(b"\x04name");
    bytes.extend(contents);
    Module::new(&bytes, &Features::default()).unwrap()
}

#[test]
fn malformed_names_are_ignored() {
    let good = with_name_section(b"\x00\x02\x01m\x01\x07\x02\x00\x01a\x05\x01b");
    assert_eq!(good.names().module(), Some("m"));
    assert_eq!((good.names().func(0), good.names().func(5)), (Some("a"), Some("b")));
    for (what, contents) in [
        ("a name that ends early", &b"\x00\x02\x05m"[..]),
        ("not UTF-8", b"\x00\x02\x01\xff"),
        ("descending indices", b"\x01\x07\x02\x05\x01a\x00\x01b"),
        ("an index twice", b"\x01\x07\x02\x05\x01a\x05\x01b"),
        ("a count without items", b"\x01\x05\xff\xff\xff\xff\x0f"),
        ("a subsection that ends early", b"\x01\x7f"),
        ("subsections out of order", b"\x01\x01\x00\x00\x02\x01m"),
    ] {
        let names = with_name_section(contents).names().clone();
        assert_eq!(names.module(), None, "{what}");
        assert_eq!(names.funcs().count(), 0, "{what}");
    }
}

#[test]
fn modules_are_shared_not_copied() {
    let module = decode("(module (func))");
    let copy = module.clone();
    assert!(std::ptr::eq(&raw const *module, &raw const *copy));
    fn shareable<T: Send + Sync + 'static>(_: &T) {}
    shareable(&module);
}

#[test]
fn custom_sections_are_kept_in_order() {
    let text = r#"(module
        (@custom "a" (before first) "\00\ff")
        (func $named)
        (@custom "" "")
        (@custom "a" (after last) "twice"))"#;
    let module = decode(text);
    let sections: Vec<_> = module.custom_sections().filter(|(name, _)| *name != "name").collect();
    assert_eq!(sections, [("a", &[0, 0xff][..]), ("", b""), ("a", b"twice")]);
    assert!(module.custom_sections().any(|(name, _)| name == "name"));
    assert_eq!(module.names().func(0), Some("named"));
}
