// The namespace `WebAssembly` of the JavaScript Interface, on the functions of `native`.
//
// What the specification says about arguments (which are read and converted, in which order, and
// what is thrown) is here; what happens to stores is in Rust. Everything of the script's world that
// is used later is kept here first, because scripts may change it.
(function (native, options) {
  "use strict";
  const { Array, ArrayBuffer, BigInt, Error, Map, Number, Object, Promise, RangeError, Reflect, Set } = globalThis;
  const { SharedArrayBuffer, String, Symbol, TypeError, Uint8Array, DataView, WeakSet } = globalThis;
  const { apply, construct, getPrototypeOf, setPrototypeOf, ownKeys } = Reflect;
  const { create, defineProperty, defineProperties, freeze, getOwnPropertyDescriptor } = Object;
  const { isView } = ArrayBuffer;
  const { asIntN } = BigInt;
  const { captureStackTrace } = Error;
  const { trunc } = Math;
  const iteratorSymbol = Symbol.iterator;
  const tagSymbol = Symbol.toStringTag;
  const promiseThen = Promise.prototype.then;
  const promiseResolve = Promise.resolve;
  const promiseReject = Promise.reject;
  const getter = (proto, name) => getOwnPropertyDescriptor(proto, name).get;
  const typedArray = getPrototypeOf(Uint8Array);
  const typedArrayGetters = ["buffer", "byteOffset", "byteLength"].map((name) => getter(typedArray.prototype, name));
  const dataViewGetters = ["buffer", "byteOffset", "byteLength"].map((name) => getter(DataView.prototype, name));
  const typedArrayTag = getter(typedArray.prototype, tagSymbol);
  const bufferLength = getter(ArrayBuffer.prototype, "byteLength");
  const bufferDetached = getter(ArrayBuffer.prototype, "detached");
  const sharedLength = getter(SharedArrayBuffer.prototype, "byteLength");
  const { charCodeAt, codePointAt, substring, isWellFormed } = String.prototype;
  const { fromCharCode, fromCodePoint } = String;
  const push = Array.prototype.push;

  const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

  // ----- Conversions of arguments (Web IDL) -----

  function need(args, count, what) {
    if (args.length < count) {
      throw new TypeError(`${what}: ${count} argument${count === 1 ? "" : "s"} required, but only ${args.length} present`);
    }
  }

  function dictionary(value, what) {
    if (value === undefined || value === null) return {};
    if (!isObject(value)) throw new TypeError(`${what} must be an object`);
    return value;
  }

  function required(value, what) {
    if (value === undefined) throw new TypeError(`${what} is required`);
    return value;
  }

  function oneOf(value, names, what) {
    const text = `${value}`;
    for (let i = 0; i < names.length; i++) if (names[i] === text) return text;
    throw new TypeError(`${what} must be one of ${names.join(", ")}, not "${text}"`);
  }

  // [EnforceRange] unsigned long
  function unsignedLong(value, what) {
    const number = +value;
    const whole = trunc(number);
    if (!(whole >= 0 && whole <= 0xffffffff)) {
      throw new TypeError(`${what} must be a number from 0 to 4294967295, not ${number}`);
    }
    return whole + 0;
  }

  // AddressValueToU64: a number, or a BigInt where addresses have 64 bits.
  function address(value, is64, what) {
    if (!is64) return unsignedLong(value, what);
    const whole = typeof value === "bigint" ? value : asIntN(4096, value);
    if (whole < 0n || whole > 0xffffffffffffffffn) {
      throw new TypeError(`${what} must be a BigInt from 0 to 2**64 - 1`);
    }
    return whole;
  }

  const addressTypes = ["i32", "i64"];
  const valueTypes = ["i32", "i64", "f32", "f64", "v128", "externref", "anyfunc"];
  const tableKinds = ["externref", "anyfunc"];

  function sequence(value, what) {
    const method = isObject(value) ? value[iteratorSymbol] : undefined;
    if (typeof method !== "function") throw new TypeError(`${what} must be iterable`);
    return [...{ __proto__: null, [iteratorSymbol]: () => apply(method, value, []) }];
  }

  // Where the bytes of a BufferSource are: the buffer, the first byte, and how many. It may be shared.
  function bytesOf(source) {
    if (isView(source)) {
      const getters = apply(typedArrayTag, source, []) === undefined ? dataViewGetters : typedArrayGetters;
      const buffer = apply(getters[0], source, []);
      if (!isShared(buffer) && apply(bufferDetached, buffer, [])) return [buffer, 0, 0];
      // These fail for a DataView of bytes that a resizable buffer no longer has.
      return [buffer, apply(getters[1], source, []), apply(getters[2], source, [])];
    }
    if (isObject(source)) {
      try {
        return [source, 0, apply(bufferLength, source, [])];
      } catch {}
      try {
        return [source, 0, apply(sharedLength, source, [])];
      } catch {}
    }
    throw new TypeError("the bytes of a module must be an ArrayBuffer, a SharedArrayBuffer, or a view of one");
  }

  function isShared(buffer) {
    try {
      apply(bufferLength, buffer, []);
      return false;
    } catch {
      return true;
    }
  }

  function wellFormed(value) {
    const text = `${value}`;
    return apply(isWellFormed, text, []) ? text : apply(String.prototype.toWellFormed, text, []);
  }

  function compileOptions(value) {
    const given = dictionary(value, "the options");
    const result = { strings: false, constants: undefined, duplicates: false };
    const builtins = given.builtins;
    if (builtins !== undefined) {
      const seen = new Set();
      for (const name of sequence(builtins, "builtins")) {
        const text = wellFormed(name);
        if (seen.has(text)) result.duplicates = true;
        seen.add(text);
        if (text === "js-string") result.strings = true;
      }
    }
    const constants = given.importedStringConstants;
    if (constants !== undefined && constants !== null) result.constants = wellFormed(constants);
    return result;
  }

  function compileBytes(place, wanted) {
    if (wanted.duplicates) throw new CompileError("a set of builtins is named twice");
    return native.compile(place[0], place[1], place[2], wanted.strings, wanted.constants);
  }

  // ----- Brands -----

  function check(value, kind, what) {
    if (native.kindOf(value) !== kind) {
      throw new TypeError(`${what} must be a WebAssembly.${kind}`);
    }
    return value;
  }

  const withPrototype = (object, target, own) => {
    const prototype = target.prototype;
    if (target !== own && isObject(prototype)) setPrototypeOf(object, prototype);
    return object;
  };

  // Private fields on objects that are made elsewhere: a constructor that returns its argument.
  const Host = function (object) { return object; };
  Host.prototype = null;
  class Exports extends Host {
    #exports;
    constructor(instance, exports) { super(instance); this.#exports = exports; }
    static of(instance) { return instance.#exports; }
    static has(value) { return isObject(value) && #exports in value; }
  }
  class Owner extends Host {
    #memory;
    constructor(buffer, memory) { super(buffer); this.#memory = memory; }
    static of(buffer) { return buffer.#memory; }
    static has(value) { return isObject(value) && #memory in value; }
  }

  // ----- Errors -----

  function errorClass(name) {
    const make = {
      [name]: function (message, options) {
        const target = new.target === undefined ? make : new.target;
        const args = message === undefined ? [] : [message];
        if (options !== undefined) { if (message === undefined) args[0] = undefined; args[1] = options; }
        const error = construct(Error, args, target);
        captureStackTrace(error, make);
        return error;
      },
    }[name];
    defineProperty(make, "length", { value: 1, configurable: true });
    setPrototypeOf(make, Error);
    const hidden = (value) => ({ value, writable: true, enumerable: false, configurable: true });
    defineProperty(make, "prototype", {
      value: create(Error.prototype, { constructor: hidden(make), name: hidden(name), message: hidden("") }),
      writable: false,
    });
    return make;
  }
  // The errors of traps, which go through guests without being caught.
  const traps = new WeakSet();
  const { add: addTrap, has: hasTrap } = WeakSet.prototype;

  const CompileError = errorClass("CompileError");
  const LinkError = errorClass("LinkError");
  const RuntimeError = errorClass("RuntimeError");

  // ----- Modules and instances -----

  class Module {
    constructor(bytes, options = undefined) {
      need(arguments, 1, "WebAssembly.Module()");
      const place = bytesOf(bytes);
      const wanted = compileOptions(options);
      return withPrototype(compileBytes(place, wanted), new.target, Module);
    }
    static exports(moduleObject) {
      need(arguments, 1, "WebAssembly.Module.exports()");
      check(moduleObject, "Module", "the argument");
      return native.moduleExports(moduleObject).map(([name, kind]) => ({ name, kind }));
    }
    static imports(moduleObject) {
      need(arguments, 1, "WebAssembly.Module.imports()");
      check(moduleObject, "Module", "the argument");
      return native.moduleImports(moduleObject)
        .filter((row) => row[3])
        .map(([module, name, kind]) => ({ module, name, kind }));
    }
    static customSections(moduleObject, sectionName) {
      need(arguments, 2, "WebAssembly.Module.customSections()");
      check(moduleObject, "Module", "the first argument");
      const name = `${sectionName}`;
      return apply(isWellFormed, name, []) ? native.moduleSections(moduleObject, name) : [];
    }
  }

  function importArgument(value) {
    if (value !== undefined && !isObject(value)) throw new TypeError("the imports must be an object");
    return value;
  }

  // Reads the imports of a module; what `finishInstance` takes.
  function readImports(module, importObject) {
    const imports = native.moduleImports(module);
    if (importObject === undefined && !options.defaults && imports.some((row) => row[3])) {
      throw new TypeError("the module has imports, so that an object of imports is required");
    }
    const linking = native.linkNew(module);
    for (let i = 0; i < imports.length; i++) {
      const [moduleName, name, , ofScript] = imports[i];
      if (!ofScript) {
        native.linkOwn(linking, strings);
        continue;
      }
      const from = importObject === undefined ? undefined : importObject[moduleName];
      if (!isObject(from)) {
        if (from === undefined && native.linkDefault(linking)) continue;
        throw new TypeError(`import ${i} is from "${moduleName}", which is not an object in the imports`);
      }
      const value = from[name];
      if (value === undefined && native.linkDefault(linking)) continue;
      native.linkAdd(linking, value);
    }
    return linking;
  }

  function finishInstance(linking) {
    const instance = native.linkFinish(linking);
    new Exports(instance, freeze(native.instanceExports(instance)));
    return instance;
  }

  const instantiateModule = (module, importObject) => finishInstance(readImports(module, importObject));

  class Instance {
    constructor(module, importObject = undefined) {
      need(arguments, 1, "WebAssembly.Instance()");
      check(module, "Module", "the first argument");
      importArgument(importObject);
      return withPrototype(instantiateModule(module, importObject), new.target, Instance);
    }
    get exports() {
      if (!Exports.has(this)) throw new TypeError("exports: the receiver must be a WebAssembly.Instance");
      return Exports.of(this);
    }
  }

  // ----- Memories -----

  // So that every size in bytes is a safe integer.
  const mostPages64 = 2n ** 37n - 1n;

  class Memory {
    constructor(descriptor) {
      need(arguments, 1, "WebAssembly.Memory()");
      const given = dictionary(descriptor, "the descriptor of a memory");
      const addressType = given.address;
      const is64 = addressType !== undefined && oneOf(addressType, addressTypes, "address") === "i64";
      const pages = address(required(given.initial, "initial"), is64, "initial");
      const maximum = given.maximum;
      const most = maximum === undefined ? undefined : address(maximum, is64, "maximum");
      const shared = !!given.shared;
      if (is64 && (pages > mostPages64 || most > mostPages64)) throw new RangeError(`a memory can have at most ${mostPages64} pages`);
      if (most !== undefined && most < pages) throw new RangeError(`the maximum ${most} is less than the initial size ${pages}`);
      if (shared && most === undefined) {
        const message = "a shared memory needs a maximum: new WebAssembly.Memory({ initial, maximum, shared: true })";
        if (options.strict) throw new TypeError(message);
        options.warn(`warning: ${message}; browsers refuse it without one`);
      }
      return withPrototype(native.memoryNew(pages, most, shared, is64), new.target, Memory);
    }
    grow(delta) {
      check(this, "Memory", "grow: the receiver");
      need(arguments, 1, "grow");
      return native.memoryGrow(this, address(delta, native.memoryType(this)[0], "the number of pages"));
    }
    toFixedLengthBuffer() {
      check(this, "Memory", "toFixedLengthBuffer: the receiver");
      return bufferOf(this, false);
    }
    toResizableBuffer() {
      check(this, "Memory", "toResizableBuffer: the receiver");
      return bufferOf(this, true);
    }
    get buffer() {
      check(this, "Memory", "buffer: the receiver");
      return bufferOf(this, undefined);
    }
  }

  // The longest buffer that the script's engine can make, in whole pages.
  const longestBuffer = 0x7fff0000;

  function bufferOf(memory, resizable) {
    const [, shared, maximum] = native.memoryType(memory);
    const most = maximum === undefined || maximum === null || maximum > longestBuffer ? longestBuffer : maximum;
    const buffer = native.memoryBuffer(memory, resizable, most);
    if (shared && !Object.isFrozen(buffer)) freeze(buffer);
    return buffer;
  }

  // Buffers of memories follow their memory, and nothing else may change or take their bytes.
  const buffers = ArrayBuffer.prototype;
  const plainResize = buffers.resize;
  const plainGrow = SharedArrayBuffer.prototype.grow;

  function guard(proto, name, replacement) {
    const before = getOwnPropertyDescriptor(proto, name);
    if (before === undefined) return;
    const plain = before.value;
    const guarded = {
      [name](...args) {
        if (Owner.has(this)) return replacement(this, name, args);
        return apply(plain, this, args);
      },
    }[name];
    defineProperty(guarded, "length", { value: plain.length, configurable: true });
    defineProperty(proto, name, { ...before, value: guarded });
  }

  const refuse = (buffer, name) => {
    throw new TypeError(`${name}: the bytes are those of a WebAssembly.Memory`);
  };

  const resizeMemory = (buffer, name, args) => {
    const resizable = name === "resize" ? buffer.resizable : buffer.growable;
    if (!resizable) throw new TypeError(`${name}: the buffer has a fixed length`);
    const length = +args[0];
    const memory = Owner.of(buffer);
    const delta = trunc(length) - buffer.byteLength;
    if (!(delta >= 0) || delta % 65536 !== 0) {
      throw new RangeError(`${name}: a memory can only grow, by pages of 65536 bytes`);
    }
    const pages = delta / 65536;
    native.memoryGrow(memory, native.memoryType(memory)[0] ? BigInt(pages) : pages);
  };

  for (const name of ["transfer", "transferToFixedLength", "transferToImmutable"]) guard(buffers, name, refuse);
  guard(buffers, "resize", resizeMemory);
  guard(SharedArrayBuffer.prototype, "grow", resizeMemory);

  // ----- Tables -----

  class Table {
    constructor(descriptor, value = undefined) {
      need(arguments, 1, "WebAssembly.Table()");
      const given = dictionary(descriptor, "the descriptor of a table");
      // The order of the official tests: each is converted when it is read, and the element is first.
      const element = oneOf(required(given.element, "element"), tableKinds, "element");
      const addressType = given.address;
      const is64 = addressType !== undefined && oneOf(addressType, addressTypes, "address") === "i64";
      const size = address(required(given.initial, "initial"), is64, "initial");
      const maximum = given.maximum;
      const most = maximum === undefined ? undefined : address(maximum, is64, "maximum");
      if (most !== undefined && most < size) throw new RangeError(`the maximum ${most} is less than the initial size ${size}`);
      const table = native.tableNew([element, size, most, is64], value !== undefined, value);
      return withPrototype(table, new.target, Table);
    }
    grow(delta, value = undefined) {
      check(this, "Table", "grow: the receiver");
      need(arguments, 1, "grow");
      const by = address(delta, native.tableIs64(this), "the number of elements");
      return native.tableGrow(this, by, value !== undefined, value);
    }
    get(index) {
      check(this, "Table", "get: the receiver");
      need(arguments, 1, "get");
      return native.tableGet(this, address(index, native.tableIs64(this), "the index"));
    }
    set(index, value = undefined) {
      check(this, "Table", "set: the receiver");
      need(arguments, 1, "set");
      const at = address(index, native.tableIs64(this), "the index");
      native.tableSet(this, at, arguments.length > 1, value);
    }
    get length() {
      check(this, "Table", "length: the receiver");
      return native.tableLength(this);
    }
  }

  // ----- Globals -----

  class Global {
    constructor(descriptor, v = undefined) {
      need(arguments, 1, "WebAssembly.Global()");
      const given = dictionary(descriptor, "the descriptor of a global");
      const mutable = !!given.mutable;
      const type = oneOf(required(given.value, "value"), valueTypes, "value");
      if (type === "v128") throw new TypeError("a script cannot have the value of a v128");
      return withPrototype(native.globalNew(type, mutable, v !== undefined, v), new.target, Global);
    }
    valueOf() {
      check(this, "Global", "valueOf: the receiver");
      return native.globalGet(this);
    }
    get value() {
      check(this, "Global", "value: the receiver");
      return native.globalGet(this);
    }
    set value(v) {
      check(this, "Global", "value: the receiver");
      need(arguments, 1, "value");
      native.globalSet(this, v);
    }
  }

  // ----- Tags and exceptions -----

  class Tag {
    constructor(type) {
      need(arguments, 1, "WebAssembly.Tag()");
      const given = dictionary(type, "the type of a tag");
      const parameters = sequence(required(given.parameters, "parameters"), "parameters");
      const kinds = parameters.map((kind) => oneOf(kind, valueTypes, "a parameter"));
      return withPrototype(native.tagNew(kinds), new.target, Tag);
    }
  }

  class Exception {
    constructor(exceptionTag, payload, options = undefined) {
      need(arguments, 2, "WebAssembly.Exception()");
      check(exceptionTag, "Tag", "the first argument");
      const values = sequence(payload, "the payload");
      const traceStack = !!dictionary(options, "the options").traceStack;
      if (exceptionTag === jsTag) throw new TypeError("WebAssembly.JSTag is for exceptions that are not WebAssembly.Exception");
      const length = native.tagLength(exceptionTag);
      if (values.length !== length) throw new TypeError(`the tag has ${length} parameters, but the payload has ${values.length}`);
      const exception = native.exceptionNew(exceptionTag, values);
      if (traceStack) {
        const place = {};
        captureStackTrace(place, Exception);
        native.exceptionStack(exception, place.stack);
      }
      return withPrototype(exception, new.target, Exception);
    }
    getArg(exceptionTag, index) {
      check(this, "Exception", "getArg: the receiver");
      need(arguments, 2, "getArg");
      check(exceptionTag, "Tag", "the first argument");
      const at = unsignedLong(index, "the index");
      if (!native.exceptionIs(this, exceptionTag)) throw new TypeError("the exception has another tag");
      if (at >= native.tagLength(exceptionTag)) throw new RangeError(`the exception has no value with the index ${at}`);
      return native.exceptionGet(this, at);
    }
    is(exceptionTag) {
      check(this, "Exception", "is: the receiver");
      need(arguments, 1, "is");
      check(exceptionTag, "Tag", "the argument");
      return native.exceptionIs(this, exceptionTag);
    }
    get stack() {
      check(this, "Exception", "stack: the receiver");
      return native.exceptionStack(this, undefined);
    }
  }

  let jsTag;

  // ----- Functions of the namespace -----

  const later = (value) => apply(promiseResolve, Promise, [value]);
  const then = (promise, f, g) => apply(promiseThen, promise, [f, g]);
  const promised = (f) => {
    try {
      return f();
    } catch (error) {
      return apply(promiseReject, Promise, [error]);
    }
  };

  // The bytes are copied at once, and compiled later.
  function compileLater(place, wanted) {
    const bytes = native.copy(place[0], place[1], place[2]);
    return then(later(), () => compileBytes([bytes, 0, bytes.byteLength], wanted));
  }

  // The imports are read at once, and the module is instantiated later.
  function instantiateLater(module, importObject) {
    const linking = readImports(module, importObject);
    return then(later(), () => finishInstance(linking));
  }

  const both = (promise, importObject) =>
    then(promise, (module) => then(instantiateLater(module, importObject), (instance) => ({ module, instance })));

  function compileSource(source, wanted) {
    return then(later(source), (response) => {
      const body = options.responseBody(response);
      if (body === undefined) throw new TypeError("the source must be a Response or a promise of one");
      const { ok, status, type, read } = body;
      if (!ok) throw new TypeError(`the response has the status ${status}`);
      if (type.split(";")[0].trim().toLowerCase() !== "application/wasm") {
        throw new TypeError(`the response has the type "${type}", not "application/wasm"`);
      }
      return then(read(), (bytes) => compileBytes([bytes, 0, bytes.byteLength], wanted));
    });
  }

  const functions = {
    validate(bytes, options = undefined) {
      need(arguments, 1, "WebAssembly.validate()");
      const place = bytesOf(bytes);
      const wanted = compileOptions(options);
      try {
        compileBytes(place, wanted);
        return true;
      } catch {
        return false;
      }
    },
    compile(bytes, options = undefined) {
      return promised(() => {
        need(arguments, 1, "WebAssembly.compile()");
        const place = bytesOf(bytes);
        return compileLater(place, compileOptions(options));
      });
    },
    instantiate(source, importObject = undefined, options = undefined) {
      return promised(() => {
        need(arguments, 1, "WebAssembly.instantiate()");
        if (native.kindOf(source) === "Module") {
          return instantiateLater(source, importArgument(importObject));
        }
        const place = bytesOf(source);
        importArgument(importObject);
        return both(compileLater(place, compileOptions(options)), importObject);
      });
    },
    compileStreaming(source, options = undefined) {
      return promised(() => {
        need(arguments, 1, "WebAssembly.compileStreaming()");
        return compileSource(source, compileOptions(options));
      });
    },
    instantiateStreaming(source, importObject = undefined, options = undefined) {
      return promised(() => {
        need(arguments, 1, "WebAssembly.instantiateStreaming()");
        importArgument(importObject);
        return both(compileSource(source, compileOptions(options)), importObject);
      });
    },
  };

  // ----- Functions on strings that modules can import -----

  const text = (value) => (typeof value === "string" ? value : native.trap("cast"));
  const strings = {
    __proto__: null,
    cast: (value) => text(value),
    test: (value) => (typeof value === "string" ? 1 : 0),
    fromCharCodeArray(array, start, end) {
      if (array === null) native.trap("null");
      const result = native.arrayToString(array, start >>> 0, end >>> 0);
      return typeof result === "string" ? result : native.trap("bounds");
    },
    intoCharCodeArray(value, array, start) {
      text(value);
      if (array === null) native.trap("null");
      const count = native.stringToArray(value, array, start >>> 0);
      return typeof count === "number" ? count : native.trap("bounds");
    },
    fromCharCode: (code) => fromCharCode(code >>> 0),
    fromCodePoint: (code) => (code >>> 0 > 0x10ffff ? native.trap("cast") : fromCodePoint(code >>> 0)),
    charCodeAt: (value, index) => (index >>> 0 < text(value).length ? apply(charCodeAt, value, [index >>> 0]) : native.trap("bounds")),
    codePointAt: (value, index) => (index >>> 0 < text(value).length ? apply(codePointAt, value, [index >>> 0]) : native.trap("bounds")),
    length: (value) => text(value).length,
    concat: (first, second) => text(first) + text(second),
    substring(value, start, end) {
      const { length } = text(value);
      start >>>= 0;
      end >>>= 0;
      return start > end || start > length ? "" : apply(substring, value, [start, end]);
    },
    equals(first, second) {
      if (first !== null) text(first);
      if (second !== null) text(second);
      return first === second ? 1 : 0;
    },
    compare: (first, second) => (text(first) === text(second) ? 0 : first < second ? -1 : 1),
  };

  // ----- The namespace -----

  const namespace = create(Object.prototype);
  const interfaces = { Module, Instance, Memory, Table, Global, Tag, Exception };

  function makeEnumerable(object) {
    for (const key of ownKeys(object)) {
      if (typeof key !== "string" || key === "constructor" || key === "prototype" || key === "name" || key === "length") {
        // `length` of a table is one of the interface's.
        if (!(key === "length" && object === Table.prototype)) continue;
      }
      defineProperty(object, key, { enumerable: true });
    }
  }

  for (const name of Object.keys(interfaces)) {
    const value = interfaces[name];
    makeEnumerable(value);
    makeEnumerable(value.prototype);
    defineProperty(value.prototype, tagSymbol, { value: `WebAssembly.${name}`, configurable: true });
    defineProperty(namespace, name, { value, writable: true, enumerable: false, configurable: true });
  }
  for (const [name, value] of Object.entries({ CompileError, LinkError, RuntimeError })) {
    defineProperty(namespace, name, { value, writable: true, enumerable: false, configurable: true });
  }
  for (const name of Object.keys(functions)) {
    defineProperty(namespace, name, { value: functions[name], writable: true, enumerable: true, configurable: true });
  }
  const attributes = { get JSTag() { return jsTag; } };
  defineProperty(namespace, "JSTag", { get: getter(attributes, "JSTag"), set: undefined, enumerable: true, configurable: true });
  defineProperty(namespace, tagSymbol, { value: "WebAssembly", configurable: true });
  defineProperty(globalThis, "WebAssembly", { value: namespace, writable: true, enumerable: false, configurable: true });

  const objectPrototype = freeze(create(null));
  return {
    Module: Module.prototype,
    Instance: Instance.prototype,
    Memory: Memory.prototype,
    Table: Table.prototype,
    Global: Global.prototype,
    Tag: Tag.prototype,
    Exception: Exception.prototype,
    // Objects of the guest's are opaque: see `preventExtensions` in `start`.
    object: objectPrototype,
    CompileError,
    LinkError,
    RuntimeError,
    TypeError,
    RangeError,
    own(buffer, memory) { new Owner(buffer, memory); },
    resize(buffer, length) { apply(isShared(buffer) ? plainGrow : plainResize, buffer, [length]); },
    iterate(value, length) {
      const values = sequence(value, "what a function with several results returns");
      if (values.length !== length) throw new TypeError(`the function must return ${length} values, not ${values.length}`);
      return values;
    },
    trace: options.trace,
    markTrap(error) { apply(addTrap, traps, [error]); },
    isTrap: (error) => apply(hasTrap, traps, [error]),
    start() { jsTag = native.jsTag(); },
    // Instantiates the module that the command names, for the script's `instance`.
    instantiateFirst(module) {
      let exports;
      const importObject = options.assemblyScript(() => exports);
      for (const [moduleName] of native.moduleImports(module)) importObject[moduleName] ??= undefined;
      const instance = instantiateModule(module, importObject);
      exports = Exports.of(instance);
      // A library of WASI is started so.
      if (typeof exports._initialize === "function") exports._initialize();
      for (const name of ownKeys(exports)) {
        if (name === "exports") continue;
        defineProperty(instance, name, { value: exports[name], writable: true, enumerable: true, configurable: true });
      }
      defineProperty(globalThis, "instance", { value: instance, writable: true, enumerable: false, configurable: true });
    },
  };
})
