//! The scan of bodies before their translation: what the translator must know ahead of time.
//!
//! A function that is translated right after it was validated is scanned during validation; one that
//! is translated later is read for it once more.

use lineal_decoder::{BodyVisitor, visit_operator};
use wasmparser::{FrameKind, FrameStack, FunctionBody, VisitOperator};

use super::effect::{Effect, effects};
use super::pins::PinPlan;
use super::steps;

/// What the scan of a function found out.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(super) pins: PinPlan,
    finder: Finder,
    /// How many of the store addresses the translator has passed.
    passed: usize,
    /// Where in the binary the operator that is being scanned is.
    offset: u32,
}

impl Scan {
    /// Scans a function of that binary.
    pub(super) fn read(
        &mut self,
        binary: &[u8],
        body: &FunctionBody<'_>,
    ) -> wasmparser::Result<()> {
        self.begin();
        let mut reader = body.get_binary_reader_for_operators()?;
        while !reader.eof() {
            self.offset = reader.original_position() as u32;
            visit_operator(&mut reader, binary, self)?;
        }
        self.end();
        Ok(())
    }

    /// Forgets the function.
    pub(super) fn clear(&mut self) {
        self.pins.clear();
        self.finder.clear();
    }

    /// How many items of whatever there are most of there is room for.
    pub(super) fn capacity(&self) -> usize {
        self.finder.found.capacity().max(self.pins.capacity())
    }

    /// The translation of the function begins, maybe once more.
    pub(super) fn begin_use(&mut self) {
        self.passed = 0;
    }

    /// Whether the addition at an offset makes the address of a store; asked in ascending order.
    pub(super) fn is_store_address(&mut self, offset: u32) -> bool {
        let found = &self.finder.found;
        while found.get(self.passed).is_some_and(|&other| other < offset) {
            steps::count(1);
            self.passed += 1;
        }
        found.get(self.passed) == Some(&offset)
    }
}

impl BodyVisitor for Scan {
    fn begin(&mut self) {
        self.clear();
        self.pins.begin_function();
    }

    fn at(&mut self, offset: u32) {
        self.offset = offset;
    }

    fn end(&mut self) {
        self.finder.found.sort_unstable();
    }
}

/// An addition whose use is not known yet.
#[derive(Debug)]
struct Candidate {
    offset: u32,
    /// How high the operand stack was with its result, counted from the first candidate's.
    height: u32,
}

/// Finds the additions of a local and a constant or another local that make the address of a
/// store whose value is computed in between.
#[derive(Debug, Default)]
struct Finder {
    candidates: Vec<Candidate>,
    height: u32,
    /// Which of the last operators in a row were of a local or a constant: the last is bit 0.
    simple: u32,
    /// Where in the binary the additions are; in the end, ascending.
    found: Vec<u32>,
}

impl Finder {
    fn clear(&mut self) {
        self.candidates.clear();
        self.simple = 0;
        self.found.clear();
    }

    /// A local or a constant is pushed.
    fn simple(&mut self) {
        self.simple = self.simple << 1 | 1;
        self.height += 1;
    }

    /// `i32.add`
    fn add(&mut self, offset: u32) {
        let of_simple = self.simple & 3 == 3;
        self.arity(2, 1);
        if of_simple {
            if self.candidates.is_empty() {
                self.height = 1;
            }
            self.candidates.push(Candidate { offset, height: self.height });
        }
    }

    /// Any operator that takes and pushes so many operands: what takes two and pushes none is
    /// a store, or as good as one.
    fn arity(&mut self, pops: u32, pushes: u32) {
        self.simple = 0;
        if self.candidates.is_empty() {
            return;
        }
        while let Some(candidate) = self.candidates.pop_if(|last| last.height + pops > self.height)
        {
            steps::count(1);
            if (pops, pushes) == (2, 0) && candidate.height + 1 == self.height {
                self.found.push(candidate.offset);
            }
        }
        // Below the first candidate, heights are unknown and do not matter.
        self.height = self.height.saturating_sub(pops) + pushes;
    }

    /// Any other operator.
    fn other(&mut self) {
        self.simple = 0;
        self.candidates.clear();
    }
}

