//! [`Global`]: the handle to a global variable in a store.

use anyhow::{Context, Result, ensure};

use crate::api::store::handle::Handle;
use crate::api::store::{AsContext, AsContextMut};
use crate::api::types::GlobalType;
use crate::api::values::val::Val;
use crate::runtime::entity::GlobalEntity;

/// A global variable in a [`Store`](crate::Store).
///
/// All methods panic if they are given another store.
///
/// ```
/// use lineal::{Global, GlobalType, Mutability, Store, Val, ValType};
///
/// let mut store = Store::<()>::default();
/// let ty = GlobalType::new(ValType::I64, Mutability::Var);
/// let global = Global::new(&mut store, ty, Val::I64(1))?;
/// global.set(&mut store, Val::I64(2))?;
/// assert_eq!(global.get(&mut store).unwrap_i64(), 2);
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Global {
    handle: Handle<GlobalEntity>,
}

impl Global {
    /// Creates a global.
    ///
    /// # Errors
    ///
    /// If the value is not of the type, or belongs to another store.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine than the store.
    pub fn new(mut store: impl AsContextMut, ty: GlobalType, val: Val) -> Result<Global> {
        let mut store = store.as_context_mut();
        let core = store.core_mut();
        let ty = ty.lower(&core.engine);
        let value = val.to_slots_of(core, ty.content).context("invalid value for a global")?;
        let entity = core.globals.push(GlobalEntity { value, ty });
        // SAFETY: the store owns the global as of now.
        Ok(Global { handle: unsafe { Handle::new(core, entity) } })
    }

    pub(crate) fn from_handle(handle: Handle<GlobalEntity>) -> Global {
        Global { handle }
    }

    pub(crate) fn handle(self) -> Handle<GlobalEntity> {
        self.handle
    }

    /// A number that tells this global from all others that are in the store now: for hosts that
    /// keep something of their own for each.
    pub fn hash_key(&self, store: impl AsContext) -> usize {
        self.handle.entity(store.as_context().core()).addr().get()
    }

    /// The global's type.
    pub fn ty(&self, store: impl AsContext) -> GlobalType {
        let store = store.as_context();
        GlobalType::lift(store.engine(), self.handle.get(store.core()).ty)
    }

    /// The value.
    pub fn get(&self, store: impl AsContext) -> Val {
        let store = store.as_context();
        let global = self.handle.get(store.core());
        // SAFETY: a global of the store holds a value of its type (R4).
        unsafe { Val::from_slots(store.core(), global.ty.content, global.value) }
    }

    /// Sets the value.
    ///
    /// # Errors
    ///
    /// If the global is not mutable, or if the value is not of its type or belongs to another
    /// store.
    pub fn set(&self, mut store: impl AsContextMut, val: Val) -> Result<()> {
        let mut store = store.as_context_mut();
        let ty = self.handle.get(store.core()).ty;
        ensure!(ty.mutable, "the global is immutable");
        let value =
            val.to_slots_of(store.core(), ty.content).context("invalid value for a global")?;
        self.handle.get_mut(store.core_mut()).value = value;
        Ok(())
    }
}
