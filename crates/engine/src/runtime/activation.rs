//! Calls that stop in the middle.
//!
//! An activation is a call of a function by the host that has a stack of its own. When it stops, its
//! frames stay there, and the store has its own stack again; so activations can be continued in
//! any order, and the store is free for other calls in between.
//!
//! ```text
//! store (Context, Stack) ── exchange ──► activation 7 (what the guest has of the context, its stack)
//! ```
//!
//! [`StoreCore::exchange`] puts what an activation has in place of what the store has, and the other
//! way round. Whichever is not running waits in [`Activations`], where the collector looks for
//! references too.

use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::{Arc, Weak};

use super::context::{Stops, Switch};
use super::entity::FuncEntity;
use super::instance::InstanceData;
use super::native_stack::NativeStack;
use super::slots::slot_count;
use super::stack::Stack;
use super::store::StoreCore;
use super::trap::Trap;
use crate::machine::{Exit, ExitState, Fp, Ip, Machine};

/// The activations of a store.
#[derive(Default)]
pub(crate) struct Activations {
    by_number: HashMap<u64, Activation>,
    /// How many there were.
    made: u64,
}

/// A call that can stop in the middle.
struct Activation {
    /// What the activation has of the store, or while it runs, what was there before.
    other: Running,
    /// How it continues.
    next: Next,
    /// Whether somebody can still continue it.
    owner: Weak<()>,
}

/// The right to continue an activation. When it is dropped, the activation's frames are gone.
#[derive(Debug)]
pub(crate) struct Ticket {
    number: u64,
    /// The activation knows by this whether the ticket is still there.
    _alive: Arc<()>,
}

/// How an activation continues.
#[derive(Clone, Copy)]
pub(crate) enum Next {
    /// It begins: it calls a function whose arguments are in its first slots.
    Call(NonNull<FuncEntity>),
    /// A host function returns, whose results are in the slots from `fp` on.
    Return { return_ip: Ip, fp: Fp },
    /// The machine continues.
    Continue(Machine),
    /// The machine stopped, and nobody has looked at why.
    Exit(Exit),
}

/// What belongs to the running call of the host, of the store and its context.
struct Running {
    /// The activation whose it is; 0 if it is no activation's.
    number: u64,
    stack: Option<Stack>,
    stack_start: *mut u64,
    stack_end: *mut u64,
    /// Behind all that is in use of the stack.
    stack_free: *mut u64,
    instance: *const InstanceData,
    switches: Vec<Switch>,
    exit: ExitState,
    exception: u64,
    native_stack: NativeStack,
    stops: Stops,
    host_func: Option<NonNull<FuncEntity>>,
    #[cfg(feature = "async")]
    pause: Option<super::hooks::Pause>,
}

impl Running {
    /// A call that has no frame yet, on a stack of which it may use so many slots.
    fn new(number: u64, stack: Stack, slots: usize, stops: Stops) -> Running {
        let range = stack.range();
        let stack_end = range.end.min(range.start.wrapping_add(slots));
        Running {
            number,
            stack: Some(stack),
            stack_start: range.start,
            stack_end,
            stack_free: range.start,
            instance: std::ptr::null(),
            switches: Vec::new(),
            exit: ExitState { exit: Exit::DONE, ip: Ip::NULL, fp: Fp::NULL },
            exception: 0,
            native_stack: NativeStack::default(),
            stops,
            host_func: None,
            #[cfg(feature = "async")]
            pause: None,
        }
    }

    /// The words in it that may be references.
    fn words(&self) -> impl Iterator<Item = u64> {
        let start = self.stack_start;
        let end = self.stack_free.min(self.stack_end).max(start);
        let count = (end as usize - start as usize) / size_of::<u64>();
        // SAFETY: they are slots of a stack that the store keeps, and all have values.
        let slots = (0..count).map(move |index| unsafe { start.add(index).read() });
        slots.chain([self.exception])
    }
}

impl Activations {
    /// Forgets those that nobody can continue any more.
    pub(crate) fn sweep(&mut self) {
        if !self.by_number.is_empty() {
            self.by_number.retain(|_, activation| activation.owner.strong_count() > 0);
        }
    }

    /// The words in all of them that may be references.
    pub(crate) fn words(&self) -> impl Iterator<Item = u64> {
        self.by_number.values().flat_map(|activation| {
            // A machine can stop before a result has gone to its slot.
            let registers = match activation.next {
                Next::Continue(machine) => [machine.acc, machine.pin],
                _ => [0; 2],
            };
            activation.other.words().chain(registers)
        })
    }

