//! Runs AssemblyScript modules and exchanges bytes and strings with them.

use std::io::{self, Write};

use lineal::{Engine, Instance, MemoryType, Module, Result, SharedMemory, Store};

/// The guest, `guests/bytes.ts`: with its data at the start of the memory, and at 65,536.
const GUESTS: [(&str, &[u8]); 2] = [
    ("bytes.wasm", include_bytes!("guests/bytes.wasm")),
    ("bytes-base.wasm", include_bytes!("guests/bytes-base.wasm")),
];

/// The same guest, compiled to import a shared memory (`--importMemory --sharedMemory`).
const SHARED_GUEST: &[u8] = include_bytes!("guests/bytes-shared.wasm");

/// Runs the example, which writes its report to `out`.
pub(crate) fn run(out: &mut impl Write) -> Result<()> {
    for (name, wasm) in GUESTS {
        let engine = Engine::default();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &Module::new(&engine, wasm)?, &[])?;
        let memory = instance.get_memory(&store, "memory").expect("exported");
        writeln!(out, "{name}")?;

        // `memory.grow`: the guest asks for a page, and the host sees it.
        let grow = instance.get_typed_func::<i32, i32>(&store, "grow")?;
        let before = grow.call(&mut store, 1)?;
        writeln!(out, "  grown from {before} to {} pages", memory.size(&store))?;

        // `store<u8>`: the host reads what the guest writes.
        let addr = memory.data_size(&store) as u32 - 8;
        let fill = instance.get_typed_func::<(u32, i32, i32), ()>(&store, "fill")?;
        fill.call(&mut store, (addr, 8, 3))?;
        let bytes = memory.view::<u8, _>(&store, addr.into(), 8)?;
        writeln!(out, "  the guest wrote {bytes:?}")?;

        // `load<u8>`: the guest reads what the host writes.
        memory.write(&mut store, addr as usize, &[10, 20, 30, 40])?;
        let read = instance.get_typed_func::<u32, u32>(&store, "read")?;
        let sum = instance.get_typed_func::<(u32, i32), i32>(&store, "sum")?;
        let (third, total) = (read.call(&mut store, addr + 2)?, sum.call(&mut store, (addr, 4))?);
        writeln!(out, "  the guest read {third}, and {total} in all")?;

        // A string is UTF-16; its length in bytes is in the four bytes before it.
        let text = instance.get_typed_func::<(), u32>(&store, "text")?.call(&mut store, ())?;
        let text = u64::from(text);
        let len_bytes = memory.load::<u32>(&store, text - 4)?;
        let string = memory.read_utf16(&store, text, u64::from(len_bytes / 2))?;
        writeln!(out, "  at {text:#x} is {string:?}")?;
    }
    share(out)
}

/// Gives the guest a memory that other threads may use too, and views it as 16-bit integers.
fn share(out: &mut impl Write) -> Result<()> {
    writeln!(out, "bytes-shared.wasm")?;
    let engine = Engine::default();
    let memory = SharedMemory::new(&engine, MemoryType::shared(1, 4))?;
    let module = Module::new(&engine, SHARED_GUEST)?;
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[memory.clone().into()])?;

    let addr = 4096;
    let fill = instance.get_typed_func::<(u32, i32, i32), ()>(&store, "fill")?;
    fill.call(&mut store, (addr, 8, 1))?;
    let numbers = (0..4).map(|index| memory.linear().load::<u16>(addr.into(), 2 * index));
    let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
    writeln!(out, "  16-bit integers: {numbers:04x?}")?;

    // Another thread of the host's writes some, and the guest reads their bytes.
    let sum = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            (0..4).try_for_each(|index| memory.linear().store(addr.into(), 2 * index, 0x0201_u16))
        });
        writer.join().expect("the writer does not panic")?;
        let sum = instance.get_typed_func::<(u32, i32), i32>(&store, "sum")?;
        sum.call(&mut store, (addr, 8))
    })?;
    writeln!(out, "  the sum of the bytes: {sum}")?;
    Ok(())
}

fn main() -> Result<()> {
    run(&mut io::stdout())
}
