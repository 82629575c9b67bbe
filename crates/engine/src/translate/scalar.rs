//! Translates numeric operations and comparisons: picks the handler for where operands are.

use std::marker::PhantomData;

use wasmparser::Operator;

use super::Translator;
use super::emit::{Dests, Fields, Pos, dests};
use super::stack::{Accumulator, Operand, Value};
use crate::exec::scalar::{Binop, Cmp, CmpBr, Select, Unop};
use crate::machine::operand::{
    Acc, Pin, Scalar, SlotA, SlotB, SlotBHigh, SlotBLow, SlotD, Src, UImmA, UImmBLow, Wide,
};
use crate::machine::{Bank, Handler, handler};
use crate::op::scalar::{
    Binary, Compare, F32Canonical, F64Canonical, I32Add, I32Sub, I64Add, I64Sub, Unary,
};

/// Index of an operand's class in tables by left operand: slot, accumulator, pin.
pub(super) fn left_class(operand: Operand) -> usize {
    match operand {
        Operand::Slot(_) | Operand::Const(_) => 0,
        Operand::Acc => 1,
        Operand::Pin => 2,
    }
}

/// Index of a constant that fits the narrow immediate, in tables by right operand; wide is next.
const IMM: usize = 3;
const WIDE: usize = 4;
const ZERO: usize = 5;

/// Handlers by source.
struct UnaryTable<O>(PhantomData<O>);

impl<O: Unary> UnaryTable<O> {
    const fn dests<S: Src<O::In>>() -> Dests {
        dests!(Unop<O, S>)
    }

    const BY_SOURCE: &'static [Dests; 3] =
        &[Self::dests::<SlotA>(), Self::dests::<Acc>(), Self::dests::<Pin>()];
}

/// The table `BY_SOURCES`, of `Self::dests` by left and right source.
macro_rules! by_sources {
    ($ty:ty) => {
        const fn by_right<L: Src<$ty>>() -> [Dests; 5] {
            [
                Self::dests::<L, SlotB>(),
                Self::dests::<L, Acc>(),
                Self::dests::<L, Pin>(),
                Self::dests::<L, <$ty as Scalar>::Imm>(),
                Self::dests::<L, <$ty as Scalar>::Wide>(),
            ]
        }

        const BY_SOURCES: &'static [[Dests; 5]; 3] =
            &[Self::by_right::<SlotA>(), Self::by_right::<Acc>(), Self::by_right::<Pin>()];
    };
}

/// Handlers by left and right source.
struct BinaryTable<O>(PhantomData<O>);

impl<O: Binary> BinaryTable<O> {
    const fn dests<L: Src<O::Ty>, R: Src<O::Ty>>() -> Dests {
        dests!(Binop<O, L, R>)
    }

    by_sources!(O::Ty);
}

/// Handlers by left and right source: of the comparison as a value, and of the branch on it.
struct CompareTable<O>(PhantomData<O>);

impl<O: Compare> CompareTable<O> {
    const fn dests<L: Src<O::Ty>, R: Src<O::Ty>>() -> Dests {
        dests!(Cmp<O, L, R>)
    }

    const fn jumps_by_right<L: Src<O::Ty>>() -> [Handler; 6] {
        [
            handler::<CmpBr<O, L, SlotD>>(),
            handler::<CmpBr<O, L, Acc>>(),
            handler::<CmpBr<O, L, Pin>>(),
            handler::<CmpBr<O, L, <O::Ty as Scalar>::Imm16>>(),
            handler::<CmpBr<O, L, Wide>>(),
            handler::<CmpBr<O, L, <O::Ty as Scalar>::Zero>>(),
        ]
    }

    by_sources!(O::Ty);

    const JUMPS: &'static [[Handler; 6]; 3] = &[
        Self::jumps_by_right::<SlotA>(),
        Self::jumps_by_right::<Acc>(),
        Self::jumps_by_right::<Pin>(),
    ];
}

/// A branch on a comparison, except for where it goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jump {
    /// Branches if the comparison is true.
    pub(super) if_true: Handler,
    /// Branches if it is false.
    pub(super) if_false: Handler,
    /// Operands of either; `b` is the displacement's.
    pub(super) fields: Fields,
}

/// The last comparison, so that a branch on it can take its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastCompare {
    /// The cell with the result.
    cell: Pos,
    /// Where the code of the comparison starts.
    start: Pos,
    jump: Jump,
    /// The integer accumulator before it.
    before: Accumulator,
}

