//! [`WasiCtxBuilder`]: what a guest gets of the host, and [`Context`]: that, while it runs.

use std::path::Path;
use std::sync::{Arc, Mutex};

use lineal::Result;
use rand_core::Rng;

use crate::clocks::{HostMonotonicClock, HostWallClock, SystemClock};
use crate::dir::Directory;
use crate::errno::Errno;
use crate::file::File;
use crate::p1::WasiP1Ctx;
use crate::perms::{DirPerms, FilePerms, FsPerms};
use crate::pipe::{MemoryInputPipe, Sink, StdinStream, StdoutStream, lock};
use crate::random::Random;
use crate::rights::right;
use crate::streams::{Input, Output};
use crate::table::{Entry, Object, Table, sensible};

/// What the calls of a guest work on. Threads of a guest share it.
pub(crate) struct Context {
    pub(crate) args: Vec<Vec<u8>>,
    /// Variables as `NAME=VALUE`.
    pub(crate) env: Vec<Vec<u8>>,
    pub(crate) table: Mutex<Table>,
    pub(crate) random: Mutex<Random>,
    pub(crate) wall_clock: Box<dyn HostWallClock>,
    pub(crate) monotonic_clock: Box<dyn HostMonotonicClock>,
}

impl Context {
    /// A descriptor, if the guest has not given up these rights for it.
    pub(crate) fn get(&self, fd: u32, rights: u64) -> Result<Entry, Errno> {
        let table = lock(&self.table);
        let entry = table.get(fd)?;
        entry.require(rights)?;
        Ok(entry.clone())
    }
}

/// Says what a guest gets of the host. At first that is nothing: no arguments, no environment, no
/// directories, an empty standard input, and output that goes nowhere.
///
/// ```
/// use lineal_wasi::pipe::MemoryOutputPipe;
/// use lineal_wasi::{FsPerms, WasiCtxBuilder};
///
/// let stdout = MemoryOutputPipe::new(4096);
/// let wasi = WasiCtxBuilder::new()
///     .args(&["program", "--verbose"])
///     .env("HOME", "/")
///     .stdout(stdout.clone())
///     .preopened_dir(".", "/", FsPerms::ReadOnly)?
///     .build_p1();
/// # Ok::<(), lineal::Error>(())
/// ```
pub struct WasiCtxBuilder {
    args: Vec<Vec<u8>>,
    env: Vec<Vec<u8>>,
    stdin: Box<dyn StdinStream>,
    stdout: Box<dyn StdoutStream>,
    stderr: Box<dyn StdoutStream>,
    preopens: Vec<(Directory, Arc<[u8]>)>,
    secure: Random,
    wall_clock: Box<dyn HostWallClock>,
    monotonic_clock: Box<dyn HostMonotonicClock>,
}

impl Default for WasiCtxBuilder {
    fn default() -> WasiCtxBuilder {
        WasiCtxBuilder::new()
    }
}

impl WasiCtxBuilder {
    /// Begins with nothing.
    pub fn new() -> WasiCtxBuilder {
        let clock = SystemClock::new();
        WasiCtxBuilder {
            args: Vec::new(),
            env: Vec::new(),
            stdin: Box::new(MemoryInputPipe::new("")),
            stdout: Box::new(Sink),
            stderr: Box::new(Sink),
            preopens: Vec::new(),
            secure: Random::System,
            wall_clock: Box::new(clock),
            monotonic_clock: Box::new(clock),
        }
    }

    /// Lets the guest read from a stream, the host's ([`std::io::stdin`]) or
    /// [another](crate::pipe).
    pub fn stdin(&mut self, stdin: impl StdinStream + 'static) -> &mut Self {
        self.stdin = Box::new(stdin);
        self
    }

    /// Lets the guest write its output to a stream.
    pub fn stdout(&mut self, stdout: impl StdoutStream + 'static) -> &mut Self {
        self.stdout = Box::new(stdout);
        self
    }

    /// Lets the guest write its errors to a stream.
    pub fn stderr(&mut self, stderr: impl StdoutStream + 'static) -> &mut Self {
        self.stderr = Box::new(stderr);
        self
    }

    /// Lets the guest read the host's standard input.
    pub fn inherit_stdin(&mut self) -> &mut Self {
        self.stdin(std::io::stdin())
    }

    /// Lets the guest write to the host's standard output.
    pub fn inherit_stdout(&mut self) -> &mut Self {
        self.stdout(std::io::stdout())
    }

    /// Lets the guest write to the host's standard error.
    pub fn inherit_stderr(&mut self) -> &mut Self {
        self.stderr(std::io::stderr())
    }

    /// Gives the guest all three standard streams of the host.
    pub fn inherit_stdio(&mut self) -> &mut Self {
        self.inherit_stdin().inherit_stdout().inherit_stderr()
    }

    /// Adds an argument. The first one is the program's name. A guest sees an argument up to its
    /// first NUL, if there is one.
    pub fn arg(&mut self, arg: impl AsRef<[u8]>) -> &mut Self {
        self.args.push(arg.as_ref().to_vec());
        self
    }

    /// Adds arguments.
    pub fn args(&mut self, args: &[impl AsRef<[u8]>]) -> &mut Self {
        for arg in args {
            self.arg(arg);
        }
        self
    }

    /// Adds the host's arguments, its name first.
    pub fn inherit_args(&mut self) -> &mut Self {
        for arg in std::env::args_os() {
            self.arg(arg.as_encoded_bytes());
        }
        self
    }

