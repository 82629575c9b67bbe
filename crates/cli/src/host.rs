//! What a guest can reach, what bounds it, and [`Session`]: one way to run it, for all commands.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, bail, ensure};
use clap::ArgMatches;
use clap::parser::ValueSource;
use lineal::{Config, Instance, Linker, ResourceLimiter, Store, Trap, Val};
use lineal_wasi::p0;
use lineal_wasi::p1::{self, WasiP1Ctx};
use lineal_wasi::threads::{self, WasiThreadsCtx};
use lineal_wasi::{FsPerms, I32Exit, SteadyClock, Waiting, WasiCtxBuilder, seeded_random};

use crate::args;
use crate::assemblyscript;
use crate::failure;
use crate::features::{self, UnknownImports};
use crate::observe::SharedTool;
use crate::program::{Call, Program};
use crate::watchdog::Watchdog;

/// The options about the guest's surroundings.
#[derive(Debug, clap::Args)]
// Part of a command's options, which have a group of that name already.
#[group(skip)]
#[command(next_help_heading = "Options for the program, before FILE")]
pub(crate) struct Options {
    /// Let the program use a directory and what is in it; GUEST is its name there [default: HOST]
    #[arg(long, value_name = "HOST[::GUEST]")]
    dir: Vec<OsString>,
    /// Set an environment variable of the program; without a value, copy it from this environment,
    /// if it is set there
    #[arg(long, value_name = "NAME[=VALUE]")]
    env: Vec<OsString>,
    /// Make the program's random numbers the same in every run
    #[arg(long, value_name = "NUMBER", value_parser = args::natural::<u64>)]
    seed: Option<u64>,
    /// Make the program's clocks the same in every run: they start at TIME, in seconds since 1970
    /// [default: 0], advance by a microsecond when they are read, and sleeping takes no time
    #[arg(
        long,
        value_name = "TIME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "0",
        value_parser = args::natural::<u64>
    )]
    clock: Option<u64>,
    /// Switch a part of WASI on or off: `threads=y` lets the program start threads
    #[arg(short = 'S', long = "wasi", value_name = "NAME[=y|n]", value_parser = wasi_option)]
    wasi: Vec<bool>,
    /// Stop the program after roughly UNITS instructions
    #[arg(
        long,
        value_name = "UNITS",
        allow_hyphen_values = true,
        value_parser = args::natural::<u64>
    )]
    fuel: Option<u64>,
    /// Stop after that time, such as `2.5s` or `300ms`, whatever it is spent on: loading the module,
    /// running the program, or printing results
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = duration)]
    timeout: Option<Duration>,
    /// Limit the module, memories, tables and objects to SIZE bytes in total: `65536`, `64KiB`, `1GiB`.
    /// Without it, a module is limited to 1GiB besides its memories, and so are objects
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, value_parser = size_bytes)]
    max_memory: Option<u64>,
    /// Stop the program when it cannot get more memory, instead of returning -1 to it
    #[arg(long)]
    trap_on_grow_failure: bool,
    /// Print time, fuel and memory to standard error at the end
    #[arg(long)]
    stats: bool,
    // Last, because the options after it would come under its heading.
    #[command(flatten)]
    features: features::Options,
}

/// The value in the guest's store. Threads of a guest have clones of it.
#[derive(Clone)]
pub(crate) struct Host {
    wasi: WasiP1Ctx,
    usage: Usage,
    threads: Option<Arc<WasiThreadsCtx<Host>>>,
    /// What sees what the guest does.
    pub(crate) tool: SharedTool,
}

/// What the guest uses of memory, and may use.
#[derive(Clone, Debug, Default)]
struct Usage {
    used: Arc<Mutex<Used>>,
    objects: Objects,
    limit_bytes: Option<u64>,
    trap: bool,
}

/// The bytes of the objects of one store, which are returned with it. A clone is another store's.
#[derive(Debug, Default)]
struct Objects {
    bytes: u64,
    /// What they count towards.
    used: Option<Arc<Mutex<Used>>>,
}

impl Clone for Objects {
    fn clone(&self) -> Objects {
        Objects::default()
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        if let Some(used) = &self.used {
            used.lock().unwrap_or_else(PoisonError::into_inner).object_bytes -= self.bytes;
        }
    }
}

