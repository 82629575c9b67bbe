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

export function freeTwice(fixed: i32): void {
  const p = heap.alloc(24), q = heap.alloc(24);
  store<i32>(p, 1);
  store<i32>(q, 2);
  heap.free(p);
  heap.free(fixed ? q : p); // ERROR double-free
}

export function freeInside(fixed: i32): void {
  const p = heap.alloc(64);
  memory.fill(p, 0, 64);
  store<u32>(p + 12, 35);
  heap.free(fixed ? p : p + 16); // ERROR invalid-free
}

export function readAfterGrowing(fixed: i32): i32 {
  const p = heap.alloc(16), other = heap.alloc(16);
  store<i32>(p, 5);
  const q = heap.realloc(p, 200), larger = heap.realloc(other, 300);
  const v = load<i32>(fixed ? q : p); // ERROR use-after-free 4
  heap.free(q);
  heap.free(larger);
  return v;
}

export function loopOneTooFar(fixed: i32): f64 {
  const n = 10, p = heap.alloc(n * 8);
  for (let i = 0; i < n; i++) store<f64>(p + i * 8, i);
  let sum = 0.0;
  const end = fixed ? n : n + 1;
  for (let i = 0; i < end; i++) sum += load<f64>(p + i * 8); // ERROR invalid-read 8
  heap.free(p);
  return sum;
}

export function pastATypedArray(fixed: i32): i32 {
  const a = new Uint16Array(7);
  a[0] = <u16>fixed;
  return load<u16>(a.dataStart + (fixed ? 12 : 14)); // ERROR invalid-read 2
}

export function beforeAStaticArray(fixed: i32): i32 {
  const a = new StaticArray<i32>(5);
  a[0] = fixed;
  store<i32>(changetype<usize>(a) - (fixed ? 0 : 24), 9); // ERROR invalid-write 4
  return a[0];
}

function point(keep: bool): usize {
  const p = new Point(1, 2);
  if (keep) __pin(changetype<usize>(p));
  return changetype<usize>(p);
}

export function useAfterCollection(fixed: i32): f64 {
  const raw = point(fixed != 0);
  __collect();
  const x = load<f64>(raw); // ERROR use-after-free 8
  if (fixed) __unpin(raw);
  return x;
}

export function copyOutOfAString(fixed: i32): i32 {
  const s = fixed.toString() + "abcdefg", p = heap.alloc(64);
  memory.copy(p, changetype<usize>(s), fixed ? <usize>s.length * 2 : 50); // ERROR invalid-read
  const v = load<u16>(p);
  heap.free(p);
  return v;
}

export function lost(fixed: i32): i32 {
  const p = heap.alloc(48); // LEAK definite
  store<i32>(p, fixed);
  const v = load<i32>(p);
  if (fixed) heap.free(p);
  return v;
}
