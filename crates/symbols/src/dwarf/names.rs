//! What things are called.

use gimli::Result;

use super::unit::{Dwarf, Place, for_each};
use crate::demangle;

/// How many entries are looked at for a name: each may refer to another.
const MAX_HOPS: usize = 16;

/// The name of a function, demangled.
pub(super) fn of_function<'a>(dwarf: &Dwarf<'a>, place: Place<'a>) -> Option<String> {
    let (linkage_name, name) = names(dwarf, place);
    Some(demangle(&linkage_name.or(name)?).into_owned())
}

/// The name that the linker knows something by, and that of the source.
pub(super) fn names<'a>(dwarf: &Dwarf<'a>, place: Place<'a>) -> (Option<String>, Option<String>) {
    let mut name = None;
    let mut next = Some(place);
    for _ in 0..MAX_HOPS {
        let Some(place) = next else { break };
        let mut found = Found::default();
        // Names that were found before something damaged are good.
        let _ = look(dwarf, &place, &mut found);
        if found.linkage_name.is_some() {
            return (found.linkage_name, name.or(found.name));
        }
        name = name.or(found.name);
        next = found.next;
    }
    (None, name)
}

/// The names that an entry has itself, and the entry to look at next.
#[derive(Default)]
struct Found<'a> {
    linkage_name: Option<String>,
    name: Option<String>,
    next: Option<Place<'a>>,
}

fn look<'a>(dwarf: &Dwarf<'a>, place: &Place<'a>, found: &mut Found<'a>) -> Result<()> {
    let mut entries = place.unit.entries(Some(place.entry))?;
    let Some(abbreviation) = entries.read_abbreviation()? else { return Ok(()) };
    for_each(&mut entries, abbreviation, |attribute| {
        match attribute.name() {
            gimli::DW_AT_linkage_name | gimli::DW_AT_MIPS_linkage_name => {
                found.linkage_name = dwarf.text(&place.unit, attribute.value());
            }
            gimli::DW_AT_name => found.name = dwarf.text(&place.unit, attribute.value()),
            gimli::DW_AT_abstract_origin | gimli::DW_AT_specification => {
                found.next = dwarf.follow(&place.unit, attribute.value())?;
            }
            _ => {}
        }
        Ok(())
    })
}
