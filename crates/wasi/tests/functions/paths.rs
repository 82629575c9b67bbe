//! Paths: what is looked up, created, linked, renamed, listed and removed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, symlink};

use lineal_wasi::{DirPerms, FilePerms, FsPerms};

use crate::errno::*;
use crate::{CREAT, DATA, DIRECTORY, Guest, RESULT, TRUNC, directory, right};

const RW: u64 = right::READ | right::WRITE;

/// Calls a function that takes a descriptor and a path.
fn on_path(guest: &mut Guest, name: &str, path: impl AsRef<[u8]>) -> i32 {
    let [path, len] = guest.path(path);
    guest.call(name, &[3, path, len])
}

/// Calls a function that takes two paths.
fn on_paths(guest: &mut Guest, name: &str, from: &str, to: &str) -> i32 {
    let [from, from_len] = guest.path(from);
    let [to, to_len] = guest.path_2(to);
    match name {
        "path_symlink" => guest.call(name, &[from, from_len, 3, to, to_len]),
        "path_link" => guest.call(name, &[3, 0, from, from_len, 3, to, to_len]),
        _ => guest.call(name, &[3, from, from_len, 3, to, to_len]),
    }
}

fn stat(guest: &mut Guest, path: &str, follow: i64) -> i32 {
    let [path, len] = guest.path(path);
    guest.call("path_filestat_get", &[3, follow, path, len, RESULT.into()])
}

fn read_link(guest: &mut Guest, path: &str, room: i64) -> Result<Vec<u8>, i32> {
    let [path, len] = guest.path(path);
    let result = guest.call("path_readlink", &[3, path, len, DATA.into(), room, RESULT.into()]);
    if result == 0 { Ok(guest.bytes(DATA, guest.u32(RESULT) as usize)) } else { Err(result) }
}

#[test]
fn directories_are_created_and_removed() {
    let dir = directory("directories");
    let mut guest = Guest::in_dir(&dir);
    assert_eq!(on_path(&mut guest, "path_create_directory", "sub"), SUCCESS);
    assert_eq!(on_path(&mut guest, "path_create_directory", "sub"), EXIST);
    assert_eq!(on_path(&mut guest, "path_create_directory", "sub/deeper/"), SUCCESS);
    assert_eq!(on_path(&mut guest, "path_create_directory", "no/such"), NOENT);
    assert_eq!(on_path(&mut guest, "path_remove_directory", "sub"), NOTEMPTY);
    assert_eq!(on_path(&mut guest, "path_unlink_file", "sub"), ISDIR);
    assert_eq!(on_path(&mut guest, "path_remove_directory", "sub/deeper/"), SUCCESS);
    assert_eq!(on_path(&mut guest, "path_remove_directory", "sub"), SUCCESS);
    assert_eq!(on_path(&mut guest, "path_remove_directory", "sub"), NOENT);
    fs::write(dir.join("file"), "").unwrap();
    assert_eq!(on_path(&mut guest, "path_remove_directory", "file"), NOTDIR);
    assert_eq!(on_path(&mut guest, "path_create_directory", "file/sub"), NOTDIR);
    assert_eq!(on_path(&mut guest, "path_unlink_file", "file/"), NOTDIR);
    assert_eq!(on_path(&mut guest, "path_unlink_file", "file"), SUCCESS);
    assert_eq!(on_path(&mut guest, "path_unlink_file", "file"), NOENT);
    let [path, len] = guest.path("sub");
    for name in ["path_create_directory", "path_remove_directory", "path_unlink_file"] {
        assert_eq!(guest.call(name, &[99, path, len]), BADF);
        assert_eq!(guest.call(name, &[1, path, len]), NOTDIR);
    }
}

#[test]
fn odd_paths_are_answered() {
    let dir = directory("odd");
    fs::create_dir(dir.join("sub")).unwrap();
    fs::write(dir.join("sub/file"), "contents").unwrap();
    let mut guest = Guest::in_dir(&dir);
    let mut open = |path: &[u8]| guest.open_at(3, path, 1, 0, right::READ, 0).map(drop);
    for path in
        ["sub/file", "./sub/./file", "sub//file", "sub/../sub/file", "sub", "sub/", "sub/.", "."]
    {
        assert_eq!(open(path.as_bytes()), Ok(()), "{path}");
    }
    for (path, errno) in [
        (&b""[..], NOENT),
        (b"missing", NOENT),
        (b"missing/../sub/file", NOENT),
        (b"sub/file/", NOTDIR),
        (b"sub/file/.", NOTDIR),
        (b"sub/file/..", NOTDIR),
        (b"sub\0/file", INVAL),
        (b"sub/file\0", INVAL),
        (b"\xff", ILSEQ),
        (b"..", PERM),
        (b"../odd/sub/file", PERM),
        (b"sub/../../odd/sub/file", PERM),
        (b"/", PERM),
        (b"/etc/passwd", PERM),
    ] {
        assert_eq!(open(path), Err(errno), "{}", String::from_utf8_lossy(path));
    }
    assert_eq!(open(&[b'x'; 256]), Err(NAMETOOLONG));
    assert_eq!(open(&b"x/".repeat(3_000)), Err(NAMETOOLONG));
    assert_eq!(open(&b"./".repeat(1_000)), Ok(()));
}

