//! Features that can be left out of a build: what a module that needs one is told, and that all else
//! works without.

use lineal::{Accesses, Config, Engine, Features, Instance, Module, Observe, Store};

/// Why a module is refused, if it is.
fn refusal(engine: &Engine, wat: &str) -> Option<String> {
    let binary = wat::parse_str(wat).unwrap();
    Module::new(engine, binary).err().map(|error| format!("{error:#}"))
}

const VECTORS: [&str; 5] = [
    "(module (func (param v128)))",
    "(module (func (drop (v128.const i32x4 1 2 3 4))))",
    "(module (global v128 (v128.const i32x4 1 2 3 4)))",
    "(module (memory 1) (func (param i32) (v128.store (local.get 0) (v128.load (local.get 0)))))",
    "(module (func (param i32) (result i32)
        (i8x16.extract_lane_s 1 (i8x16.relaxed_swizzle
            (i8x16.splat (local.get 0)) (i8x16.splat (local.get 0))))))",
];

#[test]
fn vectors_need_the_feature_simd() {
    let is_built = cfg!(feature = "simd");
    for wat in VECTORS {
        match refusal(&Engine::default(), wat) {
            None => assert!(is_built, "{wat}"),
            Some(message) => {
                assert!(!is_built, "{message}");
                let reason =
                    "the simd proposal is left out of this build: it needs the feature `simd`";
                assert!(message.contains(reason), "{message}");
            }
        }
        let mut features = Features::default();
        features.wasm_simd(false).wasm_relaxed_simd(false);
        let engine = Engine::new(Config::new().features(features)).unwrap();
        assert!(refusal(&engine, wat).is_some(), "{wat}");
    }
}

#[test]
fn what_is_left_out_cannot_be_switched_on() {
    let is_built = cfg!(feature = "simd");
    for switch in [Config::wasm_simd, Config::wasm_relaxed_simd] {
        let mut config = Config::new();
        match Engine::new(switch(&mut config, true)) {
            Ok(engine) => {
                assert!(is_built);
                assert_eq!(refusal(&engine, VECTORS[0]), None);
            }
            Err(error) => {
                assert!(!is_built);
                assert!(error.to_string().contains("build with the feature `simd`"), "{error}");
            }
        }
        // It may be switched off anyway.
        Engine::new(switch(&mut Config::new(), false)).unwrap();
    }
}

#[test]
fn observers_need_the_feature_observe() {
    let is_built = cfg!(feature = "observe");
    match Engine::new(Config::new().observe(Observe::new().accesses(Accesses::All))) {
        Ok(_) => assert!(is_built),
        Err(error) => {
            assert!(!is_built, "{error}");
            assert!(error.to_string().contains("build with the feature `observe`"), "{error}");
        }
    }
}

/// Everything that moves values: pairs of slots have handlers of their own.
#[test]
fn numbers_and_references_need_no_feature() {
    let wat = r#"(module
        (type $point (struct (field i64) (field (mut f64))))
        (memory 1)
        (global $g (mut i64) (i64.const 3))
        (table 2 externref)
        (func $sum (param i32) (result i32) (local i32)
            (loop $again
                (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (local.get 0)))
                (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
                (br_if $again (local.get 0)))
            (i32.load (i32.const 8)))
        (func (export "run") (param i32 externref) (result i64 externref f64)
            (local $p (ref null $point))
            (table.set (i32.const 1) (local.get 1))
            (local.set $p (struct.new $point (i64.const 4) (f64.const 1.5)))
            (global.set $g (i64.add (global.get $g) (struct.get $point 0 (local.get $p))))
            (i64.add (global.get $g) (i64.extend_i32_u (call $sum (local.get 0))))
            (table.get (i32.const 1))
            (struct.get $point 1 (local.get $p))))"#;
    let engine = Engine::default();
    let module = Module::new(&engine, wat::parse_str(wat).unwrap()).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let run = instance.get_func(&mut store, "run").unwrap();
    let host = lineal::ExternRef::new(&mut store, 7_u8).unwrap();
    let mut results = [lineal::Val::I32(0), lineal::Val::I32(0), lineal::Val::I32(0)];
    run.call(&mut store, &[10.into(), host.into()], &mut results).unwrap();
    assert_eq!(results[0].unwrap_i64(), 7 + 55);
    let back = results[1].unwrap_externref().unwrap();
    assert_eq!(back.data(&store).unwrap().unwrap().downcast_ref::<u8>(), Some(&7));
    assert_eq!(results[2].unwrap_f64(), 1.5);
}
