//! What the JavaScript engine's C interface is needed for: the only unsafe code of this crate.
//!
//! # Who keeps whom alive
//!
//! * **J1** The [`StoreCell`] lends the store to one borrower at a time. While a host function runs,
//!   the borrow that it was given is lent on; the one that it came from cannot be used meanwhile.
//! * **J2** A [`Values`] list belongs to one object of the script's heap, which traces all of it and
//!   empties it when it is finalized. So no value outlives the script's runtime.
//! * **J3** An object with a [`Key`] in [`Identities`] holds an [`Identity`], whose drop takes the
//!   key out. It is dropped when the object is finalized, before its memory is used again.
//! * **J4** A buffer over a linear memory has a hidden reference to the memory's object, and that to
//!   its group; the group's region is freed after the group is finalized. So the memory lives as
//!   long as the buffer. A growth that moves the memory, or changes its length, is followed by
//!   [`Realm::refresh`](super::realm::Realm::refresh) before any script runs: it detaches the
//!   buffer, or lengthens it if it is resizable. (Memories of the reserving store never move, but
//!   those on the heap do.)
//! * **J5** A region is freed while no guest runs, after the object of its group was finalized. All
//!   that can refer to what is in a region has a reference to its group, or is in a group linked
//!   with it; groups that are linked are finalized together.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::rc::Rc;

use lineal::{AsContextMut, Caller, Memory, Region, SharedMemory, Store, StoreContextMut};
use rquickjs::class::{ClassKind, JsClass, Tracer};
use rquickjs::{Class, Ctx, JsLifetime, Result, Value, qjs};

use super::entity::Entity;
use super::func::Exported;
use super::group::Group;
use super::realm::Realm;
use crate::Host;

/// The store of a script, which its functions borrow again and again.
pub(super) struct StoreCell {
    store: UnsafeCell<Store<Host>>,
    /// The borrow that the innermost host function was given.
    lent: Cell<Option<NonNull<StoreContextMut<'static, Host>>>>,
    busy: Cell<bool>,
}

impl StoreCell {
    pub(super) fn new(store: Store<Host>) -> StoreCell {
        StoreCell { store: UnsafeCell::new(store), lent: Cell::new(None), busy: Cell::new(false) }
    }

    /// Borrows the store.
    ///
    /// # Panics
    ///
    /// If it is borrowed, and not lent on by [`Self::lend`].
    pub(super) fn with<R>(&self, f: impl FnOnce(&mut StoreContextMut<'_, Host>) -> R) -> R {
        assert!(!self.busy.replace(true), "the store of the script is in use");
        let _busy = Restore { cell: &self.busy, before: false };
        match self.lent.get() {
            // SAFETY: J1: `lend` has put it there and waits until it is taken away; it is borrowed
            // once at a time, because `busy` was not set.
            Some(mut context) => f(&mut unsafe { context.as_mut() }.as_context_mut()),
            // SAFETY: J1: nothing is lent, so no other borrow of the store exists.
            None => f(&mut unsafe { &mut *self.store.get() }.as_context_mut()),
        }
    }

    /// Borrows the store itself, which no guest is using.
    ///
    /// # Panics
    ///
    /// If it is borrowed or lent.
    pub(super) fn whole<R>(&self, f: impl FnOnce(&mut Store<Host>) -> R) -> R {
        assert!(!self.is_lent() && !self.busy.replace(true), "the store of the script is in use");
        let _busy = Restore { cell: &self.busy, before: false };
        // SAFETY: J1: nothing is lent, and `busy` was not set, so no other borrow of it exists.
        f(unsafe { &mut *self.store.get() })
    }

    /// Lends on what a host function was given, while `f` runs.
    pub(super) fn lend<R>(&self, caller: &mut Caller<'_, Host>, f: impl FnOnce() -> R) -> R {
        let mut context = caller.as_context_mut();
        // The lifetime is not forgotten: the pointer is taken away before this returns.
        let lent = NonNull::from(&mut context).cast::<StoreContextMut<'static, Host>>();
        let _lent = Restore { cell: &self.lent, before: self.lent.replace(Some(lent)) };
        let _busy = Restore { cell: &self.busy, before: self.busy.replace(false) };
        f()
    }

    /// Whether a guest that called the host waits for it.
    pub(super) fn is_lent(&self) -> bool {
        self.lent.get().is_some()
    }
}

/// Puts a cell's value back at the end of a scope.
struct Restore<'a, T: Copy> {
    cell: &'a Cell<T>,
    before: T,
}