/// What a module may take without `--max-memory`, and what all objects may: much more than the largest
/// programs do.
const DEFAULT_BYTES: u64 = 1 << 30;

/// What the guest uses of memory.
#[derive(Clone, Debug, Default)]
struct Used {
    /// By memories and tables.
    bytes: u64,
    /// By objects.
    object_bytes: u64,
    /// By modules and their instances.
    module_bytes: u64,
    peak_bytes: u64,
    grows: u64,
    /// Bytes, peak and number of growths before what was allowed last, in case that it fails.
    before: (u64, u64, u64),
    /// What was over the limit the last time that something was, besides objects.
    refused: Option<Refused>,
    /// The same of objects.
    refused_objects: Option<Refused>,
}

/// Memory that a guest could not have because of `--max-memory`, or without it because of
/// [`DEFAULT_BYTES`]. As an error, it says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    what: &'static str,
    wanted_bytes: u64,
    limit_bytes: Option<u64>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refused { what, wanted_bytes, limit_bytes } = self;
        write!(f, "the guest's {what} {wanted_bytes} bytes in total, which exceeds ")?;
        match limit_bytes {
            Some(limit_bytes) => write!(f, "--max-memory ({limit_bytes} bytes)"),
            None => write!(f, "{DEFAULT_BYTES} bytes: allow more with --max-memory"),
        }
    }
}

impl std::error::Error for Refused {}

/// A guest in its surroundings, ready to run.
///
/// ```text
/// let watchdog = options.watchdog()?;
/// let program = Program::load(&source, &options.config())?;
/// let call = program.call(name, args)?;
/// let tool = SharedTool::default();
/// let mut session = options.observed_session(&program, file, args, tool, watchdog)?;
/// let instance = session.instantiate(&program, call.as_ref())?;
/// let results = session.call(call.as_ref(), instance)?;
/// ```
pub(crate) struct Session<'a> {
    options: &'a Options,
    store: Store<Host>,
    linker: Arc<Linker<Host>>,
    start: Instant,
    watchdog: Option<Watchdog>,
}

