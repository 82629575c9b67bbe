//! [`Host`]: the value in a script's store.

use std::any::Any;

use anyhow::Result;
use lineal::ResourceLimiter;

/// What an element of a table takes.
const ELEMENT_BYTES: u64 = 8;

/// The value in the store of a script: what bounds it, and what the functions that its modules
/// import need.
#[derive(Debug, Default)]
pub struct Host {
    pub(crate) room: Room,
    #[cfg(feature = "js")]
    pub(crate) realm: crate::js::RealmLink,
    extension: Option<Box<dyn Any>>,
}

impl Host {
    pub(crate) fn new(max_memory_bytes: Option<u64>, extension: Option<Box<dyn Any>>) -> Host {
        Host {
            room: Room { used_bytes: 0, limit_bytes: max_memory_bytes, grown: false },
            #[cfg(feature = "js")]
            realm: Default::default(),
            extension,
        }
    }

    /// The extension in the [options](crate::Options::extension), if it is of this type.
    pub fn extension<E: 'static>(&mut self) -> Option<&mut E> {
        self.extension.as_mut()?.downcast_mut()
    }
}

/// How many bytes memories and tables have together, and may have.
#[derive(Debug, Default)]
pub(crate) struct Room {
    used_bytes: u64,
    limit_bytes: Option<u64>,
    /// Whether a memory or table was made or grew since this was last taken back.
    pub(crate) grown: bool,
}

impl Room {
    /// Whether there is room for this many bytes more, which are taken then.
    pub(crate) fn take(&mut self, bytes: u64) -> bool {
        let wanted = self.used_bytes.saturating_add(bytes);
        let allowed = self.limit_bytes.is_none_or(|limit| wanted <= limit);
        if allowed {
            self.used_bytes = wanted;
        }
        allowed
    }

    /// Gives bytes back.
    pub(crate) fn give_back(&mut self, bytes: u64) {
        self.used_bytes = self.used_bytes.saturating_sub(bytes);
    }

    fn growing(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> bool {
        self.grown = true;
        let within = maximum.is_none_or(|maximum| desired <= maximum);
        within && self.take(desired.saturating_sub(current))
    }
}

impl ResourceLimiter for Room {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        Ok(self.growing(current as u64, desired as u64, maximum.map(|bytes| bytes as u64)))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let bytes = |elements: usize| (elements as u64).saturating_mul(ELEMENT_BYTES);
        Ok(self.growing(bytes(current), bytes(desired), maximum.map(bytes)))
    }
}
