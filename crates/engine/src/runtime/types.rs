//! The types of an engine: each defined type once, with a number of its own.
//!
//! A module's types come in recursive groups, and a group is looked up as a whole. In a group,
//! references to its own types count from its start, and all others are numbers of the engine: so two
//! groups are equal if they are written the same. Equal types therefore have equal numbers. Types are
//! never removed.
//!
//! To decide whether one type is a subtype of another takes one look into its list of supertypes, at
//! the depth of the other type.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Result, ensure};
use lineal_decoder::{
    CompositeType, FieldType, FuncType, HeapType, RefType, StorageType, SubType, TypeIndex, ValType,
};

use super::object::Storage;

/// A defined type; types in it are canonical.
#[derive(Debug)]
pub(crate) struct TypeDef {
    pub(crate) ty: SubType,
    /// The supertypes from the topmost one to the type itself.
    ancestry: Box<[TypeIndex]>,
}

/// All types of an engine.
#[derive(Debug, Default)]
pub(crate) struct TypeRegistry {
    defs: AppendOnly<TypeDef>,
    groups: Mutex<Groups>,
}

#[derive(Debug, Default)]
struct Groups {
    /// The first number of each group, by what it looks like.
    first: HashMap<Box<[SubType]>, u32>,
    count: u32,
}

/// In the key of a group, marks a number as counted from the group's start.
const IN_GROUP: u32 = 1 << 31;

impl TypeRegistry {
    /// The numbers of a module's types, which come in groups with the given ends.
    pub(crate) fn register(&self, types: &[SubType], group_ends: &[u32]) -> Box<[TypeIndex]> {
        let mut canonical: Vec<TypeIndex> = Vec::with_capacity(types.len());
        for &end in group_ends {
            let start = canonical.len() as u32;
            let group = self.register_group(&types[start as usize..end as usize], |index| {
                match index.0.checked_sub(start) {
                    Some(in_group) => TypeIndex(in_group | IN_GROUP),
                    None => canonical[index.0 as usize],
                }
            });
            canonical.extend(group.map(TypeIndex));
        }
        canonical.into()
    }

    /// The number of a type that refers only to registered ones.
    ///
    /// # Errors
    ///
    /// If it does not match its supertype.
    ///
    /// # Panics
    ///
    /// If it refers to a type that is not registered.
    pub(crate) fn register_one(&self, ty: &SubType) -> Result<TypeIndex> {
        if let Some(index) = ty.supertype {
            let supertype = &self.def(index).ty;
            ensure!(!supertype.is_final, "cannot create a subtype of a final supertype");
            let matches = self.is_sub_composite(&ty.composite, &supertype.composite);
            ensure!(matches, "the type does not match the supertype that is declared for it");
        }
        Ok(self.register_plain(ty))
    }

    /// The same for a type without a supertype, or one that is known to match.
    pub(crate) fn register_plain(&self, ty: &SubType) -> TypeIndex {
        let check = |index: TypeIndex| {
            assert!(self.get(index).is_some(), "type {index} is not one of the engine's");
            index
        };
        TypeIndex(self.register_group(std::slice::from_ref(ty), check).start)
    }

    fn register_group(
        &self,
        group: &[SubType],
        key_index: impl Fn(TypeIndex) -> TypeIndex,
    ) -> Range<u32> {
        let key: Box<[SubType]> = group.iter().map(|ty| ty.map_index(&key_index)).collect();
        let count = group.len() as u32;
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let groups = &mut *groups;
        let entry = match groups.first.entry(key) {
            Entry::Occupied(entry) => return *entry.get()..*entry.get() + count,
            Entry::Vacant(entry) => entry,
        };
        let first = groups.count;
        for (ty, at) in entry.key().iter().zip(first..) {
            let ty = ty.map_index(|index| match index.0 & IN_GROUP {
                0 => index,
                _ => TypeIndex(first + (index.0 & !IN_GROUP)),
            });
            // A supertype comes before its subtypes, in a group too.
            let above = ty.supertype.map_or(&[][..], |index| &self.def(index).ancestry);
            let ancestry = above.iter().copied().chain([TypeIndex(at)]).collect();
            self.defs.set(at, TypeDef { ty, ancestry });
        }
        groups.count += count;
        entry.insert(first);
        first..first + count
    }

