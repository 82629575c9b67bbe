//! `poll_oneoff`: clocks and descriptors, several at once.

use std::fs::{self, File};
use std::io::Write as _;
use std::time::{Duration, Instant};

use lineal::Trap;
use lineal_wasi::pipe::{InputFile, MemoryInputPipe, MemoryOutputPipe, OutputFile};
use lineal_wasi::{SteadyClock, WasiCtxBuilder};

use crate::errno::*;
use crate::streams::pipe;
use crate::{DATA, Guest, RESULT, directory, right};

/// What is waited for.
#[derive(Clone, Copy)]
pub(crate) enum Wait {
    /// A clock, nanoseconds, whether they are absolute.
    Clock(u32, u64, bool),
    Read(u32),
    Write(u32),
}

/// An event: the number of its subscription, its error, bytes, flags.
pub(crate) type Event = (u64, u16, u64, u16);

fn subscriptions(waits: &[Wait]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, wait) in waits.iter().enumerate() {
        let mut subscription = [0; 48];
        subscription[..8].copy_from_slice(&(index as u64).to_le_bytes());
        match *wait {
            Wait::Clock(clock, nanos, absolute) => {
                subscription[16..20].copy_from_slice(&clock.to_le_bytes());
                subscription[24..32].copy_from_slice(&nanos.to_le_bytes());
                subscription[40] = absolute.into();
            }
            Wait::Read(fd) => {
                subscription[8] = 1;
                subscription[16..20].copy_from_slice(&fd.to_le_bytes());
            }
            Wait::Write(fd) => {
                subscription[8] = 2;
                subscription[16..20].copy_from_slice(&fd.to_le_bytes());
            }
        }
        bytes.extend(subscription);
    }
    bytes
}

const EVENTS: i32 = 0x2_0000;

fn try_poll(guest: &mut Guest, waits: &[Wait]) -> lineal::Result<Vec<Event>> {
    guest.write(DATA, &subscriptions(waits));
    let args = [DATA.into(), EVENTS.into(), waits.len() as i64, RESULT.into()];
    assert_eq!(guest.try_call("poll_oneoff", &args)?, SUCCESS);
    Ok((0..guest.u32(RESULT) as i32)
        .map(|index| {
            let event = EVENTS + 32 * index;
            let number = guest.u64(event);
            let kind = match waits[number as usize] {
                Wait::Clock(..) => 0,
                Wait::Read(_) => 1,
                Wait::Write(_) => 2,
            };
            assert_eq!(guest.bytes(event + 10, 1)[0], kind);
            (number, guest.u16(event + 8), guest.u64(event + 16), guest.u16(event + 24))
        })
        .collect())
}

#[track_caller]
pub(crate) fn poll(guest: &mut Guest, waits: &[Wait]) -> Vec<Event> {
    try_poll(guest, waits).unwrap()
}

pub(crate) const MILLI: u64 = 1_000_000;
pub(crate) const HOUR: u64 = 3_600_000 * MILLI;

#[test]
fn clocks_wake_in_time() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    for clock in [0, 1] {
        let now = |guest: &mut Guest| {
            guest.ok("clock_time_get", &[clock.into(), 0, RESULT.into()]);
            guest.u64(RESULT)
        };
        for absolute in [false, true] {
            let before = now(&mut guest);
            let time = 30 * MILLI + if absolute { before } else { 0 };
            let events = poll(
                &mut guest,
                &[Wait::Clock(clock, HOUR, false), Wait::Clock(clock, time, absolute)],
            );
            assert_eq!(events, [(1, 0, 0, 0)]);
            // The time of day may be set meanwhile, but hardly so far.
            assert!(now(&mut guest) >= before + 29 * MILLI);
        }
        let now = now(&mut guest);
        // What has passed, and no time at all.
        let events =
            poll(&mut guest, &[Wait::Clock(clock, now, true), Wait::Clock(clock, 0, false)]);
        assert_eq!(events, [(0, 0, 0, 0), (1, 0, 0, 0)]);
    }
    // A clock that there is not is an event of its own.
    assert_eq!(poll(&mut guest, &[Wait::Clock(2, 0, false)]), [(0, INVAL as u16, 0, 0)]);
}

