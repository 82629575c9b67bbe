/* Counts iterations of the Mandelbrot set over an n by n grid: a tight loop of f64 arithmetic
 * with an early exit. */
#include "rt.h"

#define MOST 120

EXPORT("run") i64 run(i32 n) {
    u64 sum = 0, inside = 0;
    for (i32 py = 0; py < n; py++) {
        f64 ci = 2.4 * py / n - 1.2;
        for (i32 px = 0; px < n; px++) {
            f64 cr = 3.0 * px / n - 2.1;
            f64 zr = 0, zi = 0, rr = 0, ii = 0;
            u32 steps = 0;
            while (steps < MOST && rr + ii <= 4.0) {
                zi = 2.0 * zr * zi + ci;
                zr = rr - ii + cr;
                rr = zr * zr;
                ii = zi * zi;
                steps++;
            }
            if (steps == MOST) inside++;
            sum = sum * 31 + steps;
        }
    }
    return (i64)mix(sum, inside);
}
