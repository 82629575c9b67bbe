// Traps, exceptions of guests and of scripts, and both through each other.
import { check, done, equal, instance, same, throws, thrown } from "./harness.js";

const { Tag, Exception, RuntimeError, JSTag } = WebAssembly;
const traps = instance(wat`(module
  (memory 1) (table 1 funcref) (type $t (func))
  (func (export "unreachable") unreachable)
  (func (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "convert") (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
  (func (export "call") (call_indirect (type $t) (i32.const 0)))
  (func $inner (param i32) (i32.store (local.get 0) (i32.const 0)))
  (func $outer (export "outer") (call $inner (i32.const -1))))`);
for (const [name, ...args] of [["unreachable"], ["divide", 1, 0], ["divide", -(2 ** 31), -1], ["load", 65533], ["convert", NaN], ["convert", 1e10], ["call"], ["outer"]]) {
  const error = throws(RuntimeError, () => traps[name](...args), `the trap of ${name}`);
  check(typeof error.message === "string" && error.message.length > 0, `its message: ${error.message}`);
  check(error.stack.includes("at wasm"), `its stack names the guest: ${error.stack}`);
}
check(/inner[^]*outer/.test(thrown(traps.outer).stack), "the stack has all functions");
check(thrown(traps.outer).stack.includes("exceptions.js"), "and the script's lines");

for (const value of [undefined, null, 0, "x", {}, { parameters: undefined }, { parameters: 1 }, { parameters: {} }, { parameters: ["i16"] }, { parameters: [1] }]) {
  throws(TypeError, () => new Tag(value), "an invalid type of a tag");
}
const tag = new Tag({ parameters: ["i32", "i64", "f32", "f64", "externref", "anyfunc"] });
equal(String(tag), "[object WebAssembly.Tag]", "a tag");
check(new Tag({ parameters: new Set(["i32"]) }) instanceof Tag, "parameters from any iterable");
const object = {};
const exception = new Exception(tag, [1.5, 2n, 0.1, 0.1, object, null]);
[1, 2n, Math.fround(0.1), 0.1, object, null].forEach((value, index) => equal(exception.getArg(tag, index), value, `value ${index}`));
equal(exception.is(tag), true, "is its tag");
equal(exception.is(new Tag({ parameters: [] })), false, "is another tag");
for (const index of [6, 7, 0xffffffff]) throws(RangeError, () => exception.getArg(tag, index), "an index past the end");
for (const index of [-1, NaN, 2 ** 32, undefined, "x", 1n]) throws(TypeError, () => exception.getArg(tag, index), "an invalid index");
throws(TypeError, () => exception.getArg(new Tag({ parameters: ["i32"] }), 0), "another tag");
throws(TypeError, () => exception.getArg(tag), "getArg without an index");
for (const value of [undefined, null, 1, {}, "x", exception]) {
  throws(TypeError, () => exception.is(value), "is of what is no tag");
  throws(TypeError, () => exception.getArg(value, 0), "getArg of what is no tag");
  throws(TypeError, () => new Exception(value, []), "an exception of what is no tag");
}
for (const payload of [undefined, null, 1, {}, [], [1], [1, 2n, 3, 4, 5, 6], [1, 2, 3, 4, 5, null], [1, 2n, 3, 4, 5, {}]]) {
  throws(TypeError, () => new Exception(tag, payload), "an invalid payload");
}
throws(TypeError, () => new Exception(JSTag, [1]), "an exception of JSTag");
throws(TypeError, () => new Exception(tag, [1, 2n, 3, 4, 5, null], 7), "invalid options");
throws(TypeError, () => new Exception(new Tag({ parameters: ["v128"] }), [1]), "a v128");
equal(exception.stack, undefined, "no stack without traceStack");
check(typeof new Exception(new Tag({ parameters: [] }), [], { traceStack: true }).stack === "string", "a stack with it");
check(!(exception instanceof Error), "an exception is no Error");
const empty = new Tag({ parameters: [] });
const number = new Tag({ parameters: ["i32"] });

