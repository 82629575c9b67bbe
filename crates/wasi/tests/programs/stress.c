/* Works qsort and malloc hard, and checks what they did. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 88172645463325252u;

static uint32_t random32(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static int by_value(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

struct record {
    double key;
    char name[20];
    uint16_t odd;
};

static int by_record(const void *a, const void *b) {
    const struct record *x = a, *y = b;
    int names = strcmp(x->name, y->name);
    return names ? names : (x->key > y->key) - (x->key < y->key);
}

static void sort(size_t count, int shape) {
    int32_t *values = malloc(count * sizeof *values);
    uint64_t before = 0, after = 0, order = 0;
    for (size_t i = 0; i < count; i++) {
        switch (shape) {
        case 0: values[i] = (int32_t)random32(); break;
        case 1: values[i] = (int32_t)i; break;
        case 2: values[i] = (int32_t)(count - i); break;
        case 3: values[i] = (int32_t)(random32() % 5); break;
        default: values[i] = (int32_t)(i < count / 2 ? i : count - i); break;
        }
        before += (uint32_t)values[i];
    }
    qsort(values, count, sizeof *values, by_value);
    int sorted = 1;
    for (size_t i = 0; i < count; i++) {
        after += (uint32_t)values[i];
        order = order * 1000003 + (uint32_t)values[i];
        sorted &= i == 0 || values[i - 1] <= values[i];
    }
    printf("sort %6zu shape %d: %s, sum %s, %016llx\n", count, shape,
           sorted ? "sorted" : "NOT SORTED", before == after ? "kept" : "CHANGED",
           (unsigned long long)order);
    free(values);
}

static void sort_records(size_t count) {
    struct record *records = calloc(count, sizeof *records);
    for (size_t i = 0; i < count; i++) {
        records[i].key = (double)(random32() % 1000) / 7;
        snprintf(records[i].name, sizeof records[i].name, "name-%u", (unsigned)(random32() % 50));
        records[i].odd = (uint16_t)random32();
    }
    qsort(records, count, sizeof *records, by_record);
    for (size_t i = 0; i < count; i += count / 5)
        printf("record %5zu: %-9s %10.4f %5u\n", i, records[i].name, records[i].key, records[i].odd);
    free(records);
}

enum { SLOTS = 2048 };

static void allocate(int rounds) {
    static unsigned char *blocks[SLOTS];
    static size_t sizes[SLOTS];
    size_t live = 0, most = 0;
    unsigned damaged = 0, refused = 0;
    for (int round = 0; round < rounds; round++) {
        size_t at = random32() % SLOTS;
        if (blocks[at]) {
            for (size_t i = 0; i < sizes[at]; i += 61)
                damaged += blocks[at][i] != (unsigned char)(at + sizes[at]);
        }
        if (blocks[at] && random32() % 3) {
            live -= sizes[at];
            free(blocks[at]);
            blocks[at] = NULL;
            continue;
        }
        size_t size = random32() % 8 ? random32() % 300 : random32() % 20000;
        unsigned char *block = realloc(blocks[at], size + 1);
        if (!block) {
            refused++;
            continue;
        }
        live += size - (blocks[at] ? sizes[at] : 0);
        blocks[at] = block;
        sizes[at] = size;
        memset(block, (int)(at + size), size);
        if (live > most)
            most = live;
    }
    for (size_t at = 0; at < SLOTS; at++)
        free(blocks[at]);
    printf("allocations: at most %zu bytes, %u damaged, %u refused\n", most, damaged, refused);
}

int main(void) {
    for (int shape = 0; shape < 5; shape++) {
        sort(1, shape);
        sort(1000, shape);
        sort(50000, shape);
    }
    sort_records(10000);
    allocate(200000);
    void *huge = malloc((size_t)1 << 31);
    printf("2 GiB: %s\n", huge ? "granted" : "refused");
    free(huge);
    return 0;
}
