//! The table `m`: blocks of memory by handle, and typed accesses to them and to modules' memories.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use lineal::OutOfBounds;
use mlua::{
    AnyUserData, Either, Lua, LuaString, MetaMethod, Table, UserData, UserDataMethods, UserDataRef,
    Value,
};

use super::args::{Args, Failure, Outcome, raw, shown};
use super::{PRELUDE, State};
use crate::bytes::{Block, Bytes, CopyError, ReadError};
use crate::dump::hex_dump;
use crate::store;

/// After so many bytes of new blocks, forgotten ones are collected: Lua's collector does not see
/// how large they are.
const FRESH_BYTES: u64 = 16 << 20;

/// A memory that a script holds.
pub(super) struct Handle {
    /// `None` once it is freed.
    bytes: RefCell<Option<Bytes>>,
    /// Where a block was allocated; `None` for a module's memory.
    allocated: Option<Rc<str>>,
    freed: RefCell<Option<Freed>>,
}

struct Freed {
    place: String,
    size_bytes: u64,
}

impl Handle {
    /// A handle to a module's memory.
    pub(super) fn of_module(bytes: Bytes) -> Handle {
        Handle { bytes: RefCell::new(Some(bytes)), allocated: None, freed: RefCell::new(None) }
    }

    /// Runs what needs the memory; `None` if it was freed.
    pub(super) fn with_bytes<R>(&self, access: impl FnOnce(&Bytes) -> R) -> Option<R> {
        self.bytes.borrow().as_ref().map(access)
    }

    /// `block` or `memory`, as messages name it.
    fn noun(&self) -> &'static str {
        if self.allocated.is_some() { "block" } else { "memory" }
    }
}

impl UserData for Handle {
    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_meta_method(MetaMethod::ToString, |_, handle, ()| {
            let noun = handle.noun();
            Ok(match handle.with_bytes(Bytes::byte_len) {
                Some(size_bytes) => format!("{noun} of {}", counted(size_bytes)),
                None => format!("freed {noun}"),
            })
        });
    }
}

/// Blocks that were not freed, by where they were allocated.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    places: BTreeMap<Rc<str>, Entry>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    blocks: u64,
    size_bytes: u64,
}

impl Ledger {
    fn allocated(&mut self, place: &Rc<str>, size_bytes: u64) {
        let entry = self.places.entry(place.clone()).or_default();
        entry.blocks += 1;
        entry.size_bytes += size_bytes;
    }

    fn freed(&mut self, place: &Rc<str>, size_bytes: u64) {
        if let Some(entry) = self.places.get_mut(place) {
            entry.blocks -= 1;
            entry.size_bytes -= size_bytes;
        }
    }

    fn resized(&mut self, place: &Rc<str>, old_bytes: u64, new_bytes: u64) {
        if let Some(entry) = self.places.get_mut(place) {
            entry.size_bytes = entry.size_bytes - old_bytes + new_bytes;
        }
    }

    /// How many blocks were never freed.
    pub(super) fn never_freed(&self) -> u64 {
        self.places.values().map(|entry| entry.blocks).sum()
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blocks = self.never_freed();
        if blocks == 0 {
            return writeln!(f, "all blocks were freed");
        }
        let size_bytes = self.places.values().map(|entry| entry.size_bytes).sum();
        let (noun, verb) = if blocks == 1 { ("block", "was") } else { ("blocks", "were") };
        writeln!(f, "{blocks} {noun} of {} {verb} never freed:", counted(size_bytes))?;
        for (place, entry) in self.places.iter().filter(|(_, entry)| entry.blocks > 0) {
            let noun = if entry.blocks == 1 { "block" } else { "blocks" };
            let size = counted(entry.size_bytes);
            writeln!(f, "  {} {noun} of {size}, allocated at {place}", entry.blocks)?;
        }
        Ok(())
    }
}

fn counted(bytes: u64) -> String {
    if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") }
}

