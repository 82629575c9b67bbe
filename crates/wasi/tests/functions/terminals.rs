//! Terminals, and the other things that standard input can be.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use lineal_wasi::WasiCtxBuilder;
use lineal_wasi::pipe::{InputFile, OutputFile};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::errno::*;
use crate::polling::{HOUR, MILLI, Wait, poll};
use crate::{DATA, Guest, NONBLOCK, RESULT, directory, right};

/// `filetype`: a device that gives and takes characters.
const CHARACTER_DEVICE: u8 = 2;

/// The side of whoever sits at a terminal, and that of the program.
fn terminal() -> (File, File) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY;
    let its = rustix::fs::openat(CWD, name.as_c_str(), flags, Mode::empty()).unwrap();
    (File::from(ours), File::from(its))
}

fn guest(its: &File) -> Guest {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdin(InputFile::new(its.try_clone().unwrap()));
    wasi.stdout(OutputFile::new(its.try_clone().unwrap()));
    Guest::new(&mut wasi)
}

/// What C libraries look at to find out whether a descriptor is a terminal.
fn is_terminal(guest: &mut Guest, fd: i64) -> bool {
    const TELL: u64 = 1 << 5;
    guest.ok("fd_fdstat_get", &[fd, RESULT.into()]);
    let rights = guest.u64(RESULT + 8);
    guest.bytes(RESULT, 1)[0] == CHARACTER_DEVICE && rights & (right::SEEK | TELL) == 0
}

#[test]
fn a_terminal_is_one_to_the_guest() {
    let (mut ours, its) = terminal();
    let mut guest = guest(&its);
    for fd in [0, 1] {
        assert!(is_terminal(&mut guest, fd));
        guest.ok("fd_filestat_get", &[fd, RESULT.into()]);
        assert_eq!(guest.bytes(RESULT + 16, 1)[0], CHARACTER_DEVICE);
        assert_eq!(guest.call("fd_seek", &[fd, 0, 1, RESULT.into()]), SPIPE);
    }
    // Nothing is typed yet, but there is room to write.
    let events = poll(&mut guest, &[Wait::Read(0), Wait::Write(1), Wait::Clock(1, HOUR, false)]);
    assert_eq!(events, [(1, 0, 4096, 0)]);
    let events = poll(&mut guest, &[Wait::Read(0), Wait::Clock(1, 5 * MILLI, false)]);
    assert_eq!(events, [(1, 0, 0, 0)]);
    guest.ok("fd_fdstat_set_flags", &[0, NONBLOCK.into()]);
    assert_eq!(guest.read_fd(0, 10), Err(AGAIN));
    guest.ok("fd_fdstat_set_flags", &[0, 0]);
    // A line counts when it is complete.
    ours.write_all(b"a li").unwrap();
    let events = poll(&mut guest, &[Wait::Read(0), Wait::Clock(1, 5 * MILLI, false)]);
    assert_eq!(events, [(1, 0, 0, 0)]);
    ours.write_all(b"ne\n").unwrap();
    assert_eq!(poll(&mut guest, &[Wait::Read(0)]), [(0, 0, 7, 0)]);
    assert_eq!(guest.read_fd(0, 3), Ok(b"a l".to_vec()));
    assert_eq!(guest.read_fd(0, 100), Ok(b"ine\n".to_vec()));
    // What the guest writes is shown, after the echo of what was typed.
    assert_eq!(guest.write_fd(1, b"answer\n"), Ok(7));
    let mut shown = [0; 16];
    ours.read_exact(&mut shown).unwrap();
    assert_eq!(&shown, b"a line\r\nanswer\r\n");
}

#[test]
fn a_guest_waits_for_what_is_typed() {
    let (mut ours, its) = terminal();
    let mut guest = guest(&its);
    let typist = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        ours.write_all(b"late\n").unwrap();
        ours
    });
    assert_eq!(guest.read_fd(0, 10), Ok(b"late\n".to_vec()));
    let mut ours = typist.join().unwrap();
    // The end of the input, as it is typed.
    ours.write_all(b"\x04").unwrap();
    assert_eq!(guest.read_fd(0, 10), Ok(Vec::new()));
    // The guest goes on after that: the terminal is still there.
    ours.write_all(b"x\n").unwrap();
    assert_eq!(guest.read_fd(0, 10), Ok(b"x\n".to_vec()));
}

#[test]
fn a_terminal_that_is_gone_is_told() {
    let (ours, its) = terminal();
    let mut guest = guest(&its);
    drop(ours);
    let events = poll(&mut guest, &[Wait::Read(0), Wait::Write(1)]);
    let seen: Vec<(u64, u16, u16)> = events.iter().map(|e| (e.0, e.1, e.3)).collect();
    assert_eq!(seen, [(0, 0, 1), (1, 0, 1)]);
    assert!(matches!(guest.read_fd(0, 10), Ok(bytes) if bytes.is_empty()));
    assert_eq!(guest.write_fd(1, b"x"), Err(IO));
}

#[test]
fn what_is_no_terminal_is_none() {
    let dir = directory("no-terminal");
    std::fs::write(dir.join("file"), "contents").unwrap();
    let null = || File::options().read(true).write(true).open("/dev/null").unwrap();
    let (read, _write) = crate::streams::pipe();
    let file = File::open(dir.join("file")).unwrap();
    // The type, and what waiting for input comes to.
    for (input, filetype, event) in
        [(null(), CHARACTER_DEVICE, (0, 0, 0, 0)), (read, 0, (1, 0, 0, 0)), (file, 4, (0, 0, 8, 0))]
    {
        let mut guest = Guest::new(WasiCtxBuilder::new().stdin(InputFile::new(input)));
        assert!(!is_terminal(&mut guest, 0), "{filetype}");
        assert_eq!(guest.bytes(RESULT, 1)[0], filetype);
        let events = poll(&mut guest, &[Wait::Read(0), Wait::Clock(1, 5 * MILLI, false)]);
        assert_eq!(events, [event]);
        // Closed by the guest, it is not there any more.
        guest.ok("fd_close", &[0]);
        let events = poll(&mut guest, &[Wait::Read(0), Wait::Clock(1, HOUR, false)]);
        assert_eq!(events, [(0, BADF as u16, 0, 0)]);
    }
    let mut guest = Guest::new(WasiCtxBuilder::new().stdin(InputFile::new(null())));
    assert_eq!(guest.read_fd(0, 10), Ok(Vec::new()));
    let [iovs, count] = guest.iovs(&[(DATA as u32, 1)]);
    assert_eq!(guest.call("fd_write", &[0, iovs, count, RESULT.into()]), BADF);
}
