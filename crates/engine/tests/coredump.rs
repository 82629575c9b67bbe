//! Core dumps: what a trap leaves can be read by the rules of their format.

#![cfg(feature = "coredump")]

use lineal::{Config, Engine, Func, Instance, Module, Store, Trap, WasmCoreDump};
use wasmparser::{DataKind, Operator, Parser, Payload};

const INNER: &str = r#"(module $inner
    (memory (export "memory") 1 3)
    (memory $big i64 2)
    (global (mut i32) (i32.const 7))
    (global f64 (f64.const 1.5))
    (func $trap (export "trap")
        (i32.store8 (i32.const 1000) (i32.const 42))
        (i64.store $big (i64.const 70000) (i64.const -1))
        (global.set 0 (i32.const 9))
        unreachable))"#;

const OUTER: &str = r#"(module $outer
    (import "inner" "trap" (func $trap))
    (import "inner" "memory" (memory 1))
    (func $middle (call $trap))
    (func (export "run") (call $middle)))"#;

/// A dump of two instances, of which one imports what the other has.
fn dump() -> (Store<()>, lineal::Error) {
    let engine = Engine::new(Config::new().coredump_on_trap(true)).unwrap();
    let mut store = Store::new(&engine, ());
    let inner = Module::new(&engine, INNER).unwrap();
    let inner = Instance::new(&mut store, &inner, &[]).unwrap();
    let outer = Module::new(&engine, OUTER).unwrap();
    let imports = ["trap", "memory"].map(|name| inner.get_export(&store, name).unwrap());
    let outer = Instance::new(&mut store, &outer, &imports).unwrap();
    let run = outer.get_typed_func::<(), ()>(&mut store, "run").unwrap();
    let error = run.call(&mut store, ()).unwrap_err();
    (store, error)
}

#[test]
fn handles_are_those_of_the_store() {
    let (store, error) = dump();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::UnreachableCodeReached));
    let dump = error.downcast_ref::<WasmCoreDump>().unwrap();
    let names: Vec<_> = dump.modules().iter().map(|module| module.name().unwrap()).collect();
    assert_eq!(names, ["inner", "outer"]);
    let frames: Vec<_> = dump.frames().iter().map(|frame| frame.func_index()).collect();
    assert_eq!(frames, [0, 1, 2]);
    assert_eq!((dump.instances().len(), dump.memories().len(), dump.globals().len()), (2, 2, 2));
    assert_eq!(dump.memories()[0].data(&store)[1000], 42);
    assert_eq!(dump.globals()[0].get(&store).unwrap_i32(), 9);
}

#[test]
fn a_file_has_every_section_of_the_format() {
    let (store, error) = dump();
    let dump = error.downcast_ref::<WasmCoreDump>().unwrap();
    let file = dump.serialize(&store, "demo");
    wasmparser::validate(&file).expect("a core dump is a module");
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(&file) {
        match payload.unwrap() {
            Payload::CustomSection(section) => match section.as_known() {
                wasmparser::KnownCustom::CoreDump(core) => assert_eq!(core.name, "demo"),
                wasmparser::KnownCustom::CoreDumpModules(modules) => {
                    assert_eq!(modules.modules, ["inner", "outer"]);
                }
                wasmparser::KnownCustom::CoreDumpInstances(instances) => {
                    let instances = instances.instances;
                    let of = |index: usize| {
                        let instance = &instances[index];
                        (instance.module_index, &*instance.memories, &*instance.globals)
                    };
                    assert_eq!(of(0), (0, &[0, 1][..], &[0, 1][..]));
                    assert_eq!(of(1), (1, &[0][..], &[][..]), "it imports a memory");
                }
                wasmparser::KnownCustom::CoreDumpStack(stack) => {
                    let frames: Vec<_> =
                        stack.frames.iter().map(|it| (it.instanceidx, it.funcidx)).collect();
                    assert_eq!(frames, [(0, 0), (1, 1), (1, 2)]);
                    // After the byte for the number of locals.
                    assert_eq!(stack.frames[1].codeoffset, 1);
                }
                _ => panic!("an unknown section {}", section.name()),
            },
            Payload::MemorySection(memories) => {
                let sizes: Vec<_> = memories
                    .into_iter()
                    .map(|memory| memory.map(|it| (it.initial, it.maximum, it.memory64)).unwrap())
                    .collect();
                assert_eq!(sizes, [(1, Some(3), false), (2, None, true)]);
            }
            Payload::GlobalSection(globals) => {
                let first = globals.into_iter().next().unwrap().unwrap();
                let value = first.init_expr.get_operators_reader().read().unwrap();
                assert_eq!(value, Operator::I32Const { value: 9 });
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    let segment = segment.unwrap();
                    let DataKind::Active { memory_index, offset_expr } = segment.kind else {
                        panic!("all segments are active");
                    };
                    let start = match offset_expr.get_operators_reader().read().unwrap() {
                        Operator::I32Const { value } => i64::from(value),
                        Operator::I64Const { value } => value,
                        other => panic!("{other:?}"),
                    };
                    let bytes = (start..).zip(segment.data).filter(|(_, byte)| **byte != 0);
                    found.extend(bytes.map(|(addr, &byte)| (memory_index, addr, byte)));
                }
            }
            _ => {}
        }
    }
    let mut expected = vec![(0, 1000, 42)];
    expected.extend((70_000..70_008).map(|addr| (1, addr, 255)));
    assert_eq!(found, expected);
}

#[test]
fn only_traps_have_one_and_only_if_they_are_asked_for() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let module = Module::new(&engine, INNER).unwrap();
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let trap = instance.get_typed_func::<(), ()>(&mut store, "trap").unwrap();
    assert!(!trap.call(&mut store, ()).unwrap_err().is::<WasmCoreDump>());

    let engine = Engine::new(Config::new().coredump_on_trap(true)).unwrap();
    let mut store = Store::new(&engine, ());
    let module = Module::new(&engine, r#"(module (import "" "" (func)) (export "f" (func 0)))"#);
    let fail = Func::wrap(&mut store, || -> lineal::Result<()> { Err(std::fmt::Error.into()) });
    let instance = Instance::new(&mut store, &module.unwrap(), &[fail.into()]).unwrap();
    let f = instance.get_typed_func::<(), ()>(&mut store, "f").unwrap();
    assert!(!f.call(&mut store, ()).unwrap_err().is::<WasmCoreDump>());
}
