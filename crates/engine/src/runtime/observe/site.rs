//! Sites: who did something to a memory, in 32 bits.
//!
//! An observed engine numbers the bytes of its modules' binaries one after the other. The number
//! of an instruction's first byte is its site, and that of a data segment's contents is the
//! segment's, so translating needs no table, and nothing is looked up before a site is printed.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use lineal_decoder::Escaped;

use crate::runtime::backtrace::FrameInfo;
use crate::runtime::code::Module;
use crate::runtime::code::ModuleCode;

/// Who accessed a memory: an instruction, a data segment, or a host function.
///
/// It means something to the [`Engine`](crate::Engine) that it comes from, and to its clones:
/// [`Engine::origin`](crate::Engine::origin) says what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site(u32);

impl Site {
    /// Nobody: the site of bytes that were never written.
    pub const NOBODY: Site = Site(0);
    /// An instruction that has no number because the engine ran out of them.
    pub(crate) const UNKNOWN: Site = Site(1);
    /// The host, outside of any function that a guest called.
    pub const HOST: Site = Site(2);
    /// The first host function.
    const FIRST_HOST: u32 = 3;
    /// The first byte of the first module.
    const FIRST_BYTE: u32 = 1 << 16;
    /// One more than the last.
    const END: u32 = super::shadow::SPLIT;

    pub(crate) fn from_bits(bits: u32) -> Site {
        Site(bits)
    }

    pub(crate) fn to_bits(self) -> u32 {
        self.0
    }

    /// The site as a number, for example to keep it in a file. It has no meaning but that equal
    /// sites are equal numbers.
    pub fn as_u32(self) -> u32 {
        self.0
    }

    /// The site with a number that [`as_u32`](Self::as_u32) returned.
    pub fn from_u32(number: u32) -> Site {
        Site(number)
    }

    /// Whether it is [`Site::HOST`] or a host function's.
    pub fn is_host(self) -> bool {
        (Site::HOST.0..Site::FIRST_BYTE).contains(&self.0)
    }
}

/// What a [`Site`] stands for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody: the bytes are as they were when the memory was made or grew.
    Nobody,
    /// An instruction of a guest's function.
    Instruction(FrameInfo),
    /// A data segment that was copied when its module was instantiated.
    Segment {
        /// The module.
        module: Module,
        /// The segment's index in it.
        index: u32,
    },
    /// A function of the host's, by the names that the guest imports it under.
    HostFunction {
        /// The first of the two names.
        module: String,
        /// The second.
        name: String,
    },
    /// The host, when no guest had called it.
    Host,
    /// An instruction or segment of a module that is gone.
    Unknown,
}

impl fmt::Display for Origin {
    /// Writes the function's name, `host: name`, or `data segment N`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Nobody => f.write_str("never written"),
            Origin::Instruction(frame) => match frame.func_name() {
                Some(name) => write!(f, "{}", Escaped(name)),
                None => write!(f, "func[{}]", frame.func_index()),
            },
            Origin::Segment { index, .. } => write!(f, "data segment {index}"),
            Origin::HostFunction { name, .. } => write!(f, "host: {}", Escaped(name)),
            Origin::Host => f.write_str("host"),
            Origin::Unknown => f.write_str("unknown"),
        }
    }
}

/// The sites of an engine.
#[derive(Default)]
pub(crate) struct Sites {
    table: RwLock<Table>,
}

#[derive(Default)]
struct Table {
    /// By their first sites.
    modules: Vec<ModuleSites>,
    hosts: Vec<(Box<str>, Box<str>)>,
    host_numbers: HashMap<(Box<str>, Box<str>), u32>,
}

struct ModuleSites {
    first: u32,
    module: Weak<ModuleCode>,
}

