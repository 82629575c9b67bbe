//! What a guest that `run` runs can reach, and what bounds it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use lineal::{Config, Linker, ResourceLimiter, Store};
use lineal_wasi::{Dir, WasiCtx, WasiCtxBuilder, ambient_authority};

use crate::args;

/// The options about the guest's surroundings.
#[derive(Debug, clap::Args)]
// Part of a command's options, which have a group of that name already.
#[group(skip)]
pub(crate) struct Options {
    /// Let the guest use a directory and what is in it; GUEST is its name there [default: HOST]
    #[arg(long, value_name = "HOST[::GUEST]")]
    dir: Vec<String>,
    /// Set an environment variable of the guest; without a value, copy it from this environment
    #[arg(long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Trap after roughly UNITS instructions
    #[arg(long, value_name = "UNITS", value_parser = args::natural::<u64>)]
    fuel: Option<u64>,
    /// Trap after that time, such as `2.5s` or `300ms`
    #[arg(long, value_parser = duration)]
    timeout: Option<Duration>,
    /// Limit memories and tables to SIZE bytes in total, and the guest's objects to the same: `65536`,
    /// `64KiB`, `1GiB`
    #[arg(long, value_name = "SIZE", value_parser = size_bytes)]
    max_memory: Option<u64>,
    /// Trap when the guest cannot get more memory, instead of returning -1 to it
    #[arg(long)]
    trap_on_grow_failure: bool,
    /// Print time, fuel and memory to standard error at the end
    #[arg(long)]
    pub(crate) stats: bool,
}

/// The value in the guest's store.
pub(crate) struct Host {
    wasi: WasiCtx,
    pub(crate) usage: Usage,
}

/// What the guest uses of memory, and may use.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    bytes: u64,
    pub(crate) peak_bytes: u64,
    pub(crate) grows: u64,
    limit_bytes: Option<u64>,
    trap: bool,
    /// Bytes, peak and number of growths before what was allowed last, in case that it fails.
    before: (u64, u64, u64),
}

impl Options {
    /// The configuration of the engine that these options need.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::new();
        config.consume_fuel(self.counts_fuel()).epoch_interruption(self.timeout.is_some());
        if let Some(limit_bytes) = self.max_memory {
            // What the garbage collector looks after is bounded by itself.
            config.gc_heap_limit(usize::try_from(limit_bytes).unwrap_or(usize::MAX));
        }
        config
    }

    fn counts_fuel(&self) -> bool {
        self.fuel.is_some() || self.stats
    }

    /// The guest's fuel, as much as there is if it is only counted.
    fn fuel_units(&self) -> u64 {
        self.fuel.unwrap_or(u64::MAX)
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    pub(crate) fn fuel(&self) -> Option<u64> {
        self.fuel
    }

    /// The guest's surroundings, with its arguments.
    pub(crate) fn host(&self, file: &Path, args: &[String]) -> Result<Host> {
        let wasi = wasi(file, args, &self.dir, &self.env)?;
        let usage = Usage {
            limit_bytes: self.max_memory,
            trap: self.trap_on_grow_failure,
            ..Usage::default()
        };
        Ok(Host { wasi, usage })
    }

    /// Sets a store up for the options.
    pub(crate) fn prepare(&self, store: &mut Store<Host>) -> Result<()> {
        store.limiter(|host| &mut host.usage);
        if self.counts_fuel() {
            store.set_fuel(self.fuel_units())?;
        }
        store.set_epoch_deadline(1);
        Ok(())
    }

    /// How much fuel a guest has consumed, if that was counted.
    pub(crate) fn consumed(&self, store: &Store<Host>) -> Option<u64> {
        store.get_fuel().ok().map(|left| self.fuel_units() - left)
    }
}

