//! Threads: `wasi.thread-spawn`, as the wasi-threads proposal has it.
//!
//! Each thread has an instance of its own, in a store of its own; what they share is the memory,
//! which the module imports, and what the host's value shares between its clones, such as a
//! [`WasiP1Ctx`](crate::p1::WasiP1Ctx).
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use lineal::{Engine, Linker, Module, Store};
//! use lineal_wasi::threads::{self, WasiThreadsCtx};
//!
//! #[derive(Clone)]
//! struct Host {
//!     threads: Option<Arc<WasiThreadsCtx<Host>>>,
//! }
//!
//! let engine = Engine::default();
//! let module = Module::new(&engine, r#"(module
//!     (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
//!     (import "env" "memory" (memory 1 1 shared))
//!     (func (export "wasi_thread_start") (param $tid i32) (param $arg i32)
//!         (i32.atomic.store (i32.const 0) (local.get $arg))
//!         (drop (memory.atomic.notify (i32.const 0) (i32.const 1))))
//!     (func (export "run") (result i32)
//!         (drop (call $spawn (i32.const 42)))
//!         (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))
//!         (i32.atomic.load (i32.const 0))))"#)?;
//!
//! let mut linker = Linker::new(&engine);
//! let mut store = Store::new(&engine, Host { threads: None });
//! threads::add_to_linker(&mut linker, &store, &module, |host: &mut Host| host.threads.as_deref())?;
//! let linker = Arc::new(linker);
//! let threads = WasiThreadsCtx::new(module.clone(), Arc::clone(&linker));
//! store.data_mut().threads = Some(Arc::new(threads));
//!
//! let instance = linker.instantiate(&mut store, &module)?;
//! let run = instance.get_typed_func::<(), i32>(&store, "run")?;
//! assert_eq!(run.call(&mut store, ())?, 42);
//! # Ok::<(), lineal::Error>(())
//! ```

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use lineal::{Caller, Error, ExternType, Linker, Module, Result, SharedMemory, Store};

/// The function that a thread begins with.
const START: &str = "wasi_thread_start";

/// The highest number that a thread can have; the bits above are the guest's.
const LAST_ID: u32 = 0x1fff_ffff;

/// What makes the threads of a guest: its module, and the linker for the instances.
pub struct WasiThreadsCtx<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    module: Module,
    linker: Arc<Linker<T>>,
    next_id: AtomicU32,
    prepare: Box<Prepare<T>>,
    fail: Box<dyn Fn(Error) + Send + Sync>,
}

type Prepare<T> = dyn Fn(&mut Store<T>) -> Result<()> + Send + Sync;

impl<T: Send + 'static> WasiThreadsCtx<T> {
    /// Threads of a module, with instances that the linker makes. The linker must know everything
    /// that the module imports.
    ///
    /// A thread that fails does nothing but end, unless there is an
    /// [`on_failure`](Self::on_failure).
    pub fn new(module: Module, linker: Arc<Linker<T>>) -> WasiThreadsCtx<T> {
        WasiThreadsCtx {
            shared: Arc::new(Shared {
                module,
                linker,
                next_id: AtomicU32::new(1),
                prepare: Box::new(|_| Ok(())),
                fail: Box::new(drop),
            }),
        }
    }

    /// Sets up the store of each thread: its fuel, deadline and limiter.
    ///
    /// # Panics
    ///
    /// If there are threads already.
    pub fn prepare_store(
        mut self,
        prepare: impl Fn(&mut Store<T>) -> Result<()> + Send + Sync + 'static,
    ) -> WasiThreadsCtx<T> {
        self.unshared().prepare = Box::new(prepare);
        self
    }

    /// Says what to do when a thread ends by a trap, or by an [`I32Exit`](crate::I32Exit): either
    /// is to end all threads. It is called on the thread that failed.
    ///
    /// # Panics
    ///
    /// If there are threads already.
    pub fn on_failure(mut self, fail: impl Fn(Error) + Send + Sync + 'static) -> WasiThreadsCtx<T> {
        self.unshared().fail = Box::new(fail);
        self
    }

    fn unshared(&mut self) -> &mut Shared<T> {
        Arc::get_mut(&mut self.shared).expect("threads are set up before they are made")
    }

    /// Starts a thread with a value for its store, and returns its number.
    ///
    /// # Errors
    ///
    /// If the host has no room for a thread, or there were too many already.
    pub fn spawn(&self, host: T, start_arg: i32) -> Result<i32> {
        let take = |id| (id <= LAST_ID).then_some(id + 1);
        let id = self.shared.next_id.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        let id = id.map_err(|_| Error::msg("all numbers for threads are used"))? as i32;
        let shared = Arc::clone(&self.shared);
        thread::Builder::new().name(format!("wasi-thread-{id}")).spawn(move || {
            if let Err(error) = shared.run(host, id, start_arg) {
                (shared.fail)(error);
            }
        })?;
        Ok(id)
    }
}

impl<T> Shared<T> {
    fn run(&self, host: T, id: i32, start_arg: i32) -> Result<()> {
        let mut store = Store::new(self.module.engine(), host);
        (self.prepare)(&mut store)?;
        let instance = self.linker.instantiate(&mut store, &self.module)?;
        let start = instance.get_typed_func::<(i32, i32), ()>(&store, START)?;
        start
            .call(&mut store, (id, start_arg))
            .map_err(|error| error.context(format!("`{START}` of thread {id} failed")))
    }
}

impl<T> fmt::Debug for WasiThreadsCtx<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasiThreadsCtx").finish_non_exhaustive()
    }
}

/// Defines `thread-spawn`, and the shared memories that the module imports, which all its
/// instances get. `get_cx` finds the context in the store's value; without one, no thread can be
/// started, and the guest is told so.
///
/// # Errors
///
/// If one of them is defined already and the linker does not allow shadowing, or if the host has no
/// room for a memory.
pub fn add_to_linker<T: Clone + Send + 'static>(
    linker: &mut Linker<T>,
    store: &Store<T>,
    module: &Module,
    get_cx: impl Fn(&mut T) -> Option<&WasiThreadsCtx<T>> + Send + Sync + Copy + 'static,
) -> Result<()> {
    linker.func_wrap(
        "wasi",
        "thread-spawn",
        move |mut caller: Caller<'_, T>, arg: i32| -> i32 {
            let host = caller.data().clone();
            let spawned = get_cx(caller.data_mut()).map(|cx| cx.spawn(host, arg));
            // Any negative number says that there is none.
            spawned.and_then(Result::ok).unwrap_or(-1)
        },
    )?;
    for import in module.imports() {
        if let ExternType::Memory(ty) = import.ty()
            && ty.is_shared()
        {
            let memory = SharedMemory::new(module.engine(), ty)?;
            linker.define(store, import.module(), import.name(), memory)?;
        }
    }
    Ok(())
}
