//! The translator: one pass from a function's body to its code.
//!
//! [`Translator::function`] reads the operators of a validated body; [`operators`] sends each to
//! the module named for its group, which mirrors one in [`crate::exec`]. `local.get`, constants
//! and blocks produce nothing by themselves: they are folded into the operations that use them
//! (see [`stack`]).

mod access;
mod call;
mod control;
mod effect;
mod emit;
mod gc;
mod last;
mod meter;
mod operators;
mod pins;
mod range;
mod reference;
mod scalar;
mod scan;
mod slow;
mod stack;
mod steps;
mod table;
mod tables;
mod variable;
#[cfg(feature = "simd")]
mod vector;
#[cfg(not(feature = "simd"))]
#[path = "vector/disabled.rs"]
mod vector;
#[cfg(any(test, debug_assertions, lineal_verify))]
mod verify;
mod whole;
mod wide;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod training;
#[cfg(all(test, lineal_tail_calls, target_arch = "x86_64"))]
pub(crate) use tests::handlers_in_the_tree;

use crate::machine::Bank;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use lineal_decoder::{Error, ModuleParts, UnvalidatedBodies, ValType, visit_operator};
use wasmparser::{BinaryReader, FunctionBody};

use crate::exec;
use crate::runtime::code::{Code, ModuleCode};
use crate::runtime::config::CompilationMode;
use crate::runtime::engine::Engine;
use crate::runtime::options::Options;
use control::{Block, Branches};
use emit::{Emitter, Pos};
use last::Last;
use meter::Meter;
use pins::Pins;
use scan::Scan;
use stack::{Registers, Stack};
use variable::{Locals, move_pin_handler, move_slot_handler};

/// Slots that a far frame keeps to bring operands in reach: three sources and a destination, any
/// of them a vector.
const FAR_SCRATCH_SLOTS: u32 = 8;

/// The most slots of locals in a frame that is not far.
const NEAR_FRAME_SLOTS: u32 = 60_000;

/// What one module's translation leaves for the next: memory to be used again. Before that, it
/// holds what is known of a function that was scanned.
#[derive(Default)]
pub(crate) struct Buffers {
    locals: Locals,
    emit: Emitter,
    stack: Stack,
    blocks: Vec<Block>,
    branches: Branches,
    scan: Scan,
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
        spare.unwrap_or_default()
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

/// Prepares a module to run, which may come from a file. When its functions are validated and
/// translated, the engine's configuration says.
///
/// # Errors
///
/// The error in the first function that is invalid, if they are validated now; or that their code is too
/// large.
pub(crate) fn module(
    engine: &Engine,
    decoded: lineal_decoder::Module,
    bodies: UnvalidatedBodies,
    file: Option<&Path>,
) -> anyhow::Result<ModuleCode> {
    let mut code = ModuleCode::new(engine, decoded, file, exec::translate_stub(), one_function);
    match engine.config().compilation_mode {
        CompilationMode::Eager => whole::all_functions(&code, &bodies, true)?,
        CompilationMode::Lazy => whole::all_functions(&code, &bodies, false)?,
        CompilationMode::LazyValidation => code.bodies = Some(bodies),
    }
    Ok(code)
}

/// Translates one of a module's own functions when it is called, and validates it if it was not yet.
fn one_function(module: &ModuleCode, index: u32) -> Result<Code, Error> {
    let mut translator = Translator::new(module, Buffers::new());
    let code = match &module.bodies {
        None => Ok(translator.function(index)),
        Some(bodies) => bodies
            .validator(&module.decoded)
            .validate(index, translator.scan())
            .map(|()| translator.scanned_function(index)),
    };
    translator.into_buffers().keep();
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

/// What is known of the function being translated.
#[derive(Default)]
struct FunctionState {
    func: u32,
    options: Options,
    /// The slot of the return address.
    link_slot: u32,
    /// The slot of the operand stack's first entry.
    temp_base: u32,
    registers: Registers,
    /// While code cannot be reached: how many blocks were opened in it.
    dead: Option<u32>,
    /// The cell of the last result, unless a label or another cell came after it.
    last: Option<Last>,
    meter: Meter,
    /// The number of the next loop in the scan.
    loops: usize,
    /// Whether the frame has slots that 16 bits cannot name.
    far_frame: bool,
    /// Found out that it has: translate again with `far_frame`.
    needs_far_frame: bool,
    enter: Pos,
}

/// Translates functions of a module, one after the other.
pub(crate) struct Translator<'a> {
    module: &'a ModuleCode,
    parts: &'a ModuleParts,
    buffers: Buffers,
    function: FunctionState,
}

impl<'a> Translator<'a> {
    pub(crate) fn new(module: &'a ModuleCode, buffers: Buffers) -> Translator<'a> {
        let function = FunctionState::default();
        Translator { module, parts: &module.decoded, buffers, function }
    }

    pub(crate) fn into_buffers(self) -> Buffers {
        self.buffers
    }

    /// What scans the function that is translated next.
    pub(crate) fn scan(&mut self) -> &mut Scan {
        &mut self.buffers.scan
    }

    /// Translates one of the module's own functions.
    ///
    /// # Panics
    ///
    /// Panics if the body is not valid: it is validated before it gets here.
    pub(crate) fn function(&mut self, index: u32) -> Code {
        self.scan_function(index);
        self.scanned_function(index)
    }

    fn scan_function(&mut self, index: u32) {
        if self.module.engine.config().translation().optimizations.pin {
            let body = self.function_body(index);
            let scanned = self.buffers.scan.read(&self.parts.bytes, &body);
            self.expect_valid(index, scanned);
        }
    }

    /// The same for the function that was scanned last.
    ///
    /// # Panics
    ///
    /// As for [`function`](Self::function).
    pub(crate) fn scanned_function(&mut self, index: u32) -> Code {
        let body = self.function_body(index);
        for far_frame in [false, true] {
            self.begin(self.parts.imported_funcs + index, &body, far_frame);
            let translated = self.body(&body);
            self.expect_valid(index, translated);
            if !self.function.needs_far_frame {
                return self.finish();
            }
        }
        unreachable!("a far frame holds everything")
    }

    fn function_body(&self, index: u32) -> FunctionBody<'a> {
        let range = self.parts.bodies[index as usize].range.clone();
        FunctionBody::new(BinaryReader::new(&self.parts.bytes[range.clone()], range.start as u64))
    }

