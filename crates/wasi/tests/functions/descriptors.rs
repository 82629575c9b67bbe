//! The table of descriptors: numbers, rights, preopened directories.

use std::fs;

use lineal_wasi::FsPerms;
use lineal_wasi::WasiCtxBuilder;
use lineal_wasi::pipe::MemoryOutputPipe;

use crate::errno::*;
use crate::{CREAT, DATA, DIRECTORY, Guest, RESULT, directory, right};

const RW: u64 = right::READ | right::WRITE;

#[test]
fn the_lowest_number_is_used_next() {
    let dir = directory("lowest");
    let mut guest = Guest::in_dir(&dir);
    for number in 4..10 {
        assert_eq!(guest.open("file", CREAT, RW, 0), Ok(number));
    }
    guest.ok("fd_close", &[8]);
    guest.ok("fd_close", &[5]);
    assert_eq!(guest.open("file", 0, RW, 0), Ok(5));
    assert_eq!(guest.open("file", 0, RW, 0), Ok(8));
    assert_eq!(guest.open("file", 0, RW, 0), Ok(10));
    guest.ok("fd_close", &[0]);
    assert_eq!(guest.open("file", 0, RW, 0), Ok(0));
    for _ in 0..3_000 {
        assert_eq!(guest.open("file", 0, RW, 0), Ok(11));
        guest.ok("fd_close", &[11]);
    }
    assert_eq!(guest.call("fd_close", &[11]), BADF);
    assert_eq!(guest.call("fd_close", &[-1]), BADF);
}

#[test]
fn numbers_are_moved_in_every_order() {
    let dir = directory("renumber");
    let stdout = MemoryOutputPipe::new(1000);
    let mut wasi = WasiCtxBuilder::new();
    wasi.preopened_dir(&dir, "dir", FsPerms::ReadWrite).unwrap();
    let mut guest = Guest::new(wasi.stdout(stdout.clone()));
    let fd = guest.open("file", CREAT, RW, 0).unwrap();
    // Standard output moves away, a file takes its place, and it comes back.
    guest.ok("fd_renumber", &[1, 100]);
    assert_eq!(guest.write_fd(1, b"lost"), Err(BADF));
    guest.ok("fd_renumber", &[fd, 1]);
    assert_eq!(guest.write_fd(1, b"to the file"), Ok(11));
    assert_eq!(guest.call("fd_close", &[fd]), BADF);
    guest.ok("fd_renumber", &[100, 1]);
    assert_eq!(guest.write_fd(1, b"to the output"), Ok(13));
    assert_eq!(stdout.contents(), b"to the output");
    assert_eq!(fs::read(dir.join("file")).unwrap(), b"to the file");
    // Onto itself, and what is not open.
    guest.ok("fd_renumber", &[1, 1]);
    assert_eq!(guest.write_fd(1, b"!"), Ok(1));
    assert_eq!(guest.call("fd_renumber", &[100, 1]), BADF);
    assert_eq!(guest.call("fd_renumber", &[100, 100]), BADF);
    assert_eq!(guest.call("fd_renumber", &[1, -1]), BADF);
    assert_eq!(guest.call("fd_renumber", &[1, 1 << 16]), BADF);
    assert_eq!(guest.write_fd(1, b"!"), Ok(1));
    // Numbers that became free are used again.
    assert_eq!(guest.open("file", 0, RW, 0), Ok(4));
    guest.ok("fd_renumber", &[4, 0]);
    assert_eq!(guest.open("file", 0, RW, 0), Ok(4));
}

#[test]
fn preopened_directories_have_names() {
    let dir = directory("names");
    let mut wasi = WasiCtxBuilder::new();
    for name in ["/", "täxt"] {
        wasi.preopened_dir(&dir, name, FsPerms::ReadWrite).unwrap();
    }
    let mut guest = Guest::new(&mut wasi);
    guest.ok("fd_prestat_get", &[4, RESULT.into()]);
    assert_eq!((guest.u32(RESULT), guest.u32(RESULT + 4)), (0, 5));
    guest.ok("fd_prestat_dir_name", &[4, DATA.into(), 5]);
    assert_eq!(guest.bytes(DATA, 6), "täxt\0".as_bytes());
    assert_eq!(guest.call("fd_prestat_dir_name", &[4, DATA.into(), 4]), NAMETOOLONG);
    guest.ok("fd_prestat_dir_name", &[3, DATA.into(), 100]);
    assert_eq!(guest.bytes(DATA, 2), b"/\xc3");
    for fd in [0, 5, 99] {
        assert_eq!(guest.call("fd_prestat_get", &[fd, RESULT.into()]), BADF);
        assert_eq!(guest.call("fd_prestat_dir_name", &[fd, DATA.into(), 10]), BADF);
    }
    guest.ok("fd_close", &[3]);
    assert_eq!(guest.call("fd_prestat_get", &[3, RESULT.into()]), BADF);
    let missing =
        WasiCtxBuilder::new().preopened_dir(dir.join("missing"), "x", FsPerms::ReadWrite).is_err();
    assert!(missing);
}

