// Modules, instances and the asynchronous functions.
import { check, done, equal, instance, rejects, same, throws, thrown } from "./harness.js";

const { Module, Instance, CompileError, LinkError } = WebAssembly;
const empty = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
const full = wat`(module $name
  (import "a" "f" (func (param i32))) (import "a" "t" (table 1 funcref)) (import "b" "m" (memory 1))
  (import "b" "g" (global i32)) (import "" "" (tag))
  (func (export "func")) (export "again" (func 0)) (table (export "table") 1 funcref) (memory (export "memory") 1)
  (global (export "") i32 (i32.const 1)) (tag (export "tag"))
  (@custom "first" "abc") (@custom "second" "\00\ff") (@custom "first" "d") (@custom "" ""))`;
const invalid = [[], [0], [0, 97, 115, 109], [0, 97, 115, 109, 2, 0, 0, 0], [...empty, 0xff], [...empty, 1, 1]].map((bytes) => Uint8Array.from(bytes));
const noBytes = [undefined, null, true, "", "test", Symbol(), 1, NaN, {}, [], Uint8Array, ArrayBuffer.prototype, SharedArrayBuffer.prototype];

for (const value of noBytes) {
  throws(TypeError, () => new Module(value), "a module of no bytes");
  throws(TypeError, () => WebAssembly.validate(value), "validate no bytes");
}
for (const bytes of invalid) {
  throws(CompileError, () => new Module(bytes), "invalid bytes");
  equal(WebAssembly.validate(bytes), false, "validate invalid bytes");
}
const padded = new Uint8Array(20);
padded.set(empty, 4);
for (const bytes of [empty, empty.buffer, new DataView(empty.buffer), padded.subarray(4, 12), new Uint16Array(empty.buffer), new Float64Array(empty.buffer)]) {
  check(new Module(bytes) instanceof Module, "a module of any view of bytes");
  equal(WebAssembly.validate(bytes), true, "validate any view of bytes");
}
{
  // Buffers that are shared, resizable, detached, or shorter than a view of them.
  const filled = (buffer, at = 0) => { new Uint8Array(buffer).set(empty, at); return buffer; };
  const shared = filled(new SharedArrayBuffer(8));
  const resizable = filled(new ArrayBuffer(8, { maxByteLength: 24 }));
  const later = filled(new ArrayBuffer(12, { maxByteLength: 24 }), 4);
  for (const bytes of [shared, new Uint8Array(shared), new DataView(shared), resizable, new Uint8Array(resizable), new DataView(resizable), new Uint8Array(later, 4), new DataView(later, 4)]) {
    equal(WebAssembly.validate(bytes), true, "shared or resizable bytes");
    check(await WebAssembly.compile(bytes) instanceof Module, "compile shared or resizable bytes");
  }
  const tracking = new Uint8Array(resizable);
  const fixed = new DataView(later, 4, 8);
  resizable.resize(4);
  later.resize(2);
  equal(WebAssembly.validate(tracking), false, "a view that is shorter now");
  resizable.resize(8);
  equal(WebAssembly.validate(filled(resizable)), true, "and longer again");
  equal(WebAssembly.validate(new Uint8Array(later, 0)), false, "too few bytes");
  throws(TypeError, () => WebAssembly.validate(fixed), "a DataView of bytes that are gone");
  await rejects(TypeError, WebAssembly.compile(fixed), "compile a DataView of bytes that are gone");
  later.resize(12);
  const outside = new Uint8Array(later, 4, 8);
  later.resize(2);
  equal(WebAssembly.validate(outside), false, "an array of bytes that are gone has none");
  const gone = filled(new ArrayBuffer(8));
  const views = [gone, new Uint8Array(gone), new DataView(gone)];
  gone.transfer();
  for (const bytes of views) {
    equal(WebAssembly.validate(bytes), false, "detached bytes are no module");
    await rejects(CompileError, WebAssembly.compile(bytes), "compile detached bytes");
  }
}
check(thrown(() => new Module(Uint8Array.of(1, 2, 3, 4))).message.length > 0, "a message");
const module = new Module(full);
equal(String(module), "[object WebAssembly.Module]", "a module as a string");
check(Object.isExtensible(module), "a module can get properties");
same(Module.exports(module), [
  { name: "func", kind: "function" }, { name: "again", kind: "function" }, { name: "table", kind: "table" },
  { name: "memory", kind: "memory" }, { name: "", kind: "global" }, { name: "tag", kind: "tag" },
], "exports");
same(Module.imports(module), [
  { module: "a", name: "f", kind: "function" }, { module: "a", name: "t", kind: "table" }, { module: "b", name: "m", kind: "memory" },
  { module: "b", name: "g", kind: "global" }, { module: "", name: "", kind: "tag" },
], "imports");
check(Module.exports(module) !== Module.exports(module), "a new array each time");
equal(Object.getPrototypeOf(Module.exports(module)[0]), Object.prototype, "of usual objects");
same(Module.exports(new Module(empty)), [], "no exports");
same(Module.imports(new Module(empty)), [], "no imports");
const sections = (name) => Module.customSections(module, name).map((buffer) => [...new Uint8Array(buffer)]);
same(sections("first"), [[97, 98, 99], [100]], "custom sections of one name");
same(sections("second"), [[0, 255]], "of another");
same(sections(""), [[]], "of an empty name");
same(sections("none"), [], "of none");
check(Module.customSections(module, "first")[0] instanceof ArrayBuffer, "they are ArrayBuffers");
same(sections("name").length, 1, "the names");
throws(TypeError, () => Module.customSections(module), "no name of sections");
throws(TypeError, () => Module.customSections(module, Symbol()), "a symbol as a name");
same(Module.customSections(module, undefined), [], "undefined is a name");
const replaced = new Module(wat`(module (@custom "na\ef\bf\bdme" "x"))`);
equal(Module.customSections(replaced, "na\ufffdme").length, 1, "a replacement character in a name");
equal(Module.customSections(replaced, "na\udc01me").length, 0, "a lone surrogate is no replacement character");

