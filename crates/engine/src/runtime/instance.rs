//! An instance: a module's index spaces, filled with entities.
//!
//! [`instantiate`] goes through the specification's steps: it checks the imports, allocates what
//! the module defines, evaluates the initial values of globals, tables and element segments,
//! and copies the active segments. The start function is the caller's to call.

use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::Arc;

use anyhow::{Error, Result, ensure};
use lineal_decoder::{ElementItems, ElementSegment, ExternIndex, ExternType, SegmentMode};
use lineal_memory::DataSegment;

use super::code::ModuleCode;
use super::const_expr::Scope;
use super::details::MemoryTrap;
use super::engine::Engine;
use super::entity::{
    FuncEntity, FuncKind, GlobalEntity, MemoryEntity, TableEntity, TagEntity, with_memory,
};
use super::footprint;
use super::hooks;
use super::imports;
use super::limits::Limits;
use super::observe::event::AccessSource;
use super::observe::{self, Before};
use super::options::PIECE_BYTES;
use super::room::{self, OutOfMemory};
use super::store::{StoreCore, addresses};
use super::trap::Trap;

/// An instance of a module. All index spaces list imports first.
pub(crate) struct InstanceData {
    pub(crate) module: Arc<ModuleCode>,
    pub(crate) funcs: Box<[NonNull<FuncEntity>]>,
    pub(crate) tables: Box<[NonNull<TableEntity>]>,
    pub(crate) memories: Box<[NonNull<MemoryEntity>]>,
    pub(crate) globals: Box<[NonNull<GlobalEntity>]>,
    pub(crate) tags: Box<[NonNull<TagEntity>]>,
    /// The data segments; dropped ones are empty.
    pub(crate) data: Box<[RefCell<DataSegment>]>,
    /// The element segments' references; dropped ones are empty.
    pub(crate) elements: Box<[RefCell<Box<[u64]>>]>,
}

/// An entity of any kind.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entity {
    Func(NonNull<FuncEntity>),
    Table(NonNull<TableEntity>),
    Memory(NonNull<MemoryEntity>),
    Global(NonNull<GlobalEntity>),
    Tag(NonNull<TagEntity>),
}

impl InstanceData {
    /// The entity that an index of the module stands for.
    pub(crate) fn entity(&self, index: ExternIndex) -> Entity {
        match index {
            ExternIndex::Func(i) => Entity::Func(self.funcs[i as usize]),
            ExternIndex::Table(i) => Entity::Table(self.tables[i as usize]),
            ExternIndex::Memory(i) => Entity::Memory(self.memories[i as usize]),
            ExternIndex::Global(i) => Entity::Global(self.globals[i as usize]),
            ExternIndex::Tag(i) => Entity::Tag(self.tags[i as usize]),
        }
    }

    /// The start function.
    pub(crate) fn start(&self) -> Option<NonNull<FuncEntity>> {
        self.module.decoded.start.map(|index| self.funcs[index as usize])
    }

    /// # Safety
    ///
    /// As for [`Limits::new`], as long as the scope lives.
    unsafe fn scope_in(&self, store: NonNull<StoreCore>) -> Scope<'_> {
        // SAFETY: the caller's promise.
        self.scope(unsafe { Limits::new(store) })
    }

    fn scope<'a>(&'a self, limits: Limits<'a>) -> Scope<'a> {
        Scope { funcs: &self.funcs, globals: &self.globals, module: &self.module, limits }
    }
}

/// What the objects of a module's constant expressions may take without being collected for.
const CONSTANT_BYTES: usize = 64 << 10;