/// The last `i32.add`, so that an access can make its address by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastAdd {
    /// The cell with the result.
    cell: Pos,
    /// Where the code of the addition starts.
    pub(super) start: Pos,
    /// The operands; a constant is the second.
    pub(super) operands: (Operand, Operand),
    /// The integer accumulator before it.
    pub(super) before: Accumulator,
}

/// A constant, negated.
fn negated(bits: u64) -> Operand {
    Operand::Const(bits.wrapping_neg())
}

impl Translator<'_> {
    pub(super) fn constant(&mut self, bits: u64, bank: Bank) {
        self.stack.push(Value::Const(bits), bank);
    }

    /// An operand as the source `a`: a constant goes to the slot `own` first.
    fn left_field(&mut self, operand: Operand, bank: Bank, own: u32) -> u16 {
        match operand {
            Operand::Acc | Operand::Pin => 0,
            other => {
                let slot = self.slot_of(other, bank, own);
                self.reach(slot, 1)
            }
        }
    }

    /// An operand as the right source of an operation: its class, `b`, and the wide operand.
    fn right_field<T: Scalar>(&mut self, operand: Operand) -> (usize, u32, Option<u64>) {
        match operand {
            Operand::Slot(slot) => (0, u32::from(self.reach(slot as u32, 2)), None),
            Operand::Acc => (1, 0, None),
            Operand::Pin => (2, 0, None),
            Operand::Const(bits) => match T::imm(bits) {
                Some(imm) => (IMM, imm, None),
                None => (WIDE, 0, Some(bits)),
            },
        }
    }

    pub(super) fn unary<O: Unary>(&mut self) {
        let operand = self.pop();
        let own = self.temp_slot(self.stack.height());
        let a = self.left_field(operand, O::In::BANK, own);
        let dests = &UnaryTable::<O>::BY_SOURCE[left_class(operand)];
        self.define(dests, Fields { a, ..Fields::default() }, O::Out::BANK);
    }

    /// Makes the result of an operator canonical, should it be a NaN.
    pub(super) fn canonicalize(&mut self, operator: &Operator<'_>) {
        use Operator as O;
        match operator {
            O::F32Add | O::F32Sub | O::F32Mul | O::F32Div | O::F32Min | O::F32Max => {
                self.unary::<F32Canonical>();
            }
            O::F32Sqrt | O::F32Ceil | O::F32Floor | O::F32Trunc | O::F32Nearest => {
                self.unary::<F32Canonical>();
            }
            O::F64Add | O::F64Sub | O::F64Mul | O::F64Div | O::F64Min | O::F64Max => {
                self.unary::<F64Canonical>();
            }
            O::F64Sqrt | O::F64Ceil | O::F64Floor | O::F64Trunc | O::F64Nearest => {
                self.unary::<F64Canonical>();
            }
            O::F32DemoteF64 => self.unary::<F32Canonical>(),
            O::F64PromoteF32 => self.unary::<F64Canonical>(),
            _ => self.canonicalize_vector(operator),
        }
    }

    pub(super) fn unary_trapping<O: Unary>(&mut self) {
        self.emit.site();
        self.unary::<O>();
    }

    pub(super) fn binary<O: Binary>(&mut self) {
        let (lhs, rhs) = self.pop_two();
        self.binary_of::<O>(lhs, rhs);
    }

    pub(super) fn binary_trapping<O: Binary>(&mut self) {
        self.emit.site();
        self.binary::<O>();
    }

    /// `i32.add`, which an access may take as its address.
    pub(super) fn add_i32(&mut self) {
        if self.scan.is_store_address(self.emit.wasm_offset) && self.push_sum() {
            return;
        }
        if self.fold_load::<I32Add>() {
            return;
        }
        let (lhs, rhs) = self.pop_two();
        self.add_i32_of(lhs, rhs);
    }

    pub(super) fn add_i32_of(&mut self, lhs: Operand, rhs: Operand) {
        let (lhs, rhs) = match lhs {
            Operand::Const(_) => (rhs, lhs),
            _ => (lhs, rhs),
        };
        let start = self.emit.pos();
        let before = self.accumulator(Bank::Int);
        let cell = self.binary_of::<I32Add>(lhs, rhs);
        self.last_add = Some(LastAdd { cell, start, operands: (lhs, rhs), before });
    }

    /// The last addition, if its result is on top of the stack and nothing came after it.
    pub(super) fn last_addition(&self) -> Option<LastAdd> {
        let last = self.last_add.filter(|_| self.options.optimizations.fuse)?;
        (self.last_result() == Some(last.cell)).then_some(last)
    }

    /// `i32.sub`; of a constant, it is an addition.
    pub(super) fn subtract_i32(&mut self) {
        if self.fold_load::<I32Sub>() {
            return;
        }
        let (lhs, rhs) = self.pop_two();
        match rhs {
            Operand::Const(bits) => self.add_i32_of(lhs, negated(bits)),
            _ => {
                self.binary_of::<I32Sub>(lhs, rhs);
            }
        }
    }

    /// `i64.sub`; of a constant, it is an addition.
    pub(super) fn subtract_i64(&mut self) {
        if self.fold_load::<I64Sub>() {
            return;
        }
        let (lhs, rhs) = self.pop_two();
        match rhs {
            Operand::Const(bits) => self.binary_of::<I64Add>(lhs, negated(bits)),
            _ => self.binary_of::<I64Sub>(lhs, rhs),
        };
    }

    fn binary_of<O: Binary>(&mut self, lhs: Operand, rhs: Operand) -> Pos {
        let swap = O::COMMUTES && matches!(lhs, Operand::Const(_));
        let (lhs, rhs) = if swap { (rhs, lhs) } else { (lhs, rhs) };
        let own = self.temp_slot(self.stack.height());
        let a = self.left_field(lhs, O::Ty::BANK, own);
        let (class, b, wide) = self.right_field::<O::Ty>(rhs);
        let dests = &BinaryTable::<O>::BY_SOURCES[left_class(lhs)][class];
        self.define(dests, Fields { a, b, wide, d: 0 }, O::Ty::BANK)
    }

    pub(super) fn compare<O: Compare>(&mut self) {
        let (lhs, rhs) = self.pop_two();
        match lhs {
            Operand::Const(_) => self.compare_of::<O::Swapped>(rhs, lhs),
            _ => self.compare_of::<O>(lhs, rhs),
        }
    }

    /// `eqz`, `ref.is_null`: `O` is equality. Of a comparison it is the opposite comparison.
    pub(super) fn test_zero<O: Compare>(&mut self) {
        let inverted = self.last_compare();
        let operand = self.pop();
        self.compare_of::<O>(operand, Operand::Const(0));
        if let (Some(inner), Some(outer)) = (inverted, &mut self.last_compare) {
            let Jump { if_true, if_false, fields } = inner.jump;
            outer.jump = Jump { if_true: if_false, if_false: if_true, fields };
            outer.start = inner.start;
            outer.before = inner.before;
        }
    }

    fn compare_of<O: Compare>(&mut self, lhs: Operand, rhs: Operand) {
        let own = self.temp_slot(self.stack.height());
        let a = self.left_field(lhs, O::Ty::BANK, own);
        let (class, b, wide) = self.right_field::<O::Ty>(rhs);
        let left = left_class(lhs);
        let jump_fields = Fields { a, d: b as u16, b: 0, wide };
        let (jump_class, fields) = match rhs {
            Operand::Const(bits) if <O::Ty as Scalar>::is_zero(bits) => {
                (ZERO, Fields { d: 0, wide: None, ..jump_fields })
            }
            Operand::Const(bits) => match <O::Ty as Scalar>::imm16(bits) {
                Some(imm) => (IMM, Fields { d: imm, wide: None, ..jump_fields }),
                None => (WIDE, Fields { d: 0, wide: Some(bits), ..jump_fields }),
            },
            _ => (class, jump_fields),
        };
        let jump = Jump {
            if_true: CompareTable::<O>::JUMPS[left][jump_class],
            if_false: CompareTable::<O::Not>::JUMPS[left][jump_class],
            fields,
        };
        // What brought the operands in place stays, should a branch take the comparison's place.
        let start = self.emit.pos();
        let before = self.accumulator(Bank::Int);
        let dests = &CompareTable::<O>::BY_SOURCES[left][class];
        let cell = self.define(dests, Fields { a, b, wide, d: 0 }, Bank::Int);
        self.last_compare = Some(LastCompare { cell, start, jump, before });
    }

    /// The last comparison, if its result is on top of the stack and nothing came after it.
    fn last_compare(&self) -> Option<LastCompare> {
        let last = self.last_compare.filter(|_| self.options.optimizations.fuse)?;
        (self.last_result() == Some(last.cell)).then_some(last)
    }

    /// Pops a condition: a comparison's own branch takes its place, any other is tested for zero.
    pub(super) fn pop_condition(&mut self) -> Jump {
        use crate::op::scalar::I32Ne;
        if let Some(last) = self.last_compare() {
            self.take_back(last.start, last.before, Bank::Int);
            return last.jump;
        }
        let operand = self.pop();
        let own = self.temp_slot(self.stack.height());
        let a = self.left_field(operand, Bank::Int, own);
        let left = left_class(operand);
        Jump {
            if_true: CompareTable::<I32Ne>::JUMPS[left][ZERO],
            if_false: CompareTable::<<I32Ne as Compare>::Not>::JUMPS[left][ZERO],
            fields: Fields { a, ..Fields::default() },
        }
    }

    /// A branch on whether all bits of a slot are zero.
    pub(super) fn test_slot(&mut self, slot: u32) -> Jump {
        use crate::op::scalar::I64Eq;
        Jump {
            if_true: CompareTable::<I64Eq>::JUMPS[0][ZERO],
            if_false: CompareTable::<<I64Eq as Compare>::Not>::JUMPS[0][ZERO],
            fields: Fields { a: self.reach(slot, 1), ..Fields::default() },
        }
    }

    pub(super) fn select(&mut self) {
        if self.stack.is_vector(1) {
            self.select_vector();
            return;
        }
        let condition = self.pop();
        let condition_own = self.temp_slot(self.stack.height());
        let bank = self.stack.peek(0).bank;
        let (second_class, second) = self.pop_alternative(2);
        let (first_class, first) = self.pop_alternative(1);
        let class = match condition {
            Operand::Acc => 1,
            Operand::Pin => 2,
            _ => 0,
        };
        let condition = match class {
            0 => {
                let slot = self.slot_of(condition, Bank::Int, condition_own);
                self.reach(slot, 3)
            }
            _ => 0,
        };
        let b = u32::from_ne_bytes(halves(second, condition));
        let classes = match bank {
            Bank::Int => &SelectTable::<u64>::BY_CLASSES[class],
            Bank::F64 => &SelectTable::<f64>::BY_CLASSES[class],
            Bank::F32 => &SelectTable::<f32>::BY_CLASSES[class],
        };
        let dests = &classes[first_class][second_class];
        self.define(dests, Fields { a: first, b, d: 0, wide: None }, bank);
    }

    /// Pops what a `select` may choose: a slot, of class 0, or a constant of 16 bits, of class 1.
    fn pop_alternative(&mut self, scratch: u32) -> (usize, u16) {
        if let Value::Const(bits) = self.stack.peek(0).value
            && let Ok(bits) = u16::try_from(bits)
        {
            self.pop();
            return (1, bits);
        }
        let slot = self.pop_slot();
        (0, self.reach(slot, scratch))
    }
}

/// Two halves of `b`, in the order in which they are read.
pub(super) fn halves(first: u16, second: u16) -> [u8; 4] {
    let (first, second) = (first.to_ne_bytes(), second.to_ne_bytes());
    [first[0], first[1], second[0], second[1]]
}

/// Handlers of `select`.
struct SelectTable<T>(PhantomData<T>);

impl<T: Scalar> SelectTable<T> {
    const fn dests<C: Src<u32>, A: Src<T>, B: Src<T>>() -> Dests {
        dests!(Select<T, C, A, B>)
    }

    const fn by_alternatives<C: Src<u32>>() -> [[Dests; 2]; 2] {
        [
            [Self::dests::<C, SlotA, SlotBLow>(), Self::dests::<C, SlotA, UImmBLow>()],
            [Self::dests::<C, UImmA, SlotBLow>(), Self::dests::<C, UImmA, UImmBLow>()],
        ]
    }

    /// By the condition (slot, accumulator, pin), and whether the alternatives are constants.
    const BY_CLASSES: &'static [[[Dests; 2]; 2]; 3] = &[
        Self::by_alternatives::<SlotBHigh>(),
        Self::by_alternatives::<Acc>(),
        Self::by_alternatives::<Pin>(),
    ];
}
