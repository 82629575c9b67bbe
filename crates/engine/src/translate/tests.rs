//! What functions become: snapshots of the cells, one set a form.
//!
//! Bless changed snapshots with `INSTA_UPDATE=always cargo test -p lineal`.

#[cfg(all(test, lineal_tail_calls, target_arch = "x86_64"))]
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lineal_decoder::Features;

use super::emit::{Emitter, Pos};
use super::{Buffers, Translator};
use crate::api::{Config, Engine};
use crate::exec::control::{Br, Unreachable};
#[cfg(all(test, lineal_tail_calls, target_arch = "x86_64"))]
use crate::machine::Shape;
use crate::machine::{handler, operands};
use crate::runtime::code::ModuleCode;
use crate::runtime::observe::{Accesses, Observe};

/// Translates a function and lets `look` see the result, before sequences are fused.
pub(super) fn translate<R>(
    module: &ModuleCode,
    index: usize,
    look: impl FnOnce(&Translator<'_>) -> R,
) -> R {
    translate_then(module, index, |translator| look(translator))
}

fn translate_then<R>(
    module: &ModuleCode,
    index: usize,
    look: impl FnOnce(&mut Translator<'_>) -> R,
) -> R {
    let func = module.decoded.imported_funcs + index as u32;
    let mut translator = Translator::new(module, Buffers::default());
    translator.scan_function(index as u32);
    let body = translator.function_body(index as u32);
    translator.begin(func, &body, false);
    translator.body(&body).expect("valid body");
    translator.finish_enter();
    translator.finish_checks();
    translator.verify();
    look(&mut translator)
}

pub(super) fn module(bytes: &[u8]) -> ModuleCode {
    module_of(&Engine::default(), bytes)
}

pub(super) fn module_of(engine: &Engine, bytes: &[u8]) -> ModuleCode {
    let binary = lineal_decoder::to_binary(bytes).expect("text").as_ref().into();
    let (decoded, bodies) = lineal_decoder::Module::without_bodies(binary, &Features::default())
        .expect("valid sections");
    super::module(engine, decoded, bodies, None).expect("valid bodies")
}

/// Translates the first function of a module and prints its cells:
/// `granule  operation  a d b  wide operands`.
fn translated(wat: &str) -> String {
    translate(&module(wat.as_bytes()), 0, print)
}

fn print(translator: &Translator<'_>) -> String {
    let emit = &translator.buffers.emit;
    let shapes = &emit.record.shapes;
    let ends = shapes.keys().copied().skip(1).chain([emit.pos()]);
    let mut text = String::new();
    for ((&at, &(shape, _)), end) in shapes.iter().zip(ends) {
        let name = (shape.name)();
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
pub(super) fn short(name: &str) -> String {
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
    a_store_makes_an_address_from_before_its_value: "
        (func (param i32 i32)
            (i32.store8 (i32.add (local.get 0) (i32.const 3)) (i32.load8_u (local.get 1))))";
    an_address_is_made_before_its_local_changes: "
        (func (param i32)
            (i32.store8 (i32.add (local.get 0) (i32.const 3)) (local.tee 0 (i32.const 7))))";
    a_write_to_the_pin_leaves_the_accumulator: "
        (func (param i64 i64)
            (loop $again
                (local.set 1 (i64.add (local.get 0) (local.get 1)))
                (local.set 0 (i64.add (local.get 0) (local.get 1)))
                (local.set 1 (i64.add (local.get 0) (local.get 1)))
                (br_if $again (i64.ne (local.get 0) (i64.const 0)))))";
    select_between_constants: "
        (func (param i32) (result i32)
            (select (i32.const 10) (i32.const 20) (local.get 0)))";
    an_operation_loads_its_right_operand: "
        (func (param i32 f64) (result f64)
            (f64.add (f64.mul (f64.load (local.get 0)) (f64.load offset=8 (local.get 0)))
                (f64.load offset=16 (local.get 0))))";
    an_operation_that_commutes_loads_its_left_operand: "
        (func (param i32 i64) (result i64)
            (i64.xor (i64.load8_u (i32.mul (local.get 0) (i32.const 24))) (local.get 1)))";
    store_of_a_local_and_of_a_constant: "
        (func (param i32 i32)
            (i32.store16 offset=4 (local.get 0) (local.get 1))
            (i32.store (local.get 0) (i32.const 7)))";
    access_to_a_64_bit_second_memory: "
        (func (param i64) (result i32)
            (i32.store8 $second (local.get 0) (i32.const 1))
            (i32.load $second offset=4294967296 (local.get 0)))";
    ranges_of_memory_0_take_operands_from_anywhere: "
        (func (param i32 i32 i32)
            (memory.fill (local.get 0) (i32.const 0) (i32.const 100))
            (memory.copy (local.get 0) (i32.add (local.get 1) (i32.const 8)) (local.get 2)))";
    other_bulk_operations_take_consecutive_slots: "
        (func (param i32)
            (memory.fill $second (i64.const 5) (local.get 0) (i64.const 100)))";
    atomic_operations_take_consecutive_slots: "
        (func (param i32 i64) (result i64)
            (i64.atomic.rmw32.cmpxchg_u $second offset=8 (local.get 1) (i64.const 1) (local.get 1)))";
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
    vectors_go_from_slots_to_locals: "
        (func (param i32 v128) (result v128) (local v128)
            (local.set 2 (i32x4.add (local.get 1) (v128.load offset=16 (local.get 0))))
            (v128.store (i32.add (local.get 0) (i32.const 32)) (local.get 2))
            (i8x16.shl (local.get 2) (i32.const 3)))";
    a_read_of_a_vector_is_saved_before_it_changes: "
        (func (param v128 i32) (result v128)
            (local.get 0)
            (local.set 0 (v128.const i64x2 1 2))
            (select (local.get 0) (i8x16.all_true (local.get 0))))";
    a_lane_is_stored_from_its_vector: "
        (func (param i32 v128)
            (v128.store16_lane offset=2 5 (local.get 0) (local.get 1))
            (local.set 1 (f64x2.splat (f64.const 1.5))))";
    globals_and_select: "
        (func (param i32 i32) (result i32)
            (global.set $g (i32.add (global.get $g) (i32.const 1)))
            (select (local.get 0) (local.get 1) (i32.eq (local.get 0) (local.get 1))))";
}

/// Memory 0 has accesses of its own also if it is not of the fast family's kind.
#[test]
fn memory_0_of_another_kind_has_accesses_of_its_own() {
    for (memory, address, kind) in
        [("i64 1", "i64", "First64"), ("1 1 shared", "i32", "FirstShared")]
    {
        let code = translated(&format!(
            "(module (memory {memory})
                (func (param {address} {address}) (result i32)
                    (i32.store8 offset=4 (local.get 0) (i32.const 7))
                    (v128.store (local.get 0) (v128.load offset=16 (local.get 1)))
                    (i32.load offset=8 (local.get 1))))"
        ));
        for access in
            ["StoreAny<I32Store8", "StoreAny<V128Store", "LoadAny<V128Load", "LoadAny<I32Load"]
        {
            assert!(code.contains(&format!("{access}, {kind}<")), "{access} in:\n{code}");
        }
    }
}

#[test]
fn elements_of_tables_are_accessed_in_line() {
    let code = translated(
        "(module (table 3 funcref) (elem declare func 0)
            (func (param i32 i32)
                (table.set (local.get 0) (table.get (local.get 1)))
                (table.set (local.get 1) (ref.func 0))))",
    );
    for operation in ["TableGet<u32", "TableSet<u32", "RefFunc<"] {
        assert!(code.contains(operation), "{operation} in:\n{code}");
    }
    assert!(!code.contains("Slow<"), "{code}");
}

#[test]
fn objects_are_accessed_in_line() {
    let code = translated(
        "(module
            (type $s (sub (struct (field (mut i32)) (field (mut i8)) (field (mut v128)))))
            (type $a (array (mut i16)))
            (func (param anyref i32 (ref null $s) (ref null $a)) (result i32)
                (struct.set $s 0 (local.get 2) (struct.get_s $s 1 (local.get 2)))
                (struct.set $s 2 (local.get 2) (struct.get $s 2 (local.get 2)))
                (array.set $a (local.get 3) (local.get 1)
                    (array.get_u $a (local.get 3) (array.len (local.get 3))))
                (if (ref.test (ref $s) (local.get 0)) (then (return (i32.const 1))))
                (block $l (result anyref)
                    (br_on_cast $l anyref (ref $a) (local.get 0)))
                (local.set 0)
                (struct.get $s 0 (ref.cast (ref null $s) (local.get 0)))
                (i31.get_u (ref.i31 (local.get 1)))
                (i32.add)))",
    );
    for operation in [
        "StructGet<Packed<i8",
        "StructGet<WholeVector",
        "StructSet<u64",
        "StructSet<[u8; 16]",
        "ArrayGet<I32Load16U",
        "ArraySet<I32Store16",
        "ArrayLen<",
        "CastBr<AtMost<AnyStruct>",
        "CastBr<Exactly<AnyArray>",
        "RefCast<AtMost<AnyStruct>",
        "Unop<RefI31",
        "Unop<I31GetU",
    ] {
        assert!(code.contains(operation), "{operation} in:\n{code}");
    }
    assert!(!code.contains("Slow<"), "{code}");
}

#[test]
fn ranges_of_tables_and_other_memories_are_in_line() {
    let code = translated(
        "(module (memory 1) (memory $second i64 1) (table 3 funcref) (table $far i64 3 funcref)
            (data $d \"text\")
            (func (param i32 i64)
                (memory.copy $second 0 (local.get 1) (local.get 0) (local.get 0))
                (memory.init $second $d (local.get 1) (local.get 0) (local.get 0))
                (memory.init 0 $d (local.get 0) (local.get 0) (local.get 0))
                (table.fill 0 (local.get 0) (ref.null func) (local.get 0))
                (table.copy $far 0 (local.get 1) (local.get 0) (local.get 0))))",
    );
    for operation in [
        "CopyAny<OwnRanges, u64, u32>",
        "InitAny<OwnRanges, u64>",
        "InitAny<OwnRanges, u32>",
        "TableFillInLine<u32>",
        "TableCopyInLine<u64, u32>",
    ] {
        assert!(code.contains(operation), "{operation} in:\n{code}");
    }
    assert!(!code.contains("Slow<"), "{code}");
}

#[test]
#[cfg(feature = "threads")]
fn ranges_of_shared_memories_are_in_line() {
    let code = translated(
        "(module (memory 1 1 shared) (memory $second 1 1 shared) (data $d \"text\")
            (func (param i32)
                (memory.fill (local.get 0) (local.get 0) (local.get 0))
                (memory.copy 0 $second (local.get 0) (local.get 0) (local.get 0))
                (memory.init $second $d (local.get 0) (local.get 0) (local.get 0))))",
    );
    for operation in
        ["FillAny<SharedRanges, u32>", "CopyAny<SharedRanges, u32, u32>", "InitAny<SharedRanges"]
    {
        assert!(code.contains(operation), "{operation} in:\n{code}");
    }
    assert!(!code.contains("Slow<"), "{code}");
}

