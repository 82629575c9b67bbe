//! `--explain`: after a trap, which bytes had to do with it and who wrote them.

use lineal::{Error, Escaped, MemoryTrap, Moment, Trap, WasmBacktrace};
use lineal_insight::AddressRange;
use lineal_insight::blame::{Blame, Run};
use lineal_insight::recent::Recent;
use lineal_wasi::I32Exit;

use crate::failure::note;

/// How many places are shown that hold a bad address, and bytes around each.
const PLACES: usize = 4;
const AROUND_BYTES: u64 = 16;

/// How many reads are kept: an assertion that fails prints something after it has read.
pub(super) const READS: usize = 100_000;

/// How many ranges are shown of what a failing function read or wrote, how many functions, and how
/// deep in the backtrace.
const SHOWN_RUNS: usize = 12;
const SHOWN_FUNCTIONS: usize = 2;
const DEPTH: usize = 10;

/// The status with which `abort` ends a program that has no trap for it: 128 and SIGABRT's 6.
const ABORTED: i32 = 134;

/// Prints what explains a failure, if something does.
pub(super) fn explain(
    moment: &Moment<'_>,
    blame: &Blame,
    recent: Option<&Recent>,
    failure: &Error,
) {
    // If no guest was stopped that has a memory, there is nothing to show.
    let Some(blame) = &blame.of_failed() else { return };
    if let Some(trap) = failure.downcast_ref::<MemoryTrap>() {
        return explain_address(moment, blame, trap);
    }
    if is_failure(failure) {
        explain_functions(moment, blame, recent, failure);
    }
}

/// Whether the program failed, and not the time that it was given.
fn is_failure(error: &Error) -> bool {
    match (error.downcast_ref::<Trap>(), error.downcast_ref::<I32Exit>()) {
        (Some(Trap::Interrupt | Trap::OutOfFuel), _) => false,
        (_, Some(exit)) => exit.0 == ABORTED,
        _ => true,
    }
}

/// The address was made of something that lies in memory: shows where, and who put it there.
fn explain_address(moment: &Moment<'_>, blame: &Blame, trap: &MemoryTrap) {
    let memory = trap.memory().unwrap_or(0);
    let near_end = trap.size_bytes().saturating_sub(AROUND_BYTES);
    if trap.effective_address() < u128::from(trap.size_bytes()) + 64 && near_end > 0 {
        let range = AddressRange { memory, addresses: near_end..trap.size_bytes() };
        note(&format!("the last bytes of memory {memory}, and who wrote them:"));
        print(&blame.runs(moment, &range));
    }
    let Some(id) = blame.memories().id(0) else { return };
    let wanted = [trap.addr(), trap.effective_address() as u64];
    let mut bytes = vec![0; moment.memory_bytes(id) as usize];
    if moment.read(id, 0, &mut bytes).is_err() {
        return;
    }
    let (words, _) = bytes.as_chunks::<4>();
    let mut found = 0;
    for (index, word) in words.iter().enumerate() {
        let value = u64::from(u32::from_le_bytes(*word));
        // Small numbers are everywhere.
        if value < 4096 || !wanted.contains(&value) {
            continue;
        }
        if found == 0 {
            note(&format!("the address {:#x} lies in memory, written by:", value));
        }
        let addr = index as u64 * 4;
        let range = AddressRange { memory: 0, addresses: addr..addr + 4 };
        print(&blame.runs(moment, &range));
        found += 1;
        if found == PLACES {
            break;
        }
    }
}

/// Shows what the functions that failed read and wrote last, the innermost first.
fn explain_functions(moment: &Moment<'_>, blame: &Blame, recent: Option<&Recent>, failure: &Error) {
    let Some(backtrace) = failure.downcast_ref::<WasmBacktrace>() else { return };
    let Some(id) = blame.memories().id(0) else { return };
    let all = AddressRange { memory: 0, addresses: 0..moment.memory_bytes(id) };
    let runs = blame.runs(moment, &all);
    let mut shown = 0;
    for frame in backtrace.frames().iter().take(DEPTH) {
        let name = lineal_insight::Place::of_frame(frame).name;
        let read: Vec<Run> = recent
            .map(|recent| recent.reads_of(moment.engine(), blame.memories(), frame, SHOWN_RUNS))
            .unwrap_or_default()
            .iter()
            .flat_map(|range| blame.runs(moment, range))
            .collect();
        let written: Vec<Run> =
            runs.iter().filter(|run| run.place.name == name).take(SHOWN_RUNS).cloned().collect();
        for (what, runs) in [("read", &read), ("wrote", &written)] {
            if !runs.is_empty() {
                note(&format!("bytes that {} {what} last:", Escaped(&name)));
                print(runs);
            }
        }
        shown += usize::from(!read.is_empty() || !written.is_empty());
        if shown == SHOWN_FUNCTIONS {
            break;
        }
    }
}

fn print(runs: &[Run]) {
    for run in runs {
        note(&format!("  {run}"));
    }
}
