//! Litmus tests: small programs that race, run very often. Outcomes that the memory model forbids
//! must never be seen; the others are counted (`--nocapture` shows how often each came up).
//!
//! Each thread goes through an array of places, at each of which it runs its few instructions on
//! two numbers, `$x` and `$y`, in cache lines of their own, and leaves what it read. Before each
//! place the threads wait for one another, but not for long: some may not be running.

use std::collections::BTreeMap;
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;

use lineal::{Engine, Instance, MemoryType, Module, SharedMemory, Store};

/// How many places a round has.
const PLACES: u64 = 2_000;
const ROUNDS: usize = if cfg!(debug_assertions) { 10 } else { 30 };
/// How far apart places are: two cache lines.
const STRIDE: u64 = 128;
/// Where what was read goes: four numbers for each place.
const RESULTS: u64 = 1 << 19;

/// Where the threads count how often they came to a place.
const ARRIVALS: u64 = 1 << 20;

/// Held by the test that runs: threads race best when they have the processor to themselves.
static RUNNING: Mutex<()> = Mutex::new(());

fn module(engine: &Engine, threads: usize, body: &str) -> Module {
    let wat = format!(
        r#"(module (import "" "" (memory 17 17 shared))
        (func (export "run") (param $count i32)
            (local $i i32) (local $x i32) (local $y i32) (local $r i32)
            (local $arrived i32) (local $patience i32)
            (loop $next
                (local.set $x (i32.mul (local.get $i) (i32.const {STRIDE})))
                (local.set $y (i32.add (local.get $x) (i32.const 64)))
                (local.set $r (i32.add (i32.const {RESULTS})
                    (i32.mul (local.get $i) (i32.const 16))))
                (local.set $arrived (i32.add (local.get $arrived) (i32.const {threads})))
                (local.set $patience (i32.const 500))
                (drop (i32.atomic.rmw.add (i32.const {ARRIVALS}) (i32.const 1)))
                (loop $wait
                    (local.set $patience (i32.sub (local.get $patience) (i32.const 1)))
                    (br_if $wait (i32.and
                        (i32.lt_u (i32.atomic.load (i32.const {ARRIVALS})) (local.get $arrived))
                        (i32.ne (local.get $patience) (i32.const 0)))))
                {body}
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $next (i32.lt_u (local.get $i) (local.get $count))))))"#
    );
    Module::new(engine, &wat).unwrap_or_else(|error| panic!("{wat}: {error:#}"))
}

/// What was seen at a place: the results, then `$x` and `$y` as they are in the end.
type Outcome = [u32; 6];

/// Runs threads with these bodies, and counts what `key` makes of the outcomes.
fn run<K: Ord>(bodies: &[&str], key: impl Fn(Outcome) -> K) -> BTreeMap<K, u64> {
    let _running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let engine = Engine::default();
    let ty = MemoryType::shared(17, 17);
    let memory = SharedMemory::new(&engine, ty).unwrap();
    let barrier = Barrier::new(bodies.len() + 1);
    let mut counts = BTreeMap::new();
    thread::scope(|scope| {
        for body in bodies {
            let (engine, memory, barrier) = (&engine, &memory, &barrier);
            scope.spawn(move || {
                let mut store = Store::new(engine, ());
                let imports = [memory.clone().into()];
                let instance =
                    Instance::new(&mut store, &module(engine, bodies.len(), body), &imports)
                        .unwrap();
                let run = instance.get_typed_func::<u32, ()>(&store, "run").unwrap();
                for _ in 0..ROUNDS {
                    barrier.wait();
                    run.call(&mut store, PLACES as u32).unwrap();
                    barrier.wait();
                }
            });
        }
        for _ in 0..ROUNDS {
            memory.linear().fill(0, 0, memory.data_size() as u64).unwrap();
            barrier.wait();
            barrier.wait();
            for place in 0..PLACES {
                let load = |addr| memory.linear().load::<u32>(addr, 0).unwrap();
                let result = |at: u64| load(RESULTS + 16 * place + 4 * at);
                let (x, y) = (load(STRIDE * place), load(STRIDE * place + 64));
                let outcome = [result(0), result(1), result(2), result(3), x, y];
                *counts.entry(key(outcome)).or_insert(0) += 1;
            }
        }
    });
    counts
}

/// Runs a test of two threads that read two numbers in all, and prints what they read.
fn two_reads(name: &str, bodies: [&str; 2], is_allowed: impl Fn(u32, u32) -> bool) {
    let counts = run(&bodies, |[a, b, ..]| (a, b));
    println!("{name}: {counts:?}");
    assert_eq!(counts.values().sum::<u64>(), ROUNDS as u64 * PLACES);
    for (&(a, b), count) in &counts {
        assert!(a <= 1 && b <= 1, "{name}: ({a}, {b}) was never written");
        assert!(is_allowed(a, b), "{name}: ({a}, {b}) seen {count} times");
    }
}

