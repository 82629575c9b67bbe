//! Every function with every error number that it gives, as a table. Each row has a guest, a
//! directory and descriptors of its own.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command};

use lineal_wasi::pipe::{InputFile, MemoryInputPipe, MemoryOutputPipe, OutputFile};
use lineal_wasi::{DirPerms, FilePerms, FsPerms, HostWallClock, WasiCtxBuilder};
use rustix::fs::{CWD, FileType, mknodat};

use crate::errno::*;
use crate::streams::pipe;
use crate::{APPEND, CREAT, DATA, DIRECTORY, EXCL, FUNCTIONS, Guest, NONBLOCK, RESULT, TRUNC};
use crate::{directory, right};

/// Where results go.
const R: i64 = RESULT as i64;
const D: i64 = DATA as i64;
const RW: u64 = right::READ | right::WRITE;
/// A descriptor that is not open.
const CLOSED: i64 = 99;

/// What a row works on. Descriptor 3 is the directory, 4 is `file` for reading and writing, 5 is
/// `file` for reading, 6 is `sub`, and 7 is a directory in which nothing may be changed.
struct World {
    guest: Guest,
    dir: PathBuf,
    program: Option<Child>,
    /// Ends of pipes and sockets that must stay open.
    _ends: Vec<Box<dyn std::any::Any>>,
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(program) = &mut self.program {
            program.kill().unwrap();
            program.wait().unwrap();
        }
    }
}

/// The standard streams of a row.
#[derive(Clone, Copy)]
enum Streams {
    /// In memory, with room for 4 bytes.
    Memory,
    /// Pipes with nothing in them and nobody at the other end of standard output.
    Pipes,
    /// `/dev/full`.
    Full,
    /// A connected socket.
    Socket,
    /// The same, with something to read.
    Spoken,
    /// A socket that listens as standard input, and one that is not connected as standard output.
    Listening,
    /// The same, with a connection that waits.
    Called,
}

impl World {
    fn new(name: &str, streams: Streams) -> World {
        let dir = directory(name);
        fs::write(dir.join("file"), "contents").unwrap();
        fs::create_dir(dir.join("sub")).unwrap();
        fs::create_dir(dir.join("full")).unwrap();
        fs::write(dir.join("full/file"), "").unwrap();
        for (target, link) in [("file", "link"), ("loop", "loop"), ("missing", "dangling")] {
            symlink(target, dir.join(link)).unwrap();
        }
        symlink("/etc", dir.join("absolute")).unwrap();
        mknodat(CWD, dir.join("fifo"), FileType::Fifo, 0o600.into(), 0).unwrap();
        let mut wasi = WasiCtxBuilder::new();
        let mut ends: Vec<Box<dyn std::any::Any>> = Vec::new();
        match streams {
            Streams::Memory => {
                wasi.stdin(MemoryInputPipe::new("input")).stdout(MemoryOutputPipe::new(4));
            }
            Streams::Pipes => {
                let (read, write) = pipe();
                let (_, dead) = pipe();
                wasi.stdin(InputFile::new(read)).stdout(OutputFile::new(dead));
                ends.push(Box::new(write));
            }
            Streams::Full => {
                let full = File::options().read(true).write(true).open("/dev/full").unwrap();
                wasi.stdout(OutputFile::new(full));
            }
            Streams::Socket | Streams::Spoken => {
                let (mut ours, its) = UnixStream::pair().unwrap();
                let its = || File::from(std::os::fd::OwnedFd::from(its.try_clone().unwrap()));
                wasi.stdin(InputFile::new(its())).stdout(OutputFile::new(its()));
                if matches!(streams, Streams::Spoken) {
                    ours.write_all(b"spoken").unwrap();
                }
                ends.push(Box::new(ours));
            }
            Streams::Listening | Streams::Called => {
                // The path of a socket must be short.
                let path = std::env::temp_dir().join(format!("lineal-{}", std::process::id()));
                let path = path.with_extension(name.replace('/', "-"));
                let _ = fs::remove_file(&path);
                let listener = UnixListener::bind(&path).unwrap();
                if matches!(streams, Streams::Called) {
                    ends.push(Box::new(UnixStream::connect(&path).unwrap()));
                }
                fs::remove_file(&path).unwrap();
                use rustix::net::{AddressFamily, SocketType, socket};
                let lonely = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
                wasi.stdin(InputFile::new(File::from(std::os::fd::OwnedFd::from(listener))));
                wasi.stdout(OutputFile::new(File::from(lonely)));
            }
        }
        wasi.preopened_dir(&dir, "dir", FsPerms::ReadWrite).unwrap();
        let mut guest = Guest::new(&mut wasi);
        assert_eq!(guest.open("file", 0, RW | right::SEEK, 0), Ok(4));
        assert_eq!(guest.open("file", 0, right::READ | right::SEEK, 0), Ok(5));
        assert_eq!(guest.open("sub", DIRECTORY, right::READ, 0), Ok(6));
        World { guest, dir, program: None, _ends: ends }
    }