/// What a scan makes of an operator.
macro_rules! visit {
    ($v:ident LocalGet { $local:ident } $($_:tt)*) => {{
        $v.pins.count_use($local);
        $v.finder.simple();
    }};
    ($v:ident LocalSet { $local:ident } $($_:tt)*) => {{
        $v.pins.count_use($local);
        $v.finder.arity(1, 0);
    }};
    ($v:ident LocalTee { $local:ident } $($_:tt)*) => {{
        $v.pins.count_use($local);
        $v.finder.arity(1, 1);
    }};
    ($v:ident I32Const $($_:tt)*) => {
        $v.finder.simple()
    };
    ($v:ident I32Add $($_:tt)*) => {
        $v.finder.add($v.offset)
    };
    // All others: by what they do, or how many operands they take and push.
    ($v:ident $op:ident $({ $($arg:ident)* })?
        (arity $(memarg)? $pops:literal -> $pushes:literal)) => {
        $v.operator(effects::$op, Some(($pops, $pushes)))
    };
    ($v:ident $op:ident $($_:tt)*) => {
        $v.operator(effects::$op, None)
    };
}

impl Scan {
    /// An operator with an effect, and how many operands it takes and pushes if that is fixed.
    #[inline(always)]
    fn operator(&mut self, effect: Effect, arity: Option<(u32, u32)>) {
        match effect {
            Effect::Loop => self.pins.begin_loop(),
            Effect::Block | Effect::If => self.pins.begin_block(),
            Effect::TryTable => {
                self.pins.lose_head();
                self.pins.begin_block();
            }
            Effect::End => self.pins.end_block(),
            Effect::Call | Effect::Throw => self.pins.lose_head(),
            Effect::Plain | Effect::Free | Effect::Else | Effect::Unsupported => {}
            Effect::Br | Effect::BrIf | Effect::BrTable => {}
            Effect::Return | Effect::TailCall | Effect::Trap => {}
        }
        match arity {
            Some((pops, pushes)) if effect != Effect::Throw => self.finder.arity(pops, pushes),
            _ => self.finder.other(),
        }
    }
}

macro_rules! define_visits {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident $ann:tt)*) => {$(
        #[allow(unused_variables)]
        fn $visit(&mut self $($(, $arg: $ty)*)?) {
            let v = self;
            visit!(v $op $({ $($arg)* })? $ann);
        }
    )*};
}

impl<'a> VisitOperator<'a> for Scan {
    type Output = ();

    #[cfg(feature = "simd")]
    fn simd_visitor(&mut self) -> Option<&mut dyn wasmparser::VisitSimdOperator<'a, Output = ()>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(define_visits);
}

#[cfg(feature = "simd")]
impl<'a> wasmparser::VisitSimdOperator<'a> for Scan {
    wasmparser::for_each_visit_simd_operator!(define_visits);
}

impl FrameStack for Scan {
    /// The parser asks so that it can refuse an `else` outside of an `if`. Validation did that.
    fn current_frame(&self) -> Option<FrameKind> {
        Some(FrameKind::If)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The offsets, counted from the first operator, of the additions found in a function.
    fn found(body: &str) -> Vec<u32> {
        let wat = format!("(module (memory 1) (func (param i32) {body}))");
        let bytes = wat::parse_str(wat).expect("text");
        let mut scan = Scan::default();
        for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
            if let Ok(wasmparser::Payload::CodeSectionEntry(body)) = payload {
                let first = body.get_operators_reader().expect("operators").original_position();
                scan.read(&bytes, &body).expect("valid");
                return scan.finder.found.iter().map(|at| at - first as u32).collect();
            }
        }
        unreachable!("the module has a function")
    }

    #[test]
    fn an_address_before_a_computed_value_is_found() {
        let store = "(i32.store (i32.add (local.get 0) (i32.const 4)) (i32.load (local.get 0)))";
        assert_eq!(found(store), [4]);
    }

    #[test]
    fn an_addition_in_a_value_is_not() {
        let value = "(i32.xor (i32.add (local.get 0) (local.get 0)) (local.get 0))";
        assert_eq!(found(&format!("(i32.store (local.get 0) {value})")), [0; 0]);
    }

    #[test]
    fn nested_addresses_are_both_found() {
        let address = "(i32.add (local.get 0) (i32.const 4))";
        let inner = format!("(i32.store {address} (local.get 0))");
        assert_eq!(found(&format!("{address} {inner} (i32.store (local.get 0))")), [4, 9]);
    }
}
