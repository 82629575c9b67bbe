//! Files: reading, writing, positions, sizes, times, flags.

use std::fs;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use lineal_wasi::{DirPerms, FilePerms};

use crate::errno::*;
use crate::{
    APPEND, CREAT, DATA, DIRECTORY, EXCL, Guest, NONBLOCK, RESULT, TRUNC, directory, right,
};

const RW: u64 = right::READ | right::WRITE;

#[test]
fn files_are_read_and_written_from_where_they_are() {
    let dir = directory("read-write");
    let mut guest = Guest::in_dir(&dir);
    let fd = guest.open("file", CREAT, RW, 0).unwrap();
    assert_eq!(guest.write_fd(fd, b"hello, world"), Ok(12));
    guest.ok("fd_tell", &[fd, RESULT.into()]);
    assert_eq!(guest.u64(RESULT), 12);
    assert_eq!(guest.read_fd(fd, 10), Ok(Vec::new()));
    guest.ok("fd_seek", &[fd, 7, 0, RESULT.into()]);
    assert_eq!(guest.u64(RESULT), 7);
    assert_eq!(guest.read_fd(fd, 100), Ok(b"world".to_vec()));
    guest.ok("fd_seek", &[fd, -5, 1, RESULT.into()]);
    guest.ok("fd_seek", &[fd, -1, 2, RESULT.into()]);
    assert_eq!(guest.u64(RESULT), 11);
    assert_eq!(guest.call("fd_seek", &[fd, -13, 2, RESULT.into()]), INVAL);
    assert_eq!(guest.call("fd_seek", &[fd, -1, 0, RESULT.into()]), INVAL);
    assert_eq!(guest.call("fd_seek", &[fd, 0, 3, RESULT.into()]), INVAL);
    assert_eq!(guest.call("fd_seek", &[99, 0, 0, RESULT.into()]), BADF);
    assert_eq!(guest.call("fd_tell", &[99, RESULT.into()]), BADF);
    // A failed seek has moved nothing.
    guest.ok("fd_tell", &[fd, RESULT.into()]);
    assert_eq!(guest.u64(RESULT), 11);
    assert_eq!(fs::read(dir.join("file")).unwrap(), b"hello, world");
}

#[test]
fn several_buffers_are_one_access() {
    let dir = directory("vectors");
    let mut guest = Guest::in_dir(&dir);
    let fd = guest.open("file", CREAT, RW, 0).unwrap();
    guest.write(DATA, b"abcdefgh");
    let data = DATA as u32;
    // In any order, also overlapping, and without bytes.
    let [iovs, count] =
        guest.iovs(&[(data + 4, 4), (data, 0), (data, 2), (data + 1, 3), (0x4_0000, 0)]);
    guest.ok("fd_write", &[fd, iovs, count, RESULT.into()]);
    assert_eq!(guest.u32(RESULT), 9);
    assert_eq!(fs::read(dir.join("file")).unwrap(), b"efghabbcd");
    guest.ok("fd_seek", &[fd, 0, 0, RESULT.into()]);
    guest.write(DATA, b"................");
    let [iovs, count] = guest.iovs(&[(data + 8, 3), (data, 2), (data + 4, 2), (data + 12, 100)]);
    guest.ok("fd_read", &[fd, iovs, count, RESULT.into()]);
    assert_eq!(guest.u32(RESULT), 9);
    assert_eq!(guest.bytes(DATA, 15), b"ha..bb..efg.cd.");
}

#[test]
fn overlapping_buffers_are_filled_in_turn() {
    let dir = directory("overlap");
    fs::write(dir.join("file"), "abcdefgh").unwrap();
    let mut guest = Guest::in_dir(&dir);
    let fd = guest.open("file", 0, right::READ, 0).unwrap();
    let data = DATA as u32;
    let [iovs, count] = guest.iovs(&[(data, 4), (data + 2, 4)]);
    guest.ok("fd_read", &[fd, iovs, count, RESULT.into()]);
    assert_eq!(guest.u32(RESULT), 8);
    assert_eq!(guest.bytes(DATA, 6), b"abefgh");
}

