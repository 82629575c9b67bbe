//! [`Extern`]: anything that can be imported or exported.

use std::fmt;

use lineal_decoder as plain;

use crate::api::engine::Engine;
use crate::api::func::Func;
use crate::api::memory::Memory;
use crate::api::memory::shared::SharedMemory;
use crate::api::refs::table::Table;
use crate::api::refs::tag::Tag;
use crate::api::store::AsContext;
use crate::api::store::handle::{Handle, wrong_store};
use crate::api::types::ExternType;
use crate::api::values::global::Global;
use crate::runtime::entity::MemoryEntity;
use crate::runtime::instance::Entity;
use crate::runtime::store::StoreCore;

/// Something in a store that can be imported and exported.
#[derive(Clone, Debug)]
pub enum Extern {
    /// A function.
    Func(Func),
    /// A global.
    Global(Global),
    /// A table.
    Table(Table),
    /// A memory.
    Memory(Memory),
    /// A tag.
    Tag(Tag),
    /// A memory that threads share; it is in no store.
    SharedMemory(SharedMemory),
}

/// An export of an [`Instance`](crate::Instance): a name and what it stands for.
#[derive(Clone, Debug)]
pub struct Export<'instance> {
    name: &'instance str,
    definition: Extern,
}

/// An import of a [`Module`](crate::Module): what has to be provided, and its two names.
#[derive(Clone)]
pub struct ImportType<'module> {
    module: &'module str,
    name: &'module str,
    engine: &'module Engine,
    ty: plain::ExternType,
}

/// An export of a [`Module`](crate::Module): a name and a type.
#[derive(Clone)]
pub struct ExportType<'module> {
    name: &'module str,
    engine: &'module Engine,
    ty: plain::ExternType,
}

impl Extern {
    /// The function, if this is one.
    pub fn into_func(self) -> Option<Func> {
        if let Extern::Func(func) = self { Some(func) } else { None }
    }

    /// The global, if this is one.
    pub fn into_global(self) -> Option<Global> {
        if let Extern::Global(global) = self { Some(global) } else { None }
    }

    /// The table, if this is one.
    pub fn into_table(self) -> Option<Table> {
        if let Extern::Table(table) = self { Some(table) } else { None }
    }

    /// The memory, if this is one.
    pub fn into_memory(self) -> Option<Memory> {
        if let Extern::Memory(memory) = self { Some(memory) } else { None }
    }

    /// The tag, if this is one.
    pub fn into_tag(self) -> Option<Tag> {
        if let Extern::Tag(tag) = self { Some(tag) } else { None }
    }

    /// The shared memory, if this is one.
    pub fn into_shared_memory(self) -> Option<SharedMemory> {
        if let Extern::SharedMemory(memory) = self { Some(memory) } else { None }
    }

    /// The type.
    ///
    /// # Panics
    ///
    /// If this belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> ExternType {
        match self {
            Extern::Func(func) => ExternType::Func(func.ty(store)),
            Extern::Global(global) => ExternType::Global(global.ty(store)),
            Extern::Table(table) => ExternType::Table(table.ty(store)),
            Extern::Memory(memory) => ExternType::Memory(memory.ty(store)),
            Extern::Tag(tag) => ExternType::Tag(tag.ty(store)),
            Extern::SharedMemory(memory) => ExternType::Memory(memory.ty()),
        }
    }

    /// # Safety
    ///
    /// The store must own the entity.
    pub(crate) unsafe fn from_entity(store: &StoreCore, entity: Entity) -> Extern {
        // SAFETY: the caller's promise.
        unsafe {
            match entity {
                Entity::Func(e) => Extern::Func(Func::from_handle(Handle::new(store, e))),
                Entity::Global(e) => Extern::Global(Global::from_handle(Handle::new(store, e))),
                Entity::Table(e) => Extern::Table(Table::from_handle(Handle::new(store, e))),
                Entity::Memory(e) => match e.as_ref() {
                    MemoryEntity::Linear(_) => {
                        Extern::Memory(Memory::from_handle(Handle::new(store, e)))
                    }
                    MemoryEntity::Shared(memory) => Extern::SharedMemory(
                        SharedMemory::from_linear(memory.clone(), store.engine.clone()),
                    ),
                },
                Entity::Tag(e) => Extern::Tag(Tag::from_handle(Handle::new(store, e))),
            }
        }
    }

    /// Checks that this can be used in a store.
    ///
    /// # Panics
    ///
    /// If it belongs to another store, or, being shared, to another engine.
    pub(crate) fn check_store(&self, store: &StoreCore) {
        let belongs = match self {
            Extern::Func(func) => func.handle().belongs_to(store),
            Extern::Global(global) => global.handle().belongs_to(store),
            Extern::Table(table) => table.handle().belongs_to(store),
            Extern::Memory(memory) => memory.handle().belongs_to(store),
            Extern::Tag(tag) => tag.handle().belongs_to(store),
            Extern::SharedMemory(memory) => Engine::same(memory.engine(), &store.engine),
        };
        if !belongs {
            wrong_store();
        }
    }

    /// The entity. A shared memory gets one in each store that uses it.
    ///
    /// # Panics
    ///
    /// As [`check_store`](Self::check_store).
    pub(crate) fn entity(&self, store: &mut StoreCore) -> Entity {
        self.check_store(store);
        match self {
            Extern::Func(func) => Entity::Func(func.handle().entity(store)),
            Extern::Global(global) => Entity::Global(global.handle().entity(store)),
            Extern::Table(table) => Entity::Table(table.handle().entity(store)),
            Extern::Memory(memory) => Entity::Memory(memory.handle().entity(store)),
            Extern::Tag(tag) => Entity::Tag(tag.handle().entity(store)),
            Extern::SharedMemory(memory) => Entity::Memory(store.shared_memory(memory.linear())),
        }
    }
}

