//! Expressions: what leaves one value on the stack.

use super::{FunctionWriter, PAGE_BYTES, Type, operators};

impl FunctionWriter<'_, '_> {
    /// One expression for each of some types.
    pub(super) fn expressions(&mut self, types: &[Type], depth: usize) -> String {
        types.iter().map(|&ty| self.expression(ty, depth) + " ").collect()
    }

    /// An expression of a type. `depth` bounds how far it nests.
    pub(super) fn expression(&mut self, ty: Type, depth: usize) -> String {
        if !self.spend() || depth == 0 || self.numbers.once_in(8) {
            return self.leaf(ty);
        }
        let depth = depth - 1;
        match self.numbers.below(22) {
            0 | 1 => match self.local(ty) {
                Some(local) => format!("(local.tee {local} {})", self.expression(ty, depth)),
                None => self.constant(ty),
            },
            2 => {
                let condition = self.expression(Type::I32, depth);
                // `wasmi` 2.0.0 sometimes chooses wrongly if it fuses a test for zero with `select`.
                let condition = match condition.contains("eqz") || condition.contains(".eq ") {
                    true => format!("(i32.lt_u (i32.const 0) {condition})"),
                    false => condition,
                };
                let values = self.expressions(&[ty, ty], depth) + &condition;
                // Without types it is another instruction.
                match self.numbers.once_in(2) {
                    true => format!("(select {values})"),
                    false => format!("(select (result {}) {values})", ty.name()),
                }
            }
            3 => self.if_expression(ty, depth),
            4 => {
                let body = self.inside_label(&[ty], |writer| {
                    writer.statements(depth) + &writer.expression(ty, depth)
                });
                format!("(block (result {}) {body})", ty.name())
            }
            5 => self.loop_expression(ty, depth),
            6 => match self.label(|types| types == [ty]) {
                Some(label) => {
                    format!("(br_if {label} {})", self.expressions(&[ty, Type::I32], depth))
                }
                None => self.expression(ty, depth),
            },
            7 | 8 => self.load(ty, depth),
            9 => format!("(global.get $g_{})", ty.name()),
            10 => self.call_expression(ty, depth),
            11 if ty == self.module.address_type && self.numbers.once_in(3) => {
                let pages = self.numbers.pick(&["0", "0", "1", "2", "-1", "65536"]);
                format!("(memory.grow ({}.const {pages}))", ty.name())
            }
            11 if ty == self.module.address_type => "(memory.size)".to_owned(),
            _ => self.operator(ty, depth),
        }
    }

    pub(super) fn leaf(&mut self, ty: Type) -> String {
        match self.local(ty) {
            Some(local) if !self.numbers.once_in(3) => format!("(local.get {local})"),
            _ => self.constant(ty),
        }
    }

    fn constant(&mut self, ty: Type) -> String {
        let integer: i64 = self.numbers.pick(&[
            0,
            1,
            -1,
            2,
            3,
            7,
            8,
            16,
            255,
            256,
            65_535,
            65_536,
            i64::from(i32::MAX),
            i64::from(i32::MIN),
            1 << 33,
            -(1 << 40),
            i64::MIN,
        ]);
        let float =
            self.numbers.pick(&["0", "-0", "1.5", "-3.25", "7", "1e10", "inf", "-inf", "nan"]);
        match ty {
            Type::I32 => format!("(i32.const {})", integer as i32),
            Type::I64 => format!("(i64.const {integer})"),
            Type::F32 | Type::F64 => format!("({}.const {float})", ty.name()),
            Type::V128 => self.vector_constant(integer),
        }
    }

    fn operator(&mut self, ty: Type, depth: usize) -> String {
        if ty == Type::V128 && self.numbers.once_in(4) {
            return self.float_lanes(depth);
        }
        let groups = operators::groups(ty);
        let group = &groups[self.numbers.below(groups.len())];
        let name = self.numbers.pick(group.names);
        let operands = match group.sees_bits {
            true => group.operands.iter().map(|&ty| self.exact(ty, depth) + " ").collect(),
            false => self.expressions(group.operands, depth),
        };
        format!("({name} {operands})")
    }

    /// An expression that is no NaN whose bits an engine chose.
    pub(super) fn exact(&mut self, ty: Type, depth: usize) -> String {
        let name = ty.name();
        match ty {
            Type::I32 | Type::I64 | Type::V128 => self.expression(ty, depth),
            _ if self.numbers.once_in(4) => self.load(ty, depth),
            _ if self.numbers.once_in(3) => {
                format!("({name}.convert_i32_s {})", self.expression(Type::I32, depth))
            }
            _ => {
                let local = format!("$exact_{name}");
                let value = self.expression(ty, depth);
                format!(
                    "(select ({name}.const nan) (local.tee {local} {value}) \
                     ({name}.ne (local.get {local}) (local.get {local})))"
                )
            }
        }
    }

