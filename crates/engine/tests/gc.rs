//! The guest's heap: what is unreachable is freed, what is reachable is kept wherever it is
//! referred to from, and neither size nor shape of what the guest makes harms the host.

use lineal::{
    AnyRef, ArrayRef, ArrayRefPre, ArrayType, Caller, Config, Engine, ExnRef, ExnRefPre, ExnType,
    ExternRef, FieldType, Func, I31, Instance, Linker, Module, Mutability, RootScope, Rooted,
    StorageType, Store, StructRef, StructRefPre, StructType, Tag, Trap, Val, ValType,
};

/// Small enough that collections are frequent.
const LIMIT_BYTES: usize = 64 << 10;

fn engine(limit_bytes: usize) -> Engine {
    Engine::new(Config::new().gc_heap_limit(limit_bytes)).unwrap()
}

fn instance(limit_bytes: usize, wat: &str) -> (Store<()>, Instance) {
    let engine = engine(limit_bytes);
    let module = Module::new(&engine, wat).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    (store, instance)
}

const GARBAGE: &str = r#"
    (type $garbage (array (mut i64)))
    (func $churn (param $n i32)
        (loop $next
            (drop (array.new_default $garbage (i32.const 100)))
            (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))"#;

#[test]
fn allocation_without_end_needs_bounded_memory() {
    let (mut store, instance) = instance(
        LIMIT_BYTES,
        &format!("(module {GARBAGE} (func (export \"run\") (call $churn (i32.const 100000))))"),
    );
    instance.get_typed_func::<(), ()>(&store, "run").unwrap().call(&mut store, ()).unwrap();
}

#[test]
fn garbage_makes_room_for_instances() {
    let engine = engine(LIMIT_BYTES);
    let module = Module::new(
        &engine,
        r#"(module
            (type $bytes (array i8))
            (func (export "make") (drop (array.new_default $bytes (i32.const 30000)))))"#,
    );
    let holder = Module::new(
        &engine,
        r#"(module
            (type $bytes (array i8))
            (global (ref $bytes) (array.new_default $bytes (i32.const 40000))))"#,
    );
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module.unwrap(), &[]).unwrap();
    let make = instance.get_typed_func::<(), ()>(&store, "make").unwrap();
    make.call(&mut store, ()).unwrap();
    let holder = holder.unwrap();
    Instance::new(&mut store, &holder, &[]).unwrap();
    // What is in use stays in the way.
    let error = Instance::new(&mut store, &holder, &[]).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Trap::GcHeapOutOfMemory));
}

#[test]
fn a_full_heap_is_a_trap_and_not_the_end() {
    let (mut store, instance) = instance(
        LIMIT_BYTES,
        r#"(module
            (type $node (struct (field (ref null $node))))
            (type $bytes (array i8))
            (func (export "list") (local $last (ref null $node))
                (loop $next
                    (local.set $last (struct.new $node (local.get $last)))
                    (br $next)))
            (func (export "huge") (param i32) (result i32)
                (array.len (array.new_default $bytes (local.get 0)))))"#,
    );
    let list = instance.get_typed_func::<(), ()>(&store, "list").unwrap();
    let huge = instance.get_typed_func::<i32, i32>(&store, "huge").unwrap();
    for _ in 0..3 {
        let error = list.call(&mut store, ()).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Trap::GcHeapOutOfMemory));
        for len in [-1, i32::MAX, LIMIT_BYTES as i32] {
            let error = huge.call(&mut store, len).unwrap_err();
            assert_eq!(error.downcast_ref(), Some(&Trap::GcHeapOutOfMemory));
        }
        assert_eq!(huge.call(&mut store, 1000).unwrap(), 1000);
    }
}

