// What people try first: each part is a small program of its own.
const add = wat`(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))`;
const text = wat`(module
  (memory (export "memory") 1 3)
  (data (i32.const 16) "hello\00")
  (global (export "at") i32 (i32.const 16))
  (func (export "shout") (param $at i32) (loop $next
    (i32.store8 (local.get $at) (i32.and (i32.load8_u (local.get $at)) (i32.const 0xdf)))
    (local.set $at (i32.add (local.get $at) (i32.const 1)))
    (br_if $next (i32.load8_u (local.get $at)))))
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (func (export "div") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "pair") (param i64) (result i64 f64) (local.get 0) (f64.const 0.5))
  (func (export "peek") (param i32) (result i32) (i32.load (local.get 0))))`;
const caller = wat`(module
  (import "env" "log" (func $log (param i32 i32)))
  (import "env" "pick" (func $pick (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "from the guest")
  (func (export "run") (param i32) (result i32) (call $log (i32.const 0) (i32.const 14)) (call $pick (local.get 0))))`;
const failure = (f) => { try { f(); } catch (error) { return `${error.name}: ${error.message}`; } return "no error"; };
const part = async (name, program) => { console.log(`== ${name}`); await program(); };

await part("a function", async () => {
  const { instance } = await WebAssembly.instantiate(add);
  console.log(instance.exports.add(2, 3), instance.exports.add("4", 5), instance.exports.add(2 ** 32, 1), instance.exports.add());
});
await part("then", () => WebAssembly.instantiate(add, {}).then((result) => {
  console.log(Object.keys(result).join(), result.instance instanceof WebAssembly.Instance);
}));
await part("without waiting", () => {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(add));
  console.log(instance.exports.add.name, instance.exports.add.length, typeof instance.exports.add);
});
await part("text out of memory", () => {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(text));
  const bytes = new Uint8Array(exports.memory.buffer, exports.at.value);
  const string = () => new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  console.log(string());
  exports.shout(exports.at.value);
  console.log(string());
});
await part("text into memory", () => {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(text));
  const { written } = new TextEncoder().encodeInto("grün!\0", new Uint8Array(exports.memory.buffer, 100));
  exports.shout(105);
  console.log(written, new TextDecoder().decode(new Uint8Array(exports.memory.buffer, 100, written - 1)));
});
await part("a view that is too old", () => {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(text));
  const view = new Uint32Array(exports.memory.buffer);
  view[0] = 7;
  console.log(exports.grow(), view.length, view[0], new Uint32Array(exports.memory.buffer)[0]);
  console.log(failure(() => new DataView(view.buffer)));
});
await part("big integers", () => {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(text));
  console.log(exports.pair(2n ** 63n).map(String).join(" "));
  console.log(failure(() => exports.pair(1)));
});
await part("traps", () => {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(text));
  for (const f of [() => exports.div(1, 0), () => exports.div(-(2 ** 31), -1), () => exports.peek(65533), () => exports.missing()]) {
    console.log(failure(f));
  }
});
await part("imports", () => {
  const words = [];
  let memory;
  const env = {
    log(at, length) { words.push(new TextDecoder().decode(new Uint8Array(memory.buffer, at, length))); },
    pick: (index) => [10, 20, 30][index],
  };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(caller), { env });
  memory = exports.memory;
  console.log(exports.run(1), exports.run(7), words.join());
});
await part("imports that are missing", () => {
  const module = new WebAssembly.Module(caller);
  console.log(failure(() => new WebAssembly.Instance(module)));
  console.log(failure(() => new WebAssembly.Instance(module, { env: {} })));
  console.log(failure(() => new WebAssembly.Instance(module, { env: { log() {}, pick: 1 } })));
  console.log(WebAssembly.Module.imports(module).map(({ module, name, kind }) => `${module}.${name}: ${kind}`).join());
});
await part("an import that throws", () => {
  const oops = new RangeError("not today");
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(caller), { env: { log() { throw oops; }, pick() {} } });
  try { exports.run(1); } catch (error) { console.log(error === oops, String(error)); }
});
await part("what is no module", async () => {
  console.log(failure(() => new WebAssembly.Module(new Uint8Array([1, 2, 3]))).replace(/:.*/, ""));
  console.log(failure(() => new WebAssembly.Module("(module)")).replace(/:.*/, ""));
  console.log(WebAssembly.validate(add), WebAssembly.validate(new Uint8Array(8)));
  await WebAssembly.instantiate(new Uint8Array(4)).catch((error) => console.log(error.name));
});
await part("a memory of one's own", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 });
  new DataView(memory.buffer).setFloat64(8, Math.PI, true);
  console.log(memory.grow(1), memory.buffer.byteLength, new Float64Array(memory.buffer)[1]);
  console.log(failure(() => memory.grow(1)));
});
await part("a table and a global", () => {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(add));
  const table = new WebAssembly.Table({ element: "anyfunc", initial: 2 });
  table.set(0, exports.add);
  const global = new WebAssembly.Global({ value: "i32", mutable: true }, 41);
  global.value++;
  console.log(table.get(0)(global.value, 1), table.get(1), table.length, global.value);
  console.log(failure(() => table.set(1, (a, b) => a + b)), failure(() => table.get(5)));
});
await part("a promise in between", async () => {
  const { instance } = await WebAssembly.instantiate(caller, { env: { log() {}, pick: (index) => index * 2 } });
  const later = (value) => new Promise((resolve) => setTimeout(() => resolve(instance.exports.run(value)), 1));
  console.log((await Promise.all([later(1), later(2), later(3)])).join());
});
