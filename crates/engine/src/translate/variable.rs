//! Translates locals and globals, and picks the handlers of moves.

use std::marker::PhantomData;

use lineal_decoder::{FuncType, ValType};
use wasmparser::FunctionBody;

use super::emit::Fields;
use super::stack::Operand;
use super::tables::{BySource, Dests, by_source, dests};
use super::{Translator, bank_of, steps};
use crate::exec::variable::{GlobalGet, GlobalSet, Move, MovePin};
use crate::machine::operand::{SlotValue, UImmB};
use crate::machine::{Bank, Handler, handler};
use crate::runtime::slots::slots;

/// A function's locals, parameters first: their slots, and the slots' banks.
#[derive(Debug, Default)]
pub(super) struct Locals {
    /// The first slots' banks, for quick access.
    near: Vec<Bank>,
    /// All slots' banks, in runs: the slot after the run, and its bank.
    runs: Vec<(u32, Bank)>,
    /// The slots of parameters.
    params: u32,
    /// The slots of vectors that lie after the return address, because all of them together
    /// would be too many to number with 16 bits.
    far: u32,
    /// Where the locals are; empty if each is at the slot of its own index.
    places: Vec<Place>,
}

/// Locals of one type, one after the other.
#[derive(Debug)]
struct Place {
    /// The index of the first, and the one after the last.
    start: u32,
    end: u32,
    /// The slot of the first.
    slot: u32,
    /// Slots that each takes.
    width: u32,
    /// Whether they lie after the return address.
    far: bool,
}

/// Where a local is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Local {
    /// In one slot.
    Scalar(u32),
    /// In two, the low half first.
    Vector(u32),
}

/// How many slots of locals are looked up without a search.
const NEAR_LOCALS: u32 = 256;

impl Locals {
    /// Forgets the function before, and reads the locals of another. If the frame is far,
    /// `behind` says how many slots after the other locals those of vectors begin.
    pub(super) fn read(&mut self, ty: &FuncType, body: &FunctionBody<'_>, behind: Option<u32>) {
        self.near.clear();
        self.runs.clear();
        self.places.clear();
        self.far = 0;
        for &param in ty.params() {
            self.add(1, bank_of(param), slots(param) as u32, false);
        }
        self.params = self.count();
        // A declaration that cannot be read was refused by validation.
        for declaration in body.get_locals_reader().into_iter().flatten().flatten() {
            let (count, ty) = declaration;
            match ty {
                wasmparser::ValType::F32 => self.add(count, Bank::F32, 1, false),
                wasmparser::ValType::F64 => self.add(count, Bank::F64, 1, false),
                wasmparser::ValType::V128 => self.add(count, Bank::Int, 2, behind.is_some()),
                _ => self.add(count, Bank::Int, 1, false),
            }
        }
        let far_start = self.count() + behind.unwrap_or(0);
        self.places.iter_mut().filter(|place| place.far).for_each(|it| it.slot += far_start);
        if self.places.iter().all(|place| place.width == 1) {
            self.places.clear();
        }
    }

    fn add(&mut self, count: u32, bank: Bank, width: u32, far: bool) {
        steps::count(1);
        let index = self.places.last().map_or(0, |place| place.end);
        let slot = if far { self.far } else { self.count() };
        self.places.push(Place { start: index, end: index + count, slot, width, far });
        if far {
            self.far += count * width;
            return;
        }
        let end = slot + count * width;
        if slot < NEAR_LOCALS {
            self.near.resize(end.min(NEAR_LOCALS) as usize, bank);
        }
        self.runs.push((end, bank));
    }

    /// How many slots they take, but for the far ones.
    pub(super) fn count(&self) -> u32 {
        self.runs.last().map_or(0, |&(end, _)| end)
    }

    /// How many slots after the return address they take.
    pub(super) fn far_count(&self) -> u32 {
        self.far
    }

    /// How many of the slots are the parameters'.
    pub(super) fn params(&self) -> u32 {
        self.params
    }

    /// Where the local with an index is.
    #[inline]
    pub(super) fn local(&self, index: u32) -> Local {
        if self.places.is_empty() { Local::Scalar(index) } else { self.find_local(index) }
    }

    #[cold]
    fn find_local(&self, index: u32) -> Local {
        let place = &self.places[self.places.partition_point(|place| place.end <= index)];
        let slot = place.slot + (index - place.start) * place.width;
        if place.width == 1 { Local::Scalar(slot) } else { Local::Vector(slot) }
    }

