// Memories: descriptors, buffers, growth, 64-bit addresses, sharing.
import { check, done, equal, instance, same, throws, thrown } from "./harness.js";

const { Memory } = WebAssembly;
const page = 65536;

for (const value of [undefined, null, false, true, "", "test", Symbol(), 1, NaN, {}, () => {}]) {
  throws(TypeError, () => new Memory(value), "an invalid descriptor");
}
for (const value of [undefined, NaN, Infinity, -Infinity, -1, 0x100000000, 1e30, "x", Symbol(), 1n, {}, { valueOf: () => -1 }]) {
  throws(TypeError, () => new Memory({ initial: value }), "an invalid initial size");
  if (value !== undefined) throws(TypeError, () => new Memory({ initial: 0, maximum: value }), "an invalid maximum");
}
throws(RangeError, () => new Memory({ initial: 10, maximum: 9 }), "a maximum below the initial size");
throws(RangeError, () => new Memory({ initial: 65537 }), "more than 4 GiB");
throws(RangeError, () => new Memory({ initial: 0, maximum: 65537 }), "a maximum of more than 4 GiB");
for (const [value, pages] of [[0, 0], [-0.9, 0], ["1", 1], [1.9, 1], [true, 1], [null, 0], [[2], 2], [{ valueOf: () => 2 }, 2]]) {
  equal(new Memory({ initial: value }).buffer.byteLength, pages * page, `the initial size ${String(value)}`);
}
{
  const order = [];
  const number = (name, value) => ({ valueOf() { order.push(`${name} valueOf`); return value; } });
  new Memory({
    get shared() { order.push("shared"); return false; },
    get maximum() { order.push("maximum"); return number("maximum", 2); },
    get initial() { order.push("initial"); return number("initial", 1); },
    get address() { order.push("address"); return { toString() { order.push("address toString"); return "i32"; } }; },
  });
  same(order, ["address", "address toString", "initial", "initial valueOf", "maximum", "maximum valueOf", "shared"], "the order of reads");
}
{
  const proxy = new Proxy({ initial: 2 }, { get: (target, key) => target[key] });
  equal(new Memory(proxy).buffer.byteLength, 2 * page, "a proxy as a descriptor");
  equal(new Memory(Object.assign(() => {}, { initial: 1 })).buffer.byteLength, page, "a function as a descriptor");
  equal(new Memory({ initial: 1 }, {}).buffer.byteLength, page, "an argument too many");
}

