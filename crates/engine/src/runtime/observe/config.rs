//! [`Observe`]: what is reported, chosen before modules are made.

use std::fmt;
use std::sync::Arc;

use lineal_decoder::{ExternIndex, FuncType, GlobalType, ModuleParts};

use super::site::Site;

/// Which accesses to memories are reported to a store's [`Observer`](crate::Observer).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Accesses {
    /// None.
    #[default]
    None,
    /// Those to what the observer has marked with
    /// [`Moment::set_interest`](crate::Moment::set_interest).
    OfInterest,
    /// All of them.
    All,
}

type FunctionFilter = Arc<dyn Fn(&FunctionInfo<'_>) -> bool + Send + Sync>;
type GlobalFilter = Arc<dyn Fn(&GlobalInfo<'_>) -> bool + Send + Sync>;

/// What an engine's stores report to their observers: see
/// [`Config::observe`](crate::Config::observe).
///
/// It decides what code is translated to, so that what is not asked for costs nothing.
///
/// ```
/// use lineal::{Accesses, Config, Observe};
///
/// let observe = Observe::new()
///     .accesses(Accesses::OfInterest)
///     .functions(|function| matches!(function.name(), Some("malloc" | "free")));
/// let mut config = Config::new();
/// config.observe(observe);
/// ```
#[derive(Clone, Default)]
pub struct Observe {
    accesses: Accesses,
    batched: bool,
    writers: bool,
    functions: Option<FunctionFilter>,
    entries: Option<FunctionFilter>,
    silent: Option<FunctionFilter>,
    globals: Option<GlobalFilter>,
    host_calls: bool,
}

impl Observe {
    /// Nothing yet but new instances and the endings of calls.
    pub fn new() -> Observe {
        Observe::default()
    }

    /// Which accesses are reported, none by default.
    #[must_use]
    pub fn accesses(self, accesses: Accesses) -> Observe {
        Observe { accesses, ..self }
    }

    /// Whether accesses of loads and stores may be reported some hundred at once and later, off by
    /// default. Anything else that is reported, and the end of a call, comes after the accesses
    /// that were before it.
    ///
    /// With [`Accesses::All`], that is several times as fast. But the [`Moment`](crate::Moment) is
    /// then that of the report, so the backtrace does not belong to the access; only
    /// [`Access::site`](crate::Access::site) does.
    #[must_use]
    pub fn batched(self, batched: bool) -> Observe {
        Observe { batched, ..self }
    }

    /// Whether the store remembers who wrote each byte last, off by default:
    /// [`Moment::writer`](crate::Moment::writer) says.
    #[must_use]
    pub fn writers(self, writers: bool) -> Observe {
        Observe { writers, ..self }
    }

    /// Chooses the functions whose calls and returns are reported. Each function of a module that
    /// is made is asked about once.
    #[must_use]
    pub fn functions(
        self,
        choose: impl Fn(&FunctionInfo<'_>) -> bool + Send + Sync + 'static,
    ) -> Observe {
        Observe { functions: Some(Arc::new(choose)), ..self }
    }

    /// Chooses further functions: their calls are reported, and their returns are not, which costs
    /// less.
    #[must_use]
    pub fn entries(
        self,
        choose: impl Fn(&FunctionInfo<'_>) -> bool + Send + Sync + 'static,
    ) -> Observe {
        Observe { entries: Some(Arc::new(choose)), ..self }
    }

    /// Chooses functions whose own loads, stores and operations on ranges are not reported, for a tool
    /// that would only ignore them. Those of the functions that they call are reported.
    ///
    /// It is asked when [`functions`](Self::functions) and [`entries`](Self::entries) have been asked about
    /// all functions of the module. If [`writers`](Self::writers) are remembered, no function is silent.
    #[must_use]
    pub fn silent(
        self,
        choose: impl Fn(&FunctionInfo<'_>) -> bool + Send + Sync + 'static,
    ) -> Observe {
        Observe { silent: Some(Arc::new(choose)), ..self }
    }

    /// Chooses the globals whose changes by `global.set` are reported, among those that are
    /// mutable and not vectors.
    #[must_use]
    pub fn globals(
        self,
        choose: impl Fn(&GlobalInfo<'_>) -> bool + Send + Sync + 'static,
    ) -> Observe {
        Observe { globals: Some(Arc::new(choose)), ..self }
    }

    /// Whether calls of host functions are reported, off by default.
    #[must_use]
    pub fn host_calls(self, host_calls: bool) -> Observe {
        Observe { host_calls, ..self }
    }

    pub(crate) fn is_batched(&self) -> bool {
        self.batched && self.accesses == Accesses::All
    }

    pub(crate) fn watched(&self) -> Watched {
        Watched {
            filter: self.accesses == Accesses::OfInterest,
            all: self.accesses == Accesses::All,
            writers: self.writers,
            calls: self.functions.is_some() || self.entries.is_some(),
            host_calls: self.host_calls,
        }
    }
}

impl fmt::Debug for Observe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observe")
            .field("accesses", &self.accesses)
            .field("batched", &self.batched)
            .field("writers", &self.writers)
            .field("functions", &self.functions.is_some())
            .field("entries", &self.entries.is_some())
            .field("silent", &self.silent.is_some())
            .field("globals", &self.globals.is_some())
            .field("host_calls", &self.host_calls)
            .finish()
    }
}

/// What of [`Observe`] handlers and translator have to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watched {
    /// Accesses of interest are reported.
    pub(crate) filter: bool,
    /// All accesses are reported.
    pub(crate) all: bool,
    /// Writers are remembered.
    pub(crate) writers: bool,
    /// Some functions may be chosen.
    pub(crate) calls: bool,
    /// Calls of host functions are reported.
    pub(crate) host_calls: bool,
}

impl Watched {
    /// Whether loads have to do something.
    pub(crate) fn reads(self) -> bool {
        // Without the feature, this is false when the engine is compiled, so the handlers are left out.
        cfg!(feature = "observe") && (self.filter || self.all)
    }

    /// Whether stores have to do something.
    pub(crate) fn writes(self) -> bool {
        self.reads() || cfg!(feature = "observe") && self.writers
    }
}

/// A function that may be chosen with [`Observe::functions`], [`Observe::entries`] or
/// [`Observe::silent`].
#[derive(Clone, Copy, Debug)]
pub struct FunctionInfo<'a> {
    module: &'a ModuleParts,
    exports: &'a [&'a str],
    name: Option<&'a str>,
    index: u32,
    site: Site,
    module_site: Option<Site>,
}

impl<'a> FunctionInfo<'a> {
    /// Its index in the module, imported ones first.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Its name, if the module's name section has one.
    pub fn name(&self) -> Option<&'a str> {
        self.name
    }

    /// The names that it is exported under.
    pub fn exports(&self) -> &'a [&'a str] {
        self.exports
    }

    /// Its type.
    pub fn ty(&self) -> &'a FuncType {
        self.module.func_type(self.index)
    }

    /// The module's binary.
    pub fn module_bytes(&self) -> &'a [u8] {
        &self.module.bytes
    }

    /// The site of the module's first byte, which no other module of the engine has, not even after
    /// this one is gone. `None` if the engine has run out of numbers for sites.
    pub fn module_site(&self) -> Option<Site> {
        self.module_site
    }

    /// What [`Call::function`](crate::Call::function) is in reports of its calls.
    pub fn site(&self) -> Site {
        self.site
    }
}

