//! Runs compiled programs under a tool.

use std::path::{Path, PathBuf};

use lineal::{Config, Engine, Linker, Module, Observer, Store};
use lineal_insight::check::{Check, Options, Report};
use lineal_wasi::WasiCtxBuilder;
use lineal_wasi::p1::{self, WasiP1Ctx};

/// A program in a folder beside this file.
pub(crate) fn program(folder: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder).join(name)
}

/// What the store of a guest holds.
pub(crate) struct Host<O> {
    wasi: WasiP1Ctx,
    pub(crate) tool: O,
}

/// Runs a program to its end and returns the store, and how it ended.
pub(crate) fn run<O: Observer + Send + 'static>(
    file: &Path,
    args: &[&str],
    observe: lineal::Observe,
    tool: O,
) -> (Store<Host<O>>, lineal::Result<()>) {
    let mut config = Config::new();
    config.observe(observe);
    let engine = Engine::new(&config).unwrap();
    let module = Module::from_file(&engine, file).unwrap();
    let mut linker = Linker::<Host<O>>::new(&engine);
    p1::add_to_linker_sync(&mut linker, |host: &mut Host<O>| &mut host.wasi).unwrap();
    let args: Vec<&str> = ["program"].iter().chain(args).copied().collect();
    let wasi = WasiCtxBuilder::new().args(&args).build_p1();
    let mut store = Store::new(&engine, Host { wasi, tool });
    store.observer(|host| &mut host.tool);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let start = instance.get_typed_func::<(), ()>(&store, "_start").unwrap();
    let end = start.call(&mut store, ());
    (store, end)
}

/// Calls an exported function under check. What the module imports traps.
pub(crate) fn check_export(file: &Path, function: &str, fixed: i32) -> Report {
    let tool = Check::new(Options::default());
    let engine = Engine::new(Config::new().observe(tool.observe())).unwrap();
    let module = Module::from_file(&engine, file).unwrap();
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&module).unwrap();
    let mut store = Store::new(&engine, tool);
    store.observer(|tool| tool);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let function = instance.get_func(&mut store, function).unwrap();
    let mut results = vec![lineal::Val::I32(0); function.ty(&store).results().len()];
    let _ = function.call(&mut store, &[lineal::Val::I32(fixed)], &mut results);
    let (mut moment, tool) = store.moment_and_data().expect("the engine observes");
    tool.report(&mut moment)
}

/// Runs a program under check.
pub(crate) fn check(file: &Path, args: &[&str], options: Options) -> Report {
    let tool = Check::new(options);
    let observe = tool.observe();
    let (mut store, _) = run(file, args, observe, tool);
    let (mut moment, host) = store.moment_and_data().expect("the engine observes");
    host.tool.report(&mut moment)
}
