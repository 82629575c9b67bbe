//! Events of a run that tools wait for: the call of a function, a trap, fuel, the end.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use lineal::{Call, FunctionInfo, Site};

/// The n-th call of a function: `FUNCTION` or `FUNCTION:N`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallEvent {
    /// The function: its name, or `func[INDEX]`.
    pub function: String,
    /// Which of its calls, from 1.
    pub nth: u64,
}

/// Something that happens in a run: `exit`, `trap`, `fuel=N`, `FUNCTION` or `FUNCTION:N`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Event {
    /// The end, whatever the reason is.
    #[default]
    Exit,
    /// A trap.
    Trap,
    /// That much fuel is consumed.
    Fuel(u64),
    /// A function is called.
    Call(CallEvent),
}

/// Why a text is no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventError(String);

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no event: expected exit, trap, fuel=N, or a function, with :N after it for \
             its N-th call, counted from 1",
            self.0
        )
    }
}

impl std::error::Error for EventError {}

impl FromStr for CallEvent {
    type Err = EventError;

    fn from_str(text: &str) -> Result<CallEvent, EventError> {
        // A name of C++ or Rust has colons of its own, two at a time.
        let (function, nth) = match text.rsplit_once(':') {
            Some((function, nth)) if !function.ends_with(':') => {
                let nth = nth.parse().ok().filter(|&nth| nth > 0);
                (function, nth.ok_or_else(|| EventError(text.to_owned()))?)
            }
            _ => (text, 1),
        };
        if function.is_empty() {
            return Err(EventError(text.to_owned()));
        }
        Ok(CallEvent { function: function.to_owned(), nth })
    }
}

impl FromStr for Event {
    type Err = EventError;

    fn from_str(text: &str) -> Result<Event, EventError> {
        match (text, text.strip_prefix("fuel=")) {
            ("exit", _) => Ok(Event::Exit),
            ("trap", _) => Ok(Event::Trap),
            (_, Some(fuel)) => {
                fuel.parse().map(Event::Fuel).map_err(|_| EventError(text.to_owned()))
            }
            _ => text.parse().map(Event::Call),
        }
    }
}

impl fmt::Display for CallEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {} of `{}`", self.nth, self.function)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Exit => f.write_str("the end"),
            Event::Trap => f.write_str("a trap"),
            Event::Fuel(fuel) => write!(f, "the consumption of {fuel} fuel"),
            Event::Call(call) => call.fmt(f),
        }
    }
}

/// Whether a function is meant by a text: its name, without the parameters too, or `func[INDEX]`.
pub(crate) fn means(text: &str, info: &FunctionInfo<'_>) -> bool {
    let plain = |name: &str| name == text || name.split('(').next() == Some(text);
    info.name().is_some_and(plain)
        || info.exports().contains(&text)
        || text == format!("func[{}]", info.index())
}

/// Counts the calls of a function until the one that is waited for.
#[derive(Clone, Debug)]
pub(crate) struct Awaited {
    event: CallEvent,
    sites: Arc<Mutex<Vec<Site>>>,
    calls: u64,
}

impl Awaited {
    pub(crate) fn new(event: CallEvent) -> Awaited {
        Awaited { event, sites: Arc::default(), calls: 0 }
    }

    /// Looks at a function of a module that is made: whether its calls have to be reported.
    pub(crate) fn choose(&self, info: &FunctionInfo<'_>) -> bool {
        let chosen = means(&self.event.function, info);
        if chosen {
            self.sites.lock().unwrap_or_else(PoisonError::into_inner).push(info.site());
        }
        chosen
    }

    /// Whether a call is the one that is waited for.
    pub(crate) fn is_now(&mut self, call: &Call<'_>) -> bool {
        let sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = sites.contains(&call.function);
        self.calls += u64::from(counts);
        counts && self.calls == self.event.nth
    }

    /// What is waited for.
    pub(crate) fn event(&self) -> &CallEvent {
        &self.event
    }

    /// Whether it happened.
    pub(crate) fn has_happened(&self) -> bool {
        self.calls >= self.event.nth
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_events() {
        let call = |function: &str, nth| Event::Call(CallEvent { function: function.into(), nth });
        for (text, event) in [
            ("exit", Event::Exit),
            ("trap", Event::Trap),
            ("fuel=1000", Event::Fuel(1000)),
            ("draw", call("draw", 1)),
            ("draw:3", call("draw", 3)),
            ("a::b", call("a::b", 1)),
            ("a::b:20", call("a::b", 20)),
            ("func[7]:2", call("func[7]", 2)),
        ] {
            assert_eq!(text.parse(), Ok(event), "{text}");
        }
        for text in ["", "fuel=", "fuel=x", "draw:0", ":3", "draw:x"] {
            assert!(text.parse::<Event>().is_err(), "{text}");
        }
    }
}
