//! Which parts of WebAssembly are accepted.

use wasmparser::WasmFeatures;

/// The parts of WebAssembly that a module may use.
///
/// [`Features::default`] is WebAssembly 3.0 with threads. [`Features::wasm1`],
/// [`wasm2`](Features::wasm2) and [`wasm3`](Features::wasm3) are the editions of the specification.
/// Each setter switches one proposal on or off, and has Wasmtime's name.
///
/// ```
/// use lineal_decoder::{Features, Module};
///
/// let mut features = Features::default();
/// features.wasm_multi_memory(false);
/// let error = Module::new(b"(module (memory 1) (memory 1))", &features).unwrap_err();
/// assert_eq!(error.missing_proposal(), Some("multi-memory"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Features {
    flags: WasmFeatures,
}

/// What this build implements. Whatever is outside is refused.
const IMPLEMENTED: WasmFeatures = WRITTEN.difference(LEFT_OUT);

/// What needs a feature of this crate, the name of that feature, and whether this build has it.
const OPTIONAL: [(WasmFeatures, &str, bool); 3] = [
    (WasmFeatures::SIMD.union(WasmFeatures::RELAXED_SIMD), "simd", cfg!(feature = "simd")),
    (WasmFeatures::GC, "gc", cfg!(feature = "gc")),
    (WasmFeatures::THREADS, "threads", cfg!(feature = "threads")),
];

/// What this build leaves out.
const LEFT_OUT: WasmFeatures = {
    let (mut flags, mut index) = (WasmFeatures::empty(), 0);
    while index < OPTIONAL.len() {
        let (proposals, _, is_built) = OPTIONAL[index];
        if !is_built {
            flags = flags.union(proposals);
        }
        index += 1;
    }
    flags
};

/// What builds with all features implement.
const WRITTEN: WasmFeatures = WasmFeatures::WASM1
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::MEMORY64)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::THREADS)
    .union(WasmFeatures::FUNCTION_REFERENCES)
    .union(WasmFeatures::EXCEPTIONS)
    .union(WasmFeatures::GC)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::WIDE_ARITHMETIC)
    .union(WasmFeatures::CUSTOM_PAGE_SIZES);

/// The feature that brings what is left out of this build, if any of these flags is.
fn left_out_feature(flags: WasmFeatures) -> Option<&'static str> {
    OPTIONAL.into_iter().find_map(|(proposals, feature, is_built)| {
        (!is_built && flags.intersects(proposals)).then_some(feature)
    })
}

/// What is implemented, but not part of WebAssembly 3.0, and therefore off by default.
const BEYOND_WASM3: WasmFeatures =
    WasmFeatures::CUSTOM_PAGE_SIZES.union(WasmFeatures::WIDE_ARITHMETIC);

/// The proposals by the names of their repositories, for error messages.
const PROPOSALS: [(WasmFeatures, &str); 25] = [
    (WasmFeatures::MUTABLE_GLOBAL, "mutable-global"),
    (WasmFeatures::SATURATING_FLOAT_TO_INT, "nontrapping-float-to-int-conversions"),
    (WasmFeatures::SIGN_EXTENSION, "sign-extension-ops"),
    (WasmFeatures::REFERENCE_TYPES, "reference-types"),
    (WasmFeatures::MULTI_VALUE, "multi-value"),
    (WasmFeatures::BULK_MEMORY, "bulk-memory-operations"),
    (WasmFeatures::TAIL_CALL, "tail-call"),
    (WasmFeatures::MULTI_MEMORY, "multi-memory"),
    (WasmFeatures::MEMORY64, "memory64"),
    (WasmFeatures::EXTENDED_CONST, "extended-const"),
    (WasmFeatures::CUSTOM_PAGE_SIZES, "custom-page-sizes"),
    (WasmFeatures::SIMD, "simd"),
    (WasmFeatures::RELAXED_SIMD, "relaxed-simd"),
    (WasmFeatures::THREADS, "threads"),
    (WasmFeatures::EXCEPTIONS, "exception-handling"),
    (WasmFeatures::FUNCTION_REFERENCES, "function-references"),
    (WasmFeatures::GC, "gc"),
    (WasmFeatures::COMPACT_IMPORTS, "compact-import-section"),
    (WasmFeatures::WIDE_ARITHMETIC, "wide-arithmetic"),
    (WasmFeatures::STACK_SWITCHING, "stack-switching"),
    (WasmFeatures::LEGACY_EXCEPTIONS, "legacy-exceptions"),
    (WasmFeatures::SHARED_EVERYTHING_THREADS, "shared-everything-threads"),
    (WasmFeatures::MEMORY_CONTROL, "memory-control"),
    (WasmFeatures::CUSTOM_DESCRIPTORS, "custom-descriptors"),
    (WasmFeatures::COMPONENT_MODEL, "component-model"),
];

