//! Folds loads into the operations that use them, as their right operand.
//!
//! The load's cell is taken back, so the left operand stays in the accumulator that the load
//! would have overwritten.

use std::marker::PhantomData;

use wasmparser::MemArg;

use super::{AddrClass, FastAddr};
use crate::exec::access::scalar::BinLoad;
use crate::machine::operand::{Acc, Pin, Scalar, SlotA, SlotBLow, Src};
use crate::op::access::scalar as m;
use crate::op::access::scalar::{Load, Raw};
use crate::op::scalar::Binary;
use crate::translate::Translator;
use crate::translate::emit::{Dests, Fields, Pos, dests};
use crate::translate::scalar::{halves, left_class};
use crate::translate::stack::{Accumulator, Operand, Value};

/// Which of a type's loads a cell is.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Of the type's own width.
    Full,
    /// Of an unsigned byte.
    Byte,
    /// Of the unsigned number half as wide.
    Half,
}

/// The loads that operations of a type can fold.
pub(in crate::translate) trait Loaded: Scalar {
    /// [`Kind::Full`].
    type Full: Load<Out = Self>;
    /// [`Kind::Byte`]; the full load again for a type that has none.
    type Byte: Load<Out = Self>;
    /// [`Kind::Half`]; the full load again for a type that has none.
    type Half: Load<Out = Self>;
}

macro_rules! loaded {
    ($($ty:ty: $full:ident, $byte:ident, $half:ident;)*) => {$(
        impl Loaded for $ty {
            type Full = m::$full;
            type Byte = m::$byte;
            type Half = m::$half;
        }
    )*};
}

loaded! {
    u32: I32Load, I32Load8U, I32Load16U;
    u64: I64Load, I64Load8U, I64Load32U;
    f32: F32Load, F32Load, F32Load;
    f64: F64Load, F64Load, F64Load;
}

/// What a load reads.
#[derive(Clone, Copy, Debug)]
struct Width {
    bytes: usize,
    signed: bool,
}

impl Width {
    /// The kind of the load for operations of a type, which may be wider than what it was
    /// written for: an `i32` is an `i64` without more ado.
    fn kind_for<T>(self) -> Option<Kind> {
        let Width { bytes, signed } = self;
        match () {
            () if bytes == size_of::<T>() => Some(Kind::Full),
            () if signed => None,
            () if bytes == 1 => Some(Kind::Byte),
            () if bytes * 2 == size_of::<T>() => Some(Kind::Half),
            () => None,
        }
    }
}

/// The last load, so that an operation can make it itself.
#[derive(Clone, Copy, Debug)]
pub(in crate::translate) struct LastLoad {
    cell: Pos,
    width: Width,
    /// The address: accumulator, pin or slot.
    addr: Operand,
    offset: u16,
    /// Where in the binary it is.
    wasm_offset: u32,
    /// The accumulator of the result's bank before it.
    before: Accumulator,
}

/// Handlers of operations whose right operand is loaded.
struct LoadOperandTable<O>(PhantomData<O>);

impl<O: Binary<Ty: Loaded>> LoadOperandTable<O> {
    const fn dests<M: Load<Out = O::Ty>, L: Src<O::Ty>, A: Src<u32>>() -> Dests {
        dests!(BinLoad<O, M, L, A>)
    }

    const fn by_addr<M: Load<Out = O::Ty>, L: Src<O::Ty>>() -> [Dests; 3] {
        [Self::dests::<M, L, SlotBLow>(), Self::dests::<M, L, Acc>(), Self::dests::<M, L, Pin>()]
    }

    const fn by_left<M: Load<Out = O::Ty>>() -> [[Dests; 3]; 3] {
        [Self::by_addr::<M, SlotA>(), Self::by_addr::<M, Acc>(), Self::by_addr::<M, Pin>()]
    }

    /// By [`Kind`], the left operand, and the address.
    const BY_KIND: &'static [[[Dests; 3]; 3]; 3] = &[
        Self::by_left::<<O::Ty as Loaded>::Full>(),
        Self::by_left::<<O::Ty as Loaded>::Byte>(),
        Self::by_left::<<O::Ty as Loaded>::Half>(),
    ];
}

impl Translator<'_> {
    /// Remembers a load that was just appended.
    pub(in crate::translate) fn remember_load<O: Load>(
        &mut self,
        cell: Pos,
        addr: &FastAddr,
        memarg: MemArg,
        before: Accumulator,
    ) {
        let operand = match addr.class {
            AddrClass::Slot => Operand::Slot(u64::from(addr.a)),
            AddrClass::Acc => Operand::Acc,
            AddrClass::Pin => Operand::Pin,
            _ => return,
        };
        let Ok(offset) = u16::try_from(memarg.offset) else { return };
        let width = Width { bytes: size_of::<O::Raw>(), signed: O::Raw::SIGNED };
        let wasm_offset = self.emit.wasm_offset;
        self.last_load = Some(LastLoad { cell, width, addr: operand, offset, wasm_offset, before });
    }

    /// Translates a binary operation, which makes the load of its right operand itself if that
    /// came just before it, or of its left operand if they may change places.
    pub(in crate::translate) fn binary_loading<O: Binary<Ty: Loaded>>(&mut self) {
        if !self.fold_load::<O>() {
            self.binary::<O>();
        }
    }

    pub(in crate::translate) fn fold_load<O: Binary<Ty: Loaded>>(&mut self) -> bool {
        match self.last_load {
            Some(load) if self.options.optimizations.fuse => self.fold_last_load::<O>(load),
            _ => false,
        }
    }

    fn fold_last_load<O: Binary<Ty: Loaded>>(&mut self, load: LastLoad) -> bool {
        let Some(kind) = load.width.kind_for::<O::Ty>() else { return false };
        let bank = O::Ty::BANK;
        if self.last_result() == Some(load.cell) {
            let left = self.stack.peek(1).value;
            if matches!(left, Value::Const(_) | Value::Sum(..)) {
                return false;
            }
            self.take_back(load.cell, load.before, bank);
            let left = self.pop();
            self.load_operand::<O>(left, load, kind);
            return true;
        }
        if !O::COMMUTES || !matches!(self.stack.peek(0).value, Value::Local(_)) {
            return false;
        }
        let Some(local) = self.set_aside_lazy() else { return false };
        if self.last_result() != Some(load.cell) {
            self.put_back(local);
            return false;
        }
        self.take_back(load.cell, load.before, bank);
        let left = self.operand_of(local);
        self.load_operand::<O>(left, load, kind);
        true
    }

    fn load_operand<O: Binary<Ty: Loaded>>(&mut self, left: Operand, load: LastLoad, kind: Kind) {
        let a = match left {
            Operand::Slot(slot) => self.reach(slot as u32, 1),
            _ => 0,
        };
        let slot = match load.addr {
            Operand::Slot(slot) => slot as u16,
            _ => 0,
        };
        let b = u32::from_ne_bytes(halves(slot, load.offset));
        let by_left = &LoadOperandTable::<O>::BY_KIND[kind as usize];
        let dests = &by_left[left_class(left)][left_class(load.addr)];
        self.emit.site_at(load.wasm_offset);
        self.define(dests, Fields { a, b, d: 0, wide: None }, O::Ty::BANK);
    }
}
