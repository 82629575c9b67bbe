//! No operation leaves anything on the native stack: each runs tens of thousands of times, with
//! its operands in every place they can be, on a thread whose stack a leak of one word a time
//! would overflow.

use lineal::{Engine, Instance, Module, Store, Val};

/// Iterations of each loop: a word left behind in each takes more than [`STACK_BYTES`].
const ITERATIONS: i32 = if cfg!(debug_assertions) { 1_000 } else { 40_000 };

/// What the test's thread has to compile and run modules.
const STACK_BYTES: usize = 256 << 10;

/// Operations with one operand: type of the result, name, type of the operand.
fn unary() -> Vec<(&'static str, String, &'static str)> {
    let mut list = Vec::new();
    for ty in ["i32", "i64"] {
        for name in ["clz", "ctz", "popcnt", "extend8_s", "extend16_s"] {
            list.push((ty, format!("{ty}.{name}"), ty));
        }
        list.push(("i32", format!("{ty}.eqz"), ty));
        for from in ["f32", "f64"] {
            for sign in ["s", "u"] {
                list.push((ty, format!("{ty}.trunc_{from}_{sign}"), from));
                list.push((ty, format!("{ty}.trunc_sat_{from}_{sign}"), from));
                list.push((from, format!("{from}.convert_{ty}_{sign}"), ty));
            }
        }
        for load in ["load", "load8_s", "load8_u", "load16_s", "load16_u"] {
            list.push((ty, format!("{ty}.{load} offset=8"), "i32"));
        }
    }
    for ty in ["f32", "f64"] {
        for name in ["abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"] {
            list.push((ty, format!("{ty}.{name}"), ty));
        }
        list.push((ty, format!("{ty}.load offset=8"), "i32"));
    }
    for (to, name, from) in [
        ("i32", "i32.wrap_i64", "i64"),
        ("i64", "i64.extend_i32_s", "i32"),
        ("i64", "i64.extend_i32_u", "i32"),
        ("i64", "i64.extend32_s", "i64"),
        ("i64", "i64.load32_s", "i32"),
        ("i64", "i64.load32_u", "i32"),
        ("f32", "f32.demote_f64", "f64"),
        ("f64", "f64.promote_f32", "f32"),
        ("i32", "i32.reinterpret_f32", "f32"),
        ("i64", "i64.reinterpret_f64", "f64"),
        ("f32", "f32.reinterpret_i32", "i32"),
        ("f64", "f64.reinterpret_i64", "i64"),
        ("i32", "memory.grow", "i32"),
        ("i32", "call $own", "i32"),
        ("i32", "call_indirect (param i32) (result i32) (i32.const 0)", "i32"),
    ] {
        list.push((to, name.to_owned(), from));
    }
    list
}

/// Operations with two operands of one type: type of the result, name, type of the operands.
fn binary() -> Vec<(&'static str, String, &'static str)> {
    let mut list = Vec::new();
    let arithmetic = ["add", "sub", "mul", "div_s", "div_u", "rem_s", "rem_u", "and", "or", "xor"];
    let shifts = ["shl", "shr_s", "shr_u", "rotl", "rotr"];
    let compares = ["lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"];
    for ty in ["i32", "i64"] {
        for name in arithmetic.into_iter().chain(shifts) {
            list.push((ty, format!("{ty}.{name}"), ty));
        }
        for name in compares {
            list.push(("i32", format!("{ty}.{name}"), ty));
        }
    }
    for ty in ["f32", "f64"] {
        for name in ["add", "sub", "mul", "div", "min", "max", "copysign"] {
            list.push((ty, format!("{ty}.{name}"), ty));
        }
        for name in ["lt", "gt", "le", "ge"] {
            list.push(("i32", format!("{ty}.{name}"), ty));
        }
    }
    for ty in ["i32", "i64", "f32", "f64"] {
        for name in ["eq", "ne"] {
            list.push(("i32", format!("{ty}.{name}"), ty));
        }
    }
    list
}

/// Places an operand of a type can be in.
fn operands(ty: &str) -> [String; 4] {
    let twice = if ty.starts_with('i') { "or" } else { "max" };
    [
        // A local in its slot, and the one that a loop uses most.
        format!("(local.get ${ty})"),
        format!("(local.get $hot_{ty})"),
        // A constant.
        format!("({ty}.const 8)"),
        // A result.
        format!("({ty}.{twice} (local.get ${ty}) (local.get ${ty}))"),
    ]
}

