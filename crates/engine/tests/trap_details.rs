//! What a trap tells of the access that was out of bounds: exact messages and values, for each kind
//! of access, width and memory.

use lineal::{
    ElementAccess, ElementPlace, ElementTrap, Engine, Error, Instance, MemoryAccess, MemoryTrap,
    Module, Store, Trap, Val, WasmBacktrace,
};

/// A kind of memory: its type, and the type of its addresses.
const MEMORIES: [(&str, &str); 4] =
    [("1", "i32"), ("i64 1", "i64"), ("1 1 shared", "i32"), ("i64 1 1 shared", "i64")];

/// Loads: the instruction, the type of the result, the width in bytes.
const LOADS: [(&str, &str, u64); 24] = [
    ("i32.load", "i32", 4),
    ("i64.load", "i64", 8),
    ("f32.load", "f32", 4),
    ("f64.load", "f64", 8),
    ("i32.load8_s", "i32", 1),
    ("i32.load8_u", "i32", 1),
    ("i32.load16_s", "i32", 2),
    ("i32.load16_u", "i32", 2),
    ("i64.load8_s", "i64", 1),
    ("i64.load8_u", "i64", 1),
    ("i64.load16_s", "i64", 2),
    ("i64.load16_u", "i64", 2),
    ("i64.load32_s", "i64", 4),
    ("i64.load32_u", "i64", 4),
    ("v128.load", "v128", 16),
    ("v128.load8x8_s", "v128", 8),
    ("v128.load16x4_u", "v128", 8),
    ("v128.load32x2_s", "v128", 8),
    ("v128.load8_splat", "v128", 1),
    ("v128.load16_splat", "v128", 2),
    ("v128.load32_splat", "v128", 4),
    ("v128.load64_splat", "v128", 8),
    ("v128.load32_zero", "v128", 4),
    ("v128.load64_zero", "v128", 8),
];

/// Stores: the instruction, the type of the value, the width in bytes.
const STORES: [(&str, &str, u64); 10] = [
    ("i32.store", "i32", 4),
    ("i64.store", "i64", 8),
    ("f32.store", "f32", 4),
    ("f64.store", "f64", 8),
    ("i32.store8", "i32", 1),
    ("i32.store16", "i32", 2),
    ("i64.store8", "i64", 1),
    ("i64.store16", "i64", 2),
    ("i64.store32", "i64", 4),
    ("v128.store", "v128", 16),
];

/// The same for a lane of a vector.
const LANES: [(&str, u64); 4] = [("8", 1), ("16", 2), ("32", 4), ("64", 8)];

/// Atomic instructions but loads and stores, with the type of their operands and their width; how
/// many operands there are; what they are called.
const ATOMICS: [(&str, &str, u64, usize, MemoryAccess); 10] = [
    ("i32.atomic.load", "i32", 4, 0, MemoryAccess::AtomicLoad),
    ("i64.atomic.load8_u", "i64", 1, 0, MemoryAccess::AtomicLoad),
    ("i64.atomic.store", "i64", 8, 1, MemoryAccess::AtomicStore),
    ("i32.atomic.store16", "i32", 2, 1, MemoryAccess::AtomicStore),
    ("i32.atomic.rmw.add", "i32", 4, 1, MemoryAccess::AtomicRmw),
    ("i64.atomic.rmw16.xchg_u", "i64", 2, 1, MemoryAccess::AtomicRmw),
    ("i64.atomic.rmw.cmpxchg", "i64", 8, 2, MemoryAccess::AtomicRmw),
    ("i32.atomic.rmw8.cmpxchg_u", "i32", 1, 2, MemoryAccess::AtomicRmw),
    ("memory.atomic.notify", "i32", 4, 1, MemoryAccess::AtomicNotify),
    ("memory.atomic.wait32", "i32", 4, 1, MemoryAccess::AtomicWait),
];

struct Guest {
    store: Store<()>,
    instance: Instance,
}

impl Guest {
    fn new(module: &str) -> Guest {
        let engine = Engine::default();
        let module = Module::new(&engine, module).unwrap_or_else(|error| panic!("{error}"));
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        Guest { store, instance }
    }