#[test]
fn what_cannot_be_understood_is_refused() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    let args = [DATA.into(), EVENTS.into(), 0, RESULT.into()];
    assert_eq!(guest.call("poll_oneoff", &args), INVAL);
    let mut bytes = subscriptions(&[Wait::Clock(0, 0, false)]);
    bytes[8] = 3;
    guest.write(DATA, &bytes);
    let args = [DATA.into(), EVENTS.into(), 1, RESULT.into()];
    assert_eq!(guest.call("poll_oneoff", &args), INVAL);
    bytes[8] = 0;
    bytes[40] = 2;
    guest.write(DATA, &bytes);
    assert_eq!(guest.call("poll_oneoff", &args), INVAL);
    for args in [[-48, EVENTS.into(), 1, 0], [DATA.into(), -32, 1, 0], [DATA.into(), 0, -1, 0]] {
        guest.stops("poll_oneoff", &args);
    }
}

#[test]
fn only_what_is_ready_is_reported() {
    let (read, mut write) = pipe();
    let (_other_read, other_write) = pipe();
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdin(InputFile::new(read)).stdout(OutputFile::new(other_write));
    let mut guest = Guest::new(&mut wasi);
    let events = poll(&mut guest, &[Wait::Read(0), Wait::Write(1), Wait::Clock(1, HOUR, false)]);
    assert_eq!(events, [(1, 0, 4096, 0)]);
    let events = poll(&mut guest, &[Wait::Read(0), Wait::Clock(1, 5 * MILLI, false)]);
    assert_eq!(events, [(1, 0, 0, 0)]);
    write.write_all(b"12345").unwrap();
    let events = poll(&mut guest, &[Wait::Clock(1, HOUR, false), Wait::Read(0), Wait::Read(0)]);
    assert_eq!(events, [(1, 0, 5, 0), (2, 0, 5, 0)]);
    drop(write);
    let events = poll(&mut guest, &[Wait::Read(0)]);
    assert_eq!(events, [(0, 0, 5, 1)]);
    assert_eq!(guest.read_fd(0, 10), Ok(b"12345".to_vec()));
    assert_eq!(poll(&mut guest, &[Wait::Read(0)]), [(0, 0, 0, 1)]);
}

#[test]
fn a_pipe_wakes_who_waits_for_it() {
    let (read, mut write) = pipe();
    let mut guest = Guest::new(WasiCtxBuilder::new().stdin(InputFile::new(read)));
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        write.write_all(b"x").unwrap();
        write
    });
    let events = poll(&mut guest, &[Wait::Clock(1, HOUR, false), Wait::Read(0)]);
    assert_eq!(events, [(1, 0, 1, 0)]);
    writer.join().unwrap();
}

