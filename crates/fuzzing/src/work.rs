//! How long it takes to load a module must grow with its size, whatever it is made of.
//!
//! A test case chooses what a function repeats: what opens blocks, what is inside all of them, and
//! what comes between their ends. The function is loaded at one size and at eight times that. If that
//! takes much more than eight times the processor time, again and again, the shape is reported.

use std::time::Duration;

use lineal::{Config, Engine, Module};

use crate::numbers::Numbers;

/// What opens a block.
const OPEN: [&str; 6] = [
    "block ",
    "loop ",
    "i32.const 1 if ",
    "try_table (catch_all 0) ",
    "block block end ",
    "i32.const 1 if nop else ",
];

/// What leaves the operand stack as it is. `FAR` stands for the outermost label, and `BIG` for the
/// last local.
const NEUTRAL: [&str; 18] = [
    "call 0 ",
    "i32.const 1 br_if 0 ",
    "i32.const 1 br_if FAR ",
    "block i32.const 1 br_table 0 FAR 0 end ",
    "block br FAR end ",
    "block throw 0 end ",
    "block return end ",
    "try_table (catch 0 0) (catch_all FAR) call 0 end ",
    "loop local.get 0 local.set 1 end ",
    "local.get 1 local.set BIG ",
    "local.get BIG local.get 0 i32.add local.set 1 ",
    "i32.const 0 local.get 0 local.get 1 i32.add i32.store ",
    "local.get 0 i32.const 4 i32.add local.get 1 i32.load i32.load offset=8 drop drop ",
    "global.get 0 i32.const 1 i32.add global.set 0 ",
    "local.get 0 i32.const 0 call_indirect (type 1) drop ",
    "i32.const 1 if local.get 0 local.set 1 else nop end ",
    "memory.size memory.grow drop ",
    "local.get 2 v128.not local.set 2 ",
];

/// How often everything is repeated, and how much more often the second time.
const REPEATED: usize = 400;
const TIMES: usize = 8;

/// How many times as long each byte may take in the larger module.
const MOST_GROWTH: f64 = 2.5;

/// How often a slow shape is measured before it is reported.
const ATTEMPTS: usize = 4;

pub(crate) fn judge(bytes: &[u8]) -> Result<(), String> {
    let mut numbers = Numbers::new(bytes);
    let shape = Shape::choose(&mut numbers);
    let mut config = Config::new();
    config
        .parallel_compilation(false)
        .consume_fuel(numbers.once_in(2))
        .epoch_interruption(numbers.once_in(2));
    let engine = Engine::new(&config).expect("valid options");
    let [small, large] = [REPEATED, REPEATED * TIMES].map(|count| shape.module(count));
    let growth = large.len() as f64 / small.len() as f64;
    let mut least = f64::INFINITY;
    for _ in 0..ATTEMPTS {
        let [small, large] = [(&small, 4), (&large, 2)].map(|(wasm, rounds)| {
            let times = (0..rounds).map(|_| load(&engine, wasm));
            times.min().expect("there are rounds").as_secs_f64()
        });
        least = least.min(large / small / growth);
        if least <= MOST_GROWTH {
            return Ok(());
        }
    }
    Err(format!(
        "each byte takes {least:.1} times as long in a module {growth:.1} times as large: {shape:?}"
    ))
}

/// What a function repeats.
#[derive(Debug)]
struct Shape {
    open: Vec<&'static str>,
    inside: Vec<&'static str>,
    between: Vec<&'static str>,
    /// How many locals it has for each repetition.
    locals: usize,
}

impl Shape {
    fn choose(numbers: &mut Numbers<'_>) -> Shape {
        let mut some = |of: &[&'static str], most: usize| -> Vec<&'static str> {
            let count = numbers.below(most + 1);
            (0..count).map(|_| numbers.pick(of)).collect()
        };
        let (open, inside) = (some(&OPEN, 2), some(&NEUTRAL, 3));
        let between = some(&NEUTRAL, 2);
        Shape { open, inside, between, locals: numbers.below(3) }
    }

    fn module(&self, count: usize) -> Vec<u8> {
        let locals = (self.locals * count).clamp(1, 40_000);
        let labels = self.open.len() * count;
        let fill = |parts: &[&str], labels: usize| {
            let text = parts.concat();
            text.replace("FAR", &labels.to_string()).replace("BIG", &(2 + locals).to_string())
        };
        let mut body = self.open.concat().repeat(count);
        body += &fill(&self.inside, labels).repeat(count);
        let mut open = labels;
        for _ in 0..count {
            for _ in &self.open {
                body += "end ";
                open -= 1;
            }
            body += &fill(&self.between, open);
        }
        let text = format!(
            "(module (type (func)) (type (func (param i32) (result i32))) (tag) (memory 1) (table 1 funcref)
                (global (mut i32) (i32.const 0))
                (func (local i32 i32 v128 {}) {body}))",
            "i32 ".repeat(locals)
        );
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn load(engine: &Engine, wasm: &[u8]) -> Duration {
    let begin = processor_time();
    Module::from_binary(engine, wasm).expect("a valid module");
    processor_time() - begin
}

/// How long this thread had a processor.
#[cfg(unix)]
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Where there is no such clock, time since the first call.
#[cfg(not(unix))]
fn processor_time() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;

    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
