//! Functions as sequences of instructions: values wait on the stack while others are computed,
//! stored, dropped and branched with. Folded expressions use each value as soon as it is there.

use super::{FunctionWriter, Type, operators, type_list};

/// What has been written of a block.
struct Sequence {
    text: String,
    /// What the block has on the stack.
    stack: Vec<Type>,
}

impl Sequence {
    fn push(&mut self, text: &str, ty: Type) {
        self.write(text);
        self.stack.push(ty);
    }

    fn write(&mut self, text: &str) {
        self.text += text;
        self.text.push(' ');
    }

    fn pop(&mut self, count: usize) {
        self.stack.truncate(self.stack.len() - count);
    }

    /// How many of some operands are on the stack already.
    fn present(&self, operands: &[Type]) -> usize {
        (0..=operands.len())
            .rev()
            .find(|&count| self.stack.ends_with(&operands[..count]))
            .unwrap_or(0)
    }
}

impl FunctionWriter<'_, '_> {
    /// The inside of a block that has some parameters and results.
    pub(super) fn sequence(&mut self, params: &[Type], results: &[Type], depth: usize) -> String {
        let mut sequence = Sequence { text: String::new(), stack: params.to_vec() };
        for _ in 0..self.numbers.below(24) {
            if !self.spend() {
                break;
            }
            self.instruction(&mut sequence, results, depth);
        }
        let kept = sequence.stack.iter().zip(results).take_while(|(a, b)| a == b).count();
        while sequence.stack.len() > kept {
            self.take(&mut sequence);
        }
        for &ty in &results[kept..] {
            let value = self.expression(ty, depth.min(2));
            sequence.push(&value, ty);
        }
        sequence.text
    }

    /// One instruction or more. `depth` bounds how far blocks nest.
    fn instruction(&mut self, sequence: &mut Sequence, results: &[Type], depth: usize) {
        let ty = Type::random(self.numbers);
        match self.numbers.below(24) {
            0..=3 => {
                // Often what the block is to end with.
                let ty = match results.get(sequence.stack.len()) {
                    Some(&result) if self.numbers.once_in(2) => result,
                    _ => ty,
                };
                let leaf = self.leaf(ty);
                sequence.push(&leaf, ty);
            }
            4..=8 => self.operator_on(sequence, ty),
            9..=11 => self.take(sequence),
            12 => {
                let tee = sequence.stack.last().and_then(|&top| self.local(top));
                sequence.write(&tee.map_or(String::new(), |local| format!("local.tee {local}")));
            }
            13 => {
                self.operands(sequence, &[ty, ty, Type::I32]);
                sequence.write(&format!("(select (result {}))", ty.name()));
                sequence.pop(3);
                sequence.stack.push(ty);
            }
            14 | 15 => self.access(sequence, ty, depth),
            16 => {
                let statement = self.statement(depth.min(2));
                sequence.write(&statement);
            }
            17 => {
                let value = self.expression(ty, depth.min(2));
                sequence.push(&value, ty);
            }
            18 => {
                let callee =
                    &self.module.functions[self.numbers.below(self.module.functions.len())];
                self.operands(sequence, &callee.params);
                sequence.write(&format!("call ${}", callee.name));
                sequence.pop(callee.params.len());
                sequence.stack.extend(&callee.results);
            }
            19 | 20 => self.branch(sequence),
            _ if depth == 0 => {}
            21 if self.module.has_exceptions => self.try_block(sequence, depth - 1),
            _ => self.block(sequence, depth - 1),
        }
    }

    /// Makes operands be on the stack, of which some may be there.
    fn operands(&mut self, sequence: &mut Sequence, operands: &[Type]) {
        for &ty in &operands[sequence.present(operands)..] {
            let value = self.expression(ty, 1);
            sequence.push(&value, ty);
        }
    }

    fn operator_on(&mut self, sequence: &mut Sequence, ty: Type) {
        let groups = operators::groups(ty);
        let group = &groups[self.numbers.below(groups.len())];
        if group.sees_bits {
            return;
        }
        self.operands(sequence, group.operands);
        sequence.write(self.numbers.pick(group.names));
        sequence.pop(group.operands.len());
        sequence.stack.push(ty);
    }

