//! Validation: one walk over the binary, in which nothing is seen before it is known to be valid.

use std::mem;

use wasmparser::{
    FuncToValidate, FuncValidatorAllocations, FunctionBody, Parser, Payload, SectionLimited,
    ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

use crate::error::Error;
use crate::features::Features;
use crate::observe::{BodyObserver, Ignore, Observed, visit_operator};

/// What [`walk`] shows the parts of a binary to.
pub(crate) trait Visit<'a> {
    /// That of [`observer`](Self::observer).
    type Observer: BodyObserver;

    /// Takes a part that is valid; for a function, its operators were seen before.
    fn part(&mut self, payload: Payload<'a>) -> Result<(), Error>;

    /// What sees the operators.
    fn observer(&mut self) -> &mut Self::Observer;
}

/// Validates a binary and shows each part to `visit` as soon as it has been validated.
pub(crate) fn walk<'a>(
    bytes: &'a [u8],
    flags: WasmFeatures,
    visit: &mut impl Visit<'a>,
) -> Result<(), Error> {
    let mut validator = Validator::new_with_features(flags);
    let mut allocations = FuncValidatorAllocations::default();
    let mut parser = Parser::new(0);
    parser.set_features(flags);
    for payload in parser.parse_all(bytes) {
        let payload = payload?;
        check_count(&payload)?;
        if let ValidPayload::Func(func, body) = validator.payload(&payload)? {
            check_body(func, bytes, &body, &mut allocations, visit.observer())?;
        }
        visit.part(payload)?;
    }
    Ok(())
}

fn check_body(
    func: FuncToValidate<ValidatorResources>,
    binary: &[u8],
    body: &FunctionBody<'_>,
    allocations: &mut FuncValidatorAllocations,
    observer: &mut impl BodyObserver,
) -> Result<(), Error> {
    observer.begin();
    let mut validator = func.into_validator(mem::take(allocations));
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    while !reader.eof() {
        let offset = reader.original_position();
        observer.at(offset as u32);
        let mut visitor = Observed::new(validator.visitor(offset), observer);
        visit_operator(&mut reader, binary, &mut visitor)??;
    }
    let offset = reader.original_position();
    reader.finish_expression(&validator.visitor(offset))?;
    observer.end();
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

/// Finds the proposal whose absence is behind an error, if the error does not know it itself.
///
/// That is one whose presence lets validation get further; or, if several are needed for that,
/// one of them.
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
    walk(bytes, flags, &mut Check(Ignore))
}

/// Looks at nothing.
struct Check(Ignore);

impl<'a> Visit<'a> for Check {
    type Observer = Ignore;

    fn part(&mut self, _: Payload<'a>) -> Result<(), Error> {
        Ok(())
    }

    fn observer(&mut self) -> &mut Ignore {
        &mut self.0
    }
}
