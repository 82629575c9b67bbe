//! A linear memory without an interpreter: a small heap of records, read back as numbers and text.

use std::error::Error;
use std::io::{self, Write};

use lineal_memory::{DataSegment, LinearMemory, MemoryType, Pages};

/// Runs the example, which writes its report to `out`.
pub(crate) fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    // (memory 1 3) (data "\03\00\00\00one\00")
    let mut memory = LinearMemory::new(MemoryType::new(Pages(1), Some(Pages(3)))?)?;
    let segment = DataSegment::from(&b"\x03\x00\x00\x00one\0"[..]);
    memory.init(0x100, &segment, 0, segment.byte_len())?;
    let len = memory.load::<u32>(0x100, 0)?;
    writeln!(out, "{} bytes: {}", len, memory.read_str(0x104, len.into())?)?;

    // Numbers are little-endian, and need no alignment.
    memory.store(0x201, 4, 0x1122_3344_u32)?;
    writeln!(out, "{:x?}", memory.slice(0x205, 4)?)?;
    writeln!(out, "{}", memory.load_extend::<i8, i64>(0x205, 0)?)?;

    // Arrays are views.
    let mut squares = memory.view_mut::<u16>(0x300, 5)?;
    for index in 0..5 {
        squares.set(index, (index * index) as u16)?;
    }
    writeln!(out, "{:?}", memory.view::<u16>(0x300, 5)?)?;

    // What does not fit is an error, and changes nothing.
    let error = memory.store(65_533, 0, 1_u32).unwrap_err();
    writeln!(out, "{error}")?;
    memory.grow(Pages(2))?;
    memory.store(65_533, 0, 1_u32)?;
    writeln!(out, "{}", memory.grow(Pages(1)).unwrap_err())?;

    // Strings of other kinds.
    memory.write(0x400, b"ends with a NUL\0")?;
    writeln!(out, "{}", memory.read_cstring(0x400)?)?;
    let units = memory.write_utf16(0x500, "𝄞 clef")?;
    writeln!(out, "{units} units: {}", memory.read_utf16(0x500, units)?)?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut io::stdout())
}
