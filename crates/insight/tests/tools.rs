//! The tools on programs: what they say is what happened.

use std::io::Write;
use std::sync::{Arc, Mutex};

use lineal::{Accesses, Config, Engine, Instance, Module, Observe, Observer, Store};
use lineal_insight::blame::Blame;
use lineal_insight::heat::Heat;
use lineal_insight::trace::{Reader, Recorder};
use lineal_insight::watch::{Action, Stopped, Watch, Watchpoint, When};
use lineal_insight::{AddressRange, Place};

const PROGRAM: &str = r#"(module $demo
    (memory (export "memory") 1)
    (memory $other 1)
    (data $title (i32.const 8) "title")
    (func $set (param $addr i32) (param $value i32)
        (i32.store (local.get $addr) (local.get $value)))
    (func $get (param $addr i32) (result i32) (i32.load8_u (local.get $addr)))
    (func $outer (param $addr i32) (param $value i32)
        (call $set (local.get $addr) (local.get $value)))
    (func (export "set") (param i32 i32) (call $outer (local.get 0) (local.get 1)))
    (func (export "get") (param i32) (result i32) (call $get (local.get 0)))
    (func (export "copy") (param i32 i32 i32)
        (memory.copy (local.get 0) (local.get 1) (local.get 2)))
    (func (export "other") (param i32) (i64.store8 $other (local.get 0) (i64.const 5)))
    (func (export "sum") (result i32) (local $at i32) (local $sum i32)
        (loop $next
            (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $at))))
            (br_if $next (i32.lt_u
                (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 40000))))
        (local.get $sum)))"#;

struct Guest<T: Observer + Send + 'static> {
    store: Store<T>,
    instance: Instance,
}

impl<T: Observer + Send + 'static> Guest<T> {
    fn new(observe: Observe, tool: impl FnOnce(&Module) -> T) -> Guest<T> {
        let engine = Engine::new(Config::new().observe(observe)).unwrap();
        let module = Module::new(&engine, PROGRAM).unwrap();
        let mut store = Store::new(&engine, tool(&module));
        store.observer(|tool| tool);
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        Guest { store, instance }
    }

    fn set(&mut self, addr: i32, value: i32) -> lineal::Result<()> {
        let set = self.instance.get_typed_func::<(i32, i32), ()>(&mut self.store, "set")?;
        set.call(&mut self.store, (addr, value))
    }

    fn get(&mut self, addr: i32) -> i32 {
        let get = self.instance.get_typed_func::<i32, i32>(&mut self.store, "get").unwrap();
        get.call(&mut self.store, addr).unwrap()
    }

    fn copy(&mut self, to: i32, from: i32, len: i32) {
        let copy = self.instance.get_typed_func::<(i32, i32, i32), ()>(&mut self.store, "copy");
        copy.unwrap().call(&mut self.store, (to, from, len)).unwrap();
    }
}

fn watching(text: &str, action: Action) -> Guest<Watch> {
    Guest::new(Watch::observe(), |module| {
        let point = Watchpoint::parse(text, module).unwrap();
        Watch::new(module.engine(), vec![point]).action(action)
    })
}

#[test]
fn every_access_to_a_watched_byte_is_a_hit_and_no_other() {
    for (text, reads, writes) in [
        ("100..102:w", false, true),
        ("100..102:r", true, false),
        ("100..102:rw", true, true),
        ("100+2", false, true),
    ] {
        let mut guest = watching(text, Action::Log);
        let mut expected = 0;
        for addr in 90..110 {
            guest.set(addr, 7).unwrap();
            expected += u64::from(writes && addr < 102 && addr + 4 > 100);
            guest.get(addr);
            expected += u64::from(reads && (100..102).contains(&addr));
        }
        // A copy reads one range and writes the other.
        guest.copy(101, 200, 5);
        guest.copy(200, 96, 5);
        expected += u64::from(writes) + u64::from(reads);
        guest.copy(102, 300, 5);
        let memory = guest.instance.get_memory(&mut guest.store, "memory").unwrap();
        memory.write(&mut guest.store, 99, &[1, 2]).unwrap();
        memory.write(&mut guest.store, 102, &[1, 2]).unwrap();
        expected += u64::from(writes);
        assert_eq!(guest.store.data().counts(), [expected], "{text}");
        assert_eq!(guest.store.data().hits().len() as u64, expected, "{text}");
    }
}