    /// The error of a call.
    fn fail(&mut self, name: &str, args: &[Val]) -> Error {
        let func = self.instance.get_func(&self.store, name).unwrap();
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        let outcome = func.call(&mut self.store, args, &mut results);
        let Err(error) = outcome else { panic!("{name} of {args:?} is no trap") };
        assert!(error.is::<WasmBacktrace>(), "{name}");
        error
    }

    /// The details of a memory's trap in a call, whose message is as given.
    fn memory(&mut self, name: &str, args: &[Val], message: &str) -> MemoryTrap {
        let error = self.fail(name, args);
        let details = error.downcast_ref::<MemoryTrap>().unwrap_or_else(|| panic!("{name}"));
        assert_eq!(details.to_string(), message, "{name} of {args:?}");
        let trap = error.downcast_ref::<Trap>().unwrap();
        assert!(message.starts_with(trap.message()));
        assert!(format!("{error:#}").contains(message));
        *details
    }

    /// The same for a table or an array.
    fn element(&mut self, name: &str, args: &[i32], message: &str) -> ElementTrap {
        let args: Vec<Val> = args.iter().copied().map(Val::I32).collect();
        let error = self.fail(name, &args);
        let details = error.downcast_ref::<ElementTrap>().unwrap_or_else(|| panic!("{name}"));
        assert_eq!(details.to_string(), message, "{name} of {args:?}");
        *details
    }
}

fn addr(ty: &str, addr: u64) -> Val {
    if ty == "i64" { Val::I64(addr as i64) } else { Val::I32(addr as i32) }
}

fn bytes(count: u64) -> String {
    if count == 1 { "1 byte".to_owned() } else { format!("{count} bytes") }
}

/// A value of a type, as an instruction.
fn zero(ty: &str) -> String {
    if ty == "v128" { "(v128.const i64x2 0 0)".to_owned() } else { format!("({ty}.const 0)") }
}

/// The accesses of [`LOADS`] and so on to memory `$m`, exported as functions of an address: the
/// name, the width, what it is, and how often the address must be a multiple of the width.
fn accesses(addr_ty: &str, offset: u64) -> (String, Vec<(String, u64, MemoryAccess, bool)>) {
    let (mut text, mut all) = (String::new(), Vec::new());
    let mut add = |name: String, body: String, width, access, aligned| {
        text += &format!("(func (export \"{name}\") (param $a {addr_ty}) {body})\n");
        all.push((name, width, access, aligned));
    };
    for (name, _, width) in LOADS {
        let body = format!("(drop ({name} $m offset={offset} (local.get $a)))");
        add(name.to_owned(), body, width, MemoryAccess::Load, false);
    }
    for (name, ty, width) in STORES {
        let body = format!("({name} $m offset={offset} (local.get $a) {})", zero(ty));
        add(name.to_owned(), body, width, MemoryAccess::Store, false);
    }
    for (bits, width) in LANES {
        let (vector, access) = (zero("v128"), format!("$m offset={offset} 1 (local.get $a)"));
        let load = format!("v128.load{bits}_lane");
        let body = format!("(drop ({load} {access} {vector}))");
        add(load, body, width, MemoryAccess::Load, false);
        let store = format!("v128.store{bits}_lane");
        let body = format!("({store} {access} {vector})");
        add(store, body, width, MemoryAccess::Store, false);
    }
    for (name, ty, width, operands, access) in ATOMICS {
        let mut call = format!("{name} $m offset={offset} (local.get $a)");
        call += &zero(ty).repeat(operands);
        if access == MemoryAccess::AtomicWait {
            call += "(i64.const 0)";
        }
        let has_result = access != MemoryAccess::AtomicStore;
        let body = if has_result { format!("(drop ({call}))") } else { format!("({call})") };
        add(name.to_owned(), body, width, access, true);
    }
    (text, all)
}

/// What messages call an access.
fn verb(access: MemoryAccess) -> &'static str {
    match access {
        MemoryAccess::Load => "load",
        MemoryAccess::Store => "store",
        MemoryAccess::AtomicLoad => "atomic load",
        MemoryAccess::AtomicStore => "atomic store",
        MemoryAccess::AtomicRmw => "atomic read-modify-write",
        MemoryAccess::AtomicWait => "atomic wait",
        MemoryAccess::AtomicNotify => "atomic notify",
        other => panic!("{other:?} has no width"),
    }
}

