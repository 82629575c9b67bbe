//! Whether a module has code of its allocator that no recognised function encloses.
//!
//! Blocks are known by the calls of recognised functions, and what happens during those calls is the
//! allocator's own business. Compilers inline parts of an allocator into the functions that call it,
//! and a module without names has functions of its allocator that nothing tells. Such code writes to
//! free memory and changes blocks unseen, so nothing can be said of the heap.
//!
//! The allocator's own code is what recognised functions enclose: they, and the functions that only
//! they call. Code of the allocator is elsewhere if another function uses the allocator's variables,
//! or calls functions that belong to its inside. Its variables are the globals that are known by name,
//! and what its own code loads from fixed addresses.

use std::collections::{HashMap, HashSet};
use std::fmt;

use lineal::Escaped;
use wasmparser::{CompositeInnerType, ExternalKind, KnownCustom, Name, Parser, Payload, TypeRef};

use super::body::Body;
use super::recognise::{Family, Recognised, Role};

/// Why the blocks of a module's heap cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hidden {
    /// Exports tell some functions of an allocator, and nothing tells the others.
    Nameless,
    /// Only the functions by which the host allocates are known. The program itself allocates by
    /// others.
    Wrapped,
    /// A function of the allocator calls another one in its place, so what it returns is not seen.
    TailCall {
        /// The function: its name, or `func[INDEX]`.
        function: String,
    },
    /// A function that does not belong to the allocator has code of it.
    Inlined {
        /// The function: its name, or `func[INDEX]`.
        function: String,
        /// What it uses of the allocator: a variable or a function.
        uses: String,
    },
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hidden::Nameless => f.write_str(
                "the module has no names, so the functions of its allocator that it does not export are \
                 unknown: keep the names when you build it, or name the functions with --alloc",
            ),
            Hidden::Wrapped => f.write_str(
                "only the functions by which the host allocates are known, and not those of the program's \
                 own allocator: name them with --alloc",
            ),
            Hidden::TailCall { function } => write!(
                f,
                "`{}` belongs to the allocator and ends in a tail call, so what it returns is not seen: \
                 build without tail calls",
                Escaped(function)
            ),
            Hidden::Inlined { function, uses } if function.starts_with("~lib/") => write!(
                f,
                "`{}` of AssemblyScript's library contains code of the allocator (it uses `{}`): build with \
                 less optimisation, and with the incremental runtime, which is the default",
                Escaped(function),
                Escaped(uses),
            ),
            Hidden::Inlined { function, uses } => write!(
                f,
                "`{}` contains code of the allocator (it uses `{}`), which the compiler has \
                 inlined: build with less optimisation",
                Escaped(function),
                Escaped(uses),
            ),
        }
    }
}

/// The globals in which AssemblyScript's allocators keep their state.
const STATE_GLOBALS: [&str; 2] = [TLSF_ROOT, "~lib/rt/stub/offset"];
const TLSF_ROOT: &str = "~lib/rt/tlsf/ROOT";

/// The function that sets the state up. Who hands the state on calls it before.
const TLSF_INITIALIZE: &str = "~lib/rt/tlsf/initialize";

/// The globals in which AssemblyScript's collectors count the bytes of objects: who allocates and uses
/// one makes objects without a call of `__new`.
const OBJECT_BYTES: [&str; 2] = ["~lib/rt/itcms/total", "~lib/rt/tcms/total"];

/// Whether a function with that name is inside of an allocator, so that only the allocator calls it.
fn is_inside(name: &str) -> bool {
    name.starts_with("~lib/rt/tlsf/")
        || name.starts_with("~lib/rt/stub/")
        || name.contains("dlmalloc") && name.contains("Dlmalloc")
}

/// What the code of a module says of its allocator.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    /// Where code of the allocator is that no recognised function encloses.
    pub(crate) hidden: Option<Hidden>,
    /// Whether C++'s operators may have been inlined somewhere, so that `malloc` and `free` are called
    /// in their place: those that a program defines itself are small enough for that.
    pub(crate) inlines_operators: bool,
}

/// Surveys a module, some of whose functions were recognised, by their indices.
pub(crate) fn survey(binary: &[u8], recognised: &HashMap<u32, Recognised>) -> Survey {
    if !recognised.values().any(is_entry) {
        return Survey::default();
    }
    let module = Module::read(binary);
    Survey {
        hidden: find(&module, recognised),
        inlines_operators: !module.has_library_new(recognised),
    }
}

