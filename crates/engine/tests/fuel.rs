//! Compiled programs consume exactly the fuel that they consume under Wasmtime 48.

use lineal::{Config, Engine, Instance, Module, Store};

/// The programs, the argument of `run`, and the fuel as Wasmtime counted it.
const PROGRAMS: [(&str, i32, u64); 22] = [
    ("sieve", 1000, 44_739),
    ("quicksort", 1000, 330_127),
    ("quicksort_callback", 300, 338_415),
    ("matmul", 12, 51_369),
    ("nbody", 100, 153_461),
    ("mandelbrot", 12, 202_875),
    ("spectral_norm", 10, 64_921),
    ("raymarch", 8, 236_364),
    ("sha256", 70, 749_419),
    ("keccak", 5, 201_098),
    ("lz_compress", 5000, 612_659),
    ("lz_decompress", 1, 42_549_765),
    ("word_count", 3000, 555_749),
    ("json", 20, 220_899),
    ("regex", 5, 668_919),
    ("automaton", 2000, 578_844),
    ("bytecode_vm", 1, 11_192_703),
    ("alloc_churn", 3000, 981_834),
    ("stream", 1, 26_083_366),
    ("fib_recursive", 12, 7_529),
    ("fib_iterative", 10, 3_110),
    ("string_ops", 20, 371_834),
];

#[test]
fn programs_consume_what_they_do_elsewhere() {
    let engine = Engine::new(Config::new().consume_fuel(true)).unwrap();
    for (name, n, expected) in PROGRAMS {
        let root = env!("CARGO_MANIFEST_DIR");
        let path = format!("{root}/../../benches/programs/{name}.wasm");
        let module = Module::from_file(&engine, path).unwrap();
        let mut store = Store::new(&engine, ());
        store.set_fuel(u64::MAX).unwrap();
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let run = instance.get_typed_func::<i32, i64>(&store, "run").unwrap();
        run.call(&mut store, n).unwrap();
        assert_eq!(u64::MAX - store.get_fuel().unwrap(), expected, "{name}");
    }
}
