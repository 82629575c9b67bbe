//! The translator: one pass from a function's body to its code.
//!
//! [`function`] reads the operators of a validated body; [`Translator::operator`] sends each to
//! the module named for its group, which mirrors one in [`crate::exec`]. `local.get`, constants
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

use lineal_decoder::{ModuleParts, ValType};
use wasmparser::{BinaryReader, FunctionBody, Operator};

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

/// What one function's translation leaves for the next: memory to be used again.
#[derive(Default)]
pub(crate) struct Buffers {
    emit: Emitter,
    stack: Stack,
    frames: Vec<Frame>,
    branches: Branches,
    scan: Scan,
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
    let mut far_frame = false;
    loop {
        let taken = std::mem::take(buffers);
        let mut translator = Translator::new(module, func, &body, far_frame, taken);
        if let Err(error) = translator.body(&body) {
            panic!("validated function {func} did not parse: {error}");
        }
        if !translator.needs_far_frame {
            let (code, used) = translator.finish();
            *buffers = used;
            return code;
        }
        far_frame = true;
    }
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
    meter: Meter,
    /// How many loops were begun.
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
        let locals = Locals::new(parts.func_type(func), body, far_frame.then_some(1 + scratch));
        let link_slot = locals.count();
        let temp_base = link_slot + 1 + scratch + locals.far_count();
        let options = module.engine.config().translation();
        Translator {
            module,
            parts,
            func,
            options: Options { fold: options.fold && !far_frame, ..options },
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
            meter: Meter::default(),
            loops: 0,
            far_frame,
            needs_far_frame: !far_frame && link_slot > NEAR_FRAME_SLOTS,
            enter: 0,
        }
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> wasmparser::Result<()> {
        if self.options.pin {
            self.scan.read(body, &self.locals)?;
            self.registers.pins = self.scan.pins.function;
        } else {
            self.scan.clear();
        }
        self.begin_function();
        self.meter_function();
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            self.emit.wasm_offset = reader.original_position() as u32;
            let operator = reader.read()?;
            self.meter(&operator);
            let live = self.dead.is_none();
            self.operator(&operator);
            self.metered(&operator);
            if live && self.options.canonical_nans {
                self.canonicalize(&operator);
            }
            if self.needs_far_frame {
                break;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> (Code, Buffers) {
        self.finish_enter();
        self.finish_checks();
        if self.options.fuse {
            self.emit.fuse_sequences();
        }
        let code = self.emit.finish(self.link_slot);
        let (emit, stack, frames) = (self.emit, self.stack, self.frames);
        (code, Buffers { emit, stack, frames, branches: self.branches, scan: self.scan })
    }

    fn local_bank(&self, local: u32) -> Bank {
        self.locals.bank(local)
    }

    /// Translates one operator.
    fn operator(&mut self, operator: &Operator<'_>) {
        if self.dead.is_some() {
            self.dead_operator(operator);
            return;
        }
        use crate::op::memory as m;
        use crate::op::numeric as n;
        use crate::op::wide as w;
        use Operator as O;
        match *operator {
            O::Nop => {}
            O::Unreachable => self.unreachable(),
            O::Block { blockty } => self.block(blockty),
            O::Loop { blockty } => self.loop_(blockty),
            O::If { blockty } => self.if_(blockty),
            O::Else => self.else_(),
            O::End => self.end(),
            O::Br { relative_depth } => self.br(relative_depth),
            O::BrIf { relative_depth } => self.br_if(relative_depth),
            O::BrTable { ref targets } => self.br_table(targets),
            O::Return => self.return_(),
            O::Call { function_index } => self.call(function_index),
            O::CallIndirect { type_index, table_index } => {
                self.call_indirect(type_index, table_index)
            }
            O::ReturnCall { function_index } => self.return_call(function_index),
            O::ReturnCallIndirect { type_index, table_index } => {
                self.return_call_indirect(type_index, table_index);
            }
            O::CallRef { type_index } => self.call_ref(type_index),
            O::ReturnCallRef { type_index } => self.return_call_ref(type_index),

            O::Drop => self.drop_value(),
            O::Select => self.select(),
            O::TypedSelect { .. } => self.select(),
            O::LocalGet { local_index } => self.local_get(local_index),
            O::LocalSet { local_index } => self.local_set(local_index),
            O::LocalTee { local_index } => {
                self.local_set(local_index);
                self.local_get(local_index);
            }
            O::GlobalGet { global_index } => self.global_get(global_index),
            O::GlobalSet { global_index } => self.global_set(global_index),
            O::I32Const { value } => self.constant(u64::from(value as u32), Bank::Int),
            O::I64Const { value } => self.constant(value as u64, Bank::Int),
            O::F32Const { value } => self.constant(u64::from(value.bits()), Bank::F32),
            O::F64Const { value } => self.constant(value.bits(), Bank::F64),
            O::RefNull { .. } => self.constant(0, Bank::Int),
            O::RefIsNull => self.test_zero::<n::I64Eq>(),
            O::RefFunc { function_index } => self.ref_func(function_index),
            O::TryTable { ref try_table } => self.try_table(try_table),
            O::Throw { tag_index } => self.throw(tag_index),
            O::ThrowRef => self.throw_ref(),
            O::RefEq => self.compare::<n::I64Eq>(),
            O::StructNew { struct_type_index } => self.struct_new(struct_type_index),
            O::StructNewDefault { struct_type_index } => self.struct_new_default(struct_type_index),
            O::StructGet { struct_type_index, field_index }
            | O::StructGetU { struct_type_index, field_index } => {
                self.struct_get(struct_type_index, field_index, false);
            }
            O::StructGetS { struct_type_index, field_index } => {
                self.struct_get(struct_type_index, field_index, true);
            }
            O::StructSet { struct_type_index, field_index } => {
                self.struct_set(struct_type_index, field_index);
            }
            O::ArrayNew { array_type_index } => self.array_new(array_type_index),
            O::ArrayNewDefault { array_type_index } => self.array_new_default(array_type_index),
            O::ArrayNewFixed { array_type_index, array_size } => {
                self.array_new_fixed(array_type_index, array_size);
            }
            O::ArrayNewData { array_type_index, array_data_index } => {
                self.array_new_data(array_type_index, array_data_index);
            }
            O::ArrayNewElem { array_type_index, array_elem_index } => {
                self.array_new_elem(array_type_index, array_elem_index);
            }
            O::ArrayGet { array_type_index } | O::ArrayGetU { array_type_index } => {
                self.array_get(array_type_index, false);
            }
            O::ArrayGetS { array_type_index } => self.array_get(array_type_index, true),
            O::ArraySet { array_type_index } => self.array_set(array_type_index),
            O::ArrayLen => self.array_len(),
            O::ArrayFill { array_type_index } => self.array_fill(array_type_index),
            O::ArrayCopy { .. } => self.array_copy(),
            O::ArrayInitData { array_data_index, .. } => self.array_init_data(array_data_index),
            O::ArrayInitElem { array_elem_index, .. } => self.array_init_elem(array_elem_index),
            O::RefI31 => self.ref_i31(),
            O::I31GetS => self.i31_get(true),
            O::I31GetU => self.i31_get(false),
            O::RefTestNonNull { hty } => self.ref_test(false, hty),
            O::RefTestNullable { hty } => self.ref_test(true, hty),
            O::RefCastNonNull { hty } => self.ref_cast(false, hty),
            O::RefCastNullable { hty } => self.ref_cast(true, hty),
            O::BrOnCast { relative_depth, to_ref_type, .. } => {
                self.br_on_cast(relative_depth, to_ref_type, true);
            }
            O::BrOnCastFail { relative_depth, to_ref_type, .. } => {
                self.br_on_cast(relative_depth, to_ref_type, false);
            }
            // References of both hierarchies are the same bits.
            O::AnyConvertExtern | O::ExternConvertAny => {}
            O::RefAsNonNull => self.ref_as_non_null(),
            O::BrOnNull { relative_depth } => self.br_on_null(relative_depth),
            O::BrOnNonNull { relative_depth } => self.br_on_non_null(relative_depth),

            O::I32Load { memarg } => self.load::<m::I32Load>(memarg),
            O::I64Load { memarg } => self.load::<m::I64Load>(memarg),
            O::F32Load { memarg } => self.load::<m::F32Load>(memarg),
            O::F64Load { memarg } => self.load::<m::F64Load>(memarg),
            O::I32Load8S { memarg } => self.load::<m::I32Load8S>(memarg),
            O::I32Load8U { memarg } => self.load::<m::I32Load8U>(memarg),
            O::I32Load16S { memarg } => self.load::<m::I32Load16S>(memarg),
            O::I32Load16U { memarg } => self.load::<m::I32Load16U>(memarg),
            O::I64Load8S { memarg } => self.load::<m::I64Load8S>(memarg),
            O::I64Load8U { memarg } => self.load::<m::I64Load8U>(memarg),
            O::I64Load16S { memarg } => self.load::<m::I64Load16S>(memarg),
            O::I64Load16U { memarg } => self.load::<m::I64Load16U>(memarg),
            O::I64Load32S { memarg } => self.load::<m::I64Load32S>(memarg),
            O::I64Load32U { memarg } => self.load::<m::I64Load32U>(memarg),
            O::I32Store { memarg } => self.store::<m::I32Store>(memarg),
            O::I64Store { memarg } => self.store::<m::I64Store>(memarg),
            O::F32Store { memarg } => self.store::<m::F32Store>(memarg),
            O::F64Store { memarg } => self.store::<m::F64Store>(memarg),
            O::I32Store8 { memarg } => self.store::<m::I32Store8>(memarg),
            O::I32Store16 { memarg } => self.store::<m::I32Store16>(memarg),
            O::I64Store8 { memarg } => self.store::<m::I64Store8>(memarg),
            O::I64Store16 { memarg } => self.store::<m::I64Store16>(memarg),
            O::I64Store32 { memarg } => self.store::<m::I64Store32>(memarg),

            O::MemorySize { mem } => self.memory_size(mem),
            O::MemoryGrow { mem } => self.memory_grow(mem),
            O::MemoryFill { mem } => self.memory_fill(mem),
            O::MemoryCopy { dst_mem, src_mem } => self.memory_copy(dst_mem, src_mem),
            O::MemoryInit { data_index, mem } => self.memory_init(mem, data_index),
            O::DataDrop { data_index } => self.data_drop(data_index),
            O::TableGet { table } => self.table_get(table),
            O::TableSet { table } => self.table_set(table),
            O::TableSize { table } => self.table_size(table),
            O::TableGrow { table } => self.table_grow(table),
            O::TableFill { table } => self.table_fill(table),
            O::TableCopy { dst_table, src_table } => self.table_copy(dst_table, src_table),
            O::TableInit { elem_index, table } => self.table_init(table, elem_index),
            O::ElemDrop { elem_index } => self.elem_drop(elem_index),

            O::I32Eqz => self.test_zero::<n::I32Eq>(),
            O::I32Eq => self.compare::<n::I32Eq>(),
            O::I32Ne => self.compare::<n::I32Ne>(),
            O::I32LtS => self.compare::<n::I32LtS>(),
            O::I32LtU => self.compare::<n::I32LtU>(),
            O::I32GtS => self.compare::<n::I32GtS>(),
            O::I32GtU => self.compare::<n::I32GtU>(),
            O::I32LeS => self.compare::<n::I32LeS>(),
            O::I32LeU => self.compare::<n::I32LeU>(),
            O::I32GeS => self.compare::<n::I32GeS>(),
            O::I32GeU => self.compare::<n::I32GeU>(),
            O::I64Eqz => self.test_zero::<n::I64Eq>(),
            O::I64Eq => self.compare::<n::I64Eq>(),
            O::I64Ne => self.compare::<n::I64Ne>(),
            O::I64LtS => self.compare::<n::I64LtS>(),
            O::I64LtU => self.compare::<n::I64LtU>(),
            O::I64GtS => self.compare::<n::I64GtS>(),
            O::I64GtU => self.compare::<n::I64GtU>(),
            O::I64LeS => self.compare::<n::I64LeS>(),
            O::I64LeU => self.compare::<n::I64LeU>(),
            O::I64GeS => self.compare::<n::I64GeS>(),
            O::I64GeU => self.compare::<n::I64GeU>(),
            O::F32Eq => self.compare::<n::F32Eq>(),
            O::F32Ne => self.compare::<n::F32Ne>(),
            O::F32Lt => self.compare::<n::F32Lt>(),
            O::F32Gt => self.compare::<n::F32Gt>(),
            O::F32Le => self.compare::<n::F32Le>(),
            O::F32Ge => self.compare::<n::F32Ge>(),
            O::F64Eq => self.compare::<n::F64Eq>(),
            O::F64Ne => self.compare::<n::F64Ne>(),
            O::F64Lt => self.compare::<n::F64Lt>(),
            O::F64Gt => self.compare::<n::F64Gt>(),
            O::F64Le => self.compare::<n::F64Le>(),
            O::F64Ge => self.compare::<n::F64Ge>(),

            O::I32Add => self.add_i32(),
            O::I32Sub => self.subtract_i32(),
            O::I32Mul => self.binary_loading::<n::I32Mul>(),
            O::I32DivS => self.binary_trapping::<n::I32DivS>(),
            O::I32DivU => self.binary_trapping::<n::I32DivU>(),
            O::I32RemS => self.binary_trapping::<n::I32RemS>(),
            O::I32RemU => self.binary_trapping::<n::I32RemU>(),
            O::I32And => self.binary_loading::<n::I32And>(),
            O::I32Or => self.binary_loading::<n::I32Or>(),
            O::I32Xor => self.binary_loading::<n::I32Xor>(),
            O::I32Shl => self.binary::<n::I32Shl>(),
            O::I32ShrS => self.binary::<n::I32ShrS>(),
            O::I32ShrU => self.binary::<n::I32ShrU>(),
            O::I32Rotl => self.binary::<n::I32Rotl>(),
            O::I32Rotr => self.binary::<n::I32Rotr>(),
            O::I64Add => self.binary_loading::<n::I64Add>(),
            O::I64Sub => self.subtract_i64(),
            O::I64Mul => self.binary_loading::<n::I64Mul>(),
            O::I64DivS => self.binary_trapping::<n::I64DivS>(),
            O::I64DivU => self.binary_trapping::<n::I64DivU>(),
            O::I64RemS => self.binary_trapping::<n::I64RemS>(),
            O::I64RemU => self.binary_trapping::<n::I64RemU>(),
            O::I64And => self.binary_loading::<n::I64And>(),
            O::I64Or => self.binary_loading::<n::I64Or>(),
            O::I64Xor => self.binary_loading::<n::I64Xor>(),
            O::I64Shl => self.binary::<n::I64Shl>(),
            O::I64ShrS => self.binary::<n::I64ShrS>(),
            O::I64ShrU => self.binary::<n::I64ShrU>(),
            O::I64Rotl => self.binary::<n::I64Rotl>(),
            O::I64Rotr => self.binary::<n::I64Rotr>(),
            O::F32Add => self.binary_loading::<n::F32Add>(),
            O::F32Sub => self.binary_loading::<n::F32Sub>(),
            O::F32Mul => self.binary_loading::<n::F32Mul>(),
            O::F32Div => self.binary::<n::F32Div>(),
            O::F32Min => self.binary::<n::F32Min>(),
            O::F32Max => self.binary::<n::F32Max>(),
            O::F32Copysign => self.binary::<n::F32Copysign>(),
            O::F64Add => self.binary_loading::<n::F64Add>(),
            O::F64Sub => self.binary_loading::<n::F64Sub>(),
            O::F64Mul => self.binary_loading::<n::F64Mul>(),
            O::F64Div => self.binary::<n::F64Div>(),
            O::F64Min => self.binary::<n::F64Min>(),
            O::F64Max => self.binary::<n::F64Max>(),
            O::F64Copysign => self.binary::<n::F64Copysign>(),

            O::I32Clz => self.unary::<n::I32Clz>(),
            O::I32Ctz => self.unary::<n::I32Ctz>(),
            O::I32Popcnt => self.unary::<n::I32Popcnt>(),
            O::I64Clz => self.unary::<n::I64Clz>(),
            O::I64Ctz => self.unary::<n::I64Ctz>(),
            O::I64Popcnt => self.unary::<n::I64Popcnt>(),
            O::I32Extend8S => self.unary::<n::I32Extend8S>(),
            O::I32Extend16S => self.unary::<n::I32Extend16S>(),
            O::I64Extend8S => self.unary::<n::I64Extend8S>(),
            O::I64Extend16S => self.unary::<n::I64Extend16S>(),
            O::I64Extend32S => self.unary::<n::I64Extend32S>(),
            O::I32WrapI64 => self.unary::<n::I32WrapI64>(),
            O::I64ExtendI32S => self.unary::<n::I64ExtendI32S>(),
            // Slots and registers hold an `i32` zero-extended, so it is one already.
            O::I64ExtendI32U => {}
            O::F32Abs => self.unary::<n::F32Abs>(),
            O::F32Neg => self.unary::<n::F32Neg>(),
            O::F32Ceil => self.unary::<n::F32Ceil>(),
            O::F32Floor => self.unary::<n::F32Floor>(),
            O::F32Trunc => self.unary::<n::F32Trunc>(),
            O::F32Nearest => self.unary::<n::F32Nearest>(),
            O::F32Sqrt => self.unary::<n::F32Sqrt>(),
            O::F64Abs => self.unary::<n::F64Abs>(),
            O::F64Neg => self.unary::<n::F64Neg>(),
            O::F64Ceil => self.unary::<n::F64Ceil>(),
            O::F64Floor => self.unary::<n::F64Floor>(),
            O::F64Trunc => self.unary::<n::F64Trunc>(),
            O::F64Nearest => self.unary::<n::F64Nearest>(),
            O::F64Sqrt => self.unary::<n::F64Sqrt>(),
            O::I32TruncF32S => self.unary_trapping::<n::I32TruncF32S>(),
            O::I32TruncF32U => self.unary_trapping::<n::I32TruncF32U>(),
            O::I32TruncF64S => self.unary_trapping::<n::I32TruncF64S>(),
            O::I32TruncF64U => self.unary_trapping::<n::I32TruncF64U>(),
            O::I64TruncF32S => self.unary_trapping::<n::I64TruncF32S>(),
            O::I64TruncF32U => self.unary_trapping::<n::I64TruncF32U>(),
            O::I64TruncF64S => self.unary_trapping::<n::I64TruncF64S>(),
            O::I64TruncF64U => self.unary_trapping::<n::I64TruncF64U>(),
            O::I32TruncSatF32S => self.unary::<n::I32TruncSatF32S>(),
            O::I32TruncSatF32U => self.unary::<n::I32TruncSatF32U>(),
            O::I32TruncSatF64S => self.unary::<n::I32TruncSatF64S>(),
            O::I32TruncSatF64U => self.unary::<n::I32TruncSatF64U>(),
            O::I64TruncSatF32S => self.unary::<n::I64TruncSatF32S>(),
            O::I64TruncSatF32U => self.unary::<n::I64TruncSatF32U>(),
            O::I64TruncSatF64S => self.unary::<n::I64TruncSatF64S>(),
            O::I64TruncSatF64U => self.unary::<n::I64TruncSatF64U>(),
            O::F32ConvertI32S => self.unary::<n::F32ConvertI32S>(),
            O::F32ConvertI32U => self.unary::<n::F32ConvertI32U>(),
            O::F32ConvertI64S => self.unary::<n::F32ConvertI64S>(),
            O::F32ConvertI64U => self.unary::<n::F32ConvertI64U>(),
            O::F64ConvertI32S => self.unary::<n::F64ConvertI32S>(),
            O::F64ConvertI32U => self.unary::<n::F64ConvertI32U>(),
            O::F64ConvertI64S => self.unary::<n::F64ConvertI64S>(),
            O::F64ConvertI64U => self.unary::<n::F64ConvertI64U>(),
            O::F32DemoteF64 => self.unary::<n::F32DemoteF64>(),
            O::F64PromoteF32 => self.unary::<n::F64PromoteF32>(),
            O::I32ReinterpretF32 => self.unary::<n::I32ReinterpretF32>(),
            O::I64ReinterpretF64 => self.unary::<n::I64ReinterpretF64>(),
            O::F32ReinterpretI32 => self.unary::<n::F32ReinterpretI32>(),
            O::F64ReinterpretI64 => self.unary::<n::F64ReinterpretI64>(),

            O::I64Add128 => self.wide_128::<w::I64Add128>(),
            O::I64Sub128 => self.wide_128::<w::I64Sub128>(),
            O::I64MulWideS => self.mul_wide::<w::I64MulWideS>(),
            O::I64MulWideU => self.mul_wide::<w::I64MulWideU>(),

            ref other => self.vector_operator(other),
        }
    }
}
