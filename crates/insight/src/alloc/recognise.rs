//! Which functions of a module allocate: known names with fitting signatures.
//!
//! A name comes from an `--alloc` option, from an export or from the name section, in this order.
//! Names may be mangled or not: linkers differ in what they write.

use lineal::decoded::ValType;

/// What a recognised function does. The numbers are indices of its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Returns a new block: `malloc(size)`, `aligned_alloc(align, size)`, `operator new(size)`.
    Allocate {
        /// The size in bytes.
        size: usize,
        /// How many times that size, for `calloc`.
        count: Option<usize>,
        /// The alignment in bytes.
        align: Option<usize>,
        /// Whether the block is filled with zeros.
        zeroed: bool,
    },
    /// Writes the address of a new block to a pointer: `posix_memalign(pointer, align, size)`.
    AllocateInto {
        /// Where the address is written.
        pointer: usize,
        /// The size in bytes.
        size: usize,
        /// The alignment in bytes.
        align: usize,
    },
    /// Returns a block with the old one's contents: `realloc(block, size)`.
    Reallocate {
        /// The old block, or null.
        block: usize,
        /// The new size in bytes.
        size: usize,
        /// How many times that size, for `reallocarray`.
        count: Option<usize>,
        /// The size that the caller believes the old block to have.
        old_size: Option<usize>,
        /// The alignment that the caller believes the old block to have.
        align: Option<usize>,
    },
    /// Frees a block: `free(block)`, `operator delete(block, size)`.
    Free {
        /// The block, or null.
        block: usize,
        /// The size that the caller believes the block to have.
        size: Option<usize>,
        /// The alignment that the caller believes the block to have.
        align: Option<usize>,
    },
    /// Changes the size of a block where it is, and returns whether that went well.
    Resize {
        /// The block.
        block: usize,
        /// The new size in bytes.
        size: usize,
    },
    /// Returns how many bytes of a block may be used: `malloc_usable_size(block)`.
    UsableSize {
        /// The block.
        block: usize,
    },
    /// Copies bytes between ranges that must not overlap: `memcpy(to, from, size)`.
    Copy {
        /// The first byte written.
        to: usize,
        /// The first byte read.
        from: usize,
        /// How many bytes.
        size: usize,
    },
    /// Takes a block back into the allocator's lists. If a collector calls it, an object is freed.
    Reclaim {
        /// The block.
        block: usize,
    },
    /// Part of a collector, which frees objects.
    Collector,
    /// Part of an allocator or a collector; what it accesses is its own business.
    Internal,
}

/// Who a block belongs to. A block must be freed by its own family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Family {
    /// `malloc` and its like.
    C,
    /// `operator new`.
    New,
    /// `operator new[]`.
    NewArray,
    /// `__rust_alloc`.
    Rust,
    /// `__wbindgen_malloc`.
    WasmBindgen,
    /// `cabi_realloc`.
    Component,
    /// AssemblyScript's `heap.alloc` and its manual allocator.
    AssemblyScriptHeap,
    /// AssemblyScript's collected objects.
    AssemblyScript,
    /// Zig's `WasmAllocator`.
    Zig,
    /// TinyGo's and Go's collected memory.
    Go,
}

impl Family {
    /// Whether a collector frees the blocks, so that none of them is ever a leak.
    pub fn is_collected(self) -> bool {
        matches!(self, Family::AssemblyScript | Family::Go)
    }

    /// How many bytes before a block its own code reads and writes: an object's header.
    pub fn header_bytes(self) -> u64 {
        match self {
            Family::AssemblyScript => 20,
            _ => 0,
        }
    }

