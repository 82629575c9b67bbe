//! [`Tag`]: the handle to a tag of exceptions in a store.

use anyhow::Result;

use crate::api::store::handle::Handle;
use crate::api::store::{AsContext, AsContextMut};
use crate::api::types::{FuncType, TagType};
use crate::runtime::entity::TagEntity;

/// A tag in a [`Store`](crate::Store): what exceptions are thrown with and caught by.
///
/// All methods panic if they are given another store.
///
/// ```
/// use lineal::{ExnRef, ExnRefPre, ExnType, FuncType, Store, Tag, TagType, Val, ValType};
///
/// let mut store = Store::<()>::default();
/// let ty = TagType::new(FuncType::new(store.engine(), [ValType::I32], []));
/// let tag = Tag::new(&mut store, &ty)?;
/// let allocator = ExnRefPre::new(&mut store, ExnType::from_tag_type(&ty)?);
/// let exception = ExnRef::new(&mut store, &allocator, &tag, &[Val::I32(7)])?;
/// assert!(Tag::eq(&exception.tag(&mut store)?, &tag, &store));
/// assert_eq!(exception.field(&mut store, 0)?.unwrap_i32(), 7);
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Tag {
    handle: Handle<TagEntity>,
}

impl Tag {
    /// Creates a tag, which is equal to no other.
    ///
    /// # Errors
    ///
    /// None at present.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine than the store.
    pub fn new(mut store: impl AsContextMut, ty: &TagType) -> Result<Tag> {
        let mut store = store.as_context_mut();
        let core = store.core_mut();
        let type_index = ty.ty().index_in(&core.engine);
        let entity = core.tags.push(TagEntity { type_index, ty: ty.ty().plain().clone() });
        // SAFETY: the store owns the tag as of now.
        Ok(Tag { handle: unsafe { Handle::new(core, entity) } })
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
        TagType::new(FuncType::at(store.engine(), entity.type_index))
    }

    /// Whether two handles stand for one tag.
    pub fn eq(a: &Tag, b: &Tag, store: impl AsContext) -> bool {
        let store = store.as_context();
        a.handle.entity(store.core()) == b.handle.entity(store.core())
    }
}
