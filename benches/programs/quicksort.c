/* Sorts n random i32 with a quicksort (median of three, insertion sort for short runs): loads,
 * compares and swaps with unpredictable branches, and recursion. */
#include "rt.h"

static void insertion_sort(i32 *a, i32 len) {
    for (i32 i = 1; i < len; i++) {
        i32 value = a[i], j = i;
        for (; j > 0 && a[j - 1] > value; j--) a[j] = a[j - 1];
        a[j] = value;
    }
}

static inline void swap(i32 *x, i32 *y) {
    i32 t = *x;
    *x = *y;
    *y = t;
}

static void sort(i32 *a, i32 len) {
    while (len > 12) {
        i32 mid = len / 2, last = len - 1;
        if (a[mid] < a[0]) swap(&a[mid], &a[0]);
        if (a[last] < a[0]) swap(&a[last], &a[0]);
        if (a[last] < a[mid]) swap(&a[last], &a[mid]);
        i32 pivot = a[mid], i = 0, j = last;
        while (i <= j) {
            while (a[i] < pivot) i++;
            while (a[j] > pivot) j--;
            if (i <= j) swap(&a[i++], &a[j--]);
        }
        /* Recurse into the shorter side, loop on the other. */
        if (j + 1 < len - i) {
            sort(a, j + 1);
            a += i;
            len -= i;
        } else {
            sort(a + i, len - i);
            len = j + 1;
        }
    }
    insertion_sort(a, len);
}

EXPORT("run") i64 run(i32 n) {
    heap_reset();
    i32 *a = heap_alloc((usize)n * sizeof *a);
    u64 seed = 88172645463325252ull, before = 0, after = 0;
    for (i32 i = 0; i < n; i++) {
        a[i] = (i32)random_next(&seed);
        before += (u32)a[i];
    }
    sort(a, n);
    for (i32 i = 0; i < n; i++) {
        if (i > 0 && a[i - 1] > a[i]) return -1;
        after += (u32)a[i];
    }
    if (before != after) return -2;
    return (i64)mix(mix(after, (u32)a[n / 3]), (u32)a[n / 2]);
}
