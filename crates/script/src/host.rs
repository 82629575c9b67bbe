//! [`Host`]: the value in a script's store.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use lineal::{Engine, Error, Observer, ResourceLimiter, Result, Store, Trap};

#[cfg(any(feature = "lua", feature = "starlark"))]
use crate::imports::Callback;

/// What an element of a table takes.
const ELEMENT_BYTES: u64 = 8;

/// The most that a memory can have: 262,144 pages, which is what the JavaScript Interface says.
const MAX_MEMORY_BYTES: u64 = 16 << 30;

/// The value in the store of a script: what bounds it, and what the functions that its modules
/// import need.
pub struct Host {
    pub(crate) limiter: Limiter,
    #[cfg(feature = "js")]
    pub(crate) realm: crate::js::RealmLink,
    observer: Box<dyn Observer>,
    extension: Option<Box<dyn Any>>,
    /// The script's functions that guests have imported.
    #[cfg(any(feature = "lua", feature = "starlark"))]
    pub(crate) callbacks: Vec<Callback>,
    /// How many calls of the script by guests are under way.
    depth: usize,
}

impl Host {
    /// A store with a host.
    pub(crate) fn new_store(
        engine: &Engine,
        room: Room,
        observer: Option<Box<dyn Observer>>,
        extension: Option<Box<dyn Any>>,
    ) -> Store<Host> {
        let host = Host {
            limiter: Limiter { room, last_bytes: 0, refused: false },
            #[cfg(feature = "js")]
            realm: Default::default(),
            observer: observer.unwrap_or_else(|| Box::new(Unobserved)),
            extension,
            #[cfg(any(feature = "lua", feature = "starlark"))]
            callbacks: Vec::new(),
            depth: 0,
        };
        let mut store = Store::new(engine, host);
        store.limiter(|host| &mut host.limiter);
        store.observer(|host| &mut *host.observer);
        store.set_epoch_deadline(1);
        store
    }

    /// Takes note that a guest calls the script. [`Self::leave_script`] follows if that succeeds.
    ///
    /// # Errors
    ///
    /// If `limit` such calls are under way.
    pub(crate) fn enter_script(&mut self, limit: usize) -> Result<()> {
        if self.depth >= limit {
            return Err(Error::from(Trap::StackOverflow).context(format!(
                "the script and its modules call each other too deeply: the limit is {limit} calls \
                 of the script inside each other"
            )));
        }
        self.depth += 1;
        Ok(())
    }

    /// Takes note that such a call has ended.
    pub(crate) fn leave_script(&mut self) {
        self.depth -= 1;
    }

    /// The extension in the [options](crate::Options::extension), if it is of this type.
    pub fn extension<E: 'static>(&mut self) -> Option<&mut E> {
        self.extension.as_mut()?.downcast_mut()
    }
}

/// An observer that is told nothing.
struct Unobserved;

impl Observer for Unobserved {}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("limiter", &self.limiter).finish_non_exhaustive()
    }
}

/// How many bytes memories, tables and blocks have together, and may have. Clones share the count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Room {
    used_bytes: Arc<AtomicU64>,
    limit_bytes: Option<u64>,
}

impl Room {
    pub(crate) fn new(limit_bytes: Option<u64>) -> Room {
        Room { used_bytes: Arc::default(), limit_bytes }
    }

    /// Takes this many bytes, if there is room for them.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        let limit_bytes = self.limit_bytes.unwrap_or(u64::MAX);
        let more = |used: u64| used.checked_add(bytes).filter(|&wanted| wanted <= limit_bytes);
        self.used_bytes.fetch_update(Relaxed, Relaxed, more).is_ok()
    }

    /// Gives bytes back.
    pub(crate) fn give_back(&self, bytes: u64) {
        self.used_bytes.fetch_sub(bytes, Relaxed);
    }

    /// How many there may be.
    pub(crate) fn limit_bytes(&self) -> Option<u64> {
        self.limit_bytes
    }

    /// How many are taken.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Relaxed)
    }
}

/// What bounds the modules of a script.
#[derive(Debug)]
pub(crate) struct Limiter {
    pub(crate) room: Room,
    /// What was taken last, in case that the growth fails.
    last_bytes: u64,
    /// Whether there was no room for one since this was last taken back.
    pub(crate) refused: bool,
}

impl Limiter {
    /// Adds to an error how much room there is, if there was none since [`Self::refused`] was last
    /// taken back.
    pub(crate) fn explain(&mut self, error: Error) -> Error {
        let Some(limit_bytes) = self.room.limit_bytes() else { return error };
        if !std::mem::take(&mut self.refused) {
            return error;
        }
        let used_bytes = self.room.used_bytes();
        error.context(format!(
            "{used_bytes} of {limit_bytes} bytes for memories, tables and blocks are in use"
        ))
    }

    fn growing(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> bool {
        if maximum.is_some_and(|maximum| desired > maximum) {
            // The engine says better why that is not possible.
            self.last_bytes = 0;
            return true;
        }
        let more = desired.saturating_sub(current);
        let allowed = self.room.take(more);
        self.last_bytes = if allowed { more } else { 0 };
        self.refused |= !allowed;
        allowed
    }

    fn failed(&mut self) {
        self.room.give_back(std::mem::take(&mut self.last_bytes));
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        if desired as u64 > MAX_MEMORY_BYTES {
            self.last_bytes = 0;
            return Ok(false);
        }
        Ok(self.growing(current as u64, desired as u64, maximum.map(|bytes| bytes as u64)))
    }

    fn memory_grow_failed(&mut self, _: Error) -> Result<()> {
        self.failed();
        Ok(())
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

    fn table_grow_failed(&mut self, _: Error) -> Result<()> {
        self.failed();
        Ok(())
    }

    fn instances(&self) -> usize {
        usize::MAX
    }

    fn tables(&self) -> usize {
        usize::MAX
    }

    fn memories(&self) -> usize {
        usize::MAX
    }
}
