//! No way out: links, renames while paths are looked up, `..`, and what can be made of them.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::errno::*;
use crate::{CREAT, DATA, DIRECTORY, Guest, RESULT, TRUNC, directory, right};

const RW: u64 = right::READ | right::WRITE;

/// Tells a thread to stop, also when a test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A directory with a secret beside the one that the guest gets, and links to it.
fn outer(name: &str) -> (std::path::PathBuf, std::path::PathBuf) {
    let outer = directory(name);
    let inner = outer.join("inner");
    fs::create_dir_all(inner.join("sub/deep")).unwrap();
    fs::create_dir(outer.join("outside")).unwrap();
    fs::write(outer.join("outside/secret"), "secret").unwrap();
    fs::write(inner.join("file"), "public").unwrap();
    for (target, link) in [
        (Path::new("../outside/secret"), "to-secret"),
        (&outer.join("outside/secret"), "to-secret-absolutely"),
        (Path::new("../outside"), "to-outside"),
        (&outer.join("outside"), "to-outside-absolutely"),
        (Path::new("sub/../../outside"), "round-about"),
        (Path::new("to-outside"), "to-a-link"),
        (Path::new("/"), "root"),
        (Path::new(".."), "up"),
        (Path::new("sub/deep/../../../outside/new"), "to-new"),
    ] {
        symlink(target, inner.join(link)).unwrap();
    }
    (outer, inner)
}

/// Paths that lead to the secret, if they lead anywhere.
const WAYS: [&str; 14] = [
    "to-secret",
    "to-secret-absolutely",
    "to-outside/secret",
    "to-outside-absolutely/secret",
    "round-about/secret",
    "to-a-link/secret",
    "up/outside/secret",
    "sub/../up/outside/secret",
    "../outside/secret",
    "sub/deep/../../../outside/secret",
    "./.././outside/secret",
    "root/etc/passwd",
    "/etc/passwd",
    "to-outside/../outside/secret",
];

#[test]
fn nothing_outside_is_read_written_or_told_about() {
    let (outer, inner) = outer("outer");
    let mut guest = Guest::in_dir(&inner);
    let sub = guest.open("sub", DIRECTORY, right::ALL, 0).unwrap();
    for way in WAYS {
        for follow in [0, 1] {
            let result = guest.open_at(3, way, follow, 0, right::READ, 0);
            assert!(matches!(result, Err(PERM | LOOP)), "{way}: {result:?}");
            for oflags in [CREAT, TRUNC, CREAT | TRUNC] {
                let result = guest.open_at(3, way, follow, oflags, RW, 0);
                assert!(matches!(result, Err(PERM | LOOP)), "{way}: {result:?}");
            }
        }
        let [path, len] = guest.path(way);
        guest.write(RESULT, &[0; 64]);
        assert_eq!(
            guest.call("path_filestat_get", &[3, 1, path, len, RESULT.into()]),
            PERM,
            "{way}"
        );
        assert_eq!(guest.bytes(RESULT, 64), [0; 64], "{way}");
        let times = guest.call("path_filestat_set_times", &[3, 1, path, len, 0, 0, 5]);
        assert_eq!(times, PERM, "{way}");
        if way.contains('/') {
            for name in ["path_unlink_file", "path_remove_directory", "path_create_directory"] {
                assert_eq!(guest.call(name, &[3, path, len]), PERM, "{name} {way}");
            }
            let [to, to_len] = guest.path_2("stolen");
            for call in [
                ("path_rename", &[3, path, len, 3, to, to_len][..]),
                ("path_rename", &[3, to, to_len, 3, path, len]),
                ("path_link", &[3, 0, path, len, 3, to, to_len]),
                ("path_symlink", &[to, to_len, 3, path, len]),
                ("path_readlink", &[3, path, len, DATA.into(), 100, RESULT.into()]),
            ] {
                let errno = guest.call(call.0, call.1);
                assert!(matches!(errno, PERM | NOENT), "{} {way}: {errno}", call.0);
            }
        }
    }
    for way in ["to-secret-absolutely", "root"] {
        let [path, len] = guest.path(way);
        let args = [3, path, len, DATA.into(), 100, RESULT.into()];
        assert_eq!(guest.call("path_readlink", &args), PERM);
    }
    for way in ["..", "../..", "../../outside/secret", "deep/../../../outside/secret", "/"] {
        assert_eq!(guest.open_at(sub, way, 1, 0, right::READ, 0).map(drop), {
            // Out of what it is given, or out of a directory inside: neither is possible.
            Err(PERM)
        });
    }
    assert_eq!(guest.open("to-new", CREAT, RW, 0), Err(PERM));
    assert_eq!(fs::read_dir(outer.join("outside")).unwrap().count(), 1);
    assert_eq!(fs::read(outer.join("outside/secret")).unwrap(), b"secret");
    assert!(!inner.join("stolen").exists());
}

