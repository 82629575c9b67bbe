//! [`Observer`]: what a host implements to see what its guests do.

use anyhow::Result;

use super::event::{Access, Batch, Call, Ending, GlobalSet, Growth, Instantiated, MemoryId};
use super::moment::Moment;

/// Sees what guests do to their memories.
///
/// What is reported is chosen with [`Config::observe`](crate::Config::observe) before modules are
/// made; a store gets its observer with [`Store::observer`](crate::Store::observer). Every method
/// has a default that does nothing, so an observer implements what it wants to know.
///
/// Reports come in the order of what they report, after it was done. The [`Moment`] tells more:
/// the backtrace, the bytes of memories, the fuel; and it sets what is of interest from now on.
///
/// # Stopping the guest
///
/// An error stops the guest as one of a host function does: the call into the guest returns it,
/// with a [`WasmBacktrace`](crate::WasmBacktrace), and the store can be used as before. Where
/// there is no guest to stop (the host writes to a memory), the next one is stopped before it
/// begins. A panic passes through the guest like a host function's.
///
/// ```
/// use lineal::{
///     Access, Accesses, Config, Engine, Instance, Module, Moment, Observe, Observer, Result, Store,
/// };
///
/// /// Counts the bytes that are written.
/// #[derive(Default)]
/// struct Written(u64);
///
/// impl Observer for Written {
///     fn access(&mut self, _: &mut Moment<'_>, access: &Access<'_>) -> Result<()> {
///         if access.kind().writes() {
///             self.0 += access.len_bytes();
///         }
///         Ok(())
///     }
/// }
///
/// let engine = Engine::new(Config::new().observe(Observe::new().accesses(Accesses::All)))?;
/// let module = Module::new(&engine, r#"(module (memory 1)
///     (data (i32.const 0) "segment")
///     (func (export "run")
///         (i32.store (i32.const 8) (i32.load16_u (i32.const 2)))
///         (memory.fill (i32.const 100) (i32.const 1) (i32.const 50))))"#)?;
/// let mut store = Store::new(&engine, Written::default());
/// store.observer(|written| written);
/// let instance = Instance::new(&mut store, &module, &[])?;
/// assert_eq!(store.data().0, 7);
/// instance.get_typed_func::<(), ()>(&mut store, "run")?.call(&mut store, ())?;
/// assert_eq!(store.data().0, 7 + 4 + 50);
/// # Ok::<(), lineal::Error>(())
/// ```
pub trait Observer {
    /// An access was made: by a load or store, a vector, a lane, an atomic operation, an operation
    /// on ranges, a data segment, or the host.
    ///
    /// With [`Accesses::OfInterest`](crate::Accesses::OfInterest), accesses near what is of
    /// interest are reported too, up to 7 bytes before or after: compare the addresses.
    ///
    /// # Errors
    ///
    /// An error stops the guest.
    fn access(&mut self, moment: &mut Moment<'_>, access: &Access<'_>) -> Result<()> {
        let _ = (moment, access);
        Ok(())
    }

    /// Accesses of loads and stores were made. By default, each is told to
    /// [`access`](Self::access); observers of every access implement this to be faster.
    ///
    /// # Errors
    ///
    /// An error stops the guest.
    fn accesses(&mut self, moment: &mut Moment<'_>, batch: &Batch<'_>) -> Result<()> {
        batch.iter().try_for_each(|access| self.access(moment, &access))
    }

    /// A memory grew.
    ///
    /// # Errors
    ///
    /// An error stops the guest.
    fn grew(&mut self, moment: &mut Moment<'_>, growth: &Growth) -> Result<()> {
        let _ = (moment, growth);
        Ok(())
    }

    /// The host had a memory's bytes borrowed mutably
    /// ([`data_mut`](crate::Memory::data_mut), [`linear_mut`](crate::Memory::linear_mut) and the
    /// like) since the last report: any of them may have changed.
    ///
    /// # Errors
    ///
    /// An error stops the guest.
    fn lent(&mut self, moment: &mut Moment<'_>, memory: MemoryId) -> Result<()> {
        let _ = (moment, memory);
        Ok(())
    }

    /// An instance was allocated.
    ///
    /// # Errors
    ///
    /// An error makes instantiation fail.
    fn instantiated(&mut self, moment: &mut Moment<'_>, instance: &Instantiated<'_>) -> Result<()> {
        let _ = (moment, instance);
        Ok(())
    }

    /// A function that was chosen with [`Observe::functions`](crate::Observe::functions) begins.
    ///
    /// # Errors
    ///
    /// An error stops the guest.
    fn entered(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        let _ = (moment, call);
        Ok(())
    }

    /// A chosen function returns.
    ///
    /// A call that is left by a trap or an exception does not return: see
    /// [`unwound`](Self::unwound) and [`ended`](Self::ended).
    ///
    /// # Errors
    ///
    /// An error stops the guest.
    fn returned(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        let _ = (moment, call);
        Ok(())
    }

    /// A guest calls a host function.
    ///
    /// # Errors
    ///
    /// An error stops the guest.
    fn host_called(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        let _ = (moment, call);
        Ok(())
    }

    /// A host function that a guest called returns.
    ///
    /// # Errors
    ///
    /// An error stops the guest.
    fn host_returned(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        let _ = (moment, call);
        Ok(())
    }

    /// A chosen global was set.
    ///
    /// # Errors
    ///
    /// An error stops the guest.
    fn global_set(&mut self, moment: &mut Moment<'_>, set: &GlobalSet) -> Result<()> {
        let _ = (moment, set);
        Ok(())
    }

    /// An exception was caught: calls with more than `height` slots below their frames are gone.
    ///
    /// # Errors
    ///
    /// An error stops the guest.
    fn unwound(&mut self, moment: &mut Moment<'_>, height: u64) -> Result<()> {
        let _ = (moment, height);
        Ok(())
    }

    /// A call of the host into a guest ended. The guest's frames are still there if something
    /// stopped it.
    ///
    /// # Errors
    ///
    /// An error is the result of the call if that would have been successful.
    fn ended(&mut self, moment: &mut Moment<'_>, ending: Ending) -> Result<()> {
        let _ = (moment, ending);
        Ok(())
    }
}