// Instances.
for (const value of [undefined, null, 1, {}, full, "x"]) throws(TypeError, () => new Instance(value), "an instance of what is no module");
for (const value of [null, 1, "x", Symbol(), 1n, false]) throws(TypeError, () => new Instance(new Module(empty), value), "imports that are no object");
const nothing = new Instance(new Module(empty));
equal(String(nothing), "[object WebAssembly.Instance]", "an instance as a string");
equal(Object.getPrototypeOf(nothing.exports), null, "exports have no prototype");
equal(Object.isFrozen(nothing.exports), true, "and are frozen");
equal(nothing.exports, nothing.exports, "and one object");
throws(TypeError, () => { "use strict"; nothing.exports = 1; }, "exports cannot be set");
const good = () => ({
  a: { f() {}, t: new WebAssembly.Table({ element: "anyfunc", initial: 1 }) },
  b: { m: new WebAssembly.Memory({ initial: 1 }), g: 7 },
  "": { "": new WebAssembly.Tag({ parameters: [] }) },
});
const { exports } = new Instance(module, good());
same(Object.keys(exports), ["func", "again", "table", "memory", "", "tag"], "the names of exports, in order");
same(Object.getOwnPropertyDescriptor(exports, "func").configurable, false, "an export stays");
equal(Object.getOwnPropertyDescriptor(exports, "func").enumerable, true, "an export is enumerable");
throws(TypeError, () => new Instance(module), "no imports");
throws(TypeError, () => new Instance(module, {}), "no module of imports");
for (const value of [undefined, null, 1, "x", Symbol()]) throws(TypeError, () => new Instance(module, { ...good(), a: value }), "a module of imports that is no object");
const change = (module, name, value) => {
  const imports = good();
  imports[module][name] = value;
  return () => new Instance(new Module(full), imports);
};
const { Memory, Table, Global, Tag } = WebAssembly;
const wrong = {
  f: ["a", undefined, null, 1, "x", {}, [], new Memory({ initial: 1 })],
  t: ["a", undefined, null, {}, () => {}, [], new Memory({ initial: 1 }), new Table({ element: "externref", initial: 1 }), new Table({ element: "anyfunc", initial: 0 }), Object.create(Table.prototype)],
  m: ["b", undefined, null, {}, new ArrayBuffer(65536), new Memory({ initial: 0 }), new Memory({ initial: 1, maximum: 1, shared: true }), new Memory({ address: "i64", initial: 1n }), Object.create(Memory.prototype)],
  g: ["b", undefined, null, "1", 1n, true, {}, new Global({ value: "i32", mutable: true }), new Global({ value: "i64" }), Object.create(Global.prototype)],
  "": ["", undefined, null, {}, 1, new Tag({ parameters: ["i32"] }), Object.create(Tag.prototype)],
};
for (const [name, [from, ...values]] of Object.entries(wrong)) for (const value of values) throws(LinkError, change(from, name, value), `a wrong import ${name}`);
check(change("b", "g", new Global({ value: "i32" }, 9))() instanceof Instance, "a Global as a global");
check(thrown(change("a", "f", 1)).message.includes("a::f"), "a message names the import");
{
  const order = [];
  const watch = (target, name) => new Proxy(target, { get(object, key) { order.push(`${name}.${String(key)}`); return object[key]; } });
  const imports = good();
  new Instance(module, watch({ a: watch(imports.a, "a"), b: watch(imports.b, "b"), "": watch(imports[""], "") }, "imports"));
  same(order, ["imports.a", "a.f", "imports.a", "a.t", "imports.b", "b.m", "imports.b", "b.g", "imports.", "."], "imports are read in order");
}
const globals = wat`(module (import "" "a" (global i64)) (import "" "b" (global f32)) (import "" "c" (global externref)) (import "" "d" (global funcref))
  (export "a" (global 0)) (export "b" (global 1)) (export "c" (global 2)) (export "d" (global 3)))`;
{
  const object = {};
  const { a, b, c, d } = instance(globals, { "": { a: 5n, b: 0.1, c: object, d: null } });
  same([a.value, b.value, d.value], [5n, Math.fround(0.1), null], "values as globals");
  equal(c.value, object, "an object as a global");
  throws(LinkError, () => instance(globals, { "": { a: 5, b: 1, c: 1, d: null } }), "a number as an i64");
  throws(LinkError, () => instance(globals, { "": { a: 5n, b: 1n, c: 1, d: null } }), "a BigInt as an f32");
  throws(LinkError, () => instance(globals, { "": { a: 5n, b: 1, c: 1, d: {} } }), "an object as a funcref");
}