#[test]
fn every_access_to_every_memory() {
    // Memory 0 has handlers of its own; any other has not.
    for (ty, addr_ty) in MEMORIES {
        for index in [0, 1] {
            for offset in [0, 8] {
                let (functions, all) = accesses(addr_ty, offset);
                let first = if index == 1 { "(memory 3)" } else { "" };
                let module = format!("(module {first} (memory $m {ty}) {functions})");
                let mut guest = Guest::new(&module);
                for (name, width, access, aligned) in all {
                    for beyond in [1, width, 4096] {
                        let mut ea = 0x10000 - width + beyond;
                        if aligned {
                            ea = ea.next_multiple_of(width);
                        }
                        let message = format!(
                            "out of bounds memory access: {} of {} at {ea:#x} in memory {index} of \
                             65536 bytes",
                            verb(access),
                            bytes(width)
                        );
                        let found = guest.memory(&name, &[addr(addr_ty, ea - offset)], &message);
                        assert_eq!(found.access(), access, "{name}");
                        assert_eq!((found.addr(), found.offset()), (ea - offset, offset), "{name}");
                        assert_eq!(found.effective_address(), ea.into());
                        assert_eq!(found.len_bytes(), width);
                        assert_eq!(found.memory(), Some(index));
                        assert_eq!(found.size_bytes(), 0x10000);
                    }
                    if aligned && width > 1 {
                        let message = format!(
                            "unaligned atomic: {} of {} at 0x21 in memory {index} of 65536 bytes",
                            verb(access),
                            bytes(width)
                        );
                        let found = guest.memory(&name, &[addr(addr_ty, 0x21 - offset)], &message);
                        assert_eq!(found.len_bytes(), width);
                    }
                }
            }
        }
    }
}

#[test]
fn addresses_beyond_64_bits() {
    let mut guest = Guest::new(
        r#"(module (memory i64 1)
            (func (export "load") (param i64)
                (drop (i32.load offset=0xffff_ffff_ffff_ffff (local.get 0)))))"#,
    );
    let message = "out of bounds memory access: load of 4 bytes at 0x10000000000000000 in memory 0 \
                   of 65536 bytes";
    let found = guest.memory("load", &[Val::I64(1)], message);
    assert_eq!((found.addr(), found.offset()), (1, u64::MAX));
}

/// The address comes from a constant, a local, a sum, what was just computed, a local that a loop
/// keeps in a register; the load is alone or part of an addition.
#[test]
fn wherever_the_address_comes_from() {
    let mut guest = Guest::new(
        r#"(module (memory 1)
            (func (export "constant") (param i32) (result i32)
                (i32.load offset=4 (i32.const 0x10000)))
            (func (export "local") (param i32) (result i32)
                (i32.load offset=4 (local.get 0)))
            (func (export "sum") (param i32) (result i32)
                (i32.load offset=4 (i32.add (local.get 0) (i32.const 0))))
            (func (export "sum of locals") (param i32) (result i32) (local i32)
                (i32.load offset=4 (i32.add (local.get 0) (local.get 1))))
            (func (export "result") (param i32) (result i32)
                (i32.load offset=4 (i32.mul (local.get 0) (i32.const 1))))
            (func (export "part") (param i32) (result i32)
                (i32.add (i32.mul (local.get 0) (i32.const 3))
                    (i32.load offset=4 (local.get 0))))
            (func (export "float part") (param i32) (result f64)
                (f64.mul (f64.convert_i32_s (local.get 0))
                    (f64.load offset=4 (local.get 0))))
            (func (export "loop") (param i32) (result i32) (local $i i32) (local $sum i32)
                (loop $next
                    (local.set $sum (i32.add (local.get $sum) (i32.load offset=4 (local.get $i))))
                    (local.set $i (i32.add (local.get $i) (i32.const 4)))
                    (br_if $next (i32.le_u (local.get $i) (local.get 0))))
                (local.get $sum))
            (func (export "filling loop") (param i32) (local $i i32)
                (loop $next
                    (i32.store offset=4 (local.get $i) (i32.const 1))
                    (local.set $i (i32.add (local.get $i) (i32.const 4)))
                    (br_if $next (i32.le_u (local.get $i) (local.get 0))))))"#,
    );
    for name in ["constant", "local", "sum", "sum of locals", "result", "part", "float part"] {
        let width = if name == "float part" { 8 } else { 4 };
        let message = format!(
            "out of bounds memory access: load of {width} bytes at 0x10004 in memory 0 of 65536 bytes"
        );
        let found = guest.memory(name, &[Val::I32(0x10000)], &message);
        assert_eq!((found.addr(), found.offset()), (0x10000, 4), "{name}");
    }
    for (name, access) in [("loop", "load"), ("filling loop", "store")] {
        let message = format!(
            "out of bounds memory access: {access} of 4 bytes at 0x10000 in memory 0 of 65536 bytes"
        );
        guest.memory(name, &[Val::I32(0x10000)], &message);
    }
}

