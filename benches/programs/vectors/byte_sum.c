/* Adds up n times 64 KiB of bytes, widening them to 16 and then to 32 bits. */
#include "vectors.h"

#define LEN 65536

static u8 bytes[LEN];

static NOINLINE u64 byte_sum(const u8 *at, usize len) {
    u64 total = 0;
    while (len > 0) {
        /* In each lane of 16 bits there is room for 128 pairs of bytes. */
        usize block = len < 2048 ? len : 2048;
        u16x8 sums = {0};
        for (const u8 *end = at + block; at < end; at += 16) {
            u16x8 pairs = (u16x8)load(at);
            sums += (pairs & splat_u16(0xFF)) + (pairs >> splat_u16(8));
        }
        u32x4 wide = (u32x4)sums;
        wide = (wide & splat_u32(0xFFFF)) + (wide >> splat_u32(16));
        total += (u64)wide[0] + wide[1] + wide[2] + wide[3];
        len -= block;
    }
    return total;
}

EXPORT("run") i64 run(i32 n) {
    u64 seed = 5, sum = 0;
    for (usize i = 0; i < LEN; i++) bytes[i] = (u8)random_below(&seed, 256);
    for (i32 i = 0; i < n; i++) {
        bytes[(u32)i * 977 % LEN] ^= (u8)i;
        sum = mix(sum, byte_sum(bytes, LEN));
    }
    return (i64)sum;
}
