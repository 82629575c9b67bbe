//! Exceptions on their way through the host, and the collection of objects.

use anyhow::Result;

use crate::api::func::caller::Caller;
use crate::api::refs::GcHeapOutOfMemory;
use crate::api::refs::exnref::ExnRef;
use crate::api::refs::rooting::Rooted;
use crate::api::store::{AsContext, AsContextMut, Store, StoreContextMut};
pub use crate::runtime::unwind::ThrownException;

impl<T> StoreContextMut<'_, T> {
    /// Keeps an exception in the store, and returns the error by which a host function throws it.
    ///
    /// # Errors
    ///
    /// Always.
    ///
    /// # Panics
    ///
    /// If the exception belongs to another store, or is gone.
    pub fn throw<R>(&mut self, exception: Rooted<ExnRef>) -> Result<R, ThrownException> {
        let core = self.core_mut();
        match exception.reference().to_slot(core) {
            Ok(bits) => core.heap.pending_exception = bits,
            Err(error) => panic!("{error}"),
        }
        Err(ThrownException)
    }

    /// The exception that the last [`ThrownException`] was about, once.
    pub fn take_pending_exception(&mut self) -> Option<Rooted<ExnRef>> {
        let core = self.core_mut();
        let bits = std::mem::take(&mut core.heap.pending_exception);
        Rooted::from_slot(core, bits)
    }

    /// Whether an exception waits for [`Self::take_pending_exception`].
    pub fn has_pending_exception(&self) -> bool {
        self.core().heap.pending_exception != 0
    }

    /// Frees the objects that nothing refers to any more. Allocations do so by themselves when
    /// it is time. The allocation that failed, if that is why, needs no other treatment.
    ///
    /// # Errors
    ///
    /// None at present.
    pub fn gc(&mut self, _why: Option<&GcHeapOutOfMemory<()>>) -> Result<()> {
        self.core_mut().collect_garbage();
        Ok(())
    }
}

macro_rules! through_context {
    ($($ty:ty)*) => {$(
        impl<T> $ty {
            /// See [`StoreContextMut::throw`].
            ///
            /// # Errors
            ///
            /// Always.
            ///
            /// # Panics
            ///
            /// If the exception belongs to another store, or is gone.
            pub fn throw<R>(&mut self, exception: Rooted<ExnRef>) -> Result<R, ThrownException> {
                self.as_context_mut().throw(exception)
            }

            /// See [`StoreContextMut::take_pending_exception`].
            pub fn take_pending_exception(&mut self) -> Option<Rooted<ExnRef>> {
                self.as_context_mut().take_pending_exception()
            }

            /// See [`StoreContextMut::has_pending_exception`].
            pub fn has_pending_exception(&self) -> bool {
                self.as_context().core().heap.pending_exception != 0
            }

            /// See [`StoreContextMut::gc`].
            ///
            /// # Errors
            ///
            /// None at present.
            pub fn gc(&mut self, why: Option<&GcHeapOutOfMemory<()>>) -> Result<()> {
                self.as_context_mut().gc(why)
            }
        }
    )*};
}

through_context! { Store<T> Caller<'_, T> }