/// The functions of `m` that read and write numbers, for arguments that are as they should be. What
/// is wrong with others, the [functions] of the same name say.
pub(super) fn quick_functions(lua: &Lua) -> mlua::Result<(Table, Table)> {
    type First = Either<UserDataRef<Handle>, Value>;

    /// Accesses the memory at an offset; `None` if something is not as it should be.
    fn quick<R>(
        handle: &First,
        offset: &Value,
        access: impl FnOnce(&Bytes, u64) -> Option<R>,
    ) -> Option<R> {
        let (Either::Left(handle), &Value::Integer(offset)) = (handle, offset) else { return None };
        let addr = u64::try_from(offset).ok()?;
        handle.with_bytes(|bytes| access(bytes, addr))?
    }

    let (reads, writes) = (lua.create_table()?, lua.create_table()?);
    macro_rules! numbers {
        ($($name:literal $write:literal => $ty:ty, $from:expr, $to:expr;)*) => {$(
            reads.set($name, lua.create_function(|_, (handle, offset): (First, Value)| {
                Ok(quick(&handle, &offset, |bytes, addr| {
                    Some($from(<$ty>::from_le_bytes(bytes.load(addr).ok()?)))
                }))
            })?)?;
            writes.set($write, lua.create_function(
                |_, (handle, offset, value): (First, Value, Value)| {
                    let to: fn(&Value) -> Option<$ty> = $to;
                    let written = quick(&handle, &offset, |bytes, addr| {
                        bytes.write(addr, &to(&value)?.to_le_bytes()).ok()
                    });
                    Ok(written.is_some())
                },
            )?)?;
        )*};
    }
    fn integer<T: TryFrom<i64>>(value: &Value) -> Option<T> {
        T::try_from(value.as_integer()?).ok()
    }
    fn float(value: &Value) -> Option<f64> {
        match *value {
            Value::Integer(value) => Some(value as f64),
            Value::Number(value) => Some(value),
            _ => None,
        }
    }
    numbers! {
        "read_int8" "write_int8" => i8, i64::from, integer;
        "read_int16" "write_int16" => i16, i64::from, integer;
        "read_int32" "write_int32" => i32, i64::from, integer;
        "read_int64" "write_int64" => i64, i64::from, integer;
        "read_uint8" "write_uint8" => u8, i64::from, integer;
        "read_uint16" "write_uint16" => u16, i64::from, integer;
        "read_uint32" "write_uint32" => u32, i64::from, integer;
        "read_float" "write_float" => f32, f64::from, |value| float(value).map(|value| value as f32);
        "read_double" "write_double" => f64, f64::from, float;
    }
    Ok((reads, writes))
}

/// The functions of `m`.
pub(super) fn functions(state: &Rc<State>, lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    macro_rules! define {
        ($($name:literal => $function:expr;)*) => {$(
            table.set($name, raw(state, lua, concat!("m.", $name), $function)?)?;
        )*};
    }
    /// Reads and writes of one type of number.
    macro_rules! numbers {
        ($($name:literal $write:literal => $ty:ty, $from:expr, $to:expr;)*) => {$(
            define! {
                $name => |_, _, args| args.access(|bytes, addr| {
                    let number = <$ty>::from_le_bytes(bytes.load(addr)?);
                    Ok($from(number))
                });
                $write => |_, _, args| {
                    let number: $ty = $to(&args)?;
                    args.access(|bytes, addr| Ok(bytes.write(addr, &number.to_le_bytes())?))
                };
            }
        )*};
    }
    numbers! {
        "read_int8" "write_int8" => i8, i64::from, |args: &Args| args.int("int8");
        "read_int16" "write_int16" => i16, i64::from, |args: &Args| args.int("int16");
        "read_int32" "write_int32" => i32, i64::from, |args: &Args| args.int("int32");
        "read_int64" "write_int64" => i64, i64::from, |args: &Args| args.int("int64");
        "read_uint8" "write_uint8" => u8, i64::from, |args: &Args| args.int("uint8");
        "read_uint16" "write_uint16" => u16, i64::from, |args: &Args| args.int("uint16");
        "read_uint32" "write_uint32" => u32, i64::from, |args: &Args| args.int("uint32");
        "read_float" "write_float" => f32, f64::from, |args: &Args| {
            args.number(2, "value").map(|value| value as f32)
        };
        "read_double" "write_double" => f64, f64::from, |args: &Args| args.number(2, "value");
    }
    define! {
        "alloc" => alloc;
        "free" => free;
        "resize" => resize;
        "get_size" => |_, _, args| args.bytes(Bytes::byte_len);
        "read_string" => |_, lua, args| read_string(lua, &args);
        "write_string" => |_, _, args| write_string(&args);
        "read_wide_string" => |_, lua, args| read_wide_string(lua, &args);
        "write_wide_string" => |_, _, args| write_wide_string(&args);
        "fill" => |_, _, args| fill(&args);
        "copy" => |_, _, args| copy(&args);
        "dump" => dump;
    }
    Ok(table)
}

