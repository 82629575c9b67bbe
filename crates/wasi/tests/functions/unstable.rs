//! The version before: `wasi_unstable`.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use lineal_wasi::{FsPerms, WasiCtxBuilder};

use crate::errno::*;
use crate::{DATA, Guest, RESULT, directory, right};

#[test]
fn what_has_another_form_has_it() {
    let dir = directory("unstable");
    fs::write(dir.join("file"), "12345").unwrap();
    let mut wasi = WasiCtxBuilder::new();
    wasi.preopened_dir(&dir, "dir", FsPerms::ReadWrite).unwrap();
    let mut guest = Guest::with(&mut wasi, "wasi_unstable", "4");
    let fd = guest.open("file", 0, right::READ, 0).unwrap();

    // Offsets count from the current position, the end, the start.
    guest.ok("fd_seek", &[fd, 2, 2, RESULT.into()]);
    guest.ok("fd_seek", &[fd, 1, 0, RESULT.into()]);
    assert_eq!(guest.u64(RESULT), 3);
    guest.ok("fd_seek", &[fd, -1, 1, RESULT.into()]);
    assert_eq!(guest.u64(RESULT), 4);
    assert_eq!(guest.call("fd_seek", &[fd, 0, 3, RESULT.into()]), INVAL);

    // Attributes take 56 bytes.
    let metadata = fs::metadata(dir.join("file")).unwrap();
    let [path, len] = guest.path("file");
    for (name, args) in [
        ("fd_filestat_get", &[fd, RESULT.into()][..]),
        ("path_filestat_get", &[3, 0, path, len, RESULT.into()]),
    ] {
        guest.write(RESULT, &[0xff; 64]);
        guest.ok(name, args);
        assert_eq!(guest.u64(RESULT + 8), metadata.ino());
        assert_eq!((guest.bytes(RESULT + 16, 1)[0], guest.u32(RESULT + 20)), (4, 1));
        assert_eq!(guest.u64(RESULT + 24), 5);
        assert_eq!(guest.u64(RESULT + 40) / 1_000_000_000, metadata.mtime() as u64);
        assert_eq!(guest.u64(RESULT + 56), u64::MAX);
    }

    // Subscriptions take 56 bytes: a clock of the second one, which has passed.
    let mut subscriptions = [0; 112];
    subscriptions[..8].copy_from_slice(&7_u64.to_le_bytes());
    subscriptions[24..28].copy_from_slice(&1_u32.to_le_bytes());
    subscriptions[32..40].copy_from_slice(&3_600_000_000_000_u64.to_le_bytes());
    subscriptions[56..64].copy_from_slice(&8_u64.to_le_bytes());
    subscriptions[80..84].copy_from_slice(&1_u32.to_le_bytes());
    subscriptions[88..96].copy_from_slice(&1_u64.to_le_bytes());
    subscriptions[104] = 1;
    guest.write(DATA, &subscriptions);
    guest.ok("poll_oneoff", &[DATA.into(), i64::from(DATA) + 1024, 2, RESULT.into()]);
    assert_eq!((guest.u32(RESULT), guest.u64(DATA + 1024)), (1, 8));
}