// Promises.
for (const value of noBytes) {
  await rejects(TypeError, WebAssembly.compile(value), "compile no bytes");
  await rejects(TypeError, WebAssembly.instantiate(value), "instantiate no bytes");
}
await rejects(TypeError, WebAssembly.compile(), "compile without arguments");
await rejects(TypeError, WebAssembly.instantiate(), "instantiate without arguments");
for (const bytes of invalid) {
  await rejects(CompileError, WebAssembly.compile(bytes), "compile invalid bytes");
  await rejects(CompileError, WebAssembly.instantiate(bytes), "instantiate invalid bytes");
}
check((await WebAssembly.compile(full)) instanceof Module, "compile");
{
  const result = await WebAssembly.instantiate(full, good());
  same(Object.keys(result), ["module", "instance"], "instantiate bytes");
  check(result.module instanceof Module && result.instance instanceof Instance, "what is in the result");
  check((await WebAssembly.instantiate(module, good())) instanceof Instance, "instantiate a module");
}
{
  const order = [];
  const imports = new Proxy(good(), { get(target, name) { order.push(name); return target[name]; } });
  const promise = WebAssembly.instantiate(module, imports);
  check(order.length > 0, "the imports of a module are read at once");
  await promise;
  order.length = 0;
  const compiled = WebAssembly.instantiate(full, imports);
  equal(order.length, 0, "those of bytes when they are compiled");
  await compiled;
}
await rejects(TypeError, WebAssembly.instantiate(module), "instantiate without imports");
await rejects(LinkError, WebAssembly.instantiate(module, { ...good(), a: {} }), "instantiate with a wrong import");
for (const value of [null, 1, "x"]) {
  await rejects(TypeError, WebAssembly.instantiate(empty, value), "imports that are no object");
  await rejects(TypeError, WebAssembly.instantiate(module, value), "imports that are no object");
}
await rejects(WebAssembly.RuntimeError, WebAssembly.instantiate(wat`(module (func $f unreachable) (start $f))`), "a start function that traps");
{
  const bytes = empty.slice();
  const promise = WebAssembly.compile(bytes);
  bytes.fill(0);
  check((await promise) instanceof Module, "the bytes are copied at once");
}
const response = (body, type, init = {}) => new Response(body, { ...init, headers: { "Content-Type": type } });
check((await WebAssembly.compileStreaming(response(empty, "application/wasm"))) instanceof Module, "compileStreaming");
check((await WebAssembly.compileStreaming(Promise.resolve(response(empty, "application/wasm; x=y")))) instanceof Module, "of a promise");
check((await WebAssembly.instantiateStreaming(response(empty, "Application/WASM"))).instance instanceof Instance, "instantiateStreaming");
check((await WebAssembly.instantiateStreaming(Promise.resolve(response(full, "application/wasm")), good())).instance instanceof Instance, "with imports");
await rejects(TypeError, WebAssembly.compileStreaming(response(empty, "text/plain")), "another type");
await rejects(TypeError, WebAssembly.compileStreaming(new Response(empty)), "no type");
await rejects(TypeError, WebAssembly.compileStreaming(response(empty, "application/wasm", { status: 404 })), "another status");
await rejects(CompileError, WebAssembly.compileStreaming(response(invalid[0], "application/wasm")), "invalid bytes");
for (const value of [undefined, null, 1, empty, {}]) await rejects(TypeError, WebAssembly.compileStreaming(value), "no response");
await rejects(TypeError, WebAssembly.compileStreaming(), "no argument");
await rejects(RangeError, WebAssembly.compileStreaming(Promise.reject(new RangeError("x"))), "a promise that is rejected");
await rejects(TypeError, WebAssembly.instantiateStreaming(response(empty, "application/wasm"), 1), "imports that are no object");
{
  const used = response(empty, "application/wasm");
  await used.arrayBuffer();
  await rejects(TypeError, WebAssembly.compileStreaming(used), "a response that was read");
}
done();
