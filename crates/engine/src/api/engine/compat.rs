//! Settings that exist so that programs written for Wasmtime build: what they choose cannot differ
//! in an interpreter.

use crate::runtime::config::Config;

/// Setters that do nothing.
macro_rules! without_effect {
    ($($(#[doc = $doc:literal])* $name:ident($ty:ty);)*) => {
        /// Settings without effect, for programs that were written for Wasmtime. Each says why.
        impl Config {
            $(
                $(#[doc = $doc])*
                pub fn $name(&mut self, _: $ty) -> &mut Self {
                    self
                }
            )*
        }
    };
}

without_effect! {
    /// Has no effect: no machine code is generated, so there is none to describe to a native
    /// debugger. Backtraces show lines of the source by themselves.
    debug_info(bool);
    /// Has no effect: no machine code is generated that would have to be unwound.
    native_unwind_info(bool);
    /// Has no effect: the interpreter always knows which instruction it is at.
    generate_address_map(bool);
    /// Has no effect: the address space for a memory is that of its
    /// [`memory_options`](Config::memory_options).
    memory_reservation(u64);
    /// Has no effect; see [`memory_options`](Config::memory_options).
    memory_reservation_for_growth(u64);
    /// Has no effect: each access is checked, and there are no guard pages.
    memory_guard_size(u64);
    /// Has no effect: guests cannot see whether a memory moves when it grows.
    memory_may_move(bool);
    /// Has no effect: data segments are copied.
    memory_init_cow(bool);
    /// Has no effect: each access is checked, and there are no guard pages.
    guard_before_linear_memory(bool);
    /// Has no effect: tables that are not written to take no room already.
    table_lazy_init(bool);
    /// Has no effect: traps do not depend on signals of the host.
    signals_based_traps(bool);
    /// Has no effect: the collector is there if a module needs it; see
    /// [`wasm_gc`](Config::wasm_gc).
    gc_support(bool);
    /// Has no effect: no signals are used.
    macos_use_mach_ports(bool);
}

impl Config {
    /// Does the same as [`canonicalize_nans`](Config::canonicalize_nans).
    pub fn cranelift_nan_canonicalization(&mut self, enable: bool) -> &mut Self {
        self.canonicalize_nans(enable)
    }
}