#[test]
fn ranges_of_memories_and_segments() {
    for (ty, addr_ty) in MEMORIES {
        for index in [0, 1] {
            let first = if index == 1 { "(memory 3)" } else { "" };
            let module = format!(
                r#"(module {first} (memory $m {ty}) (memory $other 2) (data $d "0123456789")
                    (func (export "fill") (param $to {addr_ty}) (param $n {addr_ty})
                        (memory.fill $m (local.get $to) (i32.const 7) (local.get $n)))
                    (func (export "copy") (param $to {addr_ty}) (param $from {addr_ty})
                        (param $n {addr_ty})
                        (memory.copy $m $m (local.get $to) (local.get $from) (local.get $n)))
                    (func (export "copy from other") (param $to {addr_ty}) (param $from i32)
                        (param $n i32)
                        (memory.copy $m $other (local.get $to) (local.get $from) (local.get $n)))
                    (func (export "init") (param $to {addr_ty}) (param $from i32) (param $n i32)
                        (memory.init $m $d (local.get $to) (local.get $from) (local.get $n))))"#
            );
            let mut guest = Guest::new(&module);
            let a = |value| addr(addr_ty, value);
            let small = |value: u64| Val::I32(value as i32);
            let start = "out of bounds memory access:";
            let memory = format!("in memory {index} of 65536 bytes");
            let found = guest.memory(
                "fill",
                &[a(0xffff), a(2)],
                &format!("{start} fill of 2 bytes at 0xffff {memory}"),
            );
            assert_eq!(found.access(), MemoryAccess::Fill);
            assert_eq!((found.addr(), found.len_bytes()), (0xffff, 2));
            guest.memory(
                "copy",
                &[a(0xfff0), a(0), a(17)],
                &format!("{start} copy of 17 bytes to 0xfff0 {memory}"),
            );
            let found = guest.memory(
                "copy",
                &[a(0), a(0x10000), a(1)],
                &format!("{start} copy of 1 byte from 0x10000 {memory}"),
            );
            assert_eq!(found.access(), MemoryAccess::CopyFrom);
            guest.memory(
                "copy from other",
                &[a(0x10001), small(0), small(0)],
                &format!("{start} copy of 0 bytes to 0x10001 {memory}"),
            );
            let found = guest.memory(
                "copy from other",
                &[a(0), small(0x1fffe), small(3)],
                &format!(
                    "{start} copy of 3 bytes from 0x1fffe in memory {} of 131072 bytes",
                    index + 1
                ),
            );
            assert_eq!((found.memory(), found.size_bytes()), (Some(index + 1), 0x20000));
            guest.memory(
                "init",
                &[a(0xffff), small(0), small(2)],
                &format!("{start} init of 2 bytes at 0xffff {memory}"),
            );
            let found = guest.memory(
                "init",
                &[a(0), small(4), small(7)],
                &format!("{start} init of 7 bytes from offset 0x4 of data segment 0 of 10 bytes"),
            );
            assert_eq!((found.access(), found.memory()), (MemoryAccess::InitFrom(0), None));
        }
    }
}

