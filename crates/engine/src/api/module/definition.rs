//! [`Definition`]: what stands for an import before there is a store.

use crate::api::func::Func;
use crate::api::func::host::HostDef;
use crate::api::module::externs::Extern;
use crate::api::store::StoreContextMut;

/// What is defined for an import.
#[derive(Clone)]
pub(in crate::api) enum Definition {
    /// Something in a store.
    Extern(Extern),
    /// A host function, put into the store when it is imported.
    HostFunc(HostDef),
}

impl Definition {
    pub(in crate::api) fn to_extern<T>(&self, store: &mut StoreContextMut<'_, T>) -> Extern {
        match self {
            Definition::Extern(item) => item.clone(),
            // Linkers are invariant in `T`, so the function was made for this very `T`.
            Definition::HostFunc(def) => Func::from_def(store, def).into(),
        }
    }
}