/// The context keeps the base and the limits of memory 1, so that its accesses take operands from
/// wherever they are.
#[test]
fn accesses_to_the_second_memory_are_those_of_the_first() {
    let code = translated(
        "(module (memory 1) (memory $second 1) (memory $third 1)
            (func (param i32) (result i32)
                (i32.store $second offset=4 (i32.mul (local.get 0) (i32.const 8)) (i32.const 7))
                (i32.add
                    (i32.load $second (i32.load8_u $second (local.get 0)))
                    (i32.load $third (local.get 0)))))",
    );
    for operation in [
        "StoreAny<I32Store, Second<Acc>, Imm",
        "LoadAny<I32Load8U, Second<Pin>, ToAcc>",
        "LoadAny<I32Load, Second<Acc>, ToSlot>",
        "LoadAny<I32Load, Own<u32>",
    ] {
        assert!(code.contains(operation), "{operation} in:\n{code}");
    }
}

/// Entering and leaving a `try_table` costs nothing, whatever it catches.
#[test]
fn a_try_table_is_a_block() {
    let translated_with = |begin: &str| {
        translated(&format!(
            "(module (tag $t)
                (func (param i32) (result i32) (local i64)
                    (loop $again
                        (block $caught
                            ({begin} (local.set 1 (i64.const 1)) (call $f))
                            (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                            (br_if $again (local.get 0))))
                    (local.get 0))
                (func $f))"
        ))
    };
    let with_clauses = translated_with("try_table (catch $t $caught) (catch_all $again)");
    assert_eq!(with_clauses, translated_with("block"));
}

