//! Who wrote each byte last.
//!
//! ```
//! use lineal::{Config, Engine, Instance, Module, Store};
//! use lineal_insight::blame::Blame;
//! use lineal_insight::AddressRange;
//!
//! let engine = Engine::new(Config::new().observe(Blame::observe()))?;
//! let module = Module::new(&engine, r#"(module (memory 1)
//!     (data (i32.const 0) "abcd")
//!     (func $set (i32.store8 (i32.const 2) (i32.const 33)))
//!     (func (export "run") (call $set)))"#)?;
//! let mut store = Store::new(&engine, Blame::new());
//! store.observer(|blame| blame);
//! let instance = Instance::new(&mut store, &module, &[])?;
//! instance.get_typed_func::<(), ()>(&mut store, "run")?.call(&mut store, ())?;
//!
//! let range = AddressRange::parse("0..6", &module)?;
//! let (moment, blame) = store.moment_and_data().expect("an observed store");
//! let runs = blame.runs(&moment, &range);
//! let names: Vec<String> = runs.iter().map(|run| run.place.name.clone()).collect();
//! assert_eq!(names, ["data segment 0", "set", "data segment 0", "never written"]);
//! assert_eq!(runs[1].addresses, 2..3);
//! # Ok::<(), lineal::Error>(())
//! ```

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use anyhow::Result;
use lineal::{
    Access, Accesses, Ending, Instantiated, MemoryId, Module, Moment, Observe, Observer, Origin,
    Site,
};
use serde_json::{Value, json};

use crate::memories::Memories;
use crate::place::{Place, Places};
use crate::range::AddressRange;

/// An observer that knows who wrote each byte last.
#[derive(Debug, Default)]
pub struct Blame {
    memories: Memories,
    module: Option<Module>,
    /// The memories of all instances.
    instances: Vec<(Memories, Module)>,
    /// The first memory of the instance that failed last.
    failed: Option<MemoryId>,
    /// The ranges whose writers' call stacks are kept.
    stacks_of: Vec<AddressRange>,
    /// The call stack of the last write, for each byte of those ranges, by memory and address.
    stacks: HashMap<(u32, u64), usize>,
    known_stacks: Vec<Vec<Site>>,
    numbers: HashMap<Vec<Site>, usize>,
}

/// Bytes beside each other that were written last by the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The index of the memory in the module.
    pub memory: u32,
    /// The addresses, up to and without the last.
    pub addresses: Range<u64>,
    /// What they are now.
    pub bytes: Vec<u8>,
    /// Who wrote them.
    pub place: Place,
    /// The functions that called it, innermost first, if [stacks](Blame::with_stacks) are kept.
    pub callers: Vec<Place>,
}

/// How many functions of a call stack are kept.
const STACK_LIMIT: usize = 20;

impl Blame {
    /// What the engine has to report.
    pub fn observe() -> Observe {
        Observe::new().writers(true)
    }

    /// What it has to report if call stacks are to be kept.
    pub fn observe_stacks() -> Observe {
        Blame::observe().accesses(Accesses::OfInterest)
    }

    /// Blames the writers of the first instance's memories.
    pub fn new() -> Blame {
        Blame::default()
    }

    /// Keeps the call stacks of writes to a range; several may be named one after the other.
    #[must_use]
    pub fn with_stacks(mut self, range: AddressRange) -> Blame {
        self.stacks_of.push(range);
        self
    }

    /// The same for the memories of the instance that was stopped last, if one was. Of several that
    /// share their first memory, it is the one that was made last.
    pub fn of_failed(&self) -> Option<Blame> {
        let failed = self.failed?;
        let mut instances = self.instances.iter().rev();
        let (memories, module) = instances.find(|(it, _)| it.id(0) == Some(failed))?;
        Some(Blame { memories: memories.clone(), module: Some(module.clone()), ..Blame::default() })
    }

    /// The memories that the range can be in.
    pub fn memories(&self) -> &Memories {
        &self.memories
    }

    /// The bytes of a range, as far as the memory has them, by who wrote them.
    pub fn runs(&self, moment: &Moment<'_>, range: &AddressRange) -> Vec<Run> {
        let Some(id) = self.memories.id(range.memory) else { return Vec::new() };
        let end = range.addresses.end.min(moment.memory_bytes(id));
        let mut places = Places::new(moment.engine());
        let mut runs: Vec<Run> = Vec::new();
        let mut last = None;
        for addr in range.addresses.start..end {
            let site = moment.writer(id, addr);
            let stack = self.stacks.get(&(range.memory, addr)).copied();
            let mut byte = [0];
            if moment.read(id, addr, &mut byte).is_err() {
                break;
            }
            if let (Some(run), true) = (runs.last_mut(), last == Some((site, stack))) {
                run.addresses.end += 1;
                run.bytes.push(byte[0]);
                continue;
            }
            last = Some((site, stack));
            let callers = stack.map_or(&[][..], |number| &self.known_stacks[number]);
            runs.push(Run {
                memory: range.memory,
                addresses: addr..addr + 1,
                bytes: byte.to_vec(),
                place: self.place(&mut places, site, range.memory, addr),
                callers: callers.iter().map(|&site| places.of(site).clone()).collect(),
            });
        }
        runs
    }

