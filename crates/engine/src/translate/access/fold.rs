//! Folds loads into the operations that use them, as their right operand.
//!
//! The load's cell is taken back, so the left operand stays in the accumulator that the load
//! would have overwritten.

use std::marker::PhantomData;

use wasmparser::MemArg;

use super::{AddrClass, FastAddr};
use crate::exec::access::scalar::BinLoad;
use crate::machine::operand::{Acc, Pin, SlotBLow, SlotValue, Src};
use crate::op::access::scalar::{Loaded, MemoryLoad, Raw};
use crate::op::scalar::Binary;
use crate::translate::Translator;
use crate::translate::emit::{Fields, Pos};
use crate::translate::last::{Last, Made};
use crate::translate::scalar::halves;
use crate::translate::stack::{Accumulator, Operand, Value};
use crate::translate::tables::{Dests, Source, Sources, dests, sources, table};

table! {
    /// Which of a type's loads a cell is: of its own width, of an unsigned byte, or of the unsigned
    /// number half as wide.
    LoadedPart, LoadedParts:
    Full full;
    Byte byte;
    Half half;
}

/// What a load reads.
#[derive(Clone, Copy, Debug)]
struct ReadWidth {
    bytes: usize,
    signed: bool,
}

impl ReadWidth {
    /// The kind of the load for operations of a type, which may be wider than what it was
    /// written for: an `i32` is an `i64` without more ado.
    fn kind_for<T>(self) -> Option<LoadedPart> {
        let ReadWidth { bytes, signed } = self;
        match () {
            () if bytes == size_of::<T>() => Some(LoadedPart::Full),
            () if signed => None,
            () if bytes == 1 => Some(LoadedPart::Byte),
            () if bytes * 2 == size_of::<T>() => Some(LoadedPart::Half),
            () => None,
        }
    }
}

/// The last load, so that an operation can make it itself.
#[derive(Clone, Copy, Debug)]
pub(in crate::translate) struct LastLoad {
    width: ReadWidth,
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
    const fn dests<M: MemoryLoad<Out = O::Ty>, L: Src<O::Ty>, A: Src<u32>>() -> Dests {
        dests!(BinLoad<O, M, L, A>)
    }

    const fn by_addr<M: MemoryLoad<Out = O::Ty>, L: Src<O::Ty>>() -> Sources<Dests> {
        Sources {
            slot: Self::dests::<M, L, SlotBLow>(),
            acc: Self::dests::<M, L, Acc>(),
            pin: Self::dests::<M, L, Pin>(),
        }
    }

    const fn by_left<M: MemoryLoad<Out = O::Ty>>() -> Sources<Sources<Dests>> {
        sources!(by_addr, M)
    }

    /// By the load, the left operand, and the address.
    const BY_PART: &'static LoadedParts<Sources<Sources<Dests>>> = &LoadedParts {
        full: Self::by_left::<<O::Ty as Loaded>::Full>(),
        byte: Self::by_left::<<O::Ty as Loaded>::Byte>(),
        half: Self::by_left::<<O::Ty as Loaded>::Half>(),
    };
}

impl Translator<'_> {
    /// Remembers a load that was just appended.
    pub(in crate::translate) fn remember_load<O: MemoryLoad>(
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
        let width = ReadWidth { bytes: size_of::<O::Raw>(), signed: O::Raw::SIGNED };
        let wasm_offset = self.buffers.emit.wasm_offset;
        let made = Made::Load(LastLoad { width, addr: operand, offset, wasm_offset, before });
        self.function.last = Some(Last { cell, made });
    }

    /// Translates a binary operation if it can make the load of its right operand itself, because
    /// that came just before it, or of its left operand, if they may change places.
    pub(in crate::translate) fn fold_load<O: Binary<Ty: Loaded>>(&mut self) -> bool {
        match self.function.last {
            Some(Last { cell, made: Made::Load(load) })
                if self.function.options.optimizations.fuse =>
            {
                self.fold_last_load::<O>(cell, load)
            }
            _ => false,
        }
    }

    fn fold_last_load<O: Binary<Ty: Loaded>>(&mut self, cell: Pos, load: LastLoad) -> bool {
        let Some(kind) = load.width.kind_for::<O::Ty>() else { return false };
        let bank = O::Ty::BANK;
        if self.last_result().is_some() {
            let left = self.buffers.stack.peek(1).value;
            if matches!(left, Value::Const(_) | Value::Sum(..)) {
                return false;
            }
            self.take_back(cell, load.before, bank);
            let left = self.pop();
            self.load_operand::<O>(left, load, kind);
            return true;
        }
        if !O::COMMUTES || !matches!(self.buffers.stack.peek(0).value, Value::Local(_)) {
            return false;
        }
        let Some(local) = self.set_aside_lazy() else { return false };
        if self.last_result().is_none() {
            self.put_back(local);
            return false;
        }
        self.take_back(cell, load.before, bank);
        let left = self.operand_of(local);
        self.load_operand::<O>(left, load, kind);
        true
    }

    fn load_operand<O: Binary<Ty: Loaded>>(
        &mut self,
        left: Operand,
        load: LastLoad,
        kind: LoadedPart,
    ) {
        let a = match left {
            Operand::Slot(slot) => self.reach(slot as u32, 1),
            _ => 0,
        };
        let slot = match load.addr {
            Operand::Slot(slot) => slot as u16,
            _ => 0,
        };
        let b = u32::from_ne_bytes(halves(slot, load.offset));
        let by_left = LoadOperandTable::<O>::BY_PART.at(kind);
        let dests = by_left.at(Source::of(left)).at(Source::of(load.addr));
        self.buffers.emit.site_at(load.wasm_offset);
        self.define(dests, Fields { a, b, d: 0, wide: None }, O::Ty::BANK);
    }
}