#[test]
fn more_buffers_than_the_host_takes_at_once() {
    let dir = directory("many-vectors");
    let mut guest = Guest::in_dir(&dir);
    let fd = guest.open("file", CREAT, RW, 0).unwrap();
    let contents: Vec<u8> = (0..3000_u32).map(|index| index as u8).collect();
    guest.write(0x2_0000, &contents);
    let table: Vec<u8> = (0..3000_u32)
        .flat_map(|index| [(0x2_0000 + index).to_le_bytes(), 1_u32.to_le_bytes()].concat())
        .collect();
    guest.write(0x3_0000, &table);
    guest.ok("fd_write", &[fd, 0x3_0000, 3000, RESULT.into()]);
    assert_eq!(guest.u32(RESULT), 3000);
    assert_eq!(fs::read(dir.join("file")).unwrap(), contents);
    guest.write(0x2_0000, &[0; 3000]);
    guest.ok("fd_pread", &[fd, 0x3_0000, 3000, 0, RESULT.into()]);
    assert_eq!(guest.u32(RESULT), 3000);
    assert_eq!(guest.bytes(0x2_0000, 3000), contents);
}

#[test]
fn positions_are_independent() {
    let dir = directory("positions");
    fs::write(dir.join("file"), "0123456789").unwrap();
    let mut guest = Guest::in_dir(&dir);
    let fd = guest.open("file", 0, RW, 0).unwrap();
    let [iovs, count] = guest.iovs(&[(DATA as u32, 4)]);
    guest.ok("fd_pread", &[fd, iovs, count, 3, RESULT.into()]);
    assert_eq!((guest.u32(RESULT), guest.bytes(DATA, 4)), (4, b"3456".to_vec()));
    guest.ok("fd_pwrite", &[fd, iovs, count, 8, RESULT.into()]);
    guest.ok("fd_tell", &[fd, RESULT.into()]);
    assert_eq!(guest.u64(RESULT), 0);
    assert_eq!(fs::read(dir.join("file")).unwrap(), b"012345673456");
    guest.ok("fd_pread", &[fd, iovs, count, 100, RESULT.into()]);
    assert_eq!(guest.u32(RESULT), 0);
    for name in ["fd_pread", "fd_pwrite"] {
        assert_eq!(guest.call(name, &[fd, iovs, count, -1, RESULT.into()]), INVAL);
        assert_eq!(guest.call(name, &[99, iovs, count, 0, RESULT.into()]), BADF);
        assert_eq!(guest.call(name, &[1, iovs, count, 0, RESULT.into()]), SPIPE);
    }
    assert_eq!(guest.call("fd_pread", &[3, iovs, count, 0, RESULT.into()]), ISDIR);
    assert_eq!(guest.call("fd_pwrite", &[3, iovs, count, 0, RESULT.into()]), BADF);
}

#[test]
fn files_are_opened_for_what_was_asked() {
    let dir = directory("access");
    fs::write(dir.join("file"), "contents").unwrap();
    let mut guest = Guest::in_dir(&dir);
    let fd = guest.open("file", 0, right::READ, 0).unwrap();
    assert_eq!(guest.write_fd(fd, b"x"), Err(BADF));
    assert_eq!(guest.call("fd_filestat_set_size", &[fd, 1]), INVAL);
    assert_eq!(guest.call("fd_allocate", &[fd, 0, 1]), BADF);
    let fd = guest.open("file", 0, right::WRITE, 0).unwrap();
    assert_eq!(guest.read_fd(fd, 1), Err(BADF));
    assert_eq!(guest.read_fd(3, 1), Err(ISDIR));
    assert_eq!(guest.write_fd(3, b"x"), Err(BADF));
    assert_eq!(guest.read_fd(99, 1), Err(BADF));
    assert_eq!(guest.write_fd(99, b"x"), Err(BADF));
    assert_eq!(guest.read_fd(1, 1), Err(BADF));
    assert_eq!(guest.write_fd(0, b"x"), Err(BADF));
}

