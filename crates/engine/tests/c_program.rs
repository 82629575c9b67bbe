//! A program compiled by clang from C: allocator, strings, lists, structs, function pointers.
//!
//! `programs/strings.txt` has the results of the same source compiled for the host.

use lineal::{CompilationMode, Config, Engine, Instance, Memory, Module, Store, Val, ValType};

/// The program, with what its strings pass through.
struct Program {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
}

impl Program {
    fn new(mode: CompilationMode) -> Program {
        let engine = Engine::new(Config::new().compilation_mode(mode)).expect("an engine");
        let bytes = include_bytes!("programs/strings.wasm");
        let module = Module::new(&engine, bytes).expect("a valid module");
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).expect("no imports");
        let memory = instance.get_memory(&store, "memory").expect("an exported memory");
        Program { store, instance, memory }
    }

    fn allocate(&mut self, text: &str) -> u32 {
        let allocate = self.instance.get_typed_func::<u32, u32>(&self.store, "allocate");
        let len = text.len() as u32 + 1;
        let addr = allocate.expect("exported").call(&mut self.store, len).expect("room");
        self.memory.write(&mut self.store, addr as usize, text.as_bytes()).expect("in bounds");
        self.memory.write(&mut self.store, (addr + len - 1) as usize, &[0]).expect("in bounds");
        addr
    }

    fn release(&mut self, addr: u32) {
        let release = self.instance.get_typed_func::<u32, ()>(&self.store, "release");
        release.expect("exported").call(&mut self.store, addr).expect("a block");
    }

    /// Calls a function with arguments as the table writes them; the result in that form too.
    fn call(&mut self, name: &str, args: &[String], text_result: bool) -> String {
        let func = self.instance.get_func(&self.store, name).expect("exported");
        let ty = func.ty(&self.store);
        assert_eq!(ty.params().len(), args.len(), "{name} {args:?}");
        let mut texts = Vec::new();
        let mut values = Vec::new();
        for (arg, ty) in args.iter().zip(ty.params()) {
            values.push(match (arg.strip_prefix('"'), ty) {
                (Some(text), _) => {
                    texts.push(self.allocate(text.trim_end_matches('"')));
                    Val::I32(texts[texts.len() - 1] as i32)
                }
                (None, ValType::I32) => Val::I32(arg.parse().expect("an i32")),
                (None, ValType::I64) => Val::I64(arg.parse().expect("an i64")),
                (None, _) => Val::from(arg.parse::<f64>().expect("an f64")),
            });
        }
        let mut results = [Val::I32(0)];
        func.call(&mut self.store, &values, &mut results).expect(name);
        let result = match results[0] {
            Val::I32(addr) if text_result => {
                let text = self.memory.linear(&self.store).read_cstring(addr as u32 as u64);
                let text = format!("\"{}\"", text.expect("a string"));
                self.release(addr as u32);
                text
            }
            Val::I32(value) => value.to_string(),
            Val::I64(value) => value.to_string(),
            ref other => format!("{}", other.unwrap_f64()),
        };
        for addr in texts {
            self.release(addr);
        }
        result
    }
}

/// The words of a line; a text in quotes is one, and keeps its first quote.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let end = match rest.strip_prefix('"') {
            Some(text) => text.find('"').map_or(rest.len(), |end| end + 2),
            None => rest.find(' ').unwrap_or(rest.len()),
        };
        words.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    words
}

fn check(mode: CompilationMode) {
    let mut program = Program::new(mode);
    let mut checked = 0;
    for line in include_str!("programs/strings.txt").lines() {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let (call, expected) = line.rsplit_once(" = ").expect("call = result");
        let call = words(call);
        let found = program.call(&call[0], &call[1..], expected.starts_with('"'));
        let same_number = match (found.parse::<f64>(), expected.parse::<f64>()) {
            (Ok(found), Ok(expected)) if !found.is_nan() => found == expected,
            _ => false,
        };
        assert!(found == expected || same_number, "{line}: found {found}");
        checked += 1;
    }
    assert!(checked > 50, "only {checked} lines");
}

#[test]
fn a_c_program_computes_what_it_computes_natively() {
    check(CompilationMode::Eager);
}

#[test]
fn so_it_does_when_functions_are_translated_at_their_first_call() {
    check(CompilationMode::Lazy);
}
