//! [`Store`] and the borrows of it that the rest of the API takes.
//!
//! ```text
//! Store<T>  ── owns ──►  StoreInner<T> { core: StoreCore, data: T }
//!    │ as_context_mut()         ▲
//!    ▼                          │ &mut
//! StoreContextMut<'_, T> ───────┘        (StoreContext<'_, T>: &)
//! ```

#[cfg(feature = "async")]
pub(crate) mod asynchronous;
mod backtrace;
pub(crate) mod control;
#[cfg(feature = "coredump")]
pub(crate) mod coredump;
pub(crate) mod exceptions;
pub(crate) mod handle;
pub(crate) mod limits;
mod observe;
pub(crate) mod region;

use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

use anyhow::Result;

use crate::api::engine::Engine;
use crate::exec;
use crate::runtime::limits::Limits;
use crate::runtime::store::StoreCore;

/// Where instances, their memories, tables and globals, and host functions live.
///
/// A store also holds a value of the host, the `T`. Host functions reach it through their
/// [`Caller`](crate::Caller). Everything made in a store stays until the store is
/// dropped (or its [`Region`](crate::Region) is freed); the handles ([`Func`](crate::Func), [`Memory`](crate::Memory) and so on) work with
/// their own store only and panic when used with another.
///
/// A store belongs to one thread at a time. It is `Send` if `T` is.
///
/// # After a failure
///
/// A call into the guest can end by a trap, by an error of a host function, or by a panic of host
/// code (a host function, a limiter, a callback, or the `Drop` of a value that is collected). A
/// panic passes through the guest to whoever called it, as if guests were ordinary functions. In
/// each of these cases the store can still be used. What the guest did in memories, tables and globals
/// remains; the fuel that it consumed is gone; its stack is free again; references live as long as the
/// scopes that they were rooted in. Only the guest's own data may be inconsistent, as after any
/// interruption.
///
/// ```
/// use std::panic::{AssertUnwindSafe, catch_unwind};
///
/// use lineal::{Instance, Module, Func, Store};
///
/// let mut store = Store::<()>::default();
/// let module = Module::new(store.engine(), r#"(module (import "" "" (func $f (param i32)))
///     (global (export "calls") (mut i32) (i32.const 0))
///     (func (export "run") (param i32)
///         (global.set 0 (i32.add (global.get 0) (i32.const 1)))
///         (call $f (local.get 0))))"#)?;
/// let f = Func::wrap(&mut store, |x: i32| assert!(x > 0, "{x} is not positive"));
/// let instance = Instance::new(&mut store, &module, &[f.into()])?;
/// let run = instance.get_typed_func::<i32, ()>(&store, "run")?;
///
/// let panic = catch_unwind(AssertUnwindSafe(|| run.call(&mut store, -1))).unwrap_err();
/// assert_eq!(panic.downcast_ref::<String>().unwrap(), "-1 is not positive");
/// run.call(&mut store, 1)?;
/// let calls = instance.get_global(&store, "calls").unwrap();
/// assert_eq!(calls.get(&mut store).unwrap_i32(), 2);
/// # Ok::<(), lineal::Error>(())
/// ```
///
/// ```
/// use lineal::{Engine, Store};
///
/// let mut store = Store::new(&Engine::default(), vec![1, 2]);
/// store.data_mut().push(3);
/// assert_eq!(store.into_data(), [1, 2, 3]);
/// ```
pub struct Store<T> {
    inner: Box<StoreInner<T>>,
}

/// A store's contents. The part without `T` comes first, so that a pointer to it is a pointer to
/// the whole as well; host functions depend on that.
///
/// ```compile_fail
/// fn shorten<'a>(store: lineal::Store<&'static str>) -> lineal::Store<&'a str> {
///     store // host functions in it may expect a `&'static str`
/// }
/// ```
#[repr(C)]
pub(crate) struct StoreInner<T> {
    pub(crate) core: StoreCore,
    pub(crate) data: T,
    /// Host functions of the store were made for exactly this `T`, so a store must not be taken
    /// for one of a subtype or supertype of it.
    invariant: PhantomData<fn(T) -> T>,
}

/// A shared borrow of a [`Store`].
pub struct StoreContext<'a, T>(pub(crate) &'a StoreInner<T>);

/// An exclusive borrow of a [`Store`].
pub struct StoreContextMut<'a, T>(pub(crate) &'a mut StoreInner<T>);

/// What a store can be read through: a [`Store`], a [`StoreContext`], a
/// [`Caller`](crate::Caller), a [`RootScope`](crate::RootScope), or a reference to one of them.
///
/// The trait is sealed: one implementer is one store, each time that it is asked.
///
/// ```compile_fail
/// use lineal::AsContext;
///
/// struct TwoStores(lineal::Store<()>, lineal::Store<()>);
///
/// impl AsContext for TwoStores {
///     type Data = ();
///
///     fn as_context(&self) -> lineal::StoreContext<'_, ()> {
///         self.0.as_context()
///     }
/// }
/// ```
pub trait AsContext: sealed::OneStore {
    /// The type of the host's value in the store.
    type Data;

    /// Borrows the store.
    fn as_context(&self) -> StoreContext<'_, Self::Data>;
}

/// What a store can be changed through: a [`Store`], a [`StoreContextMut`], a
/// [`Caller`](crate::Caller), a [`RootScope`](crate::RootScope), or an exclusive reference to one
/// of them. The trait is sealed, as [`AsContext`] is.
pub trait AsContextMut: AsContext {
    /// Borrows the store exclusively.
    fn as_context_mut(&mut self) -> StoreContextMut<'_, Self::Data>;
}

