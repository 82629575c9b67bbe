//! Constant expressions: the initial values of globals and tables, the items of element segments
//! and the offsets of active segments.

use std::ptr::NonNull;

use lineal_decoder::{ConstExpr, ConstOp};

use super::entity::{FuncEntity, GlobalEntity};
use super::slots::{MAX_SLOTS, vector_slots};

/// What constant expressions of an instance can refer to.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) funcs: &'a [NonNull<FuncEntity>],
    /// The globals there are so far: an initial value refers to those before its own global.
    pub(crate) globals: &'a [NonNull<GlobalEntity>],
}

impl Scope<'_> {
    /// The value of an expression, as a slot holds it; not of one that gives a vector.
    ///
    /// # Panics
    ///
    /// If the expression is not valid in the scope's module; the decoder made sure that it is.
    pub(crate) fn evaluate(&self, expr: &ConstExpr) -> u64 {
        self.evaluate_wide(expr)[0]
    }

    /// The value of an expression, as two slots hold it; all but vectors are in the first.
    ///
    /// # Panics
    ///
    /// As [`Self::evaluate`].
    pub(crate) fn evaluate_wide(&self, expr: &ConstExpr) -> [u64; MAX_SLOTS] {
        // Most expressions are one instruction, and need no stack.
        if let [op] = *expr.ops
            && let Some(value) = self.nullary(op)
        {
            return value;
        }
        let mut stack = Vec::new();
        for &op in &expr.ops {
            let value = self.nullary(op).unwrap_or_else(|| {
                let [right, _] = stack.pop().expect(VALIDATED);
                let [left, _] = stack.pop().expect(VALIDATED);
                [binary(op, left, right), 0]
            });
            stack.push(value);
        }
        stack.pop().expect(VALIDATED)
    }

    /// The `funcref` for a function index.
    pub(crate) fn func_ref(&self, index: u32) -> u64 {
        FuncEntity::to_ref(self.funcs[index as usize])
    }

    /// The value of an instruction that takes no operands.
    fn nullary(&self, op: ConstOp) -> Option<[u64; MAX_SLOTS]> {
        let narrow = match op {
            ConstOp::I32Const(value) => u64::from(value as u32),
            ConstOp::I64Const(value) => value as u64,
            ConstOp::F32Const(bits) => u64::from(bits),
            ConstOp::F64Const(bits) => bits,
            ConstOp::V128Const(value) => return Some(vector_slots(value)),
            ConstOp::GlobalGet(index) => {
                let global = self.globals[index as usize];
                // SAFETY: R1: the global is alive; R3: nothing runs while it is read.
                return Some(unsafe { global.as_ref() }.value);
            }
            ConstOp::RefNull(_) => 0,
            ConstOp::RefFunc(index) => self.func_ref(index),
            ConstOp::I32Add | ConstOp::I32Sub | ConstOp::I32Mul => return None,
            ConstOp::I64Add | ConstOp::I64Sub | ConstOp::I64Mul => return None,
        };
        Some([narrow, 0])
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

    fn evaluate(ops: &[ConstOp]) -> u64 {
        Scope { funcs: &[], globals: &[] }.evaluate(&ConstExpr { ops: ops.into() })
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
        let scope = Scope { funcs: &[], globals: &globals };
        let ops = [ConstOp::GlobalGet(0), ConstOp::I32Const(1), ConstOp::I32Add];
        assert_eq!(scope.evaluate(&ConstExpr { ops: ops.into() }), 8);
    }
}
