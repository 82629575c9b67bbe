//! [`Profiler`]: the observer that makes a heap profile.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use lineal::{
    Access, Accesses, Batch, Call, Ending, GlobalSet, Growth as MemoryGrowth, Instantiated,
    MemoryId, Module, Moment, Observe, Observer,
};

use super::profile::{Growth, Point, Profile, SiteProfile, StackMark, Totals};
use crate::alloc::{
    AllocOption, Begun, Block, Done, Family, Registry, StackId, Tracker, reclaimed,
};
use crate::check::{Frame, Layouts, frames, frames_json};
use crate::hash::{AddressMap, FastMap};
use crate::layout::Layout;
use crate::page::Page;
use crate::stacks::Stacks;

/// How many points a timeline has at most.
const POINTS: usize = 1000;

/// How many growths of the memory are kept.
const GROWTHS: usize = 1000;

/// The options of a [`Profiler`].
#[derive(Clone, Debug)]
pub struct Options {
    /// Which functions allocate, besides those with known names.
    pub alloc: Vec<AllocOption>,
    /// Count the bytes that are read from and written to each block.
    pub accesses: bool,
    /// How many frames of a call stack are kept.
    pub stack_depth: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { alloc: Vec::new(), accesses: false, stack_depth: 32 }
    }
}

/// Profiles the heap of a guest: see [`Check`](crate::check::Check) for how it is used.
#[derive(Debug)]
pub struct Profiler {
    options: Options,
    registry: Registry,
    layouts: Layouts,
    stacks: Stacks,
    guest: Option<Guest>,
}

#[derive(Debug)]
struct Guest {
    memory: MemoryId,
    memory_bytes: u64,
    layout: Layout,
    tracker: Tracker,
    blocks: AddressMap<Live>,
    counts_accesses: bool,
    /// The blocks by address, if accesses are counted.
    ranges: BTreeMap<u64, u64>,
    /// By the numbers of their stacks. What is live counts as not freed.
    sites: Vec<Totals>,
    live_blocks: u64,
    live_bytes: u64,
    /// The most bytes so far; `noted` says for how many of them `sites` have their peaks.
    peak: (u64, u64),
    peak_time: u64,
    noted_bytes: u64,
    allocations: u64,
    start_fuel: Option<u64>,
    timeline: Timeline,
    growths: Vec<(u64, u64, StackId)>,
    span: Option<(u64, u64)>,
    lowest_stack: Option<(u64, StackId)>,
    /// Whether a collector frees all blocks.
    collected: bool,
}

/// A block that was not freed.
#[derive(Debug)]
struct Live {
    size_bytes: u64,
    stack: StackId,
    family: Family,
    serial: u64,
    read_bytes: u64,
    written_bytes: u64,
}

/// Points at regular times: when there are too many, every other one is dropped.
#[derive(Debug, Default)]
struct Timeline {
    points: Vec<Point>,
    step: u64,
    next: u64,
}

impl Timeline {
    fn push(&mut self, point: Point) {
        if point.time < self.next {
            return;
        }
        self.points.push(point);
        if self.points.len() >= POINTS {
            let mut index = 0;
            self.points.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            let span = point.time - self.points[0].time;
            self.step = (span / (POINTS as u64 / 2)).max(1);
        }
        self.next = point.time + self.step;
    }
}

impl Profiler {
    /// Profiles with those options.
    pub fn new(options: Options) -> Profiler {
        Profiler {
            registry: Registry::new(options.alloc.clone()),
            layouts: Layouts::default(),
            stacks: Stacks::default(),
            guest: None,
            options,
        }
    }

    /// What an engine has to observe, for [`Config::observe`](lineal::Config::observe). Modules of
    /// that engine are made after this.
    pub fn observe(&self) -> Observe {
        let (registry, layouts) = (self.registry.clone(), self.layouts.clone());
        let counts_accesses = self.options.accesses;
        let accesses = if counts_accesses { Accesses::All } else { Accesses::None };
        Observe::new()
            .accesses(accesses)
            .batched(true)
            .functions(move |function| match counts_accesses {
                // Those of the allocator's own functions are not the program's.
                true => registry.choose_allocator(function),
                false => registry.choose_entry(function),
            })
            .globals(move |global| {
                let layout = layouts.of(global.module_bytes(), global.module_site());
                layout.stack_pointer.is_some_and(|stack| stack.global == global.index())
            })
    }

    /// The allocator functions that were recognised, and how.
    pub fn allocators(&self) -> Vec<crate::alloc::AllocatorFunction> {
        self.registry.functions()
    }

    /// The options that no function of the module fits.
    pub fn unused_options(&self) -> Vec<AllocOption> {
        self.registry.unused_options()
    }

