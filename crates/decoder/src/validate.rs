//! Validation: one walk over the binary, in which nothing is seen before it is known to be valid.

use std::mem;

use wasmparser::{
    FuncToValidate, FuncValidatorAllocations, FunctionBody, Parser, Payload, SectionLimited,
    ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

use crate::error::Error;
use crate::features::Features;
use crate::visit::{BodyVisitor, NoVisitor, Visited, visit_operator};

/// What [`walk`] shows the parts of a binary to.
pub(crate) trait Parts<'a> {
    /// The type of [`visitor`](Self::visitor).
    type Visitor: BodyVisitor;

    /// Takes a part that is valid; for a function, its operators were seen before.
    fn part(&mut self, payload: Payload<'a>) -> Result<(), Error>;

    /// What sees the operators.
    fn visitor(&mut self) -> &mut Self::Visitor;
}

/// Validates a binary and shows each part to `parts` as soon as it has been validated.
pub(crate) fn walk<'a>(
    bytes: &'a [u8],
    flags: WasmFeatures,
    parts: &mut impl Parts<'a>,
) -> Result<(), Error> {
    let mut validator = Validator::new_with_features(flags);
    let mut allocations = FuncValidatorAllocations::default();
    let mut parser = Parser::new(0);
    parser.set_features(flags);
    for payload in parser.parse_all(bytes) {
        let payload = payload?;
        check_count(&payload)?;
        if let ValidPayload::Func(func, body) = validator.payload(&payload)? {
            check_body(func, bytes, &body, &mut allocations, parts.visitor())?;
        }
        parts.part(payload)?;
    }
    Ok(())
}

fn check_body(
    func: FuncToValidate<ValidatorResources>,
    binary: &[u8],
    body: &FunctionBody<'_>,
    allocations: &mut FuncValidatorAllocations,
    visitor: &mut impl BodyVisitor,
) -> Result<(), Error> {
    visitor.begin();
    let mut validator = func.into_validator(mem::take(allocations));
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    while !reader.eof() {
        let offset = reader.original_position();
        visitor.at(offset as u32);
        let mut visited = Visited::new(validator.visitor(offset), visitor);
        visit_operator(&mut reader, binary, &mut visited)??;
    }
    let offset = reader.original_position();
    reader.finish_expression(&validator.visitor(offset))?;
    visitor.end();
    *allocations = validator.into_allocations();
    Ok(())
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
    walk(bytes, flags, &mut Check(NoVisitor))
}

/// Looks at nothing.
struct Check(NoVisitor);

impl<'a> Parts<'a> for Check {
    type Visitor = NoVisitor;

    fn part(&mut self, _: Payload<'a>) -> Result<(), Error> {
        Ok(())
    }

    fn visitor(&mut self) -> &mut NoVisitor {
        &mut self.0
    }
}
