/* Counts the primes below n with the sieve of Eratosthenes: byte stores at a stride, then a
 * sequential scan of byte loads. */
#include "rt.h"

EXPORT("run") i64 run(i32 n) {
    heap_reset();
    u8 *composite = heap_alloc_zeroed((usize)n);
    for (i32 p = 2; (i64)p * p < n; p++) {
        if (composite[p]) continue;
        for (i32 m = p * p; m < n; m += p) composite[m] = 1;
    }
    i64 count = 0, sum = 0;
    for (i32 p = 2; p < n; p++) {
        if (!composite[p]) {
            count++;
            sum += p;
        }
    }
    return sum * 1000003 + count;
}
