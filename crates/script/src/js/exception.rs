//! The functions about tags and exceptions, and those that the functions on strings are built on.

use std::rc::Rc;

use lineal::{
    ArrayRef, AsContextMut, ExnRef, FuncType, OwnedRooted, RootScope, Rooted, Tag, TagType, Trap,
    Val, ValType,
};
use rquickjs::{Ctx, Exception, Result, Value};

use super::convert::{self, Lowered};
use super::entity::{self, Entity, Thing};
use super::group;
use super::natives::{Natives, This, group_of};
use super::raw::{self, Kind};
use super::realm::Realm;

/// Defines the functions about tags and exceptions.
pub(super) fn define<'js>(natives: &Natives<'_, 'js>, realm: &Rc<Realm>) -> Result<()> {
    let r = realm.clone();
    natives.add("tagNew", move |ctx: Ctx<'js>, kinds: Vec<String>| {
        let types: Option<Vec<_>> = kinds.iter().map(|kind| convert::value_type(kind)).collect();
        let types = types.ok_or(rquickjs::Error::Unknown)?;
        let group = r.new_group(&ctx)?;
        let region = group.borrow().region;
        let made = r.store.with(|store| {
            let before = store.set_region(region);
            let tag = Tag::new(store.as_context_mut(), &tag_type(&r, types));
            store.set_region(before);
            tag.map(|tag| (tag, tag.hash_key(&*store) as u64))
        });
        let (tag, key) = made.map_err(|error| Exception::throw_range(&ctx, &error.to_string()))?;
        entity::named(&ctx, &r, &group, (Kind::Tag, key), || Ok(Thing::Tag(tag)))
    })?;
    let r = realm.clone();
    // The tag of what scripts throw is in the store's first region, which is never freed, so that
    // its object needs no group.
    natives.add("jsTag", move |ctx: Ctx<'js>| {
        let ty = tag_type(&r, [ValType::EXTERNREF]);
        let made = r.store.with(|store| {
            let tag = match r.js_tag.get() {
                Some(tag) => *tag,
                None => Tag::new(store.as_context_mut(), &ty)?,
            };
            let tag = *r.js_tag.get_or_init(|| tag);
            Ok((tag, tag.hash_key(&*store) as u64))
        });
        let (tag, key) =
            made.map_err(|error: lineal::Error| Exception::throw_range(&ctx, &error.to_string()))?;
        entity::without_group(&ctx, &r, (Kind::Tag, key), Thing::Tag(tag))
    })?;
    let r = realm.clone();
    natives.add("tagLength", move |tag: This<'js>| {
        let tag = tag_of(&tag.borrow())?;
        Result::Ok(r.store.with(|store| tag.ty(&*store).ty().params().len()))
    })?;
    let r = realm.clone();
    natives.add(
        "exceptionNew",
        move |ctx: Ctx<'js>, tag: This<'js>, payload: Vec<Value<'js>>| {
            new_exception(&ctx, &r, &tag, &payload)
        },
    )?;
    let r = realm.clone();
    natives.add("exceptionIs", move |this: This<'js>, tag: This<'js>| {
        let (entity, tag) = (this.borrow(), tag_of(&tag.borrow())?);
        r.store.with(|store| {
            let mut scope = RootScope::new(store);
            let exception = exception_of(&entity)?.to_rooted(&mut scope);
            let own = exception.tag(&scope).map_err(|_| rquickjs::Error::Unknown)?;
            Result::Ok(Tag::eq(&own, &tag, &scope))
        })
    })?;
    let r = realm.clone();
    natives.add("exceptionGet", move |ctx: Ctx<'js>, this: This<'js>, index: usize| {
        let entity = this.borrow();
        let group = group_of(&entity)?;
        r.store.with(|store| {
            let mut scope = RootScope::new(store);
            let exception = exception_of(&entity)?.to_rooted(&mut scope);
            let mut store = scope.as_context_mut();
            let value = exception.field(&store, index).map_err(|_| rquickjs::Error::Unknown)?;
            convert::to_js(&ctx, &r, &group, &mut store, value)
        })
    })?;
    natives.add("exceptionStack", |this: This<'js>, stack: Value<'js>| {
        if !stack.is_undefined() {
            // A stack is set once, when the exception is made.
            let _ = this.borrow().note.set(stack);
            return None;
        }
        this.borrow().note.get().cloned()
    })?;
    define_strings(natives, realm)
}

