//! Constant expressions: the initial values of globals and tables, the items of element segments
//! and the offsets of active segments.

use std::ptr::NonNull;

use anyhow::Result;
use lineal_decoder::{ConstExpr, ConstOp};

use super::code::ModuleCode;
use super::entity::{FuncEntity, GlobalEntity};
use super::heap;
use super::limits::Limits;
use super::object::{Array, Object};
use super::options::PIECE_BYTES;
use super::pool::Pool;
use super::slots::MAX_SLOTS;
use super::trap::Trap;

/// What constant expressions of an instance can refer to.
pub(crate) struct Scope<'a> {
    pub(crate) funcs: &'a [NonNull<FuncEntity>],
    /// The globals there are so far: an initial value refers to those before its own global.
    pub(crate) globals: &'a [NonNull<GlobalEntity>],
    pub(crate) module: &'a ModuleCode,
    /// Lets objects into the store's heap.
    pub(crate) limits: Limits<'a>,
}

/// A value as slots hold it; all but vectors are in the first.
type Value = [u64; MAX_SLOTS];

impl Scope<'_> {
    /// The value of an expression, as a slot holds it; not of one that gives a vector.
    ///
    /// # Errors
    ///
    /// If the heap is full, or the limiter's.
    ///
    /// # Panics
    ///
    /// If the expression is not valid in the scope's module; the decoder made sure that it is.
    pub(crate) fn evaluate(&mut self, expr: &ConstExpr) -> Result<u64> {
        Ok(self.evaluate_wide(expr)?[0])
    }

    /// The value of an expression, as two slots hold it; all but vectors are in the first.
    ///
    /// # Errors
    ///
    /// As for [`Self::evaluate`].
    ///
    /// # Panics
    ///
    /// As [`Self::evaluate`].
    pub(crate) fn evaluate_wide(&mut self, expr: &ConstExpr) -> Result<Value> {
        // Most expressions are one instruction, and need no stack.
        if let [op] = *expr.ops()
            && let Some(value) = self.nullary(op)
        {
            return Ok(value);
        }
        let mut stack = Vec::new();
        for &op in expr.ops() {
            let value = match self.nullary(op) {
                Some(value) => value,
                None => self.apply(op, &mut stack)?,
            };
            stack.push(value);
        }
        Ok(stack.pop().expect(VALIDATED))
    }

    /// The `funcref` for a function index.
    pub(crate) fn func_ref(&self, index: u32) -> u64 {
        FuncEntity::to_ref(self.funcs[index as usize])
    }

    /// The value of an instruction that takes no operands and makes no object.
    fn nullary(&self, op: ConstOp) -> Option<Value> {
        let narrow = match op {
            ConstOp::I32Const(value) => u64::from(value as u32),
            ConstOp::I64Const(value) => value as u64,
            ConstOp::F32Const(bits) => u64::from(bits),
            ConstOp::F64Const(bits) => bits,
            ConstOp::V128Const(halves) => return Some(halves.map(u64::to_le)),
            ConstOp::GlobalGet(index) => {
                let global = self.globals[index as usize];
                // SAFETY: R1: the global is alive; R3: nothing runs while it is read.
                return Some(unsafe { global.as_ref() }.value);
            }
            ConstOp::RefNull(_) => 0,
            ConstOp::RefFunc(index) => self.func_ref(index),
            _ => return None,
        };
        Some([narrow, 0])
    }

    /// The value of any other instruction, whose operands are popped.
    fn apply(&mut self, op: ConstOp, stack: &mut Vec<Value>) -> Result<Value> {
        let mut pop = || stack.pop().expect(VALIDATED);
        let narrow = match op {
            ConstOp::RefI31 => heap::from_i31(pop()[0] as u32),
            // References of both hierarchies are the same bits.
            ConstOp::AnyConvertExtern | ConstOp::ExternConvertAny => pop()[0],
            ConstOp::StructNew(ty) | ConstOp::StructNewDefault(ty) => {
                let ty = self.module.types[ty as usize];
                let fields = self.module.engine.types().field_storages(ty);
                let is_default = matches!(op, ConstOp::StructNewDefault(_));
                let count = if is_default { 0 } else { fields.len() };
                let values = stack.split_off(stack.len() - count);
                let values = values.into_iter().chain(std::iter::repeat([0; MAX_SLOTS]));
                let slots = fields.iter().zip(values);
                let fields = slots.flat_map(|(field, value)| value.into_iter().take(field.slots()));
                // Not more than a type can have.
                let fields: Vec<u64> = fields.collect();
                self.insert(size_of_val(&*fields), |pool| Object::structure(pool, ty, &fields))?
            }
            ConstOp::ArrayNew(ty) => {
                let (len, value) = (pop()[0] as u32, pop());
                self.insert_filled(ty, len, &value)?
            }
            ConstOp::ArrayNewDefault(ty) => {
                let len = pop()[0] as u32;
                self.insert_array(ty, len)?
            }
            ConstOp::ArrayNewFixed(ty, len) => {
                let values = stack.split_off(stack.len() - len as usize);
                let reference = self.insert_array(ty, len)?;
                let array = self.limits.core().heap.array(reference)?;
                (0..).zip(&values).try_for_each(|(index, value)| array.set(index, value))?;
                reference
            }
            _ => {
                let (right, left) = (pop()[0], pop()[0]);
                binary(op, left, right)
            }
        };
        Ok([narrow, 0])
    }

    /// Makes an array of zeros or nulls.
    fn insert_array(&mut self, ty: u32, len: u32) -> Result<u64> {
        let ty = self.module.types[ty as usize];
        let storage = self.module.engine.types().array_storage(ty);
        self.insert((len as usize).saturating_mul(storage.bytes()), |pool| {
            Some(Object::Array(Array::zeroed(pool, ty, storage, len)?))
        })
    }

    /// Makes an array of equal elements.
    fn insert_filled(&mut self, ty: u32, len: u32, value: &Value) -> Result<u64> {
        let reference = self.insert_array(ty, len)?;
        if *value == [0; MAX_SLOTS] {
            return Ok(reference);
        }
        let mut start = 0;
        while start < len {
            let array = self.limits.core().heap.array(reference)?;
            let piece = (PIECE_BYTES / array.storage.bytes() as u64) as u32;
            let count = piece.min(len - start);
            array.fill(start, value, count)?;
            start += count;
            if start < len {
                self.limits.check_interrupt()?;
            }
        }
        Ok(reference)
    }

    /// Puts an object with a payload of so many bytes into the heap. This never collects: what has
    /// been made so far is in no place that the collector knows.
    fn insert(
        &mut self,
        payload_bytes: usize,
        make: impl FnOnce(&mut Pool) -> Option<Object>,
    ) -> Result<u64> {
        self.limits.allow_object(payload_bytes)?;
        let heap = &mut self.limits.core().heap;
        let object = make(&mut heap.pool).ok_or(Trap::GcHeapOutOfMemory)?;
        Ok(heap.insert(object)?)
    }
}

