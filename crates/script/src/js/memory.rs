//! The functions about memories, tables and globals.

use std::rc::Rc;

use lineal::{
    AsContextMut, GlobalType, Memory, MemoryType, Mutability, Ref, RootScope, SharedMemory, Table,
    TableType, ValType,
};
use rquickjs::{Class, Ctx, Exception, Result, Value};

use super::convert::{self, Lowered};
use super::entity::{self, Entity, Thing};
use super::group::Group;
use super::instance::{new_global, table_element};
use super::natives::{Natives, This, from_u64, group_of, range_error, to_optional_u64, to_u64};
use super::raw::Kind;
use super::realm::Realm;

/// Defines the functions about memories.
pub(super) fn define<'js>(natives: &Natives<'_, 'js>, realm: &Rc<Realm>) -> Result<()> {
    let r = realm.clone();
    let new = move |ctx: Ctx<'js>,
                    initial: Value<'js>,
                    maximum: Value<'js>,
                    shared: bool,
                    is_64: bool| {
        let (initial, maximum) = (to_u64(&initial)?, to_optional_u64(&maximum)?);
        new_memory(&ctx, &r, initial, maximum, shared, is_64)
    };
    natives.add("memoryNew", new)?;
    let r = realm.clone();
    let buffer = move |ctx: Ctx<'js>, this: This<'js>, resizable: Option<bool>, max: f64| {
        this.borrow().buffer(&ctx, &this, &r, resizable, max as usize)
    };
    natives.add("memoryBuffer", buffer)?;
    let r = realm.clone();
    natives.add("memoryGrow", move |ctx: Ctx<'js>, this: This<'js>, delta: Value<'js>| {
        let (entity, delta) = (this.borrow(), to_u64(&delta)?);
        let old = match &entity.thing {
            Thing::Memory(memory) => {
                let grow = || r.store.with(|store| memory.grow(store.as_context_mut(), delta));
                r.with_room(&ctx, grow)
            }
            Thing::Shared(memory) => memory.grow(delta),
            _ => return Err(rquickjs::Error::Unknown),
        };
        let old = old.map_err(|error| range_error(&ctx, &error))?;
        r.refresh(&ctx)?;
        // The store does not see how shared memories grow.
        entity.refresh(&ctx)?;
        from_u64(&ctx, old, memory_type(&r, &entity)?.is_64())
    })?;
    let r = realm.clone();
    natives.add("memoryType", move |ctx: Ctx<'js>, this: This<'js>| {
        let ty = memory_type(&r, &this.borrow())?;
        let row = rquickjs::Array::new(ctx.clone())?;
        row.set(0, ty.is_64())?;
        row.set(1, ty.is_shared())?;
        let bytes = |pages: u64| pages.checked_mul(ty.page_size()).map(|bytes| bytes as f64);
        row.set(2, ty.maximum().and_then(bytes))?;
        Result::Ok(row)
    })?;
    define_tables(natives, realm)?;
    define_globals(natives, realm)
}

fn new_memory<'js>(
    ctx: &Ctx<'js>,
    realm: &Rc<Realm>,
    initial: u64,
    maximum: Option<u64>,
    shared: bool,
    is_64: bool,
) -> Result<Value<'js>> {
    let maximum = match (maximum, shared) {
        // The most that a script can look at; the address space is reserved, but not used.
        (None, true) => Some(initial.max(DEFAULT_SHARED_PAGES)),
        _ => maximum,
    };
    let ty = MemoryType::builder().min(initial).max(maximum).memory64(is_64).shared(shared).build();
    let ty = ty.map_err(|error| Exception::throw_range(ctx, &error.to_string()))?;
    let group = realm.new_group(ctx)?;
    let region = group.borrow().region;
    if shared {
        let memory = SharedMemory::new(&realm.engine, ty);
        let memory = memory.map_err(|error| range_error(ctx, &error))?;
        let key = entity::shared_key(&memory);
        return entity::named(ctx, realm, &group, key, || Ok(Thing::Shared(memory)));
    }
    let memory = realm.with_room(ctx, || {
        realm.store.with(|store| {
            let before = store.set_region(region);
            let memory = Memory::new(store.as_context_mut(), ty);
            store.set_region(before);
            memory.map(|memory| (memory, memory.hash_key(&*store) as u64))
        })
    });
    let (memory, key) = memory.map_err(|error| range_error(ctx, &error))?;
    entity::named(ctx, realm, &group, (Kind::Memory, key), || Ok(Thing::Memory(memory)))
}

/// The maximum of a shared memory for which the script names none: 1 GiB.
const DEFAULT_SHARED_PAGES: u64 = 16_384;

