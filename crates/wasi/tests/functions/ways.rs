//! Every way that can be put together from links, `..`, slashes and files, given to every function
//! that takes a path: none leads out, and none tells what is there.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, mknodat};

use crate::errno::*;
use crate::{CREAT, DATA, DIRECTORY, Guest, RESULT, TRUNC, directory, right};

/// What a path is made of. The directory has them all, but for the last two, which are outside.
const PARTS: [&str; 14] = [
    "sub", "file", "fifo", ".", "..", "out", "leak", "new", "absolute", "up", "round", "circle",
    "outside", "secret",
];

const ENDINGS: [&str; 5] = ["", "/", "/.", "//", "/.."];

/// A directory for a guest, and what is around it.
struct World {
    outer: PathBuf,
    inner: PathBuf,
    guest: Guest,
    /// What is outside: nothing of it may ever change or be shown.
    before: Vec<[i64; 7]>,
}

impl World {
    fn new(name: &str, populated: bool) -> World {
        let outer = directory(name);
        let inner = outer.join("inner");
        fs::create_dir(&inner).unwrap();
        if populated {
            fs::create_dir_all(outer.join("outside/sub")).unwrap();
            fs::write(outer.join("outside/secret"), "secret").unwrap();
            fs::write(outer.join("outside/file"), "secret").unwrap();
        }
        let guest = Guest::in_dir(&inner);
        let mut world = World { outer, inner, guest, before: Vec::new() };
        world.fill();
        world.before = world.outside();
        world
    }

    /// Makes the directory what it is at the beginning.
    fn fill(&self) {
        for entry in fs::read_dir(&self.inner).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                fs::remove_dir_all(entry.path()).unwrap();
            } else {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        fs::create_dir(self.inner.join("sub")).unwrap();
        fs::write(self.inner.join("sub/file"), "public").unwrap();
        fs::write(self.inner.join("file"), "public").unwrap();
        mknodat(CWD, self.inner.join("fifo"), FileType::Fifo, 0o600.into(), 0).unwrap();
        let absolute = self.outer.join("outside");
        for (target, link) in [
            (Path::new("../outside"), "out"),
            (Path::new("../outside/secret"), "leak"),
            (Path::new("sub/../../outside/new"), "new"),
            (&absolute, "absolute"),
            (Path::new(".."), "up"),
            (Path::new("sub/../sub/."), "round"),
            (Path::new("circle"), "circle"),
        ] {
            symlink(target, self.inner.join(link)).unwrap();
        }
        // The same names mean the same one directory further down.
        for link in ["out", "leak", "up"] {
            symlink(format!("../{link}"), self.inner.join("sub").join(link)).unwrap();
        }
    }

    /// All that there is to know about what is outside, beside when it was looked at.
    fn outside(&self) -> Vec<[i64; 7]> {
        ["", "outside", "outside/sub", "outside/secret", "outside/file", "outside/new", "moved"]
            .iter()
            .filter_map(|name| fs::symlink_metadata(self.outer.join(name)).ok())
            .map(|data| {
                let (ino, nlink, mode) = (data.ino() as i64, data.nlink() as i64, data.mode());
                [ino, nlink, mode.into(), data.mtime(), data.mtime_nsec(), data.ctime(), {
                    data.ctime_nsec()
                }]
            })
            .collect()
    }

    /// # Panics
    ///
    /// If an inode is that of something outside.
    #[track_caller]
    fn is_inside(&self, inode: u64, what: &str) {
        assert!(self.before.iter().all(|data| data[0] as u64 != inode), "{what}: told about");
    }

    /// One way to use a path; the error number.
    fn attempt(&mut self, attempt: &Attempt, path: &str) -> i32 {
        let what = format!("{} {path:?}", attempt.name);
        let [addr, len] = self.guest.path(path);
        let [other, other_len] = self.guest.path_2(attempt.other);
        let (data, result) = (i64::from(DATA), i64::from(RESULT));
        let (name, oflags, rights) = (attempt.name, attempt.oflags.into(), attempt.rights as i64);
        let follow = attempt.follow;
        let args: &[i64] = match (name, attempt.reversed) {
            ("path_open", _) => &[3, follow, addr, len, oflags, rights, 0, 4, result],
            ("path_filestat_get", _) => &[3, follow, addr, len, result],
            ("path_filestat_set_times", _) => &[3, follow, addr, len, 1, 1, 5],
            ("path_readlink", _) => &[3, addr, len, data, 200, result],
            ("path_rename", false) => &[3, addr, len, 3, other, other_len],
            ("path_rename", true) => &[3, other, other_len, 3, addr, len],
            ("path_link", false) => &[3, 0, addr, len, 3, other, other_len],
            ("path_link", true) => &[3, 0, other, other_len, 3, addr, len],
            ("path_symlink", _) => &[other, other_len, 3, addr, len],
            _ => &[3, addr, len],
        };
        let errno = self.guest.call(name, args);
        if errno == SUCCESS {
            match name {
                "path_filestat_get" => self.is_inside(self.guest.u64(RESULT + 8), &what),
                "path_readlink" => {
                    let target = self.guest.bytes(DATA, self.guest.u32(RESULT) as usize);
                    assert_ne!(target.first(), Some(&b'/'), "{what}");
                }
                "path_open" => self.opened(self.guest.u32(RESULT).into(), &what),
                _ => {}
            }
        }
        assert_eq!(self.outside(), self.before, "{what}: {errno}");
        errno
    }

