//! Limits on what a store takes.

use lineal::{
    Config, Engine, Error, Instance, Linker, Memory, MemoryType, Module, ModuleTooLarge, Ref,
    RefType, ResourceLimiter, Store, StoreLimits, StoreLimitsBuilder, Table, TableType,
};

const PAGE: usize = 65_536;

fn limited(limits: StoreLimits) -> Store<StoreLimits> {
    let mut store = Store::new(&Engine::default(), limits);
    store.limiter(|limits| limits);
    store
}

fn instantiate<T>(store: &mut Store<T>, wat: &str) -> lineal::Result<Instance> {
    let module = Module::new(store.engine(), wat).unwrap();
    Instance::new(store, &module, &[])
}

const GROWING: &str = r#"(module (memory (export "memory") 1 9) (table (export "table") 1 funcref)
    (func (export "memory.grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "table.grow") (param i32) (result i32)
        (table.grow (ref.null func) (local.get 0))))"#;

#[test]
fn a_guest_grows_up_to_the_limit() {
    let mut store =
        limited(StoreLimitsBuilder::new().memory_size(3 * PAGE).table_elements(4).build());
    let instance = instantiate(&mut store, GROWING).unwrap();
    for name in ["memory.grow", "table.grow"] {
        let grow = instance.get_typed_func::<i32, i32>(&store, name).unwrap();
        assert_eq!(grow.call(&mut store, 2).unwrap(), 1, "{name}");
        assert_eq!(grow.call(&mut store, 2).unwrap(), -1, "{name}");
        assert_eq!(grow.call(&mut store, -1).unwrap(), -1, "{name}");
        assert_eq!(grow.call(&mut store, 0).unwrap(), 3, "{name}");
    }
    let memory = instance.get_memory(&store, "memory").unwrap();
    let message = memory.grow(&mut store, 1).unwrap_err().to_string();
    assert_eq!(message, "a memory of 262144 bytes exceeds the store's limit");
    let table = instance.get_table(&store, "table").unwrap();
    assert!(table.grow(&mut store, 2, Ref::Func(None)).is_err());
    assert_eq!(table.grow(&mut store, 1, Ref::Func(None)).unwrap(), 3);
}

#[test]
fn minimum_sizes_are_limited() {
    let mut store = limited(StoreLimitsBuilder::new().memory_size(PAGE).table_elements(10).build());
    assert!(instantiate(&mut store, "(module (memory 2))").is_err());
    assert!(instantiate(&mut store, "(module (table 11 funcref))").is_err());
    assert!(instantiate(&mut store, "(module (memory 1) (table 10 funcref))").is_ok());
    let ty = MemoryType::new(2, None);
    assert!(Memory::new(&mut store, ty).is_err());
    let ty = TableType::new(RefType::FUNCREF, 11, None);
    assert!(Table::new(&mut store, ty, Ref::Func(None)).is_err());
}

