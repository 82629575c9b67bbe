//! [`Config`]: what can be chosen before an engine is created.

use std::num::NonZeroUsize;

use lineal_decoder::Features;
use lineal_memory::MemoryOptions;

pub use crate::runtime::config::{CompilationMode, Config, WasmBacktraceDetails};
use crate::runtime::observe::Observe;
use crate::runtime::options::Optimizations;
use crate::runtime::progress::CompilationProgress;

/// Setters that pass one proposal's switch on to [`Features`].
macro_rules! proposals {
    ($($(#[doc = $doc:literal])* $name:ident;)*) => {$(
        $(#[doc = $doc])*
        pub fn $name(&mut self, enable: bool) -> &mut Self {
            self.features.$name(enable);
            self
        }
    )*};
}

impl Config {
    proposals! {
        /// Enables or disables conversions that saturate instead of trapping; enabled by default.
        wasm_saturating_float_to_int;
        /// Enables or disables the sign extension instructions; enabled by default.
        wasm_sign_extension;
        /// Enables or disables references as values, several tables and the table instructions;
        /// enabled by default.
        wasm_reference_types;
        /// Enables or disables several results, and blocks with parameters; enabled by default.
        wasm_multi_value;
        /// Enables or disables `memory.copy`, `memory.fill`, passive segments and their
        /// instructions; enabled by default.
        wasm_bulk_memory;
        /// Enables or disables `return_call` and `return_call_indirect`; enabled by default.
        wasm_tail_call;
        /// Enables or disables several memories in one module; enabled by default.
        wasm_multi_memory;
        /// Enables or disables memories and tables addressed by `i64`; enabled by default.
        wasm_memory64;
        /// Enables or disables arithmetic in constant expressions; enabled by default.
        wasm_extended_const;
        /// Enables or disables references to functions of known types, and references that are
        /// never null; enabled by default.
        wasm_function_references;
        /// Enables or disables structures, arrays, `i31` references and casts; enabled by default.
        wasm_gc;
        /// Enables or disables the type `v128` and its instructions; enabled by default.
        wasm_simd;
        /// Enables or disables the vector instructions whose results may differ from host to host;
        /// enabled by default. See [`Config::relaxed_simd_deterministic`].
        wasm_relaxed_simd;
        /// Enables or disables 128-bit sums and products of `i64`; disabled by default, because
        /// this is a proposal beyond WebAssembly 3.0.
        wasm_wide_arithmetic;
        /// Enables or disables tags, `throw` and `try_table`; enabled by default.
        wasm_exceptions;
        /// Enables or disables shared memories and atomic operations; enabled by default.
        wasm_threads;
        /// Enables or disables memories with pages of one byte; disabled by default, because this
        /// is a proposal beyond WebAssembly 3.0.
        wasm_custom_page_sizes;
    }

    /// Changes nothing; it exists for programs that call it in Wasmtime.
    ///
    /// Relaxed vector instructions always have the same results on every host: those of the
    /// specification's deterministic profile, which are also Wasmtime's with this switch on.
    pub fn relaxed_simd_deterministic(&mut self, _enable: bool) -> &mut Self {
        self
    }

    /// Sets all proposals at once, for instance to an edition of the specification:
    /// `config.features(Features::wasm2())`.
    pub fn features(&mut self, features: Features) -> &mut Self {
        self.features = features;
        self
    }

    /// Sets how many bytes of stack the guest may use in a call by the host and in all calls inside it,
    /// 1 MiB by default.
    ///
    /// A store has one stack of this size for its calls. Each call that can stop in the middle,
    /// asynchronous or [resumable](crate::Func::call_resumable), has one of its own until it ends.
    ///
    /// Exceeding it is the trap [`StackOverflow`](crate::Trap::StackOverflow). The guest's calls do
    /// not use the stack of the host thread, except where host functions call the guest again. Such
    /// a call is refused with the same trap if the thread has less left than a reserve (a quarter of
    /// what it had at the first such call, from 32 KiB to 256 KiB) and as much as the largest step
    /// from one such call to the next took.
    pub fn max_wasm_stack(&mut self, size_bytes: usize) -> &mut Self {
        self.max_wasm_stack_bytes = size_bytes;
        self
    }

    #[doc(hidden)]
    #[deprecated(note = "no longer has any effect")]
    #[cfg(feature = "async")]
    pub fn async_support(&mut self, _enable: bool) -> &mut Self {
        self
    }

    /// Sets whether guests consume fuel as they run, off by default. Give a store fuel with
    /// [`Store::set_fuel`](crate::Store::set_fuel).
    ///
    /// Each instruction costs one unit, except `nop`, `drop`, `unreachable`, `return`, and what
    /// only marks a block (`block`, `loop`, `else`, `end`), which cost nothing; beginning a
    /// function costs one. Operations on ranges of memories, tables and arrays cost one unit more
    /// for each byte or element once the range is checked, except `memory.grow`. A throw costs one
    /// more for each frame and each clause that is looked at on the way to its handler.
    ///
    /// How much a program consumes is the same on every host and, if it throws no exceptions, the
    /// same as in Wasmtime.
    pub fn consume_fuel(&mut self, enable: bool) -> &mut Self {
        self.translation.fuel = enable;
        self
    }

    /// Sets whether guests check the engine's epoch where functions and loops begin; off by default.
    /// When the deadline of its store has passed, a guest traps, or the host is called back.
    ///
    /// The epoch is a counter that any thread can increment: see
    /// [`Engine::increment_epoch`](crate::Engine::increment_epoch) and
    /// [`Store::set_epoch_deadline`](crate::Store::set_epoch_deadline).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use lineal::{Config, Engine, Instance, Module, Store, Trap};
    ///
    /// let engine = Engine::new(Config::new().epoch_interruption(true))?;
    /// let module = Module::new(&engine, r#"(module (func (export "forever") (loop (br 0))))"#)?;
    /// let mut store = Store::new(&engine, ());
    /// let instance = Instance::new(&mut store, &module, &[])?;
    /// let forever = instance.get_typed_func::<(), ()>(&store, "forever")?;
    ///
    /// store.set_epoch_deadline(1);
    /// let timer = std::thread::spawn(move || {
    ///     std::thread::sleep(Duration::from_millis(10));
    ///     engine.increment_epoch();
    /// });
    /// let error = forever.call(&mut store, ()).unwrap_err();
    /// assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt));
    /// # timer.join().unwrap();
    /// # Ok::<(), lineal::Error>(())
    /// ```
    pub fn epoch_interruption(&mut self, enable: bool) -> &mut Self {
        self.translation.epochs = enable;
        self
    }

    /// Sets whether numeric instructions produce only the canonical NaN, which is positive and has only
    /// the highest bit of the payload set; off by default.
    ///
    /// Otherwise sign and payload are the host processor's choice, as WebAssembly allows. With
    /// this, the results of a program are the same on every host.
    pub fn canonicalize_nans(&mut self, enable: bool) -> &mut Self {
        self.translation.canonical_nans = enable;
        self
    }

    /// Sets which optimisations the translator applies, all of them by default.
    pub fn optimizations(&mut self, optimizations: Optimizations) -> &mut Self {
        self.translation.optimizations = optimizations;
        self
    }

    /// Sets what stores report to their observers, nothing by default.
    ///
    /// Modules are then translated to other code, which makes the reports; without this, to the
    /// same code as ever. See [`Observer`](crate::Observer) for an example.
    pub fn observe(&mut self, observe: Observe) -> &mut Self {
        self.translation.watched = observe.watched();
        self.observe = Some(observe);
        self
    }

    pub(crate) fn observed(&self) -> Option<&Observe> {
        self.observe.as_ref()
    }

    /// Sets when functions are translated, [`CompilationMode::Eager`] by default.
    pub fn compilation_mode(&mut self, mode: CompilationMode) -> &mut Self {
        self.compilation_mode = mode;
        self
    }

    /// Sets whether the functions of a large module are validated and translated on several threads:
    /// one for each 64 KiB of code, but at most as many as the host has processors. On by default.
    ///
    /// The result is the same with and without, and so are errors, with one exception: of a module that
    /// has an error and also exceeds the [limit](Self::module_memory_limit), either may be reported.
    /// Modules with less than 128 KiB of code are always compiled on the thread that creates them, and so
    /// is any if no thread can be started.
    pub fn parallel_compilation(&mut self, enable: bool) -> &mut Self {
        self.parallel_compilation = enable;
        self
    }

    /// Counts in `progress` how many bytes of functions are validated and translated, for a host that
    /// shows it while large modules are loaded. With [`CompilationMode::LazyValidation`], there is
    /// nothing to count.
    ///
    /// ```
    /// use lineal::{CompilationProgress, Config, Engine, Module};
    ///
    /// let progress = CompilationProgress::new();
    /// let engine = Engine::new(Config::new().compilation_progress(&progress))?;
    /// // Another thread can show this meanwhile.
    /// Module::new(&engine, "(module (func unreachable) (func nop))")?;
    /// assert_eq!((progress.done_bytes(), progress.all_bytes()), (6, 6));
    /// # Ok::<(), lineal::Error>(())
    /// ```
    pub fn compilation_progress(&mut self, progress: &CompilationProgress) -> &mut Self {
        self.compilation_progress = Some(progress.clone());
        self
    }

    /// Sets how memories are kept, and how large the host lets them become.
    ///
    /// ```
    /// use lineal::{Config, MemoryOptions};
    ///
    /// let mut config = Config::new();
    /// config.memory_options(MemoryOptions::new().max_bytes(16 << 20));
    /// ```
    pub fn memory_options(&mut self, options: MemoryOptions) -> &mut Self {
        self.memory_options = options;
        self
    }

    /// Sets how many bytes the objects of one store may take, 1 GiB by default: structures,
    /// arrays, exceptions and host values that the guest refers to, and the table that finds them. The
    /// table has 32 bytes for each object, and never becomes smaller.
    ///
    /// An allocation that needs more is the trap [`GcHeapOutOfMemory`](crate::Trap::GcHeapOutOfMemory),
    /// unless a collection makes room. The store's
    /// [limiter](crate::ResourceLimiter::gc_heap_growing) can allow less.
    pub fn gc_heap_limit(&mut self, size_bytes: usize) -> &mut Self {
        self.gc_heap_limit_bytes = size_bytes;
        self
    }

    /// Sets how many bytes a module may take in memory with its translated code, without a limit by
    /// default. A binary can have millions of functions, exports or elements, each of which takes
    /// more than its bytes in the binary.
    ///
    /// A module that needs more is refused with a [`ModuleTooLarge`](crate::ModuleTooLarge): before
    /// it is decoded, if it needs more without code, or else when the code that is too much is
    /// translated. With lazy translation, that is in a call, which fails. The same number bounds what
    /// one instance of a module takes besides its memories, its tables and its objects.
    pub fn module_memory_limit(&mut self, size_bytes: u64) -> &mut Self {
        self.module_memory_limit_bytes = size_bytes;
        self
    }

    /// Sets whether hosts and guests can create shared memories; on by default (unlike in
    /// Wasmtime).
    ///
    /// Without them, modules may still use atomic operations, on memories of their own.
    pub fn shared_memory(&mut self, enable: bool) -> &mut Self {
        self.shared_memory = enable;
        self
    }

    /// Sets whether the errors of traps and of host functions hold a
    /// [`WasmBacktrace`](crate::WasmBacktrace); they do by default.
    pub fn wasm_backtrace(&mut self, enable: bool) -> &mut Self {
        let frames = self.backtrace_frames.unwrap_or(Config::BACKTRACE_FRAMES);
        self.backtrace_frames = enable.then_some(frames);
        self
    }

    /// Sets how many frames a [`WasmBacktrace`](crate::WasmBacktrace) lists at most; 20 by default.
    /// `None` does the same as [`wasm_backtrace`](Self::wasm_backtrace) with `false`.
    pub fn wasm_backtrace_max_frames(&mut self, limit: Option<NonZeroUsize>) -> &mut Self {
        self.backtrace_frames = limit;
        self
    }

    /// Sets whether backtraces show files, lines and inlined functions of the source, on by default
    /// (unlike in Wasmtime).
    ///
    /// They come from the module's DWARF or source map, which are read when a backtrace is first
    /// printed or its [`symbols`](crate::FrameInfo::symbols) are first asked for. Without the
    /// feature `addr2line`, nothing is read.
    pub fn wasm_backtrace_details(&mut self, details: WasmBacktraceDetails) -> &mut Self {
        self.backtrace_details = details;
        self
    }
}
