//! A thousand guests share one thread of a tokio runtime. Most of them wait for the host; two never
//! stop computing, and let the others run all the same.
//!
//! A guest that waits is its store and a future, not a thread: all of its state is in the store.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use lineal::{Caller, Config, Engine, InstancePre, Linker, Module, Result, Store};
use tokio::task::JoinSet;

const GUESTS: usize = 1000;

const GUEST: &str = r#"(module
    (import "host" "ask" (func $ask (param i32) (result i32)))
    (memory (export "memory") 1)

    ;; Asks three times, and adds the answers.
    (func (export "ask_three_times") (param $number i32) (result i32) (local $i i32) (local $sum i32)
        (loop $next
            (local.set $sum (i32.add (local.get $sum)
                (call $ask (i32.add (local.get $number) (local.get $i)))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $i) (i32.const 3))))
        (local.get $sum))

    (func (export "compute_forever") (loop $forever (br $forever))))"#;

/// What the host knows of a guest.
#[derive(Default)]
struct Guest {
    questions: u32,
}

/// A database, say, that takes a while to answer.
async fn answer(mut caller: Caller<'_, Guest>, question: i32) -> i32 {
    caller.data_mut().questions += 1;
    tokio::time::sleep(Duration::from_millis(10)).await;
    question * 2
}

fn new_store(engine: &Engine) -> Store<Guest> {
    let mut store = Store::new(engine, Guest::default());
    // The guest lets others run each time the host says so.
    store.epoch_deadline_async_yield_and_update(1);
    store.set_epoch_deadline(1);
    store
}

async fn ask_three_times(pre: InstancePre<Guest>, number: i32) -> Result<(i32, u32)> {
    let mut store = new_store(pre.module().engine());
    let instance = pre.instantiate_async(&mut store).await?;
    let ask = instance.get_typed_func::<i32, i32>(&store, "ask_three_times")?;
    let sum = ask.call_async(&mut store, number).await?;
    Ok((sum, store.data().questions))
}

async fn compute_forever(pre: InstancePre<Guest>) -> Result<()> {
    let mut store = new_store(pre.module().engine());
    let instance = pre.instantiate_async(&mut store).await?;
    let compute = instance.get_typed_func::<(), ()>(&store, "compute_forever")?;
    compute.call_async(&mut store, ()).await
}

async fn run_guests(out: &mut impl Write) -> Result<()> {
    let engine = Engine::new(Config::new().epoch_interruption(true))?;
    let module = Module::new(&engine, GUEST)?;
    let mut linker = Linker::new(&engine);
    linker.func_wrap_async("host", "ask", |caller, (question,): (i32,)| {
        Box::new(answer(caller, question))
    })?;
    let pre = linker.instantiate_pre(&module)?;

    // A thread that does nothing but count time.
    let ticker = engine.weak();
    std::thread::spawn(move || {
        while let Some(engine) = ticker.upgrade() {
            engine.increment_epoch();
            std::thread::sleep(Duration::from_millis(1));
        }
    });

    let mut forever = JoinSet::new();
    for _ in 0..2 {
        forever.spawn(compute_forever(pre.clone()));
    }
    let start = Instant::now();
    let mut guests = JoinSet::new();
    for number in 0..GUESTS {
        guests.spawn(ask_three_times(pre.clone(), number as i32));
    }
    let (mut sum, mut questions) = (0_i64, 0);
    while let Some(guest) = guests.join_next().await {
        let (guest_sum, guest_questions) = guest??;
        sum += i64::from(guest_sum);
        questions += guest_questions;
    }
    // One after the other, they would have waited for half a minute.
    let waited = Duration::from_millis(10) * questions;
    writeln!(out, "{GUESTS} guests asked {questions} questions; the answers add up to {sum}")?;
    writeln!(out, "together they waited {waited:?}, the host less: {}", start.elapsed() < waited)?;
    // These end where they are.
    forever.shutdown().await;
    Ok(())
}

/// Runs the example, which writes its report to `out`.
pub(crate) fn run(out: &mut impl Write) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(run_guests(out))
}

fn main() -> Result<()> {
    run(&mut io::stdout())
}
