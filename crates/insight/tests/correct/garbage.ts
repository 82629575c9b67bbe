// A correct program: garbage of all sizes beside manual memory, and an array that grows. `run` returns a
// checksum.
let names: string[] = [];

class Small { constructor(public v: i32) {} }

export function run(n: i32): i32 {
  const held = new StaticArray<i32>(500), p = heap.alloc(8), q = heap.alloc(24);
  let sum = 0;
  const grows = new Array<i32>();
  for (let i = 0; i < n * 1000; i++) {
    const small = new Small(i);
    sum += small.v + i.toString().length;
    if (i % 10 == 0) grows.push(i);
    if (i % 100 == 0) names.push(i.toString());
  }
  store<i32>(p, n);
  store<i64>(q + 16, sum);
  held[499] = load<i32>(p);
  heap.free(p);
  heap.free(q);
  return sum + held[499] + grows.length + names.length;
}
