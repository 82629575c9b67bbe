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

const OBJECTS: [&str; 5] = [
    "(module (type (struct (field i32))))",
    "(module (type $a (array i8)) (func (drop (array.new_default $a (i32.const 1)))))",
    "(module (func (drop (ref.i31 (i32.const 1)))))",
    "(module (func (param anyref) (result i32) (ref.test i31ref (local.get 0))))",
    "(module (global i31ref (ref.i31 (i32.const 1))))",
];

const THREADS: [&str; 5] = [
    "(module (memory 1 1 shared))",
    "(module (import \"m\" \"m\" (memory 1 1 shared)))",
    "(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))",
    "(module (memory 1)
        (func (drop (i64.atomic.rmw.add (i32.const 0) (i64.const 1)))))",
    "(module (func (atomic.fence)))",
];

/// A feature, whether this build has it, modules that need it, and switches of proposals.
type Optional = (&'static str, bool, [&'static str; 5], &'static [Switch]);
type Switch = fn(&mut Config, bool) -> &mut Config;

const OPTIONAL: [Optional; 3] = [
    ("simd", cfg!(feature = "simd"), VECTORS, &[Config::wasm_simd, Config::wasm_relaxed_simd]),
    ("gc", cfg!(feature = "gc"), OBJECTS, &[Config::wasm_gc]),
    ("threads", cfg!(feature = "threads"), THREADS, &[Config::wasm_threads]),
];

#[test]
fn a_module_that_needs_what_is_left_out_is_refused() {
    for (feature, is_built, modules, switches) in OPTIONAL {
        for wat in modules {
            match refusal(&Engine::default(), wat) {
                None => assert!(is_built, "{wat}"),
                Some(message) => {
                    assert!(!is_built, "{message}");
                    // The decoder may have it for somebody else: then it is off for this engine,
                    // and the message names it in words of its own or at its end.
                    let reason = match Features::left_out_for(feature) {
                        Some(_) => format!(
                            "the {feature} proposal is left out of this build: it needs the \
                             feature `{feature}`"
                        ),
                        None => feature.to_owned(),
                    };
                    assert!(message.contains(&reason), "{wat}: {message}");
                }
            }
            let mut config = Config::new();
            for switch in switches {
                switch(&mut config, false);
            }
            assert!(refusal(&Engine::new(&config).unwrap(), wat).is_some(), "{wat}");
        }
    }
}

#[test]
fn what_is_left_out_cannot_be_switched_on() {
    for (feature, is_built, modules, switches) in OPTIONAL {
        for switch in switches {
            let mut config = Config::new();
            match Engine::new(switch(&mut config, true)) {
                Ok(engine) => {
                    assert!(is_built);
                    assert_eq!(refusal(&engine, modules[0]), None);
                }
                Err(error) => {
                    assert!(!is_built);
                    let advice = format!("build with the feature `{feature}`");
                    assert!(error.to_string().contains(&advice), "{error}");
                }
            }
            // It may be switched off anyway.
            Engine::new(switch(&mut Config::new(), false)).unwrap();
        }
    }
}

/// Features say only what guests may use: the host's memories can be shared in any build.
#[test]
fn hosts_share_memories_without_the_feature_threads() {
    let ty = lineal::MemoryType::shared(1, 2);
    let memory = lineal::SharedMemory::new(&Engine::default(), ty).unwrap();
    assert_eq!(memory.grow(1).unwrap(), 1);
    assert_eq!(memory.linear().byte_len(), 2 << 16);
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
        (type $same (func (param i64) (result i64)))
        (memory 1)
        (memory $second i64 1)
        (global $g (mut i64) (i64.const 3))
        (table 2 externref)
        (elem declare func $same)
        (func $sum (param i32) (result i32) (local i32)
            (loop $again
                (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (local.get 0)))
                (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
                (br_if $again (local.get 0)))
            (i32.load (i32.const 8)))
        (func $same (type $same) (local.get 0))
        (func (export "run") (param i32 externref) (result i64 externref f64)
            (table.set (i32.const 1) (local.get 1))
            (f64.store $second (i64.const 16) (f64.const 1.5))
            (global.set $g (i64.add (global.get $g)
                (call_ref $same (i64.const 4) (ref.func $same))))
            (i64.add (global.get $g) (i64.extend_i32_u (call $sum (local.get 0))))
            (table.get (i32.const 1))
            (f64.load $second (i64.const 16))))"#;
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
