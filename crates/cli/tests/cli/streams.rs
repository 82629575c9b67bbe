//! What a guest finds as its standard streams: a C program that asks for everything that there is
//! to know of them answers as it does when it is compiled for Linux.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Stdio;

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::wasi::{directory, program};
use crate::{command, file};

/// What the program says of a standard input and a standard output.
#[track_caller]
fn says(stdin: impl Into<Stdio>, stdout: impl Into<Stdio>) -> Vec<String> {
    let mut command = command(&["run", "--timeout", "20s", &program("posix.wasm"), "streams"]);
    let output = command.stdin(stdin).stdout(stdout).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    stderr.lines().map(str::to_owned).collect()
}

fn device(path: &str) -> File {
    let no_terminal = OFlags::NOCTTY.bits() as i32;
    File::options().read(true).write(true).custom_flags(no_terminal).open(path).unwrap()
}

// The numbers of events in this C library: 1 is input, 2 output, 0x2000 that the other end is gone.

#[test]
fn nothing() {
    let null = says(device("/dev/null"), device("/dev/null"));
    let expected = [
        "select: 2 1 1",
        "select: 1 1",
        "poll: 2 1 2",
        "poll: 1 1",
        "0: device, terminal 0 Not a tty",
        "1: device, terminal 0 Not a tty",
    ];
    assert_eq!(null, expected);
    // What is closed is opened as nothing, so that no file can take its number.
    let mut closed = std::process::Command::new("sh");
    let lineal = env!("CARGO_BIN_EXE_lineal");
    closed.args(["-c", r#""$0" run "$1" streams <&- >&-"#, lineal, &program("posix.wasm")]);
    let output = closed.output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn files() {
    let (input, dir) = (file("streams-in", "from a file"), directory("streams"));
    let output = File::create(dir.join("out")).unwrap();
    assert_eq!(
        says(File::open(input).unwrap(), output),
        [
            "select: 2 1 1",
            "select: 1 1",
            "poll: 2 1 2",
            "poll: 1 1",
            "0: file, terminal 0 Not a tty",
            "1: file, terminal 0 Not a tty",
            "read 11: from a file",
        ]
    );
    assert_eq!(fs::read(dir.join("out")).unwrap(), b"written\n");
}

#[test]
fn pipes() {
    let ((read, mut write), (_unread, out)) = (std::io::pipe().unwrap(), std::io::pipe().unwrap());
    write.write_all(b"one").unwrap();
    drop(write);
    assert_eq!(
        says(read, out.try_clone().unwrap()),
        [
            "select: 2 1 1",
            "select: 1 1",
            // The other end is gone.
            "poll: 2 8193 2",
            "poll: 1 8193",
            "0: other, terminal 0 Not a tty",
            "1: other, terminal 0 Not a tty",
            "read 3: one",
        ]
    );
    // Nothing comes, for a while.
    let (read, write) = std::io::pipe().unwrap();
    let later = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(1500));
        drop(write);
    });
    let quiet = says(read, out);
    assert_eq!(quiet[..4], ["select: 1 0 1", "select: 0 0", "poll: 1 0 2", "poll: 0 0"]);
    later.join().unwrap();
}

#[test]
fn full_and_broken() {
    let full = says(device("/dev/null"), device("/dev/full"));
    assert_eq!(full.last().unwrap(), "write: No space left on device");
    let (read, write) = std::io::pipe().unwrap();
    drop(read);
    let broken = says(device("/dev/null"), write);
    assert_eq!(broken.last().unwrap(), "write: Broken pipe");
}

/// The side of whoever sits at a terminal, and that of the program.
pub(crate) fn terminal() -> (File, OwnedFd) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    (File::from(ours), device(name.to_str().unwrap()).into())
}

#[test]
fn a_terminal() {
    let (mut ours, its) = terminal();
    // A line, and the end of the input.
    ours.write_all(b"a line\n\x04").unwrap();
    let output = its.as_fd().try_clone_to_owned().unwrap();
    assert_eq!(
        says(its, output),
        [
            "select: 2 1 1",
            "select: 1 1",
            "poll: 2 1 2",
            "poll: 1 1",
            "0: device, terminal 1 ",
            "1: device, terminal 1 ",
            "read 7: a line",
            "",
        ]
    );
}
