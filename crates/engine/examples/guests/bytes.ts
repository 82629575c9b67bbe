// Grows its memory, writes bytes and reads them back.

/** Adds pages; the size before, or -1. */
export function grow(pages: i32): i32 {
  return memory.grow(pages);
}

/** The size in pages. */
export function size(): i32 {
  return memory.size();
}

/** Writes `length` bytes from an address on: 0, 1, 2 and so on, times a factor. */
export function fill(address: usize, length: i32, factor: i32): void {
  for (let i = 0; i < length; i++) {
    store<u8>(address + i, <u8>(i * factor));
  }
}

/** Reads one byte. */
export function read(address: usize): u8 {
  return load<u8>(address);
}

/** The sum of `length` bytes from an address on. */
export function sum(address: usize, length: i32): i32 {
  let total = 0;
  for (let i = 0; i < length; i++) {
    total += load<u8>(address + i);
  }
  return total;
}

const greeting: string = "grüße from AssemblyScript";

/** Where a string is: UTF-16, with its length in bytes in the 32 bits before it. */
export function text(): usize {
  return changetype<usize>(greeting);
}
