/* Sorts n records with a generic sort that takes an element size and a comparator, as C's own
 * `qsort` does: an indirect call per comparison, bytewise swaps. */
#include "rt.h"

typedef int Compare(const void *, const void *);

typedef struct {
    u32 key;
    u32 serial;
    f64 weight;
} Record;

static NOINLINE void swap(u8 *x, u8 *y, usize size) {
    for (; size >= 8; size -= 8, x += 8, y += 8) {
        u64 t = *(u64 *)x;
        *(u64 *)x = *(u64 *)y;
        *(u64 *)y = t;
    }
}

static NOINLINE void sort(void *base, usize count, usize size, Compare *compare) {
    u8 *a = base;
    while (count > 1) {
        swap(a, a + (count / 2) * size, size);
        usize boundary = 0;
        for (usize i = 1; i < count; i++) {
            if (compare(a + i * size, a) < 0) {
                boundary++;
                swap(a + boundary * size, a + i * size, size);
            }
        }
        swap(a, a + boundary * size, size);
        usize left = boundary, right = count - boundary - 1;
        if (left < right) {
            sort(a, left, size, compare);
            a += (boundary + 1) * size;
            count = right;
        } else {
            sort(a + (boundary + 1) * size, right, size, compare);
            count = left;
        }
    }
}

static int by_key(const void *a, const void *b) {
    const Record *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->serial < y->serial ? -1 : x->serial > y->serial;
}

static int by_weight(const void *a, const void *b) {
    const Record *x = a, *y = b;
    if (x->weight < y->weight) return -1;
    if (x->weight > y->weight) return 1;
    return by_key(a, b);
}

static Compare *const orders[] = {by_key, by_weight};

EXPORT("run") i64 run(i32 n) {
    heap_reset();
    Record *a = heap_alloc((usize)n * sizeof *a);
    u64 seed = 0x853C49E6748FEA9Bull, sum = 0;
    for (i32 i = 0; i < n; i++) {
        a[i].key = (u32)random_next(&seed) & 0xFFFFF;
        a[i].serial = (u32)i;
        a[i].weight = (f64)random_below(&seed, 1000) / 8.0;
    }
    for (usize order = 0; order < COUNT_OF(orders); order++) {
        sort(a, (usize)n, sizeof *a, orders[order]);
        for (i32 i = 0; i < n; i++) {
            if (i > 0 && orders[order](&a[i - 1], &a[i]) >= 0) return -1;
            sum = mix(sum, a[i].serial);
        }
    }
    return (i64)sum;
}