impl Args {
    /// The handle that is an argument.
    fn handle(&self, index: usize) -> Outcome<AnyUserData> {
        if let Some(data) = self.user_data(index)
            && data.is::<Handle>()
        {
            return Ok(data);
        }
        let value = self.get(index);
        let hint =
            if value == Value::Nil { " (m.alloc returns nil if there is no room)" } else { "" };
        let ordinal =
            if index == 0 { String::new() } else { format!(" as argument {}", index + 1) };
        Err(self.failure(format_args!(
            "expected a memory handle{ordinal}, got {}{hint}",
            super::args::type_of(&value)
        )))
    }

    /// Runs what needs the memory of a handle.
    fn bytes_of<R>(&self, handle: &Handle, access: impl FnOnce(&Bytes) -> R) -> Outcome<R> {
        handle.with_bytes(access).ok_or_else(|| {
            let freed = handle.freed.borrow();
            let (place, size) = freed.as_ref().map_or(("?", 0), |f| (&f.place, f.size_bytes));
            self.failure(format_args!("the block of {} was freed at {place}", counted(size)))
        })
    }

    /// The same for the handle that is the first argument.
    fn bytes<R>(&self, access: impl FnOnce(&Bytes) -> R) -> Outcome<R> {
        let data = self.handle(0)?;
        let handle = data.borrow::<Handle>()?;
        self.bytes_of(&handle, access)
    }

    /// Accesses the memory of the first argument at the offset in the second.
    fn access<R>(&self, access: impl FnOnce(&Bytes, u64) -> Result<R, ReadError>) -> Outcome<R> {
        let data = self.handle(0)?;
        let handle = data.borrow::<Handle>()?;
        self.bytes_of(&handle, |bytes| {
            let addr = self.offset(&handle, bytes, 1, "offset")?;
            access(bytes, addr).map_err(|error| self.read_error(&handle, &error))
        })?
    }

    /// An argument that is an offset in a memory.
    fn offset(&self, handle: &Handle, bytes: &Bytes, index: usize, what: &str) -> Outcome<u64> {
        let value = self.get(index);
        let problem = match value {
            Value::Integer(offset) if offset >= 0 => return Ok(offset as u64),
            Value::Number(offset) => match super::args::whole(offset) {
                Some(whole) if whole >= 0 => return Ok(whole as u64),
                Some(_) => format!("the {what} must not be negative, got {offset:e}"),
                None => format!("the {what} must be a whole number, got {}", shown(offset)),
            },
            Value::Integer(offset) => format!("the {what} must not be negative, got {offset}"),
            ref other => {
                let ty = super::args::type_of(other);
                format!("the {what} must be a whole number, got {ty}")
            }
        };
        let size = counted(bytes.byte_len());
        Err(self.failure(format_args!("{problem}; the {} has {size}", handle.noun())))
    }

    fn out_of_bounds(&self, handle: &Handle, error: OutOfBounds) -> Failure {
        let OutOfBounds { addr, len_bytes, memory_bytes, .. } = error;
        let end = u128::from(addr) + u128::from(len_bytes);
        self.failure(format_args!(
            "{} at offset {addr} ({addr}..{end}) {} outside the {} of {}",
            counted(len_bytes),
            if len_bytes == 1 { "is" } else { "are" },
            handle.noun(),
            counted(memory_bytes)
        ))
    }