const VALIDATED: &str = "constant expressions are validated";

/// The value of an instruction that takes two operands.
fn binary(op: ConstOp, left: u64, right: u64) -> u64 {
    let narrow = |value: u32| u64::from(value);
    let (left32, right32) = (left as u32, right as u32);
    match op {
        ConstOp::I32Add => narrow(left32.wrapping_add(right32)),
        ConstOp::I32Sub => narrow(left32.wrapping_sub(right32)),
        ConstOp::I32Mul => narrow(left32.wrapping_mul(right32)),
        ConstOp::I64Add => left.wrapping_add(right),
        ConstOp::I64Sub => left.wrapping_sub(right),
        ConstOp::I64Mul => left.wrapping_mul(right),
        _ => unreachable!("the others take no operands"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AsContextMut as _, Engine, Module, Store};

    fn evaluate_with(globals: &[NonNull<GlobalEntity>], ops: &[ConstOp]) -> u64 {
        let module = Module::new(&Engine::default(), b"\0asm\x01\0\0\0").unwrap();
        let mut store = Store::<()>::default();
        let mut store = store.as_context_mut();
        let limits = store.limits();
        let mut scope = Scope { funcs: &[], globals, module: module.code(), limits };
        scope.evaluate(&ops.iter().copied().collect()).unwrap()
    }

    fn evaluate(ops: &[ConstOp]) -> u64 {
        evaluate_with(&[], ops)
    }

    #[test]
    fn constants_fill_slots_with_zeros() {
        assert_eq!(evaluate(&[ConstOp::I32Const(-1)]), 0xffff_ffff);
        assert_eq!(evaluate(&[ConstOp::I64Const(-1)]), u64::MAX);
        assert_eq!(evaluate(&[ConstOp::F32Const(0x7fc0_0001)]), 0x7fc0_0001);
    }

    #[test]
    fn arithmetic_wraps_at_its_width() {
        use ConstOp::{I32Add, I32Const, I32Mul, I32Sub, I64Const, I64Mul, I64Sub};
        assert_eq!(evaluate(&[I32Const(-1), I32Const(2), I32Add]), 1);
        assert_eq!(evaluate(&[I32Const(1), I32Const(2), I32Sub]), 0xffff_ffff);
        assert_eq!(evaluate(&[I32Const(2), I32Const(3), I32Const(4), I32Mul, I32Add]), 14);
        assert_eq!(evaluate(&[I64Const(1), I64Const(2), I64Sub]), u64::MAX);
        assert_eq!(evaluate(&[I64Const(1 << 32), I64Const(1 << 31), I64Mul]), 1 << 63);
    }

    #[test]
    fn earlier_globals_can_be_read() {
        let ty =
            lineal_decoder::GlobalType { content: lineal_decoder::ValType::I32, mutable: false };
        let mut global = GlobalEntity { value: [7, 0], ty };
        let globals = [NonNull::from(&mut global)];
        let ops = [ConstOp::GlobalGet(0), ConstOp::I32Const(1), ConstOp::I32Add];
        assert_eq!(evaluate_with(&globals, &ops), 8);
    }
}
