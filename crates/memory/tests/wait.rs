//! Waiting on shared memories with real threads. (The model in `src/wait` tries every order.)

#![cfg(feature = "wait")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lineal_memory::{AtomicError, MemoryType, Pages, RmwOp, SharedMemory, WaitResult};

fn memory() -> SharedMemory {
    let ty = MemoryType::builder(Pages(1)).maximum(Pages(2)).shared(true);
    SharedMemory::new(ty.build().unwrap()).unwrap()
}

/// Notifies until somebody wakes up, as a thread that is about to wait cannot be seen.
fn wake_one(memory: &SharedMemory, addr: u64) {
    while memory.atomic_notify(addr, 0, 1).unwrap() == 0 {
        thread::yield_now();
    }
}

#[test]
fn another_number_is_not_waited_for() {
    let memory = memory();
    memory.store(8, 0, 1_u64 << 32).unwrap();
    assert_eq!(memory.atomic_wait32(8, 0, 1, None), Ok(WaitResult::Mismatch));
    // All 64 bits count.
    assert_eq!(memory.atomic_wait64(0, 8, 0, None), Ok(WaitResult::Mismatch));
}

#[test]
fn addresses_are_checked_first() {
    let memory = memory();
    let end = 65_536;
    assert!(matches!(memory.atomic_wait32(2, 0, 9, None), Err(AtomicError::Unaligned(_))));
    assert!(matches!(memory.atomic_wait64(4, 0, 9, None), Err(AtomicError::Unaligned(_))));
    assert!(matches!(memory.atomic_wait32(end, 0, 9, None), Err(AtomicError::OutOfBounds(_))));
    assert!(matches!(memory.atomic_notify(end, 0, 9), Err(AtomicError::OutOfBounds(_))));
    assert!(matches!(memory.atomic_notify(1, 0, 9), Err(AtomicError::Unaligned(_))));
    memory.grow(Pages(1)).unwrap();
    assert_eq!(memory.atomic_wait32(end, 0, 9, None), Ok(WaitResult::Mismatch));
    assert_eq!(memory.atomic_notify(end, 0, 9), Ok(0));
}

#[test]
fn time_outs_end() {
    let memory = memory();
    let wait = |timeout| {
        let start = Instant::now();
        assert_eq!(memory.atomic_wait32(0, 0, 0, Some(timeout)), Ok(WaitResult::TimedOut));
        assert!(start.elapsed() >= timeout);
    };
    wait(Duration::ZERO);
    wait(Duration::from_nanos(1));
    wait(Duration::from_millis(20));
    assert_eq!(memory.atomic_notify(0, 0, 1), Ok(0));
}

#[test]
fn waits_without_end() {
    let memory = memory();
    // The longest time-out there is, which no clock can tell.
    for timeout in [None, Some(Duration::MAX)] {
        thread::scope(|scope| {
            let waiter = scope.spawn(|| memory.atomic_wait64(0, 0, 0, timeout));
            wake_one(&memory, 0);
            assert_eq!(waiter.join().unwrap(), Ok(WaitResult::Ok));
        });
    }
}

#[test]
fn only_a_notification_of_the_address_wakes() {
    let memory = memory();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let start = Instant::now();
            let timeout = Some(Duration::from_millis(60));
            (memory.atomic_wait32(16, 0, 0, timeout), start.elapsed())
        });
        while !waiter.is_finished() {
            // Neighbours, another memory, no threads at all, and the number itself.
            for addr in [0, 12, 20, 24, 65_532] {
                assert_eq!(memory.atomic_notify(addr, 0, u32::MAX), Ok(0));
            }
            assert_eq!(memory.atomic_notify(16, 0, 0), Ok(0));
            memory.atomic_rmw(RmwOp::Xor, 16, 0, 0_u32).unwrap();
            thread::sleep(Duration::from_millis(1));
        }
        let (result, elapsed) = waiter.join().unwrap();
        assert_eq!(result, Ok(WaitResult::TimedOut));
        assert!(elapsed >= Duration::from_millis(60));
    });
}

#[test]
fn both_widths_share_a_queue() {
    let memory = memory();
    thread::scope(|scope| {
        let narrow = scope.spawn(|| memory.atomic_wait32(8, 0, 0, None));
        let wide = scope.spawn(|| memory.atomic_wait64(0, 8, 0, None));
        wake_one(&memory, 8);
        wake_one(&memory, 8);
        assert_eq!(narrow.join().unwrap(), Ok(WaitResult::Ok));
        assert_eq!(wide.join().unwrap(), Ok(WaitResult::Ok));
    });
}

