//! Programs dense in what the translator optimises, in the text format.
//!
//! One in four is shaped like what compilers make (`compiled`). Any other module has five fixed
//! functions, one for each type, and several random ones, a memory, a table, a data segment and
//! globals. [`FunctionWriter`] writes one random function: `expressions` has what leaves a value,
//! `statements` what leaves nothing, `operators` the tables of numeric instructions. Every other function is one of `sequences`.
//!
//! Everything ends soon, because a global counts down: each loop iteration and each call of a
//! random function costs one, and without fuel loops are left and functions return constants.
//!
//! NaNs are not pinned down by the specification, so their bits must not be seen: `exact` makes
//! floats for stores, reinterpretation and the sign of `copysign`.

mod compiled;
mod expressions;
mod operators;
mod sequences;
mod statements;
mod vectors;

use std::fmt::Write as _;

use crate::numbers::Numbers;
use crate::oracle::{Case, FUEL, compare_optimizations};

/// The exported global that bounds loops and recursion.
pub(crate) const FUEL_GLOBAL: &str = "fuel";

const PAGE_BYTES: u64 = 65_536;

/// A type of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    I32,
    I64,
    F32,
    F64,
    V128,
}

impl Type {
    const ALL: [Type; 5] = [Type::I32, Type::I64, Type::F32, Type::F64, Type::V128];

    fn name(self) -> &'static str {
        match self {
            Type::I32 => "i32",
            Type::I64 => "i64",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::V128 => "v128",
        }
    }

    /// One of the types, most often `i32`.
    fn random(numbers: &mut Numbers<'_>) -> Type {
        numbers.pick(&[
            Type::I32,
            Type::I32,
            Type::I32,
            Type::I64,
            Type::F32,
            Type::F64,
            Type::V128,
        ])
    }
}

/// A function, exported under its name.
struct Function {
    name: String,
    params: Vec<Type>,
    results: Vec<Type>,
    text: String,
}

/// The bytes that choose the arguments of calls.
const ARGUMENT_BYTES: usize = 64;

/// Compares the program that some bytes choose in Lineal with and without optimisations.
pub(crate) fn judge(bytes: &[u8]) -> Result<(), String> {
    let (arguments, bytes) = bytes.split_at(bytes.len().min(ARGUMENT_BYTES));
    let wasm = any_module(bytes);
    // The programs let NaNs be seen in results and globals only, where all are taken for one.
    compare_optimizations(&Case { wasm: &wasm, arguments, fuel: FUEL, nans_are_canonical: true })
}

/// The program that some bytes choose: one of random operations, or one as compilers make them.
pub(crate) fn any_module(bytes: &[u8]) -> Vec<u8> {
    match bytes.split_last() {
        Some((last, bytes)) if last % 4 == 0 => compiled::module(bytes),
        _ => module(bytes),
    }
}

/// What all functions of a module can refer to.
struct Surroundings {
    /// The type of addresses: `i64` in a memory64.
    address_type: Type,
    /// Whether functions throw and catch. Those of other modules can be compared by their fuel.
    has_exceptions: bool,
    functions: Vec<Function>,
}

/// One random function while it is written.
struct FunctionWriter<'a, 'b> {
    numbers: &'a mut Numbers<'b>,
    module: &'a Surroundings,
    /// The function's place among the module's.
    index: usize,
    /// The types of parameters and locals.
    locals: Vec<Type>,
    /// What a branch to each enclosing label carries, innermost last.
    labels: Vec<Vec<Type>>,
    /// How many more expressions and statements there may be; beyond there are only leaves.
    budget: usize,
}