/// A tail call does not come back to the loop, so the loop keeps its head.
#[test]
fn a_loop_with_a_tail_call_keeps_its_head() {
    let cells = translated(
        "(module
            (func (param i32) (result i32)
                (loop $again
                    (if (i32.eq (local.get 0) (i32.const 7))
                        (then (return_call $f (local.get 0))))
                    (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                    (br_if $again (local.get 0)))
                (local.get 0))
            (func $f (param i32) (result i32) (local.get 0)))",
    );
    let position = |name: &str| cells.find(name).unwrap_or_else(|| panic!("no {name} in {cells}"));
    assert!(position("Head") < position("ReturnCall"), "{cells}");
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
        let name = module.decoded.names().func(func).unwrap_or("");
        text += &format!("function {func} {name}\n{}\n", translate(&module, index, print));
    }
    assert!(text.contains("Return") || text.contains("Unreachable"), "{text}");
    println!("{text}");
}

/// All files with an ending below a directory, but for what was built, in order.
fn files_below(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            found.extend(files_below(&path, ending));
        } else if path.extension().is_some_and(|other| other == ending) {
            found.push(path);
        }
    }
    found
}

/// Translates every module in the source tree, plain and with all that a configuration can add.
fn for_all_in_the_tree(mut look: impl FnMut(&str, bool, &Translator<'_>)) {
    // A published package has the modules of the examples only.
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = package.join("../..");
    let in_workspace = workspace.join("ARCHITECTURE.md").exists();
    let root = if in_workspace { workspace } else { package.to_owned() };
    let files = files_below(&root, "wasm");
    assert!(!files.is_empty());
    for file in files {
        let bytes = std::fs::read(&file).expect("a file");
        let name = file.strip_prefix(&root).expect("it is below").display().to_string();
        for additions in [false, true] {
            let mut config = Config::new();
            config.consume_fuel(additions).epoch_interruption(additions);
            config.canonicalize_nans(additions);
            let module = module_of(&Engine::new(&config).expect("an engine"), &bytes);
            for index in 0..module.decoded.bodies.len() {
                translate(&module, index, |translator| look(&name, additions, translator));
            }
        }
    }
}

/// All code is what the machine's invariant E1 asks for. `LINEAL_CELLS` names a file to write the
/// cells to: two of them, from before and after a change, show whether it changed the code.
#[test]
fn all_modules_in_the_tree_are_verified() {
    let mut text = String::new();
    for_all_in_the_tree(|name, additions, translator| {
        text += &format!("{name}, function {}, metered {additions}\n", translator.function.func);
        text += &print(translator);
    });
    if let Ok(path) = std::env::var("LINEAL_CELLS") {
        std::fs::write(path, text).expect("a file that can be written");
    }
}

/// A module with accesses of all kinds, to all kinds of memory.
#[cfg(all(test, lineal_tail_calls, target_arch = "x86_64"))]
fn accesses() -> String {
    let mut body = String::new();
    let mut each = |memory: &str, addr: &str| {
        for (ty, value) in [("i32", 1), ("i64", 2), ("f32", 3), ("f64", 4), ("v128", 5)] {
            body += &format!("(local.set {value} ({ty}.load {memory} {addr}))\n");
            body += &format!("({ty}.store {memory} {addr} (local.get {value}))\n");
        }
        for (ty, width, value) in [("i32", 8, 1), ("i32", 16, 1), ("i64", 32, 2)] {
            body += &format!("(local.set {value} ({ty}.load{width}_s {memory} {addr}))\n");
            body += &format!("(local.set {value} ({ty}.load{width}_u {memory} {addr}))\n");
            body += &format!("({ty}.store{width} {memory} {addr} (local.get {value}))\n");
        }
        body += &format!("(v128.store8_lane {memory} 3 {addr} (local.get 5))\n");
        body += &format!("(local.set 5 (v128.load64_lane {memory} 1 {addr} (local.get 5)))\n");
        body += &format!("(local.set 1 (i32.atomic.rmw.add {memory} {addr} (local.get 1)))\n");
        body += &format!("(memory.fill {memory} {addr} (local.get 1) {addr})\n");
        body += &format!("(drop (memory.grow {memory} {addr}))\n");
    };
    each("$own32", "(local.get 0)");
    each("$own64", "(i64.const 8)");
    each("$shared32", "(local.get 0)");
    each("$shared64", "(i64.const 8)");
    format!(
        "(module (memory $own32 1) (memory $own64 i64 1)
            (memory $shared32 1 1 shared) (memory $shared64 i64 1 1 shared)
            (global $i (mut i64) (i64.const 0)) (global $f (mut f64) (f64.const 0))
            (func $f (param i32) (result i32) (local i32 i64 f32 f64 v128)
                {body}
                (global.set $i (local.get 2)) (global.set $f (local.get 4))
                (call $f (i32.const 1))))"
    )
}

