//! What a guest may do in a directory that it is given.

bitflags::bitflags! {
    /// What a guest may do with the directories below one that it is given.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct DirPerms: usize {
        /// It may look at them: list them, and open and describe what is in them.
        const READ = 1;
        /// It may change them: create, rename, link and remove what is in them.
        const MUTATE = 2;
    }
}

bitflags::bitflags! {
    /// What a guest may do with the files below a directory that it is given.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct FilePerms: usize {
        /// It may read them.
        const READ = 1;
        /// It may write to them, resize them and set their times.
        const WRITE = 2;
    }
}

/// What a guest may do with the files and directories below a directory that it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FsPerms {
    /// It may look at them and read them.
    ReadOnly,
    /// It may also change them: write, create, rename, link and remove.
    ReadWrite,
}

impl FsPerms {
    /// The same, for directories and files apart.
    pub(crate) fn parts(self) -> (DirPerms, FilePerms) {
        match self {
            FsPerms::ReadOnly => (DirPerms::READ, FilePerms::READ),
            FsPerms::ReadWrite => (DirPerms::all(), FilePerms::all()),
        }
    }
}
