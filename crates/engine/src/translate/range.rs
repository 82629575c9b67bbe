//! What operations on ranges of memories and of tables have in common, if they are made in line.

use super::Translator;
use super::emit::Fields;
use super::scalar::halves;
use crate::machine::Handler;

/// The numbers of two memories or tables, as `b` holds them.
pub(super) fn pair(dst: u32, src: u32) -> u32 {
    u32::from_ne_bytes(halves(dst as u16, src as u16))
}

impl Translator<'_> {
    /// Whether operations on ranges of the memory or table with that number can be made in line. With
    /// fuel or epochs they charge for each part, and stop in the middle: out of line.
    pub(super) fn has_ranges_in_line(&self, index: u32) -> bool {
        !self.function.options.is_metered() && u16::try_from(index).is_ok()
    }

    /// Pops three operands into slots, and appends a cell with them in `a`, `d` and the low half of
    /// granule 2.
    pub(super) fn range_of_slots(&mut self, handler: Handler, b: u32, high: u32) {
        let third = self.pop_slot();
        let second = self.pop_slot();
        let first = self.pop_slot();
        let (a, d) = (self.reach(first, 1), self.reach(second, 2));
        let wide = Some(u64::from(third) | u64::from(high) << 32);
        self.buffers.emit.site();
        self.buffers.emit.cell(handler, Fields { a, d, b, wide });
    }
}
