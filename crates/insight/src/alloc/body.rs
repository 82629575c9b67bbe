//! What the code of a function uses: functions, globals, and fixed addresses.

use std::collections::{BTreeSet, HashMap};

use wasmparser::{FunctionBody, MemArg, Operator};

/// Addresses below this are not taken for variables: a constant is a small number more often.
const LEAST_ADDR: u64 = 1024;

/// What a function uses.
#[derive(Default)]
pub(super) struct Body {
    pub(super) calls: BTreeSet<u32>,
    /// Globals that it reads. Those that it only writes do not count: a function that sets up the
    /// allocator's globals is not a part of it.
    pub(super) globals: BTreeSet<u32>,
    /// Fixed addresses that it loads from.
    pub(super) loaded: BTreeSet<u64>,
    /// Fixed addresses that it stores to, if what it stores is no calculation.
    pub(super) stored: BTreeSet<u64>,
    /// Functions that it calls in its place, so that it does not return.
    pub(super) tail_calls: BTreeSet<u32>,
    /// Whether it calls another function in its place that is not known before it runs.
    pub(super) tail_calls_any: bool,
}

impl Body {
    /// Reads the code of a function with so many parameters.
    pub(super) fn read(body: &FunctionBody<'_>, params: u32) -> Body {
        let mut found = Body::default();
        let Some(mut locals) = Locals::new(body, params) else { return found };
        let Ok(operators) = body.get_operators_reader() else { return found };
        // What the last instructions leave on the stack, as far as they are constants, and whether the
        // last one only adds to it: otherwise what it leaves is not beside what the one before left.
        let mut last: [Option<u64>; 2] = [None, None];
        let mut only_adds = false;
        for (at, operator) in operators.into_iter().map_while(Result::ok).enumerate() {
            let mut constant = None;
            let adds = matches!(
                operator,
                Operator::I32Const { .. }
                    | Operator::I64Const { .. }
                    | Operator::LocalGet { .. }
                    | Operator::GlobalGet { .. }
            );
            match operator {
                Operator::I32Const { value } => constant = Some(u64::from(value as u32)),
                Operator::I64Const { value } => constant = Some(value as u64),
                Operator::LocalGet { local_index } => constant = locals.get(local_index),
                Operator::LocalSet { local_index } => locals.set(local_index, last[1], at),
                Operator::LocalTee { local_index } => {
                    constant = last[1];
                    locals.set(local_index, constant, at);
                }
                Operator::Block { .. }
                | Operator::If { .. }
                | Operator::TryTable { .. }
                | Operator::Try { .. } => locals.begin(None),
                Operator::Loop { .. } => locals.begin(Some(at)),
                Operator::Else | Operator::Catch { .. } | Operator::CatchAll => {
                    locals.end();
                    locals.begin(None);
                }
                Operator::End | Operator::Delegate { .. } => locals.end(),
                Operator::Call { function_index } => {
                    found.calls.insert(function_index);
                }
                Operator::ReturnCall { function_index } => {
                    found.calls.insert(function_index);
                    found.tail_calls.insert(function_index);
                }
                Operator::ReturnCallIndirect { .. } | Operator::ReturnCallRef { .. } => {
                    found.tail_calls_any = true;
                }
                Operator::RefFunc { function_index } => {
                    found.calls.insert(function_index);
                }
                Operator::GlobalGet { global_index } => {
                    found.globals.insert(global_index);
                }
                Operator::I32Load { memarg } | Operator::I64Load { memarg } => {
                    found.loaded.extend(fixed(&memarg, last[1]));
                }
                Operator::I32Store { memarg } | Operator::I64Store { memarg } if only_adds => {
                    found.stored.extend(fixed(&memarg, last[0]));
                }
                _ => {}
            }
            last = [last[1], constant];
            only_adds = adds;
        }
        found
    }
}

/// The address of an access, if it is the same each time. An offset alone says nothing: members of
/// structures may be far from their beginnings.
fn fixed(memarg: &MemArg, base: Option<u64>) -> Option<u64> {
    base.map(|base| base.wrapping_add(memarg.offset)).filter(|addr| *addr >= LEAST_ADDR)
}

/// Which locals hold constants. Compilers keep zero in a local and reach variables by the offsets
/// of accesses from there.
struct Locals {
    params: u32,
    known: HashMap<u32, Set>,
    /// Where each local is set last.
    last_set: HashMap<u32, usize>,
    /// The blocks that are open.
    blocks: Vec<Block>,
    /// How many blocks there were.
    serial: u32,
}

/// How a local was set last before the place that is read.
#[derive(Clone, Copy)]
struct Set {
    value: Option<u64>,
    at: usize,
    /// How many blocks were open, and the innermost one's number.
    depth: usize,
    block: u32,
}

#[derive(Clone, Copy)]
struct Block {
    number: u32,
    /// Where the innermost loop around its code begins.
    loop_at: Option<usize>,
}

