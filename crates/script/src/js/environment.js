// What scripts expect around them: the console, text encodings, files by `fetch`, timers.
(function (native) {
  "use strict";
  const define = (name, value) =>
    Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });

  // ----- How the console shows values: as Node.js does -----

  const width = 80;
  const depthLimit = 2;
  const itemLimit = 100;
  const traces = new WeakMap();
  const identifier = /^[A-Za-z_$][\w$]*$/;

  function quoted(text) {
    const quote = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !text.includes("`") && !text.includes("${") ? "`" : "'";
    const escapes = { "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v", "\\": "\\\\" };
    let result = quote;
    for (const char of text) {
      const code = char.codePointAt(0);
      if (char === quote) result += "\\" + char;
      else if (char in escapes) result += escapes[char];
      else if (code < 0x20 || code === 0x7f) result += "\\x" + code.toString(16).toUpperCase().padStart(2, "0");
      else if (code >= 0xd800 && code <= 0xdfff) result += "\\u" + code.toString(16).toUpperCase();
      else result += char;
    }
    return result + quote;
  }

  function primitive(value) {
    switch (typeof value) {
      case "string": return quoted(value);
      case "bigint": return `${value}n`;
      case "symbol": return value.toString();
      case "number": return Object.is(value, -0) ? "-0" : `${value}`;
      default: return `${value}`;
    }
  }

  // The name of the constructor of an object, or null.
  function constructorName(value) {
    for (let object = value; object !== null; object = Object.getPrototypeOf(object)) {
      const own = Object.getOwnPropertyDescriptor(object, "constructor");
      if (own !== undefined && typeof own.value === "function" && own.value.name !== "" && value instanceof own.value) {
        return own.value.name;
      }
    }
    return null;
  }

  function prefix(value, fallback, size) {
    const name = constructorName(value);
    const counted = size === undefined ? "" : `(${size})`;
    let tag = value[Symbol.toStringTag];
    tag = typeof tag === "string" && tag !== "" && tag !== name ? ` [${tag}]` : "";
    if (name === null) return `[${fallback}${counted}: null prototype]${tag} `;
    return `${name}${counted}${tag} `;
  }

  class Inspector {
    constructor(depth = depthLimit) {
      this.depth = depth;
      this.seen = [];
      this.circular = new Map();
      this.indentation = 0;
      this.current = 0;
    }

    show(value, level = 0, typed = false) {
      if ((typeof value !== "object" && typeof value !== "function") || value === null) {
        return primitive(value);
      }
      if (this.seen.includes(value)) {
        if (!this.circular.has(value)) this.circular.set(value, this.circular.size + 1);
        return `[Circular *${this.circular.get(value)}]`;
      }
      return this.object(value, level);
    }

    object(value, level) {
      let keys = Object.keys(value);
      const symbols = Object.getOwnPropertySymbols(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
      let base = "";
      let braces = ["{", "}"];
      let isArray = false;
      let items = () => [];
      const index = (key) => !/^(0|[1-9]\d*)$/.test(key) || +key >= 4294967295;
      if (Array.isArray(value)) {
        const start = constructorName(value) === "Array" ? "" : prefix(value, "Array", value.length);
        braces = [`${start}[`, "]"];
        isArray = true;
        keys = keys.filter(index);
        if (value.length === 0 && keys.length + symbols.length === 0) return `${braces[0]}]`;
        items = () => this.items(value, level);
      } else if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
        braces = [`${prefix(value, "TypedArray", value.length)}[`, "]"];
        isArray = true;
        keys = keys.filter(index);
        if (value.length === 0 && keys.length + symbols.length === 0) return `${braces[0]}]`;
        items = () => this.items(value, level);
      } else if (value instanceof Set) {
        braces[0] = `${prefix(value, "Set", value.size)}{`;
        items = () => this.nested(() => [...value].map((item) => this.show(item, level + 1)));
        if (value.size === 0 && keys.length === 0) return `${braces[0]}}`;
      } else if (value instanceof Map) {
        braces[0] = `${prefix(value, "Map", value.size)}{`;
        items = () => this.nested(() => [...value].map(([key, item]) => `${this.show(key, level + 1)} => ${this.show(item, level + 1)}`));
        if (value.size === 0 && keys.length === 0) return `${braces[0]}}`;
      } else if (typeof value === "function") {
        base = this.functionBase(value);
        if (keys.length + symbols.length === 0) return base;
      } else if (value instanceof Error) {
        base = errorText(value);
        keys = keys.filter((key) => key !== "stack" && key !== "message");
        if (keys.length + symbols.length === 0) return base;
      } else if (value instanceof RegExp) {
        base = RegExp.prototype.toString.call(value);
        if (keys.length + symbols.length === 0) return base;
      } else if (value instanceof Date) {
        base = Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
        if (keys.length + symbols.length === 0) return base;
      } else if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
        braces[0] = `${prefix(value, "ArrayBuffer")}{`;
        items = () => bufferItems(value);
      } else if (value instanceof DataView) {
        braces[0] = `${prefix(value, "DataView")}{`;
        items = () => this.nested(() => ["byteLength", "byteOffset", "buffer"].map((key) => `${key}: ${this.show(value[key], level + 1)}`));
      } else if (value instanceof Promise) {
        braces[0] = `${prefix(value, "Promise")}{`;
        items = () => [native.promiseState(value, (result) => this.show(result, level + 1))];
      } else if (value instanceof WeakSet || value instanceof WeakMap) {
        return `${prefix(value, "Weak")}{ <items unknown> }`;
      } else if (value instanceof Number || value instanceof Boolean || value instanceof String || value instanceof Symbol || value instanceof BigInt) {
        const kind = [Number, Boolean, String, Symbol, BigInt].find((type) => value instanceof type).name;
        const name = constructorName(value);
        base = `[${kind}${name === kind ? "" : ` (${name})`}: ${primitive(value.valueOf())}]`;
        if (kind === "String") keys = keys.filter(index);
        if (keys.length + symbols.length === 0) return base;
      } else {
        const name = constructorName(value);
        const tag = value[Symbol.toStringTag];
        if (name !== "Object" || (typeof tag === "string" && tag !== "")) braces[0] = `${prefix(value, "Object")}{`;
        if (keys.length + symbols.length === 0) return `${braces[0]}}`;
      }
      if (level > this.depth) {
        const name = (constructorName(value) ?? "Object: null prototype");
        return Array.isArray(value) ? "[Array]" : `[${name}]`;
      }
      this.seen.push(value);
      this.current = level;
      const output = items();
      for (const key of [...keys, ...symbols]) output.push(this.property(value, key, level));
      this.seen.pop();
      if (this.circular.has(value)) {
        const mark = `<ref *${this.circular.get(value)}>`;
        if (base === "") braces[0] = `${mark} ${braces[0]}`;
        else base = `${mark} ${base}`;
      }
      return this.join(output, base, braces, isArray, level, value);
    }

    nested(f) {
      this.indentation += 2;
      const result = f();
      this.indentation -= 2;
      return result;
    }

    items(value, level) {
      const output = [];
      const shown = Math.min(itemLimit, value.length);
      for (let i = 0; i < value.length && output.length < shown; i++) {
        if (!(i in value)) {
          let end = i;
          while (end < value.length && !(end in value)) end++;
          output.push(`<${end - i} empty item${end - i > 1 ? "s" : ""}>`);
          i = end - 1;
          continue;
        }
        output.push(this.nested(() => this.show(value[i], level + 1)));
      }
      const rest = value.length - shown;
      if (rest > 0) output.push(`... ${rest} more item${rest > 1 ? "s" : ""}`);
      return output;
    }

    property(value, key, level) {
      const { value: item, get, set } = Object.getOwnPropertyDescriptor(value, key) ?? { value: value[key] };
      let text;
      if (get !== undefined) text = set !== undefined ? "[Getter/Setter]" : "[Getter]";
      else if (set !== undefined) text = "[Setter]";
      else text = this.nested(() => this.show(item, level + 1));
      const name = typeof key === "symbol" ? `[${key.toString()}]` : identifier.test(key) ? key : quoted(key);
      return `${name}: ${text}`;
    }

    functionBase(value) {
      const source = Function.prototype.toString.call(value);
      if (source.startsWith("class") && source.endsWith("}")) {
        const parent = Object.getPrototypeOf(value);
        const name = value.name === "" ? "(anonymous)" : value.name;
        return `[class ${name}${parent !== null && parent.name ? ` extends ${parent.name}` : ""}]`;
      }
      const kind = Object.prototype.toString.call(value).slice(8, -1);
      return value.name === "" ? `[${kind} (anonymous)]` : `[${kind}: ${value.name}]`;
    }

    join(output, base, braces, isArray, level, value) {
      const entries = output.length;
      if (isArray && entries > 6) output = this.columns(output, value);
      const start = base === "" ? "" : `${base} `;
      if (this.current - level < 3 && entries === output.length) {
        let total = output.length + this.indentation + braces[0].length + base.length + 10 + output.length;
        for (const text of output) total += text.length;
        if (total <= width && !base.includes("\n")) {
          const joined = output.join(", ");
          if (!joined.includes("\n")) return `${start}${braces[0]} ${joined} ${braces[1]}`;
        }
      }
      const indent = `\n${" ".repeat(this.indentation)}`;
      return `${start}${braces[0]}${indent}  ${output.join(`,${indent}  `)}${indent}${braces[1]}`;
    }

    // Many short items are shown in columns.
    columns(output, value) {
      const more = value.length > itemLimit ? 1 : 0;
      const count = output.length - more;
      const lengths = output.slice(0, count).map((text) => text.length + 2);
      const longest = Math.max(...lengths);
      const total = lengths.reduce((sum, length) => sum + length, 0);
      if (longest * 3 + this.indentation >= width || !(total / longest > 5 || longest <= 8)) return output;
      const bias = Math.sqrt(longest - total / output.length);
      const biased = Math.max(longest - 3 - bias, 1);
      const columns = Math.min(
        Math.round(Math.sqrt(2.5 * biased * count) / biased),
        Math.floor((width - this.indentation) / longest),
        12,
        15,
      );
      if (columns <= 1) return output;
      const widths = [];
      for (let column = 0; column < columns; column++) {
        let widest = 0;
        for (let i = column; i < count; i += columns) widest = Math.max(widest, lengths[i]);
        widths.push(widest);
      }
      const numeric = (item) => typeof item === "number" || typeof item === "bigint";
      const pad = Array.prototype.every.call(value, numeric) ? String.prototype.padStart : String.prototype.padEnd;
      const rows = [];
      for (let i = 0; i < count; i += columns) {
        const end = Math.min(i + columns, count);
        let row = "";
        for (let j = i; j < end - 1; j++) row += pad.call(`${output[j]}, `, widths[j - i]);
        row += pad === String.prototype.padStart ? output[end - 1].padStart(widths[end - 1 - i] - 2) : output[end - 1];
        rows.push(row);
      }
      if (more) rows.push(output[count]);
      return rows;
    }
  }

  function bufferItems(buffer) {
    const bytes = new Uint8Array(buffer);
    const shown = [...bytes.subarray(0, 50)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const rest = bytes.length - 50;
    const more = rest > 0 ? ` ... ${rest} more byte${rest > 1 ? "s" : ""}` : "";
    return [`[Uint8Contents]: <${shown}${more}>`, `byteLength: ${buffer.byteLength}`];
  }

  // Lines of this part and of the other part in JavaScript say nothing to a user.
  const ownLine = /\(lineal:[\w.]+(:\d+)*\)|^\s+at lineal:/;

  function errorText(error) {
    const { name, message } = error;
    let head = message === "" || message === undefined ? `${name}` : `${name}: ${message}`;
    const stack = typeof error.stack === "string" ? error.stack : "";
    const lines = stack.split("\n").filter((line) => line.trim() !== "" && !ownLine.test(line));
    const guest = traces.get(error);
    if (guest !== undefined) lines.push(...guest.split("\n").filter((line) => line !== ""));
    let text = lines.length > 0 ? `${head}\n${lines.join("\n")}` : stack === "" ? `[${head}]` : head;
    if (Object.hasOwn(error, "cause")) text += ` {\n  [cause]: ${new Inspector().show(error.cause, 1).replaceAll("\n", "\n  ")}\n}`;
    return text;
  }

  const inspect = (value, depth) => new Inspector(depth).show(value);

  function format(args) {
    if (args.length === 0) return "";
    let rest = args;
    let text = "";
    if (typeof args[0] === "string") {
      let next = 1;
      text = args.length === 1 ? args[0] : args[0].replace(/%[sdifjoOc%]/g, (match) => {
        if (match === "%%") return "%";
        if (next >= args.length) return match;
        const value = args[next++];
        switch (match) {
          case "%s":
            if (typeof value === "string") return value;
            return typeof value === "object" && value !== null ? inspect(value, 0) : primitive(value);
          case "%d": return typeof value === "bigint" ? `${value}n` : typeof value === "object" ? `${Number(value)}` : primitive(Number(value));
          case "%i": return typeof value === "bigint" ? `${value}n` : `${parseInt(value)}`;
          case "%f": return `${parseFloat(value)}`;
          case "%j": return JSON.stringify(value);
          case "%o":
          case "%O": return inspect(value, 4);
          default: return "";
        }
      });
      rest = args.slice(next);
      if (rest.length > 0) text += " ";
    }
    return text + rest.map((value) => (typeof value === "string" ? value : inspect(value))).join(" ");
  }

  // ----- The console -----

  let groups = "";
  const counts = new Map();
  const timers = new Map();
  const print = (toError, text) => native.print(toError, groups === "" ? `${text}\n` : `${groups}${text.replaceAll("\n", `\n${groups}`)}\n`);
  const label = (value) => (value === undefined ? "default" : `${value}`);
  const elapsed = (name) => {
    const ms = native.now() - timers.get(name);
    return ms >= 1000 ? `${(ms / 1000).toFixed(3)}s` : `${ms.toFixed(3)}ms`;
  };
  const console = {
    log(...args) { print(false, format(args)); },
    info(...args) { print(false, format(args)); },
    debug(...args) { print(false, format(args)); },
    error(...args) { print(true, format(args)); },
    warn(...args) { print(true, format(args)); },
    trace(...args) { print(true, `Trace: ${format(args)}\n${new Error().stack.trimEnd()}`); },
    dir(value) { print(false, inspect(value)); },
    dirxml(...args) { print(false, format(args)); },
    assert(condition, ...args) {
      if (condition) return;
      if (typeof args[0] === "string") args[0] = `Assertion failed: ${args[0]}`;
      else args.unshift("Assertion failed");
      print(true, format(args));
    },
    count(name) {
      const key = label(name);
      counts.set(key, (counts.get(key) ?? 0) + 1);
      print(false, `${key}: ${counts.get(key)}`);
    },
    countReset(name) { counts.delete(label(name)); },
    group(...args) {
      if (args.length > 0) print(false, format(args));
      groups += "  ";
    },
    groupCollapsed(...args) { console.group(...args); },
    groupEnd() { groups = groups.slice(2); },
    time(name) { timers.set(label(name), native.now()); },
    timeLog(name, ...args) {
      if (timers.has(label(name))) print(false, format([`${label(name)}: ${elapsed(label(name))}`, ...args]));
    },
    timeEnd(name) {
      if (!timers.has(label(name))) return;
      print(false, `${label(name)}: ${elapsed(label(name))}`);
      timers.delete(label(name));
    },
    table(value) { print(false, table(value)); },
    clear() {},
  };
  define("console", console);

  function table(value) {
    if (typeof value !== "object" || value === null) return format([value]);
    const rows = Object.keys(value);
    const isObject = (item) => typeof item === "object" && item !== null;
    const columns = [...new Set(rows.flatMap((row) => (isObject(value[row]) ? Object.keys(value[row]) : [])))];
    const plain = rows.some((row) => !isObject(value[row]));
    const head = ["(index)", ...columns, ...(plain ? ["Values"] : [])];
    const cells = rows.map((row) => {
      const item = value[row];
      const inside = columns.map((column) => (isObject(item) && Object.hasOwn(item, column) ? inspect(item[column], 0) : ""));
      return [row, ...inside, ...(plain ? [isObject(item) ? "" : inspect(item, 0)] : [])];
    });
    const widths = head.map((name, column) => Math.max(name.length, ...cells.map((row) => row[column].length)) + 2);
    const line = (row) => `│${row.map((cell, column) => ` ${cell}`.padEnd(widths[column])).join("│")}│`;
    const rule = (left, middle, right) => left + widths.map((wide) => "─".repeat(wide)).join(middle) + right;
    return [rule("┌", "┬", "┐"), line(head), rule("├", "┼", "┤"), ...cells.map(line), rule("└", "┴", "┘")].join("\n");
  }

  define("document", {
    write(...args) { native.print(false, args.join("")); },
    writeln(...args) { native.print(false, `${args.join("")}\n`); },
  });

  // ----- Text -----

  class TextEncoder {
    get encoding() { return "utf-8"; }
    encode(text = "") { return new Uint8Array(native.encode(`${text}`.toWellFormed())); }
    encodeInto(text, target) {
      let read = 0;
      let written = 0;
      for (const char of `${text}`.toWellFormed()) {
        const bytes = new Uint8Array(native.encode(char));
        if (written + bytes.length > target.length) break;
        target.set(bytes, written);
        written += bytes.length;
        read += char.length;
      }
      return { read, written };
    }
  }

  const encodings = { "utf-8": "utf-8", utf8: "utf-8", "unicode-1-1-utf-8": "utf-8", "utf-16le": "utf-16le", "utf-16": "utf-16le", "ucs-2": "utf-16le", latin1: "windows-1252", ascii: "windows-1252", "us-ascii": "windows-1252", "iso-8859-1": "windows-1252", "windows-1252": "windows-1252" };

  class TextDecoder {
    #encoding;
    #fatal;
    #ignoreBOM;
    #rest = new Uint8Array(0);
    #started = false;
    constructor(label = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
      const encoding = encodings[`${label}`.trim().toLowerCase()];
      if (encoding === undefined) throw new RangeError(`the encoding "${label}" is not supported`);
      this.#encoding = encoding;
      this.#fatal = !!fatal;
      this.#ignoreBOM = !!ignoreBOM;
    }
    get encoding() { return this.#encoding; }
    get fatal() { return this.#fatal; }
    get ignoreBOM() { return this.#ignoreBOM; }
    decode(input = new Uint8Array(0), { stream = false } = {}) {
      let bytes = ArrayBuffer.isView(input)
        ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
        : new Uint8Array(input);
      if (this.#rest.length > 0) {
        const all = new Uint8Array(this.#rest.length + bytes.length);
        all.set(this.#rest);
        all.set(bytes, this.#rest.length);
        bytes = all;
      }
      const [text, used] = native.decode(bytes.buffer, bytes.byteOffset, bytes.byteLength, this.#encoding, this.#fatal, stream);
      if (text === null) throw new TypeError(`the bytes are not valid ${this.#encoding}`);
      this.#rest = stream ? bytes.slice(used) : new Uint8Array(0);
      const atStart = !this.#started;
      this.#started = stream && (this.#started || text.length > 0);
      return atStart && !this.#ignoreBOM && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
    }
  }
  define("TextEncoder", TextEncoder);
  define("TextDecoder", TextDecoder);
  for (const proto of [TextEncoder.prototype, TextDecoder.prototype]) {
    Object.defineProperty(proto, Symbol.toStringTag, { value: proto.constructor.name, configurable: true });
  }

  // ----- URLs of files -----

  class URL {
    #href;
    constructor(url, base = undefined) {
      let text = `${url}`.trim();
      if (!/^[a-z][a-z0-9+.-]*:/i.test(text)) {
        if (base === undefined) throw new TypeError(`Invalid URL: ${text}`);
        const { protocol, host, pathname } = new URL(base);
        const start = `${protocol}//${host}`;
        if (text.startsWith("//")) text = protocol + text;
        else if (text.startsWith("/")) text = start + text;
        else if (text.startsWith("?") || text.startsWith("#") || text === "") text = start + pathname + text;
        else text = start + pathname.slice(0, pathname.lastIndexOf("/") + 1) + text;
      }
      const [, scheme, rest] = /^([a-z][a-z0-9+.-]*:)(.*)$/is.exec(text);
      this.protocol = scheme.toLowerCase();
      const [, authority, path, search, hash] = /^(?:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(rest);
      this.host = authority ?? "";
      this.pathname = authority === undefined && !path.startsWith("/") ? path : normal(path);
      this.search = search === "?" ? "" : search ?? "";
      this.hash = hash === "#" ? "" : hash ?? "";
    }
    get hostname() { return this.host.replace(/:\d+$/, "").replace(/^.*@/, ""); }
    get port() { return /:(\d+)$/.exec(this.host)?.[1] ?? ""; }
    get origin() { return this.protocol === "file:" ? "null" : `${this.protocol}//${this.host}`; }
    get href() {
      const slashes = this.pathname.startsWith("/") || this.host !== "" ? "//" : "";
      return this.protocol + slashes + this.host + this.pathname + this.search + this.hash;
    }
    toString() { return this.href; }
    toJSON() { return this.href; }
    static canParse(url, base) {
      try {
        new URL(url, base);
        return true;
      } catch {
        return false;
      }
    }
  }

  function normal(path) {
    const parts = [];
    const segments = path.split("/").slice(1);
    segments.forEach((segment, index) => {
      const last = index === segments.length - 1;
      if (segment === "..") parts.pop();
      else if (segment !== ".") return void parts.push(segment);
      if (last) parts.push("");
    });
    return `/${parts.join("/")}`.replaceAll(" ", "%20");
  }
  define("URL", URL);

  // ----- Files -----

  class Headers {
    #values = new Map();
    constructor(init = {}) {
      const entries = typeof init[Symbol.iterator] === "function" ? init : Object.entries(init);
      for (const [name, value] of entries) this.append(name, value);
    }
    append(name, value) {
      const key = `${name}`.toLowerCase();
      this.#values.set(key, this.#values.has(key) ? `${this.#values.get(key)}, ${value}` : `${value}`);
    }
    set(name, value) { this.#values.set(`${name}`.toLowerCase(), `${value}`); }
    get(name) { return this.#values.get(`${name}`.toLowerCase()) ?? null; }
    has(name) { return this.#values.has(`${name}`.toLowerCase()); }
    delete(name) { this.#values.delete(`${name}`.toLowerCase()); }
    forEach(f) { this.#values.forEach((value, name) => f(value, name, this)); }
    entries() { return this.#values.entries(); }
    keys() { return this.#values.keys(); }
    values() { return this.#values.values(); }
    [Symbol.iterator]() { return this.entries(); }
  }
  define("Headers", Headers);

  const utf8 = new TextDecoder();
  const bodyBytes = (body) => {
    if (body === null || body === undefined) return new Uint8Array(0);
    if (typeof body === "string") return new TextEncoder().encode(body);
    if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice();
    if (body instanceof ArrayBuffer) return new Uint8Array(body).slice();
    return new TextEncoder().encode(`${body}`);
  };

  class Response {
    #bytes;
    #used = false;
    #url = "";
    constructor(body = null, { status = 200, statusText = "", headers = {} } = {}) {
      if (!(status >= 200 && status <= 599)) throw new RangeError(`the status ${status} is not from 200 to 599`);
      this.status = status;
      this.statusText = `${statusText}`;
      this.headers = headers instanceof Headers ? headers : new Headers(headers);
      if (typeof body === "string" && !this.headers.has("content-type")) this.headers.set("content-type", "text/plain;charset=UTF-8");
      this.#bytes = bodyBytes(body);
    }
    get ok() { return this.status >= 200 && this.status <= 299; }
    get url() { return this.#url; }
    get type() { return this.#url === "" ? "default" : "basic"; }
    get redirected() { return false; }
    get bodyUsed() { return this.#used; }
    #take() {
      if (this.#used) throw new TypeError("the body was already read");
      this.#used = true;
      return this.#bytes;
    }
    async arrayBuffer() { return this.#take().slice().buffer; }
    async bytes() { return this.#take().slice(); }
    async text() { return utf8.decode(this.#take()); }
    async json() { return JSON.parse(await this.text()); }
    clone() {
      if (this.#used) throw new TypeError("the body was already read");
      const { status, statusText } = this;
      const copy = new Response(this.#bytes, { status, statusText, headers: new Headers(this.headers) });
      copy.#url = this.#url;
      return copy;
    }
    static json(data, init = {}) {
      const response = new Response(JSON.stringify(data), init);
      response.headers.set("content-type", "application/json");
      return response;
    }
    static error() {
      const response = new Response();
      response.status = 0;
      return response;
    }
    static of(body, init, url) {
      const response = new Response(body, init);
      response.#url = url;
      return response;
    }
    // For WebAssembly.compileStreaming.
    static parts(value) {
      if (typeof value !== "object" || value === null || !(#bytes in value)) return undefined;
      const { ok, status } = value;
      return { ok, status, type: value.headers.get("content-type") ?? "", read: () => value.arrayBuffer() };
    }
  }
  const { of: makeResponse, parts: responseBody } = Response;
  delete Response.of;
  delete Response.parts;
  define("Response", Response);

  const types = { wasm: "application/wasm", js: "text/javascript", mjs: "text/javascript", json: "application/json", html: "text/html", css: "text/css", txt: "text/plain" };

  async function fetch(resource) {
    const text = typeof resource === "object" && resource !== null && typeof resource.url === "string" ? resource.url : `${resource}`;
    const url = new URL(text, native.scriptUrl);
    if (url.protocol !== "file:") {
      throw new TypeError(`fetch reads only files in the script's directory, not ${url.href}`);
    }
    const path = decodeURIComponent(url.pathname);
    const found = native.readFile(path);
    if (typeof found === "string") throw new TypeError(`fetch failed: ${found}`);
    if (found === null) return makeResponse("", { status: 404, statusText: "Not Found" }, url.href);
    const type = types[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream";
    return makeResponse(found, { status: 200, statusText: "OK", headers: { "content-type": type } }, url.href);
  }
  define("fetch", fetch);

  // ----- Time -----

  let nextTimer = 1;
  const waiting = new Map();
  function schedule(callback, delay, args, repeats) {
    if (typeof callback !== "function") throw new TypeError("a timer needs a function");
    const ms = Math.min(Math.max(Number(delay) || 0, repeats ? 1 : 0), 0x7fffffff);
    const id = nextTimer++;
    waiting.set(id, { id, callback, args, ms, repeats, due: native.now() + ms });
    return id;
  }
  const cancel = (id) => { waiting.delete(Number(id)); };
  define("setTimeout", function setTimeout(callback, delay = 0, ...args) { return schedule(callback, delay, args, false); });
  define("setInterval", function setInterval(callback, delay = 0, ...args) { return schedule(callback, delay, args, true); });
  define("setImmediate", function setImmediate(callback, ...args) { return schedule(callback, 0, args, false); });
  define("clearTimeout", function clearTimeout(id) { cancel(id); });
  define("clearInterval", function clearInterval(id) { cancel(id); });
  define("clearImmediate", function clearImmediate(id) { cancel(id); });
  if (globalThis.queueMicrotask === undefined) {
    define("queueMicrotask", function queueMicrotask(callback) {
      if (typeof callback !== "function") throw new TypeError("queueMicrotask needs a function");
      Promise.resolve().then(() => callback());
    });
  }
  define("performance", { now: () => native.now(), timeOrigin: Date.now() - native.now(), mark() {}, measure() {} });

  const firstTimer = () => {
    let first;
    for (const timer of waiting.values()) if (first === undefined || timer.due < first.due) first = timer;
    return first;
  };

  // A wait is made in parts, so that it ends when the script's time is over.
  const plainWait = Atomics.wait;
  const part = 50;
  Atomics.wait = function wait(array, index, value, timeout = undefined) {
    const ms = timeout === undefined ? Infinity : Number(timeout);
    const end = native.now() + (Number.isNaN(ms) ? Infinity : Math.max(ms, 0));
    for (;;) {
      const rest = end - native.now();
      const result = plainWait(array, index, value, Math.max(Math.min(rest, part), 0));
      if (result !== "timed-out" || rest <= part) return result;
      // The script's engine looks at the time now and then, but only while something runs.
      while (native.isOver());
    }
  };
  Object.defineProperty(Atomics, "wait", { enumerable: false });

  // ----- Promises that nothing handles -----

  const rejected = new Map();

  define("self", globalThis);
  // ----- What modules of AssemblyScript import -----

  // `exports` finds the exports of the module, whose memory the arguments point into.
  function assemblyScript(exports) {
    const text = (address) => {
      const memory = exports()?.memory;
      if (!address || memory === undefined) return "";
      const bytes = new Uint32Array(memory.buffer)[(address - 4) >>> 2];
      return String.fromCharCode(...new Uint16Array(memory.buffer, address, bytes >>> 1));
    };
    return {
      env: {
        abort(message, file, line, column) {
          throw new Error(`${text(message) || "abort"} in ${text(file) || "the module"}:${line}:${column}`);
        },
        trace(message, count, ...values) {
          console.log(`trace: ${text(message)}${count > 0 ? " " : ""}${values.slice(0, count).join(", ")}`);
        },
        seed: () => Date.now() * Math.random(),
        "console.log": (message) => console.log(text(message)),
      },
    };
  }

  define("wasmBrowserInstantiate", async function wasmBrowserInstantiate(url, importObject = undefined) {
    const response = await fetch(url);
    if (!response.ok) throw new TypeError(`${url}: ${response.statusText}`);
    let exports;
    const imports = importObject ?? assemblyScript(() => exports);
    const result = await WebAssembly.instantiate(await response.arrayBuffer(), imports);
    exports = result.instance.exports;
    return result;
  });

  return {
    responseBody,
    assemblyScript,
    show: (value) => (value instanceof Error ? errorText(value) : inspect(value)),
    trace(value, lines) {
      if (typeof value === "object" && value !== null) traces.set(value, lines);
    },
    // The milliseconds until the next timer is due, or -1 if none waits.
    untilTimer() {
      const first = firstTimer();
      return first === undefined ? -1 : Math.max(0, first.due - native.now());
    },
    runTimer() {
      const timer = firstTimer();
      if (timer.repeats) timer.due = native.now() + timer.ms;
      else waiting.delete(timer.id);
      timer.callback.apply(globalThis, timer.args);
    },
    rejection(promise, reason, handled) {
      if (handled) rejected.delete(promise);
      else rejected.set(promise, reason);
    },
    // The reasons of promises that were rejected and not handled.
    takeRejections() {
      const reasons = [...rejected.values()];
      rejected.clear();
      return reasons;
    },
  };
})
