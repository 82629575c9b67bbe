//! The `Memory` handle.

use crate::instantiate;
use lineal::{Config, Engine, Extern, Instance, Memory, MemoryOptions, MemoryType, Module, Store};

#[test]
fn sizes_have_units() {
    let (store, instance) = instantiate(r#"(module (memory (export "memory") 2 5))"#);
    let memory = instance.get_memory(&store, "memory").unwrap();
    assert_eq!(memory.size(&store), 2);
    assert_eq!(memory.data_size(&store), 131_072);
    assert_eq!(memory.page_size(&store), 65_536);
    assert_eq!(memory.ty(&store), MemoryType::new(2, Some(5)));
}

#[test]
fn reads_and_writes_are_bounded() {
    let (mut store, instance) =
        instantiate(r#"(module (memory (export "memory") 1) (data (i32.const 65532) "tail"))"#);
    let memory = instance.get_memory(&store, "memory").unwrap();
    let mut buffer = [0; 4];
    memory.read(&store, 65_532, &mut buffer).unwrap();
    assert_eq!(&buffer, b"tail");
    for offset in [65_533, 65_536, usize::MAX] {
        let error = memory.read(&store, offset, &mut buffer).unwrap_err();
        assert_eq!(error.out_of_bounds().unwrap().memory_bytes, 65_536);
        assert_eq!(&buffer, b"tail");
        assert!(memory.write(&mut store, offset, b"over").is_err());
    }
    assert_eq!(memory.data(&store)[65_532..], *b"tail");
    memory.read(&store, 65_536, &mut []).unwrap();
    memory.write(&mut store, 65_536, &[]).unwrap();
    assert!(memory.write(&mut store, 65_537, &[]).is_err());
}

#[test]
fn the_guest_sees_what_the_host_writes_and_grows() {
    let (mut store, instance) = instantiate(
        r#"(module (memory (export "memory") 1 3)
            (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
            (func (export "size") (result i32) (memory.size))
            (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#,
    );
    let memory = instance.get_memory(&store, "memory").unwrap();
    let load = instance.get_typed_func::<u32, i32>(&store, "load").unwrap();
    let size = instance.get_typed_func::<(), u32>(&store, "size").unwrap();
    let grow = instance.get_typed_func::<u32, i32>(&store, "grow").unwrap();

    memory.data_mut(&mut store)[8] = 42;
    assert_eq!(load.call(&mut store, 8).unwrap(), 42);
    assert!(load.call(&mut store, 65_536).is_err());
    assert_eq!(memory.grow(&mut store, 1).unwrap(), 1);
    assert_eq!(load.call(&mut store, 65_536).unwrap(), 0);
    assert_eq!(size.call(&mut store, ()).unwrap(), 2);
    assert_eq!(grow.call(&mut store, 1).unwrap(), 2);
    assert_eq!(memory.size(&store), 3);
    assert_eq!(grow.call(&mut store, 1).unwrap(), -1);
    for delta in [1, u64::MAX] {
        let error = memory.grow(&mut store, delta).unwrap_err();
        assert!(error.to_string().contains("its maximum is 3 pages"), "{error}");
    }
    assert_eq!(load.call(&mut store, 8).unwrap(), 42);
}

#[test]
fn typed_views_and_strings_are_one_call_away() {
    let mut store = Store::new(&Engine::default(), 7);
    let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
    memory.linear_mut(&mut store).store(16, 0, 1.5_f64).unwrap();
    memory.linear_mut(&mut store).write_string(64, "grüße").unwrap();
    let linear = memory.linear(&store);
    assert_eq!(linear.load::<f64>(16, 0).unwrap(), 1.5);
    assert_eq!(linear.read_str(64, 7).unwrap(), "grüße");
    assert_eq!(linear.view::<u16>(16, 4).unwrap().get(3).unwrap(), 0x3ff8);

    let (bytes, data) = memory.data_and_store_mut(&mut store);
    bytes[0] = *data;
    *data += 1;
    assert_eq!((memory.data(&store)[0], *store.data()), (7, 8));
}

#[test]
fn host_limits_are_errors() {
    let mut config = Config::new();
    config.memory_options(MemoryOptions::new().max_bytes(2 << 16));
    let engine = Engine::new(&config).unwrap();
    let mut store = Store::new(&engine, ());
    let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
    assert!(memory.grow(&mut store, 1).is_ok());
    assert!(memory.grow(&mut store, 1).is_err());
    assert!(Memory::new(&mut store, MemoryType::new(3, None)).is_err());

    let module = Module::new(&engine, "(module (memory 3))").unwrap();
    let error = Instance::new(&mut store, &module, &[]).unwrap_err();
    assert!(error.to_string().contains("exceeds the host's limit"), "{error}");
}

#[test]
fn impossible_sizes_are_errors() {
    let mut store = Store::<()>::default();
    let ty = MemoryType::new64(1 << 48, None);
    let error = Memory::new(&mut store, ty).unwrap_err();
    assert!(error.to_string().contains("no room"), "{error}");
    let module = Module::new(store.engine(), "(module (memory i64 0x1_0000_0000_0000))").unwrap();
    assert!(Instance::new(&mut store, &module, &[]).is_err());
}

#[test]
fn memories_of_other_kinds() {
    let mut config = Config::new();
    config.wasm_custom_page_sizes(true);
    let engine = Engine::new(&config).unwrap();
    let mut store = Store::new(&engine, ());
    let ty = MemoryType::builder().min(100).page_size_log2(0).build().unwrap();
    let bytes = Memory::new(&mut store, ty).unwrap();
    assert_eq!((bytes.size(&store), bytes.page_size(&store)), (100, 1));
    let ty = MemoryType::new64(1, Some(2));
    let wide = Memory::new(&mut store, ty).unwrap();
    assert!(wide.ty(&store).is_64());

    let module = Module::new(
        &engine,
        r#"(module
            (import "" "bytes" (memory 50 (pagesize 1)))
            (import "" "wide" (memory i64 1 2))
            (func (export "copy") (param i32 i64)
                (i64.store 1 (local.get 1) (i64.load 0 (local.get 0)))))"#,
    )
    .unwrap();
    let imports: [Extern; 2] = [bytes.into(), wide.into()];
    let instance = Instance::new(&mut store, &module, &imports).unwrap();
    let copy = instance.get_typed_func::<(u32, u64), ()>(&store, "copy").unwrap();
    bytes.data_mut(&mut store)[92..].copy_from_slice(b"12345678");
    copy.call(&mut store, (92, 65_528)).unwrap();
    assert_eq!(wide.data(&store)[65_528..], *b"12345678");
    assert!(copy.call(&mut store, (93, 0)).is_err());
    assert!(copy.call(&mut store, (0, u64::MAX)).is_err());
}