    /// Looks at what was opened, and closes it.
    fn opened(&mut self, fd: i64, what: &str) {
        self.guest.ok("fd_filestat_get", &[fd, RESULT.into()]);
        self.is_inside(self.guest.u64(RESULT + 8), what);
        if self.guest.bytes(RESULT + 16, 1) == [3] {
            self.guest.ok("fd_readdir", &[fd, DATA.into(), 4096, 0, RESULT.into()]);
            let listed = self.guest.bytes(DATA, self.guest.u32(RESULT) as usize);
            for name in ["secret", "outside", "inner"] {
                let found = listed.windows(name.len()).any(|bytes| bytes == name.as_bytes());
                assert!(!found, "{what}: listed {name}");
            }
        } else if let Ok(bytes) = self.guest.read_fd(fd, 10) {
            assert_ne!(bytes, b"secret", "{what}");
        }
        self.guest.ok("fd_close", &[fd]);
    }
}

/// A function, and its other arguments.
#[derive(Clone, Copy)]
struct Attempt {
    name: &'static str,
    follow: i64,
    oflags: i32,
    rights: u64,
    /// The other path, if there are two, and whether it comes first.
    other: &'static str,
    reversed: bool,
}

fn attempts() -> Vec<Attempt> {
    let rights = right::READ;
    let plain =
        |name| Attempt { name, follow: 0, oflags: 0, rights, other: "moved", reversed: false };
    let mut attempts = Vec::new();
    for follow in [0, 1] {
        for oflags in [0, DIRECTORY, CREAT, TRUNC] {
            let rights = if oflags & (CREAT | TRUNC) == 0 { rights } else { rights | right::WRITE };
            attempts.push(Attempt { follow, oflags, rights, ..plain("path_open") });
        }
        for name in ["path_filestat_get", "path_filestat_set_times"] {
            attempts.push(Attempt { follow, ..plain(name) });
        }
    }
    for name in [
        "path_readlink",
        "path_unlink_file",
        "path_remove_directory",
        "path_create_directory",
        "path_rename",
        "path_link",
        "path_symlink",
    ] {
        attempts.push(plain(name));
    }
    for (name, other) in [
        ("path_rename", "file"),
        ("path_rename", "sub"),
        ("path_rename", "leak"),
        ("path_link", "file"),
        ("path_link", "leak"),
    ] {
        attempts.push(Attempt { other, reversed: true, ..plain(name) });
    }
    attempts
}

fn paths() -> Vec<String> {
    let mut starts: Vec<String> = vec![String::new()];
    let mut paths = Vec::new();
    for _ in 0..3 {
        starts = starts
            .iter()
            .flat_map(|start| {
                PARTS.iter().map(move |part| {
                    if start.is_empty() { (*part).to_owned() } else { format!("{start}/{part}") }
                })
            })
            .collect();
        paths.extend(starts.iter().cloned());
    }
    paths
}

/// Whatever is attempted has the same result if there is nothing outside, so a guest cannot ask
/// whether something is there.
#[test]
fn no_way_leads_out_or_tells_what_is_there() {
    let mut full = World::new("ways-full", true);
    let mut empty = World::new("ways-empty", false);
    let (mut refused, mut done) = (0, 0);
    let attempts = attempts();
    for (index, start) in paths().iter().enumerate() {
        // Of the many long paths, each third has one ending.
        let long = start.matches('/').count() == 2;
        for (turn, ending) in ENDINGS.iter().enumerate() {
            if long && index % (3 * ENDINGS.len()) != 3 * turn {
                continue;
            }
            let path = format!("{start}{ending}");
            for attempt in &attempts {
                let errno = full.attempt(attempt, &path);
                let same = empty.attempt(attempt, &path);
                assert_eq!(errno, same, "{} {path:?} tells what is outside", attempt.name);
                match errno {
                    SUCCESS => done += 1,
                    _ => refused += 1,
                }
                let looks = matches!(attempt.name, "path_filestat_get" | "path_readlink")
                    || (attempt.name == "path_open" && attempt.oflags & (CREAT | TRUNC) == 0);
                if errno == SUCCESS && !looks {
                    full.fill();
                    empty.fill();
                }
            }
        }
    }
    // Most ways lead nowhere, and there are enough that do.
    assert!(done > 500 && refused > 30_000, "{done} done, {refused} refused");
}
