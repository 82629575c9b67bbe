//! A limiter that may wait before it decides.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Waker};

use lineal::{
    Config, Engine, Error, Linker, Memory, MemoryType, Module, Ref, RefType, ResourceLimiterAsync,
    Result, Store, Table, TableType, UpdateDeadline,
};

use super::{run, wait};

/// Waits once for each answer, and lets nothing have more than so many bytes or elements.
#[derive(Default)]
struct Limit {
    most: usize,
    asked: Vec<(usize, usize)>,
    failed: u32,
    panics: bool,
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<bool>> + Send + 'a>>;

impl Limit {
    fn answer(&mut self, current: usize, desired: usize) -> Answer<'_> {
        Box::pin(async move {
            wait(1).await;
            assert!(!self.panics, "the limiter panics");
            self.asked.push((current, desired));
            if desired > 10 * self.most {
                return Err(Error::msg("much too large"));
            }
            Ok(desired <= self.most)
        })
    }
}

// As `#[async_trait]` writes it.
impl ResourceLimiterAsync for Limit {
    fn memory_growing<'life0, 'async_trait>(
        &'life0 mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> Answer<'async_trait>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        self.answer(current, desired)
    }

    fn memory_grow_failed(&mut self, _: Error) -> Result<()> {
        self.failed += 1;
        Ok(())
    }

    fn table_growing<'life0, 'async_trait>(
        &'life0 mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> Answer<'async_trait>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        self.answer(current, desired)
    }

    fn memories(&self) -> usize {
        5
    }
}

const PAGE: usize = 65_536;

fn setup() -> (Store<Limit>, Linker<Limit>, Module) {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module (memory (export "memory") 1) (memory $second 2 3) (table $t 7 funcref)
            (func (export "grow") (param i32) (result i32 f64) (local f64)
                (local.set 1 (f64.const 1.5))
                (memory.grow (local.get 0))
                (f64.add (local.get 1) (f64.const 1)))
            (func (export "grow_second") (result i32) (memory.grow $second (i32.const 2)))
            (func (export "grow_table") (param i32) (result i32)
                (table.grow $t (ref.null func) (local.get 0))))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, Limit { most: 4 * PAGE, ..Limit::default() });
    store.limiter_async(|limit| limit);
    (store, Linker::new(&engine), module)
}

#[test]
fn instances_and_guests_wait_for_the_answer() {
    let (mut store, linker, module) = setup();
    let (instance, pending) = run(linker.instantiate_async(&mut store, &module));
    let instance = instance.unwrap();
    assert_eq!(pending, 3);
    // Each was asked for once.
    assert_eq!(std::mem::take(&mut store.data_mut().asked), [(0, 7), (0, PAGE), (0, 2 * PAGE)]);

    let grow = instance.get_typed_func::<i32, (i32, f64)>(&store, "grow").unwrap();
    for (delta, expected) in [(2, 1), (2, -1), (0, 3), (1, 3), (1, -1)] {
        let (result, pending) = run(grow.call_async(&mut store, delta));
        assert_eq!(result.unwrap(), (expected, 2.5), "{delta} more");
        assert_eq!(pending, u64::from(delta != 0));
    }
    assert_eq!(store.data().asked.len(), 4);
    let error = run(grow.call_async(&mut store, 1000)).0.unwrap_err();
    assert_eq!(error.root_cause().to_string(), "much too large");

    // The type does not allow it, whatever the limiter says.
    let grow_second = instance.get_typed_func::<(), i32>(&store, "grow_second").unwrap();
    assert_eq!(run(grow_second.call_async(&mut store, ())).0.unwrap(), -1);
    assert_eq!(store.data().failed, 1);

    let grow_table = instance.get_typed_func::<i32, i32>(&store, "grow_table").unwrap();
    assert_eq!(run(grow_table.call_async(&mut store, 3)).0.unwrap(), 7);
    assert_eq!(run(grow_table.call_async(&mut store, 4 * PAGE as i32)).0.unwrap(), -1);
}