    fn if_expression(&mut self, ty: Type, depth: usize) -> String {
        let condition = self.expression(Type::I32, depth);
        let mut arm = || {
            self.inside_label(&[ty], |writer| {
                writer.statements(depth) + &writer.expression(ty, depth)
            })
        };
        let (then, or_else) = (arm(), arm());
        format!("(if (result {}) {condition} (then {then}) (else {or_else}))", ty.name())
    }

    /// A loop that leaves a value.
    fn loop_expression(&mut self, ty: Type, depth: usize) -> String {
        self.loop_around(&[], &[ty], |writer| {
            let statements = writer.statements(depth);
            let condition = writer.expression(Type::I32, depth);
            format!("{statements}(br_if 0 {condition}) {}", writer.expression(ty, depth))
        })
    }

    fn call_expression(&mut self, ty: Type, depth: usize) -> String {
        let functions = &self.module.functions;
        let matching: Vec<usize> =
            (0..functions.len()).filter(|&index| functions[index].results == [ty]).collect();
        let index = self.numbers.pick(&matching);
        self.call(index, "call", depth)
    }

    /// `call` or `return_call` of a function, or the same through the table.
    pub(super) fn call(&mut self, index: usize, instruction: &str, depth: usize) -> String {
        let module = self.module;
        let callee = &module.functions[index];
        let args = self.expressions(&callee.params, depth);
        if !self.numbers.once_in(3) {
            return format!("({instruction} ${} {args})", callee.name);
        }
        let element = match self.numbers.below(12) {
            0 => self.expression(Type::I32, depth),
            // The element that stays null.
            1 => format!("(i32.const {})", module.functions.len()),
            2 | 3 => format!("(i32.and (i32.const 3) {})", self.expression(Type::I32, depth)),
            _ => format!("(i32.const {index})"),
        };
        let params = super::type_list("param", &callee.params);
        let results = super::type_list("result", &callee.results);
        format!("({instruction}_indirect $table{params}{results} {args}{element})")
    }

    fn load(&mut self, ty: Type, depth: usize) -> String {
        let name = match ty {
            Type::I32 => {
                self.numbers.pick(&["load", "load8_s", "load8_u", "load16_s", "load16_u", "load"])
            }
            Type::I64 => self.numbers.pick(&[
                "load", "load8_s", "load8_u", "load16_s", "load16_u", "load32_s", "load32_u",
            ]),
            Type::F32 | Type::F64 => "load",
            Type::V128 if self.numbers.once_in(3) => return self.load_lane(depth),
            Type::V128 => self.vector_load_name(),
        };
        let place = self.place(depth);
        format!("({}.{name} {place})", ty.name())
    }

    /// The offset and the address of a load or store.
    pub(super) fn place(&mut self, depth: usize) -> String {
        format!("{} {}", self.offset(), self.address(depth))
    }

    /// The offset of a load or store, or nothing.
    pub(super) fn offset(&mut self) -> &'static str {
        let offset = self.numbers.pick(&["", "", "", "offset=4", "offset=100", "offset=61450"]);
        let rare = ["offset=65530", "offset=65536", "offset=131064", "offset=4294967295"];
        if self.numbers.once_in(16) { self.numbers.pick(&rare) } else { offset }
    }

    /// An address, most often inside the memory: the engine has shapes of its own for sums and
    /// constants.
    pub(super) fn address(&mut self, depth: usize) -> String {
        let ty = self.module.address_type;
        let name = ty.name();
        match self.numbers.below(16) {
            0 => self.expression(ty, depth),
            1 => {
                let near_end = PAGE_BYTES as usize - 12 + self.numbers.below(16);
                format!("({name}.const {near_end})")
            }
            2 | 3 => format!("({name}.const {})", self.numbers.below(100)),
            4 => match self.local(ty) {
                Some(local) => {
                    let constant = self.numbers.pick(&[1, 8, 65_528, -1]);
                    format!("({name}.add (local.get {local}) ({name}.const {constant}))")
                }
                None => self.masked(depth),
            },
            5..=7 => {
                let constant = self.numbers.pick(&[0, 4, 100, 61_433, 61_436, 65_000]);
                format!("({name}.add {} ({name}.const {constant}))", self.masked(depth))
            }
            8 | 9 => format!("({name}.add {} {})", self.masked(depth), self.masked(depth)),
            10 | 11 => {
                let (index, shift) = (self.masked(0), self.numbers.below(4));
                let scaled = format!("({name}.shl {index} ({name}.const {shift}))");
                format!("({name}.add {} {scaled})", self.masked(depth))
            }
            12 => format!("({name}.load8_u {})", self.masked(depth)),
            _ => self.masked(depth),
        }
    }

    /// A number below 4096 of the address type.
    pub(super) fn masked(&mut self, depth: usize) -> String {
        let ty = self.module.address_type;
        let value = self.expression(ty, depth.saturating_sub(1));
        format!("({0}.and ({0}.const 0xfff) {value})", ty.name())
    }
}
