//! Every function of preview 1, called by a guest that passes on what the test wants: what it does,
//! and each error number that it can give.

mod descriptors;
mod errnos;
mod files;
mod hostile;
mod paths;
mod pointers;
mod polling;
mod process;
mod sockets;
mod streams;
mod terminals;
mod threads;
mod unstable;
mod ways;

use std::fs;
use std::path::{Path, PathBuf};

use lineal::{
    Config, Engine, Func, FuncType, Instance, Linker, Module, SharedMemory, Store, Val, ValType,
};
use lineal_wasi::p0;
use lineal_wasi::p1::{self, WasiP1Ctx};
use lineal_wasi::{DirPerms, FilePerms, WasiCtxBuilder};

/// Error numbers, as the specification has them.
pub(crate) mod errno {
    pub(crate) const SUCCESS: i32 = 0;
    pub(crate) const ACCES: i32 = 2;
    pub(crate) const AGAIN: i32 = 6;
    pub(crate) const BADF: i32 = 8;
    pub(crate) const EXIST: i32 = 20;
    pub(crate) const FBIG: i32 = 22;
    pub(crate) const ILSEQ: i32 = 25;
    pub(crate) const INVAL: i32 = 28;
    pub(crate) const IO: i32 = 29;
    pub(crate) const ISDIR: i32 = 31;
    pub(crate) const LOOP: i32 = 32;
    pub(crate) const MFILE: i32 = 33;
    pub(crate) const NAMETOOLONG: i32 = 37;
    pub(crate) const NODEV: i32 = 43;
    pub(crate) const NOENT: i32 = 44;
    pub(crate) const NOSPC: i32 = 51;
    pub(crate) const NOTCONN: i32 = 53;
    pub(crate) const NOTDIR: i32 = 54;
    pub(crate) const NOTEMPTY: i32 = 55;
    pub(crate) const NOTSOCK: i32 = 57;
    pub(crate) const NOTSUP: i32 = 58;
    pub(crate) const NXIO: i32 = 60;
    pub(crate) const OVERFLOW: i32 = 61;
    pub(crate) const PERM: i32 = 63;
    pub(crate) const PIPE: i32 = 64;
    pub(crate) const SPIPE: i32 = 70;
    pub(crate) const TXTBSY: i32 = 74;
    pub(crate) const XDEV: i32 = 75;
    pub(crate) const NOTCAPABLE: i32 = 76;
}

/// Rights.
pub(crate) mod right {
    pub(crate) const READ: u64 = 1 << 1;
    pub(crate) const SEEK: u64 = 1 << 2;
    pub(crate) const WRITE: u64 = 1 << 6;
    pub(crate) const ALL: u64 = (1 << 30) - 1;
}

/// `oflags` and `fdflags`.
pub(crate) const CREAT: i32 = 1;
pub(crate) const DIRECTORY: i32 = 2;
pub(crate) const EXCL: i32 = 4;
pub(crate) const TRUNC: i32 = 8;
pub(crate) const APPEND: i32 = 1;
pub(crate) const NONBLOCK: i32 = 4;