    /// How the family's blocks should be freed, for a message.
    pub fn deallocator(self) -> &'static str {
        match self {
            Family::C => "free",
            Family::New => "delete",
            Family::NewArray => "delete[]",
            Family::Rust => "__rust_dealloc",
            Family::WasmBindgen => "__wbindgen_free",
            Family::Component => "cabi_realloc",
            Family::AssemblyScriptHeap => "heap.free",
            Family::AssemblyScript => "the collector",
            Family::Zig => "Allocator.free",
            Family::Go => "the collector",
        }
    }

    /// Whether a block of `self` may be freed by a function of `by`.
    pub fn may_be_freed_by(self, by: Family) -> bool {
        use Family::*;
        self == by
            || matches!(
                (self, by),
                // `__wbindgen_malloc` and `cabi_realloc` are Rust's or C's allocator under another
                // name, and what they return is often freed by the language's own function. Rust's
                // functions call C's in WASI, and compilers inline them in one place and not in another.
                (WasmBindgen | Component | Rust | C, WasmBindgen | Component | Rust | C)
                    | (AssemblyScript | AssemblyScriptHeap, AssemblyScript | AssemblyScriptHeap)
            )
    }

    /// Whether the family's functions are `malloc` and `free` or, in C++, call these.
    pub fn is_like_malloc(self) -> bool {
        matches!(self, Family::C | Family::New | Family::NewArray)
    }
}

/// A recognised function's family and role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// Whose function it is.
    pub family: Family,
    /// What it does.
    pub role: Role,
    /// How many bytes before a block the address lies that the function takes or returns: some of an
    /// allocator's inner functions know a block by its header.
    pub header_bytes: u64,
}

impl Recognised {
    fn new(family: Family, role: Role) -> Recognised {
        Recognised { family, role, header_bytes: 0 }
    }
}

const fn allocate(size: usize) -> Role {
    Role::Allocate { size, count: None, align: None, zeroed: false }
}

const fn allocate_aligned(size: usize, align: usize) -> Role {
    Role::Allocate { size, count: None, align: Some(align), zeroed: false }
}

const fn zeroed(size: usize, count: Option<usize>, align: Option<usize>) -> Role {
    Role::Allocate { size, count, align, zeroed: true }
}

const fn reallocate(block: usize, size: usize) -> Role {
    Role::Reallocate { block, size, count: None, old_size: None, align: None }
}

const fn free(block: usize) -> Role {
    Role::Free { block, size: None, align: None }
}

const fn free_sized(block: usize, size: usize, align: usize) -> Role {
    Role::Free { block, size: Some(size), align: Some(align) }
}

