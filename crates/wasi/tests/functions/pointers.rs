//! Pointers of the guest: every range is checked before anything happens.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lineal_wasi::WasiCtxBuilder;
use lineal_wasi::pipe::{InputFile, MemoryInputPipe, MemoryOutputPipe, OutputFile};

use crate::errno::*;
use crate::{CREAT, DATA, FUNCTIONS, Guest, RESULT, directory, right};

/// The end of the memory.
const END: i64 = 4 << 16;

#[test]
fn ranges_that_are_not_inside_stop_the_guest_before_anything_happens() {
    let stdout = MemoryOutputPipe::new(1000);
    let stdin = MemoryInputPipe::new("unread");
    let mut wasi = WasiCtxBuilder::new();
    let mut guest = Guest::new(wasi.stdout(stdout.clone()).stdin(stdin.clone()));
    let data = DATA as u32;
    for buffers in [
        &[(data, 4), (END as u32 - 3, 4)][..],
        &[(data, 4), (data, u32::MAX)],
        &[(u32::MAX, 4)],
        &[(END as u32 + 1, 0)],
        &[(u32::MAX, u32::MAX)],
    ] {
        let [iovs, count] = guest.iovs(buffers);
        for (name, fd) in [("fd_write", 1), ("fd_read", 0)] {
            let error = guest.stops(name, &[fd, iovs, count, RESULT.into()]);
            assert!(error.contains("out of bounds"), "{error}");
        }
    }
    let [iovs, _] = guest.iovs(&[(data, 4)]);
    for (iovs, count, result) in [
        (iovs, 1, END - 3),
        (iovs, 1, -4),
        (END - 4, 1, RESULT.into()),
        (iovs, -1, RESULT.into()),
        (-8, 1, RESULT.into()),
    ] {
        for (name, fd) in [("fd_write", 1), ("fd_read", 0)] {
            let error = guest.stops(name, &[fd, iovs, count, result]);
            assert!(error.contains("are not inside the memory of 262144 bytes"), "{error}");
        }
    }
    assert_eq!(stdout.contents(), b"");
    assert!(!stdin.is_empty());
    assert_eq!(guest.bytes(DATA, 4), [0; 4]);
    // What ends with the memory is inside, and addresses need no alignment.
    guest.write(DATA + 1, &[4_u32.to_le_bytes(), 2_u32.to_le_bytes()].concat());
    guest.ok("fd_write", &[1, i64::from(DATA) + 1, 1, i64::from(RESULT) + 1]);
    assert_eq!((stdout.contents().len(), guest.u32(RESULT + 1)), (2, 2));
    let [iovs, count] = guest.iovs(&[(END as u32 - 4, 4), (END as u32, 0)]);
    guest.ok("fd_write", &[1, iovs, count, END - 4]);
    assert_eq!((stdout.contents().len(), guest.u32(END as i32 - 4)), (6, 4));
}

#[test]
fn lengths_add_up_to_what_a_result_can_hold() {
    let mut guest =
        Guest::with(&mut WasiCtxBuilder::new(), "wasi_snapshot_preview1", "65536 65536");
    let half = 0x8000_0000;
    let [iovs, count] = guest.iovs(&[(0, half), (0, half)]);
    assert_eq!(guest.call("fd_write", &[1, iovs, count, RESULT.into()]), INVAL);
    let [iovs, count] = guest.iovs(&[(0, half), (0, half - 1)]);
    guest.ok("fd_write", &[1, iovs, count, RESULT.into()]);
    assert_eq!(guest.u32(RESULT), u32::MAX);
    // The last byte of the largest memory.
    let [iovs, count] = guest.iovs(&[(u32::MAX, 1)]);
    guest.ok("fd_write", &[1, iovs, count, RESULT.into()]);
}

#[test]
fn nothing_is_opened_if_the_number_cannot_be_told() {
    let dir = directory("untold");
    let mut guest = Guest::in_dir(&dir);
    let [path, len] = guest.path("file");
    let rights = (right::READ | right::WRITE) as i64;
    for result in [END - 3, END, -4] {
        guest.stops("path_open", &[3, 0, path, len, CREAT.into(), rights, 0, 0, result]);
    }
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    assert_eq!(guest.open("file", CREAT, right::READ, 0), Ok(4));
    for (path, len) in [(END - 1, 2), (-1, 1), (0, -1), (-1, -1)] {
        for name in ["path_create_directory", "path_remove_directory", "path_unlink_file"] {
            guest.stops(name, &[3, path, len]);
        }
    }
}

/// Numbers that mean something, or nothing.
const NUMBERS: [i64; 15] = [
    0,
    1,
    2,
    3,
    4,
    7,
    RESULT as i64,
    DATA as i64,
    END - 8,
    END,
    END + 1,
    i32::MAX as i64,
    -8,
    -1,
    i64::MIN,
];

