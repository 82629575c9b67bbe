//! Exceptions: from guest to guest, and between guest and host.

use crate::{instantiate, trap};
use lineal::{
    AsContextMut, Caller, Config, Engine, ExnRef, ExnRefPre, ExnType, Extern, Func, FuncType,
    Instance, Linker, Module, Rooted, Store, Tag, TagType, ThrownException, Trap, Val, ValType,
    WasmBacktrace,
};

#[test]
fn an_uncaught_exception_is_a_typed_error_with_a_backtrace() {
    let (mut store, instance) = instantiate(
        r#"(module $m (tag (export "t") (param i32 f64))
            (func $inner (throw 0 (i32.const 1) (f64.const 2.5)))
            (func (export "run") (call $inner)))"#,
    );
    let run = instance.get_typed_func::<(), ()>(&store, "run").unwrap();
    let error = run.call(&mut store, ()).unwrap_err();
    assert!(error.is::<ThrownException>());
    let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
    assert_eq!(backtrace.frames()[0].func_name(), Some("inner"));
    assert_eq!(backtrace.frames().len(), 2);

    assert!(store.has_pending_exception());
    let exception = store.take_pending_exception().unwrap();
    assert!(store.take_pending_exception().is_none());
    let tag = instance.get_tag(&store, "t").unwrap();
    assert!(Tag::eq(&exception.tag(&store).unwrap(), &tag, &store));
    let fields: Vec<Val> = exception.fields(&store).unwrap().collect();
    assert_eq!((fields[0].i32(), fields[1].f64()), (Some(1), Some(2.5)));
    assert!(exception.field(&store, 2).is_err());
}

/// A guest that catches what the imported function throws with the imported tag.
const CATCHER: &str = r#"(module
    (import "host" "tag" (tag $t (param i32)))
    (import "host" "throw" (func $throw (param i32)))
    (func $deeper (param i32) (call $throw (local.get 0)))
    (func (export "run") (param i32) (result i32)
        (block $caught (result i32)
            (try_table (catch $t $caught) (call $deeper (local.get 0)))
            (i32.const -1)))
    (func (export "pass") (param i32) (call $deeper (local.get 0)))
    (func (export "tail") (param i32) (result i32)
        (block $caught (result i32)
            (try_table (catch $t $caught) (call $tail_calls (local.get 0)))
            (i32.const -1)))
    (func $tail_calls (param i32)
        (block $never (result i32)
            (try_table (catch $t $never) (return_call $throw (local.get 0)))
            (return))
        (unreachable)))"#;

fn new_tag(store: &mut Store<()>, value: ValType) -> Tag {
    let ty = TagType::new(FuncType::new(store.engine(), [value], []));
    Tag::new(store, &ty).unwrap()
}

fn exception(
    mut store: impl AsContextMut,
    tag: &Tag,
    values: &[Val],
) -> lineal::Result<Rooted<ExnRef>> {
    let ty = ExnType::from_tag_type(&tag.ty(&store))?;
    let allocator = ExnRefPre::new(&mut store, ty);
    ExnRef::new(store, &allocator, tag, values)
}

fn catcher() -> (Store<()>, Instance, Tag) {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let tag = new_tag(&mut store, ValType::I32);
    let mut linker = Linker::new(&engine);
    linker.define(&store, "host", "tag", Extern::Tag(tag)).unwrap();
    linker
        .func_wrap("host", "throw", move |mut caller: Caller<'_, ()>, value: i32| {
            if value == 0 {
                return Ok(());
            }
            let exception = exception(&mut caller, &tag, &[Val::I32(value)])?;
            lineal::Result::Ok(caller.throw(exception)?)
        })
        .unwrap();
    let module = Module::new(&engine, CATCHER).unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    (store, instance, tag)
}

#[test]
fn guests_catch_what_host_functions_throw() {
    let (mut store, instance, _) = catcher();
    for name in ["run", "tail"] {
        let run = instance.get_typed_func::<i32, i32>(&store, name).unwrap();
        assert_eq!(run.call(&mut store, 7).unwrap(), 7);
        assert_eq!(run.call(&mut store, 0).unwrap(), -1);
        assert!(!store.has_pending_exception());
    }
}

#[test]
fn exceptions_go_through_host_functions_that_pass_the_error_on() {
    let (mut store, inner, tag) = catcher();
    let pass = inner.get_typed_func::<i32, ()>(&store, "pass").unwrap();
    let through = Func::wrap(&mut store, move |mut caller: Caller<'_, ()>, value: i32| {
        pass.call(&mut caller, value).map_err(|error| error.context("on the way"))
    });
    let module = Module::new(store.engine(), CATCHER).unwrap();
    let imports = [Extern::Tag(tag), Extern::Func(through)];
    let outer = Instance::new(&mut store, &module, &imports).unwrap();
    let run = outer.get_typed_func::<i32, i32>(&store, "run").unwrap();
    assert_eq!(run.call(&mut store, 9).unwrap(), 9);
}

