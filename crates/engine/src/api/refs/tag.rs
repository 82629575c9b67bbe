//! [`Tag`]: the handle to a tag of exceptions in a store.

use lineal_decoder::TagType;

use crate::api::store::handle::Handle;
use crate::api::store::{AsContext, AsContextMut};
use crate::runtime::entity::TagEntity;

/// A tag in a [`Store`](crate::Store): what exceptions are thrown with and caught by.
///
/// All methods panic if they are given another store.
///
/// ```
/// use lineal::{ExnRef, FuncType, Store, Tag, TagType, Val, ValType};
///
/// let mut store = Store::<()>::default();
/// let tag = Tag::new(&mut store, &TagType::new(FuncType::new([ValType::I32], [])));
/// let exception = ExnRef::new(&mut store, &tag, &[Val::I32(7)])?;
/// assert!(Tag::eq(&exception.tag(&store)?, &tag, &store));
/// assert_eq!(exception.field(&store, 0)?.unwrap_i32(), 7);
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Tag {
    handle: Handle<TagEntity>,
}

impl Tag {
    /// Creates a tag, which is equal to no other.
    ///
    /// # Panics
    ///
    /// If the type refers to a type that is not one of the engine's.
    pub fn new(mut store: impl AsContextMut, ty: &TagType) -> Tag {
        let mut store = store.as_context_mut();
        let core = store.core_mut();
        let type_index = core.engine.register_func_type(ty.ty());
        let entity = core.tags.push(TagEntity { type_index, ty: ty.ty().clone() });
        // SAFETY: the store owns the tag as of now.
        Tag { handle: unsafe { Handle::new(core, entity) } }
    }

    pub(crate) fn from_handle(handle: Handle<TagEntity>) -> Tag {
        Tag { handle }
    }

    pub(crate) fn handle(self) -> Handle<TagEntity> {
        self.handle
    }

    /// A number that tells this tag from all others that are in the store now: for hosts that
    /// keep something of their own for each.
    pub fn hash_key(&self, store: impl AsContext) -> usize {
        self.handle.entity(store.as_context().core()).addr().get()
    }

    /// The tag's type.
    pub fn ty(&self, store: impl AsContext) -> TagType {
        let store = store.as_context();
        let entity = self.handle.get(store.core());
        TagType::new(entity.ty.defined_as(entity.type_index))
    }

    /// Whether two handles stand for one tag.
    pub fn eq(a: &Tag, b: &Tag, store: impl AsContext) -> bool {
        let store = store.as_context();
        a.handle.entity(store.core()) == b.handle.entity(store.core())
    }
}
