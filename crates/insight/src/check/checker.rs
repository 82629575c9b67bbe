//! [`Check`]: the observer that finds memory errors.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail};
use lineal::{
    Access, AccessSource, Accesses, Call, Ending, FunctionInfo, GlobalSet, Growth, Instantiated,
    MemoryId, Module, Moment, Observe, Observer, Site, Trap,
};

use super::finding::Kind;
use super::frames::frames;
use super::heap::{Heap, Verdict};
use super::json::frames as frames_json;
use super::leaks::{self, LeakKind, Roots};
use super::options::{LeakCheck, Options, Undefined};
use super::regions::{Regions, Where, variables_end};
use super::report::{Draft, HeapSummary, LeakSummary, Recorder, Report};
use crate::alloc::{AllocatorFunction, Registry, StackId, Tracker};
use crate::event::Awaited;
use crate::hash::FastMap;
use crate::layout::Layout;
use crate::page::Page;
use crate::words::{bytes, count_of};

/// Finds memory errors and leaks of a guest: of all instances in a store, each in its first memory.
///
/// Make an engine that observes what [`observe`](Self::observe) returns, give the store this as
/// its observer, run the guest, and ask for the [`report`](Self::report).
#[derive(Debug)]
pub struct Check {
    options: Options,
    registry: Registry,
    layouts: Layouts,
    recorder: Recorder,
    /// The call at which leaks are searched for, instead of the end.
    leaks_at: Option<Awaited>,
    guests: Vec<Guest>,
}

/// What is known of the memory that is checked.
#[derive(Debug)]
struct Guest {
    memory: MemoryId,
    layout: Layout,
    tracker: Tracker,
    heap: Heap,
    regions: Regions,
    /// The leaks as they were when something stopped the guest, or when they were searched for.
    leaks: Option<LeakSummary>,
}

/// The layouts of the modules that an engine makes, by the sites of their first bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layouts(Arc<Mutex<HashMap<Site, Layout>>>);

impl Layouts {
    /// The layout of a module with that binary and that first site, if it has one.
    pub(crate) fn of(&self, binary: &[u8], site: Option<Site>) -> Layout {
        let Some(site) = site else { return Layout::of(binary) };
        let mut layouts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        layouts.entry(site).or_insert_with(|| Layout::of(binary)).clone()
    }
}

impl Check {
    /// Checks with those options.
    pub fn new(options: Options) -> Check {
        Check {
            registry: Registry::new(options.alloc.clone()),
            layouts: Layouts::default(),
            recorder: Recorder::new(&options),
            leaks_at: options.leak_check_at.clone().map(Awaited::new),
            guests: Vec::new(),
            options,
        }
    }

    /// What an engine has to observe, for [`Config::observe`](lineal::Config::observe). Modules of
    /// that engine are made after this.
    pub fn observe(&self) -> Observe {
        let silent = self.registry.clone();
        self.observe_calls(Registry::choose_entry)
            .silent(move |function| silent.choose_silent(function))
    }

    /// The same, for an engine that also remembers who wrote what, so that no function is silent.
    pub fn observe_with_writers(&self) -> Observe {
        self.observe_calls(Registry::choose_allocator).writers(true)
    }

