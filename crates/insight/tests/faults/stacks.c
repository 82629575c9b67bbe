/* Faults of the stack in linear memory. It is compiled twice: with the data below the stack, so that
 * a stack that is too small overwrites it, and with the stack first, so that it ends at address 0. */
#include <alloca.h>
#include "faults.h"

static int recurse(int n) {
    volatile char frame[1024];
    frame[n % 1024] = (char)n; SYNC(); // ERROR stack-overflow
    if (n == 0) return frame[0];
    int r = recurse(n - 1);
    return r + frame[n % 1024];
}

CASE(deep_recursion) {
    int n = fixed ? 10 : 200;
    KEEP(n);
    n = recurse(n);
    KEEP(n);
}

/* Not inlined and not known, so that the caller has to move its stack pointer. */
__attribute__((noinline)) static void fill(char *p, int n) {
    KEEP(p);
    p[0] = (char)n; SYNC(); // ERROR stack-overflow
    KEEP(p);
}

CASE(large_array) {
    int n = fixed ? 1000 : 67200;
    KEEP(n);
    char a[n];
    fill(a, n);
}

__attribute__((noinline)) static void put(char *p, int n) {
    KEEP(p);
    p[1] = (char)n; SYNC(); // ERROR stack-overflow
    KEEP(p);
}

CASE(large_alloca) {
    int n = fixed ? 1000 : 67200;
    KEEP(n);
    char *a = alloca(n);
    put(a, n);
}

__attribute__((noinline)) static void sink(int *p) { KEEP(p); }

__attribute__((noinline)) static void large(void) {
    int a[16800];
    int *p = a;
    KEEP(p);
    *p = 1; SYNC(); // ERROR stack-overflow
    KEEP(p);
    sink(p);
}

__attribute__((noinline)) static void small(void) {
    int a[168];
    int *p = a;
    KEEP(p);
    *p = 1; SYNC();
    KEEP(p);
    sink(p);
}

CASE(large_frame) {
    if (fixed) small();
    else large();
}

static int even(int n);

__attribute__((noinline)) static int odd(int n) {
    char frame[512], *p = frame;
    KEEP(p);
    p[0] = (char)n; SYNC(); // ERROR stack-overflow
    int r = n == 0 ? 0 : even(n - 1);
    KEEP(p);
    return r + p[0];
}

__attribute__((noinline)) static int even(int n) {
    int r = n == 0 ? 1 : odd(n - 1);
    KEEP(r);
    return r;
}

CASE(functions_that_call_each_other) {
    int n = fixed ? 10 : 400;
    KEEP(n);
    n = odd(n);
    KEEP(n);
}
