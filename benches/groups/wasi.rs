//! What calls of the host cost: a program that does nothing else, on Lineal, compiled for this
//! machine, and on any other engine that can be run by a command.
//!
//! `cargo bench -p lineal-benches --bench wasi -- [ROUNDS] [CASE]… [--peer NAME=COMMAND]…`
//!
//! A command runs in the directory of the files, gets the program's file and its arguments, and
//! lets the program use the directory: `--peer 'wasmtime=wasmtime run --dir=.'`.
//!
//! Times are of the processor, on behalf of the process and of the system, without what the same
//! command takes to do nothing. In a round, each case runs on everything, one after the other; times
//! are medians, and ratios are medians of the rounds' ratios.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use lineal::{Engine, Linker, Module, Store};
use lineal_wasi::p1::{self, WasiP1Ctx};
use lineal_wasi::{FsPerms, WasiCtxBuilder};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

/// What is done, and how often.
const CASES: [(&str, u32); 6] = [
    ("write-bytes", 1_000_000),
    ("read-bytes", 1_000_000),
    ("write-blocks", 7_630),
    ("read-blocks", 7_630),
    ("list", 2),
    ("open", 100_000),
];

/// The size of the file that is read: 500 MB, in blocks of 64 KiB.
const INPUT_BYTES: u64 = 7_630 << 16;

/// The files in the directory that is listed.
const MANY: u32 = 100_000;

/// By this argument, this program runs a guest.
const GUEST: &str = "--guest";

/// A way to run the program.
struct Way {
    name: String,
    command: Vec<OsString>,
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("wasi")
}

/// Runs a guest in the current directory.
fn run_guest(args: &[OsString]) -> Result<()> {
    let file = args.first().context("expected a program")?;
    let engine = Engine::default();
    let module = Module::from_file(&engine, file)?;
    let mut linker = Linker::new(&engine);
    p1::add_to_linker_sync(&mut linker, |wasi: &mut WasiP1Ctx| wasi)?;
    let mut wasi = WasiCtxBuilder::new();
    wasi.inherit_stdio().preopened_dir(".", ".", FsPerms::ReadWrite)?;
    for arg in args {
        wasi.arg(arg.as_encoded_bytes());
    }
    let mut store = Store::new(&engine, wasi.build_p1());
    let instance = linker.instantiate(&mut store, &module)?;
    instance.get_typed_func::<(), ()>(&store, "_start")?.call(&mut store, ())
}

/// The directory of the files, with what the cases need.
fn directory() -> Result<PathBuf> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasi");
    let many = dir.join("many");
    fs::create_dir_all(&many)?;
    for index in 0..MANY {
        let file = many.join(format!("a-file-with-a-name-{index}"));
        if !file.exists() {
            File::create(file)?;
        }
    }
    // All zero, and no block of it is on the disk.
    File::create(dir.join("input"))?.set_len(INPUT_BYTES)?;
    Ok(dir)
}

/// Compiles the program for this machine.
fn native(dir: &Path) -> Result<Way> {
    let output = dir.join("io");
    let compiler = std::env::var_os("CC").unwrap_or("cc".into());
    let source = sources().join("io.c");
    let status = Command::new(compiler).arg("-O2").arg("-o").arg(&output).arg(source).status()?;
    ensure!(status.success(), "the C compiler has failed");
    Ok(Way { name: "native".to_owned(), command: vec![output.into()] })
}

/// What the processor has done for the children of this process that have ended, in milliseconds.
fn children_ms() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(micros as f64 / 1e3)
}

/// Runs a case: milliseconds, and the number that the program prints.
fn measure(way: &Way, dir: &Path, case: &str, count: u32) -> Result<(f64, String)> {
    let before = children_ms()?;
    let mut command = Command::new(&way.command[0]);
    command.args(&way.command[1..]).arg(case).arg(count.to_string()).current_dir(dir);
    let output = command.output().with_context(|| format!("cannot run {}", way.name))?;
    if !output.status.success() {
        bail!("{} has failed: {}", way.name, String::from_utf8_lossy(&output.stderr));
    }
    let printed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok((children_ms()? - before, printed))
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn main() -> Result<()> {
    let mut args = std::env::args_os().skip(1);
    let (mut rounds, mut cases, mut peers) = (5, Vec::new(), Vec::new());
    let program: OsString = sources().join("io.wasm").into();
    while let Some(arg) = args.next() {
        let text = arg.to_string_lossy().into_owned();
        if text == GUEST {
            return run_guest(&args.collect::<Vec<_>>());
        } else if text == "--peer" {
            let peer = args.next().context("--peer needs NAME=COMMAND")?;
            let peer = peer.to_string_lossy().into_owned();
            let (name, command) = peer.split_once('=').context("--peer needs NAME=COMMAND")?;
            let command = command.split_whitespace().map(OsString::from);
            let command = command.chain([program.clone()]).collect();
            peers.push(Way { name: name.to_owned(), command });
        } else if let Ok(number) = text.parse::<usize>() {
            rounds = number.max(1);
        } else if !text.starts_with("--") {
            ensure!(CASES.iter().any(|&(case, _)| case == text), "there is no case {text}");
            cases.push(text);
        }
    }
    let dir = directory()?;
    let own = vec![std::env::current_exe()?.into(), GUEST.into(), program];
    let mut ways = vec![Way { name: "lineal".to_owned(), command: own }, native(&dir)?];
    ways.append(&mut peers);
    print!("{:<14} {:>10}", "case", "lineal ms");
    ways[1..].iter().for_each(|way| print!(" {:>12} {:>7}", format!("{} ms", way.name), "ratio"));
    println!();
    for (case, count) in CASES {
        if !cases.is_empty() && !cases.iter().any(|wanted| wanted == case) {
            continue;
        }
        let mut times = vec![Vec::new(); ways.len()];
        for _ in 0..rounds {
            let mut expected = None;
            for (way, times) in ways.iter().zip(&mut times) {
                let nothing = measure(way, &dir, case, 0)?.0;
                let (time, printed) = measure(way, &dir, case, count)?;
                let expected = expected.get_or_insert_with(|| printed.clone());
                ensure!(*expected == printed, "{case}: {} prints {printed}", way.name);
                times.push((time - nothing).max(0.001));
            }
        }
        print!("{case:<14} {:>10.1}", median(times[0].clone()));
        for other in &times[1..] {
            let ratios = times[0].iter().zip(other).map(|(own, other)| own / other).collect();
            print!(" {:>12.1} {:>7.2}", median(other.clone()), median(ratios));
        }
        println!();
    }
    Ok(())
}