fn memory_type(realm: &Realm, entity: &Entity<'_>) -> Result<MemoryType> {
    match &entity.thing {
        Thing::Memory(memory) => Ok(realm.store.with(|store| memory.ty(&*store))),
        Thing::Shared(memory) => Ok(memory.ty()),
        _ => Err(rquickjs::Error::Unknown),
    }
}

fn table(entity: &Entity<'_>) -> Result<Table> {
    match &entity.thing {
        Thing::Table(table) => Ok(*table),
        _ => Err(rquickjs::Error::Unknown),
    }
}

/// The value that a script gave for a type, or the type's default.
fn given_or_default<'js>(
    ctx: &Ctx<'js>,
    realm: &Rc<Realm>,
    group: &Class<'js, Group>,
    ty: &ValType,
    given: bool,
    value: &Value<'js>,
) -> Result<Lowered> {
    if given {
        convert::to_wasm(realm, group, value, ty)
    } else {
        convert::default_value(ctx, realm, group, ty)
    }
}

fn define_tables<'js>(natives: &Natives<'_, 'js>, realm: &Rc<Realm>) -> Result<()> {
    let r = realm.clone();
    // The type is an array: the kind of elements, the minimum, the maximum, whether 64-bit.
    let new = move |ctx: Ctx<'js>, ty: rquickjs::Array<'js>, given: bool, value: Value<'js>| {
        let kind: String = ty.get(0)?;
        let element = table_element(&kind).ok_or(rquickjs::Error::Unknown)?;
        let (minimum, maximum) = (to_u64(&ty.get(1)?)?, to_optional_u64(&ty.get(2)?)?);
        let ty = if ty.get(3)? {
            TableType::new64(element, minimum, maximum)
        } else {
            let narrow = |elements| u32::try_from(elements).map_err(|_| rquickjs::Error::Unknown);
            TableType::new(element, narrow(minimum)?, maximum.map(narrow).transpose()?)
        };
        let group = r.new_group(&ctx)?;
        let region = group.borrow().region;
        let init =
            given_or_default(&ctx, &r, &group, &ValType::Ref(ty.element().clone()), given, &value)?;
        let table = r.store.with(|store| {
            let before = store.set_region(region);
            let mut scope = RootScope::new(store);
            let mut store = scope.as_context_mut();
            let init = init.val(&mut store).ref_().unwrap_or(Ref::null(ty.element().heap_type()));
            let table = Table::new(&mut store, ty, init);
            store.set_region(before);
            table.map(|table| (table, table.hash_key(&store) as u64))
        });
        let (table, key) = table.map_err(|error| range_error(&ctx, &error))?;
        entity::named(&ctx, &r, &group, (Kind::Table, key), || Ok(Thing::Table(table)))
    };
    natives.add("tableNew", new)?;
    let r = realm.clone();
    natives.add("tableGet", move |ctx: Ctx<'js>, this: This<'js>, index: Value<'js>| {
        let (entity, index) = (this.borrow(), to_u64(&index)?);
        let (table, group) = (table(&entity)?, group_of(&entity)?);
        let exnref = "a script cannot receive an exnref";
        let crosses = convert::crosses(&ValType::Ref(
            r.store.with(|store| table.ty(&*store).element().clone()),
        ));
        if !crosses {
            return Err(Exception::throw_type(&ctx, exnref));
        }
        let value = r.store.with(|store| {
            let mut scope = RootScope::new(store);
            let mut store = scope.as_context_mut();
            let element = table.get(&store, index)?;
            Some(convert::to_js(&ctx, &r, &group, &mut store, element.into()))
        });
        value.unwrap_or_else(|| Err(out_of_table(&ctx, index)))
    })?;
    let r = realm.clone();
    natives.add(
        "tableSet",
        move |this: This<'js>, index: Value<'js>, given: bool, value: Value<'js>| {
            let (ctx, entity, index) = (value.ctx(), this.borrow(), to_u64(&index)?);
            let (table, group) = (table(&entity)?, group_of(&entity)?);
            let element = r.store.with(|store| table.ty(&*store).element().clone());
            let value =
                given_or_default(ctx, &r, &group, &ValType::Ref(element.clone()), given, &value)?;
            let set = r.store.with(|store| {
                let mut scope = RootScope::new(store);
                let mut store = scope.as_context_mut();
                let value = value.val(&mut store).ref_().unwrap_or(Ref::null(element.heap_type()));
                table.set(&mut store, index, value)
            });
            set.map_err(|_| out_of_table(ctx, index))
        },
    )?;
    let r = realm.clone();
    natives.add(
        "tableGrow",
        move |this: This<'js>, delta: Value<'js>, given: bool, value: Value<'js>| {
            let (ctx, entity, delta) = (value.ctx().clone(), this.borrow(), to_u64(&delta)?);
            let (table, group) = (table(&entity)?, group_of(&entity)?);
            let ty = r.store.with(|store| table.ty(&*store));
            let value = given_or_default(
                &ctx,
                &r,
                &group,
                &ValType::Ref(ty.element().clone()),
                given,
                &value,
            )?;
            let old = r.store.with(|store| {
                let mut scope = RootScope::new(store);
                let mut store = scope.as_context_mut();
                let value =
                    value.val(&mut store).ref_().unwrap_or(Ref::null(ty.element().heap_type()));
                table.grow(&mut store, delta, value)
            });
            let old = old.map_err(|error| range_error(&ctx, &error))?;
            from_u64(&ctx, old, ty.is_64())
        },
    )?;
    let r = realm.clone();
    natives.add("tableLength", move |ctx: Ctx<'js>, this: This<'js>| {
        let table = table(&this.borrow())?;
        let (len, is_64) = r.store.with(|store| (table.size(&*store), table.ty(&*store).is_64()));
        from_u64(&ctx, len, is_64)
    })?;
    let r = realm.clone();
    natives.add("tableIs64", move |this: This<'js>| {
        let table = table(&this.borrow())?;
        Result::Ok(r.store.with(|store| table.ty(&*store).is_64()))
    })
}

