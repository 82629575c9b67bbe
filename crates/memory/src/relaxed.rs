//! Bytes that other threads may be changing, moved by relaxed atomics only.
//!
//! A number that is aligned and at most 8 bytes wide moves as one; everything else moves in
//! aligned words and single bytes, between which others may get in. That is what the memory model
//! of the threads proposal allows plain accesses and bulk operations.
//!
//! # Threads that race with different widths
//!
//! A guest may store 4 bytes while another thread loads 2 of them. WebAssembly defines what that
//! gives, byte by byte. So does LLVM, which compiles this. Rust does not: the documentation of
//! [`core::sync::atomic`] calls such a race undefined behaviour unless something orders the two
//! accesses, and Miri stops there. This is a known limit of [`SharedMemory`](crate::SharedMemory)
//! and the only place where Lineal relies on more than Rust promises. The accesses that may race
//! like that are those of this module and of [`atomic`](crate::atomic), and nothing else; when Rust
//! gets a way to say what is meant, these two change. Inline assembly would be no better founded,
//! and handlers of an engine would lose the compiler's choice of addressing modes and registers.

use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64};

/// How many bytes a long copy takes at a time if source and destination are not aligned alike.
const LONG_BYTES: usize = 1024;

/// And a short one: to clear its buffer takes little time.
const SHORT_BYTES: usize = 64;

/// Bytes in memory.
///
/// # Safety
///
/// They may be accessed atomically, by nobody otherwise, and live as long as the result.
#[inline(always)]
pub(crate) unsafe fn bytes<'a>(first_ptr: *mut u8, len: usize) -> &'a [AtomicU8] {
    // SAFETY: the caller's promise.
    unsafe { core::slice::from_raw_parts(first_ptr.cast_const().cast(), len) }
}

/// The same bytes as words, as far as they are aligned, with the bytes before and after.
fn words(bytes: &[AtomicU8]) -> (&[AtomicU8], &[AtomicU64], &[AtomicU8]) {
    // SAFETY: any 8 bytes that may be accessed atomically are a word that may.
    unsafe { bytes.align_to() }
}

/// Accesses to an unsigned number: as a whole if it is aligned, else byte by byte.
//
// Only one of the two forms looks at single bytes, so that the compiler keeps the number in one
// register in the other.
macro_rules! whole {
    ($load:ident, $store:ident, $number:ty, $atomic:ty) => {
        /// # Safety
        ///
        /// As for [`load`].
        #[inline(always)]
        unsafe fn $load(src_ptr: *mut u8) -> $number {
            // SAFETY: the caller's promise; a number that is accessed as a whole is aligned.
            unsafe {
                if src_ptr.addr().is_multiple_of(size_of::<$number>()) {
                    return <$atomic>::from_ptr(src_ptr.cast()).load(Relaxed);
                }
                let byte = |at| AtomicU8::from_ptr(src_ptr.add(at)).load(Relaxed);
                <$number>::from_ne_bytes(core::array::from_fn(byte))
            }
        }

        /// # Safety
        ///
        /// As for [`load`].
        #[inline(always)]
        unsafe fn $store(dst_ptr: *mut u8, number: $number) {
            // SAFETY: as above.
            unsafe {
                if dst_ptr.addr().is_multiple_of(size_of::<$number>()) {
                    return <$atomic>::from_ptr(dst_ptr.cast()).store(number, Relaxed);
                }
                for (at, byte) in number.to_ne_bytes().into_iter().enumerate() {
                    AtomicU8::from_ptr(dst_ptr.add(at)).store(byte, Relaxed);
                }
            }
        }
    };
}

whole!(load8, store8, u8, AtomicU8);
whole!(load16, store16, u16, AtomicU16);
whole!(load32, store32, u32, AtomicU32);
whole!(load64, store64, u64, AtomicU64);

/// The bytes of a number, 1, 2, 4, 8 or 16; `Bytes` is an array of them.
///
/// # Safety
///
/// As for [`bytes`].
//
// Neither this nor `store` calls anything with a pointer into its own frame: handlers of an engine,
// which inline them, must not need one.
#[inline(always)]
pub(crate) unsafe fn load<Bytes: Default + AsMut<[u8]>>(src_ptr: *mut u8) -> Bytes {
    let mut bytes = Bytes::default();
    let target = bytes.as_mut();
    // SAFETY: the caller's promise.
    unsafe {
        match target.len() {
            1 => target.copy_from_slice(&load8(src_ptr).to_ne_bytes()),
            2 => target.copy_from_slice(&load16(src_ptr).to_ne_bytes()),
            4 => target.copy_from_slice(&load32(src_ptr).to_ne_bytes()),
            _ => {
                for (at, chunk) in target.as_chunks_mut().0.iter_mut().enumerate() {
                    *chunk = load64(src_ptr.add(8 * at)).to_ne_bytes();
                }
            }
        }
    }
    bytes
}

