// What the suites check with. A failure is a line of its own; the last line is the number of checks.
let checks = 0;

const shown = (value) => {
  if (typeof value === "bigint") return `${value}n`;
  if (Object.is(value, -0)) return "-0";
  try {
    return typeof value === "string" ? JSON.stringify(value) : String(value);
  } catch {
    return "an object";
  }
};

export function check(condition, name) {
  checks++;
  if (condition !== true) console.log(`FAIL ${name}`);
}

export function equal(actual, expected, name) {
  check(Object.is(actual, expected), `${name}: ${shown(actual)}, expected ${shown(expected)}`);
}

export function same(actual, expected, name) {
  const text = (value) => JSON.stringify(value, (_, item) => (typeof item === "bigint" ? `${item}n` : item));
  equal(text(actual), text(expected), name);
}

// The error must be of exactly this class.
export function throws(type, f, name) {
  let error;
  try {
    f();
  } catch (thrown) {
    error = thrown;
  }
  is(error, type, name);
  return error;
}

export async function rejects(type, promise, name) {
  let error;
  check(promise instanceof Promise, `${name}: a promise`);
  try {
    await promise;
  } catch (thrown) {
    error = thrown;
  }
  is(error, type, name);
  return error;
}

function is(error, type, name) {
  const found = error === undefined ? "nothing" : `${error?.name}: ${error?.message}`;
  check(error !== undefined && Object.getPrototypeOf(error) === type.prototype, `${name}: ${found}, expected ${type.name}`);
}

export function thrown(f) {
  try {
    f();
  } catch (error) {
    return error;
  }
  return undefined;
}

export function instance(bytes, imports) {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports;
}

export function done() {
  console.log(`ok ${checks}`);
}