    /// Calls a function with a buffer of 8 bytes.
    fn io(&mut self, name: &str, fd: i64, rest: &[i64]) -> i32 {
        self.io_of(name, fd, &[(DATA as u32, 8)], rest)
    }

    fn io_of(&mut self, name: &str, fd: i64, buffers: &[(u32, u32)], rest: &[i64]) -> i32 {
        let [iovs, count] = self.guest.iovs(buffers);
        self.guest.call(name, &[&[fd, iovs, count], rest, &[R]].concat())
    }

    fn path(&mut self, name: &str, fd: i64, path: &[u8]) -> i32 {
        let [path, len] = self.guest.path(path);
        match name {
            "path_filestat_get" => self.guest.call(name, &[fd, 1, path, len, R]),
            "path_filestat_set_times" => self.guest.call(name, &[fd, 1, path, len, 1, 1, 5]),
            "path_readlink" => self.guest.call(name, &[fd, path, len, D, 100, R]),
            "path_open" => self.guest.call(name, &[fd, 1, path, len, 0, 2, 0, 0, R]),
            _ => self.guest.call(name, &[fd, path, len]),
        }
    }

    /// Calls a function that takes two paths, below descriptors.
    fn paths(&mut self, name: &str, (fd, from): (i64, &[u8]), (fd_2, to): (i64, &[u8])) -> i32 {
        let [from, from_len] = self.guest.path(from);
        let [to, to_len] = self.guest.path_2(to);
        match name {
            "path_symlink" => self.guest.call(name, &[from, from_len, fd_2, to, to_len]),
            "path_link" => self.guest.call(name, &[fd, 0, from, from_len, fd_2, to, to_len]),
            _ => self.guest.call(name, &[fd, from, from_len, fd_2, to, to_len]),
        }
    }

    fn open(&mut self, path: &str, oflags: i32, rights: u64, fdflags: i32) -> i32 {
        self.guest.open(path, oflags, rights, fdflags).err().unwrap_or(SUCCESS)
    }

    fn call(&mut self, name: &str, args: &[i64]) -> i32 {
        self.guest.call(name, args)
    }

    /// The same world, but the directory is for reading only.
    fn read_only(&mut self) -> &mut World {
        self.guest = Guest::in_dir_with(&self.dir, DirPerms::READ, FilePerms::READ);
        assert_eq!(self.guest.open("file", 0, right::READ, 0), Ok(4));
        self
    }

    /// A program of the directory that runs.
    fn running(&mut self) -> &mut World {
        fs::copy("/bin/sleep", self.dir.join("program")).unwrap();
        self.program = Some(Command::new(self.dir.join("program")).arg("60").spawn().unwrap());
        self
    }
}

/// A function, how it ends, with which streams, and a call that ends like that.
type Row = (&'static str, i32, Streams, fn(&mut World, &'static str) -> i32);

/// The rows of functions.
macro_rules! rows {
    ($($name:literal: $($errno:ident $streams:ident $call:expr;)+)*) => {
        &[$($(($name, $errno, Streams::$streams, $call),)+)*]
    };
}

/// A wall clock that is far ahead.
struct FarAhead;

impl HostWallClock for FarAhead {
    fn resolution(&self) -> std::time::Duration {
        std::time::Duration::MAX
    }

    fn now(&self) -> std::time::Duration {
        std::time::Duration::MAX
    }
}

fn far_ahead(world: &mut World) -> &mut Guest {
    world.guest = Guest::new(WasiCtxBuilder::new().wall_clock(FarAhead));
    &mut world.guest
}

const LONG: &[u8] = &[b'x'; 256];

