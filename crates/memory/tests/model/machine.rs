//! Runs operations on memories and models alike.

use lineal_memory::{AtomicError, DataSegment, InitError, Pages, RmwOp, StringError};

use super::kind::Kind;
use super::memory::{Memory, with_memory};
use super::numbers::Numbers;
use super::operation::{Access, Operation, PAIRS};
use super::reference::Model;

/// Runs `$body` with the scalar type number `$index` as `$T`.
macro_rules! with_scalar {
    ($index:expr, $T:ident => $body:expr) => {
        with_scalar!(@ $index, $T, $body, 0 u8, 1 u16, 2 u32, 3 u64, 4 u128, 5 i8, 6 i16, 7 i32,
            8 i64, 9 i128, 10 f32, 11 f64)
    };
    (@ $index:expr, $T:ident, $body:expr, $($number:literal $scalar:ty),*) => {
        match $index {
            $($number => {
                type $T = $scalar;
                $body
            })*
            _ => unreachable!(),
        }
    };
}

/// Runs `$body` with the atomic type number `$index` as `$T`.
macro_rules! with_atomic {
    ($index:expr, $T:ident => $body:expr) => {
        with_scalar!(@ $index, $T, $body, 0 u8, 1 u16, 2 u32, 3 u64)
    };
}

/// `load_extend` for the pair of types number `index`, as a wide enough number.
fn load_extend(memory: &Memory, index: usize, addr: u64, offset: u64) -> Option<i128> {
    macro_rules! pairs {
        ($($number:literal $narrow:ty, $wide:ty;)*) => {
            match index {
                $($number => {
                    let loaded = with_memory!(memory, memory => {
                        memory.load_extend::<$narrow, $wide>(addr, offset)
                    });
                    loaded.ok().map(i128::from)
                })*
                _ => unreachable!(),
            }
        };
    }
    pairs! {
        0 i8, i32; 1 u8, i32; 2 i16, i32; 3 u16, i32;
        4 i8, i64; 5 u8, i64; 6 i16, i64; 7 u16, i64; 8 i32, i64; 9 u32, i64;
    }
}

/// The width and signedness of the narrow type of each pair.
const NARROW: [(u64, bool); PAIRS] = [
    (1, true),
    (1, false),
    (2, true),
    (2, false),
    (1, true),
    (1, false),
    (2, true),
    (2, false),
    (4, true),
    (4, false),
];

/// Both memories and both segments, and what they should be.
pub(crate) struct Machine {
    memories: [Memory; 2],
    models: [Model; 2],
    segments: [DataSegment; 2],
    segment_models: [Vec<u8>; 2],
}

/// The most operations of a run.
const MAX_OPERATIONS: usize = 100;

impl Machine {
    /// Runs the operations that some bytes choose, and panics where memories and models disagree.
    pub(crate) fn run_all(bytes: &[u8]) {
        let mut numbers = Numbers::new(bytes);
        let mut machine = Machine::new(&[Kind::random(&mut numbers), Kind::random(&mut numbers)]);
        machine.check();
        for _ in 0..1 + numbers.below(MAX_OPERATIONS) {
            let number = numbers.below(2);
            machine.run(number, &Operation::random(&mut numbers));
            machine.check();
        }
    }

    fn new(kinds: &[Kind; 2]) -> Machine {
        let memories = [kinds[0].memory(), kinds[1].memory()];
        let model = |at: usize| {
            let capacity_bytes = match &memories[at] {
                Memory::Linear(_) => u64::MAX,
                Memory::Shared(memory) => memory.capacity_bytes(),
            };
            Model::new(&kinds[at], capacity_bytes)
        };
        let segment_models = [(0..50).collect::<Vec<u8>>(), (100..200).collect()];
        Machine {
            models: [model(0), model(1)],
            memories,
            segments: segment_models.clone().map(DataSegment::from),
            segment_models,
        }
    }

    fn check(&self) {
        for (memory, model) in self.memories.iter().zip(&self.models) {
            assert!(memory.bytes() == model.bytes, "the bytes differ");
            let (byte_len, size) =
                with_memory!(memory, memory => (memory.byte_len(), memory.size().0));
            assert_eq!(byte_len, model.bytes.len() as u64);
            assert_eq!(size, model.bytes.len() as u64 / model.page_bytes);
        }
    }

