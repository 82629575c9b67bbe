// Functions across the border: arguments, results, names, callbacks, re-entrance.
import { check, done, equal, instance, same, throws, thrown } from "./harness.js";

const identities = instance(wat`(module
  (func (export "i32") (param i32) (result i32) (local.get 0))
  (func (export "i64") (param i64) (result i64) (local.get 0))
  (func (export "f32") (param f32) (result f32) (local.get 0))
  (func (export "f64") (param f64) (result f64) (local.get 0))
  (func (export "externref") (param externref) (result externref) (local.get 0))
  (func (export "funcref") (param funcref) (result funcref) (local.get 0))
  (func (export "none"))
  (func (export "two") (param i32 i64) (result i64 i32) (local.get 1) (local.get 0))
  (func (export "many") (param i32 i32 i32 i32 i32 i32) (result f64 f64 f64 f64)
    (f64.convert_i32_s (local.get 5)) (f64.const -0) (f64.const nan) (f64.const inf))
  (func (export "v128") (result v128) (v128.const i32x4 1 2 3 4))
  (func (export "takes v128") (param v128)))`);

const { i32, i64, f32, f64, externref, funcref, none, two } = identities;
Object.keys(identities).forEach((name, index) => {
  const f = identities[name];
  equal(typeof f, "function", `${name} is a function`);
  equal(f.name, `${index}`, `the name of ${name}`);
  same(Object.getOwnPropertyDescriptor(f, "name"), { value: `${index}`, writable: false, enumerable: false, configurable: true }, `${name}.name`);
  check(Object.getPrototypeOf(f) === Function.prototype, `the prototype of ${name}`);
  check(!Object.hasOwn(f, "prototype"), `${name} has no prototype for new`);
  throws(TypeError, () => new f(), `new ${name}`);
});
for (const [f, length] of [[none, 0], [i32, 1], [two, 2], [identities.many, 6]]) {
  same(Object.getOwnPropertyDescriptor(f, "length"), { value: length, writable: false, enumerable: false, configurable: true }, "length");
}
check(/native code/.test(Function.prototype.toString.call(i32)), "a function as a string");
equal(none(), undefined, "no results");
equal(none(1, 2, 3), undefined, "arguments too many");
equal(i32(), 0, "a missing i32");
throws(TypeError, () => i64(), "a missing i64");
equal(f64(), NaN, "a missing f64");
equal(externref(), undefined, "a missing externref");
throws(TypeError, () => funcref(), "a missing funcref");
const numbers = [
  [i32, 2 ** 31, -(2 ** 31)], [i32, -1.9, -1], [i32, "0x10", 16], [i32, 1e20, 1661992960], [i32, undefined, 0], [i32, [], 0], [i32, {}, 0],
  [i64, 2n ** 63n, -(2n ** 63n)], [i64, -(2n ** 70n), 0n], [i64, "", 0n], [i64, false, 0n], [i64, 12345678901234567890n, -6101065172474983726n],
  [f32, 16777217, 16777216], [f32, 3.4028235677973366e38, Infinity], [f32, -0, -0], [f32, null, 0],
  [f64, Number.MIN_VALUE, Number.MIN_VALUE], [f64, -0, -0], [f64, "1e3", 1000], [f64, { valueOf: () => 2.5 }, 2.5],
];
for (const [f, value, expected] of numbers) equal(f(value), expected, `${f.name} of ${String(value)}`);
for (const f of [i32, f32, f64]) for (const value of [1n, Symbol(), Object(1n)]) throws(TypeError, () => f(value), "no number");
for (const value of [1, null, undefined, NaN, Symbol()]) throws(TypeError, () => i64(value), "no BigInt");
throws(SyntaxError, () => i64("1.5"), "a string that is no BigInt");
for (const value of [undefined, null, 0, -0, 1.5, 2 ** 30, -(2 ** 30), 2 ** 30 - 1, NaN, "text", "", 5n, true, Symbol("s"), {}, [], () => {}, i32, globalThis, new Proxy({}, {})]) {
  equal(externref(value), value, "an externref comes back");
}
for (const value of [null, i32, none]) equal(funcref(value), value, "a funcref comes back");
for (const value of [undefined, 0, "x", {}, () => {}, Math.max, class {}, Symbol(), 1n]) throws(TypeError, () => funcref(value), "no funcref");
same(two(3, 4n), [4n, 3], "two results are an array");
check(Array.isArray(two(1, 1n)), "of the usual kind");
const many = identities.many(1, 2, 3, 4, 5, 6);
equal(many.length, 4, "four results");
[6, -0, NaN, Infinity].forEach((value, index) => equal(many[index], value, `result ${index}`));
throws(TypeError, () => identities.v128(), "a v128 as a result");
throws(TypeError, () => identities["takes v128"](1), "a v128 as an argument");
{
  const order = [];
  const number = (name, value) => ({ valueOf() { order.push(name); return value; } });
  two(number("first", 1), number("second", 2n));
  same(order, ["first", "second"], "arguments are converted in order");
  const fails = { valueOf() { throw new RangeError("no"); } };
  throws(RangeError, () => two(fails, number("never", 1n)), "an error in a conversion");
  same(order, ["first", "second"], "ends the call");
}

