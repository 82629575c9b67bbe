//! What hosts do to memories is reported, with the function that does it.

use lineal::{
    Access, AccessKind, AccessSource, Accesses, Caller, Config, Engine, Func, Instance, Linker,
    Memory, MemoryType, Module, Moment, Observe, Observer, Result, SharedMemory, Site, Store,
};

#[derive(Default)]
struct Log {
    accesses: Vec<(AccessKind, AccessSource, std::ops::Range<u64>, String)>,
    mark: Option<std::ops::Range<u64>>,
}

impl Observer for Log {
    fn access(&mut self, moment: &mut Moment<'_>, access: &Access<'_>) -> Result<()> {
        let origin = moment.origin(access.site()).to_string();
        self.accesses.push((access.kind(), access.source(), access.range(), origin));
        Ok(())
    }

    fn instantiated(
        &mut self,
        moment: &mut Moment<'_>,
        instance: &lineal::Instantiated<'_>,
    ) -> Result<()> {
        if let Some(range) = &self.mark {
            moment.set_interest(instance.memories[0], range.clone(), true);
        }
        Ok(())
    }
}

const PROGRAM: &str = r#"(module
    (import "env" "fill" (func $fill (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 64) "data")
    (func (export "run") (call $fill (i32.const 16)))
    (func (export "store") (param i32) (i32.store16 (local.get 0) (i32.const -1))))"#;

fn linker(engine: &Engine) -> Linker<Log> {
    let mut linker = Linker::new(engine);
    let fill = |mut caller: Caller<'_, Log>, addr: u32| -> Result<()> {
        let memory = caller.get_export("memory").and_then(|it| it.into_memory()).unwrap();
        memory.write(&mut caller, addr as usize, b"host")?;
        memory.load::<u8>(&caller, 64)?;
        Ok(())
    };
    linker.func_wrap("env", "fill", fill).unwrap();
    linker
}

#[test]
fn the_host_function_is_named() {
    let observe = Observe::new().accesses(Accesses::All).writers(true);
    let engine = Engine::new(Config::new().observe(observe)).unwrap();
    let module = Module::new(&engine, PROGRAM).unwrap();
    let mut store = Store::new(&engine, Log::default());
    store.observer(|log| log);
    let instance = linker(&engine).instantiate(&mut store, &module).unwrap();
    instance.get_typed_func::<(), ()>(&mut store, "run").unwrap().call(&mut store, ()).unwrap();
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    memory.write(&mut store, 1, b"x").unwrap();
    assert!(memory.write(&mut store, 65_536, b"x").is_err(), "out of bounds");
    let (read, write) = (AccessKind::Read, AccessKind::Write);
    let (segment, host) = (AccessSource::Segment, AccessSource::Host);
    let named = |text: &str| text.to_owned();
    assert_eq!(
        store.data().accesses,
        [
            (write, segment, 64..68, named("data segment 0")),
            (write, host, 16..20, named("host: fill")),
            (read, host, 64..65, named("host: fill")),
            (write, host, 1..2, named("host")),
        ]
    );
    let id = store.memory_id(&memory).unwrap();
    let moment = store.moment().unwrap();
    let writer = |addr| moment.origin(moment.writer(id, addr)).to_string();
    assert_eq!(writer(16), "host: fill");
    assert_eq!(writer(1), "host");
    assert_eq!(writer(65), "data segment 0");
    assert_eq!(writer(2), "never written");
    assert_eq!(moment.writer(id, 1), Site::HOST);
}

/// Each width at each distance from a marked range: reported if it touches the range, and never
/// if it is more than a granule away.
#[test]
fn what_touches_a_marked_range_is_reported() {
    let observe = Observe::new().accesses(Accesses::OfInterest);
    let engine = Engine::new(Config::new().observe(observe)).unwrap();
    let module = Module::new(&engine, PROGRAM).unwrap();
    let marked = 1003..1005_u64;
    let mut store = Store::new(&engine, Log { mark: Some(marked.clone()), ..Log::default() });
    store.observer(|log| log);
    let instance = linker(&engine).instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<u32, ()>(&mut store, "store").unwrap();
    for addr in 980..1030_u64 {
        run.call(&mut store, addr as u32).unwrap();
        let range = addr..addr + 2;
        let touches = range.start < marked.end && marked.start < range.end;
        let is_near = range.end + 8 > marked.start && range.start < marked.end + 8;
        let reported = store.data_mut().accesses.pop().is_some();
        assert!(reported || !touches, "{addr} was not reported");
        assert!(!reported || is_near, "{addr} was reported");
    }
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    memory.write(&mut store, 900, &[1; 200]).unwrap();
    assert_eq!(store.data_mut().accesses.pop().unwrap().2, 900..1100);
    let id = store.memory_id(&memory).unwrap();
    store.moment().unwrap().set_interest(id, marked, false);
    run.call(&mut store, 1003).unwrap();
    assert!(store.data().accesses.is_empty());
}

