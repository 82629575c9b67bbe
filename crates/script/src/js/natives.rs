//! What the part in JavaScript (`webassembly.js`) is built on: one function for each thing that
//! only the engine can do. Scripts never see these functions; the part in JavaScript has checked
//! and converted their arguments.

use std::rc::Rc;

use rquickjs::function::{IntoJsFunc, Opt};
use rquickjs::{Array, Class, Ctx, Exception, Function, Object, Result, Value};

use super::entity::{self, Entity, Thing};
use super::errors;
use super::group::Group;
use super::instance::{self, Linking};
use super::module::{CompileOptions, Compiled, kind_name};
use super::raw;
use super::realm::Realm;

/// The object of a thing, as the functions here get it.
pub(super) type This<'js> = Class<'js, Entity<'js>>;

/// Adds functions to an object.
pub(super) struct Natives<'a, 'js> {
    pub(super) ctx: &'a Ctx<'js>,
    pub(super) object: &'a Object<'js>,
}

impl<'js> Natives<'_, 'js> {
    pub(super) fn add<P>(&self, name: &str, function: impl IntoJsFunc<'js, P> + 'js) -> Result<()> {
        self.object.set(name, Function::new(self.ctx.clone(), function)?)
    }
}

/// The functions about modules and instances.
pub(super) fn define<'js>(natives: &Natives<'_, 'js>, realm: &Rc<Realm>) -> Result<()> {
    let r = realm.clone();
    let compile = move |ctx: Ctx<'js>,
                        buffer: Value<'js>,
                        start: usize,
                        len: usize,
                        strings: bool,
                        constants: Opt<Option<String>>| {
        let bytes = raw::copy_bytes(&buffer, start, len);
        let bytes = bytes.ok_or_else(|| Exception::throw_type(&ctx, "the bytes are detached"))?;
        let options = CompileOptions { strings, string_constants: constants.0.flatten() };
        match Compiled::new(&r.engine, &bytes, options) {
            Ok(compiled) => entity::unnamed(&ctx, &r, None, Thing::Module(compiled)),
            Err(error) => Err(errors::throw_new(&ctx, &r, "CompileError", &format!("{error:#}"))),
        }
    };
    natives.add("compile", compile)?;
    natives.add("copy", |ctx: Ctx<'js>, buffer: Value<'js>, start: usize, len: usize| {
        let bytes = raw::copy_bytes(&buffer, start, len);
        let bytes = bytes.ok_or_else(|| Exception::throw_type(&ctx, "the bytes are detached"))?;
        rquickjs::ArrayBuffer::new(ctx.clone(), bytes)
    })?;
    natives.add("moduleImports", |ctx: Ctx<'js>, this: This<'js>| {
        let this = this.borrow();
        let compiled = compiled(&this)?;
        let list = Array::new(ctx.clone())?;
        for (index, import) in compiled.module.imports().enumerate() {
            let kind = kind_name(&import.ty());
            let of_script = matches!(compiled.source(&import), super::module::Source::Script);
            list.set(index, (import.module(), import.name(), kind, of_script).row(&ctx)?)?;
        }
        Result::Ok(list)
    })?;
    natives.add("moduleExports", |ctx: Ctx<'js>, this: This<'js>| {
        let this = this.borrow();
        let list = Array::new(ctx.clone())?;
        for (index, export) in compiled(&this)?.module.exports().enumerate() {
            list.set(index, (export.name(), kind_name(&export.ty())).row(&ctx)?)?;
        }
        Result::Ok(list)
    })?;
    natives.add("moduleSections", |ctx: Ctx<'js>, this: This<'js>, name: String| {
        let this = this.borrow();
        let list = Array::new(ctx.clone())?;
        for (index, section) in compiled(&this)?.custom_sections(&name).into_iter().enumerate() {
            list.set(index, rquickjs::ArrayBuffer::new_copy(ctx.clone(), section)?)?;
        }
        Result::Ok(list)
    })?;
    define_linking(natives, realm)
}

