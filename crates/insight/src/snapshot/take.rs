//! [`Snapshotter`]: the observer that takes a snapshot.

use anyhow::Result;
use lineal::{Call, Ending, Instantiated, MemoryId, Module, Moment, Observe, Observer, Trap};

use super::{Image, PAGE_BYTES, Snapshot, SnapshotBlock};
use crate::alloc::{AllocOption, Begun, Block, Blocks, Done, Registry, Tracker};
use crate::check::{Layouts, frames, regions_of};
use crate::event::{Awaited, Event};
use crate::layout::Layout;
use crate::stacks::Stacks;

/// How many frames of an allocation's call stack are kept.
const STACK_DEPTH: usize = 12;

/// Takes a snapshot at an event.
#[derive(Debug)]
pub struct Snapshotter {
    event: Event,
    awaited: Option<Awaited>,
    registry: Registry,
    layouts: Layouts,
    stacks: Stacks,
    guest: Option<Guest>,
    taken: Option<Snapshot>,
}

#[derive(Debug)]
struct Guest {
    module: Module,
    memories: Vec<MemoryId>,
    layout: Layout,
    tracker: Tracker,
    blocks: Blocks,
}

impl Snapshotter {
    /// Waits for an event. The options name allocator functions besides those with known names.
    pub fn new(event: Event, alloc: Vec<AllocOption>) -> Snapshotter {
        let awaited = match &event {
            Event::Call(call) => Some(Awaited::new(call.clone())),
            _ => None,
        };
        Snapshotter {
            event,
            awaited,
            registry: Registry::new(alloc),
            layouts: Layouts::default(),
            stacks: Stacks::default(),
            guest: None,
            taken: None,
        }
    }

    /// What an engine has to observe, for [`Config::observe`](lineal::Config::observe). Modules of
    /// that engine are made after this.
    pub fn observe(&self) -> Observe {
        let (registry, awaited) = (self.registry.clone(), self.awaited.clone());
        Observe::new().functions(move |function| {
            let is_event = awaited.as_ref().is_some_and(|event| event.choose(function));
            registry.choose_entry(function) || is_event
        })
    }

    /// The snapshot, if the event happened.
    pub fn taken(&self) -> Option<&Snapshot> {
        self.taken.as_ref()
    }

    fn take(&mut self, moment: &Moment<'_>) {
        let Some(guest) = &self.guest else { return };
        let memory_bytes = guest.memories.first().map_or(0, |&id| moment.memory_bytes(id));
        let regions = regions_of(&guest.layout, &guest.module, memory_bytes);
        let regions = regions.into_iter().map(|(range, kind, name)| (range, kind.to_owned(), name));
        let symbols = guest.module.data_symbols().iter();
        let symbols = symbols.filter(|symbol| symbol.memory() == 0 && !symbol.is_segment());
        let mut symbols: Vec<_> =
            symbols.map(|symbol| (symbol.range(), symbol.name().to_owned())).collect();
        symbols.sort_by_key(|(range, _)| range.start);
        let blocks = guest.blocks.live().map(|block| SnapshotBlock {
            addr: block.addr,
            size_bytes: block.size_bytes,
            serial: block.serial,
            stack: frames(moment, self.stacks.get(block.allocated_at)),
        });
        self.taken = Some(Snapshot {
            event: self.event.to_string(),
            memories: guest.memories.iter().map(|&id| image(moment, id)).collect(),
            regions: regions.collect(),
            symbols,
            blocks: blocks.collect(),
        });
    }
}

fn image(moment: &Moment<'_>, memory: MemoryId) -> Image {
    let len_bytes = moment.memory_bytes(memory);
    let mut image = Image { len_bytes, ..Image::default() };
    let mut page = vec![0; PAGE_BYTES as usize];
    for addr in (0..len_bytes).step_by(PAGE_BYTES as usize) {
        page.resize(PAGE_BYTES.min(len_bytes - addr) as usize, 0);
        if moment.read(memory, addr, &mut page).is_err() {
            break;
        }
        image.keep(addr, &page);
    }
    image
}

impl Observer for Snapshotter {
    fn instantiated(&mut self, _: &mut Moment<'_>, instance: &Instantiated<'_>) -> Result<()> {
        if self.guest.is_some() {
            return Ok(());
        }
        let Some(&memory) = instance.memories.first() else { return Ok(()) };
        let layout = self.layouts.of(instance.module_bytes(), instance.module_site());
        self.guest = Some(Guest {
            module: instance.module.clone(),
            memories: instance.memories.to_vec(),
            tracker: Tracker::new(self.registry.by_site(), memory, layout.is_64),
            layout,
            blocks: Blocks::default(),
        });
        Ok(())
    }

    fn entered(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        if self.awaited.as_mut().is_some_and(|event| event.is_now(call)) {
            self.take(moment);
        }
        let Some(guest) = &mut self.guest else { return Ok(()) };
        let stacks = &mut self.stacks;
        let entered =
            guest.tracker.entered(call, |call, _| stacks.of_call(call, moment, STACK_DEPTH));
        match entered {
            Some((_, Begun::Free { addr, .. }, stack)) => {
                guest.blocks.free(addr, stack);
            }
            Some((_, Begun::Reclaimed { addr }, stack)) => {
                if let Some(addr) = guest.blocks.reclaimed(addr) {
                    guest.blocks.free(addr, stack);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn returned(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        let Some(guest) = &mut self.guest else { return Ok(()) };
        let Some((family, done, stack)) = guest.tracker.returned(call, moment) else {
            return Ok(());
        };
        let (addr, size_bytes) = match done {
            Done::Allocated { addr, size_bytes, .. } => (addr, size_bytes),
            Done::Reallocated { old, addr, size_bytes } => {
                if addr != 0 || size_bytes == 0 {
                    guest.blocks.free(old, stack);
                }
                (addr, size_bytes)
            }
            _ => return Ok(()),
        };
        if addr != 0 {
            guest.blocks.insert(Block::new(family, addr, size_bytes, 0, stack));
        }
        Ok(())
    }

    fn unwound(&mut self, _: &mut Moment<'_>, height: u64) -> Result<()> {
        if let Some(guest) = &mut self.guest {
            guest.tracker.unwound(height);
        }
        Ok(())
    }

    fn ended(&mut self, moment: &mut Moment<'_>, ending: Ending) -> Result<()> {
        let happened = match self.event {
            Event::Exit => true,
            Event::Trap => matches!(ending, Ending::Trapped(_)),
            Event::Fuel(_) => matches!(ending, Ending::Trapped(Trap::OutOfFuel)),
            Event::Call(_) => false,
        };
        if happened {
            self.take(moment);
        }
        if let Some(guest) = &mut self.guest {
            guest.tracker.ended();
        }
        Ok(())
    }
}
