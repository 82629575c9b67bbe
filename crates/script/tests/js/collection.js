// What is forgotten is collected, also in a circle through script and guest.
import { check, done, equal } from "./harness.js";

const module = new WebAssembly.Module(wat`(module
  (import "" "f" (func $f (result externref)))
  (table (export "table") 2 funcref)
  (table (export "values") 1 externref)
  (global (export "global") (mut externref) (ref.null extern))
  (func (export "call") (result externref) (call $f))
  (elem declare func $f)
  (func (export "keep") (table.set 0 (i32.const 0) (ref.func $f))))`);
const withMemory = new WebAssembly.Module(wat`(module (memory (export "memory") 1) (func (export "f") (result i32) (i32.load8_u (i32.const 3))))`);

let collected = 0;
const registry = new FinalizationRegistry(() => { collected++; });
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

// A table that holds a function that holds the instance.
function circle(index) {
  const holder = { index };
  const instance = new WebAssembly.Instance(module, { "": { f: () => holder } });
  holder.instance = instance;
  const { table, keep, call, values } = instance.exports;
  keep();
  table.set(1, call);
  values.set(0, holder);
  instance.exports.global.value = instance;
  if (index % 1000 === 0) equal(table.get(0)(), holder, "the circle works");
  registry.register(instance, index);
}
const circles = 100000;
for (let index = 0; index < circles; index++) {
  circle(index);
  if (index % 1000 === 999) await settle();
}
for (let turn = 0; turn < 10; turn++) await settle();
check(collected > circles - 5000, `of ${circles} circles ${collected} were collected`);

// Memories, with a buffer and without.
collected = 0;
for (let index = 0; index < 3000; index++) {
  const memory = new WebAssembly.Memory({ initial: 1 });
  if (index % 2 === 0) new Uint8Array(memory.buffer)[5] = index;
  registry.register(memory, index);
  const { exports } = new WebAssembly.Instance(withMemory);
  new Uint8Array(exports.memory.buffer)[3] = 7;
  registry.register(exports.f, index);
  if (index % 100 === 99) await settle();
}
for (let turn = 0; turn < 10; turn++) await settle();
check(collected > 5000, `of 6000 memories and functions ${collected} were collected`);

// What is still used stays: a view keeps its memory, a function its instance.
{
  const views = [];
  const functions = [];
  for (let index = 0; index < 200; index++) {
    const { exports } = new WebAssembly.Instance(withMemory);
    const view = new Uint8Array(exports.memory.buffer);
    view[3] = index;
    views.push(view);
    functions.push(exports.f);
  }
  for (let index = 0; index < 2000; index++) circle(index + 1);
  await settle();
  for (let index = 0; index < 200; index++) {
    if (views[index][3] !== index || functions[index]() !== index) check(false, `view or function ${index} is gone`);
  }
  check(true, "views and functions stay");
}

// Groups that are tied together: a table of one instance with functions of others.
{
  const table = new WebAssembly.Table({ element: "anyfunc", initial: 50 });
  for (let index = 0; index < 50; index++) {
    const { exports } = new WebAssembly.Instance(withMemory);
    new Uint8Array(exports.memory.buffer)[3] = index;
    table.set(index, exports.f);
  }
  for (let index = 0; index < 2000; index++) circle(index + 1);
  await settle();
  for (let index = 0; index < 50; index++) if (table.get(index)() !== index) check(false, `function ${index} of the table is gone`);
  check(true, "functions in a table stay");
}
done();
