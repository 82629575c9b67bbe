//! Values across the border: `ToWebAssemblyValue` and `ToJSValue` of the JavaScript Interface.

use std::rc::Rc;

use lineal::{
    AnyRef, AsContextMut, ExnRef, ExnRefPre, ExternRef, HeapType, I31, OwnedRooted, RefType,
    RootScope, Rooted, StoreContextMut, Tag, Val, ValType,
};
use rquickjs::{BigInt, Class, Coerced, Ctx, Exception, FromJs, Result, Value};

use super::entity::{self, Entity, Thing};
use super::func;
use super::group::{self, Group};
use super::raw::{self, Kind};
use super::realm::{Lost, Realm};
use crate::Host;

/// A value of the script's that a guest holds as an `externref`.
struct HostValue {
    group: u64,
    index: usize,
    lost: Lost,
}

impl Drop for HostValue {
    fn drop(&mut self) {
        let mut lost = self.lost.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        lost.push((self.group, self.index));
    }
}

/// A value on its way to a guest. Objects are kept until it arrives.
pub(super) enum Lowered {
    Val(Val),
    Extern(OwnedRooted<ExternRef>),
    Any(OwnedRooted<AnyRef>),
}

impl Lowered {
    /// The value, whose object is rooted in the store's current scope.
    pub(super) fn val(&self, store: &mut StoreContextMut<'_, Host>) -> Val {
        match self {
            Lowered::Val(val) => *val,
            Lowered::Extern(value) => Val::ExternRef(Some(value.to_rooted(store.as_context_mut()))),
            Lowered::Any(value) => Val::AnyRef(Some(value.to_rooted(store.as_context_mut()))),
        }
    }
}

/// Whether values of a type can cross the border at all.
pub(super) fn crosses(ty: &ValType) -> bool {
    match ty {
        ValType::V128 => false,
        ValType::Ref(ty) => !matches!(ty.heap_type(), HeapType::Exn | HeapType::NoExn),
        _ => true,
    }
}

/// The number for a value of the script's, if the type is one of numbers: may run the script.
#[inline]
pub(super) fn number_to_wasm(value: &Value<'_>, ty: &ValType) -> Result<Option<Val>> {
    let ctx = value.ctx();
    Ok(Some(match ty {
        ValType::I32 => Val::I32(match value.as_int() {
            Some(int) => int,
            None => Coerced::<i32>::from_js(ctx, value.clone())?.0,
        }),
        ValType::I64 => Val::I64(raw::to_big_int64(value)?),
        ValType::F32 => Val::F32((to_number(value)? as f32).to_bits()),
        ValType::F64 => Val::F64(to_number(value)?.to_bits()),
        _ => return Ok(None),
    }))
}

fn to_number(value: &Value<'_>) -> Result<f64> {
    match value.as_number() {
        Some(number) => Ok(number),
        None => Ok(Coerced::<f64>::from_js(value.ctx(), value.clone())?.0),
    }
}

/// `ToWebAssemblyValue`. What comes from another group is linked with the given one.
///
/// # Errors
///
/// A `TypeError` if the value cannot be converted.
pub(super) fn to_wasm<'js>(
    realm: &Rc<Realm>,
    group: &Class<'js, Group>,
    value: &Value<'js>,
    ty: &ValType,
) -> Result<Lowered> {
    if let Some(val) = number_to_wasm(value, ty)? {
        return Ok(Lowered::Val(val));
    }
    let ValType::Ref(ty) = ty else {
        return Err(Exception::throw_type(value.ctx(), &format!("a script cannot pass a {ty}")));
    };
    let lowered = if value.is_null() {
        ty.is_nullable().then(|| Lowered::Val(lineal::Ref::null(ty.heap_type()).into()))
    } else {
        match ty.heap_type().top() {
            HeapType::Func => func_to_wasm(realm, group, value, ty),
            HeapType::Any | HeapType::Extern => object_to_wasm(realm, group, value, ty)?,
            _ => None,
        }
    };
    lowered.ok_or_else(|| {
        let message = format!("{} is not a value of the type {ty}", describe(value));
        Exception::throw_type(value.ctx(), &message)
    })
}

