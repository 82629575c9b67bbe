//! Vectors as values: wherever a value may be, a `v128` may be, and takes nothing else's place.

use lineal::{
    Caller, Engine, Extern, Func, FuncType, Global, GlobalType, Instance, Linker, Module,
    Mutability, Result, Store, V128, Val, ValType,
};

/// A vector whose bytes are `byte`, `byte + 1` and so on.
fn bytes_from(byte: u8) -> V128 {
    u128::from_le_bytes(std::array::from_fn(|index| byte.wrapping_add(index as u8))).into()
}

fn instance(store: &mut Store<()>, wat: &str) -> Instance {
    let module = Module::new(store.engine(), wat).expect("a valid module");
    Instance::new(store, &module, &[]).expect("an instance")
}

/// Calls the export `f` of a module.
fn call(wat: &str, params: &[Val], results: &[ValType]) -> Vec<Val> {
    let mut store = Store::new(&Engine::default(), ());
    let instance = instance(&mut store, wat);
    let func = instance.get_func(&store, "f").expect("an export");
    let mut found = vec![Val::I32(0); results.len()];
    func.call(&mut store, params, &mut found).expect("no trap");
    let types: Vec<ValType> = found.iter().map(|val| val.ty(&store).unwrap()).collect();
    assert_eq!(types, results);
    found
}

/// Calls the export `f` of a module, which takes some vectors and returns one.
fn vector(wat: &str, params: &[Val]) -> V128 {
    call(wat, params, &[ValType::V128])[0].unwrap_v128()
}

const A: u8 = 0x10;
const B: u8 = 0x60;

fn a() -> Val {
    bytes_from(A).into()
}

fn b() -> Val {
    bytes_from(B).into()
}

#[test]
fn a_constant_keeps_its_bytes_in_order() {
    let wat = "(module (func (export \"f\") (result v128)
        (v128.const i8x16 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31)))";
    assert_eq!(vector(wat, &[]), bytes_from(A));
}

#[test]
fn parameters_around_a_vector_keep_their_places() {
    let wat = "(module (func (export \"f\") (param i32 v128 f32 v128 i64)
        (result i64 v128 f32 v128 i32)
        (local.get 4) (local.get 3) (local.get 2) (local.get 1) (local.get 0)))";
    let params = [Val::I32(-1), a(), Val::from(1.5f32), b(), Val::I64(-2)];
    let types = [ValType::I64, ValType::V128, ValType::F32, ValType::V128, ValType::I32];
    let found = call(wat, &params, &types);
    assert_eq!(found[0].i64(), Some(-2));
    assert_eq!(found[1].v128(), Some(bytes_from(B)));
    assert_eq!(found[2].f32(), Some(1.5));
    assert_eq!(found[3].v128(), Some(bytes_from(A)));
    assert_eq!(found[4].i32(), Some(-1));
}

#[test]
fn locals_start_as_zero_and_keep_what_was_read_before_they_change() {
    let wat = "(module (func (export \"f\") (param v128) (result v128 v128 v128)
        (local i32 v128 i32)
        (local.get 2)
        (local.get 0)
        (local.set 0 (v128.const i64x2 1 2))
        (local.set 2 (local.get 0))
        (local.get 2)))";
    let found = call(wat, &[a()], &vec![ValType::V128; 3]);
    assert_eq!(found[0].v128(), Some(0.into()));
    assert_eq!(found[1].v128(), Some(bytes_from(A)));
    assert_eq!(found[2].v128(), Some((2u128 << 64 | 1).into()));
}

#[test]
fn select_and_drop_take_whole_vectors() {
    for (condition, expected) in [(0, B), (1, A), (256, A)] {
        for select in ["select", "select (result v128)"] {
            for chooser in ["(local.get 2)", "(i32.add (local.get 2) (i32.const 0))"] {
                let wat = format!(
                    "(module (func (export \"f\") (param v128 v128 i32) (result v128)
                    (i32.const 7)
                    (local.get 1)
                    (drop)
                    (drop)
                    ({select} (local.get 0) (local.get 1) {chooser})))"
                );
                assert_eq!(vector(&wat, &[a(), b(), Val::I32(condition)]), bytes_from(expected));
            }
        }
    }
    let wat = "(module (func (export \"f\") (param v128) (result v128)
        (select (v128.const i64x2 3 4) (local.get 0) (i32.const 1))))";
    assert_eq!(vector(wat, &[a()]), (4u128 << 64 | 3).into());
}

