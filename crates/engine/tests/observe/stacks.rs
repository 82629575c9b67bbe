//! Stacks as lists of sites, which are kept from one to the next, agree with backtraces.

use lineal::{
    Call, Caller, Config, Engine, Func, Linker, Module, Moment, Observe, Observer, Origin, Result,
    Store,
};

/// Compares each stack with the backtrace, with a limit that changes, and counts returns.
#[derive(Default)]
struct Compare {
    stacks: usize,
    longest: usize,
    returns: usize,
}

impl Observer for Compare {
    fn entered(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        let place = |origin| match origin {
            Origin::Instruction(frame) => (frame.func_index(), frame.module_offset()),
            origin => panic!("{origin}"),
        };
        let backtrace = moment.backtrace();
        let frames: Vec<_> = backtrace
            .frames()
            .iter()
            .map(|frame| (frame.func_index(), frame.module_offset()))
            .collect();
        let limit = [1, 3, usize::MAX, 7, 20, 0][self.stacks / 5 % 6];
        let mut sites = Vec::new();
        moment.stack(limit, &mut sites);
        let places: Vec<_> = sites.iter().map(|&site| place(moment.origin(site))).collect();
        let compared = frames.len().min(limit);
        assert_eq!(places[..compared], frames[..compared], "stack {}", self.stacks);
        let all = frames.len() + backtrace.frames_left_out();
        assert_eq!(places.len(), all.min(limit), "stack {}", self.stacks);
        if let Origin::Instruction(frame) = moment.origin(call.site) {
            assert_eq!((frame.func_index(), frame.module_offset()), frames[1]);
        } else {
            assert_eq!(frames.len(), 1, "the host called it");
        }
        self.stacks += 1;
        self.longest = self.longest.max(frames.len());
        Ok(())
    }

    fn returned(&mut self, _: &mut Moment<'_>, _: &mut Call<'_>) -> Result<()> {
        self.returns += 1;
        Ok(())
    }
}

/// Functions that call each other as a random number says, at several places: within an instance,
/// across to another one, through the host, by tail calls, out of which they trap or throw, and `probe`,
/// whose calls are reported.
const WALKER: &str = r#"(module
    (import "other" "go" (func $other (param i32)))
    (import "host" "go" (func $host (param i32)))
    (global $random (export "random") (mut i32) (i32.const 1))
    (func $next (param $below i32) (result i32)
        (global.set $random (i32.add
            (i32.mul (global.get $random) (i32.const 1664525)) (i32.const 1013904223)))
        (i32.rem_u (i32.shr_u (global.get $random) (i32.const 8)) (local.get $below)))
    (tag $up)
    (func $probe (export "probe") (param i32))
    (func $small (param $depth i32)
        (call $probe (i32.const 1))
        (return_call $step (local.get $depth)))
    (func $large (param $depth i32) (local i64 i64 i64 i64 i64)
        (block $caught (try_table (catch $up $caught) (call $step (local.get $depth))))
        (call $probe (i32.const 2)))
    (func $step (param $depth i32) (local $times i32)
        (call $probe (i32.const 3))
        (if (i32.eqz (local.get $depth)) (then
            (if (i32.eqz (call $next (i32.const 40))) (then (throw $up)))
            (if (i32.eqz (call $next (i32.const 400))) (then (unreachable)))
            (return)))
        (local.set $times (call $next (i32.const 3)))
        (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))
        (loop $again
            (block $done (block $d (block $c (block $b (block $a
                (br_table $a $b $c $d $done (call $next (i32.const 9))))
                (call $small (local.get $depth)) (br $done))
                (call $large (local.get $depth)) (br $done))
                (call $other (local.get $depth)) (br $done))
                (call $host (local.get $depth)))
            (call $probe (i32.const 4))
            (br_if $again (i32.ge_s (local.tee $times
                (i32.sub (local.get $times) (i32.const 1))) (i32.const 0)))))
    (func (export "go") (param i32) (call $step (local.get 0))))"#;

#[test]
fn stacks_agree_with_backtraces() -> Result<()> {
    let observe = Observe::new()
        .functions(|function| function.name() == Some("small"))
        .entries(|function| function.name() == Some("probe"));
    let engine = Engine::new(Config::new().observe(observe))?;
    let module = Module::new(&engine, WALKER)?;
    let mut store = Store::new(&engine, Compare::default());
    store.observer(|compare| compare);
    let mut linker = Linker::new(&engine);
    // Through the host into the first instance, once there is one.
    let first: std::sync::Arc<std::sync::OnceLock<Func>> = Default::default();
    let back = first.clone();
    linker.func_wrap(
        "host",
        "go",
        move |mut caller: Caller<'_, Compare>, depth: i32| match back.get() {
            Some(go) => go.typed::<i32, ()>(&caller)?.call(&mut caller, depth),
            None => Ok(()),
        },
    )?;
    linker.func_wrap("other", "go", |_: i32| {})?;
    let inner = linker.instantiate(&mut store, &module)?;
    linker.allow_shadowing(true);
    let inner_go = inner.get_func(&store, "go").unwrap();
    linker.define(&store, "other", "go", inner_go)?;
    let outer = linker.instantiate(&mut store, &module)?;
    let go = outer.get_typed_func::<i32, ()>(&store, "go")?;
    first.set(*go.func()).ok().unwrap();
    let mut failures = 0;
    for round in 0..2_000 {
        let random = outer.get_global(&mut store, "random").unwrap();
        random.set(&mut store, lineal::Val::I32(round * 7919))?;
        failures += u32::from(go.call(&mut store, 2 + round % 12).is_err());
    }
    let compare = store.data();
    assert!(compare.stacks > 10_000, "{}", compare.stacks);
    assert!(compare.longest > 15, "{}", compare.longest);
    assert!(failures > 5, "{failures}");
    // Of `small` alone: nobody asked for the returns of `probe`.
    assert!(compare.returns > 0 && compare.returns < compare.stacks / 5, "{}", compare.returns);
    Ok(())
}