#[test]
fn active_segments_that_do_not_fit() {
    let engine = Engine::default();
    let module = r#"(module (memory 1) (data (i32.const 0xfffe) "abc"))"#;
    let module = Module::new(&engine, module).unwrap();
    let error = Instance::new(&mut Store::new(&engine, ()), &module, &[]).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::MemoryOutOfBounds));
    let details = error.downcast_ref::<MemoryTrap>().unwrap();
    assert_eq!(
        details.to_string(),
        "out of bounds memory access: init of 3 bytes at 0xfffe in memory 0 of 65536 bytes"
    );
    assert_eq!(error.to_string(), "data segment 0 does not fit its memory");
}

#[test]
fn the_size_is_that_of_the_time_of_the_trap() {
    let mut guest = Guest::new(
        r#"(module (memory 1)
            (func (export "grown") (param i32) (result i32)
                (drop (memory.grow (i32.const 2)))
                (i32.load (local.get 0)))
            (func (export "empty") (param i32) (result i32) (i32.load8_u (local.get 0))))"#,
    );
    let message =
        "out of bounds memory access: load of 4 bytes at 0x2fffd in memory 0 of 196608 bytes";
    guest.memory("grown", &[Val::I32(0x2fffd)], message);
    let mut guest = Guest::new(
        r#"(module (memory 0)
            (func (export "empty") (param i32) (result i32) (i32.load8_u (local.get 0))))"#,
    );
    let message = "out of bounds memory access: load of 1 byte at 0x0 in memory 0 of 0 bytes";
    guest.memory("empty", &[Val::I32(0)], message);
}

#[test]
fn tables() {
    let mut guest = Guest::new(
        r#"(module
            (type $t (func))
            (table 9 funcref)
            (table $t 4 funcref)
            (elem $e func $f $f $f)
            (func $f)
            (func (export "get") (param i32) (drop (table.get $t (local.get 0))))
            (func (export "set") (param i32) (table.set $t (local.get 0) (ref.func $f)))
            (func (export "call") (param i32) (call_indirect $t (type $t) (local.get 0)))
            (func (export "return_call") (param i32)
                (return_call_indirect $t (type $t) (local.get 0)))
            (func (export "fill") (param i32 i32)
                (table.fill $t (local.get 0) (ref.null func) (local.get 1)))
            (func (export "copy") (param i32 i32 i32)
                (table.copy $t 0 (local.get 0) (local.get 1) (local.get 2)))
            (func (export "init") (param i32 i32 i32)
                (table.init $t $e (local.get 0) (local.get 1) (local.get 2))))"#,
    );
    let access = "out of bounds table access:";
    for (name, kind) in [("get", ElementAccess::Get), ("set", ElementAccess::Set)] {
        let found =
            guest.element(name, &[7], &format!("{access} index 7 in table 1 of 4 elements"));
        assert_eq!((found.access(), found.place()), (kind, ElementPlace::Table(1)));
        assert_eq!((found.index(), found.count(), found.len()), (7, 1, 4));
    }
    for name in ["call", "return_call"] {
        let found = guest.element(
            name,
            &[-1],
            "undefined element: index 4294967295 in table 1 of 4 elements",
        );
        assert_eq!(found.access(), ElementAccess::Call);
        guest.element(name, &[2], "uninitialized element: index 2 in table 1 of 4 elements");
    }
    let in_table = "in table 1 of 4 elements";
    guest.element("fill", &[3, 2], &format!("{access} fill of 2 elements at index 3 {in_table}"));
    guest.element("copy", &[4, 0, 1], &format!("{access} copy of 1 element to index 4 {in_table}"));
    guest.element(
        "copy",
        &[0, 8, 2],
        &format!("{access} copy of 2 elements from index 8 in table 0 of 9 elements"),
    );
    guest.element(
        "init",
        &[2, 0, 3],
        &format!("{access} init of 3 elements at index 2 {in_table}"),
    );
    let found = guest.element(
        "init",
        &[0, 2, 2],
        &format!("{access} init of 2 elements from index 2 of element segment 0 of 3 elements"),
    );
    assert_eq!(found.place(), ElementPlace::Segment(0));
}

