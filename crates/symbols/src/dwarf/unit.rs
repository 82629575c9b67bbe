//! The sections, the units in them, and what their entries have in common.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use gimli::{
    Abbreviation, Attribute, AttributeValue, DebugInfoOffset, DwAt, EntriesRaw, Error, Result,
    UnitOffset,
};
use lineal_decoder::Module as Decoded;

use super::{Fuel, Range, Section};

/// How many bytes of a name or path are kept.
const MAX_TEXT_BYTES: usize = 1 << 16;

/// A module's DWARF, while it is read.
pub(super) struct Dwarf<'a> {
    pub(super) sections: gimli::Dwarf<Section<'a>>,
    pub(super) fuel: &'a Fuel,
    /// The units that were needed, by where they begin.
    units: RefCell<HashMap<usize, Option<Rc<Unit<'a>>>>>,
}

/// A unit.
#[derive(Debug)]
pub(super) struct Unit<'a> {
    pub(super) parsed: gimli::Unit<Section<'a>>,
}

/// Where something is in the DWARF: a unit, and an entry of it.
#[derive(Clone)]
pub(super) struct Place<'a> {
    pub(super) unit: Rc<Unit<'a>>,
    pub(super) entry: UnitOffset,
}

impl<'a> Dwarf<'a> {
    pub(super) fn load(module: &'a Decoded, fuel: &'a Fuel) -> Dwarf<'a> {
        let section = |id: gimli::SectionId| {
            let bytes = module.custom_section(id.name()).unwrap_or(&[]);
            Ok::<_, std::convert::Infallible>(Section::new(bytes, fuel))
        };
        let Ok(sections) = gimli::Dwarf::load(section);
        Dwarf { sections, fuel, units: RefCell::default() }
    }

    /// The unit that begins at an offset in the section.
    pub(super) fn unit(&self, offset: usize) -> Result<Rc<Unit<'a>>> {
        if let Some(known) = self.units.borrow().get(&offset) {
            return known.clone().ok_or(Error::MissingUnitDie);
        }
        let header = self.sections.unit_header(DebugInfoOffset(offset));
        let unit = header.and_then(|header| self.sections.unit(header));
        let unit = unit.map(|parsed| Rc::new(Unit { parsed }));
        self.units.borrow_mut().insert(offset, unit.as_ref().ok().cloned());
        unit
    }

    /// The unit that holds an offset in the section.
    fn unit_around(&self, offset: usize) -> Result<Rc<Unit<'a>>> {
        let mut headers = self.sections.units();
        while let Some(header) = headers.next()? {
            let start = header.debug_info_offset().ok_or(Error::MissingUnitDie)?.0;
            if (start..start.saturating_add(header.length_including_self())).contains(&offset) {
                return self.unit(start);
            }
        }
        Err(Error::NoEntryAtGivenOffset(offset as u64))
    }

    /// The entry that an attribute refers to.
    pub(super) fn follow(
        &self,
        unit: &Rc<Unit<'a>>,
        value: AttributeValue<Section<'a>>,
    ) -> Result<Option<Place<'a>>> {
        match value {
            AttributeValue::UnitRef(entry) => Ok(Some(Place { unit: unit.clone(), entry })),
            AttributeValue::DebugInfoRef(offset) => {
                let unit = self.unit_around(offset.0)?;
                let entry = offset.to_unit_offset(&unit.parsed.header);
                Ok(entry.map(|entry| Place { unit, entry }))
            }
            _ => Ok(None),
        }
    }

    /// An attribute's text.
    pub(super) fn text(
        &self,
        unit: &Unit<'a>,
        value: AttributeValue<Section<'a>>,
    ) -> Option<String> {
        let section = self.sections.attr_string(&unit.parsed, value).ok()?;
        let text = section.text().ok()?;
        Some(text[..text.floor_char_boundary(MAX_TEXT_BYTES)].to_owned())
    }
}