    fn observe_calls(&self, is_allocator: fn(&Registry, &FunctionInfo<'_>) -> bool) -> Observe {
        let (registry, layouts) = (self.registry.clone(), self.layouts.clone());
        let copies = self.registry.clone();
        let leaks_at = self.leaks_at.clone();
        Observe::new()
            .accesses(Accesses::OfInterest)
            .functions(move |function| {
                let is_event = leaks_at.as_ref().is_some_and(|event| event.choose(function));
                is_allocator(&registry, function) || is_event
            })
            .entries(move |function| copies.choose_copy(function))
            .globals(move |global| {
                let layout = layouts.of(global.module_bytes(), global.module_site());
                layout.stack_pointer.is_some_and(|stack| stack.global == global.index())
            })
    }

    /// The allocator functions that were recognised, and how.
    pub fn allocators(&self) -> Vec<AllocatorFunction> {
        self.registry.functions()
    }

    /// Whether there is an instance with a memory to check.
    pub fn has_begun(&self) -> bool {
        !self.guests.is_empty()
    }

    /// What was found. Leaks are searched for now, unless something stopped the guest before.
    pub fn report(&mut self, moment: &mut Moment<'_>) -> Report {
        for guest in &self.guests {
            if let Some(addr) = guest.regions.changed_constant(moment, guest.memory) {
                let message = format!(
                    "constant data (.rodata) at {addr:#x} was overwritten; who did is not known, as \
                     it was read too often to be watched: use blame for that address"
                );
                let stack = self.recorder.stack(moment);
                let found = Draft::new(Kind::ReadOnlyWrite, message).at(addr, 0);
                self.recorder.record_once(moment, guest.memory, stack, found);
            }
        }
        if self.leaks_at.is_none() && self.guests.iter().any(|guest| guest.leaks.is_none()) {
            self.search_leaks(moment);
        }
        let (mut heap, mut leaks) = (HeapSummary::default(), None);
        for guest in &self.guests {
            heap.add_all(guest.heap.summary());
            if let Some(found) = &guest.leaks {
                leaks.get_or_insert_with(LeakSummary::default).add_all(found);
            }
        }
        let mut report = self.recorder.report(self.registry.functions(), heap, leaks);
        report.unused_alloc = self.registry.unused_options();
        report.hidden = self.registry.hidden();
        let missed = self.leaks_at.as_ref().filter(|event| !event.has_happened());
        report.leaks_missed = missed.map(|event| event.event().clone());
        report
    }

    /// A page that shows what was found, and where in the memory of the guest.
    pub fn page(&self, title: &str, report: &Report, moment: &Moment<'_>, module: &Module) -> Page {
        let mut page = Page::new(title);
        if let Some(guest) = self.guests.first() {
            let mut known: FastMap<StackId, _> = FastMap::default();
            let blocks = guest.heap.live().chain(guest.heap.freed()).map(|block| {
                let sites = self.recorder.sites(block.allocated_at);
                let stack = || frames_json(&frames(moment, sites));
                (block, known.entry(block.allocated_at).or_insert_with(stack).clone())
            });
            page.memory(moment, guest.memory, module, &guest.layout, blocks);
        }
        page.findings(report);
        page
    }

    /// Looks for leaks as they are now; those of before are forgotten.
    fn search_leaks(&mut self, moment: &mut Moment<'_>) {
        if self.options.leak_check == LeakCheck::No {
            return;
        }
        self.recorder.begin_leaks();
        for guest in &mut self.guests {
            guest.leaks = Some(guest.find_leaks(moment, &self.options, &mut self.recorder));
        }
    }

    /// The guest whose function runs. If there is only one, whatever runs works for it.
    fn running<'a>(guests: &'a mut [Guest], moment: &mut Moment<'_>) -> Option<&'a mut Guest> {
        if let [only] = guests {
            return Some(only);
        }
        let memory = moment.running_memory(0)?;
        guests.iter_mut().find(|guest| guest.memory == memory)
    }

    /// Stops the guest if the options say so and there is a finding.
    fn go_on(&self) -> Result<()> {
        if self.options.stop_on_error && self.recorder.has_findings() {
            bail!("stopped at the first finding, as --stop-on-error asks");
        }
        Ok(())
    }
}

impl Observer for Check {
    fn instantiated(&mut self, moment: &mut Moment<'_>, instance: &Instantiated<'_>) -> Result<()> {
        let Some(&memory) = instance.memories.first() else { return Ok(()) };
        if self.guests.iter().any(|guest| guest.memory == memory) {
            return Ok(());
        }
        let layout = self.layouts.of(instance.module_bytes(), instance.module_site());
        let inlines_operators = self.registry.survey(instance);
        let variables_end = variables_end(&layout, instance.module);
        let regions = Regions::new(&layout, variables_end);
        regions.mark(moment, memory);
        self.guests.push(Guest {
            memory,
            tracker: Tracker::new(self.registry.enclosed_by_site(), memory, layout.is_64),
            heap: Heap::new(
                memory,
                &layout,
                self.options.undefined == Undefined::Host,
                inlines_operators,
            ),
            regions,
            layout,
            leaks: None,
        });
        if let Some(limit) = self.guests.iter().filter_map(|it| it.regions.stack_limit()).max() {
            moment.report_globals_below(limit);
        }
        Ok(())
    }

