//! What lies beside an observed memory: which bytes are of interest, and who wrote them last.
//!
//! Both are memories of their own. Their pages are zero until they are touched, so they cost in
//! proportion to what is used of them, and growing moves nothing.

use lineal_memory::{LinearMemory, MemoryOptions, MemoryType, Pages, SharedMemory};

/// Bytes in a granule, the unit of interest, as a power of two.
pub(crate) const GRANULE_LOG2: u32 = 3;

const GRANULE_BYTES: u8 = 1 << GRANULE_LOG2;

/// The byte of its granule that an address is.
fn within(addr: u64) -> u8 {
    addr as u8 % GRANULE_BYTES
}

/// Bytes beyond what is covered that handlers may read, so that they can look at several granules
/// or words at once.
const SLACK_BYTES: u64 = 64;

/// Bytes for a memory that may grow to `max_bytes`, of which `bytes` are needed now.
fn shadow(bytes: u64, max_bytes: u64) -> Option<LinearMemory> {
    let minimum = pages(bytes);
    let ty = MemoryType::memory64(minimum, None).ok()?;
    let most = max_bytes.min(MemoryOptions::DEFAULT_MAX_RESERVATION_BYTES);
    let reservation = (most + SLACK_BYTES).next_multiple_of(PAGE_BYTES);
    let options = MemoryOptions::new().max_reservation_bytes(reservation);
    LinearMemory::with_options(ty, &options).ok()
}

const PAGE_BYTES: u64 = 65_536;

fn pages(bytes: u64) -> Pages {
    Pages(bytes.saturating_add(SLACK_BYTES).div_ceil(PAGE_BYTES))
}

/// Makes a shadow at least so large.
fn grow(memory: &mut LinearMemory, bytes: u64) {
    let missing = pages(bytes).0.saturating_sub(memory.size().0);
    if missing > 0 && memory.grow(Pages(missing)).is_err() {
        no_room();
    }
}

/// Ends the process as any allocation does that the host has no room for.
fn no_room() -> ! {
    std::alloc::handle_alloc_error(std::alloc::Layout::new::<[u8; PAGE_BYTES as usize]>())
}

/// One byte for each granule of a memory: how many of its last bytes are of interest, so that an access
/// of the bytes before them need not be reported. Blocks of a heap begin at granules, and end anywhere.
pub(crate) struct Interest {
    bytes: LinearMemory,
    /// The largest memory that it has to do with.
    max_bytes: u64,
}

impl Interest {
    pub(crate) fn new(memory_bytes: u64, max_bytes: u64) -> Interest {
        let bytes = shadow(memory_bytes >> GRANULE_LOG2, max_bytes >> GRANULE_LOG2);
        Interest { bytes: bytes.unwrap_or_else(|| no_room()), max_bytes }
    }

    /// Makes it as large as a memory of that size needs.
    pub(crate) fn cover(&mut self, memory_bytes: u64) {
        grow(&mut self.bytes, (memory_bytes >> GRANULE_LOG2) + 1);
    }

    pub(crate) fn as_ptr(&mut self) -> *mut u8 {
        self.bytes.as_mut_ptr()
    }

    /// The granules that a range of the memory touches.
    fn granules(start: u64, end: u64) -> std::ops::Range<u64> {
        if start >= end {
            return 0..0;
        }
        start >> GRANULE_LOG2..((end - 1) >> GRANULE_LOG2) + 1
    }

    /// Sets whether the bytes of a range are of interest. The memory need not be so large yet.
    ///
    /// If so, those after its end in the last granule are too; if not, those before its start in the
    /// first granule are not either.
    pub(crate) fn set(&mut self, start: u64, end: u64, on: bool) {
        let end = end.min(self.max_bytes);
        if on {
            self.cover(end);
        }
        let end = end.min(self.bytes.byte_len() << GRANULE_LOG2);
        let granules = Interest::granules(start, end);
        let Some(bytes) =
            self.bytes.as_mut_slice().get_mut(granules.start as usize..granules.end as usize)
        else {
            return;
        };
        if on {
            if let [first, rest @ ..] = bytes {
                *first = (*first).max(GRANULE_BYTES - within(start));
                rest.fill(GRANULE_BYTES);
            }
        } else if let [rest @ .., last] = bytes {
            rest.fill(0);
            *last = (*last).min(GRANULE_BYTES - 1 - within(end - 1));
        }
    }