/// Instructions, atomic or plain.
fn set(kind: &str, place: &str, value: u32) -> String {
    format!("(i32.{kind}store (local.get ${place}) (i32.const {value}))")
}

fn get(kind: &str, place: &str, result: u32) -> String {
    format!(
        "(i32.store offset={} (local.get $r) (i32.{kind}load (local.get ${place})))",
        4 * result
    )
}

const ATOMIC: &str = "atomic.";
const PLAIN: &str = "";

#[test]
fn message_passing() {
    // The flag is up but the message is not there: only if the flag is plain.
    for (data, flag) in [(ATOMIC, ATOMIC), (PLAIN, ATOMIC), (PLAIN, PLAIN)] {
        let sender = set(data, "x", 1) + &set(flag, "y", 1);
        let receiver = get(flag, "y", 0) + &get(data, "x", 1);
        two_reads(
            &format!("message passing, {data:?} data, {flag:?} flag"),
            [&sender, &receiver],
            |flag_seen, data_seen| flag == PLAIN || (flag_seen, data_seen) != (1, 0),
        );
    }
}

#[test]
fn store_buffering() {
    for kind in [ATOMIC, PLAIN] {
        let first = set(kind, "x", 1) + &get(kind, "y", 0);
        let second = set(kind, "y", 1) + &get(kind, "x", 1);
        two_reads(&format!("store buffering, {kind:?}"), [&first, &second], |a, b| {
            kind == PLAIN || (a, b) != (0, 0)
        });
    }
    // An exchange orders as well as a store does.
    let exchange =
        |place| format!("(drop (i32.atomic.rmw.xchg (local.get ${place}) (i32.const 1)))");
    let first = exchange("x") + &get(ATOMIC, "y", 0);
    let second = exchange("y") + &get(ATOMIC, "x", 1);
    two_reads("store buffering, exchanges", [&first, &second], |a, b| (a, b) != (0, 0));
}

#[test]
fn load_buffering() {
    for kind in [ATOMIC, PLAIN] {
        let first = get(kind, "x", 0) + &set(kind, "y", 1);
        let second = get(kind, "y", 1) + &set(kind, "x", 1);
        two_reads(&format!("load buffering, {kind:?}"), [&first, &second], |a, b| {
            kind == PLAIN || (a, b) != (1, 1)
        });
    }
}

#[test]
fn coherence_of_reads() {
    let writer = set(ATOMIC, "x", 1);
    let reader = get(ATOMIC, "x", 0) + &get(ATOMIC, "x", 1);
    two_reads("coherence, read and read", [&writer, &reader], |a, b| (a, b) != (1, 0));
}

#[test]
fn two_and_two_writes() {
    for kind in [ATOMIC, PLAIN] {
        let first = set(kind, "x", 1) + &set(kind, "y", 2);
        let second = set(kind, "y", 1) + &set(kind, "x", 2);
        let counts = run(&[&first, &second], |[.., x, y]| (x, y));
        println!("2+2W, {kind:?}: {counts:?}");
        for &(x, y) in counts.keys() {
            assert!((1..=2).contains(&x) && (1..=2).contains(&y));
            // Each thread's first write would have to come after the other's second.
            assert!(kind == PLAIN || (x, y) != (1, 1));
        }
    }
}

#[test]
fn independent_reads_of_independent_writes() {
    let writers = [set(ATOMIC, "x", 1), set(ATOMIC, "y", 1)];
    let readers =
        [get(ATOMIC, "x", 0) + &get(ATOMIC, "y", 1), get(ATOMIC, "y", 2) + &get(ATOMIC, "x", 3)];
    let bodies = [&*writers[0], &writers[1], &readers[0], &readers[1]];
    let counts = run(&bodies, |[a, b, c, d, ..]| [a, b, c, d]);
    println!("independent reads of independent writes: {counts:?}");
    // The readers would disagree about which write came first.
    assert!(!counts.contains_key(&[1, 0, 1, 0]));
}

#[test]
fn read_modify_writes_are_one_step() {
    let add = "(i32.store offset={at} (local.get $r)
        (i32.atomic.rmw.add (local.get $x) (i32.const 1)))";
    let [first, second] = ["0", "4"].map(|at| add.replace("{at}", at));
    let counts = run(&[&first, &second], |[a, b, .., x, _]| (a, b, x));
    println!("two additions: {counts:?}");
    assert!(counts.keys().all(|&outcome| matches!(outcome, (0, 1, 2) | (1, 0, 2))));
}

#[test]
fn aligned_accesses_do_not_tear() {
    for (ty, bits, offset) in [("i32", u64::from(u32::MAX), 4), ("i64", u64::MAX, 8)] {
        let writer = format!(
            "({ty}.store offset={offset} (local.get $x) ({ty}.const -1))
             ({ty}.store offset={offset} (local.get $x) ({ty}.const 0))"
        )
        .repeat(8);
        let reader =
            format!("({ty}.store (local.get $r) ({ty}.load offset={offset} (local.get $x)))");
        let counts =
            run(&[&writer, &reader], |[low, high, ..]| u64::from(low) | u64::from(high) << 32);
        println!("tearing, {ty}: {counts:x?}");
        assert!(counts.keys().all(|&seen| seen == 0 || seen == bits));
    }
}

