//! Modules in Wasmtime and Lineal: of `wasm-smith`, in several shapes, and of [`programs`].

use arbitrary::Unstructured;
use wasm_smith::{Config, InstructionKind, InstructionKinds};
use wasmparser::{Operator, Parser, Payload};

use crate::oracle::{Case, FUEL, compare};
use crate::programs;

/// The bytes that choose the arguments of calls.
const ARGUMENT_BYTES: usize = 64;

/// One test case in so many is one of [`programs`].
const PROGRAMS: u8 = 4;

/// Compares the module that some bytes choose in Wasmtime and Lineal.
pub(crate) fn judge(bytes: &[u8]) -> Result<(), String> {
    let (arguments, bytes) = bytes.split_at(bytes.len().min(ARGUMENT_BYTES));
    if bytes.first().is_some_and(|first| first % PROGRAMS == 0) {
        let wasm = programs::any_module(&bytes[1..]);
        return compare(&Case { wasm: &wasm, arguments, fuel: FUEL, nans_are_canonical: false });
    }
    let Some((nans_are_canonical, wasm)) = module(bytes) else { return Ok(()) };
    if waits(&wasm) {
        return Ok(());
    }
    compare(&Case { wasm: &wasm, arguments, fuel: FUEL, nans_are_canonical })
}

/// The module that some bytes choose, and whether it makes all its NaNs canonical by itself.
pub(crate) fn module(bytes: &[u8]) -> Option<(bool, Vec<u8>)> {
    let mut bytes = Unstructured::new(bytes);
    let config = config(&mut bytes).ok()?;
    let nans_are_canonical = config.canonicalize_nans;
    let module = wasm_smith::Module::new(config, &mut bytes).ok()?;
    Some((nans_are_canonical, module.to_bytes()))
}

fn config(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Config> {
    let shape: u8 = bytes.int_in_range(0..=5)?;
    let mut config = match shape {
        // Any mixture.
        0 | 1 => bytes.arbitrary::<Config>()?,
        _ => Config::default(),
    };
    if shape == 2 {
        // Dense in memory operations.
        use InstructionKind::{Control, Memory, Numeric, Variable, Vector};
        config.allowed_instructions =
            InstructionKinds::new(&[Control, Memory, Numeric, Variable, Vector]);
        config.gc_enabled = false;
        config.exceptions_enabled = false;
        config.max_instructions = 400;
        config.min_memories = 1;
        config.min_data_segments = 1;
    }
    if shape == 3 {
        // References and objects.
        use InstructionKind::{Aggregate, Control, Reference, Variable};
        config.allowed_instructions =
            InstructionKinds::new(&[Aggregate, Control, Reference, Variable]);
        config.min_types = 6;
    }
    config.export_everything = true;
    config.canonicalize_nans = bytes.arbitrary()?;
    config.min_funcs = config.min_funcs.max(2);
    config.max_funcs = config.max_funcs.clamp(2, 20);
    config.max_types = config.max_types.clamp(config.min_types, 40);
    config.max_memories = config.max_memories.max(3);
    config.max_tables = config.max_tables.max(2);
    config.max_imports = config.max_imports.min(10);
    config.max_memory32_bytes = 3 << 16;
    config.max_memory64_bytes = 3 << 16;
    config.max_table_elements = 1_000;
    config.max_aliases = 0;
    config.allow_start_export = true;
    // All that both engines know, unless a mixture left something out on purpose.
    if shape > 1 {
        config.custom_page_sizes_enabled = true;
    }
    config.threads_enabled = bytes.arbitrary()?;
    config.compact_imports_enabled = false;
    config.custom_descriptors_enabled = false;
    config.shared_everything_threads_enabled = false;
    config.acquire_release_atomics_enabled = false;
    config.multibyte_array_access_enabled = false;
    config.generate_custom_sections = false;
    config.allow_invalid_funcs = false;
    Ok(config)
}

/// Whether a module waits on memories, which nobody would wake it from.
fn waits(wasm: &[u8]) -> bool {
    Parser::new(0).parse_all(wasm).any(|payload| {
        let Ok(Payload::CodeSectionEntry(body)) = payload else { return false };
        let Ok(operators) = body.get_operators_reader() else { return false };
        operators.into_iter().any(|operator| {
            matches!(
                operator,
                Ok(Operator::MemoryAtomicWait32 { .. } | Operator::MemoryAtomicWait64 { .. })
            )
        })
    })
}
