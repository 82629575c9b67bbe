//! Arguments, environment, clocks, random numbers, exit.

use std::time::Duration;

use lineal_wasi::rand_core::Rng;
use lineal_wasi::{
    HostMonotonicClock, HostWallClock, I32Exit, SteadyClock, WasiCtxBuilder, seeded_random,
};

use crate::errno::*;
use crate::{DATA, Guest, RESULT};

#[test]
fn arguments_and_environment_are_strings_with_a_nul() {
    let mut wasi = WasiCtxBuilder::new();
    wasi.args(&["program", "", "täxt"]).arg(b"\xff\xfe").env("A", "1").env("B", "").env("A", "2");
    let mut guest = Guest::new(&mut wasi);
    guest.ok("args_sizes_get", &[RESULT.into(), i64::from(RESULT) + 4]);
    assert_eq!((guest.u32(RESULT), guest.u32(RESULT + 4)), (4, 8 + 1 + 6 + 3));
    guest.ok("args_get", &[RESULT.into(), DATA.into()]);
    let starts: Vec<u32> = (0..4).map(|index| guest.u32(RESULT + 4 * index)).collect();
    let data = DATA as u32;
    assert_eq!(starts, [data, data + 8, data + 9, data + 15]);
    assert_eq!(guest.bytes(DATA, 18), b"program\0\0t\xc3\xa4xt\0\xff\xfe\0");

    guest.ok("environ_sizes_get", &[RESULT.into(), i64::from(RESULT) + 4]);
    assert_eq!((guest.u32(RESULT), guest.u32(RESULT + 4)), (2, 7));
    guest.ok("environ_get", &[RESULT.into(), DATA.into()]);
    assert_eq!(guest.bytes(DATA, 7), b"B=\0A=2\0");
    // Without room for all, nothing is written.
    guest.write(DATA, b"before");
    assert!(guest.stops("environ_get", &[0x4_0000 - 4, DATA.into()]).contains("out of bounds"));
    assert!(guest.stops("args_get", &[RESULT.into(), 0x4_0000 - 17]).contains("out of bounds"));
    assert_eq!(guest.bytes(DATA, 6), b"before");
}

#[test]
fn a_guest_gets_nothing_by_itself() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    guest.ok("args_sizes_get", &[RESULT.into(), i64::from(RESULT) + 4]);
    assert_eq!((guest.u32(RESULT), guest.u32(RESULT + 4)), (0, 0));
    guest.ok("environ_sizes_get", &[RESULT.into(), i64::from(RESULT) + 4]);
    assert_eq!((guest.u32(RESULT), guest.u32(RESULT + 4)), (0, 0));
    assert_eq!(guest.read_fd(0, 10), Ok(Vec::new()));
    assert_eq!(guest.write_fd(1, b"lost"), Ok(4));
    assert_eq!(guest.call("fd_prestat_get", &[3, RESULT.into()]), BADF);
}

#[test]
fn clocks_are_the_hosts() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    for clock in [0, 1] {
        guest.ok("clock_res_get", &[clock, RESULT.into()]);
        assert!((1..1_000_000_000).contains(&guest.u64(RESULT)));
        guest.ok("clock_time_get", &[clock, 0, RESULT.into()]);
        let first = guest.u64(RESULT);
        std::thread::sleep(Duration::from_millis(2));
        guest.ok("clock_time_get", &[clock, 0, RESULT.into()]);
        assert!(guest.u64(RESULT) - first >= 2_000_000);
    }
    guest.ok("clock_time_get", &[0, 0, RESULT.into()]);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    assert!(now.abs_diff(guest.u64(RESULT)) < 60_000_000_000);
    for clock in [2, 3, 4, -1] {
        assert_eq!(guest.call("clock_time_get", &[clock, 0, RESULT.into()]), INVAL);
        assert_eq!(guest.call("clock_res_get", &[clock, RESULT.into()]), INVAL);
    }
}

struct FarFuture;

impl HostWallClock for FarFuture {
    fn resolution(&self) -> Duration {
        Duration::MAX
    }

    fn now(&self) -> Duration {
        Duration::MAX
    }
}

impl HostMonotonicClock for FarFuture {
    fn resolution(&self) -> u64 {
        7
    }

    fn now(&self) -> u64 {
        u64::MAX
    }
}

#[test]
fn clocks_can_be_replaced() {
    let mut guest =
        Guest::new(WasiCtxBuilder::new().wall_clock(FarFuture).monotonic_clock(FarFuture));
    assert_eq!(guest.call("clock_time_get", &[0, 0, RESULT.into()]), OVERFLOW);
    assert_eq!(guest.call("clock_res_get", &[0, RESULT.into()]), OVERFLOW);
    guest.ok("clock_time_get", &[1, 0, RESULT.into()]);
    assert_eq!(guest.u64(RESULT), u64::MAX);
    guest.ok("clock_res_get", &[1, RESULT.into()]);
    assert_eq!(guest.u64(RESULT), 7);

    let clock = SteadyClock::new(Duration::from_secs(5));
    let mut wasi = WasiCtxBuilder::new();
    let mut guest = Guest::new(wasi.wall_clock(clock.clone()).monotonic_clock(clock));
    guest.ok("clock_time_get", &[0, 0, RESULT.into()]);
    assert_eq!(guest.u64(RESULT), 5_000_000_000);
    guest.ok("clock_time_get", &[1, 0, RESULT.into()]);
    assert_eq!(guest.u64(RESULT), 1_000);
}

#[test]
fn random_numbers_fill_exactly_what_is_asked_for() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    guest.ok("random_get", &[i64::from(DATA) + 1, 64]);
    let bytes = guest.bytes(DATA, 66);
    assert_eq!((bytes[0], bytes[65]), (0, 0));
    assert!(bytes[1..65].iter().any(|&byte| byte != bytes[1]));
    guest.ok("random_get", &[0x4_0000, 0]);

    let mut guest = Guest::new(WasiCtxBuilder::new().secure_random(seeded_random(3)));
    guest.ok("random_get", &[DATA.into(), 8]);
    assert_eq!(guest.u64(DATA), seeded_random(3).next_u64());
}

#[test]
fn exit_stops_the_guest_with_its_code() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    for code in [0, 1, 125, 255, -1] {
        let error = guest.try_call("proc_exit", &[code]).unwrap_err();
        assert_eq!(error.downcast_ref::<I32Exit>(), Some(&I32Exit(code as i32)));
    }
    guest.ok("sched_yield", &[]);
    assert_eq!(guest.call("proc_raise", &[6]), NOTSUP);
}
