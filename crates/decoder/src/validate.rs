//! Validation: one walk over the binary, in which nothing is seen before it is known to be valid.
//! Function bodies are left out of it. They depend on nothing that comes after them, so they can be
//! validated in any order and on any thread.

use std::{fmt, mem};

use wasmparser::{
    BinaryReader, FuncToValidate, FuncValidatorAllocations, Parser, Payload, SectionLimited,
    ValidPayload, Validator, ValidatorResources, WasmFeatures, WasmModuleResources,
};

use crate::convert;
use crate::error::Error;
use crate::features::Features;
use crate::module::{FuncBody, ModuleParts};
use crate::steps;
use crate::visit::{BodyVisitor, NoVisitor, Visited, visit_operator};

/// Validates all of a binary but the bodies, and shows each part to `part` as soon as it has been
/// validated.
///
/// # Errors
///
/// Returns the first error. If a body before it is invalid, that error is the first.
pub(crate) fn walk<'a>(
    bytes: &'a [u8],
    flags: WasmFeatures,
    part: impl FnMut(Payload<'a>) -> Result<(), Error>,
) -> Result<(Vec<FuncBody>, UnvalidatedBodies), Error> {
    let mut bodies = Vec::new();
    let mut unvalidated = UnvalidatedBodies { resources: None, first: 0, flags };
    match walk_sections(bytes, part, &mut bodies, &mut unvalidated) {
        Ok(()) => Ok((bodies, unvalidated)),
        Err(error) => {
            unvalidated.check_all(bytes, &bodies)?;
            Err(error)
        }
    }
}

fn walk_sections<'a>(
    bytes: &'a [u8],
    mut part: impl FnMut(Payload<'a>) -> Result<(), Error>,
    bodies: &mut Vec<FuncBody>,
    unvalidated: &mut UnvalidatedBodies,
) -> Result<(), Error> {
    check_magic(bytes)?;
    let mut validator = Validator::new_with_features(unvalidated.flags);
    let mut parser = Parser::new(0);
    parser.set_features(unvalidated.flags);
    for payload in parser.parse_all(bytes) {
        steps::count(1);
        let payload = payload?;
        check_count(&payload)?;
        match validator.payload(&payload)? {
            ValidPayload::Func(func, body) => {
                bodies.push(FuncBody { range: convert::range(body.range()) });
                if unvalidated.resources.is_none() {
                    unvalidated.first = func.index;
                    unvalidated.resources = Some(func.resources);
                }
            }
            _ => part(payload)?,
        }
    }
    Ok(())
}

/// Whether the bytes begin as a module does. Those of another file often show what they are.
fn check_magic(bytes: &[u8]) -> Result<(), Error> {
    let expected = b"\0asm";
    let Some(found) = bytes.first_chunk().filter(|&found| found != expected) else { return Ok(()) };
    let [a, b, c, d] = found;
    let text = found.escape_ascii();
    Err(Error::binary(
        0,
        format!(
            "magic header not detected: a module begins with 00 61 73 6d (\\0asm), \
             but these bytes begin with {a:02x} {b:02x} {c:02x} {d:02x} ({text})"
        ),
    ))
}

/// The function bodies of a module that is valid otherwise; see
/// [`Module::without_bodies`](crate::Module::without_bodies).
#[derive(Clone, Debug)]
pub struct UnvalidatedBodies {
    /// What a body can refer to; `None` if there are no bodies.
    resources: Option<ValidatorResources>,
    /// The function that the first body belongs to.
    first: u32,
    flags: WasmFeatures,
}

impl UnvalidatedBodies {
    /// What validates the bodies, which are those of `module`, one after the other.
    pub fn validator<'a>(&'a self, module: &'a ModuleParts) -> BodyValidator<'a> {
        BodyValidator::new(self, &module.bytes, &module.bodies)
    }

    /// Validates all bodies, which are those of `module`.
    ///
    /// # Errors
    ///
    /// Returns the error in the first body that is invalid.
    pub fn validate_all(&self, module: &ModuleParts) -> Result<(), Error> {
        self.check_all(&module.bytes, &module.bodies)
    }

    fn check_all(&self, bytes: &[u8], bodies: &[FuncBody]) -> Result<(), Error> {
        let mut validator = BodyValidator::new(self, bytes, bodies);
        (0..bodies.len() as u32).try_for_each(|index| validator.validate(index, &mut NoVisitor))
    }
}

/// Validates function bodies of one module, with memory that it uses again for each.
pub struct BodyValidator<'a> {
    unvalidated: &'a UnvalidatedBodies,
    bytes: &'a [u8],
    bodies: &'a [FuncBody],
    allocations: FuncValidatorAllocations,
}

