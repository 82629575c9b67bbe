//! The translator: one pass from a function's body to its code.
//!
//! [`Translator::function`] reads the operators of a validated body; [`operators`] sends each to
//! the module named for its group, which mirrors one in [`crate::exec`]. `local.get`, constants
//! and blocks produce nothing by themselves: they are folded into the operations that use them
//! (see [`stack`]).

mod access;
mod call;
mod control;
mod emit;
mod gc;
mod meter;
mod operators;
mod pins;
mod reference;
mod scalar;
mod scan;
mod slow;
mod stack;
mod table;
mod variable;
mod vector;
mod wide;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod training;

use crate::machine::Bank;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use lineal_decoder::{ModuleParts, ValType, visit_operator};
use wasmparser::{BinaryReader, FunctionBody};

use crate::exec;
use crate::runtime::code::{Code, ModuleCode};
use crate::runtime::engine::Engine;
use crate::runtime::options::Options;
use access::fold::LastLoad;
use control::{Branches, Frame};
use emit::{Emitter, Pos};
use meter::Meter;
use pins::Pins;
use scalar::{LastAdd, LastCompare};
use scan::Scan;
use stack::{Registers, Stack};
use variable::{Locals, move_pin_handler, move_slot_handler};

/// Slots that a far frame keeps to bring operands in reach: three sources and a destination, any
/// of them a vector.
const FAR_SCRATCH_SLOTS: u32 = 8;

/// The most slots of locals in a frame that is not far.
const NEAR_FRAME_SLOTS: u32 = 60_000;

/// What one module's translation leaves for the next: memory to be used again. Before that, it
/// holds what is known of functions that were scanned.
#[derive(Default)]
pub(crate) struct Buffers {
    locals: Locals,
    emit: Emitter,
    stack: Stack,
    frames: Vec<Frame>,
    branches: Branches,
    scan: Scan,
    /// Whether all functions of the module were scanned before.
    scanned: bool,
}

/// Buffers that are not in use: without them, a small module's translation is half allocation.
static SPARE_BUFFERS: Mutex<Vec<Buffers>> = Mutex::new(Vec::new());

impl Buffers {
    /// How many are kept at most.
    const SPARE: usize = 4;

    /// The cells in the largest that are kept.
    const LARGEST_SPARE_CELLS: usize = 1 << 14;

    /// Buffers to translate functions with.
    pub(crate) fn new() -> Buffers {
        let spare = SPARE_BUFFERS.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Buffers { scanned: false, ..spare.unwrap_or_default() }
    }

    /// What scans a module's functions, all of them, before they are translated.
    pub(crate) fn scan(&mut self) -> &mut Scan {
        self.scan.clear();
        self.scanned = true;
        &mut self.scan
    }

    /// Keeps them for the next translation.
    pub(crate) fn keep(self) {
        let largest = self.emit.capacity().max(self.scan.capacity());
        let mut spare = SPARE_BUFFERS.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < Self::SPARE && largest <= Self::LARGEST_SPARE_CELLS {
            spare.push(self);
        }
    }
}

/// Prepares a module to run, which may come from a file. If its functions were scanned, with the buffers given, they are
/// translated now; otherwise when first called.
pub(crate) fn module(
    engine: &Engine,
    decoded: lineal_decoder::Module,
    file: Option<&Path>,
    scanned: Option<Buffers>,
) -> ModuleCode {
    let code = ModuleCode::new(engine, decoded, file, exec::translate_stub(), |module, index| {
        let mut translator = Translator::new(module, Buffers::new());
        let code = translator.function(index);
        translator.into_buffers().keep();
        code
    });
    if let Some(buffers) = scanned {
        let mut translator = Translator::new(&code, buffers);
        for index in 0..code.decoded.bodies.len() as u32 {
            code.translated_with(index, |index| translator.function(index));
        }
        translator.into_buffers().keep();
    }
    code
}

/// The bank that values of a type belong to.
fn bank_of(ty: ValType) -> Bank {
    match ty {
        ValType::F32 => Bank::F32,
        ValType::F64 => Bank::F64,
        _ => Bank::Int,
    }
}

/// Translates functions of a module, one after the other.
pub(crate) struct Translator<'a> {
    module: &'a ModuleCode,
    parts: &'a ModuleParts,
    func: u32,
    options: Options,
    locals: Locals,
    /// The slot of the return address.
    link_slot: u32,
    /// The slot of the operand stack's first entry.
    temp_base: u32,
    emit: Emitter,
    stack: Stack,
    registers: Registers,
    frames: Vec<Frame>,
    branches: Branches,
    /// While code cannot be reached: how many blocks were opened in it.
    dead: Option<u32>,
    /// The cell of the last result, unless a label or another cell came after it.
    last_cell: Option<Pos>,
    /// Where the code of the last result that is a vector ends, and the slot it went to.
    last_vector: (Pos, u32),
    last_compare: Option<LastCompare>,
    last_add: Option<LastAdd>,
    last_load: Option<LastLoad>,
    scan: Scan,
    /// Whether all functions of the module were scanned before.
    scanned: bool,
    meter: Meter,
    /// The number of the next loop in the scan.
    loops: usize,
    /// Whether the frame has slots that 16 bits cannot name.
    far_frame: bool,
    /// Found out that it has: translate again with `far_frame`.
    needs_far_frame: bool,
    enter: Pos,
}