    /// Takes the last value off the stack, to a local if there is one.
    fn take(&mut self, sequence: &mut Sequence) {
        let Some(top) = sequence.stack.pop() else { return };
        let local = self.local(top).filter(|_| !self.numbers.once_in(3));
        sequence.write(&local.map_or("drop".to_owned(), |local| format!("local.set {local}")));
    }

    /// A load, or a store whose value may take many instructions.
    fn access(&mut self, sequence: &mut Sequence, ty: Type, depth: usize) {
        let (address, offset) = (self.address(1), self.offset());
        sequence.write(&address);
        if self.numbers.once_in(2) || matches!(ty, Type::F32 | Type::F64) {
            sequence.push(&format!("{}.load {offset}", ty.name()), ty);
        } else {
            let value = self.sequence(&[], &[ty], depth.min(1));
            sequence.write(&format!("{value} {}.store {offset}", ty.name()));
        }
    }

    /// A branch with what is on the stack, if a label takes that.
    fn branch(&mut self, sequence: &mut Sequence) {
        let has_condition = sequence.stack.last() == Some(&Type::I32);
        let condition = if has_condition { String::new() } else { self.expression(Type::I32, 1) };
        sequence.pop(has_condition.into());
        let stack = &sequence.stack;
        let accepts = |types: &[Type]| !types.is_empty() && stack.ends_with(types);
        let label = self.label(accepts).or_else(|| self.label(<[Type]>::is_empty));
        match label {
            Some(label) => sequence.write(&format!("{condition} br_if {label}")),
            None if has_condition => sequence.write("drop"),
            None => {}
        }
    }

    /// Some types: of values on the stack, which a block is to take.
    fn params(&mut self, sequence: &Sequence) -> Vec<Type> {
        let count = self.numbers.below(3).min(sequence.stack.len());
        sequence.stack[sequence.stack.len() - count..].to_vec()
    }

    /// A block, loop or `if` that takes values from the stack and leaves some.
    fn block(&mut self, sequence: &mut Sequence, depth: usize) {
        let kind = self.numbers.below(3);
        if kind == 1 {
            self.operands(sequence, &[Type::I32]);
            sequence.pop(1);
        }
        let params = self.params(sequence);
        let results: Vec<Type> =
            (0..self.numbers.below(3)).map(|_| Type::random(self.numbers)).collect();
        let types = type_list("param", &params) + &type_list("result", &results);
        let body = |writer: &mut Self| writer.sequence(&params, &results, depth);
        let text = match kind {
            0 => format!("(block{types} {})", self.inside_label(&results, body)),
            1 => {
                let then = self.inside_label(&results, body);
                let or_else = self.inside_label(&results, body);
                format!("if{types} {then} else {or_else} end")
            }
            _ => self.loop_around(&params, &results, body),
        };
        sequence.pop(params.len());
        sequence.write(&text);
        sequence.stack.extend(results);
    }

    /// A block that catches an exception, which may be thrown in it or behind it.
    fn try_block(&mut self, sequence: &mut Sequence, depth: usize) {
        let params = self.params(sequence);
        let (results, catch): (&[Type], _) = match self.numbers.below(3) {
            0 => (&[], "catch_all 0"),
            1 => (&[Type::I32], "catch $thrown_i32 0"),
            _ => (&[Type::V128, Type::F64], "catch $thrown_two 0"),
        };
        self.labels.push(results.to_vec());
        let body = self.inside_label(results, |writer| {
            let body = writer.sequence(&params, results, depth);
            body + &writer.throw()
        });
        self.labels.pop();
        let types = type_list("param", &params) + &type_list("result", results);
        sequence.pop(params.len());
        sequence.write(&format!("(block{types} (try_table{types} ({catch}) {body}))"));
        sequence.stack.extend(results);
        let behind = self.throw();
        sequence.write(&behind);
    }

    /// Throws under a condition, or not at all.
    fn throw(&mut self) -> String {
        let (tag, types): (_, &[Type]) = match self.numbers.below(5) {
            0 => ("$thrown_i32", &[Type::I32]),
            1 => ("$thrown_two", &[Type::V128, Type::F64]),
            2 => ("$thrown", &[]),
            _ => return String::new(),
        };
        let (condition, values) = (self.expression(Type::I32, 1), self.expressions(types, 1));
        format!("(if {condition} (then (throw {tag} {values})))")
    }
}
