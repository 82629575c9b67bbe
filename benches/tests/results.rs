//! Every engine gives the right results: the programs' checksums, and for the kernels, what
//! Lineal gives.

use lineal_benches::{Kernel, Program, compile_if_supported, engine, engines, large_module};

#[test]
fn programs() {
    for program in Program::all().unwrap() {
        for engine in engines() {
            let module = match program.group() {
                None => engine.compile(&program.wasm).unwrap(),
                Some(_) => {
                    match compile_if_supported(&*engine, &program.name, &program.wasm).unwrap() {
                        Some(module) => module,
                        None => continue,
                    }
                }
            };
            let mut instance = module.instantiate().unwrap();
            let result = program.quick.run(&mut *instance);
            result
                .unwrap_or_else(|error| panic!("{} on {}: {error:#}", program.name, engine.name()));
        }
    }
}

#[test]
fn names_of_programs_and_groups() {
    let selected = |names: &[&str]| -> Vec<String> {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        Program::select(&names).unwrap().into_iter().map(|program| program.name).collect()
    };
    assert!(selected(&[]).iter().all(|name| !name.contains('/')));
    assert!(selected(&["vectors"]).iter().all(|name| name.starts_with("vectors/")));
    assert_eq!(selected(&["vectors/matmul", "matmul"]), ["matmul", "vectors/matmul"]);
    let error = Program::select(&["vector".to_owned()]).unwrap_err().to_string();
    assert!(error.contains("`vector`") && error.contains("vectors/saxpy"), "{error}");
}

#[test]
fn kernels() {
    for file in Kernel::FILES {
        let kernels = Kernel::all_in(file).unwrap();
        assert!(!kernels.is_empty());
        for Kernel { export, wasm, .. } in kernels {
            agree(&wasm, &export, 3);
        }
    }
}

#[test]
fn growth() {
    let [grow] = &Kernel::all_in("grow").unwrap()[..] else { panic!("one function expected") };
    assert_eq!(call("lineal", &grow.wasm, "grow", 4096), 1 + 4 * 4096);
    agree(&grow.wasm, "grow", 8192);
}

#[test]
fn the_large_module() {
    agree(&large_module(100).unwrap(), "run", 12345);
}

fn agree(wasm: &[u8], export: &str, arg: i32) {
    let expected = call("lineal", wasm, export, arg);
    for engine in engines() {
        let found = call(engine.name(), wasm, export, arg);
        assert_eq!(found, expected, "`{export}` on {}", engine.name());
    }
}

fn call(name: &str, wasm: &[u8], export: &str, arg: i32) -> i64 {
    let result = engine(name).and_then(|engine| {
        let module = engine.compile(wasm)?;
        let mut instance = module.instantiate()?;
        instance.call(export, arg)
    });
    result.unwrap_or_else(|error| panic!("`{export}` on {name}: {error:#}"))
}
