//! [`Realm`]: what one run of a script shares between all its WebAssembly objects.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use lineal::{AsContext, Engine, Linker, Region, Store, Tag};
use rquickjs::{Class, Constructor, Ctx, Function, Object, Persistent, Result, Value, qjs};

use super::entity::Entity;
use super::errors;
use super::group::Group;
use super::raw::{self, Identities, Identity, Key, Kind, StoreCell, Values};
use crate::Host;

/// How many groups are made at least before the script's engine is asked to collect.
const FIRST_COLLECTION: usize = 256;

/// The numbers of values that guests dropped: the group, and the value's number in it.
pub(super) type Lost = Arc<Mutex<Vec<(u64, usize)>>>;

/// What one run of a script shares between all its WebAssembly objects.
pub(super) struct Realm {
    pub(super) store: StoreCell,
    pub(super) engine: Engine,
    pub(super) linker: Option<Linker<Host>>,
    /// The context of the script; `None` before it starts and after it ended.
    pub(super) context: Cell<Option<NonNull<qjs::JSContext>>>,
    /// The numbers that the script's engine gave to the classes of objects and of functions.
    pub(super) class_ids: Cell<Option<[u32; 2]>>,
    pub(super) identities: Identities,
    /// The memories whose buffer a script has.
    pub(super) views: RefCell<Vec<Key>>,
    /// How many times memories had grown when their buffers were looked at last.
    growths: Cell<u64>,
    /// The tag of exceptions that scripts throw.
    pub(super) js_tag: OnceCell<Tag>,
    pub(super) intrinsics: RefCell<Option<Intrinsics>>,
    /// What ends the script, past all its `catch`es.
    pub(super) fatal: RefCell<Option<lineal::Error>>,
    /// What left a guest last, and the engine's error for it.
    pub(super) last_error: RefCell<Option<(raw::ObjectId, lineal::Error)>>,
    /// The error of a trap on its way through a guest.
    pub(super) passing: RefCell<Option<Persistent<Value<'static>>>>,
    /// What a function of the script's wants to trap with.
    pub(super) trap: RefCell<Option<lineal::Error>>,
    pub(super) lost: Lost,
    /// The indices of functions of scripts among what a module imports: their names.
    import_indices: RefCell<HashMap<u64, u32>>,
    groups: RefCell<HashMap<u64, Rc<Values>>>,
    dead: RefCell<Vec<Region>>,
    next_group: Cell<u64>,
    next_collection: Cell<usize>,
}

/// What the part in JavaScript defines and the part in Rust uses.
pub(super) struct Intrinsics {
    prototypes: HashMap<&'static str, Persistent<Object<'static>>>,
    errors: HashMap<&'static str, Persistent<Constructor<'static>>>,
    functions: HashMap<&'static str, Persistent<Function<'static>>>,
}

impl Intrinsics {
    /// Finds everything in the object that the part in JavaScript returns.
    pub(super) fn new<'js>(ctx: &Ctx<'js>, from: &Object<'js>) -> Result<Intrinsics> {
        let mut all = Intrinsics {
            prototypes: HashMap::new(),
            errors: HashMap::new(),
            functions: HashMap::new(),
        };
        for name in
            ["Module", "Instance", "Memory", "Table", "Global", "Tag", "Exception", "object"]
        {
            let prototype: Object<'js> = from.get(name)?;
            all.prototypes.insert(name, Persistent::save(ctx, prototype));
        }
        for name in ["CompileError", "LinkError", "RuntimeError", "TypeError", "RangeError"] {
            let error: Constructor<'js> = from.get(name)?;
            all.errors.insert(name, Persistent::save(ctx, error));
        }
        for name in ["own", "resize", "iterate", "trace", "markTrap", "isTrap"] {
            let function: Function<'js> = from.get(name)?;
            all.functions.insert(name, Persistent::save(ctx, function));
        }
        Ok(all)
    }
}

impl Realm {
    pub(super) fn new(store: Store<Host>, linker: Option<Linker<Host>>) -> Realm {
        Realm {
            engine: store.engine().clone(),
            store: StoreCell::new(store),
            linker,
            context: Cell::new(None),
            class_ids: Cell::new(None),
            identities: Identities::default(),
            views: RefCell::default(),
            growths: Cell::new(0),
            js_tag: OnceCell::new(),
            intrinsics: RefCell::default(),
            fatal: RefCell::default(),
            last_error: RefCell::default(),
            passing: RefCell::default(),
            trap: RefCell::default(),
            lost: Lost::default(),
            import_indices: RefCell::default(),
            groups: RefCell::default(),
            dead: RefCell::default(),
            next_group: Cell::new(1),
            next_collection: Cell::new(FIRST_COLLECTION),
        }
    }