    fn expect_valid(&self, index: u32, read: wasmparser::Result<()>) {
        if let Err(error) = read {
            let func = self.parts.imported_funcs + index;
            panic!("validated function {func} did not parse: {error}");
        }
    }

    /// Forgets the function before.
    fn begin(&mut self, func: u32, body: &FunctionBody<'_>, far_frame: bool) {
        let mut options = self.module.engine.config().translation();
        options.optimizations.fold &= !far_frame;
        if self.module.observed.as_ref().is_some_and(|observed| observed.is_silent(func)) {
            (options.watched.filter, options.watched.all) = (false, false);
        }
        let Buffers { locals, emit, stack, blocks, branches, .. } = &mut self.buffers;
        let behind = far_frame.then_some(1 + FAR_SCRATCH_SLOTS);
        locals.read(self.parts.func_type(func), body, behind);
        emit.clear();
        stack.clear();
        blocks.clear();
        branches.clear();
        let link_slot = locals.count();
        let scratch = if far_frame { FAR_SCRATCH_SLOTS } else { 0 };
        self.function = FunctionState {
            func,
            options,
            link_slot,
            temp_base: link_slot + 1 + scratch + locals.far_count(),
            far_frame,
            needs_far_frame: !far_frame && link_slot > NEAR_FRAME_SLOTS,
            ..FunctionState::default()
        };
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> wasmparser::Result<()> {
        self.begin_scan();
        let mut reader = body.get_binary_reader_for_operators()?;
        self.buffers.emit.wasm_offset = reader.original_position() as u32;
        self.begin_function();
        self.meter_function();
        let binary = &self.parts.bytes;
        let is_metered = self.function.options.fuel;
        while !reader.eof() && !self.function.needs_far_frame {
            steps::count(1);
            self.buffers.emit.wasm_offset = reader.original_position() as u32;
            if is_metered {
                self.metered_operator(&mut reader)?;
            } else {
                visit_operator(&mut reader, binary, self)?;
            }
        }
        Ok(())
    }

    /// Begins to use what a scan of the function found out.
    fn begin_scan(&mut self) {
        if !self.function.options.optimizations.pin {
            self.buffers.scan.clear();
        }
        self.buffers.scan.begin_use();
        self.function.registers.pins = self.next_loop_pins();
    }

    /// The pins for the loop that is next in the scan, the function itself being the first.
    fn next_loop_pins(&mut self) -> Pins {
        let pins = self.buffers.scan.pins.of_loop(
            self.function.loops,
            &self.buffers.locals,
            self.function.registers.pins,
        );
        self.function.loops += 1;
        pins
    }

    /// Translates an operator, and charges fuel for it.
    #[cold]
    fn metered_operator(&mut self, reader: &mut BinaryReader<'_>) -> wasmparser::Result<()> {
        let operator = reader.peek_operator(self)?;
        self.meter(&operator);
        reader.visit_operator(self)?;
        self.metered(&operator);
        Ok(())
    }

    fn finish(&mut self) -> Code {
        self.finish_enter();
        self.finish_checks();
        #[cfg(any(test, debug_assertions, lineal_verify))]
        self.verify();
        if self.function.options.optimizations.fuse {
            self.buffers.emit.fuse_sequences();
        }
        self.buffers.emit.finish(self.function.link_slot)
    }

    /// # Panics
    ///
    /// Panics if the code is not what the machine's invariants ask for.
    #[cfg(any(test, debug_assertions, lineal_verify))]
    fn verify(&self) {
        if let Err(fault) = self.check() {
            panic!("function {} was translated wrongly: {fault}", self.function.func);
        }
    }

    #[cfg(any(test, debug_assertions, lineal_verify))]
    fn check(&self) -> Result<(), String> {
        let FunctionState { link_slot, temp_base, .. } = self.function;
        let slots = temp_base + self.buffers.stack.max_height();
        verify::verify(&self.buffers.emit, verify::FrameSize { link_slot, slots })
    }

    fn local_bank(&self, local: u32) -> Bank {
        self.buffers.locals.bank(local)
    }
}
