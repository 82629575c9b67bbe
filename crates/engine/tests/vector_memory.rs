//! Vector loads and stores of every form, at the first and the last place of every kind of memory
//! and one beyond, with every way in which an address can come about.

use lineal::{Config, Engine, Instance, Memory, Module, Store, Trap, V128, Val};

/// A memory: its declaration, its index, and the type of its addresses.
const MEMORIES: [(&str, u32, &str); 4] = [
    ("(memory $m (export \"m\") 1)", 0, "i32"),
    ("(memory $m (export \"m\") i64 1)", 0, "i64"),
    ("(memory 1) (memory $m (export \"m\") 1)", 1, "i32"),
    ("(memory $m (export \"m\") 1001 (pagesize 1))", 0, "i32"),
];

/// Address expressions for the address in local 0, by the type of addresses. Each is right when
/// the access has the offset, and the global `$k` is 3.
const ADDRESSES: [(&str, &str); 7] = [
    ("", "(local.get 0)"),
    ("offset=7", "(T.sub (local.get 0) (T.const 7))"),
    ("", "(T.add (T.sub (local.get 0) (T.const 5)) (T.const 5))"),
    ("offset=3", "(T.sub (local.get 0) (global.get $k))"),
    ("", "(T.add (T.mul (local.get 0) (T.const 2)) (T.sub (T.const 0) (local.get 0)))"),
    ("", "(T.add (local.get 0) (local.get 2))"),
    ("", "(call $same (local.get 0))"),
];

struct Guest {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
}

