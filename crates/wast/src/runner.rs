//! From a script to its report.

use std::panic::{self, AssertUnwindSafe};

use lineal::Engine;
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::{Wast, WastDirective};

use crate::Error;
use crate::location::Lines;
use crate::outcome::{Outcome, Stop};
use crate::report::Report;
use crate::session::Session;

/// Runs scripts, each in a store of its own.
pub struct Runner {
    engine: Engine,
}

impl Default for Runner {
    /// Runs scripts with everything that the engine switches on by default.
    fn default() -> Runner {
        Runner::new(&Engine::default())
    }
}

impl Runner {
    /// Runs scripts with an engine, whose configuration says what WebAssembly is accepted.
    pub fn new(engine: &Engine) -> Runner {
        Runner { engine: engine.clone() }
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
        let mut report = Report::default();
        let mut session = match Session::new(&self.engine) {
            Ok(session) => session,
            Err(error) => {
                let found = format!("{error:#}");
                let stop = Stop::fail("a store with the module spectest", found);
                report.add(lines.of_directive(0), Err(stop));
                return Ok(report);
            }
        };
        for directive in directives {
            let location = lines.of_directive(directive.span().offset());
            report.add(location, guarded(&mut session, directive));
        }
        Ok(report)
    }
}

/// Executes a directive; a panic is a failure of that directive and of nothing else.
fn guarded(session: &mut Session, directive: WastDirective<'_>) -> Outcome {
    let execute = AssertUnwindSafe(|| session.execute(directive));
    panic::catch_unwind(execute).unwrap_or_else(|payload| {
        let message = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(Stop::fail("no panic", format!("a panic: {message}")))
    })
}