    /// The type with a number, if there is one.
    #[inline(always)]
    pub(crate) fn get(&self, index: TypeIndex) -> Option<&TypeDef> {
        self.defs.get(index.0)
    }

    /// The type with a number.
    ///
    /// # Panics
    ///
    /// If there is none: the number is not one of the engine's.
    pub(crate) fn def(&self, index: TypeIndex) -> &TypeDef {
        self.get(index).unwrap_or_else(|| panic!("type {index} is not one of the engine's"))
    }

    /// The function type with a number.
    ///
    /// # Panics
    ///
    /// If the number is not that of a function type of the engine.
    pub(crate) fn func(&self, index: TypeIndex) -> &FuncType {
        self.def(index).ty.as_func().expect("the number is that of a function type")
    }

    /// How the elements of the array type with a number are stored.
    ///
    /// # Panics
    ///
    /// If the number is not that of an array type of the engine.
    pub(crate) fn array_storage(&self, index: TypeIndex) -> Storage {
        let array = self.def(index).ty.as_array().expect("the number is that of an array type");
        Storage::of(array.field().storage)
    }

    /// How the fields of the structure type with a number are stored.
    ///
    /// # Panics
    ///
    /// If the number is not that of a structure type of the engine.
    pub(crate) fn field_storages(&self, index: TypeIndex) -> Vec<Storage> {
        let ty = self.def(index).ty.as_struct().expect("the number is that of a structure type");
        ty.fields().iter().map(|field| Storage::of(field.storage)).collect()
    }

    /// Whether one defined type is another, or a subtype of it.
    pub(crate) fn is_sub_index(&self, sub: TypeIndex, sup: TypeIndex) -> bool {
        self.get(sup).is_some_and(|def| self.is_at_most(sub, sup, def.ancestry.len() - 1))
    }

    /// How many supertypes a type has, and whether it may have subtypes.
    pub(crate) fn depth(&self, index: TypeIndex) -> (usize, bool) {
        let def = self.def(index);
        (def.ancestry.len() - 1, !def.ty.is_final)
    }

    /// [`Self::is_sub_index`] of a type that is `depth` below the topmost one, for handlers.
    #[inline(always)]
    pub(crate) fn is_at_most(&self, sub: TypeIndex, sup: TypeIndex, depth: usize) -> bool {
        sub == sup || self.get(sub).and_then(|def| def.ancestry.get(depth)) == Some(&sup)
    }

    /// Whether one composite type matches another.
    fn is_sub_composite(&self, sub: &CompositeType, sup: &CompositeType) -> bool {
        use CompositeType as C;
        let all = |subs: &[ValType], sups: &[ValType]| {
            let mut pairs = subs.iter().zip(sups);
            subs.len() == sups.len() && pairs.all(|(&sub, &sup)| self.is_subtype(sub, sup))
        };
        match (sub, sup) {
            (C::Func(sub), C::Func(sup)) => {
                all(sup.params(), sub.params()) && all(sub.results(), sup.results())
            }
            (C::Struct(sub), C::Struct(sup)) => {
                let mut pairs = sub.fields().iter().zip(sup.fields());
                sub.fields().len() >= sup.fields().len()
                    && pairs.all(|(&sub, &sup)| self.is_sub_field(sub, sup))
            }
            (C::Array(sub), C::Array(sup)) => self.is_sub_field(sub.field(), sup.field()),
            _ => false,
        }
    }

    /// Whether a field of one type may stand where another is expected.
    pub(crate) fn is_sub_field(&self, sub: FieldType, sup: FieldType) -> bool {
        match (sub.storage, sup.storage) {
            (StorageType::ValType(from), StorageType::ValType(to)) if !sub.mutable => {
                !sup.mutable && self.is_subtype(from, to)
            }
            _ => sub == sup,
        }
    }

