//! What AssemblyScript's compiler imports from a host without being asked to: `abort`, `trace`, `seed`, and
//! those functions of the console that print.

use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write as _};

use anyhow::{Result, bail};
use lineal::{Caller, Error, Escaped, Extern, ExternType, FuncType, Linker, Module, Trap, ValType};

/// The module that the functions are imported from.
const MODULE: &str = "env";

/// The functions that print a text, and whether to standard error.
const PRINTERS: [(&str, bool); 5] = [
    ("console.log", false),
    ("console.info", false),
    ("console.debug", false),
    ("console.warn", true),
    ("console.error", true),
];

/// Defines those functions that a module imports with the types that they have in AssemblyScript.
pub(crate) fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    module: &Module,
    seed: Option<u64>,
) -> Result<()> {
    use ValType::{F64, I32};
    let imports = |name: &str, params: &[ValType], results: &[ValType]| {
        let own = FuncType::new(module.engine(), params.iter().cloned(), results.iter().cloned());
        module.imports().any(|import| {
            (import.module(), import.name()) == (MODULE, name)
                && matches!(import.ty(), ExternType::Func(ty) if ty.matches(&own))
        })
    };
    if imports("abort", &[const { I32 }; 4], &[]) {
        linker.func_wrap(MODULE, "abort", abort)?;
    }
    if imports("trace", &[I32, I32, F64, F64, F64, F64, F64], &[]) {
        linker.func_wrap(MODULE, "trace", trace)?;
    }
    if imports("seed", &[], &[F64]) {
        linker.func_wrap(MODULE, "seed", move || {
            seed.unwrap_or_else(|| RandomState::new().hash_one(0)) as f64
        })?;
    }
    for (name, to_stderr) in PRINTERS {
        if imports(name, &[I32], &[]) {
            linker.func_wrap(MODULE, name, move |mut caller: Caller<'_, T>, text: u32| {
                let text = string(&mut caller, text)?;
                print(&text, to_stderr)
            })?;
        }
    }
    Ok(())
}

/// A failed assertion, or an exception that is thrown.
fn abort<T>(
    mut caller: Caller<'_, T>,
    message: u32,
    file: u32,
    line: u32,
    column: u32,
) -> Result<()> {
    let message = string(&mut caller, message)?;
    let file = string(&mut caller, file)?;
    let what = format!("{} in {}:{line}:{column}", Escaped(&message), Escaped(&file));
    Err(Error::from(Trap::UnreachableCodeReached).context(what))
}

/// Prints a message and the first of some numbers.
#[expect(clippy::too_many_arguments, reason = "these are its parameters in AssemblyScript")]
fn trace<T>(
    mut caller: Caller<'_, T>,
    message: u32,
    count: u32,
    a: f64,
    b: f64,
    c: f64,
    d: f64,
    e: f64,
) -> Result<()> {
    let mut text = string(&mut caller, message)?;
    for number in [a, b, c, d, e].into_iter().take(count as usize) {
        write!(text, " {number}")?;
    }
    print(&text, false)
}

fn print(text: &str, to_stderr: bool) -> Result<()> {
    let line = format!("{text}\n");
    match to_stderr {
        true => io::stderr().write_all(line.as_bytes())?,
        false => io::stdout().write_all(line.as_bytes())?,
    }
    Ok(())
}

/// The string at an address: UTF-16, with its length in bytes before it. None is at 0.
fn string<T>(caller: &mut Caller<'_, T>, addr: u32) -> Result<String> {
    if addr == 0 {
        return Ok("null".to_owned());
    }
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        bail!("a text of the program cannot be read: it exports no memory with the name `memory`");
    };
    let mut len_bytes = [0; 4];
    let outside =
        || format!("the program has no text at {addr:#x}: it would not end inside of the memory");
    let read = memory.read(&mut *caller, (addr as usize).saturating_sub(4), &mut len_bytes);
    read.map_err(|error| Error::from(error).context(outside()))?;
    let len_bytes = u32::from_le_bytes(len_bytes) as usize;
    let bytes = memory.data(&*caller).get(addr as usize..).and_then(|it| it.get(..len_bytes));
    let Some(bytes) = bytes else { bail!(outside()) };
    let (units, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    Ok(String::from_utf16_lossy(&units))
}
