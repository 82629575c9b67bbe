//! Every engine gives the right results: the programs' checksums, and for the kernels, what
//! Lineal gives.

use lineal_benches::{
    Kernel, Program, engine, engines, instantiate_if_supported, large_module, runs,
};

#[test]
fn programs() {
    for program in Program::all().unwrap() {
        for engine in engines() {
            let mut instance = match program.group() {
                None => engine.compile(&program.wasm).unwrap().instantiate().unwrap(),
                Some(_) => {
                    let name = &program.name;
                    match instantiate_if_supported(&*engine, name, &program.wasm).unwrap() {
                        Some(instance) => instance,
                        None => continue,
                    }
                }
            };
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
    for (file, _) in Kernel::files() {
        let kernels = Kernel::all_in(file).unwrap();
        let wasm = &kernels.first().expect("a file with functions").wasm;
        let expected: Vec<i64> =
            kernels.iter().map(|kernel| call("lineal", wasm, &kernel.export, 3)).collect();
        for engine in engines() {
            for (kernel, expected) in kernels.iter().zip(&expected) {
                let name = format!("{file}/{}", kernel.export);
                let Some(mut instance) = instantiate_if_supported(&*engine, file, wasm).unwrap()
                else {
                    break;
                };
                // A fault of Lineal's is one of the test; that of a peer is its own.
                if engine.package() != "lineal" && !runs(&mut *instance, &kernel.export).unwrap() {
                    eprintln!("{name} is left out on {}, which panicked", engine.name());
                    continue;
                }
                let mut instance = engine.compile(wasm).unwrap().instantiate().unwrap();
                let found = instance.call(&kernel.export, 3);
                let found = found.unwrap_or_else(|e| panic!("{name} on {}: {e:#}", engine.name()));
                assert_eq!(found, *expected, "{name} on {}", engine.name());
            }
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
