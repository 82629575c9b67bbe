//! `Memory`: a module's memory.

use std::fmt;

use allocative::Allocative;
use lineal::{OutOfBounds, SharedMemory};
use starlark::any::ProvidesStaticType;
use starlark::environment::{Methods, MethodsBuilder, MethodsStatic};
use starlark::values::float::UnpackFloat;
use starlark::values::none::NoneType;
use starlark::values::{NoSerialize, StarlarkPagablePanic, StarlarkValue, Value, starlark_value};
use starlark::{starlark_module, starlark_simple_value};

use super::bytes_value::{BytesValue, to_bytes};
use super::native_error;
use super::values::{as_i64, as_u64, whole_number};
use crate::bytes::{Bytes, ReadError};
use crate::store;

/// A memory of a module.
#[derive(Clone, Debug, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(super) struct MemoryValue(#[allocative(skip)] pub(super) Kind);

/// Whose memory it is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Guest(lineal::Memory),
    Shared(SharedMemory),
}

starlark_simple_value!(MemoryValue);

impl MemoryValue {
    fn bytes(&self) -> Bytes {
        match &self.0 {
            Kind::Guest(memory) => Bytes::Guest(*memory),
            Kind::Shared(memory) => Bytes::Shared(memory.clone()),
        }
    }

    fn size_pages(&self) -> u64 {
        match &self.0 {
            Kind::Guest(memory) => store::with(|store| memory.size(&store)),
            Kind::Shared(memory) => memory.size(),
        }
    }
}

impl fmt::Display for MemoryValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<memory of {} bytes>", self.bytes().byte_len())
    }
}

#[starlark_value(type = "Memory")]
impl<'v> StarlarkValue<'v> for MemoryValue {
    fn get_methods() -> Option<&'static Methods> {
        static METHODS: MethodsStatic = MethodsStatic::new("Memory", methods);
        Some(METHODS.methods())
    }
}

fn out_of_bounds(call: &str, error: OutOfBounds) -> starlark::Error {
    let OutOfBounds { addr, len_bytes, memory_bytes, .. } = error;
    let end = u128::from(addr) + u128::from(len_bytes);
    let (noun, verb) = if len_bytes == 1 { ("byte", "is") } else { ("bytes", "are") };
    native_error(format!(
        "Memory.{call}: {len_bytes} {noun} at offset {addr} ({addr}..{end}) {verb} outside the memory \
         of {memory_bytes} bytes"
    ))
}

fn read_error(call: &str, error: ReadError) -> starlark::Error {
    match error {
        ReadError::OutOfBounds(error) => out_of_bounds(call, error),
        ReadError::Unterminated { addr, limit_bytes, memory_bytes } => native_error(format!(
            "Memory.{call}: no NUL ends the string at offset {addr} within {limit_bytes} bytes; \
             the memory has {memory_bytes} bytes, and max_len says how many to look at"
        )),
        ReadError::NoRoom { len_bytes } => {
            native_error(format!("Memory.{call}: the host has no room for {len_bytes} bytes"))
        }
    }
}

fn text(call: &str, bytes: Vec<u8>) -> starlark::Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        native_error(format!("Memory.{call}: the string is not UTF-8 at its byte {at}"))
    })
}

/// An argument that is an offset or a length.
fn natural(call: &str, what: &str, value: Value<'_>) -> starlark::Result<u64> {
    as_u64(value).ok_or_else(|| {
        native_error(format!(
            "Memory.{call}: {what} must be an int that is not negative, got {}",
            whole_number(value)
        ))
    })
}

fn write(
    call: &str,
    memory: &MemoryValue,
    offset: Value<'_>,
    bytes: &[u8],
) -> starlark::Result<()> {
    let addr = natural(call, "offset", offset)?;
    memory.bytes().write(addr, bytes).map_err(|error| out_of_bounds(call, error))
}

fn load<const N: usize>(
    call: &str,
    memory: &MemoryValue,
    offset: Value<'_>,
) -> starlark::Result<[u8; N]> {
    let addr = natural(call, "offset", offset)?;
    memory.bytes().load(addr).map_err(|error| out_of_bounds(call, error))
}

