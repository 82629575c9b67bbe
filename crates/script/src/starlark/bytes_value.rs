//! `Bytes`: a copy of bytes of a memory.

use std::cmp::Ordering;
use std::fmt;
use std::fmt::Write as _;

use allocative::Allocative;
use starlark::any::ProvidesStaticType;
use starlark::collections::StarlarkHasher;
use starlark::environment::{GlobalsBuilder, Methods, MethodsBuilder, MethodsStatic};
use starlark::values::list::UnpackList;
use starlark::values::{
    Heap, NoSerialize, StarlarkPagablePanic, StarlarkValue, UnpackValue, Value, starlark_value,
};
use starlark::{starlark_module, starlark_simple_value};

use super::native_error;

/// Bytes, which do not change.
#[derive(
    Clone, Debug, PartialEq, Eq, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative,
)]
pub(super) struct BytesValue(pub(super) Vec<u8>);

starlark_simple_value!(BytesValue);

impl fmt::Display for BytesValue {
    /// As a literal of Starlark.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

#[starlark_value(type = "Bytes")]
impl<'v> StarlarkValue<'v> for BytesValue {
    fn get_methods() -> Option<&'static Methods> {
        static METHODS: MethodsStatic = MethodsStatic::new("Bytes", methods);
        Some(METHODS.methods())
    }

    /// The text, in UTF-8. What is none is shown as U+FFFD.
    fn collect_str(&self, collector: &mut String) {
        collector.push_str(&String::from_utf8_lossy(&self.0));
    }

    fn to_bool(&self) -> bool {
        !self.0.is_empty()
    }

    fn write_hash(&self, hasher: &mut StarlarkHasher) -> starlark::Result<()> {
        std::hash::Hash::hash(&self.0, hasher);
        Ok(())
    }

    fn equals(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(BytesValue::from_value(other).is_some_and(|other| self == other))
    }

    fn compare(&self, other: Value<'v>) -> starlark::Result<Ordering> {
        match BytesValue::from_value(other) {
            Some(other) => Ok(self.0.cmp(&other.0)),
            None => Err(native_error(format!("cannot compare Bytes with {}", other.get_type()))),
        }
    }

    fn length(&self) -> starlark::Result<i32> {
        i32::try_from(self.0.len()).map_err(|_| native_error("the length does not fit an int"))
    }

    fn at(&self, index: Value<'v>, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        let length = self.0.len() as i64;
        let Some(index) = i64::unpack_value(index)? else {
            let ty = index.get_type();
            return Err(native_error(format!("an index of Bytes must be an int, got {ty}")));
        };
        let position = if index < 0 { index + length } else { index };
        let byte = usize::try_from(position).ok().and_then(|position| self.0.get(position));
        match byte {
            Some(&byte) => Ok(heap.alloc(i32::from(byte))),
            None => Err(native_error(format!(
                "index {index} is outside the Bytes, whose length is {length}"
            ))),
        }
    }

    fn slice(
        &self,
        start: Option<Value<'v>>,
        stop: Option<Value<'v>>,
        stride: Option<Value<'v>>,
        heap: Heap<'v>,
    ) -> starlark::Result<Value<'v>> {
        let number = |value: Option<Value<'v>>| match value {
            None => Ok(None),
            Some(value) if value.is_none() => Ok(None),
            Some(value) => match i64::unpack_value(value)? {
                Some(number) => Ok(Some(number)),
                None => Err(native_error("the parts of a slice must be ints")),
            },
        };
        let (start, stop, stride) = (number(start)?, number(stop)?, number(stride)?.unwrap_or(1));
        if stride == 0 {
            return Err(native_error("the step of a slice must not be 0"));
        }
        Ok(heap.alloc(BytesValue(slice(&self.0, start, stop, stride))))
    }

    fn iterate_collect(&self, heap: Heap<'v>) -> starlark::Result<Vec<Value<'v>>> {
        Ok(self.0.iter().map(|&byte| heap.alloc(i32::from(byte))).collect())
    }

    fn is_in(&self, other: Value<'v>) -> starlark::Result<bool> {
        if let Some(bytes) = BytesValue::from_value(other) {
            let mut windows = self.0.windows(bytes.0.len().max(1));
            return Ok(bytes.0.is_empty() || windows.any(|window| window == bytes.0));
        }
        match i64::unpack_value(other)? {
            Some(number) => Ok(self.0.iter().any(|&byte| i64::from(byte) == number)),
            None => {
                Err(native_error(format!("Bytes hold ints and Bytes, not {}", other.get_type())))
            }
        }
    }

    fn add(&self, other: Value<'v>, heap: Heap<'v>) -> Option<starlark::Result<Value<'v>>> {
        let other = BytesValue::from_value(other)?;
        Some(Ok(heap.alloc(BytesValue([&self.0[..], &other.0].concat()))))
    }
}