/// A global that may be chosen with [`Observe::globals`].
#[derive(Clone, Copy, Debug)]
pub struct GlobalInfo<'a> {
    module: &'a ModuleParts,
    exports: &'a [&'a str],
    index: u32,
    module_site: Option<Site>,
}

impl<'a> GlobalInfo<'a> {
    /// Its index in the module, imported ones first.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The names that it is exported under.
    pub fn exports(&self) -> &'a [&'a str] {
        self.exports
    }

    /// The names that it is imported under, if it is.
    pub fn import(&self) -> Option<(&'a str, &'a str)> {
        let globals = self
            .module
            .imports
            .iter()
            .filter(|import| matches!(import.ty, lineal_decoder::ExternType::Global(_)));
        globals.map(|import| (&*import.module, &*import.name)).nth(self.index as usize)
    }

    /// Its type.
    pub fn ty(&self) -> &'a GlobalType {
        &self.module.globals[self.index as usize].ty
    }

    /// The module's binary.
    pub fn module_bytes(&self) -> &'a [u8] {
        &self.module.bytes
    }

    /// The site of the module's first byte, which no other module of the engine has, not even after
    /// this one is gone. `None` if the engine has run out of numbers for sites.
    pub fn module_site(&self) -> Option<Site> {
        self.module_site
    }
}