#[test]
fn a_hit_tells_bytes_functions_and_callers() {
    let mut guest = watching("title:w", Action::Log);
    guest.set(10, 0x0102_0304).unwrap();
    let hits = guest.store.data().hits();
    // What the data segment puts there is no access of the program.
    assert_eq!(hits.len(), 1);
    let hit = &hits[0];
    assert_eq!(hit.watched, 0..3);
    assert_eq!((hit.addr, &hit.old[..], &hit.new[..]), (10, &b"tle\0"[..], &[4, 3, 2, 1][..]));
    assert_eq!(hit.place.name, "set");
    assert_eq!(hit.place.instruction.as_deref(), Some("i32.store"));
    let callers: Vec<&str> = hit.callers.iter().map(|place| &*place.name).collect();
    assert_eq!(callers[0], "outer");
    let text = hit.to_string();
    assert!(text.contains("write of 4 bytes at 0xa: 74 6c 65 00 -> 04 03 02 01"), "{text}");
    let json = guest.store.data().to_json();
    assert_eq!(json["version"], 1);
    assert_eq!(json["hits"][0]["place"]["name"], "set");
}

#[test]
fn changes_conditions_and_counts() {
    let mut guest = watching("100..104:c", Action::Log);
    for value in [5, 5, 6, 6, 0] {
        guest.set(100, value).unwrap();
    }
    assert_eq!(guest.store.data().counts(), [3]);
    for (text, expected) in [
        ("100..104 == 5", 2),
        ("100..104:w != 5", 3),
        ("100+4 < 5", 1),
        ("100+4 >= 6", 2),
        ("100+4 > 0x5", 2),
        ("100+4 <= 5", 3),
        ("100+4 == -1", 0),
    ] {
        let mut guest = watching(text, Action::Count);
        for value in [5, 5, 6, 6, 0] {
            guest.set(100, value).unwrap();
        }
        assert_eq!(guest.store.data().counts(), [expected], "{text}");
        assert!(guest.store.data().hits().is_empty());
    }
    let mut guest = watching("100+4#3", Action::Log);
    for value in 0..5 {
        guest.set(100, value).unwrap();
    }
    assert_eq!(guest.store.data().hits().len(), 3);
    assert_eq!(guest.store.data().hits()[0].new[0], 2);
}

#[test]
fn a_watchpoint_stops_the_guest() {
    let mut guest = watching("100+4:w", Action::Stop);
    guest.set(104, 1).unwrap();
    let error = guest.set(100, 1).unwrap_err();
    assert_eq!(error.downcast_ref::<Stopped>().unwrap().watchpoint, "100+4:w");
    let backtrace = error.downcast_ref::<lineal::WasmBacktrace>().unwrap();
    assert_eq!(backtrace.frames()[0].func_name(), Some("set"));
    assert_eq!(guest.get(100), 1, "the store was made");
}

#[test]
fn what_is_no_watchpoint_is_refused() {
    let module = Module::new(&Engine::default(), PROGRAM).unwrap();
    for text in [
        "",
        "x",
        "1..2:q",
        "1..2:",
        "1..2 = 5",
        "1..2 ==",
        "1..20 == 5",
        "1..2#0",
        "1..2#x",
        "2..1",
        "title:w:w",
    ] {
        let error = Watchpoint::parse(text, &module).expect_err(text);
        assert!(error.to_string().len() > 15, "{error}");
    }
    let point = Watchpoint::parse("memory1:0x10..0x14:rw == 0xff #7", &module).unwrap();
    assert_eq!((point.range.memory, point.range.addresses.clone()), (1, 16..20));
    assert_eq!((point.when, point.ignore), (When::Access, 6));
}

#[test]
fn another_memory_is_watched() {
    let mut guest = watching("memory1:100..101", Action::Log);
    guest.set(100, 1).unwrap();
    let other = guest.instance.get_typed_func::<i32, ()>(&mut guest.store, "other").unwrap();
    other.call(&mut guest.store, 100).unwrap();
    other.call(&mut guest.store, 101).unwrap();
    assert_eq!(guest.store.data().counts(), [1]);
    assert_eq!(guest.store.data().hits()[0].memory, 1);
}

