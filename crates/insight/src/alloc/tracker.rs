//! Calls of allocator functions, made sense of.
//!
//! Allocators call each other: `calloc` calls `malloc`, `operator new` calls `malloc`. The
//! outermost call is the program's, so it defines the block; the inner ones only count a depth.
//! While the depth is not 0, what is accessed is the allocator's own business.

use std::sync::atomic::{AtomicU64, Ordering};

use lineal::{Call, MemoryId, Moment, Site};

use super::blocks::StackId;
use super::recognise::{Family, Recognised, Role};
use crate::hash::FastMap;

/// The parameters that are kept: as many as any known function has.
const MAX_PARAMS: usize = 8;

/// What a program asks of its allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Memory of that size; `None` if the size overflows.
    Allocate {
        /// The size in bytes.
        size_bytes: Option<u64>,
        /// The size as it was asked for, which is negative if it is absurd.
        signed: i64,
    },
    /// Another size for a block.
    Reallocate {
        /// The block, or 0.
        addr: u64,
        /// The new size in bytes.
        size_bytes: Option<u64>,
        /// The size as it was asked for, which is negative if it is absurd.
        signed: i64,
        /// The size that the program believes the block to have.
        old_bytes: Option<u64>,
        /// The alignment that the program believes the block to have.
        align: Option<u64>,
    },
    /// That a block be freed.
    Free {
        /// The block, or 0.
        addr: u64,
        /// The size that the program believes the block to have.
        size_bytes: Option<u64>,
        /// The alignment that the program believes the block to have.
        align: Option<u64>,
    },
    /// That a block be freed while a collector is at work: see [`Blocks::reclaimed`](super::Blocks::reclaimed).
    Reclaimed {
        /// The block, as the allocator knows it.
        addr: u64,
    },
    /// A copy between ranges that must not overlap.
    Copy {
        /// The first byte written.
        to: u64,
        /// The first byte read.
        from: u64,
        /// How many bytes.
        len_bytes: u64,
    },
    /// Something that does not change any block.
    Other,
}

/// What an allocator did for its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// There is a new block; or none, if the address is 0.
    Allocated {
        /// The block's address.
        addr: u64,
        /// Its size in bytes.
        size_bytes: u64,
        /// The alignment that was asked for, or 0.
        align: u64,
        /// Whether it is full of zeros.
        zeroed: bool,
    },
    /// A block has another size, and perhaps another address.
    Reallocated {
        /// The old block, or 0.
        old: u64,
        /// The new one, or 0 if there is no room (or the new size is 0).
        addr: u64,
        /// Its size in bytes.
        size_bytes: u64,
    },
    /// The program was told how many bytes of a block it may use.
    UsableSize {
        /// The block.
        addr: u64,
        /// The bytes.
        size_bytes: u64,
    },
    /// Nothing that changes a block.
    Other,
}

/// A call of an allocator function that has not returned.
#[derive(Clone, Copy, Debug)]
struct Pending {
    height: u64,
    recognised: Recognised,
    params: [u64; MAX_PARAMS],
    stack: StackId,
}

/// Follows the calls of allocator functions. Each thread that guests run on has calls of its own.
#[derive(Debug)]
pub struct Tracker {
    functions: FastMap<Site, Recognised>,
    threads: Vec<(u64, Vec<Pending>)>,
    memory: MemoryId,
    /// Whether addresses have 64 bits, so that a size is negative from 2^63 on.
    is_64: bool,
}

impl Recognised {
    /// The block that the function means by an address; 0 stays 0.
    fn block_at(&self, addr: u64) -> u64 {
        if addr == 0 { 0 } else { addr + self.header_bytes }
    }
}

/// The number of this thread: that of the standard library takes longer than the rest of a look-up.
fn this_thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    thread_local!(static NUMBER: u64 = NEXT.fetch_add(1, Ordering::Relaxed));
    NUMBER.with(|number| *number)
}