#[test]
fn long_lists_are_marked_on_a_small_stack() {
    let run = || {
        let (mut store, instance) = instance(
            1 << 30,
            r#"(module
                (type $node (struct (field (ref null $node))))
                (func (export "run") (param $n i32) (result i32)
                    (local $list (ref null $node)) (local $len i32)
                    (loop $next
                        (local.set $list (struct.new $node (local.get $list)))
                        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                    (loop $next
                        (local.set $len (i32.add (local.get $len) (i32.const 1)))
                        (local.set $list (struct.get $node 0 (local.get $list)))
                        (br_if $next (i32.eqz (ref.is_null (local.get $list)))))
                    (local.get $len)))"#,
        );
        let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
        assert_eq!(run.call(&mut store, 300_000).unwrap(), 300_000);
        store.gc(None).unwrap();
    };
    std::thread::Builder::new().stack_size(128 << 10).spawn(run).unwrap().join().unwrap();
}

#[test]
fn everything_that_is_referred_to_survives() {
    let (mut store, instance) = instance(
        LIMIT_BYTES * 3 / 2,
        &format!(
            r#"(module {GARBAGE}
            (type $box (struct (field (mut i32))))
            (type $pair (struct (field anyref) (field i8) (field anyref)))
            (type $list (array (mut anyref)))
            (tag $tag (param anyref))
            (global $global (mut anyref) (struct.new $box (i32.const 1)))
            (table $table 3 anyref (struct.new $box (i32.const 2)))
            (elem $elements anyref (item (struct.new $box (i32.const 3))))
            (func $get (param anyref) (result i32)
                (struct.get $box 0 (ref.cast (ref $box) (local.get 0))))
            (func $new (param i32) (result anyref) (struct.new $box (local.get 0)))
            (func $throw (throw $tag (struct.new $box (i32.const 64))))
            (func (export "places") (result i32)
                (local $local anyref) (local $list (ref $list)) (local $pair (ref $pair))
                (local.set $local (struct.new $box (i32.const 4)))
                (local.set $list (array.new_fixed $list 2
                    (struct.new $box (i32.const 8)) (ref.i31 (i32.const 5))))
                (local.set $pair (struct.new $pair
                    (struct.new $box (i32.const 16)) (i32.const 0)
                    (any.convert_extern (extern.convert_any (struct.new $box (i32.const 32))))))
                (call $churn (i32.const 1000))
                (call $get (global.get $global))
                (call $get (table.get $table (i32.const 2)))
                (call $get (array.get $list
                    (array.new_elem $list $elements (i32.const 0) (i32.const 1)) (i32.const 0)))
                (call $get (local.get $local))
                (call $get (array.get $list (local.get $list) (i32.const 0)))
                (call $get (struct.get $pair 0 (local.get $pair)))
                (call $get (struct.get $pair 2 (local.get $pair)))
                (i32.add) (i32.add) (i32.add) (i32.add) (i32.add) (i32.add))
            ;; On the operand stack, where it may be in a register only.
            (func (export "operands") (result i32)
                (call $new (i32.const 7))
                (call $churn (i32.const 1000))
                (global.get $global)
                (global.set $global (ref.null any))
                (drop (array.new_default $garbage (i32.const 5000)))
                (drop (array.new_default $garbage (i32.const 5000)))
                (call $get) (i32.const 10) (i32.mul)
                (call $second))
            (func $second (param anyref i32) (result i32)
                (i32.add (call $get (local.get 0)) (local.get 1)))
            (func (export "caught") (result i32)
                (block $caught (result anyref exnref)
                    (try_table (catch_ref $tag $caught) (call $throw))
                    (unreachable))
                (call $churn (i32.const 1000))
                (drop)
                (call $get)))"#
        ),
    );
    let mut call = |name: &str| {
        let func = instance.get_typed_func::<(), i32>(&store, name).unwrap();
        func.call(&mut store, ()).unwrap()
    };
    assert_eq!(call("places"), 1 + 2 + 3 + 4 + 8 + 16 + 32);
    assert_eq!(call("operands"), 17);
    assert_eq!(call("caught"), 64);
}

