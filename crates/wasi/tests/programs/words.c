/* Counts lines, words and bytes of a file and its most frequent words: `words FILE [COUNT]`. */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct word {
    char *text;
    unsigned count;
};

static struct word *table;
static size_t capacity, used;

static uint32_t hash(const char *text) {
    uint32_t h = 2166136261u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

static struct word *find(struct word *words, size_t size, const char *text) {
    size_t at = hash(text) & (size - 1);
    while (words[at].text && strcmp(words[at].text, text) != 0)
        at = (at + 1) & (size - 1);
    return &words[at];
}

static void count(const char *text) {
    if (used * 4 >= capacity * 3) {
        size_t size = capacity ? capacity * 2 : 16;
        struct word *words = calloc(size, sizeof *words);
        for (size_t i = 0; i < capacity; i++)
            if (table[i].text)
                *find(words, size, table[i].text) = table[i];
        free(table);
        table = words;
        capacity = size;
    }
    struct word *word = find(table, capacity, text);
    if (!word->text) {
        word->text = strdup(text);
        used++;
    }
    word->count++;
}

static int by_count(const void *a, const void *b) {
    const struct word *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(x->text, y->text);
}

int main(int argc, char **argv) {
    FILE *file = argc > 1 ? fopen(argv[1], "r") : stdin;
    if (!file) {
        perror(argv[1]);
        return 1;
    }
    unsigned long lines = 0, words = 0, bytes = 0, longest = 0, length = 0;
    char text[64];
    for (int c; (c = getc(file)) != EOF;) {
        bytes++;
        lines += c == '\n';
        if (isalpha(c)) {
            if (length < sizeof text - 1)
                text[length] = (char)tolower(c);
            length++;
            continue;
        }
        if (length > 0) {
            text[length < sizeof text - 1 ? length : sizeof text - 1] = 0;
            count(text);
            words++;
            if (length > longest)
                longest = length;
            length = 0;
        }
    }
    printf("%lu lines, %lu words, %lu bytes; %zu different words, the longest of %lu letters\n",
           lines, words, bytes, used, longest);

    size_t kept = 0;
    for (size_t i = 0; i < capacity; i++)
        if (table[i].text)
            table[kept++] = table[i];
    qsort(table, kept, sizeof *table, by_count);
    size_t shown = argc > 2 ? (size_t)atoi(argv[2]) : 10;
    for (size_t i = 0; i < kept && i < shown; i++)
        printf("%8u %s\n", table[i].count, table[i].text);
    return 0;
}