    /// Runs one operation on memory number `number` and on its model.
    fn run(&mut self, number: usize, operation: &Operation) {
        let byte_len = self.models[number].bytes.len() as u64;
        let other_len = self.models[1 - number].bytes.len() as u64;
        let [first, second] = &mut self.memories;
        let (memory, other) = if number == 0 { (first, second) } else { (second, first) };
        let [first, second] = &mut self.models;
        let (model, other_model) = if number == 0 { (first, second) } else { (second, first) };
        match operation {
            Operation::Load { scalar, addr, offset } => with_scalar!(*scalar, T => {
                let addr = addr.addr(byte_len);
                let expected = model.get(addr, *offset, size_of::<T>() as u128);
                let loaded = with_memory!(memory, memory => memory.load::<T>(addr, *offset)).map(T::to_le_bytes);
                assert_eq!(loaded.as_ref().ok().map(|bytes| &bytes[..]), expected);
            }),
            Operation::LoadExtend { pair, addr, offset } => {
                let addr = addr.addr(byte_len);
                let (width, signed) = NARROW[*pair];
                let expected = model.get(addr, *offset, width.into()).map(|bytes| {
                    let zero_extended =
                        bytes.iter().rev().fold(0, |sum, byte| sum * 256 + i128::from(*byte));
                    let negative = signed && bytes[bytes.len() - 1] >= 0x80;
                    zero_extended - if negative { 1 << (8 * width) } else { 0 }
                });
                assert_eq!(load_extend(memory, *pair, addr, *offset), expected);
            }
            Operation::Store { scalar, addr, offset, value } => with_scalar!(*scalar, T => {
                let addr = addr.addr(byte_len);
                let bytes = &value.to_le_bytes()[..size_of::<T>()];
                let value = T::from_le_bytes(bytes.try_into().unwrap());
                let stored = with_memory!(memory, memory => memory.store(addr, *offset, value));
                assert_eq!(stored.is_ok(), model.set(addr, *offset, bytes));
            }),
            Operation::Read { addr, len } => {
                let addr = addr.addr(byte_len);
                let mut buffer = vec![0xa5; *len];
                let read = with_memory!(memory, memory => memory.read(addr, &mut buffer));
                let expected = model.get(addr, 0, *len as u128);
                assert_eq!(read.is_ok(), expected.is_some());
                assert_eq!(buffer, expected.map_or(vec![0xa5; *len], <[u8]>::to_vec));
            }
            Operation::Write { addr, bytes } => {
                let addr = addr.addr(byte_len);
                assert_eq!(
                    with_memory!(memory, memory => memory.write(addr, bytes)).is_ok(),
                    model.set(addr, 0, bytes)
                );
            }
            Operation::Fill { addr, value, len } => {
                let addr = addr.addr(byte_len);
                let filled = with_memory!(memory, memory => memory.fill(addr, *value, *len));
                let new = model.get(addr, 0, (*len).into()).map(|old| vec![*value; old.len()]);
                assert_eq!(filled.is_ok(), new.is_some_and(|new| model.set(addr, 0, &new)));
            }
            Operation::CopyWithin { dst, src, len } => {
                let (dst, src) = (dst.addr(byte_len), src.addr(byte_len));
                let copied = with_memory!(memory, memory => memory.copy_within(dst, src, *len));
                let new = model.get(src, 0, (*len).into()).map(<[u8]>::to_vec);
                assert_eq!(copied.is_ok(), new.is_some_and(|new| model.set(dst, 0, &new)));
            }
            Operation::CopyFrom { dst, src, len } => {
                let (dst, src) = (dst.addr(byte_len), src.addr(other_len));
                let copied = memory.copy_from(dst, other, src, *len);
                let new = other_model.get(src, 0, (*len).into());
                assert_eq!(copied.is_ok(), new.is_some_and(|new| model.set(dst, 0, new)));
            }
            Operation::Init { dst, segment, offset, len } => {
                let dst = dst.addr(byte_len);
                let initialised = with_memory!(memory, memory => memory.init(dst, &self.segments[*segment], *offset, *len));
                let bytes = &self.segment_models[*segment];
                let end = u128::from(*offset) + u128::from(*len);
                if end > bytes.len() as u128 {
                    assert!(matches!(initialised, Err(InitError::Segment(_))));
                } else {
                    let new = &bytes[*offset as usize..end as usize];
                    assert_eq!(initialised.is_ok(), model.set(dst, 0, new));
                }
            }
            Operation::Drop { segment } => {
                self.segments[*segment].drop_segment();
                self.segment_models[*segment].clear();
                assert_eq!(self.segments[*segment].byte_len(), 0);
            }
            Operation::Grow { delta } => {
                let grown = with_memory!(memory, memory => memory.grow(Pages(*delta)));
                assert_eq!(grown.ok().map(|pages| pages.0), model.grow(*delta));
            }
            Operation::ReadView { scalar, addr, count, index } => with_scalar!(*scalar, T => {
                // Others might change what a view of a shared memory shows.
                let Memory::Linear(memory) = memory else { return };
                let addr = addr.addr(byte_len);
                let width = size_of::<T>();
                let view = memory.view::<T>(addr, *count);
                let expected = model.get(addr, 0, u128::from(*count) * width as u128);
                assert_eq!(view.is_ok(), expected.is_some());
                if let (Ok(view), Some(bytes)) = (view, expected) {
                    let elements: Vec<_> = bytes.chunks(width).collect();
                    assert_eq!(view.len(), elements.len());
                    assert_eq!(view.iter().len(), elements.len());
                    assert!(view.iter().map(T::to_le_bytes).eq(elements.iter().copied()));
                    let backwards = view.into_iter().rev().map(T::to_le_bytes);
                    assert!(backwards.eq(elements.iter().rev().copied()));
                    let got = view.get(*index).ok().map(T::to_le_bytes);
                    let element = elements.get(*index).copied();
                    assert_eq!(got.as_ref().map(|bytes| &bytes[..]), element);
                }
            }),
            Operation::WriteView { scalar, addr, count, index, value } => {
                with_scalar!(*scalar, T => {
                    let Memory::Linear(memory) = memory else { return };
                    let addr = addr.addr(byte_len);
                    let width = size_of::<T>() as u128;
                    let view = memory.view_mut::<T>(addr, *count);
                    let expected = model.get(addr, 0, u128::from(*count) * width);
                    assert_eq!(view.is_ok(), expected.is_some());
                    if let Ok(mut view) = view {
                        let bytes = &value.to_le_bytes()[..width as usize];
                        let value = T::from_le_bytes(bytes.try_into().unwrap());
                        let inside = (*index as u64) < *count;
                        assert_eq!(view.set(*index, value).is_ok(), inside);
                        assert!(!inside || model.set(addr, *index as u64 * width as u64, bytes));
                    }
                })
            }
            Operation::ReadString { addr, len } => {
                let addr = addr.addr(byte_len);
                let expected = model.get(addr, 0, (*len).into());
                let read = with_memory!(memory, memory => memory.read_string(addr, *len));
                assert_string(read, expected);
            }
            Operation::WriteString { addr, text } => {
                let addr = addr.addr(byte_len);
                let written = with_memory!(memory, memory => memory.write_string(addr, text));
                assert_eq!(written.is_ok(), model.set(addr, 0, text.as_bytes()));
            }
            Operation::ReadCstring { addr, limit } => {
                let addr = addr.addr(byte_len);
                let read =
                    with_memory!(memory, memory => memory.read_cstring_with_limit(addr, *limit));
                let Some(rest) = model.bytes.get(usize::try_from(addr).unwrap_or(usize::MAX)..)
                else {
                    assert!(matches!(read, Err(StringError::OutOfBounds(_))));
                    return;
                };
                let mut searched = rest.iter().take(usize::try_from(*limit).unwrap_or(usize::MAX));
                match searched.position(|byte| *byte == 0) {
                    Some(len) => assert_string(read, Some(&rest[..len])),
                    None if *limit <= rest.len() as u64 => {
                        let error = StringError::Unterminated { addr, limit_bytes: *limit };
                        assert_eq!(read, Err(error));
                    }
                    None => assert!(matches!(read, Err(StringError::OutOfBounds(_)))),
                }
            }
            Operation::ReadUtf16 { addr, len } => {
                let addr = addr.addr(byte_len);
                let read = with_memory!(memory, memory => memory.read_utf16(addr, *len));
                let Some(bytes) = model.get(addr, 0, 2 * u128::from(*len)) else {
                    assert!(matches!(read, Err(StringError::OutOfBounds(_))));
                    return;
                };
                let units = bytes.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
                let expected = String::from_utf16(&units.collect::<Vec<_>>());
                match (read, expected) {
                    (Err(StringError::InvalidUtf16 { addr: bad_addr, unit }), Err(_)) => {
                        assert!((0xd800..0xe000).contains(&unit));
                        assert_eq!(
                            with_memory!(memory, memory => memory.load(bad_addr, 0)),
                            Ok(unit)
                        );
                        // What comes before is text.
                        assert!(with_memory!(memory, memory => memory.read_utf16(addr, (bad_addr - addr) / 2)).is_ok());
                    }
                    (read, expected) => assert_eq!(read.ok(), expected.ok()),
                }
            }
            Operation::WriteUtf16 { addr, text } => {
                let addr = addr.addr(byte_len);
                let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
                let written = with_memory!(memory, memory => memory.write_utf16(addr, text));
                let expected = model.set(addr, 0, &bytes).then_some(bytes.len() as u64 / 2);
                assert_eq!(written.ok(), expected);
            }
            Operation::Atomic { width, access, addr, offset, operands } => {
                with_atomic!(*width, T => {
                    let addr = addr.addr(byte_len);
                    let [operand, replacement] = operands.map(|operand| operand as T);
                    let expected = model.get(addr, *offset, size_of::<T>() as u128).map(|bytes| {
                        T::from_le_bytes(bytes.try_into().unwrap())
                    });
                    let (found, new) = with_memory!(memory, memory => match access {
                        Access::Load => (memory.atomic_load::<T>(addr, *offset), expected),
                        Access::Store => {
                            let stored = memory.atomic_store(addr, *offset, operand);
                            (stored.map(|()| expected.unwrap()), Some(operand))
                        }
                        Access::Rmw(op) => {
                            let found = memory.atomic_rmw(*op, addr, *offset, operand);
                            (found, expected.map(|old| match op {
                                RmwOp::Add => old.wrapping_add(operand),
                                RmwOp::Sub => old.wrapping_sub(operand),
                                RmwOp::And => old & operand,
                                RmwOp::Or => old | operand,
                                RmwOp::Xor => old ^ operand,
                                RmwOp::Xchg => operand,
                            }))
                        }
                        Access::Cmpxchg { hit } => {
                            let guess = if *hit { expected.unwrap_or(operand) } else { operand };
                            let found = memory.atomic_cmpxchg(addr, *offset, guess, replacement);
                            let new = |old| if old == guess { replacement } else { old };
                            (found, expected.map(new))
                        }
                    });
                    let ea = u128::from(addr) + u128::from(*offset);
                    match found {
                        Err(AtomicError::Unaligned(_)) => assert!(ea % size_of::<T>() as u128 != 0),
                        Err(AtomicError::OutOfBounds(_)) => assert_eq!(expected, None),
                        Err(error) => panic!("{error}"),
                        Ok(found) => {
                            assert!(ea.is_multiple_of(size_of::<T>() as u128));
                            assert_eq!(Some(found), expected);
                            assert!(model.set(addr, *offset, &new.unwrap().to_le_bytes()));
                        }
                    }
                })
            }
            Operation::Notify { addr, offset } => {
                let addr = addr.addr(byte_len);
                let woken = with_memory!(memory, memory => memory.atomic_notify(addr, *offset, 9));
                let aligned = addr.wrapping_add(*offset).is_multiple_of(4);
                let expected = aligned && model.get(addr, *offset, 4).is_some();
                assert_eq!(woken.ok(), expected.then_some(0));
            }
        }
    }
}

/// Compares a string that was read with the bytes it was read from, if they are in bounds.
fn assert_string(read: Result<String, StringError>, expected: Option<&[u8]>) {
    match (read, expected) {
        (Err(StringError::OutOfBounds(_)), None) => {}
        (Err(StringError::InvalidUtf8 { .. }), Some(bytes)) => {
            assert!(str::from_utf8(bytes).is_err());
        }
        (Ok(string), Some(bytes)) => assert_eq!(string.as_bytes(), bytes),
        (read, expected) => panic!("read {read:?} from {expected:?}"),
    }
}
