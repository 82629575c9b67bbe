//! [`ExnRef`]: exceptions, and how they go between guest and host.

use anyhow::{Context as _, Result, anyhow, ensure};
use lineal_decoder as plain;

use crate::api::refs::GcHeapOutOfMemory;
use crate::api::refs::rooting::{HeapRef, Rooted, gc_ref};
use crate::api::refs::tag::Tag;
use crate::api::store::handle::Handle;
use crate::api::store::{AsContext, AsContextMut};
use crate::api::types::{ExnType, HeapType};
use crate::api::values::val::Val;
use crate::runtime::object::{Exception, Object};
use crate::runtime::pool::Pool;
use crate::runtime::slots::{placed, slot_count};
use crate::runtime::store::{StoreCore, StoreId};

/// What an `exnref` that is not null refers to: an exception.
///
/// An exception that no guest function catches makes the host's call return the error
/// [`ThrownException`](crate::ThrownException); the exception itself waits in the store, for
/// [`take_pending_exception`](crate::Store::take_pending_exception). If a host function passes
/// that error on, the exception continues through the guest that called it. A host function throws
/// by returning the error of [`throw`](crate::Caller::throw).
///
/// ```
/// use lineal::{Engine, ExnRef, Instance, Module, Rooted, Store, ThrownException};
///
/// let engine = Engine::default();
/// let module = Module::new(&engine, r#"(module
///     (tag $failed (param i32))
///     (func (export "run") (throw $failed (i32.const 42))))"#)?;
/// let mut store = Store::new(&engine, ());
/// let instance = Instance::new(&mut store, &module, &[])?;
/// let run = instance.get_typed_func::<(), ()>(&store, "run")?;
///
/// let error = run.call(&mut store, ()).unwrap_err();
/// assert!(error.is::<ThrownException>());
/// let exception: Rooted<ExnRef> = store.take_pending_exception().unwrap();
/// assert_eq!(exception.field(&mut store, 0)?.unwrap_i32(), 42);
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Debug)]
#[repr(transparent)]
pub struct ExnRef(HeapRef);

gc_ref! { ExnRef: Exn; }

/// A type of exceptions for use in one store: what exceptions are created with.
#[derive(Clone, Debug)]
pub struct ExnRefPre {
    store: StoreId,
    ty: ExnType,
}

impl ExnRefPre {
    /// Prepares the creation of exceptions of a type in a store.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine than the store.
    pub fn new(mut store: impl AsContextMut, ty: ExnType) -> ExnRefPre {
        let store = store.as_context_mut();
        ty.tag_type().ty().index_in(store.engine());
        ExnRefPre { store: store.core().id, ty }
    }
}

impl ExnRef {
    /// Creates an exception, without throwing it.
    ///
    /// # Errors
    ///
    /// If the tag is not of the allocator's type; if the number or the types of the values are not
    /// those of the tag; if one belongs to another store; or [`GcHeapOutOfMemory`] if the store's
    /// objects would take more than [`Config::gc_heap_limit`](crate::Config::gc_heap_limit).
    ///
    /// # Panics
    ///
    /// If the allocator or the tag belongs to another store.
    pub fn new(
        mut store: impl AsContextMut,
        allocator: &ExnRefPre,
        tag: &Tag,
        fields: &[Val],
    ) -> Result<Rooted<ExnRef>> {
        let mut store = store.as_context_mut();
        ensure!(
            tag.ty(&store) == allocator.ty.tag_type(),
            "the tag is not of the exception's type"
        );
        let core = store.core_mut();
        assert!(allocator.store == core.id, "the allocator belongs to another store");
        let types = tag.handle().get(core).ty.params();
        let (expected, found) = (types.len(), fields.len());
        ensure!(expected == found, "expected {expected} values for an exception, found {found}");
        let mut args = vec![0; slot_count(types)];
        Val::lower(fields, core, types, &mut args).context("invalid value for an exception")?;
        let (tag, bytes) = (tag.handle().entity(core), size_of_val(&*args));
        let make = |pool: &mut Pool| Object::exception(pool, tag, &args);
        HeapRef::allocate(store.limits(), bytes, &args, make)
            .map(Rooted::new)
            .map_err(|error| GcHeapOutOfMemory::with(error, ()))
    }

    /// The exception's type.
    ///
    /// # Errors
    ///
    /// As for [`Self::tag`].
    pub fn ty(&self, store: impl AsContext) -> Result<ExnType> {
        let store = store.as_context();
        ExnType::from_tag_type(&self.tag(&store)?.ty(&store))
    }

    /// Whether the exception is of a type.
    ///
    /// # Errors
    ///
    /// As for [`Self::tag`].
    pub fn matches_ty(&self, store: impl AsContext, ty: &HeapType) -> Result<bool> {
        self.exception(store.as_context().core())?;
        Ok(ty.plain() == plain::HeapType::Exn)
    }

    /// The exception's tag.
    ///
    /// # Errors
    ///
    /// If the reference belongs to another store, or the exception is gone.
    pub fn tag(&self, store: impl AsContext) -> Result<Tag> {
        let store = store.as_context();
        let tag = self.exception(store.core())?.tag;
        // SAFETY: exceptions have tags of their store.
        Ok(Tag::from_handle(unsafe { Handle::new(store.core(), tag) }))
    }

    /// One of the values that the exception carries.
    ///
    /// # Errors
    ///
    /// If there is none with that index, or as for [`Self::tag`].
    pub fn field(&self, store: impl AsContext, index: usize) -> Result<Val> {
        let mut fields = self.fields(store)?;
        let count = fields.len();
        fields.nth(index).ok_or_else(|| {
            anyhow!("an exception with {count} values has none with the index {index}")
        })
    }

    /// The values that the exception carries.
    ///
    /// # Errors
    ///
    /// As for [`Self::tag`].
    pub fn fields(&self, store: impl AsContext) -> Result<std::vec::IntoIter<Val>> {
        let store = store.as_context();
        let exception = self.exception(store.core())?;
        // SAFETY: R1: the tag is one of the store's.
        let types = unsafe { { exception.tag }.as_ref() }.ty.params();
        let value = |(ty, range): (_, std::ops::Range<usize>)| {
            let slots = [exception.args()[range.start], exception.args()[range.end - 1]];
            // SAFETY: an exception's values are of its tag's types.
            unsafe { Val::from_slots(store.core(), ty, slots) }
        };
        Ok(placed(types).map(value).collect::<Vec<_>>().into_iter())
    }

    fn exception<'a>(&self, store: &'a StoreCore) -> Result<&'a Exception> {
        match self.0.object(store)? {
            Some(Object::Exception(exception)) => Ok(exception),
            _ => unreachable!("an exception's reference stands for an exception"),
        }
    }
}
