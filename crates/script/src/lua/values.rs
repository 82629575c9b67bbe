//! Values of Lua and of WebAssembly, and how one becomes the other.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use lineal::{
    AnyRef, ExnRef, Extern, ExternRef, Func, HeapType, OwnedRooted, StoreContextMut, V128, Val,
    ValType,
};
use mlua::{Lua, UserData, Value};

use super::args::{Outcome, shown, type_of, whole};
use super::{State, module};
use crate::Host;

/// The values of scripts that guests hold.
#[derive(Default)]
pub(super) struct Externs {
    values: RefCell<HashMap<u64, Value>>,
    next: Cell<u64>,
    /// Those that no guest holds any more.
    dropped: Arc<Mutex<Vec<u64>>>,
}

/// What a guest holds for a value of the script.
pub(super) struct Token {
    id: u64,
    dropped: Arc<Mutex<Vec<u64>>>,
}

impl Drop for Token {
    fn drop(&mut self) {
        if let Ok(mut dropped) = self.dropped.lock() {
            dropped.push(self.id);
        }
    }
}

impl Externs {
    fn add(&self, value: Value) -> Token {
        if let Ok(mut dropped) = self.dropped.lock() {
            let mut values = self.values.borrow_mut();
            for id in dropped.drain(..) {
                values.remove(&id);
            }
        }
        let id = self.next.get();
        self.next.set(id + 1);
        self.values.borrow_mut().insert(id, value);
        Token { id, dropped: self.dropped.clone() }
    }

    pub(super) fn clear(&self) {
        self.values.borrow_mut().clear();
    }
}

/// A value on its way into a store, for which that is not needed.
pub(super) enum Incoming {
    Plain(Val),
    Extern(Token),
}

impl Incoming {
    pub(super) fn enter(self, store: &mut StoreContextMut<'_, Host>) -> lineal::Result<Val> {
        Ok(match self {
            Incoming::Plain(val) => val,
            Incoming::Extern(token) => Val::ExternRef(Some(ExternRef::new(store, token)?)),
        })
    }
}

/// A value that has left its store.
pub(super) enum Outgoing {
    Plain(Val),
    /// A value of the script.
    Token(u64),
    /// A value that only guests can look into.
    Opaque(Opaque),
}

/// A reference to a value of a guest or of the host.
pub(super) enum Opaque {
    Any(OwnedRooted<AnyRef>),
    Exn(OwnedRooted<ExnRef>),
    Extern(OwnedRooted<ExternRef>),
}

impl UserData for Opaque {}

impl Outgoing {
    pub(super) fn leave(
        store: &mut StoreContextMut<'_, Host>,
        val: &Val,
    ) -> lineal::Result<Outgoing> {
        Ok(match *val {
            Val::ExternRef(Some(reference)) => {
                let token = reference.data(&*store)?.and_then(|data| data.downcast_ref::<Token>());
                match token {
                    Some(token) => Outgoing::Token(token.id),
                    None => Outgoing::Opaque(Opaque::Extern(reference.to_owned_rooted(store)?)),
                }
            }
            Val::AnyRef(Some(reference)) => {
                Outgoing::Opaque(Opaque::Any(reference.to_owned_rooted(store)?))
            }
            Val::ExnRef(Some(reference)) => {
                Outgoing::Opaque(Opaque::Exn(reference.to_owned_rooted(store)?))
            }
            val => Outgoing::Plain(val),
        })
    }

    pub(super) fn into_lua(self, state: &Rc<State>, lua: &Lua) -> Outcome<Value> {
        Ok(match self {
            Outgoing::Plain(Val::I32(value)) => Value::Integer(value.into()),
            Outgoing::Plain(Val::I64(value)) => Value::Integer(value),
            Outgoing::Plain(Val::F32(bits)) => Value::Number(f32::from_bits(bits).into()),
            Outgoing::Plain(Val::F64(bits)) => Value::Number(f64::from_bits(bits)),
            Outgoing::Plain(Val::V128(value)) => {
                Value::String(lua.create_string(value.as_u128().to_le_bytes())?)
            }
            Outgoing::Plain(Val::FuncRef(Some(func))) => module::function(state, lua, None, func)?,
            // Only null is left.
            Outgoing::Plain(_) => Value::Nil,
            Outgoing::Token(id) => {
                state.externs.values.borrow().get(&id).cloned().unwrap_or(Value::Nil)
            }
            Outgoing::Opaque(opaque) => Value::UserData(lua.create_userdata(opaque)?),
        })
    }
}

/// A value of a script as one of some type; what is wrong with it otherwise.
pub(super) fn to_wasm(state: &State, value: &Value, ty: &ValType) -> Result<Incoming, String> {
    let wrong = |expected: &str| format!("must be {expected}, got {}", type_of(value));
    let integer = |expected: &str| match *value {
        Value::Integer(integer) => Ok(integer),
        Value::Number(number) => {
            whole(number).ok_or_else(|| format!("must be {expected}, got {}", shown(number)))
        }
        _ => Err(wrong(expected)),
    };
    let number = |expected: &str| match *value {
        Value::Integer(integer) => Ok(integer as f64),
        Value::Number(number) => Ok(number),
        _ => Err(wrong(expected)),
    };
    Ok(Incoming::Plain(match ty {
        ValType::I32 => {
            let integer = integer("an i32")?;
            let signed = i32::try_from(integer).ok();
            // Addresses are unsigned, and may come as such.
            let value = signed.or_else(|| u32::try_from(integer).ok().map(|value| value as i32));
            Val::I32(value.ok_or_else(|| format!("must be an i32, got {integer}"))?)
        }
        ValType::I64 => Val::I64(integer("an i64")?),
        ValType::F32 => Val::F32((number("an f32")? as f32).to_bits()),
        ValType::F64 => Val::F64(number("an f64")?.to_bits()),
        ValType::V128 => {
            let expected = "a v128 as a string of 16 bytes";
            let Value::String(text) = value else { return Err(wrong(expected)) };
            let bytes: [u8; 16] = text.as_bytes()[..].try_into().map_err(|_| wrong(expected))?;
            Val::V128(V128::from(u128::from_le_bytes(bytes)))
        }
        ValType::Ref(ty) if *value == Value::Nil => {
            if !ty.is_nullable() {
                return Err(format!("must not be nil, for its type is {ty}"));
            }
            lineal::Ref::null(ty.heap_type()).into()
        }
        ValType::Ref(ty) => {
            return reference(state, value, ty.heap_type()).ok_or_else(|| wrong(&ty.to_string()));
        }
    }))
}

fn reference(state: &State, value: &Value, ty: &HeapType) -> Option<Incoming> {
    if let Value::UserData(data) = value
        && let Ok(opaque) = data.borrow::<Opaque>()
    {
        return Some(Incoming::Plain(crate::store::with(|store| match &*opaque {
            Opaque::Any(reference) => Val::AnyRef(Some(reference.to_rooted(store))),
            Opaque::Exn(reference) => Val::ExnRef(Some(reference.to_rooted(store))),
            Opaque::Extern(reference) => Val::ExternRef(Some(reference.to_rooted(store))),
        })));
    }
    if is_extern(ty) {
        return Some(Incoming::Extern(state.externs.add(value.clone())));
    }
    // Which types fit is for the engine to say.
    let func: Option<Func> = module::export(state, value).and_then(Extern::into_func);
    func.map(|func| Incoming::Plain(Val::FuncRef(Some(func))))
}

fn is_extern(ty: &HeapType) -> bool {
    matches!(ty, HeapType::Extern | HeapType::NoExtern)
}
