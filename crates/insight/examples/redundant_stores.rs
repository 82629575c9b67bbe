//! An observer of one's own: which functions store what is there already?
//!
//! ```sh
//! cargo run -p lineal-insight --example redundant_stores
//! ```
//!
//! What it takes: say what the engine has to report (`Config::observe`), implement `Observer` for
//! a type of yours, and give the store a way to it (`Store::observer`).

use std::collections::HashMap;

use lineal::{
    Access, AccessKind, Accesses, Config, Engine, Instance, Module, Moment, Observe, Observer,
    Result, Site, Store,
};
use lineal_insight::Place;

/// Counts stores by the instruction that makes them.
#[derive(Default)]
struct RedundantStores {
    counts: HashMap<Site, (u64, u64)>,
}

impl Observer for RedundantStores {
    fn access(&mut self, _: &mut Moment<'_>, access: &Access<'_>) -> Result<()> {
        if access.kind() == AccessKind::Write {
            let (stores, redundant) = self.counts.entry(access.site()).or_default();
            *stores += 1;
            *redundant += u64::from(access.old() == access.new());
        }
        Ok(())
    }
}

const PROGRAM: &str = r#"(module
    (memory 1)
    (func $clear (param $at i32)
        (loop $next
            (i32.store (local.get $at) (i32.const 0))
            (br_if $next (i32.lt_u
                (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 400)))))
    (func $mark (param $at i32) (i32.store8 (local.get $at) (i32.const 1)))
    (func (export "run")
        (call $clear (i32.const 0))
        (call $mark (i32.const 100))
        (call $clear (i32.const 0))))"#;

fn main() -> Result<()> {
    // Batches are faster; the order stays, and a backtrace is not asked for.
    let observe = Observe::new().accesses(Accesses::All).batched(true);
    let engine = Engine::new(Config::new().observe(observe))?;
    let module = Module::new(&engine, PROGRAM)?;
    let mut store = Store::new(&engine, RedundantStores::default());
    store.observer(|tool| tool);
    let instance = Instance::new(&mut store, &module, &[])?;
    instance.get_typed_func::<(), ()>(&mut store, "run")?.call(&mut store, ())?;

    let mut counts: Vec<_> = store.data().counts.iter().collect();
    counts.sort_by_key(|(_, (_, redundant))| std::cmp::Reverse(*redundant));
    for (&site, (stores, redundant)) in counts {
        println!("{redundant} of {stores} stores were redundant: {}", Place::of(&engine, site));
    }
    Ok(())
}