#[test]
fn the_host_waits_too() {
    let (mut store, _, _) = setup();
    let ty = MemoryType::new(1, None);
    let (memory, pending) = run(Memory::new_async(&mut store, ty));
    let memory = memory.unwrap();
    assert_eq!(pending, 1);
    assert_eq!(run(memory.grow_async(&mut store, 2)).0.unwrap(), 1);
    assert!(run(memory.grow_async(&mut store, 2)).0.is_err());
    assert_eq!(memory.size(&store), 3);
    let ty = TableType::new(RefType::FUNCREF, 2, None);
    let (table, pending) = run(Table::new_async(&mut store, ty, Ref::Func(None)));
    let table = table.unwrap();
    assert_eq!(pending, 1);
    assert_eq!(run(table.grow_async(&mut store, 3, Ref::Func(None))).0.unwrap(), 2);
    for _ in 1..5 {
        let ty = MemoryType::new(0, None);
        run(Memory::new_async(&mut store, ty)).0.unwrap();
    }
    assert!(run(Memory::new_async(&mut store, MemoryType::new(0, None))).0.is_err());
}

#[test]
fn what_cannot_wait_fails() {
    let (mut store, linker, module) = setup();
    let error = linker.instantiate(&mut store, &module).unwrap_err();
    assert!(error.root_cause().to_string().contains("`call_async`"), "{error:?}");
    let instance = run(linker.instantiate_async(&mut store, &module)).0.unwrap();
    let grow = instance.get_typed_func::<i32, (i32, f64)>(&store, "grow").unwrap();
    let error = grow.call(&mut store, 1).unwrap_err();
    assert!(error.root_cause().to_string().contains("`call_async`"), "{error:?}");
    let memory = instance.get_memory(&store, "memory").unwrap();
    assert!(memory.grow(&mut store, 1).is_err());
    assert_eq!(run(grow.call_async(&mut store, 1)).0.unwrap(), (1, 2.5));
    // Another limiter takes its place.
    store.limiter(|_| Box::leak(Box::new(lineal::StoreLimits::default())));
    assert_eq!(grow.call(&mut store, 100).unwrap(), (2, 2.5));
}

#[test]
fn dropped_and_panicking_answers() {
    let (mut store, linker, module) = setup();
    let mut context = Context::from_waker(Waker::noop());
    for polls in 0..3 {
        let mut future = pin!(linker.instantiate_async(&mut store, &module));
        for _ in 0..polls {
            assert!(future.as_mut().poll(&mut context).is_pending());
        }
    }
    let instance = run(linker.instantiate_async(&mut store, &module)).0.unwrap();
    let grow = instance.get_typed_func::<i32, (i32, f64)>(&store, "grow").unwrap();
    {
        let mut future = pin!(grow.call_async(&mut store, 1));
        assert!(future.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(run(grow.call_async(&mut store, 1)).0.unwrap(), (1, 2.5));
    store.data_mut().panics = true;
    let call = std::panic::AssertUnwindSafe(|| run(grow.call_async(&mut store, 1)));
    assert!(std::panic::catch_unwind(call).is_err());
    store.data_mut().panics = false;
    assert_eq!(run(grow.call_async(&mut store, 1)).0.unwrap(), (2, 2.5));
}

/// What the epoch's callback asks while an instance is filled is not asked again, and the instance is not
/// made again for it.
#[test]
fn instances_are_made_once_whatever_the_callback_asks() {
    let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
    let mut store = Store::new(&engine, Limit { most: 4_000_000, ..Limit::default() });
    store.limiter_async(|limit| limit);
    let (memory, _) = run(Memory::new_async(&mut store, MemoryType::new(1, None)));
    let memory = memory.unwrap();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    store.epoch_deadline_callback(move |mut store| {
        counted.fetch_add(1, Ordering::Relaxed);
        // There is no answer without waiting.
        memory.grow(&mut store, 1).unwrap_err();
        Ok(UpdateDeadline::Continue(0))
    });
    let wat = "(module (elem declare func $f) (func $f) (table 400000 funcref (ref.func $f)))";
    let module = Module::new(&engine, wat).unwrap();
    run(Linker::new(&engine).instantiate_async(&mut store, &module)).0.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}