#[test]
fn branches_carry_vectors_past_other_operands() {
    let wat = "(module (func (export \"f\") (param v128 v128 i32) (result v128)
        (i32.const 1)
        (block $out (result v128 i32)
            (i64.const 5)
            (v128.const i64x2 0 0)
            (local.get 0)
            (i32.const 9)
            (br_if $out (local.get 2))
            (drop) (drop) (drop) (drop)
            (local.get 1)
            (i32.const 8))
        (drop)
        (local.set 0)
        (drop)
        (local.get 0)))";
    assert_eq!(vector(wat, &[a(), b(), Val::I32(1)]), bytes_from(A));
    assert_eq!(vector(wat, &[a(), b(), Val::I32(0)]), bytes_from(B));

    let wat = "(module (func (export \"f\") (param v128 v128 i32) (result v128)
        (block $two (result v128)
            (block $one (result v128)
                (local.get 0)
                (br_table $one $two (local.get 2)))
            (drop)
            (local.get 1))))";
    assert_eq!(vector(wat, &[a(), b(), Val::I32(0)]), bytes_from(B));
    assert_eq!(vector(wat, &[a(), b(), Val::I32(1)]), bytes_from(A));
}

#[test]
fn blocks_and_loops_take_vectors() {
    // Rotates the three vectors as often as the parameter says.
    let wat = "(module (func (export \"f\") (param i32) (result v128)
        (local $x v128) (local $y v128) (local $z v128)
        (v128.const i64x2 1 1) (v128.const i64x2 2 2) (v128.const i64x2 3 3)
        (loop $again (param v128 v128 v128) (result v128 v128 v128)
            (local.set $z) (local.set $y) (local.set $x)
            (local.get $y) (local.get $z) (local.get $x)
            (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (drop) (drop)))";
    for (turns, expected) in [(1, 2), (2, 3), (3, 1)] {
        let expected: u128 = expected;
        assert_eq!(vector(wat, &[Val::I32(turns)]), (expected << 64 | expected).into());
    }
    let wat = "(module (func (export \"f\") (param v128 i32) (result v128)
        (local.get 0)
        (if (param v128) (result v128) (local.get 1)
            (then)
            (else (drop) (v128.const i64x2 7 7)))))";
    assert_eq!(vector(wat, &[a(), Val::I32(1)]), bytes_from(A));
    assert_eq!(vector(wat, &[a(), Val::I32(0)]), (7u128 << 64 | 7).into());
}

#[test]
fn calls_pass_vectors() {
    let wat = "(module
        (type $swap (func (param v128 i32 v128) (result v128 i32 v128)))
        (table funcref (elem $swap))
        (func $swap (type $swap) (local.get 2) (local.get 1) (local.get 0))
        (func $again (type $swap)
            (return_call_indirect (type $swap)
                (local.get 2) (local.get 1) (local.get 0) (i32.const 0)))
        (func $first (param v128 v128) (result v128) (local.get 0))
        (func $tail (param v128 v128) (result v128)
            (return_call $first (local.get 1) (local.get 0)))
        (func (export \"f\") (param v128 v128) (result v128)
            (local i32)
            (call $swap (local.get 0) (i32.const 5) (local.get 1))
            (call_indirect (type $swap) (i32.const 0))
            (call $again)
            (local.set 1) (local.set 2) (local.set 0)
            (call $first (call $tail (local.get 0) (local.get 1)) (local.get 0))))";
    assert_eq!(vector(wat, &[a(), b()]), bytes_from(B));
}

