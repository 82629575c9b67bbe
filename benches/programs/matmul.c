/* Multiplies two n by n matrices of f64, row by column, against a transposed copy. */
#include "rt.h"

static f64 *matrix(i32 n) { return heap_alloc((usize)n * (usize)n * sizeof(f64)); }

static void fill(f64 *m, i32 n, u64 seed) {
    for (i32 i = 0; i < n * n; i++) m[i] = (f64)random_below(&seed, 2001) / 1000.0 - 1.0;
}

EXPORT("run") i64 run(i32 n) {
    heap_reset();
    f64 *a = matrix(n), *b = matrix(n), *t = matrix(n), *c = matrix(n);
    fill(a, n, 11);
    fill(b, n, 23);
    for (i32 i = 0; i < n; i++) {
        for (i32 j = 0; j < n; j++) t[j * n + i] = b[i * n + j];
    }
    for (i32 i = 0; i < n; i++) {
        for (i32 j = 0; j < n; j++) {
            f64 sum = 0;
            for (i32 k = 0; k < n; k++) sum += a[i * n + k] * t[j * n + k];
            c[i * n + j] = sum;
        }
    }
    f64 trace = 0, total = 0;
    for (i32 i = 0; i < n; i++) {
        trace += c[i * n + i];
        for (i32 j = 0; j < n; j++) total += c[i * n + j] * (f64)((i ^ j) & 15);
    }
    return (i64)(trace * 1e6) * 31 + (i64)(total * 1e6);
}