/// A value to write, as some type of integer.
fn integer<T: TryFrom<i64> + TryFrom<u64>>(
    call: &str,
    range: (impl fmt::Display, impl fmt::Display),
    value: Value<'_>,
) -> starlark::Result<T> {
    let signed = as_i64(value).and_then(|value| T::try_from(value).ok());
    signed.or_else(|| as_u64(value).and_then(|value| T::try_from(value).ok())).ok_or_else(|| {
        native_error(format!(
            "Memory.{call}: value must be an int from {} to {}, got {}",
            range.0,
            range.1,
            whole_number(value)
        ))
    })
}

#[starlark_module]
fn methods(builder: &mut MethodsBuilder) {
    /// The size in pages.
    fn size(this: &MemoryValue) -> anyhow::Result<u64> {
        Ok(this.size_pages())
    }

    /// The size in bytes.
    fn size_bytes(this: &MemoryValue) -> anyhow::Result<u64> {
        Ok(this.bytes().byte_len())
    }

    /// Grows the memory and returns how many pages it had before.
    fn grow<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] by: Value<'v>,
    ) -> starlark::Result<u64> {
        let delta = natural("grow", "by", by)?;
        let grown = match &this.0 {
            Kind::Guest(memory) => store::with(|mut store| {
                store.data_mut().limiter.refused = false;
                let grown = memory.grow(&mut store, delta);
                grown.map_err(|error| store.data_mut().limiter.explain(error))
            }),
            Kind::Shared(memory) => memory.grow(delta),
        };
        grown.map_err(|error| native_error(format!("Memory.grow: {error:#}")))
    }

    /// A copy of bytes.
    fn read<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
        #[starlark(require = pos)] length: Value<'v>,
    ) -> starlark::Result<BytesValue> {
        let (addr, len_bytes) =
            (natural("read", "offset", offset)?, natural("read", "length", length)?);
        let bytes = this.bytes().copy_out(addr, len_bytes);
        Ok(BytesValue(bytes.map_err(|error| read_error("read", error))?))
    }

    /// The string that a NUL ends, in UTF-8.
    fn read_cstring<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] ptr: Value<'v>,
        #[starlark(require = named)] max_len: Option<Value<'v>>,
    ) -> starlark::Result<String> {
        let addr = natural("read_cstring", "ptr", ptr)?;
        let max_len = match max_len {
            Some(max_len) => natural("read_cstring", "max_len", max_len)?,
            None => 4096,
        };
        // The NUL does not count.
        let bytes = this.bytes().until_zero(addr, 1, max_len.saturating_add(1));
        text("read_cstring", bytes.map_err(|error| read_error("read_cstring", error))?)
    }

    /// The string of that many bytes, in UTF-8.
    fn read_string<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] ptr: Value<'v>,
        #[starlark(require = pos)] len: Value<'v>,
    ) -> starlark::Result<String> {
        let (addr, len_bytes) =
            (natural("read_string", "ptr", ptr)?, natural("read_string", "len", len)?);
        let bytes = this.bytes().copy_out(addr, len_bytes);
        text("read_string", bytes.map_err(|error| read_error("read_string", error))?)
    }

    /// Writes Bytes, a list of ints from 0 to 255, or a string in UTF-8.
    fn write<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
        #[starlark(require = pos)] buffer: Value<'v>,
    ) -> starlark::Result<NoneType> {
        let bytes = to_bytes(buffer)
            .map_err(|error| native_error(format!("Memory.write: {}", error.kind())))?;
        write("write", this, offset, &bytes)?;
        Ok(NoneType)
    }

    /// Writes a string in UTF-8, without a NUL, and returns how many bytes that were.
    fn write_string<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] ptr: Value<'v>,
        #[starlark(require = pos)] s: Value<'v>,
    ) -> starlark::Result<u64> {
        let Some(text) = s.unpack_str() else {
            let ty = s.get_type();
            return Err(native_error(format!("Memory.write_string: expected a string, got {ty}")));
        };
        write("write_string", this, ptr, text.as_bytes())?;
        Ok(text.len() as u64)
    }

    fn read_int8<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
    ) -> starlark::Result<i64> {
        Ok(i8::from_le_bytes(load("read_int8", this, offset)?).into())
    }

    fn read_int16<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
    ) -> starlark::Result<i64> {
        Ok(i16::from_le_bytes(load("read_int16", this, offset)?).into())
    }

    fn read_int32<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
    ) -> starlark::Result<i64> {
        Ok(i32::from_le_bytes(load("read_int32", this, offset)?).into())
    }

    fn read_int64<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
    ) -> starlark::Result<i64> {
        Ok(i64::from_le_bytes(load("read_int64", this, offset)?))
    }

    fn read_uint8<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
    ) -> starlark::Result<u64> {
        Ok(u8::from_le_bytes(load("read_uint8", this, offset)?).into())
    }

    fn read_uint16<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
    ) -> starlark::Result<u64> {
        Ok(u16::from_le_bytes(load("read_uint16", this, offset)?).into())
    }

    fn read_uint32<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
    ) -> starlark::Result<u64> {
        Ok(u32::from_le_bytes(load("read_uint32", this, offset)?).into())
    }

    fn read_uint64<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
    ) -> starlark::Result<u64> {
        Ok(u64::from_le_bytes(load("read_uint64", this, offset)?))
    }

    fn read_float<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
    ) -> starlark::Result<f64> {
        Ok(f32::from_le_bytes(load("read_float", this, offset)?).into())
    }

    fn read_double<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
    ) -> starlark::Result<f64> {
        Ok(f64::from_le_bytes(load("read_double", this, offset)?))
    }

    fn write_int8<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
        #[starlark(require = pos)] value: Value<'v>,
    ) -> starlark::Result<NoneType> {
        let value: i8 = integer("write_int8", (i8::MIN, i8::MAX), value)?;
        write("write_int8", this, offset, &value.to_le_bytes())?;
        Ok(NoneType)
    }

    fn write_int16<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
        #[starlark(require = pos)] value: Value<'v>,
    ) -> starlark::Result<NoneType> {
        let value: i16 = integer("write_int16", (i16::MIN, i16::MAX), value)?;
        write("write_int16", this, offset, &value.to_le_bytes())?;
        Ok(NoneType)
    }

    fn write_int32<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
        #[starlark(require = pos)] value: Value<'v>,
    ) -> starlark::Result<NoneType> {
        let value: i32 = integer("write_int32", (i32::MIN, i32::MAX), value)?;
        write("write_int32", this, offset, &value.to_le_bytes())?;
        Ok(NoneType)
    }

    fn write_int64<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
        #[starlark(require = pos)] value: Value<'v>,
    ) -> starlark::Result<NoneType> {
        let value: i64 = integer("write_int64", (i64::MIN, i64::MAX), value)?;
        write("write_int64", this, offset, &value.to_le_bytes())?;
        Ok(NoneType)
    }

    fn write_uint8<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
        #[starlark(require = pos)] value: Value<'v>,
    ) -> starlark::Result<NoneType> {
        let value: u8 = integer("write_uint8", (0, u8::MAX), value)?;
        write("write_uint8", this, offset, &value.to_le_bytes())?;
        Ok(NoneType)
    }

    fn write_uint16<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
        #[starlark(require = pos)] value: Value<'v>,
    ) -> starlark::Result<NoneType> {
        let value: u16 = integer("write_uint16", (0, u16::MAX), value)?;
        write("write_uint16", this, offset, &value.to_le_bytes())?;
        Ok(NoneType)
    }

    fn write_uint32<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
        #[starlark(require = pos)] value: Value<'v>,
    ) -> starlark::Result<NoneType> {
        let value: u32 = integer("write_uint32", (0, u32::MAX), value)?;
        write("write_uint32", this, offset, &value.to_le_bytes())?;
        Ok(NoneType)
    }

    fn write_uint64<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
        #[starlark(require = pos)] value: Value<'v>,
    ) -> starlark::Result<NoneType> {
        let value: u64 = integer("write_uint64", (0, u64::MAX), value)?;
        write("write_uint64", this, offset, &value.to_le_bytes())?;
        Ok(NoneType)
    }

    fn write_float<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
        #[starlark(require = pos)] value: UnpackFloat,
    ) -> starlark::Result<NoneType> {
        write("write_float", this, offset, &(value.0 as f32).to_le_bytes())?;
        Ok(NoneType)
    }

    fn write_double<'v>(
        this: &MemoryValue,
        #[starlark(require = pos)] offset: Value<'v>,
        #[starlark(require = pos)] value: UnpackFloat,
    ) -> starlark::Result<NoneType> {
        write("write_double", this, offset, &value.0.to_le_bytes())?;
        Ok(NoneType)
    }
}