#[test]
fn files_are_created_truncated_and_appended_to() {
    let dir = directory("flags");
    let mut guest = Guest::in_dir(&dir);
    assert_eq!(guest.open("file", 0, RW, 0), Err(NOENT));
    guest.open("file", CREAT | EXCL, RW, 0).unwrap();
    assert_eq!(guest.open("file", CREAT | EXCL, RW, 0), Err(EXIST));
    fs::write(dir.join("file"), "long contents").unwrap();
    // All at once, which not all libraries like.
    let fd = guest.open("file", CREAT | TRUNC, right::WRITE, APPEND).unwrap();
    assert_eq!(fs::read(dir.join("file")).unwrap(), b"");
    assert_eq!(guest.write_fd(fd, b"one"), Ok(3));
    guest.ok("fd_seek", &[fd, 0, 0, RESULT.into()]);
    assert_eq!(guest.write_fd(fd, b"two"), Ok(3));
    assert_eq!(fs::read(dir.join("file")).unwrap(), b"onetwo");
    guest.ok("fd_fdstat_get", &[fd, RESULT.into()]);
    assert_eq!((guest.bytes(RESULT, 1)[0], guest.u16(RESULT + 2)), (4, APPEND as u16));
    // It can be switched off and on.
    guest.ok("fd_fdstat_set_flags", &[fd, 0]);
    guest.ok("fd_seek", &[fd, 0, 0, RESULT.into()]);
    assert_eq!(guest.write_fd(fd, b"ONE"), Ok(3));
    assert_eq!(fs::read(dir.join("file")).unwrap(), b"ONEtwo");
    guest.ok("fd_fdstat_set_flags", &[fd, (APPEND | NONBLOCK).into()]);
    assert_eq!(guest.write_fd(fd, b"!"), Ok(1));
    assert_eq!(fs::read(dir.join("file")).unwrap(), b"ONEtwo!");
    for flags in [2, 8, 16, 32, -1] {
        assert_eq!(guest.call("fd_fdstat_set_flags", &[fd, flags]), INVAL);
    }
    assert_eq!(guest.call("fd_fdstat_set_flags", &[99, 0]), BADF);
    guest.ok("fd_fdstat_set_flags", &[3, 0]);
    assert_eq!(guest.call("fd_fdstat_set_flags", &[3, NONBLOCK.into()]), BADF);
    assert_eq!(guest.call("fd_fdstat_set_flags", &[1, NONBLOCK.into()]), NOTSUP);
    // A file that is only read can be created too.
    guest.open("other", CREAT, right::READ, 0).unwrap();
    assert!(dir.join("other").exists());
    // Synchronous ones stay so.
    let fd = guest.open("file", 0, right::WRITE, 2 | 16).unwrap();
    guest.ok("fd_fdstat_get", &[fd, RESULT.into()]);
    assert_eq!(guest.u16(RESULT + 2), 2 | 16);
    assert_eq!(guest.call("fd_fdstat_set_flags", &[fd, 0]), INVAL);
    guest.ok("fd_fdstat_set_flags", &[fd, 2 | 16 | 1]);
}

#[test]
fn impossible_flags_are_refused() {
    let dir = directory("impossible");
    fs::write(dir.join("file"), "").unwrap();
    fs::create_dir(dir.join("sub")).unwrap();
    std::os::unix::fs::symlink("file", dir.join("link")).unwrap();
    let mut guest = Guest::in_dir(&dir);
    assert_eq!(guest.open("file", 16, RW, 0), Err(INVAL));
    assert_eq!(guest.open("file", 0, RW, 32), Err(INVAL));
    assert_eq!(guest.open_at(3, "file", 2, 0, RW, 0), Err(INVAL));
    assert_eq!(guest.open("sub", CREAT | DIRECTORY, right::READ, 0), Err(INVAL));
    assert_eq!(guest.open("sub", TRUNC | DIRECTORY, right::READ, 0), Err(INVAL));
    assert_eq!(guest.open("file", DIRECTORY, right::READ, 0), Err(NOTDIR));
    assert_eq!(guest.open("sub", 0, RW, 0), Err(ISDIR));
    guest.open("sub", DIRECTORY, right::ALL, 0).unwrap();
    guest.open("sub", 0, right::READ, 0).unwrap();
    assert_eq!(guest.open_at(3, "link", 0, 0, RW, 0), Err(LOOP));
    assert_eq!(guest.open_at(3, "link", 0, CREAT | EXCL, RW, 0), Err(EXIST));
    // Without O_CREAT, O_EXCL means nothing.
    guest.open("file", EXCL, RW, 0).unwrap();
    assert_eq!(guest.open_at(99, "file", 0, 0, RW, 0), Err(BADF));
    assert_eq!(guest.open_at(1, "file", 0, 0, RW, 0), Err(NOTDIR));
}

