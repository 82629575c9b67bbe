// Objects of the guest's, typed references, functions on strings.
import { check, done, equal, instance, same, throws, thrown } from "./harness.js";

const gc = instance(wat`(module
  (type $point (struct (field i32) (field (mut f64))))
  (type $bytes (array (mut i8)))
  (type $unary (func (param i32) (result i32)))
  (func (export "point") (param i32) (result (ref $point)) (struct.new $point (local.get 0) (f64.const 1)))
  (func (export "x") (param (ref null $point)) (result i32) (struct.get $point 0 (local.get 0)))
  (func (export "bytes") (param i32) (result (ref $bytes)) (array.new_default $bytes (local.get 0)))
  (func (export "length") (param (ref $bytes)) (result i32) (array.len (local.get 0)))
  (func (export "any") (param anyref) (result anyref) (local.get 0))
  (func (export "eq") (param eqref) (result eqref) (local.get 0))
  (func (export "i31") (param i31ref) (result i31ref) (local.get 0))
  (func (export "struct") (param structref) (result structref) (local.get 0))
  (func (export "array") (param arrayref) (result arrayref) (local.get 0))
  (func (export "none") (param nullref) (result nullref) (local.get 0))
  (func (export "nofunc") (param nullfuncref) (result nullfuncref) (local.get 0))
  (func (export "noextern") (param nullexternref) (result nullexternref) (local.get 0))
  (func (export "extern") (param (ref extern)) (result (ref extern)) (local.get 0))
  (func (export "func") (param (ref func)) (result (ref func)) (local.get 0))
  (func (export "unary") (param (ref null $unary)) (result (ref null $unary)) (local.get 0))
  (func (export "same") (param eqref eqref) (result i32) (ref.eq (local.get 0) (local.get 1)))
  (func (export "is i31") (param externref) (result i32) (ref.test i31ref (any.convert_extern (local.get 0))))
  (func (export "to any") (param externref) (result anyref) (any.convert_extern (local.get 0)))
  (func (export "to extern") (param anyref) (result externref) (extern.convert_any (local.get 0)))
  (func (export "double") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2))))`);
const point = gc.point(3);
const bytes = gc.bytes(4);
equal(typeof point, "object", "an object of the guest's");
equal(Object.getPrototypeOf(point), null, "it has no prototype");
equal(Object.isExtensible(point), false, "and gets no properties");
throws(TypeError, () => { "use strict"; point.x = 1; }, "a property cannot be set");
throws(TypeError, () => Object.setPrototypeOf(point, {}), "nor a prototype");
throws(TypeError, () => Object.defineProperty(point, "x", { value: 1 }), "nor a property defined");
same(Object.keys(point), [], "it shows nothing");
equal(point.x, undefined, "and has nothing");
equal(gc.x(point), 3, "the guest looks into it");
equal(gc.length(bytes), 4, "an array");
for (const name of ["any", "eq", "struct"]) equal(gc[name](point), point, `one object, as ${name}`);
for (const name of ["any", "eq", "array"]) equal(gc[name](bytes), bytes, `one array, as ${name}`);
check(gc.point(3) !== gc.point(3), "two objects are two");
equal(gc.same(point, point), 1, "the guest compares");
equal(gc.same(point, gc.point(3)), 0, "two objects");
equal(gc["to any"](gc["to extern"](point)), point, "through extern and back");
equal(gc["to any"](point), point, "an object of the guest's as an externref");
for (const name of ["any", "eq", "i31", "struct", "array", "none", "nofunc", "noextern", "unary"]) equal(gc[name](null), null, `null as ${name}`);
for (const name of ["extern", "func"]) throws(TypeError, () => gc[name](null), `null as a ${name} that is not null`);
throws(TypeError, () => gc.length(null), "null as an array that is not null");
throws(WebAssembly.RuntimeError, () => gc.x(null), "a field of null");
for (const value of [0, 1, -1, 2 ** 30 - 1, -(2 ** 30)]) for (const name of ["any", "eq", "i31"]) equal(gc[name](value), value, `${value} as ${name}`);
for (const value of [2 ** 30, -(2 ** 30) - 1, 1.5, NaN, Infinity, -0, "x", {}, undefined, true, 1n, Symbol.iterator]) {
  equal(gc.any(value), value, `${String(value)} as any`);
  throws(TypeError, () => gc.eq(value), `${String(value)} as eq`);
  throws(TypeError, () => gc.i31(value), `${String(value)} as i31`);
}
for (const value of [0, 5, -7]) equal(gc["is i31"](value), 1, `${value} is an i31`);
for (const value of [-0, 1.5, 2 ** 30, "x", {}, point]) equal(gc["is i31"](value), 0, `${String(typeof value)} is none`);
throws(TypeError, () => gc.struct(bytes), "an array as a struct");
throws(TypeError, () => gc.array(point), "a struct as an array");
throws(TypeError, () => gc.x(bytes), "an array as a point");
throws(TypeError, () => gc.struct({}), "an object of the script's as a struct");
for (const value of [undefined, 1, {}, "x"]) throws(TypeError, () => gc.none(value), "only null is none");
throws(TypeError, () => gc.noextern(1), "only null is noextern");
throws(TypeError, () => gc.nofunc(gc.x), "only null is nofunc");
equal(gc.unary(gc.double), gc.double, "a function of the type");
throws(TypeError, () => gc.unary(gc.x), "a function of another type");
throws(TypeError, () => gc.unary((x) => x), "a function of the script's");
equal(gc.func(gc.x), gc.x, "any exported function");
{
  const held = new WebAssembly.Table({ element: "externref", initial: 1 }, point);
  equal(held.get(0), point, "an object of the guest's in a table of externrefs");
  const map = new Map([[point, 1]]);
  equal(map.get(gc.any(point)), 1, "as a key");
  const weak = new WeakMap([[point, 2]]);
  equal(weak.get(point), 2, "as a weak key");
}