impl Tracker {
    /// Knows these functions, which allocate in a memory.
    pub fn new(
        functions: impl IntoIterator<Item = (Site, Recognised)>,
        memory: MemoryId,
        is_64: bool,
    ) -> Tracker {
        Tracker { functions: functions.into_iter().collect(), threads: Vec::new(), memory, is_64 }
    }

    /// Whether the program is in an allocator now.
    pub fn is_inside(&self) -> bool {
        let here = this_thread();
        self.threads.iter().any(|(thread, pending)| *thread == here && !pending.is_empty())
    }

    /// The calls of this thread that have not returned: those at a height or below it.
    fn pending(&mut self, height: u64) -> &mut Vec<Pending> {
        let here = this_thread();
        let at = self.threads.iter().position(|(thread, _)| *thread == here);
        let at = at.unwrap_or_else(|| {
            self.threads.push((here, Vec::new()));
            self.threads.len() - 1
        });
        let pending = &mut self.threads[at].1;
        while pending.last().is_some_and(|pending| pending.height > height) {
            pending.pop();
        }
        pending
    }

    /// A function begins. Returns what the program asks for, if it is not the allocator itself
    /// that asks; `stack` is called only then, with that.
    pub fn entered(
        &mut self,
        call: &Call<'_>,
        stack: impl FnOnce(&Call<'_>, Begun) -> StackId,
    ) -> Option<(Recognised, Begun, StackId)> {
        let recognised = *self.functions.get(&call.function)?;
        let mut params = [0; MAX_PARAMS];
        for (param, value) in params.iter_mut().zip(call.values.iter()) {
            *param = *value;
        }
        let caller = self.pending(call.height).last().map(|pending| pending.recognised);
        let asked = match (caller, recognised.role) {
            (None, _) => Some(self.begun(recognised, &params)),
            // The compiler may have inlined all of the collector into what makes objects.
            (
                Some(Recognised {
                    family: Family::AssemblyScript,
                    role: Role::Collector | Role::Allocate { .. },
                    ..
                }),
                Role::Free { block, .. } | Role::Reclaim { block },
            ) => Some(Begun::Reclaimed { addr: recognised.block_at(params[block]) }),
            _ => None,
        };
        // Copies are frequent, and nearly all are right.
        let is_right_copy = |asked| {
            matches!(asked, Begun::Copy { to, from, len_bytes }
            if to == from || to.abs_diff(from) >= len_bytes)
        };
        let with_stack = asked.filter(|&asked| asked != Begun::Other && !is_right_copy(asked));
        let stack = with_stack.map_or(0, |asked| stack(call, asked));
        let begun = asked.map(|asked| (recognised, asked, stack));
        if !matches!(recognised.role, Role::Copy { .. }) {
            let pending = Pending { height: call.height, recognised, params, stack };
            self.pending(call.height).push(pending);
        }
        begun
    }

    /// A function returns. Returns what was done for the program, if it is not the allocator
    /// itself that goes on.
    pub fn returned(
        &mut self,
        call: &Call<'_>,
        moment: &Moment<'_>,
    ) -> Option<(Family, Done, StackId)> {
        let recognised = *self.functions.get(&call.function)?;
        if matches!(recognised.role, Role::Copy { .. }) {
            return None;
        }
        let pending = self.pending(call.height);
        let (call_of, outermost) = (pending.pop()?, pending.is_empty());
        if !outermost {
            return None;
        }
        let result = call.values.first().copied().unwrap_or(0);
        let done = if call.is_tail_call {
            Done::Other
        } else {
            self.done(call_of.recognised, &call_of.params, result, moment)
        };
        Some((call_of.recognised.family, done, call_of.stack))
    }

    /// Calls above that height are gone.
    pub fn unwound(&mut self, height: u64) {
        self.pending(height);
    }

    /// All calls of this thread are gone.
    pub fn ended(&mut self) {
        let here = this_thread();
        self.threads.retain(|(thread, _)| *thread != here);
    }

    fn size(
        &self,
        params: &[u64; MAX_PARAMS],
        size: usize,
        count: Option<usize>,
    ) -> (Option<u64>, i64) {
        let signed = |value: u64| {
            if self.is_64 { value as i64 } else { i64::from(value as u32 as i32) }
        };
        let (size, count) = (params[size], count.map_or(1, |count| params[count]));
        let product = size.checked_mul(count);
        let limit = if self.is_64 { i64::MAX as u64 } else { i32::MAX as u64 };
        let absurd = [size, count].into_iter().map(signed).find(|&value| value < 0);
        match product {
            Some(bytes) if bytes <= limit => (Some(bytes), bytes as i64),
            _ => (None, absurd.unwrap_or(i64::MAX)),
        }
    }

    fn begun(&self, recognised: Recognised, params: &[u64; MAX_PARAMS]) -> Begun {
        let addr = |index: usize| recognised.block_at(params[index]);
        let param = |index: Option<usize>| index.map(|index| params[index]);
        match recognised.role {
            Role::Allocate { size, count, .. } => {
                let (size_bytes, signed) = self.size(params, size, count);
                Begun::Allocate { size_bytes, signed }
            }
            Role::AllocateInto { size, .. } => {
                let (size_bytes, signed) = self.size(params, size, None);
                Begun::Allocate { size_bytes, signed }
            }
            Role::Reallocate { block, size, count, old_size, align } => {
                let (size_bytes, signed) = self.size(params, size, count);
                Begun::Reallocate {
                    addr: addr(block),
                    size_bytes,
                    signed,
                    old_bytes: param(old_size),
                    align: param(align),
                }
            }
            Role::Free { block, size, align } => {
                Begun::Free { addr: addr(block), size_bytes: param(size), align: param(align) }
            }
            Role::Copy { to, from, size } => {
                Begun::Copy { to: params[to], from: params[from], len_bytes: params[size] }
            }
            Role::Resize { .. }
            | Role::UsableSize { .. }
            | Role::Reclaim { .. }
            | Role::Collector
            | Role::Internal => Begun::Other,
        }
    }

    /// The pointer at an address, or 0.
    fn pointer_at(&self, addr: u64, moment: &Moment<'_>) -> u64 {
        let mut bytes = [0; 8];
        let pointer_bytes = if self.is_64 { 8 } else { 4 };
        match moment.read(self.memory, addr, &mut bytes[..pointer_bytes]) {
            Ok(()) => u64::from_le_bytes(bytes),
            Err(_) => 0,
        }
    }

    fn done(
        &self,
        recognised: Recognised,
        params: &[u64; MAX_PARAMS],
        result: u64,
        moment: &Moment<'_>,
    ) -> Done {
        match recognised.role {
            Role::Allocate { size, count, align, zeroed } => Done::Allocated {
                addr: recognised.block_at(result),
                size_bytes: self.size(params, size, count).0.unwrap_or(0),
                align: align.map_or(0, |align| params[align]),
                zeroed,
            },
            Role::AllocateInto { pointer, size, align } if result == 0 => Done::Allocated {
                addr: self.pointer_at(params[pointer], moment),
                size_bytes: params[size],
                align: params[align],
                zeroed: false,
            },
            Role::Reallocate { block, size, count, .. } => {
                match self.size(params, size, count).0 {
                    Some(size_bytes) => Done::Reallocated {
                        old: recognised.block_at(params[block]),
                        addr: recognised.block_at(result),
                        size_bytes,
                    },
                    // There is no such size, so the old block is still there.
                    None => Done::Other,
                }
            }
            Role::Resize { block, size } if result & 1 != 0 => Done::Reallocated {
                old: params[block],
                addr: params[block],
                size_bytes: params[size],
            },
            Role::UsableSize { block } => {
                Done::UsableSize { addr: params[block], size_bytes: result }
            }
            _ => Done::Other,
        }
    }
}
