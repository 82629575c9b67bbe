//! The table of descriptors.

use std::sync::Arc;

use crate::dir::Directory;
use crate::errno::Errno;
use crate::file::File;
use crate::rights::right;
use crate::streams::{Input, Output};

/// What a descriptor stands for.
pub(crate) enum Object {
    /// Something with a descriptor of the host's: a file, a pipe, a terminal, a socket.
    File(File),
    /// Standard input that is no descriptor of the host's.
    Input(Input),
    /// Standard output or error that is no descriptor of the host's.
    Output(Output),
    /// A directory.
    Directory(Directory),
}

/// A descriptor.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) object: Arc<Object>,
    /// The rights it was asked for with, as far as they make sense.
    pub(crate) base: u64,
    /// The rights that what is opened by way of it may have.
    pub(crate) inheriting: u64,
    /// What the guest has not given up, and did not have to do without from the start. A right
    /// that it just has not asked for when it opened a file is not denied: hosts do not, and
    /// programs do not ask for all they need.
    pub(crate) allowed: u64,
    /// The name that the guest was given the directory under.
    pub(crate) preopen: Option<Arc<[u8]>>,
}

impl Entry {
    /// # Errors
    ///
    /// `notcapable`, if the guest has given a right up.
    pub(crate) fn require(&self, rights: u64) -> Result<(), Errno> {
        if self.allowed & rights == rights { Ok(()) } else { Err(Errno::Notcapable) }
    }

    pub(crate) fn file(&self) -> Result<&File, Errno> {
        match &*self.object {
            Object::File(file) => Ok(file),
            Object::Directory(_) => Err(Errno::Badf),
            Object::Input(_) | Object::Output(_) => Err(Errno::Spipe),
        }
    }

    pub(crate) fn directory(&self) -> Result<&Directory, Errno> {
        match &*self.object {
            Object::Directory(directory) => Ok(directory),
            _ => Err(Errno::Notdir),
        }
    }

    /// Gives rights up.
    ///
    /// # Errors
    ///
    /// `notcapable`, if there is one that it does not have.
    pub(crate) fn set_rights(&mut self, base: u64, inheriting: u64) -> Result<(), Errno> {
        if base & !self.base != 0 || inheriting & !self.inheriting != 0 {
            return Err(Errno::Notcapable);
        }
        (self.base, self.inheriting, self.allowed) = (base, inheriting, self.allowed & base);
        Ok(())
    }
}

/// The descriptors of a guest by their numbers. The lowest number that is free is used next.
#[derive(Default)]
pub(crate) struct Table {
    entries: Vec<Option<Entry>>,
    /// All numbers below this one are taken.
    first_free: usize,
}

impl Table {
    /// How many numbers there are.
    pub(crate) const LIMIT: usize = 1 << 16;

    pub(crate) fn get(&self, fd: u32) -> Result<&Entry, Errno> {
        self.entries.get(fd as usize).and_then(Option::as_ref).ok_or(Errno::Badf)
    }

    pub(crate) fn get_mut(&mut self, fd: u32) -> Result<&mut Entry, Errno> {
        self.entries.get_mut(fd as usize).and_then(Option::as_mut).ok_or(Errno::Badf)
    }

    /// Puts a descriptor at the lowest number that is free.
    pub(crate) fn insert(&mut self, entry: Entry) -> Result<u32, Errno> {
        let free = (self.first_free..self.entries.len()).find(|&fd| self.entries[fd].is_none());
        let fd = free.unwrap_or(self.entries.len());
        self.put(fd, entry)?;
        self.first_free = fd + 1;
        // Below the limit.
        Ok(fd as u32)
    }

    fn put(&mut self, fd: usize, entry: Entry) -> Result<(), Errno> {
        if fd >= Table::LIMIT {
            return Err(Errno::Mfile);
        }
        if fd >= self.entries.len() {
            self.entries.resize_with(fd + 1, || None);
        }
        self.entries[fd] = Some(entry);
        Ok(())
    }

    pub(crate) fn remove(&mut self, fd: u32) -> Result<Entry, Errno> {
        let slot = self.entries.get_mut(fd as usize).ok_or(Errno::Badf)?;
        let entry = slot.take().ok_or(Errno::Badf)?;
        self.first_free = self.first_free.min(fd as usize);
        Ok(entry)
    }

    /// Moves a descriptor to another number, whether that is open or not.
    pub(crate) fn renumber(&mut self, from: u32, to: u32) -> Result<(), Errno> {
        self.get(from)?;
        if to as usize >= Table::LIMIT {
            return Err(Errno::Badf);
        }
        if from != to {
            let entry = self.remove(from)?;
            self.put(to as usize, entry)?;
        }
        Ok(())
    }
}

/// The rights of something that is opened: those asked for that make sense.
pub(crate) fn sensible(rights: u64, object: &Object) -> u64 {
    rights
        & match object {
            Object::Directory(_) => right::DIRECTORY,
            Object::File(file) if file.is_seekable() => right::FILE,
            _ => right::STREAM,
        }
}
