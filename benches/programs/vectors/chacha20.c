/* Encrypts n blocks of 256 bytes with ChaCha20: four blocks of the cipher at once, each word of the
 * state in a vector of its own. */
#include "vectors.h"

static u8 message[256];

#define ROTATE(v, by) ((v) << splat_u32(by) | (v) >> splat_u32(32 - (by)))

#define QUARTER(a, b, c, d)                        \
    a += b, d ^= a, d = ROTATE(d, 16);             \
    c += d, b ^= c, b = ROTATE(b, 12);             \
    a += b, d ^= a, d = ROTATE(d, 8);              \
    c += d, b ^= c, b = ROTATE(b, 7)

/* Words 4 i to 4 i + 3 of all four blocks, which are now in rows instead of columns. */
static void put_rows(u32x4 *v, usize i) {
    u32x4 a = v[0], b = v[1], c = v[2], d = v[3];
    u32x4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    u32x4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    u8 *out = message + 16 * i;
    *(any_u32x4 *)(out) ^= __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    *(any_u32x4 *)(out + 64) ^= __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    *(any_u32x4 *)(out + 128) ^= __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    *(any_u32x4 *)(out + 192) ^= __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

static NOINLINE void encrypt(const u32 state[16]) {
    u32x4 start[16], v[16];
    for (int i = 0; i < 16; i++) start[i] = splat_u32(state[i]);
    start[12] += (u32x4){0, 1, 2, 3};
    for (int i = 0; i < 16; i++) v[i] = start[i];
    for (int round = 0; round < 10; round++) {
        QUARTER(v[0], v[4], v[8], v[12]);
        QUARTER(v[1], v[5], v[9], v[13]);
        QUARTER(v[2], v[6], v[10], v[14]);
        QUARTER(v[3], v[7], v[11], v[15]);
        QUARTER(v[0], v[5], v[10], v[15]);
        QUARTER(v[1], v[6], v[11], v[12]);
        QUARTER(v[2], v[7], v[8], v[13]);
        QUARTER(v[3], v[4], v[9], v[14]);
    }
    for (int i = 0; i < 16; i++) v[i] += start[i];
    for (usize i = 0; i < 4; i++) put_rows(v + 4 * i, i);
}

EXPORT("run") i64 run(i32 n) {
    u32 state[16] = {0x61707865, 0x3320646E, 0x79622D32, 0x6B206574};
    u64 seed = 17, sum = 0;
    for (int i = 4; i < 16; i++) state[i] = (u32)random_next(&seed);
    for (usize i = 0; i < sizeof message; i++) message[i] = (u8)i;
    for (i32 i = 0; i < n; i++) {
        encrypt(state);
        state[12] += 4;
    }
    for (usize i = 0; i < sizeof message; i++) sum = mix(sum, message[i]);
    return (i64)sum;
}