fn tag_type(realm: &Realm, types: impl IntoIterator<Item = ValType>) -> TagType {
    TagType::new(FuncType::new(&realm.engine, types, []))
}

fn tag_of(entity: &Entity<'_>) -> Result<Tag> {
    match &entity.thing {
        Thing::Tag(tag) => Ok(*tag),
        _ => Err(rquickjs::Error::Unknown),
    }
}

fn exception_of<'a>(entity: &'a Entity<'_>) -> Result<&'a OwnedRooted<ExnRef>> {
    match &entity.thing {
        Thing::Exception(exception) => Ok(exception),
        _ => Err(rquickjs::Error::Unknown),
    }
}

fn new_exception<'js>(
    ctx: &Ctx<'js>,
    realm: &Rc<Realm>,
    tag: &This<'js>,
    payload: &[Value<'js>],
) -> Result<Value<'js>> {
    let entity = tag.borrow();
    let (tag, group) = (tag_of(&entity)?, realm.new_group(ctx)?);
    if let Some(own) = &entity.group {
        group::link(&group, own);
    }
    let types = realm.store.with(|store| tag.ty(&*store).ty().params().collect::<Vec<_>>());
    let lower = |(value, ty)| convert::to_wasm(realm, &group, value, ty);
    let values: Vec<Lowered> = payload.iter().zip(&types).map(lower).collect::<Result<_>>()?;
    let exception = realm.store.with(|store| {
        let mut scope = RootScope::new(store);
        let mut store = scope.as_context_mut();
        let values: Vec<Val> = values.iter().map(|value| value.val(&mut store)).collect();
        let exception = convert::new_exception(&mut store, &tag, &values)?;
        Ok((exception.hash_key(), exception.to_owned_rooted(&mut store)?))
    });
    let (key, exception) = exception
        .map_err(|error: lineal::Error| Exception::throw_range(ctx, &format!("{error:#}")))?;
    entity::named(ctx, realm, &group, (Kind::Exception, key), || Ok(Thing::Exception(exception)))
}

fn define_strings<'js>(natives: &Natives<'_, 'js>, realm: &Rc<Realm>) -> Result<()> {
    let r = realm.clone();
    // Ends the call of a function on strings by a trap, which guests cannot catch.
    natives.add("trap", move |ctx: Ctx<'js>, kind: String| {
        let trap = match &*kind {
            "null" => Trap::NullReference,
            "bounds" => Trap::ArrayOutOfBounds,
            _ => Trap::CastFailure,
        };
        *r.trap.borrow_mut() = Some(trap.into());
        Result::<()>::Err(Exception::throw_type(&ctx, "trap"))
    })?;
    let r = realm.clone();
    natives.add(
        "arrayToString",
        move |ctx: Ctx<'js>, array: This<'js>, start: u32, end: u32| {
            let entity = array.borrow();
            let units: Option<Vec<u16>> = r.store.with(|store| {
                let mut scope = RootScope::new(store);
                let array = array_of(&entity, &mut scope)?;
                if start > end || u64::from(end) > u64::from(array.len(&scope).ok()?) {
                    return None;
                }
                let unit = |index| Some(array.get(&scope, index).ok()?.i32()? as u16);
                (start..end).map(unit).collect()
            });
            units.map(|units| raw::string(&ctx, &units)).transpose()
        },
    )?;
    let r = realm.clone();
    natives.add("stringToArray", move |text: Value<'js>, array: This<'js>, start: u32| {
        let (units, entity) = (raw::code_units(&text)?, array.borrow());
        Result::Ok(r.store.with(|store| {
            let mut scope = RootScope::new(store);
            let array = array_of(&entity, &mut scope)?;
            let end = u64::from(start) + units.len() as u64;
            if end > u64::from(array.len(&scope).ok()?) {
                return None;
            }
            for (index, &unit) in (start..).zip(&units) {
                array.set(&mut scope, index, Val::I32(unit.into())).ok()?;
            }
            Some(units.len())
        }))
    })
}

/// The array that an object stands for.
fn array_of(entity: &Entity<'_>, mut store: impl AsContextMut) -> Option<Rooted<ArrayRef>> {
    let Thing::Object(object) = &entity.thing else { return None };
    object.to_rooted(&mut store).as_array(&store).ok()?
}
