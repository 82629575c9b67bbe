//! A reader that gives up after a while.
//!
//! Parts of DWARF refer to each other, so a small file can ask for the same bytes again and again.
//! Each read costs fuel; without fuel, every section ends here.

use std::borrow::Cow;
use std::cell::Cell;

use gimli::{EndianSlice, Error, LittleEndian, Reader, ReaderOffsetId, Result};

/// How often something may be read.
#[derive(Debug)]
pub(super) struct Fuel(Cell<u64>);

impl Fuel {
    pub(super) fn new(units: u64) -> Fuel {
        Fuel(Cell::new(units))
    }

    /// Takes some fuel.
    ///
    /// # Errors
    ///
    /// If there is none left.
    pub(super) fn burn(&self, units: usize) -> Result<()> {
        match self.0.get().checked_sub(units as u64) {
            Some(left) => {
                self.0.set(left);
                Ok(())
            }
            None => {
                self.0.set(0);
                Err(Error::Io)
            }
        }
    }
}

/// A part of a section.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section<'a> {
    bytes: EndianSlice<'a, LittleEndian>,
    fuel: &'a Fuel,
}

impl<'a> Section<'a> {
    pub(super) fn new(bytes: &'a [u8], fuel: &'a Fuel) -> Section<'a> {
        Section { bytes: EndianSlice::new(bytes, LittleEndian), fuel }
    }

    /// All of it as text, with U+FFFD for what is none.
    pub(super) fn text(self) -> Result<Cow<'a, str>> {
        self.fuel.burn(self.bytes.len())?;
        Ok(self.bytes.to_string_lossy())
    }
}

impl Reader for Section<'_> {
    type Endian = LittleEndian;
    type Offset = usize;

    fn endian(&self) -> LittleEndian {
        LittleEndian
    }

    fn len(&self) -> usize {
        self.bytes.len()
    }

    fn empty(&mut self) {
        self.bytes.empty();
    }

    fn truncate(&mut self, len: usize) -> Result<()> {
        self.bytes.truncate(len)
    }

    fn offset_from(&self, base: &Self) -> usize {
        self.bytes.offset_from(base.bytes)
    }

    fn offset_id(&self) -> ReaderOffsetId {
        self.bytes.offset_id()
    }

    fn lookup_offset_id(&self, id: ReaderOffsetId) -> Option<usize> {
        self.bytes.lookup_offset_id(id)
    }

    fn find(&self, byte: u8) -> Result<usize> {
        let found = Reader::find(&self.bytes, byte);
        self.fuel.burn(found.unwrap_or(self.bytes.len()))?;
        found
    }

    fn skip(&mut self, len: usize) -> Result<()> {
        self.fuel.burn(1)?;
        self.bytes.skip(len)
    }

    fn split(&mut self, len: usize) -> Result<Self> {
        self.fuel.burn(1)?;
        Ok(Section { bytes: self.bytes.split(len)?, fuel: self.fuel })
    }

    fn to_slice(&self) -> Result<Cow<'_, [u8]>> {
        Ok(Cow::Borrowed(self.bytes.slice()))
    }

    fn to_string(&self) -> Result<Cow<'_, str>> {
        self.fuel.burn(self.bytes.len())?;
        Reader::to_string(&self.bytes)
    }

    fn to_string_lossy(&self) -> Result<Cow<'_, str>> {
        self.text()
    }

    fn read_slice(&mut self, buf: &mut [u8]) -> Result<()> {
        self.fuel.burn(1)?;
        Reader::read_slice(&mut self.bytes, buf)
    }
}