// Functions on strings.
const strings = wat`(module
  (type $units (array (mut i16)))
  (import "wasm:js-string" "cast" (func $cast (param externref) (result (ref extern))))
  (import "wasm:js-string" "test" (func $test (param externref) (result i32)))
  (import "wasm:js-string" "fromCharCodeArray" (func $fromArray (param (ref null $units) i32 i32) (result (ref extern))))
  (import "wasm:js-string" "intoCharCodeArray" (func $intoArray (param externref (ref null $units) i32) (result i32)))
  (import "wasm:js-string" "fromCharCode" (func $fromCharCode (param i32) (result (ref extern))))
  (import "wasm:js-string" "fromCodePoint" (func $fromCodePoint (param i32) (result (ref extern))))
  (import "wasm:js-string" "charCodeAt" (func $charCodeAt (param externref i32) (result i32)))
  (import "wasm:js-string" "codePointAt" (func $codePointAt (param externref i32) (result i32)))
  (import "wasm:js-string" "length" (func $length (param externref) (result i32)))
  (import "wasm:js-string" "concat" (func $concat (param externref externref) (result (ref extern))))
  (import "wasm:js-string" "substring" (func $substring (param externref i32 i32) (result (ref extern))))
  (import "wasm:js-string" "equals" (func $equals (param externref externref) (result i32)))
  (import "wasm:js-string" "compare" (func $compare (param externref externref) (result i32)))
  (import "'" "constant \u{e9}" (global $constant externref))
  (export "constant" (global $constant))
  (export "cast" (func $cast)) (export "test" (func $test)) (export "fromCharCode" (func $fromCharCode))
  (export "fromCodePoint" (func $fromCodePoint)) (export "charCodeAt" (func $charCodeAt)) (export "codePointAt" (func $codePointAt))
  (export "length" (func $length)) (export "concat" (func $concat)) (export "substring" (func $substring))
  (export "equals" (func $equals)) (export "compare" (func $compare))
  (func (export "round trip") (param externref) (result externref)
    (local $units (ref null $units))
    (local.set $units (array.new_default $units (i32.add (call $length (local.get 0)) (i32.const 2))))
    (drop (call $intoArray (local.get 0) (local.get $units) (i32.const 1)))
    (call $fromArray (local.get $units) (i32.const 1) (i32.add (call $length (local.get 0)) (i32.const 1))))
  (func (export "too short") (param externref) (result i32)
    (call $intoArray (local.get 0) (array.new_default $units (i32.const 1)) (i32.const 0)))
  (func (export "null array") (result externref) (call $fromArray (ref.null $units) (i32.const 0) (i32.const 0)))
  (func (export "catches") (param externref) (result i32)
    (block $caught
      (try_table (catch_all $caught) (drop (call $length (local.get 0))))
      (return (i32.const 0)))
    (i32.const 1)))`;
