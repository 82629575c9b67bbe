//! Translates tests, casts and branches on what a reference stands for.

use std::marker::PhantomData;

use lineal_decoder::HeapType;

use crate::exec::gc::cast::{
    AnyArray, AnyFunc, AnyStruct, AtMost, CastBr, Exactly, I31, Kind, RefCast, RefTest,
};
use crate::exec::gc::{self, CastTo, TestForBranch};
use crate::machine::operand::Src;
use crate::machine::{Handler, handler};
use crate::translate::Translator;
use crate::translate::emit::Fields;
use crate::translate::scalar::Jump;
use crate::translate::stack::Operand;
use crate::translate::tables::{Dests, Source, Sources, dests, sources, table};

table! {
    /// What a cast or a test is to, if it has handlers in line.
    KindClass, Kinds, kinds:
    ThisStruct this_struct: Exactly<AnyStruct>;
    ThisArray this_array: Exactly<AnyArray>;
    ThisFunc this_func: Exactly<AnyFunc>;
    SubStruct sub_struct: AtMost<AnyStruct>;
    SubArray sub_array: AtMost<AnyArray>;
    SubFunc sub_func: AtMost<AnyFunc>;
    Struct any_struct: AnyStruct;
    Array any_array: AnyArray;
    Integer integer: I31;
}

/// The handlers of a test, a cast and branches, by where the reference is.
#[derive(Clone, Copy, Debug)]
struct Casts {
    test: Sources<Dests>,
    cast: Sources<Handler>,
    branch_if: Sources<Handler>,
    branch_unless: Sources<Handler>,
}

/// Handlers of a kind.
struct CastTable<K, const NULL: bool>(PhantomData<K>);

impl<K: Kind, const NULL: bool> CastTable<K, NULL> {
    const fn test<S: Src<u64>>() -> Dests {
        dests!(RefTest<K, NULL, S>)
    }

    const fn cast<S: Src<u64>>() -> Handler {
        handler::<RefCast<K, NULL, S>>()
    }

    const fn branch_if<S: Src<u64>>() -> Handler {
        handler::<CastBr<K, NULL, true, S>>()
    }

    const fn branch_unless<S: Src<u64>>() -> Handler {
        handler::<CastBr<K, NULL, false, S>>()
    }

    const CASTS: &'static Casts = &Casts {
        test: sources!(test),
        cast: sources!(cast),
        branch_if: sources!(branch_if),
        branch_unless: sources!(branch_unless),
    };
}

/// Handlers by kind.
struct KindTable<const NULL: bool>;

impl<const NULL: bool> KindTable<NULL> {
    const fn kind<K: Kind>() -> &'static Casts {
        CastTable::<K, NULL>::CASTS
    }

    const KINDS: &'static Kinds<&'static Casts> = &self::kinds!(kind);
}

/// A cast, test or branch in line: its handlers, and granule 2.
struct InLine {
    casts: &'static Casts,
    wide: u64,
}

impl InLine {
    fn branch(&self, source: Source, a: u16) -> Jump {
        Jump {
            if_true: *self.casts.branch_if.at(source),
            if_false: *self.casts.branch_unless.at(source),
            fields: Fields { a, wide: Some(self.wide), ..Fields::default() },
        }
    }
}