/// Stores on several threads have one memory: each sees its own accesses, and all know the last
/// writer.
#[test]
fn threads_share_a_memory() {
    let observe = Observe::new().accesses(Accesses::All).writers(true);
    let engine = Engine::new(Config::new().observe(observe)).unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "env" "memory" (memory 1 1 shared))
            (func (export "run") (param $slot i32) (local $n i32)
                (loop $again
                    (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
                    (i32.store (local.get $slot) (local.get $n))
                    (br_if $again (i32.lt_u
                        (local.tee $n (i32.add (local.get $n) (i32.const 1)))
                        (i32.const 500))))))"#,
    )
    .unwrap();
    let ty = MemoryType::shared(1, 1);
    let memory = SharedMemory::new(&engine, ty).unwrap();
    std::thread::scope(|scope| {
        for thread in 1..4_u32 {
            let (engine, module, memory) = (&engine, &module, memory.clone());
            scope.spawn(move || {
                let mut store = Store::new(engine, Log::default());
                store.observer(|log| log);
                let instance = Instance::new(&mut store, module, &[memory.into()]).unwrap();
                let run = instance.get_typed_func::<u32, ()>(&mut store, "run").unwrap();
                run.call(&mut store, thread * 64).unwrap();
                let accesses = &store.data().accesses;
                assert_eq!(accesses.len(), 1000);
                let own = u64::from(thread) * 64..u64::from(thread) * 64 + 4;
                assert_eq!(accesses.iter().filter(|access| access.2 == own).count(), 500);
            });
        }
    });
    assert_eq!(memory.linear().atomic_load::<u32>(0, 0).unwrap(), 1500);
    let mut store = Store::new(&engine, Log::default());
    Instance::new(&mut store, &module, &[memory.clone().into()]).unwrap();
    let id = store.shared_memory_id(&memory).unwrap();
    store.moment().unwrap().set_interest(id, 0..8, true);
    let moment = store.moment().unwrap();
    assert_eq!(moment.writer(id, 64), moment.writer(id, 192));
    assert_ne!(moment.writer(id, 0), Site::NOBODY);
    assert_ne!(moment.writer(id, 0), moment.writer(id, 64));
    assert_eq!(moment.writer(id, 4), Site::NOBODY);
}

/// What the host does to a shared memory for a store is told to that store's observer, and to no
/// other's.
#[test]
fn the_host_uses_a_shared_memory() {
    let observe = Observe::new().accesses(Accesses::All).writers(true);
    let engine = Engine::new(Config::new().observe(observe)).unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "env" "memory" (memory 1 1 shared))
            (func (import "env" "fill"))
            (func (export "run") (call 0)))"#,
    )
    .unwrap();
    let ty = MemoryType::shared(1, 1);
    let memory = SharedMemory::new(&engine, ty).unwrap();
    let mut other = Store::new(&engine, Log::default());
    other.observer(|log| log);
    memory.write(&mut other, 8, &[9]).unwrap();

    let mut store = Store::new(&engine, Log::default());
    store.observer(|log| log);
    let inner = memory.clone();
    let fill = Func::wrap(&mut store, move |mut caller: Caller<'_, Log>| -> Result<()> {
        inner.write(&mut caller, 100, &[1, 2, 3])?;
        let mut bytes = [0; 2];
        inner.read(&caller, 101, &mut bytes)?;
        assert_eq!(bytes, [2, 3]);
        inner.write(&mut caller, 65_534, &[7; 3]).unwrap_err();
        Ok(())
    });
    let instance =
        Instance::new(&mut store, &module, &[memory.clone().into(), fill.into()]).unwrap();
    instance.get_typed_func::<(), ()>(&mut store, "run").unwrap().call(&mut store, ()).unwrap();
    let ranges: Vec<_> = store.data().accesses.iter().map(|access| access.2.clone()).collect();
    assert_eq!(ranges, [100..103, 101..103]);
    assert!(other.data().accesses.is_empty());
    assert_eq!(memory.linear().load::<u8>(65_534, 0).unwrap(), 0);
    let id = store.shared_memory_id(&memory).unwrap();
    let moment = store.moment().unwrap();
    let writers = [moment.writer(id, 99), moment.writer(id, 100), moment.writer(id, 8)];
    assert_eq!([writers[0], writers[2]], [Site::NOBODY; 2]);
    assert_eq!(engine.origin(writers[1]).to_string(), "host: fill");
}

#[test]
fn nothing_is_kept_where_nothing_is_observed() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, Log::default());
    store.observer(|log| log);
    let ty = MemoryType::new(1, None);
    let memory = Memory::new(&mut store, ty).unwrap();
    memory.write(&mut store, 0, &[1]).unwrap();
    assert!(store.moment().is_none());
    assert_eq!(store.memory_id(&memory), None);
    assert!(store.data().accesses.is_empty());
}