/// The functions: `i` is an `i32`, `l` an `i64`.
const FUNCTIONS: [(&str, &str); 45] = [
    ("args_get", "ii"),
    ("args_sizes_get", "ii"),
    ("clock_res_get", "ii"),
    ("clock_time_get", "ili"),
    ("environ_get", "ii"),
    ("environ_sizes_get", "ii"),
    ("fd_advise", "illi"),
    ("fd_allocate", "ill"),
    ("fd_close", "i"),
    ("fd_datasync", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "ill"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "il"),
    ("fd_filestat_set_times", "illi"),
    ("fd_pread", "iiili"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_prestat_get", "ii"),
    ("fd_pwrite", "iiili"),
    ("fd_read", "iiii"),
    ("fd_readdir", "iiili"),
    ("fd_renumber", "ii"),
    ("fd_seek", "ilii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("fd_write", "iiii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiilli"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiillii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("poll_oneoff", "iiii"),
    ("proc_raise", "i"),
    ("random_get", "ii"),
    ("sched_yield", ""),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

/// A guest that passes calls on, with one memory.
fn module(version: &str, memory: &str) -> String {
    let mut imports = String::new();
    let mut functions = String::new();
    for (name, params) in FUNCTIONS {
        if version == "wasi_unstable" && name == "sock_accept" {
            continue;
        }
        let params: String =
            params.chars().map(|param| if param == 'i' { " i32" } else { " i64" }).collect();
        let gets: String = (0..params.split_whitespace().count())
            .map(|index| format!(" (local.get {index})"))
            .collect();
        let ty = format!("(param{params}) (result i32)");
        imports += &format!("(import \"{version}\" \"{name}\" (func ${name} {ty}))\n");
        functions += &format!("(func (export \"{name}\") {ty} (call ${name}{gets}))\n");
    }
    format!(
        "(module {imports} (import \"{version}\" \"proc_exit\" (func $exit (param i32)))
        (memory (export \"memory\") {memory})
        (func (export \"proc_exit\") (param i32) (call $exit (local.get 0)))
        {functions})"
    )
}

/// A guest that does what a test says.
pub(crate) struct Guest {
    pub(crate) store: Store<WasiP1Ctx>,
    instance: Instance,
}

/// Where tests keep what; below 4096 are arrays of buffers and strings.
pub(crate) const RESULT: i32 = 512;
pub(crate) const IOVS: i32 = 1024;
pub(crate) const PATH: i32 = 2048;
pub(crate) const PATH_2: i32 = 8192;
pub(crate) const DATA: i32 = 16384;

impl Guest {
    pub(crate) fn new(wasi: &mut WasiCtxBuilder) -> Guest {
        Guest::with(wasi, "wasi_snapshot_preview1", "4")
    }

    pub(crate) fn with(wasi: &mut WasiCtxBuilder, version: &str, memory: &str) -> Guest {
        let mut config = Config::new();
        config.epoch_interruption(true);
        let engine = Engine::new(&config).unwrap();
        let module = Module::new(&engine, module(version, memory)).unwrap();
        let mut linker = Linker::new(&engine);
        p1::add_to_linker_sync(&mut linker, |wasi: &mut WasiP1Ctx| wasi).unwrap();
        p0::add_to_linker_sync(&mut linker, |wasi: &mut WasiP1Ctx| wasi).unwrap();
        let mut store = Store::new(&engine, wasi.build_p1());
        store.set_epoch_deadline(1);
        let instance = linker.instantiate(&mut store, &module).unwrap();
        Guest { store, instance }
    }

    /// A guest with a directory as descriptor 3.
    pub(crate) fn in_dir(dir: &Path) -> Guest {
        Guest::in_dir_with(dir, DirPerms::all(), FilePerms::all())
    }

    pub(crate) fn in_dir_with(dir: &Path, dir_perms: DirPerms, file_perms: FilePerms) -> Guest {
        let mut wasi = WasiCtxBuilder::new();
        wasi.preopened_dir_with(dir, "dir", dir_perms, file_perms).unwrap();
        Guest::new(&mut wasi)
    }

    pub(crate) fn try_call(&mut self, name: &str, args: &[i64]) -> lineal::Result<i32> {
        let func: Func = self.instance.get_func(&self.store, name).expect(name);
        let ty: FuncType = func.ty(&self.store);
        assert_eq!(ty.params().len(), args.len(), "{name}");
        let args: Vec<Val> = args
            .iter()
            .zip(ty.params())
            .map(|(&arg, ty)| match ty {
                ValType::I32 => Val::I32(arg as i32),
                _ => Val::I64(arg),
            })
            .collect();
        let mut results = vec![Val::I32(0); ty.results().len()];
        func.call(&mut self.store, &args, &mut results)?;
        Ok(results.first().map_or(0, Val::unwrap_i32))
    }

    /// The memory, which is shared.
    pub(crate) fn shared_memory(&self) -> SharedMemory {
        self.instance.get_shared_memory(&self.store, "memory").unwrap()
    }

    /// Calls a function; the error number.
    #[track_caller]
    pub(crate) fn call(&mut self, name: &str, args: &[i64]) -> i32 {
        self.try_call(name, args).unwrap_or_else(|error| panic!("{name} {args:?}: {error:?}"))
    }

    /// Calls a function that must succeed.
    #[track_caller]
    pub(crate) fn ok(&mut self, name: &str, args: &[i64]) {
        assert_eq!(self.call(name, args), errno::SUCCESS, "{name} {args:?}");
    }

    /// Calls a function that must stop the guest; the reason.
    #[track_caller]
    pub(crate) fn stops(&mut self, name: &str, args: &[i64]) -> String {
        format!("{:#}", self.try_call(name, args).expect_err(name))
    }

    pub(crate) fn write(&mut self, addr: i32, bytes: &[u8]) {
        match self.instance.get_memory(&self.store, "memory") {
            Some(memory) => memory.write(&mut self.store, addr as usize, bytes).unwrap(),
            None => {
                let memory = self.instance.get_shared_memory(&self.store, "memory").unwrap();
                memory.linear().write(addr as u64, bytes).unwrap();
            }
        }
    }

    pub(crate) fn bytes(&self, addr: i32, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        match self.instance.get_memory(&self.store, "memory") {
            Some(memory) => memory.read(&self.store, addr as usize, &mut bytes).unwrap(),
            None => {
                let memory = self.instance.get_shared_memory(&self.store, "memory").unwrap();
                memory.linear().read(addr as u64, &mut bytes).unwrap();
            }
        }
        bytes
    }

    pub(crate) fn u16(&self, addr: i32) -> u16 {
        u16::from_le_bytes(self.bytes(addr, 2).try_into().unwrap())
    }

    pub(crate) fn u32(&self, addr: i32) -> u32 {
        u32::from_le_bytes(self.bytes(addr, 4).try_into().unwrap())
    }

    pub(crate) fn u64(&self, addr: i32) -> u64 {
        u64::from_le_bytes(self.bytes(addr, 8).try_into().unwrap())
    }

    /// Puts a path into the memory; its address and length.
    pub(crate) fn path(&mut self, path: impl AsRef<[u8]>) -> [i64; 2] {
        self.write(PATH, path.as_ref());
        [PATH.into(), path.as_ref().len() as i64]
    }

    pub(crate) fn path_2(&mut self, path: impl AsRef<[u8]>) -> [i64; 2] {
        self.write(PATH_2, path.as_ref());
        [PATH_2.into(), path.as_ref().len() as i64]
    }

    /// Puts an array of buffers into the memory; its address and length.
    pub(crate) fn iovs(&mut self, buffers: &[(u32, u32)]) -> [i64; 2] {
        let bytes: Vec<u8> =
            buffers.iter().flat_map(|(a, b)| [a.to_le_bytes(), b.to_le_bytes()].concat()).collect();
        self.write(IOVS, &bytes);
        [IOVS.into(), buffers.len() as i64]
    }

    /// Opens a path below descriptor 3.
    pub(crate) fn open(
        &mut self,
        path: &str,
        oflags: i32,
        rights: u64,
        fdflags: i32,
    ) -> Result<i64, i32> {
        self.open_at(3, path, 1, oflags, rights, fdflags)
    }

    pub(crate) fn open_at(
        &mut self,
        fd: i64,
        path: impl AsRef<[u8]>,
        dirflags: i64,
        oflags: i32,
        rights: u64,
        fdflags: i32,
    ) -> Result<i64, i32> {
        let [path, len] = self.path(path);
        let (oflags, fdflags) = (oflags.into(), fdflags.into());
        let result = self.call(
            "path_open",
            &[fd, dirflags, path, len, oflags, rights as i64, 0, fdflags, RESULT.into()],
        );
        if result == errno::SUCCESS { Ok(self.u32(RESULT).into()) } else { Err(result) }
    }

    /// Writes bytes to a descriptor.
    pub(crate) fn write_fd(&mut self, fd: i64, bytes: &[u8]) -> Result<u32, i32> {
        self.write(DATA, bytes);
        let [iovs, count] = self.iovs(&[(DATA as u32, bytes.len() as u32)]);
        let result = self.call("fd_write", &[fd, iovs, count, RESULT.into()]);
        if result == errno::SUCCESS { Ok(self.u32(RESULT)) } else { Err(result) }
    }

    /// Reads bytes from a descriptor.
    pub(crate) fn read_fd(&mut self, fd: i64, len: u32) -> Result<Vec<u8>, i32> {
        let [iovs, count] = self.iovs(&[(DATA as u32, len)]);
        let result = self.call("fd_read", &[fd, iovs, count, RESULT.into()]);
        if result == errno::SUCCESS {
            Ok(self.bytes(DATA, self.u32(RESULT) as usize))
        } else {
            Err(result)
        }
    }
}

/// An empty directory of one test's own.
pub(crate) fn directory(name: &str) -> PathBuf {
    let all = std::env::var_os("LINEAL_TEST_DIRECTORY").map(PathBuf::from);
    let all = all.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("functions"));
    let dir = all.join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}
