/* Faults outside the heap: the null page, read-only data, the stack. */
#include "faults.h"

CASE(read_null) {
    int *p = NULL;
    KEEP(p);
    int here = 0;
    if (fixed) p = &here;
    volatile int v = *p; SYNC(); // ERROR null-page 4
    (void)v;
}

CASE(write_null) {
    int *p = NULL, here;
    KEEP(p);
    if (fixed) p = &here;
    *p = 5; SYNC(); // ERROR null-page 4
}

struct thing { int a[20]; int last; };

CASE(field_of_null) {
    struct thing *p = NULL, here = {{0}, 0};
    KEEP(p);
    if (fixed) p = &here;
    p->last = 5; SYNC(); // ERROR null-page 4
}

CASE(strcpy_to_null) {
    char here[8], *p = NULL;
    const char *from = "text";
    KEEP(p); KEEP(from);
    if (fixed) p = here;
    KEEP(p);
    strcpy(p, from); SYNC(); // ERROR null-page
}

static const int table[8] = {1, 2, 3, 4, 5, 6, 7, 8};

CASE(write_a_constant) {
    int copy[8];
    int *p = fixed ? copy : (int *)table;
    KEEP(p);
    p[2] = 0; SYNC(); // ERROR read-only-write 4
}

CASE(write_a_literal) {
    char copy[] = "constant text";
    char *p = fixed ? copy : (char *)"constant text";
    KEEP(p);
    p[0] = 'C'; SYNC(); // ERROR read-only-write 1
}

static const int squares[8] = {0, 1, 4, 9, 16, 25, 36, 49};

/* Read so often that it is not watched any more; that it changed is found at the end. */
CASE(write_a_constant_that_is_read_often) {
    int i, sum = 0;
    const volatile int *q = squares;
    KEEP(q);
    for (i = 0; i < 10000; i++) sum += q[i & 7];
    KEEP(sum);
    int copy[8], *p = fixed ? copy : (int *)q;
    KEEP(p);
    p[3] = 8; SYNC(); // ERROR read-only-write // NO LINE
}
