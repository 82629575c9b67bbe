//! A module's code: what the translator made of each function, and where calls find it.

use std::path::Path;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use lineal_decoder::{Error, ExternType, SubType, TypeIndex, UnvalidatedBodies};
use lineal_symbols::Symbols;

use super::engine::Engine;
use super::footprint::{self, ModuleTooLarge};
use super::object::Storage;
use super::observe::Site;
use super::observe::config::ObservedModule;
use super::unwind::Tries;
use crate::machine::Ip;

/// The code of one function.
#[derive(Debug)]
pub(crate) struct Code {
    /// The cells; see [`crate::exec`] for their layout.
    pub(crate) cells: Box<[u64]>,
    /// Where cells that can trap or call come from: index of the granule, offset in the binary.
    /// Ascending.
    pub(crate) sites: Box<[(u32, u32)]>,
    /// The `try_table`s.
    pub(crate) tries: Tries,
    /// The slot in which a frame keeps its return address.
    pub(crate) link_slot: u32,
}

impl Code {
    /// About how many bytes it takes.
    fn size_bytes(&self) -> u64 {
        let parts = size_of_val(&*self.cells) + size_of_val(&*self.sites) + self.tries.size_bytes();
        (size_of::<Code>() + parts) as u64
    }

    /// The offset in the binary of the instruction that a cell comes from.
    pub(crate) fn wasm_offset(&self, granule: u32) -> Option<u32> {
        let after = self.sites.partition_point(|&(at, _)| at <= granule);
        Some(self.sites[after.checked_sub(1)?].1)
    }
}

/// Where calls find a function's code: at first a cell that translates it, then the code.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct FuncEntry {
    ip: AtomicPtr<u64>,
    /// Index among the module's own functions.
    index: u32,
}

impl FuncEntry {
    /// Where to continue to run the function.
    #[inline(always)]
    pub(crate) fn ip(&self) -> Ip {
        Ip::new(self.ip.load(Ordering::Acquire))
    }

    /// Index among the module's own functions.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }
}

/// A module with its code; shared by all its instances, on all threads.
#[derive(Debug)]
pub(crate) struct ModuleCode {
    pub(crate) engine: Engine,
    pub(crate) decoded: lineal_decoder::Module,
    /// The engine-wide number of each type of the module.
    pub(crate) types: Box<[TypeIndex]>,
    /// The fields of structures that are vectors, each with its type before it, in order.
    pub(crate) vector_fields: Box<[(u32, u32)]>,
    /// The file that the module came from, if it did.
    pub(crate) file: Option<Box<Path>>,
    pub(crate) symbols: Symbols,
    entries: Box<[FuncEntry]>,
    /// Most functions of a large program are never called, so this is small before they are.
    codes: Box<[OnceLock<Box<Code>>]>,
    /// About how many bytes it takes, but for the functions' code.
    size_bytes: u64,
    /// How many bytes the functions' code takes so far.
    code_bytes: AtomicU64,
    by_address: RwLock<ByAddress>,
    /// What is observed of the module, if the engine observes.
    pub(crate) observed: Option<ObservedModule>,
    /// The bodies, if each is validated when it is called for the first time.
    pub(crate) bodies: Option<UnvalidatedBodies>,
    translate: Translate,
}

/// A module: decoded, validated and translated, ready to be instantiated any number of times.
///
/// A module is cheap to clone and can be shared between threads.
///
/// Creating one takes memory in proportion to the size of its binary. If the host does not have that
/// memory, the process ends, as with other Rust programs: limit how large a binary may be. The memories
/// and tables that a module declares are allocated by its instances, and that fails with an error.
///
/// ```
/// use lineal::{Engine, Module};
///
/// let engine = Engine::default();
/// let module = Module::new(&engine, r#"(module $demo
///     (memory (export "memory") 1)
///     (func (export "run")))"#)?;
/// assert_eq!(module.name(), Some("demo"));
/// let exports: Vec<&str> = module.exports().map(|export| export.name()).collect();
/// assert_eq!(exports, ["memory", "run"]);
///
/// let error = Module::new(&engine, "(module (func i32.add))").unwrap_err();
/// assert!(error.to_string().contains("type mismatch"));
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone)]
#[repr(transparent)]
pub struct Module {
    pub(crate) code: Arc<ModuleCode>,
}

impl Module {
    /// The handle that a shared pointer to the code is.
    pub(crate) fn of_code(code: &Arc<ModuleCode>) -> &Module {
        // SAFETY: a handle has the layout of the pointer.
        unsafe { &*std::ptr::from_ref(code).cast() }
    }

