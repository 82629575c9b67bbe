//! How functions of the host get their arguments and say what is wrong with them.

use std::rc::Rc;

use mlua::{AnyUserData, IntoLuaMulti, Lua, LuaString, MultiValue, Value};

use super::State;

/// Why a function of the host failed.
pub(super) enum Failure {
    /// A message, to which the script's line is added.
    Message(String),
    /// What a function of the script threw.
    Thrown(Value),
}

pub(super) type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub(super) fn into_message(self) -> String {
        match self {
            Failure::Message(message) => message,
            Failure::Thrown(value) => super::shown(&value),
        }
    }
}

impl From<mlua::Error> for Failure {
    fn from(error: mlua::Error) -> Failure {
        Failure::Message(error.to_string())
    }
}

/// The arguments of a call, and the function's name for messages.
pub(super) struct Args {
    name: Rc<str>,
    values: MultiValue,
}

/// The greatest magnitude up to which a float holds each whole number.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Args {
    pub(super) fn new(name: Rc<str>, values: MultiValue) -> Args {
        Args { name, values }
    }

    /// An argument, or nil.
    pub(super) fn get(&self, index: usize) -> Value {
        self.values.get(index).cloned().unwrap_or(Value::Nil)
    }

    pub(super) fn values(&self) -> &MultiValue {
        &self.values
    }

    /// A failure of this call.
    pub(super) fn failure(&self, message: impl std::fmt::Display) -> Failure {
        Failure::Message(format!("{}: {message}", self.name))
    }

    pub(super) fn wrong_type(&self, what: &str, expected: &str, value: &Value) -> Failure {
        self.failure(format_args!("{what} must be {expected}, got {}", type_of(value)))
    }

    pub(super) fn string(&self, index: usize, what: &str) -> Outcome<LuaString> {
        match self.get(index) {
            Value::String(text) => Ok(text),
            other => Err(self.wrong_type(&format!("the {what}"), "a string", &other)),
        }
    }

    /// A whole number.
    pub(super) fn integer(&self, index: usize, what: &str) -> Outcome<i64> {
        let value = self.get(index);
        match value {
            Value::Integer(integer) => Ok(integer),
            Value::Number(number) => match whole(number) {
                Some(integer) => Ok(integer),
                None => Err(self.failure(format_args!(
                    "the {what} must be a whole number, got {}",
                    shown(number)
                ))),
            },
            _ => Err(self.wrong_type(&format!("the {what}"), "a whole number", &value)),
        }
    }

    /// A whole number that is not negative.
    pub(super) fn natural(&self, index: usize, what: &str) -> Outcome<u64> {
        let integer = self.integer(index, what)?;
        u64::try_from(integer).map_err(|_| {
            self.failure(format_args!("the {what} must not be negative, got {integer}"))
        })
    }

    pub(super) fn number(&self, index: usize, what: &str) -> Outcome<f64> {
        match self.get(index) {
            Value::Integer(integer) => Ok(integer as f64),
            Value::Number(number) => Ok(number),
            other => Err(self.wrong_type(&format!("the {what}"), "a number", &other)),
        }
    }

    pub(super) fn user_data(&self, index: usize) -> Option<AnyUserData> {
        match self.get(index) {
            Value::UserData(data) => Some(data),
            _ => None,
        }
    }
}

/// The integer that a float stands for, if it is one.
pub(super) fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// A float as text, without more zeros than can be read.
pub(super) fn shown(number: f64) -> String {
    if number.abs() < EXACT { number.to_string() } else { format!("{number:e}") }
}

/// The type of a value, as Lua's messages name it.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) | Value::Number(_) => "number",
        other => other.type_name(),
    }
}

/// A function of the host as `prelude.lua` wants it.
pub(super) fn raw<R: IntoLuaMulti>(
    state: &Rc<State>,
    lua: &Lua,
    name: &str,
    function: impl Fn(&Rc<State>, &Lua, Args) -> Outcome<R> + 'static,
) -> mlua::Result<mlua::Function> {
    let (state, name) = (state.clone(), Rc::<str>::from(name));
    lua.create_function(move |lua, values: MultiValue| {
        match function(&state, lua, Args::new(name.clone(), values)) {
            Ok(results) => {
                let mut results = results.into_lua_multi(lua)?;
                results.push_front(Value::Boolean(true));
                Ok(results)
            }
            Err(Failure::Message(message)) => (false, message).into_lua_multi(lua),
            Err(Failure::Thrown(value)) => (Value::Nil, value).into_lua_multi(lua),
        }
    })
}
