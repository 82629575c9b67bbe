//! What modules and instances take in memory besides memories, tables, objects and translated code.

use std::cell::RefCell;
use std::fmt;
use std::sync::OnceLock;

use lineal_decoder::{ElementItems, ModuleParts, SegmentMode, decoded_bytes};
use lineal_memory::DataSegment;

use super::code::{Code, FuncEntry};
use super::entity::{FuncEntity, GlobalEntity, TagEntity};

/// A module, or an instance of it, would take more memory than
/// [`Config::module_memory_limit`](crate::Config::module_memory_limit) allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleTooLarge {
    needed_bytes: u64,
    limit_bytes: u64,
}

impl ModuleTooLarge {
    /// About how many bytes it would take.
    pub fn needed_bytes(&self) -> u64 {
        self.needed_bytes
    }

    /// How many it may take.
    pub fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }
}

impl fmt::Display for ModuleTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ModuleTooLarge { needed_bytes, limit_bytes } = self;
        write!(
            f,
            "the module needs about {needed_bytes} bytes besides its memories, which exceeds the \
             limit of {limit_bytes} bytes"
        )
    }
}

impl std::error::Error for ModuleTooLarge {}

/// Checks what something takes against a limit.
pub(crate) fn check(needed_bytes: u64, limit_bytes: u64) -> Result<(), ModuleTooLarge> {
    if needed_bytes <= limit_bytes {
        return Ok(());
    }
    Err(ModuleTooLarge { needed_bytes, limit_bytes })
}

/// About how many bytes the module of a binary takes; the binary need not be valid.
pub(crate) fn of_module(binary: &[u8]) -> u64 {
    let function_bytes = size_of::<FuncEntry>() + size_of::<OnceLock<Box<Code>>>();
    decoded_bytes(binary, function_bytes as u64)
}

/// How many bytes an instance of a module takes.
pub(crate) fn of_instance(module: &ModuleParts) -> u64 {
    let pointer = size_of::<usize>();
    let own = |all: usize, imported: u32, bytes: usize| (all - imported as usize) * bytes;
    // Those that only declare functions have done so.
    let kept = module.elements.iter().filter(|it| !matches!(it.mode, SegmentMode::Declared));
    let items = kept.map(|segment| match &segment.items {
        ElementItems::Funcs(funcs) => funcs.len(),
        ElementItems::Exprs(exprs) => exprs.len(),
    });
    let indices = module.funcs.len() + module.globals.len() + module.tags.len();
    let bytes = indices * pointer
        + own(module.funcs.len(), module.imported_funcs, size_of::<FuncEntity>())
        + own(module.globals.len(), module.imported_globals, size_of::<GlobalEntity>())
        + own(module.tags.len(), module.imported_tags, size_of::<TagEntity>())
        + module.data.len() * size_of::<RefCell<DataSegment>>()
        + module.elements.len() * size_of::<RefCell<Box<[u64]>>>()
        + items.sum::<usize>() * size_of::<u64>();
    bytes as u64
}