/// A function that does `work` again and again.
fn looped(result: &str, ty: &str, work: &[String]) -> String {
    let body: String = work
        .iter()
        .map(|work| {
            // The result goes to the accumulator, to a slot, and to the pin.
            format!("(drop {work}) (local.set ${result} {work}) (local.set ${ty} ({ty}.const 8))")
        })
        .collect();
    let hot = format!("(drop (local.get $hot_{ty}))").repeat(40);
    format!(
        "(func (export \"run\") (param $n i32)
            (local $i32 i32) (local $i64 i64) (local $f32 f32) (local $f64 f64)
            (local $hot_i32 i32) (local $hot_i64 i64) (local $hot_f32 f32) (local $hot_f64 f64)
            (local.set ${ty} ({ty}.const 8)) (local.set $hot_{ty} ({ty}.const 8))
            (loop $again
                {body} {hot}
                (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))"
    )
}

/// Runs a function that loops, on the test's thread.
fn run(engine: &Engine, function: &str) {
    let wat = format!(
        "(module (memory 1 1) (table funcref (elem $own)) (global $g (mut i32) (i32.const 1))
            (func $own (param i32) (result i32) (local.get 0))
            (func $tail (param i32) (result i32) (return_call $own (local.get 0)))
            {function})"
    );
    let module = Module::new(engine, &wat).unwrap_or_else(|error| panic!("{error:?}\n{wat}"));
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, &module, &[]).expect("no imports");
    let run = instance.get_func(&mut store, "run").expect("the export");
    let outcome = run.call(&mut store, &[Val::I32(ITERATIONS)], &mut []);
    outcome.unwrap_or_else(|error| panic!("{error:?}\n{wat}"));
}

fn on_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work);
    thread.expect("a thread").join().expect("it does not overflow");
}

#[test]
fn operations_with_one_operand() {
    on_small_stack(|| {
        let engine = Engine::default();
        for (result, name, ty) in unary() {
            let work: Vec<String> = operands(ty)
                .iter()
                .map(|operand| match name.split_once(" (i32.const 0)") {
                    Some((name, _)) => format!("({name} {operand} (i32.const 0))"),
                    None => format!("({name} {operand})"),
                })
                .collect();
            run(&engine, &looped(result, ty, &work));
        }
    });
}

#[test]
fn operations_with_two_operands() {
    on_small_stack(|| {
        let engine = Engine::default();
        for (result, name, ty) in binary() {
            let places = operands(ty);
            let work: Vec<String> = places
                .iter()
                .flat_map(|left| places.iter().map(move |right| (left, right)))
                .map(|(left, right)| format!("({name} {left} {right})"))
                .collect();
            run(&engine, &looped(result, ty, &work));
        }
    });
}

#[test]
fn branches_stores_and_the_rest() {
    on_small_stack(|| {
        let engine = Engine::default();
        for ty in ["i32", "i64", "f32", "f64"] {
            let mut work = Vec::new();
            for value in operands(ty) {
                work.push(format!("(block (result {ty}) (br 0 {value}))"));
                work.push(format!("(select {value} (local.get ${ty}) (i32.const 1))"));
                work.push(format!("(block (result {ty}) (br_if 0 {value} (i32.const 1)))"));
                work.push(format!(
                    "(block (result {ty}) (br_table 0 0 0 {value} (local.get $hot_i32)))"
                ));
                for addr in operands("i32") {
                    work.push(format!(
                        "(block (result {ty}) ({ty}.store offset=8 {addr} {value}) {value})"
                    ));
                }
            }
            run(&engine, &looped(ty, ty, &work));
        }
        let rest = [
            "(global.get $g)",
            "(block (result i32) (global.set $g (local.get $i32)) (global.get $g))",
            "(memory.size)",
            "(call $tail (i32.const 3))",
            "(block (result i32) (memory.fill (i32.const 0) (i32.const 1) (i32.const 8)) (i32.const 8))",
            "(block (result i32) (memory.copy (i32.const 0) (i32.const 8) (i32.const 8)) (i32.const 8))",
            "(ref.is_null (table.get (i32.const 0)))",
            "(table.size)",
            "(if (result i32) (local.get $i32) (then (i32.const 8)) (else (i32.const 9)))",
        ];
        run(&engine, &looped("i32", "i32", &rest.map(str::to_owned)));
    });
}