impl Sites {
    /// Numbers for the bytes of a module; `None` if there are not so many left.
    pub(crate) fn reserve(&self, len_bytes: usize) -> Option<u32> {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        // The last entry stands for where the next module begins.
        let first = table.modules.last().map_or(Site::FIRST_BYTE, |last| last.first);
        let end = u32::try_from(len_bytes).ok().and_then(|len| first.checked_add(len))?;
        if end > Site::END {
            return None;
        }
        if table.modules.is_empty() {
            table.modules.push(ModuleSites { first, module: Weak::new() });
        }
        table.modules.push(ModuleSites { first: end, module: Weak::new() });
        Some(first)
    }

    /// Says which module has the numbers from `first` on.
    pub(crate) fn register(&self, first: u32, module: &Arc<ModuleCode>) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        if let Ok(at) = table.modules.binary_search_by_key(&first, |module| module.first) {
            table.modules[at].module = Arc::downgrade(module);
        }
    }

    /// The site of a host function with those names.
    pub(crate) fn host(&self, module: &str, name: &str) -> Site {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let names = (Box::from(module), Box::from(name));
        if let Some(&number) = table.host_numbers.get(&names) {
            return Site(number);
        }
        let number = Site::FIRST_HOST + table.hosts.len() as u32;
        if number >= Site::FIRST_BYTE {
            return Site::HOST;
        }
        table.hosts.push(names.clone());
        table.host_numbers.insert(names, number);
        Site(number)
    }

    pub(crate) fn origin(&self, site: Site) -> Origin {
        match site {
            Site::NOBODY => return Origin::Nobody,
            Site::UNKNOWN => return Origin::Unknown,
            Site::HOST => return Origin::Host,
            _ => {}
        }
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        if site.is_host() {
            return match table.hosts.get((site.0 - Site::FIRST_HOST) as usize) {
                Some((module, name)) => {
                    Origin::HostFunction { module: module.to_string(), name: name.to_string() }
                }
                None => Origin::Unknown,
            };
        }
        let after = table.modules.partition_point(|module| module.first <= site.0);
        let Some(found) = after.checked_sub(1).map(|at| &table.modules[at]) else {
            return Origin::Unknown;
        };
        match found.module.upgrade() {
            Some(module) => origin_in(module, site.0 - found.first),
            None => Origin::Unknown,
        }
    }
}

/// What lies at an offset in a module's binary.
fn origin_in(module: Arc<ModuleCode>, offset: u32) -> Origin {
    let at = offset as usize;
    let decoded = &module.decoded;
    let after = decoded.bodies.partition_point(|body| body.range.start <= at);
    if let Some(index) = after.checked_sub(1)
        && decoded.bodies[index].range.contains(&at)
    {
        let func_index = decoded.imported_funcs + index as u32;
        let module = Module::from_code(module);
        return Origin::Instruction(FrameInfo::at(module, func_index, Some(offset)));
    }
    // Two segments begin at one place only if the first is empty, and so writes nothing.
    let segment = decoded.data.iter().rposition(|segment| segment.range.start == at);
    match segment {
        Some(index) => Origin::Segment { module: Module::from_code(module), index: index as u32 },
        None => Origin::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_run_out() {
        let sites = Sites::default();
        let first = sites.reserve(10).unwrap();
        assert_eq!(sites.reserve(5), Some(first + 10));
        assert_eq!(sites.reserve(1 << 31), None);
        assert_eq!(sites.reserve(usize::MAX), None);
        let rest = (Site::END - first - 15) as usize;
        assert_eq!(sites.reserve(rest), Some(first + 15));
        assert_eq!(sites.reserve(1), None);
        assert_eq!(sites.reserve(0), Some(Site::END));
        assert!(matches!(sites.origin(Site(first)), Origin::Unknown));
    }

    #[test]
    fn a_host_function_has_one_site() {
        let sites = Sites::default();
        let write = sites.host("wasi", "fd_write");
        assert_eq!(sites.host("wasi", "fd_write"), write);
        assert_ne!(sites.host("wasi", "fd_read"), write);
        assert_eq!(sites.origin(write).to_string(), "host: fd_write");
    }
}
