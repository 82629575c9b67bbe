//! The allocator functions of the modules that an engine makes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use lineal::{FunctionInfo, Instantiated, Site};

use super::hidden::{Hidden, Survey, is_entry, survey};
use super::recognise::{Family, Recognised, Role, recognise};
use crate::event::means;

/// How an allocator function was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By an option.
    Option,
    /// By the name of an export.
    Export,
    /// By the module's name section.
    Name,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            How::Option => "--alloc",
            How::Export => "export",
            How::Name => "name section",
        })
    }
}

/// A function that was recognised.
#[derive(Clone, Debug)]
pub struct AllocatorFunction {
    /// The name by which it was recognised.
    pub name: String,
    /// Its index in the module.
    pub index: u32,
    /// How it was recognised.
    pub how: How,
    /// What it is.
    pub recognised: Recognised,
}

/// An option `ROLE=FUNCTION`, such as `malloc=func[12]`, `free=my_free` or `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllocOption {
    /// Recognise nothing by name.
    None,
    /// Treat a function as the known function `role`.
    Function {
        /// The name of a known allocator function.
        role: String,
        /// The function: its name, or `func[INDEX]`.
        function: String,
    },
}

/// Why an option of this kind could not be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocOptionError(String);

impl fmt::Display for AllocOptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not of the form ROLE=FUNCTION, such as malloc=my_malloc or free=func[12]",
            self.0
        )
    }
}

impl std::error::Error for AllocOptionError {}

impl FromStr for AllocOption {
    type Err = AllocOptionError;

    fn from_str(text: &str) -> Result<AllocOption, AllocOptionError> {
        if text == "none" {
            return Ok(AllocOption::None);
        }
        match text.split_once('=') {
            Some((role, function)) if !role.is_empty() && !function.is_empty() => {
                Ok(AllocOption::Function { role: role.to_owned(), function: function.to_owned() })
            }
            _ => Err(AllocOptionError(text.to_owned())),
        }
    }
}

impl fmt::Display for AllocOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AllocOption::None => f.write_str("none"),
            AllocOption::Function { role, function } => write!(f, "{role}={function}"),
        }
    }
}

impl AllocOption {
    /// The name of the known function that the option's function is treated as.
    pub fn role(&self) -> &str {
        match self {
            AllocOption::None => "none",
            AllocOption::Function { role, .. } => role,
        }
    }

    /// Whether the option means a function.
    fn names(&self, info: &FunctionInfo<'_>) -> Option<&str> {
        let AllocOption::Function { role, function } = self else { return None };
        means(function, info).then_some(role.as_str())
    }
}

#[derive(Debug, Default)]
struct Found {
    functions: Vec<AllocatorFunction>,
    /// The options that named a function, by their indices.
    used: Vec<usize>,
    by_site: HashMap<Site, Recognised>,
    /// By the sites of their first bytes. The addresses of their binaries would not do: those of
    /// modules that are gone are used again.
    modules: BTreeMap<Site, Functions>,
}

/// The allocator functions of one module.
#[derive(Debug, Default)]
struct Functions {
    by_index: HashMap<u32, Recognised>,
    /// Their sites, but for functions that only copy.
    sites: Vec<Site>,
    /// Whether an option named one of them, so that the user knows better.
    by_option: bool,
    /// What the module's code says, once it was looked at.
    survey: Option<Survey>,
}

impl Functions {
    /// What the code of the module says, which is looked at once.
    fn survey(&mut self, binary: &[u8]) -> &Survey {
        let (by_index, by_option) = (&self.by_index, self.by_option);
        self.survey.get_or_insert_with(|| match by_option {
            true => Survey::default(),
            false => survey(binary, by_index),
        })
    }
}

/// Collects the allocator functions of all modules of an engine. Clones share what is found.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    options: Arc<Vec<AllocOption>>,
    found: Arc<Mutex<Found>>,
}

impl Registry {
    /// Recognises by the options first.
    pub fn new(options: Vec<AllocOption>) -> Registry {
        Registry { options: Arc::new(options), found: Arc::default() }
    }

    /// Looks at a function of a module that is made, for
    /// [`Observe::functions`](lineal::Observe::functions): whether its calls have to be reported because it
    /// belongs to an allocator.
    pub fn choose_allocator(&self, info: &FunctionInfo<'_>) -> bool {
        self.choose_if(info, |it| !matches!(it.role, Role::Copy { .. })).is_some()
    }

    /// The same without functions whose calls change no block, if nobody cares for what they access:
    /// those inside of AssemblyScript's runtime are called very often.
    pub fn choose_entry(&self, info: &FunctionInfo<'_>) -> bool {
        let recognised = self.choose_if(info, |it| !matches!(it.role, Role::Copy { .. }));
        recognised
            .is_some_and(|it| it.role != Role::Internal || it.family != Family::AssemblyScript)
    }

    /// The same for [`Observe::entries`](lineal::Observe::entries): whether it is known to copy.
    pub fn choose_copy(&self, info: &FunctionInfo<'_>) -> bool {
        self.choose_if(info, |it| matches!(it.role, Role::Copy { .. })).is_some()
    }