pub(crate) mod sealed {
    use crate::runtime::store::StoreCore;

    /// What lends out the same store each time.
    pub trait OneStore {}

    /// A store in the signatures of sealed traits, which must not name the real type.
    #[derive(Clone, Copy)]
    pub struct Core<'a>(pub(crate) &'a StoreCore);
}

impl<T> sealed::OneStore for Store<T> {}
impl<T> sealed::OneStore for StoreContext<'_, T> {}
impl<T> sealed::OneStore for StoreContextMut<'_, T> {}
impl<C: sealed::OneStore> sealed::OneStore for &C {}
impl<C: sealed::OneStore> sealed::OneStore for &mut C {}

impl<T> Store<T> {
    /// Creates an empty store with a value of the host.
    pub fn new(engine: &Engine, data: T) -> Store<T> {
        let core = StoreCore::new(engine, exec::switch_return_ip());
        Store { inner: Box::new(StoreInner { core, data, invariant: PhantomData }) }
    }

    /// Does the same as [`Store::new`].
    ///
    /// # Errors
    ///
    /// None at present: running out of memory aborts the program.
    pub fn try_new(engine: &Engine, data: T) -> Result<Store<T>> {
        Ok(Store::new(engine, data))
    }

    /// The host's value.
    pub fn data(&self) -> &T {
        &self.inner.data
    }

    /// The host's value, mutably.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.inner.data
    }

    /// Drops everything in the store except the host's value.
    pub fn into_data(self) -> T {
        self.inner.data
    }

    /// The engine the store was made with.
    pub fn engine(&self) -> &Engine {
        &self.inner.core.engine
    }
}

impl<'a, T> StoreContext<'a, T> {
    /// The host's value.
    pub fn data(&self) -> &'a T {
        &self.0.data
    }

    /// The engine the store was made with.
    pub fn engine(&self) -> &'a Engine {
        &self.0.core.engine
    }

    pub(crate) fn core(&self) -> &'a StoreCore {
        &self.0.core
    }
}

impl<T> StoreContextMut<'_, T> {
    /// The host's value.
    pub fn data(&self) -> &T {
        &self.0.data
    }

    /// The host's value, mutably.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.0.data
    }

    /// The engine the store was made with.
    pub fn engine(&self) -> &Engine {
        &self.0.core.engine
    }

    pub(crate) fn core(&self) -> &StoreCore {
        &self.0.core
    }

    pub(crate) fn core_mut(&mut self) -> &mut StoreCore {
        &mut self.0.core
    }

    /// What the store's limiter lets the host do.
    pub(crate) fn limits(&mut self) -> Limits<'_> {
        // SAFETY: the store is borrowed exclusively for as long as the result lives (R3, R7).
        unsafe { Limits::new(self.core_ptr()) }
    }

    /// The store for the executor. The pointer is valid for the whole [`StoreInner`], which host
    /// functions get back from it, until this borrow is used again (**R7**).
    pub(crate) fn core_ptr(&mut self) -> NonNull<StoreCore> {
        NonNull::from(&mut *self.0).cast()
    }
}

impl<T> AsContext for Store<T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(&self.inner)
    }
}

impl<T> AsContextMut for Store<T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut(&mut self.inner)
    }
}

impl<T> AsContext for StoreContext<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(self.0)
    }
}

impl<T> AsContext for StoreContextMut<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(self.0)
    }
}

impl<T> AsContextMut for StoreContextMut<'_, T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut(self.0)
    }
}

impl<C: AsContext> AsContext for &C {
    type Data = C::Data;

    fn as_context(&self) -> StoreContext<'_, C::Data> {
        (**self).as_context()
    }
}

impl<C: AsContext> AsContext for &mut C {
    type Data = C::Data;

    fn as_context(&self) -> StoreContext<'_, C::Data> {
        (**self).as_context()
    }
}

impl<C: AsContextMut> AsContextMut for &mut C {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, C::Data> {
        (**self).as_context_mut()
    }
}

impl<'a, C: AsContext> From<&'a C> for StoreContext<'a, C::Data> {
    fn from(store: &'a C) -> StoreContext<'a, C::Data> {
        store.as_context()
    }
}

impl<'a, C: AsContext> From<&'a mut C> for StoreContext<'a, C::Data> {
    fn from(store: &'a mut C) -> StoreContext<'a, C::Data> {
        C::as_context(store)
    }
}

impl<'a, T> From<StoreContextMut<'a, T>> for StoreContext<'a, T> {
    fn from(store: StoreContextMut<'a, T>) -> StoreContext<'a, T> {
        StoreContext(store.0)
    }
}

impl<'a, C: AsContextMut> From<&'a mut C> for StoreContextMut<'a, C::Data> {
    fn from(store: &'a mut C) -> StoreContextMut<'a, C::Data> {
        store.as_context_mut()
    }
}

impl<T: Default> Default for Store<T> {
    /// A store around a default value, with a default engine of its own.
    fn default() -> Store<T> {
        Store::new(&Engine::default(), T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("data", self.data()).finish_non_exhaustive()
    }
}

/// A store can be handed to another thread, and read from several.
#[cfg(test)]
const _: () = {
    const fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Store<()>>();
    is_send_and_sync::<Engine>();
    is_send_and_sync::<crate::api::Module>();
    is_send_and_sync::<crate::api::Linker<()>>();
};
