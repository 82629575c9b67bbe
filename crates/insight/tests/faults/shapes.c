/* Faults through structures, callbacks, unions and several functions. */
#include "faults.h"

struct point { int x, y, z; };
struct wide { char tag; double value; short tail; };

CASE(last_field) {
    struct point *p = malloc(fixed ? sizeof *p : sizeof *p - 4);
    KEEP(p);
    p->x = 1;
    p->z = 3; SYNC(); // ERROR invalid-write 4
    free(p);
}

CASE(size_of_the_pointer) {
    struct wide *p = malloc(fixed ? sizeof *p : sizeof p);
    KEEP(p);
    p->value = 1.5; SYNC(); // ERROR invalid-write 8
    free(p);
}

CASE(short_tail) {
    struct wide *p = calloc(1, fixed ? sizeof *p : 16);
    KEEP(p);
    p->tail = 5; SYNC(); // ERROR invalid-write 2
    free(p);
}

CASE(array_of_structs) {
    struct point *p = malloc(3 * sizeof *p);
    KEEP(p);
    p[fixed ? 2 : 3].y = 1; SYNC(); // ERROR invalid-write 4
    free(p);
}

CASE(copy_of_a_struct) {
    struct point *p = malloc(2 * sizeof *p), *q = calloc(1, sizeof *q);
    KEEP(p); KEEP(q);
    p[fixed ? 1 : 2] = *q; SYNC(); // ERROR invalid-write
    free(q); free(p);
}

CASE(read_of_a_struct) {
    struct point *p = calloc(2, sizeof *p), here;
    KEEP(p);
    here = p[fixed ? 1 : 2]; SYNC(); // ERROR invalid-read
    KEEP(here.x);
    free(p);
}

struct flexible { int n; int items[]; };

CASE(flexible_array) {
    struct flexible *p = malloc(sizeof *p + 3 * sizeof(int));
    KEEP(p);
    p->n = 3;
    p->items[fixed ? 2 : 3] = 1; SYNC(); // ERROR invalid-write 4
    free(p);
}

CASE(bit_fields) {
    struct bits { unsigned a : 3, b : 7; } *p = malloc(2 * sizeof *p);
    KEEP(p);
    p[0].a = 1;
    p[fixed ? 1 : 2].b = 5; SYNC(); // ERROR invalid-read // ALSO invalid-write
    free(p);
}

union number { double d; int32_t i[2]; };

CASE(union_member) {
    union number *p = malloc(fixed ? 8 : 4);
    KEEP(p);
    p->d = 1; SYNC(); // ERROR invalid-write 8
    free(p);
}

static void each(int *p, int n, void (*f)(int *)) {
    for (int i = 0; i < n; i++) f(p + i);
}

static void clear_one(int *p) {
    *p = 0; SYNC(); // ERROR invalid-write 4
}

CASE(through_a_callback) {
    int *p = malloc(5 * sizeof *p);
    KEEP(p);
    each(p, fixed ? 5 : 6, clear_one);
    free(p);
}

struct buffer { char *bytes; size_t len, capacity; };

static void append(struct buffer *b, char c) {
    if (b->len + (fixed ? 1 : 0) > b->capacity) {
        b->capacity *= 2;
        b->bytes = realloc(b->bytes, b->capacity);
    }
    b->bytes[b->len++] = c; SYNC(); // ERROR invalid-write 1
}

CASE(growing_buffer) {
    struct buffer b = {malloc(8), 0, 8};
    for (int i = 0; i < 9; i++) append(&b, 'a');
    free(b.bytes);
}

struct queue { int head, size, *ring; };

static void enqueue(struct queue *q, int v) {
    q->ring[q->head] = v; SYNC(); // ERROR invalid-write 4
    q->head++;
    if (q->head == q->size + (fixed ? 0 : 1)) q->head = 0;
}

CASE(ring_of_a_queue) {
    struct queue q = {0, 4, malloc(4 * sizeof(int))};
    KEEP(q.ring);
    for (int i = 0; i < 6; i++) enqueue(&q, i);
    free(q.ring);
}

struct tree { struct tree *left, *right; int key; };

static struct tree *insert(struct tree *t, int key) {
    if (!t) {
        t = malloc(fixed ? sizeof *t : 8);
        t->left = t->right = NULL;
        t->key = key; SYNC(); // ERROR invalid-write 4 // ALSO invalid-read
    } else if (key < t->key) t->left = insert(t->left, key);
    else t->right = insert(t->right, key);
    return t;
}

static void drop(struct tree *t) {
    if (t) { drop(t->left); drop(t->right); free(t); }
}

CASE(tree_node_too_small) {
    struct tree *t = NULL;
    static const int keys[] = {5, 3, 8};
    for (int i = 0; i < 3; i++) t = insert(t, keys[i]);
    drop(t);
}