/// Each `stride`-th byte from `start` up or down to `stop`, as Python has it.
fn slice(bytes: &[u8], start: Option<i64>, stop: Option<i64>, stride: i64) -> Vec<u8> {
    let length = bytes.len() as i64;
    // Where a slice can begin and end: a step down can end before the first byte.
    let (low, high) = if stride > 0 { (0, length) } else { (-1, length - 1) };
    let bound = |index: i64| {
        let index = if index < 0 { index.saturating_add(length) } else { index };
        index.clamp(low, high)
    };
    let (first, last) = if stride > 0 { (low, high) } else { (high, low) };
    let (mut at, stop) = (start.map_or(first, bound), stop.map_or(last, bound));
    let mut taken = Vec::new();
    while if stride > 0 { at < stop } else { at > stop } {
        taken.push(bytes[at as usize]);
        at = at.saturating_add(stride);
    }
    taken
}

#[starlark_module]
fn methods(builder: &mut MethodsBuilder) {
    /// The bytes as hexadecimal digits.
    fn hex(this: &BytesValue) -> anyhow::Result<String> {
        Ok(this.0.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }
}

#[starlark_module]
pub(super) fn globals(builder: &mut GlobalsBuilder) {
    /// Bytes from a list of ints, a string (in UTF-8), or Bytes.
    #[allow(non_snake_case)]
    fn Bytes<'v>(
        #[starlark(require = pos, default = starlark::values::list::AllocList::EMPTY)] of: Value<
            'v,
        >,
    ) -> starlark::Result<BytesValue> {
        Ok(BytesValue(to_bytes(of)?))
    }
}

/// The bytes that a value stands for.
pub(super) fn to_bytes(value: Value<'_>) -> starlark::Result<Vec<u8>> {
    if let Some(bytes) = BytesValue::from_value(value) {
        return Ok(bytes.0.clone());
    }
    if let Some(text) = value.unpack_str() {
        return Ok(text.as_bytes().to_vec());
    }
    let Some(list) = UnpackList::<Value<'_>>::unpack_value(value)? else {
        return Err(native_error(format!(
            "expected Bytes, a list of ints or a string, got {}",
            value.get_type()
        )));
    };
    let bytes = list.items.into_iter().enumerate().map(|(index, item)| {
        let number = i64::unpack_value(item)?;
        number.and_then(|number| u8::try_from(number).ok()).ok_or_else(|| {
            native_error(format!("element {index} must be an int from 0 to 255, got {item}"))
        })
    });
    bytes.collect()
}

#[cfg(test)]
mod tests {
    use super::slice;

    #[test]
    fn slices_are_those_of_python() {
        let bytes = *b"banana";
        let case =
            |start, stop, stride| String::from_utf8(slice(&bytes, start, stop, stride)).unwrap();
        assert_eq!(case(None, None, 1), "banana");
        assert_eq!(case(Some(1), Some(3), 1), "an");
        assert_eq!(case(Some(-2), None, 1), "na");
        assert_eq!(case(None, None, -1), "ananab");
        assert_eq!(case(Some(4), None, -2), "nnb");
        assert_eq!(case(Some(10), Some(20), 1), "");
        assert_eq!(case(Some(3), Some(1), 1), "");
        assert_eq!(case(Some(i64::MIN), Some(i64::MAX), i64::MAX), "b");
        assert_eq!(case(None, None, i64::MIN), "a");
    }
}
