//! Functions of the script that guests import.

use std::rc::Rc;

use lineal::{AsContextMut, Caller, Func, FuncType, Result, StoreContextMut, Val};

use crate::{Host, store};

/// What a guest calls: it gets the parameters and leaves the results. The store is
/// [entered](store::enter) meanwhile.
pub(crate) type Callback = Rc<dyn Fn(&[Val], &mut [Val]) -> Result<()>>;

/// Makes a function that guests can import of a function of the script.
///
/// `depth_limit` is how many calls of the script by guests may be under way at the same time.
pub(crate) fn function(
    mut store: StoreContextMut<'_, Host>,
    ty: FuncType,
    depth_limit: usize,
    callback: Callback,
) -> Func {
    let callbacks = &mut store.data_mut().callbacks;
    let index = callbacks.len();
    callbacks.push(callback);
    Func::new(store, ty, move |caller, params, results| {
        call(caller, index, depth_limit, params, results)
    })
}

fn call(
    mut caller: Caller<'_, Host>,
    index: usize,
    depth_limit: usize,
    params: &[Val],
    results: &mut [Val],
) -> Result<()> {
    let host = caller.data_mut();
    host.enter_script(depth_limit)?;
    let callback = host.callbacks[index].clone();
    let outcome = store::enter(caller.as_context_mut(), || callback(params, results));
    caller.data_mut().leave_script();
    outcome
}