    fn read_error(&self, handle: &Handle, error: &ReadError) -> Failure {
        match *error {
            ReadError::OutOfBounds(error) => self.out_of_bounds(handle, error),
            ReadError::Unterminated { addr, limit_bytes, memory_bytes } => {
                self.failure(format_args!(
                    "no NUL ends the string at offset {addr}: looked at {} ({addr}..{}) of the {} \
                     of {}",
                    counted(limit_bytes),
                    addr + limit_bytes,
                    handle.noun(),
                    counted(memory_bytes)
                ))
            }
            ReadError::NoRoom { len_bytes } => self
                .failure(format_args!("the host has no room for a copy of {}", counted(len_bytes))),
        }
    }

    /// The value of a write, as an integer type that is named.
    fn int<T: TryFrom<i64> + Bounds>(&self, name: &str) -> Outcome<T> {
        let value = self.integer(2, "value")?;
        T::try_from(value).map_err(|_| {
            let (min, max) = (T::MIN, T::MAX);
            self.failure(format_args!("{value} does not fit in {name} ({min} to {max})"))
        })
    }

    /// The string to write, in UTF-8.
    fn text(&self) -> Outcome<String> {
        let text = self.string(2, "value")?;
        let text = text.to_str().map_err(|_| self.failure("the string is not UTF-8"))?;
        if let Some(index) = text.find('\0') {
            return Err(self.failure(format_args!(
                "the string has a NUL at byte {index}, where it would end for its readers"
            )));
        }
        Ok(text.to_string())
    }
}

/// The range of an integer type.
trait Bounds {
    const MIN: i64;
    const MAX: i64;
}

macro_rules! bounds {
    ($($ty:ty)*) => {
        $(impl Bounds for $ty {
            const MIN: i64 = <$ty>::MIN as i64;
            const MAX: i64 = <$ty>::MAX as i64;
        })*
    };
}

bounds! { i8 i16 i32 i64 u8 u16 u32 }

/// Where the script is: its file and line.
fn place(lua: &Lua) -> String {
    let mut level = 1;
    loop {
        let found = lua.inspect_stack(level, |debug| {
            let source = debug.source();
            let line = debug.current_line()?;
            if source.source.as_deref() == Some(PRELUDE) {
                return None;
            }
            Some(format!("{}:{line}", source.short_src.unwrap_or_default()))
        });
        match found {
            None => return "?".to_owned(),
            Some(Some(place)) => return place,
            Some(None) => level += 1,
        }
    }
}

/// `m.alloc(size)`: a block of zeros, or nil if there is no room for it.
fn alloc(state: &Rc<State>, lua: &Lua, args: Args) -> Outcome<Option<AnyUserData>> {
    let size_bytes = args.natural(0, "size")?;
    let Some(block) = new_block(state, lua, size_bytes)? else { return Ok(None) };
    let place = Rc::<str>::from(place(lua));
    state.ledger.borrow_mut().allocated(&place, size_bytes);
    let handle = Handle {
        bytes: RefCell::new(Some(Bytes::Block(block))),
        allocated: Some(place),
        freed: RefCell::new(None),
    };
    Ok(Some(lua.create_userdata(handle)?))
}

/// A block, for which forgotten ones make room if need be.
fn new_block(state: &State, lua: &Lua, size_bytes: u64) -> Outcome<Option<Block>> {
    make_room(state, lua, size_bytes)?;
    if let Ok(block) = Block::new(size_bytes, &state.room) {
        return Ok(Some(block));
    }
    collect(state, lua)?;
    Ok(Block::new(size_bytes, &state.room).ok())
}

/// Collects forgotten blocks if many bytes were allocated since that was done last.
fn make_room(state: &State, lua: &Lua, size_bytes: u64) -> Outcome<()> {
    let fresh_bytes = state.fresh_bytes.get().saturating_add(size_bytes);
    state.fresh_bytes.set(fresh_bytes);
    if fresh_bytes > FRESH_BYTES.max(state.room.used_bytes() / 2) {
        collect(state, lua)?;
    }
    Ok(())
}

