//! Functions across the border: exported ones, which scripts call, and imported ones, which guests
//! call.
//!
//! An exported function is an object of a callable class. Its signature is looked at once, when the
//! object is made; a call of one that has only numbers neither allocates nor looks anything up.

use std::rc::Rc;
use std::sync::Arc;

use lineal::{
    AsContext, AsContextMut, Caller, ExnRef, Func, FuncType, RootScope, Rooted, StoreContextMut,
    Trap, Val, ValType,
};
use rquickjs::class::{ClassKind, JsCell, JsClass, Readable, Trace, Tracer};
use rquickjs::function::{Args, Constructor, Params};
use rquickjs::object::Property;
use rquickjs::{Class, Ctx, Exception, Function, Object, Persistent, Result, Value};

use super::convert::{self, Lowered};
use super::errors;
use super::group::Group;
use super::raw::{self, Identity, Kind};
use super::realm::Realm;
use crate::Host;

/// How many parameters and results together a call takes without an allocation.
const INLINE_VALUES: usize = 8;

/// How many calls of the script by guests may be under way: each takes some of the script's stack.
const DEPTH_LIMIT: usize = 3000;

/// What a call needs to know about a function's type.
pub(super) struct Signature {
    params: Box<[ValType]>,
    results: Box<[ValType]>,
    /// Whether all its values can cross the border.
    crosses: bool,
    /// Whether all its values are numbers.
    numbers: bool,
}

impl Signature {
    pub(super) fn new(ty: &FuncType) -> Signature {
        let all = || ty.params().chain(ty.results());
        Signature {
            params: ty.params().collect(),
            results: ty.results().collect(),
            crosses: all().all(|ty| convert::crosses(&ty)),
            numbers: all().all(|ty| !matches!(ty, ValType::Ref(_) | ValType::V128)),
        }
    }
}

/// A function of the store's, as scripts call it.
pub(super) struct Exported<'js> {
    pub(super) func: Func,
    pub(super) group: Class<'js, Group>,
    signature: Signature,
    realm: Rc<Realm>,
    /// Takes the function's key out of the list when the object is finalized.
    _identity: Identity,
}

impl<'js> Trace<'js> for Exported<'js> {
    fn trace<'a>(&self, tracer: Tracer<'a, 'js>) {
        tracer.mark(self.group.as_value());
    }
}

impl<'js> JsClass<'js> for Exported<'js> {
    const NAME: &'static str = "Function";
    const KIND: ClassKind = ClassKind::Callable;
    type Mutable = Readable;

    fn prototype(ctx: &Ctx<'js>) -> Result<Option<Object<'js>>> {
        Ok(Some(Function::prototype(ctx.clone())))
    }

    fn constructor(_: &Ctx<'js>) -> Result<Option<Constructor<'js>>> {
        Ok(None)
    }

    fn call<'a>(this: &JsCell<'js, Self>, params: Params<'a, 'js>) -> Result<Value<'js>> {
        let this = this.borrow();
        let signature = &this.signature;
        if params.is_constructor() {
            let message = "an exported function is not a constructor";
            return Err(Exception::throw_type(params.ctx(), message));
        }
        if !signature.crosses {
            let message = "the function's type has a v128 or exnref, which scripts cannot pass";
            return Err(Exception::throw_type(params.ctx(), message));
        }
        if !signature.numbers {
            return this.call_with_references(&params);
        }
        let (args, results) = (signature.params.len(), signature.results.len());
        if args + results <= INLINE_VALUES {
            let mut values = [Val::I32(0); INLINE_VALUES];
            let (args, rest) = values.split_at_mut(args);
            this.call_with_numbers(&params, args, &mut rest[..results])
        } else {
            let mut values = vec![Val::I32(0); args + results];
            let (args, results) = values.split_at_mut(args);
            this.call_with_numbers(&params, args, results)
        }
    }
}

