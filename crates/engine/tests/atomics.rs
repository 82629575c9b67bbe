//! Every atomic instruction on every kind of memory, against plain arithmetic; and every load and
//! store on a shared memory, against one that is not shared.

use lineal::{Config, Engine, Instance, Module, Store, Trap, Val};

/// How memories are declared, with their index and the type of their addresses.
const MEMORIES: [(&str, u32, &str); 6] = [
    ("(memory 1 1)", 0, "i32"),
    ("(memory 1 1 shared)", 0, "i32"),
    ("(memory i64 1 1)", 0, "i64"),
    ("(memory i64 1 1 shared)", 0, "i64"),
    ("(memory 3) (memory 1 1 shared)", 1, "i32"),
    ("(memory 3) (memory 65536 65536 shared (pagesize 1))", 1, "i32"),
];

/// Type and width in bits of the accesses, with what comes after the name if it is narrow.
const WIDTHS: [(&str, u32); 7] =
    [("i32", 8), ("i32", 16), ("i32", 32), ("i64", 8), ("i64", 16), ("i64", 32), ("i64", 64)];

struct Guest {
    store: Store<()>,
    instance: Instance,
    wide_addresses: bool,
}

impl Guest {
    /// A module with a function `op` that passes its parameters to an instruction, and with
    /// `peek` and `poke` for 8 bytes anywhere.
    fn new(memory: (&str, u32, &str), instruction: &str, params: &str, result: &str) -> Guest {
        let (declaration, index, addr) = memory;
        let count = params.split_whitespace().count();
        let gets: String = (0..=count).map(|at| format!("(local.get {at})")).collect();
        let wat = format!(
            r#"(module {declaration}
            (func (export "op") (param {addr} {params}) (result {result})
                ({instruction} {gets}))
            (func (export "peek") (param {addr}) (result i64) (i64.load {index} (local.get 0)))
            (func (export "poke") (param {addr} i64)
                (i64.store {index} (local.get 0) (local.get 1))))"#
        );
        Guest::of(&wat, addr)
    }

    fn of(wat: &str, addr: &str) -> Guest {
        let engine = Engine::new(Config::new().wasm_custom_page_sizes(true)).unwrap();
        let module = Module::new(&engine, wat).unwrap_or_else(|error| panic!("{wat}: {error:#}"));
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        Guest { store, instance, wide_addresses: addr == "i64" }
    }

    fn call(&mut self, name: &str, addr: u64, operands: &[Val]) -> Result<Option<u64>, Trap> {
        let addr = if self.wide_addresses { Val::I64(addr as i64) } else { Val::I32(addr as i32) };
        let args = [&[addr], operands].concat();
        let func = self.instance.get_func(&self.store, name).unwrap();
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        func.call(&mut self.store, &args, &mut results)
            .map_err(|error| *error.downcast_ref::<Trap>().unwrap())?;
        Ok(results.first().map(|result| match result {
            Val::I32(bits) => u64::from(*bits as u32),
            Val::I64(bits) => *bits as u64,
            Val::F32(bits) => u64::from(*bits),
            Val::F64(bits) => *bits,
            other => panic!("{other:?}"),
        }))
    }

    fn peek(&mut self, addr: u64) -> u64 {
        self.call("peek", addr, &[]).unwrap().unwrap()
    }

    fn poke(&mut self, addr: u64, bits: u64) {
        self.call("poke", addr, &[Val::I64(bits as i64)]).unwrap();
    }
}

fn value(ty: &str, bits: u64) -> Val {
    match ty {
        "i32" => Val::I32(bits as i32),
        "i64" => Val::I64(bits as i64),
        "f32" => Val::F32(bits as u32),
        _ => Val::F64(bits),
    }
}

