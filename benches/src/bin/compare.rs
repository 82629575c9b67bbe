//! Runs the programs on several engines in turn and compares the times.
//!
//! Every sample is taken in a process of its own, so that addresses, and with them the luck of
//! layout, differ from round to round, and an engine that crashes or hangs costs one sample. In
//! each round, each program runs on all engines one after the other; which goes first rotates.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use lineal_benches::{Program, Report, Samples, cpu_time, eager_engines, engine, engines};

/// Compares Lineal with its peers
#[derive(Parser)]
struct Args {
    /// Programs to run, or groups of them (`vectors`); all that are in no group if none is named
    programs: Vec<String>,
    /// Engines to run them on, the first is compared with the rest; `label=engine@path` takes one
    /// from another build of this command
    #[arg(short, long, value_delimiter = ',')]
    engines: Vec<EngineSpec>,
    /// Samples for each engine and program
    #[arg(short, long, default_value_t = 5)]
    rounds: usize,
    /// Calls in each sample, of which the fastest counts
    #[arg(short, long, default_value_t = 2)]
    calls: usize,
    /// Give up on a sample after so many seconds
    #[arg(long, default_value_t = 120)]
    timeout: u64,
    /// Run the programs at the size for tests: checks results, measures nothing of use
    #[arg(long)]
    quick: bool,
    /// Write the report to `<NAME>.md` and `<NAME>.svg` in benches/results
    #[arg(short, long, value_name = "NAME", num_args = 0..=1, default_missing_value = "compare")]
    save: Option<String>,
    /// List the programs and the engines of this build
    #[arg(short, long)]
    list: bool,
    /// Take one sample of the first program on the first engine and print the nanoseconds
    #[arg(long, hide = true)]
    sample: bool,
}

/// An engine, perhaps from another build of this command: `[label=]engine[@path]`.
#[derive(Clone)]
struct EngineSpec {
    label: String,
    engine: String,
    command: Option<PathBuf>,
}

impl From<&str> for EngineSpec {
    fn from(text: &str) -> EngineSpec {
        let (label, rest) = text.split_once('=').unwrap_or((text, text));
        let (engine, command) = match rest.split_once('@') {
            Some((engine, path)) => (engine, Some(PathBuf::from(path))),
            None => (rest, None),
        };
        EngineSpec { label: label.to_owned(), engine: engine.to_owned(), command }
    }
}

fn main() -> Result<ExitCode> {
    let mut args = Args::parse();
    if args.list {
        list()?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.engines.is_empty() {
        args.engines = eager_engines().map(|engine| EngineSpec::from(engine.name())).collect();
    }
    let programs = Program::select(&args.programs)?;
    if args.sample {
        let fastest = sample(&args.engines[0].engine, &programs[0], &args)?;
        println!("{}", fastest.as_nanos());
        return Ok(ExitCode::SUCCESS);
    }

    let report = compare(&args, &programs)?;
    print!("{}", report.table());
    let mut code = ExitCode::SUCCESS;
    for (program, engine, error) in report.errors() {
        eprintln!("{program} on {engine}: {error}");
        code = ExitCode::FAILURE;
    }
    if let Some(name) = &args.save {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
        report.save(&dir, name, &method(&args))?;
    }
    Ok(code)
}

fn list() -> Result<()> {
    println!("programs (n, checksum):");
    for program in Program::all()? {
        println!("  {:<20} {:>8} {:>20}", program.name, program.full.n, program.full.checksum);
    }
    println!("engines:");
    for engine in engines() {
        println!("  {}", engine.name());
    }
    Ok(())
}

fn compare(args: &Args, programs: &[Program]) -> Result<Report> {
    let mut columns = Vec::new();
    for spec in &args.engines {
        columns.push((spec.label.clone(), engine(&spec.engine)?.package()));
    }
    let this_command = std::env::current_exe().context("finding this command")?;
    let count = columns.len();
    let mut report = Report::new(columns, programs.iter().map(|program| program.name.as_str()));
    for round in 0..args.rounds {
        for (row, program) in programs.iter().enumerate() {
            progress(&format!("round {} of {}: {}", round + 1, args.rounds, program.name));
            for turn in 0..count {
                let column = (round + turn) % count;
                let samples = report.samples_mut(row, column);
                take_sample(args, &this_command, &args.engines[column], program, samples);
            }
        }
    }
    progress("");
    Ok(report)
}

/// Shows a line in place of the one before, if someone is watching.
fn progress(line: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{line}");
    }
}

/// Starts a process for one sample and adds its result, unless there was an error before.
fn take_sample(
    args: &Args,
    this_command: &Path,
    spec: &EngineSpec,
    program: &Program,
    samples: &mut Samples,
) {
    if samples.error.is_some() {
        return;
    }
    let mut command = Command::new(spec.command.as_deref().unwrap_or(this_command));
    command.args(["--sample", "--engines", &spec.engine, "--calls", &args.calls.to_string()]);
    if args.quick {
        command.arg("--quick");
    }
    command.arg(&program.name);
    match output_within(command, Duration::from_secs(args.timeout)) {
        Ok(nanoseconds) => samples.times.push(Duration::from_nanos(nanoseconds)),
        Err(error) => samples.error = Some(format!("{error:#}")),
    }
}

/// Runs a command that prints one number.
fn output_within(mut command: Command, limit: Duration) -> Result<u64> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let start = Instant::now();
    let mut child = command.spawn().context("starting a process for the sample")?;
    while child.try_wait()?.is_none() {
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("not done after {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        bail!("{} ({})", message.trim(), output.status);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().with_context(|| format!("the sample is no number: {text}"))
}

/// Compiles and instantiates a program, warms up, and times the calls.
fn sample(name: &str, program: &Program, args: &Args) -> Result<Duration> {
    ensure!(args.calls > 0, "a sample needs a call");
    let module = engine(name)?.compile(&program.wasm).context("compiling")?;
    let mut instance = module.instantiate().context("instantiating")?;
    program.quick.run(&mut *instance)?;
    let workload = if args.quick { program.quick } else { program.full };
    let mut fastest = Duration::MAX;
    for _ in 0..args.calls {
        let start = cpu_time();
        workload.run(&mut *instance)?;
        fastest = fastest.min(cpu_time() - start);
    }
    Ok(fastest)
}

fn method(args: &Args) -> String {
    let size = if args.quick { " at the size for tests" } else { "" };
    format!(
        "Median processor times of {} rounds{size}, each sample in a process of its own and the fastest of \
         {} calls; ± is half of the range. Ratios are medians of the rounds' ratios: below 1, {} \
         is faster. Every result was checked.",
        args.rounds, args.calls, args.engines[0].label
    )
}