impl Default for Features {
    /// Everything this build implements except custom page sizes and wide arithmetic, which are
    /// not part of WebAssembly 3.0. Neither are threads, but they are on, as in Wasmtime.
    fn default() -> Features {
        Features { flags: IMPLEMENTED.difference(BEYOND_WASM3) }
    }
}

impl Features {
    /// WebAssembly 1.0.
    pub fn wasm1() -> Features {
        Features { flags: WasmFeatures::WASM1 }
    }

    /// WebAssembly 2.0, as far as this build implements it.
    pub fn wasm2() -> Features {
        Features { flags: WasmFeatures::WASM2.intersection(IMPLEMENTED) }
    }

    /// WebAssembly 3.0, as far as this build implements it.
    pub fn wasm3() -> Features {
        Features { flags: WasmFeatures::WASM3.intersection(IMPLEMENTED) }
    }

    /// Imports and exports of mutable globals. Part of WebAssembly 1.0.
    pub fn wasm_mutable_global(&mut self, enable: bool) -> &mut Self {
        self.set(WasmFeatures::MUTABLE_GLOBAL, enable)
    }

    /// The conversions `trunc_sat`, which saturate instead of trapping. Part of WebAssembly 2.0.
    pub fn wasm_saturating_float_to_int(&mut self, enable: bool) -> &mut Self {
        self.set(WasmFeatures::SATURATING_FLOAT_TO_INT, enable)
    }

    /// The instructions `extend8_s`, `extend16_s` and `extend32_s`. Part of WebAssembly 2.0.
    pub fn wasm_sign_extension(&mut self, enable: bool) -> &mut Self {
        self.set(WasmFeatures::SIGN_EXTENSION, enable)
    }

    /// The types `funcref` and `externref` as values, several tables, and the table
    /// instructions. Part of WebAssembly 2.0.
    pub fn wasm_reference_types(&mut self, enable: bool) -> &mut Self {
        self.set(WasmFeatures::REFERENCE_TYPES, enable)
    }

    /// Several results, and blocks with parameters. Part of WebAssembly 2.0.
    pub fn wasm_multi_value(&mut self, enable: bool) -> &mut Self {
        self.set(WasmFeatures::MULTI_VALUE, enable)
    }

    /// `memory.copy`, `memory.fill`, passive segments and their instructions. Part of
    /// WebAssembly 2.0.
    pub fn wasm_bulk_memory(&mut self, enable: bool) -> &mut Self {
        self.set(WasmFeatures::BULK_MEMORY, enable)
    }

    /// `return_call` and `return_call_indirect`. Part of WebAssembly 3.0.
    pub fn wasm_tail_call(&mut self, enable: bool) -> &mut Self {
        self.set(WasmFeatures::TAIL_CALL, enable)
    }

    /// More than one memory in a module. Part of WebAssembly 3.0.
    pub fn wasm_multi_memory(&mut self, enable: bool) -> &mut Self {
        self.set(WasmFeatures::MULTI_MEMORY, enable)
    }

    /// Memories and tables that are addressed by `i64`. Part of WebAssembly 3.0.
    pub fn wasm_memory64(&mut self, enable: bool) -> &mut Self {
        self.set(WasmFeatures::MEMORY64, enable)
    }

    /// Integer addition, subtraction and multiplication in constant expressions. Part of
    /// WebAssembly 3.0.
    pub fn wasm_extended_const(&mut self, enable: bool) -> &mut Self {
        self.set(WasmFeatures::EXTENDED_CONST, enable)
    }

    /// References to functions of known types, and references that are never null. Part of
    /// WebAssembly 3.0; needs reference types.
    pub fn wasm_function_references(&mut self, enable: bool) -> &mut Self {
        self.set(WasmFeatures::FUNCTION_REFERENCES, enable)
    }

    /// Structures, arrays, `i31` references and casts. Part of WebAssembly 3.0; needs typed
    /// function references. Refused by builds without the feature `gc`: see
    /// [`left_out`](Self::left_out).
    pub fn wasm_gc(&mut self, enable: bool) -> &mut Self {
        self.set(WasmFeatures::GC, enable)
    }

    /// The type `v128` and its instructions. Part of WebAssembly 2.0. Refused by builds without the
    /// feature `simd`, whatever is switched on: see [`left_out`](Self::left_out).
    pub fn wasm_simd(&mut self, enable: bool) -> &mut Self {
        self.set(WasmFeatures::SIMD, enable)
    }