#[test]
fn descriptors_of_every_kind_are_answered() {
    let dir = directory("poll");
    fs::write(dir.join("file"), "12345").unwrap();
    let mut guest = Guest::in_dir(&dir);
    let fd = guest.open("file", 0, right::READ | right::WRITE, 0).unwrap() as u32;
    guest.read_fd(fd.into(), 2).unwrap();
    let events = poll(&mut guest, &[Wait::Read(fd), Wait::Write(fd)]);
    assert_eq!(events, [(0, 0, 3, 0), (1, 0, 4096, 0)]);
    // Closed ones, directories, and what cannot be read or written.
    let events = poll(&mut guest, &[Wait::Read(99), Wait::Read(3), Wait::Write(0), Wait::Read(1)]);
    let badf = BADF as u16;
    assert_eq!(events, [(0, badf, 0, 0), (1, badf, 0, 0), (2, badf, 0, 0), (3, badf, 0, 0)]);
    guest.ok("fd_fdstat_set_rights", &[fd.into(), right::READ as i64, 0]);
    assert_eq!(poll(&mut guest, &[Wait::Read(fd)]), [(0, NOTCAPABLE as u16, 0, 0)]);

    let mut wasi = WasiCtxBuilder::new();
    wasi.stdin(MemoryInputPipe::new("abc")).stdout(MemoryOutputPipe::new(10));
    let mut guest = Guest::new(&mut wasi);
    let events = poll(&mut guest, &[Wait::Read(0), Wait::Write(1), Wait::Write(2)]);
    assert_eq!(events, [(0, 0, 3, 0), (1, 0, 4096, 0), (2, 0, 4096, 0)]);
    guest.read_fd(0, 3).unwrap();
    assert_eq!(poll(&mut guest, &[Wait::Read(0)]), [(0, 0, 0, 1)]);

    let null = || File::options().read(true).write(true).open("/dev/null").unwrap();
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdin(InputFile::new(null())).stdout(OutputFile::new(null()));
    let mut guest = Guest::new(&mut wasi);
    let events = poll(&mut guest, &[Wait::Read(0), Wait::Write(1)]);
    assert_eq!(events, [(0, 0, 0, 0), (1, 0, 4096, 0)]);
}

#[test]
fn nobody_reads_any_more() {
    let (read, write) = pipe();
    drop(read);
    let mut guest = Guest::new(WasiCtxBuilder::new().stdout(OutputFile::new(write)));
    let events = poll(&mut guest, &[Wait::Write(1)]);
    assert_eq!((events[0].1, events[0].3), (0, 1));
}

#[test]
fn sleeping_ends_when_time_is_up() {
    let (read, _write) = pipe();
    let mut guest = Guest::new(WasiCtxBuilder::new().stdin(InputFile::new(read)));
    for waits in [
        &[Wait::Clock(1, HOUR, false)][..],
        &[Wait::Clock(0, u64::MAX, true)],
        &[Wait::Read(0)],
        &[Wait::Read(0), Wait::Clock(0, HOUR, false)],
    ] {
        let engine = guest.store.engine().clone();
        guest.store.set_epoch_deadline(1);
        let timer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(30));
            engine.increment_epoch();
        });
        let start = Instant::now();
        let error = try_poll(&mut guest, waits).unwrap_err();
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt));
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
        timer.join().unwrap();
    }
}

#[test]
fn an_epoch_callback_lets_it_sleep_on() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    guest.store.epoch_deadline_callback(|_| Ok(lineal::UpdateDeadline::Continue(1)));
    let engine = guest.store.engine().clone();
    let timer = std::thread::spawn(move || {
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(5));
            engine.increment_epoch();
        }
    });
    assert_eq!(poll(&mut guest, &[Wait::Clock(1, 60 * MILLI, false)]), [(0, 0, 0, 0)]);
    timer.join().unwrap();
}

#[test]
fn a_clock_that_is_not_real_takes_no_time() {
    let clock = SteadyClock::new(Duration::from_secs(1_000_000_000));
    let mut wasi = WasiCtxBuilder::new();
    wasi.wall_clock(clock.clone()).monotonic_clock(clock);
    let mut guest = Guest::new(&mut wasi);
    let start = Instant::now();
    let events = poll(&mut guest, &[Wait::Clock(1, 2 * HOUR, false), Wait::Clock(0, HOUR, false)]);
    assert_eq!(events, [(1, 0, 0, 0)]);
    assert!(start.elapsed() < Duration::from_secs(10));
    guest.ok("clock_time_get", &[0, 0, RESULT.into()]);
    let passed = guest.u64(RESULT) - 1_000_000_000_000_000_000;
    assert!((HOUR..HOUR + MILLI).contains(&passed), "{passed}");
}