#[test]
fn what_host_functions_hold_survives_until_they_return() {
    let engine = engine(LIMIT_BYTES);
    let module = Module::new(
        &engine,
        format!(
            r#"(module
            (import "host" "twice" (func $twice (param structref) (result structref)))
            {GARBAGE}
            (type $box (struct (field (mut i32))))
            (export "churn" (func $churn))
            (func (export "run") (param $n i32) (result i32) (local $sum i32)
                (loop $next
                    (local.set $sum (i32.add (local.get $sum)
                        (struct.get $box 0 (ref.cast (ref $box)
                            (call $twice (struct.new $box (local.get $n)))))))
                    (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (local.get $sum)))"#
        ),
    )
    .unwrap();
    let mut linker = Linker::<()>::new(&engine);
    let twice = |mut caller: Caller<'_, ()>, value: Option<Rooted<StructRef>>| {
        let value = value.ok_or_else(|| lineal::Error::msg("null"))?;
        let number = value.field(&caller, 0)?.unwrap_i32();
        let ty = value.ty(&caller)?;
        let allocator = StructRefPre::new(&mut caller, ty);
        let result = StructRef::new(&mut caller, &allocator, &[Val::I32(2 * number)])?;
        let churn = caller.get_export("churn").and_then(|export| export.into_func());
        churn.expect("exported").typed::<i32, ()>(&caller)?.call(&mut caller, 100)?;
        assert_eq!(value.field(&caller, 0)?.unwrap_i32(), number);
        lineal::Result::Ok(Some(result))
    };
    linker.func_wrap("host", "twice", twice).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    assert_eq!(run.call(&mut store, 1000).unwrap(), 1000 * 1001);
}

#[test]
fn typed_functions_narrow_references() {
    let (mut store, instance) = instance(
        LIMIT_BYTES,
        r#"(module
            (type $s (struct (field (mut i32))))
            (func (export "new") (param i32) (result (ref $s)) (struct.new $s (local.get 0)))
            (func (export "i31") (param i31ref) (result i32) (i31.get_s (local.get 0)))
            (func (export "any") (param anyref) (result i32)
                (ref.test (ref $s) (local.get 0))))"#,
    );
    let mut scope = RootScope::new(&mut store);
    let new = instance.get_typed_func::<i32, Rooted<StructRef>>(&scope, "new").unwrap();
    let value = new.call(&mut scope, 5).unwrap();
    value.set_field(&mut scope, 0, Val::I32(6)).unwrap();
    assert_eq!(value.fields(&scope).unwrap().next().unwrap().unwrap_i32(), 6);
    let any = instance.get_typed_func::<Option<Rooted<AnyRef>>, i32>(&scope, "any").unwrap();
    assert_eq!(any.call(&mut scope, Some(value.into())).unwrap(), 1);
    let number = AnyRef::from_i31(&mut scope, I31::wrapping_i32(-7));
    assert_eq!(any.call(&mut scope, Some(number)).unwrap(), 0);
    assert_eq!(any.call(&mut scope, None).unwrap(), 0);
    let i31 = instance.get_typed_func::<Option<I31>, i32>(&scope, "i31").unwrap();
    assert_eq!(i31.call(&mut scope, I31::new_i32(-7)).unwrap(), -7);
    assert!(instance.get_typed_func::<Rooted<StructRef>, i32>(&scope, "i31").is_err());
    // A structure of another type is refused where the guest's type is asked for.
    let func: Func = instance.get_func(&scope, "i31").unwrap();
    let mut results = [Val::I32(0)];
    assert!(func.call(&mut scope, &[value.into()], &mut results).is_err());
}