    /// Whether any byte of a range is of interest.
    pub(crate) fn any(&self, start: u64, end: u64) -> bool {
        let granules = Interest::granules(start, end);
        let len = self.bytes.byte_len();
        let bytes = &self.bytes.as_slice()
            [granules.start.min(len) as usize..granules.end.min(len) as usize];
        let Some((&last, bytes)) = bytes.split_last() else { return false };
        // The range goes to the ends of all other granules.
        let (chunks, rest) = bytes.as_chunks::<64>();
        // What is beyond the shadow is nobody's.
        let reached = if granules.end <= len { within(end - 1) + 1 } else { GRANULE_BYTES };
        chunks.iter().any(|chunk| chunk.iter().fold(0, |all, &byte| all | byte) != 0)
            || rest.iter().any(|&byte| byte != 0)
            || reached + last > GRANULE_BYTES
    }
}

/// Set in a word of [`Writers`] whose bytes were not all written by the same; the rest is the
/// index of a [split word](Split).
pub(crate) const SPLIT: u32 = 1 << 31;

/// The writer of each byte of a word.
pub(crate) type Split = [u32; 4];

/// For each aligned word of four bytes, who wrote it last: as large as the memory, plus a little
/// for words that several share.
pub(crate) struct Writers {
    words: LinearMemory,
    split: Vec<Split>,
    free: Vec<u32>,
}

impl Writers {
    pub(crate) fn new(memory_bytes: u64, max_bytes: u64) -> Writers {
        let words = shadow(memory_bytes, max_bytes);
        Writers { words: words.unwrap_or_else(|| no_room()), split: Vec::new(), free: Vec::new() }
    }

    /// Makes it as large as a memory of that size needs.
    pub(crate) fn cover(&mut self, memory_bytes: u64) {
        grow(&mut self.words, memory_bytes);
    }

    /// The first word.
    pub(crate) fn as_ptr(&mut self) -> *mut u8 {
        self.words.as_mut_ptr()
    }

    /// The first split word.
    pub(crate) fn split_ptr(&mut self) -> *mut Split {
        self.split.as_mut_ptr()
    }

    /// The word that lies at an address.
    fn word(&self, addr: u64) -> u32 {
        self.words.load(addr & !3, 0).unwrap_or(0)
    }

    fn set_word(&mut self, addr: u64, word: u32) {
        // It is as large as the memory that was written.
        let stored = self.words.store(addr & !3, 0, word);
        debug_assert!(stored.is_ok(), "{addr:#x} is not covered");
    }

    /// Takes note that somebody wrote a range, which the memory has.
    pub(crate) fn note(&mut self, start: u64, end: u64, site: u32) {
        let mut addr = start;
        while addr < end {
            if addr & 3 == 0 && end - addr >= 4 {
                self.release(self.word(addr));
                self.set_word(addr, site);
                addr += 4;
            } else {
                self.note_byte(addr, site);
                addr += 1;
            }
        }
    }

    fn note_byte(&mut self, addr: u64, site: u32) {
        let word = self.word(addr);
        if word == site {
            return;
        }
        let index = if word & SPLIT != 0 {
            word & !SPLIT
        } else {
            let index = match self.free.pop() {
                Some(index) => {
                    self.split[index as usize] = [word; 4];
                    index
                }
                None => {
                    self.split.push([word; 4]);
                    self.split.len() as u32 - 1
                }
            };
            self.set_word(addr, SPLIT | index);
            index
        };
        let split = &mut self.split[index as usize];
        split[addr as usize & 3] = site;
        if *split == [site; 4] {
            self.set_word(addr, site);
            self.free.push(index);
        }
    }

    fn release(&mut self, word: u32) {
        if word & SPLIT != 0 {
            self.free.push(word & !SPLIT);
        }
    }

