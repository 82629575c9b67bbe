//! Translates numeric operations and comparisons: picks the handler for where operands are.

use std::marker::PhantomData;

use super::Translator;
use super::emit::{Fields, Pos};
use super::last::{Last, Made};
use super::stack::{Accumulator, Operand, Value};
use super::tables::{Alternative, Alternatives, Dests, Source, Sources, dests, sources, table};
use crate::exec::scalar::{Binop, Cmp, CmpBr, Select, Unop};
use crate::machine::operand::{
    Acc, Pin, SlotA, SlotB, SlotBHigh, SlotBLow, SlotD, SlotValue, Src, UImmA, UImmBLow, Wide,
};
use crate::machine::{Bank, Handler, handler};
use crate::op::access::scalar::Loaded;
use crate::op::scalar::{
    Binary, Compare, F32Canonical, F64Canonical, I32Add, I32Sub, I64Add, I64Sub, Lowering, Outcome,
    Unary,
};

table! {
    /// Where a right source is.
    Right, Rights:
    Slot slot;
    Acc acc;
    Pin pin;
    Imm imm;
    Wide wide;
}

table! {
    /// Where the right source of a comparison with a branch is.
    JumpRight, JumpRights:
    Slot slot;
    Acc acc;
    Pin pin;
    Imm imm;
    Wide wide;
    Zero zero;
}

/// Handlers by source.
struct UnaryTable<O>(PhantomData<O>);

impl<O: Unary> UnaryTable<O> {
    const fn dests<S: Src<O::In>>() -> Dests {
        dests!(Unop<O, S>)
    }

    const BY_SOURCE: &'static Sources<Dests> = &sources!(dests);
}