/// The handlers that the code of all modules in the source tree has, and of accesses of all kinds,
/// observed or not.
#[cfg(all(test, lineal_tail_calls, target_arch = "x86_64"))]
pub(crate) fn handlers_in_the_tree() -> BTreeMap<u64, &'static Shape> {
    let mut handlers = BTreeMap::new();
    let mut look = |translator: &Translator<'_>| {
        let emit = &translator.buffers.emit;
        for (&at, &(shape, _)) in &emit.record.shapes {
            handlers.insert(emit.granule_at(at), shape);
        }
    };
    for_all_in_the_tree(|_, _, translator| look(translator));
    let all = || Observe::new().functions(|_| true).globals(|_| true);
    for observe in [None, Some(all().accesses(Accesses::All)), Some(all().writers(true))] {
        let mut config = Config::new();
        if let Some(observe) = observe {
            config.observe(observe);
        }
        let engine = Engine::new(&config).expect("an engine");
        translate(&module_of(&engine, accesses().as_bytes()), 0, &mut look);
    }
    handlers
}

/// What the check of the code says when a function's code is changed.
fn fault_after(wat: &str, change: impl FnOnce(&mut Emitter)) -> String {
    let bytes = wat::parse_str(wat).expect("text");
    let mut fault = String::new();
    translate_then(&module(&bytes), 0, |translator| {
        assert_eq!(translator.check(), Ok(()));
        change(&mut translator.buffers.emit);
        fault = translator.check().expect_err("it is wrong now");
    });
    fault
}

