//! The translator: one pass from a function's body to its code.
//!
//! [`function`] reads the operators of a validated body; [`operators`] sends each to the module
//! named for its group, which mirrors one in [`crate::exec`]. `local.get`, constants
//! and blocks produce nothing by themselves: they are folded into the operations that use them
//! (see [`stack`]).

mod atomic;
mod bulk;
mod call;
mod control;
mod emit;
mod gc;
mod load_operand;
mod memory;
mod meter;
mod numeric;
mod operators;
mod options;
mod pins;
mod reference;
mod scan;
mod simd;
mod stack;
mod variable;
mod vector;
mod wide;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod training;

use std::sync::{Mutex, PoisonError};

use lineal_decoder::{ModuleParts, ValType};
use wasmparser::{BinaryReader, FunctionBody};

pub use options::Optimizations;
pub(crate) use options::Options;

use crate::exec::operand::Bank;
use crate::runtime::code::{Code, ModuleCode};
use control::{Branches, Frame};
use emit::{Emitter, Pos};
use load_operand::LastLoad;
use meter::Meter;
use numeric::{LastAdd, LastCompare};
use scan::Scan;
use stack::{Registers, Stack};
use variable::{Locals, move_pin_handler, move_slot_handler};

/// Slots that a far frame keeps to bring operands in reach: three sources and a destination, any
/// of them a vector.
const FAR_SCRATCH_SLOTS: u32 = 8;

/// The most slots of locals in a frame that is not far.
const NEAR_FRAME_SLOTS: u32 = 60_000;

/// What one function's translation leaves for the next: memory to be used again, and what is
/// known of functions that were scanned before.
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

/// Translates one of a module's own functions.
///
/// # Panics
///
/// Panics if the body is not valid: modules are validated before they get here.
pub(crate) fn function(module: &ModuleCode, index: u32, buffers: &mut Buffers) -> Code {
    let parts: &ModuleParts = &module.decoded;
    let func = parts.imported_funcs + index;
    let range = parts.bodies[index as usize].range.clone();
    let reader = BinaryReader::new(&parts.bytes[range.clone()], range.start as u64);
    let body = FunctionBody::new(reader);
    translated(module, func, &body, false, buffers)
        // The slots are others then, and so a scan of the function is not true any more.
        .or_else(|| translated(module, func, &body, true, &mut Buffers::default()))
        .expect("a far frame holds everything")
}

/// Translates a function; `None` if that needs a far frame.
fn translated(
    module: &ModuleCode,
    func: u32,
    body: &FunctionBody<'_>,
    far_frame: bool,
    buffers: &mut Buffers,
) -> Option<Code> {
    let mut translator = Translator::new(module, func, body, far_frame, std::mem::take(buffers));
    if let Err(error) = translator.body(body) {
        panic!("validated function {func} did not parse: {error}");
    }
    let code = (!translator.needs_far_frame).then(|| translator.finish());
    *buffers = translator.into_buffers();
    code
}

/// How many slots after the other locals those of vectors begin, if the frame is far.
fn behind(far_frame: bool) -> Option<u32> {
    far_frame.then_some(1 + FAR_SCRATCH_SLOTS)
}

/// The bank that values of a type belong to.
fn bank_of(ty: ValType) -> Bank {
    match ty {
        ValType::F32 => Bank::F32,
        ValType::F64 => Bank::F64,
        _ => Bank::Int,
    }
}

/// The state of translating one function.
struct Translator<'a> {
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
    /// Where the code of the last result that is a vector ends.
    last_vector_end: Pos,
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
    fn new(
        module: &'a ModuleCode,
        func: u32,
        body: &FunctionBody<'_>,
        far_frame: bool,
        mut buffers: Buffers,
    ) -> Translator<'a> {
        buffers.emit.clear();
        buffers.stack.clear();
        buffers.frames.clear();
        buffers.branches.clear();
        let parts: &ModuleParts = &module.decoded;
        let scratch = if far_frame { FAR_SCRATCH_SLOTS } else { 0 };
        let mut locals = buffers.locals;
        locals.read(parts.func_type(func), body, behind(far_frame));
        let link_slot = locals.count();
        let temp_base = link_slot + 1 + scratch + locals.far_count();
        let mut options = module.engine.config().translation();
        options.optimizations.fold &= !far_frame;
        Translator {
            module,
            parts,
            func,
            options,
            locals,
            link_slot,
            temp_base,
            emit: buffers.emit,
            stack: buffers.stack,
            registers: Registers::default(),
            frames: buffers.frames,
            branches: buffers.branches,
            dead: None,
            last_cell: None,
            last_vector_end: 0,
            last_compare: None,
            last_add: None,
            last_load: None,
            scan: buffers.scan,
            scanned: buffers.scanned,
            meter: Meter::default(),
            loops: 0,
            far_frame,
            needs_far_frame: !far_frame && link_slot > NEAR_FRAME_SLOTS,
            enter: 0,
        }
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> wasmparser::Result<()> {
        self.begin_scan(body)?;
        self.begin_function();
        self.meter_function();
        let mut reader = body.get_binary_reader_for_operators()?;
        while !reader.eof() {
            self.emit.wasm_offset = reader.original_position() as u32;
            if self.options.adds_code() {
                self.operator_with_additions(&mut reader)?;
            } else {
                reader.visit_operator(self)?;
            }
            if self.needs_far_frame {
                break;
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
            self.scan.read(self.parts.func_type(self.func), body, behind(self.far_frame))?;
            index = 0;
        }
        (self.registers.pins, self.loops) = self.scan.function(index as usize);
        Ok(())
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

    fn into_buffers(self) -> Buffers {
        let Translator { locals, emit, stack, frames, branches, scan, scanned, .. } = self;
        Buffers { locals, emit, stack, frames, branches, scan, scanned }
    }

    fn local_bank(&self, local: u32) -> Bank {
        self.locals.bank(local)
    }
}
