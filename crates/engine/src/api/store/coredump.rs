//! [`WasmCoreDump`]: what a guest was doing when it trapped, in a format that debuggers read.

use std::fmt;
use std::ptr::NonNull;

use anyhow::Error;
use wasm_encoder::{
    ConstExpr, CoreDumpInstancesSection, CoreDumpModulesSection, CoreDumpSection,
    CoreDumpStackSection, DataSection, GlobalSection, MemorySection,
};

use crate::api::engine::config::Config;
use crate::api::memory::Memory;
use crate::api::module::Module;
use crate::api::module::instance::Instance;
use crate::api::store::AsContext;
use crate::api::store::handle::Handle;
use crate::api::values::global::Global;
use crate::api::values::val::Val;
use crate::runtime::backtrace::FrameInfo;
use crate::runtime::entity::with_memory;
use crate::runtime::frames::Walk;
use crate::runtime::store::StoreCore;

/// How many frames a core dump has at most.
const MAX_FRAMES: usize = 10_000;

/// How many bytes of zeros end a segment of the memory's contents.
const ZEROS: usize = 64;

/// The state of a store when its guest trapped: its instances with their memories and globals, and
/// the functions that the guest was in. See [`Config::coredump_on_trap`].
///
/// Errors of traps hold one: `error.downcast_ref::<WasmCoreDump>()`. It refers to the store; what
/// memories and globals contain is read by [`serialize`](Self::serialize), so do that before
/// anything else runs in the store.
///
/// ```
/// use lineal::{Config, Engine, Instance, Module, Store, WasmCoreDump};
///
/// let engine = Engine::new(Config::new().coredump_on_trap(true))?;
/// let module = Module::new(&engine, r#"(module $demo (memory 1)
///     (func (export "run") (i32.store8 (i32.const 5) (i32.const 42)) unreachable))"#)?;
/// let mut store = Store::new(&engine, ());
/// let instance = Instance::new(&mut store, &module, &[])?;
/// let run = instance.get_typed_func::<(), ()>(&mut store, "run")?;
///
/// let error = run.call(&mut store, ()).unwrap_err();
/// let dump = error.downcast_ref::<WasmCoreDump>().unwrap();
/// assert_eq!(dump.frames()[0].func_index(), 0);
/// let file = dump.serialize(&mut store, "demo.wasm");
/// assert!(file.starts_with(b"\0asm"));
/// # Ok::<(), lineal::Error>(())
/// ```
pub struct WasmCoreDump {
    modules: Vec<Module>,
    instances: Vec<Instance>,
    memories: Vec<Memory>,
    globals: Vec<Global>,
    frames: Vec<FrameInfo>,
    /// The module of each instance, and its memories and globals, by their numbers.
    contents: Vec<(u32, Vec<u32>, Vec<u32>)>,
    /// The instance of each frame.
    frame_instances: Vec<u32>,
}

impl Config {
    /// Sets whether the error of a trap holds a [`WasmCoreDump`], off by default.
    pub fn coredump_on_trap(&mut self, enable: bool) -> &mut Self {
        self.on_trap = enable.then_some(attach);
        self
    }
}

/// Puts a core dump around the error of a trap.
fn attach(store: &StoreCore, error: Error) -> Error {
    // A trap of an inner call has one.
    if error.is::<WasmCoreDump>() {
        return error;
    }
    error.context(WasmCoreDump::capture(store))
}

/// The number of an entity in a list.
fn number_of<E>(list: &[NonNull<E>], entity: NonNull<E>) -> u32 {
    list.iter().position(|&other| other == entity).unwrap_or(0) as u32
}

impl WasmCoreDump {
    fn capture(store: &StoreCore) -> WasmCoreDump {
        let instances: Vec<_> = store.instances.iter().collect();
        let memories: Vec<_> = store.memories.iter().collect();
        let globals: Vec<_> = store.globals.iter().collect();
        let mut modules: Vec<Module> = Vec::new();
        let mut contents = Vec::new();
        for instance in &instances {
            // SAFETY: R1; R3: nothing runs while the error is made.
            let instance = unsafe { instance.as_ref() };
            let known = modules
                .iter()
                .position(|known| std::sync::Arc::ptr_eq(known.code(), &instance.module));
            let module = known.unwrap_or_else(|| {
                modules.push(Module::from_code(instance.module.clone()));
                modules.len() - 1
            });
            contents.push((
                module as u32,
                instance.memories.iter().map(|&entity| number_of(&memories, entity)).collect(),
                instance.globals.iter().map(|&entity| number_of(&globals, entity)).collect(),
            ));
        }
        let (mut frames, mut frame_instances) = (Vec::new(), Vec::new());
        for frame in Walk::new(&store.context).take(MAX_FRAMES) {
            frame_instances.push(number_of(&instances, NonNull::from(frame.instance)));
            frames.push(FrameInfo::new(&frame));
        }
        // SAFETY: the store owns all of them.
        unsafe {
            let instances = instances.iter();
            let instances = instances.filter_map(|it| Instance::from_ptr(store, it.as_ptr()));
            let memories = memories.iter().map(|&it| Memory::from_handle(Handle::new(store, it)));
            let globals = globals.iter().map(|&it| Global::from_handle(Handle::new(store, it)));
            WasmCoreDump {
                modules,
                instances: instances.collect(),
                memories: memories.collect(),
                globals: globals.collect(),
                frames,
                contents,
                frame_instances,
            }
        }
    }

