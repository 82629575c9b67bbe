//! Watchpoints: every access to some bytes is told, and can stop the guest.
//!
//! ```
//! use lineal::{Config, Engine, Instance, Module, Store};
//! use lineal_insight::watch::{Action, Watch, Watchpoint};
//!
//! let engine = Engine::new(Config::new().observe(Watch::observe()))?;
//! let module = Module::new(&engine, r#"(module $game (memory 1)
//!     (func $overflow (param i32) (i32.store (local.get 0) (i32.const 7)))
//!     (func (export "run") (call $overflow (i32.const 102))))"#)?;
//! let point = Watchpoint::parse("100..104:w", &module)?;
//! let mut store = Store::new(&engine, Watch::new(&engine, vec![point]));
//! store.observer(|watch| watch);
//!
//! let instance = Instance::new(&mut store, &module, &[])?;
//! instance.get_typed_func::<(), ()>(&mut store, "run")?.call(&mut store, ())?;
//! let hit = &store.data().hits()[0];
//! assert_eq!((hit.addr, &hit.old[..], &hit.new[..]), (102, &[0; 4][..], &[7, 0, 0, 0][..]));
//! assert_eq!(hit.place.name, "overflow");
//! # assert_eq!(Action::Log, Action::default());
//! # Ok::<(), lineal::Error>(())
//! ```

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use anyhow::{Result, bail, ensure};
use lineal::{
    Access, AccessKind, AccessSource, Accesses, Engine, Instantiated, MemoryId, Module, Moment,
    Observe, Observer,
};
use serde_json::{Value, json};

use crate::memories::Memories;
use crate::place::{Place, Places};
use crate::range::{AddressRange, RangeError};

/// Which accesses a watchpoint is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// Those that read.
    Read,
    /// Those that write.
    #[default]
    Write,
    /// All.
    Access,
    /// Those that write something else than was there.
    Change,
}

impl When {
    fn parse(text: &str) -> Option<When> {
        match text {
            "r" => Some(When::Read),
            "w" => Some(When::Write),
            "rw" => Some(When::Access),
            "c" => Some(When::Change),
            _ => None,
        }
    }

    fn letters(self) -> &'static str {
        match self {
            When::Read => "r",
            When::Write => "w",
            When::Access => "rw",
            When::Change => "c",
        }
    }
}

/// A comparison of the watched bytes, as an unsigned little-endian number, with another number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    comparison: Comparison,
    number: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Condition {
    const SYMBOLS: [(&'static str, Comparison); 6] = [
        ("==", Comparison::Eq),
        ("!=", Comparison::Ne),
        ("<=", Comparison::Le),
        (">=", Comparison::Ge),
        ("<", Comparison::Lt),
        (">", Comparison::Gt),
    ];

    /// Reads `== 5`, `!=0x10`, `< 100`.
    fn parse(text: &str) -> Option<Condition> {
        let text = text.trim();
        let (symbol, comparison) = Self::SYMBOLS.iter().find(|(it, _)| text.starts_with(it))?;
        let digits = text[symbol.len()..].trim();
        let number = match digits.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok()?,
            None => match digits.strip_prefix('-') {
                Some(_) => digits.parse::<i64>().ok()? as u64,
                None => digits.parse().ok()?,
            },
        };
        Some(Condition { comparison: *comparison, number })
    }

    fn holds(self, bytes: &[u8]) -> bool {
        let mut all = [0; 8];
        let len = bytes.len().min(8);
        all[..len].copy_from_slice(&bytes[..len]);
        let value = u64::from_le_bytes(all);
        // A negative number is compared in the width of what is watched.
        let mask = if len < 8 { (1 << (8 * len)) - 1 } else { u64::MAX };
        let number = self.number & mask;
        match self.comparison {
            Comparison::Eq => value == number,
            Comparison::Ne => value != number,
            Comparison::Lt => value < number,
            Comparison::Le => value <= number,
            Comparison::Gt => value > number,
            Comparison::Ge => value >= number,
        }
    }
}

/// Bytes that are watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watchpoint {
    /// What the user wrote.
    pub text: String,
    /// The bytes.
    pub range: AddressRange,
    /// Which accesses count.
    pub when: When,
    /// Only accesses after which the watched bytes compare so.
    pub condition: Option<Condition>,
    /// How many accesses that count are let pass before the first is a hit.
    pub ignore: u64,
}