/// What is observed of a module.
#[derive(Debug, Default)]
pub(crate) struct ObservedModule {
    /// The site of its first byte; `None` if the engine has run out of numbers.
    pub(crate) first_site: Option<u32>,
    /// The functions whose calls are reported, ascending.
    entries: Vec<u32>,
    /// Those of them whose returns are reported too, ascending.
    functions: Vec<u32>,
    /// The functions whose accesses are not reported, ascending.
    silent: Vec<u32>,
    /// The chosen globals, ascending.
    globals: Vec<u32>,
}

impl ObservedModule {
    /// Asks about all functions and globals of a module.
    pub(crate) fn new(
        observe: &Observe,
        module: &lineal_decoder::Module,
        first_site: Option<u32>,
    ) -> ObservedModule {
        let mut observed = ObservedModule { first_site, ..ObservedModule::default() };
        if observe.watched().calls || observe.silent.is_some() {
            let exports = exported(module, |index| match index {
                ExternIndex::Func(index) => Some(index),
                _ => None,
            });
            let chosen = |filter: &Option<FunctionFilter>| -> Vec<u32> {
                let Some(choose) = filter else { return Vec::new() };
                let chooses = |(index, body): &(u32, &lineal_decoder::FuncBody)| {
                    choose(&FunctionInfo {
                        module,
                        exports: names_of(&exports, *index),
                        name: module.names().func(*index),
                        index: *index,
                        site: observed.site(Some(body.range.start as u32)),
                        module_site: observed.module_site(),
                    })
                };
                let functions = (module.imported_funcs..).zip(&module.bodies);
                functions.filter(chooses).map(|(index, _)| index).collect()
            };
            let functions = chosen(&observe.functions);
            let mut entries = chosen(&observe.entries);
            entries.extend(&functions);
            entries.sort_unstable();
            let silent = if observe.writers { Vec::new() } else { chosen(&observe.silent) };
            (observed.functions, observed.entries, observed.silent) = (functions, entries, silent);
        }
        if let Some(choose) = &observe.globals {
            let exports = exported(module, |index| match index {
                ExternIndex::Global(index) => Some(index),
                _ => None,
            });
            for (index, global) in (0..).zip(&module.globals) {
                let is_scalar = global.ty.content != lineal_decoder::ValType::V128;
                let info = GlobalInfo {
                    module,
                    exports: names_of(&exports, index),
                    index,
                    module_site: observed.module_site(),
                };
                if global.ty.mutable && is_scalar && choose(&info) {
                    observed.globals.push(index);
                }
            }
        }
        observed
    }

    /// The site of the binary's first byte, if there was a number left for it.
    pub(crate) fn module_site(&self) -> Option<Site> {
        self.first_site.map(Site::from_bits)
    }

    /// The site of what is at an offset in the binary.
    pub(crate) fn site(&self, offset: Option<u32>) -> Site {
        let site = self.first_site.zip(offset).map(|(first, offset)| first + offset);
        site.map_or(Site::UNKNOWN, Site::from_bits)
    }

    /// Whether calls of a function are reported.
    pub(crate) fn has_entry(&self, index: u32) -> bool {
        self.entries.binary_search(&index).is_ok()
    }

    /// Whether calls of a function are reported, and its returns.
    pub(crate) fn has_function(&self, index: u32) -> bool {
        self.functions.binary_search(&index).is_ok()
    }

    /// Whether accesses of a function are not reported.
    pub(crate) fn is_silent(&self, index: u32) -> bool {
        self.silent.binary_search(&index).is_ok()
    }

    pub(crate) fn has_global(&self, index: u32) -> bool {
        self.globals.binary_search(&index).is_ok()
    }
}

/// The exports of a kind, by index: all names of one index beside each other.
fn exported(
    module: &ModuleParts,
    pick: impl Fn(ExternIndex) -> Option<u32>,
) -> (Vec<u32>, Vec<&str>) {
    let mut exports: Vec<(u32, &str)> = module
        .exports
        .iter()
        .filter_map(|export| Some((pick(export.index)?, &*export.name)))
        .collect();
    exports.sort_by_key(|&(index, _)| index);
    exports.into_iter().unzip()
}

fn names_of<'a>((indices, names): &'a (Vec<u32>, Vec<&'a str>), index: u32) -> &'a [&'a str] {
    let start = indices.partition_point(|&at| at < index);
    let end = indices.partition_point(|&at| at <= index);
    &names[start..end]
}