impl<T: Copy> Drop for Restore<'_, T> {
    fn drop(&mut self) {
        self.cell.set(self.before);
    }
}

/// Frees the regions of groups that were finalized; how many bytes they had.
pub(super) fn free_regions(cell: &StoreCell, regions: &[Region]) -> u64 {
    debug_assert!(!cell.is_lent());
    // SAFETY: J5.
    cell.with(|store| unsafe { store.free_regions(regions) })
}

/// Values of the script's that an object without a fixed number of properties owns.
#[derive(Default)]
pub(super) struct Values {
    values: RefCell<Vec<Option<Value<'static>>>>,
    free: RefCell<Vec<usize>>,
}

impl Values {
    /// Takes a value in; its number.
    pub(super) fn insert(&self, value: Value<'_>) -> usize {
        // SAFETY: J2: the runtime outlives the list's content.
        let value = unsafe { std::mem::transmute::<Value<'_>, Value<'static>>(value) };
        let mut values = self.values.borrow_mut();
        match self.free.borrow_mut().pop() {
            Some(index) => {
                values[index] = Some(value);
                index
            }
            None => {
                values.push(Some(value));
                values.len() - 1
            }
        }
    }

    /// The value with a number.
    pub(super) fn get<'js>(&self, _: &Ctx<'js>, index: usize) -> Option<Value<'js>> {
        let value = self.values.borrow().get(index)?.clone()?;
        // SAFETY: J2: the values are those of the one runtime, whose context is given.
        Some(unsafe { std::mem::transmute::<Value<'static>, Value<'js>>(value) })
    }

    pub(super) fn remove(&self, index: usize) {
        let value = self.values.borrow_mut().get_mut(index).and_then(Option::take);
        if value.is_some() {
            self.free.borrow_mut().push(index);
        }
        // Its finalizer may come back here, so it is dropped when nothing is borrowed.
        drop(value);
    }

    pub(super) fn clear(&self) {
        let values = std::mem::take(&mut *self.values.borrow_mut());
        self.free.borrow_mut().clear();
        drop(values);
    }

    pub(super) fn trace(&self, tracer: Tracer<'_, '_>) {
        for value in self.values.borrow().iter().flatten() {
            // SAFETY: the tracer's lifetime is only a brand, and the list's is `'static`.
            let tracer =
                unsafe { std::mem::transmute::<Tracer<'_, '_>, Tracer<'_, 'static>>(tracer) };
            tracer.mark(value);
        }
    }
}

/// What an object stands for: its kind, and a number that is unique among those of the kind.
pub(super) type Key = (Kind, u64);

/// The kinds of things of the engine that have one object each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Group,
    Func,
    Memory,
    Shared,
    Table,
    Global,
    Tag,
    Exception,
    Object,
}

/// The objects that stand for things of the engine, none of which this keeps alive.
#[derive(Default)]
pub(super) struct Identities {
    objects: RefCell<HashMap<Key, qjs::JSValue>>,
}

impl Identities {
    /// The object for a key, if there is one.
    pub(super) fn get<'js>(&self, ctx: &Ctx<'js>, key: Key) -> Option<Value<'js>> {
        let object = *self.objects.borrow().get(&key)?;
        // SAFETY: J3: the object is alive, and the new value gets a reference of its own.
        Some(unsafe {
            Value::from_raw(ctx.clone(), qjs::JS_DupValue(ctx.as_raw().as_ptr(), object))
        })
    }

    /// Makes an object the one for the key of the identity that it holds.
    pub(super) fn set<'js, C: JsClass<'js>>(&self, key: Key, object: &Class<'js, C>) {
        self.objects.borrow_mut().insert(key, object.as_value().as_raw());
    }
}

/// A key of [`Identities`], while its object is alive.
pub(super) struct Identity {
    pub(super) key: Key,
    pub(super) realm: Rc<Realm>,
}