#[test]
fn symbolic_links_are_made_read_and_followed() {
    let dir = directory("symlinks");
    fs::write(dir.join("file"), "12345").unwrap();
    let mut guest = Guest::in_dir(&dir);
    assert_eq!(on_paths(&mut guest, "path_symlink", "file", "link"), SUCCESS);
    assert_eq!(on_paths(&mut guest, "path_symlink", "file", "link"), EXIST);
    assert_eq!(on_paths(&mut guest, "path_symlink", "file", "no/link"), NOENT);
    assert_eq!(on_paths(&mut guest, "path_symlink", "", "empty"), NOENT);
    assert_eq!(on_paths(&mut guest, "path_symlink", "/etc", "absolute"), PERM);
    assert_eq!(read_link(&mut guest, "link", 100), Ok(b"file".to_vec()));
    assert_eq!(read_link(&mut guest, "link", 2), Ok(b"fi".to_vec()));
    assert_eq!(read_link(&mut guest, "link", 0), Ok(Vec::new()));
    assert_eq!(read_link(&mut guest, "file", 100), Err(INVAL));
    assert_eq!(read_link(&mut guest, "missing", 100), Err(NOENT));
    assert_eq!(stat(&mut guest, "link", 1), SUCCESS);
    assert_eq!((guest.bytes(RESULT + 16, 1)[0], guest.u64(RESULT + 32)), (4, 5));
    assert_eq!(stat(&mut guest, "link", 0), SUCCESS);
    assert_eq!((guest.bytes(RESULT + 16, 1)[0], guest.u64(RESULT + 32)), (7, 4));
    assert_eq!(stat(&mut guest, "link", 2), INVAL);
    // A link can lead to what is not there yet, and it is created there.
    assert_eq!(on_paths(&mut guest, "path_symlink", "later", "early"), SUCCESS);
    assert_eq!(guest.open("early", 0, RW, 0), Err(NOENT));
    guest.open("early", CREAT, RW, 0).unwrap();
    assert!(dir.join("later").exists());
    // In circles.
    assert_eq!(on_paths(&mut guest, "path_symlink", "b", "a"), SUCCESS);
    assert_eq!(on_paths(&mut guest, "path_symlink", "a", "b"), SUCCESS);
    assert_eq!(guest.open("a", 0, RW, 0), Err(LOOP));
    assert_eq!(stat(&mut guest, "a", 1), LOOP);
    assert_eq!(stat(&mut guest, "a", 0), SUCCESS);
    assert_eq!(on_path(&mut guest, "path_unlink_file", "a"), SUCCESS);
}