impl Translator<'_> {
    /// What a cast is to, by the parser's type.
    fn cast_to(&self, nullable: bool, ty: wasmparser::HeapType) -> CastTo {
        let heap = self.parts.heap_type(ty).map_index(|index| self.module.type_index(index));
        CastTo { nullable, heap }
    }

    /// How a cast is made in line, if it can be.
    fn in_line(&self, to: CastTo) -> Option<InLine> {
        let plain = |class| Some((class, 0));
        let defined = |this, sub| {
            let index = to.heap.concrete()?;
            let (depth, has_subtypes) = self.module.engine.types().depth(index);
            let wide = u64::from(index.0) | (depth as u64) << 32;
            Some((if has_subtypes { sub } else { this }, wide))
        };
        let (class, wide) = match to.heap {
            HeapType::ConcreteStruct(_) => defined(KindClass::ThisStruct, KindClass::SubStruct),
            HeapType::ConcreteArray(_) => defined(KindClass::ThisArray, KindClass::SubArray),
            HeapType::ConcreteFunc(_) => defined(KindClass::ThisFunc, KindClass::SubFunc),
            HeapType::Struct => plain(KindClass::Struct),
            HeapType::Array => plain(KindClass::Array),
            HeapType::I31 => plain(KindClass::Integer),
            _ => None,
        }?;
        let kinds = match to.nullable {
            true => KindTable::<true>::KINDS,
            false => KindTable::<false>::KINDS,
        };
        Some(InLine { casts: kinds.at(class), wide })
    }

    pub(in crate::translate) fn ref_test(&mut self, nullable: bool, ty: wasmparser::HeapType) {
        let to = self.cast_to(nullable, ty);
        let Some(test) = self.in_line(to) else {
            let (first, second) = to.to_immediates();
            self.slow::<gc::RefTest>(first, second);
            self.push_temp(lineal_decoder::ValType::I32);
            return;
        };
        let (source, a) = self.pop_source(1);
        let jump = test.branch(source, a);
        self.define_condition(test.casts.test.at(source), jump);
    }

    pub(in crate::translate) fn ref_cast(&mut self, nullable: bool, ty: wasmparser::HeapType) {
        let to = self.cast_to(nullable, ty);
        let Some(cast) = self.in_line(to) else {
            let (first, second) = to.to_immediates();
            self.slow::<gc::RefCast>(first, second);
            self.push_temp(super::ANY_REF);
            return;
        };
        // What the entry is stays true; the check only comes before whatever uses it.
        let (source, a) = self.peek_source();
        self.buffers.emit.site();
        let fields = Fields { a, wide: Some(cast.wide), ..Fields::default() };
        self.buffers.emit.cell(*cast.casts.cast.at(source), fields);
    }

    /// Where the reference on top is, which stays there.
    fn peek_source(&mut self) -> (Source, u16) {
        let top = self.buffers.stack.height() - 1;
        if let (Operand::Const(_), _) = self.peek_operand(top) {
            self.materialise_top(1);
        }
        let (operand, _) = self.peek_operand(top);
        let a = match operand {
            Operand::Slot(slot) => self.reach(slot as u32, 1),
            Operand::Acc | Operand::Pin | Operand::Const(_) => 0,
        };
        (Source::of(operand), a)
    }

    /// Branches if the reference on top is of a type, or if it is not; it stays on top.
    pub(in crate::translate) fn br_on_cast(
        &mut self,
        depth: u32,
        to: wasmparser::RefType,
        if_it_is: bool,
    ) {
        let target = self.target(depth);
        if self.function.far_frame {
            // Materialising later would need the scratch slot of the condition.
            self.materialise_top(self.arity(target));
        }
        let to = self.cast_to(to.is_nullable(), to.heap_type());
        let Jump { if_true, if_false, fields } = match self.in_line(to) {
            Some(test) => {
                let (source, a) = self.peek_source();
                test.branch(source, a)
            }
            None => self.test_out_of_line(to),
        };
        let jump = match if_it_is {
            true => Jump { if_true, if_false, fields },
            false => Jump { if_true: if_false, if_false: if_true, fields },
        };
        self.branch_if(target, jump);
    }

    /// A branch on whether the reference on top belongs to a type.
    fn test_out_of_line(&mut self, to: CastTo) -> Jump {
        let (first, second) = to.to_immediates();
        self.slow::<TestForBranch>(first, second);
        self.push_temp(super::ANY_REF);
        let result = self.temp_slot(self.buffers.stack.height());
        let Jump { if_true, if_false, fields } = self.test_slot(result);
        Jump { if_true: if_false, if_false: if_true, fields }
    }
}