    fn access(&mut self, moment: &mut Moment<'_>, access: &Access<'_>) -> Result<()> {
        let memory = access.memory();
        let Some(guest) = self.guests.iter_mut().find(|guest| guest.memory == memory) else {
            return Ok(());
        };
        let reported = access.len_bytes() > 0
            && access.source() != AccessSource::Segment
            && !guest.tracker.is_inside();
        if !reported {
            return Ok(());
        }
        if let Some(found) = guest.check(moment, access, &self.options) {
            let stack = self.recorder.stack_at(access.site(), moment);
            self.recorder.record(moment, guest.memory, stack, found);
        }
        self.go_on()
    }

    fn grew(&mut self, moment: &mut Moment<'_>, growth: &Growth) -> Result<()> {
        if let Some(guest) = self.guests.iter_mut().find(|it| it.memory == growth.memory) {
            let inside = guest.tracker.is_inside();
            guest.heap.grew(moment, growth.old_bytes..growth.new_bytes, inside);
        }
        Ok(())
    }

    fn entered(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        if self.leaks_at.as_mut().is_some_and(|event| event.is_now(call)) {
            self.search_leaks(moment);
        }
        let Some(guest) = Self::running(&mut self.guests, moment) else { return Ok(()) };
        let recorder = &mut self.recorder;
        let entered = guest.tracker.entered(call, |call, _| recorder.stack_of_call(call, moment));
        let Some((recognised, begun, stack)) = entered else { return Ok(()) };
        for found in guest.heap.begun(moment, recognised.family, begun, stack, &guest.regions) {
            recorder.record(moment, guest.memory, stack, found);
        }
        guest.heap.change(call, recognised, begun, &self.options);
        self.go_on()
    }

    fn returned(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        let Some(guest) = Self::running(&mut self.guests, moment) else { return Ok(()) };
        if let Some((family, done, stack)) = guest.tracker.returned(call, moment) {
            guest.heap.done(moment, family, done, stack);
        }
        Ok(())
    }

    fn global_set(&mut self, moment: &mut Moment<'_>, set: &GlobalSet) -> Result<()> {
        if let Some(guest) = Self::running(&mut self.guests, moment) {
            guest.regions.stack_pointer_set(moment, guest.memory, set.new);
        }
        Ok(())
    }

    fn unwound(&mut self, _: &mut Moment<'_>, height: u64) -> Result<()> {
        self.guests.iter_mut().for_each(|guest| guest.tracker.unwound(height));
        Ok(())
    }

    fn ended(&mut self, moment: &mut Moment<'_>, ending: Ending) -> Result<()> {
        if matches!(ending, Ending::Trapped(Trap::MemoryOutOfBounds))
            && let Some(guest) = Self::running(&mut self.guests, moment)
            && let pointer = guest.layout.stack_pointer.and_then(|it| moment.global(it.global))
            && guest.regions.ran_out_of_stack(pointer)
        {
            let stack = self.recorder.stack(moment);
            let found = Draft::new(
                Kind::StackOverflow,
                "the stack grew beyond address 0, so the next access was out of bounds".to_owned(),
            );
            self.recorder.record(moment, guest.memory, stack, found);
        }
        self.guests.iter_mut().for_each(|guest| guest.tracker.ended());
        if self.leaks_at.is_none() && self.options.leak_check != LeakCheck::No {
            // The guest may be called again, and then the leaks are others.
            self.guests.iter_mut().for_each(|guest| guest.leaks = None);
            if !matches!(ending, Ending::Returned) && !self.options.host_goes_on {
                // What the guest's frames point to is reachable only as long as they are there.
                self.search_leaks(moment);
            }
        }
        Ok(())
    }
}

impl Guest {
    /// What is wrong with an access, if anything is.
    fn check(
        &mut self,
        moment: &mut Moment<'_>,
        access: &Access<'_>,
        options: &Options,
    ) -> Option<Draft> {
        let range = access.range();
        let (len_bytes, writes) = (access.len_bytes(), access.kind().writes());
        let what = if writes { "write" } else { "read" };
        // Nearly every access is fine, so nothing is written down before one is not.
        let draft = |kind, rest: String| {
            let subject =
                format!("{what} of {len_bytes} {} at {:#x}", bytes(len_bytes), range.start);
            Some(Draft::new(kind, format!("{subject}, {rest}")).at(range.start, len_bytes))
        };
        match self.regions.place(moment, self.memory, &range, writes) {
            Some(Where::NullPage) => {
                return draft(Kind::NullPage, "near address 0: a null pointer was used".to_owned());
            }
            Some(Where::ReadOnly) => {
                return draft(Kind::ReadOnlyWrite, "in constant data (.rodata)".to_owned());
            }
            Some(Where::BelowStack(low)) => {
                let beyond = low - range.start;
                return draft(
                    Kind::StackOverflow,
                    format!(
                        "{beyond} {} beyond the end of the stack at {low:#x}: the stack is too \
                         small for these calls",
                        bytes(beyond)
                    ),
                );
            }
            None => {}
        }
        let host = access.site().is_host() || access.source() == AccessSource::Host;
        match self.heap.verdict(moment, access, options.partial_loads_ok) {
            Verdict::Fine => {}
            Verdict::Bad { freed, place, block } => {
                let kind = match (freed, writes) {
                    (true, _) => Kind::UseAfterFree,
                    (false, true) => Kind::InvalidWrite,
                    (false, false) => Kind::InvalidRead,
                };
                return draft(kind, place).map(|draft| draft.about(block));
            }
        }
        if writes {
            self.heap.defined(moment, range);
            return None;
        }
        let undefined = self.heap.undefined_in(&range).filter(|_| host)?;
        Some(
            Draft::new(
                Kind::UndefinedToHost,
                format!(
                    "{} of {len_bytes} bytes at {:#x} that the host reads were never written",
                    undefined.count, range.start
                ),
            )
            .at(undefined.first, len_bytes)
            .about(undefined.block),
        )
    }