impl Drop for Identity {
    fn drop(&mut self) {
        self.realm.identities.objects.borrow_mut().remove(&self.key);
    }
}

/// Where the bytes of a resizable buffer over a memory are, and how many there are.
struct Place {
    start: Cell<*mut u8>,
    len_bytes: Cell<usize>,
}

/// A buffer over a memory, without the memory's object, which has to be made known to it (J4).
pub(super) struct View<'js> {
    pub(super) buffer: Value<'js>,
    pub(super) len_bytes: usize,
    /// How many times the memory had grown when the buffer was made.
    pub(super) growths: u64,
    resizable: bool,
    place: Option<Rc<Place>>,
}

impl<'js> View<'js> {
    /// An `ArrayBuffer` over all bytes of a memory. It is resizable if there is a `max_bytes`.
    ///
    /// # Errors
    ///
    /// A `RangeError` if the memory is longer than the script's engine can show.
    pub(super) fn of_memory(
        ctx: &Ctx<'js>,
        cell: &StoreCell,
        memory: &Memory,
        max_bytes: Option<usize>,
    ) -> Result<View<'js>> {
        let (start, len_bytes) = bytes_of(cell, memory);
        let place = max_bytes
            .map(|_| Rc::new(Place { start: Cell::new(start), len_bytes: Cell::new(len_bytes) }));
        let opaque = place.clone().map_or(std::ptr::null(), Rc::into_raw);
        // SAFETY: J4: the bytes are there as long as the buffer is. A resizable one owns a
        // reference to its place, which `reallocate` takes back at its end.
        let buffer = unsafe {
            let value = qjs::JS_NewArrayBuffer(
                ctx.as_raw().as_ptr(),
                start,
                len_bytes as _,
                max_bytes.map_or(0, |max| max.max(1)) as _,
                place.is_some().then_some(reallocate),
                opaque.cast_mut().cast(),
                false,
            );
            if qjs::JS_VALUE_GET_NORM_TAG(value) == qjs::JS_TAG_EXCEPTION && !opaque.is_null() {
                drop(Rc::from_raw(opaque));
            }
            owned(ctx, value)?
        };
        let growths = cell.with(|store| memory.linear(&*store).growths());
        Ok(View { buffer, len_bytes, growths, resizable: place.is_some(), place })
    }

    /// A `SharedArrayBuffer` over the bytes that a shared memory has now. It can grow if there is a
    /// `max_bytes`.
    ///
    /// # Errors
    ///
    /// As for [`Self::of_memory`].
    pub(super) fn of_shared(
        ctx: &Ctx<'js>,
        memory: &SharedMemory,
        max_bytes: Option<usize>,
    ) -> Result<View<'js>> {
        let bytes = memory.data();
        let start = bytes.as_ptr().cast_mut().cast();
        // SAFETY: J4; shared memories never move. Scripts access it as other threads do.
        let buffer = unsafe {
            let none = std::ptr::null_mut();
            let ctx_ptr = ctx.as_raw().as_ptr();
            let (len, max) = (bytes.len() as _, max_bytes.map_or(0, |max| max.max(1)) as _);
            owned(ctx, qjs::JS_NewArrayBuffer(ctx_ptr, start, len, max, None, none, true))?
        };
        let (len_bytes, resizable) = (bytes.len(), max_bytes.is_some());
        Ok(View { buffer, len_bytes, growths: 0, resizable, place: None })
    }

    pub(super) fn is_resizable(&self) -> bool {
        self.resizable
    }

    /// Lets a resizable buffer become as long as the memory is now, at the place where it is.
    pub(super) fn follow(&mut self, cell: &StoreCell, memory: &Memory) {
        let (start, len_bytes) = bytes_of(cell, memory);
        if let Some(place) = &self.place {
            place.start.set(start);
            place.len_bytes.set(len_bytes);
        }
        self.len_bytes = len_bytes;
    }

    /// Detaches the buffer.
    pub(super) fn detach(self) {
        // SAFETY: it is a buffer of this context.
        unsafe {
            qjs::JS_DetachArrayBuffer(self.buffer.ctx().as_raw().as_ptr(), self.buffer.as_raw());
        }
    }
}

