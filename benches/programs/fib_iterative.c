/* Fibonacci numbers modulo 2^64 by iteration, n rounds of 80 steps: 64-bit adds in locals. */
#include "rt.h"

EXPORT("run") i64 run(i32 n) {
    u64 sum = 0;
    for (i32 round = 0; round < n; round++) {
        u64 a = (u64)round & 1, b = 1;
        for (i32 i = 0; i < 80; i++) {
            u64 next = a + b;
            a = b;
            b = next;
        }
        sum = sum * 3 + a;
    }
    return (i64)sum;
}
