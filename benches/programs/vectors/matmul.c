/* Multiplies two n by n matrices of f32: blocks of four rows by four columns, whose sums stay in
 * registers. n is a multiple of 4. */
#include "vectors.h"

static f32 *matrix(i32 n, u64 seed) {
    f32 *m = heap_alloc((usize)n * (usize)n * sizeof(f32));
    for (i32 i = 0; i < n * n; i++) m[i] = (f32)random_below(&seed, 2001) / 1000.0f - 1.0f;
    return m;
}

EXPORT("run") i64 run(i32 n) {
    heap_reset();
    f32 *a = matrix(n, 11), *b = matrix(n, 23), *c = matrix(n, 1);
    for (i32 i = 0; i < n; i += 4) {
        const f32 *r0 = a + i * n, *r1 = r0 + n, *r2 = r1 + n, *r3 = r2 + n;
        for (i32 j = 0; j < n; j += 4) {
            f32x4 s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
            for (i32 k = 0; k < n; k++) {
                f32x4 row = *(any_f32x4 *)(b + k * n + j);
                s0 += splat_f32(r0[k]) * row;
                s1 += splat_f32(r1[k]) * row;
                s2 += splat_f32(r2[k]) * row;
                s3 += splat_f32(r3[k]) * row;
            }
            *(any_f32x4 *)(c + i * n + j) = s0;
            *(any_f32x4 *)(c + (i + 1) * n + j) = s1;
            *(any_f32x4 *)(c + (i + 2) * n + j) = s2;
            *(any_f32x4 *)(c + (i + 3) * n + j) = s3;
        }
    }
    u64 sum = 0;
    for (i32 i = 0; i < n * n; i++) sum = mix(sum, (u64)(i64)(c[i] * 1e6f));
    return (i64)sum;
}
