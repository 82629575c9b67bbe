// Tables and globals.
import { check, done, equal, instance, same, throws } from "./harness.js";

const { Table, Global } = WebAssembly;
for (const value of [undefined, null, false, "", "test", Symbol(), 1, NaN, {}]) {
  throws(TypeError, () => new Table(value), "an invalid descriptor of a table");
}
throws(TypeError, () => new Table({ initial: 1 }), "no kind of elements");
for (const element of ["any", "i32", "func", "", "ANYFUNC", Symbol(), {}]) {
  throws(TypeError, () => new Table({ element, initial: 1 }), "an invalid kind of elements");
}
for (const initial of [undefined, NaN, Infinity, -1, 0x100000000, "x", 1n, Symbol()]) {
  throws(TypeError, () => new Table({ element: "anyfunc", initial }), "an invalid initial size");
}
throws(RangeError, () => new Table({ element: "anyfunc", initial: 10, maximum: 9 }), "a maximum below the initial size");
throws(RangeError, () => new Table({ element: "anyfunc", initial: 0xffffffff }), "a very large table");
{
  const order = [];
  const number = (name) => ({ valueOf() { order.push(`${name} valueOf`); return 1; } });
  new Table({
    get maximum() { order.push("maximum"); return number("maximum"); },
    get initial() { order.push("initial"); return number("initial"); },
    get element() { order.push("element"); return { toString() { order.push("element toString"); return "anyfunc"; } }; },
    get address() { order.push("address"); },
  });
  same(order, ["element", "element toString", "address", "initial", "initial valueOf", "maximum", "maximum valueOf"], "the order of reads");
}
const { f, g } = instance(wat`(module (func (export "f") (result i32) (i32.const 1)) (func (export "g") (param i32)))`);
{
  const table = new Table({ element: "anyfunc", initial: 2, maximum: 5 });
  equal(table.length, 2, "the length");
  equal(table.get(0), null, "elements are null at first");
  equal(table.set(0, f), undefined, "set returns nothing");
  equal(table.get(0), f, "get returns the function that was set");
  table.set(0);
  equal(table.get(0), null, "set without a value");
  table.set(1, null);
  for (const value of [undefined, 1, "x", {}, () => {}, Symbol(), 1n, true]) {
    throws(TypeError, () => table.set(0, value), "an element that is no exported function");
  }
  for (const index of [2, 3, 0xffffffff]) {
    throws(RangeError, () => table.get(index), "get past the end");
    throws(RangeError, () => table.set(index, f), "set past the end");
  }
  for (const index of [-1, NaN, Infinity, 0x100000000, undefined, "x", {}, 1n, Symbol()]) {
    throws(TypeError, () => table.get(index), "get at an invalid index");
    throws(TypeError, () => table.set(index, f), "set at an invalid index");
    throws(TypeError, () => table.grow(index), "grow by an invalid number");
  }
  throws(TypeError, () => table.get(), "get without an argument");
  throws(TypeError, () => table.set(), "set without an argument");
  throws(TypeError, () => table.grow(), "grow without an argument");
  equal(table.grow(2, g), 2, "grow returns the old length");
  equal(table.length, 4, "the new length");
  equal(table.get(3), g, "the new elements");
  equal(table.grow(1), 4, "grow without a value");
  equal(table.get(4), null, "makes null");
  throws(RangeError, () => table.grow(1), "grow beyond the maximum");
  throws(TypeError, () => table.grow(0, {}), "grow with an invalid value");
  equal(table.grow(0), 5, "grow by nothing");
  equal(table.get("0"), null, "an index as a string");
}
equal(new Table({ element: "anyfunc", initial: 2 }, f).get(1), f, "an initial value");
equal(new Table({ element: "anyfunc", initial: 2 }, undefined).get(1), null, "undefined as the initial value");
throws(TypeError, () => new Table({ element: "anyfunc", initial: 2 }, {}), "an invalid initial value");
{
  const object = {};
  const table = new Table({ element: "externref", initial: 2 }, object);
  equal(table.get(0), object, "any value of the script's");
  for (const value of [undefined, null, 5, -0, 1.5, NaN, 2 ** 31, "x", Symbol.iterator, 7n, true, object, f, () => {}, table]) {
    table.set(1, value);
    equal(table.get(1), value, "it is the same when it comes back");
  }
  table.set(1);
  equal(table.get(1), undefined, "the default is undefined");
  table.grow(1);
  equal(table.get(2), undefined, "also for new elements");
  equal(new Table({ element: "externref", initial: 1 }).get(0), undefined, "and for initial ones");
}
{
  const table = new Table({ element: "anyfunc", initial: 1n, address: "i64", maximum: 4n });
  equal(table.length, 1n, "64-bit: length");
  equal(table.grow(1n, f), 1n, "64-bit: grow");
  equal(table.get(1n), f, "64-bit: get");
  table.set(0n, g);
  throws(TypeError, () => table.get(0), "64-bit: a number");
  throws(RangeError, () => table.get(9n), "64-bit: past the end");
}
{
  const table = new Table({ element: "anyfunc", initial: 2 });
  const exports = instance(wat`(module
    (table (export "t") (import "" "t") 2 funcref)
    (type $r (func (result i32)))
    (elem (i32.const 1) $own)
    (func $own (result i32) (i32.const 7))
    (func (export "call") (param i32) (result i32) (call_indirect (type $r) (local.get 0)))
    (func (export "own") (result funcref) (ref.func $own)))`, { "": { t: table } });
  equal(exports.t, table, "an imported table that is exported");
  equal(table.get(1), exports.own(), "a function in a table is one object");
  equal(table.get(1)(), 7, "and can be called");
  equal(table.get(1).name, "0", "its name is its index");
  table.set(0, f);
  equal(exports.call(0), 1, "the guest calls what the script has set");
  table.set(0, g);
  throws(WebAssembly.RuntimeError, () => exports.call(0), "a function of another type");
  table.set(0, null);
  throws(WebAssembly.RuntimeError, () => exports.call(0), "no function");
  throws(WebAssembly.RuntimeError, () => exports.call(9), "past the end");
}

