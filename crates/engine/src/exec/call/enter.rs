//! The cell that begins a function, and the one that translates it first.

use lineal_decoder::{Escaped, ModuleParts};

use super::blame_caller;
use crate::machine::place::{Count, Field, Place};
use crate::machine::{Exit, Ip, Machine, Op};
use crate::runtime::code::FuncEntry;
use crate::runtime::context::{Context, HostFailure};
use crate::runtime::trap::Trap;

/// Begins a function: checks that its frame of `b` slots fits, saves the return address in slot
/// `a`, zeroes the `d` slots before it, and loads the pins that granule 2 names.
///
/// `N` is how many slots are zeroed, or [`MANY`] to ask `d`.
pub(crate) struct Enter<const N: usize>;

/// Stands for more locals than there are handlers for.
pub(crate) const MANY: usize = usize::MAX;

impl<const N: usize> Op for Enter<N> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[
        Place::Slots(Field::NONE, Count::In(Field::B)),
        Place::Slot(Field::A),
        Place::Slot(Field::half(2, 0)),
        Place::Slot(Field::half(2, 1)),
    ];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        let return_ip = Ip::new(std::ptr::with_exposed_provenance(m.acc as usize));
        // SAFETY: E1 and E3.
        unsafe {
            let end = m.fp.as_ptr() as usize + m.ip.b() as usize * size_of::<u64>();
            if end > (*m.cx).stack_end as usize {
                // The frame is not there, so the trap belongs to the caller.
                blame_caller(m, return_ip);
                return Err(Trap::StackOverflow.into());
            }
        }
        // SAFETY: E1 and E2: the frame was just checked.
        unsafe {
            let link = m.ip.a();
            if N == MANY {
                let count = m.ip.d() as usize;
                m.fp.slot(link - count).write_bytes(0, count);
            } else {
                for index in 1..=N {
                    m.fp.slot(link).sub(index).write(0);
                }
            }
            m.fp.set(link, m.acc);
            m.load_pins(m.fp, m.ip.half(2, 0), m.ip.half(2, 1));
        }
        Ok(())
    }
}

/// Translates the function whose entry is in `pin`, then begins it.
pub(super) struct Translate;

impl Op for Translate {
    const GRANULES: usize = 1;
    const PLACES: &'static [Place] = &[];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        let entry = std::ptr::with_exposed_provenance(m.pin as usize);
        // SAFETY: E3; every call passes the entry of a function of the running instance.
        if unsafe { translate_now(m.cx, entry) } {
            // SAFETY: R1: an entry lives as long as its module.
            m.ip = unsafe { (*entry).ip() };
            return Err(Exit::BRANCH);
        }
        // SAFETY: every call passes the return address in `acc`, and no frame was begun.
        unsafe { blame_caller(m, Ip::new(std::ptr::with_exposed_provenance(m.acc as usize))) };
        Err(Exit::HOST_ERROR)
    }
}

/// Whether the function has code now. If not, the error is left in the context.
///
/// # Safety
///
/// E3 holds, and `entry` belongs to the running instance's module.
#[inline(never)]
unsafe fn translate_now(cx: *mut Context, entry: *const FuncEntry) -> bool {
    // SAFETY: the caller's promise.
    let (module, index) = unsafe { (&(*(*cx).instance).module, (*entry).index()) };
    let Err(error) = module.translated(index) else { return true };
    let error = error.context(no_code(&module.decoded, index));
    // SAFETY: the caller's promise.
    unsafe { (*cx).host_error = Some(HostFailure::Error(error)) };
    false
}

/// Says that one of a module's own functions cannot be called.
#[cold]
fn no_code(module: &ModuleParts, index: u32) -> String {
    let func = module.imported_funcs + index;
    match module.names().func(func) {
        Some(name) => format!("cannot call function {func} (`{}`)", Escaped(name)),
        None => format!("cannot call function {func}"),
    }
}