    /// Whether what one heap type stands for belongs to another.
    pub(crate) fn is_sub_heap(&self, sub: HeapType, sup: HeapType) -> bool {
        use HeapType as H;
        match (sub, sup) {
            _ if sub == sup => true,
            (H::None | H::NoFunc | H::NoExtern | H::NoExn, _) => sub.top() == sup.top(),
            (H::ConcreteFunc(sub), H::ConcreteFunc(sup))
            | (H::ConcreteStruct(sub), H::ConcreteStruct(sup))
            | (H::ConcreteArray(sub), H::ConcreteArray(sup)) => self.is_sub_index(sub, sup),
            (H::ConcreteFunc(_), H::Func) => true,
            (H::ConcreteStruct(_), H::Struct) | (H::ConcreteArray(_), H::Array) => true,
            (H::Eq, H::Any) => true,
            (H::I31 | H::Struct | H::Array, H::Eq | H::Any) => true,
            (H::ConcreteStruct(_) | H::ConcreteArray(_), H::Eq | H::Any) => true,
            _ => false,
        }
    }

    /// Whether references of one type may be used where another is expected.
    pub(crate) fn is_sub_ref(&self, sub: RefType, sup: RefType) -> bool {
        (sup.nullable || !sub.nullable) && self.is_sub_heap(sub.heap, sup.heap)
    }

    /// Whether values of one type may be used where another is expected.
    pub(crate) fn is_subtype(&self, sub: ValType, sup: ValType) -> bool {
        match (sub, sup) {
            (ValType::Ref(sub), ValType::Ref(sup)) => self.is_sub_ref(sub, sup),
            _ => sub == sup,
        }
    }
}

/// Values by number, at addresses that never change: reading takes no lock.
#[derive(Debug)]
struct AppendOnly<T> {
    /// Each is twice as long as the one before; the first has one.
    chunks: [OnceLock<Box<[OnceLock<T>]>>; 31],
}

impl<T> Default for AppendOnly<T> {
    fn default() -> AppendOnly<T> {
        AppendOnly { chunks: [const { OnceLock::new() }; 31] }
    }
}

impl<T> AppendOnly<T> {
    /// The chunk of a number, and the place in it.
    #[inline(always)]
    fn place(index: u32) -> (usize, usize) {
        let chunk = (index + 1).ilog2();
        (chunk as usize, (index + 1 - (1 << chunk)) as usize)
    }

    #[inline(always)]
    fn get(&self, index: u32) -> Option<&T> {
        // Numbers with the mark are no types'.
        let (chunk, at) = Self::place((index & IN_GROUP == 0).then_some(index)?);
        self.chunks.get(chunk)?.get()?.get(at)?.get()
    }

    /// Sets the value of a number that has none.
    fn set(&self, index: u32, value: T) {
        let (chunk, at) = Self::place(index);
        let chunk = self.chunks[chunk]
            .get_or_init(|| std::iter::repeat_with(OnceLock::new).take(1 << chunk).collect());
        assert!(chunk[at].set(value).is_ok(), "a number is given once");
    }
}

#[cfg(test)]
mod tests {
    use lineal_decoder::StructType;

    use super::*;

    fn unary(ty: ValType) -> SubType {
        FuncType::new([ty], []).into()
    }

    fn ref_to(index: u32) -> ValType {
        let heap = HeapType::ConcreteStruct(TypeIndex(index));
        ValType::Ref(RefType { nullable: true, heap })
    }

    /// An open structure type of one field.
    fn node(field: ValType, supertype: Option<u32>) -> SubType {
        let field = FieldType { storage: StorageType::ValType(field), mutable: false };
        SubType {
            is_final: false,
            supertype: supertype.map(TypeIndex),
            ..StructType::new([field]).into()
        }
    }

    #[test]
    fn equal_types_have_equal_numbers() {
        let types = TypeRegistry::default();
        let first = types.register_plain(&unary(ValType::I32));
        assert_eq!(types.register_plain(&unary(ValType::I32)), first);
        assert_ne!(types.register_plain(&unary(ValType::I64)), first);
        assert_ne!(types.register_plain(&FuncType::new([], [ValType::I32]).into()), first);
    }