// Globals.
for (const value of [undefined, null, false, "", 1, Symbol(), {}, { value: "i16" }, { value: "" }, { value: undefined }, { mutable: true }]) {
  throws(TypeError, () => new Global(value), "an invalid descriptor of a global");
}
{
  const order = [];
  new Global({
    get value() { order.push("value"); return { toString() { order.push("value toString"); return "i32"; } }; },
    get mutable() { order.push("mutable"); return false; },
  });
  same(order, ["mutable", "value", "value toString"], "the order of reads");
}
const defaults = { i32: 0, i64: 0n, f32: 0, f64: 0, externref: undefined, anyfunc: null };
for (const [value, expected] of Object.entries(defaults)) {
  equal(new Global({ value }).value, expected, `the default of ${value}`);
  equal(new Global({ value }, undefined).value, expected, `undefined as the value of ${value}`);
  equal(new Global({ value }).valueOf(), expected, `valueOf of ${value}`);
  throws(TypeError, () => { "use strict"; new Global({ value }).value = expected; }, `an immutable global of ${value}`);
}
const conversions = [
  ["i32", 1.9, 1], ["i32", 2 ** 32 + 3, 3], ["i32", 2 ** 31, -(2 ** 31)], ["i32", "7", 7], ["i32", NaN, 0], ["i32", null, 0],
  ["i32", { valueOf: () => 4 }, 4], ["i32", -0, 0], ["i32", true, 1], ["i32", -1, -1],
  ["i64", 5n, 5n], ["i64", -1n, -1n], ["i64", 2n ** 64n + 1n, 1n], ["i64", 2n ** 63n, -(2n ** 63n)], ["i64", "12", 12n], ["i64", true, 1n],
  ["f32", 1.1, Math.fround(1.1)], ["f32", 1e300, Infinity], ["f32", -0, -0], ["f32", "1.5", 1.5], ["f32", NaN, NaN],
  ["f64", 1.1, 1.1], ["f64", -0, -0], ["f64", "x", NaN], ["f64", null, 0], ["f64", 2 ** 53, 2 ** 53],
  ["externref", null, null], ["externref", 3, 3], ["externref", "x", "x"], ["anyfunc", null, null], ["anyfunc", f, f],
];
for (const [type, value, expected] of conversions) {
  const name = `${type} of ${String(value)}`;
  equal(new Global({ value: type }, value).value, expected, name);
  const global = new Global({ value: type, mutable: true });
  global.value = value;
  equal(global.value, expected, `${name}, set`);
}
for (const [type, value] of [["i32", 1n], ["i32", Symbol()], ["i64", 1], ["i64", null], ["i64", Symbol()], ["f32", 1n], ["f64", Symbol()], ["anyfunc", {}], ["anyfunc", () => {}]]) {
  throws(TypeError, () => new Global({ value: type }, value), `${type} of ${String(value)}`);
  throws(TypeError, () => { new Global({ value: type, mutable: true }).value = value; }, `${type} of ${String(value)}, set`);
}
{
  const { set } = Object.getOwnPropertyDescriptor(Global.prototype, "value");
  const global = new Global({ value: "i32", mutable: true }, 5);
  throws(TypeError, () => set.call(global), "the setter without a value");
  set.call(global, undefined);
  equal(global.value, 0, "the setter with undefined");
}
throws(SyntaxError, () => new Global({ value: "i64" }, "x"), "i64 of a string that is no number");
throws(TypeError, () => new Global({ value: "v128" }), "a script cannot make a v128");
throws(TypeError, () => new Global({ value: "v128" }, 1), "nor of a value");
{
  const { v } = instance(wat`(module (global (export "v") (mut v128) (v128.const i32x4 1 2 3 4)))`);
  throws(TypeError, () => v.value, "nor see it");
  throws(TypeError, () => { v.value = 1; }, "nor set it");
}
{
  const exports = instance(wat`(module
    (global (export "a") (mut i32) (i32.const 5))
    (global (export "b") i64 (i64.const 6))
    (func (export "get") (result i32) (global.get 0)))`);
  check(exports.a instanceof Global, "an exported global");
  exports.a.value = 9;
  equal(exports.get(), 9, "the guest sees what the script sets");
  throws(TypeError, () => { exports.b.value = 1n; }, "an immutable exported global");
  equal(exports.b.value, 6n, "its value");
  const mutable = new Global({ value: "i32", mutable: true }, 3);
  const two = instance(wat`(module (global (import "" "g") (mut i32)) (export "g" (global 0))
    (func (export "set") (param i32) (global.set 0 (local.get 0))))`, { "": { g: mutable } });
  equal(two.g, mutable, "an imported global that is exported");
  two.set(8);
  equal(mutable.value, 8, "the script sees what the guest sets");
}
// What the specification says that tables may have at most.
{
  const most = 10000000;
  check(new Table({ element: "anyfunc", initial: 1, maximum: most + 1 }) instanceof Table, "a maximum of more elements");
  throws(RangeError, () => new Table({ element: "anyfunc", initial: most + 1 }), "more elements");
  throws(RangeError, () => new Table({ element: "anyfunc", initial: 1 }).grow(most), "growth to more elements");
  throws(RangeError, () => new Table({ element: "anyfunc", address: "i64", initial: BigInt(most) + 1n }), "more elements with 64-bit addresses");
  throws(RangeError, () => instance(wat`(module (table 10000001 funcref))`), "a module that needs more elements");
  const { grow } = instance(wat`(module (table $t 1 funcref) (func (export "grow") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0))))`);
  equal(grow(most), -1, "a guest cannot grow a table to more");
}
// Tables whose elements cannot be null have no default for new ones.
{
  const { no, yes } = instance(wat`(module (table (export "no") 2 9 (ref any) (ref.i31 (i32.const 42))) (table (export "yes") 2 9 anyref))`);
  yes.grow(1);
  equal(yes.get(2), null, "the default is null");
  yes.set(2, 4);
  yes.set(2);
  equal(yes.get(2), null, "it is also set without a value");
  throws(TypeError, () => no.grow(1), "no default to grow with");
  throws(TypeError, () => no.set(0), "no default to set");
  equal(no.grow(1, "text"), 2, "with a value it grows");
  equal(no.get(2), "text", "the value is in it");
}
done();
