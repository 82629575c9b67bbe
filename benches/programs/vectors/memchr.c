/* Looks for bytes in 64 KiB n times: the next line's end, over lines of all lengths; a byte that is
 * not there; and how often a byte occurs. */
#include "vectors.h"

#define LEN 65536

static u8 text[LEN + 16];

/* The index of the byte, or `len`. Up to 15 bytes after the text are read. */
static NOINLINE usize find(const u8 *at, usize len, u8 byte) {
    u8x16 wanted = splat_u8(byte);
    for (usize i = 0; i < len; i += 16) {
        u32 found = bitmask((u8x16)(load(at + i) == wanted));
        if (found) {
            usize index = i + (usize)__builtin_ctz(found);
            return index < len ? index : len;
        }
    }
    return len;
}

static NOINLINE u32 count(const u8 *at, usize len, u8 byte) {
    u8x16 wanted = splat_u8(byte);
    u32 total = 0;
    for (usize i = 0; i < len; i += 16) {
        total += (u32)__builtin_popcount(bitmask((u8x16)(load(at + i) == wanted)));
    }
    return total;
}

EXPORT("run") i64 run(i32 n) {
    u64 seed = 29, sum = 0;
    u32 line = 0;
    for (usize i = 0; i < LEN; i++) {
        text[i] = (u8)('a' + random_below(&seed, 26));
        if (line-- == 0) {
            text[i] = '\n';
            line = random_below(&seed, 3) ? random_below(&seed, 40) : random_below(&seed, 400);
        }
    }
    for (i32 i = 0; i < n; i++) {
        text[random_below(&seed, LEN)] = (u8)('A' + i % 26);
        u32 lines = 0;
        for (usize at = 0; at < LEN; lines++) {
            usize len = find(text + at, LEN - at, '\n');
            sum += len * lines;
            at += len + 1;
        }
        sum = mix(sum, lines);
        sum = mix(sum, find(text, LEN, '!'));
        sum = mix(sum, count(text, LEN, (u8)('a' + i % 26)));
    }
    return (i64)sum;
}
