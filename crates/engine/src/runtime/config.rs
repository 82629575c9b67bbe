//! [`Config`]: what is chosen before an engine is made. Its setters are in the embedding API.

use std::num::NonZeroUsize;

use lineal_decoder::Features;
use lineal_memory::MemoryOptions;

use super::observe::Observe;
use super::options::Options;
use super::progress::CompilationProgress;
use super::store::StoreCore;

/// What an [`Engine`](crate::Engine) accepts and how it works.
///
/// Setters change the configuration in place and return it, so calls can be chained.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) features: Features,
    pub(crate) max_wasm_stack_bytes: usize,
    pub(crate) compilation_mode: CompilationMode,
    pub(crate) parallel_compilation: bool,
    /// What is told of functions that are done.
    pub(crate) compilation_progress: Option<CompilationProgress>,
    pub(crate) memory_options: MemoryOptions,
    pub(crate) gc_heap_limit_bytes: usize,
    pub(crate) module_memory_limit_bytes: u64,
    pub(crate) shared_memory: bool,
    /// How many frames backtraces list; `None` if there are none.
    pub(crate) backtrace_frames: Option<NonZeroUsize>,
    pub(crate) backtrace_details: WasmBacktraceDetails,
    pub(crate) translation: Options,
    pub(crate) observe: Option<Observe>,
    /// Adds to the error of a trap what is known of the store.
    pub(crate) on_trap: Option<fn(&StoreCore, anyhow::Error) -> anyhow::Error>,
}

/// Whether backtraces show lines of the source; see [`Config::wasm_backtrace_details`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WasmBacktraceDetails {
    /// They do, if the module has debug information.
    #[default]
    Enable,
    /// They do not.
    Disable,
    /// They do if the environment variable `LINEAL_BACKTRACE_DETAILS` is 1.
    Environment,
}

/// When a module's functions are translated to the interpreter's code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CompilationMode {
    /// All of them when the module is created.
    #[default]
    Eager,
    /// Each of them when it is called for the first time. The module is still validated as a
    /// whole when it is created.
    Lazy,
    /// Each of them is translated, and its body validated too, when it is called for the first time.
    ///
    /// A module is created in the least time, and one with invalid functions is accepted. A call of
    /// an invalid function fails: the guest stops, which it cannot catch, and the error is a
    /// [`DecodeError`](crate::DecodeError) with a backtrace. That part of a program may have run by
    /// then, and whether the error comes depends on what the program does; WebAssembly says that an
    /// invalid module does not run at all. Choose this only for modules that were validated before,
    /// or whose failure at any call is acceptable. It is as safe as the other modes: no function runs
    /// before it was validated.
    ///
    /// wasmi calls this mode `Lazy`, and the one called [`Lazy`](Self::Lazy) here `LazyTranslation`.
    LazyValidation,
}

impl Config {
    /// The largest stack an engine can be asked for.
    pub(crate) const MAX_STACK_LIMIT_BYTES: usize = 1 << 30;

    /// How many frames backtraces list unless something else is asked for.
    pub(crate) const BACKTRACE_FRAMES: NonZeroUsize = NonZeroUsize::new(20).unwrap();

    /// The defaults: everything the engine implements of WebAssembly 3.0, threads, a stack of
    /// 1 MiB, eager translation.
    pub fn new() -> Config {
        Config {
            features: left_out_here().fold(Features::default(), without),
            max_wasm_stack_bytes: 1 << 20,
            compilation_mode: CompilationMode::default(),
            parallel_compilation: true,
            compilation_progress: None,
            memory_options: MemoryOptions::new(),
            gc_heap_limit_bytes: 1 << 30,
            module_memory_limit_bytes: u64::MAX,
            shared_memory: true,
            backtrace_frames: Some(Config::BACKTRACE_FRAMES),
            backtrace_details: WasmBacktraceDetails::default(),
            translation: Options::default(),
            observe: None,
            on_trap: None,
        }
    }

    pub(crate) fn translation(&self) -> Options {
        self.translation
    }

    pub(crate) fn gc_heap_limit_bytes(&self) -> usize {
        self.gc_heap_limit_bytes
    }

    pub(crate) fn module_memory_limit_bytes(&self) -> u64 {
        self.module_memory_limit_bytes
    }

    pub(crate) fn shared_memory_enabled(&self) -> bool {
        self.shared_memory
    }

    pub(crate) fn has_backtrace_details(&self) -> bool {
        match self.backtrace_details {
            WasmBacktraceDetails::Enable => true,
            WasmBacktraceDetails::Disable => false,
            WasmBacktraceDetails::Environment => {
                std::env::var_os("LINEAL_BACKTRACE_DETAILS").is_some_and(|value| value == "1")
            }
        }
    }

    /// A feature that the engine would need for what is enabled, and was built without.
    pub(crate) fn left_out(&self) -> Option<&'static str> {
        let lacking =
            left_out_here().find(|feature| without(self.features, feature) != self.features);
        self.features.left_out().or(lacking)
    }

    pub(crate) fn enabled_features(&self) -> &Features {
        &self.features
    }

    pub(crate) fn max_wasm_stack_bytes(&self) -> usize {
        self.max_wasm_stack_bytes
    }

    pub(crate) fn is_parallel(&self) -> bool {
        self.parallel_compilation
    }

    pub(crate) fn linear_memory_options(&self) -> &MemoryOptions {
        &self.memory_options
    }
}

impl Default for Config {
    fn default() -> Config {
        Config::new()
    }
}

/// The features of this crate that bring proposals and that it was built without. The decoder may have
/// them still, if others ask it for them.
fn left_out_here() -> impl Iterator<Item = &'static str> {
    let optional = [
        ("gc", cfg!(feature = "gc")),
        ("simd", cfg!(feature = "simd")),
        ("threads", cfg!(feature = "threads")),
    ];
    optional.into_iter().filter_map(|(feature, is_built)| (!is_built).then_some(feature))
}

/// What may be used without a feature of this crate.
fn without(mut features: Features, feature: &str) -> Features {
    match feature {
        "gc" => features.wasm_gc(false),
        "simd" => features.wasm_simd(false).wasm_relaxed_simd(false),
        "threads" => features.wasm_threads(false),
        other => unreachable!("{other} brings no proposal"),
    };
    features
}
