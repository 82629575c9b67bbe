//! Checks the protocol in the interleavings of a few threads, on queues that do step by step
//! what those of `parking` do.

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use loom::model;
use loom::sync::atomic::{AtomicU32, Ordering::SeqCst};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use super::{Queues, WaitResult};

/// One queue.
struct Model {
    waiting: Mutex<VecDeque<usize>>,
    sleepers: Mutex<Sleepers>,
    changed: Condvar,
    /// Whether a thread asks what is expected while it holds the queue, as it must.
    asks_in_time: bool,
}

#[derive(Default)]
struct Sleepers {
    /// Whether each thread that went to sleep was taken from the queue.
    woken: Vec<bool>,
    /// Whether time-outs are over.
    time_is_up: bool,
}

impl Model {
    fn new(asks_in_time: bool) -> Model {
        Model {
            waiting: Mutex::default(),
            sleepers: Mutex::default(),
            changed: Condvar::new(),
            asks_in_time,
        }
    }

    /// Makes all time-outs end, now or when they begin.
    fn time_is_up(&self) {
        self.sleepers.lock().unwrap().time_is_up = true;
        self.changed.notify_all();
    }
}

impl Queues for Model {
    fn park(
        &self,
        _: usize,
        still_expected: impl FnOnce() -> bool,
        timeout: Option<Duration>,
        mut interrupt: Option<&mut dyn FnMut() -> bool>,
    ) -> Option<WaitResult> {
        let mut answer = Some(still_expected);
        if !self.asks_in_time && !answer.take().is_some_and(|ask| ask()) {
            return Some(WaitResult::Mismatch);
        }
        let mut waiting = self.waiting.lock().unwrap();
        if answer.is_some_and(|ask| !ask()) {
            return Some(WaitResult::Mismatch);
        }
        let mut sleepers = self.sleepers.lock().unwrap();
        let this = sleepers.woken.len();
        sleepers.woken.push(false);
        drop(sleepers);
        waiting.push_back(this);
        drop(waiting);

        let mut sleepers = self.sleepers.lock().unwrap();
        let end = loop {
            if sleepers.woken[this] {
                return Some(WaitResult::Ok);
            }
            if timeout.is_some() && sleepers.time_is_up {
                break Some(WaitResult::TimedOut);
            }
            if let Some(interrupt) = &mut interrupt {
                // It is asked once, at any time.
                drop(sleepers);
                if interrupt() {
                    break None;
                }
                sleepers = self.sleepers.lock().unwrap();
                if sleepers.woken[this] {
                    continue;
                }
            }
            sleepers = self.changed.wait(sleepers).unwrap();
        };
        // Even if the time is up: whoever was taken from the queue is counted as woken.
        let mut waiting = self.waiting.lock().unwrap();
        match waiting.iter().position(|&waiter| waiter == this) {
            Some(place) => {
                waiting.remove(place);
                end
            }
            None => Some(WaitResult::Ok),
        }
    }

    fn unpark(&self, _: usize, count: u32) -> u32 {
        let mut waiting = self.waiting.lock().unwrap();
        let taken = waiting.len().min(count as usize);
        let taken: Vec<usize> = waiting.drain(..taken).collect();
        drop(waiting);
        let mut sleepers = self.sleepers.lock().unwrap();
        taken.iter().for_each(|&sleeper| sleepers.woken[sleeper] = true);
        drop(sleepers);
        self.changed.notify_all();
        taken.len() as u32
    }
}

/// A queue, and the number that is waited on.
fn memory(asks_in_time: bool) -> Arc<(Model, AtomicU32)> {
    Arc::new((Model::new(asks_in_time), AtomicU32::new(0)))
}

fn spawn_waiter(
    memory: &Arc<(Model, AtomicU32)>,
    timeout: Option<Duration>,
) -> thread::JoinHandle<WaitResult> {
    let memory = memory.clone();
    thread::spawn(move || {
        memory.0.park(0, || memory.1.load(SeqCst) == 0, timeout, None).expect("nobody interrupts")
    })
}

/// Whether a thread that waits may miss that the number is changed and then notified.
fn loses_wake_ups(asks_in_time: bool) -> bool {
    let lost = std::sync::Arc::new(AtomicBool::new(false));
    let found = lost.clone();
    model(move || {
        let memory = memory(asks_in_time);
        let waiter = spawn_waiter(&memory, Some(Duration::ZERO));
        memory.1.store(1, SeqCst);
        let woken = memory.0.unpark(0, 1);
        memory.0.time_is_up();
        match waiter.join().unwrap() {
            WaitResult::Ok => assert_eq!(woken, 1),
            WaitResult::Mismatch => assert_eq!(woken, 0),
            // Without a time-out it would sleep for ever.
            WaitResult::TimedOut => found.store(true, SeqCst),
        }
    });
    lost.load(SeqCst)
}

#[test]
fn no_wake_up_is_lost() {
    assert!(!loses_wake_ups(true));
}

#[test]
fn the_model_finds_lost_wake_ups() {
    assert!(loses_wake_ups(false));
}

/// Checks a program that has too many interleavings to try all: those in which threads are
/// interrupted, rather than have to wait, at most
/// three times.
fn model_in_part(program: impl Fn() + Send + Sync + 'static) {
    let mut builder = model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(program);
}

#[test]
fn each_wake_up_is_counted_once() {
    model_in_part(|| {
        let memory = memory(true);
        let waiters = [(); 2].map(|()| spawn_waiter(&memory, None));
        let one = memory.0.unpark(0, 1);
        memory.1.store(1, SeqCst);
        let others = memory.0.unpark(0, u32::MAX);
        let ends = waiters.map(|waiter| waiter.join().unwrap());
        let woken = ends.iter().filter(|&&end| end == WaitResult::Ok).count();
        assert!(one <= 1);
        assert_eq!(woken as u32, one + others);
        assert!(!ends.contains(&WaitResult::TimedOut));
    });
}

#[test]
fn a_time_out_takes_no_wake_up_away() {
    model(|| {
        let memory = memory(true);
        let waiter = spawn_waiter(&memory, Some(Duration::ZERO));
        let clock = memory.clone();
        let clock = thread::spawn(move || clock.0.time_is_up());
        // The number stays: only the queue decides.
        let woken = memory.0.unpark(0, 1);
        let waited = waiter.join().unwrap();
        assert_eq!(waited, if woken == 1 { WaitResult::Ok } else { WaitResult::TimedOut });
        clock.join().unwrap();
    });
}

#[test]
fn an_interruption_takes_no_wake_up_away() {
    model(|| {
        let memory = memory(true);
        let waiter = memory.clone();
        let waiter = thread::spawn(move || waiter.0.park(0, || true, None, Some(&mut || true)));
        let woken = memory.0.unpark(0, 1);
        let waited = waiter.join().unwrap();
        assert_eq!(waited, if woken == 1 { Some(WaitResult::Ok) } else { None });
    });
}

#[test]
fn turns_are_taken_for_ever() {
    /// Waits for its turn twice, and passes it on.
    fn play((model, turn): &(Model, AtomicU32), me: u32) {
        for _ in 0..2 {
            while turn.load(SeqCst) != me {
                model.park(0, || turn.load(SeqCst) == 1 - me, None, None);
            }
            turn.store(1 - me, SeqCst);
            model.unpark(0, 1);
        }
    }
    model_in_part(|| {
        let memory = memory(true);
        let other = memory.clone();
        let other = thread::spawn(move || play(&other, 1));
        play(&memory, 0);
        other.join().unwrap();
    });
}