impl Options {
    /// The configuration of the engine that these options need.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::new();
        config.features(self.features.features());
        config.consume_fuel(self.counts_fuel()).epoch_interruption(self.timeout.is_some());
        config.module_memory_limit(self.max_memory.unwrap_or(DEFAULT_BYTES));
        // The store's limiter bounds it.
        config.gc_heap_limit(usize::MAX);
        config
    }

    /// An option that was meant for us, among arguments that follow the file.
    pub(crate) fn misplaced(args: &[OsString]) -> Option<String> {
        let options = <Options as clap::Args>::augment_args(clap::Command::new("options"));
        let longs: Vec<&str> = options.get_arguments().filter_map(|arg| arg.get_long()).collect();
        args.iter().filter_map(|arg| arg.to_str()).find_map(|arg| {
            let name = arg.split('=').next()?;
            let long = name.strip_prefix("--")?;
            (longs.contains(&long) || long == "invoke").then(|| name.to_owned())
        })
    }

    /// An option for the guest that follows the argument `file`, where it could be meant for the
    /// guest itself.
    pub(crate) fn after_file(matches: &ArgMatches) -> Option<String> {
        let file = matches.index_of("file")?;
        let options = <Options as clap::Args>::augment_args(clap::Command::new("options"));
        options
            .get_arguments()
            .map(|option| option.get_id().as_str())
            .filter(|id| matches.value_source(id) == Some(ValueSource::CommandLine))
            .find(|id| matches.indices_of(id).is_some_and(|mut at| at.any(|index| index > file)))
            .map(|id| id.replace('_', "-"))
    }

    fn counts_fuel(&self) -> bool {
        self.fuel.is_some() || self.stats
    }

    /// The guest's fuel, as much as there is if it is only counted.
    fn fuel_units(&self) -> u64 {
        self.fuel.unwrap_or(u64::MAX)
    }

    /// Whether the guest may start threads; what is said last counts.
    fn has_threads(&self) -> bool {
        self.wasi.last().copied().unwrap_or(false)
    }

    /// What the guest gets of WASI, with its arguments.
    fn wasi(&self, file: &Path, args: &[OsString]) -> Result<WasiP1Ctx> {
        let mut wasi = wasi(file, args, &self.dir, &self.env)?;
        if let Some(seed) = self.seed {
            wasi.secure_random(seeded_random(seed));
        }
        if let Some(seconds) = self.clock {
            let clock = SteadyClock::new(Duration::from_secs(seconds));
            wasi.wall_clock(clock.clone()).monotonic_clock(clock);
        }
        Ok(wasi.build_p1())
    }

    /// What ends the command when its time is over. The time runs from here on, so this comes first.
    pub(crate) fn watchdog(&self) -> Result<Option<Watchdog>> {
        let start = |time| Watchdog::start(time, "while its module was loaded");
        self.timeout.map(start).transpose()
    }

    /// Makes the surroundings of a guest, with its arguments and a tool that sees what it does.
    pub(crate) fn observed_session(
        &self,
        program: &Program,
        file: &Path,
        args: &[OsString],
        tool: SharedTool,
        watchdog: Option<Watchdog>,
    ) -> Result<Session<'_>> {
        let usage = Usage {
            limit_bytes: self.max_memory,
            trap: self.trap_on_grow_failure,
            ..Usage::default()
        };
        let host = Host { wasi: self.wasi(file, args)?, usage, threads: None, tool };
        let engine = program.engine();
        let mut store = Store::new(engine, host);
        let limits = self.limits();
        limits.prepare(&mut store)?;
        let mut linker = Linker::new(engine);
        p1::add_to_linker_sync(&mut linker, |host: &mut Host| &mut host.wasi)?;
        p0::add_to_linker_sync(&mut linker, |host: &mut Host| &mut host.wasi)?;
        if self.has_threads() {
            threads::add_to_linker(&mut linker, &store, program.module(), |host: &mut Host| {
                host.threads.as_deref()
            })?;
        }
        assemblyscript::add_to_linker(&mut linker, program.module(), self.seed)?;
        match self.features.unknown_imports() {
            UnknownImports::Refused => {}
            UnknownImports::Traps => linker.define_unknown_imports_as_traps(program.module())?,
            UnknownImports::Defaults => linker
                .define_unknown_imports_as_default_values(&mut store, program.module())
                .context("-W unknown-imports-default is not enough for this module")?,
        }
        let linker = Arc::new(linker);
        if self.has_threads() {
            let explain = self.explainer(&store);
            let cx = WasiThreadsCtx::new(program.module().clone(), Arc::clone(&linker))
                .prepare_store(move |store| limits.prepare(store))
                // Whatever ends one thread ends all of them, and the process with them.
                .on_failure(move |error| failure::exit(&explain.explain(error)));
            store.data_mut().threads = Some(Arc::new(cx));
        }
        let start = Instant::now();
        if let Some(watchdog) = &watchdog {
            let statistics = self.stats.then(|| Statistics::of(&store, start));
            watchdog.guest_runs(engine, move || {
                if let Some(statistics) = statistics {
                    // The guest's fuel is known to its own thread only.
                    statistics.print(None);
                }
            });
        }
        Ok(Session { options: self, store, linker, start, watchdog })
    }

    fn limits(&self) -> Limits {
        Limits { fuel: self.counts_fuel().then(|| self.fuel_units()) }
    }

    fn explainer(&self, store: &Store<Host>) -> Explainer {
        let usage = store.data().usage.clone();
        Explainer { fuel: self.fuel, timeout: self.timeout, usage }
    }
}

/// What a guest gets of WASI: the standard streams, its arguments, directories as `HOST[::GUEST]`,
/// and variables as `NAME[=VALUE]`.
pub(crate) fn wasi(
    file: &Path,
    args: &[impl AsRef<OsStr>],
    dirs: &[OsString],
    env: &[OsString],
) -> Result<WasiCtxBuilder> {
    let mut wasi = WasiCtxBuilder::new();
    wasi.inherit_stdio().arg(file.file_name().unwrap_or(file.as_os_str()).as_bytes());
    for arg in args {
        wasi.arg(arg.as_ref().as_bytes());
    }
    for variable in env {
        let (name, value) = match split(variable, b"=") {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (variable.as_os_str(), std::env::var_os(variable)),
        };
        ensure!(!name.is_empty(), "--env {} does not name a variable", variable.display());
        if let Some(value) = value {
            wasi.env(name.as_bytes(), value.as_bytes());
        }
    }
    for dir in dirs {
        let (host, guest) = split(dir, b"::").unwrap_or((dir, dir));
        wasi.preopened_dir(host, guest.as_bytes(), FsPerms::ReadWrite)
            .with_context(|| format!("cannot open the directory {}", host.display()))?;
    }
    Ok(wasi)
}