#[test]
fn globals_hold_vectors() {
    let mut store = Store::new(&Engine::default(), ());
    let ty = GlobalType::new(ValType::V128, Mutability::Var);
    let shared = Global::new(&mut store, ty, a()).unwrap();
    let wat = "(module
        (import \"host\" \"shared\" (global $shared (mut v128)))
        (import \"host\" \"first\" (global $first v128))
        (global $own (export \"own\") (mut v128) (global.get $first))
        (global $constant v128 (v128.const i64x2 1 2))
        (global $after (mut i32) (i32.const 9))
        (func (export \"f\") (result v128 i32)
            (global.get $own)
            (global.set $own (global.get $shared))
            (drop)
            (global.set $shared (global.get $constant))
            (global.get $own)
            (global.get $after)))";
    let module = Module::new(store.engine(), wat).unwrap();
    let ty = GlobalType::new(ValType::V128, Mutability::Const);
    let first = Global::new(&mut store, ty, b()).unwrap();
    let imports = [shared.into(), first.into()];
    let instance = Instance::new(&mut store, &module, &imports).unwrap();
    let own = instance.get_global(&store, "own").unwrap();
    assert_eq!(own.get(&store).v128(), Some(bytes_from(B)));
    let func = instance.get_typed_func::<(), (V128, i32)>(&store, "f").unwrap();
    assert_eq!(func.call(&mut store, ()).unwrap(), (bytes_from(A), 9));
    assert_eq!(shared.get(&mut store).v128(), Some((2u128 << 64 | 1).into()));
    shared.set(&mut store, b()).unwrap();
    assert!(shared.set(&mut store, Val::I64(1)).is_err());
    assert_eq!(func.call(&mut store, ()).unwrap(), (bytes_from(B), 9));
    assert_eq!(own.get(&store).v128(), Some(bytes_from(B)));
}

#[test]
fn host_functions_take_and_give_vectors() {
    let engine = Engine::default();
    let mut linker = Linker::<u32>::new(&engine);
    let swap = |mut caller: Caller<'_, u32>, x: i32, v: V128, y: f64| {
        *caller.data_mut() += 1;
        (y, V128::from(!v.as_u128()), x)
    };
    linker.func_wrap("host", "typed", swap).unwrap();
    let ty = FuncType::new(
        &engine,
        [ValType::I32, ValType::V128, ValType::F64],
        [ValType::F64, ValType::V128, ValType::I32],
    );
    let untyped = |_: Caller<'_, u32>, params: &[Val], results: &mut [Val]| -> Result<()> {
        assert_eq!(results[1].v128(), Some(0.into()));
        results[0] = params[2];
        results[1] = Val::V128((!params[1].unwrap_v128().as_u128()).into());
        results[2] = params[0];
        Ok(())
    };
    linker.func_new("host", "untyped", ty, untyped).unwrap();
    for import in ["typed", "untyped"] {
        let wat = format!(
            "(module
                (import \"host\" \"{import}\"
                    (func $swap (param i32 v128 f64) (result f64 v128 i32)))
                (func (export \"f\") (param v128) (result v128) (local i32 f64)
                    (call $swap (i32.const 3) (local.get 0) (f64.const 4))
                    (local.set 1)
                    (local.set 0)
                    (local.set 2)
                    (call $swap (local.get 1) (local.get 0) (local.get 2))
                    (if (i32.ne (i32.const 3)) (then (unreachable)))
                    (local.set 0)
                    (if (f64.ne (f64.const 4)) (then (unreachable)))
                    (local.get 0)))"
        );
        let module = Module::new(&engine, wat).unwrap();
        let mut store = Store::new(&engine, 0);
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let func = instance.get_typed_func::<V128, V128>(&store, "f").unwrap();
        assert_eq!(func.call(&mut store, bytes_from(A)).unwrap(), bytes_from(A));
        assert_eq!(*store.data(), if import == "typed" { 2 } else { 0 });
        let asked = instance.get_typed_func::<i64, V128>(&store, "f").unwrap_err();
        assert!(format!("{asked:#}").contains("v128"), "{asked:#}");
    }
}

#[test]
fn instances_call_each_other_with_vectors() {
    let mut store = Store::new(&Engine::default(), ());
    let callee = instance(
        &mut store,
        "(module (func (export \"second\") (param i32 v128 v128) (result v128)
            (local v128)
            (local.set 3 (local.get 2))
            (local.get 3)))",
    );
    let second = callee.get_func(&store, "second").unwrap();
    let wat = "(module
        (import \"\" \"second\" (func $second (param i32 v128 v128) (result v128)))
        (func (export \"f\") (param v128 v128) (result v128)
            (call $second (i32.const 0) (local.get 1) (local.get 0))))";
    let module = Module::new(store.engine(), wat).unwrap();
    let caller = Instance::new(&mut store, &module, &[Extern::Func(second)]).unwrap();
    let func: Func = caller.get_func(&store, "f").unwrap();
    let func = func.typed::<(V128, V128), V128>(&store).unwrap();
    let args = (bytes_from(A), bytes_from(B));
    assert_eq!(func.call(&mut store, args).unwrap(), bytes_from(A));
}

/// The most locals that validation allows: more slots than 16 bits can number.
#[test]
fn a_frame_may_be_full_of_vectors() {
    let locals = "v128 ".repeat(49_990);
    let wat = format!(
        "(module
        (func $id (param v128 i32) (result v128 i32) (local.get 0) (local.get 1))
        (func (export \"f\") (param v128 v128 i32) (result v128 v128 v128 i32)
            (local i32) (local {locals})
            (local.set 4 (local.get 0))
            (local.set 40000 (local.get 1))
            (local.set 49993 (local.get 40000))
            (local.set 3 (i32.add (local.get 2) (i32.const 1)))
            (local.get 49992)
            (select (local.get 40000) (local.get 4) (local.get 2))
            (call $id (local.get 49993) (local.get 3))
            (local.set 3)
            (local.set 5)
            (local.get 5)
            (local.get 3)))"
    );
    let mut types = [const { ValType::V128 }; 4];
    types[3] = ValType::I32;
    for (condition, chosen) in [(0, A), (1, B)] {
        let found = call(&wat, &[a(), b(), Val::I32(condition)], &types);
        assert_eq!(found[0].v128(), Some(0.into()));
        assert_eq!(found[1].v128(), Some(bytes_from(chosen)));
        assert_eq!(found[2].v128(), Some(bytes_from(B)));
        assert_eq!(found[3].i32(), Some(condition + 1));
    }
}

#[test]
fn exceptions_carry_vectors() {
    let wat = "(module
        (tag $e (param i32 v128 i64 v128))
        (func $thrower (param v128 v128)
            (throw $e (i32.const 1) (local.get 0) (i64.const 2) (local.get 1)))
        (func (export \"f\") (param v128 v128) (result v128 v128 i64) (local i64)
            (block $caught (result i32 v128 i64 v128)
                (v128.const i64x2 0 0)
                (try_table (catch $e $caught) (call $thrower (local.get 1) (local.get 0)))
                (unreachable))
            (local.set 0)
            (local.set 2)
            (local.set 1)
            (drop)
            (local.get 0) (local.get 1) (local.get 2)))";
    let found = call(wat, &[a(), b()], &[ValType::V128, ValType::V128, ValType::I64]);
    assert_eq!(found[0].v128(), Some(bytes_from(A)));
    assert_eq!(found[1].v128(), Some(bytes_from(B)));
    assert_eq!(found[2].i64(), Some(2));
}

#[test]
fn structs_and_arrays_hold_vectors() {
    let wat = "(module
        (type $pair (struct (field i32) (field (mut v128)) (field i8) (field v128)))
        (type $list (array (mut v128)))
        (func (export \"f\") (param v128 v128) (result v128 v128 v128 i32)
            (local $pair (ref null $pair)) (local $list (ref null $list))
            (local.set $pair
                (struct.new $pair (i32.const 5) (local.get 0) (i32.const 6) (local.get 1)))
            (local.set $list (array.new $list (local.get 0) (i32.const 3)))
            (array.set $list (local.get $list) (i32.const 1)
                (struct.get $pair 3 (local.get $pair)))
            (struct.set $pair 1 (local.get $pair) (v128.const i64x2 7 8))
            (array.get $list (local.get $list) (i32.const 2))
            (array.get $list (local.get $list) (i32.const 1))
            (struct.get $pair 1 (local.get $pair))
            (struct.get_s $pair 2 (local.get $pair))))";
    let types = [ValType::V128, ValType::V128, ValType::V128, ValType::I32];
    let found = call(wat, &[a(), b()], &types);
    assert_eq!(found[0].v128(), Some(bytes_from(A)));
    assert_eq!(found[1].v128(), Some(bytes_from(B)));
    assert_eq!(found[2].v128(), Some((8u128 << 64 | 7).into()));
    assert_eq!(found[3].i32(), Some(6));
}