fn collect(state: &State, lua: &Lua) -> Outcome<()> {
    state.fresh_bytes.set(0);
    // The first run calls what the script wants to know of it; the second frees what that kept.
    lua.gc_collect()?;
    Ok(lua.gc_collect()?)
}

/// `m.free(handle)`.
fn free(state: &Rc<State>, lua: &Lua, args: Args) -> Outcome<()> {
    let data = args.handle(0)?;
    let handle = data.borrow::<Handle>()?;
    let Some(allocated) = &handle.allocated else {
        return Err(args.failure("the memory belongs to a module, which keeps it"));
    };
    if let Some(Freed { place, size_bytes }) = &*handle.freed.borrow() {
        let size = counted(*size_bytes);
        return Err(args.failure(format_args!("the block of {size} was already freed at {place}")));
    }
    let size_bytes = args.bytes_of(&handle, Bytes::byte_len)?;
    state.ledger.borrow_mut().freed(allocated, size_bytes);
    *handle.freed.borrow_mut() = Some(Freed { place: place(lua), size_bytes });
    *handle.bytes.borrow_mut() = None;
    Ok(())
}

/// `m.resize(handle, size)`: the handle, or nil if there is no room.
fn resize(state: &Rc<State>, lua: &Lua, args: Args) -> Outcome<Option<AnyUserData>> {
    let data = args.handle(0)?;
    let new_bytes = args.natural(1, "size")?;
    let handle = data.borrow::<Handle>()?;
    let old_bytes = args.bytes_of(&handle, Bytes::byte_len)?;
    make_room(state, lua, new_bytes.saturating_sub(old_bytes))?;
    let try_resize = || {
        args.bytes_of(&handle, |bytes| match bytes {
            Bytes::Block(block) => Ok(block.resize(new_bytes).is_ok()),
            Bytes::Guest(memory) => grow(&args, old_bytes, new_bytes, |page_bytes| {
                store::with(|mut store| match page_bytes {
                    None => Ok(memory.page_size(&store)),
                    Some(delta) => memory.grow(&mut store, delta),
                })
            }),
            Bytes::Shared(memory) => {
                grow(&args, old_bytes, new_bytes, |page_bytes| match page_bytes {
                    None => Ok(memory.page_size()),
                    Some(delta) => memory.grow(delta),
                })
            }
        })?
    };
    if !try_resize()? {
        collect(state, lua)?;
        if !try_resize()? {
            return Ok(None);
        }
    }
    if let Some(allocated) = &handle.allocated {
        state.ledger.borrow_mut().resized(allocated, old_bytes, new_bytes);
    }
    drop(handle);
    Ok(Some(data))
}

/// Grows a module's memory to a number of bytes; whether there was room. `grow` tells the page
/// size, or grows by pages.
fn grow(
    args: &Args,
    old_bytes: u64,
    new_bytes: u64,
    grow: impl Fn(Option<u64>) -> lineal::Result<u64>,
) -> Outcome<bool> {
    let page_bytes = grow(None).unwrap_or(1);
    let Some(more) = new_bytes.checked_sub(old_bytes) else {
        return Err(args.failure(format_args!(
            "a module's memory cannot shrink: it has {}, asked for {new_bytes}",
            counted(old_bytes)
        )));
    };
    if more % page_bytes != 0 {
        return Err(args.failure(format_args!(
            "a module's memory grows by pages of {page_bytes} bytes, and {new_bytes} is no multiple"
        )));
    }
    Ok(grow(Some(more / page_bytes)).is_ok())
}

/// `m.read_string(handle, offset [, length])`: up to the NUL, or of that many bytes.
fn read_string(lua: &Lua, args: &Args) -> Outcome<LuaString> {
    let bytes = string_bytes(args, 1)?;
    if let Err(error) = std::str::from_utf8(&bytes) {
        let at = error.valid_up_to();
        return Err(args.failure(format_args!("the string is not UTF-8 at its byte {at}")));
    }
    Ok(lua.create_string(bytes)?)
}