/// The two sides of a separator.
fn split<'a>(text: &'a OsStr, separator: &[u8]) -> Option<(&'a OsStr, &'a OsStr)> {
    let bytes = text.as_bytes();
    let at = bytes.windows(separator.len()).position(|window| window == separator)?;
    let (before, after) = (&bytes[..at], &bytes[at + separator.len()..]);
    Some((OsStr::from_bytes(before), OsStr::from_bytes(after)))
}

impl Session<'_> {
    /// The store of the guest.
    pub(crate) fn store(&self) -> &Store<Host> {
        &self.store
    }

    /// The store of the guest, to be changed.
    pub(crate) fn store_mut(&mut self) -> &mut Store<Host> {
        &mut self.store
    }

    /// Instantiates the module, which runs its start function and, of a library for WASI, the
    /// one that initialises it, unless that is what is called anyway.
    pub(crate) fn instantiate(
        &mut self,
        program: &Program,
        call: Option<&Call>,
    ) -> Result<Instance> {
        let instance = program.instantiate(&self.linker, &mut self.store, call);
        instance.map_err(|error| {
            self.guest_ended();
            self.explain(error)
        })
    }

    fn guest_ended(&self) {
        if let Some(watchdog) = &self.watchdog {
            watchdog.guest_ended();
        }
    }

    /// Calls a function and returns its results; none if there is no function to call.
    pub(crate) fn call(&mut self, call: Option<&Call>, instance: Instance) -> Result<Vec<Val>> {
        let results = call.map(|call| call.make(&mut self.store, instance));
        self.guest_ended();
        results.unwrap_or(Ok(Vec::new())).map_err(|error| self.explain(error))
    }

    fn explain(&self, error: Error) -> Error {
        self.options.explainer(&self.store).explain(error)
    }

    /// Prints what the guest used, if that is asked for.
    pub(crate) fn report(&self) {
        if !self.options.stats {
            return;
        }
        let left = self.store.get_fuel().ok();
        let fuel = left.map(|left| self.options.fuel_units() - left);
        Statistics::of(&self.store, self.start).print(fuel);
    }
}

/// What a guest has used.
struct Statistics {
    start: Instant,
    usage: Usage,
}

impl Statistics {
    fn of(store: &Store<Host>, start: Instant) -> Statistics {
        Statistics { start, usage: store.data().usage.clone() }
    }

    /// Prints it, with the fuel if that is known.
    fn print(&self, fuel: Option<u64>) {
        let mut text = format!("time: {:.3} ms\n", self.start.elapsed().as_secs_f64() * 1e3);
        if let Some(fuel) = fuel {
            text += &format!("fuel: {fuel}\n");
        }
        let used = self.usage.used();
        text += &format!("peak memory: {} bytes\ngrown: {} times\n", used.peak_bytes, used.grows);
        eprint!("{text}");
    }
}

/// What the store of every thread of a guest is set up with.
#[derive(Clone, Copy)]
struct Limits {
    fuel: Option<u64>,
}

impl Limits {
    fn prepare(self, store: &mut Store<Host>) -> Result<()> {
        store.limiter(|host| &mut host.usage);
        store.observer(|host| &mut host.tool);
        if let Some(units) = self.fuel {
            store.set_fuel(units)?;
        }
        store.set_epoch_deadline(1);
        Ok(())
    }
}

/// Says which option a guest failed by, if it did by one.
struct Explainer {
    fuel: Option<u64>,
    timeout: Option<Duration>,
    usage: Usage,
}