impl Watchpoint {
    /// Reads a watchpoint: a range, then `:r`, `:w` (if nothing is said), `:rw` or `:c`, then a
    /// condition such as `== 5`, then `#N` for the N-th access that counts and those after it.
    ///
    /// ```text
    /// 0x1f40..0x1f44:w       counter:c == 0       counter:w#100
    /// ```
    ///
    /// # Errors
    ///
    /// If it is none, or names what the module does not have.
    pub fn parse(text: &str, module: &Module) -> Result<Watchpoint> {
        let (rest, ignore) = match text.rsplit_once('#') {
            Some((rest, count)) => match count.trim().parse::<u64>() {
                Ok(count) if count > 0 => (rest, count - 1),
                _ => bail!("`#{count}` in `{text}` is not a number of accesses, from 1 on"),
            },
            None => (text, 0),
        };
        let at = rest.find(['=', '!', '<', '>']).unwrap_or(rest.len());
        let (rest, condition) = rest.split_at(at);
        let condition = match condition.trim() {
            "" => None,
            condition => match Condition::parse(condition) {
                Some(condition) => Some(condition),
                None => bail!("`{condition}` in `{text}` is not a condition such as `== 5`"),
            },
        };
        let rest = rest.trim();
        let (range, when) = match rest.rsplit_once(':') {
            Some((range, letters)) if !range.is_empty() && !is_memory(range) => {
                match When::parse(letters.trim()) {
                    Some(when) => (range, when),
                    None => bail!(
                        "`{letters}` in `{text}` is not r (reads), w (writes), rw (both) or c \
                         (changes)"
                    ),
                }
            }
            _ => (rest, When::default()),
        };
        let range = AddressRange::parse(range.trim(), module)?;
        let len = range.addresses.end - range.addresses.start;
        ensure!(
            condition.is_none() || len <= 8,
            "`{text}` compares {len} bytes, but a condition can compare at most 8"
        );
        Ok(Watchpoint { text: text.to_owned(), range, when, condition, ignore })
    }
}

/// Whether a text is only the name of a memory.
fn is_memory(text: &str) -> bool {
    text.strip_prefix("memory").is_some_and(|index| index.parse::<u32>().is_ok())
}

/// What becomes of a hit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// It is kept, and told to whoever listens.
    #[default]
    Log,
    /// It is, and the guest is stopped with the error [`Stopped`].
    Stop,
    /// It is only counted.
    Count,
}

/// The error by which a watchpoint stops a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The watchpoint, as the user wrote it.
    pub watchpoint: String,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stopped at the watchpoint {}", self.watchpoint)
    }
}

impl std::error::Error for Stopped {}

/// An access that a watchpoint is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The watchpoint, by its number.
    pub watchpoint: usize,
    /// How often it was hit until now, this time included.
    pub count: u64,
    /// Whether it reads, writes, or both.
    pub kind: AccessKind,
    /// The index of the memory in the module.
    pub memory: u32,
    /// The address of the first byte that was accessed.
    pub addr: u64,
    /// All bytes of the access, before.
    pub old: Vec<u8>,
    /// All bytes of the access, after.
    pub new: Vec<u8>,
    /// Which of these bytes are watched.
    pub watched: Range<usize>,
    /// Who did it.
    pub place: Place,
    /// The functions that called it, innermost first.
    pub callers: Vec<Place>,
}

type Listener = Box<dyn FnMut(&Hit, &Watchpoint) + Send + Sync>;

/// An observer with watchpoints.
pub struct Watch {
    points: Vec<Watchpoint>,
    counts: Vec<u64>,
    action: Action,
    memories: Memories,
    everywhere: Option<Everywhere>,
    places: Places,
    hits: Vec<Hit>,
    /// How many hits are kept.
    keep: usize,
    listener: Option<Listener>,
}

/// Watchpoints of all instances of a store.
struct Everywhere {
    /// What the user wrote; what it means depends on the module.
    texts: Vec<String>,
    /// The watchpoints in each memory, by their numbers.
    points: HashMap<MemoryId, Vec<usize>>,
}

/// A module with nothing in it.
const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

impl Watch {
    /// How many hits are kept by default.
    pub const KEPT_HITS: usize = 10_000;

    /// What the engine has to report.
    pub fn observe() -> Observe {
        Observe::new().accesses(Accesses::OfInterest)
    }

    /// Watches the first instance of its store.
    pub fn new(engine: &Engine, points: Vec<Watchpoint>) -> Watch {
        Watch {
            counts: vec![0; points.len()],
            points,
            action: Action::default(),
            memories: Memories::default(),
            everywhere: None,
            places: Places::new(engine),
            hits: Vec::new(),
            keep: Watch::KEPT_HITS,
            listener: None,
        }
    }

    /// Watches all instances of its store: each watchpoint in every instance whose module has what
    /// it names. Those that mean the same bytes are one of the [`points`](Self::points).
    ///
    /// # Errors
    ///
    /// If a text does not have the form of a [watchpoint](Watchpoint::parse).
    pub fn everywhere(engine: &Engine, texts: Vec<String>) -> Result<Watch> {
        let nothing = Module::new(engine, EMPTY_MODULE)?;
        for text in &texts {
            match Watchpoint::parse(text, &nothing) {
                Err(error) if !is_unknown(&error) => return Err(error),
                _ => {}
            }
        }
        let everywhere = Some(Everywhere { texts, points: HashMap::new() });
        Ok(Watch { everywhere, ..Watch::new(engine, Vec::new()) })
    }