/// Checks one instruction at one width; `compute` makes the new number from the old one and the
/// operands, all as wide as the access.
fn check(
    memory: (&str, u32, &str),
    (ty, bits): (&str, u32),
    (stem, suffix): (&str, &str),
    operands: &[u64],
    has_result: bool,
    compute: impl Fn(u64, &[u64]) -> u64,
) {
    let is_narrow = !matches!((ty, bits), ("i32", 32) | ("i64", 64));
    let (width, suffix) = if is_narrow { (bits.to_string(), suffix) } else { (String::new(), "") };
    let name = format!("{ty}.atomic.{}{suffix}", stem.replace('#', &width));
    let params = vec![ty; operands.len()].join(" ");
    let instruction = format!("{name} {} offset=8", memory.1);
    let mut guest = Guest::new(memory, &instruction, &params, if has_result { ty } else { "" });
    let mask = u64::MAX >> (64 - bits);
    let bytes = u64::from(bits / 8);
    let arguments: Vec<Val> = operands.iter().map(|&bits| value(ty, bits)).collect();

    for ea in [8, 8 + bytes, 65_536 - 8, 65_536 - bytes] {
        let aligned = ea / 8 * 8;
        let before = 0x1122_3344_85a6_c7e8;
        guest.poke(aligned, before);
        let shift = 8 * (ea % 8);
        let old = before >> shift & mask;
        let wrapped: Vec<u64> = operands.iter().map(|bits| bits & mask).collect();
        let new = compute(old, &wrapped) & mask;
        let result = guest.call("op", ea - 8, &arguments);
        assert_eq!(result, Ok(has_result.then_some(old)), "{name} in {} at {ea}", memory.0);
        let after = before & !(mask << shift) | new << shift;
        assert_eq!(guest.peek(aligned), after, "{name} in {} at {ea}", memory.0);
    }
    // What is out of bounds or not aligned changes nothing.
    guest.poke(65_528, 7);
    let out = guest.call("op", 65_536 - 8, &arguments);
    assert_eq!(out, Err(Trap::MemoryOutOfBounds), "{name} in {}", memory.0);
    if bytes > 1 {
        let unaligned = guest.call("op", 65_536 - 8 - bytes + 1, &arguments);
        assert_eq!(unaligned, Err(Trap::HeapMisaligned), "{name} in {}", memory.0);
    }
    let wrapping = if memory.2 == "i64" { u64::MAX - 7 } else { 0xffff_fff8 };
    assert_eq!(guest.call("op", wrapping, &arguments), Err(Trap::MemoryOutOfBounds));
    assert_eq!(guest.peek(65_528), 7);
}

#[test]
fn loads_and_stores() {
    for memory in MEMORIES {
        for width in WIDTHS {
            check(memory, width, ("load#", "_u"), &[], true, |old, _| old);
            let operand = [0xfedc_ba98_7654_3210];
            check(memory, width, ("store#", ""), &operand, false, |_, new| new[0]);
        }
    }
}

#[test]
fn read_modify_writes() {
    type Compute = fn(u64, u64) -> u64;
    let operations: [(&str, Compute); 6] = [
        ("add", u64::wrapping_add),
        ("sub", u64::wrapping_sub),
        ("and", |old, operand| old & operand),
        ("or", |old, operand| old | operand),
        ("xor", |old, operand| old ^ operand),
        ("xchg", |_, operand| operand),
    ];
    for memory in MEMORIES {
        for width in WIDTHS {
            for (name, compute) in operations {
                for operand in [1, 0x8000_0000_8000_8080, 0xf0e1_d2c3_b4a5_9687] {
                    let stem = format!("rmw#.{name}");
                    check(memory, width, (&stem, "_u"), &[operand], true, |old, operands| {
                        compute(old, operands[0])
                    });
                }
            }
        }
    }
}

#[test]
fn compare_exchanges() {
    // Numbers that are there, in the low bytes of wider ones, and one that is not.
    let expected = [0xffff_ffff_ffff_ffe8, 0xc7e8, 0x85a6_c7e8, 0x1122_3344_85a6_c7e8, 5];
    for memory in MEMORIES {
        for width in WIDTHS {
            for expected in expected {
                let operands = [expected, 0x0102_0304_0506_0708];
                check(memory, width, ("rmw#.cmpxchg", "_u"), &operands, true, |old, operands| {
                    if old == operands[0] { operands[1] } else { old }
                });
            }
        }
    }
}

