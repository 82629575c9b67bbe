/* A correct program that uses what a C library offers for memory, strings, streams and sorting.
 * It prints a line a part, and nothing in it is a fault. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <search.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <wchar.h>

static unsigned state = 12345;

static unsigned next(void) {
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static void strings(void) {
    /* Blocks that end exactly where the string does, at every alignment: `strlen` and its like
     * read whole words. */
    unsigned total = 0;
    for (size_t n = 1; n < 70; n++) {
        char *a = malloc(n), *b = malloc(n);
        memset(a, 'a', n);
        a[n - 1] = 0;
        strcpy(b, a);
        total += (unsigned)strlen(a) + (unsigned)strnlen(a, n);
        total += strcmp(a, b) == 0;
        total += strncmp(a, b, n) == 0;
        total += strchr(a, 'z') == NULL;
        total += strrchr(a, 'z') == NULL;
        total += memchr(a, 'z', n) == NULL;
        total += strstr(a, "zz") == NULL;
        total += strpbrk(a, "xyz") == NULL;
        total += (unsigned)strspn(a, "a") + (unsigned)strcspn(a, "q");
        total += memcmp(a, b, n) == 0;
        total += strcasecmp(a, b) == 0;
        char *c = strdup(a), *d = strndup(a, n / 2);
        total += (unsigned)strlen(c) + (unsigned)strlen(d);
        memmove(a, a + 1, n - 1);
        free(d); free(c); free(b); free(a);
    }
    char text[] = "one,two;three four";
    for (char *w = strtok(text, ",; "); w; w = strtok(NULL, ",; ")) total += (unsigned)strlen(w);
    char *rest, more[] = "a:b:c";
    for (char *w = strtok_r(more, ":", &rest); w; w = strtok_r(NULL, ":", &rest)) total += (unsigned char)*w;
    printf("strings %u\n", total);
}

static int ascending(const void *a, const void *b) {
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

struct record { char name[24]; int key; double weight; };

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct record *)a)->name, ((const struct record *)b)->name);
}

static void sorting(void) {
    int n = 1000, *v = malloc((size_t)n * sizeof *v);
    for (int i = 0; i < n; i++) v[i] = (int)(next() % 5000);
    qsort(v, (size_t)n, sizeof *v, ascending);
    int key = v[500], *found = bsearch(&key, v, (size_t)n, sizeof *v, ascending);
    struct record *r = calloc(200, sizeof *r);
    for (int i = 0; i < 200; i++) {
        snprintf(r[i].name, sizeof r[i].name, "record %u", next() % 1000);
        r[i].key = i;
        r[i].weight = i / 3.0;
    }
    qsort(r, 200, sizeof *r, by_name);
    printf("sorting %d %d\n", found != NULL && *found == key, strcmp(r[0].name, r[199].name) < 0);
    free(r);
    free(v);
}

static void growth(void) {
    size_t capacity = 1, used = 0;
    int *v = malloc(sizeof *v);
    for (int i = 0; i < 20000; i++) {
        if (used == capacity) v = realloc(v, (capacity += capacity / 2 + 1) * sizeof *v);
        v[used++] = i;
    }
    v = realloc(v, used * sizeof *v);
    long sum = 0;
    for (size_t i = 0; i < used; i++) sum += v[i];
    v = realloc(v, 10 * sizeof *v);
    char *nothing = realloc(NULL, 10);
    strcpy(nothing, "nine char");
    printf("growth %ld %d %s\n", sum, v[9], nothing);
    free(nothing);
    free(v);
    free(NULL);
}

static void alignment(void) {
    int good = 0;
    for (size_t align = 16; align <= 4096; align *= 2) {
        void *p = NULL;
        if (posix_memalign(&p, align, align / 2 + 3) == 0) {
            memset(p, 1, align / 2 + 3);
            good += (uintptr_t)p % align == 0;
            free(p);
        }
        char *q = aligned_alloc(align, align * 2);
        if (q) {
            q[0] = q[align * 2 - 1] = 1;
            good += (uintptr_t)q % align == 0;
            free(q);
        }
    }
    printf("alignment %d\n", good);
}