// The buffer is the memory.
{
  const memory = new Memory({ initial: 1, maximum: 3 });
  const { buffer } = memory;
  check(buffer instanceof ArrayBuffer, "the buffer is an ArrayBuffer");
  equal(memory.buffer, buffer, "the buffer is one object");
  const { read, write, grow } = instance(wat`(module
    (import "" "memory" (memory 1))
    (func (export "read") (param i32) (result i32) (i32.load8_u (local.get 0)))
    (func (export "write") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`, { "": { memory } });
  const bytes = new Uint8Array(buffer);
  bytes[5] = 200;
  equal(read(5), 200, "the guest sees what the script writes");
  write(page - 1, 7);
  equal(bytes[page - 1], 7, "the script sees what the guest writes");
  new DataView(buffer).setInt32(8, -2, true);
  equal(read(8), 254, "a DataView is of the same bytes");

  equal(memory.grow(1), 1, "grow returns the old size");
  equal(buffer.byteLength, 0, "the old buffer has no bytes");
  equal(buffer.detached, true, "the old buffer is detached");
  equal(bytes.length, 0, "a view of it has no elements");
  equal(bytes[5], undefined, "a view of it reads nothing");
  check(memory.buffer !== buffer, "there is a new buffer");
  equal(memory.buffer.byteLength, 2 * page, "the new buffer is longer");
  equal(new Uint8Array(memory.buffer)[5], 200, "the bytes are the same");

  const second = memory.buffer;
  equal(grow(1), 2, "the guest grows the memory");
  equal(second.detached, true, "that detaches the buffer too");
  equal(memory.buffer.byteLength, 3 * page, "and there is a longer one");
  const other = new Memory({ initial: 1 });
  const otherBuffer = other.buffer;
  {
    const before = memory.buffer;
    equal(grow(0), 3, "the guest grows the memory by nothing");
    equal(before.detached, true, "that detaches the buffer");
    equal(memory.buffer.byteLength, 3 * page, "and there is one of the same length");
    equal(memory.buffer, memory.buffer, "it stays until the next growth");
  }
  equal(other.buffer, otherBuffer, "the buffer of another memory stays");
  equal(otherBuffer.detached, false, "and is not detached");
  const third = memory.buffer;
  equal(grow(1), -1, "the guest cannot grow it beyond the maximum");
  equal(memory.buffer, third, "a growth that fails changes nothing");
  throws(RangeError, () => memory.grow(1), "grow beyond the maximum");
  equal(memory.buffer, third, "a failed grow changes nothing");
  equal(memory.grow(0), 3, "grow by nothing");
  equal(third.detached, true, "grow by nothing detaches");
  check(memory.buffer !== third && memory.buffer.byteLength === 3 * page, "a new buffer of the same length");
}
{
  const memory = new Memory({ initial: 0 });
  equal(memory.buffer.byteLength, 0, "a memory without pages");
  equal(memory.grow(1), 0, "grows");
  new Uint8Array(memory.buffer)[page - 1] = 1;
  for (const value of [undefined, NaN, Infinity, -1, 0x100000000, "x", Symbol(), 1n, {}]) {
    throws(TypeError, () => memory.grow(value), "an invalid number of pages");
  }
  throws(TypeError, () => memory.grow(), "grow without an argument");
  throws(RangeError, () => memory.grow(0xffffffff), "grow by very much");
  equal(memory.grow("1"), 1, "grow by a string");
  equal(memory.grow(0.9), 2, "grow by a fraction");
}
// Growth in a callback, while a view is held.
{
  const memory = new Memory({ initial: 1 });
  let view;
  const { run } = instance(wat`(module
    (import "" "memory" (memory 1))
    (import "" "callback" (func $callback))
    (func (export "run") (result i32)
      (drop (memory.grow (i32.const 1)))
      (call $callback)
      (i32.load (i32.const 65536))))`, {
    "": {
      memory,
      callback() {
        equal(view.length, 0, "the view is detached when the callback runs");
        memory.grow(2);
        new Int32Array(memory.buffer)[page / 4] = 42;
      },
    },
  });
  view = new Uint8Array(memory.buffer);
  equal(run(), 42, "the guest sees what the callback wrote after growth");
  equal(memory.buffer.byteLength, 4 * page, "both growths count");
}
// Nothing else can take or change the bytes.
{
  const memory = new Memory({ initial: 1 });
  const { buffer } = memory;
  for (const name of ["transfer", "transferToFixedLength"]) {
    throws(TypeError, () => buffer[name](), `${name} of a memory's buffer`);
    throws(TypeError, () => ArrayBuffer.prototype[name].call(buffer, 10), `${name} of a memory's buffer`);
  }
  throws(TypeError, () => buffer.resize(10), "resize of a buffer with a fixed length");
  equal(buffer.byteLength, page, "it is as before");
  equal(new ArrayBuffer(8).transfer(4).byteLength, 4, "other buffers can be transferred");
  equal(buffer.slice(0, 4).byteLength, 4, "slice copies");
  equal(buffer.resizable, false, "the buffer is not resizable");
}
// Resizable buffers.
{
  const memory = new Memory({ initial: 1, maximum: 4 });
  const fixed = memory.buffer;
  equal(memory.toFixedLengthBuffer(), fixed, "the buffer has a fixed length at first");
  const resizable = memory.toResizableBuffer();
  equal(fixed.detached, true, "the fixed one is detached");
  equal(resizable.resizable, true, "the other is resizable");
  equal(resizable.maxByteLength, 4 * page, "up to the maximum");
  equal(memory.buffer, resizable, "it is the buffer now");
  equal(memory.toResizableBuffer(), resizable, "and stays it");
  const all = new Uint8Array(resizable);
  memory.grow(1);
  equal(memory.buffer, resizable, "growth keeps it");
  equal(resizable.byteLength, 2 * page, "growth makes it longer");
  equal(all.length, 2 * page, "a view that follows the length is longer");
  resizable.resize(3 * page);
  equal(memory.grow(0), 3, "resize grows the memory");
  throws(RangeError, () => resizable.resize(page), "a memory does not shrink");
  throws(RangeError, () => resizable.resize(3 * page + 1), "a memory has whole pages");
  throws(RangeError, () => resizable.resize(5 * page), "resize beyond the maximum");
  all[3 * page - 1] = 9;
  equal(new Uint8Array(memory.toFixedLengthBuffer())[3 * page - 1], 9, "the bytes are the same");
  equal(resizable.detached, true, "and now the resizable one is detached");
}
// 64-bit addresses.
{
  const memory = new Memory({ address: "i64", initial: 1n, maximum: 3n });
  equal(memory.grow(1n), 1n, "grow takes and returns BigInts");
  equal(memory.buffer.byteLength, 2 * page, "its buffer");
  throws(TypeError, () => memory.grow(1), "grow by a number");
  throws(TypeError, () => memory.grow(-1n), "grow by a negative BigInt");
  throws(TypeError, () => memory.grow(2n ** 64n), "grow by too large a BigInt");
  throws(RangeError, () => memory.grow(2n), "grow beyond the maximum");
  equal(memory.grow("1"), 2n, "a string becomes a BigInt");
  throws(TypeError, () => new Memory({ address: "i64", initial: 1 }), "a number as the initial size");
  throws(TypeError, () => new Memory({ address: "i32", initial: 1n }), "a BigInt as the initial size");
  throws(TypeError, () => new Memory({ address: "i16", initial: 1 }), "an unknown type of addresses");
  equal(new Memory({ address: "i64", initial: 1n }).grow(0n), 1n, "no maximum");
}
// What the specification says that memories may have at most.
{
  const most = 262144n;
  check(new Memory({ address: "i64", initial: 1n, maximum: most }) instanceof Memory, "a maximum of 16 GiB");
  throws(RangeError, () => new Memory({ address: "i64", initial: most + 1n }), "more than 16 GiB");
  throws(RangeError, () => new Memory({ address: "i64", initial: 1n, maximum: most + 1n }).grow(most), "growth to more than 16 GiB");
  check(new Memory({ address: "i64", initial: 0n, maximum: 2n ** 37n - 1n }) instanceof Memory, "the largest maximum");
  throws(RangeError, () => new Memory({ address: "i64", initial: 0n, maximum: 2n ** 37n }), "a larger one");
  throws(RangeError, () => new Memory({ initial: 1, maximum: 65536 }).grow(65536), "growth to more than 4 GiB");
  throws(RangeError, () => instance(wat`(module (memory i64 262145))`), "a module that needs more than 16 GiB");
}
// Shared memories.
{
  const memory = new Memory({ initial: 1, maximum: 4, shared: true });
  const { buffer } = memory;
  check(buffer instanceof SharedArrayBuffer, "the buffer is a SharedArrayBuffer");
  equal(Object.isFrozen(buffer), true, "it is frozen");
  equal(memory.buffer, buffer, "it is one object");
  const words = new Int32Array(buffer);
  const { add, grow } = instance(wat`(module
    (import "" "memory" (memory 1 4 shared))
    (func (export "add") (param i32 i32) (result i32) (i32.atomic.rmw.add (local.get 0) (local.get 1)))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`, { "": { memory } });
  equal(Atomics.add(words, 1, 5), 0, "Atomics work");
  equal(add(4, 2), 5, "the guest sees it");
  equal(Atomics.load(words, 1), 7, "the script sees what the guest adds");
  equal(Atomics.compareExchange(words, 1, 7, 9), 7, "compareExchange");
  equal(Atomics.notify(words, 1), 0, "notify");
  equal(Atomics.wait(words, 1, 0), "not-equal", "wait for another value");
  equal(Atomics.wait(words, 1, 9, 1), "timed-out", "wait until the time is over");
  equal(memory.grow(1), 1, "it grows");
  equal(buffer.byteLength, page, "the old buffer keeps its length");
  check(memory.buffer !== buffer, "there is a new buffer");
  equal(memory.buffer.byteLength, 2 * page, "which is longer");
  equal(new Int32Array(memory.buffer)[1], 9, "of the same bytes");
  equal(grow(1), 2, "the guest grows it");
  equal(memory.buffer.byteLength, 3 * page, "the buffer follows");
  throws(WebAssembly.CompileError, () => new WebAssembly.Module(memory.buffer), "shared bytes can be a module, but these are none");
  const growable = memory.toResizableBuffer();
  equal(growable.growable, true, "a growable buffer");
  memory.grow(1);
  equal(growable.byteLength, 4 * page, "grows with the memory");
}
// The object of a memory is one.
{
  const memory = new Memory({ initial: 1 });
  const passed = instance(wat`(module (memory (export "a") (import "" "m") 1) (export "b" (memory 0)))`, { "": { m: memory } });
  equal(passed.a, memory, "an imported memory that is exported");
  equal(passed.b, memory, "under a second name");
  const made = instance(wat`(module (memory (export "a") 1) (export "b" (memory 0)))`);
  check(made.a instanceof Memory && made.a === made.b, "a memory of the guest's has one object");
  equal(made.a.buffer, made.b.buffer, "and one buffer");
}
check(thrown(() => new Memory({ initial: 10, maximum: 9 })).message.includes("10"), "a message names the size");
done();