/// The table `BY_SOURCES`, of `Self::dests` by left and right source.
macro_rules! by_sources {
    ($ty:ty) => {
        const fn rights<L: Src<$ty>>() -> Rights<Dests> {
            Rights {
                slot: Self::dests::<L, SlotB>(),
                acc: Self::dests::<L, Acc>(),
                pin: Self::dests::<L, Pin>(),
                imm: Self::dests::<L, <$ty as SlotValue>::Imm>(),
                wide: Self::dests::<L, <$ty as SlotValue>::Wide>(),
            }
        }

        const BY_SOURCES: &'static Sources<Rights<Dests>> = &sources!(rights);
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

    by_sources!(O::Ty);

    const fn jump_rights<L: Src<O::Ty>>() -> JumpRights<Handler> {
        JumpRights {
            slot: handler::<CmpBr<O, L, SlotD>>(),
            acc: handler::<CmpBr<O, L, Acc>>(),
            pin: handler::<CmpBr<O, L, Pin>>(),
            imm: handler::<CmpBr<O, L, <O::Ty as SlotValue>::Imm16>>(),
            wide: handler::<CmpBr<O, L, Wide>>(),
            zero: handler::<CmpBr<O, L, <O::Ty as SlotValue>::Zero>>(),
        }
    }

    const JUMPS: &'static Sources<JumpRights<Handler>> = &sources!(jump_rights);

    /// The branches if the comparison is true, and if it is false.
    fn jump(left: Source, right: JumpRight, fields: Fields) -> Jump {
        Jump {
            if_true: *Self::JUMPS.at(left).at(right),
            if_false: *CompareTable::<O::Not>::JUMPS.at(left).at(right),
            fields,
        }
    }
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
    /// Where the code of the comparison starts.
    start: Pos,
    jump: Jump,
    /// The integer accumulator before it.
    before: Accumulator,
}

/// The last `i32.add`, so that an access can make its address by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastAdd {
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
        self.buffers.stack.push(Value::Const(bits), bank);
    }

    /// An operand as the source `a`: a constant goes to the slot `own` first.
    pub(super) fn left_field(&mut self, operand: Operand, bank: Bank, own: u32) -> u16 {
        match operand {
            Operand::Acc | Operand::Pin => 0,
            other => {
                let slot = self.slot_of(other, bank, own);
                self.reach(slot, 1)
            }
        }
    }

    /// An operand as the right source of an operation: its class, `b`, and the wide operand.
    fn right_field<T: SlotValue>(&mut self, operand: Operand) -> (Right, u32, Option<u64>) {
        match operand {
            Operand::Slot(slot) => (Right::Slot, u32::from(self.reach(slot as u32, 2)), None),
            Operand::Acc => (Right::Acc, 0, None),
            Operand::Pin => (Right::Pin, 0, None),
            Operand::Const(bits) => match T::imm(bits) {
                Some(imm) => (Right::Imm, imm, None),
                None => (Right::Wide, 0, Some(bits)),
            },
        }
    }

    /// An operation may trap: where it comes from is recorded.
    fn site_of(&mut self, outcome: Outcome) {
        if outcome == Outcome::Trap {
            self.buffers.emit.site();
        }
    }

    /// Makes a result canonical if it may be any NaN, and if that is asked for.
    fn canonicalize(&mut self, outcome: Outcome, bank: Bank) {
        if outcome != Outcome::AnyNan || !self.function.options.canonical_nans {
            return;
        }
        match bank {
            Bank::F32 => self.unary_of::<F32Canonical>(),
            Bank::F64 => self.unary_of::<F64Canonical>(),
            Bank::Int => {}
        }
    }

    fn unary_of<O: Unary>(&mut self) {
        let operand = self.pop();
        let own = self.temp_slot(self.buffers.stack.height());
        let a = self.left_field(operand, O::In::BANK, own);
        let dests = UnaryTable::<O>::BY_SOURCE.at(Source::of(operand));
        self.define(dests, Fields { a, ..Fields::default() }, O::Out::BANK);
    }

    pub(super) fn add_i32_of(&mut self, lhs: Operand, rhs: Operand) {
        let (lhs, rhs) = match lhs {
            Operand::Const(_) => (rhs, lhs),
            _ => (lhs, rhs),
        };
        let start = self.buffers.emit.pos();
        let before = self.accumulator(Bank::Int);
        let cell = self.binary_of::<I32Add>(lhs, rhs);
        let made = Made::Add(LastAdd { start, operands: (lhs, rhs), before });
        self.function.last = Some(Last { cell, made });
    }

    /// The last addition, if its result is on top of the stack and nothing came after it.
    pub(super) fn last_addition(&self) -> Option<LastAdd> {
        match self.fusible_result()?.made {
            Made::Add(last) => Some(last),
            _ => None,
        }
    }

    fn binary_of<O: Binary>(&mut self, lhs: Operand, rhs: Operand) -> Pos {
        let swap = O::COMMUTES && matches!(lhs, Operand::Const(_));
        let (lhs, rhs) = if swap { (rhs, lhs) } else { (lhs, rhs) };
        let own = self.temp_slot(self.buffers.stack.height());
        let a = self.left_field(lhs, O::Ty::BANK, own);
        let (class, b, wide) = self.right_field::<O::Ty>(rhs);
        let dests = BinaryTable::<O>::BY_SOURCES.at(Source::of(lhs)).at(class);
        self.define(dests, Fields { a, b, wide, d: 0 }, O::Ty::BANK)
    }

    /// `eqz`, `ref.is_null`: `O` is equality. Of a comparison it is the opposite comparison.
    pub(super) fn test_zero<O: Compare>(&mut self) {
        let inverted = self.last_compare();
        let operand = self.pop();
        self.compare_of::<O>(operand, Operand::Const(0));
        if let (Some(inner), Some(Last { made: Made::Compare(outer), .. })) =
            (inverted, &mut self.function.last)
        {
            let Jump { if_true, if_false, fields } = inner.jump;
            outer.jump = Jump { if_true: if_false, if_false: if_true, fields };
            outer.start = inner.start;
            outer.before = inner.before;
        }
    }

    /// Appends a test of its only operand with the result 0 or 1, and pushes the result; a branch on it
    /// may take its place.
    pub(super) fn define_condition(&mut self, dests: &'static Dests, jump: Jump) {
        let start = self.buffers.emit.pos();
        let before = self.accumulator(Bank::Int);
        let cell = self.define(dests, jump.fields, Bank::Int);
        let made = Made::Compare(LastCompare { start, jump, before });
        self.function.last = Some(Last { cell, made });
    }

    fn compare_of<O: Compare>(&mut self, lhs: Operand, rhs: Operand) {
        let own = self.temp_slot(self.buffers.stack.height());
        let a = self.left_field(lhs, O::Ty::BANK, own);
        let (class, b, wide) = self.right_field::<O::Ty>(rhs);
        let left = Source::of(lhs);
        let jump_fields = Fields { a, d: b as u16, b: 0, wide };
        let (jump_class, fields) = match rhs {
            Operand::Const(bits) if <O::Ty as SlotValue>::is_zero(bits) => {
                (JumpRight::Zero, Fields { d: 0, wide: None, ..jump_fields })
            }
            Operand::Const(bits) => match <O::Ty as SlotValue>::imm16(bits) {
                Some(imm) => (JumpRight::Imm, Fields { d: imm, wide: None, ..jump_fields }),
                None => (JumpRight::Wide, Fields { d: 0, wide: Some(bits), ..jump_fields }),
            },
            Operand::Slot(_) => (JumpRight::Slot, jump_fields),
            Operand::Acc => (JumpRight::Acc, jump_fields),
            Operand::Pin => (JumpRight::Pin, jump_fields),
        };
        let jump = CompareTable::<O>::jump(left, jump_class, fields);
        // What brought the operands in place stays, should a branch take the comparison's place.
        let start = self.buffers.emit.pos();
        let before = self.accumulator(Bank::Int);
        let dests = CompareTable::<O>::BY_SOURCES.at(left).at(class);
        let cell = self.define(dests, Fields { a, b, wide, d: 0 }, Bank::Int);
        let made = Made::Compare(LastCompare { start, jump, before });
        self.function.last = Some(Last { cell, made });
    }

    /// The last comparison, if its result is on top of the stack and nothing came after it.
    fn last_compare(&self) -> Option<LastCompare> {
        match self.fusible_result()?.made {
            Made::Compare(last) => Some(last),
            _ => None,
        }
    }

    /// Pops a condition: a comparison's own branch takes its place, any other is tested for zero.
    pub(super) fn pop_condition(&mut self) -> Jump {
        use crate::op::scalar::I32Ne;
        if let Some(last) = self.last_compare() {
            self.take_back(last.start, last.before, Bank::Int);
            return last.jump;
        }
        let operand = self.pop();
        let own = self.temp_slot(self.buffers.stack.height());
        let a = self.left_field(operand, Bank::Int, own);
        let fields = Fields { a, ..Fields::default() };
        CompareTable::<I32Ne>::jump(Source::of(operand), JumpRight::Zero, fields)
    }

    /// A branch on whether all bits of a slot are zero.
    pub(super) fn test_slot(&mut self, slot: u32) -> Jump {
        use crate::op::scalar::I64Eq;
        let fields = Fields { a: self.reach(slot, 1), ..Fields::default() };
        CompareTable::<I64Eq>::jump(Source::Slot, JumpRight::Zero, fields)
    }

    pub(super) fn select(&mut self) {
        if self.buffers.stack.is_vector(1) {
            self.select_vector();
            return;
        }
        let condition = self.pop();
        let condition_own = self.temp_slot(self.buffers.stack.height());
        let bank = self.buffers.stack.peek(0).bank;
        let (second_class, second) = self.pop_alternative(2);
        let (first_class, first) = self.pop_alternative(1);
        let class = Source::of(condition);
        let condition = match class {
            Source::Slot => {
                let slot = self.slot_of(condition, Bank::Int, condition_own);
                self.reach(slot, 3)
            }
            Source::Acc | Source::Pin => 0,
        };
        let b = u32::from_ne_bytes(halves(second, condition));
        let classes = match bank {
            Bank::Int => SelectTable::<u64>::BY_CLASSES.at(class),
            Bank::F64 => SelectTable::<f64>::BY_CLASSES.at(class),
            Bank::F32 => SelectTable::<f32>::BY_CLASSES.at(class),
        };
        let dests = classes.at(first_class).at(second_class);
        self.define(dests, Fields { a: first, b, d: 0, wide: None }, bank);
    }

    /// Pops what a `select` may choose: a slot, or a constant of 16 bits.
    fn pop_alternative(&mut self, scratch: u32) -> (Alternative, u16) {
        if let Value::Const(bits) = self.buffers.stack.peek(0).value
            && let Ok(bits) = u16::try_from(bits)
        {
            self.pop();
            return (Alternative::Constant, bits);
        }
        let slot = self.pop_slot();
        (Alternative::Slot, self.reach(slot, scratch))
    }
}