/// Writes the bytes of a number, 1, 2, 4, 8 or 16.
///
/// # Safety
///
/// As for [`bytes`].
#[inline(always)]
pub(crate) unsafe fn store(dst_ptr: *mut u8, bytes: &[u8]) {
    // SAFETY: the caller's promise.
    unsafe {
        match *bytes {
            [a] => store8(dst_ptr, a),
            [a, b] => store16(dst_ptr, u16::from_ne_bytes([a, b])),
            [a, b, c, d] => store32(dst_ptr, u32::from_ne_bytes([a, b, c, d])),
            _ => {
                for (at, &chunk) in bytes.as_chunks().0.iter().enumerate() {
                    store64(dst_ptr.add(8 * at), u64::from_ne_bytes(chunk));
                }
            }
        }
    }
}

/// Reads as many bytes as `target` takes; `src` has as many.
pub(crate) fn read(src: &[AtomicU8], target: &mut [u8]) {
    let (src_head, src_words, src_tail) = words(src);
    let (head, rest) = target.split_at_mut(src_head.len());
    let (chunks, tail) = rest.as_chunks_mut();
    head.iter_mut().zip(src_head).for_each(|(byte, src)| *byte = src.load(Relaxed));
    for (chunk, src) in chunks.iter_mut().zip(src_words) {
        *chunk = src.load(Relaxed).to_ne_bytes();
    }
    tail.iter_mut().zip(src_tail).for_each(|(byte, src)| *byte = src.load(Relaxed));
}

/// Writes bytes; `dst` has as many.
pub(crate) fn write(dst: &[AtomicU8], bytes: &[u8]) {
    let (dst_head, dst_words, dst_tail) = words(dst);
    let (head, rest) = bytes.split_at(dst_head.len());
    let (chunks, tail) = rest.as_chunks();
    head.iter().zip(dst_head).for_each(|(byte, dst)| dst.store(*byte, Relaxed));
    for (chunk, dst) in chunks.iter().zip(dst_words) {
        dst.store(u64::from_ne_bytes(*chunk), Relaxed);
    }
    tail.iter().zip(dst_tail).for_each(|(byte, dst)| dst.store(*byte, Relaxed));
}

/// Sets all bytes to a value.
pub(crate) fn fill(dst: &[AtomicU8], value: u8) {
    let (head, words, tail) = words(dst);
    head.iter().chain(tail).for_each(|dst| dst.store(value, Relaxed));
    words.iter().for_each(|dst| dst.store(u64::from_ne_bytes([value; 8]), Relaxed));
}

/// Copies between ranges of the same length, which may overlap.
pub(crate) fn copy(dst: &[AtomicU8], src: &[AtomicU8]) {
    debug_assert_eq!(dst.len(), src.len());
    let distance = dst.as_ptr().addr().wrapping_sub(src.as_ptr().addr());
    if distance.is_multiple_of(size_of::<u64>()) {
        copy_words(dst, src);
    } else if src.len() <= SHORT_BYTES {
        copy_through::<SHORT_BYTES>(dst, src);
    } else {
        copy_through::<LONG_BYTES>(dst, src);
    }
}

/// Runs `step` with the pairs that two ranges consist of, in the order in which bytes are read before
/// something else is written to their place.
fn in_order<P>(
    is_forwards: bool,
    pairs: impl DoubleEndedIterator<Item = P>,
    mut step: impl FnMut(P),
) {
    if is_forwards { pairs.for_each(&mut step) } else { pairs.rev().for_each(&mut step) }
}

/// A copy between ranges that are aligned alike.
fn copy_words(dst: &[AtomicU8], src: &[AtomicU8]) {
    let is_forwards = dst.as_ptr() <= src.as_ptr();
    let (dst_head, dst_words, dst_tail) = words(dst);
    let (src_head, src_words, src_tail) = words(src);
    let copy_bytes = |dst: &[AtomicU8], src: &[AtomicU8]| {
        in_order(is_forwards, dst.iter().zip(src), |(dst, src)| {
            dst.store(src.load(Relaxed), Relaxed);
        });
    };
    let (head, tail) = ((dst_head, src_head), (dst_tail, src_tail));
    let (first, last) = if is_forwards { (head, tail) } else { (tail, head) };
    copy_bytes(first.0, first.1);
    in_order(is_forwards, dst_words.iter().zip(src_words), |(dst, src)| {
        dst.store(src.load(Relaxed), Relaxed);
    });
    copy_bytes(last.0, last.1);
}

/// A copy through a buffer: its bytes are all read before one of them is written.
fn copy_through<const BUFFER_BYTES: usize>(dst: &[AtomicU8], src: &[AtomicU8]) {
    let mut buffer = [0; BUFFER_BYTES];
    let chunks = dst.chunks(BUFFER_BYTES).zip(src.chunks(BUFFER_BYTES));
    in_order(dst.as_ptr() <= src.as_ptr(), chunks, |(dst, src)| {
        let buffer = &mut buffer[..src.len()];
        read(src, buffer);
        write(dst, buffer);
    });
}
