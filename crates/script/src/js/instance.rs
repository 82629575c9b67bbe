//! Instances: how imports are read, one after the other, and what is made of them.

use std::cell::RefCell;
use std::rc::Rc;

use lineal::{
    AsContextMut, Extern, ExternType, Func, FuncType, Global, GlobalType, IncompatibleImport,
    Instance, Mutability, RefType, RootScope, Val, ValType,
};
use rquickjs::{Class, Ctx, Function, Object, Result, Value};

use super::convert;
use super::entity::{self, Entity, Thing};
use super::errors;
use super::func;
use super::group::{self, Group};
use super::module::{Compiled, Source, kind_name};
use super::raw;
use super::realm::Realm;

/// A module whose imports are being read.
pub(super) struct Linking {
    compiled: Compiled,
    types: Vec<ExternType>,
    externs: RefCell<Vec<Extern>>,
    /// How many functions are among them.
    functions: RefCell<u32>,
}

impl Linking {
    pub(super) fn new(compiled: &Compiled) -> Linking {
        Linking {
            compiled: compiled.clone(),
            types: compiled.module.imports().map(|import| import.ty()).collect(),
            externs: RefCell::default(),
            functions: RefCell::new(0),
        }
    }
}

/// The next import of a linking: what the script has given for it.
///
/// # Errors
///
/// A `LinkError` if the value cannot be imported.
pub(super) fn add<'js>(
    realm: &Rc<Realm>,
    linking: &Class<'js, Entity<'js>>,
    value: &Value<'js>,
) -> Result<()> {
    let ctx = value.ctx();
    let entity = linking.borrow();
    let (Thing::Linking(linking), Some(own)) = (&entity.thing, &entity.group) else {
        return Err(rquickjs::Error::Unknown);
    };
    let at = linking.externs.borrow().len();
    let ty = linking.types.get(at).ok_or(rquickjs::Error::Unknown)?;
    let refuse = |wanted: &str| {
        let import = linking.compiled.module.imports().nth(at);
        let (module, name) = import.map_or(("", ""), |import| (import.module(), import.name()));
        let given = convert::describe(value);
        let message = format!("import `{module}::{name}` must be {wanted}, not {given}");
        errors::throw_new(ctx, realm, "LinkError", &message)
    };
    let item = match ty {
        ExternType::Func(ty) => {
            let function = value.as_function().ok_or_else(|| refuse("a function"))?;
            let index = linking.functions.replace_with(|count| *count + 1);
            Extern::Func(import_func(realm, own, function, ty, index))
        }
        ExternType::Global(ty) => match given(value) {
            Some(entity) if matches!(entity.borrow().thing, Thing::Global(_)) => {
                shared(own, &entity).ok_or(rquickjs::Error::Unknown)?
            }
            _ => {
                let fits = match ty.content() {
                    ValType::I64 => value.is_big_int(),
                    ValType::V128 => false,
                    ValType::Ref(_) => convert::crosses(ty.content()),
                    _ => value.is_number(),
                };
                let wanted =
                    format!("a WebAssembly.Global or a value of the type {}", ty.content());
                if !fits {
                    return Err(refuse(&wanted));
                }
                let Ok(lowered) = convert::to_wasm(realm, own, value, ty.content()) else {
                    ctx.catch();
                    return Err(refuse(&wanted));
                };
                Extern::Global(new_global(
                    ctx,
                    realm,
                    own,
                    ty.content(),
                    Mutability::Const,
                    &lowered,
                )?)
            }
        },
        _ => {
            let entity = given(value);
            let entity = entity.filter(|entity| {
                matches!(
                    (&entity.borrow().thing, ty),
                    (Thing::Memory(_) | Thing::Shared(_), ExternType::Memory(_))
                        | (Thing::Table(_), ExternType::Table(_))
                        | (Thing::Tag(_), ExternType::Tag(_))
                )
            });
            let wanted = match kind_name(ty) {
                "memory" => "a WebAssembly.Memory",
                "table" => "a WebAssembly.Table",
                _ => "a WebAssembly.Tag",
            };
            shared(own, &entity.ok_or_else(|| refuse(wanted))?).ok_or(rquickjs::Error::Unknown)?
        }
    };
    linking.externs.borrow_mut().push(item);
    Ok(())
}

/// The next import of a linking, if it comes from elsewhere than the script: `true` then.
/// `function` is the script's own for a function on strings.
pub(super) fn add_own<'js>(
    ctx: &Ctx<'js>,
    realm: &Rc<Realm>,
    linking: &Class<'js, Entity<'js>>,
    strings: &Object<'js>,
) -> Result<bool> {
    let entity = linking.borrow();
    let Thing::Linking(own) = &entity.thing else { return Err(rquickjs::Error::Unknown) };
    let at = own.externs.borrow().len();
    let import = own.compiled.module.imports().nth(at).ok_or(rquickjs::Error::Unknown)?;
    let value = match own.compiled.source(&import) {
        Source::Script => return Ok(false),
        Source::Strings(name) => strings.get(name)?,
        Source::Constant(text) => rquickjs::String::from_str(ctx.clone(), text)?.into_value(),
    };
    drop(entity);
    add(realm, linking, &value)?;
    Ok(true)
}

