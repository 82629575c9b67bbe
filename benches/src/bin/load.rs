//! Loads modules on several engines in turn: how long it takes, and what they take in memory then.
//!
//! Every sample is taken in a process of its own, and engines take turns as in `compare`.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use lineal_benches::{cpu_time, engine, engines, large_module};

/// Compares how long engines take to load modules, and what the modules take in memory
#[derive(Parser)]
struct Args {
    /// Modules in the binary format; one is generated if none is named
    files: Vec<PathBuf>,
    /// How many functions the one that is generated has
    #[arg(short, long, default_value_t = 4_000)]
    functions: u32,
    /// Engines to load them with, the first is compared with the rest; all of them by default
    #[arg(short, long, value_delimiter = ',')]
    engines: Vec<String>,
    /// Samples for each engine and module
    #[arg(short, long, default_value_t = 5)]
    rounds: usize,
    /// Take one sample and print it
    #[arg(long, hide = true)]
    sample: bool,
}

/// What loading a module took.
#[derive(Clone, Copy)]
struct Sample {
    /// By the clock, in seconds.
    time: f64,
    /// Of processors, in seconds.
    cpu_time: f64,
    /// How much more is resident afterwards.
    resident_bytes: f64,
    /// How much more was resident meanwhile.
    peak_bytes: f64,
}

impl Sample {
    fn to_text(self) -> String {
        format!("{} {} {} {}", self.time, self.cpu_time, self.resident_bytes, self.peak_bytes)
    }

    fn from_text(text: &str) -> Result<Sample> {
        let numbers: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
        let [time, cpu_time, resident_bytes, peak_bytes] = numbers?[..] else {
            anyhow::bail!("not a sample: {text}");
        };
        Ok(Sample { time, cpu_time, resident_bytes, peak_bytes })
    }
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    if args.sample {
        println!("{}", sample(&args.engines[0], &fs::read(&args.files[0])?)?.to_text());
        return Ok(());
    }
    if args.engines.is_empty() {
        args.engines = engines().iter().map(|engine| engine.name().to_owned()).collect();
    }
    if args.files.is_empty() {
        // What making it takes in memory is not to be used again for loading it.
        let file = std::env::temp_dir().join(format!("generated-{}.wasm", std::process::id()));
        fs::write(&file, large_module(args.functions)?)?;
        let compared = compare(&args, &file);
        fs::remove_file(&file)?;
        return compared;
    }
    args.files.iter().try_for_each(|file| compare(&args, file))
}

/// Loads one module on all engines, and prints a table.
fn compare(args: &Args, file: &Path) -> Result<()> {
    let size = fs::metadata(file)?.len();
    println!("{}, {:.2} MB\n", file.display(), size as f64 / 1e6);
    println!(
        "| engine | time | to the first | processor time | to the first | bytes resident per byte \
         | at the peak |"
    );
    println!("| --- | --: | --: | --: | --: | --: | --: |");
    let mut engines = args.engines.clone();
    engines.retain(|engine| match sample_elsewhere(engine, file) {
        Ok(_) => true,
        Err(error) => {
            eprintln!("left out: {error}");
            false
        }
    });
    let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); engines.len()];
    for round in 0..args.rounds {
        for turn in 0..engines.len() {
            let at = (round + turn) % engines.len();
            samples[at].push(sample_elsewhere(&engines[at], file)?);
        }
    }
    for (engine, own) in engines.iter().zip(&samples) {
        let of = |what: fn(&Sample) -> f64| median(own.iter().map(what));
        let ratio = |what: fn(&Sample) -> f64| {
            median(own.iter().zip(&samples[0]).map(|(own, first)| what(own) / what(first)))
        };
        println!(
            "| {engine} | {:.1} ms | {:.2} | {:.1} ms | {:.2} | {:.2} | {:.2} |",
            of(|it| it.time) * 1e3,
            ratio(|it| it.time),
            of(|it| it.cpu_time) * 1e3,
            ratio(|it| it.cpu_time),
            of(|it| it.resident_bytes) / size as f64,
            of(|it| it.peak_bytes) / size as f64,
        );
    }
    Ok(())
}

/// Takes a sample in another process.
fn sample_elsewhere(engine: &str, file: &Path) -> Result<Sample> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--sample", "--engines", engine]).arg(file);
    let output = command.output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let error = errors.lines().next().unwrap_or_default();
    ensure!(output.status.success(), "{engine} failed: {error}");
    Sample::from_text(&String::from_utf8_lossy(&output.stdout))
}

fn sample(name: &str, wasm: &[u8]) -> Result<Sample> {
    let engine = engine(name)?;
    // What an engine sets up once is not the module's.
    black_box(engine.compile(&wat::parse_str("(module (func))")?)?);
    let (resident, _) = memory()?;
    let (start, cpu_start) = (Instant::now(), cpu_time());
    let module = engine.compile(wasm)?;
    let (time, cpu_time) = (start.elapsed(), cpu_time() - cpu_start);
    let (resident_after, peak) = memory()?;
    black_box(module);
    Ok(Sample {
        time: time.as_secs_f64(),
        cpu_time: cpu_time.as_secs_f64(),
        resident_bytes: resident_after - resident,
        peak_bytes: peak - resident,
    })
}

/// How many bytes of this process are resident, and were at most. Zero where the host does not say.
fn memory() -> Result<(f64, f64)> {
    if cfg!(not(target_os = "linux")) {
        return Ok((0.0, 0.0));
    }
    let status = fs::read_to_string("/proc/self/status")?;
    let bytes = |name: &str| -> Result<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number =
            line.and_then(|line| line.split_whitespace().next()).context("no such line")?;
        Ok(number.parse::<f64>()? * 1024.0)
    };
    Ok((bytes("VmRSS:")?, bytes("VmHWM:")?))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
