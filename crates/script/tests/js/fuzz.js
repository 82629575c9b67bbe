// Calls everything with anything, many times: whatever is thrown is an ordinary error, and in the
// end all works as before.
import { check, done, equal, instance } from "./harness.js";

const turns = 1000;
let state = 20260101;
const random = (below) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 4294967296) * below);
};
const pick = (list) => list[random(list.length)];

const bytes = wat`(module
  (import "" "f" (func $f (param externref i32) (result externref)))
  (type $t (func (param i32 i64) (result f32 f64)))
  (memory (export "memory") 1 3)
  (table (export "table") 3 10 funcref) (table (export "externs") 2 10 externref)
  (global (export "i32") (mut i32) (i32.const 1)) (global (export "i64") (mut i64) (i64.const 1)) (global (export "any") (mut externref) (ref.null extern))
  (tag $tag (export "tag") (param i32 externref))
  (func (export "call") (param externref i32) (result externref) (call $f (local.get 0) (local.get 1)))
  (func (export "throw") (param i32 externref) (throw $tag (local.get 0) (local.get 1)))
  (func (export "catch") (param externref i32) (result i32)
    (block $caught (result exnref) (try_table (catch_all_ref $caught) (drop (call $f (local.get 0) (local.get 1)))) (return (i32.const 0)))
    drop (i32.const 1))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "store") (param i32 i64) (i64.store (local.get 0) (local.get 1)))
  (func (export "indirect") (param i32) (result f32 f64) (call_indirect (type $t) (i32.const 1) (i64.const 2) (local.get 0)))
  (func (export "two") (param i32 i64) (result f32 f64) (f32.convert_i32_s (local.get 0)) (f64.convert_i64_s (local.get 1)))
  (func (export "forever") (result i32) (local $n i32) (loop (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1000)))) (local.get $n)))`;
const module = new WebAssembly.Module(bytes);
// Objects of the guest's, functions on strings, and addresses of 64 bits.
const objects = new WebAssembly.Module(wat`(module
  (type $point (struct (field (mut i32)) (field (mut anyref)))) (type $units (array (mut i16)))
  (import "wasm:js-string" "cast" (func $cast (param externref) (result (ref extern))))
  (import "wasm:js-string" "concat" (func $concat (param externref externref) (result (ref extern))))
  (import "wasm:js-string" "substring" (func $substring (param externref i32 i32) (result (ref extern))))
  (import "wasm:js-string" "fromCharCodeArray" (func $from (param (ref null $units) i32 i32) (result (ref extern))))
  (import "wasm:js-string" "intoCharCodeArray" (func $into (param externref (ref null $units) i32) (result i32)))
  (import "" "f" (func $f (param anyref i64) (result anyref)))
  (memory (export "memory") i64 0 4) (memory $small (export "small") 1 9) (table (export "table") 2 9 anyref)
  (func (export "cast") (param externref) (result externref) (call $cast (local.get 0)))
  (func (export "concat") (param externref externref) (result externref) (call $concat (local.get 0) (local.get 1)))
  (func (export "substring") (param externref i32 i32) (result externref) (call $substring (local.get 0) (local.get 1) (local.get 2)))
  (func (export "from") (param (ref null $units) i32 i32) (result externref) (call $from (local.get 0) (local.get 1) (local.get 2)))
  (func (export "into") (param externref (ref null $units) i32) (result i32) (call $into (local.get 0) (local.get 1) (local.get 2)))
  (func (export "units") (param i32) (result (ref $units)) (array.new_default $units (i32.and (local.get 0) (i32.const 255))))
  (func (export "point") (param i32 anyref) (result (ref $point)) (struct.new $point (local.get 0) (local.get 1)))
  (func (export "link") (param (ref null $point) anyref) (struct.set $point 1 (local.get 0) (local.get 1)))
  (func (export "eq") (param eqref eqref) (result i32) (ref.eq (local.get 0) (local.get 1)))
  (func (export "call") (param anyref i64) (result anyref) (call $f (local.get 0) (local.get 1)))
  (func (export "between") (param anyref i32) (result i32) (local $before i32)
    (local.set $before (i32.load $small (local.get 1)))
    (drop (call $f (local.get 0) (i64.const 0)))
    (i32.sub (i32.load $small (local.get 1)) (local.get $before)))
  (func (export "grow") (param i64) (result i64) (memory.grow (local.get 0))))`, { builtins: ["js-string"] });
const pool = [];
let depth = 0;