    /// Why the profile lacks some of the allocations of some modules.
    pub fn hidden(&self) -> Vec<crate::alloc::Hidden> {
        self.registry.hidden()
    }

    /// A page that shows a profile, and the memory of the guest as it is now.
    pub fn page(
        &self,
        title: &str,
        profile: &Profile,
        moment: &Moment<'_>,
        module: &Module,
    ) -> Page {
        let mut page = Page::new(title);
        if let Some(guest) = &self.guest {
            let mut blocks: Vec<Block> = guest
                .blocks
                .iter()
                .map(|(&addr, live)| Block {
                    serial: live.serial,
                    ..Block::new(live.family, addr, live.size_bytes, 0, live.stack)
                })
                .collect();
            blocks.sort_by_key(|block| block.addr);
            let mut known: FastMap<StackId, _> = FastMap::default();
            let blocks = blocks.iter().map(|block| {
                let sites = self.stacks.get(block.allocated_at);
                let stack = || frames_json(&frames(moment, sites));
                (block, known.entry(block.allocated_at).or_insert_with(stack).clone())
            });
            page.memory(moment, guest.memory, module, &guest.layout, blocks);
        }
        page.profile(profile);
        page
    }

    /// The profile up to now.
    pub fn profile(&mut self, moment: &mut Moment<'_>) -> Profile {
        let allocators = Profile::allocator_names(&self.registry.functions());
        let Some(guest) = &mut self.guest else {
            return Profile {
                sites: Vec::new(),
                totals: Totals::default(),
                peak_time: 0,
                end_time: 0,
                time_is_fuel: false,
                timeline: Vec::new(),
                growths: Vec::new(),
                memory_bytes: 0,
                span_bytes: 0,
                stack: None,
                allocators,
                is_collected: false,
                has_accesses: self.options.accesses,
            };
        };
        guest.note_peak();
        let mut sites = guest.sites.clone();
        for block in guest.blocks.values() {
            let totals = &mut sites[block.stack as usize];
            totals.lifetimes += guest.allocations - block.serial;
            block.account(totals);
        }
        let mut all = Totals::default();
        let mut by_stack: HashMap<Vec<Frame>, Totals> = HashMap::new();
        for (stack, totals) in sites.iter().enumerate() {
            if totals.blocks == 0 {
                continue;
            }
            all.add(totals);
            let stack = frames(moment, self.stacks.get(stack as StackId));
            // Stacks that differ only in what has no name of its own are one.
            by_stack.entry(stack).or_default().add(totals);
        }
        (all.peak_blocks, all.peak_bytes) = guest.peak;
        (all.max_blocks, all.max_bytes) = guest.peak;
        let mut profiles: Vec<SiteProfile> =
            by_stack.into_iter().map(|(stack, totals)| SiteProfile { stack, totals }).collect();
        profiles.sort_by(|a, b| {
            b.totals.bytes.cmp(&a.totals.bytes).then_with(|| a.stack.cmp(&b.stack))
        });
        let growths = guest.growths.iter().map(|&(time, bytes, stack)| Growth {
            time,
            bytes,
            stack: frames(moment, self.stacks.get(stack)),
        });
        let stack_start = guest.layout.stack_pointer.map_or(0, |stack| stack.start);
        let stack = guest.lowest_stack.map(|(lowest, stack)| StackMark {
            bytes: stack_start - lowest,
            size_bytes: guest.layout.stack_end(0).map(|end| stack_start - end),
            stack: frames(moment, self.stacks.get(stack)),
        });
        let end_time = guest.time(moment);
        let mut timeline = guest.timeline.points.clone();
        let (live_bytes, memory_bytes) = (guest.live_bytes, guest.memory_bytes);
        timeline.push(Point { time: end_time, live_bytes, memory_bytes });
        Profile {
            sites: profiles,
            totals: all,
            peak_time: guest.peak_time,
            end_time,
            time_is_fuel: guest.start_fuel.is_some(),
            timeline,
            growths: growths.collect(),
            memory_bytes: guest.memory_bytes,
            span_bytes: guest.span.map_or(0, |(start, end)| end - start),
            stack,
            allocators,
            is_collected: guest.collected && guest.allocations > 0,
            has_accesses: self.options.accesses,
        }
    }
}