#[test]
fn plain_accesses_to_shared_memories() {
    let loads = [
        ("i32.load", "i32"),
        ("i64.load", "i64"),
        ("f32.load", "f32"),
        ("f64.load", "f64"),
        ("i32.load8_s", "i32"),
        ("i32.load8_u", "i32"),
        ("i32.load16_s", "i32"),
        ("i32.load16_u", "i32"),
        ("i64.load8_s", "i64"),
        ("i64.load8_u", "i64"),
        ("i64.load16_s", "i64"),
        ("i64.load16_u", "i64"),
        ("i64.load32_s", "i64"),
        ("i64.load32_u", "i64"),
    ];
    let stores = [
        ("i32.store", "i32"),
        ("i64.store", "i64"),
        ("f32.store", "f32"),
        ("f64.store", "f64"),
        ("i32.store8", "i32"),
        ("i32.store16", "i32"),
        ("i64.store8", "i64"),
        ("i64.store16", "i64"),
        ("i64.store32", "i64"),
    ];
    let addresses = (0..20).chain(65_500..65_540).chain([0xffff_fff0, 0xffff_ffff]);
    let all = loads.map(|load| (load, true)).into_iter().chain(stores.map(|store| (store, false)));
    for ((name, ty), is_load) in all {
        let (params, result) = if is_load { ("", ty) } else { (ty, "") };
        for memory in &MEMORIES[1..] {
            let guest = |memory: (&str, u32, &str)| {
                let instruction = format!("{name} {} offset=3", memory.1);
                let mut guest = Guest::new(memory, &instruction, params, result);
                for addr in [0, 8, 16, 65_512, 65_520, 65_528] {
                    guest.poke(addr, 0x8192_a3b4_c5d6_e7f8_u64.rotate_left(addr as u32));
                }
                guest
            };
            let (mut shared, mut own) = (guest(*memory), guest(MEMORIES[0]));
            for addr in addresses.clone() {
                let operand = [value(ty, 0x0011_2233_4455_6677_u64.wrapping_mul(addr + 1))];
                let operands = if is_load { &[][..] } else { &operand };
                let expected = own.call("op", addr, operands);
                let found = shared.call("op", addr, operands);
                assert_eq!(found, expected, "{name} in {} at {addr}", memory.0);
            }
            for addr in (0..24).step_by(8).chain((65_496..65_536).step_by(8)) {
                assert_eq!(shared.peek(addr), own.peek(addr), "{name} in {} at {addr}", memory.0);
            }
        }
    }
}

#[test]
fn vector_accesses_to_shared_memories() {
    let vector = "(i64x2.splat (i64.const 0x1122334455667788))";
    let loads = [
        "v128.load",
        "v128.load8x8_s",
        "v128.load32x2_u",
        "v128.load8_splat",
        "v128.load64_splat",
        "v128.load32_zero",
        "v128.load16_lane",
    ];
    let stores = ["v128.store", "v128.store8_lane", "v128.store64_lane"];
    let call = |memory: (&str, u32, &str), instruction: &str| {
        let (declaration, index, addr) = memory;
        let (lane, operand) = if instruction.ends_with("_lane") {
            ("1", vector)
        } else {
            ("", if instruction == "v128.store" { vector } else { "" })
        };
        let access = format!("({instruction} {index} offset=3 {lane} (local.get 0) {operand})");
        let body = if instruction.contains("load") {
            format!(
                "(local $v v128) (local.set $v {access})
                (i64.xor (i64x2.extract_lane 0 (local.get $v))
                    (i64.mul (i64.const 3) (i64x2.extract_lane 1 (local.get $v))))"
            )
        } else {
            format!("{access} (i64.const 0)")
        };
        let wat = format!(
            r#"(module {declaration} (func (export "op") (param {addr}) (result i64) {body})
            (func (export "peek") (param {addr}) (result i64) (i64.load {index} (local.get 0)))
            (func (export "poke") (param {addr} i64)
                (i64.store {index} (local.get 0) (local.get 1))))"#
        );
        let mut guest = Guest::of(&wat, addr);
        for addr in [0, 8, 16, 24, 65_512, 65_520, 65_528] {
            guest.poke(addr, 0x8192_a3b4_c5d6_e7f8_u64.rotate_left(addr as u32));
        }
        let addresses = (0..10).chain(65_510..65_540).chain([0xffff_fff8]);
        let results: Vec<_> = addresses.map(|addr| guest.call("op", addr, &[])).collect();
        let after = [0, 8, 16, 24, 65_512, 65_520, 65_528].map(|addr| guest.peek(addr));
        (results, after)
    };
    for instruction in loads.into_iter().chain(stores) {
        let expected = call(MEMORIES[0], instruction);
        for memory in &MEMORIES[1..] {
            assert_eq!(call(*memory, instruction), expected, "{instruction} in {}", memory.0);
        }
    }
}

#[test]
fn fences_do_nothing_alone() {
    let wat = r#"(module (func (export "op") (param i32) (result i32)
        (i32.add (local.get 0) (atomic.fence) (i32.const 1))))"#;
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let module = Module::new(&engine, wat).unwrap();
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let op = instance.get_typed_func::<i32, i32>(&store, "op").unwrap();
    assert_eq!(op.call(&mut store, 4).unwrap(), 5);
}