#[test]
fn sizes_are_set() {
    let dir = directory("sizes");
    let mut guest = Guest::in_dir(&dir);
    let fd = guest.open("file", CREAT, RW, 0).unwrap();
    guest.ok("fd_filestat_set_size", &[fd, 100]);
    assert_eq!(fs::metadata(dir.join("file")).unwrap().len(), 100);
    guest.ok("fd_filestat_set_size", &[fd, 10]);
    guest.ok("fd_allocate", &[fd, 50, 50]);
    assert_eq!(fs::metadata(dir.join("file")).unwrap().len(), 100);
    guest.ok("fd_allocate", &[fd, 0, 10]);
    assert_eq!(fs::metadata(dir.join("file")).unwrap().len(), 100);
    assert_eq!(guest.call("fd_allocate", &[fd, 0, 0]), INVAL);
    assert_eq!(guest.call("fd_allocate", &[fd, i64::MAX, 1]), FBIG);
    assert_eq!(guest.call("fd_allocate", &[fd, -1, 1]), FBIG);
    assert_eq!(guest.call("fd_allocate", &[99, 0, 1]), BADF);
    assert_eq!(guest.call("fd_allocate", &[3, 0, 1]), BADF);
    assert_eq!(guest.call("fd_allocate", &[1, 0, 1]), SPIPE);
    assert_eq!(guest.call("fd_filestat_set_size", &[fd, -1]), INVAL);
    assert_eq!(guest.call("fd_filestat_set_size", &[99, 0]), BADF);
    assert_eq!(guest.call("fd_filestat_set_size", &[3, 0]), BADF);
}

#[test]
fn large_and_sparse_files() {
    let dir = directory("large");
    let mut guest = Guest::in_dir(&dir);
    let fd = guest.open("file", CREAT, RW, 0).unwrap();
    let far = 5_i64 << 32;
    guest.ok("fd_seek", &[fd, far, 0, RESULT.into()]);
    assert_eq!(guest.write_fd(fd, b"end"), Ok(3));
    guest.ok("fd_filestat_get", &[fd, RESULT.into()]);
    assert_eq!(guest.u64(RESULT + 32), far as u64 + 3);
    let [iovs, count] = guest.iovs(&[(DATA as u32, 8)]);
    guest.ok("fd_pread", &[fd, iovs, count, far - 2, RESULT.into()]);
    assert_eq!((guest.u32(RESULT), guest.bytes(DATA, 5)), (5, b"\0\0end".to_vec()));
    let metadata = fs::metadata(dir.join("file")).unwrap();
    assert!(metadata.blocks() * 512 < 1 << 20, "the file is not sparse");
    guest.ok("fd_seek", &[fd, -3, 2, RESULT.into()]);
    assert_eq!(guest.u64(RESULT), far as u64);
}

#[test]
fn attributes_are_told() {
    let dir = directory("attributes");
    fs::write(dir.join("file"), "12345").unwrap();
    fs::hard_link(dir.join("file"), dir.join("other")).unwrap();
    let mut guest = Guest::in_dir(&dir);
    let fd = guest.open("file", 0, right::READ, 0).unwrap();
    let metadata = fs::metadata(dir.join("file")).unwrap();
    guest.write(RESULT, &[0xff; 72]);
    guest.ok("fd_filestat_get", &[fd, RESULT.into()]);
    let nanos = |seconds: i64, nanos: i64| (seconds * 1_000_000_000 + nanos) as u64;
    let expected = [
        metadata.dev(),
        metadata.ino(),
        4,
        2,
        5,
        nanos(metadata.atime(), metadata.atime_nsec()),
        nanos(metadata.mtime(), metadata.mtime_nsec()),
        nanos(metadata.ctime(), metadata.ctime_nsec()),
        u64::MAX,
    ];
    let found: Vec<u64> = (0..9).map(|index| guest.u64(RESULT + 8 * index)).collect();
    assert_eq!(found, expected);
    let [path, len] = guest.path("file");
    guest.ok("path_filestat_get", &[3, 0, path, len, RESULT.into()]);
    let found: Vec<u64> = (0..9).map(|index| guest.u64(RESULT + 8 * index)).collect();
    assert_eq!(found, expected);
    guest.ok("fd_filestat_get", &[3, RESULT.into()]);
    assert_eq!(guest.bytes(RESULT + 16, 1), [3]);
    guest.ok("fd_filestat_get", &[0, RESULT.into()]);
    assert_eq!(guest.call("fd_filestat_get", &[99, RESULT.into()]), BADF);
}