impl Totals {
    fn add(&mut self, other: &Totals) {
        self.blocks += other.blocks;
        self.bytes += other.bytes;
        self.peak_blocks += other.peak_blocks;
        self.peak_bytes += other.peak_bytes;
        self.end_blocks += other.end_blocks;
        self.end_bytes += other.end_bytes;
        self.temporary_blocks += other.temporary_blocks;
        self.lifetimes += other.lifetimes;
        self.max_bytes += other.max_bytes;
        self.max_blocks += other.max_blocks;
        self.read_bytes += other.read_bytes;
        self.written_bytes += other.written_bytes;
        self.never_read_blocks += other.never_read_blocks;
        self.never_written_blocks += other.never_written_blocks;
    }
}

impl Live {
    /// Adds what was done to a block that is gone, or still there at the end.
    fn account(&self, totals: &mut Totals) {
        totals.read_bytes += self.read_bytes;
        totals.written_bytes += self.written_bytes;
        totals.never_read_blocks += u64::from(self.read_bytes == 0);
        totals.never_written_blocks += u64::from(self.written_bytes == 0);
    }
}

impl Guest {
    fn time(&self, moment: &Moment<'_>) -> u64 {
        match self.start_fuel.zip(moment.fuel()) {
            Some((start, left)) => start.saturating_sub(left),
            None => self.allocations,
        }
    }

    fn allocated(
        &mut self,
        moment: &Moment<'_>,
        family: Family,
        addr: u64,
        size_bytes: u64,
        stack: StackId,
    ) {
        self.freed(addr);
        self.collected &= family.is_collected();
        self.allocations += 1;
        let index = stack as usize;
        if index >= self.sites.len() {
            self.sites.resize(index + 1, Totals::default());
        }
        let totals = &mut self.sites[index];
        totals.blocks += 1;
        totals.bytes += size_bytes;
        totals.end_blocks += 1;
        totals.end_bytes += size_bytes;
        if totals.end_bytes > totals.max_bytes {
            (totals.max_blocks, totals.max_bytes) = (totals.end_blocks, totals.end_bytes);
        }
        self.live_blocks += 1;
        self.live_bytes += size_bytes;
        let block = Live {
            size_bytes,
            stack,
            family,
            serial: self.allocations,
            read_bytes: 0,
            written_bytes: 0,
        };
        self.blocks.insert(addr, block);
        if self.counts_accesses {
            self.ranges.insert(addr, addr + size_bytes);
        }
        let (start, end) = self.span.unwrap_or((addr, addr));
        self.span = Some((start.min(addr), end.max(addr + size_bytes)));
        let time = self.time(moment);
        if self.live_bytes > self.peak.1 {
            self.peak = (self.live_blocks, self.live_bytes);
            self.peak_time = time;
        }
        self.point(time);
    }

    fn point(&mut self, time: u64) {
        let (live_bytes, memory_bytes) = (self.live_bytes, self.memory_bytes);
        self.timeline.push(Point { time, live_bytes, memory_bytes });
    }

    fn freed(&mut self, addr: u64) {
        if !self.blocks.contains_key(&addr) {
            return;
        }
        // The peak may end here. Who has how much of it is noted again only when it is at least
        // 1% higher, so that a heap that grows in small waves does not make that slow.
        if self.live_bytes == self.peak.1
            && self.live_bytes - self.live_bytes / 100 > self.noted_bytes
        {
            self.note_peak();
        }
        let Some(block) = self.blocks.remove(&addr) else { return };
        self.ranges.remove(&addr);
        let index = block.stack as usize;
        self.live_blocks -= 1;
        self.live_bytes -= block.size_bytes;
        let totals = &mut self.sites[index];
        totals.end_blocks -= 1;
        totals.end_bytes -= block.size_bytes;
        totals.temporary_blocks += u64::from(block.serial == self.allocations);
        totals.lifetimes += self.allocations - block.serial;
        block.account(totals);
    }

    /// Takes note of who has how much, if that is the peak.
    fn note_peak(&mut self) {
        if self.live_bytes < self.peak.1 && self.noted_bytes > 0 {
            return;
        }
        self.noted_bytes = self.live_bytes;
        for totals in &mut self.sites {
            (totals.peak_blocks, totals.peak_bytes) = (totals.end_blocks, totals.end_bytes);
        }
    }

    fn accessed(&mut self, access: &Access<'_>) {
        if access.memory() != self.memory {
            return;
        }
        let Some((&addr, &end)) = self.ranges.range(..=access.addr()).next_back() else { return };
        if access.addr() >= end {
            return;
        }
        if let Some(block) = self.blocks.get_mut(&addr) {
            let len_bytes = access.len_bytes();
            block.read_bytes += if access.kind().reads() { len_bytes } else { 0 };
            block.written_bytes += if access.kind().writes() { len_bytes } else { 0 };
        }
    }
}

