/* Faults inside functions of the C library, reported with the line of the caller. */
#include "faults.h"

CASE(strcpy_too_long) {
    char *p = malloc(fixed ? 12 : 11);
    const char *from = "hello world";
    KEEP(p); KEEP(from);
    strcpy(p, from); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(strcat_too_long) {
    char *p = malloc(fixed ? 11 : 10);
    const char *from = "fghij";
    KEEP(p); KEEP(from);
    strcpy(p, "abcde");
    strcat(p, from); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(strncpy_too_long) {
    char *p = malloc(16);
    const char *from = "short";
    KEEP(p); KEEP(from);
    strncpy(p, from, fixed ? 16 : 18); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(sprintf_too_long) {
    char *p = malloc(fixed ? 20 : 8);
    KEEP(p);
    sprintf(p, "%d-%d", 12345, 678); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(snprintf_with_wrong_size) {
    char *p = malloc(10);
    KEEP(p);
    snprintf(p, fixed ? 10 : 30, "%s", "a longer string"); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(memset_too_long) {
    size_t n = fixed ? 30 : 31;
    char *p = malloc(30);
    KEEP(p); KEEP(n);
    memset(p, 0, n); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(memcpy_writes_too_far) {
    size_t n = fixed ? 30 : 40;
    char *p = malloc(30), *q = calloc(1, 64);
    KEEP(p); KEEP(q); KEEP(n);
    memcpy(p, q, n); SYNC(); // ERROR invalid-write
    free(q); free(p);
}

CASE(memcpy_reads_too_far) {
    size_t n = fixed ? 30 : 40;
    char *p = malloc(64), *q = calloc(1, 30);
    KEEP(p); KEEP(q); KEEP(n);
    memcpy(p, q, n); SYNC(); // ERROR invalid-read
    free(q); free(p);
}

CASE(memmove_too_far) {
    size_t n = fixed ? 28 : 32;
    char *p = calloc(1, 32);
    KEEP(p); KEEP(n);
    memmove(p + 4, p, n); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(memcpy_overlaps) {
    size_t by = fixed ? 20 : 5, n = 20;
    char *p = calloc(1, 64);
    KEEP(p); KEEP(by); KEEP(n);
    memcpy(p + by, p, n); SYNC(); // ERROR overlap
    free(p);
}

CASE(strcpy_into_freed) {
    char *p = malloc(32), *q = p;
    const char *from = "text";
    KEEP(q); KEEP(from);
    if (!fixed) free(p);
    strcpy(q, from); SYNC(); // ERROR use-after-free
    if (fixed) free(p);
}

CASE(strlen_without_an_end) {
    size_t n;
    char *p = malloc(8);
    KEEP(p);
    memset(p, 'a', 8);
    if (fixed) p[7] = 0;
    n = strlen(p); SYNC(); // ERROR invalid-read
    KEEP(n);
    free(p);
}

CASE(strlen_of_freed) {
    size_t n;
    char *p = malloc(16), *q = p;
    KEEP(q);
    strcpy(p, "text");
    if (!fixed) free(p);
    n = strlen(q); SYNC(); // ERROR use-after-free
    KEEP(n);
    if (fixed) free(p);
}

CASE(strdup_end) {
    const char *from = "seven..";
    KEEP(from);
    char *p = strdup(from);
    KEEP(p);
    p[fixed ? 7 : 8] = 0; SYNC(); // ERROR invalid-write 1
    free(p);
}

CASE(strcmp_without_an_end) {
    int r;
    char *p = malloc(4), *q = calloc(1, 8);
    KEEP(p); KEEP(q);
    memcpy(p, "abcd", 4);
    memcpy(q, "abcde", 6);
    if (fixed) p[3] = 0;
    r = strcmp(p, q); SYNC(); // ERROR invalid-read
    KEEP(r);
    free(q); free(p);
}

CASE(forgotten_terminator) {
    const char *from = "twelve chars";
    KEEP(from);
    char *p = malloc(strlen(from) + (fixed ? 1 : 0));
    size_t i = 0;
    KEEP(p);
    do {
        p[i] = from[i]; SYNC(); // ERROR invalid-write 1
    } while (from[i++]);
    free(p);
}

static int compare(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

CASE(qsort_too_many) {
    int i, *p = malloc(8 * sizeof *p);
    KEEP(p);
    for (i = 0; i < 8; i++) p[i] = 8 - i;
    qsort(p, fixed ? 8 : 9, sizeof *p, compare); SYNC(); // ERROR invalid-read // ALSO invalid-write
    free(p);
}

CASE(fgets_too_long) {
    FILE *in = fmemopen((void *)"a line of text", 14, "r");
    char *p = malloc(8);
    KEEP(p);
    fgets(p, fixed ? 8 : 15, in); SYNC(); // ERROR invalid-write
    fclose(in);
    free(p);
}

CASE(fread_too_long) {
    FILE *in = fmemopen((void *)"some bytes to read", 18, "r");
    char *p = malloc(8);
    KEEP(p);
    size_t n = fread(p, 1, fixed ? 8 : 12, in); SYNC(); // ERROR invalid-write
    KEEP(n);
    fclose(in);
    free(p);
}

CASE(write_reads_too_far) {
    char *p = calloc(1, 8);
    KEEP(p);
    fwrite(p, 1, fixed ? 8 : 10, stdout); SYNC(); // ERROR invalid-read
    fflush(stdout);
    free(p);
}

CASE(strtok_of_freed) {
    char *p = malloc(32), *word;
    strcpy(p, "one two three");
    KEEP(p);
    word = strtok(p, " ");
    KEEP(word);
    if (!fixed) free(p);
    word = strtok(NULL, " "); SYNC(); // ERROR use-after-free
    KEEP(word);
    if (fixed) free(p);
}

CASE(sscanf_too_long) {
    char *p = malloc(fixed ? 16 : 4);
    KEEP(p);
    sscanf("longword", "%s", p); SYNC(); // ERROR invalid-write
    free(p);
}

CASE(bulk_fill_too_long) {
    size_t n = fixed ? 100 : 101;
    char *p = malloc(100);
    KEEP(p); KEEP(n);
    for (size_t i = 0; i < n; i++) p[i] = 5; SYNC(); // ERROR invalid-write
    free(p);
}