const guest = instance(wat`(module
  (import "" "empty" (tag $empty)) (import "" "number" (tag $number (param i32)))
  (import "" "js" (tag $js (param externref)))
  (import "" "callback" (func $callback (param i32)))
  (tag $own (export "own") (param i64))
  (func (export "throw number") (param i32) (throw $number (local.get 0)))
  (func (export "throw own") (throw $own (i64.const 5)))
  (func (export "throw js") (param externref) (throw $js (local.get 0)))
  (func (export "through") (param i32) (call $callback (local.get 0)))
  (func (export "catch number") (param i32) (result i32)
    (block $caught (result i32)
      (try_table (catch $number $caught) (call $callback (local.get 0)))
      (i32.const -1)))
  (func (export "catch js") (param i32) (result externref)
    (block $caught (result externref)
      (try_table (catch $js $caught) (call $callback (local.get 0)))
      (ref.null extern)))
  (func (export "catch all") (param i32) (result i32)
    (block $caught
      (try_table (catch_all $caught) (call $callback (local.get 0)))
      (return (i32.const 0)))
    (i32.const 1))
  (func (export "rethrow") (param i32)
    (block $caught (result exnref)
      (try_table (catch_all_ref $caught) (call $callback (local.get 0)))
      (return))
    throw_ref)
  (func (export "takes exnref") (param exnref)))`, {
  "": { empty, number, js: JSTag, callback: (what) => callbacks[what]() },
});
const error = new Error("of the script");
const ours = new Exception(number, [42]);
const callbacks = [
  () => {},
  () => { throw error; },
  () => { throw ours; },
  () => { throw 5; },
  () => { throw null; },
  () => { throw undefined; },
  () => { traps.unreachable(); },
  () => { guest["throw number"](8); },
  () => { throw new Exception(empty, []); },
];
{
  const caught = thrown(() => guest["throw number"](7));
  check(caught instanceof Exception, "a guest's exception");
  equal(caught.is(number), true, "its tag");
  equal(caught.getArg(number, 0), 7, "its value");
  const own = thrown(guest["throw own"]);
  check(guest.own instanceof Tag && own.is(guest.own), "a tag of the guest's");
  equal(own.getArg(guest.own, 0), 5n, "its value");
  for (const value of [error, 5, null, undefined, "text", object, Symbol.iterator]) {
    equal(thrown(() => guest["throw js"](value)), value, "JSTag throws the value itself");
  }
}
[undefined, error, ours, 5, null, undefined].forEach((value, what) => {
  equal(thrown(() => guest.through(what)), value, `what a callback throws goes through the guest: ${what}`);
});
check(thrown(() => guest.through(6)) instanceof RuntimeError, "a trap goes through");
equal(thrown(() => guest.through(7)).getArg(number, 0), 8, "an exception of an inner guest goes through");
equal(guest["catch number"](0), -1, "nothing to catch");
equal(guest["catch number"](2), 42, "the guest catches the script's exception");
equal(guest["catch number"](7), 8, "and that of an inner guest");
equal(thrown(() => guest["catch number"](1)), error, "but not an error of the script");
check(thrown(() => guest["catch number"](8)).is(empty), "nor one with another tag");
equal(guest["catch js"](1), error, "JSTag catches it");
equal(guest["catch js"](3), 5, "whatever it is");
equal(guest["catch js"](5), undefined, "also undefined");
equal(thrown(() => guest["catch js"](2)), ours, "but not an exception with a tag");
for (const [what, expected] of [[0, 0], [1, 1], [2, 1], [3, 1], [7, 1], [8, 1]]) equal(guest["catch all"](what), expected, `catch_all of ${what}`);
check(thrown(() => guest["catch all"](6)) instanceof RuntimeError, "a trap is not caught");
equal(thrown(() => guest.rethrow(1)), error, "an error that is thrown again");
equal(thrown(() => guest.rethrow(2)), ours, "an exception that is thrown again is one object");
throws(TypeError, () => guest["takes exnref"](null), "a script cannot pass an exnref");
check(thrown(() => guest.through(1)).stack.includes("exceptions.js"), "the error keeps its stack");

// A start function that traps or throws.
throws(RuntimeError, () => instance(wat`(module (func $f unreachable) (start $f))`), "a start function that traps");
equal(thrown(() => instance(wat`(module (import "" "f" (func $f)) (start $f))`, { "": { f: () => { throw error; } } })), error, "a start function that throws");
throws(RuntimeError, () => instance(wat`(module (memory 1) (data (i32.const 65536) "x"))`), "a segment that does not fit");
throws(RuntimeError, () => instance(wat`(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))`), "an element segment that does not fit");
same([typeof thrown(traps.outer).stack], ["string"], "a stack is a string");
done();