fn func_to_wasm<'js>(
    realm: &Realm,
    group: &Class<'js, Group>,
    value: &Value<'js>,
    ty: &RefType,
) -> Option<Lowered> {
    let exported = func::from_value(realm, value)?;
    let exported = exported.borrow();
    let val = Val::FuncRef(Some(exported.func));
    let fits = realm.store.with(|store| val.matches_ty(&*store, &ValType::Ref(ty.clone())));
    if !fits.unwrap_or(false) {
        return None;
    }
    group::link(group, &exported.group);
    Some(Lowered::Val(val))
}

/// A value for the hierarchies of `any` and `extern`, whose values are the same.
fn object_to_wasm<'js>(
    realm: &Rc<Realm>,
    group: &Class<'js, Group>,
    value: &Value<'js>,
    ty: &RefType,
) -> Result<Option<Lowered>> {
    let is_extern = ty.heap_type().top().is_extern();
    let finish = |store: &mut StoreContextMut<'_, Host>, any: Rooted<AnyRef>| -> Option<Lowered> {
        if is_extern {
            let val = ExternRef::convert_any(&*store, any).ok()?;
            let fits = Val::ExternRef(Some(val)).matches_ty(&*store, &ValType::Ref(ty.clone()));
            let owned = || val.to_owned_rooted(store.as_context_mut()).ok().map(Lowered::Extern);
            return fits.unwrap_or(false).then(owned)?;
        }
        let fits = Val::AnyRef(Some(any)).matches_ty(&*store, &ValType::Ref(ty.clone()));
        let owned = || any.to_owned_rooted(store.as_context_mut()).ok().map(Lowered::Any);
        fits.unwrap_or(false).then(owned)?
    };
    if let Some(small) = small_int(value) {
        return Ok(realm.store.with(|store| {
            let mut scope = RootScope::new(store);
            let any = AnyRef::from_i31(&mut scope, small);
            finish(&mut scope.as_context_mut(), any)
        }));
    }
    if let Some(entity) = raw::class_quiet::<Entity<'js>>(realm, value) {
        let entity = entity.borrow();
        if let (Thing::Object(object), Some(own)) = (&entity.thing, &entity.group) {
            group::link(group, own);
            return Ok(realm.store.with(|store| {
                let mut scope = RootScope::new(store);
                let any = object.to_rooted(&mut scope);
                finish(&mut scope.as_context_mut(), any)
            }));
        }
    }
    let group = group.borrow();
    let host = HostValue {
        group: group.id,
        index: group.values.insert(value.clone()),
        lost: realm.lost.clone(),
    };
    let lowered = realm.store.with(|store| {
        let mut scope = RootScope::new(store);
        let value = ExternRef::new(&mut scope, host)?;
        let value = AnyRef::convert_extern(&scope, value)?;
        Ok(finish(&mut scope.as_context_mut(), value))
    });
    lowered.map_err(|error: lineal::Error| Exception::throw_range(value.ctx(), &error.to_string()))
}

/// A number for the script; `-0` is not the integer 0.
fn number_to_js<'js>(ctx: &Ctx<'js>, number: f64) -> Value<'js> {
    let int = number as i32;
    if f64::from(int).to_bits() == number.to_bits() {
        return Value::new_int(ctx.clone(), int);
    }
    Value::new_float(ctx.clone(), number)
}

/// The integer of 31 bits that a number is.
fn small_int(value: &Value<'_>) -> Option<I31> {
    if let Some(int) = value.as_int() {
        return I31::new_i32(int);
    }
    let float = value.as_float()?;
    let int = float as i32;
    let same = f64::from(int).to_bits() == float.to_bits();
    if same { I31::new_i32(int) } else { None }
}

/// `ToJSValue`. The value is one that the group's region holds, or can reach.
///
/// # Errors
///
/// A `TypeError` if it cannot be converted.
pub(super) fn to_js<'js>(
    ctx: &Ctx<'js>,
    realm: &Rc<Realm>,
    group: &Class<'js, Group>,
    store: &mut StoreContextMut<'_, Host>,
    val: Val,
) -> Result<Value<'js>> {
    Ok(match val {
        Val::I32(value) => Value::new_int(ctx.clone(), value),
        Val::I64(value) => BigInt::from_i64(ctx.clone(), value)?.into_value(),
        Val::F32(bits) => number_to_js(ctx, f64::from(f32::from_bits(bits))),
        Val::F64(bits) => number_to_js(ctx, f64::from_bits(bits)),
        Val::FuncRef(Some(func)) => func::exported(ctx, realm, group, store, func)?,
        Val::ExternRef(Some(value)) => object_to_js(ctx, realm, group, store, value)?,
        Val::AnyRef(Some(value)) => {
            let value =
                ExternRef::convert_any(&*store, value).map_err(|error| gone(ctx, &error))?;
            object_to_js(ctx, realm, group, store, value)?
        }
        Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) => {
            Value::new_null(ctx.clone())
        }
        Val::V128(_) | Val::ExnRef(_) => {
            return Err(Exception::throw_type(ctx, "a script cannot receive a v128 or exnref"));
        }
    })
}

