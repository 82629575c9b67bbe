//! Calls of chosen functions, of host functions, and changes of chosen globals.

use lineal::{
    Access, Accesses, Call, Config, Ending, Engine, GlobalSet, Growth, Instance, Linker, Module,
    Moment, Observe, Observer, Origin, Result, Site, Store, Trap, WasmBacktrace,
};

/// Writes down what it is told.
#[derive(Default)]
struct Log {
    lines: Vec<String>,
    /// Changes the first argument of calls, and the first result.
    add: u64,
    stacks: Vec<Vec<Site>>,
}

fn name(moment: &Moment<'_>, site: Site) -> String {
    moment.origin(site).to_string()
}

impl Observer for Log {
    fn entered(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        let (function, caller) = (name(moment, call.function), name(moment, call.site));
        self.lines.push(format!("{function}({:?}) from {caller} at {}", call.values, call.height));
        let mut sites = Vec::new();
        moment.stack(32, &mut sites);
        let backtrace = moment.backtrace();
        let names = sites.iter().map(|&site| name(moment, site));
        let frames = backtrace.frames().iter().map(|frame| frame.func_name().unwrap().to_owned());
        assert!(names.eq(frames), "{backtrace}");
        self.stacks.push(sites);
        if let Some(first) = call.values.first_mut() {
            *first += self.add;
        }
        Ok(())
    }

    fn returned(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        let function = name(moment, call.function);
        let tail = if call.is_tail_call { " by a tail call" } else { "" };
        self.lines.push(format!("{function} = {:?}{tail}", call.values));
        if let Some(first) = call.values.first_mut() {
            *first += self.add;
        }
        Ok(())
    }

    fn host_called(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        let (function, caller) = (name(moment, call.function), name(moment, call.site));
        self.lines.push(format!("{function}({:?}) from {caller}", call.values));
        Ok(())
    }

    fn host_returned(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        self.lines.push(format!("{} = {:?}", name(moment, call.function), call.values));
        Ok(())
    }

    fn global_set(&mut self, moment: &mut Moment<'_>, set: &GlobalSet) -> Result<()> {
        let GlobalSet { global, old, new, .. } = *set;
        self.lines.push(format!("{}: global {global} {old} -> {new}", name(moment, set.site)));
        Ok(())
    }

    fn unwound(&mut self, _: &mut Moment<'_>, height: u64) -> Result<()> {
        self.lines.push(format!("unwound to {height}"));
        Ok(())
    }

    fn ended(&mut self, moment: &mut Moment<'_>, ending: Ending) -> Result<()> {
        let depth = moment.backtrace().frames().len();
        self.lines.push(format!("{ending:?} at depth {depth}"));
        Ok(())
    }
}

const PROGRAM: &str = r#"(module
    (import "env" "twice" (func $twice (param i32) (result i32)))
    (tag $oops)
    (global $sp (mut i32) (i32.const 1000))
    (global $other (mut f64) (f64.const 0))
    (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
    (func $pair (param i64 f32 v128) (result i64 f32 v128)
        (br_if 0 (local.get 0) (local.get 1) (local.get 2) (i64.eqz (local.get 0)))
        (drop) (drop) (drop)
        (i64.const 5) (local.get 1) (local.get 2))
    (func $tail (param i32) (result i32) (return_call $double (local.get 0)))
    (func $early (param i32) (result i32)
        (if (i32.gt_s (local.get 0) (i32.const 10)) (then (return (i32.const 77))))
        (drop (br_if 0 (local.get 0) (i32.eq (local.get 0) (i32.const 3))))
        (i32.add (local.get 0) (i32.const 100)))
    (func $none (drop (i32.const 0)))
    (func $throws (param i32) (if (local.get 0) (then (throw $oops))))
    (func $call_run (export "run") (param i32) (result i32)
        (global.set $sp (i32.sub (global.get $sp) (i32.const 16)))
        (global.set $other (f64.const 1.5))
        (call $none)
        (call $twice (call $double (local.get 0))))
    (func $call_pair (export "pair") (param i64 f32) (result i64)
        (call $pair (local.get 0) (local.get 1) (v128.const i64x2 3 4))
        (drop) (drop))
    (func $call_tail (export "tail") (param i32) (result i32) (call $tail (local.get 0)))
    (func $call_early (export "early") (param i32) (result i32) (call $early (local.get 0)))
    (func $call_catch (export "catch") (param i32)
        (block $caught
            (try_table (catch $oops $caught) (call $throws (local.get 0)))))
    (func $call_trap (export "trap") (drop (call $early (i32.div_s (i32.const 1) (i32.const 0)))))
)"#;