fn define_linking<'js>(natives: &Natives<'_, 'js>, realm: &Rc<Realm>) -> Result<()> {
    let r = realm.clone();
    natives.add("linkNew", move |ctx: Ctx<'js>, this: This<'js>| {
        let group = r.new_group(&ctx)?;
        let linking = Linking::new(compiled(&this.borrow())?);
        entity::unnamed(&ctx, &r, Some(group), Thing::Linking(linking))
    })?;
    let r = realm.clone();
    natives.add("linkOwn", move |ctx: Ctx<'js>, this: This<'js>, strings: Object<'js>| {
        instance::add_own(&ctx, &r, &this, &strings)
    })?;
    let r = realm.clone();
    natives.add("linkDefault", move |this: This<'js>| instance::add_default(&r, &this))?;
    let r = realm.clone();
    natives.add("linkAdd", move |this: This<'js>, value: Value<'js>| {
        instance::add(&r, &this, &value)
    })?;
    let r = realm.clone();
    natives.add("linkFinish", move |ctx: Ctx<'js>, this: This<'js>| {
        instance::finish(&ctx, &r, &this)
    })?;
    let r = realm.clone();
    natives.add("instanceExports", move |ctx: Ctx<'js>, this: This<'js>| {
        instance::exports(&ctx, &r, &this)
    })?;
    let r = realm.clone();
    natives.add("kindOf", move |value: Value<'js>| {
        let entity = raw::class_quiet::<Entity<'js>>(&r, &value);
        entity.map(|entity| entity.borrow().thing.class())
    })?;
    let r = realm.clone();
    natives.add("isExported", move |value: Value<'js>| {
        super::func::from_value(&r, &value).is_some()
    })?;
    let r = realm.clone();
    natives.add("collect", move |ctx: Ctx<'js>| r.collect_now(&ctx))?;
    let r = realm.clone();
    natives.add("groupCount", move || r.group_count())?;
    let r = realm.clone();
    natives.add("guestLines", move || {
        let last = r.last_error.borrow();
        last.as_ref().map(|(_, error)| errors::guest_lines(error)).unwrap_or_default()
    })
}

fn compiled<'a>(entity: &'a Entity<'_>) -> Result<&'a Compiled> {
    match &entity.thing {
        Thing::Module(compiled) | Thing::Instance(_, compiled) => Ok(compiled),
        _ => Err(rquickjs::Error::Unknown),
    }
}

/// The group of a thing that has one.
pub(super) fn group_of<'js>(entity: &Entity<'js>) -> Result<Class<'js, Group>> {
    entity.group.clone().ok_or(rquickjs::Error::Unknown)
}

/// The size or index that a script gave as a number or as a `BigInt`.
pub(super) fn to_u64(value: &Value<'_>) -> Result<u64> {
    match value.as_number() {
        Some(number) => Ok(number as u64),
        None => Ok(raw::to_big_int64(value)? as u64),
    }
}

/// The same if there may be none.
pub(super) fn to_optional_u64(value: &Value<'_>) -> Result<Option<u64>> {
    if value.is_undefined() { Ok(None) } else { to_u64(value).map(Some) }
}

/// A size or index for a script: a `BigInt` if addresses are 64-bit.
pub(super) fn from_u64<'js>(ctx: &Ctx<'js>, value: u64, is_64: bool) -> Result<Value<'js>> {
    if is_64 {
        return Ok(rquickjs::BigInt::from_u64(ctx.clone(), value)?.into_value());
    }
    Ok(Value::new_number(ctx.clone(), value as f64))
}

/// Throws a `RangeError`.
pub(super) fn range_error(ctx: &Ctx<'_>, error: &lineal::Error) -> rquickjs::Error {
    Exception::throw_range(ctx, &format!("{error:#}"))
}

/// What becomes an array of few values.
trait Row<'js> {
    fn row(self, ctx: &Ctx<'js>) -> Result<Array<'js>>;
}

impl<'js> Row<'js> for (&str, &str) {
    fn row(self, ctx: &Ctx<'js>) -> Result<Array<'js>> {
        let row = Array::new(ctx.clone())?;
        row.set(0, self.0)?;
        row.set(1, self.1)?;
        Ok(row)
    }
}

impl<'js> Row<'js> for (&str, &str, &str, bool) {
    fn row(self, ctx: &Ctx<'js>) -> Result<Array<'js>> {
        let row = (self.0, self.1).row(ctx)?;
        row.set(2, self.2)?;
        row.set(3, self.3)?;
        Ok(row)
    }
}