static void streams(void) {
    char buffer[200], word[20];
    int number;
    double real;
    FILE *f = fmemopen(buffer, sizeof buffer, "w+");
    fprintf(f, "%d %s %g %x\n", 42, "word", 2.5, 255u);
    rewind(f);
    int n = fscanf(f, "%d %19s %lf", &number, word, &real);
    fclose(f);
    char *grown = NULL;
    size_t length = 0;
    FILE *m = open_memstream(&grown, &length);
    for (int i = 0; i < 300; i++) fprintf(m, "%d,", i);
    fclose(m);
    printf("streams %d %d %s %g %zu\n", n, number, word, real, length);
    free(grown);
    setvbuf(stdout, NULL, _IOFBF, 300);
    for (int i = 0; i < 40; i++) printf("%d%c", i, i == 39 ? '\n' : ' ');
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {}
    free(line);
    fputs("formats ", stdout);
    printf("%5.2f|%-8s|%08d|%+d|%lld|%p|%%|%c\n", 3.14159, "left", 77, 5, 1234567890123LL, (void *)0, 'x');
}

static int sum_of(int n, ...) {
    va_list args;
    int sum = 0;
    va_start(args, n);
    while (n-- > 0) sum += va_arg(args, int);
    va_end(args);
    return sum;
}

struct tree { struct tree *left, *right; int key; };

static struct tree *insert(struct tree *t, int key) {
    if (!t) {
        t = malloc(sizeof *t);
        *t = (struct tree){NULL, NULL, key};
    } else if (key < t->key) t->left = insert(t->left, key);
    else t->right = insert(t->right, key);
    return t;
}

static int drop(struct tree *t) {
    if (!t) return 0;
    int n = 1 + drop(t->left) + drop(t->right);
    free(t);
    return n;
}

static int same(const void *a, const void *b) { return strcmp(a, b); }
static void release(void *node) { (void)node; }

static void structures(void) {
    struct tree *t = NULL;
    for (int i = 0; i < 500; i++) t = insert(t, (int)(next() % 10000));
    void *root = NULL;
    static char keys[50][8];
    for (int i = 0; i < 50; i++) {
        snprintf(keys[i], sizeof keys[i], "%u", next() % 100);
        tsearch(keys[i], &root, same);
    }
    int found = tfind(keys[7], &root, same) != NULL;
    tdestroy(root, release);
    hcreate(40);
    for (int i = 0; i < 20; i++) hsearch((ENTRY){keys[i], &keys[i]}, ENTER);
    found += hsearch((ENTRY){keys[3], NULL}, FIND) != NULL;
    hdestroy();
    printf("structures %d %d %d\n", drop(t), found, sum_of(4, 1, 2, 3, 4));
}

static void wide(void) {
    wchar_t *w = malloc(20 * sizeof *w);
    char back[40];
    mbstowcs(w, "wide text", 20);
    wcscat(w, L"!");
    wcstombs(back, w, sizeof back);
    printf("wide %s %zu\n", back, wcslen(w));
    free(w);
}

static void numbers(void) {
    char *end;
    long a = strtol("  123abc", &end, 10);
    double d = strtod("2.5e3x", &end);
    time_t t = 86400;
    struct tm tm;
    char date[30];
    gmtime_r(&t, &tm);
    strftime(date, sizeof date, "%Y-%m-%d", &tm);
    printf("numbers %ld %g %s %s %d %.3f\n", a, d, end, date, toupper('q'), sqrt(2.0));
    setenv("LINEAL_TEST", "a value", 1);
    printf("environment %s %s\n", getenv("LINEAL_TEST"), strerror(ENOENT));
    unsetenv("LINEAL_TEST");
}

static void churn(void) {
    enum { COUNT = 300 };
    static unsigned char *blocks[COUNT];
    static size_t sizes[COUNT];
    unsigned check = 0;
    for (int round = 0; round < 20000; round++) {
        unsigned i = next() % COUNT;
        if (blocks[i]) {
            for (size_t k = 0; k < sizes[i]; k += 7) check += blocks[i][k];
            if (next() % 4 == 0) {
                sizes[i] = next() % 2000;
                unsigned char *p = realloc(blocks[i], sizes[i] ? sizes[i] : 1);
                blocks[i] = p;
                if (sizes[i]) memset(p, (int)i, sizes[i]);
            } else {
                free(blocks[i]);
                blocks[i] = NULL;
            }
        } else {
            sizes[i] = next() % 500;
            blocks[i] = next() % 2 ? malloc(sizes[i]) : calloc(1, sizes[i]);
            if (sizes[i]) memset(blocks[i], (int)(i + 1), sizes[i]);
        }
    }
    for (int i = 0; i < COUNT; i++) free(blocks[i]);
    printf("churn %u\n", check % 1000 < 1000);
}

int main(void) {
    strings();
    sorting();
    growth();
    alignment();
    streams();
    structures();
    wide();
    numbers();
    churn();
    return 0;
}