#[test]
fn arrays() {
    let mut guest = Guest::new(
        r#"(module
            (type $a (array (mut i16)))
            (type $v (array (mut v128)))
            (type $r (array (mut funcref)))
            (data $d "0123456789")
            (elem $e func $f $f)
            (func $f)
            (func $new (result (ref $a)) (array.new_default $a (i32.const 3)))
            (func (export "get") (param i32) (drop (array.get_u $a (call $new) (local.get 0))))
            (func (export "set") (param i32)
                (array.set $a (call $new) (local.get 0) (i32.const 1)))
            (func (export "fill") (param i32 i32)
                (array.fill $a (call $new) (local.get 0) (i32.const 1) (local.get 1)))
            (func (export "fill vectors") (param i32 i32)
                (array.fill $v (array.new_default $v (i32.const 3)) (local.get 0)
                    (v128.const i64x2 0 0) (local.get 1)))
            (func (export "copy") (param i32 i32 i32)
                (array.copy $a $a (call $new) (local.get 0)
                    (array.new_default $a (i32.const 5)) (local.get 1) (local.get 2)))
            (func (export "init") (param i32 i32 i32)
                (array.init_data $a $d (call $new) (local.get 0) (local.get 1) (local.get 2)))
            (func (export "init elements") (param i32 i32 i32)
                (array.init_elem $r $e (array.new_default $r (i32.const 3))
                    (local.get 0) (local.get 1) (local.get 2)))
            (func (export "new") (param i32 i32)
                (drop (array.new_data $a $d (local.get 0) (local.get 1))))
            (func (export "new elements") (param i32 i32)
                (drop (array.new_elem $r $e (local.get 0) (local.get 1)))))"#,
    );
    let access = "out of bounds array access:";
    let three = "in an array of 3 elements";
    for name in ["get", "set"] {
        let found = guest.element(name, &[3], &format!("{access} index 3 {three}"));
        assert_eq!((found.place(), found.len()), (ElementPlace::Array, 3));
    }
    for name in ["fill", "fill vectors"] {
        guest.element(name, &[1, 4], &format!("{access} fill of 4 elements at index 1 {three}"));
    }
    guest.element("copy", &[3, 0, 1], &format!("{access} copy of 1 element to index 3 {three}"));
    guest.element(
        "copy",
        &[0, 4, 2],
        &format!("{access} copy of 2 elements from index 4 in an array of 5 elements"),
    );
    for name in ["init", "init elements"] {
        guest.element(name, &[2, 0, 2], &format!("{access} init of 2 elements at index 2 {three}"));
    }
    let segment = "of element segment 0 of 2 elements";
    guest.element(
        "init elements",
        &[0, 1, 2],
        &format!("out of bounds table access: init of 2 elements from index 1 {segment}"),
    );
    guest.element(
        "new elements",
        &[0, 3],
        &format!("out of bounds table access: init of 3 elements from index 0 {segment}"),
    );
    let of_data = "from offset 0x8 of data segment 0 of 10 bytes";
    for (name, args) in [("init", &[0, 8, 2][..]), ("new", &[8, 2])] {
        let args: Vec<Val> = args.iter().copied().map(Val::I32).collect();
        let message = format!("out of bounds memory access: init of 4 bytes {of_data}");
        guest.memory(name, &args, &message);
    }
}

/// Traps that are not about an access have no details, whatever was before them.
#[test]
fn other_traps_have_none() {
    let mut guest = Guest::new(
        r#"(module (memory 1)
            (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
            (func (export "divide") (param i32) (result i32)
                (i32.div_u (i32.const 1) (local.get 0)))
            (func (export "folded") (param i32) (result i32)
                (i32.div_u (local.get 0) (i32.load (local.get 0)))))"#,
    );
    guest.fail("load", &[Val::I32(-1)]);
    for (name, arg) in [("divide", 0), ("folded", 0)] {
        let error = guest.fail(name, &[Val::I32(arg)]);
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::IntegerDivisionByZero));
        assert!(!error.is::<MemoryTrap>() && !error.is::<ElementTrap>(), "{name}");
    }
}
