//! Stands in for the reserved backing where there is none: no value of it can exist.

use core::ptr::NonNull;

use super::OutOfMemory;

#[derive(Debug)]
pub(crate) enum ReservedBacking {}

impl ReservedBacking {
    pub(crate) fn new(_: usize, _: usize) -> Result<ReservedBacking, OutOfMemory> {
        Err(OutOfMemory)
    }

    pub(crate) fn base_ptr(&self) -> NonNull<u8> {
        match *self {}
    }

    pub(crate) fn capacity_bytes(&self) -> usize {
        match *self {}
    }

    pub(crate) fn grow(&mut self, _: usize, _: usize) -> Result<(), OutOfMemory> {
        match *self {}
    }

    pub(crate) fn into_fixed(self) -> ReservedBacking {
        self
    }

    pub(crate) fn commit(&self, _: usize, _: usize) -> Result<(), OutOfMemory> {
        match *self {}
    }
}