    #[test]
    fn recursive_groups_are_equal_as_a_whole() {
        let types = TypeRegistry::default();
        // The same two types that refer to each other, behind different ones.
        let a = types.register(&[node(ref_to(1), None), node(ref_to(0), None)], &[2]);
        let b = types.register(
            &[unary(ValType::I32), node(ref_to(2), None), node(ref_to(1), None)],
            &[1, 3],
        );
        assert_eq!(a[..], b[1..]);
        assert_ne!(a[0], a[1]);
        // One that refers to itself is another type.
        let c = types.register(&[node(ref_to(0), None)], &[1]);
        assert!(!a.contains(&c[0]));
        assert_eq!(types.def(c[0]).ty, node(ref_to(c[0].0), None));
    }

    #[test]
    fn subtypes_are_found_by_depth() {
        let types = TypeRegistry::default();
        let ids = types.register(
            &[
                node(ValType::I32, None),
                node(ValType::I32, Some(0)),
                node(ValType::I32, Some(1)),
                node(ValType::I64, None),
            ],
            &[1, 2, 3, 4],
        );
        assert!(types.is_sub_index(ids[2], ids[0]) && types.is_sub_index(ids[1], ids[1]));
        assert!(!types.is_sub_index(ids[0], ids[1]) && !types.is_sub_index(ids[2], ids[3]));
    }

    #[test]
    fn a_type_must_match_its_supertype() {
        let types = TypeRegistry::default();
        let top = types.register_plain(&node(ValType::FUNCREF, None));
        let register = |ty: SubType| types.register_one(&SubType { supertype: Some(top), ..ty });
        let non_null = ValType::Ref(RefType { nullable: false, heap: HeapType::Func });
        assert!(register(node(non_null, None)).is_ok());
        assert!(register(node(ValType::I64, None)).is_err());
        assert!(register(StructType::new([]).into()).is_err());
        assert!(register(unary(ValType::FUNCREF)).is_err());
        let mutable = FieldType { storage: StorageType::ValType(ValType::FUNCREF), mutable: true };
        assert!(register(StructType::new([mutable]).into()).is_err());
        let closed = types.register_plain(&SubType { is_final: true, ..node(ValType::I32, None) });
        let below = SubType { supertype: Some(closed), ..node(ValType::I32, None) };
        assert!(types.register_one(&below).is_err());
    }

    #[test]
    fn non_null_is_a_subtype_of_nullable() {
        let types = TypeRegistry::default();
        let non_null = ValType::Ref(RefType { nullable: false, heap: HeapType::Func });
        assert!(types.is_subtype(non_null, ValType::FUNCREF));
        assert!(!types.is_subtype(ValType::FUNCREF, non_null));
        assert!(types.is_subtype(ValType::FUNCREF, ValType::FUNCREF));
        assert!(!types.is_subtype(non_null, ValType::EXTERNREF));
        assert!(!types.is_subtype(ValType::I32, ValType::I64));
    }

    #[test]
    fn bottoms_are_below_their_own_hierarchy_only() {
        let types = TypeRegistry::default();
        let func = HeapType::ConcreteFunc(types.register_plain(&unary(ValType::I32)));
        assert!(types.is_sub_heap(HeapType::NoFunc, func));
        assert!(types.is_sub_heap(func, HeapType::Func));
        assert!(!types.is_sub_heap(HeapType::None, func));
        assert!(types.is_sub_heap(HeapType::None, HeapType::I31));
        assert!(types.is_sub_heap(HeapType::Array, HeapType::Eq));
        assert!(!types.is_sub_heap(HeapType::Any, HeapType::Eq));
        assert!(!types.is_sub_heap(HeapType::Extern, HeapType::Any));
    }

    #[test]
    fn places_fill_chunks_in_order() {
        let places: Vec<_> = (0..7).map(AppendOnly::<()>::place).collect();
        assert_eq!(places, [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (2, 3)]);
    }
}