struct hash { int n; unsigned *slots; };

static void mark(struct hash *h, unsigned key) {
    unsigned i = key % (unsigned)(h->n + (fixed ? 0 : 1));
    h->slots[i] = key; SYNC(); // ERROR invalid-write 4
}

CASE(hash_table_modulo) {
    struct hash h = {7, calloc(7, sizeof(unsigned))};
    KEEP(h.slots);
    for (unsigned k = 0; k < 30; k++) mark(&h, k);
    free(h.slots);
}

static int depth(int n, int *counts) {
    counts[n] += 1; SYNC(); // ERROR invalid-read 4 // ALSO invalid-write
    return n == 0 ? 0 : 1 + depth(n - 1, counts);
}

CASE(recursion) {
    int n = fixed ? 4 : 5, *counts = calloc(5, sizeof *counts);
    KEEP(n); KEEP(counts);
    n = depth(n, counts);
    KEEP(n);
    free(counts);
}

static int *first_of(int **rows) { return rows[0]; }

CASE(two_levels) {
    int **rows = malloc(2 * sizeof *rows);
    rows[0] = malloc(3 * sizeof **rows);
    rows[1] = malloc(3 * sizeof **rows);
    KEEP(rows);
    first_of(rows)[fixed ? 2 : 3] = 9; SYNC(); // ERROR invalid-write 4
    free(rows[1]); free(rows[0]); free(rows);
}

CASE(wrong_element_type) {
    short *p = malloc(6 * sizeof *p);
    KEEP(p);
    int *q = (int *)p;
    KEEP(q);
    q[fixed ? 2 : 3] = 1; SYNC(); // ERROR invalid-write 4
    free(p);
}

CASE(aligned_block) {
    void *raw = NULL;
    if (posix_memalign(&raw, 64, 100)) return;
    char *p = raw;
    KEEP(p);
    p[fixed ? 99 : 100] = 1; SYNC(); // ERROR invalid-write 1
    free(p);
}

CASE(aligned_alloc_before) {
    char *p = aligned_alloc(32, 64);
    KEEP(p);
    p[fixed ? 0 : -1] = 1; SYNC(); // ERROR invalid-write 1
    free(p);
}

CASE(freed_aligned_block) {
    char *p = aligned_alloc(32, 64), *q = p;
    KEEP(q);
    if (!fixed) free(p);
    q[5] = 1; SYNC(); // ERROR use-after-free 1
    if (fixed) free(p);
}

CASE(large_block) {
    char *p = malloc(300000);
    KEEP(p);
    p[fixed ? 299999 : 300000] = 1; SYNC(); // ERROR invalid-write 1
    free(p);
}

CASE(many_blocks) {
    char *blocks[200];
    for (int i = 0; i < 200; i++) blocks[i] = malloc((size_t)i + 1);
    char *p = blocks[77];
    KEEP(p);
    p[fixed ? 77 : 78] = 1; SYNC(); // ERROR invalid-write 1
    for (int i = 0; i < 200; i++) free(blocks[i]);
}

CASE(reused_block_end) {
    for (int i = 0; i < 50; i++) {
        char *p = malloc(20);
        KEEP(p);
        p[19] = (char)i;
        if (i == 49 && !fixed) p[20] = 1; SYNC(); // ERROR invalid-write 1
        free(p);
    }
}

CASE(calloc_product) {
    short *p = calloc(fixed ? 10 : 5, sizeof *p);
    KEEP(p);
    p[9] = 3; SYNC(); // ERROR invalid-write 2
    free(p);
}

CASE(number_of_twice_the_size) {
    int *p = calloc(fixed ? 2 : 1, sizeof *p);
    KEEP(p);
    volatile double number = *(double *)p; SYNC(); // ERROR invalid-read 8
    (void)number;
    free(p);
}

CASE(copy_from_before_the_block) {
    char *before = malloc(12), *p = malloc(100), *to = malloc(100);
    KEEP(before); KEEP(p); KEEP(to);
    memset(p, 'A', 100);
    memcpy(to, fixed ? p : p - 8, 100); SYNC(); // ERROR invalid-read 8
    free(to); free(p); free(before);
}

/* Found with a redzone only: the byte is in the next block otherwise. */
CASE(far_beyond_the_end) {
    char *p = calloc(4, 3), *q = calloc(4, 3);
    KEEP(p); KEEP(q);
    p[fixed ? 11 : 24] = 1; SYNC();
    free(q); free(p);
}

/* Found with a quarantine only: the block is given out again otherwise. */
CASE(long_after_it_was_freed) {
    char *p = malloc(40);
    KEEP(p);
    free(p);
    char *q = malloc(40);
    KEEP(q);
    if (fixed) p = q;
    p[3] = 1; SYNC();
    free(q);
}
