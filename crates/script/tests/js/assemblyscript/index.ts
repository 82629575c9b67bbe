// Built by: asc index.ts --outFile index.wasm --bindings esm -O --exportRuntime
export function add(a: i32, b: i32): i32 {
  return a + b;
}

export function greet(name: string): string {
  console.log("greeting " + name);
  return "Hello, " + name + "!";
}

export function sum(values: Int32Array): i64 {
  let result: i64 = 0;
  for (let i = 0; i < values.length; i++) result += values[i];
  return result;
}

export function squares(count: i32): Array<f64> {
  const result = new Array<f64>();
  for (let i = 0; i < count; i++) result.push(<f64>i * i);
  return result;
}

class Point {
  x: f64 = 0;
  y: f64 = 0;
}

export function mirror(point: Point): Point {
  return { x: point.y, y: point.x };
}

class Counter {
  private count: i32 = 0;
  next(): i32 {
    return ++this.count;
  }
}

export function newCounter(): Counter {
  return new Counter();
}

export function next(counter: Counter): i32 {
  return counter.next();
}

export function fail(message: string): void {
  throw new Error(message);
}

export const answer: i32 = 42;
