//! From a script to its report.

use std::collections::HashMap;
use std::panic::{self, AssertUnwindSafe};
use std::thread::{self, Scope, ScopedJoinHandle};

use lineal::{Engine, Observer};
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::{Wast, WastDirective, WastThread};

use crate::Error;
use crate::location::Lines;
use crate::outcome::{Outcome, Stop};
use crate::report::Report;
use crate::session::{Session, Tool};

/// Runs scripts, each in a store of its own; and each of a script's threads too.
pub struct Runner {
    engine: Engine,
    observer: Option<MakeTool>,
}

/// Makes what observes the guests of one store.
type MakeTool = Box<dyn Fn() -> Tool + Send + Sync>;

impl Default for Runner {
    /// Runs scripts with everything that the engine switches on by default.
    fn default() -> Runner {
        Runner::new(&Engine::default())
    }
}

impl Runner {
    /// Runs scripts with an engine, whose configuration says what WebAssembly is accepted. If it has
    /// [`epoch_interruption`](lineal::Config::epoch_interruption), incrementing the epoch makes every
    /// guest of a script that runs trap from then on.
    pub fn new(engine: &Engine) -> Runner {
        Runner { engine: engine.clone(), observer: None }
    }

    /// Lets an observer that `make` makes observe the guests of each store, as far as the engine's
    /// [`Config::observe`](lineal::Config::observe) says. An error of it fails the directive.
    pub fn observer<O: Observer + Send + 'static>(
        mut self,
        make: impl Fn() -> O + Send + Sync + 'static,
    ) -> Runner {
        self.observer = Some(Box::new(move || Box::new(make())));
        self
    }

    fn session(&self) -> lineal::Result<Session> {
        Session::new(&self.engine, self.observer.as_ref().map(|make| make()))
    }

    /// Runs a script from its first directive to its last.
    ///
    /// A script that consists of a module or of the fields of one instantiates it.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] with line and column if the script is not well-formed; no directive
    /// is executed then.
    pub fn run(&self, script: &str) -> Result<Report, Error> {
        let locate =
            |error: wast::Error| Error::text(script, error.span().offset(), error.message());
        let mut lexer = Lexer::new(script);
        lexer.allow_confusing_unicode(true);
        let buffer = ParseBuffer::new_with_lexer(lexer).map_err(locate)?;
        let directives = parser::parse::<Wast<'_>>(&buffer).map_err(locate)?.directives;

        let lines = Lines::new(script);
        Ok(thread::scope(|scope| {
            Script { runner: self, lines: &lines, scope }.run(self.session(), directives)
        }))
    }
}

/// What the threads of a script have in common. The script itself is their first.
#[derive(Clone, Copy)]
struct Script<'scope, 'env> {
    runner: &'env Runner,
    lines: &'env Lines<'env>,
    scope: &'scope Scope<'scope, 'env>,
}

impl<'scope, 'env> Script<'scope, 'env> {
    /// Runs the directives of a thread, and then waits for those that it started.
    fn run(self, session: lineal::Result<Session>, directives: Vec<WastDirective<'env>>) -> Report {
        let mut report = Report::default();
        let mut session = match session {
            Ok(session) => session,
            Err(error) => {
                let found = format!("{error:#}");
                let stop = Stop::fail("a store with the module spectest", found);
                report.add(self.lines.of_directive(0), Err(stop));
                return report;
            }
        };
        let mut threads = HashMap::new();
        // Those whose names later ones have taken, so that no directive can wait for them.
        let mut nameless = Vec::new();
        for directive in directives {
            let location = self.lines.of_directive(directive.span().offset());
            let outcome = match directive {
                WastDirective::Thread(thread) => {
                    let name = thread.name.name();
                    self.start(&mut session, thread).map(|handle| {
                        nameless.extend(threads.insert(name, handle));
                    })
                }
                WastDirective::Wait { thread, .. } => match threads.remove(thread.name()) {
                    Some(handle) => finish(&mut report, handle),
                    None => {
                        let expected = format!("a thread ${} that runs", thread.name());
                        Err(Stop::fail(expected, "none"))
                    }
                },
                other => guarded(|| session.execute(other)),
            };
            report.add(location, outcome);
        }
        for handle in threads.into_values().chain(nameless) {
            if let Err(stop) = finish(&mut report, handle) {
                report.add(self.lines.of_directive(0), Err(stop));
            }
        }
        report
    }

    /// Starts a thread with a store of its own, and in it the shared memories of a module.
    fn start(
        self,
        session: &mut Session,
        thread: WastThread<'env>,
    ) -> Outcome<ScopedJoinHandle<'scope, Report>> {
        let mut child = self.runner.session();
        if let (Ok(child), Some(module)) = (&mut child, thread.shared_module) {
            guarded(|| session.share(module, child))?;
        }
        Ok(self.scope.spawn(move || self.run(child, thread.directives)))
    }
}

/// Waits for a thread.
fn finish(report: &mut Report, handle: ScopedJoinHandle<'_, Report>) -> Outcome {
    let finished = handle.join().map_err(|_| Stop::fail("no panic", "a panic of the thread"))?;
    report.append(finished);
    Ok(())
}

/// Executes a directive; a panic is a failure of that directive and of nothing else.
fn guarded(execute: impl FnOnce() -> Outcome) -> Outcome {
    panic::catch_unwind(AssertUnwindSafe(execute)).unwrap_or_else(|payload| {
        let message = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(Stop::fail("no panic", format!("a panic: {message}")))
    })
}
