//! Statements: what leaves the stack as it was.

use super::{FunctionWriter, Type, type_list, zeros};

impl FunctionWriter<'_, '_> {
    /// A few statements, or none.
    pub(super) fn statements(&mut self, depth: usize) -> String {
        (0..self.numbers.below(4)).map(|_| self.statement(depth)).collect()
    }

    /// One statement. `depth` bounds how far it nests.
    pub(super) fn statement(&mut self, depth: usize) -> String {
        if !self.spend() || depth == 0 {
            return String::new();
        }
        let depth = depth - 1;
        let ty = Type::random(self.numbers);
        let text = match self.numbers.below(21) {
            0..=4 => {
                let value = self.expression(ty, depth);
                value + " " + &self.consume(&[ty])
            }
            5..=7 => self.store(ty, depth),
            8 => format!("(global.set $g_{} {})", ty.name(), self.expression(ty, depth)),
            9 => self.if_statement(depth),
            10 => {
                let body = self.inside_label(&[], |writer| writer.statements(depth));
                format!("(block {body})")
            }
            11 => self.loop_statement(depth),
            12 => self.counted_loop(depth),
            13 => self.branch_if(depth),
            14 => self.jump(depth),
            15 => self.branch_table(depth),
            16 => self.many_values(depth),
            17 => self.bulk_memory(depth),
            18 | 19 => {
                let index = self.numbers.below(self.module.functions.len());
                let results = &self.module.functions[index].results;
                self.call(index, "call", depth) + " " + &self.consume(results)
            }
            _ => format!("(drop {})", self.expression(ty, depth)),
        };
        text + "\n  "
    }

    /// Takes values off the stack, to locals where there are some.
    fn consume(&mut self, types: &[Type]) -> String {
        let one = |&ty| match self.local(ty) {
            Some(local) => format!("(local.set {local}) "),
            None => "(drop) ".to_owned(),
        };
        types.iter().rev().map(one).collect()
    }

    fn store(&mut self, ty: Type, depth: usize) -> String {
        let name = match ty {
            Type::I32 => self.numbers.pick(&["store", "store8", "store16"]),
            Type::I64 => self.numbers.pick(&["store", "store8", "store16", "store32"]),
            Type::F32 | Type::F64 => "store",
            Type::V128 if self.numbers.once_in(3) => return self.store_lane(depth),
            Type::V128 => "store",
        };
        let place = self.place(depth);
        format!("({}.{name} {place} {})", ty.name(), self.exact(ty, depth))
    }

    fn if_statement(&mut self, depth: usize) -> String {
        let condition = self.expression(Type::I32, depth);
        let then = self.inside_label(&[], |writer| writer.statements(depth));
        if self.numbers.once_in(2) {
            return format!("(if {condition} (then {then}))");
        }
        let or_else = self.inside_label(&[], |writer| writer.statements(depth));
        format!("(if {condition} (then {then}) (else {or_else}))")
    }

