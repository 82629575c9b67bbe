//! What exists while WebAssembly runs: entities, instances, the store that owns them all, and
//! the context the executor works on.
//!
//! ```text
//! StoreCore ── owns ──► InstanceData ── points at ──► FuncEntity, TableEntity,
//!     │                                               MemoryEntity, GlobalEntity, TagEntity
//!     ├── Heap    (structures, arrays, exceptions, host values)
//!     ├── Context (cached view of the running instance; the Observation of an observed store)
//!     ├── Stack   (the frames of guest functions)
//!     └── Activations (calls that stopped in the middle, each with a stack of its own)
//! ```
//!
//! # Invariants
//!
//! The executor and the handles of the embedding API rest on these; `SAFETY:` comments cite them
//! by number.
//!
//! * **R1** An entity's address never changes, and the entity lives exactly as long as the store
//!   that owns it ([`Arena`](store::Arena) frees only on drop), or until its region is freed, when
//!   the host has promised that nothing uses it any more.
//! * **R2** A handle of the embedding API is dereferenced only after its store id was compared
//!   with the id of the store at hand; so the store is alive and borrowed.
//! * **R3** At any time at most one thread works on a store, through an exclusive borrow of it
//!   that the outermost host frame holds; no reference into an entity is kept across a call that
//!   can run guest or host code.
//! * **R4** A non-null `funcref` in a slot, table or global is the address of a [`FuncEntity`] of
//!   the same store: only the engine makes them, and the guest cannot forge them.
//! * **R5** A non-null reference of another hierarchy that the guest can reach is an `i31` or the
//!   handle of a live object of the same store's [`Heap`](heap::Heap): the collector frees only
//!   what no slot, global, table, segment, object or root of the host refers to.
//! * **R6** A memory of an instance is [shared](entity::MemoryEntity::Shared) if and only if the
//!   module's type for it says so: imports are checked for that, and no entity changes its kind.
//! * **R7** A store is reached by one path at a time. A raw pointer to it comes from the exclusive
//!   borrow that the innermost host frame holds, and that borrow is not used while the pointer is.
//!   Every other pointer into the store comes from that pointer, never from a reference to a part
//!   of the store, and references to parts are taken from it anew wherever they are needed. An
//!   inner invocation has a pointer of its own; those of outer ones rest until it has ended. The
//!   borrow checker holds this for [`Limits`](limits::Limits), which borrows the store.

pub(crate) mod activation;
#[cfg(feature = "async")]
pub(crate) mod answers;
pub(crate) mod backtrace;
pub(crate) mod code;
pub(crate) mod collect;
pub(crate) mod config;
pub(crate) mod const_expr;
pub(crate) mod context;
pub(crate) mod details;
pub(crate) mod engine;
pub(crate) mod entity;
pub(crate) mod footprint;
pub(crate) mod frames;
pub(crate) mod heap;
pub(crate) mod hooks;
pub(crate) mod imports;
pub(crate) mod instance;
pub(crate) mod limiter;
pub(crate) mod limits;
pub(crate) mod native_stack;
pub(crate) mod object;
pub(crate) mod observe;
pub(crate) mod options;
pub(crate) mod pool;
pub(crate) mod progress;
pub(crate) mod room;
pub(crate) mod slots;
pub(crate) mod stack;
pub(crate) mod store;
pub(crate) mod trap;
pub(crate) mod types;
pub(crate) mod unwind;