fn object_to_js<'js>(
    ctx: &Ctx<'js>,
    realm: &Rc<Realm>,
    group: &Class<'js, Group>,
    store: &mut StoreContextMut<'_, Host>,
    value: Rooted<ExternRef>,
) -> Result<Value<'js>> {
    let gone = |error: lineal::Error| gone(ctx, &error);
    let data = value.data(&*store).map_err(gone)?;
    if let Some(host) = data.and_then(|data| data.downcast_ref::<HostValue>()) {
        let value = realm.values(host.group).and_then(|values| values.get(ctx, host.index));
        return value.ok_or(rquickjs::Error::Unknown);
    }
    let any = AnyRef::convert_extern(&*store, value).map_err(gone)?;
    if let Some(small) = any.as_i31(&*store).map_err(gone)? {
        return Ok(Value::new_int(ctx.clone(), small.get_i32()));
    }
    let object = entity::named(ctx, realm, group, (Kind::Object, any.hash_key()), || {
        Ok(Thing::Object(any.to_owned_rooted(store.as_context_mut()).map_err(gone)?))
    })?;
    raw::make_opaque(&object);
    Ok(object)
}

/// The error of a reference whose object is gone.
fn gone(ctx: &Ctx<'_>, error: &lineal::Error) -> rquickjs::Error {
    Exception::throw_internal(ctx, &error.to_string())
}

/// An exception with a tag.
///
/// # Errors
///
/// As for [`ExnRef::new`].
pub(super) fn new_exception(
    mut store: impl AsContextMut,
    tag: &Tag,
    values: &[Val],
) -> lineal::Result<Rooted<ExnRef>> {
    let ty = lineal::ExnType::from_tag_type(&tag.ty(&store))?;
    let allocator = ExnRefPre::new(&mut store, ty);
    ExnRef::new(store, &allocator, tag, values)
}

/// The type for a name in a descriptor.
pub(super) fn value_type(name: &str) -> Option<ValType> {
    let reference = |heap| ValType::Ref(RefType::new(true, heap));
    Some(match name {
        "i32" => ValType::I32,
        "i64" => ValType::I64,
        "f32" => ValType::F32,
        "f64" => ValType::F64,
        "v128" => ValType::V128,
        "externref" => reference(HeapType::Extern),
        "anyfunc" | "funcref" => reference(HeapType::Func),
        "anyref" => reference(HeapType::Any),
        "eqref" => reference(HeapType::Eq),
        "i31ref" => reference(HeapType::I31),
        "structref" => reference(HeapType::Struct),
        "arrayref" => reference(HeapType::Array),
        "exnref" => reference(HeapType::Exn),
        _ => return None,
    })
}

/// `DefaultValue`: what a global or table has if the script names no value.
///
/// # Errors
///
/// A `TypeError` if the type has no such value.
pub(super) fn default_value<'js>(
    ctx: &Ctx<'js>,
    realm: &Rc<Realm>,
    group: &Class<'js, Group>,
    ty: &ValType,
) -> Result<Lowered> {
    if ty.as_ref().is_some_and(|ty| ty.heap_type().is_extern()) {
        return to_wasm(realm, group, &Value::new_undefined(ctx.clone()), ty);
    }
    let val = Val::default_for_ty(ty).map(Lowered::Val);
    val.ok_or_else(|| Exception::throw_type(ctx, &format!("the type {ty} has no default value")))
}

/// A short text for a value in a message.
pub(super) fn describe(value: &Value<'_>) -> String {
    match value.type_name() {
        name @ ("null" | "undefined") => name.to_owned(),
        name if name.starts_with(['a', 'o', 'i']) => format!("an {name}"),
        name => format!("a {name}"),
    }
}