fn store(observe: Observe) -> (Store<Log>, lineal::Instance) {
    let engine = Engine::new(Config::new().observe(observe)).unwrap();
    let module = Module::new(&engine, PROGRAM).unwrap();
    let mut linker = Linker::new(&engine);
    linker.func_wrap("env", "twice", |x: i32| x * 2).unwrap();
    let mut store = Store::new(&engine, Log::default());
    store.observer(|log| log);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    (store, instance)
}

fn all_functions() -> Observe {
    Observe::new().functions(|_| true)
}

fn call1(store: &mut Store<Log>, instance: lineal::Instance, name: &str, x: i32) -> i32 {
    let func = instance.get_typed_func::<i32, i32>(&mut *store, name).unwrap();
    func.call(store, x).unwrap()
}

#[test]
fn chosen_functions_report_arguments_and_results() {
    let chosen = |function: &lineal::FunctionInfo<'_>| {
        assert_eq!(function.name() == Some("call_run"), function.exports() == ["run"]);
        matches!(function.name(), Some("double" | "none"))
    };
    let globals = |global: &lineal::GlobalInfo<'_>| global.index() == 0;
    let observe = Observe::new().functions(chosen).globals(globals).host_calls(true);
    let (mut store, instance) = store(observe);
    assert_eq!(call1(&mut store, instance, "run", 21), 84);
    assert_eq!(
        store.data().lines,
        [
            "call_run: global 0 1000 -> 984",
            "none([]) from call_run at 2",
            "none = []",
            "double([21]) from call_run at 2",
            "double = [42]",
            "host: twice([42]) from call_run",
            "host: twice = [84]",
            "Returned at depth 0",
        ]
    );
}

#[test]
fn observers_change_arguments_and_results() {
    let (mut store, instance) = store(Observe::new().functions(|f| f.name() == Some("double")));
    store.data_mut().add = 1;
    // (21 + 1) * 2 + 1, twice.
    assert_eq!(call1(&mut store, instance, "run", 21), 90);
}

#[test]
fn every_way_to_return_is_reported() {
    let (mut store, instance) = store(all_functions());
    for (x, expected) in [(11, 77), (3, 3), (4, 104)] {
        assert_eq!(call1(&mut store, instance, "early", x), expected);
        let lines = std::mem::take(&mut store.data_mut().lines);
        assert!(lines.contains(&format!("early = [{expected}]")), "{lines:?}");
        assert_eq!(lines.len(), 5, "{lines:?}");
    }
    let pair = instance.get_typed_func::<(i64, f32), i64>(&mut store, "pair").unwrap();
    for (x, expected) in [(0, 0), (9, 5)] {
        assert_eq!(pair.call(&mut store, (x, 1.5)).unwrap(), expected);
        let lines = std::mem::take(&mut store.data_mut().lines);
        let values = [expected as u64, u64::from(1.5_f32.to_bits()), 3, 4];
        assert!(lines.contains(&format!("pair = {values:?}")), "{lines:?}");
    }
    assert_eq!(call1(&mut store, instance, "tail", 4), 8);
    let lines = std::mem::take(&mut store.data_mut().lines);
    assert!(lines.contains(&"tail = [] by a tail call".to_owned()), "{lines:?}");
    assert!(lines.contains(&"double = [8]".to_owned()), "{lines:?}");
}