impl Explainer {
    fn explain(&self, error: Error) -> Error {
        match (error.downcast_ref::<Trap>(), self.fuel, self.timeout) {
            (Some(Trap::OutOfFuel), Some(fuel), _) => {
                return error.context(format!("the guest consumed its fuel of {fuel} units"));
            }
            (Some(Trap::Interrupt), _, Some(timeout)) => {
                let waits = if error.is::<Waiting>() { failure::WAITS } else { "" };
                return error.context(format!("the guest timed out after {timeout:?}{waits}"));
            }
            _ => {}
        }
        if let Some(Trap::GcHeapOutOfMemory) = error.downcast_ref::<Trap>() {
            let refused = self.usage.used().refused_objects;
            return match refused {
                Some(refused) => error.context(refused),
                None => error,
            };
        }
        let ended_well = error.downcast_ref::<I32Exit>().is_some_and(|exit| exit.0 == 0);
        match self.usage.used().refused {
            Some(refused) if !ended_well && !error.is::<Refused>() => error.context(refused),
            _ => error,
        }
    }
}

impl Used {
    fn total_bytes(&self) -> u64 {
        self.bytes.saturating_add(self.object_bytes).saturating_add(self.module_bytes)
    }

    /// Modules do not count as the guest's memory here.
    fn note_peak(&mut self) {
        self.peak_bytes = self.peak_bytes.max(self.bytes.saturating_add(self.object_bytes));
    }
}

impl Usage {
    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is said if more of something would be too much.
    fn refuse(&self, used: &Used, what: &'static str, more_bytes: u64) -> Option<Refused> {
        let limit_bytes = self.limit_bytes?;
        let wanted_bytes = used.total_bytes().saturating_add(more_bytes);
        let limit_bytes = Some(limit_bytes);
        (Some(wanted_bytes) > limit_bytes).then_some(Refused { what, wanted_bytes, limit_bytes })
    }

    /// Whether something may grow, and takes note of it.
    fn growing(
        &mut self,
        what: &'static str,
        current_bytes: u64,
        desired_bytes: u64,
        maximum_bytes: Option<u64>,
    ) -> Result<bool> {
        if maximum_bytes.is_some_and(|maximum| desired_bytes > maximum) {
            return Ok(false);
        }
        let mut used = self.used();
        let more = desired_bytes.saturating_sub(current_bytes);
        if let Some(refused) = self.refuse(&used, what, more) {
            used.refused = Some(refused);
            if self.trap {
                bail!(refused);
            }
            return Ok(false);
        }
        used.before = (used.bytes, used.peak_bytes, used.grows);
        used.grows += u64::from(current_bytes > 0);
        used.bytes = used.bytes.saturating_add(more);
        used.note_peak();
        Ok(true)
    }

    /// Undoes what was allowed last.
    fn failed(&mut self, error: Error) -> Result<()> {
        let mut used = self.used();
        (used.bytes, used.peak_bytes, used.grows) = used.before;
        if self.trap { Err(error) } else { Ok(()) }
    }
}

/// The bytes of a table's element.
const ELEMENT_BYTES: u64 = 8;

impl ResourceLimiter for Usage {
    fn instance_creating(&mut self, bytes: usize) -> Result<bool> {
        let mut used = self.used();
        let refused = self.refuse(&used, "module needs", bytes as u64);
        match refused {
            Some(_) => used.refused = refused,
            None => used.module_bytes = used.module_bytes.saturating_add(bytes as u64),
        }
        Ok(refused.is_none())
    }

    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        self.growing(
            "memory needs",
            current as u64,
            desired as u64,
            maximum.map(|bytes| bytes as u64),
        )
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        self.failed(error)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let bytes = |elements: usize| (elements as u64).saturating_mul(ELEMENT_BYTES);
        self.growing("table needs", bytes(current), bytes(desired), maximum.map(bytes))
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        self.failed(error)
    }

    fn gc_heap_growing(&mut self, current: usize, desired: usize) -> Result<bool> {
        let mut used = self.used();
        let more_bytes = (desired - current) as u64;
        let what = "objects need";
        let refused = match self.limit_bytes {
            Some(_) => self.refuse(&used, what, more_bytes),
            None => {
                let wanted_bytes = used.object_bytes.saturating_add(more_bytes);
                let refused = Refused { what, wanted_bytes, limit_bytes: None };
                (wanted_bytes > DEFAULT_BYTES).then_some(refused)
            }
        };
        if refused.is_some() {
            used.refused_objects = refused;
            return Ok(false);
        }
        used.object_bytes += more_bytes;
        used.note_peak();
        drop(used);
        self.objects.used.get_or_insert_with(|| self.used.clone());
        self.objects.bytes += more_bytes;
        Ok(true)
    }
}