    /// The same for [`Observe::silent`](lineal::Observe::silent), after the other functions of its module:
    /// whether what it accesses is its own business, as it belongs to an allocator that can be followed.
    pub fn choose_silent(&self, info: &FunctionInfo<'_>) -> bool {
        let Some(module_site) = info.module_site() else { return false };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(module) = found.modules.get_mut(&module_site) else { return false };
        let recognised = module.by_index.get(&info.index()).copied();
        recognised.is_some_and(|it| !matches!(it.role, Role::Copy { .. }))
            && module.survey(info.module_bytes()).hidden.is_none()
    }

    fn choose_if(
        &self,
        info: &FunctionInfo<'_>,
        wanted: fn(&Recognised) -> bool,
    ) -> Option<Recognised> {
        // Without sites, calls of one function cannot be told from those of another.
        let module_site = info.module_site()?;
        let function = self.find(info).filter(|function| wanted(&function.recognised))?;
        let recognised = function.recognised;
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.by_site.insert(info.site(), recognised);
        let module = found.modules.entry(module_site).or_default();
        module.by_index.insert(function.index, recognised);
        if !matches!(recognised.role, Role::Copy { .. }) {
            module.sites.push(info.site());
        }
        module.by_option |= function.how == How::Option;
        found.functions.push(function);
        Some(recognised)
    }

    /// Looks whether a module has code of its allocator that none of the recognised functions
    /// encloses. Returns whether C++'s operators may be inlined somewhere.
    pub(crate) fn survey(&self, instance: &Instantiated<'_>) -> bool {
        let Some(module_site) = instance.module_site() else { return false };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let module = found.modules.get_mut(&module_site);
        module.is_some_and(|module| module.survey(instance.module_bytes()).inlines_operators)
    }

    /// Why the heaps of some modules cannot be followed: each reason once, in the order of the
    /// modules.
    pub fn hidden(&self) -> Vec<Hidden> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = HashSet::new();
        let reasons = found.modules.values().filter_map(|it| it.survey.as_ref()?.hidden.as_ref());
        reasons.filter(|reason| known.insert(*reason)).cloned().collect()
    }

    fn find(&self, info: &FunctionInfo<'_>) -> Option<AllocatorFunction> {
        let (params, results): (Vec<_>, Vec<_>) =
            (info.ty().params().to_vec(), info.ty().results().to_vec());
        let known = |name: &str| recognise(name, &params, &results);
        let function = |name: &str, how, recognised| AllocatorFunction {
            name: name.to_owned(),
            index: info.index(),
            how,
            recognised,
        };
        if let Some((option, role, recognised)) = (0..)
            .zip(self.options.iter())
            .filter_map(|(index, option)| Some((index, option.names(info)?)))
            .find_map(|(index, role)| Some((index, role, known(role)?)))
        {
            self.found.lock().unwrap_or_else(PoisonError::into_inner).used.push(option);
            return Some(function(role, How::Option, recognised));
        }
        if self.options.contains(&AllocOption::None) {
            return None;
        }
        if let Some((name, recognised)) =
            info.exports().iter().find_map(|name| Some((*name, known(name)?)))
        {
            return Some(function(name, How::Export, recognised));
        }
        let name = info.name()?;
        known(name).map(|recognised| function(name, How::Name, recognised))
    }

    /// The options that no function fits: it is not there, or has another signature.
    pub fn unused_options(&self) -> Vec<AllocOption> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let unused = |(index, option): &(usize, &AllocOption)| {
            **option != AllocOption::None && !found.used.contains(index)
        };
        (0..).zip(self.options.iter()).filter(unused).map(|(_, option)| option.clone()).collect()
    }

    /// What a function of that site is.
    pub fn get(&self, site: Site) -> Option<Recognised> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).by_site.get(&site).copied()
    }

    /// The allocator functions that were recognised, without what is only internal to them.
    pub fn functions(&self) -> Vec<AllocatorFunction> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let visible = |function: &&AllocatorFunction| is_entry(&function.recognised);
        found.functions.iter().filter(visible).cloned().collect()
    }

    /// The sites with what they are, without the allocators of modules that hide code of theirs.
    pub(crate) fn enclosed_by_site(&self) -> HashMap<Site, Recognised> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let mut by_site = found.by_site.clone();
        let hides = |it: &&Functions| it.survey.as_ref().is_some_and(|it| it.hidden.is_some());
        let hiding = found.modules.values().filter(hides);
        for site in hiding.flat_map(|module| &module.sites) {
            by_site.remove(site);
        }
        by_site
    }

    /// All sites with what they are.
    pub(crate) fn by_site(&self) -> HashMap<Site, Recognised> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).by_site.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_name_a_role_and_a_function() {
        assert_eq!(
            "malloc=func[12]".parse(),
            Ok(AllocOption::Function { role: "malloc".into(), function: "func[12]".into() })
        );
        assert_eq!("none".parse(), Ok(AllocOption::None));
        for text in ["malloc", "=f", "malloc=", ""] {
            assert!(text.parse::<AllocOption>().is_err(), "{text}");
        }
    }
}