    /// The modules of the store's instances.
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// The instances of the store.
    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// The memories of the store.
    pub fn memories(&self) -> &[Memory] {
        &self.memories
    }

    /// The globals of the store.
    pub fn globals(&self) -> &[Global] {
        &self.globals
    }

    /// The functions that the guest was in, innermost first.
    pub fn frames(&self) -> &[FrameInfo] {
        &self.frames
    }

    /// The core dump as a file in the format of the tool conventions: a module whose sections
    /// `core`, `coremodules`, `coreinstances` and `corestack` describe the guest, and whose memories
    /// and globals are those of the store, with their contents. Bytes that are zero are left out,
    /// and the values of locals are not known. `name` is the name of the program.
    ///
    /// # Panics
    ///
    /// If it is not the store that the guest was in.
    pub fn serialize(&self, store: impl AsContext, name: &str) -> Vec<u8> {
        let store = store.as_context();
        let mut modules = CoreDumpModulesSection::new();
        for (number, module) in self.modules.iter().enumerate() {
            match module.name() {
                Some(name) => modules.module(name),
                None => modules.module(format!("<module {number}>")),
            };
        }
        let mut memories = MemorySection::new();
        let mut data = DataSection::new();
        for (number, memory) in (0..).zip(&self.memories) {
            let ty = memory.ty(&store);
            let is_64 = ty.is_64();
            let page_size_log2 = u32::from(memory.page_size_log2(&store));
            memories.memory(wasm_encoder::MemoryType {
                minimum: memory.size(&store),
                maximum: ty.maximum(),
                memory64: is_64,
                shared: ty.is_shared(),
                page_size_log2: (page_size_log2 != 16).then_some(page_size_log2),
            });
            let contents = contents_of(memory, store.core());
            for (start, bytes) in segments(&contents) {
                let offset = if is_64 {
                    ConstExpr::i64_const(start as i64)
                } else {
                    ConstExpr::i32_const(start as u32 as i32)
                };
                data.active(number, &offset, bytes.iter().copied());
            }
        }
        let mut globals = GlobalSection::new();
        for global in &self.globals {
            let ty = global.ty(&store);
            let (val_type, value) = encoded(&global.get(&store));
            globals.global(
                wasm_encoder::GlobalType {
                    val_type,
                    mutable: ty.mutability().is_var(),
                    shared: false,
                },
                &value,
            );
        }
        let mut instances = CoreDumpInstancesSection::new();
        for (module, memories, globals) in &self.contents {
            instances.instance(*module, memories.iter().copied(), globals.iter().copied());
        }
        let mut stack = CoreDumpStackSection::new("main");
        for (frame, &instance) in self.frames.iter().zip(&self.frame_instances) {
            let offset = frame.func_offset().unwrap_or(0) as u32;
            stack.frame(instance, frame.func_index(), offset, [], []);
        }
        let mut dump = wasm_encoder::Module::new();
        dump.section(&CoreDumpSection::new(name)).section(&modules).section(&memories);
        dump.section(&globals).section(&data).section(&instances).section(&stack);
        dump.finish()
    }
}

impl fmt::Debug for WasmCoreDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasmCoreDump").field("frames", &self.frames).finish_non_exhaustive()
    }
}

impl fmt::Display for WasmCoreDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "wasm core dump with {} frames, {} instances and {} memories",
            self.frames.len(),
            self.instances.len(),
            self.memories.len()
        )
    }
}

/// A copy of what a memory contains: threads may share it.
fn contents_of(memory: &Memory, core: &StoreCore) -> Vec<u8> {
    with_memory!(memory.handle().get(core), memory => {
        let mut contents = vec![0; memory.byte_len() as usize];
        // It has that many bytes, and does not shrink.
        let read = memory.read(0, &mut contents);
        debug_assert!(read.is_ok());
        contents
    })
}

/// The pieces of a memory that are not zeros, with their addresses.
fn segments(contents: &[u8]) -> Vec<(usize, &[u8])> {
    let mut segments: Vec<(usize, &[u8])> = Vec::new();
    for (index, piece) in contents.chunks(ZEROS).enumerate() {
        if piece.iter().all(|&byte| byte == 0) {
            continue;
        }
        let start = index * ZEROS;
        match segments.last_mut() {
            Some((first, bytes)) if *first + bytes.len() == start => {
                *bytes = &contents[*first..start + piece.len()];
            }
            _ => segments.push((start, piece)),
        }
    }
    segments
}

/// A global's value. What a reference refers to is not in a core dump, so that it is null.
fn encoded(value: &Val) -> (wasm_encoder::ValType, ConstExpr) {
    use wasm_encoder::{HeapType, RefType, ValType};
    match value {
        Val::I32(value) => (ValType::I32, ConstExpr::i32_const(*value)),
        Val::I64(value) => (ValType::I64, ConstExpr::i64_const(*value)),
        Val::F32(bits) => (ValType::F32, ConstExpr::f32_const(f32::from_bits(*bits).into())),
        Val::F64(bits) => (ValType::F64, ConstExpr::f64_const(f64::from_bits(*bits).into())),
        Val::V128(value) => (ValType::V128, ConstExpr::v128_const(value.as_u128() as i128)),
        Val::FuncRef(_) => (ValType::FUNCREF, ConstExpr::ref_null(HeapType::FUNC)),
        _ => (ValType::Ref(RefType::EXTERNREF), ConstExpr::ref_null(HeapType::EXTERN)),
    }
}
