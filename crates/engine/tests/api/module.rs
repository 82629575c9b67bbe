//! Modules: what they declare, and how bad ones are refused.

use lineal::{Config, DecodeError, Engine, ExternType, Features, FuncType, Module, ValType};

const MODULE: &str = r#"(module $name
    (import "host" "f" (func (param i32)))
    (import "host" "m" (memory 1 2))
    (table (export "table") 3 4 funcref)
    (global (export "global") (mut f64) (f64.const 0))
    (func (export "func") (result i64) (i64.const 0))
    (export "memory" (memory 0)))"#;

#[test]
fn imports_and_exports_are_listed_in_order() {
    let engine = Engine::default();
    let module = Module::new(&engine, MODULE).unwrap();
    assert_eq!(module.name(), Some("name"));
    let imports: Vec<(&str, &str)> = module.imports().map(|i| (i.module(), i.name())).collect();
    assert_eq!(imports, [("host", "f"), ("host", "m")]);
    assert_eq!(
        module.imports().next().unwrap().ty(),
        ExternType::Func(FuncType::new(&engine, [ValType::I32], []))
    );
    let exports: Vec<&str> = module.exports().map(|export| export.name()).collect();
    assert_eq!(exports, ["table", "global", "func", "memory"]);
    assert_eq!(module.exports().len(), 4);
    let Some(ExternType::Memory(memory)) = module.get_export("memory") else { panic!() };
    assert_eq!(memory.minimum(), 1);
    assert!(module.get_export("nothing").is_none());
}

#[test]
fn bad_modules_are_refused_with_a_place() {
    let engine = Engine::default();
    let decode_error = |bytes: &[u8]| -> DecodeError {
        assert!(Module::validate(&engine, bytes).is_err());
        Module::new(&engine, bytes).unwrap_err().downcast().unwrap()
    };
    let text = decode_error(b"(module\n  (func (result i32)\n    i32.cosnt 1))");
    assert_eq!((text.line(), text.column()), (Some(3), Some(5)));

    let invalid = decode_error(b"(module (func (result i32) i64.const 1))");
    assert!(invalid.message().contains("type mismatch"), "{invalid}");

    let binary = wat::parse_str(MODULE).unwrap();
    for len in [0, 4, 8, binary.len() / 2, binary.len() - 1] {
        let truncated = Module::from_binary(&engine, &binary[..len]);
        // Eight bytes are an empty module.
        assert_eq!(truncated.is_ok(), len == 8, "{len}");
    }
    let mut wrong_magic = binary.clone();
    wrong_magic[1] = b'x';
    assert!(decode_error(&wrong_magic).offset().is_some());
    assert!(Module::validate(&engine, &binary).is_ok());
}

#[test]
fn proposals_can_be_switched_off() {
    let two_memories = "(module (memory 1) (memory 1))";
    assert!(Module::new(&Engine::default(), two_memories).is_ok());
    let mut config = Config::new();
    config.wasm_multi_memory(false);
    let engine = Engine::new(&config).unwrap();
    let error = Module::new(&engine, two_memories).unwrap_err();
    let error = error.downcast_ref::<DecodeError>().unwrap();
    assert_eq!(error.missing_proposal(), Some("multi-memory"));

    let mut config = Config::new();
    config.features(Features::wasm1());
    let engine = Engine::new(&config).unwrap();
    assert!(Module::new(&engine, "(module (func (result i32 i32) unreachable))").is_err());
}

#[test]
fn files_are_read_in_both_formats() {
    let engine = Engine::default();
    let directory = std::env::temp_dir().join(format!("lineal-api-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let text = directory.join("module.wat");
    std::fs::write(&text, MODULE).unwrap();
    assert_eq!(Module::from_file(&engine, &text).unwrap().name(), Some("name"));
    let binary = directory.join("module.wasm");
    std::fs::write(&binary, wat::parse_str(MODULE).unwrap()).unwrap();
    assert_eq!(Module::from_file(&engine, &binary).unwrap().exports().len(), 4);

    let missing = directory.join("missing.wat");
    let error = Module::from_file(&engine, &missing).unwrap_err();
    assert!(error.to_string().contains("missing.wat"), "{error}");
    std::fs::write(&text, "(module (nonsense))").unwrap();
    let error = Module::from_file(&engine, &text).unwrap_err();
    assert!(error.to_string().contains("module.wat"), "{error}");
    assert_eq!(error.downcast_ref::<DecodeError>().unwrap().line(), Some(1));
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn binaries_only_are_accepted_where_asked_for() {
    let engine = Engine::default();
    assert!(Module::from_binary(&engine, MODULE.as_bytes()).is_err());
}