#[test]
fn no_more_wake_up_than_are_asked_for() {
    let memory = memory();
    let awake = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                assert_eq!(memory.atomic_wait32(0, 0, 0, None), Ok(WaitResult::Ok));
                awake.fetch_add(1, Ordering::SeqCst);
            });
        }
        // Time for all of them to fall asleep. If one is late, it is woken later.
        thread::sleep(Duration::from_millis(50));
        let mut woken = memory.atomic_notify(0, 0, 2).unwrap();
        assert!(woken <= 2);
        thread::sleep(Duration::from_millis(20));
        assert!(awake.load(Ordering::SeqCst) <= woken);
        while woken < 5 {
            woken += memory.atomic_notify(0, 0, u32::MAX).unwrap();
        }
    });
    assert_eq!(awake.into_inner(), 5);
}

#[test]
fn no_wake_up_is_lost() {
    let memory = memory();
    const ROUNDS: u32 = 20_000;
    let play = |me: u32| {
        for round in 0..ROUNDS {
            let mine = 2 * round + me;
            loop {
                let turn = memory.atomic_load::<u32>(0, 0).unwrap();
                if turn == mine {
                    break;
                }
                memory.atomic_wait32(0, 0, turn, None).unwrap();
            }
            memory.atomic_store(0, 0, mine + 1).unwrap();
            memory.atomic_notify(0, 0, 1).unwrap();
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| play(0));
        scope.spawn(|| play(1));
    });
    assert_eq!(memory.load(0, 0), Ok(2 * ROUNDS));
}

#[test]
fn a_lock_made_of_waits_excludes() {
    // The guest's mutex: 0 free, 1 held, 2 held with others waiting.
    let memory = memory();
    let lock = || {
        if memory.atomic_cmpxchg(0, 0, 0_u32, 1).unwrap() == 0 {
            return;
        }
        while memory.atomic_rmw(RmwOp::Xchg, 0, 0, 2_u32).unwrap() != 0 {
            memory.atomic_wait32(0, 0, 2, None).unwrap();
        }
    };
    let unlock = || {
        if memory.atomic_rmw(RmwOp::Xchg, 0, 0, 0_u32).unwrap() == 2 {
            memory.atomic_notify(0, 0, 1).unwrap();
        }
    };
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    lock();
                    // Plain accesses, which the lock keeps apart.
                    let count = memory.load::<u64>(64, 1).unwrap();
                    memory.store(64, 1, count + 1).unwrap();
                    unlock();
                }
            });
        }
    });
    assert_eq!(memory.load(64, 1), Ok(15_000_u64));
}

#[test]
fn a_wait_can_be_interrupted_and_loses_nothing() {
    let memory = memory();
    let mut asked = 0;
    let mut third = || {
        asked += 1;
        asked == 3
    };
    assert_eq!(memory.atomic_wait32_until(8, 0, 0, None, &mut third), Ok(None));
    assert_eq!(asked, 3);
    assert_eq!(memory.atomic_notify(8, 0, 1), Ok(0));
    let time = Some(Duration::from_millis(1));
    let result = memory.atomic_wait64_until(8, 0, 0, time, &mut || false);
    assert_eq!(result, Ok(Some(WaitResult::TimedOut)));
    let result = memory.atomic_wait32_until(8, 0, 1, None, &mut || true);
    assert_eq!(result, Ok(Some(WaitResult::Mismatch)));
    // Many are interrupted and woken at once: each is one or the other.
    let (woken, interrupted) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    match memory.atomic_wait32_until(8, 0, 0, None, &mut || true) {
                        Ok(None) => interrupted.fetch_add(1, Ordering::Relaxed),
                        result => {
                            assert_eq!(result, Ok(Some(WaitResult::Ok)));
                            woken.fetch_add(1, Ordering::Relaxed)
                        }
                    };
                }
            });
        }
        let mut notified = 0;
        while woken.load(Ordering::Relaxed) + interrupted.load(Ordering::Relaxed) < 160 {
            notified += memory.atomic_notify(8, 0, 1).unwrap();
            thread::sleep(Duration::from_millis(3));
        }
        assert_eq!(notified, woken.load(Ordering::Relaxed));
    });
    assert!(interrupted.load(Ordering::Relaxed) > 0);
}

#[test]
fn an_interrupt_that_panics_leaves_nobody_waiting() {
    let memory = memory();
    let wait = || memory.atomic_wait32_until(8, 0, 0, None, &mut || panic!("asked"));
    assert!(catch_unwind(AssertUnwindSafe(wait)).is_err());
    let wait = || memory.atomic_wait64_until(8, 0, 0, None, &mut || panic!("asked"));
    assert!(catch_unwind(AssertUnwindSafe(wait)).is_err());
    assert_eq!(memory.atomic_notify(8, 0, 9), Ok(0));
}