/// Looks for code of the allocator outside of the functions that were recognised.
fn find(module: &Module, recognised: &HashMap<u32, Recognised>) -> Option<Hidden> {
    let family = |family| recognised.values().any(|it| it.family == family && is_entry(it));
    let families = || recognised.values().filter(|it| is_entry(it)).map(|it| it.family);
    let has_names = module.names.len() * 2 > module.bodies.len();
    let is_collected = family(Family::AssemblyScript) || family(Family::AssemblyScriptHeap);
    let by_language = |it| !matches!(it, Family::C | Family::New | Family::NewArray);
    if !has_names && families().any(by_language) {
        return Some(Hidden::Nameless);
    }
    if families().all(|it| matches!(it, Family::WasmBindgen | Family::Component)) {
        return Some(Hidden::Wrapped);
    }
    if is_collected && !module.globals.values().any(|name| STATE_GLOBALS.contains(&&**name)) {
        return Some(Hidden::Nameless);
    }
    let is_known = |callee: &u32| recognised.get(callee).is_some_and(is_entry);
    let mut entries: Vec<u32> =
        recognised.iter().filter(|(_, it)| is_entry(it)).map(|(index, _)| *index).collect();
    entries.sort_unstable();
    for index in entries {
        let Some(body) = module.body(index) else { continue };
        if body.tail_calls_any || !body.tail_calls.iter().all(is_known) {
            return Some(Hidden::TailCall { function: module.name(index) });
        }
    }
    let own = module.enclosed(recognised);
    let state: HashSet<u64> = own
        .iter()
        .filter_map(|index| module.body(*index))
        .flat_map(|it| &it.loaded)
        .copied()
        .collect();
    let inner = |index: &u32| {
        let entry = recognised.get(index).is_some_and(is_entry);
        let named = module.names.get(index).is_some_and(|name| is_inside(name));
        !entry && (named || !has_names && module.is_inner(*index, recognised))
    };
    for (index, body) in (module.imported..).zip(&module.bodies) {
        let is_own =
            own.contains(&index) || module.names.get(&index).is_some_and(|it| is_inside(it));
        if is_own {
            continue;
        }
        let calls = |wanted: &dyn Fn(&Recognised) -> bool| {
            body.calls.iter().any(|callee| recognised.get(callee).is_some_and(wanted))
        };
        let passes_state = calls(&|it| it.header_bytes > 0);
        let allocates = calls(&|it| matches!(it.role, Role::Allocate { .. }));
        let global =
            body.globals.iter().filter_map(|global| module.globals.get(global)).find(|name| {
                match name.as_str() {
                    // Only to hand it on.
                    TLSF_ROOT if passes_state => false,
                    name if OBJECT_BYTES.contains(&name) => allocates,
                    name => STATE_GLOBALS.contains(&name),
                }
            });
        let inner = |callee: &&u32| {
            inner(callee) && !(passes_state && module.name(**callee) == TLSF_INITIALIZE)
        };
        let uses = global
            .cloned()
            .or_else(|| body.calls.iter().find(inner).map(|it| module.name(*it)))
            .or_else(|| {
                let addr =
                    body.loaded.iter().chain(&body.stored).find(|addr| state.contains(addr))?;
                Some(format!("{addr:#x}"))
            });
        if let Some(uses) = uses {
            if !has_names {
                return Some(Hidden::Nameless);
            }
            return Some(Hidden::Inlined { function: module.name(index), uses });
        }
    }
    None
}

/// Whether a function makes or frees blocks.
pub(super) fn is_entry(recognised: &Recognised) -> bool {
    use Role::{Collector, Copy, Internal, Reclaim};
    !matches!(recognised.role, Internal | Collector | Reclaim { .. } | Copy { .. })
}

/// What the code of a module uses.
#[derive(Default)]
struct Module {
    /// How many functions are imported.
    imported: u32,
    names: HashMap<u32, String>,
    /// Names of globals.
    globals: HashMap<u32, String>,
    bodies: Vec<Body>,
    /// Functions that are called from elsewhere than by name: exports and those in tables.
    open: HashSet<u32>,
}

