//! Errors across the border: traps and exceptions of guests, and exceptions of scripts.

use std::fmt;
use std::rc::Rc;

use lineal::{
    AsContextMut, ElementTrap, ExnRef, MemoryTrap, OwnedRooted, RootScope, Tag, ThrownException,
    Trap, Val, WasmBacktrace,
};
use rquickjs::{Class, Ctx, Object, Result, Value};

use super::convert;
use super::entity::{self, Entity, Thing};
use super::group::{self, Group};
use super::raw::{self, Kind};
use super::realm::Realm;

/// The error of a guest that called a script which ends: nothing catches it.
#[derive(Debug)]
pub(super) struct Fatal;

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the script ends")
    }
}

impl std::error::Error for Fatal {}

/// The error of a guest that called a function of the script's which let the error of a trap
/// through: no guest catches that either.
#[derive(Debug)]
pub(super) struct TrapOfScript;

impl fmt::Display for TrapOfScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a guest that the script called has trapped")
    }
}

impl std::error::Error for TrapOfScript {}

/// An error of one of the script's classes, such as `LinkError`.
pub(super) fn new<'js>(
    ctx: &Ctx<'js>,
    realm: &Realm,
    class: &str,
    message: &str,
) -> Result<Object<'js>> {
    realm.error(ctx, class)?.construct((message,))
}

/// Throws an error of one of the script's classes.
pub(super) fn throw_new(
    ctx: &Ctx<'_>,
    realm: &Realm,
    class: &str,
    message: &str,
) -> rquickjs::Error {
    match new(ctx, realm, class, message) {
        Ok(error) => ctx.throw(error.into_value()),
        Err(error) => error,
    }
}

/// Throws what ended a guest as the script is to see it.
pub(super) fn throw<'js>(
    ctx: &Ctx<'js>,
    realm: &Rc<Realm>,
    group: &Class<'js, Group>,
    error: lineal::Error,
) -> rquickjs::Error {
    if error.is::<ThrownException>() {
        return throw_exception(ctx, realm, group, error);
    }
    if error.is::<TrapOfScript>()
        && let Some(value) = realm.passing.borrow_mut().take()
    {
        return match value.restore(ctx) {
            Ok(value) => ctx.throw(value),
            Err(error) => error,
        };
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt | Trap::OutOfFuel) => end(ctx, realm, error),
        Some(Trap::StackOverflow) => throw_trap(ctx, realm, "RangeError", error),
        Some(_) => throw_trap(ctx, realm, "RuntimeError", error),
        None => end(ctx, realm, error),
    }
}

/// Whether an error is about what a guest did, or the script that it called.
pub(super) fn is_from_guest(error: &lineal::Error) -> bool {
    error.is::<Trap>()
        || error.is::<ThrownException>()
        || error.is::<WasmBacktrace>()
        || error.is::<Fatal>()
        || error.is::<TrapOfScript>()
}

/// Ends the script with an error that it cannot catch.
pub(super) fn end(ctx: &Ctx<'_>, realm: &Realm, error: lineal::Error) -> rquickjs::Error {
    let message = error.root_cause().to_string();
    if !error.is::<Fatal>() {
        realm.fatal.borrow_mut().get_or_insert(error);
    }
    match new(ctx, realm, "RuntimeError", &message) {
        Ok(object) => {
            let value = object.into_value();
            raw::make_uncatchable(&value);
            ctx.throw(value)
        }
        Err(error) => error,
    }
}

fn throw_trap(ctx: &Ctx<'_>, realm: &Realm, class: &str, error: lineal::Error) -> rquickjs::Error {
    let trap = error.downcast_ref::<Trap>().map_or("trap", |trap| trap.message());
    // What is known of the access that was out of bounds says what the trap was, too.
    let details = error.downcast_ref::<MemoryTrap>().map(ToString::to_string);
    let details = details.or_else(|| error.downcast_ref::<ElementTrap>().map(ToString::to_string));
    let cause = details.unwrap_or_else(|| explanation(&error, trap));
    let object = match new(ctx, realm, class, &cause) {
        Ok(object) => object,
        Err(error) => return error,
    };
    let stack: String = object.get("stack").unwrap_or_default();
    // If these cannot be set, the error is as good without.
    let _ = object.set("stack", guest_lines(&error) + &stack);
    let mark = realm.function(ctx, "markTrap");
    let _ = mark.and_then(|mark| mark.call::<_, ()>((object.clone(),)));
    let value = object.into_value();
    *realm.last_error.borrow_mut() = Some((raw::identity(&value), error));
    ctx.throw(value)
}