    /// The watchpoints, as the user wrote them, that no instance has what they name.
    pub fn nowhere(&self) -> impl Iterator<Item = &str> {
        let texts = self.everywhere.iter().flat_map(|everywhere| &everywhere.texts);
        let is_met = |text: &str| self.points.iter().any(|point| point.text == text);
        texts.map(String::as_str).filter(move |text| !is_met(text))
    }

    /// Sets what becomes of a hit.
    #[must_use]
    pub fn action(self, action: Action) -> Watch {
        Watch { action, ..self }
    }

    /// Calls a function at every hit, unless hits are only counted.
    #[must_use]
    pub fn on_hit(self, listener: impl FnMut(&Hit, &Watchpoint) + Send + Sync + 'static) -> Watch {
        Watch { listener: Some(Box::new(listener)), ..self }
    }

    /// Whether there is an instance to watch.
    pub fn has_begun(&self) -> bool {
        self.everywhere.is_some() || self.memories.id(0).is_some()
    }

    /// The watchpoints.
    pub fn points(&self) -> &[Watchpoint] {
        &self.points
    }

    /// How often each watchpoint was hit.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The first hits, [`KEPT_HITS`](Self::KEPT_HITS) at most; none if they are only counted.
    pub fn hits(&self) -> &[Hit] {
        &self.hits
    }