#[test]
fn a_tag_of_the_same_type_catches_nothing() {
    let (mut store, _, tag) = catcher();
    let ty = tag.ty(&store);
    let other = Tag::new(&mut store, &ty).unwrap();
    assert!(!Tag::eq(&tag, &other, &store));
    let throw = Func::wrap(&mut store, move |mut caller: Caller<'_, ()>, value: i32| {
        let exception = exception(&mut caller, &other, &[Val::I32(value)])?;
        lineal::Result::<()>::Ok(caller.as_context_mut().throw(exception)?)
    });
    let module = Module::new(store.engine(), CATCHER).unwrap();
    let imports = [Extern::Tag(tag), Extern::Func(throw)];
    let instance = Instance::new(&mut store, &module, &imports).unwrap();
    let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    assert!(run.call(&mut store, 1).unwrap_err().is::<ThrownException>());
}

#[test]
fn tags_are_imported_by_exact_type() {
    let (mut store, _, _) = catcher();
    let tag = new_tag(&mut store, ValType::I64);
    let module = Module::new(store.engine(), "(module (import \"\" \"\" (tag (param i32))))");
    let error = Instance::new(&mut store, &module.unwrap(), &[Extern::Tag(tag)]).unwrap_err();
    assert!(error.to_string().contains("expected a tag of type (i32) -> ()"), "{error}");
}

#[test]
fn values_of_an_exception_are_checked() {
    let (mut store, _, tag) = catcher();
    assert!(exception(&mut store, &tag, &[]).is_err());
    assert!(exception(&mut store, &tag, &[Val::I64(1)]).is_err());
    let other = ExnType::new(store.engine(), [ValType::I64]).unwrap();
    let other = ExnRefPre::new(&mut store, other);
    assert!(ExnRef::new(&mut store, &other, &tag, &[Val::I64(1)]).is_err());
}

#[test]
fn locals_and_registers_are_right_where_an_exception_is_caught() {
    let (mut store, instance) = instantiate(
        r#"(module (tag $t (param i32 i64))
            (func $maybe (param i32) (result i32)
                (if (i32.eqz (i32.rem_u (local.get 0) (i32.const 3)))
                    (then (throw $t (local.get 0) (i64.const 1000))))
                (local.get 0))
            ;; Sums what is returned and, times a thousand, what is thrown.
            (func (export "sum") (param $n i32) (result i64) (local $sum i64) (local $x f64)
                (loop $next
                    (block $caught (result i32 i64)
                        (try_table (catch $t $caught)
                            (local.set $sum (i64.add (local.get $sum)
                                (i64.extend_i32_u (call $maybe (local.get $n)))))
                            (local.set $x (f64.add (local.get $x) (f64.const 1))))
                        (i32.const 0) (i64.const 0))
                    (local.set $sum (i64.add (local.get $sum)))
                    (i64.extend_i32_u) (i64.mul (i64.const 1000))
                    (local.set $sum (i64.add (local.get $sum)))
                    (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (i64.add (local.get $sum) (i64.trunc_f64_s (local.get $x))))
            ;; Caught by the function itself, and by a loop.
            (func (export "own") (param i32) (result i32 i64)
                (try_table (catch $t 0) (drop (call $maybe (local.get 0))))
                (i32.const -1) (i64.const -1))
            (func (export "again") (param i32) (result i32)
                (loop $again
                    (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                    (try_table (catch_all $again) (drop (call $maybe (local.get 0)))))
                (local.get 0)))"#,
    );
    let sum = instance.get_typed_func::<i32, i64>(&store, "sum").unwrap();
    let expected: i64 = (1..=10).map(|n| if n % 3 == 0 { 1000 + 1000 * n } else { n + 1 }).sum();
    assert_eq!(sum.call(&mut store, 10).unwrap(), expected);
    let own = instance.get_typed_func::<i32, (i32, i64)>(&store, "own").unwrap();
    assert_eq!(own.call(&mut store, 6).unwrap(), (6, 1000));
    assert_eq!(own.call(&mut store, 7).unwrap(), (-1, -1));
    let again = instance.get_typed_func::<i32, i32>(&store, "again").unwrap();
    assert_eq!(again.call(&mut store, 2).unwrap(), 4);
}

#[test]
fn exceptions_are_freed_and_limited() {
    let engine = Engine::new(Config::new().gc_heap_limit(1 << 20)).unwrap();
    let module = Module::new(
        &engine,
        r#"(module (tag $t (param i64)) (tag $linked (param exnref))
            (func (export "loop") (param $n i32)
                (loop $next
                    (block $caught (result i64)
                        (try_table (catch $t $caught) (throw $t (i64.const 1)))
                        (unreachable))
                    (drop)
                    (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
            (func (export "keep") (local $last exnref)
                (loop $next
                    (block $caught (result exnref exnref)
                        (try_table (catch_ref $linked $caught)
                            (throw $linked (local.get $last)))
                        (unreachable))
                    (local.set $last)
                    (drop)
                    (br $next))))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let run = instance.get_typed_func::<i32, ()>(&store, "loop").unwrap();
    run.call(&mut store, 100_000).unwrap();
    let keep = instance.get_typed_func::<(), ()>(&store, "keep").unwrap();
    assert_eq!(trap(&keep.call(&mut store, ()).unwrap_err()), Trap::GcHeapOutOfMemory);
    run.call(&mut store, 100_000).unwrap();
}
