/* SHA3-256 (FIPS 202) over n blocks of 136 bytes: 64-bit rotates and logic on 25 lanes. */
#include "rt.h"

#define RATE 136

static inline u64 rotate(u64 x, u32 by) { return by ? (x << by) | (x >> (64 - by)) : x; }

/* Round constants, rotation amounts and the lane order of the pi step. */
static u64 iota[24];
static const u8 rho[24] = {1,  3,  6,  10, 15, 21, 28, 36, 45, 55, 2,  14,
                           27, 41, 56, 8,  25, 43, 62, 18, 39, 61, 20, 44};
static const u8 pi[24] = {10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
                          15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1};

/* The round constants come from a linear feedback shift register over 8 bits. */
static void prepare(void) {
    u8 r = 1;
    for (int round = 0; round < 24; round++) {
        iota[round] = 0;
        for (int j = 0; j < 7; j++) {
            if (r & 1) iota[round] |= 1ull << ((1 << j) - 1);
            r = (u8)(r << 1) ^ (r & 0x80 ? 0x71 : 0);
        }
    }
}

static void permute(u64 a[25]) {
    for (int round = 0; round < 24; round++) {
        u64 c[5], t;
        for (int x = 0; x < 5; x++) c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
        for (int x = 0; x < 5; x++) {
            t = c[(x + 4) % 5] ^ rotate(c[(x + 1) % 5], 1);
            for (int y = 0; y < 25; y += 5) a[x + y] ^= t;
        }
        t = a[1];
        for (int i = 0; i < 24; i++) {
            u64 kept = a[pi[i]];
            a[pi[i]] = rotate(t, rho[i]);
            t = kept;
        }
        for (int y = 0; y < 25; y += 5) {
            for (int x = 0; x < 5; x++) c[x] = a[y + x];
            for (int x = 0; x < 5; x++) a[y + x] = c[x] ^ (~c[(x + 1) % 5] & c[(x + 2) % 5]);
        }
        a[0] ^= iota[round];
    }
}

static void absorb(u64 a[25], const u8 *block) {
    for (int i = 0; i < RATE / 8; i++) {
        u64 lane;
        memcpy(&lane, block + 8 * i, 8);
        a[i] ^= lane;
    }
    permute(a);
}

EXPORT("run") i64 run(i32 n) {
    u64 a[25];
    u8 block[RATE];
    prepare();

    /* The published digest of the empty message starts with a7ffc6f8bf1ed766. */
    memset(a, 0, sizeof a);
    memset(block, 0, sizeof block);
    block[0] = 0x06;
    block[RATE - 1] = 0x80;
    absorb(a, block);
    if (a[0] != 0x66d71ebff8c6ffa7ull) return -1;

    u64 seed = 7;
    memset(a, 0, sizeof a);
    for (i32 i = 0; i < n; i++) {
        for (int k = 0; k < RATE; k += 8) {
            u64 r = random_next(&seed);
            memcpy(block + k, &r, 8);
        }
        absorb(a, block);
    }
    return (i64)(a[0] ^ a[1] ^ a[2] ^ a[3]);
}