    /// A loop in a block, which is left when the fuel is used up. The loop's label can be branched
    /// to from anywhere in it, since every iteration costs fuel.
    pub(super) fn loop_around(
        &mut self,
        params: &[Type],
        results: &[Type],
        write: impl FnOnce(&mut Self) -> String,
    ) -> String {
        self.labels.push(results.to_vec());
        let body = self.inside_label(params, write);
        self.labels.pop();
        let types = type_list("param", params) + &type_list("result", results);
        format!(
            "(block{types} (loop{types}
  (if (i32.le_s (global.get $fuel) (i32.const 0)) (then{} (br 2)))
  (global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))
  {body}))",
            zeros(results)
        )
    }

    fn loop_statement(&mut self, depth: usize) -> String {
        self.loop_around(&[], &[], |writer| {
            let body = writer.statements(depth) + &writer.statement(depth);
            format!("{body}(br_if 0 {})", writer.expression(Type::I32, depth))
        })
    }

    /// A loop as compilers write them, with a counter that is compared with a limit.
    fn counted_loop(&mut self, depth: usize) -> String {
        let ty = self.numbers.pick(&[Type::I32, Type::I32, Type::I64]);
        let Some(counter) = self.local(ty) else { return self.loop_statement(depth) };
        let (name, step) = (ty.name(), 1 + self.numbers.below(4));
        let limit = match self.numbers.once_in(2) {
            true => format!("({name}.const {})", self.numbers.below(20)),
            false => self.leaf(ty),
        };
        let compare = self.numbers.pick(&["lt_s", "lt_u", "ne", "le_u"]);
        let text = self.loop_around(&[], &[], |writer| {
            let body = writer.statements(depth) + &writer.statement(depth);
            let sum = format!("({name}.add (local.get {counter}) ({name}.const {step}))");
            format!("{body}(br_if 0 ({name}.{compare} (local.tee {counter} {sum}) {limit}))")
        });
        format!("(local.set {counter} ({name}.const 0)) {text}")
    }

    /// A conditional branch that carries whatever its label takes.
    fn branch_if(&mut self, depth: usize) -> String {
        let label = self.label(|_| true).expect("the function's own label");
        let types = self.labels[self.labels.len() - 1 - label].clone();
        let values = self.expressions(&types, depth);
        let condition = self.expression(Type::I32, depth);
        format!("(br_if {label} {values}{condition}) {}", self.consume(&types))
    }

    /// A condition under which control goes elsewhere for good.
    fn jump(&mut self, depth: usize) -> String {
        let condition = self.expression(Type::I32, depth);
        let body = self.inside_label(&[], |writer| match writer.numbers.below(8) {
            0 => "(unreachable)".to_owned(),
            1 | 2 => writer.tail_call(depth),
            3 => {
                let results = writer.labels[0].clone();
                format!("(return {})", writer.expressions(&results, depth))
            }
            _ => {
                let label = writer.label(|_| true).expect("the function's own label");
                let types = writer.labels[writer.labels.len() - 1 - label].clone();
                // Values below the ones that are carried are discarded.
                let extra = if writer.numbers.once_in(2) { "(i64.const 99) " } else { "" };
                format!("{extra}{}(br {label})", writer.expressions(&types, depth))
            }
        });
        format!("(if {condition} (then {body}))")
    }

    /// A tail call of a function with the same results, or of this one.
    pub(super) fn tail_call(&mut self, depth: usize) -> String {
        let functions = &self.module.functions;
        let results = &functions[self.index].results;
        let matching: Vec<usize> =
            (0..functions.len()).filter(|&index| functions[index].results == *results).collect();
        let index = self.numbers.pick(&matching);
        self.call(index, "return_call", depth)
    }

    /// A `br_table` whose labels all take the same values.
    fn branch_table(&mut self, depth: usize) -> String {
        let label = self.label(|_| true).expect("the function's own label");
        let types = self.labels[self.labels.len() - 1 - label].clone();
        let body = self.inside_label(&types, |writer| {
            let targets: String = (0..1 + writer.numbers.below(5))
                .filter_map(|_| writer.label(|label_types| label_types == types))
                .map(|label| format!("{label} "))
                .collect();
            let values = writer.expressions(&types, depth);
            let index = writer.expression(Type::I32, depth);
            let index = match writer.numbers.once_in(2) {
                true => index,
                false => format!("(i32.and (i32.const 3) {index})"),
            };
            format!("(br_table {targets}{values}{index})")
        });
        format!("(block{} {body}) {}", type_list("result", &types), self.consume(&types))
    }

    /// A block, loop or `if` with parameters and results.
    fn many_values(&mut self, depth: usize) -> String {
        let (param_count, result_count) = (self.numbers.below(3), self.numbers.below(4));
        let params: Vec<Type> = (0..param_count).map(|_| Type::random(self.numbers)).collect();
        let results: Vec<Type> = (0..result_count).map(|_| Type::random(self.numbers)).collect();
        let types = type_list("param", &params) + &type_list("result", &results);
        let args = self.expressions(&params, depth);
        let body = |writer: &mut Self| {
            writer.consume(&params)
                + &writer.statements(depth)
                + &writer.expressions(&results, depth)
        };
        let text = match self.numbers.below(3) {
            0 => format!("{args}(block{types} {})", self.inside_label(&results, body)),
            1 => {
                let condition = self.expression(Type::I32, depth);
                let then = self.inside_label(&results, body);
                let or_else = self.inside_label(&results, body);
                format!("{args}{condition} (if{types} (then {then}) (else {or_else}))")
            }
            _ => args + &self.loop_around(&params, &results, body),
        };
        format!("{text} {}", self.consume(&results))
    }

    fn bulk_memory(&mut self, depth: usize) -> String {
        let name = self.module.address_type.name();
        let length = self.numbers.pick(&[0, 1, 7, 8, 33, 200]);
        match self.numbers.below(8) {
            0..=2 => {
                let (place, value) = (self.address(depth), self.expression(Type::I32, depth));
                format!("(memory.fill {place} {value} ({name}.const {length}))")
            }
            3..=5 => {
                let (to, from) = (self.address(depth), self.address(depth));
                format!("(memory.copy {to} {from} ({name}.const {length}))")
            }
            6 if self.numbers.once_in(4) => "(data.drop $passive)".to_owned(),
            _ => {
                let (place, start) = (self.address(depth), self.numbers.below(12));
                let length = self.numbers.pick(&[0, 1, 8, 20, 28, 40]);
                format!("(memory.init $passive {place} (i32.const {start}) (i32.const {length}))")
            }
        }
    }
}