macro_rules! extern_from {
    ($($ty:ident)*) => {$(
        impl From<$ty> for Extern {
            fn from(item: $ty) -> Extern {
                Extern::$ty(item)
            }
        }
    )*};
}

extern_from! { Func Global Table Memory Tag SharedMemory }

impl<'instance> Export<'instance> {
    pub(crate) fn new(name: &'instance str, definition: Extern) -> Export<'instance> {
        Export { name, definition }
    }

    /// The name.
    pub fn name(&self) -> &'instance str {
        self.name
    }

    /// What the name stands for.
    pub fn into_extern(self) -> Extern {
        self.definition
    }

    /// The function, if it is one.
    pub fn into_func(self) -> Option<Func> {
        self.definition.into_func()
    }

    /// The global, if it is one.
    pub fn into_global(self) -> Option<Global> {
        self.definition.into_global()
    }

    /// The table, if it is one.
    pub fn into_table(self) -> Option<Table> {
        self.definition.into_table()
    }

    /// The memory, if it is one.
    pub fn into_memory(self) -> Option<Memory> {
        self.definition.into_memory()
    }

    /// The tag, if it is one.
    pub fn into_tag(self) -> Option<Tag> {
        self.definition.into_tag()
    }

    /// The shared memory, if it is one.
    pub fn into_shared_memory(self) -> Option<SharedMemory> {
        self.definition.into_shared_memory()
    }

    /// The type.
    ///
    /// # Panics
    ///
    /// If the instance belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> ExternType {
        self.definition.ty(store)
    }
}

impl<'module> ImportType<'module> {
    pub(crate) fn new(
        module: &'module str,
        name: &'module str,
        engine: &'module Engine,
        ty: plain::ExternType,
    ) -> ImportType<'module> {
        ImportType { module, name, engine, ty }
    }

    /// The first name, of the module imported from.
    pub fn module(&self) -> &'module str {
        self.module
    }

    /// The second name, of the item imported.
    pub fn name(&self) -> &'module str {
        self.name
    }

    /// The type the item must have.
    pub fn ty(&self) -> ExternType {
        ExternType::lift(self.engine, &self.ty)
    }
}

impl<'module> ExportType<'module> {
    pub(crate) fn new(
        name: &'module str,
        engine: &'module Engine,
        ty: plain::ExternType,
    ) -> ExportType<'module> {
        ExportType { name, engine, ty }
    }

    /// The name.
    pub fn name(&self) -> &'module str {
        self.name
    }

    /// The type of the item.
    pub fn ty(&self) -> ExternType {
        ExternType::lift(self.engine, &self.ty)
    }
}

impl fmt::Debug for ImportType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportType")
            .field("module", &self.module)
            .field("name", &self.name)
            .field("ty", &self.ty())
            .finish()
    }
}

impl fmt::Debug for ExportType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportType").field("name", &self.name).field("ty", &self.ty()).finish()
    }
}
