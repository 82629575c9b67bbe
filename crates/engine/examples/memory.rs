//! Looks into a guest's memory, grows it, and reads and writes it from both sides.

use std::io::{self, Write};

use lineal::{Engine, Instance, Module, Result, Store};

const GUEST: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "get_at") (param $addr i32) (result i32) (i32.load (local.get $addr)))
    (func (export "set_at") (param $addr i32) (param $value i32)
        (i32.store (local.get $addr) (local.get $value)))
    (func (export "mem_size") (result i32) (memory.size)))"#;

/// Runs the example, which writes its report to `out`.
pub(crate) fn run(out: &mut impl Write) -> Result<()> {
    writeln!(out, "Compiling module...")?;
    let engine = Engine::default();
    let module = Module::new(&engine, GUEST)?;

    writeln!(out, "Instantiating module...")?;
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    let get_at = instance.get_typed_func::<u32, i32>(&store, "get_at")?;
    let set_at = instance.get_typed_func::<(u32, i32), ()>(&store, "set_at")?;
    let mem_size = instance.get_typed_func::<(), u32>(&store, "mem_size")?;
    let memory = instance.get_memory(&store, "memory").expect("exported");

    writeln!(out, "Querying memory size...")?;
    let pages = memory.size(&store);
    writeln!(out, "Memory size (pages): {pages}")?;
    writeln!(out, "Memory size (pages as bytes): {}", pages * memory.page_size(&store))?;
    writeln!(out, "Memory size (bytes): {}", memory.data_size(&store))?;
    // The guest sees the same.
    writeln!(out, "Memory size (pages): {}", mem_size.call(&mut store, ())?)?;

    writeln!(out, "Growing memory...")?;
    memory.grow(&mut store, 2)?;
    writeln!(out, "New memory size (pages): {}", mem_size.call(&mut store, ())?)?;

    // Written by the guest, read by the host.
    let addr = 0x2220;
    set_at.call(&mut store, (addr, 0xfef_effe))?;
    writeln!(out, "Value at {addr:#x}: {}", memory.load::<i32>(&store, addr.into())?)?;

    // Written by the host, read by the guest: eight bytes before the end of the second page.
    let addr = 2 * 0x1_0000 - 8;
    memory.store(&mut store, addr.into(), 0xf_ea09_i32)?;
    writeln!(out, "Value at {addr:#x}: {}", get_at.call(&mut store, addr)?)?;
    Ok(())
}

fn main() -> Result<()> {
    run(&mut io::stdout())
}
