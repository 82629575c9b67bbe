//! Two instances share a memory: one exports it, the other imports it.

use std::io::{self, Write};

use lineal::{Engine, Linker, Module, Result, Store};

/// Has the memory, and counts the letters in it.
const OWNER: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "count") (param $letter i32) (result i32) (local $addr i32) (local $count i32)
        (loop $next
            (local.set $count (i32.add (local.get $count)
                (i32.eq (i32.load8_u (local.get $addr)) (local.get $letter))))
            (local.set $addr (i32.add (local.get $addr) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $addr)
                (i32.mul (memory.size) (i32.const 65536)))))
        (local.get $count)))"#;

/// Writes to the memory of the other, and makes it larger.
const WRITER: &str = r#"(module
    (import "owner" "memory" (memory 1))
    (func (export "write") (param $letter i32) (param $addr i32) (param $len i32)
        (memory.fill (local.get $addr) (local.get $letter) (local.get $len)))
    (func (export "grow") (result i32) (memory.grow (i32.const 1))))"#;

/// Runs the example, which writes its report to `out`.
pub(crate) fn run(out: &mut impl Write) -> Result<()> {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    let owner = linker.instantiate(&mut store, &Module::new(&engine, OWNER)?)?;
    linker.instance(&mut store, "owner", owner)?;
    let writer = linker.instantiate(&mut store, &Module::new(&engine, WRITER)?)?;

    let write = writer.get_typed_func::<(u32, u32, u32), ()>(&store, "write")?;
    let grow = writer.get_typed_func::<(), i32>(&store, "grow")?;
    let count = owner.get_typed_func::<u32, u32>(&store, "count")?;

    let letter = u32::from(b'x');
    write.call(&mut store, (letter, 100, 40))?;
    writeln!(out, "the owner counts {}", count.call(&mut store, letter)?)?;

    // What one makes larger is larger for the other.
    grow.call(&mut store, ())?;
    write.call(&mut store, (letter, 65_530, 12))?;
    writeln!(out, "the owner counts {}", count.call(&mut store, letter)?)?;

    // And for the host.
    let memory = owner.get_memory(&store, "memory").expect("exported");
    writeln!(out, "the host sees {:?}", memory.read_str(&store, 65_530, 12)?)?;
    Ok(())
}

fn main() -> Result<()> {
    run(&mut io::stdout())
}