    /// Says how an activation continues.
    pub(crate) fn set_next(&mut self, ticket: &Ticket, next: Next) {
        if let Some(activation) = self.by_number.get_mut(&ticket.number) {
            activation.next = next;
        }
    }

    /// How an activation continues.
    pub(crate) fn next(&self, ticket: &Ticket) -> Option<Next> {
        self.by_number.get(&ticket.number).map(|activation| activation.next)
    }
}

impl StoreCore {
    /// Creates an activation that will call a function with arguments as slots hold them.
    ///
    /// # Errors
    ///
    /// If the host has no room for a stack, or the calls of guests and hosts inside each other have
    /// used up the room for stacks.
    pub(crate) fn new_activation(
        &mut self,
        func: NonNull<FuncEntity>,
        args: &[u64],
        stops: Stops,
    ) -> anyhow::Result<Ticket> {
        self.activations.sweep();
        self.prepare_stack()?;
        let context = &mut self.context;
        let left_bytes = (context.stack_end as usize).saturating_sub(context.stack_free as usize);
        let slots = left_bytes / size_of::<u64>();
        // SAFETY: R1: the function is one of this store.
        let ty = unsafe { &func.as_ref().ty };
        let needed = slot_count(ty.params()).max(slot_count(ty.results()));
        if slots < needed.max(Stack::MINIMUM_SLOTS) {
            return Err(Trap::StackOverflow.into());
        }
        let stack = if context.stack_free == context.stack_start {
            // Nothing is on the store's own; it gets another if it needs one meanwhile.
            context.stack_start = std::ptr::null_mut();
            context.stack_free = std::ptr::null_mut();
            context.stack_end = std::ptr::null_mut();
            self.stack.take()
        } else {
            None
        };
        let stack = match stack {
            Some(stack) => stack,
            None => Stack::new(self.engine.config().max_wasm_stack_bytes())?,
        };
        self.activations.made += 1;
        let number = self.activations.made;
        let mut other = Running::new(number, stack, slots, stops);
        // SAFETY: the stack has the slots.
        unsafe { other.stack_start.copy_from_nonoverlapping(args.as_ptr(), args.len()) };
        other.stack_free = other.stack_start.wrapping_add(needed);
        let alive = Arc::new(());
        let activation =
            Activation { other, next: Next::Call(func), owner: Arc::downgrade(&alive) };
        self.activations.by_number.insert(number, activation);
        Ok(Ticket { number, _alive: alive })
    }

    /// Puts what the activation has in place of what the store has, or the other way round.
    pub(crate) fn exchange(&mut self, ticket: &Ticket) {
        self.exchange_number(ticket.number);
    }

    /// Leaves activations that were entered, and whose owners were leaked, until another runs, or none
    /// (0). They are forgotten.
    #[cold]
    pub(crate) fn leave_until(&mut self, number: u64) {
        while self.context.running != number {
            let running = self.context.running;
            self.exchange_number(running);
            if self.activations.by_number.remove(&running).is_none() {
                unreachable!("the store is not in the activation that was entered");
            }
        }
    }

    fn exchange_number(&mut self, number: u64) {
        let Some(activation) = self.activations.by_number.get_mut(&number) else { return };
        let (other, context) = (&mut activation.other, &mut self.context);
        std::mem::swap(&mut other.number, &mut context.running);
        std::mem::swap(&mut other.stack, &mut self.stack);
        std::mem::swap(&mut other.stack_start, &mut context.stack_start);
        std::mem::swap(&mut other.stack_end, &mut context.stack_end);
        std::mem::swap(&mut other.stack_free, &mut context.stack_free);
        std::mem::swap(&mut other.switches, &mut context.switches);
        std::mem::swap(&mut other.exit, &mut context.exit);
        std::mem::swap(&mut other.exception, &mut context.exception);
        std::mem::swap(&mut other.native_stack, &mut context.native_stack);
        std::mem::swap(&mut other.stops, &mut context.stops);
        std::mem::swap(&mut other.host_func, &mut context.host_func);
        #[cfg(feature = "async")]
        std::mem::swap(&mut other.pause, &mut self.pause);
        let instance = std::mem::replace(&mut other.instance, context.instance);
        context.enter(instance);
    }

    /// Forgets an activation that is not running. The store keeps its stack if it has none.
    pub(crate) fn end_activation(&mut self, ticket: &Ticket) {
        let Some(activation) = self.activations.by_number.remove(&ticket.number) else { return };
        if self.stack.is_none()
            && let Some(stack) = activation.other.stack
        {
            self.put_stack(stack);
        }
    }
}
