// A correct program: what AssemblyScript's library does with memory. `run` returns a checksum.
class Entry {
  next: Entry | null = null;
  constructor(public key: string, public value: f64) {}
}

abstract class Shape {
  name: string = "shape";
  abstract area(): f64;
}
class Square extends Shape {
  constructor(public side: f64) { super(); this.name = "square " + side.toString(); }
  area(): f64 { return this.side * this.side; }
}
class Circle extends Shape {
  radii: f64[];
  constructor(radius: f64) { super(); this.radii = [radius, radius, radius]; }
  area(): f64 { return 3.0 * this.radii[0] * this.radii[2]; }
}

class Token {
  constructor(public kind: string, public text: string) {}
}

function strings(): i32 {
  let total = 0, text = "";
  for (let i = 0; i < 300; i++) {
    text += String.fromCharCode(97 + i % 26) + (i % 7 == 0 ? "ü€" : "");
    if (i % 40 == 0) text = text.toUpperCase().trim().replace("A", "b").padStart(20, "-");
    total += text.length + text.indexOf("c") + text.lastIndexOf("z") + text.charCodeAt(i % text.length);
    total += text.slice(i % 9, -1).length + text.substring(2, 9).concat("!").repeat(2).length;
  }
  const parts = text.split("");
  total += parts.join(",").split(",").length + parts.reverse().length;
  const utf8 = String.UTF8.encode(text, true), utf16 = String.UTF16.encode(text);
  total += String.UTF8.decode(utf8, true).length + String.UTF16.decode(utf16).length + utf8.byteLength;
  total += i32(parseInt("12345")) + i32(parseFloat("1.5e3")) + (1.0 / 3.0).toString().length + u64.MAX_VALUE.toString().length;
  return total;
}

function arrays(): i32 {
  const numbers: i32[] = [], words: string[] = [], nested: i32[][] = [];
  for (let i = 0; i < 1000; i++) {
    numbers.push(i * 7919 % 1009);
    words.unshift("word " + i.toString());
    if (i % 3 == 0) words.pop();
    if (i % 11 == 0) nested.push(numbers.slice(i / 2, i));
  }
  numbers.sort((a, b) => a - b);
  words.sort();
  const doubled = numbers.map<i32>((x) => x * 2).filter((x) => x % 3 == 0);
  const sum = doubled.reduce<i32>((total, x) => total + x, 0);
  numbers.splice(100, 50);
  numbers.copyWithin(0, 10, 20);
  numbers.fill(1, 5, 9);
  nested.splice(3, 4);
  const fixed = new StaticArray<f64>(33), bytes = new Uint8Array(77), view = new DataView(bytes.buffer, 5, 72);
  for (let i = 0; i < 33; i++) fixed[i] = f64(i);
  for (let i = 0; i + 8 <= view.byteLength; i++) view.setFloat64(i, fixed[i % 33], true);
  bytes.set([1, 2, 3], 74);
  const words32 = new Uint32Array(9), part = words32.subarray(2, 8);
  part.fill(7).sort();
  return sum + numbers.length + words.length + nested.flat().length + bytes.reduce<i32>((a, b) => a + b, 0) + i32(part.at(-1));
}

function collections(): i32 {
  const map = new Map<string, Entry>(), set = new Set<i32>(), plain = new Map<i32, f64>();
  for (let i = 0; i < 2000; i++) {
    const key = "key " + (i % 257).toString();
    const entry = new Entry(key, f64(i));
    if (map.has(key)) entry.next = map.get(key);
    map.set(key, entry);
    set.add(i % 97);
    plain.set(i % 313, f64(i));
    if (i % 5 == 0) { map.delete(key); set.delete(i % 31); plain.delete(i % 7); }
    if (i % 500 == 0) __collect();
  }
  let total = map.size + set.size + plain.size;
  const keys = map.keys(), values = set.values();
  for (let i = 0; i < keys.length; i++) {
    let entry: Entry | null = map.get(keys[i]);
    while (entry !== null) { total += i32(entry.value) % 13; entry = entry.next; }
  }
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
}

function tokens(source: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < source.length) {
    let end = at + 1;
    const code = source.charCodeAt(at);
    if (code >= 48 && code <= 57) {
      while (end < source.length && source.charCodeAt(end) >= 48 && source.charCodeAt(end) <= 57) end++;
      found.push(new Token("number", source.slice(at, end)));
    } else if (code > 32) found.push(new Token("sign", source.slice(at, end)));
    at = end;
  }
  return found;
}

function objects(): i32 {
  const shapes: Shape[] = [];
  for (let i = 0; i < 200; i++) {
    if (i % 2) shapes.push(new Square(f64(i))); else shapes.push(new Circle(f64(i)));
  }
  let area = 0.0, names = 0;
  for (let i = 0; i < shapes.length; i++) {
    area += shapes[i].area();
    names += shapes[i].name.length;
    if (shapes[i] instanceof Square) area += (shapes[i] as Square).side;
  }
  const list = tokens("12 + (345 * 6) - 78".repeat(20));
  let digits = 0;
  for (let i = 0; i < list.length; i++) if (list[i].kind == "number") digits += list[i].text.length;
  // What is not collected is freed by hand, and raw memory too.
  const raw = heap.alloc(40);
  memory.fill(raw, 1, 40);
  const more = heap.realloc(raw, 400);
  store<u64>(more, load<u64>(more + 32), 392);
  heap.free(more);
  return i32(area) + names + digits;
}

export function run(rounds: i32): i32 {
  let total = 0;
  for (let i = 0; i < rounds; i++) total += strings() + arrays() + collections() + objects();
  __collect();
  return total;
}
