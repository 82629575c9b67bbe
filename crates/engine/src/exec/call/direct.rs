//! Calls of functions that the code names.

use std::ptr::NonNull;

use super::outside::call_any;
use super::{begin, callee_frame};
use crate::machine::place::Place;
use crate::machine::{Exit, Machine, Op};
use crate::runtime::entity::FuncEntity;

/// Calls a function of the same instance: granule 1 is its entry, granule 2 the metadata.
pub(crate) struct Call;

impl Op for Call {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[Place::Call(2)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1.
        unsafe {
            let entry = std::ptr::with_exposed_provenance(m.ip.granule(1) as usize);
            let fp = callee_frame(m, 2);
            begin(m, entry, fp, m.ip.offset(Self::GRANULES as isize));
        }
        Err(Exit::BRANCH)
    }
}

/// Calls an imported function: `b` is its index, granule 2 the metadata.
pub(crate) struct CallImport;

impl Op for CallImport {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[Place::Call(2)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; validation bounds the index.
        unsafe {
            let func = imported(m);
            let fp = callee_frame(m, 2);
            call_any(m, func, fp, m.ip.offset(Self::GRANULES as isize));
        }
        Err(Exit::BRANCH)
    }
}

/// The running instance's function `b`.
#[inline(always)]
pub(super) unsafe fn imported(m: &Machine) -> NonNull<FuncEntity> {
    // SAFETY: E1, E3, R1; validation bounds the index.
    unsafe {
        let instance = &*(*m.cx).instance;
        instance.funcs.as_ptr().add(m.ip.b() as usize).read()
    }
}