#[test]
fn numbers_of_things_are_limited() {
    let counts = || StoreLimitsBuilder::new().instances(2).memories(1).tables(1).build();
    let mut store = limited(counts());
    instantiate(&mut store, "(module)").unwrap();
    instantiate(&mut store, "(module)").unwrap();
    let message = instantiate(&mut store, "(module)").unwrap_err().to_string();
    assert_eq!(message, "resource limit exceeded: instance count too high at 3");

    let mut store = limited(counts());
    let message = instantiate(&mut store, "(module (memory 1) (memory 1))").unwrap_err();
    assert!(message.to_string().contains("memory count too high at 2"), "{message}");
    let message = instantiate(&mut store, "(module (table 1 funcref) (table 1 funcref))");
    let message = message.unwrap_err().to_string();
    assert!(message.contains("table count too high at 2"), "{message}");
    // Imports do not count again.
    let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
    let mut linker = Linker::new(store.engine());
    linker.define(&store, "", "memory", memory).unwrap();
    let module =
        Module::new(store.engine(), r#"(module (import "" "memory" (memory 1)))"#).unwrap();
    linker.instantiate(&mut store, &module).unwrap();
    assert!(Memory::new(&mut store, MemoryType::new(1, None)).is_err());
}

#[test]
fn failing_to_grow_can_be_a_trap() {
    let limits = StoreLimitsBuilder::new().memory_size(2 * PAGE).trap_on_grow_failure(true);
    let mut store = limited(limits.build());
    let instance = instantiate(&mut store, GROWING).unwrap();
    let grow = instance.get_typed_func::<i32, i32>(&store, "memory.grow").unwrap();
    assert_eq!(grow.call(&mut store, 1).unwrap(), 1);
    let error = grow.call(&mut store, 1).unwrap_err();
    assert_eq!(error.root_cause().to_string(), "forcing trap when growing memory to 196608 bytes");
    assert!(error.downcast_ref::<lineal::WasmBacktrace>().is_some());
    // Over the host's own limit.
    let table_grow = instance.get_typed_func::<i32, i32>(&store, "table.grow").unwrap();
    let error = format!("{:#}", table_grow.call(&mut store, i32::MAX).unwrap_err());
    assert!(error.contains("forcing a table growth failure to be a trap"), "{error}");
}

/// Writes down what it is asked.
#[derive(Default)]
struct Witness {
    asked: Vec<(usize, usize, Option<usize>)>,
    failed: Vec<String>,
    panics: bool,
}

impl ResourceLimiter for Witness {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> lineal::Result<bool> {
        assert!(!self.panics, "in the limiter");
        self.asked.push((current, desired, maximum));
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: Error) -> lineal::Result<()> {
        self.failed.push(error.to_string());
        Ok(())
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> lineal::Result<bool> {
        Ok(true)
    }
}

#[test]
fn limiters_are_asked_in_bytes_and_told_of_failures() {
    let mut store = Store::new(&Engine::default(), Witness::default());
    store.limiter(|witness| witness);
    let instance = instantiate(&mut store, GROWING).unwrap();
    let grow = instance.get_typed_func::<i32, i32>(&store, "memory.grow").unwrap();
    assert_eq!(grow.call(&mut store, 8).unwrap(), 1);
    assert_eq!(grow.call(&mut store, 1).unwrap(), -1);
    let maximum = Some(9 * PAGE);
    assert_eq!(
        store.data().asked,
        [(0, PAGE, maximum), (PAGE, 9 * PAGE, maximum), (9 * PAGE, 10 * PAGE, maximum)]
    );
    assert_eq!(
        store.data().failed,
        ["a memory of 9 pages cannot grow by 1 page: its maximum is 9 pages"]
    );
}

#[test]
fn a_limiter_that_panics_is_passed_on_and_still_there() {
    let mut store = Store::new(&Engine::default(), Witness::default());
    store.limiter(|witness| witness);
    let instance = instantiate(&mut store, GROWING).unwrap();
    let grow = instance.get_typed_func::<i32, i32>(&store, "memory.grow").unwrap();
    store.data_mut().panics = true;
    for _ in 0..2 {
        let message = crate::panic_message(|| drop(grow.call(&mut store, 1)));
        assert_eq!(message, "in the limiter");
    }
    store.data_mut().panics = false;
    assert_eq!(grow.call(&mut store, 1).unwrap(), 1);
}

/// A module with a function that is listed many times.
fn with_elements(count: usize) -> String {
    format!("(module (func $f) (elem func {}))", "$f ".repeat(count))
}

#[test]
fn a_module_that_takes_too_much_is_refused() {
    let engine = Engine::new(Config::new().module_memory_limit(7_000)).unwrap();
    let error = Module::new(&engine, with_elements(2_000)).unwrap_err();
    let too_large = error.downcast_ref::<ModuleTooLarge>().expect("too large");
    assert!(too_large.needed_bytes() > 2_000 * 5, "{error}");
    assert_eq!(too_large.limit_bytes(), 7_000);
    assert!(error.to_string().ends_with("which exceeds the limit of 7000 bytes"), "{error}");
    // References take more room in an instance than in its module.
    let module = Module::new(&engine, with_elements(1_000)).unwrap();
    let mut store = Store::new(&engine, ());
    let error = Instance::new(&mut store, &module, &[]).unwrap_err();
    assert!(error.is::<ModuleTooLarge>(), "{error}");
    let module = Module::new(&engine, with_elements(100)).unwrap();
    Instance::new(&mut store, &module, &[]).unwrap();
}

#[test]
fn a_store_limits_what_its_instances_take() {
    let engine = Engine::default();
    let limits = StoreLimitsBuilder::new().instance_size(7_000).build();
    let mut store = Store::new(&engine, limits);
    store.limiter(|limits| limits);
    let module = Module::new(&engine, with_elements(1_000)).unwrap();
    let error = Instance::new(&mut store, &module, &[]).unwrap_err().to_string();
    assert!(error.ends_with("bytes exceeds the store's limit"), "{error}");
    let module = Module::new(&engine, with_elements(100)).unwrap();
    Instance::new(&mut store, &module, &[]).unwrap();
}

/// Whatever a module has many of counts.
#[test]
fn all_parts_of_a_module_count() {
    type Part = fn(usize) -> String;
    let parts: [(&str, Part); 6] = [
        ("functions", |_| "(func)".to_owned()),
        ("exports", |n| format!("(export \"{n}\" (memory 0))")),
        ("globals", |_| "(global i32 (i32.const 1))".to_owned()),
        ("imports", |n| format!("(import \"\" \"{n}\" (global i32))")),
        ("segments", |_| "(data \"\")".to_owned()),
        ("lists", |_| "(elem funcref (ref.null func) (ref.null func))".to_owned()),
    ];
    let engine = Engine::new(Config::new().module_memory_limit(20_000)).unwrap();
    for (name, part) in parts {
        let module = |count| {
            let memory = if name == "exports" { "(memory 1)" } else { "" };
            format!("(module {memory} {})", (0..count).map(part).collect::<String>())
        };
        // An item takes at least 16 bytes, and at most 400.
        assert!(Module::new(&engine, module(50)).is_ok(), "{name}");
        let error = Module::new(&engine, module(1_500)).unwrap_err();
        assert!(error.is::<ModuleTooLarge>(), "{name}: {error}");
    }
}
