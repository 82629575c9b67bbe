//! Variables with a fixed address.

use std::rc::Rc;

use gimli::{AttributeValue, Operation, Result, UnitOffset};

use super::Section;
use super::names;
use super::unit::{Dwarf, Place, Unit, attribute, for_each};
use crate::{DataSymbol, demangle};

/// How many types are looked at for a size: an array is of a type, which may stand for another.
const MAX_HOPS: usize = 16;

/// The variables of all units, as far as they make sense.
pub(super) fn read<'a>(dwarf: &Dwarf<'a>) -> Vec<DataSymbol> {
    let mut variables = Vec::new();
    let mut headers = dwarf.sections.units();
    while let Ok(Some(header)) = headers.next() {
        let offset = header.debug_info_offset();
        if let Some(unit) = offset.and_then(|offset| dwarf.unit(offset.0).ok()) {
            // What was found before something damaged is good.
            let _ = list(dwarf, &unit, &mut variables);
        }
    }
    variables
}

fn list<'a>(dwarf: &Dwarf<'a>, unit: &Rc<Unit<'a>>, variables: &mut Vec<DataSymbol>) -> Result<()> {
    // The namespaces, types and functions around an entry, by depth.
    let mut scopes: Vec<(isize, UnitOffset)> = Vec::new();
    let mut entries = unit.entries(None)?;
    while !entries.is_empty() {
        let (depth, offset) = (entries.next_depth(), entries.next_offset());
        let Some(abbreviation) = entries.read_abbreviation()? else { continue };
        dwarf.fuel.burn(1)?;
        while scopes.last().is_some_and(|&(outer, _)| outer >= depth) {
            scopes.pop();
        }
        match abbreviation.tag() {
            gimli::DW_TAG_namespace
            | gimli::DW_TAG_subprogram
            | gimli::DW_TAG_class_type
            | gimli::DW_TAG_structure_type => scopes.push((depth, offset)),
            gimli::DW_TAG_variable => {
                let (mut addr, mut ty) = (None, None);
                for_each(&mut entries, abbreviation, |attribute| {
                    match attribute.name() {
                        gimli::DW_AT_location => addr = fixed(dwarf, unit, attribute.value())?,
                        gimli::DW_AT_type => ty = dwarf.follow(unit, attribute.value())?,
                        _ => {}
                    }
                    Ok(())
                })?;
                let Some(addr) = addr else { continue };
                let place = Place { unit: unit.clone(), entry: offset };
                // A static member or a declared variable says elsewhere what it is.
                let elsewhere = || attribute(&place, gimli::DW_AT_specification).ok().flatten();
                if ty.is_none()
                    && let Some(declared) = elsewhere()
                    && let Some(declared) = dwarf.follow(unit, declared)?
                    && let Some(value) = attribute(&declared, gimli::DW_AT_type)?
                {
                    ty = dwarf.follow(&declared.unit, value)?;
                }
                let Some(name) = name(dwarf, place, &scopes) else { continue };
                let size_bytes = ty.and_then(|ty| size_of(dwarf, ty).ok().flatten());
                variables.push(DataSymbol::variable(name, addr, size_bytes));
                continue;
            }
            _ => {}
        }
        entries.skip_attributes(abbreviation.attributes())?;
    }
    Ok(())
}

/// A variable's name with what is around it.
fn name<'a>(dwarf: &Dwarf<'a>, place: Place<'a>, scopes: &[(isize, UnitOffset)]) -> Option<String> {
    let unit = place.unit.clone();
    let (linkage_name, name) = names::names(dwarf, place);
    if let Some(linkage_name) = linkage_name {
        return Some(demangle(&linkage_name).into_owned());
    }
    let name = name?;
    let mut path = String::new();
    for &(_, entry) in scopes {
        let (_, scope) = names::names(dwarf, Place { unit: unit.clone(), entry });
        dwarf.fuel.burn(path.len()).ok()?;
        path.push_str(scope.as_deref().unwrap_or("(anonymous namespace)"));
        path.push_str("::");
    }
    Some(path + &name)
}

/// The address in a location, if it is always the same one.
fn fixed<'a>(
    dwarf: &Dwarf<'a>,
    unit: &Unit<'a>,
    location: AttributeValue<Section<'a>>,
) -> Result<Option<u64>> {
    let AttributeValue::Exprloc(expression) = location else { return Ok(None) };
    let mut operations = expression.operations(unit.parsed.encoding());
    let addr = match operations.next()? {
        Some(Operation::Address { address }) => address,
        Some(Operation::AddressIndex { index }) => dwarf.sections.address(&unit.parsed, index)?,
        _ => return Ok(None),
    };
    let offset = match operations.next()? {
        None => 0,
        Some(Operation::PlusConstant { value }) if operations.next()?.is_none() => value,
        _ => return Ok(None),
    };
    // Linkers say of removed variables that they lie at 0, −1 or −2.
    let is_removed = addr == 0 || unit.parsed.header.is_tombstone_address(addr);
    Ok(if is_removed { None } else { addr.checked_add(offset) })
}

/// The size of a type, in bytes.
fn size_of<'a>(dwarf: &Dwarf<'a>, ty: Place<'a>) -> Result<Option<u64>> {
    let mut place = ty;
    let mut count: u64 = 1;
    for _ in 0..MAX_HOPS {
        let mut entries = place.unit.entries(Some(place.entry))?;
        let depth = entries.next_depth();
        let Some(abbreviation) = entries.read_abbreviation()? else { return Ok(None) };
        let (mut size_bytes, mut of) = (None, None);
        for_each(&mut entries, abbreviation, |attribute| {
            match attribute.name() {
                gimli::DW_AT_byte_size => size_bytes = attribute.udata_value(),
                gimli::DW_AT_type => of = dwarf.follow(&place.unit, attribute.value())?,
                _ => {}
            }
            Ok(())
        })?;
        if let Some(size_bytes) = size_bytes {
            return Ok(count.checked_mul(size_bytes));
        }
        match abbreviation.tag() {
            gimli::DW_TAG_array_type => {
                while !entries.is_empty() && entries.next_depth() > depth {
                    let Some(abbreviation) = entries.read_abbreviation()? else { continue };
                    let mut elements = None;
                    for_each(&mut entries, abbreviation, |attribute| {
                        match attribute.name() {
                            gimli::DW_AT_count => elements = attribute.udata_value(),
                            gimli::DW_AT_upper_bound => {
                                elements = attribute.udata_value().and_then(|it| it.checked_add(1));
                            }
                            _ => {}
                        }
                        Ok(())
                    })?;
                    if abbreviation.tag() == gimli::DW_TAG_subrange_type {
                        let product = elements.and_then(|elements| count.checked_mul(elements));
                        let Some(product) = product else { return Ok(None) };
                        count = product;
                    }
                }
            }
            gimli::DW_TAG_pointer_type | gimli::DW_TAG_reference_type => {
                return Ok(count.checked_mul(place.unit.parsed.header.address_size().into()));
            }
            _ => {}
        }
        let Some(next) = of else { return Ok(None) };
        place = next;
    }
    Ok(None)
}
