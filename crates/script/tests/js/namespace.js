// Names, property descriptors, lengths and brands of everything in the namespace.
import { check, done, equal, same, throws } from "./harness.js";

const descriptor = Object.getOwnPropertyDescriptor;
const at = (object, key, expected, name) => {
  const found = descriptor(object, key);
  check(found !== undefined, `${name} exists`);
  for (const flag of Object.keys(expected)) equal(found?.[flag], expected[flag], `${name}: ${flag}`);
};
const hidden = { writable: true, enumerable: false, configurable: true };
const shown = { writable: true, enumerable: true, configurable: true };

at(globalThis, "WebAssembly", hidden, "WebAssembly");
equal(typeof WebAssembly, "object", "typeof WebAssembly");
equal(Object.getPrototypeOf(WebAssembly), Object.prototype, "the namespace's prototype");
equal(String(WebAssembly), "[object WebAssembly]", "the namespace as a string");
at(WebAssembly, Symbol.toStringTag, { value: "WebAssembly", writable: false, enumerable: false, configurable: true }, "tag");

const functions = { validate: 1, compile: 1, instantiate: 1, compileStreaming: 1, instantiateStreaming: 1 };
for (const [name, length] of Object.entries(functions)) {
  at(WebAssembly, name, shown, name);
  equal(WebAssembly[name].name, name, `${name}.name`);
  equal(WebAssembly[name].length, length, `${name}.length`);
  check(!Object.hasOwn(WebAssembly[name], "prototype"), `${name} has no prototype`);
  throws(TypeError, () => new WebAssembly[name](), `new ${name}`);
}

const interfaces = {
  Module: { length: 1, statics: { exports: 1, imports: 1, customSections: 2 }, methods: {}, getters: [] },
  Instance: { length: 1, statics: {}, methods: {}, getters: ["exports"] },
  Memory: { length: 1, statics: {}, methods: { grow: 1, toFixedLengthBuffer: 0, toResizableBuffer: 0 }, getters: ["buffer"] },
  Table: { length: 1, statics: {}, methods: { grow: 1, get: 1, set: 1 }, getters: ["length"] },
  Global: { length: 1, statics: {}, methods: { valueOf: 0 }, getters: ["value"] },
  Tag: { length: 1, statics: {}, methods: {}, getters: [] },
  Exception: { length: 2, statics: {}, methods: { getArg: 2, is: 1 }, getters: ["stack"] },
};
for (const [name, { length, statics, methods, getters }] of Object.entries(interfaces)) {
  const type = WebAssembly[name];
  at(WebAssembly, name, hidden, name);
  equal(type.name, name, `${name}.name`);
  equal(type.length, length, `${name}.length`);
  equal(Object.getPrototypeOf(type), Function.prototype, `the prototype of ${name}`);
  at(type, "prototype", { writable: false, enumerable: false, configurable: false }, `${name}.prototype`);
  at(type.prototype, "constructor", { ...hidden, value: type }, `${name}.prototype.constructor`);
  at(type.prototype, Symbol.toStringTag, { value: `WebAssembly.${name}`, writable: false, enumerable: false, configurable: true }, `${name}'s tag`);
  equal(Object.getPrototypeOf(type.prototype), Object.prototype, `the prototype of ${name}.prototype`);
  throws(TypeError, () => type(), `${name} without new`);
  throws(TypeError, () => new type(), `new ${name} without arguments`);
  for (const [key, length] of Object.entries(statics)) {
    at(type, key, shown, `${name}.${key}`);
    equal(type[key].length, length, `${name}.${key}.length`);
    equal(type[key].name, key, `${name}.${key}.name`);
    throws(TypeError, () => type[key](), `${name}.${key} without arguments`);
    for (const value of [undefined, null, {}, 1, "x", Object.create(type.prototype)]) {
      throws(TypeError, () => type[key](value, "x"), `${name}.${key} of what is no module`);
    }
  }
  const strangers = [undefined, null, 0, "x", {}, type, type.prototype, Object.create(type.prototype)];
  for (const [key, length] of Object.entries(methods)) {
    at(type.prototype, key, shown, `${name}.prototype.${key}`);
    equal(type.prototype[key].length, length, `${name}.prototype.${key}.length`);
    equal(type.prototype[key].name, key, `${name}.prototype.${key}.name`);
    for (const value of strangers) {
      throws(TypeError, () => type.prototype[key].call(value, 0), `${name}.prototype.${key} of a stranger`);
    }
  }
  for (const key of getters) {
    at(type.prototype, key, { enumerable: true, configurable: true }, `${name}.prototype.${key}`);
    const { get, set } = descriptor(type.prototype, key);
    equal(get.name, `get ${key}`, `the name of the getter ${key}`);
    equal(get.length, 0, `the length of the getter ${key}`);
    equal(typeof set, name === "Global" ? "function" : "undefined", `the setter of ${key}`);
    for (const value of strangers) throws(TypeError, () => get.call(value), `${name}.${key} of a stranger`);
  }
  same(
    Object.getOwnPropertyNames(type.prototype).sort(),
    ["constructor", ...Object.keys(methods), ...getters].sort(),
    `all properties of ${name}.prototype`,
  );
}
const { set } = descriptor(WebAssembly.Global.prototype, "value");
equal(set.name, "set value", "the name of the setter");
equal(set.length, 1, "the length of the setter");
throws(TypeError, () => set.call({}, 1), "the setter of a stranger");

