/* y = a x + y over arrays of 4096 numbers, n times, with their dot product now and then. */
#include "vectors.h"

#define LEN 4096

static f32 x[LEN], y[LEN];

static NOINLINE void saxpy(f32 a, const f32 *from, f32 *to, usize len) {
    f32x4 factor = splat_f32(a);
    for (usize i = 0; i < len; i += 4) {
        *(any_f32x4 *)(to + i) += factor * *(const any_f32x4 *)(from + i);
    }
}

static NOINLINE f32 dot(const f32 *a, const f32 *b, usize len) {
    f32x4 s0 = {0}, s1 = {0};
    for (usize i = 0; i < len; i += 8) {
        s0 += *(const any_f32x4 *)(a + i) * *(const any_f32x4 *)(b + i);
        s1 += *(const any_f32x4 *)(a + i + 4) * *(const any_f32x4 *)(b + i + 4);
    }
    s0 += s1;
    return (s0[0] + s0[1]) + (s0[2] + s0[3]);
}

EXPORT("run") i64 run(i32 n) {
    u64 seed = 3, sum = 0;
    for (usize i = 0; i < LEN; i++) {
        x[i] = (f32)random_below(&seed, 2001) / 1000.0f - 1.0f;
        y[i] = (f32)random_below(&seed, 2001) / 1000.0f - 1.0f;
    }
    for (i32 i = 0; i < n; i++) {
        saxpy(i & 1 ? -0.25f : 0.125f, x, y, LEN);
        saxpy(i & 2 ? -0.0625f : 0.03125f, y, x, LEN);
        if (i % 4 == 0) sum = mix(sum, (u64)(i64)(dot(x, y, LEN) * 16.0f));
        /* Keeps the numbers small. */
        if (i % 16 == 15) {
            f32 length = dot(y, y, LEN);
            if (length > 1e6f) {
                for (usize j = 0; j < LEN; j++) x[j] *= 0.5f, y[j] *= 0.5f;
            }
        }
    }
    return (i64)sum;
}
