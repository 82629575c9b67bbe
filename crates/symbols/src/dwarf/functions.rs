//! Functions by address, and what is inlined where.

use std::rc::Rc;

use gimli::{AttributeValue, Result, UnitOffset};

use super::lines::Row;
use super::names;
use super::unit::{Dwarf, Extent, Place, Unit, for_each};
use super::{Range, Section};

/// The functions of a unit that have code.
#[derive(Debug, Default)]
pub(super) struct Functions {
    /// By address.
    functions: Box<[(Range, UnitOffset)]>,
}

/// A function that holds an address: the whole one, or one that was inlined in it.
pub(super) struct Call {
    /// How deep its entry is nested.
    depth: isize,
    /// Its name, demangled.
    pub(super) name: Option<String>,
    /// Where it was called, if it was inlined.
    pub(super) place: Row,
}

impl Functions {
    /// Lists the functions, as far as the unit makes sense.
    pub(super) fn read<'a>(dwarf: &Dwarf<'a>, unit: &Unit<'a>) -> Functions {
        let mut functions = Vec::new();
        // What was found before something damaged is good.
        let _ = Functions::list(dwarf, unit, &mut functions);
        functions.sort_unstable_by_key(|&(range, UnitOffset(offset))| (range, offset));
        Functions { functions: functions.into() }
    }

    fn list<'a>(
        dwarf: &Dwarf<'a>,
        unit: &Unit<'a>,
        functions: &mut Vec<(Range, UnitOffset)>,
    ) -> Result<()> {
        let mut entries = unit.entries(None)?;
        while !entries.is_empty() {
            let offset = entries.next_offset();
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            if abbreviation.tag() != gimli::DW_TAG_subprogram {
                entries.skip_attributes(abbreviation.attributes())?;
                dwarf.fuel.burn(1)?;
                continue;
            }
            let mut extent = Extent::default();
            for_each(&mut entries, abbreviation, |attribute| extent.add(dwarf, unit, attribute))?;
            extent.for_each(dwarf, unit, |range| functions.push((range, offset)))?;
        }
        Ok(())
    }

    /// The addresses of the functions.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Range> {
        self.functions.iter().map(|&(range, _)| range)
    }

    /// The entry of the function that holds an address.
    pub(super) fn find(&self, address: u64) -> Option<UnitOffset> {
        let after = self.functions.partition_point(|((begin, _), _)| *begin <= address);
        let ((_, end), offset) = *self.functions.get(after.checked_sub(1)?)?;
        (address < end).then_some(offset)
    }
}

/// The function, and in it from outside to inside the inlined ones, that hold an address.
pub(super) fn calls<'a>(
    dwarf: &Dwarf<'a>,
    unit: &Rc<Unit<'a>>,
    function: UnitOffset,
    address: u64,
) -> Result<Vec<Call>> {
    let mut entries = unit.entries(Some(function))?;
    let place = |entry| Place { unit: unit.clone(), entry };
    let depth = entries.next_depth();
    let name = names::of_function(dwarf, place(function));
    let mut calls = vec![Call { depth, name, place: Row::default() }];
    if let Some(abbreviation) = entries.read_abbreviation()? {
        entries.skip_attributes(abbreviation.attributes())?;
    }
    // The depth of a function inside this one that is not called here.
    let mut other: Option<isize> = None;
    while !entries.is_empty() {
        let (depth, offset) = (entries.next_depth(), entries.next_offset());
        // What comes after the innermost function that holds the address does not hold it.
        if calls.last().is_none_or(|innermost| depth <= innermost.depth) {
            break;
        }
        let Some(abbreviation) = entries.read_abbreviation()? else { continue };
        dwarf.fuel.burn(1)?;
        other = other.filter(|&other| depth > other);
        if other.is_none() && abbreviation.tag() == gimli::DW_TAG_subprogram {
            other = Some(depth);
        }
        if other.is_some() || abbreviation.tag() != gimli::DW_TAG_inlined_subroutine {
            entries.skip_attributes(abbreviation.attributes())?;
            continue;
        }
        let (mut extent, mut row) = (Extent::default(), Row::default());
        for_each(&mut entries, abbreviation, |attribute| {
            let number = || attribute.udata_value().and_then(|value| u32::try_from(value).ok());
            match attribute.name() {
                gimli::DW_AT_call_file => row.file = file_index(unit, &attribute.value()),
                gimli::DW_AT_call_line => row.line = number().unwrap_or(0),
                gimli::DW_AT_call_column => row.column = number().unwrap_or(0),
                _ => extent.add(dwarf, unit, attribute)?,
            }
            Ok(())
        })?;
        let mut holds = false;
        extent.for_each(dwarf, unit, |(begin, end)| holds |= (begin..end).contains(&address))?;
        if holds {
            let name = names::of_function(dwarf, place(offset));
            calls.push(Call { depth, name, place: row });
        }
    }
    Ok(calls)
}

/// The index of a file; before version 5, 0 says that it is not known.
fn file_index(unit: &Unit<'_>, value: &AttributeValue<Section<'_>>) -> Option<u64> {
    let index = match *value {
        AttributeValue::FileIndex(index) => index,
        _ => value.udata_value()?,
    };
    (index > 0 || unit.parsed.header.version() >= 5).then_some(index)
}
