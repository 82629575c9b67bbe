//! A log of what is reported, replayed on naive memories, gives the final bytes exactly.

use lineal::{Accesses, Caller, Config, Engine, Extern, Linker, Module, Observe, Result, Store};

use crate::model::Model;
use crate::program::{Random, program};

/// How a program is observed.
struct Way {
    name: &'static str,
    observe: Observe,
    mark_all: bool,
}

fn ways() -> Vec<Way> {
    let way = |name, observe, mark_all| Way { name, observe, mark_all };
    let all = || Observe::new().accesses(Accesses::All);
    let interest = || Observe::new().accesses(Accesses::OfInterest);
    vec![
        way("all", all(), false),
        way("batched", all().batched(true), false),
        way("batched with writers", all().batched(true).writers(true), false),
        way("of interest", interest(), true),
        way("of interest with writers", interest().writers(true), true),
        way("writers", Observe::new().writers(true), false),
    ]
}

/// What a host function does to the guest's memories, in every way that the API has.
fn touch(caller: &mut Caller<'_, Model>, number: u32) -> Result<()> {
    let names = ["a", "b", "c", "d"];
    let export = caller.get_export(names[number as usize % 4]);
    let Some(Extern::Memory(memory)) = export else { return Ok(()) };
    let addr = u64::from(number) % 500;
    match number % 9 {
        0 => memory.write(&mut *caller, addr as usize, &[1, 2, 3, 4, 5])?,
        1 => memory.store(&mut *caller, addr, number as u16)?,
        2 => memory.write_string(&mut *caller, addr, "grüße")?,
        3 => drop(memory.write_utf16(&mut *caller, addr, "grüße")?),
        4 => memory.view_mut::<u32, _>(&mut *caller, addr, 3)?.set(1, number)?,
        5 => memory.data_mut(&mut *caller)[addr as usize] = number as u8,
        6 => memory.linear_mut(&mut *caller).fill(addr, number as u8, 9)?,
        7 => {
            memory.load::<u64>(&*caller, addr)?;
            memory.read(&*caller, addr as usize, &mut [0; 7])?;
            memory.read_cstring(&*caller, 60_000)?;
        }
        _ => drop(memory.grow(&mut *caller, 1)),
    }
    Ok(())
}

fn run(
    config: &Config,
    text: &str,
    args: (u32, u32),
    model: Model,
) -> (u64, Store<Model>, Vec<Vec<u8>>) {
    let engine = Engine::new(config).unwrap();
    let module = Module::new(&engine, text).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
    let mut store = Store::new(&engine, model);
    store.observer(|model| model);
    let mut linker = Linker::new(&engine);
    linker
        .func_wrap("host", "touch", |mut caller: Caller<'_, Model>, number: u32| {
            touch(&mut caller, number)
        })
        .unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<(u32, u32), u64>(&mut store, "run").unwrap();
    let result = run.call(&mut store, args).unwrap();
    let bytes = ["a", "b", "c", "d"].map(|name| match instance.get_export(&mut store, name) {
        Some(Extern::Memory(memory)) => memory.data(&store).to_vec(),
        Some(Extern::SharedMemory(memory)) => {
            let mut bytes = vec![0; memory.data_size()];
            memory.linear().read(0, &mut bytes).unwrap();
            bytes
        }
        other => panic!("{name} is {other:?}"),
    });
    (result, store, bytes.to_vec())
}

#[test]
fn reports_replayed_on_naive_memories_give_the_same_bytes() {
    let count: u64 =
        std::env::var("LINEAL_OBSERVE_PROGRAMS").map_or(24, |count| count.parse().unwrap());
    for seed in 0..count {
        let mut random = Random(seed);
        let text = program(&mut random, 60, seed as usize % 4);
        let args = (random.below(300) as u32, random.below(300) as u32);
        let (expected, _, expected_bytes) = run(&Config::new(), &text, args, Model::default());
        for Way { name, observe, mark_all } in ways() {
            let has_accesses = name != "writers";
            let has_writers = name.contains("writers");
            let model = Model { mark_all, ..Model::default() };
            let mut config = Config::new();
            config.observe(observe);
            let (result, mut store, bytes) = run(&config, &text, args, model);
            assert_eq!(result, expected, "{name}, seed {seed}\n{text}");
            assert!(bytes == expected_bytes, "{name}, seed {seed}: other bytes\n{text}");
            let model = std::mem::take(store.data_mut());
            let moment = store.moment().unwrap();
            if has_accesses {
                assert!(model.accesses > 100, "{name}: only {} accesses", model.accesses);
                model.check(&moment);
                if has_writers && model.lent == 0 {
                    model.check_writers(&moment);
                }
            }
        }
    }
}

/// The reports do not depend on how the translator works.
#[test]
fn reports_are_the_same_without_optimizations() {
    for seed in 100..104 {
        let mut random = Random(seed);
        let text = program(&mut random, 60, 0);
        let mut counts = Vec::new();
        for optimizations in [lineal::Optimizations::ALL, lineal::Optimizations::NONE] {
            let mut config = Config::new();
            config.optimizations(optimizations);
            config.observe(Observe::new().accesses(Accesses::All).batched(true));
            let (_, store, _) = run(&config, &text, (7, 9), Model::default());
            counts.push(store.data().accesses);
        }
        assert_eq!(counts[0], counts[1], "seed {seed}\n{text}");
    }
}