impl<'a> Translator<'a> {
    pub(crate) fn new(module: &'a ModuleCode, buffers: Buffers) -> Translator<'a> {
        let Buffers { locals, emit, stack, frames, branches, scan, scanned } = buffers;
        Translator {
            module,
            parts: &module.decoded,
            func: 0,
            options: Options::default(),
            locals,
            link_slot: 0,
            temp_base: 0,
            emit,
            stack,
            registers: Registers::default(),
            frames,
            branches,
            dead: None,
            last_cell: None,
            last_vector: (0, 0),
            last_compare: None,
            last_add: None,
            last_load: None,
            scan,
            scanned,
            meter: Meter::default(),
            loops: 0,
            far_frame: false,
            needs_far_frame: false,
            enter: 0,
        }
    }

    pub(crate) fn into_buffers(self) -> Buffers {
        let Translator { locals, emit, stack, frames, branches, scan, scanned, .. } = self;
        Buffers { locals, emit, stack, frames, branches, scan, scanned }
    }

    /// Translates one of the module's own functions.
    ///
    /// # Panics
    ///
    /// Panics if the body is not valid: modules are validated before they get here.
    pub(crate) fn function(&mut self, index: u32) -> Code {
        let range = self.parts.bodies[index as usize].range.clone();
        let reader = BinaryReader::new(&self.parts.bytes[range.clone()], range.start as u64);
        let body = FunctionBody::new(reader);
        for far_frame in [false, true] {
            self.begin(self.parts.imported_funcs + index, &body, far_frame);
            if let Err(error) = self.body(&body) {
                panic!("validated function {} did not parse: {error}", self.func);
            }
            if !self.needs_far_frame {
                return self.finish();
            }
        }
        unreachable!("a far frame holds everything")
    }

    /// Forgets the function before.
    fn begin(&mut self, func: u32, body: &FunctionBody<'_>, far_frame: bool) {
        self.func = func;
        self.options = self.module.engine.config().translation();
        self.options.optimizations.fold &= !far_frame;
        let behind = far_frame.then_some(1 + FAR_SCRATCH_SLOTS);
        self.locals.read(self.parts.func_type(func), body, behind);
        self.link_slot = self.locals.count();
        let scratch = if far_frame { FAR_SCRATCH_SLOTS } else { 0 };
        self.temp_base = self.link_slot + 1 + scratch + self.locals.far_count();
        self.emit.clear();
        self.stack.clear();
        self.registers = Registers::default();
        self.frames.clear();
        self.branches.clear();
        self.dead = None;
        self.last_cell = None;
        self.last_vector = (0, 0);
        self.last_compare = None;
        self.last_add = None;
        self.last_load = None;
        self.meter = Meter::default();
        self.far_frame = far_frame;
        self.needs_far_frame = !far_frame && self.link_slot > NEAR_FRAME_SLOTS;
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> wasmparser::Result<()> {
        self.begin_scan(body)?;
        let mut reader = body.get_binary_reader_for_operators()?;
        self.emit.wasm_offset = reader.original_position() as u32;
        self.begin_function();
        self.meter_function();
        let binary = &self.parts.bytes;
        let adds_code = self.options.adds_code();
        while !reader.eof() && !self.needs_far_frame {
            self.emit.wasm_offset = reader.original_position() as u32;
            if adds_code {
                self.operator_with_additions(&mut reader)?;
            } else {
                visit_operator(&mut reader, binary, self)?;
            }
        }
        Ok(())
    }

    /// Takes what a scan of the function found out, or scans it now.
    fn begin_scan(&mut self, body: &FunctionBody<'_>) -> wasmparser::Result<()> {
        let mut index = self.func - self.parts.imported_funcs;
        if !self.options.optimizations.pin {
            self.scan.clear();
        } else if !self.scanned {
            self.scan.read(&self.parts.bytes, body)?;
            index = 0;
        }
        self.loops = self.scan.function(index as usize);
        self.registers.pins = self.next_loop_pins();
        Ok(())
    }

    /// The pins for the loop that is next in the scan, the function itself being the first.
    fn next_loop_pins(&mut self) -> Pins {
        let pins = self.scan.pins.of_loop(self.loops, &self.locals, self.registers.pins);
        self.loops += 1;
        pins
    }

    /// Translates an operator, and what the configuration asks for with it.
    #[cold]
    fn operator_with_additions(&mut self, reader: &mut BinaryReader<'_>) -> wasmparser::Result<()> {
        let operator = reader.peek_operator(self)?;
        self.meter(&operator);
        let live = self.dead.is_none();
        reader.visit_operator(self)?;
        self.metered(&operator);
        if live && self.options.canonical_nans {
            self.canonicalize(&operator);
        }
        Ok(())
    }

    fn finish(&mut self) -> Code {
        self.finish_enter();
        self.finish_checks();
        if self.options.optimizations.fuse {
            self.emit.fuse_sequences();
        }
        self.emit.finish(self.link_slot)
    }

    fn local_bank(&self, local: u32) -> Bank {
        self.locals.bank(local)
    }
}
