//! What a store takes of all kinds comes out of one budget, and that is what it really takes.

use std::process::Command;

use lineal::{
    Caller, Engine, ExternRef, Instance, Linker, Module, ResourceLimiter, Rooted, Store, Trap,
};

const BUDGET_BYTES: usize = 48 << 20;

/// Counts everything together.
#[derive(Default)]
struct Budget {
    taken_bytes: usize,
}

impl Budget {
    fn take(&mut self, more_bytes: usize) -> bool {
        let fits = more_bytes <= BUDGET_BYTES - self.taken_bytes;
        self.taken_bytes += if fits { more_bytes } else { 0 };
        fits
    }
}

impl ResourceLimiter for Budget {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> lineal::Result<bool> {
        Ok(self.take(desired - current))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> lineal::Result<bool> {
        Ok(self.take((desired - current) * 8))
    }

    fn instance_creating(&mut self, bytes: usize) -> lineal::Result<bool> {
        Ok(self.take(bytes))
    }
}

/// What a guest fills its heap with: each is put into a list, whose nodes are objects too. The last ones
/// have something else beside them: two thirds of the budget.
const KINDS: [(&str, &str, &str); 12] = [
    ("nodes alone", "", "(ref.null any)"),
    ("structures", "", "(struct.new_default $five)"),
    ("large structures", "", "(struct.new_default $ten)"),
    ("empty arrays", "", "(array.new_default $bytes (i32.const 0))"),
    ("small arrays", "", "(array.new_default $bytes (i32.const 50))"),
    ("arrays in boxes", "", "(array.new $bytes (i32.const 1) (i32.const 73))"),
    ("large arrays", "", "(array.new $bytes (i32.const 1) (i32.const 100000))"),
    ("arrays of vectors", "", "(array.new $vectors (v128.const i64x2 1 1) (i32.const 100))"),
    ("exceptions", "", "(array.new_fixed $exceptions 1 (call $exception))"),
    ("values of the host", "", "(any.convert_extern (call $value))"),
    ("objects beside a memory", r#"(memory (export "memory") 512)"#, "(struct.new_default $five)"),
    ("objects beside a table", "(table 4000000 funcref)", "(struct.new_default $five)"),
];

fn wat(beside: &str, make: &str) -> String {
    format!(
        r#"(module
        (import "host" "value" (func $value (result externref)))
        (type $node (struct (field (ref null $node)) (field anyref)))
        (type $five (struct (field i64 i64 i64 i64 i64)))
        (type $ten (struct (field i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)))
        (type $bytes (array (mut i8)))
        (type $vectors (array (mut v128)))
        (type $exceptions (array (mut exnref)))
        (tag $tag (param i64 i64 i64))
        {beside}
        (func $exception (result exnref) (local $exception exnref)
            (block $caught (result i64 i64 i64 exnref)
                (try_table (catch_ref $tag $caught)
                    (throw $tag (i64.const 1) (i64.const 2) (i64.const 3)))
                (unreachable))
            (local.set $exception) (drop) (drop) (drop)
            (local.get $exception))
        (global $list (mut (ref null $node)) (ref.null $node))
        (func (export "fill")
            (loop $next
                (global.set $list (struct.new $node (global.get $list) {make}))
                (br $next)))
        (func (export "clear") (global.set $list (ref.null $node))))"#
    )
}

/// Without what is mapped from files; 0 where the system does not say.
fn resident_bytes() -> usize {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return 0 };
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    kilobytes.map_or(0, |text| text.trim_end_matches("kB").trim().parse::<usize>().unwrap() * 1024)
}

/// The variable with the number of the kind that a process is to fill its heap with.
const KIND: &str = "LINEAL_TEST_KIND";

#[test]
fn a_guest_gets_its_budget_once() {
    if let Ok(kind) = std::env::var(KIND) {
        return fill(kind.parse().unwrap());
    }
    // One process for each, because what the host's allocator keeps of a store is not the next one's.
    for (kind, (name, ..)) in KINDS.iter().enumerate() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "a_guest_gets_its_budget_once", "--nocapture"]);
        let output = command.env(KIND, kind.to_string()).output().unwrap();
        let report = String::from_utf8_lossy(&output.stdout);
        report.lines().filter(|line| line.contains("round")).for_each(|line| println!("{line}"));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && report.contains("round 2"), "{name}: {errors}");
    }
}

fn fill(kind: usize) {
    let (name, beside, make) = KINDS[kind];
    let engine = Engine::default();
    let mut linker = Linker::<Budget>::new(&engine);
    linker
        .func_wrap("host", "value", |caller: Caller<'_, Budget>| -> lineal::Result<_> {
            let value: Rooted<ExternRef> = ExternRef::new(caller, [1_u64; 4])?;
            Ok(Some(value))
        })
        .unwrap();
    let module = Module::new(&engine, wat(beside, make)).unwrap();
    let before_bytes = resident_bytes();
    let mut store = Store::new(&engine, Budget::default());
    store.limiter(|budget| budget);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    // What is not touched takes nothing.
    if let Some(memory) = instance.get_memory(&mut store, "memory") {
        memory.data_mut(&mut store).fill(1);
    }
    let fill = instance.get_typed_func::<(), ()>(&store, "fill").unwrap();
    let clear = instance.get_typed_func::<(), ()>(&store, "clear").unwrap();
    let mut taken_bytes = 0;
    for round in 0..3 {
        let error = fill.call(&mut store, ()).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Trap::GcHeapOutOfMemory));
        taken_bytes = store.data().taken_bytes;
        // The rest is less than what the last object needed, or a block of small ones.
        assert!(taken_bytes <= BUDGET_BYTES);
        assert!(taken_bytes + (256 << 10) >= BUDGET_BYTES, "{taken_bytes}");
        let resident_bytes = resident_bytes().saturating_sub(before_bytes);
        println!("{name}, round {round}: {resident_bytes} bytes");
        // The stack and the host's allocator take some, too.
        assert!(resident_bytes <= BUDGET_BYTES + BUDGET_BYTES / 20, "{resident_bytes}");
        clear.call(&mut store, ()).unwrap();
    }
    // What is free again is the heap's, and nobody is asked for it again.
    store.gc(None).unwrap();
    assert_eq!(store.data().taken_bytes, taken_bytes);
}

#[test]
fn constant_expressions_come_out_of_the_budget() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, Budget::default());
    store.limiter(|budget| budget);
    let array = |bytes: usize| {
        let wat = format!(
            "(module (type $bytes (array i8)) (memory 256)
                (global (ref $bytes) (array.new $bytes (i32.const 1) (i32.const {bytes}))))"
        );
        Module::new(&engine, wat).unwrap()
    };
    let error = Instance::new(&mut store, &array(33 << 20), &[]).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Trap::GcHeapOutOfMemory));
    assert!(error.to_string().ends_with("exceed the store's limit"), "{error}");
    let mut store = Store::new(&engine, Budget::default());
    store.limiter(|budget| budget);
    Instance::new(&mut store, &array(31 << 20), &[]).unwrap();
    assert!(store.data().taken_bytes > 47 << 20);
    // What the host makes counts, too.
    let values = (0..20).map_while(|_| ExternRef::new(&mut store, [0_u64; 1 << 13]).ok());
    assert!((8..16).contains(&values.count()));
}