/// Where the bytes of a memory are, and how many.
fn bytes_of(cell: &StoreCell, memory: &Memory) -> (*mut u8, usize) {
    cell.with(|store| {
        let bytes = memory.data_mut(store.as_context_mut());
        (bytes.as_mut_ptr(), bytes.len())
    })
}

/// What the script's engine calls when a resizable buffer over a memory gets another size, or with
/// size 0 at its end. The memory has grown before.
unsafe extern "C" fn reallocate(
    _: *mut qjs::JSRuntime,
    opaque: *mut c_void,
    _: *mut c_void,
    size: qjs::size_t,
) -> *mut c_void {
    let place = opaque.cast_const().cast::<Place>();
    if size == 0 {
        // SAFETY: it came from `Rc::into_raw` in `View::of_memory`, and this is the last call.
        drop(unsafe { Rc::from_raw(place) });
        return std::ptr::null_mut();
    }
    // SAFETY: the buffer owns a reference to its place.
    let place = unsafe { &*place };
    if size as usize <= place.len_bytes.get().max(1) {
        place.start.get().cast()
    } else {
        std::ptr::null_mut()
    }
}

/// The value of a call of the C interface.
///
/// # Safety
///
/// The value must be owned, and of the context.
unsafe fn owned<'js>(ctx: &Ctx<'js>, value: qjs::JSValue) -> Result<Value<'js>> {
    // SAFETY: the caller's promise.
    let exception = unsafe { qjs::JS_VALUE_GET_NORM_TAG(value) } == qjs::JS_TAG_EXCEPTION;
    if exception {
        return Err(rquickjs::Error::Exception);
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { Value::from_raw(ctx.clone(), value) })
}

/// A copy of some bytes of an `ArrayBuffer` or `SharedArrayBuffer`; `None` if it is not one, if it
/// is detached, or if they are not all inside.
pub(super) fn copy_bytes(buffer: &Value<'_>, start: usize, len: usize) -> Option<Vec<u8>> {
    let mut size: qjs::size_t = 0;
    let ctx = buffer.ctx();
    // SAFETY: the value is of the context, and the size can be written.
    let first =
        unsafe { qjs::JS_GetArrayBuffer(ctx.as_raw().as_ptr(), &raw mut size, buffer.as_raw()) };
    if first.is_null() {
        ctx.catch();
        return (start == 0 && len == 0).then(Vec::new);
    }
    let end = start.checked_add(len)?;
    if end > size as usize {
        return None;
    }
    let mut bytes = vec![0; len];
    // SAFETY: the range is inside the buffer, as just checked, and no script runs meanwhile. Of a
    // shared one other threads may write some; any bytes are good.
    unsafe { bytes.as_mut_ptr().copy_from_nonoverlapping(first.add(start), len) };
    Some(bytes)
}

/// The 64-bit integer for a value: `ToBigInt64`.
///
/// # Errors
///
/// The `TypeError` or `SyntaxError` of the conversion.
pub(super) fn to_big_int64(value: &Value<'_>) -> Result<i64> {
    let mut result = 0;
    // SAFETY: the value is of the context, and the result can be written.
    let status = unsafe {
        qjs::JS_ToBigInt64(value.ctx().as_raw().as_ptr(), &raw mut result, value.as_raw())
    };
    if status == 0 { Ok(result) } else { Err(rquickjs::Error::Exception) }
}

/// A string of code units, of which surrogates need not be paired.
pub(super) fn string<'js>(ctx: &Ctx<'js>, units: &[u16]) -> Result<Value<'js>> {
    // SAFETY: the units can be read.
    unsafe {
        let ctx_ptr = ctx.as_raw().as_ptr();
        owned(ctx, qjs::JS_NewStringUTF16(ctx_ptr, units.as_ptr(), units.len() as _))
    }
}

/// The code units of a string.
pub(super) fn code_units(value: &Value<'_>) -> Result<Vec<u16>> {
    let ctx_ptr = value.ctx().as_raw().as_ptr();
    let mut len: qjs::size_t = 0;
    // SAFETY: the value is of the context, and the length can be written. The units are read before
    // they are given back.
    unsafe {
        let units = qjs::JS_ToCStringLenUTF16(ctx_ptr, &raw mut len, value.as_raw());
        if units.is_null() {
            return Err(rquickjs::Error::Exception);
        }
        let copy = std::slice::from_raw_parts(units, len as usize).to_vec();
        qjs::JS_FreeCStringUTF16(ctx_ptr, units);
        Ok(copy)
    }
}