/// The rights of a descriptor.
fn rights(guest: &mut Guest, fd: i64) -> (u64, u64) {
    guest.ok("fd_fdstat_get", &[fd, RESULT.into()]);
    (guest.u64(RESULT + 8), guest.u64(RESULT + 16))
}

#[test]
fn rights_are_given_up_and_never_come_back() {
    let dir = directory("rights");
    fs::write(dir.join("file"), "contents").unwrap();
    let mut guest = Guest::in_dir(&dir);
    let fd = guest.open("file", 0, RW | right::SEEK, 0).unwrap();
    assert_eq!(rights(&mut guest, fd), (RW | right::SEEK, 0));
    assert_eq!(guest.call("fd_fdstat_set_rights", &[fd, right::ALL as i64, 0]), NOTCAPABLE);
    assert_eq!(guest.call("fd_fdstat_set_rights", &[fd, RW as i64, 1]), NOTCAPABLE);
    assert_eq!(guest.call("fd_fdstat_set_rights", &[99, 0, 0]), BADF);
    guest.ok("fd_fdstat_set_rights", &[fd, right::READ as i64, 0]);
    assert_eq!(rights(&mut guest, fd), (right::READ, 0));
    assert_eq!(guest.write_fd(fd, b"x"), Err(NOTCAPABLE));
    assert_eq!(guest.call("fd_seek", &[fd, 0, 0, RESULT.into()]), NOTCAPABLE);
    assert_eq!(guest.call("fd_tell", &[fd, RESULT.into()]), NOTCAPABLE);
    assert_eq!(guest.call("fd_filestat_get", &[fd, RESULT.into()]), NOTCAPABLE);
    let [iovs, count] = guest.iovs(&[(DATA as u32, 4)]);
    assert_eq!(guest.call("fd_pread", &[fd, iovs, count, 0, RESULT.into()]), NOTCAPABLE);
    assert_eq!(guest.read_fd(fd, 3), Ok(b"con".to_vec()));
    guest.ok("fd_fdstat_set_rights", &[fd, 0, 0]);
    for (name, args) in [
        ("fd_advise", &[fd, 0, 0, 0][..]),
        ("fd_allocate", &[fd, 0, 1]),
        ("fd_datasync", &[fd]),
        ("fd_sync", &[fd]),
        ("fd_fdstat_set_flags", &[fd, 0]),
        ("fd_filestat_set_size", &[fd, 0]),
        ("fd_filestat_set_times", &[fd, 0, 0, 0]),
        ("fd_read", &[fd, iovs, count, RESULT.into()]),
    ] {
        assert_eq!(guest.call(name, args), NOTCAPABLE, "{name}");
    }
    guest.ok("fd_close", &[fd]);
}

#[test]
fn what_is_opened_inherits_rights() {
    let dir = directory("inherited");
    fs::create_dir(dir.join("sub")).unwrap();
    fs::write(dir.join("sub/file"), "contents").unwrap();
    let mut guest = Guest::in_dir(&dir);
    let [path, len] = guest.path("sub");
    let open = [3, 0, path, len, DIRECTORY.into(), right::ALL as i64, right::READ as i64, 0];
    guest.ok("path_open", &[&open[..], &[RESULT.into()]].concat());
    let sub = i64::from(guest.u32(RESULT));
    assert_eq!(rights(&mut guest, sub).1, right::READ);
    assert_eq!(guest.open_at(sub, "file", 0, 0, RW, 0), Err(NOTCAPABLE));
    let fd = guest.open_at(sub, "file", 0, 0, right::READ, 0).unwrap();
    assert_eq!(guest.read_fd(fd, 3), Ok(b"con".to_vec()));
    assert_eq!(guest.call("fd_tell", &[fd, RESULT.into()]), NOTCAPABLE);
    guest.ok("fd_close", &[fd]);

    // Without a right, the functions that need it do nothing.
    guest.ok("fd_fdstat_set_rights", &[sub, 0, 0]);
    let [path, len] = guest.path("file");
    let [path_2, len_2] = guest.path_2("new");
    for (name, args) in [
        ("fd_readdir", &[sub, DATA.into(), 100, 0, RESULT.into()][..]),
        ("path_create_directory", &[sub, path_2, len_2]),
        ("path_filestat_get", &[sub, 0, path, len, RESULT.into()]),
        ("path_filestat_set_times", &[sub, 0, path, len, 0, 0, 0]),
        ("path_link", &[sub, 0, path, len, sub, path_2, len_2]),
        ("path_open", &[sub, 0, path, len, 0, 0, 0, 0, RESULT.into()]),
        ("path_readlink", &[sub, path, len, DATA.into(), 10, RESULT.into()]),
        ("path_remove_directory", &[sub, path, len]),
        ("path_rename", &[sub, path, len, sub, path_2, len_2]),
        ("path_symlink", &[path, len, sub, path_2, len_2]),
        ("path_unlink_file", &[sub, path, len]),
    ] {
        assert_eq!(guest.call(name, args), NOTCAPABLE, "{name}");
    }
    assert_eq!(fs::read_dir(dir.join("sub")).unwrap().count(), 1);
}