    /// The bank of a slot.
    #[inline]
    pub(super) fn bank(&self, slot: u32) -> Bank {
        self.near.get(slot as usize).copied().unwrap_or_else(|| self.find_bank(slot))
    }

    #[cold]
    fn find_bank(&self, slot: u32) -> Bank {
        self.runs[self.runs.partition_point(|&(end, _)| end <= slot)].1
    }
}

/// Handlers of moves and globals for one bank.
struct MoveTable<T>(PhantomData<T>);

impl<T: SlotValue> MoveTable<T> {
    const TO_SLOT: &'static BySource = &by_source!(Move [T] []);

    const TO_PIN: &'static BySource = &by_source!(MovePin [T] []);

    const GLOBAL_GET: &'static Dests = &dests!(GlobalGet<T>);

    const GLOBAL_SET: &'static BySource = &by_source!(GlobalSet [T] []);
}

/// A table for the bank.
macro_rules! for_bank {
    ($bank:expr, $table:ident) => {
        match $bank {
            Bank::Int => MoveTable::<u64>::$table,
            Bank::F64 => MoveTable::<f64>::$table,
            Bank::F32 => MoveTable::<f32>::$table,
        }
    };
}

/// Picks from a table by source, with the fields for the source.
pub(super) fn pick_by_source(table: &BySource, operand: Operand) -> (Handler, Fields) {
    let fields = Fields::default();
    match operand {
        Operand::Slot(slot) => (table.slot, Fields { a: slot as u16, ..fields }),
        Operand::Acc => (table.acc, fields),
        Operand::Pin => (table.pin, fields),
        Operand::Const(bits) => (table.constant, Fields { wide: Some(bits), ..fields }),
    }
}

/// The fields for a constant that fits in 32 bits, zero-extended.
fn narrow(operand: Operand) -> Option<Fields> {
    let Operand::Const(bits) = operand else { return None };
    u32::try_from(bits).ok().map(|b| Fields { b, ..Fields::default() })
}

/// The handler that moves an operand to slot `d`.
pub(super) fn move_slot_handler(bank: Bank, operand: Operand) -> (Handler, Fields) {
    if let Some(imm) = narrow(operand) {
        return (handler::<Move<u64, UImmB>>(), imm);
    }
    pick_by_source(for_bank!(bank, TO_SLOT), operand)
}

/// The handler that moves an operand to the bank's pin, and to slot `d`.
pub(super) fn move_pin_handler(bank: Bank, operand: Operand) -> (Handler, Fields) {
    if bank == Bank::Int
        && let Some(imm) = narrow(operand)
    {
        return (handler::<MovePin<u64, UImmB>>(), imm);
    }
    pick_by_source(for_bank!(bank, TO_PIN), operand)
}

impl Translator<'_> {
    pub(super) fn local_get(&mut self, index: u32) {
        match self.buffers.locals.local(index) {
            Local::Scalar(slot) => self.push_local(slot),
            Local::Vector(slot) => self.push_vector_local(slot),
        }
    }

    pub(super) fn local_set(&mut self, index: u32) {
        match self.buffers.locals.local(index) {
            Local::Scalar(slot) => self.pop_to_local(slot),
            Local::Vector(slot) => self.pop_vector_to_local(slot),
        }
    }

    pub(super) fn global_get(&mut self, global: u32) {
        let ty = self.parts.globals[global as usize].ty.content;
        if ty == ValType::V128 {
            self.vector_global_get(global);
            return;
        }
        let bank = bank_of(ty);
        let fields = Fields { b: global, ..Fields::default() };
        self.define(for_bank!(bank, GLOBAL_GET), fields, bank);
    }

    pub(super) fn global_set(&mut self, global: u32) {
        if self.buffers.stack.is_vector(0) {
            self.vector_global_set(global);
            return;
        }
        let (operand, bank) = self.pop_entry();
        let operand = self.move_source(operand);
        let observed = self.observed_global_set(global, bank);
        let table = observed.unwrap_or(for_bank!(bank, GLOBAL_SET));
        let (handler, fields) = pick_by_source(table, operand);
        if observed.is_some() {
            self.buffers.emit.site();
        }
        self.buffers.emit.cell(handler, Fields { b: global, ..fields });
        if observed.is_some() {
            self.append_site();
        }
    }
}