/// Instantiates a module, except for its start function.
///
/// If this fails from the active segments on, what was done until then remains, as the
/// specification says: functions that got into tables can be called.
///
/// # Safety
///
/// The store must be borrowed exclusively, and the pointer must be good for what host functions
/// make of it (R3). The imports must be entities of the store.
pub(crate) unsafe fn instantiate(
    core: NonNull<StoreCore>,
    module: &Arc<ModuleCode>,
    provided: &[Entity],
) -> Result<NonNull<InstanceData>> {
    // SAFETY: the caller's promise; until the instance is initialized, the store is reached through
    // this only (R7).
    let mut limits = unsafe { Limits::new(core) };
    let engine = &limits.core().engine;
    ensure!(Engine::same(engine, &module.engine), "the module was made with another engine");
    check_imports(module, provided)?;
    let instance_bytes = footprint::of_instance(&module.decoded);
    footprint::check(instance_bytes, module.engine.config().module_memory_limit_bytes())?;
    limits.check_instances(module.size_bytes().saturating_add(instance_bytes))?;
    if limits.core().heap.is_due(CONSTANT_BYTES) {
        // What is made from here on is not collected before it has its place.
        limits.core().collect_garbage();
    }
    // These can fail, so they come before anything is put into the store.
    let tables = new_tables(&mut limits, module)?;
    let memories = new_memories(&mut limits, module)?;
    let instance = allocate(&mut limits, module, provided, tables, memories)?;
    // SAFETY: R1: it was just allocated; R3: nothing else runs.
    unsafe {
        observe::instantiated(core, instance.as_ref()).map_err(observe::into_error)?;
        initialize(core, instance.as_ref())?;
    }
    Ok(instance)
}

fn check_imports(module: &ModuleCode, provided: &[Entity]) -> Result<()> {
    let imports = &module.decoded.imports;
    let (expected, actual) = (imports.len(), provided.len());
    ensure!(expected == actual, "expected {expected} imports, found {actual}");
    let mut func_types = module.decoded.funcs.iter().map(|&ty| module.types[ty as usize]);
    let mut tag_types = module.decoded.tags.iter().map(|&ty| module.types[ty as usize]);
    for (import, &entity) in imports.iter().zip(provided) {
        let expected = imports::Expected {
            ty: module.extern_type(&import.ty),
            type_index: match import.ty {
                ExternType::Func(_) => func_types.next(),
                ExternType::Tag(_) => tag_types.next(),
                _ => None,
            },
        };
        // SAFETY: R1: it is an entity of the store; R3: nothing runs.
        unsafe { imports::check(module.engine.types(), import, &expected, entity)? };
    }
    Ok(())
}

/// The entities of an instance, with as much of them as can be known before any code runs.
fn allocate(
    limits: &mut Limits<'_>,
    module: &Arc<ModuleCode>,
    imports: &[Entity],
    new_tables: Vec<TableEntity>,
    new_memories: Vec<MemoryEntity>,
) -> Result<NonNull<InstanceData>> {
    let segments = module.decoded.data.iter();
    let mut instance = InstanceData {
        module: module.clone(),
        funcs: Box::default(),
        tables: Box::default(),
        memories: Box::default(),
        globals: Box::default(),
        tags: Box::default(),
        data: room::collect(segments.map(|segment| RefCell::new(passive_data(module, segment))))?,
        elements: Box::default(),
    };
    let (mut funcs, mut tables, mut memories, mut globals, mut tags) = split(imports);
    let decoded = &module.decoded;
    room::reserve(&mut funcs, decoded.funcs.len())?;
    room::reserve(&mut globals, decoded.globals.len())?;
    room::reserve(&mut tags, decoded.tags.len())?;
    let store = limits.core();
    tables.extend(new_tables.into_iter().map(|table| store.tables.push(table)));
    memories.extend(new_memories.into_iter().map(|memory| store.memories.push(memory)));
    tags.extend(addresses(store.tags.extend(new_tags(module))?));
    instance.tags = tags.into();
    instance.tables = tables.into();
    instance.memories = memories.into();

    // Functions know their instance, and so must be made after it.
    let instance = store.instances.push(instance);
    funcs.extend(addresses(new_funcs(store, module, instance)?));
    // SAFETY: R1: it was just put into the store, and nothing else knows of it.
    let this = unsafe { &mut *instance.as_ptr() };
    this.funcs = funcs.into();

    let own = &decoded.globals[globals.len()..];
    let entities = store.globals.extend(own.iter().map(|global| GlobalEntity {
        value: Default::default(),
        ty: global.ty.map_index(|index| module.type_index(index)),
    }))?;
    for (global, entity) in own.iter().zip(addresses(entities)) {
        let limits = limits.reborrow();
        let mut scope = Scope { funcs: &this.funcs, globals: &globals, module, limits };
        if let Some(init) = &global.init {
            let value = scope.evaluate_wide(init)?;
            // SAFETY: R1: it was just put into the store, and nothing else knows of it.
            unsafe { (*entity.as_ptr()).value = value };
        }
        globals.push(entity);
    }
    this.globals = globals.into();
    let mut elements = Vec::new();
    room::reserve(&mut elements, decoded.elements.len())?;
    for segment in &decoded.elements {
        let items = passive_items(segment, this.scope(limits.reborrow()))?;
        elements.push(RefCell::new(items));
    }
    this.elements = elements.into();
    Ok(instance)
}

