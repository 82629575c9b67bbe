/* Faults by way of library functions, sizes that wrap around, vectors, and what outlives its owner. */
#define _GNU_SOURCE
#include "faults.h"

#include <errno.h>
#include <search.h>
#include <stdarg.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>
#include <wasm_simd128.h>

static int compare_ints(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

CASE(stpcpy_too_long) {
    char *p = malloc(fixed ? 8 : 7);
    KEEP(p);
    stpcpy(p, "1234567"); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(strncat_counts_without_the_terminator) {
    char *p = calloc(1, 8);
    KEEP(p);
    strcpy(p, "123");
    strncat(p, "456789", fixed ? 4 : 5); SYNC(); // ERROR invalid-write 1
    free(p);
}

CASE(memccpy_finds_nothing) {
    char *p = malloc(8), *q = malloc(16);
    KEEP(p); KEEP(q);
    memset(q, 'x', 16);
    memccpy(p, q, 'y', fixed ? 8 : 16); SYNC(); // ERROR invalid-write
    free(p); free(q);
}

static int format(char *to, size_t size, const char *how, ...) {
    va_list list;
    va_start(list, how);
    int length = vsnprintf(to, size, how, list);
    va_end(list);
    return length;
}

CASE(vsnprintf_in_a_wrapper) {
    char *p = malloc(10);
    KEEP(p);
    format(p, fixed ? 10 : 20, "%s-%d", "abcdef", 123456); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(wcscpy_in_bytes) {
    wchar_t *p = malloc(fixed ? 6 * sizeof *p : 6);
    KEEP(p);
    wcscpy(p, L"wide!"); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(wmemset_counts_bytes) {
    wchar_t *p = malloc(5 * sizeof *p);
    KEEP(p);
    wmemset(p, L'x', fixed ? 5 : 5 * sizeof *p); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(swprintf_counts_bytes) {
    wchar_t *p = malloc(4 * sizeof *p);
    KEEP(p);
    swprintf(p, fixed ? 4 : 4 * sizeof *p, L"%ls", fixed ? L"abc" : L"abcdefgh"); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(mbstowcs_too_long) {
    wchar_t *p = malloc(4 * sizeof *p);
    KEEP(p);
    mbstowcs(p, "abcdefg", fixed ? 4 : 8); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(getentropy_too_long) {
    char *p = malloc(16);
    KEEP(p);
    getentropy(p, fixed ? 16 : 20); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(writev_reads_too_far) {
    char *p = malloc(16);
    KEEP(p);
    memset(p, '\n', 16);
    struct iovec parts[2] = {{p, 8}, {p + 8, fixed ? 8 : 9}};
    writev(2, parts, 2); SYNC(); // ERROR invalid-read
    free(p);
}

CASE(write_of_freed) {
    char *p = malloc(16);
    KEEP(p);
    memset(p, '\n', 16);
    if (!fixed) free(p);
    KEEP(p);
    write(2, p, 16); SYNC(); // ERROR use-after-free
    if (fixed) free(p);
}

CASE(strftime_with_the_wrong_size) {
    char *p = malloc(10);
    KEEP(p);
    time_t zero = 0;
    strftime(p, fixed ? 10 : 40, fixed ? "%H:%M" : "%Y-%m-%d %H:%M:%S", gmtime(&zero)); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(asctime_needs_26) {
    char *p = malloc(fixed ? 26 : 20);
    KEEP(p);
    time_t zero = 0;
    asctime_r(gmtime(&zero), p); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(getcwd_into_less) {
    char *p = malloc(fixed ? 64 : 1);
    KEEP(p);
    getcwd(p, 64); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(bsearch_too_many) {
    int *p = malloc(8 * sizeof *p), key = 100;
    KEEP(p);
    for (int i = 0; i < 8; i++) p[i] = i;
    void *found = bsearch(&key, p, fixed ? 8 : 12, sizeof *p, compare_ints); // ERROR invalid-read
    KEEP(found);
    free(p);
}

CASE(qsort_of_a_wider_element) {
    short *p = malloc(8 * sizeof *p);
    KEEP(p);
    for (int i = 0; i < 8; i++) p[i] = 8 - i;
    qsort(p, fixed ? 4 : 8, sizeof(int), compare_ints); SYNC(); // ERROR invalid-read // ALSO invalid-write
    free(p);
}

CASE(lfind_too_many) {
    int *p = calloc(4, sizeof *p), key = -12345;
    size_t count = fixed ? 4 : 6;
    KEEP(p); KEEP(count);
    void *found = lfind(&key, p, &count, sizeof *p, compare_ints); // ERROR invalid-read
    KEEP(found);
    free(p);
}

CASE(memchr_too_far) {
    char *p = calloc(1, 12);
    KEEP(p);
    void *found = memchr(p, 'x', fixed ? 12 : 40); // ERROR invalid-read
    KEEP(found);
    free(p);
}

CASE(memcmp_too_far) {
    char *p = calloc(1, 12), *q = calloc(1, 24);
    KEEP(p); KEEP(q);
    volatile int order = memcmp(p, q, fixed ? 12 : 24); // ERROR invalid-read
    (void)order;
    free(p); free(q);
}

CASE(product_that_wraps_around) {
    volatile uint32_t count = fixed ? 3 : 0x40000001;
    uint32_t *p = malloc(count * sizeof *p);
    KEEP(p);
    p[2] = 7; SYNC(); // ERROR invalid-write 4
    free(p);
}

CASE(index_that_wraps_around) {
    unsigned char *p = malloc(256);
    KEEP(p);
    unsigned char i = 0;
    KEEP(i);
    int at = fixed ? (unsigned char)(i - 1) : (signed char)(i - 1);
    KEEP(at);
    p[at] = 1; SYNC(); // ERROR invalid-write 1
    free(p);
}

CASE(length_below_zero) {
    char *p = malloc(8);
    KEEP(p);
    int length = fixed ? 0 : -1;
    KEEP(length);
    p[length] = 0; SYNC(); // ERROR invalid-write 1
    free(p);
}

__attribute__((noinline, target("simd128"))) static void store_vector(uint8_t *p) {
    wasm_v128_store(p, wasm_i8x16_splat(3)); SYNC(); // ERROR invalid-write 16
}

CASE(vector_of_16_over_the_end) {
    uint8_t *p = malloc(fixed ? 32 : 24);
    KEEP(p);
    *(volatile uint64_t *)(p + 16) = 0;
    store_vector(p + 16);
    free(p);
}

__attribute__((noinline, target("simd128"))) static uint32_t sum(const uint32_t *p, size_t count) {
    v128_t total = wasm_i32x4_splat(0);
    for (size_t i = 0; i < count; i += 4) total = wasm_i32x4_add(total, wasm_v128_load(p + i)); // ERROR invalid-read 16
    return wasm_i32x4_extract_lane(total, 0) + wasm_i32x4_extract_lane(total, 1);
}

CASE(vectors_a_round_too_many) {
    uint32_t *p = calloc(8, sizeof *p);
    KEEP(p);
    volatile uint32_t total = sum(p, fixed ? 8 : 12);
    (void)total;
    free(p);
}

struct handler { void (*run)(void); int calls; };
static void nothing(void) {}

CASE(function_pointer_in_freed) {
    struct handler *p = malloc(sizeof *p);
    KEEP(p);
    p->run = nothing;
    SYNC();
    if (!fixed) free(p);
    KEEP(p);
    p->run(); // ERROR use-after-free 4
    if (fixed) free(p);
}

struct parent { struct child *child; };
struct child { int value; };

CASE(parent_freed_first) {
    struct parent *p = malloc(sizeof *p);
    KEEP(p);
    p->child = malloc(sizeof *p->child);
    struct child *child = p->child;
    if (!fixed) free(p);
    KEEP(p);
    struct child *mine = p->child; SYNC(); // ERROR use-after-free 4
    KEEP(mine);
    free(child);
    if (fixed) free(p);
}

CASE(two_owners) {
    struct parent *a = malloc(sizeof *a), *b = malloc(sizeof *b);
    KEEP(a); KEEP(b);
    a->child = b->child = malloc(sizeof *a->child);
    free(a->child);
    if (!fixed) free(b->child); // ERROR double-free
    free(a); free(b);
}

static int *current;
static void visit(int value) {
    if (value == 3) {
        int *bigger = malloc(100 * sizeof *bigger);
        memcpy(bigger, current, 4 * sizeof *bigger);
        free(current);
        current = bigger;
    }
}

CASE(array_that_a_callback_replaces) {
    current = malloc(4 * sizeof *current);
    for (int i = 0; i < 4; i++) current[i] = i + 1;
    int *stale = current;
    void (*volatile callback)(int) = visit;
    for (int i = 0; i < 4; i++) {
        KEEP(stale);
        int value = fixed ? current[i] : stale[i]; // ERROR use-after-free 4
        callback(value);
    }
    free(current);
}

CASE(list_without_its_middle) {
    struct node { struct node *next, *prev; int value; } *nodes[3];
    for (int i = 0; i < 3; i++) nodes[i] = calloc(1, sizeof *nodes[i]);
    nodes[0]->next = nodes[1]; nodes[1]->next = nodes[2];
    nodes[1]->prev = nodes[0]; nodes[2]->prev = nodes[1];
    SYNC();
    if (fixed) { nodes[0]->next = nodes[2]; nodes[2]->prev = nodes[0]; }
    free(nodes[1]);
    SYNC();
    nodes[2]->prev->next = NULL; SYNC(); // ERROR use-after-free 4
    free(nodes[0]); free(nodes[2]);
}

CASE(stream_buffer_freed_too_early) {
    char *buffer = malloc(64);
    KEEP(buffer);
    setvbuf(stdout, buffer, _IOFBF, 64);
    fputs("text\n", stdout);
    if (!fixed) free(buffer);
    fflush(stdout); // ERROR use-after-free
    if (fixed) fclose(stdout);
    if (fixed) free(buffer);
}

CASE(stream_used_after_its_end) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    fputs("abc", file);
    if (fixed) fputc('d', file);
    fclose(file);
    KEEP(file);
    if (!fixed) { volatile int end = feof(file); (void)end; } // ERROR use-after-free
    free(text);
}

CASE(asprintf_freed_twice) {
    char *text = NULL;
    asprintf(&text, "%d", 12345);
    KEEP(text);
    free(text);
    if (!fixed) free(text); // ERROR double-free
}

CASE(realloc_that_fails) {
    char *p = malloc(40); // LEAK definite
    KEEP(p);
    char *q = realloc(p, 0x7fffffff);
    KEEP(q);
    if (fixed) free(p);
    p = q;
    KEEP(p);
    free(p);
}

CASE(tree_lost_with_its_root) {
    struct tree { struct tree *left, *right; } *root = calloc(1, sizeof *root); // LEAK definite // ALSO leak-indirect
    root->left = calloc(1, sizeof *root);
    root->right = calloc(1, sizeof *root);
    KEEP(root);
    if (fixed) { free(root->left); free(root->right); free(root); }
    root = NULL;
    KEEP(root);
}

CASE(aligned_block_over_the_end) {
    void *p = NULL;
    posix_memalign(&p, 64, 100);
    KEEP(p);
    memset(p, 0, fixed ? 100 : 104); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(reallocarray_counts_elements) {
    int *p = reallocarray(NULL, 4, sizeof *p);
    KEEP(p);
    p = reallocarray(p, 8, fixed ? sizeof *p : 1);
    KEEP(p);
    p[7] = 1; SYNC(); // ERROR invalid-write 4
    free(p);
}

CASE(environment_into_less) {
    setenv("LONG_NAME", "a value of 22 letters.", 1);
    char *p = malloc(fixed ? 32 : 16);
    KEEP(p);
    strcpy(p, getenv("LONG_NAME")); SYNC(); // ERROR invalid-write
    free(p);
    unsetenv("LONG_NAME");
}
