//! Memories whose pages are one byte, next to ones of 64 KiB and ones with 64-bit addresses.

use lineal::{Config, Engine, Instance, Memory, Module, Store, Trap};

fn instance(wat: &str) -> (Store<()>, Instance) {
    let engine = Engine::new(Config::new().wasm_custom_page_sizes(true)).unwrap();
    let module = Module::new(&engine, wat).unwrap_or_else(|error| panic!("{error}: {wat}"));
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    (store, instance)
}

fn memory(store: &Store<()>, instance: &Instance, name: &str) -> Memory {
    instance.get_memory(store, name).unwrap()
}

#[track_caller]
fn assert_out_of_bounds<T: std::fmt::Debug>(result: lineal::Result<T>) {
    assert_eq!(result.unwrap_err().downcast_ref(), Some(&Trap::MemoryOutOfBounds));
}

/// Every access width at every length from 0 on: a memory that grows byte by byte has exactly the
/// bytes it says.
#[test]
fn growth_by_single_bytes_moves_the_bounds_by_as_much() {
    for ty in ["i32", "i64"] {
        let mut accesses = String::new();
        let widths = [("i32.load8_u", 1), ("i32.load16_u", 2), ("i32.load", 4), ("i64.load", 8)];
        for (op, width) in widths {
            let result = &op[..3];
            accesses += &format!(
                "(func (export \"load{width}\") (param T) (result {result}) ({op} (local.get 0)))"
            );
        }
        let wat = format!(
            "(module (memory (export \"m\") {ty} 0 40 (pagesize 1)) {accesses}
                (func (export \"load16\") (param T) (result i64)
                    (i64x2.extract_lane 1 (v128.load (local.get 0))))
                (func (export \"grow\") (param T) (result T) (memory.grow (local.get 0)))
                (func (export \"size\") (result T) (memory.size)))"
        )
        .replace('T', ty);
        let (mut store, instance) = instance(&wat);
        let is_64 = ty == "i64";
        let call = |store: &mut Store<()>, name: &str, arg: Option<i64>| {
            use lineal::Val;
            let func = instance.get_func(&*store, name).unwrap();
            let arg = arg.map(|arg| if is_64 { Val::I64(arg) } else { Val::I32(arg as i32) });
            let mut results = [Val::I32(0)];
            func.call(store, arg.as_slice(), &mut results)?;
            lineal::Result::Ok(match results[0] {
                Val::I32(value) => i64::from(value),
                Val::I64(value) => value,
                _ => panic!("an integer"),
            })
        };
        for len in 0..=40 {
            assert_eq!(call(&mut store, "size", None).unwrap(), len);
            for width in [1, 2, 4, 8, 16] {
                let load = format!("load{width}");
                for addr in 0..=len {
                    let result = call(&mut store, &load, Some(addr));
                    if addr + width <= len {
                        result.unwrap();
                    } else {
                        assert_out_of_bounds(result);
                    }
                }
            }
            if len < 40 {
                assert_eq!(call(&mut store, "grow", Some(1)).unwrap(), len);
            }
        }
        assert_eq!(call(&mut store, "grow", Some(0)).unwrap(), 40);
        for delta in [1, -1, 65_536] {
            assert_eq!(call(&mut store, "grow", Some(delta)).unwrap(), -1);
        }
        assert_eq!(memory(&store, &instance, "m").data(&store).len(), 40);
    }
}

#[test]
fn growth_in_a_callee_is_seen_by_the_caller() {
    let (mut store, instance) = instance(
        "(module (memory 10 (pagesize 1))
            (func $grow (drop (memory.grow (i32.const 7))))
            (func (export \"f\") (param i32) (result i32)
                (i32.store8 (i32.const 9) (i32.const 5))
                (call $grow)
                (i32.store8 (local.get 0) (i32.const 6))
                (i32.add (i32.load8_u (i32.const 9)) (i32.load8_u (local.get 0)))))",
    );
    let f = instance.get_typed_func::<u32, i32>(&store, "f").unwrap();
    assert_eq!(f.call(&mut store, 16).unwrap(), 11);
    assert_out_of_bounds(f.call(&mut store, 24));
    assert_eq!(f.call(&mut store, 30).unwrap(), 11);
}

/// A page of one byte does not make a memory that is too large for its addresses.
#[test]
fn growth_ends_where_addresses_do() {
    let (mut store, instance) = instance(
        "(module (memory 1 (pagesize 1))
            (func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0))))",
    );
    let grow = instance.get_typed_func::<u32, i32>(&store, "grow").unwrap();
    assert_eq!(grow.call(&mut store, u32::MAX).unwrap(), -1);
    assert_eq!(grow.call(&mut store, 65_536).unwrap(), 1);
    assert_eq!(grow.call(&mut store, 0).unwrap(), 65_537);
}

/// Copies between memories of all kinds: each address has its memory's type, and the length the
/// narrower one.
#[test]
fn copies_between_memories_of_different_kinds() {
    const KINDS: [(&str, &str, usize); 4] = [
        ("i32", "100 (pagesize 1)", 100),
        ("i32", "1", 65_536),
        ("i64", "i64 70 (pagesize 1)", 70),
        ("i64", "i64 1", 65_536),
    ];
    for (to_ty, to, to_len) in KINDS {
        for (from_ty, from, from_len) in KINDS {
            let len_ty = if to_ty == "i64" && from_ty == "i64" { "i64" } else { "i32" };
            // What lies above 32 bits of an `i32` operand must not count.
            let widen = |ty: &str, local: u32| match ty {
                "i32" => format!("(i32.wrap_i64 (local.get {local}))"),
                _ => format!("(local.get {local})"),
            };
            let wat = format!(
                "(module
                    (memory $to (export \"to\") {to})
                    (memory $from (export \"from\") {from})
                    (func (export \"copy\") (param i64 i64 i64)
                        (memory.copy $to $from {} {} {})))",
                widen(to_ty, 0),
                widen(from_ty, 1),
                widen(len_ty, 2)
            );
            let (mut store, instance) = instance(&wat);
            let copy = instance.get_typed_func::<(u64, u64, u64), ()>(&store, "copy").unwrap();
            let (to, from) = (memory(&store, &instance, "to"), memory(&store, &instance, "from"));
            for (index, byte) in from.data_mut(&mut store).iter_mut().enumerate() {
                *byte = index as u8 ^ 0x5a;
            }
            let shorter = to_len.min(from_len);
            for (to_addr, from_addr, len) in [
                (0, 0, 0),
                (0, 0, shorter),
                (to_len - 10, 5, 10),
                (5, from_len - 10, 10),
                (to_len, from_len, 0),
            ] {
                to.data_mut(&mut store).fill(0);
                copy.call(&mut store, (to_addr as u64, from_addr as u64, len as u64)).unwrap();
                let expected = from.data(&store)[from_addr..from_addr + len].to_vec();
                let found = to.data(&store);
                assert_eq!(found[to_addr..to_addr + len], expected, "{wat}");
                assert!(found[..to_addr].iter().chain(&found[to_addr + len..]).all(|&b| b == 0));
            }
            to.data_mut(&mut store).fill(0);
            for (to_addr, from_addr, len) in [
                (to_len - 9, 0, 10),
                (0, from_len - 9, 10),
                (to_len + 1, 0, 0),
                (0, from_len + 1, 0),
                (0, 0, shorter + 1),
                (0, 0, u32::MAX as usize),
            ] {
                let args = (to_addr as u64, from_addr as u64, len as u64);
                assert_out_of_bounds(copy.call(&mut store, args));
                assert!(to.data(&store).iter().all(|&byte| byte == 0), "{wat}");
            }
            // Bits that only a 64-bit operand has.
            for (operand, ty) in [(0, to_ty), (1, from_ty), (2, len_ty)] {
                let mut args = [0, 0, 1_u64];
                args[operand] |= 1 << 32;
                let result = copy.call(&mut store, (args[0], args[1], args[2]));
                assert_eq!(result.is_err(), ty == "i64", "operand {operand}: {wat}");
            }
        }
    }
}

#[test]
fn fills_and_segments_end_at_the_last_byte() {
    for ty in ["i32", "i64"] {
        let index = if ty == "i64" { "i64" } else { "" };
        let wat = format!(
            "(module (memory (export \"m\") {index} 21 (pagesize 1))
                (data (T.const 16) \"12345\")
                (data $passive \"abcdefgh\")
                (func (export \"fill\") (param T T)
                    (memory.fill (local.get 0) (i32.const 0x77) (local.get 1)))
                (func (export \"init\") (param T i32)
                    (memory.init $passive (local.get 0) (i32.const 1) (local.get 1))))"
        )
        .replace('T', ty);
        let (mut store, instance) = instance(&wat);
        let m = memory(&store, &instance, "m");
        assert_eq!(m.data(&store)[16..], *b"12345");
        let call = |store: &mut Store<()>, name: &str, addr: u32, len: u32| match (ty, name) {
            ("i32", _) => {
                instance.get_typed_func::<(u32, u32), ()>(&*store, name)?.call(store, (addr, len))
            }
            (_, "fill") => instance
                .get_typed_func::<(u64, u64), ()>(&*store, name)?
                .call(store, (addr.into(), len.into())),
            _ => instance
                .get_typed_func::<(u64, u32), ()>(&*store, name)?
                .call(store, (addr.into(), len)),
        };
        call(&mut store, "fill", 19, 2).unwrap();
        assert_eq!(m.data(&store)[16..], *b"123\x77\x77");
        assert_out_of_bounds(call(&mut store, "fill", 19, 3));
        call(&mut store, "init", 14, 7).unwrap();
        assert_eq!(m.data(&store)[14..], *b"bcdefgh");
        assert_out_of_bounds(call(&mut store, "init", 15, 7));
        assert_out_of_bounds(call(&mut store, "init", 0, 8));
        assert_eq!(m.data(&store)[14..], *b"bcdefgh");
    }
    let engine = Engine::new(Config::new().wasm_custom_page_sizes(true)).unwrap();
    let wat = "(module (memory 20 (pagesize 1)) (data (i32.const 16) \"12345\"))";
    let module = Module::new(&engine, wat).unwrap();
    let mut store = Store::new(&engine, ());
    assert_out_of_bounds(Instance::new(&mut store, &module, &[]));
}