impl Lowering for Translator<'_> {
    fn unary<O: Unary>(&mut self) {
        self.site_of(O::OUTCOME);
        self.unary_of::<O>();
        self.canonicalize(O::OUTCOME, O::Out::BANK);
    }

    fn binary<O: Binary>(&mut self) {
        self.site_of(O::OUTCOME);
        let (lhs, rhs) = self.pop_two();
        self.binary_of::<O>(lhs, rhs);
        self.canonicalize(O::OUTCOME, O::Ty::BANK);
    }

    fn folding<O: Binary<Ty: Loaded>>(&mut self) {
        if self.fold_load::<O>() {
            self.canonicalize(O::OUTCOME, O::Ty::BANK);
        } else {
            self.binary::<O>();
        }
    }

    fn add_i32(&mut self) {
        if self.buffers.scan.is_store_address(self.buffers.emit.wasm_offset) && self.push_sum() {
            return;
        }
        if self.fold_load::<I32Add>() {
            return;
        }
        let (lhs, rhs) = self.pop_two();
        self.add_i32_of(lhs, rhs);
    }

    fn subtract_i32(&mut self) {
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

    fn subtract_i64(&mut self) {
        if self.fold_load::<I64Sub>() {
            return;
        }
        let (lhs, rhs) = self.pop_two();
        match rhs {
            Operand::Const(bits) => self.binary_of::<I64Add>(lhs, negated(bits)),
            _ => self.binary_of::<I64Sub>(lhs, rhs),
        };
    }

    fn compare<O: Compare>(&mut self) {
        let (lhs, rhs) = self.pop_two();
        match lhs {
            Operand::Const(_) => self.compare_of::<O::Swapped>(rhs, lhs),
            _ => self.compare_of::<O>(lhs, rhs),
        }
    }
}

