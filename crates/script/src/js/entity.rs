//! [`Entity`]: the objects of modules, instances, memories, tables, globals, tags and exceptions.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use lineal::{
    AnyRef, ExnRef, Export, Extern, Global, Memory, OwnedRooted, SharedMemory, StoreContextMut,
    Table, Tag,
};
use rquickjs::class::{JsClass, Readable, Trace, Tracer};
use rquickjs::function::Constructor;
use rquickjs::{Class, Ctx, Object, Result, Value};

use super::func;
use super::group::Group;
use super::instance::Linking;
use super::module::Compiled;
use super::raw::{Identity, Key, Kind, View};
use super::realm::Realm;
use crate::Host;

/// What an object stands for.
pub(super) enum Thing {
    Module(Compiled),
    /// A module whose imports are being read.
    Linking(Linking),
    Instance(lineal::Instance, Compiled),
    Memory(Memory),
    Shared(SharedMemory),
    Table(Table),
    Global(Global),
    Tag(Tag),
    Exception(OwnedRooted<ExnRef>),
    /// A structure or array of the guest's.
    Object(OwnedRooted<AnyRef>),
}

/// What is behind an object that scripts see.
pub(super) struct Entity<'js> {
    pub(super) thing: Thing,
    pub(super) group: Option<Class<'js, Group>>,
    view: RefCell<Option<View<'js>>>,
    /// A name for messages that the script set, or an exception's stack.
    pub(super) note: OnceCell<Value<'js>>,
    identity: Option<Identity>,
}

impl<'js> Trace<'js> for Entity<'js> {
    fn trace<'a>(&self, tracer: Tracer<'a, 'js>) {
        if let Some(group) = &self.group {
            tracer.mark(group.as_value());
        }
        if let Some(view) = &*self.view.borrow() {
            tracer.mark(&view.buffer);
        }
        if let Some(note) = self.note.get() {
            tracer.mark(note);
        }
    }
}

impl<'js> JsClass<'js> for Entity<'js> {
    const NAME: &'static str = "Entity";
    type Mutable = Readable;

    fn prototype(_: &Ctx<'js>) -> Result<Option<Object<'js>>> {
        Ok(None)
    }

    fn constructor(_: &Ctx<'js>) -> Result<Option<Constructor<'js>>> {
        Ok(None)
    }
}

impl Drop for Entity<'_> {
    fn drop(&mut self) {
        if let (Some(identity), true) = (&self.identity, self.view.borrow().is_some()) {
            identity.realm.views.borrow_mut().retain(|key| *key != identity.key);
        }
    }
}

impl Thing {
    /// The name of the prototype of its objects.
    pub(super) fn class(&self) -> &'static str {
        match self {
            Thing::Module(_) => "Module",
            Thing::Instance(..) => "Instance",
            Thing::Memory(_) | Thing::Shared(_) => "Memory",
            Thing::Table(_) => "Table",
            Thing::Global(_) => "Global",
            Thing::Tag(_) => "Tag",
            Thing::Exception(_) => "Exception",
            Thing::Object(_) | Thing::Linking(_) => "object",
        }
    }
}

/// Makes the object for something, without a key.
pub(super) fn unnamed<'js>(
    ctx: &Ctx<'js>,
    realm: &Realm,
    group: Option<Class<'js, Group>>,
    thing: Thing,
) -> Result<Class<'js, Entity<'js>>> {
    let prototype = realm.prototype(ctx, thing.class())?;
    let (view, note) = (RefCell::new(None), OnceCell::new());
    let entity = Entity { thing, group, view, note, identity: None };
    Class::instance_proto(entity, prototype)
}

/// The object for something with a key: the one there is, or a new one.
pub(super) fn named<'js>(
    ctx: &Ctx<'js>,
    realm: &Rc<Realm>,
    group: &Class<'js, Group>,
    key: Key,
    thing: impl FnOnce() -> Result<Thing>,
) -> Result<Value<'js>> {
    if let Some(object) = realm.identities.get(ctx, key) {
        return Ok(object);
    }
    let thing = thing()?;
    let prototype = realm.prototype(ctx, thing.class())?;
    let identity = Some(Identity { key, realm: realm.clone() });
    let (view, note) = (RefCell::new(None), OnceCell::new());
    let entity = Entity { thing, group: Some(group.clone()), view, note, identity };
    let object = Class::instance_proto(entity, prototype)?;
    realm.identities.set(key, &object);
    Ok(object.into_value())
}

/// The object for what an instance exports. `index` is the export's among functions, for their
/// name.
pub(super) fn of_extern<'js>(
    ctx: &Ctx<'js>,
    realm: &Rc<Realm>,
    group: &Class<'js, Group>,
    store: &mut StoreContextMut<'_, Host>,
    item: Extern,
) -> Result<Value<'js>> {
    let (key, thing) = match item {
        Extern::Func(func) => return func::exported(ctx, realm, group, store, func),
        Extern::Memory(memory) => {
            ((Kind::Memory, memory.hash_key(&*store) as u64), Thing::Memory(memory))
        }
        Extern::SharedMemory(memory) => (shared_key(&memory), Thing::Shared(memory)),
        Extern::Table(table) => {
            ((Kind::Table, table.hash_key(&*store) as u64), Thing::Table(table))
        }
        Extern::Global(global) => {
            ((Kind::Global, global.hash_key(&*store) as u64), Thing::Global(global))
        }
        Extern::Tag(tag) => ((Kind::Tag, tag.hash_key(&*store) as u64), Thing::Tag(tag)),
    };
    named(ctx, realm, group, key, || Ok(thing))
}

