//! Values of Starlark and of WebAssembly, and how one becomes the other.

use std::fmt;

use allocative::Allocative;
use lineal::{AnyRef, ExnRef, Extern, ExternRef, OwnedRooted, StoreContextMut, V128, Val, ValType};
use starlark::any::ProvidesStaticType;
use starlark::starlark_simple_value;
use starlark::values::float::UnpackFloat;
use starlark::values::{
    Heap, NoSerialize, StarlarkPagablePanic, StarlarkValue, UnpackValue, Value, starlark_value,
};

use super::bytes_value::BytesValue;
use super::exports::FunctionValue;
use crate::{Host, store};

/// A reference that only guests can look into.
#[derive(ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(super) struct Opaque(#[allocative(skip)] Reference);

enum Reference {
    Any(OwnedRooted<AnyRef>),
    Exn(OwnedRooted<ExnRef>),
    Extern(OwnedRooted<ExternRef>),
}

starlark_simple_value!(Opaque);

impl fmt::Display for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<reference>")
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opaque")
    }
}

#[starlark_value(type = "reference")]
impl<'v> StarlarkValue<'v> for Opaque {}

/// A value that has left its store.
pub(super) enum Outgoing {
    Plain(Val),
    Opaque(Opaque),
}

impl Outgoing {
    pub(super) fn leave(
        store: &mut StoreContextMut<'_, Host>,
        val: &Val,
    ) -> lineal::Result<Outgoing> {
        let reference = match *val {
            Val::ExternRef(Some(reference)) => Reference::Extern(reference.to_owned_rooted(store)?),
            Val::AnyRef(Some(reference)) => Reference::Any(reference.to_owned_rooted(store)?),
            Val::ExnRef(Some(reference)) => Reference::Exn(reference.to_owned_rooted(store)?),
            val => return Ok(Outgoing::Plain(val)),
        };
        Ok(Outgoing::Opaque(Opaque(reference)))
    }

    pub(super) fn into_starlark<'v>(self, heap: Heap<'v>) -> Value<'v> {
        match self {
            Outgoing::Plain(Val::I32(value)) => heap.alloc(value),
            Outgoing::Plain(Val::I64(value)) => heap.alloc(value),
            Outgoing::Plain(Val::F32(bits)) => heap.alloc(f64::from(f32::from_bits(bits))),
            Outgoing::Plain(Val::F64(bits)) => heap.alloc(f64::from_bits(bits)),
            Outgoing::Plain(Val::V128(value)) => {
                heap.alloc(BytesValue(value.as_u128().to_le_bytes().to_vec()))
            }
            Outgoing::Plain(Val::FuncRef(Some(func))) => {
                heap.alloc(FunctionValue::new("the function", func))
            }
            // Only null is left.
            Outgoing::Plain(_) => Value::new_none(),
            Outgoing::Opaque(opaque) => heap.alloc(opaque),
        }
    }
}

/// The int that a value is, if it fits.
pub(super) fn as_i64(value: Value<'_>) -> Option<i64> {
    i64::unpack_value(value).ok().flatten()
}

/// The same without a sign.
pub(super) fn as_u64(value: Value<'_>) -> Option<u64> {
    u64::unpack_value(value).ok().flatten()
}

/// What a message says that a value is: the number itself if it is one.
pub(super) fn whole_number(value: Value<'_>) -> String {
    match value.get_type() {
        "int" | "float" => value.to_string(),
        other => other.to_owned(),
    }
}

/// A value of a script as one of some type; what is wrong with it otherwise.
pub(super) fn to_wasm(value: Value<'_>, ty: &ValType) -> Result<Val, String> {
    let wrong = |expected: &str| format!("must be {expected}, got {}", whole_number(value));
    let number = |expected: &str| match UnpackFloat::unpack_value(value) {
        Ok(Some(number)) => Ok(number.0),
        _ => Err(wrong(expected)),
    };
    // Addresses are unsigned, and may come as such.
    Ok(match ty {
        ValType::I32 => {
            let signed = as_i64(value).and_then(|value| i32::try_from(value).ok());
            let unsigned = || as_u64(value).and_then(|value| u32::try_from(value).ok());
            let value = signed.or_else(|| unsigned().map(|value| value as i32));
            Val::I32(value.ok_or_else(|| wrong("an i32"))?)
        }
        ValType::I64 => {
            let value = as_i64(value).or_else(|| as_u64(value).map(|value| value as i64));
            Val::I64(value.ok_or_else(|| wrong("an i64"))?)
        }
        ValType::F32 => Val::F32((number("an f32")? as f32).to_bits()),
        ValType::F64 => Val::F64(number("an f64")?.to_bits()),
        ValType::V128 => {
            let expected = "a v128 as 16 Bytes";
            let bytes = BytesValue::from_value(value).ok_or_else(|| wrong(expected))?;
            let bytes: [u8; 16] = bytes.0[..].try_into().map_err(|_| wrong(expected))?;
            Val::V128(V128::from(u128::from_le_bytes(bytes)))
        }
        ValType::Ref(ty) if value.is_none() => {
            if !ty.is_nullable() {
                return Err(format!("must not be None, for its type is {ty}"));
            }
            lineal::Ref::null(ty.heap_type()).into()
        }
        ValType::Ref(ty) => reference(value).ok_or_else(|| wrong(&ty.to_string()))?,
    })
}

/// Which types fit is for the engine to say.
fn reference(value: Value<'_>) -> Option<Val> {
    if let Some(opaque) = Opaque::from_value(value) {
        return Some(store::with(|store| match &opaque.0 {
            Reference::Any(reference) => Val::AnyRef(Some(reference.to_rooted(store))),
            Reference::Exn(reference) => Val::ExnRef(Some(reference.to_rooted(store))),
            Reference::Extern(reference) => Val::ExternRef(Some(reference.to_rooted(store))),
        }));
    }
    let func = super::exports::export(value).and_then(Extern::into_func)?;
    Some(Val::FuncRef(Some(func)))
}