function value() {
  switch (random(25)) {
    case 0: return undefined;
    case 1: return null;
    case 2: return random(10);
    case 3: return -random(100000);
    case 4: return pick([NaN, Infinity, -Infinity, -0, 1.5, 1e300, 2 ** 31, 2 ** 32, 2 ** 53, 0xffffffff]);
    case 5: return BigInt(random(1000)) ** BigInt(random(20));
    case 6: return pick(["", "x", "1", "i32", "anyfunc", "externref", "1e999"]);
    case 7: return Symbol("s");
    case 8: return [value(), value()];
    case 9: return { valueOf() { return depth++ < 20 ? value() : 1; } };
    case 10: return { get initial() { return random(5); }, maximum: pick([undefined, 3, 8]), element: pick(["anyfunc", "externref"]), shared: pick([true, false, false]), value: pick(["i32", "i64", "f32", "externref", "anyfunc"]), mutable: pick([true, false]), parameters: pick([[], ["i32"], ["i32", "externref"]]), address: pick([undefined, "i64"]) };
    case 11: return callback();
    case 12: return new Uint8Array(random(20));
    case 13: return new Proxy({}, { get: () => value() });
    case 14: return true;
    case 15: return module;
    case 16: return bytes.slice(0, random(bytes.length));
    case 17: return { valueOf() { reenter(); return random(70000); } };
    case 18: return new Proxy(function () {}, { get(_, key) { reenter(); return key === Symbol.toPrimitive ? () => random(9) : value(); }, apply() { reenter(); return value(); }, has() { reenter(); return true; } });
    case 19: return view() ?? 0;
    default: return pool.length > 0 ? pick(pool) : 0;
  }
}

function callback() {
  return () => { if (depth++ > 20) return 1; step(); if (random(4) === 0) throw value(); return value(); };
}

// Arguments of a kind that a class takes, or any.
function argumentsOf(name) {
  const list = () => pick([["i32"], [], ["externref", "i64"], { *[Symbol.iterator]() { reenter(); yield "f32"; } }]);
  const numbers = () => ({ get initial() { reenter(); return random(3); }, maximum: pick([undefined, 3, value()]), shared: random(4) === 0, address: undefined });
  switch (random(2) === 0 ? name : "") {
    case "Memory": return [numbers()];
    case "Table": return [{ ...numbers(), element: pick(["anyfunc", "externref"]) }, value()];
    case "Global": return [{ value: pick(["i32", "i64", "f32", "f64", "externref", "anyfunc"]), mutable: true }, value()];
    case "Tag": return [{ parameters: list() }];
    case "Instance": return [pick([module, objects]), { "": { f: callback() } }];
    case "Exception": return [new WebAssembly.Tag({ parameters: ["externref"] }), [value()], { traceStack: true }];
    default: return Array.from({ length: random(4) }, value);
  }
}

function reenter() {
  if (depth++ < 20) step();
}

const arrays = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Int32Array, Uint32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView];
// A view of a memory, as a script may keep it while the memory grows.
function view() {
  const buffer = pick(pool)?.buffer;
  if (!(buffer instanceof ArrayBuffer || buffer instanceof SharedArrayBuffer)) return undefined;
  const at = 8 * random(buffer.byteLength / 8 + 2);
  let made;
  try {
    made = random(3) === 0 ? new (pick(arrays))(buffer) : new (pick(arrays))(buffer, at, pick([undefined, 0, 1, 100]));
  } catch {
    made = new Uint8Array(buffer);
  }
  keep(made);
  return made;
}

const listMethods = ["sort", "toSorted", "map", "forEach", "filter", "reduce", "every", "find", "findLast", "fill", "set", "copyWithin", "subarray", "slice", "with", "at", "indexOf", "includes", "join", "reverse", "entries", "toString", "getInt32", "setInt32", "setFloat64", "getBigInt64", "setBigUint64"];
const atomics = ["add", "and", "compareExchange", "exchange", "load", "or", "store", "sub", "xor", "notify", "isLockFree"];

// Methods of a view, whose callbacks and arguments call back: what it shows may be gone meanwhile.
function useView() {
  const target = view() ?? pick(pool);
  if (ArrayBuffer.isView(target) && target.byteLength > 1 << 20) return;
  const called = (...args) => { if (random(40) === 0) reenter(); return random(5) === 0 ? value() : (typeof args[0] === "bigint" ? 1n : args[0] - 1); };
  switch (random(6)) {
    case 0: Atomics[pick(atomics)](target, value(), value(), value()); break;
    case 1: if (target.buffer instanceof SharedArrayBuffer) Atomics.wait(target, value(), value(), random(2)); break;
    case 2: new TextEncoder().encodeInto("text é 😀", target); new TextDecoder().decode(target); break;
    case 3: keep(Array.from(target, called)); break;
    case 4: keep(new (pick(arrays))(target, value(), value())); break;
    default: keep(target[pick(listMethods.filter((name) => name in target))](random(2) === 0 ? called : value(), value(), value()));
  }
}