type EntityLists = (
    Vec<NonNull<FuncEntity>>,
    Vec<NonNull<TableEntity>>,
    Vec<NonNull<MemoryEntity>>,
    Vec<NonNull<GlobalEntity>>,
    Vec<NonNull<TagEntity>>,
);

/// The imports by kind.
fn split(imports: &[Entity]) -> EntityLists {
    let mut lists = EntityLists::default();
    for &import in imports {
        match import {
            Entity::Func(func) => lists.0.push(func),
            Entity::Table(table) => lists.1.push(table),
            Entity::Memory(memory) => lists.2.push(memory),
            Entity::Global(global) => lists.3.push(global),
            Entity::Tag(tag) => lists.4.push(tag),
        }
    }
    lists
}

fn new_tables(limits: &mut Limits<'_>, module: &ModuleCode) -> Result<Vec<TableEntity>> {
    let own = &module.decoded.tables[module.decoded.imported_tables as usize..];
    limits.check_tables(own.len())?;
    let new = |table: &lineal_decoder::Table| {
        limits.new_table(table.ty.map_index(|index| module.type_index(index)), 0)
    };
    own.iter().map(new).collect()
}

fn new_tags(module: &ModuleCode) -> impl ExactSizeIterator<Item = TagEntity> {
    let own = &module.decoded.tags[module.decoded.imported_tags as usize..];
    own.iter().map(|&ty| {
        let type_index = module.types[ty as usize];
        TagEntity { type_index, ty: module.engine.types().func(type_index).clone() }
    })
}

fn new_memories(limits: &mut Limits<'_>, module: &ModuleCode) -> Result<Vec<MemoryEntity>> {
    let own = &module.decoded.memories[module.decoded.imported_memories as usize..];
    limits.check_memories(own.len())?;
    own.iter().map(|&ty| limits.new_memory(ty)).collect()
}

/// The functions that a module defines, as one allocation.
fn new_funcs(
    store: &mut StoreCore,
    module: &ModuleCode,
    instance: NonNull<InstanceData>,
) -> Result<NonNull<[FuncEntity]>, OutOfMemory> {
    let decoded = &module.decoded;
    let own = &decoded.funcs[decoded.imported_funcs as usize..];
    store.funcs.extend(own.iter().zip(0..own.len() as u32).map(|(&ty, index)| FuncEntity {
        type_index: module.types[ty as usize],
        ty: module.engine.types().func(module.types[ty as usize]).clone(),
        kind: FuncKind::Wasm { entry: NonNull::from(module.entry(index)), instance },
    }))
}

/// What `memory.init` sees of a data segment at first: nothing of an active one.
fn passive_data(module: &ModuleCode, segment: &lineal_decoder::DataSegment) -> DataSegment {
    match segment.mode {
        SegmentMode::Passive => {
            let bytes = module.decoded.bytes.clone();
            DataSegment::new(bytes, segment.range.clone()).unwrap_or_default()
        }
        SegmentMode::Active { .. } | SegmentMode::Declared => DataSegment::default(),
    }
}

/// What `table.init` sees of an element segment at first: nothing of an active one.
fn passive_items(segment: &ElementSegment, scope: Scope<'_>) -> Result<Box<[u64]>> {
    match segment.mode {
        SegmentMode::Passive => items(segment, scope),
        SegmentMode::Active { .. } | SegmentMode::Declared => Ok(Box::default()),
    }
}

/// The references that an element segment lists.
fn items(segment: &ElementSegment, mut scope: Scope<'_>) -> Result<Box<[u64]>> {
    match &segment.items {
        ElementItems::Funcs(funcs) => {
            Ok(room::collect(funcs.iter().map(|&func| scope.func_ref(func)))?)
        }
        ElementItems::Exprs(exprs) => {
            let mut items = room::zeros(exprs.len())?;
            for (item, expr) in items.iter_mut().zip(exprs) {
                *item = scope.evaluate(expr)?;
            }
            Ok(items)
        }
    }
}

