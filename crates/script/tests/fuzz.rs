//! Calls what scripts can reach with random values: whatever they do, the host must go on.
//!
//! `LINEAL_FUZZ_SEEDS=A..B` runs other seeds.

#![cfg(any(feature = "lua", feature = "starlark"))]

#[cfg(feature = "starlark")]
use std::fmt::Write as _;
use std::io;
use std::ops::Range;
use std::path::Path;

use lineal::Engine;
use lineal_script::{Error, Language, Options, Output, Report, Script, run};

fn seeds(usual: Range<u64>) -> Range<u64> {
    let Ok(range) = std::env::var("LINEAL_FUZZ_SEEDS") else { return usual };
    let (from, to) = range.split_once("..").expect("LINEAL_FUZZ_SEEDS is A..B");
    from.parse().expect("a number")..to.parse().expect("a number")
}

fn run_in(folder: &str, language: Language, text: String) -> Result<Report, Error> {
    let engine = Engine::default();
    let mut options = Options::new(&engine);
    options.max_memory_bytes = Some(64 << 20);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder).join("fuzz");
    let output = Output { out: Box::new(io::sink()), err: Box::new(io::sink()), colours: false };
    run(&Script { file, text, language }, options, output)
}

#[test]
#[cfg(feature = "lua")]
fn lua() {
    for seed in seeds(0..30) {
        let text = format!("SEED, STEPS = {seed}, 1000\n{}", include_str!("lua/fuzz.lua"));
        if let Err(error) = run_in("lua", Language::Lua, text) {
            panic!("seed {seed}: {error}");
        }
    }
}

/// Numbers that look random (splitmix64).
#[cfg(feature = "starlark")]
struct Random(u64);

#[cfg(feature = "starlark")]
impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % limit as u64) as usize
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

#[cfg(feature = "starlark")]
const FUNCTIONS: &[&str] = &[
    "mem.size",
    "mem.size_bytes",
    "mem.grow",
    "mem.read",
    "mem.read_cstring",
    "mem.read_string",
    "mem.write",
    "mem.write_string",
    "mem.read_int8",
    "mem.read_int64",
    "mem.read_uint64",
    "mem.read_float",
    "mem.read_double",
    "mem.write_int8",
    "mem.write_uint64",
    "mem.write_float",
    "mem.write_double",
    "e.add",
    "e.add64",
    "e.halve",
    "e.third",
    "e.divmod",
    "e.divide",
    "e.peek",
    "e.grow",
    "e.call_visit",
    "e.same_vector",
    "e.same_extern",
    "e.same_func",
    "e.counter.get",
    "e.counter.set",
    "e.fixed.set",
    "e.table.get",
    "e.table.set",
    "e.table.size",
    "e.table.get(0)",
    "Bytes",
    "Bytes('abc').hex",
    "len",
    "str",
    "repr",
    "bool",
    "list",
    "sorted",
    "hash",
    "dir",
    "load_module",
    "getattr",
    "kept.append",
    "kept[0]",
    "kept[-1]",
];

#[cfg(feature = "starlark")]
const VALUES: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "16",
    "65535",
    "65536",
    "1 << 31",
    "1 << 32",
    "1 << 63",
    "1 << 64",
    "-(1 << 63)",
    "-(1 << 64)",
    "1 << 200",
    "0.5",
    "-0.0",
    "float('inf')",
    "float('nan')",
    "1e300",
    "None",
    "True",
    "''",
    "'text'",
    "'\\0'",
    "[]",
    "[1, 2]",
    "[256]",
    "['x']",
    "{}",
    "{'env': {}}",
    "{'env': {'visit': visit, 'scale': 3}}",
    "{'guest': {'memory': mem}}",
    "()",
    "mem",
    "e",
    "guest",
    "visit",
    "len",
    "Bytes()",
    "Bytes('0123456789abcdef')",
    "Bytes([255])",
    "e.add",
    "e.table",
    "e.counter",
    "'../modules/guest.wat'",
    "'../modules/importer.wat'",
    "kept",
    "kept[0]",
    "kept[-1]",
    "mem.read(0, 16)",
    "mem.read(0, 16)[::-1]",
    "lambda n: n",
    "range(3)",
];

#[test]
#[cfg(feature = "starlark")]
fn starlark() {
    let prelude = "kept = [0]\ndef visit(n):\n  kept.append(n)\n  if len(kept) < 9:\n    \
                   return guest.exports.call_visit(n + 1)\n  return n\n\
                   guest = load_module('../modules/guest.wat', \
                   imports = {'env': {'visit': visit, 'scale': 2}})\n\
                   mem = guest.memory\ne = guest.exports\n";
    let mut passed = 0;
    for seed in seeds(0..3000) {
        let mut random = Random(seed);
        let mut text = prelude.to_owned();
        for _ in 0..1 + random.below(4) {
            let count = random.below(4);
            let args = (0..count).map(|_| random.one(VALUES)).collect::<Vec<_>>().join(", ");
            let function = random.one(FUNCTIONS);
            // Infallible: it writes to a string.
            let _ = writeln!(text, "kept.append({function}({args}))");
        }
        text.push_str("print(kept)\nkept = None\n");
        match run_in("starlark", Language::Starlark, text.clone()) {
            Ok(_) => passed += 1,
            Err(Error::Script(error)) => assert!(!error.to_string().is_empty()),
            Err(error) => panic!("seed {seed}: {error}\n{text}"),
        }
    }
    assert!(passed > 0, "no script ran to its end");
}