    pub(super) fn prototype<'js>(&self, ctx: &Ctx<'js>, name: &str) -> Result<Object<'js>> {
        let object =
            self.intrinsics.borrow().as_ref().and_then(|all| all.prototypes.get(name).cloned());
        object.ok_or(rquickjs::Error::Unknown)?.restore(ctx)
    }

    pub(super) fn error<'js>(&self, ctx: &Ctx<'js>, name: &str) -> Result<Constructor<'js>> {
        let error = self.intrinsics.borrow().as_ref().and_then(|all| all.errors.get(name).cloned());
        error.ok_or(rquickjs::Error::Unknown)?.restore(ctx)
    }

    pub(super) fn function<'js>(&self, ctx: &Ctx<'js>, name: &str) -> Result<Function<'js>> {
        let function =
            self.intrinsics.borrow().as_ref().and_then(|all| all.functions.get(name).cloned());
        function.ok_or(rquickjs::Error::Unknown)?.restore(ctx)
    }

    /// Makes a group with a region of its own.
    pub(super) fn new_group<'js>(self: &Rc<Self>, ctx: &Ctx<'js>) -> Result<Class<'js, Group>> {
        self.collect(ctx);
        let id = self.next_group.replace(self.next_group.get() + 1);
        let values = Rc::new(Values::default());
        self.groups.borrow_mut().insert(id, values.clone());
        let key = (Kind::Group, id);
        let group = Group {
            id,
            region: self.store.with(|store| store.new_region()),
            values,
            linked: RefCell::default(),
            identity: Identity { key, realm: self.clone() },
        };
        let group = Class::instance(ctx.clone(), group)?;
        self.identities.set(key, &group);
        Ok(group)
    }

    /// The group with a number, which must be alive.
    pub(super) fn group<'js>(&self, ctx: &Ctx<'js>, id: u64) -> Option<Class<'js, Group>> {
        raw::class(&self.identities.get(ctx, (Kind::Group, id))?)
    }

    /// The values of the group with a number.
    pub(super) fn values(&self, id: u64) -> Option<Rc<Values>> {
        self.groups.borrow().get(&id).cloned()
    }

    /// Takes note that a group's object was finalized.
    pub(super) fn group_died(&self, id: u64, region: Region) {
        self.groups.borrow_mut().remove(&id);
        self.dead.borrow_mut().push(region);
    }

    /// The index that a function of the script's, by its key, was imported with.
    pub(super) fn import_index(&self, key: u64) -> Option<u32> {
        self.import_indices.borrow().get(&key).copied()
    }

    /// Sets the same. A key that is used again gets the newer index.
    pub(super) fn set_import_index(&self, key: u64, index: u32) {
        if index == 0 {
            self.import_indices.borrow_mut().remove(&key);
        } else {
            self.import_indices.borrow_mut().insert(key, index);
        }
    }

    /// How many groups there are.
    pub(super) fn group_count(&self) -> usize {
        self.groups.borrow().len()
    }

    /// Frees what the script forgot. Its engine looks for cycles when it has allocated much, but
    /// does not know how large memories are; so this asks it when there are many.
    pub(super) fn collect(&self, ctx: &Ctx<'_>) {
        if self.groups.borrow().len() >= self.next_collection.get() {
            self.collect_now(ctx);
        }
        self.free_dead();
    }

    /// The same, and finds cycles in any case.
    pub(super) fn collect_now(&self, ctx: &Ctx<'_>) {
        if !self.store.is_lent() {
            let _ = self.store.with(|store| store.gc(None));
            self.free_lost();
        }
        ctx.run_gc();
        let alive = self.groups.borrow().len();
        self.next_collection.set((alive * 2).max(FIRST_COLLECTION));
        self.free_dead();
    }

    /// Makes something that takes room; if there is none, once more after a collection.
    pub(super) fn with_room<T>(
        &self,
        ctx: &Ctx<'_>,
        mut make: impl FnMut() -> lineal::Result<T>,
    ) -> lineal::Result<T> {
        let take =
            || self.store.with(|store| std::mem::take(&mut store.data_mut().limiter.refused));
        take();
        match make() {
            Err(error) if take() && !errors::is_from_guest(&error) => {
                self.collect_now(ctx);
                make().map_err(|error| {
                    self.store.with(|store| store.data_mut().limiter.explain(error))
                })
            }
            outcome => outcome,
        }
    }

    fn free_dead(&self) {
        self.free_lost();
        if self.dead.borrow().is_empty() || self.store.is_lent() {
            return;
        }
        let dead = std::mem::take(&mut *self.dead.borrow_mut());
        let freed_bytes = raw::free_regions(&self.store, &dead);
        self.store.with(|store| store.data_mut().limiter.room.give_back(freed_bytes));
    }

    fn free_lost(&self) {
        let lost = std::mem::take(&mut *self.lost.lock().unwrap_or_else(PoisonError::into_inner));
        for (group, index) in lost {
            if let Some(values) = self.values(group) {
                values.remove(index);
            }
        }
    }

    /// Detaches the buffers of memories that grew. It must run before a script does, after guests
    /// did (J4).
    pub(super) fn refresh(&self, ctx: &Ctx<'_>) -> Result<()> {
        self.refresh_after(ctx, self.store.with(|store| store.as_context().memory_growths()))
    }

    /// The same after so many growths of memories.
    pub(super) fn refresh_after(&self, ctx: &Ctx<'_>, growths: u64) -> Result<()> {
        if self.growths.replace(growths) == growths { Ok(()) } else { self.refresh_views(ctx) }
    }

    #[cold]
    fn refresh_views(&self, ctx: &Ctx<'_>) -> Result<()> {
        let keys = self.views.borrow().clone();
        for key in keys {
            let memory = self.identities.get(ctx, key);
            if let Some(memory) = memory.and_then(|memory| raw::class::<Entity<'_>>(&memory)) {
                memory.borrow().refresh(ctx)?;
            }
        }
        Ok(())
    }

    /// Forgets what belongs to the script's engine, before that ends.
    pub(super) fn close(&self) {
        *self.intrinsics.borrow_mut() = None;
        *self.passing.borrow_mut() = None;
        self.context.set(None);
    }
}