#[test]
fn a_link_of_ones_own_leads_nowhere_either() {
    let (outer, inner) = outer("own-links");
    let mut guest = Guest::in_dir(&inner);
    for (target, link) in [("../outside", "a"), ("sub/../../outside", "b"), ("a", "c")] {
        let [target, target_len] = guest.path(target);
        let [link_addr, link_len] = guest.path_2(link);
        guest.ok("path_symlink", &[target, target_len, 3, link_addr, link_len]);
        let result = guest.open(&format!("{link}/secret"), 0, right::READ, 0);
        assert_eq!(result, Err(PERM));
    }
    // A link that is moved, so that it leads elsewhere.
    let [target, target_len] = guest.path("../../outside");
    let [link, link_len] = guest.path_2("sub/deep/link");
    guest.ok("path_symlink", &[target, target_len, 3, link, link_len]);
    assert_eq!(guest.open("sub/deep/link/secret", 0, right::READ, 0), Err(NOENT));
    let [path, len] = guest.path("sub/deep/link");
    let [to, to_len] = guest.path_2("sub/link");
    guest.ok("path_rename", &[3, path, len, 3, to, to_len]);
    assert_eq!(guest.open("sub/link/secret", 0, right::READ, 0), Err(PERM));
    assert_eq!(fs::read(outer.join("outside/secret")).unwrap(), b"secret");
}

#[test]
fn a_directory_that_is_moved_out_takes_nobody_with_it() {
    let (outer, inner) = outer("moved-out");
    let mut guest = Guest::in_dir(&inner);
    let deep = guest.open("sub/deep", DIRECTORY, right::ALL, 0).unwrap();
    fs::rename(inner.join("sub/deep"), outer.join("outside/deep")).unwrap();
    for way in ["../secret", "..", "../../outside/secret"] {
        assert_eq!(guest.open_at(deep, way, 1, 0, right::READ, 0), Err(PERM));
    }
}

/// What a lookup may come to while names are exchanged.
const RACES: [i32; 7] = [PERM, NOENT, LOOP, NOTDIR, AGAIN, INVAL, EXIST];

