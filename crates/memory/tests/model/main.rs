//! Random sequences of operations on two memories, against a model that is plain vectors and
//! arithmetic that cannot overflow. After each operation all bytes must agree, so one that
//! fails must have changed nothing.

#[path = "../common/mod.rs"]
mod common;
mod kind;
mod machine;
mod memory;
mod numbers;
mod operation;
mod reference;

use proptest::prelude::*;

use self::machine::Machine;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn operations_agree_with_the_model(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
        Machine::run_all(&bytes);
    }
}