impl Module {
    /// What cannot be read is as if it were not there.
    fn read(binary: &[u8]) -> Module {
        let mut module = Module::default();
        // How many parameters the types have, and the types of the functions.
        let mut params: Vec<u32> = Vec::new();
        let mut types: Vec<u32> = Vec::new();
        for payload in Parser::new(0).parse_all(binary).map_while(Result::ok) {
            match payload {
                Payload::TypeSection(section) => {
                    let types = section.into_iter().flatten().flat_map(|group| group.into_types());
                    params.extend(types.map(|ty| match &ty.composite_type.inner {
                        CompositeInnerType::Func(ty) => ty.params().len() as u32,
                        _ => 0,
                    }));
                }
                Payload::FunctionSection(section) => types.extend(section.into_iter().flatten()),
                Payload::ImportSection(section) => {
                    let functions = section
                        .into_imports()
                        .flatten()
                        .filter(|import| matches!(import.ty, TypeRef::Func(_)));
                    module.imported += functions.count() as u32;
                }
                Payload::ExportSection(section) => {
                    let exports = section.into_iter().flatten();
                    let functions = exports.filter(|export| export.kind == ExternalKind::Func);
                    module.open.extend(functions.map(|export| export.index));
                }
                Payload::ElementSection(section) => {
                    for element in section.into_iter().flatten() {
                        if let wasmparser::ElementItems::Functions(functions) = element.items {
                            module.open.extend(functions.into_iter().flatten());
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    let ty = types.get(module.bodies.len());
                    let count = ty.and_then(|ty| params.get(*ty as usize));
                    module.bodies.push(Body::read(&body, count.copied().unwrap_or(u32::MAX)));
                }
                Payload::CustomSection(section) => {
                    if let KnownCustom::Name(section) = section.as_known() {
                        for name in section.into_iter().flatten() {
                            match name {
                                Name::Function(map) => module.names.extend(
                                    map.into_iter()
                                        .flatten()
                                        .map(|it| (it.index, it.name.to_owned())),
                                ),
                                Name::Global(map) => module.globals.extend(
                                    map.into_iter()
                                        .flatten()
                                        .map(|it| (it.index, it.name.to_owned())),
                                ),
                                _ => {}
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        module
    }

    fn body(&self, index: u32) -> Option<&Body> {
        self.bodies.get(index.checked_sub(self.imported)? as usize)
    }

    fn name(&self, index: u32) -> String {
        self.names.get(&index).cloned().unwrap_or_else(|| format!("func[{index}]"))
    }

    /// The recognised functions, and those that only these and each other call.
    fn enclosed(&self, recognised: &HashMap<u32, Recognised>) -> HashSet<u32> {
        // How many functions call each function, without itself and without those that are known
        // to be the allocator's own.
        let mut others: HashMap<u32, usize> = HashMap::new();
        for (index, body) in (self.imported..).zip(&self.bodies) {
            for callee in body.calls.iter().filter(|callee| **callee != index) {
                *others.entry(*callee).or_default() += 1;
            }
        }
        let mut own: HashSet<u32> = recognised
            .iter()
            .filter(|(_, it)| !matches!(it.role, Role::Copy { .. }))
            .map(|(index, _)| *index)
            .collect();
        let mut waiting: Vec<u32> = own.iter().copied().collect();
        while let Some(index) = waiting.pop() {
            let calls = self.body(index).into_iter().flat_map(|body| &body.calls);
            for callee in calls.filter(|callee| **callee != index) {
                let Some(count) = others.get_mut(callee) else { continue };
                *count -= 1;
                if *count == 0 && !self.open.contains(callee) && own.insert(*callee) {
                    waiting.push(*callee);
                }
            }
        }
        own
    }

    /// Whether `operator new` is the one of the C++ library, which asks for the handler if there is no
    /// memory.
    fn has_library_new(&self, recognised: &HashMap<u32, Recognised>) -> bool {
        let handler = |index: &u32| {
            self.names.get(index).is_some_and(|name| name.contains("get_new_handler"))
        };
        let asks = |index: &u32| self.body(*index).is_some_and(|it| it.calls.iter().any(handler));
        recognised
            .iter()
            .filter(|(_, it)| matches!(it.family, Family::New | Family::NewArray))
            .filter_map(|(index, _)| Some((index, self.body(*index)?)))
            .any(|(index, body)| asks(index) || body.calls.iter().any(asks))
    }

    /// Whether a function without a name, which recognised functions call, does more than to work on
    /// its arguments: it calls others, or has variables.
    fn is_inner(&self, index: u32, recognised: &HashMap<u32, Recognised>) -> bool {
        let called = recognised
            .keys()
            .filter_map(|index| self.body(*index))
            .any(|body| body.calls.contains(&index));
        let works = |body: &Body| {
            !body.calls.is_empty() || !body.globals.is_empty() || !body.loaded.is_empty()
        };
        called && self.body(index).is_some_and(works)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alloc::recognise::recognise;
    use lineal::decoded::ValType;

    /// What is hidden in a module in which `malloc` and `free` are recognised by their indices.
    fn hidden(text: &str, entries: &[(u32, &str)]) -> Option<Hidden> {
        let binary = wat::parse_str(text).unwrap();
        let recognised = entries.iter().map(|(index, name)| {
            let has_none = ["free", "mallinfo"].contains(name);
            let results: &[ValType] = if has_none { &[] } else { &[ValType::I32] };
            (*index, recognise(name, &[ValType::I32], results).unwrap())
        });
        survey(&binary, &recognised.collect()).hidden
    }

    const ALLOCATOR: &str = "(module (memory 1)
        (func $malloc (param i32) (result i32)
            (i32.store (i32.const 2048) (i32.add (call $top) (local.get 0))) (call $top))
        (func $free (param i32) (i32.store (i32.const 2052) (i32.const 48)))
        (func $top (result i32) (i32.load (i32.const 2048)))";

    #[test]
    fn what_only_the_allocator_uses_is_its_own() {
        let text = format!(
            "{ALLOCATOR} (func $main (drop (call $malloc (i32.load (i32.const 4096))))
            (drop (i32.load (i32.const 2052)))))"
        );
        assert_eq!(hidden(&text, &[(0, "malloc"), (1, "free")]), None);
    }

    #[test]
    fn a_function_that_uses_the_allocators_variable_has_code_of_it() {
        let text = format!(
            "{ALLOCATOR} (func $main (i32.store offset=2048 (i32.const 0) (i32.const 1))))"
        );
        assert_eq!(
            hidden(&text, &[(0, "malloc"), (1, "free")]),
            Some(Hidden::Inlined { function: "main".into(), uses: "0x800".into() })
        );
    }

    #[test]
    fn what_an_allocators_tail_call_returns_is_not_seen() {
        let text = |malloc: &str| {
            format!(
                "(module (memory 1) (func $malloc (param i32) (result i32) {malloc})
                (func $free (param i32)) (func $dlmalloc (param i32) (result i32) (local.get 0)))"
            )
        };
        let entries = [(0, "malloc"), (1, "free"), (2, "dlmalloc")];
        let tail = text("(return_call $dlmalloc (local.get 0))");
        assert_eq!(hidden(&tail, &entries), None, "that function is known too");
        let tail_call = Some(Hidden::TailCall { function: "malloc".into() });
        assert_eq!(hidden(&tail, &entries[..2]), tail_call);
        assert_eq!(hidden(&text("(call $dlmalloc (local.get 0))"), &entries[..2]), None);
    }

    #[test]
    fn a_member_of_a_structure_is_not_the_allocators_variable() {
        let entries = [(0, "malloc"), (1, "free")];
        let text = |main: &str| format!("{ALLOCATOR} {main})");
        let member = "(func $main (param i32) (result i32) (i32.load offset=2048 (local.get 0)))";
        assert_eq!(hidden(&text(member), &entries), None);
        let zero = "(func $main (param i32) (result i32) (local i32)
            (i32.load offset=2048 (local.get 1)))";
        assert!(matches!(hidden(&text(zero), &entries), Some(Hidden::Inlined { .. })));
    }

    #[test]
    fn what_tells_of_the_allocator_belongs_to_it() {
        let text = format!(
            "{ALLOCATOR} (func $mallinfo (param i32)
                (i32.store (local.get 0) (i32.load (i32.const 2048))))
            (func $main (call $mallinfo (i32.const 4096))))"
        );
        assert_eq!(hidden(&text, &[(0, "malloc"), (1, "free"), (3, "mallinfo")]), None);
        assert!(hidden(&text, &[(0, "malloc"), (1, "free")]).is_some());
    }

    /// Were it not linear in the number of calls, this would take minutes.
    #[test]
    fn a_function_that_very_many_call_is_the_allocators_own_if_all_of_them_are() {
        use std::fmt::Write;
        let text = |rest: &str| {
            let mut text = format!("{ALLOCATOR} (func $valloc (param i32) (result i32)");
            let count = 100_000;
            (0..count).for_each(|index| write!(text, "(call $f{index})").unwrap());
            text.push_str("(local.get 0))");
            (0..count).for_each(|index| write!(text, "(func $f{index} (call $last))").unwrap());
            text.push_str("(func $last (call $last) (drop (i32.load (i32.const 4096))))");
            text + rest + ")"
        };
        let entries = [(0, "malloc"), (1, "free"), (3, "valloc")];
        assert_eq!(hidden(&text(""), &entries), None);
        let main = "(func $main (call $last) (drop (i32.load (i32.const 4096))))";
        assert_eq!(hidden(&text(main), &entries), None);
        let main = "(func $main (call $f0) (drop (i32.load (i32.const 2048))))";
        assert!(hidden(&text(main), &entries).is_some());
    }

    #[test]
    fn without_names_inner_functions_must_not_be_called_from_outside() {
        let text = |call: &str| {
            format!(
                "(module (memory 1)
                (func (export \"malloc\") (param i32) (result i32) (call 2))
                (func (export \"free\") (param i32))
                (func (result i32) (i32.load (i32.const 2048)))
                (func (export \"main\") {call}))"
            )
        };
        let entries = [(0, "malloc"), (1, "free")];
        assert_eq!(hidden(&text("(drop (call 0 (i32.const 1)))"), &entries), None);
        assert_eq!(hidden(&text("(drop (call 2))"), &entries), Some(Hidden::Nameless));
    }
}