#[test]
fn hard_links_and_renames() {
    let dir = directory("links");
    fs::write(dir.join("file"), "contents").unwrap();
    fs::create_dir(dir.join("sub")).unwrap();
    fs::create_dir(dir.join("full")).unwrap();
    fs::write(dir.join("full/file"), "").unwrap();
    let mut guest = Guest::in_dir(&dir);
    assert_eq!(on_paths(&mut guest, "path_link", "file", "sub/other"), SUCCESS);
    assert_eq!(fs::metadata(dir.join("file")).unwrap().nlink(), 2);
    assert_eq!(on_paths(&mut guest, "path_link", "file", "sub/other"), EXIST);
    assert_eq!(on_paths(&mut guest, "path_link", "missing", "new"), NOENT);
    assert_eq!(on_paths(&mut guest, "path_link", "sub", "new"), PERM);
    let [path, len] = guest.path("file");
    let [path_2, len_2] = guest.path_2("new");
    assert_eq!(guest.call("path_link", &[3, 1, path, len, 3, path_2, len_2]), INVAL);
    assert_eq!(guest.call("path_link", &[99, 0, path, len, 3, path_2, len_2]), BADF);
    assert_eq!(guest.call("path_link", &[3, 0, path, len, 99, path_2, len_2]), BADF);
    assert_eq!(guest.call("path_rename", &[3, path, len, 99, path_2, len_2]), BADF);

    assert_eq!(on_paths(&mut guest, "path_rename", "file", "moved"), SUCCESS);
    assert_eq!(fs::read(dir.join("moved")).unwrap(), b"contents");
    assert_eq!(on_paths(&mut guest, "path_rename", "file", "moved"), NOENT);
    assert_eq!(on_paths(&mut guest, "path_rename", "moved", "sub"), ISDIR);
    assert_eq!(on_paths(&mut guest, "path_rename", "sub", "moved"), NOTDIR);
    assert_eq!(on_paths(&mut guest, "path_rename", "sub", "full"), NOTEMPTY);
    assert_eq!(on_paths(&mut guest, "path_rename", "sub", "sub/deeper"), INVAL);
    assert_eq!(on_paths(&mut guest, "path_rename", "sub/", "renamed/"), SUCCESS);
    assert_eq!(on_paths(&mut guest, "path_rename", "moved", "renamed/other"), SUCCESS);
    assert_eq!(on_paths(&mut guest, "path_rename", "../links/full", "stolen"), PERM);
    assert_eq!(on_paths(&mut guest, "path_rename", "full", "../gone"), PERM);
}

