//! Whether what is provided for an import has the type that the import asks for.

use std::fmt;

use anyhow::Result;
use lineal_decoder::{Escaped, ExternType, FuncType, GlobalType, Import, TableType, TypeIndex};
use lineal_memory::{ImportMismatch, MemoryType};

use super::entity::{FuncEntity, GlobalEntity, MemoryEntity, TableEntity, TagEntity};
use super::instance::Entity;
use super::types::TypeRegistry;

/// An import was given something of another type.
///
/// The error that [`Instance::new`](crate::Instance::new) and
/// [`Linker::instantiate`](crate::Linker::instantiate) return then.
#[derive(Debug)]
pub struct IncompatibleImport {
    module: Box<str>,
    name: Box<str>,
    reason: String,
}

impl IncompatibleImport {
    /// The first name of the import, of the module imported from.
    pub fn module(&self) -> &str {
        &self.module
    }

    /// The second name of the import, of the item.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for IncompatibleImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let IncompatibleImport { module, name, reason } = self;
        let (module, name) = (Escaped(module), Escaped(name));
        write!(f, "incompatible import type for `{module}::{name}`: {reason}")
    }
}

impl std::error::Error for IncompatibleImport {}

/// What an import asks for, with the engine's numbers of types.
pub(crate) struct Expected {
    pub(crate) ty: ExternType,
    /// The number of a function's or a tag's type.
    pub(crate) type_index: Option<TypeIndex>,
}

/// Checks the matching rule of external types.
///
/// # Safety
///
/// The entity must be alive, and nothing may be changing it (R1, R3).
pub(crate) unsafe fn check(
    types: &TypeRegistry,
    import: &Import,
    expected: &Expected,
    provided: Entity,
) -> Result<(), IncompatibleImport> {
    // SAFETY: the caller's promise.
    let mismatch = unsafe {
        match (&expected.ty, provided) {
            (ExternType::Func(_), Entity::Func(func)) => {
                check_func(types, expected.type_index, func.as_ref())
            }
            (ExternType::Table(ty), Entity::Table(table)) => check_table(ty, table.as_ref()),
            (ExternType::Memory(ty), Entity::Memory(memory)) => check_memory(ty, memory.as_ref()),
            (ExternType::Global(ty), Entity::Global(global)) => {
                check_global(types, ty, global.as_ref())
            }
            (ExternType::Tag(_), Entity::Tag(tag)) => check_tag(expected.type_index, tag.as_ref()),
            (_, Entity::Tag(tag)) => Some(tag_text(&tag.as_ref().ty)),
            (_, Entity::Func(func)) => Some(func_text(&func.as_ref().ty)),
            (_, Entity::Table(table)) => Some(table_text(&table.as_ref().ty)),
            (_, Entity::Memory(memory)) => Some(memory_text(memory.as_ref().ty())),
            (_, Entity::Global(global)) => Some(global_text(&global.as_ref().ty)),
        }
    };
    mismatch.map_or(Ok(()), |found| {
        let reason = format!("expected {}, found {found}", describe(&expected.ty));
        Err(IncompatibleImport { module: import.module.clone(), name: import.name.clone(), reason })
    })
}

// Each of these returns what was found, if it does not match.

fn check_func(
    types: &TypeRegistry,
    expected: Option<TypeIndex>,
    found: &FuncEntity,
) -> Option<String> {
    let fits = expected.is_some_and(|expected| types.is_sub_index(found.type_index, expected));
    (!fits).then(|| func_text(&found.ty))
}

fn check_tag(expected: Option<TypeIndex>, found: &TagEntity) -> Option<String> {
    (Some(found.type_index) != expected).then(|| tag_text(&found.ty))
}

fn check_table(expected: &TableType, found: &TableEntity) -> Option<String> {
    let size = found.elements.len() as u64;
    let ty = &found.ty;
    let maximum_fits = expected.maximum.is_none_or(|limit| ty.maximum.is_some_and(|m| m <= limit));
    let fits = ty.element == expected.element
        && ty.table64 == expected.table64
        && size >= expected.minimum
        && maximum_fits;
    (!fits).then(|| table_text(&TableType { minimum: size, ..*ty }))
}

fn check_memory(expected: &MemoryType, found: &MemoryEntity) -> Option<String> {
    let ty = found.ty();
    let mismatch = match ty.matches_import(found.size(), expected) {
        // R6: it is the entity that counts.
        Ok(()) if found.is_shared() != expected.is_shared() => ImportMismatch::Shared,
        Ok(()) => return None,
        Err(mismatch) => mismatch,
    };
    Some(format!("{} ({mismatch})", memory_text(ty)))
}

fn check_global(
    types: &TypeRegistry,
    expected: &GlobalType,
    found: &GlobalEntity,
) -> Option<String> {
    let ty = &found.ty;
    let contents_fit = if expected.mutable {
        ty.content == expected.content
    } else {
        types.is_subtype(ty.content, expected.content)
    };
    (ty.mutable != expected.mutable || !contents_fit).then(|| global_text(ty))
}

/// What a type is called in messages.
fn describe(ty: &ExternType) -> String {
    match ty {
        ExternType::Func(ty) => func_text(ty),
        ExternType::Table(ty) => table_text(ty),
        ExternType::Memory(ty) => memory_text(ty),
        ExternType::Global(ty) => global_text(ty),
        ExternType::Tag(ty) => tag_text(ty.ty()),
    }
}

fn func_text(ty: &FuncType) -> String {
    format!("a function of type {ty}")
}

fn tag_text(ty: &FuncType) -> String {
    format!("a tag of type {ty}")
}

fn table_text(ty: &TableType) -> String {
    let table = if ty.table64 { "64-bit table" } else { "table" };
    let maximum = ty.maximum.map_or(String::new(), |maximum| format!(" and at most {maximum}"));
    format!("a {table} of at least {}{maximum} elements of type {}", ty.minimum, ty.element)
}

fn memory_text(ty: &MemoryType) -> String {
    let maximum = ty.maximum().map_or(String::new(), |pages| format!(" and at most {pages}"));
    let shared = if ty.is_shared() { "shared " } else { "" };
    format!("a {shared}memory of at least {}{maximum}", ty.minimum())
}

fn global_text(ty: &GlobalType) -> String {
    let mutability = if ty.mutable { "a mutable" } else { "an immutable" };
    format!("{mutability} global of type {}", ty.content)
}