/// The trap's message with what is known about where it happened, such as the address.
fn explanation(error: &lineal::Error, trap: &str) -> String {
    let mut message = trap.to_owned();
    for cause in error.chain() {
        let text = cause.to_string();
        let is_backtrace = text.contains("wasm backtrace");
        if !is_backtrace && !text.contains(trap) && !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
    }
    message
}

/// The functions of the guest that an error names, as lines of a script's stack.
pub(super) fn guest_lines(error: &lineal::Error) -> String {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return String::new() };
    backtrace.frames().iter().map(|frame| format!("    at wasm {frame}\n")).collect()
}

/// Whether a value is the error of a trap, which goes through guests without being caught.
pub(super) fn is_trap(realm: &Realm, value: &Value<'_>) -> bool {
    let is_trap = || realm.function(value.ctx(), "isTrap")?.call((value.clone(),));
    value.is_error() && is_trap().unwrap_or(false)
}

/// Throws an exception that no guest caught: the script's own value, if a script threw it.
fn throw_exception<'js>(
    ctx: &Ctx<'js>,
    realm: &Rc<Realm>,
    group: &Class<'js, Group>,
    error: lineal::Error,
) -> rquickjs::Error {
    let value = realm.store.with(|store| {
        let mut scope = RootScope::new(store);
        let mut store = scope.as_context_mut();
        let exception = store.take_pending_exception().ok_or(rquickjs::Error::Unknown)?;
        let unknown = |_| rquickjs::Error::Unknown;
        let tag = exception.tag(&store).map_err(unknown)?;
        if let Some(js_tag) = realm.js_tag.get()
            && Tag::eq(&tag, js_tag, &store)
        {
            let payload = exception.field(&store, 0).map_err(unknown)?;
            return convert::to_js(ctx, realm, group, &mut store, payload);
        }
        let key = (Kind::Exception, exception.hash_key());
        entity::named(ctx, realm, group, key, || {
            Ok(Thing::Exception(exception.to_owned_rooted(&mut store).map_err(unknown)?))
        })
    });
    match value {
        Ok(value) => {
            let lines = guest_lines(&error);
            if !lines.is_empty() && value.is_object() {
                // Without its lines, the value is as good.
                let trace = realm.function(ctx, "trace");
                let _ = trace.and_then(|trace| trace.call::<_, ()>((value.clone(), lines)));
            }
            *realm.last_error.borrow_mut() = Some((raw::identity(&value), error));
            ctx.throw(value)
        }
        Err(error) => error,
    }
}

/// The exception with which a value goes through guests: the one that it stands for, or one with
/// the tag of all that scripts throw.
pub(super) fn to_exception<'js>(
    realm: &Rc<Realm>,
    group: &Class<'js, Group>,
    value: &Value<'js>,
) -> Result<OwnedRooted<ExnRef>> {
    if let Some(entity) = raw::class_quiet::<Entity<'js>>(realm, value) {
        let entity = entity.borrow();
        if let (Thing::Exception(exception), Some(own)) = (&entity.thing, &entity.group) {
            group::link(group, own);
            return Ok(exception.clone());
        }
    }
    let js_tag = *realm.js_tag.get().ok_or(rquickjs::Error::Unknown)?;
    let ty = convert::value_type("externref").ok_or(rquickjs::Error::Unknown)?;
    let payload = convert::to_wasm(realm, group, value, &ty)?;
    let exception = realm.store.with(|store| {
        let mut scope = RootScope::new(store);
        let payload: Val = payload.val(&mut scope.as_context_mut());
        let exception = convert::new_exception(&mut scope, &js_tag, &[payload])?;
        exception.to_owned_rooted(&mut scope)
    });
    exception.map_err(|error: lineal::Error| {
        rquickjs::Exception::throw_range(value.ctx(), &error.to_string())
    })
}