impl Observer for Profiler {
    fn instantiated(&mut self, moment: &mut Moment<'_>, instance: &Instantiated<'_>) -> Result<()> {
        if self.guest.is_some() {
            return Ok(());
        }
        let Some(&memory) = instance.memories.first() else { return Ok(()) };
        let layout = self.layouts.of(instance.module_bytes(), instance.module_site());
        self.registry.survey(instance);
        if let Some(stack) = layout.stack_pointer {
            moment.report_globals_below(stack.start);
        }
        self.guest = Some(Guest {
            memory,
            memory_bytes: moment.memory_bytes(memory),
            tracker: Tracker::new(self.registry.by_site(), memory, layout.is_64),
            layout,
            blocks: AddressMap::default(),
            counts_accesses: self.options.accesses,
            ranges: BTreeMap::new(),
            sites: Vec::new(),
            live_blocks: 0,
            live_bytes: 0,
            peak: (0, 0),
            peak_time: 0,
            noted_bytes: 0,
            allocations: 0,
            start_fuel: moment.fuel(),
            timeline: Timeline::default(),
            growths: Vec::new(),
            span: None,
            lowest_stack: None,
            collected: !self.registry.functions().is_empty(),
        });
        Ok(())
    }

    fn entered(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        let Some(guest) = &mut self.guest else { return Ok(()) };
        let (stacks, depth) = (&mut self.stacks, self.options.stack_depth);
        // Who frees a block is not kept.
        let entered = guest.tracker.entered(call, |call, begun| match begun {
            Begun::Free { .. } | Begun::Reclaimed { .. } => 0,
            _ => stacks.of_call(call, moment, depth),
        });
        let freed = match entered {
            Some((_, Begun::Free { addr, .. }, _)) => Some(addr),
            Some((_, Begun::Reclaimed { addr }, _)) => {
                reclaimed(addr, |addr| guest.blocks.get(&addr).map(|it| it.family))
            }
            _ => None,
        };
        if let Some(addr) = freed {
            guest.freed(addr);
            let time = guest.time(moment);
            guest.point(time);
        }
        Ok(())
    }

    fn returned(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        let Some(guest) = &mut self.guest else { return Ok(()) };
        let Some((family, done, stack)) = guest.tracker.returned(call, moment) else {
            return Ok(());
        };
        match done {
            Done::Allocated { addr, size_bytes, .. } if addr != 0 => {
                guest.allocated(moment, family, addr, size_bytes, stack);
            }
            Done::Reallocated { old, addr, size_bytes } if addr != 0 || size_bytes == 0 => {
                guest.freed(old);
                if addr != 0 {
                    guest.allocated(moment, family, addr, size_bytes, stack);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn accesses(&mut self, _: &mut Moment<'_>, batch: &Batch<'_>) -> Result<()> {
        if let Some(guest) = &mut self.guest {
            // Entering and leaving an allocator ends a batch.
            if guest.tracker.is_inside() {
                return Ok(());
            }
            for access in batch {
                guest.accessed(&access);
            }
        }
        Ok(())
    }

    fn access(&mut self, _: &mut Moment<'_>, access: &Access<'_>) -> Result<()> {
        if let Some(guest) = &mut self.guest
            && !guest.tracker.is_inside()
        {
            guest.accessed(access);
        }
        Ok(())
    }

    fn grew(&mut self, moment: &mut Moment<'_>, growth: &MemoryGrowth) -> Result<()> {
        if let Some(guest) = &mut self.guest
            && growth.memory == guest.memory
        {
            guest.memory_bytes = growth.new_bytes;
            let time = guest.time(moment);
            guest.point(time);
            if guest.growths.len() < GROWTHS {
                let stack = self.stacks.now(moment, self.options.stack_depth);
                guest.growths.push((time, growth.new_bytes - growth.old_bytes, stack));
            }
        }
        Ok(())
    }

    fn global_set(&mut self, moment: &mut Moment<'_>, set: &GlobalSet) -> Result<()> {
        if let Some(guest) = &mut self.guest
            && guest.lowest_stack.is_none_or(|(lowest, _)| set.new < lowest)
        {
            let stack = self.stacks.now(moment, self.options.stack_depth);
            guest.lowest_stack = Some((set.new, stack));
            moment.report_globals_below(set.new);
        }
        Ok(())
    }

    fn unwound(&mut self, _: &mut Moment<'_>, height: u64) -> Result<()> {
        if let Some(guest) = &mut self.guest {
            guest.tracker.unwound(height);
        }
        Ok(())
    }

    fn ended(&mut self, _: &mut Moment<'_>, _: Ending) -> Result<()> {
        if let Some(guest) = &mut self.guest {
            guest.tracker.ended();
        }
        Ok(())
    }
}