#[test]
fn times_of_what_a_path_names() {
    let dir = directory("path-times");
    fs::write(dir.join("file"), "").unwrap();
    symlink("file", dir.join("link")).unwrap();
    fs::create_dir(dir.join("sub")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        dir.join("fifo"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let mut guest = Guest::in_dir(&dir);
    let (accessed, modified) = (1_000_000_000_000_000_001, 1_000_000_001_000_000_002);
    let mut set = |path: &str, follow: i64, flags: i64| {
        let [path, len] = guest.path(path);
        guest.call("path_filestat_set_times", &[3, follow, path, len, accessed, modified, flags])
    };
    // A link itself, then what it leads to, a directory, and a pipe, which nobody waits for.
    assert_eq!(set("link", 0, 1 | 4), SUCCESS);
    assert_eq!(fs::symlink_metadata(dir.join("link")).unwrap().mtime_nsec(), 2);
    assert_ne!(fs::metadata(dir.join("file")).unwrap().mtime(), 1_000_000_001);
    for (path, name) in [("link", "file"), ("sub", "sub"), ("fifo", "fifo")] {
        assert_eq!(set(path, 1, 1 | 4), SUCCESS);
        let metadata = fs::metadata(dir.join(name)).unwrap();
        assert_eq!((metadata.atime(), metadata.atime_nsec()), (1_000_000_000, 1), "{path}");
        assert_eq!((metadata.mtime(), metadata.mtime_nsec()), (1_000_000_001, 2), "{path}");
    }
    assert_eq!(set("missing", 1, 1), NOENT);
    assert_eq!(set("missing", 0, 1), NOENT);
    assert_eq!(set("file", 1, 3), INVAL);
    assert_eq!(set("file", 2, 1), INVAL);
    assert_eq!(set("..", 1, 1), PERM);
    assert_eq!(set("../path-times/file", 0, 1), PERM);
}

/// What is in a directory by name: cookie, inode, type.
fn list(guest: &mut Guest, fd: i64, room: u32) -> BTreeMap<Vec<u8>, (u64, u64, u8)> {
    let mut entries = BTreeMap::new();
    let mut cookie = 0;
    loop {
        guest.ok("fd_readdir", &[fd, DATA.into(), room.into(), cookie, RESULT.into()]);
        let used = guest.u32(RESULT);
        assert!(used <= room);
        let bytes = guest.bytes(DATA, used as usize);
        let mut rest = &bytes[..];
        let before = cookie;
        while rest.len() >= 24 {
            let next = u64::from_le_bytes(rest[..8].try_into().unwrap());
            let inode = u64::from_le_bytes(rest[8..16].try_into().unwrap());
            let len = u32::from_le_bytes(rest[16..20].try_into().unwrap()) as usize;
            if rest.len() < 24 + len {
                break;
            }
            let old = entries.insert(rest[24..24 + len].to_vec(), (next, inode, rest[20]));
            assert!(old.is_none(), "an entry comes twice");
            cookie = next as i64;
            rest = &rest[24 + len..];
        }
        if used < room {
            return entries;
        }
        assert_ne!(before, cookie, "there is no room for an entry");
    }
}

#[test]
fn directories_are_listed_whatever_the_buffer() {
    let dir = directory("list");
    fs::write(dir.join("file"), "").unwrap();
    fs::create_dir(dir.join("sub")).unwrap();
    symlink("nowhere", dir.join("link")).unwrap();
    fs::write(dir.join(std::ffi::OsStr::from_bytes(b"\xff")), "").unwrap();
    let mut guest = Guest::in_dir(&dir);
    let entries = list(&mut guest, 3, 4096);
    let types: Vec<(&[u8], u8)> =
        entries.iter().map(|(name, entry)| (&name[..], entry.2)).collect();
    let expected: [(&[u8], u8); 6] =
        [(b".", 3), (b"..", 3), (b"file", 4), (b"link", 7), (b"sub", 3), (b"\xff", 4)];
    assert_eq!(types, expected);
    assert_eq!((entries[&b"."[..]].0, entries[&b".."[..]].0), (1, 2));
    assert_eq!(entries[&b"file"[..]].1, fs::metadata(dir.join("file")).unwrap().ino());
    // What the parent is, is not told.
    assert_eq!(entries[&b".."[..]].1, fs::metadata(&dir).unwrap().ino());
    for room in [28, 29, 40, 60, 100] {
        assert_eq!(list(&mut guest, 3, room), entries, "{room}");
    }
    // Of a buffer that is too small, all is used.
    for room in [0, 1, 23, 24] {
        guest.ok("fd_readdir", &[3, DATA.into(), room, 0, RESULT.into()]);
        assert_eq!(i64::from(guest.u32(RESULT)), room);
    }
    for cookie in [6, 7, -1] {
        guest.ok("fd_readdir", &[3, DATA.into(), 100, cookie, RESULT.into()]);
        assert_eq!(guest.u32(RESULT), 0);
    }
    let fd = guest.open("file", 0, right::READ, 0).unwrap();
    assert_eq!(guest.call("fd_readdir", &[fd, DATA.into(), 100, 0, RESULT.into()]), NOTDIR);
    assert_eq!(guest.call("fd_readdir", &[99, DATA.into(), 100, 0, RESULT.into()]), BADF);
}

/// What a buffer costs does not depend on how far the listing has come: otherwise this would take
/// minutes.
#[test]
fn a_large_directory_is_listed_in_small_pieces() {
    const COUNT: usize = 100_000;
    let dir = directory("large-directory");
    for index in 0..COUNT {
        fs::write(dir.join(format!("{index}")), "").unwrap();
    }
    let mut guest = Guest::in_dir(&dir);
    let start = std::time::Instant::now();
    // One entry at a time, and as many as libraries ask for.
    for room in [29, 4096] {
        let entries = list(&mut guest, 3, room);
        assert_eq!(entries.len(), COUNT + 2, "{room}");
        let numbers =
            entries.keys().filter_map(|name| str::from_utf8(name).ok()?.parse::<usize>().ok());
        assert_eq!(numbers.sum::<usize>(), COUNT * (COUNT - 1) / 2);
    }
    assert!(start.elapsed() < std::time::Duration::from_secs(60), "{:?}", start.elapsed());
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn cookies_stay_good_while_files_are_removed() {
    let dir = directory("removed");
    for index in 0..100 {
        fs::write(dir.join(format!("file-{index}")), "").unwrap();
    }
    let mut guest = Guest::in_dir(&dir);
    let (mut cookie, mut seen) = (0, 0);
    loop {
        guest.ok("fd_readdir", &[3, DATA.into(), 24 + 10, cookie, RESULT.into()]);
        if guest.u32(RESULT) < 24 {
            break;
        }
        cookie = guest.u64(DATA) as i64;
        let len = guest.u32(DATA + 16) as usize;
        let name = String::from_utf8(guest.bytes(DATA + 24, len)).unwrap();
        if name.starts_with("file") {
            assert_eq!(on_path(&mut guest, "path_unlink_file", &name), SUCCESS, "{name}");
            seen += 1;
        }
    }
    assert_eq!(seen, 100);
    // From the beginning, it is what is there now.
    fs::write(dir.join("new"), "").unwrap();
    assert_eq!(list(&mut guest, 3, 4096).len(), 3);
}

#[test]
fn permissions_are_enforced() {
    let dir = directory("permissions");
    fs::create_dir(dir.join("sub")).unwrap();
    fs::write(dir.join("file"), "contents").unwrap();
    symlink("file", dir.join("link")).unwrap();
    let mut guest = Guest::in_dir_with(&dir, DirPerms::READ, FilePerms::READ);
    let fd = guest.open("file", 0, right::READ, 0).unwrap();
    assert_eq!(guest.read_fd(fd, 3), Ok(b"con".to_vec()));
    assert_eq!(guest.call("fd_filestat_set_times", &[fd, 0, 0, 1]), PERM);
    assert_eq!(guest.call("fd_filestat_set_times", &[3, 0, 0, 1]), PERM);
    assert_eq!(guest.open("file", 0, RW, 0), Err(PERM));
    assert_eq!(guest.open("file", TRUNC, right::READ, 0), Err(PERM));
    assert_eq!(guest.open("new", CREAT, right::READ, 0), Err(PERM));
    assert_eq!(list(&mut guest, 3, 4096).len(), 5);
    assert_eq!(read_link(&mut guest, "link", 10), Ok(b"file".to_vec()));
    assert_eq!(stat(&mut guest, "file", 0), SUCCESS);
    // Below it too.
    let sub = guest.open("sub", DIRECTORY, right::ALL, 0).unwrap();
    assert_eq!(guest.open_at(sub, "new", 0, CREAT, right::READ, 0), Err(PERM));
    for name in ["path_create_directory", "path_remove_directory", "path_unlink_file"] {
        assert_eq!(on_path(&mut guest, name, "sub"), PERM, "{name}");
    }
    for name in ["path_symlink", "path_link", "path_rename"] {
        assert_eq!(on_paths(&mut guest, name, "file", "new"), PERM, "{name}");
    }
    let [path, len] = guest.path("file");
    assert_eq!(guest.call("path_filestat_set_times", &[3, 0, path, len, 0, 0, 1]), PERM);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 3);

    let mut guest = Guest::in_dir_with(&dir, DirPerms::MUTATE, FilePerms::all());
    assert_eq!(guest.open("file", 0, right::READ, 0), Err(PERM));
    assert_eq!(stat(&mut guest, "file", 0), PERM);
    assert_eq!(read_link(&mut guest, "link", 10), Err(PERM));
    assert_eq!(guest.call("fd_readdir", &[3, DATA.into(), 100, 0, RESULT.into()]), PERM);
    let mut guest = Guest::in_dir_with(&dir, DirPerms::all(), FilePerms::WRITE);
    assert_eq!(guest.open("file", 0, right::READ, 0), Err(PERM));
    let fd = guest.open("file", 0, right::WRITE, 0).unwrap();
    assert_eq!(guest.write_fd(fd, b"x"), Ok(1));
    guest.open("sub", 0, right::READ, 0).unwrap();
}

#[test]
fn what_the_host_does_not_permit_is_told() {
    let dir = directory("host-permissions");
    fs::write(dir.join("file"), "contents").unwrap();
    let mut permissions = fs::metadata(dir.join("file")).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(dir.join("file"), permissions).unwrap();
    let mut guest = Guest::in_dir(&dir);
    let expected = if rustix::process::geteuid().is_root() { Ok(4) } else { Err(ACCES) };
    assert_eq!(guest.open("file", 0, RW, 0), expected);
    // A file system that cannot be written to, and another one.
    let mut guest = Guest::in_dir(std::path::Path::new("/proc/self"));
    assert!(matches!(guest.open("new", CREAT, RW, 0), Err(NOENT | ACCES | PERM)));
    assert!(on_path(&mut guest, "path_create_directory", "new") != SUCCESS);
    // A link of the kernel's leads out of any directory.
    assert!(matches!(guest.open("cwd", 0, right::READ, 0), Err(PERM | LOOP)));
    assert!(matches!(guest.open("root/etc", 0, right::READ, 0), Err(PERM | LOOP)));
}

#[test]
fn a_rename_to_another_file_system_is_told() {
    let shm = std::path::Path::new("/dev/shm");
    let dir = directory("mounts");
    if !shm.is_dir() || fs::metadata(shm).unwrap().dev() == fs::metadata(&dir).unwrap().dev() {
        return;
    }
    let mut wasi = lineal_wasi::WasiCtxBuilder::new();
    wasi.preopened_dir(&dir, "a", FsPerms::ReadWrite).unwrap();
    wasi.preopened_dir(shm, "b", FsPerms::ReadWrite).unwrap();
    fs::write(dir.join("file"), "").unwrap();
    let mut guest = Guest::new(&mut wasi);
    let [path, len] = guest.path("file");
    let [path_2, len_2] = guest.path_2("lineal-wasi-test");
    assert_eq!(guest.call("path_rename", &[3, path, len, 4, path_2, len_2]), XDEV);
    assert_eq!(guest.call("path_link", &[3, 0, path, len, 4, path_2, len_2]), XDEV);
}