/// The start of the first cell of an operation.
fn cell_of(emit: &Emitter, operation: &str) -> usize {
    let mut cells = emit.record.shapes.iter();
    let found = cells.find(|(_, (shape, _))| short((shape.name)()).starts_with(operation));
    *found.unwrap_or_else(|| panic!("no {operation}")).0 as usize
}

#[test]
fn wrong_code_is_found() {
    let counting = "(module (memory 1) (func (param i32) (result i32) (local i32)
        (loop $again
            (local.set 1 (i32.add (local.get 1) (i32.load8_u offset=70000 (local.get 0))))
            (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (local.get 1)))";
    let slot = fault_after(counting, |emit| {
        let at = cell_of(emit, "Return1");
        emit.cells[at + 1] = operands(77, 0, 0);
    });
    assert!(slot.contains("names 1 slots from 77 on"), "{slot}");
    let head = fault_after(counting, |emit| {
        let at = cell_of(emit, "Head");
        emit.cells[at] = handler::<Unreachable>().to_granule();
    });
    assert!(head.contains("which nothing makes a head"), "{head}");
    let past_the_head = fault_after(counting, |emit| {
        let head = cell_of(emit, "Head") as Pos;
        let at = cell_of(emit, "Return1");
        emit.cells[at] = handler::<Br>().to_granule();
        emit.cells[at + 1] = operands(0, 0, (head + 2).wrapping_sub(at as Pos));
        emit.record.shapes.insert(at as Pos, (handler::<Br>().shape, 0));
    });
    assert!(past_the_head.contains("past its head"), "{past_the_head}");
    let end = fault_after(counting, |emit| {
        let at = cell_of(emit, "Return1");
        emit.truncate(at as Pos);
    });
    assert!(end.contains("run out of the code"), "{end}");
    let gap = fault_after(counting, |emit| {
        emit.granule(0);
    });
    assert!(gap.contains("has 3 granules, not 2"), "{gap}");

    let branching = "(module (func (param i32) (result i32)
        (block $one (block $zero (br_table $zero $one (local.get 0))) (return (i32.const 1)))
        (i32.const 2)))";
    let target = fault_after(branching, |emit| {
        let at = cell_of(emit, "BrTable");
        emit.cells[at + 2] += 1;
    });
    assert!(target.contains("where no cell starts"), "{target}");

    let calling = "(module (func $f (param i32) (result i32) (call $f (local.get 0))))";
    let metadata = fault_after(calling, |emit| {
        let at = cell_of(emit, "Call");
        emit.cells[at + 2] = operands(0, 0, 1000);
    });
    assert!(metadata.contains("from 1000 on"), "{metadata}");
}

