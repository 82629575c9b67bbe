//! Random operations on memories and on a naive model of them: the memory crate's own property
//! test, with choices from the bytes of a test case.

// The parts of that test.
#[path = "../../memory/tests/common/mod.rs"]
mod common;
#[path = "../../memory/tests/model/kind.rs"]
mod kind;
#[path = "../../memory/tests/model/machine.rs"]
mod machine;
#[path = "../../memory/tests/model/memory.rs"]
mod memory;
#[path = "../../memory/tests/model/operation.rs"]
mod operation;
use crate::numbers;
#[path = "../../memory/tests/model/reference.rs"]
mod reference;

/// Runs the operations that some bytes choose. What disagrees panics.
pub(crate) fn judge(bytes: &[u8]) -> Result<(), String> {
    machine::Machine::run_all(bytes);
    Ok(())
}
