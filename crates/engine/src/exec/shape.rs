//! Reads the machine code of handlers: what a frequent one must not do.

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};

use super::scalar::Binop;
use super::sequences;
use crate::machine::operand::{Acc, ImmB, Pin, SlotA, SlotB, ToAcc, ToPin, ToSlot};
use crate::machine::{Handler, Op, handler};
use crate::op::scalar::{F64Mul, I32Add, I64Xor};

/// Operations that may use the stack: they divide, or fill any number of slots.
const SLOW: [&str; 5] = ["Div", "Rem", "MANY", "CallOutside", "Slow"];

/// The instructions of a handler, up to what fills the gap to the next function.
fn instructions(handler: Handler) -> Vec<Instruction> {
    // More than any handler has, and less than there is code behind the last one.
    const MAX_BYTES: usize = 2048;
    let address = handler.to_granule();
    let pointer: *const u8 = std::ptr::with_exposed_provenance(address as usize);
    // SAFETY: it is the address of a function, and the test binary's code continues behind it.
    let code = unsafe { std::slice::from_raw_parts(pointer, MAX_BYTES) };
    let decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
    let mut instructions: Vec<Instruction> = Vec::new();
    let mut furthest = address;
    for instruction in decoder {
        let after_end = instructions.last().is_some_and(ends) && furthest < instruction.ip();
        if after_end || instruction.mnemonic() == Mnemonic::Int3 {
            break;
        }
        let is_jump = instruction.op_count() > 0 && instruction.op0_kind() == OpKind::NearBranch64;
        if is_jump && instruction.near_branch_target() < address + MAX_BYTES as u64 {
            furthest = furthest.max(instruction.near_branch_target());
        }
        instructions.push(instruction);
    }
    instructions
}

/// Whether nothing runs on behind an instruction.
fn ends(instruction: &Instruction) -> bool {
    matches!(
        instruction.flow_control(),
        FlowControl::IndirectBranch | FlowControl::UnconditionalBranch | FlowControl::Return
    )
}

/// What is wrong with a handler, if anything is.
fn defect(handler: Handler) -> Option<String> {
    let code = instructions(handler);
    if !code.iter().any(|i| i.flow_control() == FlowControl::IndirectBranch) {
        return Some("does not jump to the next handler".to_owned());
    }
    let bad = code.iter().find(|i| {
        let uses_stack = i.memory_base() == Register::RSP
            || matches!(i.mnemonic(), Mnemonic::Push | Mnemonic::Pop);
        let calls = matches!(i.flow_control(), FlowControl::Call | FlowControl::IndirectCall);
        uses_stack || calls
    });
    bad.map(|instruction| format!("has `{instruction}`"))
}

/// A sequence that uses the stack costs more than the jump it saves.
#[test]
fn frequent_handlers_jump_and_leave_the_stack_alone() {
    let mut handlers = 0;
    let mut defects = Vec::new();
    for handler in sequences::handlers() {
        let name = (handler.name)();
        if SLOW.iter().any(|slow| name.contains(slow)) || name.contains(&usize::MAX.to_string()) {
            continue;
        }
        handlers += 1;
        defects.extend(defect(handler).map(|defect| format!("{name} {defect}")));
    }
    assert!(handlers > 1000, "only {handlers} handlers were read");
    // Compilers differ in a handful of sequences: print them, to be taken off the list.
    println!("{} of {handlers} handlers:\n{}", defects.len(), defects.join("\n"));
    assert!(defects.len() * 200 < handlers, "too many handlers use the stack");
}

/// The instructions that an arithmetic operation takes.
fn length<O: Op>() -> usize {
    instructions(handler::<O>()).len()
}

#[test]
fn arithmetic_takes_few_instructions() {
    assert!(length::<Binop<I32Add, Acc, ImmB, ToAcc>>() <= 4);
    assert!(length::<Binop<I64Xor, Pin, Acc, ToAcc>>() <= 4);
    assert!(length::<Binop<I64Xor, SlotA, SlotB, ToSlot>>() <= 9);
    assert!(length::<Binop<I32Add, SlotA, ImmB, ToPin>>() <= 8);
    assert!(length::<Binop<F64Mul, SlotA, Acc, ToAcc>>() <= 7);
}
