//! Random sequences of operations on two memories, against a model that is plain vectors and
//! arithmetic that cannot overflow. After each operation all bytes must agree, so one that
//! fails must have changed nothing.

#[path = "../common/mod.rs"]
mod common;
mod kind;
mod machine;
mod memory;
mod operation;
mod reference;

use proptest::prelude::*;

use self::kind::kind;
use self::machine::Machine;
use self::operation::operation;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn operations_agree_with_the_model(
        kinds in [kind(), kind()],
        operations in proptest::collection::vec((0..2_usize, operation()), 1..100),
    ) {
        let mut machine = Machine::new(&kinds);
        machine.check();
        for (number, operation) in &operations {
            machine.run(*number, operation);
            machine.check();
        }
    }
}