/// Something of WASI, and whether it is on.
fn wasi_option(text: &str) -> Result<bool> {
    let (name, value) = text.split_once('=').unwrap_or((text, "y"));
    ensure!(name == "threads", "`{name}` is not an option of WASI: expected threads");
    features::yes_or_no(value)
}

/// A time, with its unit; seconds without.
pub(crate) fn duration(text: &str) -> Result<Duration> {
    const EXPECTED: &str = "expected a number and a unit of time, such as 300ms or 2.5s";
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    ensure!(!digits.is_empty() && !digits.starts_with('-'), EXPECTED);
    let unit_seconds = match &text[digits.len()..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" | "" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        unit => bail!("`{unit}` is not a unit of time: expected us, ms, s, min or h"),
    };
    let number: f64 = digits.parse().ok().context(EXPECTED)?;
    Duration::try_from_secs_f64(number * unit_seconds).context("it is out of range")
}

/// A number of bytes, with or without a binary unit.
pub(crate) fn size_bytes(text: &str) -> Result<u64> {
    const EXPECTED: &str = "expected a number of bytes, or one with a unit, such as 64MiB";
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    ensure!(!digits.is_empty() && !digits.starts_with('-'), EXPECTED);
    let shift = match &text[digits.len()..] {
        "" | "B" => 0,
        "K" | "KiB" => 10,
        "M" | "MiB" => 20,
        "G" | "GiB" => 30,
        "T" | "TiB" => 40,
        unit => bail!("`{unit}` is not a unit of size: expected KiB, MiB, GiB or TiB"),
    };
    args::natural::<u64>(digits)?.checked_mul(1 << shift).context("it is out of range")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, millis) in
            [("2", 2000), ("1.5s", 1500), ("300ms", 300), ("0.5min", 30_000), ("1h", 3_600_000)]
        {
            assert_eq!(duration(text).unwrap(), Duration::from_millis(millis), "{text}");
        }
        for text in ["", "s", "-1s", "1d", "nan", "1e30s", "0x10"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("65536", 65_536),
            ("64K", 65_536),
            ("64KiB", 65_536),
            ("2MiB", 2 << 20),
            ("1G", 1 << 30),
        ] {
            assert_eq!(size_bytes(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "MiB", "1kb", "-1", "1.5MiB", "18446744073709551615K"] {
            assert!(size_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn objects_are_returned_with_their_store() {
        let usage = Usage { limit_bytes: Some(100), ..Usage::default() };
        for _ in 0..10 {
            let mut of_thread = usage.clone();
            assert!(of_thread.gc_heap_growing(0, 40).unwrap());
            assert!(of_thread.clone().gc_heap_growing(0, 60).unwrap());
            assert!(of_thread.gc_heap_growing(40, 100).unwrap());
            assert!(!of_thread.gc_heap_growing(100, 101).unwrap());
        }
        let used = usage.used();
        assert_eq!((used.object_bytes, used.peak_bytes), (0, 100));
    }

    #[test]
    fn usage_is_the_sum_of_all_memories_and_tables() {
        let mut usage = Usage { limit_bytes: Some(100), ..Usage::default() };
        assert!(usage.memory_growing(0, 50, None).unwrap());
        assert!(usage.table_growing(0, 5, None).unwrap());
        assert!(!usage.memory_growing(50, 61, None).unwrap());
        assert!(usage.memory_growing(50, 60, None).unwrap());
        usage.memory_grow_failed(Error::msg("no room")).unwrap();
        assert!(usage.table_growing(5, 6, None).unwrap());
        assert!(!usage.table_growing(6, 7, Some(6)).unwrap());
        let (peak_bytes, grows) = {
            let used = usage.used();
            (used.peak_bytes, used.grows)
        };
        assert_eq!((peak_bytes, grows), (98, 1));
        // On request, it is an error.
        usage.trap = true;
        assert!(usage.memory_growing(50, 80, None).is_err());
    }
}