/// The key of a shared memory: where its bytes are.
pub(super) fn shared_key(memory: &SharedMemory) -> Key {
    (Kind::Shared, memory.data().as_ptr() as u64)
}

impl<'js> Entity<'js> {
    /// What a module imports, if this can be imported.
    pub(super) fn to_extern(&self) -> Option<Extern> {
        Some(match &self.thing {
            Thing::Memory(memory) => Extern::Memory(*memory),
            Thing::Shared(memory) => Extern::SharedMemory(memory.clone()),
            Thing::Table(table) => Extern::Table(*table),
            Thing::Global(global) => Extern::Global(*global),
            Thing::Tag(tag) => Extern::Tag(*tag),
            _ => return None,
        })
    }

    /// The buffer of a memory: the one there is, or a new one of the kind that is asked for.
    /// `own` makes the memory's object known to a new one (J4).
    pub(super) fn buffer(
        &self,
        ctx: &Ctx<'js>,
        this: &Class<'js, Entity<'js>>,
        realm: &Realm,
        resizable: Option<bool>,
        max_bytes: usize,
    ) -> Result<Value<'js>> {
        self.refresh(ctx)?;
        if let Some(view) = &*self.view.borrow()
            && resizable.is_none_or(|wanted| wanted == view.is_resizable())
            && !self.is_outgrown(view)
        {
            return Ok(view.buffer.clone());
        }
        let max_bytes = (resizable == Some(true)).then_some(max_bytes);
        let view = match &self.thing {
            Thing::Memory(memory) => View::of_memory(ctx, &realm.store, memory, max_bytes)?,
            Thing::Shared(memory) => View::of_shared(ctx, memory, max_bytes)?,
            _ => return Err(rquickjs::Error::Unknown),
        };
        let own = realm.function(ctx, "own").and_then(|own| {
            own.call::<_, ()>((view.buffer.clone(), this.clone(), view.is_resizable()))
        });
        if let Err(error) = own {
            view.detach();
            return Err(error);
        }
        let buffer = view.buffer.clone();
        let before = self.view.borrow_mut().replace(view);
        match (before, &self.thing) {
            (Some(before), Thing::Memory(_)) => before.detach(),
            (Some(_), _) => {}
            (None, _) => {
                if let Some(identity) = &self.identity {
                    identity.realm.views.borrow_mut().push(identity.key);
                }
            }
        }
        Ok(buffer)
    }

    /// Whether a shared memory has more bytes than a buffer shows.
    fn is_outgrown(&self, view: &View<'js>) -> bool {
        matches!(&self.thing, Thing::Shared(memory) if memory.data_size() != view.len_bytes)
    }

    /// Makes the buffer follow the memory if that grew.
    pub(super) fn refresh(&self, ctx: &Ctx<'js>) -> Result<()> {
        let Some(identity) = &self.identity else { return Ok(()) };
        let realm = &identity.realm;
        let (len_bytes, growths) = match &self.thing {
            Thing::Memory(memory) => realm.store.with(|store| {
                let memory = memory.linear(&*store);
                (memory.byte_len() as usize, memory.growths())
            }),
            Thing::Shared(memory) => (memory.data_size(), 0),
            _ => return Ok(()),
        };
        let mut view = self.view.borrow_mut();
        let Some(current) = view.as_mut() else { return Ok(()) };
        if current.is_resizable() {
            if current.len_bytes != len_bytes {
                match &self.thing {
                    Thing::Memory(memory) => current.follow(&realm.store, memory),
                    _ => current.len_bytes = len_bytes,
                }
                let buffer = current.buffer.clone();
                drop(view);
                let resize = realm.function(ctx, "resize")?;
                return resize.call((buffer, len_bytes as f64));
            }
        } else if let Thing::Memory(_) = self.thing
            && current.growths != growths
        {
            let old = view.take();
            drop(view);
            realm.views.borrow_mut().retain(|key| *key != identity.key);
            if let Some(old) = old {
                old.detach();
            }
        }
        Ok(())
    }

    /// The exports of an instance, in order.
    pub(super) fn exports(
        instance: &lineal::Instance,
        store: &StoreContextMut<'_, Host>,
    ) -> Vec<(String, Extern)> {
        let named = |export: Export<'_>| (export.name().to_owned(), export.into_extern());
        instance.exports(store).map(named).collect()
    }
}

/// The object for something that is never freed.
pub(super) fn without_group<'js>(
    ctx: &Ctx<'js>,
    realm: &Rc<Realm>,
    key: Key,
    thing: Thing,
) -> Result<Class<'js, Entity<'js>>> {
    let prototype = realm.prototype(ctx, thing.class())?;
    let identity = Some(Identity { key, realm: realm.clone() });
    let (view, note) = (RefCell::new(None), OnceCell::new());
    let object =
        Class::instance_proto(Entity { thing, group: None, view, note, identity }, prototype)?;
    realm.identities.set(key, &object);
    Ok(object)
}
