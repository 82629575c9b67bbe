//! Validates and translates all functions of a module: on several threads if it is large.
//!
//! Threads take functions in ascending order, some at a time. So when one finds an error, all functions
//! before have been taken, and the error reported is the first in the module, as without threads.

use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Error, Result};
use lineal_decoder::{BodyValidator, NoVisitor, UnvalidatedBodies};

use super::{Buffers, Translator};
use crate::runtime::code::ModuleCode;
use crate::runtime::progress::CompilationProgress;

/// How many bytes of bodies are worth a thread: starting one takes as long as translating a few
/// thousand bytes.
const BYTES_PER_THREAD: usize = 64 << 10;

/// How many bytes of bodies a thread takes at a time, at least.
const BYTES_AT_A_TIME: usize = 8 << 10;

/// Validates all functions of a module, and translates each right afterwards if `translate` says so.
///
/// # Errors
///
/// The error in the first function that is invalid; or [`ModuleTooLarge`], maybe before that.
///
/// [`ModuleTooLarge`]: crate::ModuleTooLarge
pub(super) fn all_functions(
    code: &ModuleCode,
    bodies: &UnvalidatedBodies,
    translate: bool,
) -> Result<()> {
    let functions = &code.decoded.bodies;
    let count = functions.len() as u32;
    let progress = code.engine.config().compilation_progress.as_ref();
    if let Some(progress) = progress {
        progress.begin(functions.iter().map(|body| body.range.len()).sum());
    }
    let state = Mutex::new(State { untaken: 0..count, first_error: None });
    let queue = Queue { state, progress };
    let work = || {
        let mut worker = Worker::new(code, bodies, translate);
        queue.work(&mut worker);
        worker.end();
    };
    thread::scope(|scope| {
        let start = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
        let helpers: Vec<_> = (1..threads(code)).map_while(start).collect();
        work();
        for helper in helpers {
            if let Err(panic) = helper.join() {
                resume_unwind(panic);
            }
        }
    });
    let state = queue.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    state.first_error.map_or(Ok(()), |(_, error)| Err(error))
}

/// How many threads are to work on a module, this one included.
fn threads(code: &ModuleCode) -> usize {
    match most_threads(code) {
        1 => 1,
        most => most.min(thread::available_parallelism().map_or(1, NonZero::get)),
    }
}

/// The same for a host with any number of processors.
fn most_threads(code: &ModuleCode) -> usize {
    if !code.engine.config().is_parallel() {
        return 1;
    }
    (code.decoded.code_section.len() / BYTES_PER_THREAD).max(1)
}

/// Hands functions out to threads.
struct Queue<'a> {
    state: Mutex<State>,
    progress: Option<&'a CompilationProgress>,
}

struct State {
    untaken: Range<u32>,
    /// The first function with an error so far, and the error.
    first_error: Option<(u32, Error)>,
}

impl Queue<'_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Some functions that nobody has taken, and how many bytes they have.
    fn take(&self, code: &ModuleCode) -> (Range<u32>, usize) {
        let mut state = self.lock();
        let start = state.untaken.start;
        let mut bytes = 0;
        while bytes < BYTES_AT_A_TIME
            && let Some(index) = state.untaken.next()
        {
            bytes += code.decoded.bodies[index as usize].range.len();
        }
        (start..state.untaken.start, bytes)
    }

    /// Works until there is nothing to do.
    fn work(&self, worker: &mut Worker<'_>) {
        loop {
            let (taken, bytes) = self.take(worker.code);
            if taken.is_empty() {
                return;
            }
            for index in taken {
                if let Err(error) = worker.function(index) {
                    let mut state = self.lock();
                    state.untaken.end = state.untaken.start;
                    if state.first_error.as_ref().is_none_or(|&(first, _)| index < first) {
                        state.first_error = Some((index, error));
                    }
                    return;
                }
            }
            if let Some(progress) = self.progress {
                progress.advance(bytes);
            }
        }
    }
}

/// What one thread works with.
struct Worker<'a> {
    code: &'a ModuleCode,
    validator: BodyValidator<'a>,
    translator: Option<Translator<'a>>,
}

impl<'a> Worker<'a> {
    fn new(code: &'a ModuleCode, bodies: &'a UnvalidatedBodies, translate: bool) -> Worker<'a> {
        let translator = translate.then(|| Translator::new(code, Buffers::new()));
        Worker { code, validator: bodies.validator(&code.decoded), translator }
    }

    fn function(&mut self, index: u32) -> Result<()> {
        let Some(translator) = &mut self.translator else {
            return Ok(self.validator.validate(index, &mut NoVisitor)?);
        };
        self.validator.validate(index, translator.scan())?;
        self.code.keep(index, translator.scanned_function(index))?;
        Ok(())
    }

    fn end(self) {
        if let Some(translator) = self.translator {
            translator.into_buffers().keep();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Config, Engine};
    use crate::translate::tests::module_of;

    /// A module of so many functions, each different, large enough for several threads.
    fn large_module(functions: usize) -> String {
        let body =
            "(local.set 1 (i32.add (local.get 1) (i32.load offset=8 (local.get 0))))".repeat(9);
        let function = |index: usize| {
            format!(
                "(func (param i32) (result i32) (local i32)
                    (loop {body} (br_if 0 (i32.lt_u (local.get 1) (i32.const {index}))))
                    (call {} (local.get 1)))",
                index / 2
            )
        };
        (0..functions).fold("(module (memory 1)".to_owned(), |text, at| text + &function(at)) + ")"
    }

    /// The granules of a function's code, with its module's entries by number.
    fn cells(module: &ModuleCode, index: u32) -> Vec<u64> {
        let entries: Vec<_> = (0..3_000).map(|at| (&raw const *module.entry(at)).addr()).collect();
        let number = |granule: u64| entries.binary_search(&(granule as usize)).map(|at| at as u64);
        let code = module.translated(index).expect("valid");
        code.cells.iter().map(|&granule| number(granule).unwrap_or(granule)).collect()
    }

    #[test]
    fn code_is_the_same_with_threads() {
        let wat = large_module(3_000);
        let codes = [false, true].map(|parallel| {
            let engine = Engine::new(Config::new().parallel_compilation(parallel)).expect("engine");
            let code = module_of(&engine, wat.as_bytes());
            assert_eq!(most_threads(&code) > 1, parallel);
            code
        });
        for index in 0..3_000 {
            let [one, other] = codes.each_ref().map(|code| code.translated(index).expect("valid"));
            let [cells, others] = codes.each_ref().map(|code| cells(code, index));
            assert_eq!(cells, others, "function {index}");
            assert_eq!(one.sites, other.sites, "function {index}");
        }
    }

    #[test]
    fn a_small_module_starts_no_thread() {
        let code = module_of(&Engine::default(), large_module(200).as_bytes());
        assert_eq!(most_threads(&code), 1);
    }
}