impl Locals {
    fn new(body: &FunctionBody<'_>, params: u32) -> Option<Locals> {
        let operators = body.get_operators_reader().ok()?;
        let last_set = operators
            .into_iter()
            .map_while(Result::ok)
            .enumerate()
            .filter_map(|(at, operator)| match operator {
                Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => {
                    Some((local_index, at))
                }
                _ => None,
            })
            .collect();
        let function = Block { number: 0, loop_at: None };
        Some(Locals { params, known: HashMap::new(), last_set, blocks: vec![function], serial: 0 })
    }

    fn begin(&mut self, loop_at: Option<usize>) {
        self.serial += 1;
        let loop_at = loop_at.or_else(|| self.blocks.last()?.loop_at);
        self.blocks.push(Block { number: self.serial, loop_at });
    }

    fn end(&mut self) {
        self.blocks.pop();
    }

    fn set(&mut self, local: u32, value: Option<u64>, at: usize) {
        let Some(block) = self.blocks.last() else { return };
        let set = Set { value, at, depth: self.blocks.len(), block: block.number };
        self.known.insert(local, set);
    }

    /// What the local is, if it is the same whichever way the code was reached.
    fn get(&self, local: u32) -> Option<u64> {
        let set = match self.known.get(&local) {
            Some(set) => *set,
            None if local >= self.params => Set { value: Some(0), at: 0, depth: 1, block: 0 },
            None => return None,
        };
        let is_around = self.blocks.get(set.depth - 1).is_some_and(|it| it.number == set.block);
        // The code of a loop is also reached from its end, after what is set further on.
        let set_later = self.last_set.get(&local).is_some_and(|last| *last > set.at);
        let loop_at = self.blocks.last()?.loop_at;
        let is_lasting = !set_later || loop_at.is_none_or(|loop_at| loop_at < set.at);
        set.value.filter(|_| is_around && is_lasting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::{Parser, Payload};

    /// The fixed addresses that a function with one parameter and three more locals loads from.
    fn loaded(code: &str) -> Vec<u64> {
        read(code).loaded.into_iter().collect()
    }

    fn read(code: &str) -> Body {
        let text = format!("(module (memory 1) (func (param i32) (local i32 i32 i32) {code}))");
        let binary = wat::parse_str(text).unwrap();
        let body = Parser::new(0).parse_all(&binary).find_map(|payload| match payload.unwrap() {
            Payload::CodeSectionEntry(body) => Some(Body::read(&body, 1)),
            _ => None,
        });
        body.unwrap()
    }

    #[test]
    fn a_part_of_a_value_is_not_the_address_of_a_store() {
        let stored = |code: &str| read(code).stored.into_iter().collect::<Vec<_>>();
        assert_eq!(stored("(i32.store offset=2048 (i32.const 0) (local.get 0))"), [2048]);
        let sum = "(i32.add (local.tee 0 (i32.load (local.get 0))) (i32.const 16))";
        assert_eq!(stored(&format!("(i32.store offset=2048 (i32.const 0) {sum})")), [] as [u64; 0]);
        let kept = "(local.tee 0 (i32.const 16))";
        assert_eq!(
            stored(&format!("(i32.store offset=2048 (i32.const 0) {kept})")),
            [] as [u64; 0]
        );
    }

    #[test]
    fn constants_and_locals_that_hold_them_are_fixed_addresses() {
        assert_eq!(loaded("(drop (i32.load offset=8 (i32.const 2048)))"), [2056]);
        assert_eq!(loaded("(drop (i32.load offset=2048 (local.get 1)))"), [2048]);
        let set = "(local.set 0 (i32.const 16))";
        assert_eq!(loaded(&format!("{set} (drop (i32.load offset=2048 (local.get 0)))")), [2064]);
        let inside = "(loop (block (drop (i32.load offset=2048 (local.get 0)))))";
        assert_eq!(loaded(&format!("{set} {inside}")), [2064]);
        let again = "(loop (local.set 1 (i32.const 0)) (drop (i32.load offset=2048 (local.get 1)))
            (local.set 1 (local.get 0)))";
        assert_eq!(loaded(again), [2048]);
    }

    #[test]
    fn members_of_structures_are_not_fixed_addresses() {
        for code in [
            "(drop (i32.load offset=2048 (local.get 0)))",
            "(local.set 1 (local.get 0)) (drop (i32.load offset=2048 (local.get 1)))",
            // The next time, the local is something else.
            "(loop (drop (i32.load offset=2048 (local.get 1))) (local.set 1 (local.get 0)))",
            "(local.set 1 (i32.const 0)) (loop (drop (i32.load offset=2048 (local.get 1)))
                (local.set 1 (local.get 0)))",
            // Only one of the ways sets it to a constant.
            "(if (local.get 0) (then (local.set 0 (i32.const 0))))
                (drop (i32.load offset=2048 (local.get 0)))",
            "(if (local.get 0) (then (local.set 1 (i32.const 0)))
                (else (drop (i32.load offset=2048 (local.get 0)))))",
        ] {
            assert_eq!(loaded(code), [] as [u64; 0], "{code}");
        }
    }
}