/// Two halves of `b`, in the order in which they are read.
pub(super) fn halves(first: u16, second: u16) -> [u8; 4] {
    let (first, second) = (first.to_ne_bytes(), second.to_ne_bytes());
    [first[0], first[1], second[0], second[1]]
}

/// Handlers of `select`.
struct SelectTable<T>(PhantomData<T>);

impl<T: SlotValue> SelectTable<T> {
    const fn dests<C: Src<u32>, A: Src<T>, B: Src<T>>() -> Dests {
        dests!(Select<T, C, A, B>)
    }

    const fn alternatives<C: Src<u32>>() -> Alternatives<Alternatives<Dests>> {
        Alternatives {
            slot: Alternatives {
                slot: Self::dests::<C, SlotA, SlotBLow>(),
                constant: Self::dests::<C, SlotA, UImmBLow>(),
            },
            constant: Alternatives {
                slot: Self::dests::<C, UImmA, SlotBLow>(),
                constant: Self::dests::<C, UImmA, UImmBLow>(),
            },
        }
    }

    /// By the condition, and by what the alternatives are.
    const BY_CLASSES: &'static Sources<Alternatives<Alternatives<Dests>>> = &Sources {
        slot: Self::alternatives::<SlotBHigh>(),
        acc: Self::alternatives::<Acc>(),
        pin: Self::alternatives::<Pin>(),
    };
}