#[rustfmt::skip]
const ROWS: &[Row] = rows! {
    "args_get":
        SUCCESS Memory |w, f| w.call(f, &[D, D]);
    "args_sizes_get":
        SUCCESS Memory |w, f| w.call(f, &[R, D]);
    "clock_res_get":
        SUCCESS Memory |w, f| w.call(f, &[0, R]);
        INVAL Memory |w, f| w.call(f, &[2, R]);
        OVERFLOW Memory |w, f| far_ahead(w).call(f, &[0, R]);
    "clock_time_get":
        SUCCESS Memory |w, f| w.call(f, &[1, 0, R]);
        INVAL Memory |w, f| w.call(f, &[4, 0, R]);
        OVERFLOW Memory |w, f| far_ahead(w).call(f, &[0, 0, R]);
    "environ_get":
        SUCCESS Memory |w, f| w.call(f, &[D, D]);
    "environ_sizes_get":
        SUCCESS Memory |w, f| w.call(f, &[R, D]);
    "fd_advise":
        SUCCESS Memory |w, f| w.call(f, &[4, 0, 8, 3]);
        BADF Memory |w, f| w.call(f, &[CLOSED, 0, 8, 3]);
        INVAL Memory |w, f| w.call(f, &[4, 0, 8, 6]);
        SPIPE Memory |w, f| w.call(f, &[0, 0, 8, 0]);
    "fd_allocate":
        SUCCESS Memory |w, f| w.call(f, &[4, 0, 100]);
        BADF Memory |w, f| w.call(f, &[5, 0, 100]);
        INVAL Memory |w, f| w.call(f, &[4, 0, 0]);
        FBIG Memory |w, f| w.call(f, &[4, i64::MAX, 100]);
        SPIPE Memory |w, f| w.call(f, &[1, 0, 100]);
        NODEV Full |w, f| w.call(f, &[1, 0, 100]);
    "fd_close":
        SUCCESS Memory |w, f| w.call(f, &[4]);
        BADF Memory |w, f| w.call(f, &[CLOSED]);
    "fd_datasync":
        SUCCESS Memory |w, f| w.call(f, &[4]);
        BADF Memory |w, f| w.call(f, &[CLOSED]);
        INVAL Memory |w, f| w.call(f, &[1]);
    "fd_fdstat_get":
        SUCCESS Memory |w, f| w.call(f, &[1, R]);
        BADF Memory |w, f| w.call(f, &[CLOSED, R]);
    "fd_fdstat_set_flags":
        SUCCESS Memory |w, f| w.call(f, &[4, APPEND.into()]);
        BADF Memory |w, f| w.call(f, &[6, APPEND.into()]);
        INVAL Memory |w, f| w.call(f, &[4, 1 << 5]);
        NOTSUP Memory |w, f| w.call(f, &[1, APPEND.into()]);
    "fd_fdstat_set_rights":
        SUCCESS Memory |w, f| w.call(f, &[4, right::READ as i64, 0]);
        BADF Memory |w, f| w.call(f, &[CLOSED, 0, 0]);
        NOTCAPABLE Memory |w, f| w.call(f, &[5, RW as i64, 0]);
    "fd_filestat_get":
        SUCCESS Memory |w, f| w.call(f, &[4, R]);
        BADF Memory |w, f| w.call(f, &[CLOSED, R]);
    "fd_filestat_set_size":
        SUCCESS Memory |w, f| w.call(f, &[4, 100]);
        BADF Memory |w, f| w.call(f, &[6, 100]);
        INVAL Memory |w, f| w.call(f, &[5, 100]);
        FBIG Memory |w, f| w.call(f, &[4, i64::MAX]);
        SPIPE Memory |w, f| w.call(f, &[1, 100]);
    "fd_filestat_set_times":
        SUCCESS Memory |w, f| w.call(f, &[4, 1, 1, 5]);
        BADF Memory |w, f| w.call(f, &[1, 1, 1, 5]);
        INVAL Memory |w, f| w.call(f, &[4, 1, 1, 3]);
        PERM Memory |w, f| w.read_only().call(f, &[4, 1, 1, 5]);
    "fd_pread":
        SUCCESS Memory |w, f| w.io(f, 4, &[3]);
        BADF Memory |w, f| w.io(f, CLOSED, &[3]);
        INVAL Memory |w, f| w.io(f, 4, &[-1]);
        ISDIR Memory |w, f| w.io(f, 6, &[0]);
        SPIPE Memory |w, f| w.io(f, 0, &[0]);
    "fd_prestat_dir_name":
        SUCCESS Memory |w, f| w.call(f, &[3, D, 3]);
        BADF Memory |w, f| w.call(f, &[6, D, 3]);
        NAMETOOLONG Memory |w, f| w.call(f, &[3, D, 2]);
    "fd_prestat_get":
        SUCCESS Memory |w, f| w.call(f, &[3, R]);
        BADF Memory |w, f| w.call(f, &[4, R]);
    "fd_pwrite":
        SUCCESS Memory |w, f| w.io(f, 4, &[3]);
        BADF Memory |w, f| w.io(f, 5, &[3]);
        INVAL Memory |w, f| w.io(f, 4, &[-1]);
        FBIG Memory |w, f| w.io(f, 4, &[i64::MAX - 100]);
        SPIPE Memory |w, f| w.io(f, 1, &[0]);
        NOSPC Full |w, f| w.io(f, 1, &[0]);
    "fd_read":
        SUCCESS Memory |w, f| w.io(f, 4, &[]);
        AGAIN Pipes |w, f| { w.guest.ok("fd_fdstat_set_flags", &[0, NONBLOCK.into()]); w.io(f, 0, &[]) };
        BADF Memory |w, f| w.io(f, 1, &[]);
        INVAL Memory |w, f| {
            w.guest = Guest::with(&mut WasiCtxBuilder::new(), "wasi_snapshot_preview1", "65536");
            w.io_of(f, 0, &[(0, 1 << 31), (0, 1 << 31)], &[])
        };
        ISDIR Memory |w, f| w.io(f, 3, &[]);
    "fd_readdir":
        SUCCESS Memory |w, f| w.call(f, &[3, D, 100, 0, R]);
        BADF Memory |w, f| w.call(f, &[CLOSED, D, 100, 0, R]);
        NOTDIR Memory |w, f| w.call(f, &[4, D, 100, 0, R]);
        PERM Memory |w, f| {
            w.guest = Guest::in_dir_with(&w.dir, DirPerms::MUTATE, FilePerms::all());
            w.call(f, &[3, D, 100, 0, R])
        };
    "fd_renumber":
        SUCCESS Memory |w, f| w.call(f, &[4, CLOSED]);
        BADF Memory |w, f| w.call(f, &[CLOSED, 4]);
    "fd_seek":
        SUCCESS Memory |w, f| w.call(f, &[4, -1, 2, R]);
        BADF Memory |w, f| w.call(f, &[6, 0, 0, R]);
        INVAL Memory |w, f| w.call(f, &[4, -1, 0, R]);
        SPIPE Pipes |w, f| w.call(f, &[0, 0, 0, R]);
    "fd_sync":
        SUCCESS Memory |w, f| w.call(f, &[6]);
        BADF Memory |w, f| w.call(f, &[CLOSED]);
        INVAL Pipes |w, f| w.call(f, &[1]);
    "fd_tell":
        SUCCESS Memory |w, f| w.call(f, &[4, R]);
        BADF Memory |w, f| w.call(f, &[3, R]);
        SPIPE Memory |w, f| w.call(f, &[1, R]);
    "fd_write":
        SUCCESS Memory |w, f| w.io(f, 4, &[]);
        AGAIN Socket |w, f| {
            w.guest.ok("fd_fdstat_set_flags", &[1, NONBLOCK.into()]);
            loop {
                match w.io_of(f, 1, &[(0, 1 << 17)], &[]) {
                    SUCCESS => {}
                    errno => break errno,
                }
            }
        };
        BADF Memory |w, f| w.io(f, 5, &[]);
        INVAL Memory |w, f| {
            w.guest = Guest::with(&mut WasiCtxBuilder::new(), "wasi_snapshot_preview1", "65536");
            w.io_of(f, 1, &[(0, 1 << 31), (0, 1 << 31)], &[])
        };
        NOSPC Full |w, f| w.io(f, 1, &[]);
        PIPE Pipes |w, f| w.io(f, 1, &[]);
    "path_create_directory":
        SUCCESS Memory |w, f| w.path(f, 3, b"new");
        BADF Memory |w, f| w.path(f, CLOSED, b"new");
        EXIST Memory |w, f| w.path(f, 3, b"file");
        ILSEQ Memory |w, f| w.path(f, 3, b"\xff");
        INVAL Memory |w, f| w.path(f, 3, b"a\0b");
        LOOP Memory |w, f| w.path(f, 3, b"loop/new");
        NAMETOOLONG Memory |w, f| w.path(f, 3, LONG);
        NOENT Memory |w, f| w.path(f, 3, b"missing/new");
        NOTDIR Memory |w, f| w.path(f, 3, b"file/new");
        PERM Memory |w, f| w.path(f, 3, b"../new");
    "path_filestat_get":
        SUCCESS Memory |w, f| w.path(f, 3, b"file");
        BADF Memory |w, f| w.path(f, CLOSED, b"file");
        ILSEQ Memory |w, f| w.path(f, 3, b"\xff");
        INVAL Memory |w, f| { let [p, l] = w.guest.path("file"); w.call(f, &[3, 2, p, l, R]) };
        LOOP Memory |w, f| w.path(f, 3, b"loop");
        NAMETOOLONG Memory |w, f| w.path(f, 3, LONG);
        NOENT Memory |w, f| w.path(f, 3, b"dangling");
        NOTDIR Memory |w, f| w.path(f, 3, b"file/");
        PERM Memory |w, f| w.path(f, 3, b"absolute/passwd");
    "path_filestat_set_times":
        SUCCESS Memory |w, f| w.path(f, 3, b"file");
        BADF Memory |w, f| w.path(f, CLOSED, b"file");
        ILSEQ Memory |w, f| w.path(f, 3, b"\xff");
        INVAL Memory |w, f| { let [p, l] = w.guest.path("file"); w.call(f, &[3, 1, p, l, 0, 0, 3]) };
        LOOP Memory |w, f| w.path(f, 3, b"loop");
        NAMETOOLONG Memory |w, f| w.path(f, 3, LONG);
        NOENT Memory |w, f| w.path(f, 3, b"dangling");
        NOTDIR Memory |w, f| w.path(f, 3, b"file/x");
        PERM Memory |w, f| w.read_only().path(f, 3, b"file");
    "path_link":
        SUCCESS Memory |w, f| w.paths(f, (3, b"file"), (6, b"new"));
        BADF Memory |w, f| w.paths(f, (3, b"file"), (CLOSED, b"new"));
        EXIST Memory |w, f| w.paths(f, (3, b"file"), (3, b"link"));
        ILSEQ Memory |w, f| w.paths(f, (3, b"\xff"), (3, b"new"));
        INVAL Memory |w, f| {
            let ([p, l], [p_2, l_2]) = (w.guest.path("file"), w.guest.path_2("new"));
            w.call(f, &[3, 1, p, l, 3, p_2, l_2])
        };
        LOOP Memory |w, f| w.paths(f, (3, b"loop/x"), (3, b"new"));
        NAMETOOLONG Memory |w, f| w.paths(f, (3, b"file"), (3, LONG));
        NOENT Memory |w, f| w.paths(f, (3, b"missing"), (3, b"new"));
        NOTDIR Memory |w, f| w.paths(f, (3, b"file"), (4, b"new"));
        PERM Memory |w, f| w.paths(f, (3, b"file"), (3, b"../new"));
    "path_open":
        SUCCESS Memory |w, _| w.open("new", CREAT | EXCL, RW, APPEND);
        BADF Memory |w, f| w.path(f, CLOSED, b"file");
        EXIST Memory |w, _| w.open("file", CREAT | EXCL, RW, 0);
        ILSEQ Memory |w, f| w.path(f, 3, b"\xff");
        INVAL Memory |w, _| w.open("file", 1 << 4, RW, 0);
        ISDIR Memory |w, _| w.open("sub", 0, RW, 0);
        LOOP Memory |w, _| w.open("loop", CREAT, RW, 0);
        NAMETOOLONG Memory |w, f| w.path(f, 3, LONG);
        NOENT Memory |w, f| w.path(f, 3, b"");
        NOTDIR Memory |w, _| w.open("file", DIRECTORY, right::READ, 0);
        NXIO Memory |w, _| w.open("fifo", 0, right::WRITE, NONBLOCK);
        PERM Memory |w, _| w.read_only().open("file", TRUNC, RW, 0);
        TXTBSY Memory |w, _| w.running().open("program", 0, RW, 0);
    "path_readlink":
        SUCCESS Memory |w, f| w.path(f, 3, b"link");
        BADF Memory |w, f| w.path(f, CLOSED, b"link");
        ILSEQ Memory |w, f| w.path(f, 3, b"\xff");
        INVAL Memory |w, f| w.path(f, 3, b"file");
        LOOP Memory |w, f| w.path(f, 3, b"loop/x");
        NAMETOOLONG Memory |w, f| w.path(f, 3, LONG);
        NOENT Memory |w, f| w.path(f, 3, b"missing");
        NOTDIR Memory |w, f| w.path(f, 5, b"link");
        PERM Memory |w, f| w.path(f, 3, b"absolute");
    "path_remove_directory":
        SUCCESS Memory |w, f| w.path(f, 3, b"sub");
        BADF Memory |w, f| w.path(f, CLOSED, b"sub");
        ILSEQ Memory |w, f| w.path(f, 3, b"\xff");
        INVAL Memory |w, f| w.path(f, 3, b"sub/.");
        LOOP Memory |w, f| w.path(f, 3, b"loop/x");
        NAMETOOLONG Memory |w, f| w.path(f, 3, LONG);
        NOENT Memory |w, f| w.path(f, 3, b"missing");
        NOTDIR Memory |w, f| w.path(f, 3, b"file");
        NOTEMPTY Memory |w, f| w.path(f, 3, b"full");
        PERM Memory |w, f| w.read_only().path(f, 3, b"sub");
    "path_rename":
        SUCCESS Memory |w, f| w.paths(f, (3, b"file"), (6, b"new"));
        BADF Memory |w, f| w.paths(f, (CLOSED, b"file"), (3, b"new"));
        ILSEQ Memory |w, f| w.paths(f, (3, b"file"), (3, b"\xff"));
        INVAL Memory |w, f| w.paths(f, (3, b"sub"), (3, b"sub/new"));
        ISDIR Memory |w, f| w.paths(f, (3, b"file"), (3, b"sub"));
        LOOP Memory |w, f| w.paths(f, (3, b"loop/x"), (3, b"new"));
        NAMETOOLONG Memory |w, f| w.paths(f, (3, b"file"), (3, LONG));
        NOENT Memory |w, f| w.paths(f, (3, b"missing"), (3, b"new"));
        NOTDIR Memory |w, f| w.paths(f, (3, b"sub"), (3, b"file"));
        NOTEMPTY Memory |w, f| w.paths(f, (3, b"sub"), (3, b"full"));
        PERM Memory |w, f| w.paths(f, (3, b"file"), (3, b"/tmp/new"));
    "path_symlink":
        SUCCESS Memory |w, f| w.paths(f, (3, b"anything"), (3, b"new"));
        BADF Memory |w, f| w.paths(f, (3, b"file"), (CLOSED, b"new"));
        EXIST Memory |w, f| w.paths(f, (3, b"anything"), (3, b"file"));
        ILSEQ Memory |w, f| w.paths(f, (3, b"\xff"), (3, b"new"));
        INVAL Memory |w, f| w.paths(f, (3, b"a\0b"), (3, b"new"));
        LOOP Memory |w, f| w.paths(f, (3, b"anything"), (3, b"loop/x"));
        NAMETOOLONG Memory |w, f| w.paths(f, (3, b"anything"), (3, LONG));
        NOENT Memory |w, f| w.paths(f, (3, b""), (3, b"new"));
        NOTDIR Memory |w, f| w.paths(f, (3, b"anything"), (3, b"file/x"));
        PERM Memory |w, f| w.paths(f, (3, b"/etc/passwd"), (3, b"new"));
    "path_unlink_file":
        SUCCESS Memory |w, f| w.path(f, 3, b"loop");
        BADF Memory |w, f| w.path(f, CLOSED, b"file");
        ILSEQ Memory |w, f| w.path(f, 3, b"\xff");
        INVAL Memory |w, f| w.path(f, 3, b"a\0b");
        ISDIR Memory |w, f| w.path(f, 3, b"sub");
        LOOP Memory |w, f| w.path(f, 3, b"loop/x");
        NAMETOOLONG Memory |w, f| w.path(f, 3, LONG);
        NOENT Memory |w, f| w.path(f, 3, b"missing");
        NOTDIR Memory |w, f| w.path(f, 3, b"file/");
        PERM Memory |w, f| w.path(f, 3, b"..");
    "poll_oneoff":
        SUCCESS Memory |w, f| w.call(f, &[D, 0x2_0000, 1, R]);
        INVAL Memory |w, f| w.call(f, &[D, 0x2_0000, 0, R]);
    "proc_raise":
        NOTSUP Memory |w, f| w.call(f, &[6]);
    "random_get":
        SUCCESS Memory |w, f| w.call(f, &[D, 8]);
    "sched_yield":
        SUCCESS Memory |w, f| w.call(f, &[]);
    "sock_accept":
        SUCCESS Called |w, f| w.call(f, &[0, NONBLOCK.into(), R]);
        AGAIN Listening |w, f| {
            w.guest.ok("fd_fdstat_set_flags", &[0, NONBLOCK.into()]);
            w.call(f, &[0, 0, R])
        };
        BADF Memory |w, f| w.call(f, &[CLOSED, 0, R]);
        INVAL Socket |w, f| w.call(f, &[0, 0, R]);
        NOTSOCK Memory |w, f| w.call(f, &[4, 0, R]);
    "sock_recv":
        SUCCESS Spoken |w, f| w.io(f, 0, &[0, R + 8]);
        AGAIN Socket |w, f| {
            w.guest.ok("fd_fdstat_set_flags", &[0, NONBLOCK.into()]);
            w.io(f, 0, &[0, R + 8])
        };
        BADF Memory |w, f| w.io(f, CLOSED, &[0, R + 8]);
        INVAL Socket |w, f| w.io(f, 0, &[4, R + 8]);
        NOTCONN Listening |w, f| w.io(f, 1, &[0, R + 8]);
        NOTSOCK Pipes |w, f| w.io(f, 0, &[0, R + 8]);
    "sock_send":
        SUCCESS Socket |w, f| w.io(f, 1, &[0]);
        AGAIN Socket |w, f| {
            w.guest.ok("fd_fdstat_set_flags", &[1, NONBLOCK.into()]);
            loop {
                match w.io_of(f, 1, &[(0, 1 << 17)], &[0]) {
                    SUCCESS => {}
                    errno => break errno,
                }
            }
        };
        BADF Memory |w, f| w.io(f, CLOSED, &[0]);
        INVAL Socket |w, f| w.io(f, 1, &[1]);
        NOTSOCK Memory |w, f| w.io(f, 6, &[0]);
        PIPE Socket |w, f| { w.guest.ok("sock_shutdown", &[1, 2]); w.io(f, 1, &[0]) };
    "sock_shutdown":
        SUCCESS Socket |w, f| w.call(f, &[1, 3]);
        BADF Memory |w, f| w.call(f, &[CLOSED, 3]);
        INVAL Socket |w, f| w.call(f, &[1, 0]);
        NOTCONN Listening |w, f| w.call(f, &[1, 3]);
        NOTSOCK Memory |w, f| w.call(f, &[0, 3]);
};

