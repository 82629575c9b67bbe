/* Accesses just before and just after a heap block, by every width. */
#include "faults.h"

#define WRITE_AFTER(name, type)                                                       \
    CASE(name) { type *p = malloc(4 * sizeof(type)); KEEP(p); p[fixed ? 3 : 4] = 1; KEEP(p); free(p); }
#define WRITE_BEFORE(name, type)                                                      \
    CASE(name) { char *q = malloc(4); type *p = malloc(4 * sizeof(type)); KEEP(q); KEEP(p); p[fixed ? 0 : -1] = 1; KEEP(p); free(p); free(q); }
#define READ_AFTER(name, type)                                                        \
    CASE(name) { type *p = calloc(4, sizeof(type)); KEEP(p); volatile type v = p[fixed ? 3 : 4]; (void)v; free(p); }
#define READ_BEFORE(name, type)                                                       \
    CASE(name) { char *q = malloc(4); type *p = calloc(4, sizeof(type)); KEEP(q); KEEP(p); volatile type v = p[fixed ? 0 : -1]; (void)v; free(p); free(q); }

WRITE_AFTER(write_after_i8, int8_t)       // ERROR invalid-write 1
WRITE_AFTER(write_after_i16, int16_t)     // ERROR invalid-write 2
WRITE_AFTER(write_after_i32, int32_t)     // ERROR invalid-write 4
WRITE_AFTER(write_after_i64, int64_t)     // ERROR invalid-write 8
WRITE_AFTER(write_after_f32, float)       // ERROR invalid-write 4
WRITE_AFTER(write_after_f64, double)      // ERROR invalid-write 8
WRITE_BEFORE(write_before_i8, int8_t)     // ERROR invalid-write 1
WRITE_BEFORE(write_before_i16, int16_t)   // ERROR invalid-write 2
WRITE_BEFORE(write_before_i32, int32_t)   // ERROR invalid-write 4
WRITE_BEFORE(write_before_i64, int64_t)   // ERROR invalid-write 8
WRITE_BEFORE(write_before_f32, float)     // ERROR invalid-write 4
WRITE_BEFORE(write_before_f64, double)    // ERROR invalid-write 8
READ_AFTER(read_after_i8, int8_t)         // ERROR invalid-read 1
READ_AFTER(read_after_u8, uint8_t)        // ERROR invalid-read 1
READ_AFTER(read_after_i16, int16_t)       // ERROR invalid-read 2
READ_AFTER(read_after_u16, uint16_t)      // ERROR invalid-read 2
READ_AFTER(read_after_i32, int32_t)       // ERROR invalid-read 4
READ_AFTER(read_after_i64, int64_t)       // ERROR invalid-read 8
READ_AFTER(read_after_f32, float)         // ERROR invalid-read 4
READ_AFTER(read_after_f64, double)        // ERROR invalid-read 8
READ_BEFORE(read_before_i8, int8_t)       // ERROR invalid-read 1
READ_BEFORE(read_before_u16, uint16_t)    // ERROR invalid-read 2
READ_BEFORE(read_before_i32, int32_t)     // ERROR invalid-read 4
READ_BEFORE(read_before_i64, int64_t)     // ERROR invalid-read 8
READ_BEFORE(read_before_f32, float)       // ERROR invalid-read 4
READ_BEFORE(read_before_f64, double)      // ERROR invalid-read 8

/* An odd size: the last access begins inside and ends outside. */
CASE(write_across_the_end) {
    char *p = malloc(fixed ? 16 : 13);
    KEEP(p);
    *(int32_t *)(p + 12) = 7; SYNC(); // ERROR invalid-write 4
    free(p);
}

CASE(read_across_the_end) {
    char *p = calloc(1, fixed ? 24 : 18);
    KEEP(p);
    volatile int64_t v = *(int64_t *)(p + (fixed ? 16 : 12)); SYNC(); // ERROR invalid-read 8
    (void)v;
    free(p);
}

CASE(write_unaligned_across_the_end) {
    char *p = malloc(10);
    int32_t v = 7;
    KEEP(p);
    memcpy(p + (fixed ? 6 : 7), &v, sizeof v); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(write_to_an_empty_block) {
    char *p = malloc(fixed ? 1 : 0);
    KEEP(p);
    if (p) *p = 1; SYNC(); // ERROR invalid-write 1
    free(p);
}

CASE(write_far_after) {
    char *p = malloc(8), *q = malloc(1024);
    KEEP(p); KEEP(q);
    p[fixed ? 0 : 600 - 592 + 2] = 1; SYNC(); // ERROR invalid-write 1
    free(q); free(p);
}

CASE(write_between_neighbours) {
    int *p = malloc(12), *q = malloc(12);
    KEEP(p); KEEP(q);
    p[fixed ? 2 : 3] = 1; SYNC(); // ERROR invalid-write 4
    q[0] = 2;
    free(q); free(p);
}

CASE(write_in_a_loop) {
    int i, *p = malloc(10 * sizeof *p);
    KEEP(p);
    for (i = 0; i <= (fixed ? 9 : 10); i++) {
        p[i] = i; SYNC(); // ERROR invalid-write 4
    }
    free(p);
}

CASE(read_in_a_loop) {
    int i, sum = 0, *p = calloc(10, sizeof *p);
    KEEP(p);
    for (i = fixed ? 0 : -1; i < 10; i++) {
        sum += p[i]; SYNC(); // ERROR invalid-read 4
    }
    KEEP(sum);
    free(p);
}

CASE(write_backwards_in_a_loop) {
    char *p = malloc(20), *q;
    KEEP(p);
    for (q = p + 19; q >= p - (fixed ? 0 : 1); q--) {
        *q = 'x'; SYNC(); // ERROR invalid-write 1
    }
    free(p);
}

CASE(matrix_row_too_far) {
    int rows = 3, columns = 5, r, c;
    int *m = malloc((size_t)(rows * columns) * sizeof *m);
    KEEP(m);
    for (r = 0; r < rows + (fixed ? 0 : 1); r++)
        for (c = 0; c < columns; c++)
            m[r * columns + c] = r + c; SYNC(); // ERROR invalid-write 4
    free(m);
}

CASE(array_of_pointers) {
    int i;
    char **lines = malloc(4 * sizeof *lines);
    KEEP(lines);
    for (i = 0; i < 4; i++) lines[i] = NULL;
    if (!fixed) lines[4] = NULL; SYNC(); // ERROR invalid-write 4
    free(lines);
}