    /// Who wrote a byte last; 0 if nobody did.
    pub(crate) fn writer(&self, addr: u64) -> u32 {
        match self.word(addr) {
            word if word & SPLIT != 0 => self.split[(word & !SPLIT) as usize][addr as usize & 3],
            word => word,
        }
    }
}

/// Who wrote each byte of a memory that threads share: four times as large as the memory, so that
/// threads do not have to agree on anything.
#[derive(Clone)]
pub(crate) struct SharedWriters {
    sites: SharedMemory,
}

impl SharedWriters {
    pub(crate) fn new(max_bytes: u64) -> Option<SharedWriters> {
        let pages = pages(max_bytes.checked_mul(4)?);
        let ty = MemoryType::builder(pages)
            .maximum(pages)
            .address_type(lineal_memory::AddressType::I64)
            .shared(true)
            .build()
            .ok()?;
        Some(SharedWriters { sites: SharedMemory::new(ty).ok()? })
    }

    pub(crate) fn note(&self, start: u64, end: u64, site: u32) {
        for addr in start..end {
            let stored = self.sites.store(addr * 4, 0, site);
            debug_assert!(stored.is_ok(), "{addr:#x} is not covered");
        }
    }

    pub(crate) fn writer(&self, addr: u64) -> u32 {
        addr.checked_mul(4).and_then(|at| self.sites.load(at, 0).ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interest_does_not_need_the_memory_yet() {
        let mut interest = Interest::new(65_536, 1 << 32);
        interest.set(0x20_0003, 0x20_0009, true);
        assert!(!interest.any(0x20_0000, 0x20_0003));
        assert!(interest.any(0x20_0000, 0x20_0004));
        // What comes after the range in its last granule counts too.
        assert!(interest.any(0x20_000f, 0x20_0010));
        assert!(!interest.any(0x20_0010, 0x20_0011));
        assert!(!interest.any(0x1f_fff0, 0x20_0000));
        assert!(interest.any(0, 1 << 32));
        interest.set(0x20_0000, 0x20_0010, false);
        assert!(!interest.any(0, 1 << 32));
        interest.set(u64::MAX - 8, u64::MAX, true);
        interest.set(5, 5, true);
        assert!(!interest.any(0, 1 << 32));
    }

    /// Nothing of interest is missed, and nothing is reported that was made to be of no interest
    /// last, from the beginning of a granule on.
    #[test]
    fn interest_agrees_with_a_flag_for_each_byte() {
        const LEN: u64 = 64;
        let mut random = 1_u64;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) % below
        };
        for _ in 0..500 {
            let mut interest = Interest::new(LEN, LEN);
            let mut model = [false; LEN as usize];
            for _ in 0..12 {
                let start = next(LEN);
                let end = start + 1 + next(LEN - start);
                let on = next(2) == 0;
                interest.set(start, end, on);
                let changed = if on { start..end.next_multiple_of(8) } else { start & !7..end };
                model[changed.start as usize..changed.end as usize].fill(on);
                // Within a granule, interest only goes on to the end.
                for granule in model.chunks_mut(8) {
                    let first = granule.iter().position(|&is_of_interest| is_of_interest);
                    if let Some(first) = first {
                        granule[first..].fill(true);
                    }
                }
                for start in 0..LEN {
                    for end in start + 1..=LEN {
                        let any = model[start as usize..end as usize].contains(&true);
                        assert_eq!(interest.any(start, end), any, "{start}..{end}");
                    }
                }
            }
        }
    }

    #[test]
    fn writers_agree_with_a_site_for_each_byte() {
        const LEN: u64 = 64;
        let mut writers = Writers::new(LEN, LEN);
        let mut model = [0_u32; LEN as usize];
        let mut random = 1_u64;
        for _ in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let start = (random >> 33) % LEN;
            let end = (start + 1 + (random >> 40) % 9).min(LEN);
            let site = 100 + (random >> 50) as u32 % 5;
            writers.note(start, end, site);
            model[start as usize..end as usize].fill(site);
            for addr in 0..LEN {
                assert_eq!(writers.writer(addr), model[addr as usize], "byte {addr}");
            }
        }
        assert!(writers.split.len() <= LEN as usize / 4, "split words are used again");
    }
}
