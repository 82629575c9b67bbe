//! Faults with Zig's allocator of WebAssembly pages. Each function takes whether it is corrected.
const std = @import("std");
const allocator = std.heap.wasm_allocator;

/// Keeps the optimiser from knowing what is behind a pointer.
fn keep(p: anytype) @TypeOf(p) {
    var copy = p;
    asm volatile (""
        :
        : [copy] "r" (&copy),
        : .{ .memory = true });
    return copy;
}

export fn writeAfter(fixed: i32) void {
    const block = allocator.alloc(u8, 24) catch unreachable;
    const p: [*]volatile u8 = keep(block.ptr);
    p[if (fixed != 0) 23 else 24] = 1; // ERROR invalid-write 1
    allocator.free(block);
}

export fn readBefore(fixed: i32) u32 {
    const block = allocator.alloc(u32, 10) catch unreachable;
    const p: [*]volatile u32 = keep(block.ptr);
    const value = (if (fixed != 0) p else p - 1)[0]; // ERROR invalid-read 4
    allocator.free(block);
    return value;
}

export fn useAfterFree(fixed: i32) void {
    const block = allocator.alloc(u32, 10) catch unreachable;
    const p: [*]volatile u32 = keep(block.ptr);
    if (fixed == 0) allocator.free(block);
    p[3] = 5; // ERROR use-after-free 4
    if (fixed != 0) allocator.free(block);
}

export fn neverFreed(fixed: i32) void {
    const block = allocator.alloc(u8, 100) catch unreachable; // LEAK definite 100
    if (fixed != 0) allocator.free(block);
}

export fn freeOfAPart(fixed: i32) void {
    const block = allocator.alloc(u8, 16) catch unreachable;
    const other = keep(block);
    allocator.rawFree(if (fixed != 0) other else other[0..8], .@"1", 0); // ERROR mismatched-free
}

export fn listThatGrows(fixed: i32) void {
    var list: std.ArrayList(u32) = .empty;
    for (0..1000) |n| list.append(allocator, @intCast(n)) catch unreachable;
    const p: [*]volatile u32 = keep(list.items.ptr);
    p[if (fixed != 0) list.items.len - 1 else list.capacity] = 7; // ERROR invalid-write 4
    list.deinit(allocator);
}
