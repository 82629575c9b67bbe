//! What a module will take in memory, told from its sections' counts before it is decoded.

use std::mem::size_of;

use wasmparser::{ElementItems, Parser, Payload, SectionLimited};

use crate::module::{
    ConstExpr, CustomSection, DataSegment, ElementSegment, Export, FuncBody, Global, Import, Table,
};
use crate::steps;
use crate::types::SubType;

/// What an allocation takes besides what is in it.
const ALLOCATION_BYTES: u64 = 16;

/// About how many bytes the module of a binary takes once it is decoded, the binary included, and
/// `function_bytes` for each function with a body, which the caller adds.
///
/// The binary need not be valid: what cannot be read counts nothing.
pub fn decoded_bytes(binary: &[u8], function_bytes: u64) -> u64 {
    let mut bytes = binary.len() as u64;
    for payload in Parser::new(0).parse_all(binary).map_while(Result::ok) {
        steps::count(1);
        bytes += match payload {
            Payload::TypeSection(section) => items(&section, size_of::<SubType>(), 1),
            Payload::ImportSection(section) => items(&section, size_of::<Import>(), 2),
            Payload::FunctionSection(section) => items(&section, size_of::<u32>(), 0),
            Payload::TableSection(section) => items(&section, size_of::<Table>(), 0),
            Payload::MemorySection(section) => {
                items(&section, size_of::<lineal_memory::MemoryType>(), 0)
            }
            Payload::TagSection(section) => items(&section, size_of::<u32>(), 0),
            Payload::GlobalSection(section) => items(&section, size_of::<Global>(), 0),
            Payload::ExportSection(section) => {
                items(&section, size_of::<Export>() + size_of::<u32>(), 1)
            }
            Payload::DataSection(section) => items(&section, size_of::<DataSegment>(), 0),
            Payload::ElementSection(section) => {
                let segments = section.clone().into_iter().map_while(Result::ok);
                let lists = segments.map(|segment| {
                    steps::count(1);
                    match segment.items {
                        ElementItems::Functions(funcs) => items(&funcs, size_of::<u32>(), 0),
                        ElementItems::Expressions(_, exprs) => {
                            items(&exprs, size_of::<ConstExpr>(), 0)
                        }
                    }
                });
                items(&section, size_of::<ElementSegment>(), 1) + lists.sum::<u64>()
            }
            Payload::CodeSectionEntry(_) => size_of::<FuncBody>() as u64 + function_bytes,
            Payload::CustomSection(_) => size_of::<CustomSection>() as u64,
            _ => 0,
        };
    }
    bytes
}

/// What a section's items take, each with some allocations of its own.
fn items<T>(section: &SectionLimited<'_, T>, item_bytes: usize, allocations: u64) -> u64 {
    // The count is only a claim, and an item takes a byte at least.
    let range = section.range();
    let count = u64::from(section.count()).min(range.end - range.start);
    count * (item_bytes as u64 + allocations * ALLOCATION_BYTES)
}