#[test]
fn exchanging_directories_for_links_at_the_right_moment_does_not_help() {
    let (outer, inner) = outer("race");
    let before = fs::metadata(outer.join("outside/secret")).unwrap();
    let stop = AtomicBool::new(false);
    fs::create_dir(inner.join("real")).unwrap();
    fs::write(inner.join("real/secret"), "public").unwrap();
    symlink("../outside", inner.join("link")).unwrap();
    fs::rename(inner.join("real"), inner.join("way")).unwrap();
    // The same with the last part of a path.
    fs::write(inner.join("end"), "public").unwrap();
    symlink("../outside/secret", inner.join("end-link")).unwrap();
    std::thread::scope(|scope| {
        // Somebody else changes between a directory and a link to the outside, all the time.
        let (inner, stop) = (&inner, &stop);
        scope.spawn(move || {
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            let cwd = rustix::fs::CWD;
            while !stop.load(Ordering::Relaxed) {
                for (one, other) in [("way", "link"), ("end", "end-link")] {
                    let (one, other) = (inner.join(one), inner.join(other));
                    let _ = rustix::fs::renameat_with(cwd, one, cwd, other, flags);
                }
            }
        });
        let _stop = Stop(stop);
        let mut guest = Guest::in_dir(inner);
        let (mut inside, mut refused) = (0, 0);
        for round in 0..3_000 {
            for path in ["way/secret", "end"] {
                match guest.open(path, 0, right::READ, 0) {
                    Ok(fd) => {
                        assert_eq!(guest.read_fd(fd, 10), Ok(b"public".to_vec()));
                        guest.ok("fd_close", &[fd]);
                        inside += 1;
                    }
                    Err(errno) => {
                        assert!(RACES.contains(&errno), "{errno}");
                        refused += 1;
                    }
                }
                // Its owner could read more by way of a name of his own, or shorten it.
                let [path_addr, len] = guest.path(path);
                let [to, to_len] = guest.path_2("stolen");
                if guest.call("path_link", &[3, 0, path_addr, len, 3, to, to_len]) == SUCCESS {
                    let result = guest.open_at(3, "stolen", 0, 0, right::READ, 0);
                    if let Ok(fd) = result {
                        assert_eq!(guest.read_fd(fd, 10), Ok(b"public".to_vec()));
                        guest.ok("fd_close", &[fd]);
                    }
                    let [path, len] = guest.path("stolen");
                    guest.ok("path_unlink_file", &[3, path, len]);
                }
                let [path, len] = guest.path(path);
                for follow in [0, 1] {
                    let args = [3, follow, path, len, RESULT.into()];
                    if guest.call("path_filestat_get", &args) == SUCCESS {
                        let (kind, size) = (guest.bytes(RESULT + 16, 1)[0], guest.u64(RESULT + 32));
                        assert!(
                            (kind, size) == (4, 6) || (kind, follow) == (7, 0),
                            "{kind} {size}"
                        );
                    }
                    let _ = guest.call("path_filestat_set_times", &[3, follow, path, len, 1, 1, 5]);
                }
                let args = [3, path, len, DATA.into(), 100, RESULT.into()];
                if guest.call("path_readlink", &args) == SUCCESS {
                    let target = guest.bytes(DATA, guest.u32(RESULT) as usize);
                    assert_eq!(target, b"../outside/secret");
                }
            }
            let [path, len] = guest.path("way");
            if let Ok(fd) = guest.open("way", DIRECTORY, right::ALL, 0) {
                guest.ok("fd_readdir", &[fd, DATA.into(), 1000, 0, RESULT.into()]);
                guest.ok("fd_close", &[fd]);
            }
            let _ = guest.call("path_remove_directory", &[3, path, len]);
            let [path, len] = guest.path(format!("way/new-{round}"));
            let _ = guest.call("path_create_directory", &[3, path, len]);
            let _ = guest.call("path_remove_directory", &[3, path, len]);
            let [to, to_len] = guest.path_2(format!("way/link-{round}"));
            let _ = guest.call("path_symlink", &[path, len, 3, to, to_len]);
            let _ = guest.call("path_rename", &[3, to, to_len, 3, path, len]);
            let _ = guest.call("path_unlink_file", &[3, path, len]);
            let _ = guest.call("path_unlink_file", &[3, to, to_len]);
            let _ = guest.open(&format!("way/file-{round}"), CREAT, RW, 0).map(|fd| {
                guest.ok("fd_close", &[fd]);
            });
            let [path, len] = guest.path(format!("way/file-{round}"));
            let _ = guest.call("path_unlink_file", &[3, path, len]);
        }
        assert!(inside > 0 && refused > 0, "there was no race: {inside} inside, {refused} refused");
    });
    let outside: Vec<_> = fs::read_dir(outer.join("outside"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(outside, ["secret"]);
    let after = fs::metadata(outer.join("outside/secret")).unwrap();
    assert_eq!(
        (after.mtime(), after.mtime_nsec(), after.nlink(), after.len()),
        (before.mtime(), before.mtime_nsec(), before.nlink(), before.len())
    );
}

/// Two guests that work together: one moves a directory up and down, so that a `..` of the other's
/// path means another directory than it did when the path began.
#[test]
fn moving_a_directory_while_a_path_climbs_out_of_it_does_not_help() {
    let (_, inner) = outer("climb");
    fs::create_dir_all(inner.join("a/b/c/d")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (inner, stop) = (&inner, &stop);
        scope.spawn(move || {
            let mut mover = Guest::in_dir(inner);
            while !stop.load(Ordering::Relaxed) {
                for (from, to) in [("a/b/c", "c"), ("c", "a/b/c")] {
                    let [from, from_len] = mover.path(from);
                    let [to, to_len] = mover.path_2(to);
                    let _ = mover.call("path_rename", &[3, from, from_len, 3, to, to_len]);
                }
            }
        });
        let _stop = Stop(stop);
        let mut guest = Guest::in_dir(inner);
        let (mut missed, mut inside) = (0, 0);
        for _ in 0..5_000 {
            for way in ["a/b/c/d/../../../../outside/secret", "a/b/c/../../../../outside/secret"] {
                let errno = guest.open(way, 0, right::READ, 0).unwrap_err();
                assert!(RACES.contains(&errno), "{errno}");
                missed += usize::from(errno == NOENT);
            }
            inside +=
                usize::from(guest.open("a/b/c/../../../file", 0, right::READ, 0).is_ok_and(|fd| {
                    guest.ok("fd_close", &[fd]);
                    true
                }));
        }
        assert!(missed > 0 && inside > 0, "there was no race: {missed} missed, {inside} inside");
    });
}

/// Linux before 5.6, and containers that do not know the call, cannot resolve a path in the kernel.
/// All that leads nowhere must lead nowhere there too.
#[cfg(target_os = "linux")]
#[test]
fn the_same_without_help_from_the_kernel() {
    let dir = directory("no-openat2");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/functions/no_openat2.c");
    let wrapper = dir.join("no_openat2");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let built = Command::new(compiler).arg("-o").arg(&wrapper).arg(source).status().unwrap();
    assert!(built.success(), "{built}");
    // Directories of its own.
    let test = dir.join("functions");
    fs::copy(std::env::current_exe().unwrap(), &test).unwrap();
    let output = Command::new(&wrapper)
        .arg(&test)
        .args(["ways::", "hostile::", "paths::hard", "paths::symbolic", "paths::directories_are_c"])
        .args(["--skip", "the_same_without_help", "--test-threads=1"])
        .env("LINEAL_TEST_DIRECTORY", dir.join("tmp"))
        .output()
        .unwrap();
    if output.status.code() == Some(77) {
        eprintln!("skipped: calls of the system cannot be filtered here");
        return;
    }
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}: {text}", output.status);
    assert!(text.contains("no_way_leads_out_or_tells_what_is_there ... ok"), "{text}");
}