#[test]
fn exceptions_and_traps_are_told() {
    let (mut store, instance) = store(all_functions());
    let catch = instance.get_typed_func::<i32, ()>(&mut store, "catch").unwrap();
    catch.call(&mut store, 1).unwrap();
    let lines = std::mem::take(&mut store.data_mut().lines);
    assert!(lines.contains(&"unwound to 0".to_owned()), "{lines:?}");
    assert!(!lines.iter().any(|line| line.starts_with("throws =")), "{lines:?}");
    let trap = instance.get_typed_func::<(), ()>(&mut store, "trap").unwrap();
    let error = trap.call(&mut store, ()).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::IntegerDivisionByZero));
    assert_eq!(error.downcast_ref::<WasmBacktrace>().unwrap().frames().len(), 1);
    let lines = &store.data().lines;
    assert_eq!(lines.last().unwrap(), "Trapped(IntegerDivisionByZero) at depth 1");
}

#[test]
fn a_global_is_reported_only_below_a_limit() {
    let (mut store, instance) = store(Observe::new().globals(|_| true));
    store.moment().unwrap().report_globals_below(980);
    call1(&mut store, instance, "run", 1);
    call1(&mut store, instance, "run", 1);
    let lines = &store.data().lines;
    assert_eq!(lines.iter().filter(|line| line.contains("984 -> 968")).count(), 1, "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("1000 -> 984")), "{lines:?}");
}

#[test]
fn origins_know_functions_and_offsets() {
    let (mut store, instance) = store(all_functions());
    call1(&mut store, instance, "run", 1);
    let stacks = std::mem::take(&mut store.data_mut().stacks);
    let engine = store.engine().clone();
    let Origin::Instruction(frame) = engine.origin(stacks[0][0]) else { panic!("no instruction") };
    assert_eq!(frame.func_index(), 7);
    assert!(frame.module_offset().is_some());
    drop(store);
    assert!(matches!(engine.origin(stacks[0][0]), Origin::Instruction(_)), "the frame has it");
    drop(frame);
    assert!(matches!(engine.origin(stacks[0][0]), Origin::Unknown));
}

/// Writes down the functions whose accesses are reported, and how often a memory grew.
#[derive(Default)]
struct Accessed {
    by: Vec<u32>,
    growths: usize,
}

impl Observer for Accessed {
    fn access(&mut self, moment: &mut Moment<'_>, access: &Access<'_>) -> Result<()> {
        if let Origin::Instruction(frame) = moment.origin(access.site()) {
            self.by.push(frame.func_index());
        }
        Ok(())
    }

    fn grew(&mut self, _: &mut Moment<'_>, _: &Growth) -> Result<()> {
        self.growths += 1;
        Ok(())
    }
}

#[test]
fn accesses_of_silent_functions_are_not_reported_unless_writers_are_remembered() {
    let wat = r#"(module (memory 1)
        (func $loud (i32.store (i32.const 8) (i32.load (i32.const 16))))
        (func $quiet (export "run")
            (i32.store (i32.const 8) (i32.load (i32.const 16)))
            (v128.store (i32.const 32) (v128.load (i32.const 64)))
            (memory.fill (i32.const 0) (i32.const 1) (i32.const 200))
            (drop (i32.atomic.rmw.add (i32.const 8) (i32.const 1)))
            (drop (memory.grow (i32.const 1)))
            (call $loud)))"#;
    let accessed = |observe: Observe| {
        let observe = observe.silent(|function| function.name() == Some("quiet"));
        let engine = Engine::new(Config::new().observe(observe)).unwrap();
        let module = Module::new(&engine, wat).unwrap();
        let mut store = Store::new(&engine, Accessed::default());
        store.observer(|accessed| accessed);
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
        run.call(&mut store, ()).unwrap();
        store.into_data()
    };
    let all = || Observe::new().accesses(Accesses::All);
    let silent = accessed(all());
    assert_eq!((silent.by, silent.growths), (vec![0, 0], 1));
    let with_writers = accessed(all().writers(true));
    assert!(with_writers.by.contains(&1) && with_writers.by.ends_with(&[0, 0]));
}