/// A known name, with how many parameters and results the function has.
struct Known(&'static str, Family, Role, usize, usize);

// Functions of AssemblyScript's allocator that are left where the compiler has inlined the outer ones.
// They take the allocator's state first, and know a block by its header of 4 bytes.
const TLSF_ALLOCATE: &str = "~lib/rt/tlsf/allocateBlock";
const TLSF_REALLOCATE: &str = "~lib/rt/tlsf/reallocateBlock";
const TLSF_MOVE: &str = "~lib/rt/tlsf/moveBlock";
const TLSF_FREE: &str = "~lib/rt/tlsf/freeBlock";
const TLSF_INSERT: &str = "~lib/rt/tlsf/insertBlock";

/// The functions that know a block by its header.
const BY_HEADER: [&str; 5] = [TLSF_ALLOCATE, TLSF_REALLOCATE, TLSF_MOVE, TLSF_FREE, TLSF_INSERT];

/// AssemblyScript's functions that free objects which nothing refers to any more.
const COLLECTORS: [&str; 5] = [
    "~lib/rt/itcms/free",
    "~lib/rt/itcms/step",
    "~lib/rt/itcms/interrupt",
    "~lib/rt/itcms/__collect",
    "~lib/rt/tcms/__collect",
];

const KNOWN: &[Known] = &[
    Known("malloc", Family::C, allocate(0), 1, 1),
    Known("calloc", Family::C, zeroed(1, Some(0), None), 2, 1),
    Known("realloc", Family::C, reallocate(0, 1), 2, 1),
    Known(
        "reallocarray",
        Family::C,
        Role::Reallocate { block: 0, size: 2, count: Some(1), old_size: None, align: None },
        3,
        1,
    ),
    Known("free", Family::C, free(0), 1, 0),
    Known("cfree", Family::C, free(0), 1, 0),
    Known("aligned_alloc", Family::C, allocate_aligned(1, 0), 2, 1),
    Known("memalign", Family::C, allocate_aligned(1, 0), 2, 1),
    Known("valloc", Family::C, allocate(0), 1, 1),
    Known("pvalloc", Family::C, allocate(0), 1, 1),
    Known("posix_memalign", Family::C, Role::AllocateInto { pointer: 0, align: 1, size: 2 }, 3, 1),
    Known("malloc_usable_size", Family::C, Role::UsableSize { block: 0 }, 1, 1),
    Known("__rust_alloc", Family::Rust, allocate_aligned(0, 1), 2, 1),
    Known("__rust_alloc_zeroed", Family::Rust, zeroed(0, None, Some(1)), 2, 1),
    Known("__rust_dealloc", Family::Rust, free_sized(0, 1, 2), 3, 0),
    Known(
        "__rust_realloc",
        Family::Rust,
        Role::Reallocate { block: 0, old_size: Some(1), align: Some(2), size: 3, count: None },
        4,
        1,
    ),
    Known("__wbindgen_malloc", Family::WasmBindgen, allocate(0), 1, 1),
    Known("__wbindgen_malloc", Family::WasmBindgen, allocate_aligned(0, 1), 2, 1),
    Known("__wbindgen_realloc", Family::WasmBindgen, reallocate(0, 2), 3, 1),
    Known(
        "__wbindgen_realloc",
        Family::WasmBindgen,
        Role::Reallocate { block: 0, old_size: Some(1), size: 2, align: Some(3), count: None },
        4,
        1,
    ),
    Known(
        "__wbindgen_free",
        Family::WasmBindgen,
        Role::Free { block: 0, size: Some(1), align: None },
        2,
        0,
    ),
    Known("__wbindgen_free", Family::WasmBindgen, free_sized(0, 1, 2), 3, 0),
    Known(
        "cabi_realloc",
        Family::Component,
        Role::Reallocate { block: 0, old_size: Some(1), align: Some(2), size: 3, count: None },
        4,
        1,
    ),
    Known("__new", Family::AssemblyScript, allocate(0), 2, 1),
    Known("~lib/rt/itcms/__new", Family::AssemblyScript, allocate(0), 2, 1),
    Known("~lib/rt/tcms/__new", Family::AssemblyScript, allocate(0), 2, 1),
    Known("~lib/rt/tcms/__renew", Family::AssemblyScript, reallocate(0, 1), 2, 1),
    Known("~lib/rt/stub/__new", Family::AssemblyScript, allocate(0), 2, 1),
    Known("~lib/memory/heap.alloc", Family::AssemblyScriptHeap, allocate(0), 1, 1),
    Known("~lib/memory/heap.realloc", Family::AssemblyScriptHeap, reallocate(0, 1), 2, 1),
    Known("~lib/memory/heap.free", Family::AssemblyScriptHeap, free(0), 1, 0),
    Known("~lib/rt/tlsf/__alloc", Family::AssemblyScriptHeap, allocate(0), 1, 1),
    Known("~lib/rt/tlsf/__realloc", Family::AssemblyScriptHeap, reallocate(0, 1), 2, 1),
    Known("~lib/rt/tlsf/__free", Family::AssemblyScriptHeap, free(0), 1, 0),
    Known(TLSF_ALLOCATE, Family::AssemblyScriptHeap, allocate(1), 2, 1),
    Known(TLSF_REALLOCATE, Family::AssemblyScriptHeap, reallocate(1, 2), 3, 1),
    Known(TLSF_MOVE, Family::AssemblyScriptHeap, reallocate(1, 2), 3, 1),
    Known(TLSF_FREE, Family::AssemblyScriptHeap, free(1), 2, 0),
    Known(TLSF_INSERT, Family::AssemblyScriptHeap, Role::Reclaim { block: 1 }, 2, 0),
    Known("~lib/rt/stub/__alloc", Family::AssemblyScriptHeap, allocate(0), 1, 1),
    Known("~lib/rt/stub/__realloc", Family::AssemblyScriptHeap, reallocate(0, 1), 2, 1),
    Known("~lib/rt/stub/__free", Family::AssemblyScriptHeap, free(0), 1, 0),
    Known("runtime.alloc", Family::Go, allocate(0), 2, 1),
    Known("runtime.alloc", Family::Go, allocate(0), 3, 1),
    Known("memcpy", Family::C, Role::Copy { to: 0, from: 1, size: 2 }, 3, 1),
];

/// Functions of C's allocators that only tell or change how these work.
const C_INTERNAL: [&str; 11] = [
    "mallinfo",
    "mallinfo2",
    "mallopt",
    "malloc_footprint",
    "malloc_footprint_limit",
    "malloc_info",
    "malloc_max_footprint",
    "malloc_set_footprint_limit",
    "malloc_stats",
    "malloc_trim",
    "malloc_usable_size",
];

/// What a name of the C family may have before it: other allocators, and internal names.
const PREFIXES: [&str; 8] =
    ["dl", "emscripten_builtin_", "emmalloc_", "mi_", "__libc_", "__builtin_", "je_", "__"];

/// Code that belongs to an allocator or collector although it is none of its entries.
const INTERNAL: [&str; 8] = [
    "~lib/rt/tlsf/",
    "~lib/rt/stub/",
    "~lib/rt/itcms/",
    "~lib/rt/tcms/",
    "~lib/rt/__visit",
    "~lib/rt/__collect",
    "heap.WasmAllocator.",
    "heap.BrkAllocator.",
];

/// What the function with a name and a signature does, if the name is known and the signature
/// fits. Addresses and sizes are `i32` or, in a 64-bit memory, `i64`.
pub fn recognise(name: &str, params: &[ValType], results: &[ValType]) -> Option<Recognised> {
    let integers =
        |types: &[ValType]| types.iter().all(|ty| matches!(ty, ValType::I32 | ValType::I64));
    if !integers(params) || !integers(results) {
        return None;
    }
    let (params, results) = (params.len(), results.len());
    known(name, params, results)
        .or_else(|| c_variant(name, params, results))
        .or_else(|| operator(name, params, results))
        .or_else(|| rust(name, params, results))
        .or_else(|| zig(name, params, results))
        .or_else(|| {
            let plain = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
            [Some(name), plain]
                .into_iter()
                .flatten()
                .any(|name| C_INTERNAL.contains(&name))
                .then_some(Recognised::new(Family::C, Role::Internal))
        })
        .or_else(|| {
            // It gets a new object by `__new` if the old one cannot grow.
            let internal = INTERNAL.iter().any(|prefix| name.starts_with(prefix))
                && !name.ends_with("/__renew");
            let family = if name.starts_with('~') { Family::AssemblyScript } else { Family::Zig };
            let role = if COLLECTORS.contains(&name) { Role::Collector } else { Role::Internal };
            internal.then_some(Recognised::new(family, role))
        })
}

fn known(name: &str, params: usize, results: usize) -> Option<Recognised> {
    KNOWN.iter().find(|known| known.0 == name && (known.3, known.4) == (params, results)).map(
        |known| Recognised {
            header_bytes: if BY_HEADER.contains(&name) { 4 } else { 0 },
            ..Recognised::new(known.1, known.2)
        },
    )
}

/// `dlmalloc`, `mi_free`, `__libc_calloc` …
fn c_variant(name: &str, params: usize, results: usize) -> Option<Recognised> {
    PREFIXES
        .iter()
        .filter_map(|prefix| name.strip_prefix(prefix))
        .filter_map(|name| known(name, params, results))
        .find(|found| found.family == Family::C && !matches!(found.role, Role::Copy { .. }))
}

/// `operator new` and `operator delete` in all their forms, demangled or not.
fn operator(name: &str, params: usize, results: usize) -> Option<Recognised> {
    let (new, array, tail) = match name.strip_prefix("operator ") {
        Some(rest) => {
            let (what, tail) = rest.split_once('(')?;
            let (new, array) = match what {
                "new" => (true, false),
                "new[]" => (true, true),
                "delete" => (false, false),
                "delete[]" => (false, true),
                _ => return None,
            };
            (new, array, tail)
        }
        None => {
            let rest = name.strip_prefix("_Z")?;
            let (what, tail) = rest.split_at_checked(2)?;
            let (new, array) = match what {
                "nw" => (true, false),
                "na" => (true, true),
                "dl" => (false, false),
                "da" => (false, true),
                _ => return None,
            };
            (new, array, tail)
        }
    };
    let family = if array { Family::NewArray } else { Family::New };
    let aligned = tail.contains("align_val_t");
    let nothrow = tail.contains("nothrow_t");
    let role = if new {
        if !(tail.starts_with(['m', 'j', 'y']) || tail.starts_with("unsigned ")) || results != 1 {
            return None;
        }
        Role::Allocate { size: 0, count: None, align: aligned.then_some(1), zeroed: false }
    } else {
        if !(tail.starts_with("Pv") || tail.starts_with("void*")) || results != 0 {
            return None;
        }
        let rest = tail.trim_start_matches("Pv").trim_start_matches("void*");
        let sized = rest.starts_with(['m', 'j', 'y']) || rest.starts_with(", unsigned ");
        Role::Free {
            block: 0,
            size: sized.then_some(1),
            align: aligned.then_some(1 + usize::from(sized)),
        }
    };
    let sized = matches!(role, Role::Free { size: Some(_), .. });
    let expected = 1 + usize::from(aligned) + usize::from(nothrow) + usize::from(sized);
    // Placement forms take other parameters and allocate nothing.
    (params == expected).then_some(Recognised::new(family, role))
}

/// Rust's allocator functions since they are mangled: `__rustc[…]::__rust_alloc`, or the whole
/// symbol `_RNvC…7___rustc12___rust_alloc`.
fn rust(name: &str, params: usize, results: usize) -> Option<Recognised> {
    let plain = if let Some((_, last)) = name.rsplit_once("::") {
        last
    } else if name.starts_with("_R") {
        &name[name.find("__rust_").or_else(|| name.find("__rdl_"))?..]
    } else {
        name
    };
    let plain = match plain {
        "__rdl_alloc" | "__rg_alloc" => "__rust_alloc",
        "__rdl_dealloc" | "__rg_dealloc" => "__rust_dealloc",
        "__rdl_realloc" | "__rg_realloc" => "__rust_realloc",
        "__rdl_alloc_zeroed" | "__rg_alloc_zeroed" => "__rust_alloc_zeroed",
        other => other,
    };
    known(plain, params, results).filter(|found| found.family == Family::Rust)
}

/// `heap.WasmAllocator.alloc(context, length, log2 of the alignment, return address)`, and its other
/// functions, which take blocks as address and length. Later versions call it `BrkAllocator`, and
/// have one parameter more in debug builds.
fn zig(name: &str, params: usize, results: usize) -> Option<Recognised> {
    let (_, function) =
        name.rsplit_once("WasmAllocator.").or_else(|| name.rsplit_once("BrkAllocator."))?;
    let role = match (function, params, results) {
        ("alloc", 4 | 5, 1) => allocate(1),
        ("free", 5 | 6, 0) => Role::Free { block: 1, size: Some(2), align: None },
        ("resize", 6 | 7, 1) => Role::Resize { block: 1, size: 4 },
        ("remap", 6 | 7, 1) => reallocate(1, 4),
        _ => return None,
    };
    Some(Recognised::new(Family::Zig, role))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, params: usize, results: usize) -> Option<(Family, Role)> {
        let params = vec![ValType::I32; params];
        let results = vec![ValType::I32; results];
        recognise(name, &params, &results).map(|found| (found.family, found.role))
    }

    #[test]
    fn c_functions_and_their_variants() {
        assert_eq!(of("malloc", 1, 1), Some((Family::C, allocate(0))));
        for name in ["dlmalloc", "mi_malloc", "__libc_malloc", "emscripten_builtin_malloc"] {
            assert_eq!(of(name, 1, 1), Some((Family::C, allocate(0))), "{name}");
        }
        assert_eq!(of("free", 1, 0), Some((Family::C, free(0))));
        assert_eq!(of("emmalloc_free", 1, 0), Some((Family::C, free(0))));
        assert_eq!(of("calloc", 2, 1), Some((Family::C, zeroed(1, Some(0), None))));
    }

    #[test]
    fn a_signature_that_does_not_fit_is_another_function() {
        assert_eq!(of("malloc", 2, 1), None);
        assert_eq!(of("free", 1, 1), None);
        assert_eq!(recognise("malloc", &[ValType::F64], &[ValType::I32]), None);
        assert_eq!(of("my_malloc", 1, 1), None);
        assert_eq!(of("mallocator", 1, 1), None);
    }

    #[test]
    fn operators_mangled_and_demangled() {
        let new = Some((Family::New, allocate(0)));
        assert_eq!(of("_Znwm", 1, 1), new);
        assert_eq!(of("operator new(unsigned long)", 1, 1), new);
        assert_eq!(of("operator new(unsigned long, std::nothrow_t const&)", 2, 1), new);
        assert_eq!(
            of("_ZnamSt11align_val_t", 2, 1).unwrap(),
            (Family::NewArray, allocate_aligned(0, 1))
        );
        assert_eq!(of("_ZdaPv", 1, 0), Some((Family::NewArray, free(0))));
        assert_eq!(
            of("operator delete(void*, unsigned long)", 2, 0),
            Some((Family::New, Role::Free { block: 0, size: Some(1), align: None }))
        );
        assert_eq!(of("_ZdlPvmSt11align_val_t", 3, 0), Some((Family::New, free_sized(0, 1, 2))));
        // Placement.
        assert_eq!(of("operator new(unsigned long, void*)", 2, 1), None);
        assert_eq!(of("_ZN3foo3newEv", 1, 1), None);
    }

    #[test]
    fn rust_in_each_of_its_spellings() {
        let alloc = Some((Family::Rust, allocate_aligned(0, 1)));
        assert_eq!(of("__rust_alloc", 2, 1), alloc);
        assert_eq!(of("__rustc[5224e6b81cd82a8f]::__rust_alloc", 2, 1), alloc);
        assert_eq!(of("__rustc::__rust_alloc", 2, 1), alloc);
        assert_eq!(of("_RNvCsdBezzDwma51_7___rustc12___rust_alloc", 2, 1), alloc);
        assert_eq!(of("_RNvCsdBezzDwma51_7___rustc11___rdl_alloc", 2, 1), alloc);
    }

    #[test]
    fn inner_functions_of_assemblyscripts_allocator_know_blocks_by_their_headers() {
        let two = [ValType::I32; 2];
        let found = recognise("~lib/rt/tlsf/allocateBlock", &two, &two[..1]).unwrap();
        assert_eq!(found.role, allocate(1));
        assert_eq!((found.family, found.header_bytes), (Family::AssemblyScriptHeap, 4));
        assert_eq!(recognise("~lib/rt/tlsf/freeBlock", &two, &[]).unwrap().header_bytes, 4);
        assert_eq!(recognise("~lib/rt/tlsf/__free", &two[..1], &[]).unwrap().header_bytes, 0);
    }

    #[test]
    fn families_free_their_own() {
        use Family::*;
        assert!(C.may_be_freed_by(C));
        assert!(!New.may_be_freed_by(NewArray));
        assert!(!New.may_be_freed_by(C));
        assert!(!C.may_be_freed_by(New));
        assert!(Rust.may_be_freed_by(WasmBindgen));
        assert!(Rust.may_be_freed_by(C) && !Rust.may_be_freed_by(New));
        assert!(AssemblyScript.may_be_freed_by(AssemblyScriptHeap));
    }

    #[test]
    fn the_rest_of_an_allocator_is_internal() {
        let internal = |name| matches!(of(name, 2, 0), Some((_, Role::Internal)));
        assert!(internal("~lib/rt/itcms/Object#set:next"));
        assert!(!internal("~lib/rt/itcms/__renew"));
        assert!(internal("~lib/rt/tlsf/removeBlock"));
        assert_eq!(of("~lib/rt/itcms/step", 0, 1), Some((Family::AssemblyScript, Role::Collector)));
        assert!(!internal("assembly/index/main"));
        for name in ["mallinfo", "mallopt", "dlmalloc_stats", "__malloc_trim", "malloc_info"] {
            assert!(internal(name), "{name}");
        }
        assert!(!internal("malloc_statistics"));
    }
}
