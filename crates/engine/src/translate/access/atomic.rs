//! Translates atomic operations: their operands go to their own slots, where the handler finds
//! them. The two instructions of each width get the same handler; see [`crate::op::access::atomic`].

use lineal_memory::AddressType;
use wasmparser::MemArg;

use super::memory_of;
use crate::exec::access::atomic::AtomicOp;
use crate::exec::access::observed::ObservedAtomic;
use crate::machine::{Bank, handler};
use crate::translate::Translator;
use crate::translate::emit::Fields;
use crate::translate::stack::Value;

use crate::op::access::atomic::{
    Add, And, AtomicLoad, AtomicStore, CompareExchange, Notify, Observable, Or, ReadModifyWrite,
    Sub, Wait32, Wait64, Xchg, Xor,
};

/// Methods named as the operators of the threads proposal: rows of `operation: operators of each
/// width`.
macro_rules! operators {
    ($(
        $operation:ident$(<$kind:ident>)?:
            $($narrow8:ident)|+, $($narrow16:ident)|+, $($narrow32:ident)|+, $wide:ident;
    )*) => {
        #[expect(non_snake_case, reason = "the names are those of the operators")]
        impl Translator<'_> {
            $(
                operators! { @of $operation<u8 $(, $kind)?>: $($narrow8)+ }
                operators! { @of $operation<u16 $(, $kind)?>: $($narrow16)+ }
                operators! { @of $operation<u32 $(, $kind)?>: $($narrow32)+ }
                operators! { @of $operation<u64 $(, $kind)?>: $wide }
            )*
            operators! { @of Wait32: MemoryAtomicWait32 }
            operators! { @of Wait64: MemoryAtomicWait64 }
            operators! { @of Notify: MemoryAtomicNotify }
        }
    };
    (@of $operation:ty: $($operator:ident)+) => {$(
        pub(in crate::translate) fn $operator(&mut self, memarg: MemArg) {
            self.atomic::<$operation>(memarg);
        }
    )+};
}

operators! {
    AtomicLoad: I32AtomicLoad8U | I64AtomicLoad8U, I32AtomicLoad16U | I64AtomicLoad16U,
        I32AtomicLoad | I64AtomicLoad32U, I64AtomicLoad;
    AtomicStore: I32AtomicStore8 | I64AtomicStore8, I32AtomicStore16 | I64AtomicStore16,
        I32AtomicStore | I64AtomicStore32, I64AtomicStore;
    ReadModifyWrite<Add>: I32AtomicRmw8AddU | I64AtomicRmw8AddU,
        I32AtomicRmw16AddU | I64AtomicRmw16AddU,
        I32AtomicRmwAdd | I64AtomicRmw32AddU, I64AtomicRmwAdd;
    ReadModifyWrite<Sub>: I32AtomicRmw8SubU | I64AtomicRmw8SubU,
        I32AtomicRmw16SubU | I64AtomicRmw16SubU,
        I32AtomicRmwSub | I64AtomicRmw32SubU, I64AtomicRmwSub;
    ReadModifyWrite<And>: I32AtomicRmw8AndU | I64AtomicRmw8AndU,
        I32AtomicRmw16AndU | I64AtomicRmw16AndU,
        I32AtomicRmwAnd | I64AtomicRmw32AndU, I64AtomicRmwAnd;
    ReadModifyWrite<Or>: I32AtomicRmw8OrU | I64AtomicRmw8OrU,
        I32AtomicRmw16OrU | I64AtomicRmw16OrU,
        I32AtomicRmwOr | I64AtomicRmw32OrU, I64AtomicRmwOr;
    ReadModifyWrite<Xor>: I32AtomicRmw8XorU | I64AtomicRmw8XorU,
        I32AtomicRmw16XorU | I64AtomicRmw16XorU,
        I32AtomicRmwXor | I64AtomicRmw32XorU, I64AtomicRmwXor;
    ReadModifyWrite<Xchg>: I32AtomicRmw8XchgU | I64AtomicRmw8XchgU,
        I32AtomicRmw16XchgU | I64AtomicRmw16XchgU,
        I32AtomicRmwXchg | I64AtomicRmw32XchgU, I64AtomicRmwXchg;
    CompareExchange: I32AtomicRmw8CmpxchgU | I64AtomicRmw8CmpxchgU,
        I32AtomicRmw16CmpxchgU | I64AtomicRmw16CmpxchgU,
        I32AtomicRmwCmpxchg | I64AtomicRmw32CmpxchgU, I64AtomicRmwCmpxchg;
}

impl Translator<'_> {
    fn atomic<O: Observable>(&mut self, memarg: MemArg) {
        let memory = memory_of(memarg);
        let slot = self.take_in_slots(1 + O::OPERANDS as u32);
        let is_observed = self.observe_here(self.function.options.watched.writes());
        self.buffers.emit.site();
        let handler = match (self.memory_address_type(memory), is_observed) {
            (AddressType::I32, false) => handler::<AtomicOp<O, u32>>(),
            (AddressType::I64, false) => handler::<AtomicOp<O, u64>>(),
            (AddressType::I32, true) => handler::<ObservedAtomic<O, u32>>(),
            (AddressType::I64, true) => handler::<ObservedAtomic<O, u64>>(),
        };
        let fields = Fields { b: memory, wide: Some(memarg.offset), ..Fields::default() };
        self.buffers.emit.cell(handler, fields);
        self.buffers.emit.granule(u64::from(slot));
        if O::RESULT {
            self.buffers.stack.push(Value::Temp, Bank::Int);
        }
    }
}