fn out_of_table(ctx: &Ctx<'_>, index: u64) -> rquickjs::Error {
    Exception::throw_range(ctx, &format!("index {index} is not inside the table"))
}

fn define_globals<'js>(natives: &Natives<'_, 'js>, realm: &Rc<Realm>) -> Result<()> {
    let r = realm.clone();
    let new = move |ctx: Ctx<'js>, kind: String, mutable: bool, given: bool, value: Value<'js>| {
        let ty = convert::value_type(&kind).ok_or(rquickjs::Error::Unknown)?;
        let mutability = if mutable { Mutability::Var } else { Mutability::Const };
        let group = r.new_group(&ctx)?;
        let value = given_or_default(&ctx, &r, &group, &ty, given, &value)?;
        let global = new_global(&ctx, &r, &group, &ty, mutability, &value)?;
        let key = r.store.with(|store| global.hash_key(&*store) as u64);
        entity::named(&ctx, &r, &group, (Kind::Global, key), || Ok(Thing::Global(global)))
    };
    natives.add("globalNew", new)?;
    let r = realm.clone();
    natives.add("globalGet", move |ctx: Ctx<'js>, this: This<'js>| {
        let entity = this.borrow();
        let (Thing::Global(global), group) = (&entity.thing, group_of(&entity)?) else {
            return Err(rquickjs::Error::Unknown);
        };
        let ty = global_type(&ctx, &r, global)?;
        debug_assert!(convert::crosses(ty.content()));
        r.store.with(|store| {
            let mut scope = RootScope::new(store);
            let mut store = scope.as_context_mut();
            let value = global.get(&store);
            convert::to_js(&ctx, &r, &group, &mut store, value)
        })
    })?;
    let r = realm.clone();
    natives.add("globalSet", move |ctx: Ctx<'js>, this: This<'js>, value: Value<'js>| {
        let entity = this.borrow();
        let (Thing::Global(global), group) = (&entity.thing, group_of(&entity)?) else {
            return Err(rquickjs::Error::Unknown);
        };
        let ty = global_type(&ctx, &r, global)?;
        if ty.mutability().is_const() {
            return Err(Exception::throw_type(&ctx, "the global is immutable"));
        }
        let value = convert::to_wasm(&r, &group, &value, ty.content())?;
        let set = r.store.with(|store| {
            let mut scope = RootScope::new(store);
            let mut store = scope.as_context_mut();
            let value = value.val(&mut store);
            global.set(&mut store, value)
        });
        set.map_err(|error| Exception::throw_type(&ctx, &format!("{error:#}")))
    })
}

/// The type of a global, if its value can cross the border.
fn global_type(ctx: &Ctx<'_>, realm: &Realm, global: &lineal::Global) -> Result<GlobalType> {
    let ty = realm.store.with(|store| global.ty(&*store));
    if convert::crosses(ty.content()) {
        return Ok(ty);
    }
    Err(Exception::throw_type(
        ctx,
        &format!("a script cannot have the value of a {}", ty.content()),
    ))
}
