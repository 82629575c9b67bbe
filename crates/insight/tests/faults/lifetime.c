/* Uses after free, and frees of what is not a block. */
#include "faults.h"

#define USE_AFTER_FREE(name, type)                                                    \
    CASE(name) { type *p = calloc(8, sizeof *p); KEEP(p); type *q = p; KEEP(q); if (!fixed) free(p); q[2] = 3; KEEP(q); if (fixed) free(p); }
#define READ_AFTER_FREE(name, type)                                                   \
    CASE(name) { type *p = calloc(8, sizeof *p); KEEP(p); type *q = p; KEEP(q); if (!fixed) free(p); volatile type v = q[2]; (void)v; if (fixed) free(p); }

USE_AFTER_FREE(write_freed_i8, int8_t)    // ERROR use-after-free 1
USE_AFTER_FREE(write_freed_i16, int16_t)  // ERROR use-after-free 2
USE_AFTER_FREE(write_freed_i32, int32_t)  // ERROR use-after-free 4
USE_AFTER_FREE(write_freed_i64, int64_t)  // ERROR use-after-free 8
USE_AFTER_FREE(write_freed_f32, float)    // ERROR use-after-free 4
USE_AFTER_FREE(write_freed_f64, double)   // ERROR use-after-free 8
READ_AFTER_FREE(read_freed_i8, int8_t)    // ERROR use-after-free 1
READ_AFTER_FREE(read_freed_i16, int16_t)  // ERROR use-after-free 2
READ_AFTER_FREE(read_freed_i32, int32_t)  // ERROR use-after-free 4
READ_AFTER_FREE(read_freed_i64, int64_t)  // ERROR use-after-free 8
READ_AFTER_FREE(read_freed_f32, float)    // ERROR use-after-free 4
READ_AFTER_FREE(read_freed_f64, double)   // ERROR use-after-free 8

struct node {
    int value;
    struct node *next;
};

static struct node *push(struct node *next, int value) {
    struct node *n = malloc(sizeof *n);
    n->value = value;
    n->next = next;
    return n;
}

CASE(list_next_of_freed) {
    struct node *list = push(push(push(NULL, 1), 2), 3);
    while (list) {
        struct node *next = list->next;
        KEEP(next);
        free(list);
        if (fixed) list = next;
        else list = list->next; // ERROR use-after-free 4
    }
}

CASE(freed_in_another_function) {
    struct node *n = push(NULL, 5);
    struct node *alias = n;
    KEEP(alias);
    if (!fixed) free(n);
    alias->value++; SYNC(); // ERROR use-after-free 4
    if (fixed) free(n);
}

static char *keep_in_global;

CASE(global_to_freed) {
    keep_in_global = malloc(32);
    strcpy(keep_in_global, "hello");
    if (!fixed) free(keep_in_global);
    keep_in_global[1] = 'a'; SYNC(); // ERROR use-after-free 1
    if (fixed) free(keep_in_global);
    keep_in_global = NULL;
}

CASE(old_pointer_after_realloc) {
    char *p = malloc(24), *old = p;
    char *wall = malloc(24);
    KEEP(old); KEEP(wall);
    p = realloc(p, 4000);
    KEEP(p);
    if (fixed) old = p;
    old[3] = 'x'; SYNC(); // ERROR use-after-free 1
    free(wall);
    free(p);
}

CASE(old_pointer_after_shrinking) {
    char *p = malloc(400);
    KEEP(p);
    p = realloc(p, 20);
    KEEP(p);
    p[fixed ? 19 : 20] = 'x'; SYNC(); // ERROR invalid-write 1
    free(p);
}

CASE(end_after_growing) {
    int *p = malloc(4 * sizeof *p);
    KEEP(p);
    p = realloc(p, 6 * sizeof *p);
    KEEP(p);
    p[fixed ? 5 : 6] = 1; SYNC(); // ERROR invalid-write 4
    free(p);
}

CASE(realloc_to_nothing) {
    char *p = malloc(16), *q = p;
    KEEP(q);
    if (!fixed) p = realloc(p, 0);
    q[0] = 1; SYNC(); // ERROR invalid-write 1
    free(p);
}

CASE(double_free) {
    char *p = malloc(40), *q = p;
    KEEP(q);
    free(p);
    if (!fixed) free(q); // ERROR double-free
}

CASE(double_free_with_another_between) {
    char *p = malloc(40), *q = malloc(40), *r = p;
    KEEP(r);
    free(p);
    free(q);
    if (!fixed) free(r); // ERROR double-free
}

CASE(free_inside_a_block) {
    char *p = malloc(40), *q = p + 8;
    KEEP(q);
    free(fixed ? p : q); SYNC(); // ERROR invalid-free
}

CASE(free_at_the_end_of_a_block) {
    char *p = malloc(16), *q = p + 16;
    KEEP(q);
    free(fixed ? p : q); SYNC(); // ERROR invalid-free
}

CASE(free_of_the_stack) {
    char local[32], *q = local;
    KEEP(q);
    q[0] = 1;
    if (!fixed) free(q); // ERROR invalid-free
}

static char in_data[32] = "data";

CASE(free_of_data) {
    char *q = in_data + 8;
    KEEP(q);
    if (!fixed) free(q); // ERROR invalid-free
}

CASE(free_of_a_literal) {
    const char *q = "a string literal that nobody allocated";
    KEEP(q);
    if (!fixed) free((char *)q); // ERROR invalid-free
}

CASE(free_of_a_number) {
    char *q = (char *)0x7ff0;
    KEEP(q);
    if (!fixed) free(q); // ERROR invalid-free
}

CASE(free_of_null) { /* allowed */
    char *p = malloc(8), *q = NULL;
    KEEP(p); KEEP(q);
    free(q);
    if (!fixed) p[8] = 1; SYNC(); // ERROR invalid-write 1
    free(p);
}

CASE(realloc_of_freed) {
    char *p = malloc(40), *q = p;
    KEEP(q);
    if (!fixed) free(p);
    q = realloc(q, 80); KEEP(q); // ERROR double-free
    if (fixed) free(q);
}

CASE(realloc_inside_a_block) {
    char *p = malloc(40), *q = p + 16;
    KEEP(q);
    q = realloc(fixed ? p : q, 80); KEEP(q); // ERROR invalid-free
    if (fixed) free(q);
}

CASE(absurd_size) {
    int n = fixed ? 5 : -5;
    KEEP(n);
    char *p = malloc((size_t)n); SYNC(); // ERROR fishy-size
    KEEP(p);
    free(p);
}

CASE(absurd_count) {
    int n = fixed ? 5 : -1;
    KEEP(n);
    char *p = calloc((size_t)n, 1); SYNC(); // ERROR fishy-size
    KEEP(p);
    free(p);
}

CASE(absurd_realloc) {
    int n = fixed ? 50 : -100;
    char *p = malloc(10);
    KEEP(n); KEEP(p);
    char *q = realloc(p, (size_t)n); SYNC(); // ERROR fishy-size
    free(q ? q : p);
}

static void finish(int *p) {
    KEEP(p);
    if (!fixed) free(p);
}

static void use(int *p) {
    p[0] = 7; SYNC(); // ERROR use-after-free 4
}

CASE(freed_by_a_callee) {
    int *p = malloc(4 * sizeof *p);
    KEEP(p);
    finish(p);
    use(p);
    if (fixed) free(p);
}
