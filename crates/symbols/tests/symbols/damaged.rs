//! Debug information may hold any bytes: whatever they are, looking at them ends soon.

use std::time::{Duration, Instant};

use super::{Loaded, program};

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % end
    }
}

/// The contents of a module's sections of debug information, with their names.
fn debug_sections(module: &[u8]) -> Vec<(String, std::ops::Range<usize>)> {
    let payloads = wasmparser::Parser::new(0).parse_all(module);
    let sections = payloads.filter_map(|payload| match payload.unwrap() {
        wasmparser::Payload::CustomSection(section) if section.name().starts_with(".debug") => {
            let start = section.data_offset() as usize;
            Some((section.name().to_owned(), start..start + section.data().len()))
        }
        _ => None,
    });
    sections.collect()
}

/// Asks for everything.
fn look(module: &Loaded, len: usize) -> usize {
    let lines = (0..len).filter(|&offset| !module.locate(offset).is_empty()).count();
    lines + module.data().len()
}

fn changed_everywhere(name: &str, rounds: u64) {
    let original = std::fs::read(program(name)).unwrap();
    let sections = debug_sections(&original);
    assert!(sections.len() >= 5, "{name}");
    let complete = look(&Loaded::new(&original), original.len());
    let mut worst = Duration::ZERO;
    let mut lessened = 0;
    for round in 0..rounds {
        let mut random = Random(round);
        let mut bytes = original.clone();
        let (_, range) = &sections[random.below(sections.len())];
        for _ in 0..=random.below(8) {
            let at = range.start + random.below(range.len());
            bytes[at] = match random.below(4) {
                0 => 0,
                1 => 0xff,
                2 => bytes[at] ^ 1 << random.below(8),
                _ => random.below(256) as u8,
            };
        }
        let module = Loaded::new(&bytes);
        let start = Instant::now();
        lessened += usize::from(look(&module, bytes.len()) < complete);
        worst = worst.max(start.elapsed());
    }
    assert!(lessened > 0, "no change was noticed");
    assert!(worst < Duration::from_secs(20), "{worst:?}");
}

#[test]
fn dwarf_4_changed_at_random() {
    changed_everywhere("shapes_O2_dwarf4.wasm", 300);
}

#[test]
fn dwarf_5_changed_at_random() {
    changed_everywhere("tiles_O2_dwarf5.wasm", 300);
}

/// A module with one function and the sections given.
fn with_sections(sections: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut module = wat::parse_str("(module (func (nop) (nop) (nop)))").unwrap();
    for (name, contents) in sections {
        let mut section = vec![name.len() as u8];
        section.extend(name.as_bytes());
        section.extend(contents);
        module.push(0);
        let mut len = section.len() as u32;
        loop {
            let byte = (len & 127) as u8;
            len >>= 7;
            module.push(if len == 0 { byte } else { byte | 128 });
            if len == 0 {
                break;
            }
        }
        module.extend(section);
    }
    module
}

/// The header of a unit of version 4 with entries of so many bytes.
fn unit(entries: &[u8]) -> Vec<u8> {
    let mut unit = (entries.len() as u32 + 7).to_le_bytes().to_vec();
    unit.extend([4, 0, 0, 0, 0, 0, 4]);
    unit.extend(entries);
    unit
}

/// Functions that were inlined in each other more often than the host's stack is deep.
#[test]
fn nesting_does_not_use_the_stack() {
    // 1: a unit from 1 to 65,536 with children. 2: a function there. 3: an inlined one, likewise.
    let mut abbreviations = Vec::new();
    for (code, tag) in [(1, 0x11), (2, 0x2e), (3, 0x1d)] {
        abbreviations.extend([code, tag, 1, 0x11, 0x01, 0x12, 0x06, 0, 0]);
    }
    abbreviations.push(0);
    let range = [1, 0, 0, 0, 0, 0, 1, 0];
    let entry = |code: u8| [&[code][..], &range].concat();
    let mut entries = [entry(1), entry(2)].concat();
    let depth = 200_000;
    for _ in 0..depth {
        entries.extend(entry(3));
    }
    let sections = [(".debug_abbrev", abbreviations), (".debug_info", unit(&entries))];
    let bytes = with_sections(&sections);
    let module = Loaded::new(&bytes);
    let offset = module.module.bodies[0].range.start;
    let symbols = module.locate(offset + 1);
    assert_eq!(symbols.len(), depth + 1);
}

/// Names that refer to themselves, and units that all refer to one huge list.
#[test]
fn what_refers_to_itself_ends() {
    // 1: a unit with children. 2: a function whose name is that of entry 0x16, which is itself.
    let mut abbreviations = vec![1, 0x11, 1, 0x11, 0x01, 0x12, 0x06, 0, 0];
    abbreviations.extend([2, 0x2e, 0, 0x11, 0x01, 0x12, 0x06, 0x31, 0x13, 0, 0, 0]);
    let range = [1, 0, 0, 0, 0, 0, 1, 0];
    let mut entries = [&[1][..], &range, &[2], &range].concat();
    entries.extend(20_u32.to_le_bytes());
    entries.push(0);
    let sections = [(".debug_abbrev", abbreviations), (".debug_info", unit(&entries))];
    let bytes = with_sections(&sections);
    let module = Loaded::new(&bytes);
    let offset = module.module.bodies[0].range.start;
    let symbols = module.locate(offset + 1);
    assert_eq!(symbols.len(), 1);
    assert_eq!(symbols[0].name(), None);
}

#[test]
fn many_units_with_one_long_list_end_soon() {
    // 1: a unit whose addresses are a list at an offset.
    let abbreviations = vec![1, 0x11, 0, 0x55, 0x17, 0, 0, 0];
    let mut list = Vec::new();
    for at in 0..50_000_u32 {
        list.extend((2 * at + 1).to_le_bytes());
        list.extend((2 * at + 2).to_le_bytes());
    }
    list.extend([0; 8]);
    let info = unit(&[1, 0, 0, 0, 0]).repeat(20_000);
    let sections =
        [(".debug_abbrev", abbreviations), (".debug_info", info), (".debug_ranges", list)];
    let bytes = with_sections(&sections);
    let module = Loaded::new(&bytes);
    let start = Instant::now();
    look(&module, 64);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

/// Linkers leave the entries of functions that they remove, with an address that says so.
#[test]
fn removed_functions_are_not_found() {
    // 1: a unit with children. 2: a function with a name.
    let mut abbreviations = vec![1, 0x11, 1, 0x11, 0x01, 0x12, 0x06, 0, 0];
    abbreviations.extend([2, 0x2e, 0, 0x11, 0x01, 0x12, 0x06, 0x03, 0x08, 0, 0, 0]);
    let range = |start: u32, len: u32| [start.to_le_bytes(), len.to_le_bytes()].concat();
    let mut entries = [vec![1], range(1, 0x10000)].concat();
    for (start, name) in
        [(0, "zero\0"), (u32::MAX, "one\0"), (u32::MAX - 1, "two\0"), (1, "kept\0"), (0, "zero\0")]
    {
        entries.push(2);
        entries.extend(range(start, 0x100));
        entries.extend(name.as_bytes());
    }
    entries.push(0);
    let sections = [(".debug_abbrev", abbreviations), (".debug_info", unit(&entries))];
    let module = Loaded::new(&with_sections(&sections));
    let symbols = module.locate(module.module.bodies[0].range.start + 1);
    let names: Vec<_> = symbols.iter().map(|symbol| symbol.name()).collect();
    assert_eq!(names, [Some("kept")]);
}
