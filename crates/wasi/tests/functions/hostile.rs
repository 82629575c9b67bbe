//! No way out: links, renames while paths are looked up, `..`, and what can be made of them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::errno::*;
use crate::{CREAT, DATA, DIRECTORY, Guest, RESULT, TRUNC, directory, right};

const RW: u64 = right::READ | right::WRITE;

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

#[test]
fn exchanging_directories_for_links_at_the_right_moment_does_not_help() {
    let (outer, inner) = outer("race");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Somebody else changes between a directory and a link to the outside, all the time.
        let (inner, stop) = (&inner, &stop);
        fs::create_dir(inner.join("real")).unwrap();
        fs::write(inner.join("real/secret"), "public").unwrap();
        symlink("../outside", inner.join("link")).unwrap();
        fs::rename(inner.join("real"), inner.join("way")).unwrap();
        scope.spawn(move || {
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            let cwd = rustix::fs::CWD;
            while !stop.load(Ordering::Relaxed) {
                let (way, link) = (inner.join("way"), inner.join("link"));
                let _ = rustix::fs::renameat_with(cwd, way, cwd, link, flags);
            }
        });
        let mut guest = Guest::in_dir(inner);
        let (mut inside, mut refused) = (0, 0);
        for round in 0..3_000 {
            match guest.open("way/secret", 0, right::READ, 0) {
                Ok(fd) => {
                    assert_eq!(guest.read_fd(fd, 10), Ok(b"public".to_vec()));
                    guest.ok("fd_close", &[fd]);
                    inside += 1;
                }
                Err(errno) => {
                    assert!(matches!(errno, PERM | NOENT | LOOP | NOTDIR | AGAIN), "{errno}");
                    refused += 1;
                }
            }
            let [path, len] = guest.path(format!("way/new-{round}"));
            let _ = guest.call("path_create_directory", &[3, path, len]);
            let _ = guest.call("path_remove_directory", &[3, path, len]);
            let _ = guest.open(&format!("way/file-{round}"), CREAT, RW, 0).map(|fd| {
                guest.ok("fd_close", &[fd]);
            });
            let [path, len] = guest.path(format!("way/file-{round}"));
            let _ = guest.call("path_unlink_file", &[3, path, len]);
            let [path, len] = guest.path("way/secret");
            if guest.call("path_filestat_get", &[3, 0, path, len, RESULT.into()]) == SUCCESS {
                assert_eq!(guest.u64(RESULT + 32), 6);
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(inside > 0 && refused > 0, "there was no race: {inside} inside, {refused} refused");
    });
    let outside: Vec<_> = fs::read_dir(outer.join("outside"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(outside, ["secret"]);
}