#[test]
fn vectors_are_fields_and_elements() {
    let (mut store, instance) = instance(
        LIMIT_BYTES,
        r#"(module
            (type $s (struct (field i32) (field (mut v128)) (field i32)))
            (type $a (array (mut v128)))
            (func (export "run") (result i32) (local $s (ref $s)) (local $a (ref $a))
                (local.set $s (struct.new $s (i32.const 1) (v128.const i32x4 2 3 4 5) (i32.const 6)))
                (local.set $a (array.new $a (struct.get $s 1 (local.get $s)) (i32.const 3)))
                (array.set $a (local.get $a) (i32.const 1) (v128.const i32x4 20 30 40 50))
                (array.fill $a (local.get $a) (i32.const 2) (v128.const i32x4 200 0 0 0) (i32.const 1))
                (struct.set $s 1 (local.get $s) (array.get $a (local.get $a) (i32.const 1)))
                (i32x4.extract_lane 3 (struct.get $s 1 (local.get $s)))
                (i32x4.extract_lane 0 (array.get $a (local.get $a) (i32.const 2)))
                (i32x4.extract_lane 2 (array.get $a
                    (array.new_fixed $a 2 (v128.const i32x4 0 0 7 0) (v128.const i32x4 0 0 9 0))
                    (i32.const 1)))
                (struct.get $s 2 (local.get $s))
                (i32.add) (i32.add) (i32.add)))"#,
    );
    let run = instance.get_typed_func::<(), i32>(&store, "run").unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap(), 50 + 200 + 9 + 6);
}

type Scope<'a> = RootScope<&'a mut Store<()>>;