#[test]
fn blame_knows_the_writer_of_each_byte() {
    let range = AddressRange { memory: 0, addresses: 0..32 };
    let parts = [0..12, 12..32].map(|addresses| AddressRange { memory: 0, addresses });
    let [first, second] = parts;
    let mut guest = Guest::new(Blame::observe_stacks(), |_| {
        Blame::new().with_stacks(first).with_stacks(second)
    });
    guest.set(10, -1).unwrap();
    guest.copy(20, 10, 3);
    let memory = guest.instance.get_memory(&mut guest.store, "memory").unwrap();
    memory.write(&mut guest.store, 30, &[9]).unwrap();
    let (moment, blame) = guest.store.moment_and_data().unwrap();
    let runs = blame.runs(&moment, &range);
    let found: Vec<(u64, &str, Option<&str>)> = runs
        .iter()
        .map(|run| {
            let instruction = run.place.instruction.as_deref();
            (run.addresses.start, &*run.place.name, instruction)
        })
        .collect();
    assert_eq!(
        found,
        [
            (0, "never written", None),
            (8, "data segment title", None),
            (10, "set", Some("i32.store")),
            (14, "never written", None),
            (20, "func[5]", Some("memory.copy")),
            (23, "never written", None),
            (30, "host", None),
            (31, "never written", None),
        ]
    );
    let callers: Vec<&Place> = runs[2].callers.iter().collect();
    assert_eq!(callers[0].name, "outer");
    assert_eq!(lineal_insight::blame::to_json(&runs)["runs"][2]["place"]["name"], "set");
    assert!(runs[2].to_string().starts_with("0xa  ff ff ff ff"), "{}", runs[2]);
}

#[test]
fn heat_counts_reads_and_writes_of_pieces() {
    let mut guest = Guest::new(Heat::observe(), |_| Heat::new(4096));
    let sum = guest.instance.get_typed_func::<(), i32>(&mut guest.store, "sum").unwrap();
    sum.call(&mut guest.store, ()).unwrap();
    guest.set(4094, 1).unwrap();
    let heat = guest.store.data();
    let pieces: Vec<_> = heat.pieces().collect();
    assert_eq!(pieces.len(), 10);
    assert_eq!((pieces[0].2.total.reads, pieces[0].2.total.writes), (1024, 2));
    assert_eq!((pieces[0].2.total.written_bytes, pieces[1].2.total.written_bytes), (5 + 2, 2));
    assert_eq!(heat.total().reads, 10_000);
    assert_eq!(heat.to_json()["pieces"][9]["reads"], 10_000 - 9 * 1024);
    assert!(heat.to_string().contains("0x0..0x1000"), "{heat}");
    assert!(heat.picture().lines().count() > 10, "{}", heat.picture());
}

/// Bytes that a test can look at while a recorder has them.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_trace_has_every_access() {
    let bytes = Shared::default();
    let out = bytes.clone();
    let mut guest =
        Guest::new(Recorder::observe(), |module| Recorder::new(module.engine(), out).unwrap());
    let sum = guest.instance.get_typed_func::<(), i32>(&mut guest.store, "sum").unwrap();
    sum.call(&mut guest.store, ()).unwrap();
    guest.set(96, 1).unwrap();
    guest.store.data_mut().finish().unwrap();
    assert_eq!(guest.store.data().accesses(), 10_002);
    let bytes = bytes.0.lock().unwrap();
    assert!(bytes.len() < 10_200, "{} bytes", bytes.len());
    let accesses: Vec<_> = Reader::new(&bytes[..]).unwrap().map(Result::unwrap).collect();
    assert_eq!(accesses.len(), 10_002);
    assert_eq!((accesses[0].addr, accesses[0].len_bytes, accesses[0].offset), (8, 5, None));
    assert_eq!((accesses[10_000].addr, accesses[10_000].len_bytes), (39_996, 4));
    let last = accesses[10_001];
    assert_eq!((last.addr, last.kind), (96, lineal::AccessKind::Write));
    let module = Module::new(guest.store.engine(), PROGRAM).unwrap();
    assert_eq!(
        module.func_name(module.func_at(last.offset.unwrap() as usize).unwrap()),
        Some("set")
    );
    assert_eq!(Accesses::default(), Accesses::None);
}