impl Guest {
    /// An instance whose export `f` takes an address and a vector, and results in one.
    fn new(memory: (&str, u32, &str), body: &str) -> Guest {
        let (declaration, _, ty) = memory;
        let wat = format!(
            "(module {declaration}
                (global $k (mut T) (T.const 3))
                (func $same (param T) (result T) (local.get 0))
                (func (export \"f\") (param T v128) (result v128) (local T) {body}))"
        )
        .replace('T', ty);
        let engine = Engine::new(Config::new().wasm_custom_page_sizes(true)).unwrap();
        let module = Module::new(&engine, &wat).unwrap_or_else(|error| panic!("{error}: {wat}"));
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let memory = instance.get_memory(&store, "m").unwrap();
        for (index, byte) in memory.data_mut(&mut store).iter_mut().enumerate() {
            *byte = (index * 31 + 7) as u8 | 1;
        }
        Guest { store, instance, memory }
    }

    fn call(&mut self, addr: u64, vector: [u8; 16]) -> Result<[u8; 16], Trap> {
        let func = self.instance.get_func(&self.store, "f").unwrap();
        let is_64 = func.ty(&self.store).param(0) == Some(lineal::ValType::I64);
        let addr = if is_64 { Val::I64(addr as i64) } else { Val::I32(addr as i32) };
        let vector = Val::V128(u128::from_le_bytes(vector).into());
        let mut results = [Val::I32(0)];
        match func.call(&mut self.store, &[addr, vector], &mut results) {
            Ok(()) => Ok(results[0].unwrap_v128().as_u128().to_le_bytes()),
            Err(error) => Err(*error.downcast_ref().expect("a trap")),
        }
    }
}

const VECTOR: [u8; 16] = *b"a vector of 16 b";

/// Runs a body that accesses `width` bytes at all edges; `check` sees the bytes there before, the
/// bytes after, and the result.
fn at_edges(
    memory: (&str, u32, &str),
    body: &str,
    width: usize,
    check: impl Fn(&[u8], &[u8], [u8; 16]),
) {
    let mut guest = Guest::new(memory, body);
    let len = guest.memory.data(&guest.store).len();
    for addr in [7, 100, len - width] {
        let before = guest.memory.data(&guest.store)[addr..addr + width].to_vec();
        let result =
            guest.call(addr as u64, VECTOR).unwrap_or_else(|trap| panic!("{trap}: {body}"));
        check(&before, &guest.memory.data(&guest.store)[addr..addr + width], result);
    }
    let before = guest.memory.data(&guest.store).to_vec();
    for addr in [len - width + 1, len, len + 1] {
        assert_eq!(guest.call(addr as u64, VECTOR), Err(Trap::MemoryOutOfBounds), "{body}");
    }
    let far = if memory.2 == "i64" { u64::MAX } else { u64::from(u32::MAX) };
    // Addresses beyond are reached by wrapping sums in some forms, but not by this one.
    if !body.contains(".sub") {
        assert_eq!(guest.call(far, VECTOR), Err(Trap::MemoryOutOfBounds), "{body}");
    }
    assert!(guest.memory.data(&guest.store) == before, "a trapping store wrote: {body}");
}

/// Calls with every kind of memory and address, the latter as text with the memory's name and
/// the offset before the immediates.
fn everywhere(test: impl Fn((&str, u32, &str), &str, &str)) {
    for memory in MEMORIES {
        for (offset, address) in ADDRESSES {
            test(memory, &format!("$m {offset}"), address);
        }
    }
}

/// Lanes of `narrow` bytes widened to twice that.
fn widened(bytes: &[u8], narrow: usize, signed: bool) -> Vec<u8> {
    let mut wide = Vec::new();
    for lane in bytes.chunks(narrow) {
        let fill = if signed && lane[narrow - 1] >= 0x80 { 0xff } else { 0 };
        wide.extend_from_slice(lane);
        wide.extend(std::iter::repeat_n(fill, narrow));
    }
    wide
}

#[test]
fn whole_loads() {
    type Expected = fn(&[u8]) -> Vec<u8>;
    let loads: [(&str, usize, Expected); 13] = [
        ("load", 16, |bytes| bytes.to_vec()),
        ("load8x8_s", 8, |bytes| widened(bytes, 1, true)),
        ("load8x8_u", 8, |bytes| widened(bytes, 1, false)),
        ("load16x4_s", 8, |bytes| widened(bytes, 2, true)),
        ("load16x4_u", 8, |bytes| widened(bytes, 2, false)),
        ("load32x2_s", 8, |bytes| widened(bytes, 4, true)),
        ("load32x2_u", 8, |bytes| widened(bytes, 4, false)),
        ("load8_splat", 1, |bytes| bytes.repeat(16)),
        ("load16_splat", 2, |bytes| bytes.repeat(8)),
        ("load32_splat", 4, |bytes| bytes.repeat(4)),
        ("load64_splat", 8, |bytes| bytes.repeat(2)),
        ("load32_zero", 4, |bytes| [bytes, &[0; 12]].concat()),
        ("load64_zero", 8, |bytes| [bytes, &[0; 8]].concat()),
    ];
    everywhere(|memory, immediates, address| {
        for (name, width, expected) in loads {
            let load = format!("(v128.{name} {immediates} {address})");
            // Into a temporary, into a local, and in a loop, where locals are pinned.
            for body in [
                load.clone(),
                format!("(local.set 1 {load}) (local.get 1)"),
                format!(
                    "(loop $l (local.set 1 {load}) (br_if $l (T.ne (local.get 2) (local.get 2))))
                    (local.get 1)"
                ),
            ] {
                at_edges(memory, &body, width, |before, _, result| {
                    assert_eq!(result[..], expected(before), "{body}");
                });
            }
        }
    });
}

#[test]
fn whole_stores() {
    everywhere(|memory, immediates, address| {
        for value in ["(local.get 1)", "(v128.not (v128.not (local.get 1)))"] {
            let body = format!("(v128.store {immediates} {address} {value}) (local.get 1)");
            at_edges(memory, &body, 16, |_, after, result| {
                assert_eq!(after, VECTOR, "{body}");
                assert_eq!(result, VECTOR, "{body}");
            });
        }
    });
}

#[test]
fn single_lanes() {
    everywhere(|memory, immediates, address| {
        for width in [1, 2, 4, 8] {
            for lane in [0, 1, 16 / width - 1] {
                let bits = 8 * width;
                let place = lane * width..(lane + 1) * width;
                let load =
                    format!("(v128.load{bits}_lane {immediates} {lane} {address} (local.get 1))");
                at_edges(memory, &load, width, |before, _, result| {
                    let mut expected = VECTOR;
                    expected[place.clone()].copy_from_slice(before);
                    assert_eq!(result, expected, "{load}");
                });
                let store = format!(
                    "(v128.store{bits}_lane {immediates} {lane} {address} (local.get 1))
                    (local.get 1)"
                );
                at_edges(memory, &store, width, |_, after, _| {
                    assert_eq!(after, &VECTOR[place.clone()], "{store}");
                });
            }
        }
    });
}

#[test]
fn constant_addresses() {
    for (memory, len) in [(MEMORIES[0], 65_536), (MEMORIES[1], 65_536), (MEMORIES[3], 1001)] {
        for (addr, fits) in [(0, true), (len - 16, true), (len - 15, false)] {
            let body = format!(
                "(v128.store $m offset=1 (T.const {}) (local.get 1))
                (v128.load $m (T.const {addr}))",
                addr - i64::from(addr > 0)
            );
            let body = if addr == 0 { body.replace("offset=1", "") } else { body };
            let result = Guest::new(memory, &body).call(0, VECTOR);
            let expected = if fits { Ok(VECTOR) } else { Err(Trap::MemoryOutOfBounds) };
            assert_eq!(result, expected, "{body}");
        }
    }
}

/// A frame with more locals than 16 bits can number brings vectors and addresses in reach.
#[test]
fn accesses_from_far_frames() {
    let locals = "v128 ".repeat(45_000);
    let body = format!(
        "(local {locals})
        (local.set 40000 (v128.load (local.get 0)))
        (local.set 40001 (v128.load8_lane 3 (local.get 0) (local.get 40000)))
        (v128.store offset=16 (local.get 0) (i8x16.add (local.get 40001) (local.get 40000)))
        (v128.store16_lane offset=32 7 (local.get 0) (local.get 40001))
        (i32x4.replace_lane 0
            (i8x16.shl (v128.bitselect (local.get 1) (local.get 40000) (local.get 44000))
                (i32x4.extract_lane 0 (local.get 44001)))
            (i16x8.bitmask (local.get 44002)))"
    );
    let mut guest = Guest::new(MEMORIES[0], &body);
    let before = guest.memory.data(&guest.store)[64..80].to_vec();
    let result = guest.call(64, VECTOR).unwrap();
    assert_eq!(result[..4], [0; 4]);
    assert_eq!(result[4..], before[4..]);
    let after = guest.memory.data(&guest.store)[80..98].to_vec();
    let mut sum: Vec<u8> = before.iter().map(|byte| byte.wrapping_mul(2)).collect();
    sum[3] = before[3].wrapping_add(before[0]);
    assert_eq!(after[..16], sum);
    assert_eq!(after[16..], before[14..]);
}

#[test]
fn a_vector_is_seen_by_all_who_see_the_memory() {
    let body = "(v128.store (local.get 0) (local.get 1)) (v128.load8x8_u (local.get 0))";
    let mut guest = Guest::new(MEMORIES[0], body);
    guest.call(500, VECTOR).unwrap();
    assert_eq!(guest.memory.data(&guest.store)[500..516], VECTOR);
    let typed = guest.instance.get_typed_func::<(u32, V128), V128>(&guest.store, "f").unwrap();
    let bits = u128::from_le_bytes(VECTOR);
    let expected = widened(&VECTOR[..8], 1, false);
    let result = typed.call(&mut guest.store, (600, bits.into())).unwrap();
    assert_eq!(result.as_u128().to_le_bytes()[..], expected);
}

/// Neither the number nor the vector of an operation is in reach of 16 bits.
#[test]
fn numbers_and_vectors_from_far_frames() {
    let locals = "v128 ".repeat(45_000);
    let body = format!(
        "(local {locals})
        (local.set 44000 (v128.const i32x4 5 6 7 8))
        (i32x4.add
            (i32x4.replace_lane 0 (local.get 44000) (i32.const 9))
            (i32x4.shl (local.get 44000) (memory.size)))"
    );
    let result = Guest::new(MEMORIES[0], &body).call(0, VECTOR).unwrap();
    let (lanes, _) = result.as_chunks();
    let lanes: Vec<i32> = lanes.iter().map(|lane| i32::from_le_bytes(*lane)).collect();
    assert_eq!(lanes, [9 + 10, 6 + 12, 7 + 14, 8 + 16]);
}
