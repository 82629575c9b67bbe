//! Stands in for the reserved store where there is none: no value of it can exist.

use core::ptr::NonNull;

use super::OutOfMemory;

#[derive(Debug)]
pub(crate) enum ReservedStore {}

impl ReservedStore {
    pub(crate) fn new(_: usize, _: usize) -> Result<ReservedStore, OutOfMemory> {
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

    pub(crate) fn into_fixed(self) -> ReservedStore {
        self
    }

    pub(crate) fn commit(&self, _: usize, _: usize) -> Result<(), OutOfMemory> {
        match *self {}
    }
}