/// Makes objects of a reference that nothing else keeps, so often that collections come in
/// between, and reads it back.
#[track_caller]
fn make_of_what_is_not_rooted(
    engine: &Engine,
    make_and_read: impl Fn(&mut Scope<'_>, &[Val]) -> lineal::Result<Val>,
) {
    let mut store = Store::new(engine, ());
    for number in 0..2000_u32 {
        let mut scope = RootScope::new(&mut store);
        let value = ExternRef::new(RootScope::new(&mut scope), number).unwrap();
        let read = make_and_read(&mut scope, &[value.into(); 40]).unwrap();
        let data = read.unwrap_extern_ref().unwrap();
        let data = data.data(&scope).expect("the object keeps what it refers to").unwrap();
        assert_eq!(data.downcast_ref(), Some(&number));
    }
}

#[test]
fn the_collection_for_an_object_keeps_what_it_is_made_of() {
    let engine = engine(LIMIT_BYTES);
    let field = FieldType::new(Mutability::Const, StorageType::ValType(ValType::EXTERNREF));
    let structure = StructType::new(&engine, vec![field.clone(); 40]).unwrap();
    let array = ArrayType::new(&engine, field);
    make_of_what_is_not_rooted(&engine, |scope, values| {
        let structure = StructRefPre::new(&mut *scope, structure.clone());
        StructRef::new(&mut *scope, &structure, values)?.field(scope, 39)
    });
    make_of_what_is_not_rooted(&engine, |scope, values| {
        let array = ArrayRefPre::new(&mut *scope, array.clone());
        ArrayRef::new(&mut *scope, &array, &values[0], 40)?.get(scope, 39)
    });
    make_of_what_is_not_rooted(&engine, |scope, values| {
        let array = ArrayRefPre::new(&mut *scope, array.clone());
        ArrayRef::new_fixed(&mut *scope, &array, values)?.get(scope, 39)
    });
    make_of_what_is_not_rooted(&engine, |scope, values| {
        let ty = ExnType::new(&engine, vec![ValType::EXTERNREF; 40])?;
        let tag = Tag::new(&mut *scope, &ty.tag_type())?;
        let allocator = ExnRefPre::new(&mut *scope, ty);
        ExnRef::new(&mut *scope, &allocator, &tag, values)?.field(scope, 39)
    });
}

/// More levels than handlers look up by themselves.
const DEPTH: usize = 11;

/// A chain of types, each with one field more than the one before, and functions that test for each.
fn chain_of_types(last_is_final: bool) -> String {
    let mut types = String::from("(type $t0 (sub (struct (field i32))))");
    let mut functions = String::new();
    for depth in 0..DEPTH {
        let fields = "(field i32)".repeat(depth + 1);
        if depth > 0 {
            let is_final = if last_is_final && depth == DEPTH - 1 { "final" } else { "" };
            types +=
                &format!("(type $t{depth} (sub {is_final} $t{} (struct {fields})))", depth - 1);
        }
        let values: String =
            (0..=depth).map(|at| format!("(i32.const {})", 100 * depth + at)).collect();
        functions += &format!(
            r#"
            (func (export "new{depth}") (result anyref) (struct.new $t{depth} {values}))
            (func (export "test{depth}") (param anyref) (result i32)
                (ref.test (ref $t{depth}) (local.get 0)))
            (func (export "test_null{depth}") (param anyref) (result i32)
                (ref.test (ref null $t{depth}) (local.get 0)))
            (func (export "branch{depth}") (param anyref) (result i32)
                (if (result i32) (ref.test (ref $t{depth}) (local.get 0))
                    (then (i32.const 1)) (else (i32.const 0))))
            (func (export "br_on_cast{depth}") (param anyref) (result i32)
                (block $is (result (ref $t{depth}))
                    (drop (br_on_cast $is anyref (ref $t{depth}) (local.get 0)))
                    (return (i32.const -1)))
                (struct.get $t{depth} {depth}))
            (func (export "br_on_cast_fail{depth}") (param anyref) (result i32)
                (block $is_not (result anyref)
                    (return (struct.get $t{depth} {depth}
                        (br_on_cast_fail $is_not anyref (ref $t{depth}) (local.get 0)))))
                (drop)
                (i32.const -1))
            (func (export "cast{depth}") (param anyref) (result i32)
                (struct.get $t{depth} {depth} (ref.cast (ref $t{depth}) (local.get 0))))"#
        );
    }
    let others = r#"
        (type $array (array (mut i32)))
        (func (export "null") (result anyref) (ref.null any))
        (func (export "i31") (result anyref) (ref.i31 (i32.const 3)))
        (func (export "array") (result anyref) (array.new_default $array (i32.const 3)))"#;
    format!("(module {types} {functions} {others})")
}

#[test]
fn casts_are_by_supertypes_however_deep() {
    for last_is_final in [false, true] {
        let (mut store, instance) = instance(LIMIT_BYTES, &chain_of_types(last_is_final));
        let made: Vec<_> = (0..DEPTH)
            .map(|depth| (format!("new{depth}"), Some(depth)))
            .chain(["null", "i31", "array"].map(|name| (name.to_owned(), None)))
            .collect();
        for (make, own) in made {
            let make_it =
                instance.get_typed_func::<(), Option<Rooted<AnyRef>>>(&store, &make).unwrap();
            let object = make_it.call(&mut store, ()).unwrap();
            for depth in 0..DEPTH {
                let mut call = |name: &str| {
                    instance
                        .get_typed_func::<Option<Rooted<AnyRef>>, i32>(
                            &store,
                            &format!("{name}{depth}"),
                        )
                        .unwrap()
                        .call(&mut store, object)
                };
                let holds = own.is_some_and(|own| own >= depth);
                let field = own.filter(|_| holds).map(|own| (100 * own + depth) as i32);
                let what = format!("{make} to {depth}");
                assert_eq!(call("test").unwrap(), i32::from(holds), "{what}");
                assert_eq!(call("branch").unwrap(), i32::from(holds), "{what}");
                let or_null = holds || make == "null";
                assert_eq!(call("test_null").unwrap(), i32::from(or_null), "{what}");
                assert_eq!(call("br_on_cast").unwrap(), field.unwrap_or(-1), "{what}");
                assert_eq!(call("br_on_cast_fail").unwrap(), field.unwrap_or(-1), "{what}");
                let cast = call("cast").map_err(|error| *error.downcast_ref::<Trap>().unwrap());
                assert_eq!(cast, field.ok_or(Trap::CastFailure), "{what}");
            }
        }
    }
}

/// Structures of each size up to one that is not small, of which most are garbage: memory that is used
/// again holds what it should.
#[test]
fn small_structures_keep_their_fields() {
    for slots in 1..=10 {
        let fields = "(field (mut i64))".repeat(slots);
        let values: String =
            (0..slots).map(|at| format!("(i64.add (local.get $i) (i64.const {at}))")).collect();
        let check: String = (0..slots)
            .map(|at| {
                format!(
                    "(local.set $sum (i64.add (local.get $sum)
                        (i64.sub (struct.get $s {at} (local.get $p)) (i64.const {at}))))
                     (local.set $zeros (i64.or (local.get $zeros) (struct.get $s {at} (local.get $q))))"
                )
            })
            .collect();
        let wat = format!(
            r#"(module
            (type $s (struct {fields}))
            (global $kept (mut (ref null $s)) (ref.null $s))
            (func (export "run") (param $n i64) (result i64 i64)
                (local $i i64) (local $sum i64) (local $zeros i64)
                (local $p (ref null $s)) (local $q (ref null $s))
                (loop $next
                    (local.set $p (global.get $kept))
                    (global.set $kept (struct.new $s {values}))
                    (local.set $q (struct.new_default $s))
                    (if (i32.eqz (ref.is_null (local.get $p))) (then {check}))
                    (local.set $i (i64.add (local.get $i) (i64.const 1)))
                    (br_if $next (i64.ne (local.get $i) (local.get $n))))
                (local.get $sum) (local.get $zeros)))"#
        );
        let (mut store, instance) = instance(LIMIT_BYTES, &wat);
        let run = instance.get_typed_func::<i64, (i64, i64)>(&store, "run").unwrap();
        let expected = slots as i64 * (0..9_999).sum::<i64>();
        assert_eq!(run.call(&mut store, 10_000).unwrap(), (expected, 0), "{slots} slots");
    }
}

