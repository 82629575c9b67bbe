//! [`Filestat`]: what a guest is told about a file.

use cap_std::fs::{Metadata, MetadataExt};
use rustix::fs::{FileType, Stat};

use crate::rights::Filetype;

/// The attributes of a file, in either version's layout: `filestat`.
#[derive(Default)]
pub(crate) struct Filestat {
    device: u64,
    inode: u64,
    filetype: u8,
    links: u64,
    pub(crate) size: u64,
    accessed_nanos: u64,
    modified_nanos: u64,
    changed_nanos: u64,
}

impl Filestat {
    /// Of something that the host has no file for.
    pub(crate) fn of_stream() -> Filestat {
        Filestat::default()
    }

    // The fields' types differ between systems.
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
    pub(crate) fn of_file(stat: &Stat, filetype: Filetype) -> Filestat {
        Filestat {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            filetype: filetype as u8,
            links: stat.st_nlink as u64,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            accessed_nanos: nanos(stat.st_atime as i64, stat.st_atime_nsec as i64),
            modified_nanos: nanos(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed_nanos: nanos(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        }
    }

    // The width of a mode differs between systems.
    #[allow(clippy::useless_conversion)]
    pub(crate) fn of_path(metadata: &Metadata) -> Filestat {
        // The lower half of a mode has all its bits, whatever the system's type for it.
        let file_type = FileType::from_raw_mode(metadata.mode() as rustix::fs::RawMode);
        Filestat {
            device: metadata.dev(),
            inode: metadata.ino(),
            filetype: Filetype::from(file_type) as u8,
            links: metadata.nlink(),
            size: metadata.size(),
            accessed_nanos: nanos(metadata.atime(), metadata.atime_nsec()),
            modified_nanos: nanos(metadata.mtime(), metadata.mtime_nsec()),
            changed_nanos: nanos(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether it is a named pipe, which is all that can be opened and that WASI has no name for.
    pub(crate) fn is_pipe(&self) -> bool {
        self.filetype == Filetype::Unknown as u8
    }

    /// As `wasi_snapshot_preview1` wants it.
    pub(crate) fn preview1(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        self.head(&mut bytes);
        bytes[24..32].copy_from_slice(&self.links.to_le_bytes());
        self.tail(&mut bytes[32..]);
        bytes
    }

    /// As `wasi_unstable` wants it.
    pub(crate) fn unstable(&self) -> [u8; 56] {
        let mut bytes = [0; 56];
        self.head(&mut bytes);
        let links = u32::try_from(self.links).unwrap_or(u32::MAX);
        bytes[20..24].copy_from_slice(&links.to_le_bytes());
        self.tail(&mut bytes[24..]);
        bytes
    }

    fn head(&self, bytes: &mut [u8]) {
        bytes[..8].copy_from_slice(&self.device.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.inode.to_le_bytes());
        bytes[16] = self.filetype;
    }

    fn tail(&self, bytes: &mut [u8]) {
        let values = [self.size, self.accessed_nanos, self.modified_nanos, self.changed_nanos];
        for (field, value) in bytes.chunks_exact_mut(8).zip(values) {
            field.copy_from_slice(&value.to_le_bytes());
        }
    }
}

/// A time since 1970 in nanoseconds; what is earlier is 0.
fn nanos(seconds: i64, nanos: i64) -> u64 {
    let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    u64::try_from(total.max(0)).unwrap_or(u64::MAX)
}