/// The binaries of all programs in the tree.
fn programs() -> Vec<(PathBuf, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["../../benches/programs", "../../benches/guest", "tests/programs"];
    let files = folders.iter().flat_map(|folder| {
        std::fs::read_dir(root.join(folder)).expect("a folder").map(|file| file.unwrap().path())
    });
    let is_module = |path: &PathBuf| path.extension().is_some_and(|it| it == "wasm" || it == "wat");
    files.filter(is_module).map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// Code that reports nothing is the code of an engine that does not know of observers.
#[test]
fn without_reports_not_one_cell_differs() {
    let plain = Engine::default();
    let nothing = Observe::new().functions(|_| false).globals(|_| false).host_calls(true);
    let observing = Engine::new(Config::new().observe(nothing)).expect("an engine");
    let programs = programs();
    assert!(programs.len() > 20, "only {} programs", programs.len());
    let mut differ_if_observed = 0;
    let all = Observe::new().accesses(Accesses::All);
    let all = Engine::new(Config::new().observe(all)).expect("an engine");
    for (path, bytes) in programs {
        let [plain, observing, all] = [&plain, &observing, &all].map(|it| module_of(it, &bytes));
        for index in 0..plain.decoded.bodies.len() {
            let cells = translate(&plain, index, print);
            // Growth is reported whenever something is.
            if !cells.contains("MemoryGrow") {
                let name = path.display();
                assert_eq!(cells, translate(&observing, index, print), "{name}: function {index}");
            }
            differ_if_observed += usize::from(cells != translate(&all, index, print));
        }
    }
    assert!(differ_if_observed > 100, "only {differ_if_observed} functions are observed");
}