/// `m.read_wide_string(handle, offset [, length])`: up to the NUL, or of that many units.
fn read_wide_string(lua: &Lua, args: &Args) -> Outcome<LuaString> {
    let bytes = string_bytes(args, 2)?;
    let units = bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    let mut text = String::new();
    for (index, unit) in char::decode_utf16(units).enumerate() {
        let unit = unit.map_err(|error| {
            let unit = error.unpaired_surrogate();
            self::not_utf16(args, unit, index)
        })?;
        text.push(unit);
    }
    Ok(lua.create_string(text)?)
}

fn not_utf16(args: &Args, unit: u16, index: usize) -> Failure {
    args.failure(format_args!(
        "the string is not UTF-16: its character {index} is the unpaired surrogate {unit:#06x}"
    ))
}

/// The bytes of a string of units that are `width` bytes wide.
fn string_bytes(args: &Args, width: usize) -> Outcome<Vec<u8>> {
    let length = match args.get(2) {
        Value::Nil => None,
        _ => Some(args.natural(2, "length")?.saturating_mul(width as u64)),
    };
    args.access(|bytes, addr| match length {
        Some(len_bytes) => bytes.copy_out(addr, len_bytes),
        None => bytes.until_zero(addr, width, u64::MAX),
    })
}

/// `m.write_string(handle, offset, text)`: how many bytes it wrote, with the NUL.
fn write_string(args: &Args) -> Outcome<usize> {
    let mut bytes = args.text()?.into_bytes();
    bytes.push(0);
    args.access(|memory, addr| Ok(memory.write(addr, &bytes)?))?;
    Ok(bytes.len())
}

/// `m.write_wide_string(handle, offset, text)`: how many bytes it wrote, with the NUL.
fn write_wide_string(args: &Args) -> Outcome<usize> {
    let text = args.text()?;
    let units = text.encode_utf16().chain([0]);
    let bytes: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
    args.access(|memory, addr| Ok(memory.write(addr, &bytes)?))?;
    Ok(bytes.len())
}

/// `m.fill(handle, offset, value, length)`.
fn fill(args: &Args) -> Outcome<()> {
    let value: u8 = args.int("uint8")?;
    let len_bytes = args.natural(3, "length")?;
    args.access(|bytes, addr| Ok(bytes.fill(addr, value, len_bytes)?))
}

/// `m.copy(to, to_offset, from, from_offset, length)`.
fn copy(args: &Args) -> Outcome<()> {
    let (to, from) = (args.handle(0)?, args.handle(2)?);
    let (to, from) = (to.borrow::<Handle>()?, from.borrow::<Handle>()?);
    let len_bytes = args.natural(4, "length")?;
    args.bytes_of(&to, |to_bytes| {
        args.bytes_of(&from, |from_bytes| {
            let to_addr = args.offset(&to, to_bytes, 1, "offset to write at")?;
            let from_addr = args.offset(&from, from_bytes, 3, "offset to read from")?;
            let copied = to_bytes.copy_from(to_addr, from_bytes, from_addr, len_bytes);
            copied.map_err(|error| match error {
                CopyError::Destination(error) => args.out_of_bounds(&to, error),
                CopyError::Source(error) => args.out_of_bounds(&from, error),
            })
        })?
    })?
}

/// `m.dump(handle [, offset, length])`: prints the bytes.
fn dump(state: &Rc<State>, _: &Lua, args: Args) -> Outcome<()> {
    let data = args.handle(0)?;
    let handle = data.borrow::<Handle>()?;
    let text = args.bytes_of(&handle, |bytes| {
        let addr = match args.get(1) {
            Value::Nil => 0,
            _ => args.offset(&handle, bytes, 1, "offset")?,
        };
        let len_bytes = match args.get(2) {
            Value::Nil => bytes.byte_len().saturating_sub(addr),
            _ => args.natural(2, "length")?,
        };
        let copy = bytes.copy_out(addr, len_bytes);
        let copy = copy.map_err(|error| args.read_error(&handle, &error))?;
        Ok::<_, Failure>(hex_dump(addr, &copy))
    })??;
    state.print(text.as_bytes())
}