#[test]
fn every_function_gives_every_number() {
    let mut wrong = Vec::new();
    for (index, &(name, errno, streams, call)) in ROWS.iter().enumerate() {
        let mut world = World::new(&format!("errnos/{index}"), streams);
        let got = call(&mut world, name);
        if got != errno {
            wrong.push(format!("{name}: {got} instead of {errno}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_every_function() {
    let listed: BTreeSet<&str> = ROWS.iter().map(|row| row.0).collect();
    let all: BTreeSet<&str> = FUNCTIONS.iter().map(|function| function.0).collect();
    assert_eq!(listed, all);
}

/// Each function that takes a descriptor and needs a right for it.
#[test]
fn what_was_given_up_cannot_be_done() {
    for (name, errno, streams, call) in ROWS {
        // These need none, or do not take a descriptor.
        let without = [
            "args_get",
            "args_sizes_get",
            "clock_res_get",
            "clock_time_get",
            "environ_get",
            "environ_sizes_get",
            "fd_close",
            "fd_fdstat_get",
            "fd_fdstat_set_rights",
            "fd_prestat_dir_name",
            "fd_prestat_get",
            "fd_renumber",
            "poll_oneoff",
            "random_get",
            "sched_yield",
        ];
        if *errno != SUCCESS || without.contains(name) {
            continue;
        }
        let mut world = World::new(&format!("given-up/{name}"), *streams);
        for fd in 0..7 {
            world.guest.ok("fd_fdstat_set_rights", &[fd, 0, 0]);
        }
        assert_eq!(call(&mut world, name), NOTCAPABLE, "{name}");
    }
}

/// Behind the last byte that a file of this file system can have, nothing is written.
#[test]
fn a_file_that_would_be_too_large_is_told() {
    let mut world = World::new("fbig", Streams::Memory);
    let mut end = 0_i64;
    for bit in (0..63).rev() {
        if world.call("fd_seek", &[4, end | 1 << bit, 0, R]) == SUCCESS {
            end |= 1 << bit;
        }
    }
    world.guest.ok("fd_seek", &[4, end, 0, R]);
    let errno = world.io("fd_write", 4, &[]);
    // Where positions end before files do, it is the position that is wrong.
    let other = matches!(errno, INVAL | OVERFLOW) && end == i64::MAX;
    assert!(errno == FBIG || other, "{errno} at {end}");
    assert_eq!(fs::metadata(world.dir.join("file")).unwrap().len(), 8);
}

/// Runs one test of this file again in a process of its own, told so by a variable.
fn again(test: &str, prepare: impl FnOnce(&mut Command)) {
    // Where another user can reach it.
    let dir = std::env::temp_dir().join(format!("lineal-{}-{test}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir(&dir).unwrap();
    let program = dir.join("functions");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(&program);
    command.args(["--exact", &format!("errnos::{test}"), "--nocapture"]);
    command.env("LINEAL_TEST_DIRECTORY", dir.join("tmp")).env("LINEAL_TEST_AGAIN", "1");
    fs::create_dir(dir.join("tmp")).unwrap();
    prepare(&mut command);
    let output = command.output().unwrap();
    fs::remove_dir_all(&dir).unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{errors}");
}

fn is_again() -> bool {
    std::env::var_os("LINEAL_TEST_AGAIN").is_some()
}

/// What another user's directory, or one that nobody may write to, refuses: every function that
/// takes a path says so.
#[test]
fn what_a_user_may_not_do_is_told() {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    use std::os::unix::process::CommandExt as _;
    if rustix::process::geteuid().is_root() {
        const NOBODY: u32 = 65_534;
        return again("what_a_user_may_not_do_is_told", |command| {
            let dir = std::path::Path::new(command.get_program()).parent().unwrap().to_owned();
            chown(dir.join("tmp"), Some(NOBODY), Some(NOBODY)).unwrap();
            command.uid(NOBODY).gid(NOBODY);
        });
    }
    let mut world = World::new("acces", Streams::Memory);
    for (name, mode) in [("closed", 0o000), ("fixed", 0o555)] {
        fs::create_dir(world.dir.join(name)).unwrap();
        fs::create_dir(world.dir.join(name).join("sub")).unwrap();
        fs::write(world.dir.join(name).join("file"), "").unwrap();
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(world.dir.join(name), permissions).unwrap();
    }
    fs::set_permissions(world.dir.join("file"), fs::Permissions::from_mode(0o000)).unwrap();
    let mut wrong = Vec::new();
    let mut expect = |name: &str, path: &[u8], got: i32| {
        if got != ACCES {
            wrong.push(format!("{name} {}: {got}", String::from_utf8_lossy(path)));
        }
    };
    for name in [
        "path_create_directory",
        "path_filestat_get",
        "path_filestat_set_times",
        "path_open",
        "path_readlink",
        "path_remove_directory",
        "path_unlink_file",
    ] {
        let path: &[u8] = b"closed/sub";
        expect(name, path, world.path(name, 3, path));
    }
    for (name, path) in [
        ("path_create_directory", &b"fixed/new"[..]),
        ("path_remove_directory", b"fixed/sub"),
        ("path_unlink_file", b"fixed/file"),
        ("path_open", b"file"),
        ("path_open", b"closed"),
    ] {
        expect(name, path, world.path(name, 3, path));
    }
    for name in ["path_link", "path_rename", "path_symlink"] {
        for path in [&b"closed/new"[..], b"fixed/new"] {
            expect(name, path, world.paths(name, (3, b"fifo"), (3, path)));
        }
    }
    for oflags in [CREAT, TRUNC] {
        expect("path_open", b"fixed/new", world.open("fixed/new", CREAT, RW, 0));
        expect("path_open", b"file", world.open("file", oflags, RW, 0));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // So that the directory can be removed.
    for name in ["closed", "fixed"] {
        let permissions = fs::Permissions::from_mode(0o755);
        fs::set_permissions(world.dir.join(name), permissions).unwrap();
    }
}

/// The host's limit of descriptors is one of the guest's too, and nothing is lost by it.
#[test]
fn a_host_without_descriptors_is_told() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    if !is_again() {
        return again("a_host_without_descriptors_is_told", |_| {});
    }
    let mut world = World::new("mfile", Streams::Called);
    let few = Rlimit { current: Some(40), maximum: Some(40) };
    setrlimit(Resource::Nofile, few).unwrap();
    let mut opened = Vec::new();
    let errno = loop {
        match world.guest.open("file", 0, right::READ, 0) {
            Ok(fd) => opened.push(fd),
            Err(errno) => break errno,
        }
        assert!(opened.len() < 100);
    };
    assert_eq!(errno, MFILE);
    for oflags in [0, CREAT, DIRECTORY] {
        assert_eq!(world.open("sub", oflags, right::READ, 0), MFILE);
    }
    assert_eq!(world.call("sock_accept", &[0, NONBLOCK.into(), R]), MFILE);
    assert_eq!(world.call("fd_readdir", &[3, D, 100, 0, R]), MFILE);
    for name in [
        "path_create_directory",
        "path_filestat_get",
        "path_filestat_set_times",
        "path_readlink",
        "path_remove_directory",
        "path_unlink_file",
    ] {
        assert_eq!(world.path(name, 3, b"full/file"), MFILE, "{name}");
    }
    for name in ["path_link", "path_rename", "path_symlink"] {
        assert_eq!(world.paths(name, (3, b"full/file"), (3, b"sub/new")), MFILE, "{name}");
    }
    // What is closed is free again.
    world.guest.ok("fd_close", &[opened[0]]);
    assert_eq!(world.guest.open("file", 0, right::READ, 0), Ok(opened[0]));
}