/// Fills tables and memories with what the module says.
///
/// # Safety
///
/// The instance's entities must be alive (R1), and nothing may borrow them or their store (R3).
unsafe fn initialize(store: NonNull<StoreCore>, instance: &InstanceData) -> Result<()> {
    let module = instance.module.clone();
    let mut untold_bytes = 0;
    // Tables of a few kilobytes need no look at the epoch, nor does what a binary lists of them.
    let mut worked = |bytes: u64| {
        untold_bytes += bytes;
        if untold_bytes >= PIECE_BYTES {
            untold_bytes = 0;
            // SAFETY: the caller's promise; it is asked between the steps, which borrow nothing then.
            unsafe { hooks::check_epoch(store, false)? };
        }
        Ok::<_, Error>(())
    };
    for (table, &entity) in module.decoded.tables.iter().zip(&instance.tables) {
        if let Some(init) = &table.init {
            // SAFETY: the caller's promise.
            let value = unsafe { instance.scope_in(store) }.evaluate(init)?;
            // A new table is full of nulls, which nothing has touched yet.
            if value != 0 {
                const PIECE: usize = (PIECE_BYTES / 8) as usize;
                // SAFETY: the caller's promise.
                let len = unsafe { (*entity.as_ptr()).elements.len() };
                for start in (0..len).step_by(PIECE) {
                    let end = len.min(start + PIECE);
                    // SAFETY: as above; nobody else knows of the table yet.
                    unsafe { (&mut *entity.as_ptr()).elements[start..end].fill(value) };
                    worked((end - start) as u64 * 8)?;
                }
            }
        }
    }
    for (index, segment) in module.decoded.elements.iter().enumerate() {
        if let SegmentMode::Active { target, offset } = &segment.mode {
            // SAFETY: the caller's promise.
            let offset = unsafe { instance.scope_in(store) }.evaluate(offset)?;
            // SAFETY: the caller's promise.
            let items = items(segment, unsafe { instance.scope_in(store) })?;
            // SAFETY: the caller's promise.
            let table = unsafe { &mut *instance.tables[*target as usize].as_ptr() };
            init_table(table, offset, &items).map_err(|trap| {
                Error::new(trap).context(format!("element segment {index} does not fit its table"))
            })?;
            worked(items.len() as u64 * 8)?;
        }
    }
    for (index, segment) in module.decoded.data.iter().enumerate() {
        if let SegmentMode::Active { target, offset } = &segment.mode {
            // SAFETY: the caller's promise.
            let offset = unsafe { instance.scope_in(store) }.evaluate(offset)?;
            let entity = instance.memories[*target as usize];
            let bytes = &module.decoded.bytes[segment.range.clone()];
            // SAFETY: the caller's promise.
            let before = unsafe { Before::look(store, entity, offset, bytes.len() as u64) };
            // SAFETY: the caller's promise.
            let memory = unsafe { &mut *entity.as_ptr() };
            let (len, memory_bytes) = (bytes.len(), with_memory!(memory, it => it.byte_len()));
            with_memory!(memory, memory => memory.write(offset, bytes)).map_err(|_| {
                let details = MemoryTrap::of_segment(*target, offset, len as u64, memory_bytes);
                Error::new(Trap::MemoryOutOfBounds)
                    .context(details)
                    .context(format!("data segment {index} does not fit its memory"))
            })?;
            let site = module.site(Some(segment.range.start as u32));
            // SAFETY: the caller's promise; the memory is not borrowed any more.
            unsafe { before.was_written(store, AccessSource::Segment, site) }
                .map_err(observe::into_error)?;
            worked(len as u64)?;
        }
    }
    Ok(())
}

fn init_table(table: &mut TableEntity, offset: u64, items: &[u64]) -> Result<(), Trap> {
    let len = items.len() as u64;
    let end = offset.checked_add(len).filter(|&end| end <= table.elements.len() as u64);
    let end = end.ok_or(Trap::TableOutOfBounds)?;
    // Not past the end, so a `usize` holds both.
    table.elements[offset as usize..end as usize].copy_from_slice(items);
    Ok(())
}
