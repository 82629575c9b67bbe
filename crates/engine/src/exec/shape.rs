//! Reads the machine code of handlers: what a frequent one must not do.

use std::collections::BTreeMap;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};

use super::scalar::Binop;
use super::sequences;
use crate::machine::operand::{Acc, ImmB, Pin, SlotA, SlotB, ToAcc, ToPin, ToSlot};
use crate::machine::{Op, handler};
use crate::op::scalar::{F64Mul, I32Add, I64Xor};
use crate::translate::handlers_in_the_tree;

/// Operations that may use the stack: they divide, or fill any number of slots.
const SLOW: [&str; 5] = ["Div", "Rem", "MANY", "CallOutside", "Slow"];

/// The instructions of a handler, up to what fills the gap to the next function.
fn instructions(address: u64) -> Vec<Instruction> {
    // More than any handler has, and less than there is code behind the last one.
    const MAX_BYTES: usize = 2048;
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

/// Why a handler does not jump to the next one, if it does not: it would use the host's stack up.
/// What it returns from is the machine, on a trap. A handler that only does that `stops`.
fn missed_jump(address: u64, stops: bool) -> Option<String> {
    let code = instructions(address);
    // Whatever else handlers call has a name.
    let calls_handler = |i: &&Instruction| {
        i.flow_control() == FlowControl::IndirectCall && i.memory_base() != Register::RIP
    };
    if let Some(call) = code.iter().find(calls_handler) {
        return Some(format!("has `{call}`"));
    }
    let jumps = code.iter().any(|i| i.flow_control() == FlowControl::IndirectBranch);
    (!jumps && !stops).then(|| "does not jump to the next handler".to_owned())
}

/// What a frequent handler does that costs more than the jump it saves.
fn slow_instruction(address: u64) -> Option<Instruction> {
    instructions(address).into_iter().find(|i| {
        let uses_stack = i.memory_base() == Register::RSP
            || matches!(i.mnemonic(), Mnemonic::Push | Mnemonic::Pop);
        let calls = matches!(i.flow_control(), FlowControl::Call | FlowControl::IndirectCall);
        uses_stack || calls
    })
}

/// All sequences and their parts, and whatever else the modules of the source tree need.
#[test]
fn every_handler_jumps_to_the_next() {
    let in_sequences = sequences::handlers().map(|handler| (handler.to_granule(), handler.shape));
    let handlers: BTreeMap<_, _> = in_sequences.chain(handlers_in_the_tree()).collect();
    assert!(handlers.len() > 3000, "only {} handlers were read", handlers.len());
    let defects: Vec<_> = handlers
        .into_iter()
        .filter_map(|(address, shape)| {
            let name = (shape.name)();
            let defect = missed_jump(address, name.ends_with("::Unreachable"))?;
            Some(format!("{name} {defect}"))
        })
        .collect();
    assert!(defects.is_empty(), "{}", defects.join("\n"));
}

/// Functions are sections of their own there, which one directive aligns.
#[cfg(target_os = "linux")]
#[test]
fn handlers_begin_with_a_line_of_the_cache() {
    let handlers = sequences::handlers().map(|handler| handler.to_granule());
    assert_eq!(handlers.filter(|address| address % 64 != 0).count(), 0);
}

/// A sequence that uses the stack costs more than the jump it saves.
#[test]
fn frequent_handlers_leave_the_stack_alone() {
    let mut handlers = 0;
    let mut defects = Vec::new();
    for handler in sequences::handlers() {
        let name = (handler.shape.name)();
        if SLOW.iter().any(|slow| name.contains(slow)) || name.contains(&usize::MAX.to_string()) {
            continue;
        }
        handlers += 1;
        let instruction = slow_instruction(handler.to_granule());
        defects.extend(instruction.map(|instruction| format!("{name} has `{instruction}`")));
    }
    assert!(handlers > 1000, "only {handlers} handlers were read");
    // Compilers differ in a handful of sequences: print them, to be taken off the list.
    println!("{} of {handlers} handlers:\n{}", defects.len(), defects.join("\n"));
    assert!(defects.len() * 200 < handlers, "too many handlers use the stack");
}

/// The instructions that an arithmetic operation takes.
fn length<O: Op>() -> usize {
    instructions(handler::<O>().to_granule()).len()
}

#[test]
fn arithmetic_takes_few_instructions() {
    assert!(length::<Binop<I32Add, Acc, ImmB, ToAcc>>() <= 4);
    assert!(length::<Binop<I64Xor, Pin, Acc, ToAcc>>() <= 4);
    assert!(length::<Binop<I64Xor, SlotA, SlotB, ToSlot>>() <= 9);
    assert!(length::<Binop<I32Add, SlotA, ImmB, ToPin>>() <= 8);
    assert!(length::<Binop<F64Mul, SlotA, Acc, ToAcc>>() <= 7);
}
