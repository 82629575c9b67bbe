//! The store that a script's functions work on, from wherever they are called.
//!
//! A script calls the guest and the guest calls the script, to any depth. Whoever calls the
//! script [enters](enter) the store first: [`run`](crate::run) with the store itself, a function
//! that the guest imports with its [`Caller`](lineal::Caller). Functions of the script then reach
//! it by [`with`], without holding it. It is borrowed only as long as the closure of `with` runs,
//! and a guest that runs meanwhile enters it anew when it calls the script.

use lineal::{AsContextMut, StoreContextMut};
use scoped_tls_hkt::{ReborrowMut, scoped_thread_local};

use crate::Host;

scoped_thread_local!(static mut STORE: for<'a> Entered<'a>);

/// The store of the innermost call of the script.
struct Entered<'a>(StoreContextMut<'a, Host>);

impl<'a> ReborrowMut<'a> for Entered<'_> {
    type Result = Entered<'a>;

    fn reborrow_mut(&'a mut self) -> Entered<'a> {
        Entered(self.0.as_context_mut())
    }
}

/// Runs what uses a store by [`with`].
pub(crate) fn enter<R>(mut store: impl AsContextMut<Data = Host>, script: impl FnOnce() -> R) -> R {
    STORE.set(Entered(store.as_context_mut()), script)
}

/// Lends the store that was entered last.
///
/// # Panics
///
/// If none was, or if it is lent already: what runs in the closure must not call the script but
/// by way of a guest.
pub(crate) fn with<R>(access: impl FnOnce(StoreContextMut<'_, Host>) -> R) -> R {
    STORE.with(|mut store| access(store.0.as_context_mut()))
}