impl<'js> Exported<'js> {
    fn call_with_numbers(
        &self,
        params: &Params<'_, 'js>,
        args: &mut [Val],
        results: &mut [Val],
    ) -> Result<Value<'js>> {
        let ctx = params.ctx();
        for (index, (arg, ty)) in args.iter_mut().zip(&self.signature.params).enumerate() {
            let value = params.arg(index);
            let value = value.unwrap_or_else(|| Value::new_undefined(ctx.clone()));
            if let Some(val) = convert::number_to_wasm(&value, ty)? {
                *arg = val;
            }
        }
        let outcome = self.realm.store.with(|store| {
            let outcome = self.func.call(store.as_context_mut(), args, results);
            (outcome, store.as_context().memory_growths())
        });
        self.finish(ctx, outcome)?;
        match results {
            [] => Ok(Value::new_undefined(ctx.clone())),
            [Val::I32(value)] => Ok(Value::new_int(ctx.clone(), *value)),
            _ => self.realm.store.with(|store| self.raise(ctx, store, results)),
        }
    }

    fn call_with_references(&self, params: &Params<'_, 'js>) -> Result<Value<'js>> {
        let ctx = params.ctx();
        let mut args = Vec::with_capacity(self.signature.params.len());
        for (index, ty) in self.signature.params.iter().enumerate() {
            let value = params.arg(index);
            let value = value.unwrap_or_else(|| Value::new_undefined(ctx.clone()));
            args.push(convert::to_wasm(&self.realm, &self.group, &value, ty)?);
        }
        let mut results = vec![Val::I32(0); self.signature.results.len()];
        // Results are converted before the scope that keeps them ends.
        let (outcome, value) = self.realm.store.with(|store| {
            let mut scope = RootScope::new(store);
            let mut store = scope.as_context_mut();
            let args: Vec<Val> = args.iter().map(|arg| arg.val(&mut store)).collect();
            let outcome = self.func.call(store.as_context_mut(), &args, &mut results);
            let value = outcome.is_ok().then(|| self.raise(ctx, &mut store, &results));
            ((outcome, store.as_context().memory_growths()), value)
        });
        self.finish(ctx, outcome)?;
        value.unwrap_or(Err(rquickjs::Error::Unknown))
    }

    /// What the script gets of results: nothing, the value, or an array of the values.
    fn raise(
        &self,
        ctx: &Ctx<'js>,
        store: &mut StoreContextMut<'_, Host>,
        results: &[Val],
    ) -> Result<Value<'js>> {
        let mut raise = |val| convert::to_js(ctx, &self.realm, &self.group, store, val);
        match *results {
            [] => Ok(Value::new_undefined(ctx.clone())),
            [result] => raise(result),
            _ => {
                let array = rquickjs::Array::new(ctx.clone())?;
                for (index, &result) in results.iter().enumerate() {
                    array.set(index, raise(result)?)?;
                }
                Ok(array.into_value())
            }
        }
    }

    /// Makes the script see what the guest did: memories that grew, and how it ended.
    fn finish(&self, ctx: &Ctx<'js>, (outcome, growths): (lineal::Result<()>, u64)) -> Result<()> {
        self.realm.refresh_after(ctx, growths)?;
        match outcome {
            Ok(()) => Ok(()),
            Err(error) => Err(errors::throw(ctx, &self.realm, &self.group, error)),
        }
    }
}

/// The object of an exported function: the one there is, or a new one.
pub(super) fn exported<'js>(
    ctx: &Ctx<'js>,
    realm: &Rc<Realm>,
    group: &Class<'js, Group>,
    store: &mut StoreContextMut<'_, Host>,
    func: Func,
) -> Result<Value<'js>> {
    let key = (Kind::Func, func.hash_key(&*store) as u64);
    if let Some(object) = realm.identities.get(ctx, key) {
        return Ok(object);
    }
    let signature = Signature::new(&func.ty(&*store));
    let index = func.index(&*store).or_else(|| realm.import_index(key.1)).unwrap_or(0);
    let length = signature.params.len();
    let exported = Exported {
        func,
        group: group.clone(),
        signature,
        realm: realm.clone(),
        _identity: Identity { key, realm: realm.clone() },
    };
    let object = Class::instance(ctx.clone(), exported)?;
    realm.identities.set(key, &object);
    object.prop("length", Property::from(length as i32).configurable())?;
    object.prop("name", Property::from(index.to_string()).configurable())?;
    Ok(object.into_value())
}

/// The exported function that a value is.
pub(super) fn from_value<'js>(
    realm: &Realm,
    value: &Value<'js>,
) -> Option<Class<'js, Exported<'js>>> {
    raw::class_quiet(realm, value)
}

/// Makes the function that a guest calls for one of the script's. The group keeps that.
pub(super) fn import<'js>(
    realm: &Realm,
    group: &Class<'js, Group>,
    function: &Function<'js>,
    ty: FuncType,
    index: u32,
) -> Func {
    let group = group.borrow();
    let place = (group.id, group.values.insert(function.clone().into_value()));
    let signature = Arc::new(Signature::new(&ty));
    realm.store.with(|store| {
        let before = store.set_region(group.region);
        let func = Func::new(store.as_context_mut(), ty, move |mut caller, args, results| {
            call_script(&mut caller, place, &signature, args, results)
        });
        store.set_region(before);
        let key = func.hash_key(&*store) as u64;
        realm.set_import_index(key, index);
        func
    })
}