/// The next import of a linking, if the command defines it (WASI, for instance) and the script does
/// not: `true` then.
pub(super) fn add_default<'js>(
    realm: &Rc<Realm>,
    linking: &Class<'js, Entity<'js>>,
) -> Result<bool> {
    let entity = linking.borrow();
    let (Thing::Linking(linking), Some(own)) = (&entity.thing, &entity.group) else {
        return Err(rquickjs::Error::Unknown);
    };
    let at = linking.externs.borrow().len();
    let import = linking.compiled.module.imports().nth(at).ok_or(rquickjs::Error::Unknown)?;
    let region = own.borrow().region;
    let found = realm.linker.as_ref().and_then(|linker| {
        realm.store.with(|store| {
            let before = store.set_region(region);
            let found = linker.get_by_import(store.as_context_mut(), &import);
            store.set_region(before);
            found
        })
    });
    let Some(found) = found else { return Ok(false) };
    if let Extern::Func(_) = found {
        linking.functions.replace_with(|count| *count + 1);
    }
    linking.externs.borrow_mut().push(found);
    Ok(true)
}

/// The object with something behind it that a value is.
fn given<'js>(value: &Value<'js>) -> Option<Class<'js, Entity<'js>>> {
    raw::class(value)
}

/// What an object stands for, whose group lives as long as the given one from now on.
fn shared<'js>(own: &Class<'js, Group>, entity: &Class<'js, Entity<'js>>) -> Option<Extern> {
    let entity = entity.borrow();
    if let Some(other) = &entity.group {
        group::link(own, other);
    }
    entity.to_extern()
}

fn import_func<'js>(
    realm: &Rc<Realm>,
    own: &Class<'js, Group>,
    function: &Function<'js>,
    ty: &FuncType,
    index: u32,
) -> Func {
    match func::from_value(realm, function.as_value()) {
        Some(exported) => {
            let exported = exported.borrow();
            group::link(own, &exported.group);
            exported.func
        }
        None => func::import(realm, own, function, ty.clone(), index),
    }
}

/// Makes a global in a group's region.
pub(super) fn new_global(
    ctx: &Ctx<'_>,
    realm: &Realm,
    own: &Class<'_, Group>,
    content: &ValType,
    mutability: Mutability,
    value: &convert::Lowered,
) -> Result<Global> {
    let region = own.borrow().region;
    let global = realm.store.with(|store| {
        let before = store.set_region(region);
        let mut scope = RootScope::new(store);
        let mut store = scope.as_context_mut();
        let value: Val = value.val(&mut store);
        let global = Global::new(&mut store, GlobalType::new(content.clone(), mutability), value);
        store.set_region(before);
        global
    });
    global.map_err(|error| rquickjs::Exception::throw_type(ctx, &format!("{error:#}")))
}

/// Instantiates a module whose imports were all read; its object.
///
/// # Errors
///
/// A `LinkError` if an import is of another type; what the start function or a segment that does
/// not fit ends with; a `RangeError` if there is no room.
pub(super) fn finish<'js>(
    ctx: &Ctx<'js>,
    realm: &Rc<Realm>,
    linking: &Class<'js, Entity<'js>>,
) -> Result<Class<'js, Entity<'js>>> {
    let entity = linking.borrow();
    let (Thing::Linking(linking), Some(own)) = (&entity.thing, &entity.group) else {
        return Err(rquickjs::Error::Unknown);
    };
    let externs = linking.externs.borrow().clone();
    let region = own.borrow().region;
    // What an instance takes, it takes before anything of the guest's runs.
    let instance = realm.with_room(ctx, || {
        realm.store.with(|store| {
            let before = store.set_region(region);
            let module = &linking.compiled.module;
            let instance = Instance::new(store.as_context_mut(), module, &externs);
            store.set_region(before);
            instance
        })
    });
    realm.refresh(ctx)?;
    match instance {
        Ok(instance) => {
            let thing = Thing::Instance(instance, linking.compiled.clone());
            entity::unnamed(ctx, realm, Some(own.clone()), thing)
        }
        Err(error) => Err(refused(ctx, realm, own, error)),
    }
}

fn refused<'js>(
    ctx: &Ctx<'js>,
    realm: &Rc<Realm>,
    own: &Class<'js, Group>,
    error: lineal::Error,
) -> rquickjs::Error {
    if error.is::<IncompatibleImport>() {
        return errors::throw_new(ctx, realm, "LinkError", &format!("{error:#}"));
    }
    if errors::is_from_guest(&error) {
        return errors::throw(ctx, realm, own, error);
    }
    errors::throw_new(ctx, realm, "RangeError", &format!("{error:#}"))
}

/// An object with what an instance exports.
pub(super) fn exports<'js>(
    ctx: &Ctx<'js>,
    realm: &Rc<Realm>,
    instance: &Class<'js, Entity<'js>>,
) -> Result<Object<'js>> {
    let entity = instance.borrow();
    let (Thing::Instance(instance, _), Some(own)) = (&entity.thing, &entity.group) else {
        return Err(rquickjs::Error::Unknown);
    };
    let object = Object::new(ctx.clone())?;
    object.set_prototype(None)?;
    realm.store.with(|store| {
        for (name, item) in Entity::exports(instance, store) {
            let value = entity::of_extern(ctx, realm, own, store, item)?;
            object.prop(name, rquickjs::object::Property::from(value).enumerable())?;
        }
        Ok(object)
    })
}

/// The type of references that a table of a kind holds.
pub(super) fn table_element(kind: &str) -> Option<RefType> {
    match convert::value_type(kind)? {
        ValType::Ref(ty) => Some(ty),
        _ => None,
    }
}