// What scripts can do to any object.
function useObject() {
  const target = pick(pool);
  if (target === module || target === objects) return;
  const key = pick([...properties, ...methods, 0, Symbol.iterator, Symbol.toPrimitive]);
  switch (random(9)) {
    case 0: Object.defineProperty(target, key, pick([{ value: value() }, { get: () => value(), configurable: true }, { get() { reenter(); return 1; } }])); break;
    case 1: Object.setPrototypeOf(target, pick([null, {}, pick(pool)])); break;
    case 2: Reflect.ownKeys(target); break;
    case 3: delete target[key]; break;
    case 4: if (random(20) === 0) Object.freeze(target); break;
    case 5: `${target}`; break;
    case 6: keep(Reflect.construct(WebAssembly[pick(classes)], [value(), value(), value()], pick([Object, Array, class extends Array {}, new Proxy(function () {}, { get() { reenter(); return {}; } })]))); break;
    case 7: keep(Reflect.get(pick([WebAssembly.Memory, WebAssembly.Table, WebAssembly.Global, WebAssembly.Exception]).prototype, pick(properties), target)); break;
    case 8: JSON.stringify(target, (_, item) => (ArrayBuffer.isView(item) || typeof item === "bigint" ? null : item)); break;
  }
}

// A cycle between the script and a guest, which is then forgotten.
function makeCycle() {
  const table = new WebAssembly.Table({ element: pick(["anyfunc", "externref"]), initial: 2 });
  const exports = new WebAssembly.Instance(module, { "": { f: () => [table, exports] } }).exports;
  for (const held of [exports.call, value(), exports]) {
    try { table.set(random(2), held); } catch {}
    try { exports.externs.set(random(2), held); exports.any.value = held; } catch {}
  }
  keep(pick([table, exports, exports.externs, null]));
}

// An exception through guests, which may be caught on the way.
function passException() {
  const exports = new WebAssembly.Instance(module, { "": { f: (x) => { reenter(); throw x; } } }).exports;
  const tag = pick([exports.tag, WebAssembly.JSTag, new WebAssembly.Tag({ parameters: ["i32", "externref"] })]);
  try {
    if (random(2) === 0) exports[pick(["call", "catch", "throw"])](value(), value());
    else exports.call(new WebAssembly.Exception(tag, [value(), value()], { traceStack: random(2) === 0 }), 1);
  } catch (error) {
    keep(error);
    if (error instanceof WebAssembly.Exception) { error.is(tag); error.stack; error.getArg(tag, random(3)); }
    throw error;
  }
}

const classes = ["Module", "Instance", "Memory", "Table", "Global", "Tag", "Exception", "CompileError", "RuntimeError"];
const methods = ["grow", "get", "set", "toFixedLengthBuffer", "toResizableBuffer", "valueOf", "is", "getArg", "call", "apply", "bind", "slice", "fill", "resize", "transfer", "subarray", "at", "map", "copyWithin"];
const properties = ["buffer", "exports", "length", "value", "stack", "byteLength", "memory", "table", "externs", "i32", "any", "tag", "throw", "catch", "load", "store", "indirect", "two", "small", "cast", "concat", "substring", "from", "into", "units", "point", "link", "eq", "call", "between", "grow"];

function keep(object) {
  if ((typeof object !== "object" && typeof object !== "function") || object === null) return;
  if (pool.length < 60) pool.push(object);
  else pool[random(60)] = object;
}

let errors = 0;
function step() {
  try {
    const args = Array.from({ length: random(4) }, value);
    switch (random(15)) {
      case 0: { const name = pick(classes); keep(new WebAssembly[name](...argumentsOf(name))); break; }
      case 1: keep(new WebAssembly.Instance(module, { "": { f: random(4) === 0 ? value() : callback() } }).exports); break;
      case 2: {
        const target = pick(pool);
        if (typeof target === "function") keep(target(...args));
        break;
      }
      case 3: keep(pick(pool)?.[pick(methods)]?.(...args)); break;
      case 4: keep(pick(pool)?.[pick(properties)]); break;
      case 5: { const target = pick(pool); if (target !== module && target !== objects) target.value = value(); break; }
      case 6: WebAssembly[pick(["validate", "compile", "instantiate"])](...args)?.catch?.(() => {}); break;
      case 7: keep(WebAssembly.Module[pick(["exports", "imports", "customSections"])](...args)); break;
      case 8: { const view = new Uint8Array(pick(pool).buffer ?? 1); view[random(view.length + 2)] = random(256); keep(view); break; }
      case 9: case 10: useView(); break;
      case 11: useObject(); break;
      case 12: keep(new WebAssembly.Instance(objects, { "": { f: random(4) === 0 ? value() : callback() } }).exports); break;
      case 13: makeCycle(); break;
      case 14: passException(); break;
    }
  } catch (error) {
    errors++;
    if (error instanceof Error && error.name === "InternalError" && !/stack|interrupted/.test(error.message)) throw new Error(`an internal error: ${error.message}`);
  }
}

for (let turn = 0; turn < turns; turn++) {
  for (let i = 0; i < 30; i++) {
    depth = 0;
    step();
  }
  if (turn % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  check(true, "still here");
}
check(errors > turns, `${errors} errors`);
pool.length = 0;
const exports = new WebAssembly.Instance(module, { "": { f: (x) => x } }).exports;
equal(exports.call(exports, 1), exports, "all works as before");
equal(exports.forever(), 1000, "also loops");
equal(typeof instance, "function", "the harness");
done();
