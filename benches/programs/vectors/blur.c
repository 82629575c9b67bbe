/* Blurs a grey image of 256 by 256, n times: five pixels by five, weights 1 4 6 4 1, first along
 * the rows and then along the columns, in 16 bits. */
#include "vectors.h"

#define SIDE 256
#define STRIDE (SIDE + 16) /* eight more on either side */

static u8 image[(SIDE + 4) * STRIDE], between[(SIDE + 4) * STRIDE];

static u8 *row(u8 *of, i32 y) { return of + (y + 2) * STRIDE + 8; }

static u16x8 low(u8x16 v) {
    return (u16x8)__builtin_shufflevector(v, (u8x16){0}, 0, 16, 1, 16, 2, 16, 3, 16, 4, 16, 5, 16, 6, 16, 7, 16);
}

static u16x8 high(u8x16 v) {
    return (u16x8)__builtin_shufflevector(v, (u8x16){0}, 8, 16, 9, 16, 10, 16, 11, 16, 12, 16, 13, 16, 14, 16, 15, 16);
}

static u16x8 weighted(u16x8 a, u16x8 b, u16x8 c, u16x8 d, u16x8 e) {
    u16x8 sum = (a + e) + (b + d) * splat_u16(4) + c * splat_u16(6);
    return (sum + splat_u16(8)) >> splat_u16(4);
}

/* Sixteen pixels from five places that are `step` apart. */
static inline u8x16 blurred(const u8 *at, i32 step) {
    u8x16 a = load(at - 2 * step), b = load(at - step), c = load(at);
    u8x16 d = load(at + step), e = load(at + 2 * step);
    u16x8 first = weighted(low(a), low(b), low(c), low(d), low(e));
    u16x8 second = weighted(high(a), high(b), high(c), high(d), high(e));
    return __builtin_shufflevector((u8x16)first, (u8x16)second, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24,
                                   26, 28, 30);
}

static NOINLINE void blur(void) {
    for (i32 y = 0; y < SIDE; y++) {
        for (i32 x = 0; x < SIDE; x += 16) store(row(between, y) + x, blurred(row(image, y) + x, 1));
    }
    for (i32 y = 0; y < SIDE; y++) {
        for (i32 x = 0; x < SIDE; x += 16) store(row(image, y) + x, blurred(row(between, y) + x, STRIDE));
    }
}

EXPORT("run") i64 run(i32 n) {
    u64 seed = 19, sum = 0;
    for (usize i = 0; i < sizeof image; i++) image[i] = between[i] = 0;
    for (i32 i = 0; i < n; i++) {
        /* Fresh spots, so that there is always something left to blur. */
        for (int spots = 0; spots < 64; spots++) {
            row(image, (i32)random_below(&seed, SIDE))[random_below(&seed, SIDE)] = 255;
        }
        blur();
        sum = mix(sum, row(image, i % SIDE)[i % 13 * 16]);
    }
    for (i32 y = 0; y < SIDE; y++) {
        for (i32 x = 0; x < SIDE; x++) sum = mix(sum, row(image, y)[x]);
    }
    return (i64)sum;
}
