//! Bytes that other threads may be changing, moved by relaxed atomics only.
//!
//! A number that is aligned and at most 8 bytes wide moves as one; everything else moves in
//! aligned words and single bytes, between which others may get in. That is what the memory model
//! of the threads proposal allows plain accesses and bulk operations.
//!
//! Threads that race may use different widths. Rust leaves the outcome of that open; LLVM defines
//! it byte by byte, as the memory model of WebAssembly wants it.

use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64};

/// How many bytes a copy takes at a time: they are all read before one of them is written.
const COPY_BYTES: usize = 1024;

/// The same bytes as words, as far as they are aligned, with the bytes before and after.
fn words(bytes: &[AtomicU8]) -> (&[AtomicU8], &[AtomicU64], &[AtomicU8]) {
    // SAFETY: any 8 bytes that may be accessed atomically are a word that may.
    unsafe { bytes.align_to() }
}

/// The bytes of a number, at most 16; `Bytes` is an array of them.
#[inline(always)]
pub(crate) fn load<Bytes: Default + AsMut<[u8]>>(src: &[AtomicU8]) -> Bytes {
    let mut bytes = Bytes::default();
    let target = bytes.as_mut();
    debug_assert_eq!(src.len(), target.len());
    let src_ptr = src.as_ptr();
    if !src_ptr.addr().is_multiple_of(target.len()) {
        read(src, target);
        return bytes;
    }
    // SAFETY: it is aligned, and has the width of what is read.
    unsafe {
        match target.len() {
            1 => target.copy_from_slice(&[(*src_ptr).load(Relaxed)]),
            2 => {
                target.copy_from_slice(&(*src_ptr.cast::<AtomicU16>()).load(Relaxed).to_ne_bytes())
            }
            4 => {
                target.copy_from_slice(&(*src_ptr.cast::<AtomicU32>()).load(Relaxed).to_ne_bytes())
            }
            8 => {
                target.copy_from_slice(&(*src_ptr.cast::<AtomicU64>()).load(Relaxed).to_ne_bytes())
            }
            _ => read(src, target),
        }
    }
    bytes
}

/// Writes the bytes of a number, at most 16.
#[inline(always)]
pub(crate) fn store(dst: &[AtomicU8], bytes: &[u8]) {
    debug_assert_eq!(dst.len(), bytes.len());
    let dst_ptr = dst.as_ptr();
    if !dst_ptr.addr().is_multiple_of(bytes.len()) {
        return write(dst, bytes);
    }
    // SAFETY: it is aligned, and has the width of what is written.
    unsafe {
        match *bytes {
            [byte] => (*dst_ptr).store(byte, Relaxed),
            [a, b] => {
                (*dst_ptr.cast::<AtomicU16>()).store(u16::from_ne_bytes([a, b]), Relaxed);
            }
            [a, b, c, d] => {
                (*dst_ptr.cast::<AtomicU32>()).store(u32::from_ne_bytes([a, b, c, d]), Relaxed);
            }
            [a, b, c, d, e, f, g, h] => {
                let word = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
                (*dst_ptr.cast::<AtomicU64>()).store(word, Relaxed);
            }
            _ => write(dst, bytes),
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
    let mut buffer = [0; COPY_BYTES];
    let mut copy_chunk = |(dst, src): (&[AtomicU8], &[AtomicU8])| {
        let buffer = &mut buffer[..src.len()];
        read(src, buffer);
        write(dst, buffer);
    };
    let chunks = dst.chunks(COPY_BYTES).zip(src.chunks(COPY_BYTES));
    // Bytes must be read before something else is written to their place.
    if dst.as_ptr() <= src.as_ptr() {
        chunks.for_each(copy_chunk);
    } else {
        chunks.rev().for_each(&mut copy_chunk);
    }
}
