/* Allocates, resizes and frees blocks in random order, n times, in an allocator with boundary
 * tags that splits and merges neighbours: pointer chasing and header updates. */
#include "rt.h"

/* A block starts with its size, the low bit of which says "in use"; the size of the block before
 * it is beside. Free blocks are also in a doubly linked list. Offsets into `heap` serve as
 * pointers, so that results do not depend on the width of addresses. */
typedef struct {
    u32 size, size_before;
    u32 next, prev; /* while free */
} Block;

#define HEAP_BYTES (1u << 20)
#define HEADER 8u
#define SMALLEST 16u
#define LISTS 16
#define NONE 0xFFFFFFFFu

static u8 heap[HEAP_BYTES] __attribute__((aligned(16)));
static u32 lists[LISTS];

static Block *block_at(u32 offset) { return (Block *)(heap + offset); }

static u32 list_of(u32 size) {
    u32 list = 27 - (u32)__builtin_clz(size);
    return list < LISTS ? list : LISTS - 1;
}

static void unlink_block(u32 offset) {
    Block *block = block_at(offset);
    if (block->next != NONE) block_at(block->next)->prev = block->prev;
    if (block->prev != NONE) {
        block_at(block->prev)->next = block->next;
    } else {
        lists[list_of(block->size)] = block->next;
    }
}

static void set_size(u32 offset, u32 size, u32 in_use) {
    block_at(offset)->size = size | in_use;
    block_at(offset + size)->size_before = size;
}

static void link_block(u32 offset, u32 size) {
    u32 *head = &lists[list_of(size)];
    Block *block = block_at(offset);
    set_size(offset, size, 0);
    block->prev = NONE;
    block->next = *head;
    if (*head != NONE) block_at(*head)->prev = offset;
    *head = offset;
}

static void reset(void) {
    for (u32 i = 0; i < LISTS; i++) lists[i] = NONE;
    u32 size = HEAP_BYTES - SMALLEST;
    block_at(size)->size = 1; /* an end that is never merged */
    link_block(0, size);
    block_at(0)->size_before = 0;
}

static u32 allocate(u32 len) {
    u32 size = (len + HEADER + 15) & ~15u;
    for (u32 list = list_of(size); list < LISTS; list++) {
        for (u32 at = lists[list]; at != NONE; at = block_at(at)->next) {
            u32 have = block_at(at)->size;
            if (have < size) continue;
            unlink_block(at);
            if (have - size >= SMALLEST) {
                set_size(at, size, 1);
                link_block(at + size, have - size);
            } else {
                set_size(at, have, 1);
            }
            return at + HEADER;
        }
    }
    return NONE;
}

static void release(u32 pointer) {
    u32 at = pointer - HEADER, size = block_at(at)->size & ~1u;
    u32 after = at + size;
    if (!(block_at(after)->size & 1)) {
        unlink_block(after);
        size += block_at(after)->size;
    }
    u32 size_before = block_at(at)->size_before;
    if (at > 0 && !(block_at(at - size_before)->size & 1)) {
        at -= size_before;
        unlink_block(at);
        size += size_before;
    }
    link_block(at, size);
}

static u32 resize(u32 pointer, u32 len) {
    u32 have = (block_at(pointer - HEADER)->size & ~1u) - HEADER;
    if (len <= have) return pointer;
    u32 moved = allocate(len);
    if (moved == NONE) return pointer;
    memcpy(heap + moved, heap + pointer, have);
    release(pointer);
    return moved;
}

#define SLOTS 1024

EXPORT("run") i64 run(i32 n) {
    static u32 slots[SLOTS], lengths[SLOTS];
    u64 seed = 0xC0FFEE, sum = 0;
    u32 failures = 0;
    reset();
    for (u32 i = 0; i < SLOTS; i++) slots[i] = NONE;
    for (i32 i = 0; i < n; i++) {
        u32 slot = random_below(&seed, SLOTS);
        u32 r = random_below(&seed, 16);
        u32 len = r == 0 ? random_below(&seed, 8000) : r < 4 ? random_below(&seed, 600) : 4 + r * 4;
        if (slots[slot] == NONE) {
            slots[slot] = allocate(len + 1);
            if (slots[slot] == NONE) {
                failures++;
                continue;
            }
            lengths[slot] = len;
            heap[slots[slot]] = (u8)i;
            heap[slots[slot] + len] = (u8)(i >> 8);
        } else if (r % 3 == 0 && len > lengths[slot]) {
            u8 first = heap[slots[slot]];
            u32 moved = resize(slots[slot], len + 1);
            if (heap[moved] != first) return -1;
            if (moved != slots[slot]) lengths[slot] = len;
            slots[slot] = moved;
        } else {
            sum = mix(sum, heap[slots[slot]] + slots[slot]);
            release(slots[slot]);
            slots[slot] = NONE;
        }
    }
    for (u32 i = 0; i < SLOTS; i++) {
        if (slots[i] != NONE) release(slots[i]);
    }
    /* Everything merged back into one block. */
    if (block_at(0)->size != HEAP_BYTES - SMALLEST) return -2;
    return (i64)mix(sum, failures);
}
