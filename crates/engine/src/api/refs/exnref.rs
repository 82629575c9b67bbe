//! [`ExnRef`]: exceptions, and how they go between guest and host.

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::api::refs::rooting::{HeapRef, gc_ref};
use crate::api::refs::tag::Tag;
use crate::api::store::handle::Handle;
use crate::api::store::{AsContext, AsContextMut};
use crate::api::values::val::Val;
use crate::runtime::object::{Exception, Object};
use crate::runtime::slots::{placed, slot_count};
use crate::runtime::store::StoreCore;

/// A reference to an exception: an `exnref` that is not null.
///
/// An exception that no guest function catches makes the host's call return the error
/// [`ThrownException`](crate::ThrownException); the exception itself waits in the store, for
/// [`take_pending_exception`](crate::Store::take_pending_exception). If a host function passes
/// that error on, the exception continues through the guest that called it. A host function throws
/// by returning the error of [`throw`](crate::Caller::throw).
///
/// ```
/// use lineal::{Engine, ExnRef, Instance, Module, Store, ThrownException};
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
/// let exception: ExnRef = store.take_pending_exception().unwrap();
/// assert_eq!(exception.field(&store, 0)?.unwrap_i32(), 42);
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ExnRef(pub(in crate::api) HeapRef);

gc_ref! { ExnRef }

impl ExnRef {
    /// Creates an exception, without throwing it.
    ///
    /// # Errors
    ///
    /// If the number or the types of the values are not those of the tag; if one belongs to another store; or if the store's objects would take more than
    /// [`Config::gc_heap_limit`](crate::Config::gc_heap_limit).
    ///
    /// # Panics
    ///
    /// If the tag belongs to another store.
    pub fn new(mut store: impl AsContextMut, tag: &Tag, fields: &[Val]) -> Result<ExnRef> {
        let mut store = store.as_context_mut();
        let core = store.core_mut();
        let types = tag.handle().get(core).ty.params();
        let (expected, found) = (types.len(), fields.len());
        ensure!(expected == found, "expected {expected} values for an exception, found {found}");
        let mut args = vec![0; slot_count(types)];
        Val::lower(fields, core, types, &mut args).context("invalid value for an exception")?;
        let (tag, bytes) = (tag.handle().entity(core), size_of_val(&*args));
        Ok(ExnRef(HeapRef::allocate(core, bytes, &args, || Object::exception(tag, &args))?))
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
        let fields = self.fields(store)?;
        fields.get(index).copied().ok_or_else(|| {
            anyhow!("an exception with {} values has none with the index {index}", fields.len())
        })
    }

    /// The values that the exception carries.
    ///
    /// # Errors
    ///
    /// As for [`Self::tag`].
    pub fn fields(&self, store: impl AsContext) -> Result<Vec<Val>> {
        let store = store.as_context();
        let exception = self.exception(store.core())?;
        // SAFETY: R1: the tag is one of the store's.
        let types = unsafe { exception.tag.as_ref() }.ty.params();
        let value = |(ty, range): (_, std::ops::Range<usize>)| {
            let slots = [exception.args[range.start], exception.args[range.end - 1]];
            // SAFETY: an exception's values are of its tag's types.
            unsafe { Val::from_slots(store.core(), ty, slots) }
        };
        Ok(placed(types).map(value).collect())
    }

    fn exception<'a>(&self, store: &'a StoreCore) -> Result<&'a Exception> {
        match self.0.object(store)? {
            Some(Object::Exception(exception)) => Ok(exception),
            _ => unreachable!("an exception's reference stands for an exception"),
        }
    }

    /// The `exnref` that slots hold.
    pub(crate) fn option_to_slot(value: Option<ExnRef>, store: &StoreCore) -> Result<u64> {
        value.map_or(Ok(0), |value| value.0.to_slot(store))
    }

    /// The reference for an `exnref` that a slot holds.
    pub(crate) fn option_from_slot(store: &StoreCore, bits: u64) -> Option<ExnRef> {
        HeapRef::from_slot(store, bits).map(ExnRef)
    }
}
