/* The four kernels of the STREAM benchmark (copy, scale, add, triad) over three arrays of
 * 256 Ki f64, n times: memory bandwidth with one or two arithmetic operations per element. */
#include "rt.h"

#define LEN (256 * 1024)

static f64 a[LEN], b[LEN], c[LEN];

static NOINLINE void copy(void) {
    for (i32 i = 0; i < LEN; i++) c[i] = a[i];
}

static NOINLINE void scale(f64 k) {
    for (i32 i = 0; i < LEN; i++) b[i] = k * c[i];
}

static NOINLINE void add(void) {
    for (i32 i = 0; i < LEN; i++) c[i] = a[i] + b[i];
}

static NOINLINE void triad(f64 k) {
    for (i32 i = 0; i < LEN; i++) a[i] = b[i] + k * c[i];
}

EXPORT("run") i64 run(i32 n) {
    for (i32 i = 0; i < LEN; i++) {
        a[i] = 1.0 + (i & 7);
        b[i] = 2.0;
        c[i] = 0.0;
    }
    for (i32 round = 0; round < n; round++) {
        copy();
        scale(0.25);
        add();
        triad(0.5);
    }
    f64 sum = 0;
    for (i32 i = 0; i < LEN; i++) sum += a[i] + b[i] + c[i];
    return (i64)(sum * 1e3);
}