    /// Searches for leaks as they are now; what was found before is forgotten.
    fn find_leaks(
        &self,
        moment: &mut Moment<'_>,
        options: &Options,
        recorder: &mut Recorder,
    ) -> LeakSummary {
        let memory_bytes = moment.memory_bytes(self.memory);
        let mut summary = LeakSummary::default();
        let contents = match moment.linear(self.memory) {
            Some(memory) => Cow::Borrowed(memory.as_slice()),
            None => {
                // Threads share it: what they write meanwhile is seen or not.
                let mut copy = vec![0; usize::try_from(memory_bytes).unwrap_or(0)];
                if moment.read(self.memory, 0, &mut copy).is_err() {
                    return summary;
                }
                Cow::Owned(copy)
            }
        };
        let values: Vec<u64> = moment.live_values().collect();
        let dead = self.regions.dead_stack(&values);
        let ranges = self.heap.outside(memory_bytes).into_iter().flat_map(|range| {
            [range.start..range.end.min(dead.start), range.start.max(dead.end)..range.end]
        });
        let ranges = ranges.filter(|range| !range.is_empty()).collect();
        let pointer_bytes = if self.layout.is_64 { 8 } else { 4 };
        let roots = Roots { values, ranges };
        let found = leaks::find(&contents, pointer_bytes, self.heap.live(), &roots);
        // Blocks of one kind that were allocated at one place are one finding.
        let mut groups: Vec<(LeakKind, StackId, u64, u64, crate::alloc::Block)> = Vec::new();
        for (block, kind) in found {
            match groups.iter_mut().find(|group| (group.0, group.1) == (kind, block.allocated_at)) {
                Some(group) => {
                    group.2 += 1;
                    group.3 += block.size_bytes;
                }
                None => groups.push((kind, block.allocated_at, 1, block.size_bytes, block.clone())),
            }
        }
        groups.sort_by_key(|group| (group.0, std::cmp::Reverse(group.3)));
        for (kind, stack, blocks, lost_bytes, first) in groups {
            let verb = if lost_bytes == 1 { "is" } else { "are" };
            let message = format!(
                "{} in {} {verb} {}, allocated at",
                count_of(lost_bytes, "byte"),
                count_of(blocks, "block"),
                kind.words()
            );
            let draft = Draft::new(Kind::Leak(kind), message).lost(lost_bytes).about(Some(first));
            let shown =
                options.leak_check == LeakCheck::Full && options.show_leak_kinds.contains(&kind);
            if recorder.record_leak(moment, self.memory, stack, draft, shown) {
                summary.suppress(blocks, lost_bytes);
            } else {
                summary.add(kind, blocks, lost_bytes);
            }
        }
        summary
    }
}
