//! The scan of a body before its translation: what the translator must know ahead of time.

use wasmparser::{FunctionBody, Operator};

use super::pins::{Counter, PinPlan};
use super::variable::Locals;

/// What a scan found out.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) pins: PinPlan,
    /// Where in the binary the additions are that make the address of a store whose value is
    /// computed in between, ascending.
    store_addresses: Vec<u32>,
    /// How many of them the translator has passed.
    passed: usize,
}

impl Scan {
    pub(super) fn new(body: &FunctionBody<'_>, locals: &Locals) -> wasmparser::Result<Scan> {
        let mut counter = Counter::default();
        let mut finder = Finder::default();
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            let offset = reader.original_position() as u32;
            let operator = reader.read()?;
            counter.operator(&operator, locals);
            finder.operator(&operator, offset);
        }
        finder.found.sort_unstable();
        Ok(Scan { pins: counter.finish(locals), store_addresses: finder.found, passed: 0 })
    }

    /// Whether the addition at an offset makes the address of a store; asked in ascending order.
    pub(super) fn is_store_address(&mut self, offset: u32) -> bool {
        while self.store_addresses.get(self.passed).is_some_and(|&other| other < offset) {
            self.passed += 1;
        }
        self.store_addresses.get(self.passed) == Some(&offset)
    }
}

/// An addition whose use is not known yet.
#[derive(Debug)]
struct Candidate {
    offset: u32,
    /// How high the operand stack was with its result, counted from the first candidate's.
    height: u32,
}

/// Finds the additions of a local and a constant or another local that make store addresses.
#[derive(Debug, Default)]
struct Finder {
    candidates: Vec<Candidate>,
    height: u32,
    /// Which of the last operators in a row were of a local or a constant: the last is bit 0.
    simple: u32,
    found: Vec<u32>,
}

impl Finder {
    fn operator(&mut self, operator: &Operator<'_>, offset: u32) {
        let simple = self.simple;
        self.simple = 0;
        match operator {
            Operator::LocalGet { .. } | Operator::I32Const { .. } => {
                self.simple = simple << 1 | 1;
                self.height += 1;
            }
            Operator::I32Add if simple & 3 == 3 => {
                if self.candidates.is_empty() {
                    self.height = 2;
                }
                self.consume(2, false);
                self.height += 1;
                self.candidates.push(Candidate { offset, height: self.height });
            }
            _ if self.candidates.is_empty() => {}
            other => match effect(other) {
                Some((pops, pushes)) => {
                    self.consume(pops, pushes == 0);
                    self.height += pushes;
                }
                None => self.candidates.clear(),
            },
        }
    }

    /// Takes operands away, and with them the candidates among them.
    fn consume(&mut self, count: u32, is_store: bool) {
        while let Some(candidate) = self.candidates.pop_if(|last| last.height + count > self.height)
        {
            if is_store && candidate.height + 1 == self.height {
                self.found.push(candidate.offset);
            }
        }
        // Below the first candidate, heights are unknown and do not matter.
        self.height = self.height.saturating_sub(count);
    }
}

/// How many operands an operator takes and pushes, for those that occur in addresses and values;
/// what takes two and pushes none is a store.
fn effect(operator: &Operator<'_>) -> Option<(u32, u32)> {
    use Operator as O;
    Some(match operator {
        O::LocalTee { .. } => (1, 1),
        O::GlobalGet { .. } | O::I64Const { .. } | O::F32Const { .. } | O::F64Const { .. } => {
            (0, 1)
        }
        O::I32Load { .. } | O::I64Load { .. } | O::F32Load { .. } | O::F64Load { .. } => (1, 1),
        O::I32Load8S { .. } | O::I32Load8U { .. } | O::I32Load16S { .. } => (1, 1),
        O::I32Load16U { .. } | O::I64Load8S { .. } | O::I64Load8U { .. } => (1, 1),
        O::I64Load16S { .. } | O::I64Load16U { .. } => (1, 1),
        O::I64Load32S { .. } | O::I64Load32U { .. } => (1, 1),
        O::I32Store { .. } | O::I64Store { .. } | O::F32Store { .. } | O::F64Store { .. } => (2, 0),
        O::I32Store8 { .. } | O::I32Store16 { .. } => (2, 0),
        O::I64Store8 { .. } | O::I64Store16 { .. } | O::I64Store32 { .. } => (2, 0),
        O::I32Add | O::I32Sub | O::I32Mul | O::I32And | O::I32Or | O::I32Xor => (2, 1),
        O::I32Shl | O::I32ShrS | O::I32ShrU | O::I32Rotl | O::I32Rotr => (2, 1),
        O::I64Add | O::I64Sub | O::I64Mul | O::I64And | O::I64Or | O::I64Xor => (2, 1),
        O::I64Shl | O::I64ShrS | O::I64ShrU | O::I64Rotl | O::I64Rotr => (2, 1),
        O::F32Add | O::F32Sub | O::F32Mul | O::F32Div => (2, 1),
        O::F64Add | O::F64Sub | O::F64Mul | O::F64Div => (2, 1),
        O::I32WrapI64 | O::I64ExtendI32S | O::I64ExtendI32U => (1, 1),
        O::I32Extend8S | O::I32Extend16S => (1, 1),
        O::F64ConvertI32S | O::F64ConvertI32U | O::F32DemoteF64 | O::F64PromoteF32 => (1, 1),
        O::I32Eqz | O::I64Eqz => (1, 1),
        O::I32Eq | O::I32Ne | O::I32LtS | O::I32LtU | O::I32GtS | O::I32GtU => (2, 1),
        O::Select => (3, 1),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use wasmparser::{MemArg, MemArgTarget};

    use super::*;

    fn found(operators: &[Operator<'_>]) -> Vec<u32> {
        let mut finder = Finder::default();
        for (offset, operator) in operators.iter().enumerate() {
            finder.operator(operator, offset as u32);
        }
        finder.found
    }

    const LOCAL: Operator<'static> = Operator::LocalGet { local_index: 0 };
    const CONST: Operator<'static> = Operator::I32Const { value: 4 };

    const MEMARG: MemArg = MemArg {
        align: 2,
        max_align: 2,
        offset: 0,
        target: MemArgTarget::Memory(0),
        ordering: None,
    };
    const LOAD: Operator<'static> = Operator::I32Load { memarg: MEMARG };
    const STORE: Operator<'static> = Operator::I32Store { memarg: MEMARG };
    const ADD: Operator<'static> = Operator::I32Add;

    #[test]
    fn an_address_before_a_computed_value_is_found() {
        assert_eq!(found(&[LOCAL, CONST, ADD, LOCAL, LOAD, STORE]), [2]);
    }

    #[test]
    fn an_addition_in_a_value_is_not() {
        let row = [LOCAL, LOCAL, LOCAL, ADD, LOCAL, Operator::I32Xor, STORE];
        assert_eq!(found(&row), [0; 0]);
    }

    #[test]
    fn nested_addresses_are_both_found() {
        let row = [LOCAL, CONST, ADD, LOCAL, CONST, ADD, LOCAL, STORE, LOCAL, STORE];
        assert_eq!(found(&row), [5, 2]);
    }
}
