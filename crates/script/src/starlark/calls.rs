//! Calls between scripts and guests, in both directions.
//!
//! What a guest calls needs the evaluator, which the script's call of the guest has borrowed. It
//! is lent to the guest's callbacks as long as that call is under way.

use std::fmt;
use std::rc::Rc;

use lineal::{AsContextMut, Func, FuncType, Result, RootScope, Trap, Val, ValType};
use scoped_tls_hkt::{ReborrowMut, scoped_thread_local};
use starlark::eval::{Arguments, Evaluator};
use starlark::values::Value;

use super::values::{Outgoing, to_wasm};
use super::{native_error, state};
use crate::imports::Callback;
use crate::report::{SHOWN_BACKTRACES, count_backtraces, describe};
use crate::store;

scoped_thread_local!(static mut SCRIPT: for<'a> Lent<'a>);

/// A call of the script.
struct Call<'a> {
    /// The number of the function among those that guests import.
    index: usize,
    name: &'a str,
    params: &'a [Val],
    types: &'a [ValType],
    results: &'a mut [Val],
}

/// The evaluator of the innermost call of a guest.
struct Lent<'a>(&'a mut (dyn FnMut(Call<'_>) -> Result<()> + 'a));

impl<'a> ReborrowMut<'a> for Lent<'_> {
    type Result = Lent<'a>;

    fn reborrow_mut(&'a mut self) -> Lent<'a> {
        Lent(self.0)
    }
}

/// Runs what may run a guest.
pub(super) fn lend<R>(eval: &mut Evaluator<'_, '_, '_>, guest: impl FnOnce() -> R) -> R {
    let mut call = |call: Call<'_>| call_script(eval, call);
    SCRIPT.set(Lent(&mut call), guest)
}

/// The name by which the script's module keeps a function for guests. No identifier is like it.
fn kept_name(index: usize) -> String {
    format!("import {index}")
}

/// What guests call for a function of the script, which is kept for them.
pub(super) fn callback<'v>(
    eval: &Evaluator<'v, '_, '_>,
    index: usize,
    name: String,
    function: Value<'v>,
    types: &[ValType],
) -> Callback {
    eval.module().set(&kept_name(index), function);
    let types = types.to_vec();
    Rc::new(move |params, results| {
        SCRIPT
            .with(|script| (script.0)(Call { index, name: &name, params, types: &types, results }))
    })
}

fn call_script(eval: &mut Evaluator<'_, '_, '_>, call: Call<'_>) -> Result<()> {
    let Call { index, name, params, types, results } = call;
    let Some(function) = eval.module().get(&kept_name(index)) else {
        return Err(lineal::Error::msg(format!(
            "`{name}` is a function of a file that was loaded, and can be called only while that \
             is loading"
        )));
    };
    let params = params.iter().map(|param| {
        let outgoing = store::with(|mut store| Outgoing::leave(&mut store, param))?;
        Ok(outgoing.into_starlark(eval.heap()))
    });
    let params = params.collect::<Result<Vec<Value<'_>>>>()?;
    let returned = eval.eval_function(function, &params, &[]);
    let returned = returned.map_err(|error| {
        let inner = error.without_diagnostic().to_string();
        if count_backtraces(inner.as_bytes()) >= SHOWN_BACKTRACES {
            return lineal::Error::new(Complete(inner));
        }
        // Where it was: all calls of the script so far would be too much.
        let place = error.span().map(|span| format!("\n  at {span}")).unwrap_or_default();
        lineal::Error::msg(inner + &place)
    })?;
    let wrong = |which: &str, problem: String| {
        lineal::Error::msg(format!("the result{which} of `{name}` {problem}"))
    };
    match (types, results) {
        ([], _) => {}
        ([ty], [result]) => {
            *result = to_wasm(returned, ty).map_err(|problem| wrong("", problem))?;
        }
        (types, results) => {
            let values = returned.iterate(eval.heap());
            let values = values.map(Iterator::collect::<Vec<_>>).unwrap_or_default();
            if values.len() != types.len() {
                let problem = format!("must be {} values, got {returned}", types.len());
                return Err(wrong("", problem));
            }
            for (index, (result, (value, ty))) in
                results.iter_mut().zip(values.into_iter().zip(types)).enumerate()
            {
                let which = format!(" {}", index + 1);
                *result = to_wasm(value, ty).map_err(|problem| wrong(&which, problem))?;
            }
        }
    }
    Ok(())
}

/// Calls a function of a guest.
pub(super) fn call_guest<'v>(
    name: &str,
    func: Func,
    args: &Arguments<'v, '_>,
    eval: &mut Evaluator<'v, '_, '_>,
) -> starlark::Result<Value<'v>> {
    args.no_named_args()?;
    let ty = store::with(|store| func.ty(&store));
    let args = args.positions(eval.heap())?.collect::<Vec<_>>();
    let (expected, given) = (ty.params().len(), args.len());
    if expected != given {
        let noun = if expected == 1 { "argument" } else { "arguments" };
        return Err(native_error(format!("{name}: expected {expected} {noun}, got {given}")));
    }
    let params = args.iter().zip(ty.params()).enumerate().map(|(index, (&arg, ty))| {
        to_wasm(arg, &ty)
            .map_err(|problem| native_error(format!("{name}: argument {} {problem}", index + 1)))
    });
    let params = params.collect::<starlark::Result<Vec<Val>>>()?;
    let results = lend(eval, || invoke(func, &ty, &params));
    let mut results = results
        .map_err(|error| failed(name, error, eval))?
        .into_iter()
        .map(|result| result.into_starlark(eval.heap()))
        .collect::<Vec<_>>();
    Ok(match results.len() {
        0 => Value::new_none(),
        1 => results.remove(0),
        _ => eval.heap().alloc(starlark::values::tuple::AllocTuple(results)),
    })
}

/// The error of the script with the innermost of the calls that led to it, as many as are shown.
#[derive(Debug)]
struct Complete(String);

impl fmt::Display for Complete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Complete {}

/// What scripts are told about a call that failed.
fn failed(name: &str, error: lineal::Error, eval: &Evaluator<'_, '_, '_>) -> starlark::Error {
    if let Some(Complete(text)) = error.downcast_ref() {
        return native_error(text.clone());
    }
    let description = describe(&error);
    let failure = native_error(format!("{name}: {description}"));
    if error.is::<Trap>() {
        *state(eval).last_trap.borrow_mut() = Some((description, error));
    }
    failure
}

fn invoke(func: Func, ty: &FuncType, params: &[Val]) -> Result<Vec<Outgoing>> {
    store::with(|store| {
        let mut scope = RootScope::new(store);
        let mut store = scope.as_context_mut();
        let mut results = vec![Val::I32(0); ty.results().len()];
        func.call(&mut store, params, &mut results)?;
        results.iter().map(|result| Outgoing::leave(&mut store, result)).collect()
    })
}