    pub(crate) fn from_code(code: Arc<ModuleCode>) -> Module {
        Module { code }
    }

    pub(crate) fn code(&self) -> &Arc<ModuleCode> {
        &self.code
    }

    /// The name the module gives itself, if its name section has one.
    pub fn name(&self) -> Option<&str> {
        self.code.decoded.names().module()
    }
}

/// Translates one of a module's own functions.
pub(crate) type Translate = fn(&ModuleCode, u32) -> Result<Code, Error>;

/// Functions by where their code begins.
#[derive(Debug, Default)]
struct ByAddress {
    functions: Vec<(usize, u32)>,
    /// Functions are sorted when one is looked for, not each time that one is added.
    is_sorted: bool,
}

impl ByAddress {
    fn add(&mut self, address: usize, index: u32) {
        self.functions.push((address, index));
        self.is_sorted = false;
    }

    fn sort(&mut self) {
        self.functions.sort_unstable();
        self.is_sorted = true;
    }

    /// The last function that begins at the address or before it.
    fn find(&self, address: usize) -> Option<u32> {
        let after = self.functions.partition_point(|&(begin, _)| begin <= address);
        Some(self.functions[after.checked_sub(1)?].1)
    }
}

/// The fields of structures that are vectors, each with its type before it, in order.
fn vector_fields(types: &[SubType]) -> Box<[(u32, u32)]> {
    let structs = (0..).zip(types).filter_map(|(ty, sub)| Some((ty, sub.as_struct()?)));
    let fields = structs.flat_map(|(ty, fields)| {
        let fields = (0..).zip(fields.fields());
        let vectors = fields.filter(|(_, field)| Storage::of(field.storage) == Storage::Vector);
        vectors.map(move |(field, _)| (ty, field))
    });
    fields.collect()
}

impl ModuleCode {
    /// Prepares a module to run, which may come from a file. A function that is called before it is translated begins at
    /// `stub`, which translates it with [`translated`](Self::translated).
    pub(crate) fn new(
        engine: &Engine,
        decoded: lineal_decoder::Module,
        file: Option<&Path>,
        stub: Ip,
        translate: Translate,
    ) -> ModuleCode {
        let count = decoded.bodies.len() as u32;
        let stub = stub.as_ptr();
        let observed = engine.config().observed().map(|observe| {
            let first_site = engine.sites().reserve(decoded.bytes.len());
            ObservedModule::new(observe, &decoded, first_site)
        });
        ModuleCode {
            engine: engine.clone(),
            types: engine.types().register(&decoded.types, &decoded.type_groups),
            vector_fields: vector_fields(&decoded.types),
            entries: (0..count)
                .map(|index| FuncEntry { ip: AtomicPtr::new(stub.cast_mut()), index })
                .collect(),
            file: file.map(Into::into),
            symbols: Symbols::default(),
            codes: (0..count).map(|_| OnceLock::new()).collect(),
            size_bytes: footprint::of_module(&decoded.bytes),
            code_bytes: AtomicU64::new(0),
            by_address: RwLock::default(),
            observed,
            bodies: None,
            translate,
            decoded,
        }
    }

    /// Lets the engine find what is at the module's sites.
    pub(crate) fn register_sites(self: &Arc<ModuleCode>) {
        if let Some(first) = self.observed.as_ref().and_then(|observed| observed.first_site) {
            self.engine.sites().register(first, self);
        }
    }

    /// The site of what is at an offset in the binary.
    pub(crate) fn site(&self, offset: Option<u32>) -> Site {
        self.observed.as_ref().map_or(Site::UNKNOWN, |observed| observed.site(offset))
    }

    /// The engine-wide number of a type of the module.
    pub(crate) fn type_index(&self, index: TypeIndex) -> TypeIndex {
        self.types[index.0 as usize]
    }

    /// A type that the module says, with the engine's numbers of types.
    pub(crate) fn extern_type(&self, ty: &ExternType) -> ExternType {
        ty.map_index(|index| self.type_index(index))
    }

    /// The entry of one of the module's own functions.
    pub(crate) fn entry(&self, index: u32) -> &FuncEntry {
        &self.entries[index as usize]
    }