/// The program of random operations that some bytes choose.
fn module(bytes: &[u8]) -> Vec<u8> {
    let mut numbers = Numbers::new(bytes);
    let address_type = if numbers.once_in(4) { Type::I64 } else { Type::I32 };
    let has_exceptions = numbers.once_in(3);
    let mut module = Surroundings { address_type, has_exceptions, functions: fixed_functions() };
    let random_functions = module.functions.len()..module.functions.len() + 6;
    for number in 0..random_functions.len() {
        let param_count = numbers.below(5);
        let result_count = numbers.pick(&[0, 1, 1, 1, 1, 2, 2, 3]);
        module.functions.push(Function {
            name: format!("f{number}"),
            params: (0..param_count).map(|_| Type::random(&mut numbers)).collect(),
            results: (0..result_count).map(|_| Type::random(&mut numbers)).collect(),
            text: String::new(),
        });
    }
    for index in random_functions {
        module.functions[index].text = random_function(&mut numbers, &module, index);
    }
    let text = module_text(&mut numbers, &module);
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn module_text(numbers: &mut Numbers<'_>, module: &Surroundings) -> String {
    let address_type = module.address_type.name();
    let max_pages = 1 + numbers.below(2);
    let mut text = format!(
        "(module
(memory (export \"memory\") {address_type} 1 {max_pages})
(data (i32.const 40) \"active \\00\\ff\\80\\7f data\")
(data $passive \"some bytes that wait for memory.init\\f0\\f1\\f2\")
(global $g_i32 (export \"g_i32\") (mut i32) (i32.const 5))
(global $g_i64 (export \"g_i64\") (mut i64) (i64.const 6))
(global $g_f32 (export \"g_f32\") (mut f32) (f32.const 7))
(global $g_f64 (export \"g_f64\") (mut f64) (f64.const 8))
(global $g_v128 (export \"g_v128\") (mut v128) (v128.const i32x4 9 8 7 6))
(global $fuel (export \"fuel\") (mut i32) (i32.const 0))
"
    );
    text = text.replace("(data (i32.const", &format!("(data ({address_type}.const"));
    if module.has_exceptions {
        text +=
            "(tag $thrown)\n(tag $thrown_i32 (param i32))\n(tag $thrown_two (param v128 f64))\n";
    }
    // The last element stays null.
    let count = module.functions.len();
    write!(text, "(table $table {} funcref)\n(elem (i32.const 0)", count + 1).expect("a string");
    for function in &module.functions {
        write!(text, " ${}", function.name).expect("a string");
    }
    text.push_str(")\n");
    for function in &module.functions {
        text.push_str(&function.text);
        text.push('\n');
    }
    text.push(')');
    text
}

/// Small functions that call nothing, one for each type.
fn fixed_functions() -> Vec<Function> {
    let bodies = [
        "(i32.add (local.get 0) (i32.mul (local.get 1) (i32.trunc_sat_f64_s (local.get 2))))",
        "(local i64) (local.set 3 (i64.extend_i32_s (local.get 1)))
            (i64.xor (local.get 0) (local.get 3))",
        "(f32.add (local.get 0) (f32.demote_f64 (local.get 2)))",
        "(local f64) (local.set 3 (f64.mul (local.get 0) (local.get 2)))
            (f64.sub (local.get 3) (f64.convert_i32_s (local.get 1)))",
        "(local v128) (local.set 3 (i32x4.splat (local.get 1)))
            (i32x4.add (local.get 0) (local.get 3))",
    ];
    let function = |(ty, body): (Type, &str)| {
        let name = format!("mix_{}", ty.name());
        let params = vec![ty, Type::I32, Type::F64];
        let head = function_head(&name, &params, &[ty]);
        Function { name, params, results: vec![ty], text: format!("{head}\n    {body})") }
    };
    Type::ALL.into_iter().zip(bodies).map(function).collect()
}

fn function_head(name: &str, params: &[Type], results: &[Type]) -> String {
    let (params, results) = (type_list("param", params), type_list("result", results));
    format!("(func ${name} (export \"{name}\"){params}{results}")
}

/// Such as ` (param i32 f64)`, or nothing.
fn type_list(keyword: &str, types: &[Type]) -> String {
    if types.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = types.iter().map(|ty| ty.name()).collect();
    format!(" ({keyword} {})", names.join(" "))
}

fn random_function(numbers: &mut Numbers<'_>, module: &Surroundings, index: usize) -> String {
    let function = &module.functions[index];
    let Function { name, params, results, .. } = function;
    let locals: Vec<Type> = (0..numbers.below(6)).map(|_| Type::random(numbers)).collect();
    let depth = 2 + numbers.below(6);
    let budget = numbers.pick(&[10, 20, 60, 120, 160]);
    // Beyond so many slots, operands have no room in a cell.
    let unused = if numbers.once_in(256) { vec![Type::V128; 33_000] } else { vec![] };
    let mut writer = FunctionWriter {
        numbers,
        module,
        index,
        locals: params.iter().chain(&locals).copied().collect(),
        labels: vec![results.clone()],
        budget,
    };
    let body = if writer.numbers.once_in(2) {
        writer.sequence(&[], results, depth.min(4))
    } else {
        let statements = writer.statements(depth) + &writer.statements(depth);
        let end = match writer.numbers.once_in(8) {
            true => writer.tail_call(depth),
            false => writer.expressions(results, depth),
        };
        statements + &end
    };
    format!(
        "{head}{locals} (local $exact_f32 f32) (local $exact_f64 f64) (local $exact_v128 v128){unused}
  (global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))
  (if (i32.lt_s (global.get $fuel) (i32.const 0)) (then{zeros} return))
  {body})",
        head = function_head(name, params, results),
        locals = type_list("local", &locals),
        unused = type_list("local", &unused),
        zeros = zeros(results),
    )
}

/// Constants of some types.
fn zeros(types: &[Type]) -> String {
    let zero = |ty: &Type| match ty {
        Type::V128 => " (v128.const i64x2 0 0)".to_owned(),
        _ => format!(" ({}.const 0)", ty.name()),
    };
    types.iter().map(zero).collect()
}

impl FunctionWriter<'_, '_> {
    /// Accounts for one expression or statement. False if only a leaf may follow.
    fn spend(&mut self) -> bool {
        let affordable = self.budget > 0;
        self.budget = self.budget.saturating_sub(1);
        affordable
    }

    /// A local of a type.
    fn local(&mut self, ty: Type) -> Option<usize> {
        let matching: Vec<usize> =
            (0..self.locals.len()).filter(|&index| self.locals[index] == ty).collect();
        (!matching.is_empty()).then(|| self.numbers.pick(&matching))
    }

    /// An enclosing label for which a condition on its types holds, counted from the innermost.
    fn label(&mut self, accept: impl Fn(&[Type]) -> bool) -> Option<usize> {
        let matching: Vec<usize> =
            (0..self.labels.len()).filter(|&index| accept(&self.labels[index])).collect();
        (!matching.is_empty()).then(|| self.labels.len() - 1 - self.numbers.pick(&matching))
    }

    /// Writes the inside of a block whose label carries values of some types.
    fn inside_label(&mut self, types: &[Type], write: impl FnOnce(&mut Self) -> String) -> String {
        self.labels.push(types.to_vec());
        let text = write(self);
        self.labels.pop();
        text
    }
}