/// The operands of accesses to an array are read from locals, temporaries and constants.
#[test]
fn elements_of_every_width_are_read_and_written() {
    let kinds = [
        ("i8", "i32", "array.get_s", -3),
        ("i8", "i32", "array.get_u", 253),
        ("i16", "i32", "array.get_s", -30_000),
        ("i16", "i32", "array.get_u", 40_000),
        ("i32", "i32", "array.get", -70_000),
        ("i64", "i64", "array.get", -1 << 40),
        ("f32", "f32", "array.get", 1 << 20),
        ("f64", "f64", "array.get", 1 << 50),
    ];
    for (storage, ty, get, value) in kinds {
        let wat = format!(
            r#"(module
            (type $a (array (mut {storage})))
            (func $same (param (ref $a)) (result (ref $a)) (local.get 0))
            (func (export "run") (param $i i32) (param $v {ty}) (result {ty} {ty} {ty} {ty} i32)
                (local $a (ref $a)) (local $n i32)
                (local.set $a (array.new_default $a (i32.const 9)))
                (array.set $a (local.get $a) (i32.const 1) ({ty}.const {value}))
                (array.set $a (call $same (local.get $a)) (local.get $i) (local.get $v))
                (array.set $a (local.get $a) (i32.add (local.get $i) (i32.const 1))
                    ({ty}.add (local.get $v) ({ty}.const 1)))
                (local.set $n (array.len (local.get $a)))
                ({get} $a (local.get $a) (i32.const 1))
                ({get} $a (local.get $a) (local.get $i))
                ({get} $a (call $same (local.get $a)) (i32.add (local.get $i) (i32.const 1)))
                ({get} $a (local.get $a) (i32.sub (local.get $n) (i32.const 1)))
                (local.get $n)))"#
        );
        let (mut store, instance) = instance(LIMIT_BYTES, &wat);
        let run = instance.get_func(&mut store, "run").unwrap();
        let number = |value: i64| match ty {
            "i32" => Val::I32(value as i32),
            "i64" => Val::I64(value),
            "f32" => Val::F32((value as f32).to_bits()),
            _ => Val::F64((value as f64).to_bits()),
        };
        let mut results = [const { Val::I32(0) }; 5];
        run.call(&mut store, &[Val::I32(5), number(7)], &mut results).unwrap();
        let expected = [number(value), number(7), number(8), number(0), Val::I32(9)];
        assert_eq!(format!("{results:?}"), format!("{expected:?}"), "{get} of {storage}");
        for index in [8, 9, -1] {
            let error = run.call(&mut store, &[Val::I32(index), number(7)], &mut results);
            let trap = *error.unwrap_err().downcast_ref::<Trap>().unwrap();
            assert_eq!(trap, Trap::ArrayOutOfBounds, "{get} of {storage} at {index}");
        }
    }
}
