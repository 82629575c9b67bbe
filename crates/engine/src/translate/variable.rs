//! Translates locals and globals, and picks the handlers of moves.

use std::marker::PhantomData;

use lineal_decoder::{FuncType, ValType};
use wasmparser::FunctionBody;

use super::emit::{Dests, Fields, dests};
use super::stack::Operand;
use super::{Translator, bank_of};
use crate::exec::abi::{Handler, handler};
use crate::exec::operand::{Acc, Bank, Pin, Scalar, SlotA, Src, Wide};
use crate::exec::variable::{GlobalGet, GlobalSet, Move, MovePin};

/// The banks of a function's locals, parameters first.
#[derive(Debug)]
pub(super) struct Locals {
    /// The first locals', for quick access.
    near: Vec<Bank>,
    /// All of them, in runs: the index after the run, and its bank.
    runs: Vec<(u32, Bank)>,
    params: u32,
}

/// How many locals are looked up without a search.
const NEAR_LOCALS: u32 = 256;

impl Locals {
    pub(super) fn new(ty: &FuncType, body: &FunctionBody<'_>) -> Locals {
        let mut locals = Locals { near: Vec::new(), runs: Vec::new(), params: 0 };
        for &param in ty.params() {
            locals.add(1, bank_of(param));
        }
        locals.params = locals.count();
        // A declaration that cannot be read was refused by validation.
        for declaration in body.get_locals_reader().into_iter().flatten().flatten() {
            let (count, ty) = declaration;
            let bank = match ty {
                wasmparser::ValType::F32 => Bank::F32,
                wasmparser::ValType::F64 => Bank::F64,
                _ => Bank::Int,
            };
            locals.add(count, bank);
        }
        locals
    }

    fn add(&mut self, count: u32, bank: Bank) {
        let start = self.count();
        let near = (start + count).min(NEAR_LOCALS).saturating_sub(start);
        self.near.extend(std::iter::repeat_n(bank, near as usize));
        self.runs.push((start + count, bank));
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        self.runs.last().map_or(0, |&(end, _)| end)
    }

    /// How many of them are parameters.
    pub(super) fn params(&self) -> u32 {
        self.params
    }

    pub(super) fn bank(&self, local: u32) -> Bank {
        match self.near.get(local as usize) {
            Some(&bank) => bank,
            None => self.runs[self.runs.partition_point(|&(end, _)| end <= local)].1,
        }
    }
}

/// Handlers of moves and globals for one bank.
struct MoveTable<T>(PhantomData<T>);

impl<T: Scalar> MoveTable<T> {
    /// To a slot, by source: slot, accumulator, pin, constant.
    const TO_SLOT: &'static [Handler; 4] = &[
        handler::<Move<T, SlotA>>(),
        handler::<Move<T, Acc>>(),
        handler::<Move<T, Pin>>(),
        handler::<Move<T, Wide>>(),
    ];

    /// To the pin and its slot, by source.
    const TO_PIN: &'static [Handler; 4] = &[
        handler::<MovePin<T, SlotA>>(),
        handler::<MovePin<T, Acc>>(),
        handler::<MovePin<T, Pin>>(),
        handler::<MovePin<T, Wide>>(),
    ];

    const GLOBAL_GET: &'static Dests = &dests!(GlobalGet<T>);

    const fn global_set<S: Src<T>>() -> Handler {
        handler::<GlobalSet<T, S>>()
    }

    /// By source.
    const GLOBAL_SET: &'static [Handler; 4] = &[
        Self::global_set::<SlotA>(),
        Self::global_set::<Acc>(),
        Self::global_set::<Pin>(),
        Self::global_set::<Wide>(),
    ];
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
pub(super) fn by_source(table: &[Handler; 4], operand: Operand) -> (Handler, Fields) {
    let fields = Fields::default();
    match operand {
        Operand::Slot(slot) => (table[0], Fields { a: slot as u16, ..fields }),
        Operand::Acc => (table[1], fields),
        Operand::Pin => (table[2], fields),
        Operand::Const(bits) => (table[3], Fields { wide: Some(bits), ..fields }),
    }
}

/// The handler that moves an operand to slot `d`.
pub(super) fn move_slot_handler(bank: Bank, operand: Operand) -> (Handler, Fields) {
    by_source(for_bank!(bank, TO_SLOT), operand)
}

/// The handler that moves an operand to the bank's pin, and to slot `d`.
pub(super) fn move_pin_handler(bank: Bank, operand: Operand) -> (Handler, Fields) {
    by_source(for_bank!(bank, TO_PIN), operand)
}

impl Translator<'_> {
    pub(super) fn global_get(&mut self, global: u32) {
        let bank = bank_of(self.parts.globals[global as usize].ty.content);
        let fields = Fields { b: global, ..Fields::default() };
        self.define(for_bank!(bank, GLOBAL_GET), fields, bank);
    }

    pub(super) fn global_set(&mut self, global: u32) {
        debug_assert!(
            !matches!(self.parts.globals[global as usize].ty.content, ValType::V128),
            "vectors have handlers of their own"
        );
        let (operand, bank) = self.pop_entry();
        let operand = match operand {
            Operand::Slot(slot) => Operand::Slot(u32::from(self.reach(slot, 1))),
            other => other,
        };
        let (handler, fields) = by_source(for_bank!(bank, GLOBAL_SET), operand);
        self.emit.cell(handler, Fields { b: global, ..fields });
    }
}
