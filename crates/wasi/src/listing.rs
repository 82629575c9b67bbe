//! [`Listing`]: what is in a directory, in the form that `fd_readdir` gives it to guests.

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, FileType};

use crate::errno::Errno;
use crate::rights::Filetype;

/// The entries of a directory at one time. An entry's cookie is the number of the next one, so
/// cookies stay good whatever happens to the directory meanwhile.
pub(crate) struct Listing {
    /// All entries as `dirent`s, each followed by its name.
    bytes: Vec<u8>,
    /// Where each entry begins.
    starts: Vec<usize>,
}

/// The size of a `dirent`: the next entry's cookie, the inode, the length of the name, the type.
const HEADER_BYTES: usize = 24;

impl Listing {
    pub(crate) fn of(dir: &Dir) -> Result<Listing, Errno> {
        let mut listing = Listing { bytes: Vec::new(), starts: Vec::new() };
        // The parent's number is not the guest's business.
        let own = rustix::fs::fstat(dir)?.st_ino;
        listing.push(own, Filetype::Directory, b".")?;
        listing.push(own, Filetype::Directory, b"..")?;
        let mut entries = rustix::fs::Dir::read_from(dir)?;
        while let Some(entry) = entries.read() {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let filetype = match entry.file_type() {
                // Not all file systems say it.
                FileType::Unknown => {
                    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                        Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                        Err(_) => FileType::Unknown,
                    }
                }
                known => known,
            };
            listing.push(entry.ino(), filetype.into(), name.to_bytes())?;
        }
        Ok(listing)
    }

    fn push(&mut self, inode: u64, filetype: Filetype, name: &[u8]) -> Result<(), Errno> {
        self.starts.try_reserve(1).map_err(|_| Errno::Nomem)?;
        self.bytes.try_reserve(HEADER_BYTES + name.len()).map_err(|_| Errno::Nomem)?;
        self.starts.push(self.bytes.len());
        let next = self.starts.len() as u64;
        self.bytes.extend_from_slice(&next.to_le_bytes());
        self.bytes.extend_from_slice(&inode.to_le_bytes());
        // Names are short.
        self.bytes.extend_from_slice(&(name.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(&[filetype as u8, 0, 0, 0]);
        self.bytes.extend_from_slice(name);
        Ok(())
    }

    /// The entries from a cookie on; none after the end.
    pub(crate) fn from(&self, cookie: u64) -> &[u8] {
        let start = usize::try_from(cookie).ok().and_then(|index| self.starts.get(index));
        start.map_or(&[], |&start| &self.bytes[start..])
    }
}
