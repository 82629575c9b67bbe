/* The spectral norm of an infinite matrix, cut to n by n and computed by the power method:
 * integer to float conversions, divisions, calls in the inner loop. */
#include "rt.h"

static NOINLINE f64 entry(i32 i, i32 j) { return 1.0 / (f64)((i + j) * (i + j + 1) / 2 + i + 1); }

static void times(i32 n, const f64 *v, f64 *out, int transposed) {
    for (i32 i = 0; i < n; i++) {
        f64 sum = 0;
        for (i32 j = 0; j < n; j++) sum += (transposed ? entry(j, i) : entry(i, j)) * v[j];
        out[i] = sum;
    }
}

EXPORT("run") i64 run(i32 n) {
    heap_reset();
    usize len = (usize)n * sizeof(f64);
    f64 *u = heap_alloc(len), *v = heap_alloc(len), *t = heap_alloc(len);
    for (i32 i = 0; i < n; i++) u[i] = 1.0;
    for (int round = 0; round < 4; round++) {
        times(n, u, t, 0);
        times(n, t, v, 1);
        times(n, v, t, 0);
        times(n, t, u, 1);
    }
    f64 uv = 0, vv = 0;
    for (i32 i = 0; i < n; i++) {
        uv += u[i] * v[i];
        vv += v[i] * v[i];
    }
    return (i64)(__builtin_sqrt(uv / vv) * 1e12);
}