    /// What a site is called: a data segment by its name, if it has one.
    fn place(&self, places: &mut Places, site: Site, memory: u32, addr: u64) -> Place {
        let mut place = places.of(site).clone();
        if let (Origin::Segment { .. }, Some(module)) = (places.origin(site), &self.module) {
            let mut symbols = module.data_symbols().iter();
            let segment = symbols
                .find(|it| it.is_segment() && it.memory() == memory && it.range().contains(&addr));
            if let Some(segment) = segment {
                place.name = format!("data segment {}", segment.name());
            }
        }
        place
    }
}

impl Observer for Blame {
    fn instantiated(&mut self, moment: &mut Moment<'_>, instance: &Instantiated<'_>) -> Result<()> {
        let mut memories = Memories::default();
        memories.instantiated(instance);
        self.instances.push((memories, instance.module.clone()));
        if self.memories.instantiated(instance) {
            self.module = Some(instance.module.clone());
            for range in &self.stacks_of {
                if let Some(id) = self.memories.id(range.memory) {
                    moment.set_interest(id, range.addresses.clone(), true);
                }
            }
        }
        Ok(())
    }

    fn ended(&mut self, moment: &mut Moment<'_>, ending: Ending) -> Result<()> {
        if !matches!(ending, Ending::Returned) {
            self.failed = moment.running_memory(0).or(self.failed);
        }
        Ok(())
    }

    fn access(&mut self, moment: &mut Moment<'_>, access: &Access<'_>) -> Result<()> {
        if !access.kind().writes() {
            return Ok(());
        }
        let kept = self.stacks_of.iter().filter_map(|range| {
            let (written, kept) = (access.range(), &range.addresses);
            let both = written.start.max(kept.start)..written.end.min(kept.end);
            let is_there = self.memories.id(range.memory) == Some(access.memory());
            (is_there && !both.is_empty()).then_some((range.memory, both))
        });
        let kept: Vec<_> = kept.collect();
        if kept.is_empty() {
            return Ok(());
        }
        let mut stack = Vec::new();
        moment.stack(STACK_LIMIT, &mut stack);
        if stack.first() == Some(&access.site()) {
            stack.remove(0);
        }
        let number = match self.numbers.get(&stack) {
            Some(&number) => number,
            None => {
                let number = self.known_stacks.len();
                self.known_stacks.push(stack.clone());
                self.numbers.insert(stack, number);
                number
            }
        };
        for (memory, addresses) in kept {
            self.stacks.extend(addresses.map(|addr| ((memory, addr), number)));
        }
        Ok(())
    }
}

impl Run {
    /// The run for `--json`.
    pub fn to_json(&self) -> Value {
        json!({
            "memory": self.memory,
            "start": self.addresses.start,
            "end": self.addresses.end,
            "bytes": self.bytes,
            "place": self.place.to_json(),
            "callers": self.callers.iter().map(Place::to_json).collect::<Vec<_>>(),
        })
    }
}

/// Runs for `--json`: `version` is that of this form, 1.
pub fn to_json(runs: &[Run]) -> Value {
    let runs: Vec<Value> = runs.iter().map(Run::to_json).collect();
    json!({ "kind": "blame", "version": 1, "runs": runs })
}

impl fmt::Display for Run {
    /// Writes the run in lines of at most 8 bytes, then who wrote it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ROW: usize = 8;
        let memory =
            if self.memory == 0 { String::new() } else { format!("memory{}:", self.memory) };
        for (row, bytes) in self.bytes.chunks(ROW).enumerate() {
            if row == 2 && self.bytes.len() > 4 * ROW {
                let last = self.addresses.end - 1;
                write!(f, "\n  … to {memory}{last:#x}, written by the same")?;
                break;
            }
            if row > 0 {
                f.write_str("\n")?;
            }
            let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let addr = self.addresses.start + (row * ROW) as u64;
            let hex = hex.join(" ");
            match row {
                0 => write!(f, "{memory}{addr:#x}  {hex:<23}   {}", self.place)?,
                _ => write!(f, "{memory}{addr:#x}  {hex}")?,
            }
        }
        for caller in &self.callers {
            write!(f, "\n{:30}called by {caller}", "")?;
        }
        Ok(())
    }
}
