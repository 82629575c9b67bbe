//! Lines, inlined functions and variables from DWARF.
//!
//! Addresses of code count from the start of the code section's contents. Linkers give removed
//! code the address 0, −1 or −2: no function can lie there, so whatever says so is left out.
//!
//! The DWARF that `gimli` parses is walked here without recursion and with bounded
//! [fuel](reader::Fuel), since a module may hold any bytes. What an address needs of a unit is kept
//! in tables of its own, so that a unit is read once.

mod functions;
mod lines;
mod names;
mod reader;
mod unit;
mod variables;

use std::sync::OnceLock;

use lineal_decoder::Module as Decoded;

use super::{DataSymbol, FrameSymbol};
use functions::Functions;
use lines::Lines;
use reader::{Fuel, Section};
use unit::{Dwarf, Unit};

/// The units of a module's DWARF, and what was read of each.
#[derive(Debug)]
pub(super) struct Index {
    units: Box<[UnitIndex]>,
    /// Which unit says that it holds the code from an address to another; by the first.
    ranges: Box<[(Range, usize)]>,
}

/// Addresses of code, the first and the one after the last.
type Range = (u64, u64);

#[derive(Debug)]
struct UnitIndex {
    /// Where the unit begins in the section.
    offset: usize,
    functions: OnceLock<Functions>,
    lines: OnceLock<Lines>,
}

impl Index {
    /// Lists the units; `None` if there is none.
    pub(super) fn read(module: &Decoded) -> Option<Index> {
        module.custom_section(".debug_info")?;
        let fuel = fuel(module);
        let dwarf = Dwarf::load(module, &fuel);
        let (mut units, mut ranges) = (Vec::new(), Vec::new());
        // A damaged unit does not spoil those before it.
        let mut headers = dwarf.sections.units();
        while let Ok(Some(header)) = headers.next() {
            let Some(offset) = header.debug_info_offset() else { continue };
            let index = units.len();
            units.push(UnitIndex {
                offset: offset.0,
                functions: OnceLock::new(),
                lines: OnceLock::new(),
            });
            let Ok(unit) = dwarf.unit(offset.0) else { continue };
            let mut of_unit = unit.ranges(&dwarf).unwrap_or_default();
            if of_unit.is_empty() {
                let functions = units[index].functions(&dwarf, &unit);
                of_unit.extend(functions.ranges());
            }
            ranges.extend(of_unit.into_iter().map(|range| (range, index)));
        }
        ranges.sort_unstable();
        (!units.is_empty()).then(|| Index { units: units.into(), ranges: ranges.into() })
    }

    /// Where the instruction at an address comes from, innermost inlined function first.
    pub(super) fn locate(&self, module: &Decoded, address: u64) -> Vec<FrameSymbol> {
        let fuel = fuel(module);
        let dwarf = Dwarf::load(module, &fuel);
        let units = self.units_at(address).filter_map(|index| {
            let index = &self.units[index];
            index.locate(&dwarf, address).ok().filter(|symbols| !symbols.is_empty())
        });
        units.into_iter().next().unwrap_or_default()
    }

    /// The units that say that they hold an address.
    fn units_at(&self, address: u64) -> impl Iterator<Item = usize> {
        let after = self.ranges.partition_point(|((begin, _), _)| *begin <= address);
        // Ranges of sane units do not overlap, so the first one is it.
        let candidates = self.ranges[..after].iter().rev();
        candidates.filter(move |((_, end), _)| address < *end).map(|&(_, index)| index).take(4)
    }
}

impl UnitIndex {
    fn locate<'a>(&self, dwarf: &Dwarf<'a>, address: u64) -> gimli::Result<Vec<FrameSymbol>> {
        let unit = dwarf.unit(self.offset)?;
        let lines = self.lines(dwarf, &unit);
        let place = lines.find(address);
        let Some(function) = self.functions(dwarf, &unit).find(address) else {
            return Ok(place.map(|place| lines.symbol(None, place)).into_iter().collect());
        };
        let chain = functions::calls(dwarf, &unit, function, address)?;
        let mut place = place.unwrap_or_default();
        let mut symbols = Vec::with_capacity(chain.len());
        for call in chain.into_iter().rev() {
            symbols.push(lines.symbol(call.name, place));
            place = call.place;
        }
        Ok(symbols)
    }

    fn functions<'a>(&self, dwarf: &Dwarf<'a>, unit: &Unit<'a>) -> &Functions {
        self.functions.get_or_init(|| Functions::read(dwarf, unit))
    }

    fn lines<'a>(&self, dwarf: &Dwarf<'a>, unit: &Unit<'a>) -> &Lines {
        self.lines.get_or_init(|| Lines::read(dwarf, unit))
    }
}

/// The variables with a fixed address.
pub(super) fn variables(module: &Decoded) -> Vec<DataSymbol> {
    // Addresses of code that is placed at run time are not those in memory.
    let is_placed_later = module.imports.iter().any(|import| &*import.name == "__memory_base");
    if is_placed_later || module.custom_section(".debug_info").is_none() {
        return Vec::new();
    }
    let fuel = fuel(module);
    variables::read(&Dwarf::load(module, &fuel))
}

/// Enough for everything that compilers write.
fn fuel(module: &Decoded) -> Fuel {
    let debug = module.custom_sections().filter(|(name, _)| name.starts_with(".debug"));
    let bytes: usize = debug.map(|(_, contents)| contents.len()).sum();
    Fuel::new((1 << 16) + 64 * bytes as u64)
}