impl<'a> BodyValidator<'a> {
    fn new(unvalidated: &'a UnvalidatedBodies, bytes: &'a [u8], bodies: &'a [FuncBody]) -> Self {
        BodyValidator {
            unvalidated,
            bytes,
            bodies,
            allocations: FuncValidatorAllocations::default(),
        }
    }

    /// Validates a body and shows its operators to a visitor. `index` counts functions with bodies.
    ///
    /// # Errors
    ///
    /// Returns the first error in the body. What was visited then means nothing.
    ///
    /// # Panics
    ///
    /// Panics if there is no such body.
    pub fn validate(&mut self, index: u32, visitor: &mut impl BodyVisitor) -> Result<(), Error> {
        let UnvalidatedBodies { resources, first, flags } = self.unvalidated;
        let range = self.bodies[index as usize].range.clone();
        let index = first + index;
        let ty = resources.as_ref().and_then(|known| known.type_index_of_function(index));
        let (Some(resources), Some(ty)) = (resources, ty) else {
            panic!("function {index} does not belong to the module that was decoded");
        };
        let func = FuncToValidate { resources, index, ty, features: *flags };
        visitor.begin();
        let mut validator = func.into_validator(mem::take(&mut self.allocations));
        let (body, offset) = (&self.bytes[range.clone()], range.start as u64);
        let mut reader = BinaryReader::new_features(body, offset, *flags);
        validator.read_locals(&mut reader)?;
        while !reader.eof() {
            steps::count(1);
            let offset = reader.original_position();
            visitor.at(offset as u32);
            let mut visited = Visited::new(validator.visitor(offset), visitor);
            visit_operator(&mut reader, self.bytes, &mut visited)??;
        }
        let offset = reader.original_position();
        reader.finish_expression(&validator.visitor(offset))?;
        visitor.end();
        self.allocations = validator.into_allocations();
        Ok(())
    }
}

impl fmt::Debug for BodyValidator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyValidator").finish_non_exhaustive()
    }
}

/// Refuses a section that declares more items than its bytes can hold.
///
/// The validator makes room for the declared count, so this comes first.
fn check_count(payload: &Payload<'_>) -> Result<(), Error> {
    // The second number is the shortest encoding of an item, in bytes.
    match payload {
        Payload::TypeSection(section) => check_section(section, 2),
        Payload::ImportSection(section) => check_section(section, 3),
        Payload::FunctionSection(section) => check_section(section, 1),
        Payload::TableSection(section) => check_section(section, 3),
        Payload::MemorySection(section) => check_section(section, 2),
        Payload::TagSection(section) => check_section(section, 2),
        Payload::GlobalSection(section) => check_section(section, 3),
        Payload::ExportSection(section) => check_section(section, 3),
        Payload::ElementSection(section) => check_section(section, 2),
        Payload::DataSection(section) => check_section(section, 2),
        _ => Ok(()),
    }
}

fn check_section<T>(section: &SectionLimited<'_, T>, item_bytes: u64) -> Result<(), Error> {
    let range = section.range();
    if u64::from(section.count()) * item_bytes <= range.end - range.start {
        return Ok(());
    }
    Err(Error::binary(range.start, format!("{} items do not fit the section", section.count())))
}

/// Finds the proposal that an error is about, if the error does not name it: one that lets validation
/// get further when it is switched on. If that takes several, the result is one of them.
pub(crate) fn find_missing_proposal(error: Error, bytes: &[u8], features: &Features) -> Error {
    if error.missing_proposal().is_some() {
        return error;
    }
    let further = |flags| match check(bytes, flags) {
        Ok(()) => true,
        Err(later) => later.offset() > error.offset(),
    };
    // Most modules are wrong whatever is switched on, so this comes first. Proposals that are
    // still changing can get into the way of others, hence two attempts.
    let most = features.flags() | WasmFeatures::WASM3;
    let Some(everything) = [most, WasmFeatures::all()].into_iter().find(|&all| further(all)) else {
        return error;
    };
    let suffices = |flag| further(features.flags() | flag);
    let is_needed = |flag| !further(everything - flag);
    let missing = features
        .absent()
        .find(|&(flag, _)| suffices(flag))
        .or_else(|| features.absent().find(|&(flag, _)| is_needed(flag)));
    error.with_missing(missing.map(|(_, name)| name))
}

fn check(bytes: &[u8], flags: WasmFeatures) -> Result<(), Error> {
    let (bodies, unvalidated) = walk(bytes, flags, |_| Ok(()))?;
    unvalidated.check_all(bytes, &bodies)
}
