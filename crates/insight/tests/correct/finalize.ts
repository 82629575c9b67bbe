// A correct program: objects that own manual memory, which is freed when they are collected.
class Owner {
  block: usize;
  constructor() { this.block = heap.alloc(32); }
}
@unmanaged class Header { mmInfo: usize; gcInfo: usize; gcInfo2: usize; rtId: u32; rtSize: u32; }
let freed = 0;

@global export function __finalize(ptr: usize): void {
  if (changetype<Header>(ptr - 20).rtId == idof<Owner>()) {
    freed++;
    heap.free(changetype<Owner>(ptr).block);
  }
}

function make(count: i32): void {
  for (let i = 0; i < count; i++) new Owner();
}

export function run(n: i32): i32 {
  make(n * 50);
  __collect();
  __collect();
  return freed;
}