const options = { builtins: ["js-string"], importedStringConstants: "'" };
{
  const module = new WebAssembly.Module(strings, options);
  same(WebAssembly.Module.imports(module), [], "the engine's imports are not listed");
  const { exports: s } = new WebAssembly.Instance(module);
  const { RuntimeError } = WebAssembly;
  equal(s.constant.value, "constant é", "a string constant");
  equal(s.cast("x"), "x", "cast");
  equal(s.test("x"), 1, "test of a string");
  for (const value of [null, undefined, 1, {}, Object("x"), Symbol()]) {
    equal(s.test(value), 0, "test of no string");
    throws(RuntimeError, () => s.cast(value), "cast of no string");
    throws(RuntimeError, () => s.length(value), "length of no string");
    throws(RuntimeError, () => s.charCodeAt(value, 0), "charCodeAt of no string");
    throws(RuntimeError, () => s.codePointAt(value, 0), "codePointAt of no string");
    throws(RuntimeError, () => s.concat(value, "x"), "concat of no string");
    throws(RuntimeError, () => s.concat("x", value), "concat with no string");
    throws(RuntimeError, () => s.substring(value, 0, 1), "substring of no string");
    throws(RuntimeError, () => s.compare("x", value), "compare with no string");
    if (value !== null) throws(RuntimeError, () => s.equals("x", value), "equals with no string");
    throws(RuntimeError, () => s.catches(value), "a guest does not catch that trap");
  }
  equal(s.fromCharCode(65), "A", "fromCharCode");
  equal(s.fromCharCode(0x10041), "A", "of more than 16 bits");
  equal(s.fromCharCode(0xd800), "\ud800", "of half a pair");
  equal(s.fromCodePoint(0x1f600), "😀", "fromCodePoint");
  throws(RuntimeError, () => s.fromCodePoint(0x110000), "of too large a number");
  throws(RuntimeError, () => s.fromCodePoint(-1), "of a negative one");
  equal(s.charCodeAt("aé", 1), 233, "charCodeAt");
  throws(RuntimeError, () => s.charCodeAt("a", 1), "past the end");
  throws(RuntimeError, () => s.charCodeAt("a", -1), "before the start");
  equal(s.codePointAt("😀", 0), 0x1f600, "codePointAt");
  equal(s.codePointAt("😀", 1), 0xde00, "inside a pair");
  throws(RuntimeError, () => s.codePointAt("", 0), "past the end");
  equal(s.length("😀"), 2, "length");
  equal(s.concat("ab", "cd"), "abcd", "concat");
  for (const [args, expected] of [[[0, 2], "ab"], [[1, 99], "bcd"], [[2, 1], ""], [[5, 6], ""], [[4, 4], ""], [[0, -1], "abcd"], [[-1, -1], ""]]) {
    equal(s.substring("abcd", ...args), expected, `substring of ${args}`);
  }
  equal(s.equals("a", "a"), 1, "equals");
  equal(s.equals("a", "b"), 0, "not equals");
  equal(s.equals(null, null), 1, "null equals null");
  equal(s.equals("a", null), 0, "and nothing else");
  for (const [a, b, expected] of [["a", "b", -1], ["b", "a", 1], ["a", "a", 0], ["", "a", -1], ["é", "z", 1]]) equal(s.compare(a, b), expected, `compare ${a} with ${b}`);
  for (const text of ["", "abc", "é😀", "\ud800x", "x\0y"]) equal(s["round trip"](text), text, "through an array and back");
  throws(RuntimeError, () => s["too short"]("abc"), "an array that is too short");
  throws(RuntimeError, () => s["null array"](), "no array");
}
throws(TypeError, () => new WebAssembly.Instance(new WebAssembly.Module(strings)), "without the option they are imports");
equal(WebAssembly.Module.imports(new WebAssembly.Module(strings, { importedStringConstants: "'" })).length, 13, "only constants");
const wrong = wat`(module (import "wasm:js-string" "length" (func (param externref) (result i64))))`;
throws(WebAssembly.CompileError, () => new WebAssembly.Module(wrong, options), "a wrong type of a function on strings");
equal(WebAssembly.validate(wrong), true, "without the option it is valid");
equal(WebAssembly.validate(wrong, options), false, "with it, it is not");
throws(WebAssembly.CompileError, () => new WebAssembly.Module(strings, { builtins: ["js-string", "js-string"] }), "a set that is named twice");
check(new WebAssembly.Module(wrong, { builtins: ["unknown"] }) instanceof WebAssembly.Module, "an unknown set");
throws(WebAssembly.CompileError, () => new WebAssembly.Module(wat`(module (import "'" "x" (global i32)))`, options), "a string constant of another type");
for (const value of [1, "x"]) throws(TypeError, () => new WebAssembly.Module(strings, value), "options that are no object");
throws(TypeError, () => new WebAssembly.Module(strings, { builtins: 1 }), "sets that are not iterable");
check((await WebAssembly.compile(strings, options)) instanceof WebAssembly.Module, "compile with options");
check((await WebAssembly.instantiate(strings, {}, options)).instance instanceof WebAssembly.Instance, "instantiate with options");
equal(thrown(() => {}), undefined, "nothing is thrown");
{
  // Such modules need nothing of the script.
  const options = { builtins: ["js-string"] };
  const alone = new WebAssembly.Module(wat`(module (func (export "test") (import "wasm:js-string" "test") (param externref) (result i32)))`, options);
  equal(new WebAssembly.Instance(alone).exports.test("text"), 1, "no imports are needed");
  equal((await WebAssembly.instantiate(alone, undefined)).exports.test(1), 0, "nor later");
  for (const bytes of [wat`(module (import "wasm:js-string" "test" (func (param externref) (result i32))) (import "env" "f" (func)))`, wat`(module (import "wasm:js-string" "unknown" (func)))`]) {
    throws(TypeError, () => new WebAssembly.Instance(new WebAssembly.Module(bytes, options)), "other imports are needed");
  }
  const other = wat`(module (rec (type $t (func (param externref) (result i32))) (type (struct))) (import "wasm:js-string" "test" (func (type $t))))`;
  equal(WebAssembly.validate(other, options), false, "a type that only looks like that of a function on strings");
  equal(WebAssembly.validate(other), true, "is one for other functions");
}
done();
