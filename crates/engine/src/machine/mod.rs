//! The machine: its registers, its cells, and how one handler passes control to the next.
//!
//! * [`Ip`]: the cell being executed; [`Fp`]: the frame of the running function;
//! * [`Machine`]: all registers;
//! * [`operand`]: where operations find operands, and put results;
//! * [`Op`], [`Handler`] and [`run`]: an operation, its code, and the dispatch.
//!
//! A function's code is a row of 8-byte granules. A cell is one operation:
//!
//! ```text
//! granule 0   address of the handler
//! granule 1   a: u16 │ d: u16 │ b: u32      operands (slots, immediates, displacements)
//! granule 2…  wide operands, for the operations that have them
//! ```
//!
//! By convention `a` names a source slot, `d` the destination slot, and `b` a second source, an
//! immediate or a displacement; each operation's own documentation says when it differs.
//!
//! # Invariants
//!
//! `SAFETY:` comments in the executor cite these:
//!
//! * **E1** `ip` is at a cell that the translator made for the operation being executed, so its
//!   operands have the meaning that the operation gives them, and control never leaves the code.
//!   Where a cell branches to the head of a loop, `head` is the first cell of that loop: the
//!   translator lets only loops have one in which nothing sets another and no call is made.
//! * **E2** `fp` is at a frame inside the store's stack, and every slot that an operand of the
//!   current function names lies in that frame: [`Enter`](crate::exec::call::Enter) checked it against
//!   the stack's end.
//! * **E3** `cx` is the running store's context, exclusively borrowed by the invocation (R3);
//!   its cached pointers belong to the running instance (R1).
//! * **E4** `mem_ptr` and `Context::limits` describe memory 0 as it is now, and `Context::second`
//!   memory 1, if that is the store's own: whatever can change them refreshes all. A shared memory can
//!   grow at any time, but it never moves or shrinks: for it, the limits are what they were at some time.

mod exit;
mod flow;
mod frame;
mod ip;
pub(crate) mod operand;
pub(crate) mod place;
mod registers;

pub(crate) use exit::{Exit, ExitState};
pub(crate) use flow::{Handler, Op, handler, run, step};
pub(crate) use frame::Fp;
pub(crate) use ip::{Ip, b_of, operands, with_b, with_d};
pub(crate) use registers::{Bank, Machine, TO_HEAD, Vector};
#[cfg(all(feature = "simd", target_arch = "x86_64", not(miri)))]
pub(crate) use registers::{from_register, to_register};
#[cfg(any(test, debug_assertions, lineal_verify))]
pub(crate) use {flow::Shape, ip::half_of};