#[test]
fn times_are_set_to_the_nanosecond() {
    let dir = directory("times");
    let mut guest = Guest::in_dir(&dir);
    let fd = guest.open("file", CREAT, RW, 0).unwrap();
    let (accessed, modified) = (1_000_000_000_123_456_789, 1_500_000_000_987_654_321);
    guest.ok("fd_filestat_set_times", &[fd, accessed, modified, 1 | 4]);
    guest.ok("fd_filestat_get", &[fd, RESULT.into()]);
    assert_eq!(guest.u64(RESULT + 40), accessed as u64);
    assert_eq!(guest.u64(RESULT + 48), modified as u64);
    // One of them alone, and now.
    guest.ok("fd_filestat_set_times", &[fd, 5, 6, 1]);
    guest.ok("fd_filestat_get", &[fd, RESULT.into()]);
    assert_eq!((guest.u64(RESULT + 40), guest.u64(RESULT + 48)), (5, modified as u64));
    guest.ok("fd_filestat_set_times", &[fd, 5, 6, 8]);
    guest.ok("fd_filestat_get", &[fd, RESULT.into()]);
    assert!(guest.u64(RESULT + 48) > 1_600_000_000_000_000_000);
    for flags in [1 | 2, 4 | 8, 16, -1] {
        assert_eq!(guest.call("fd_filestat_set_times", &[fd, 0, 0, flags]), INVAL);
    }
    assert_eq!(guest.call("fd_filestat_set_times", &[99, 0, 0, 0]), BADF);
    guest.ok("fd_filestat_set_times", &[3, accessed, modified, 1 | 4]);
    assert_eq!(fs::metadata(&dir).unwrap().mtime(), 1_500_000_000);
}

#[test]
fn advice_and_synchronisation() {
    let dir = directory("sync");
    let mut guest = Guest::in_dir(&dir);
    let fd = guest.open("file", CREAT, RW, 0).unwrap();
    for advice in 0..6 {
        guest.ok("fd_advise", &[fd, 0, 100, advice]);
    }
    assert_eq!(guest.call("fd_advise", &[fd, 0, 0, 6]), INVAL);
    assert_eq!(guest.call("fd_advise", &[fd, -1, 0, 0]), INVAL);
    assert_eq!(guest.call("fd_advise", &[99, 0, 0, 0]), BADF);
    assert_eq!(guest.call("fd_advise", &[3, 0, 0, 0]), BADF);
    assert_eq!(guest.call("fd_advise", &[1, 0, 0, 0]), SPIPE);
    for name in ["fd_sync", "fd_datasync"] {
        guest.ok(name, &[fd]);
        guest.ok(name, &[3]);
        assert_eq!(guest.call(name, &[99]), BADF);
        assert_eq!(guest.call(name, &[1]), INVAL);
    }
}

#[test]
fn a_full_device_has_no_space() {
    let mut guest =
        Guest::in_dir_with(std::path::Path::new("/dev"), DirPerms::all(), FilePerms::all());
    let Ok(fd) = guest.open("full", 0, right::WRITE, 0) else { return };
    assert_eq!(guest.write_fd(fd, b"x"), Err(NOSPC));
    let fd = guest.open("null", 0, RW, 0).unwrap();
    assert_eq!(guest.write_fd(fd, b"x"), Ok(1));
    assert_eq!(guest.read_fd(fd, 1), Ok(Vec::new()));
}

#[test]
fn the_host_sees_what_the_guest_writes_and_the_other_way_round() {
    let dir = directory("both");
    let mut guest = Guest::in_dir(&dir);
    let fd = guest.open("file", CREAT, RW, 0).unwrap();
    guest.write_fd(fd, b"guest").unwrap();
    let file = fs::OpenOptions::new().write(true).open(dir.join("file")).unwrap();
    file.write_all_at(b"host!", 5).unwrap();
    assert_eq!(guest.read_fd(fd, 100), Ok(b"host!".to_vec()));
}