/// The surroundings of a program in `file`, with the options `--dir` and `--env`.
pub(crate) fn wasi(
    file: &Path,
    args: &[String],
    dirs: &[String],
    env: &[String],
) -> Result<WasiCtx> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut wasi = WasiCtxBuilder::new();
    wasi.inherit_stdio().arg(&name)?.args(args)?;
    for variable in env {
        let (name, value) = match variable.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => (variable.as_str(), std::env::var(variable).unwrap_or_default()),
        };
        ensure!(!name.is_empty(), "--env {variable} does not name a variable");
        wasi.env(name, &value)?;
    }
    for dir in dirs {
        let (host, guest) = dir.split_once("::").unwrap_or((dir, dir));
        let opened = Dir::open_ambient_dir(host, ambient_authority())
            .with_context(|| format!("cannot open the directory {host}"))?;
        if let Err(error) = wasi.preopened_dir(opened, guest) {
            bail!("cannot give the guest {host}: {error:#}");
        }
    }
    Ok(wasi.build())
}

impl Host {
    pub(crate) fn add_to_linker(linker: &mut Linker<Host>) -> Result<()> {
        lineal_wasi::add_to_linker(linker, |host| &mut host.wasi)
    }
}

impl Usage {
    /// Whether something may grow, and takes note of it.
    fn growing(
        &mut self,
        what: &str,
        current_bytes: u64,
        desired_bytes: u64,
        maximum_bytes: Option<u64>,
    ) -> Result<bool> {
        if maximum_bytes.is_some_and(|maximum| desired_bytes > maximum) {
            return Ok(false);
        }
        let more = desired_bytes.saturating_sub(current_bytes);
        let wanted = self.bytes.saturating_add(more);
        if let Some(limit) = self.limit_bytes
            && wanted > limit
        {
            if self.trap {
                bail!(
                    "the guest's {what} needs {wanted} bytes in total, which exceeds --max-memory \
                     ({limit} bytes)"
                );
            }
            return Ok(false);
        }
        self.before = (self.bytes, self.peak_bytes, self.grows);
        self.grows += u64::from(current_bytes > 0);
        self.bytes = wanted;
        self.peak_bytes = self.peak_bytes.max(self.bytes);
        Ok(true)
    }

    /// Undoes what was allowed last.
    fn failed(&mut self, error: lineal::Error) -> Result<()> {
        (self.bytes, self.peak_bytes, self.grows) = self.before;
        if self.trap { Err(error) } else { Ok(()) }
    }
}

/// The bytes of a table's element.
const ELEMENT_BYTES: u64 = 8;

impl ResourceLimiter for Usage {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        self.growing("memory", current as u64, desired as u64, maximum.map(|bytes| bytes as u64))
    }

    fn memory_grow_failed(&mut self, error: lineal::Error) -> Result<()> {
        self.failed(error)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let bytes = |elements: usize| (elements as u64).saturating_mul(ELEMENT_BYTES);
        self.growing("table", bytes(current), bytes(desired), maximum.map(bytes))
    }

    fn table_grow_failed(&mut self, error: lineal::Error) -> Result<()> {
        self.failed(error)
    }
}

/// A time, with its unit; seconds without.
pub(crate) fn duration(text: &str) -> Result<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_seconds = match &text[digits.len()..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" | "" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        unit => bail!("`{unit}` is not a unit of time: expected us, ms, s, min or h"),
    };
    let number: f64 = digits.parse().ok().context("expected a number and a unit of time")?;
    Duration::try_from_secs_f64(number * unit_seconds).context("it is out of range")
}

/// A number of bytes, with or without a binary unit.
pub(crate) fn size_bytes(text: &str) -> Result<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
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
    fn usage_is_the_sum_of_all_memories_and_tables() {
        let mut usage = Usage { limit_bytes: Some(100), ..Usage::default() };
        assert!(usage.memory_growing(0, 50, None).unwrap());
        assert!(usage.table_growing(0, 5, None).unwrap());
        assert!(!usage.memory_growing(50, 61, None).unwrap());
        assert!(usage.memory_growing(50, 60, None).unwrap());
        usage.memory_grow_failed(lineal::Error::msg("no room")).unwrap();
        assert!(usage.table_growing(5, 6, None).unwrap());
        assert!(!usage.table_growing(6, 7, Some(6)).unwrap());
        assert_eq!((usage.peak_bytes, usage.grows), (98, 1));
        // On request, it is an error.
        usage.trap = true;
        assert!(usage.memory_growing(50, 80, None).is_err());
    }
}
