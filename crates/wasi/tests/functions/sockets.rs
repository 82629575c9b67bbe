//! Sockets, which a guest gets as standard streams.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use lineal_wasi::WasiCtxBuilder;
use lineal_wasi::pipe::{InputFile, OutputFile};

use crate::errno::*;
use crate::{CREAT, DATA, Guest, NONBLOCK, RESULT, directory, right};

fn file(socket: impl Into<OwnedFd>) -> File {
    File::from(socket.into())
}

/// A guest with one end of a connection as standard input and output, and the other end.
fn connected() -> (Guest, UnixStream) {
    let (ours, its) = UnixStream::pair().unwrap();
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdin(InputFile::new(file(its.try_clone().unwrap()))).stdout(OutputFile::new(file(its)));
    (Guest::new(&mut wasi), ours)
}

fn receive(guest: &mut Guest, len: u32, flags: i64) -> Result<(Vec<u8>, u16), i32> {
    let [iovs, count] = guest.iovs(&[(DATA as u32, len)]);
    let flags_result = i64::from(RESULT) + 8;
    let args = [0, iovs, count, flags, RESULT.into(), flags_result];
    match guest.call("sock_recv", &args) {
        SUCCESS => {
            Ok((guest.bytes(DATA, guest.u32(RESULT) as usize), guest.u16(flags_result as i32)))
        }
        errno => Err(errno),
    }
}

#[test]
fn bytes_go_both_ways() {
    let (mut guest, mut ours) = connected();
    guest.ok("fd_fdstat_get", &[0, RESULT.into()]);
    assert_eq!(guest.bytes(RESULT, 1), [6]);
    ours.write_all(b"to the guest").unwrap();
    assert_eq!(receive(&mut guest, 2, 1), Ok((b"to".to_vec(), 0)));
    assert_eq!(receive(&mut guest, 6, 0), Ok((b"to the".to_vec(), 0)));
    assert_eq!(guest.read_fd(0, 100), Ok(b" guest".to_vec()));
    guest.write(DATA, b"from the guest");
    let [iovs, count] = guest.iovs(&[(DATA as u32, 4), (DATA as u32 + 4, 10)]);
    guest.ok("sock_send", &[1, iovs, count, 0, RESULT.into()]);
    assert_eq!(guest.u32(RESULT), 14);
    assert_eq!(guest.write_fd(1, b"!"), Ok(1));
    let mut bytes = [0; 15];
    ours.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"from the guest!");

    guest.ok("fd_fdstat_set_flags", &[0, NONBLOCK.into()]);
    assert_eq!(receive(&mut guest, 10, 0), Err(AGAIN));
    assert_eq!(receive(&mut guest, 10, 4), Err(INVAL));
    assert_eq!(guest.call("sock_send", &[1, iovs, count, 1, RESULT.into()]), INVAL);
    assert_eq!(guest.call("sock_shutdown", &[1, 0]), INVAL);
    assert_eq!(guest.call("sock_shutdown", &[1, 4]), INVAL);
    guest.ok("sock_shutdown", &[1, 2]);
    let mut rest = Vec::new();
    ours.read_to_end(&mut rest).unwrap();
    assert_eq!(guest.call("sock_send", &[1, iovs, count, 0, RESULT.into()]), PIPE);
    drop(ours);
    assert_eq!(receive(&mut guest, 10, 0), Ok((Vec::new(), 0)));
}

#[test]
fn all_that_is_asked_for_can_be_waited_for() {
    let (mut guest, mut ours) = connected();
    let writer = std::thread::spawn(move || {
        for piece in [b"ab", b"cd", b"ef"] {
            ours.write_all(piece).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    });
    assert_eq!(receive(&mut guest, 6, 2), Ok((b"abcdef".to_vec(), 0)));
    writer.join().unwrap();
}

#[test]
fn a_datagram_that_does_not_fit_is_cut_off() {
    let (ours, its) = UnixDatagram::pair().unwrap();
    let mut guest = Guest::new(WasiCtxBuilder::new().stdin(InputFile::new(file(its))));
    guest.ok("fd_fdstat_get", &[0, RESULT.into()]);
    assert_eq!(guest.bytes(RESULT, 1), [5]);
    ours.send(b"12345").unwrap();
    ours.send(b"123").unwrap();
    assert_eq!(receive(&mut guest, 3, 0), Ok((b"123".to_vec(), 1)));
    assert_eq!(receive(&mut guest, 3, 0), Ok((b"123".to_vec(), 0)));
}

#[test]
fn connections_are_accepted() {
    let dir = directory("sockets");
    let path = dir.join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let mut guest = Guest::new(WasiCtxBuilder::new().stdin(InputFile::new(file(listener))));
    guest.ok("fd_fdstat_set_flags", &[0, NONBLOCK.into()]);
    assert_eq!(guest.call("sock_accept", &[0, 0, RESULT.into()]), AGAIN);
    let mut ours = UnixStream::connect(&path).unwrap();
    assert_eq!(guest.call("sock_accept", &[0, 1, RESULT.into()]), INVAL);
    guest.ok("sock_accept", &[0, NONBLOCK.into(), RESULT.into()]);
    let fd = i64::from(guest.u32(RESULT));
    assert_eq!(guest.read_fd(fd, 10), Err(AGAIN));
    ours.write_all(b"hello").unwrap();
    assert_eq!(guest.read_fd(fd, 10), Ok(b"hello".to_vec()));
    assert_eq!(guest.write_fd(fd, b"answer"), Ok(6));
    guest.ok("fd_close", &[fd]);
    let mut answer = Vec::new();
    ours.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"answer");
}

#[test]
fn what_is_no_socket_is_told() {
    let dir = directory("no-sockets");
    let mut guest = Guest::in_dir(&dir);
    let file = guest.open("file", CREAT, right::READ | right::WRITE, 0).unwrap();
    let [iovs, count] = guest.iovs(&[(DATA as u32, 10)]);
    let result = i64::from(RESULT);
    for (fd, errno) in [(0, NOTSOCK), (1, NOTSOCK), (3, NOTSOCK), (file, NOTSOCK), (99, BADF)] {
        assert_eq!(guest.call("sock_accept", &[fd, 0, result]), errno);
        assert_eq!(guest.call("sock_recv", &[fd, iovs, count, 0, result, result + 4]), errno);
        assert_eq!(guest.call("sock_send", &[fd, iovs, count, 0, result]), errno);
        assert_eq!(guest.call("sock_shutdown", &[fd, 3]), errno);
    }
}