// Callbacks.
const caller = (returned, type, result = "") => instance(wat`(module
    (import "" "i32" (func $i32 (param i32) (result i32)))
    (import "" "i64" (func $i64 (param i64) (result i64)))
    (import "" "f64" (func $f64 (param f64) (result f64)))
    (import "" "ref" (func $ref (param externref) (result externref)))
    (import "" "func" (func $func (param funcref) (result funcref)))
    (import "" "none" (func $none))
    (import "" "two" (func $two (result i32 i64)))
    (func (export "i32") (param i32) (result i32) (call $i32 (local.get 0)))
    (func (export "i64") (param i64) (result i64) (call $i64 (local.get 0)))
    (func (export "f64") (param f64) (result f64) (call $f64 (local.get 0)))
    (func (export "ref") (param externref) (result externref) (call $ref (local.get 0)))
    (func (export "func") (param funcref) (result funcref) (call $func (local.get 0)))
    (func (export "none") (call $none))
    (func (export "two") (result i32 i64) (call $two)))`, {
  "": { i32: returned, i64: returned, f64: returned, ref: returned, func: returned, none: returned, two: returned },
})[type];
{
  let seen;
  const note = (...args) => { seen = args; return undefined; };
  const record = function (...args) { seen = [this, ...args]; return 7; };
  equal(caller(record, "i32")(5), 7, "a callback returns a number");
  same([seen[1], seen.length], [5, 2], "and gets one");
  equal(seen[0], undefined, "its receiver is undefined");
  equal(caller((x) => x + 1n, "i64")(5n), 6n, "BigInts");
  equal(caller((x) => `${x}`, "f64")(1.5), 1.5, "a string becomes a number");
  const object = {};
  equal(caller((x) => x, "ref")(object), object, "an object");
  equal(caller(() => i32, "func")(null), i32, "a function");
  equal(caller(note, "none")(), undefined, "nothing");
  equal(seen.length, 0, "and no argument");
  same(caller(() => [1, 2n], "two")(), [1, 2n], "several results from an array");
  let reads = 0;
  const once = { get [Symbol.iterator]() { reads++; return function* () { yield 1; yield 2n; }; } };
  same(caller(() => once, "two")(), [1, 2n], "several results from an iterable");
  equal(reads, 1, "the iterator is looked up once");
  same(caller(() => new Set([3, 4n]), "two")(), [3, 4n], "from another iterable");
  same(caller(function* () { yield 5; yield 6n; }, "two")(), [5, 6n], "from a generator");
  for (const value of [undefined, null, 1, [], [1], [1, 2n, 3], {}, "ab"]) throws(TypeError, () => caller(() => value, "two")(), "not two results");
  const iterator = (value) => ({ [Symbol.iterator]: () => value });
  for (const value of [{ [Symbol.iterator]: null }, { [Symbol.iterator]: 7 }, { [Symbol.iterator]: {} }, iterator(undefined), iterator(null), iterator(7), iterator({}), iterator({ next: null }), iterator({ next: {} }), iterator({ next: () => undefined }), iterator({ next: () => 7 })]) {
    throws(TypeError, () => caller(() => value, "two")(), "not an iterator of two results");
  }
  const failure = {};
  const fail = () => { throw failure; };
  for (const value of [{ get [Symbol.iterator]() { return fail(); } }, { [Symbol.iterator]: fail }, iterator({ get next() { return fail(); } }), iterator({ next: fail }), iterator({ next: () => ({ get done() { return fail(); } }) }), iterator({ next: () => ({ get value() { return fail(); } }) })]) {
    equal(thrown(() => caller(() => value, "two")()), failure, "what an iterator throws goes through the guest");
  }
  const order = [];
  const counted = (name, value) => ({ valueOf() { order.push(name); return value; } });
  caller(function* () { order.push("first"); yield counted("convert", 1); order.push("second"); yield counted("convert", 2n); order.push("end"); }, "two")();
  same(order, ["first", "second", "end", "convert", "convert"], "all is iterated before anything is converted");
  throws(TypeError, () => caller(() => 1, "i64")(1n), "a number where a BigInt is needed");
  throws(TypeError, () => caller(() => ({}), "func")(null), "an object where a function is needed");
  throws(TypeError, () => caller(() => [1n, 1n], "two")(), "a result of the wrong type");
  const one = wat`(module (import "" "f" (func $f (param i32) (result i32))) (func (export "g") (param i32) (result i32) (call $f (local.get 0))))`;
  equal(instance(one, { "": { f: i32 } }).g(9), 9, "an exported function as an import");
  throws(WebAssembly.LinkError, () => instance(one, { "": { f: i64 } }), "of another type");
}
// An exported function keeps what it is called with alive, whoever the receiver is.
{
  const { add } = instance(wat`(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))`);
  equal(add.call({}, 1, 2), 3, "call");
  equal(add.apply(null, [1, 2]), 3, "apply");
  equal(add.bind(null, 5)(6), 11, "bind");
  equal([1, 2, 3].reduce(add), 6, "as a callback");
  equal(Reflect.apply(add, undefined, [2 ** 31 - 1, 1]), -(2 ** 31), "Reflect.apply");
  add.extra = 1;
  equal(add.extra, 1, "it can have properties");
  const imported = instance(wat`(module (import "" "f" (func (result i32))) (export "g" (func 0)))`, { "": { f: () => 3 } });
  check(typeof imported.g === "function" && imported.g() === 3, "an imported function that is exported");
  equal(imported.g.name, "0", "has its index as its name");
  equal(instance(wat`(module (import "" "f" (func (param i32 i32) (result i32))) (export "g" (func 0)))`, { "": { f: add } }).g, add, "an exported function that is imported and exported");
}
// Re-entrance: guest, script, guest, and so on.
{
  let depth = 0;
  const { down } = instance(wat`(module
    (import "" "again" (func $again (param i32) (result i32)))
    (func (export "down") (param i32) (result i32) (call $again (local.get 0))))`, {
    "": { again: (n) => { depth++; return n === 0 ? 0 : down(n - 1) + 1; } },
  });
  equal(down(900), 900, "900 calls deep");
  depth = 0;
  const error = thrown(() => down(1000000));
  check(error instanceof RangeError, `too deep is a RangeError: ${error}`);
  check(/call each other too deeply|exhausted/.test(error.message), `a clear message: ${error.message}`);
  check(depth > 900, `after ${depth} calls`);
  equal(down(10), 10, "and then it works again");
  const { forever } = instance(wat`(module (func $f (export "forever") (call $f)))`);
  check(thrown(forever) instanceof RangeError, "endless recursion of a guest");
}
done();
