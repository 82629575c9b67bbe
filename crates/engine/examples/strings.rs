//! Passes strings and structs to a C library and back, in memory that its own `malloc` finds.

use std::io::{self, Write};

use lineal::{Caller, Engine, Instance, Linker, Memory, Module, Result, Store, TypedFunc};

/// The guest: `guests/text.c`.
const GUEST: &[u8] = include_bytes!("guests/text.wasm");

/// What the host keeps: the lines that the guest logged.
type Lines = Vec<String>;

/// The library, and its allocator.
struct Library {
    instance: Instance,
    memory: Memory,
    malloc: TypedFunc<u32, u32>,
    free: TypedFunc<u32, ()>,
}

/// `struct person` as the guest lays it out: `int age`, four bytes of padding, `double height`,
/// `const char *name` and four bytes of padding.
const PERSON_BYTES: u32 = 24;
const AGE: u64 = 0;
const HEIGHT: u64 = 8;
const NAME: u64 = 16;

impl Library {
    fn new(store: &mut Store<Lines>) -> Result<Library> {
        let engine = store.engine().clone();
        let mut linker = Linker::new(&engine);
        // A host function that reads a string of the guest's.
        linker.func_wrap("host", "log", |mut caller: Caller<'_, Lines>, addr: u32, len: u32| {
            let memory = caller.get_export("memory").and_then(|export| export.into_memory());
            let memory = memory.ok_or_else(|| lineal::Error::msg("no memory is exported"))?;
            let line = memory.read_string(&caller, addr.into(), len.into())?;
            caller.data_mut().push(line);
            Result::Ok(())
        })?;
        let instance = linker.instantiate(&mut *store, &Module::new(&engine, GUEST)?)?;
        // C libraries are to be initialised first.
        instance.get_typed_func::<(), ()>(&*store, "_initialize")?.call(&mut *store, ())?;
        Ok(Library {
            instance,
            memory: instance.get_memory(&*store, "memory").expect("exported"),
            malloc: instance.get_typed_func(&*store, "malloc")?,
            free: instance.get_typed_func(&*store, "free")?,
        })
    }

    /// Copies a string into the guest, with a NUL; its address.
    fn new_string(&self, store: &mut Store<Lines>, string: &str) -> Result<u32> {
        let addr = self.malloc.call(&mut *store, string.len() as u32 + 1)?;
        self.memory.write_string(&mut *store, addr.into(), string)?;
        self.memory.store(store, u64::from(addr) + string.len() as u64, 0_u8)?;
        Ok(addr)
    }

    /// Makes a person in the guest; its address.
    fn new_person(
        &self,
        store: &mut Store<Lines>,
        age: i32,
        height: f64,
        name: &str,
    ) -> Result<u32> {
        let name = self.new_string(store, name)?;
        let addr = self.malloc.call(&mut *store, PERSON_BYTES)?;
        self.memory.store(&mut *store, u64::from(addr) + AGE, age)?;
        self.memory.store(&mut *store, u64::from(addr) + HEIGHT, height)?;
        self.memory.store(&mut *store, u64::from(addr) + NAME, name)?;
        Ok(addr)
    }

    fn describe(&self, store: &Store<Lines>, person: u32) -> Result<String> {
        let addr = u64::from(person);
        let age = self.memory.load::<i32>(store, addr + AGE)?;
        let height = self.memory.load::<f64>(store, addr + HEIGHT)?;
        let name = self.memory.load::<u32>(store, addr + NAME)?;
        let name = self.memory.read_cstring(store, name.into())?;
        Ok(format!("{name}, {age} years, {height:.3} m"))
    }
}

/// Runs the example, which writes its report to `out`.
pub(crate) fn run(out: &mut impl Write) -> Result<()> {
    let mut store = Store::new(&Engine::default(), Lines::new());
    let library = Library::new(&mut store)?;

    // A string there and another back.
    let greet = library.instance.get_typed_func::<u32, u32>(&store, "greet")?;
    let name = library.new_string(&mut store, "Grace Hopper")?;
    let greeting = greet.call(&mut store, name)?;
    writeln!(out, "{}", library.memory.read_cstring(&store, greeting.into())?)?;
    for addr in [name, greeting] {
        library.free.call(&mut store, addr)?;
    }

    // A struct that the guest changes.
    let ada = library.new_person(&mut store, 36, 1.6, "Ada")?;
    let birthday = library.instance.get_typed_func::<u32, ()>(&store, "birthday")?;
    birthday.call(&mut store, ada)?;
    writeln!(out, "{}", library.describe(&store, ada)?)?;

    // A struct returned by value: C passes the address of the result first.
    let alan = library.new_person(&mut store, 41, 1.78, "Alan")?;
    let result = library.malloc.call(&mut store, PERSON_BYTES)?;
    let older = library.instance.get_typed_func::<(u32, u32, u32), ()>(&store, "older")?;
    older.call(&mut store, (result, ada, alan))?;
    writeln!(out, "{}", library.describe(&store, result)?)?;

    writeln!(out, "logged: {:?}", store.data())?;
    Ok(())
}

fn main() -> Result<()> {
    run(&mut io::stdout())
}