for (const name of ["CompileError", "LinkError", "RuntimeError"]) {
  const type = WebAssembly[name];
  at(WebAssembly, name, hidden, name);
  equal(type.name, name, `${name}.name`);
  equal(type.length, 1, `${name}.length`);
  equal(Object.getPrototypeOf(type), Error, `the prototype of ${name}`);
  equal(Object.getPrototypeOf(type.prototype), Error.prototype, `the prototype of ${name}.prototype`);
  at(type, "prototype", { writable: false, enumerable: false, configurable: false }, `${name}.prototype`);
  at(type.prototype, "constructor", { ...hidden, value: type }, `${name}.prototype.constructor`);
  at(type.prototype, "name", { ...hidden, value: name }, `${name}.prototype.name`);
  at(type.prototype, "message", { ...hidden, value: "" }, `${name}.prototype.message`);
  const error = new type("text", { cause: 7 });
  check(error instanceof Error && error instanceof type, `${name} makes errors`);
  at(error, "message", { ...hidden, value: "text" }, `the message of a ${name}`);
  equal(error.cause, 7, `the cause of a ${name}`);
  equal(String(error), `${name}: text`, `a ${name} as a string`);
  check(type("x") instanceof type, `${name} without new`);
  check(!Object.hasOwn(new type(), "message"), `a ${name} without a message`);
  check(typeof error.stack === "string", `the stack of a ${name}`);
  class Own extends type {}
  check(new Own("x") instanceof Own, `a class that extends ${name}`);
}

at(WebAssembly, "JSTag", { enumerable: true, configurable: true, set: undefined }, "JSTag");
check(WebAssembly.JSTag instanceof WebAssembly.Tag, "JSTag is a tag");
equal(WebAssembly.JSTag, WebAssembly.JSTag, "JSTag is one object");
same(
  Object.getOwnPropertyNames(WebAssembly).sort(),
  [...Object.keys(functions), ...Object.keys(interfaces), "CompileError", "LinkError", "RuntimeError", "JSTag"].sort(),
  "all names of the namespace",
);

class OwnMemory extends WebAssembly.Memory {
  twice() { return this.buffer.byteLength * 2; }
}
const own = new OwnMemory({ initial: 1 });
check(own instanceof OwnMemory && own instanceof WebAssembly.Memory, "a class that extends Memory");
equal(own.twice(), 131072, "a method of such a class");
equal(String(own), "[object WebAssembly.Memory]", "a memory as a string");
const other = function () {};
other.prototype = null;
const made = Reflect.construct(WebAssembly.Memory, [{ initial: 1 }], other);
equal(Object.getPrototypeOf(made), WebAssembly.Memory.prototype, "a target without a prototype");
done();