    /// Vector instructions whose results may differ from host to host; here they do not. Part of
    /// WebAssembly 3.0.
    pub fn wasm_relaxed_simd(&mut self, enable: bool) -> &mut Self {
        self.set(WasmFeatures::RELAXED_SIMD, enable)
    }

    /// The instructions `i64.add128`, `i64.sub128`, `i64.mul_wide_s` and `i64.mul_wide_u`. A
    /// proposal; off by default.
    pub fn wasm_wide_arithmetic(&mut self, enable: bool) -> &mut Self {
        self.set(WasmFeatures::WIDE_ARITHMETIC, enable)
    }

    /// Tags, `throw`, `throw_ref` and `try_table`. Part of WebAssembly 3.0; needs reference
    /// types.
    pub fn wasm_exceptions(&mut self, enable: bool) -> &mut Self {
        self.set(WasmFeatures::EXCEPTIONS, enable)
    }

    /// Shared memories and atomic operations. A proposal; on by default. Refused by builds without the
    /// feature `threads`: see [`left_out`](Self::left_out).
    pub fn wasm_threads(&mut self, enable: bool) -> &mut Self {
        self.set(WasmFeatures::THREADS, enable)
    }

    /// Memories whose pages are one byte instead of 64 KiB. A proposal; off by default.
    pub fn wasm_custom_page_sizes(&mut self, enable: bool) -> &mut Self {
        self.set(WasmFeatures::CUSTOM_PAGE_SIZES, enable)
    }

    /// Whether this build implements a proposal, by the name of its repository; see
    /// [`Error::missing_proposal`](crate::Error::missing_proposal).
    pub fn implements(proposal: &str) -> bool {
        proposal_flag(proposal).is_some_and(|flag| IMPLEMENTED.contains(flag))
    }

    /// The feature of this crate that a build lacks for what is switched on here: `simd`, `gc` or
    /// `threads`.
    pub fn left_out(&self) -> Option<&'static str> {
        left_out_feature(self.flags)
    }

    /// The feature of this crate that a build lacks for a proposal, by the name of its repository.
    pub fn left_out_for(proposal: &str) -> Option<&'static str> {
        left_out_feature(proposal_flag(proposal)?)
    }

    /// Whether everything in `other` is also in `self`.
    pub fn contains(&self, other: &Features) -> bool {
        self.flags.contains(other.flags)
    }

    fn set(&mut self, flag: WasmFeatures, enable: bool) -> &mut Self {
        self.flags.set(flag, enable);
        self
    }

    /// What a module may use in this build.
    pub(crate) fn flags(&self) -> WasmFeatures {
        self.flags.difference(LEFT_OUT)
    }

    /// The proposals that are switched off, each with the set to switch on for it.
    pub(crate) fn absent(&self) -> impl Iterator<Item = (WasmFeatures, &'static str)> {
        let flags = self.flags();
        PROPOSALS.into_iter().filter(move |(flag, _)| !flags.contains(*flag))
    }
}

/// The set to switch on for a proposal, by the name of its repository.
fn proposal_flag(proposal: &str) -> Option<WasmFeatures> {
    PROPOSALS.iter().find(|(_, name)| *name == proposal).map(|&(flag, _)| flag)
}

/// What the first proposal of a set is called.
pub(crate) fn proposal_name(set: WasmFeatures) -> Option<&'static str> {
    PROPOSALS.iter().find(|(flag, _)| flag.intersects(set)).map(|&(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editions_grow() {
        assert!(Features::wasm2().contains(&Features::wasm1()));
        assert!(Features::wasm3().contains(&Features::wasm2()));
        assert!(Features::default().contains(&Features::wasm3()));
        assert!(!Features::wasm1().contains(&Features::wasm2()));
    }

    #[test]
    fn nothing_beyond_the_implemented_is_on() {
        for features in [Features::default(), Features::wasm3()] {
            assert!(IMPLEMENTED.contains(features.flags()));
        }
    }

    #[test]
    fn implemented_proposals_are_known_by_name() {
        assert!(Features::implements("custom-page-sizes"));
        assert!(!Features::implements("stack-switching"));
        assert!(!Features::implements("no such thing"));
    }

    #[test]
    fn switches_are_independent_of_order() {
        let mut on = Features::wasm1();
        on.wasm_reference_types(true).wasm_bulk_memory(true).wasm_multi_value(true);
        on.wasm_sign_extension(true).wasm_saturating_float_to_int(true).wasm_simd(true);
        assert_eq!(on, Features::wasm2());
        let mut off = Features::default();
        off.wasm_custom_page_sizes(true).wasm_custom_page_sizes(false);
        assert_eq!(off, Features::default());
    }
}
