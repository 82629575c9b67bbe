//! Translates wide arithmetic: operands and results are pairs of 64-bit halves, in slots.

use super::Translator;
use super::emit::Fields;
use super::scalar::halves;
use crate::exec::wide;
use crate::machine::{handler, operands};
use crate::op::wide as op;

impl Translator<'_> {
    /// `i64.add128` or `i64.sub128`.
    pub(super) fn wide_128<O: op::Wide128>(&mut self) {
        let mut slots = [0; 4];
        for slot in slots.iter_mut().rev() {
            *slot = self.pop_slot();
        }
        let [a, b, c, d] = slots;
        let (a, b) = (self.reach(a, 0), self.reach(b, 1));
        let rest = halves(self.reach(c, 2), self.reach(d, 3));
        let wide = Some(operands(a, b, u32::from_ne_bytes(rest)));
        let fields = Fields { wide, ..Fields::default() };
        self.define_two(handler::<wide::Wide128<O>>(), fields);
    }

    /// `i64.mul_wide_s` or `i64.mul_wide_u`.
    pub(super) fn mul_wide<O: op::MulWide>(&mut self) {
        let b = self.pop_slot();
        let a = self.pop_slot();
        let (a, b) = (self.reach(a, 2), u32::from(self.reach(b, 3)));
        let fields = Fields { a, b, ..Fields::default() };
        self.define_two(handler::<wide::MulWide<O>>(), fields);
    }
}
