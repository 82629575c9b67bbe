// Faults in AssemblyScript with manual memory management and the garbage-collected runtime.
// `cases` names the exported functions; the argument is 0 for the faulty form and 1 for its twin.

export function writeAfter(fixed: i32): void {
  const p = heap.alloc(16);
  store<i32>(p + (fixed ? 12 : 16), 7); // ERROR invalid-write 4
  heap.free(p);
}

export function readBefore(fixed: i32): i32 {
  const p = heap.alloc(16);
  const v = load<u8>(p - (fixed ? 0 : 24)); // ERROR invalid-read 1
  heap.free(p);
  return v;
}

export function useAfterFree(fixed: i32): void {
  const p = heap.alloc(40);
  if (!fixed) heap.free(p);
  store<i64>(p + 16, 1); // ERROR use-after-free 8
  if (fixed) heap.free(p);
}

export function fillTooFar(fixed: i32): void {
  const p = heap.alloc(32);
  memory.fill(p, 1, fixed ? 32 : 33); // ERROR invalid-write
  heap.free(p);
}

export function copyTooFar(fixed: i32): void {
  const p = heap.alloc(32), q = heap.alloc(64);
  memory.fill(q, 0, 64);
  memory.copy(p, q, fixed ? 32 : 40); // ERROR invalid-write
  heap.free(q);
  heap.free(p);
}

export function uncheckedBuffer(fixed: i32): void {
  const a = new ArrayBuffer(12);
  store<u8>(changetype<usize>(a) + (fixed ? 11 : 12), 1); // ERROR invalid-write 1
}

export function beforeAnObject(fixed: i32): u32 {
  const a = new ArrayBuffer(12);
  return load<u8>(changetype<usize>(a) - (fixed ? 4 : 28)); // ERROR invalid-read 1
}

class Point {
  constructor(public x: f64, public y: f64) {}
}

export function pastAnObject(fixed: i32): void {
  const p = new Point(1, 2);
  store<f64>(changetype<usize>(p) + (fixed ? 8 : 16), 3); // ERROR invalid-write 8
}
