/* Sorts n records several times, by merging: as an array and as a linked list, with an order that a
 * callback decides. */
#include "rt.h"

typedef struct Record {
    u32 id, age;
    f32 weight;
    char name[12];
    struct Record *next;
} Record;

typedef int (*Compare)(const void *a, const void *b, void *context);

/* Any elements, like `qsort`, but stable. `spare` has room for all of them. */
static void sort_array(u8 *items, usize count, usize width, u8 *spare, Compare compare, void *context) {
    if (count < 2) return;
    usize half = count / 2;
    sort_array(items, half, width, spare, compare, context);
    sort_array(items + half * width, count - half, width, spare, compare, context);
    memcpy(spare, items, half * width);
    u8 *a = spare, *a_end = spare + half * width;
    u8 *b = items + half * width, *b_end = items + count * width, *out = items;
    while (a < a_end && b < b_end) {
        u8 **lesser = compare(b, a, context) < 0 ? &b : &a;
        memcpy(out, *lesser, width);
        *lesser += width;
        out += width;
    }
    memcpy(out, a, (usize)(a_end - a));
}

static Record *merge_lists(Record *a, Record *b, Compare compare, void *context) {
    Record *first = NULL, **link = &first;
    while (a && b) {
        Record **lesser = compare(b, a, context) < 0 ? &b : &a;
        *link = *lesser;
        link = &(*link)->next;
        *lesser = (*lesser)->next;
    }
    *link = a ? a : b;
    return first;
}

/* From the bottom up: list i of `sorted` has 2 to the i elements, or is empty. */
static Record *sort_list(Record *list, Compare compare, void *context) {
    Record *sorted[32] = {NULL};
    while (list) {
        Record *one = list;
        list = list->next;
        one->next = NULL;
        int i = 0;
        for (; sorted[i]; i++) {
            one = merge_lists(sorted[i], one, compare, context);
            sorted[i] = NULL;
        }
        sorted[i] = one;
    }
    Record *all = NULL;
    for (int i = 0; i < 32; i++) all = merge_lists(sorted[i], all, compare, context);
    return all;
}

static int by_name(const void *a, const void *b, void *context) {
    ++*(u32 *)context;
    return strcmp(((const Record *)a)->name, ((const Record *)b)->name);
}

static int by_age_and_weight(const void *a, const void *b, void *context) {
    const Record *x = a, *y = b;
    ++*(u32 *)context;
    if (x->age != y->age) return x->age < y->age ? -1 : 1;
    return x->weight < y->weight ? -1 : x->weight > y->weight;
}

static int by_id(const void *a, const void *b, void *context) {
    u32 x = ((const Record *)a)->id, y = ((const Record *)b)->id;
    ++*(u32 *)context;
    return x < y ? -1 : x > y;
}

EXPORT("run") i64 run(i32 n) {
    static const Compare orders[] = {by_name, by_age_and_weight, by_id};
    heap_reset();
    u64 seed = 43, sum = 0;
    u32 comparisons = 0;
    Record *records = heap_alloc((usize)n * sizeof(Record)), *spare = heap_alloc((usize)n * sizeof(Record));
    for (i32 i = 0; i < n; i++) {
        Record *r = &records[i];
        r->id = (u32)random_next(&seed);
        r->age = random_below(&seed, 100);
        r->weight = (f32)random_below(&seed, 1000) / 8.0f;
        u32 len = 3 + random_below(&seed, 8);
        for (u32 k = 0; k < len; k++) r->name[k] = (char)('a' + random_below(&seed, 6));
        r->name[len] = 0;
        r->next = i + 1 < n ? r + 1 : NULL;
    }
    Record *list = records;
    for (usize i = 0; i < COUNT_OF(orders); i++) {
        list = sort_list(list, orders[i], &comparisons);
        for (Record *r = list; r; r = r->next) sum = mix(sum, r->id);
    }
    for (usize i = 0; i < COUNT_OF(orders); i++) {
        sort_array((u8 *)records, (usize)n, sizeof(Record), (u8 *)spare, orders[i], &comparisons);
        for (i32 k = 0; k < n; k++) sum = mix(sum, records[k].id);
    }
    return (i64)mix(sum, comparisons);
}
