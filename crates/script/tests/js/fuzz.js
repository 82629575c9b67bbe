// Calls everything with anything, many times: whatever is thrown is an ordinary error, and in the
// end all works as before.
import { check, done, equal, instance } from "./harness.js";

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
const pool = [];
let depth = 0;

function value() {
  switch (random(22)) {
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
    case 11: return (...args) => { if (depth++ > 20) return 1; step(); if (random(4) === 0) throw value(); return value(); };
    case 12: return new Uint8Array(random(20));
    case 13: return new Proxy({}, { get: () => value() });
    case 14: return true;
    case 15: return module;
    case 16: return bytes.slice(0, random(bytes.length));
    default: return pool.length > 0 ? pick(pool) : 0;
  }
}

const classes = ["Module", "Instance", "Memory", "Table", "Global", "Tag", "Exception", "CompileError", "RuntimeError"];
const methods = ["grow", "get", "set", "toFixedLengthBuffer", "toResizableBuffer", "valueOf", "is", "getArg", "call", "apply", "bind", "slice", "fill", "resize", "transfer", "subarray", "at", "map", "copyWithin"];
const properties = ["buffer", "exports", "length", "value", "stack", "byteLength", "memory", "table", "externs", "i32", "any", "tag", "throw", "catch", "load", "store", "indirect", "two"];

function keep(object) {
  if ((typeof object !== "object" && typeof object !== "function") || object === null) return;
  if (pool.length < 60) pool.push(object);
  else pool[random(60)] = object;
}

let errors = 0;
function step() {
  try {
    const args = Array.from({ length: random(4) }, value);
    switch (random(9)) {
      case 0: keep(new WebAssembly[pick(classes)](...args)); break;
      case 1: keep(new WebAssembly.Instance(module, { "": { f: value() } }).exports); break;
      case 2: {
        const target = pick(pool);
        if (typeof target === "function") keep(target(...args));
        break;
      }
      case 3: keep(pick(pool)?.[pick(methods)]?.(...args)); break;
      case 4: keep(pick(pool)?.[pick(properties)]); break;
      case 5: { const target = pick(pool); if (target !== module) target.value = value(); break; }
      case 6: WebAssembly[pick(["validate", "compile", "instantiate"])](...args)?.catch?.(() => {}); break;
      case 7: keep(WebAssembly.Module[pick(["exports", "imports", "customSections"])](...args)); break;
      case 8: { const view = new Uint8Array(pick(pool).buffer ?? 1); view[random(view.length + 2)] = random(256); keep(view); break; }
    }
  } catch (error) {
    errors++;
    if (error instanceof Error && error.name === "InternalError" && !/stack|interrupted/.test(error.message)) throw new Error(`an internal error: ${error.message}`);
  }
}

for (let turn = 0; turn < 1000; turn++) {
  for (let i = 0; i < 30; i++) {
    depth = 0;
    step();
  }
  if (turn % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  check(true, "still here");
}
check(errors > 1000, `${errors} errors`);
pool.length = 0;
const exports = new WebAssembly.Instance(module, { "": { f: (x) => x } }).exports;
equal(exports.call(exports, 1), exports, "all works as before");
equal(exports.forever(), 1000, "also loops");
equal(typeof instance, "function", "the harness");
done();