    /// Sets a variable of the environment.
    pub fn env(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> &mut Self {
        let name = name.as_ref();
        let is_same = |variable: &Vec<u8>| {
            variable.strip_prefix(name).is_some_and(|rest| rest.first() == Some(&b'='))
        };
        self.env.retain(|variable| !is_same(variable));
        self.env.push([name, b"=", value.as_ref()].concat());
        self
    }

    /// Sets variables of the environment.
    pub fn envs(&mut self, env: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)]) -> &mut Self {
        for (name, value) in env {
            self.env(name, value);
        }
        self
    }

    /// Gives the guest all variables of the host's environment.
    pub fn inherit_env(&mut self) -> &mut Self {
        for (name, value) in std::env::vars_os() {
            self.env(name.as_encoded_bytes(), value.as_encoded_bytes());
        }
        self
    }

    /// Gives the guest a directory of the host's, under a name of its own. Nothing outside that
    /// directory can be reached by way of it; see the [crate's documentation](crate#the-sandbox).
    ///
    /// # Errors
    ///
    /// If the directory cannot be opened.
    pub fn preopened_dir(
        &mut self,
        host_path: impl AsRef<Path>,
        guest_path: impl AsRef<[u8]>,
        perms: FsPerms,
    ) -> Result<&mut Self> {
        let (dir_perms, file_perms) = perms.parts();
        self.preopened_dir_with(host_path, guest_path, dir_perms, file_perms)
    }

    /// Gives the guest a directory as [`preopened_dir`](Self::preopened_dir) does, and says apart
    /// what is allowed with directories and with files.
    ///
    /// # Errors
    ///
    /// If the directory cannot be opened.
    pub fn preopened_dir_with(
        &mut self,
        host_path: impl AsRef<Path>,
        guest_path: impl AsRef<[u8]>,
        dir_perms: DirPerms,
        file_perms: FilePerms,
    ) -> Result<&mut Self> {
        let directory = Directory::preopened(host_path.as_ref(), dir_perms, file_perms)?;
        self.preopens.push((directory, guest_path.as_ref().into()));
        Ok(self)
    }

    /// Takes the random numbers that the guest gets from a source: the host's own otherwise. With
    /// [`seeded_random`](crate::seeded_random) they are the same in every run.
    pub fn secure_random(&mut self, random: impl Rng + Send + 'static) -> &mut Self {
        self.secure = Random::Given(Box::new(random));
        self
    }

    /// Is there for programs that were made for Wasmtime. All random numbers of preview 1 are those
    /// of [`secure_random`](Self::secure_random), so this source is never asked.
    pub fn insecure_random(&mut self, random: impl Rng + Send + 'static) -> &mut Self {
        drop(random);
        self
    }

    /// Takes the time of day from a clock: the host's own otherwise.
    pub fn wall_clock(&mut self, clock: impl HostWallClock + 'static) -> &mut Self {
        self.wall_clock = Box::new(clock);
        self
    }

    /// Takes the monotonic time from a clock: the host's own otherwise, from 0 on.
    pub fn monotonic_clock(&mut self, clock: impl HostMonotonicClock + 'static) -> &mut Self {
        self.monotonic_clock = Box::new(clock);
        self
    }

    /// Does the same as [`build_p1`](Self::build_p1).
    pub fn build(&mut self) -> WasiP1Ctx {
        self.build_p1()
    }

    /// The context for a guest. The builder is as it was when it was new.
    pub fn build_p1(&mut self) -> WasiP1Ctx {
        let WasiCtxBuilder {
            args,
            env,
            stdin,
            stdout,
            stderr,
            preopens,
            secure,
            wall_clock,
            monotonic_clock,
        } = std::mem::take(self);
        let mut table = Table::default();
        let standard = [input(stdin), output(stdout), output(stderr)].map(|object| (object, None));
        let directories = preopens
            .into_iter()
            .map(|(directory, name)| (Object::Directory(directory), Some(name)));
        for (object, preopen) in standard.into_iter().chain(directories) {
            let entry = Entry {
                base: standard_rights(&object),
                inheriting: if preopen.is_some() { right::ALL } else { 0 },
                allowed: right::ALL,
                object: Arc::new(object),
                preopen,
            };
            // More directories than there are numbers cannot be told apart anyway.
            let _ = table.insert(entry);
        }
        WasiP1Ctx::new(Context {
            args,
            env,
            table: Mutex::new(table),
            random: Mutex::new(secure),
            wall_clock,
            monotonic_clock,
        })
    }
}

/// The rights of what is open from the start.
fn standard_rights(object: &Object) -> u64 {
    let direction = match object {
        Object::File(file) if file.is_readable() => right::ALL & !right::FD_WRITE,
        Object::Input(_) => right::ALL & !right::FD_WRITE,
        Object::File(_) | Object::Output(_) => right::ALL & !right::FD_READ,
        Object::Directory(_) => right::ALL,
    };
    sensible(direction, object)
}

fn input(stream: Box<dyn StdinStream>) -> Object {
    match stream.descriptor().map(|fd| File::standard(fd, true)) {
        Some(Ok(file)) => Object::File(file),
        _ => Object::Input(Input::new(stream)),
    }
}

fn output(stream: Box<dyn StdoutStream>) -> Object {
    match stream.descriptor().map(|fd| File::standard(fd, false)) {
        Some(Ok(file)) => Object::File(file),
        _ => Object::Output(Output::new(stream)),
    }
}