/// Makes an error one that no `catch` of the script stops.
pub(super) fn make_uncatchable(error: &Value<'_>) {
    // SAFETY: the value is of the context.
    unsafe { qjs::JS_SetUncatchableError(error.ctx().as_raw().as_ptr(), error.as_raw()) };
}

/// Makes an object one without a prototype, that gets no properties.
pub(super) fn make_opaque(object: &Value<'_>) {
    let ctx = object.ctx().as_raw().as_ptr();
    // SAFETY: the value is an object of the context. Neither can fail for one without properties.
    unsafe {
        qjs::JS_SetPrototype(ctx, object.as_raw(), qjs::JS_NULL);
        qjs::JS_PreventExtensions(ctx, object.as_raw());
    }
}

/// Which object a value is, as long as that is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ObjectId(usize);

/// The identity of an object. Other values have none of their own.
pub(super) fn identity(value: &Value<'_>) -> ObjectId {
    if !value.is_object() {
        return ObjectId(0);
    }
    // SAFETY: an object is a pointer, which is not followed.
    ObjectId(unsafe { qjs::JS_VALUE_GET_PTR(value.as_raw()) } as usize)
}

/// Bounds what the script's values take, besides what they take now.
pub(super) fn limit_memory(ctx: &Ctx<'_>, limit_bytes: u64) {
    // SAFETY: the context is alive, and so its runtime is; the usage can be written.
    unsafe {
        let runtime = qjs::JS_GetRuntime(ctx.as_raw().as_ptr());
        let mut usage = std::mem::zeroed::<qjs::JSMemoryUsage>();
        qjs::JS_ComputeMemoryUsage(runtime, &raw mut usage);
        let used_bytes = u64::try_from(usage.malloc_size).unwrap_or(0);
        let limit_bytes = used_bytes.saturating_add(limit_bytes);
        qjs::JS_SetMemoryLimit(runtime, limit_bytes as qjs::size_t);
    }
}

/// Lets `Atomics.wait` block.
pub(super) fn allow_blocking(ctx: &Ctx<'_>) {
    // SAFETY: the context is alive, and so its runtime is.
    unsafe { qjs::JS_SetCanBlock(qjs::JS_GetRuntime(ctx.as_raw().as_ptr()), true) };
}

/// Runs `f` with the context of the script that is running.
pub(super) fn with_context<R>(realm: &Realm, f: impl FnOnce(&Ctx<'_>) -> R) -> Option<R> {
    let context = realm.context.get()?;
    // SAFETY: the realm forgets the context before that is dropped.
    Some(f(&unsafe { Ctx::from_raw(context) }))
}

/// The object of a class that a value is.
pub(super) fn class<'js, C: JsClass<'js>>(value: &Value<'js>) -> Option<Class<'js, C>> {
    value.as_object().and_then(Class::from_object)
}

/// The same for values that often are no such object: the engine's own test makes an error then.
pub(super) fn class_quiet<'js, C: JsClass<'js>>(
    realm: &Realm,
    value: &Value<'js>,
) -> Option<Class<'js, C>> {
    let known = realm.class_ids.get()?[usize::from(C::KIND == ClassKind::Callable)];
    (value.is_object() && class_id(value) == known).then(|| class(value))?
}

/// The number of a value's class in the script's engine.
pub(super) fn class_id(value: &Value<'_>) -> u32 {
    // SAFETY: any value may be asked about.
    unsafe { qjs::JS_GetClassID(value.as_raw()) }
}

// SAFETY: the type has no lifetime of a script's values.
unsafe impl<'js> JsLifetime<'js> for Group {
    type Changed<'to> = Group;
}

// SAFETY: only the lifetime changes, which is that of the script's values in it.
unsafe impl<'js> JsLifetime<'js> for Entity<'js> {
    type Changed<'to> = Entity<'to>;
}

// SAFETY: as above.
unsafe impl<'js> JsLifetime<'js> for Exported<'js> {
    type Changed<'to> = Exported<'to>;
}
