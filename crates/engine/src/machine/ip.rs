//! The instruction pointer, and how the cell it is at packs its operands.

use super::flow::Address;

/// The instruction pointer: the cell being executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub(crate) struct Ip(*const u64);

impl Ip {
    pub(crate) const NULL: Ip = Ip(std::ptr::null());

    pub(crate) const fn new(ptr: *const u64) -> Ip {
        Ip(ptr)
    }

    #[inline(always)]
    pub(crate) fn as_ptr(self) -> *const u64 {
        self.0
    }

    /// The address that many granules further on (or back).
    #[inline(always)]
    pub(crate) fn offset(self, granules: isize) -> Ip {
        Ip(self.0.wrapping_offset(granules))
    }

    /// The address as the bits of a number, to travel in a register of those.
    #[cfg(lineal_tail_calls)]
    #[inline(always)]
    pub(super) fn to_number(self) -> f64 {
        f64::from_bits(self.0.expose_provenance() as u64)
    }

    /// The address that a number has the bits of.
    #[cfg(lineal_tail_calls)]
    #[inline(always)]
    pub(super) fn from_number(number: f64) -> Ip {
        Ip(std::ptr::with_exposed_provenance(number.to_bits() as usize))
    }

    /// The index of the granule that the address is in, if it lies in `cells`.
    pub(crate) fn granule_in(self, cells: &[u64]) -> Option<u32> {
        let range = cells.as_ptr_range();
        // SAFETY: both are in `cells`.
        range.contains(&self.0).then(|| unsafe { self.0.offset_from(range.start) } as u32)
    }

    /// Operand `a`.
    #[inline(always)]
    pub(crate) unsafe fn a(self) -> usize {
        // SAFETY: E1: the cell has an operand granule.
        unsafe { self.0.add(1).cast::<u16>().read() as usize }
    }

    /// Operand `d`.
    #[inline(always)]
    pub(crate) unsafe fn d(self) -> u16 {
        // SAFETY: E1: the cell has an operand granule.
        unsafe { self.0.add(1).cast::<u16>().add(1).read() }
    }

    /// Operand `b`.
    #[inline(always)]
    pub(crate) unsafe fn b(self) -> u32 {
        // SAFETY: E1: the cell has an operand granule.
        unsafe { self.0.add(1).cast::<u32>().add(1).read() }
    }

    /// Operand `b` as two halves, low then high.
    #[inline(always)]
    pub(crate) unsafe fn b_halves(self) -> (usize, usize) {
        let halves = self.0.wrapping_add(1).cast::<u16>();
        // SAFETY: E1: the cell has an operand granule.
        unsafe { (halves.add(2).read() as usize, halves.add(3).read() as usize) }
    }

    /// `a` (index 0), `d` (index 1) or half of `b` (2, 3) of the granule `n` granules from here,
    /// if it is packed as operands are.
    #[inline(always)]
    pub(crate) unsafe fn half(self, n: isize, index: usize) -> usize {
        let parts = self.offset(n).0.cast::<u16>();
        // SAFETY: E1: the granule is part of the code.
        unsafe { parts.add(index).read() as usize }
    }

    /// Granule `n` of the cell; the first wide operand is granule 2.
    #[inline(always)]
    pub(crate) unsafe fn granule(self, n: usize) -> u64 {
        // SAFETY: E1: the cell has that granule.
        unsafe { self.0.add(n).read() }
    }

    /// The handler of the cell.
    #[inline(always)]
    pub(super) unsafe fn handler(self) -> Address {
        // SAFETY: E1: granule 0 of a cell is the address of a handler.
        unsafe { self.0.cast::<Address>().read() }
    }
}

/// Packs the operands of a cell into its granule.
pub(crate) fn operands(a: u16, d: u16, b: u32) -> u64 {
    let (a, d, b) = (a.to_ne_bytes(), d.to_ne_bytes(), b.to_ne_bytes());
    u64::from_ne_bytes([a[0], a[1], d[0], d[1], b[0], b[1], b[2], b[3]])
}

/// Operand `b` of a granule.
pub(crate) fn b_of(granule: u64) -> u32 {
    let [_, _, _, _, b @ ..] = granule.to_ne_bytes();
    u32::from_ne_bytes(b)
}

/// `a`, `d` or a half of `b` of a granule, by its index.
#[cfg(any(test, debug_assertions, lineal_verify))]
pub(crate) fn half_of(granule: u64, index: usize) -> u16 {
    let halves = granule.to_ne_bytes();
    u16::from_ne_bytes([halves[2 * index], halves[2 * index + 1]])
}

/// The operand granule with another `b`.
pub(crate) fn with_b(granule: u64, b: u32) -> u64 {
    let g = granule.to_ne_bytes();
    let b = b.to_ne_bytes();
    u64::from_ne_bytes([g[0], g[1], g[2], g[3], b[0], b[1], b[2], b[3]])
}

/// The operand granule with another `d`.
pub(crate) fn with_d(granule: u64, d: u16) -> u64 {
    let g = granule.to_ne_bytes();
    let d = d.to_ne_bytes();
    u64::from_ne_bytes([g[0], g[1], d[0], d[1], g[4], g[5], g[6], g[7]])
}