    /// Watchpoints and hits for `--json`: `version` is that of this form, 1.
    pub fn to_json(&self) -> Value {
        let points: Vec<Value> = self
            .points
            .iter()
            .zip(&self.counts)
            .map(|(point, count)| {
                json!({
                    "watchpoint": point.text,
                    "memory": point.range.memory,
                    "start": point.range.addresses.start,
                    "end": point.range.addresses.end,
                    "when": point.when.letters(),
                    "hits": count,
                })
            })
            .collect();
        let hits: Vec<Value> = self
            .hits
            .iter()
            .map(|hit| {
                json!({
                    "watchpoint": hit.watchpoint,
                    "count": hit.count,
                    "kind": kind_name(hit.kind),
                    "memory": hit.memory,
                    "addr": hit.addr,
                    "old": hit.old,
                    "new": hit.new,
                    "place": hit.place.to_json(),
                    "callers": hit.callers.iter().map(Place::to_json).collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({ "kind": "watch", "version": 1, "watchpoints": points, "hits": hits })
    }

    fn looks_at(&mut self, number: usize, moment: &Moment<'_>, access: &Access<'_>) -> Result<()> {
        let point = &self.points[number];
        let watched = &point.range.addresses;
        let range = access.range();
        let (from, to) = (range.start.max(watched.start), range.end.min(watched.end));
        if from >= to || !self.is_in(number, access.memory()) {
            return Ok(());
        }
        let inside = (from - range.start) as usize..(to - range.start) as usize;
        let counts = match point.when {
            When::Read => access.kind().reads(),
            When::Write => access.kind().writes(),
            When::Access => true,
            When::Change => access.old()[inside.clone()] != access.new()[inside.clone()],
        };
        if !counts || !self.condition_holds(point, moment, access.memory()) {
            return Ok(());
        }
        self.counts[number] += 1;
        if self.action == Action::Count || self.counts[number] <= self.points[number].ignore {
            return Ok(());
        }
        let hit = self.hit(number, moment, access, inside);
        if let Some(listener) = &mut self.listener {
            listener(&hit, &self.points[number]);
        }
        if self.hits.len() < self.keep {
            self.hits.push(hit);
        }
        if self.action == Action::Stop {
            bail!(Stopped { watchpoint: self.points[number].text.clone() });
        }
        Ok(())
    }

    /// Whether a watchpoint is in a memory.
    fn is_in(&self, number: usize, memory: MemoryId) -> bool {
        match &self.everywhere {
            Some(everywhere) => {
                everywhere.points.get(&memory).is_some_and(|points| points.contains(&number))
            }
            None => self.memories.id(self.points[number].range.memory) == Some(memory),
        }
    }

    /// Watches what another instance has of what is watched everywhere.
    fn watch_also(&mut self, moment: &mut Moment<'_>, instance: &Instantiated<'_>) -> Result<()> {
        let Some(everywhere) = &mut self.everywhere else { return Ok(()) };
        for text in &everywhere.texts {
            let point = match Watchpoint::parse(text, instance.module) {
                Err(error) if is_unknown(&error) => continue,
                point => point?,
            };
            let Some(&id) = instance.memories.get(point.range.memory as usize) else { continue };
            let known = self.points.iter().position(|known| *known == point);
            let number = known.unwrap_or(self.points.len());
            let points = everywhere.points.entry(id).or_default();
            if !points.contains(&number) {
                points.push(number);
                moment.set_interest(id, point.range.addresses.clone(), true);
            }
            if known.is_none() {
                self.points.push(point);
                self.counts.push(0);
            }
        }
        Ok(())
    }

    /// Whether the watched bytes are now as the condition says.
    fn condition_holds(&self, point: &Watchpoint, moment: &Moment<'_>, id: MemoryId) -> bool {
        let Some(condition) = point.condition else { return true };
        let addresses = &point.range.addresses;
        let mut bytes = vec![0; (addresses.end - addresses.start) as usize];
        moment.read(id, addresses.start, &mut bytes).is_ok() && condition.holds(&bytes)
    }

    fn hit(
        &mut self,
        number: usize,
        moment: &Moment<'_>,
        access: &Access<'_>,
        watched: Range<usize>,
    ) -> Hit {
        let place = self.places.of(access.site()).clone();
        let backtrace = moment.backtrace();
        let mut callers: Vec<Place> = backtrace.frames().iter().map(Place::of_frame).collect();
        // The innermost function is the place itself, unless the host did it.
        if callers.first().is_some_and(|first| first.offset == place.offset) {
            callers.remove(0);
        }
        Hit {
            watchpoint: number,
            count: self.counts[number],
            kind: access.kind(),
            memory: self.points[number].range.memory,
            addr: access.addr(),
            old: access.old().to_vec(),
            new: access.new().to_vec(),
            watched,
            place,
            callers,
        }
    }
}

/// Whether an error says that a module does not have what a watchpoint names.
fn is_unknown(error: &anyhow::Error) -> bool {
    error.downcast_ref::<RangeError>().is_some_and(RangeError::is_unknown)
}

/// The name of a kind of access.
pub(crate) fn kind_name(kind: AccessKind) -> &'static str {
    match kind {
        AccessKind::Read => "read",
        AccessKind::Write => "write",
        AccessKind::Update => "update",
    }
}

impl Observer for Watch {
    fn instantiated(&mut self, moment: &mut Moment<'_>, instance: &Instantiated<'_>) -> Result<()> {
        if self.everywhere.is_some() {
            return self.watch_also(moment, instance);
        }
        let count = instance.memories.len();
        let missing = self.points.iter().find(|point| point.range.memory as usize >= count);
        if let (Some(point), false) = (missing, self.has_begun()) {
            let Watchpoint { text, range, .. } = point;
            bail!(
                "the watchpoint {text} is in memory {}, but the module has {count} memories",
                range.memory
            );
        }
        if self.memories.instantiated(instance) {
            for point in &self.points {
                if let Some(id) = self.memories.id(point.range.memory) {
                    moment.set_interest(id, point.range.addresses.clone(), true);
                }
            }
        }
        Ok(())
    }

    fn access(&mut self, moment: &mut Moment<'_>, access: &Access<'_>) -> Result<()> {
        // What the bytes are before the program begins is no access of it.
        if access.source() == AccessSource::Segment {
            return Ok(());
        }
        (0..self.points.len()).try_for_each(|number| self.looks_at(number, moment, access))
    }
}

impl fmt::Display for Hit {
    /// Writes the hit in some lines: what was accessed, who did it, and who called that.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = match self.memory {
            0 => String::new(),
            index => format!("memory{index}:"),
        };
        let (kind, len) = (kind_name(self.kind), self.new.len());
        let plural = if len == 1 { "" } else { "s" };
        writeln!(f, "{kind} of {len} byte{plural} at {memory}{:#x}: {}", self.addr, self.bytes())?;
        write!(f, "    {}", self.place)?;
        for caller in &self.callers {
            write!(f, "\n    called by {caller}")?;
        }
        Ok(())
    }
}

impl Hit {
    /// The bytes before and after, or those that were read; of a long range, those that are watched.
    fn bytes(&self) -> String {
        const MOST: usize = 16;
        let is_long = self.new.len() > MOST;
        let shown = if is_long { self.watched.clone() } else { 0..self.new.len() };
        let hex = |bytes: &[u8]| {
            let bytes = bytes.get(shown.clone()).unwrap_or_default();
            let shown = bytes.iter().take(MOST).map(|byte| format!("{byte:02x}"));
            let mut text = shown.collect::<Vec<_>>().join(" ");
            if bytes.len() > MOST {
                text += " …";
            }
            text
        };
        let bytes = match self.kind {
            AccessKind::Read => hex(&self.new),
            _ => format!("{} -> {}", hex(&self.old), hex(&self.new)),
        };
        match is_long {
            true => format!("at {:#x} {bytes}", self.addr + self.watched.start as u64),
            false => bytes,
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("points", &self.points)
            .field("counts", &self.counts)
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}
