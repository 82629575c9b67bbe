/* Counts the iterations of n by n points of the Mandelbrot set, up to 100 each, four at once. */
#include "vectors.h"

static u32x4 iterate(f32x4 cx, f32 y) {
    f32x4 cy = splat_f32(y), zx = {0}, zy = {0};
    u32x4 count = {0};
    for (int i = 0; i < 100; i++) {
        f32x4 xx = zx * zx, yy = zy * zy;
        u32x4 inside = (u32x4)(xx + yy <= splat_f32(4.0f));
        if (!any((u8x16)inside)) break;
        /* A set lane is -1. */
        count -= inside;
        zy = zx * zy;
        zy = zy + zy + cy;
        zx = xx - yy + cx;
    }
    return count;
}

EXPORT("run") i64 run(i32 n) {
    u64 sum = 0;
    f32 step = 3.0f / (f32)n;
    for (i32 row = 0; row < n; row++) {
        f32 y = (f32)row * step - 1.5f;
        for (i32 column = 0; column < n; column += 4) {
            f32 x = (f32)column * step - 2.0f;
            u32x4 count = iterate((f32x4){x, x + step, x + 2 * step, x + 3 * step}, y);
            sum = mix(sum, (u64)(count[0] + 128 * count[1]) << 32 | (count[2] + 128 * count[3]));
        }
    }
    return (i64)sum;
}
