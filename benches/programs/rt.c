/* The runtime behind rt.h. Compiled with -fno-builtin, so that the loops below are not turned
 * into calls of the functions they implement. */
#include "rt.h"

#ifdef __wasm__

/* A u64 at any address. */
typedef u64 __attribute__((aligned(1), may_alias)) unaligned_u64;

void *memcpy(void *to, const void *from, usize len) {
    u8 *d = to;
    const u8 *s = from;
    while (len >= 8) {
        *(unaligned_u64 *)d = *(const unaligned_u64 *)s;
        d += 8;
        s += 8;
        len -= 8;
    }
    while (len-- > 0) *d++ = *s++;
    return to;
}

void *memmove(void *to, const void *from, usize len) {
    u8 *d = to;
    const u8 *s = from;
    if (d == s) return to;
    if (d < s) {
        while (len-- > 0) *d++ = *s++;
    } else {
        while (len-- > 0) d[len] = s[len];
    }
    return to;
}

void *memset(void *to, int byte, usize len) {
    u8 *d = to;
    u64 wide = (u8)byte * 0x0101010101010101ull;
    while (len >= 8) {
        *(unaligned_u64 *)d = wide;
        d += 8;
        len -= 8;
    }
    while (len-- > 0) *d++ = (u8)byte;
    return to;
}

int memcmp(const void *a, const void *b, usize len) {
    const u8 *x = a, *y = b;
    for (; len > 0; len--, x++, y++) {
        if (*x != *y) return *x - *y;
    }
    return 0;
}

usize strlen(const char *s) {
    const char *end = s;
    while (*end) end++;
    return (usize)(end - s);
}

int strcmp(const char *a, const char *b) {
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (u8)*a - (u8)*b;
}

extern u8 __heap_base;
#define HEAP_START ((usize)&__heap_base)

/* Memory up to `end` exists afterwards. */
static void ensure(usize end) {
    usize have = __builtin_wasm_memory_size(0) * 65536;
    if (end <= have) return;
    usize pages = (end - have + 65535) / 65536;
    if (__builtin_wasm_memory_grow(0, pages) == (usize)-1) __builtin_trap();
}

#else

static u8 arena[512u << 20] __attribute__((aligned(16)));
#define HEAP_START ((usize)arena)

static void ensure(usize end) {
    if (end > HEAP_START + sizeof arena) __builtin_trap();
}

#endif

/* Blocks of up to 512 bytes come in steps of 16; larger ones in powers of two. */
#define SMALL_CLASSES 33
#define CLASSES (SMALL_CLASSES + 32)

typedef struct Block {
    u64 class; /* kept while the block is in use */
    struct Block *next;
} Block;

static Block *free_lists[CLASSES];
static usize top;

static u32 class_of(usize len) {
    if (len <= 512) return (u32)((len + 15) / 16);
    return SMALL_CLASSES + (32 - (u32)__builtin_clz((u32)len - 1));
}

static usize class_bytes(u32 class) {
    if (class < SMALL_CLASSES) return (usize)class * 16;
    return (usize)1 << (class - SMALL_CLASSES);
}

void heap_reset(void) {
    for (u32 i = 0; i < CLASSES; i++) free_lists[i] = NULL;
    top = (HEAP_START + 15) & ~(usize)15;
}

void *heap_alloc(usize len) {
    u32 class = class_of(len ? len : 1);
    Block *block = free_lists[class];
    if (block) {
        free_lists[class] = block->next;
    } else {
        block = (Block *)top;
        top += 8 + class_bytes(class);
        top = (top + 7) & ~(usize)7;
        ensure(top + 16);
        block->class = class;
    }
    return (u8 *)block + 8;
}

void *heap_alloc_zeroed(usize len) {
    void *block = heap_alloc(len);
    memset(block, 0, len);
    return block;
}

void heap_free(void *pointer) {
    if (!pointer) return;
    Block *block = (Block *)((u8 *)pointer - 8);
    block->next = free_lists[block->class];
    free_lists[block->class] = block;
}