/// What runs when a guest calls a function of the script's.
fn call_script(
    caller: &mut Caller<'_, Host>,
    place: (u64, usize),
    signature: &Signature,
    args: &[Val],
    results: &mut [Val],
) -> lineal::Result<()> {
    let realm = caller.data().realm.get().ok_or_else(ended)?;
    caller.data_mut().enter_script(DEPTH_LIMIT)?;
    let outcome = realm.store.lend(caller, || {
        raw::with_context(&realm, |ctx| {
            let called = Call { ctx, realm: &realm, place, signature };
            match called.run(args, results) {
                Ok(()) => Ok(()),
                Err(Stop::Engine(error)) => Err(error),
                Err(Stop::Script(error)) => Err(called.to_engine(error)),
            }
        })
    });
    caller.data_mut().leave_script();
    outcome.ok_or_else(ended)?
}

fn ended() -> lineal::Error {
    lineal::Error::msg("a guest called a function of a script that has ended")
}

/// Why a call of the script's function ended.
enum Stop {
    Script(rquickjs::Error),
    Engine(lineal::Error),
}

impl From<rquickjs::Error> for Stop {
    fn from(error: rquickjs::Error) -> Stop {
        Stop::Script(error)
    }
}

/// A call of the script's function by a guest.
struct Call<'a, 'js> {
    ctx: &'a Ctx<'js>,
    realm: &'a Rc<Realm>,
    place: (u64, usize),
    signature: &'a Signature,
}

impl<'js> Call<'_, 'js> {
    fn run(&self, args: &[Val], results: &mut [Val]) -> std::result::Result<(), Stop> {
        let (ctx, realm) = (self.ctx, self.realm);
        realm.refresh(ctx)?;
        if !self.signature.crosses {
            let message = "the function's type has a v128 or exnref, which scripts cannot receive";
            return Err(Exception::throw_type(ctx, message).into());
        }
        let group = self.group()?;
        let function = group.borrow().values.get(ctx, self.place.1);
        let function = function.and_then(Value::into_function).ok_or(rquickjs::Error::Unknown)?;
        let mut call = Args::new(ctx.clone(), args.len());
        for &arg in args {
            let arg = match arg {
                Val::I32(value) => Value::new_int(ctx.clone(), value),
                _ => realm.store.with(|store| convert::to_js(ctx, realm, &group, store, arg))?,
            };
            call.push_arg(arg)?;
        }
        let returned: Value<'js> = function.call_arg(call)?;
        match (&*self.signature.results, results) {
            ([], _) => {}
            ([ty], [result]) => *result = self.lower(&group, &returned, ty)?,
            (types, results) => {
                let iterate = realm.function(ctx, "iterate")?;
                let values: Vec<Value<'js>> = iterate.call((returned, types.len()))?;
                let lowered: Result<Vec<Lowered>> = values
                    .iter()
                    .zip(types)
                    .map(|(value, ty)| convert::to_wasm(realm, &group, value, ty))
                    .collect();
                let lowered = lowered?;
                realm.store.with(|store| {
                    for (result, value) in results.iter_mut().zip(&lowered) {
                        *result = value.val(store);
                    }
                });
            }
        }
        if let Some(error) = realm.trap.borrow_mut().take() {
            return Err(Stop::Engine(error));
        }
        Ok(())
    }

    fn lower(&self, group: &Class<'js, Group>, value: &Value<'js>, ty: &ValType) -> Result<Val> {
        if let Some(val) = convert::number_to_wasm(value, ty)? {
            return Ok(val);
        }
        let lowered = convert::to_wasm(self.realm, group, value, ty)?;
        Ok(self.realm.store.with(|store| lowered.val(store)))
    }

    fn group(&self) -> Result<Class<'js, Group>> {
        self.realm.group(self.ctx, self.place.0).ok_or(rquickjs::Error::Unknown)
    }

    /// The error with which the script's exception goes on through the guest.
    fn to_engine(&self, error: rquickjs::Error) -> lineal::Error {
        let (ctx, realm) = (self.ctx, self.realm);
        if let Some(error) = realm.trap.borrow_mut().take() {
            ctx.catch();
            return error;
        }
        if !matches!(error, rquickjs::Error::Exception) {
            return lineal::Error::msg(error.to_string());
        }
        let exception = ctx.catch();
        if exception.is_uncatchable_error() || realm.fatal.borrow().is_some() {
            return errors::Fatal.into();
        }
        if errors::is_trap(realm, &exception) {
            *realm.passing.borrow_mut() = Some(Persistent::save(ctx, exception));
            return errors::TrapOfScript.into();
        }
        match self.group().and_then(|group| errors::to_exception(realm, &group, &exception)) {
            Ok(exception) => realm.store.with(|store| {
                let mut scope = RootScope::new(store);
                let exception: Rooted<ExnRef> = exception.to_rooted(&mut scope);
                match scope.as_context_mut().throw::<()>(exception) {
                    Err(thrown) => thrown.into(),
                    Ok(()) => Trap::UnreachableCodeReached.into(),
                }
            }),
            Err(error) => lineal::Error::msg(error.to_string()),
        }
    }
}