/// Instances of a module on threads of their own, which share a memory; what each call returns.
fn play(wat: &str, maximum: u32, args: [(&str, u32); 2]) -> Vec<u32> {
    let _running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let engine = Engine::default();
    let module = Module::new(&engine, wat).unwrap();
    let ty = MemoryType::shared(1, maximum);
    let memory = SharedMemory::new(&engine, ty).unwrap();
    let (engine, module, memory) = (&engine, &module, &memory);
    thread::scope(|scope| {
        let players = args.map(|(name, arg)| {
            scope.spawn(move || {
                let mut store = Store::new(engine, ());
                let instance = Instance::new(&mut store, module, &[memory.clone().into()]).unwrap();
                let func = instance.get_typed_func::<u32, u32>(&store, name).unwrap();
                func.call(&mut store, arg).unwrap()
            })
        });
        players.into_iter().map(|player| player.join().unwrap()).collect()
    })
}

#[test]
fn ping_pong() {
    const ROUNDS: u32 = 20_000;
    // The number at 0 says whose turn it is; the one at 64, which is plain, how often it was.
    let wat = format!(
        r#"(module (import "" "" (memory 1 1 shared))
        (func (export "play") (param $me i32) (result i32) (local $round i32) (local $waits i32)
            (loop $next
                (loop $again
                    (if (i32.ne (i32.atomic.load (i32.const 0)) (local.get $me))
                        (then
                            (drop (memory.atomic.wait32 (i32.const 0)
                                (i32.sub (i32.const 1) (local.get $me)) (i64.const -1)))
                            (local.set $waits (i32.add (local.get $waits) (i32.const 1)))
                            (br $again))))
                (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
                (i32.atomic.store (i32.const 0) (i32.sub (i32.const 1) (local.get $me)))
                (drop (memory.atomic.notify (i32.const 0) (i32.const 1)))
                (local.set $round (i32.add (local.get $round) (i32.const 1)))
                (br_if $next (i32.lt_u (local.get $round) (i32.const {ROUNDS}))))
            (if (i32.eq (local.get $me) (i32.const 0))
                (then (drop (memory.atomic.wait32 (i32.const 0) (i32.const 1) (i64.const -1)))))
            (if (i32.ne (i32.load (i32.const 64)) (i32.const {}))
                (then unreachable))
            (local.get $waits)))"#,
        2 * ROUNDS
    );
    let waits = play(&wat, 1, [("play", 0), ("play", 1)]);
    println!("ping-pong: {ROUNDS} rounds, waits {waits:?}");
}

#[test]
fn growth_during_access() {
    const PAGES: u32 = 400;
    // One grows; the other follows, and writes to the last number of what it is told there is. The
    // first gives it some time to do so.
    let wat = format!(
        r#"(module (import "" "" (memory 1 {PAGES} shared))
        (func (export "grow") (param $pages i32) (result i32) (local $patience i32)
            (loop $next
                (local.set $patience (i32.const 2000))
                (loop $wait
                    (local.set $patience (i32.sub (local.get $patience) (i32.const 1)))
                    (br_if $wait (i32.and
                        (i32.ne (i32.atomic.load (i32.const 64)) (memory.size))
                        (i32.ne (local.get $patience) (i32.const 0)))))
                (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
                (i32.atomic.store (i32.const 0) (memory.size))
                (br_if $next (i32.lt_u (memory.size) (local.get $pages))))
            (memory.size))
        (func (export "follow") (param $pages i32) (result i32)
            (local $size i32) (local $last i32) (local $steps i32)
            (loop $next
                (local.set $size (memory.size))
                (if (i32.lt_u (local.get $size) (local.get $last)) (then unreachable))
                ;; The size of another thread is no news either.
                (if (i32.gt_u (i32.atomic.load (i32.const 0)) (memory.size)) (then unreachable))
                (i32.store offset=65532
                    (i32.shl (i32.sub (local.get $size) (i32.const 1)) (i32.const 16))
                    (local.get $size))
                (if (i32.ne (local.get $size) (local.get $last))
                    (then (local.set $steps (i32.add (local.get $steps) (i32.const 1)))))
                (local.set $last (local.get $size))
                (i32.atomic.store (i32.const 64) (local.get $size))
                (br_if $next (i32.lt_u (local.get $size) (local.get $pages))))
            (local.get $steps)))"#
    );
    let results = play(&wat, PAGES, [("grow", PAGES), ("follow", PAGES)]);
    println!("growth: to {} pages, {} sizes seen", results[0], results[1]);
    assert_eq!(results[0], PAGES);
    assert!((1..=PAGES).contains(&results[1]));
}
