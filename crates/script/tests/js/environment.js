// What is around a script: text, files, URLs, timers, promises.
import { check, done, equal, rejects, same, throws, thrown } from "./harness.js";
import data from "./data.json";
import * as other from "./other.js";

// Text.
const bytes = (text) => [...new TextEncoder().encode(text)];
same(bytes("aé€😀"), [97, 195, 169, 226, 130, 172, 240, 159, 152, 128], "encode");
same(bytes("\ud800"), [239, 191, 189], "half a pair");
same(bytes(), [], "nothing");
same(bytes("x\0y"), [120, 0, 121], "a zero");
equal(new TextEncoder().encoding, "utf-8", "the encoder's encoding");
{
  const target = new Uint8Array(4);
  same(new TextEncoder().encodeInto("aé€", target), { read: 2, written: 3 }, "encodeInto");
  same([...target], [97, 195, 169, 0], "what it writes");
}
const decode = (list, ...args) => new TextDecoder(...args).decode(Uint8Array.from(list));
equal(decode([97, 195, 169, 240, 159, 152, 128]), "aé😀", "decode");
equal(decode([97, 255, 98]), "a\ufffdb", "invalid bytes");
equal(decode([0xef, 0xbb, 0xbf, 97]), "a", "a byte order mark");
equal(decode([0xef, 0xbb, 0xbf, 97], "utf-8", { ignoreBOM: true }), "\ufeffa", "that is kept");
throws(TypeError, () => decode([255], "utf-8", { fatal: true }), "invalid bytes, fatal");
equal(decode([97, 0, 0x3d, 0xd8, 0, 0xde], "utf-16le"), "a😀", "UTF-16");
equal(decode([0x80, 0xe9], "latin1"), "€é", "windows-1252");
throws(RangeError, () => new TextDecoder("klingon"), "an unknown encoding");
equal(new TextDecoder("UTF8").encoding, "utf-8", "another name");
equal(new TextDecoder().decode(), "", "decode nothing");
equal(new TextDecoder().decode(new DataView(Uint8Array.of(97, 98, 99).buffer, 1)), "bc", "decode a view");
{
  const decoder = new TextDecoder();
  const parts = [[240, 159], [152], [128, 97]].map((part) => decoder.decode(Uint8Array.from(part), { stream: true }));
  same(parts, ["", "", "😀a"], "a stream");
  equal(decoder.decode(Uint8Array.of(98)), "b", "and its end");
  const memory = new WebAssembly.Memory({ initial: 1 });
  new Uint8Array(memory.buffer).set([72, 105], 10);
  equal(new TextDecoder().decode(new Uint8Array(memory.buffer, 10, 2)), "Hi", "from a memory");
}

// Files.
same(data, { list: [1, 2], text: "é" }, "a module of JSON");
equal(other.value, 7, "a module");
equal((await import("./other.js")).value, 7, "import()");
equal(other.url, new URL("other.js", import.meta.url).href, "import.meta.url");
check(import.meta.url.startsWith("file:///"), "it is the file's");
{
  const response = await fetch("data.json");
  check(response instanceof Response && response.ok, "fetch");
  equal(response.status, 200, "its status");
  equal(response.headers.get("Content-Type"), "application/json", "its type");
  same(await response.json(), data, "its JSON");
  await rejects(TypeError, response.text(), "a second read");
  equal(response.bodyUsed, true, "it is used");
  equal((await (await fetch("./data.json")).text()).length > 10, true, "its text");
  equal((await (await fetch(new URL("data.json", import.meta.url))).arrayBuffer()).byteLength > 10, true, "by URL");
  const missing = await fetch("missing.wasm");
  same([missing.ok, missing.status], [false, 404], "a file that is not there");
  for (const url of ["../outside", "/etc/hostname", "file:///etc/hostname", "http://localhost/", "https://example.org/x.wasm", "a/../../b"]) {
    await rejects(TypeError, fetch(url), `fetch ${url}`);
  }
  const { instance, module } = await WebAssembly.instantiateStreaming(fetch("add.wasm"));
  equal(instance.exports.add(2, 3), 5, "instantiateStreaming of a file");
  check(module instanceof WebAssembly.Module, "with its module");
  equal((await wasmBrowserInstantiate("add.wasm")).instance.exports.add(1, 1), 2, "wasmBrowserInstantiate");
}
{
  const response = new Response("text", { status: 201, statusText: "Made", headers: { "X-A": "1" } });
  same([response.ok, response.status, response.statusText], [true, 201, "Made"], "a response");
  equal(response.headers.get("x-a"), "1", "its header");
  equal(await response.clone().text(), "text", "a clone");
  equal(await response.text(), "text", "and itself");
  throws(RangeError, () => new Response("", { status: 99 }), "a wrong status");
  same(await Response.json({ a: 1 }).json(), { a: 1 }, "Response.json");
}

// URLs.
for (const [url, base, expected] of [
  ["b", "file:///x/a", "file:///x/b"], ["../b", "file:///x/y/a", "file:///x/b"], ["./b?q#h", "file:///x/a", "file:///x/b?q#h"],
  ["/b", "http://h:1/x/a", "http://h:1/b"], ["http://h/../a/./b", undefined, "http://h/a/b"], ["//h/x", "https://g/", "https://h/x"], ["a b", "file:///x/", "file:///x/a%20b"],
]) equal(new URL(url, base).href, expected, `the URL ${url}`);
throws(TypeError, () => new URL("x"), "a URL without a scheme");

// Time.
{
  const order = [];
  const promise = new Promise((resolve) => {
    setTimeout(() => { order.push("10 ms"); resolve(); }, 10);
    setTimeout((a, b) => order.push(`0 ms ${a}${b}`), 0, 1, 2);
    clearTimeout(setTimeout(() => order.push("never"), 0));
    Promise.resolve().then(() => order.push("promise"));
    queueMicrotask(() => order.push("microtask"));
    order.push("now");
  });
  await promise;
  same(order, ["now", "promise", "microtask", "0 ms 12", "10 ms"], "the order of things");
  let count = 0;
  await new Promise((resolve) => {
    const id = setInterval(() => { if (++count === 3) { clearInterval(id); resolve(); } }, 1);
  });
  equal(count, 3, "setInterval");
  const start = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 5));
  check(performance.now() - start >= 4, "performance.now");
  throws(TypeError, () => setTimeout("code"), "a timer of a text");
}
equal(typeof globalThis.self, "object", "self");
check(scriptArgs[0].endsWith("environment.js"), "the script's name");
same(scriptArgs.slice(1), ["one", "two"], "its arguments");
equal(thrown(() => { throw 1; }), 1, "the harness");
done();
