//! What functions become: snapshots of the cells, one set a form.
//!
//! Bless changed snapshots with `INSTA_UPDATE=always cargo test -p lineal`.

use std::collections::HashMap;

use super::{FunctionBody, Translator};
use lineal_decoder::Features;

use crate::api::Engine;
use crate::runtime::code::ModuleCode;

/// Translates a function and lets `look` see the result, before pairs are fused.
fn translate<R>(module: &ModuleCode, index: usize, look: impl FnOnce(&Translator<'_>) -> R) -> R {
    let range = module.decoded.bodies[index].range.clone();
    let reader = wasmparser::BinaryReader::new(&module.decoded.bytes[range], 0);
    let body = FunctionBody::new(reader);
    let func = module.decoded.imported_funcs + index as u32;
    let mut translator = Translator::new(module, func, &body, false);
    translator.body(&body).expect("valid body");
    translator.finish_enter();
    look(&translator)
}

fn module(bytes: &[u8]) -> ModuleCode {
    let engine = Engine::default();
    let decoded = lineal_decoder::Module::new(bytes, &Features::default()).expect("valid module");
    ModuleCode::new(&engine, decoded, true)
}

/// Translates the first function of a module and prints its cells:
/// `granule  operation  a d b  wide operands`.
fn translated(wat: &str) -> String {
    translate(&module(wat.as_bytes()), 0, print)
}

fn print(translator: &Translator<'_>) -> String {
    let emit = &translator.emit;
    let ends = emit.names.keys().copied().skip(1).chain([emit.pos()]);
    let mut text = String::new();
    for ((&at, &(name, _)), end) in emit.names.iter().zip(ends) {
        let granules: Vec<u64> = (at + 1..end).map(|granule| emit.granule_at(granule)).collect();
        text += &format!("{at:>3}  {}", short(name));
        // The address of another function's code differs from run to run.
        let is_call = name.ends_with("::Call") || name.ends_with("::ReturnCall");
        if let (Some(&operands), false) = (granules.first(), is_call) {
            let bytes = operands.to_ne_bytes();
            let a = u16::from_ne_bytes([bytes[0], bytes[1]]);
            let d = u16::from_ne_bytes([bytes[2], bytes[3]]);
            let b = i32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
            text += &format!("  a={a} d={d} b={b}");
        }
        for wide in granules.iter().skip(1) {
            text += &format!(" {:#x}", wide);
        }
        text.push('\n');
    }
    text
}

/// A type's name without the paths of its parts.
fn short(name: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for c in name.chars() {
        match c {
            ':' => word.clear(),
            c if c.is_alphanumeric() || c == '_' => word.push(c),
            c => {
                out += &word;
                word.clear();
                out.push(c);
            }
        }
    }
    out + &word
}

/// A snapshot test: a name, and a function's parameters and body in a module with a memory.
macro_rules! snapshots {
    ($($name:ident: $wat:literal;)*) => {$(
        #[test]
        fn $name() {
            let wat = concat!("(module (memory 1) (memory $second i64 1) (table $t 1 funcref) (global $g (mut i32) (i32.const 0))\n", $wat, ")");
            insta::with_settings!({ omit_expression => true, description => $wat, prepend_module_to_snapshot => false }, {
                insta::assert_snapshot!(translated(wat));
            });
        }
    )*};
}

snapshots! {
    locals_and_constants_fold_into_operations: "
        (func (param i32 i32) (result i32)
            (i32.mul (i32.add (local.get 0) (i32.const 5)) (local.get 1)))";
    results_go_straight_to_locals: "
        (func (param i32 i32)
            (local.set 1 (i32.sub (local.get 0) (i32.const 1))))";
    a_pending_read_of_a_local_is_saved_before_it_changes: "
        (func (param i32) (result i32)
            (local.get 0)
            (local.set 0 (i32.add (local.get 0) (i32.const 1)))
            (i32.mul (local.get 0)))";
    two_results_at_once_send_the_first_to_its_slot: "
        (func (param i32 i32) (result i32)
            (i32.xor (i32.add (local.get 0) (i32.const 1)) (i32.mul (local.get 1) (local.get 1))))";
    a_loop_ends_in_one_compare_and_branch: "
        (func (param i32)
            (loop $again
                (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))";
    comparison_and_if_fuse: "
        (func (param i32) (result i32)
            (if (result i32) (i32.lt_s (local.get 0) (i32.const 10))
                (then (i32.const 1))
                (else (i32.const 2))))";
    eqz_of_a_comparison_is_the_opposite_branch: "
        (func (param f64 f64)
            (block $out
                (br_if $out (i32.eqz (f64.lt (local.get 0) (local.get 1))))
                (unreachable)))";
    load_with_a_local_address: "
        (func (param i32) (result i32) (i32.load offset=8 (local.get 0)))";
    load_with_a_computed_address: "
        (func (param i32 i32) (result i64)
            (i64.load8_s (i32.add (local.get 0) (local.get 1))))";
    load_with_a_constant_address: "
        (func (result f64) (f64.load offset=8 (i32.const 1024)))";
    store_of_a_local_and_of_a_constant: "
        (func (param i32 i32)
            (i32.store16 offset=4 (local.get 0) (local.get 1))
            (i32.store (local.get 0) (i32.const 7)))";
    access_to_a_64_bit_second_memory: "
        (func (param i64) (result i32)
            (i32.store8 $second (local.get 0) (i32.const 1))
            (i32.load $second offset=4294967296 (local.get 0)))";
    bulk_operations_take_consecutive_slots: "
        (func (param i32)
            (memory.fill (local.get 0) (i32.const 0) (i32.const 100)))";
    a_call_takes_its_arguments_where_they_are: "
        (func $f (param i32 i32) (result i32)
            (i32.add (call $f (local.get 1) (i32.add (local.get 0) (i32.const 1))) (local.get 0)))";
    indirect_and_tail_calls: "
        (type $binary (func (param i32 i32) (result i32)))
        (func (param i32 i32) (result i32)
            (drop (call_indirect (type $binary) (local.get 0) (local.get 1) (i32.const 0)))
            (return_call_indirect (type $binary) (local.get 1) (local.get 0) (i32.const 0)))";
    a_branch_with_a_value_copies_it_down: "
        (func (param i32) (result i32)
            (block $out (result i32)
                (i32.const 1)
                (i32.const 2)
                (br_if $out (i32.const 3) (local.get 0))
                (drop) (drop)))";
    a_table_of_branches: "
        (func (param i32) (result i32)
            (block $two (block $one (block $zero
                (br_table $zero $one $two (local.get 0)))
                (return (i32.const 10)))
                (return (i32.const 11)))
            (i32.const 12))";
    globals_and_select: "
        (func (param i32 i32) (result i32)
            (global.set $g (i32.add (global.get $g) (i32.const 1)))
            (select (local.get 0) (local.get 1) (i32.eq (local.get 0) (local.get 1))))";
}

/// How many uses outside of a loop an occurrence in a loop is worth.
const LOOP_WEIGHT: u64 = 8;

/// Counts the operations that follow each other in a module's code, weighted by loops.
fn count_pairs(bytes: &[u8], counts: &mut HashMap<(String, String), u64>) {
    let module = module(bytes);
    for index in 0..module.decoded.bodies.len() {
        translate(&module, index, |translator| {
            let names = &translator.emit.names;
            for (&(first, depth), &(second, _)) in names.values().zip(names.values().skip(1)) {
                let weight = LOOP_WEIGHT.pow(depth.min(4));
                *counts.entry((short(first), short(second))).or_default() += weight;
            }
        });
    }
}

/// Operations after which execution never goes on at the cell behind them.
const NEVER_FIRST: [&str; 6] = ["Br", "BrTable", "Return", "Call", "Unreachable", "Slow"];

/// Operations that take so long that the jump to them does not matter.
const OUT_OF_LINE: [&str; 2] = ["CallImport", "Slow"];

/// Prints the list of pairs for `exec/pairs.txt`, most frequent first, from the modules in the
/// directory that `LINEAL_PAIRS_FROM` names; `LINEAL_PAIRS` is how many (500).
#[test]
fn count_pairs_of_a_directory() {
    let mut counts = HashMap::new();
    let Ok(directory) = std::env::var("LINEAL_PAIRS_FROM") else {
        let wat = "(module (func (param i32) (loop $l
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))";
        count_pairs(wat.as_bytes(), &mut counts);
        let loop_pair =
            ("Binop<I32Add, Pin, ImmB, ToPin>".to_owned(), "CmpBr<I32Ne, Pin, Zero>".to_owned());
        assert_eq!(counts.get(&loop_pair), Some(&LOOP_WEIGHT));
        return;
    };
    let wanted = std::env::var("LINEAL_PAIRS").ok().and_then(|n| n.parse().ok()).unwrap_or(500);
    for file in std::fs::read_dir(directory).expect("a directory") {
        let mut of_module = HashMap::new();
        let bytes = std::fs::read(file.expect("an entry").path()).expect("a file");
        count_pairs(&bytes, &mut of_module);
        // Every module counts the same, whatever its size.
        let total: u64 = of_module.values().sum::<u64>().max(1);
        for (pair, count) in of_module {
            *counts.entry(pair).or_default() += count * 1_000_000 / total;
        }
    }
    let mut pairs: Vec<_> = counts.into_iter().collect();
    pairs.retain(|((first, second), _)| {
        !NEVER_FIRST.iter().any(|name| first.starts_with(name))
            && !OUT_OF_LINE.iter().any(|name| second.starts_with(name))
    });
    pairs.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    println!("pairs! {{");
    for ((first, second), _) in pairs.iter().take(wanted) {
        println!("    {first}, {second};");
    }
    println!("}}");
}

/// Prints the code of the module that `LINEAL_PRINT` names, function by function.
#[test]
fn print_code_of_a_module() {
    let bytes = match std::env::var("LINEAL_PRINT") {
        Ok(path) => std::fs::read(path).expect("a file"),
        Err(_) => b"(module (func $name))".to_vec(),
    };
    let module = module(&bytes);
    let mut text = String::new();
    for index in 0..module.decoded.bodies.len() {
        let func = module.decoded.imported_funcs + index as u32;
        let name = module.decoded.names.func(func).unwrap_or("");
        text += &format!("function {func} {name}\n{}\n", translate(&module, index, print));
    }
    assert!(text.contains("Return") || text.contains("Unreachable"), "{text}");
    println!("{text}");
}
