//! Canonical NaNs, when the configuration asks for them.

use lineal::{Config, Engine, Instance, Module, Store, V128};

/// A module with a function for each instruction that can result in a NaN, from any operands.
fn module(ty: &str) -> String {
    let other = if ty == "f32" { "f64" } else { "f32" };
    let convert = if ty == "f32" { "f32.demote_f64" } else { "f64.promote_f32" };
    let int = if ty == "f32" { "i32" } else { "i64" };
    let other_int = if ty == "f32" { "i64" } else { "i32" };
    let mut wat = String::from("(module ");
    for op in ["add", "sub", "mul", "div", "min", "max"] {
        wat += &format!(
            "(func (export \"{op}\") (param {int} {int}) (result {int})
                ({int}.reinterpret_{ty} ({ty}.{op}
                    ({ty}.reinterpret_{int} (local.get 0)) ({ty}.reinterpret_{int} (local.get 1)))))"
        );
    }
    for op in ["sqrt", "ceil", "floor", "trunc", "nearest", "abs", "neg"] {
        wat += &format!(
            "(func (export \"{op}\") (param {int} {int}) (result {int})
                ({int}.reinterpret_{ty} ({ty}.{op} ({ty}.reinterpret_{int} (local.get 0)))))"
        );
    }
    wat += &format!(
        "(func (export \"convert\") (param {other_int}) (result {int})
            ({int}.reinterpret_{ty} ({convert} ({other}.reinterpret_{other_int} (local.get 0)))))"
    );
    wat + ")"
}

fn instantiate(wat: &str, canonical: bool) -> (Store<()>, Instance) {
    let engine = Engine::new(Config::new().canonicalize_nans(canonical)).unwrap();
    let module = Module::new(&engine, wat).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    (store, instance)
}

const ODD_F32: [u32; 4] = [0xffc0_0000, 0x7fc0_1234, 0xffff_ffff, 0x7f80_0001];
const ODD_F64: [u64; 4] = [0xfff8 << 48, 0x7ff8_0000_0000_1234, u64::MAX, 0x7ff0_0000_0000_0001];

#[test]
fn every_nan_that_arithmetic_makes_is_canonical() {
    let (mut store, instance) = instantiate(&module("f32"), true);
    for op in
        ["add", "sub", "mul", "div", "min", "max", "sqrt", "ceil", "floor", "trunc", "nearest"]
    {
        let op = instance.get_typed_func::<(u32, u32), u32>(&store, op).unwrap();
        for nan in ODD_F32 {
            assert_eq!(op.call(&mut store, (nan, 0x3f80_0000)).unwrap(), 0x7fc0_0000);
            assert_eq!(op.call(&mut store, (nan, nan)).unwrap(), 0x7fc0_0000);
        }
    }
    let convert = instance.get_typed_func::<u64, u32>(&store, "convert").unwrap();
    for nan in ODD_F64 {
        assert_eq!(convert.call(&mut store, nan).unwrap(), 0x7fc0_0000);
    }
    let (mut store, instance) = instantiate(&module("f64"), true);
    for op in
        ["add", "sub", "mul", "div", "min", "max", "sqrt", "ceil", "floor", "trunc", "nearest"]
    {
        let op = instance.get_typed_func::<(u64, u64), u64>(&store, op).unwrap();
        for nan in ODD_F64 {
            assert_eq!(op.call(&mut store, (nan, 1)).unwrap(), 0x7ff8 << 48);
            assert_eq!(op.call(&mut store, (nan, nan)).unwrap(), 0x7ff8 << 48);
        }
    }
    let convert = instance.get_typed_func::<u32, u64>(&store, "convert").unwrap();
    for nan in ODD_F32 {
        assert_eq!(convert.call(&mut store, nan).unwrap(), 0x7ff8 << 48);
    }
}

#[test]
fn numbers_and_sign_operations_are_as_ever() {
    for canonical in [false, true] {
        let (mut store, instance) = instantiate(&module("f32"), canonical);
        let add = instance.get_typed_func::<(u32, u32), u32>(&store, "add").unwrap();
        let sum = add.call(&mut store, (1.5_f32.to_bits(), 2.25_f32.to_bits())).unwrap();
        assert_eq!(f32::from_bits(sum), 3.75);
        // `abs` and `neg` only change the sign, of NaNs too.
        let abs = instance.get_typed_func::<(u32, u32), u32>(&store, "abs").unwrap();
        assert_eq!(abs.call(&mut store, (0xffff_ffff, 0)).unwrap(), 0x7fff_ffff);
        let neg = instance.get_typed_func::<(u32, u32), u32>(&store, "neg").unwrap();
        assert_eq!(neg.call(&mut store, (0x7fc0_1234, 0)).unwrap(), 0xffc0_1234);
    }
}

#[test]
fn lanes_of_vectors_are_canonical_too() {
    for (shape, canonical, odd, lane_bits) in [
        ("f32x4", 0x7fc0_0000_u128, ODD_F32.map(u128::from), 32),
        ("f64x2", 0x7ff8 << 48, ODD_F64.map(u128::from), 64),
    ] {
        let lanes =
            |lane: u128| (0..128 / lane_bits).map(|n| lane << (n * lane_bits)).sum::<u128>();
        let mut wat = String::from("(module ");
        let unary = ["sqrt", "ceil", "floor", "trunc", "nearest", "abs"];
        let binary = ["add", "sub", "mul", "div", "min", "max", "relaxed_min", "relaxed_max"];
        let ternary = ["relaxed_madd", "relaxed_nmadd"];
        for (ops, operands) in [(&unary[..], 1), (&binary, 2), (&ternary, 3)] {
            let operands = "(local.get 0)".repeat(operands);
            for op in ops {
                wat += &format!("(func (export \"{op}\") (param v128) (result v128)");
                wat += &format!("({shape}.{op} {operands}))");
            }
        }
        let (mut store, instance) = instantiate(&(wat + ")"), true);
        let mut call = |op: &str, lane| {
            let op = instance.get_typed_func::<V128, V128>(&store, op).unwrap();
            op.call(&mut store, lanes(lane).into()).unwrap().as_u128()
        };
        for op in unary[..5].iter().chain(&binary).chain(&ternary) {
            for nan in odd {
                assert_eq!(call(op, nan), lanes(canonical), "{shape}.{op}");
            }
        }
        let sign = 1 << (lane_bits - 1);
        assert_eq!(call("abs", odd[2]), lanes(odd[2] & !sign));
    }
}