    /// About how many bytes it takes, with the code that there is so far.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes.saturating_add(self.code_bytes.load(Ordering::Relaxed))
    }

    /// The code of one of the module's own functions, translated now if it was not yet.
    ///
    /// # Errors
    ///
    /// If it is validated now and is invalid, or would make the module too large.
    pub(crate) fn translated(&self, index: u32) -> anyhow::Result<&Code> {
        if let Some(code) = self.codes[index as usize].get() {
            return Ok(self.publish(index, code));
        }
        Ok(self.keep(index, (self.translate)(self, index)?)?)
    }

    /// Keeps the code of one of the module's own functions, unless another thread was first.
    ///
    /// # Errors
    ///
    /// If the module is too large with it.
    pub(crate) fn keep(&self, index: u32, code: Code) -> Result<&Code, ModuleTooLarge> {
        let kept = &self.codes[index as usize];
        // One thread at a time, so that they do not exceed the limit together.
        let mut by_address = self.by_address.write().unwrap_or_else(PoisonError::into_inner);
        if kept.get().is_none() {
            let more_bytes = code.size_bytes();
            let needed_bytes = self.size_bytes().saturating_add(more_bytes);
            footprint::check(needed_bytes, self.engine.config().module_memory_limit_bytes())?;
            self.code_bytes.fetch_add(more_bytes, Ordering::Relaxed);
            by_address.add(code.cells.as_ptr() as usize, index);
        }
        let code = kept.get_or_init(|| Box::new(code));
        drop(by_address);
        Ok(self.publish(index, code))
    }

    /// Lets calls find the code of a function.
    fn publish<'a>(&self, index: u32, code: &'a Code) -> &'a Code {
        let ip = code.cells.as_ptr().cast_mut();
        self.entries[index as usize].ip.store(ip, Ordering::Release);
        code
    }

    /// The function (among the module's own) and the granule that an address in code lies in.
    pub(crate) fn locate(&self, ip: Ip) -> Option<(u32, u32, &Code)> {
        let index = self.function_at(ip.as_ptr() as usize)?;
        let code = self.codes[index as usize].get()?;
        Some((index, ip.granule_in(&code.cells)?, code))
    }

    fn function_at(&self, address: usize) -> Option<u32> {
        let by_address = self.by_address.read().unwrap_or_else(PoisonError::into_inner);
        if by_address.is_sorted {
            return by_address.find(address);
        }
        drop(by_address);
        let mut by_address = self.by_address.write().unwrap_or_else(PoisonError::into_inner);
        by_address.sort();
        by_address.find(address)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use super::*;
    use crate::api::{CompilationMode, Config};
    use crate::runtime::unwind::{Clause, TryRange};

    fn lazy_module(wat: &str, limit_bytes: u64) -> Module {
        let mut config = Config::new();
        config.compilation_mode(CompilationMode::Lazy).module_memory_limit(limit_bytes);
        Module::new(&Engine::new(&config).expect("engine"), wat).expect("valid")
    }

    fn translate(code: &ModuleCode, index: u32) -> Code {
        (code.translate)(code, index).expect("valid")
    }

    #[test]
    fn threads_do_not_exceed_the_limit_together() {
        let wat = "(module (func) (func))";
        let module = lazy_module(wat, u64::MAX);
        let without_code = module.code.size_bytes();
        let with_code = without_code + translate(&module.code, 0).size_bytes();
        for _ in 0..300 {
            let module = lazy_module(wat, with_code);
            let (code, ready) = (&module.code, AtomicUsize::new(0));
            let keep = |index| {
                let function = translate(code, index);
                ready.fetch_add(1, Ordering::SeqCst);
                while ready.load(Ordering::SeqCst) < 2 {
                    std::hint::spin_loop();
                }
                code.keep(index, function).is_ok()
            };
            let kept = thread::scope(|scope| {
                let other = scope.spawn(|| keep(1));
                [keep(0), other.join().expect("no panic")]
            });
            assert_eq!(kept.iter().filter(|&&kept| kept).count(), 1);
            assert_eq!(code.size_bytes(), with_code);
        }
    }

    #[test]
    fn code_that_another_thread_kept_counts_once() {
        let module = lazy_module("(module (func))", u64::MAX);
        let (one, other) = (translate(&module.code, 0), translate(&module.code, 0));
        let expected = module.code.size_bytes() + one.size_bytes();
        module.code.keep(0, one).expect("room");
        module.code.keep(0, other).expect("room");
        assert_eq!(module.code.size_bytes(), expected);
    }

    #[test]
    fn try_tables_count() {
        let tries = "(block (try_table (catch_all 0) (catch_all 0) (call 0)))".repeat(100);
        let module = lazy_module(&format!("(module (func {tries}))"), u64::MAX);
        let code = translate(&module.code, 0);
        let rest = size_of_val(&*code.cells) + size_of_val(&*code.sites);
        let each = size_of::<TryRange>() + 2 * size_of::<Clause>();
        assert!(code.size_bytes() >= (rest + 100 * each) as u64);
    }
}