#[test]
fn any_arguments_are_answered() {
    let dir = directory("any");
    fs::write(dir.join("x"), "contents").unwrap();
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = |count: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % count as u64) as usize
    };
    let mut guest = Guest::in_dir(&dir);
    for round in 0..30_000 {
        let (name, params) = FUNCTIONS[next(FUNCTIONS.len())];
        let args: Vec<i64> = params.chars().map(|_| NUMBERS[next(NUMBERS.len())]).collect();
        if name == "poll_oneoff" {
            // It could wait for ever.
            guest.store.set_epoch_deadline(0);
        }
        // It may fail, and stop the guest, but no more than that.
        let _ = guest.try_call(name, &args);
        guest.store.set_epoch_deadline(1);
        if round % 100 == 0 {
            let bytes: Vec<u8> = (0..512).map(|_| [0, 1, 3, 4, b'x', 0xff][next(6)]).collect();
            guest.write(0, &bytes);
            guest.write(RESULT, &bytes);
        }
    }
    assert!(fs::metadata(dir.parent().unwrap().join("any")).is_ok());
}

#[test]
fn a_shared_memory_serves_all_functions() {
    let dir = directory("shared");
    let mut wasi = WasiCtxBuilder::new();
    wasi.preopened_dir(&dir, "dir", lineal_wasi::FsPerms::ReadWrite).unwrap();
    let mut guest = Guest::with(&mut wasi, "wasi_snapshot_preview1", "4 4 shared");
    let fd = guest.open("file", CREAT, right::READ | right::WRITE, 0).unwrap();
    // More than is copied at once.
    let contents: Vec<u8> = (0..100_000_u32).map(|index| (index / 3) as u8).collect();
    guest.write(0x1_0000, &contents);
    let [iovs, count] = guest.iovs(&[(0x1_0000, 70_000), (0x1_0000 + 70_000, 30_000)]);
    guest.ok("fd_write", &[fd, iovs, count, RESULT.into()]);
    assert_eq!(guest.u32(RESULT), 100_000);
    assert_eq!(fs::read(dir.join("file")).unwrap(), contents);
    guest.write(0x1_0000, &[0; 100_000]);
    guest.ok("fd_pread", &[fd, iovs, count, 0, RESULT.into()]);
    assert_eq!(guest.u32(RESULT), 100_000);
    assert_eq!(guest.bytes(0x1_0000, 100_000), contents);
    guest.ok("random_get", &[DATA.into(), 16]);
    assert_ne!(guest.bytes(DATA, 16), [0; 16]);
}

#[test]
fn a_memory_with_addresses_of_64_bits_serves_too() {
    let dir = directory("memory64");
    fs::write(dir.join("file"), "contents").unwrap();
    let mut wasi = WasiCtxBuilder::new();
    wasi.preopened_dir(&dir, "dir", lineal_wasi::FsPerms::ReadWrite).unwrap();
    let mut guest = Guest::with(&mut wasi, "wasi_snapshot_preview1", "i64 4");
    let fd = guest.open("file", 0, right::READ, 0).unwrap();
    assert_eq!(guest.read_fd(fd, 100), Ok(b"contents".to_vec()));
}

/// A thread of the guest can change an array of buffers while another one's call goes by it.
#[test]
fn an_array_that_changes_meanwhile_does_no_harm() {
    let zero = || fs::File::options().read(true).write(true).open("/dev/zero").unwrap();
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdin(InputFile::new(zero())).stdout(OutputFile::new(zero()));
    let mut guest = Guest::with(&mut wasi, "wasi_snapshot_preview1", "4 4 shared");
    let [iovs, count] = guest.iovs(&[(DATA as u32, 1), (DATA as u32, 70_000), (DATA as u32, 3)]);
    let memory = guest.shared_memory();
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    let other = std::thread::spawn(move || {
        let values = [0, 1, 4, 70_000, END as u32 - DATA as u32, END as u32, u32::MAX];
        let mut turn = 0_usize;
        while !over.load(Ordering::Relaxed) {
            turn += 1;
            let at = iovs as u64 + 4 * (turn % 6) as u64;
            memory.linear().write(at, &values[turn * 5 % 7].to_le_bytes()).unwrap();
        }
    });
    let mut answers = [0, 0];
    for round in 0..20_000 {
        let (name, fd) = [("fd_read", 0), ("fd_write", 1)][round % 2];
        // It is stopped when a buffer is out of bounds, and gets an answer otherwise.
        match guest.try_call(name, &[fd, iovs, count, RESULT.into()]) {
            Ok(errno) => {
                assert!(matches!(errno, SUCCESS | INVAL), "{errno}");
                answers[0] += 1;
            }
            Err(error) => {
                assert!(format!("{error:#}").contains("out of bounds"), "{error:#}");
                answers[1] += 1;
            }
        }
    }
    is_over.store(true, Ordering::Relaxed);
    other.join().unwrap();
    assert!(answers.iter().all(|&count| count > 0), "{answers:?}");
}