impl<'a> Unit<'a> {
    /// The unit's entries, from one on.
    pub(super) fn entries(&self, from: Option<UnitOffset>) -> Result<EntriesRaw<'_, Section<'a>>> {
        self.parsed.entries_raw(from)
    }

    /// The addresses that the unit says it holds.
    pub(super) fn ranges(&self, dwarf: &Dwarf<'a>) -> Result<Vec<Range>> {
        let mut entries = self.entries(None)?;
        let mut extent = Extent::default();
        if let Some(abbreviation) = entries.read_abbreviation()? {
            for_each(&mut entries, abbreviation, |attribute| extent.add(dwarf, self, attribute))?;
        }
        let mut ranges = Vec::new();
        extent.for_each(dwarf, self, |range| ranges.push(range))?;
        Ok(ranges)
    }
}

/// Shows each attribute of the entry that was just begun.
pub(super) fn for_each<'a>(
    entries: &mut EntriesRaw<'_, Section<'a>>,
    abbreviation: &Abbreviation,
    mut see: impl FnMut(&Attribute<Section<'a>>) -> Result<()>,
) -> Result<()> {
    for &specification in abbreviation.attributes() {
        see(&entries.read_attribute(specification)?)?;
    }
    Ok(())
}

/// The attributes of an entry that say which addresses it takes.
#[derive(Default)]
pub(super) struct Extent<'a> {
    low: Option<u64>,
    high: Option<u64>,
    size: Option<u64>,
    list: Option<AttributeValue<Section<'a>>>,
}

impl<'a> Extent<'a> {
    /// Takes note of an attribute, if it is one of those.
    pub(super) fn add(
        &mut self,
        dwarf: &Dwarf<'a>,
        unit: &Unit<'a>,
        attribute: &Attribute<Section<'a>>,
    ) -> Result<()> {
        let address = || dwarf.sections.attr_address(&unit.parsed, attribute.value());
        match attribute.name() {
            gimli::DW_AT_low_pc => self.low = address()?,
            gimli::DW_AT_high_pc => match attribute.value() {
                AttributeValue::Udata(size) => self.size = Some(size),
                _ => self.high = address()?,
            },
            gimli::DW_AT_ranges => self.list = Some(attribute.value()),
            _ => {}
        }
        Ok(())
    }

    /// Shows each range of addresses, except those of removed code.
    pub(super) fn for_each(
        self,
        dwarf: &Dwarf<'a>,
        unit: &Unit<'a>,
        mut see: impl FnMut(Range),
    ) -> Result<()> {
        let last = unit.parsed.header.address_size().min(8) * 8;
        let tombstone = (u64::MAX >> (64 - u32::from(last))) - 1;
        let mut see = |begin: u64, end: u64| {
            // The first bytes of the section are the number of functions.
            if begin != 0 && begin < tombstone && begin < end {
                see((begin, end));
            }
        };
        if let Some(list) = self.list {
            let Some(mut list) = dwarf.sections.attr_ranges(&unit.parsed, list)? else {
                return Ok(());
            };
            while let Some(range) = list.next()? {
                // Whoever asks may keep each of them.
                dwarf.fuel.burn(16)?;
                see(range.begin, range.end);
            }
        } else if let Some(begin) = self.low {
            let end = self.size.map_or(self.high, |size| begin.checked_add(size));
            see(begin, end.unwrap_or(begin));
        }
        Ok(())
    }
}

/// The value of an attribute of an entry.
pub(super) fn attribute<'a>(
    place: &Place<'a>,
    name: DwAt,
) -> Result<Option<AttributeValue<Section<'a>>>> {
    let mut entries = place.unit.entries(Some(place.entry))?;
    let mut found = None;
    if let Some(abbreviation) = entries.read_abbreviation()? {
        for_each(&mut entries, abbreviation, |attribute| {
            if attribute.name() == name {
                found = Some(attribute.value());
            }
            Ok(())
        })?;
    }
    Ok(found)
}
