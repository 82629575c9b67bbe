//! Two guests on two threads share a memory, and one waits for the other.
//!
//! The producer writes squares into the memory and then raises a flag; the consumer sleeps until
//! the flag is up, and adds them. Each guest has a store of its own: the memory is all they share.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use lineal::{Engine, Instance, MemoryType, Module, Result, SharedMemory, Store};

const GUESTS: &str = r#"(module
    (import "host" "memory" (memory 1 4 shared))

    (func (export "produce") (param $count i32) (local $i i32)
        (loop $next
            (i32.store offset=16
                (i32.shl (local.get $i) (i32.const 2))
                (i32.mul (local.get $i) (local.get $i)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $i) (local.get $count))))
        ;; The flag, at address 0, is the number of squares.
        (i32.atomic.store (i32.const 0) (local.get $count))
        (drop (memory.atomic.notify (i32.const 0) (i32.const -1))))

    (func (export "consume") (result i64) (local $i i32) (local $sum i64)
        ;; Sleeps while the flag is 0; if it no longer is, there is no need to.
        (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))
        (loop $next
            (local.set $sum (i64.add (local.get $sum)
                (i64.load32_u offset=16 (i32.shl (local.get $i) (i32.const 2)))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $i) (i32.atomic.load (i32.const 0)))))
        (local.get $sum)))"#;

/// Runs the example, which writes its report to `out`.
pub(crate) fn run(out: &mut impl Write) -> Result<()> {
    let engine = Engine::default();
    let module = Module::new(&engine, GUESTS)?;
    let memory = SharedMemory::new(&engine, MemoryType::shared(1, 4))?;
    let start = || -> Result<(Store<()>, Instance)> {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[memory.clone().into()])?;
        Ok((store, instance))
    };

    let sum = thread::scope(|scope| -> Result<u64> {
        let consumer = scope.spawn(|| -> Result<u64> {
            let (mut store, instance) = start()?;
            instance.get_typed_func::<(), u64>(&store, "consume")?.call(&mut store, ())
        });
        // Time to fall asleep. If it is not enough, the flag is up first, and nobody has to wait.
        thread::sleep(Duration::from_millis(20));
        let (mut store, instance) = start()?;
        instance.get_typed_func::<u32, ()>(&store, "produce")?.call(&mut store, 1000)?;
        consumer.join().expect("the consumer does not panic")
    })?;

    writeln!(out, "the squares below 1000 add up to {sum}")?;
    // The host has the memory too.
    let last: u32 = memory.linear().load(16 + 4 * 999, 0)?;
    writeln!(out, "the last of them is {last}")?;
    Ok(())
}

fn main() -> Result<()> {
    run(&mut io::stdout())
}
