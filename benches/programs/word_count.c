/* Counts the words of n bytes of text in a hash map that grows: FNV hashing byte by byte, probing,
 * string comparison, allocation of each new key; then finds the most frequent ones. */
#include "rt.h"

typedef struct {
    char *word;
    u32 len, hash, count;
} Entry;

typedef struct {
    Entry *entries;
    u32 capacity, used;
} Map;

static void map_init(Map *map, u32 capacity) {
    map->entries = heap_alloc_zeroed(capacity * sizeof(Entry));
    map->capacity = capacity;
    map->used = 0;
}

static void map_grow(Map *map) {
    Map bigger;
    map_init(&bigger, map->capacity * 2);
    for (u32 i = 0; i < map->capacity; i++) {
        Entry *entry = &map->entries[i];
        if (!entry->word) continue;
        u32 at = entry->hash & (bigger.capacity - 1);
        while (bigger.entries[at].word) at = (at + 1) & (bigger.capacity - 1);
        bigger.entries[at] = *entry;
    }
    bigger.used = map->used;
    heap_free(map->entries);
    *map = bigger;
}

static Entry *map_entry(Map *map, const char *word, u32 len) {
    u32 hash = 2166136261u;
    for (u32 i = 0; i < len; i++) hash = (hash ^ (u8)word[i]) * 16777619u;
    u32 at = hash & (map->capacity - 1);
    for (;;) {
        Entry *entry = &map->entries[at];
        if (!entry->word) break;
        if (entry->hash == hash && entry->len == len && memcmp(entry->word, word, len) == 0) {
            return entry;
        }
        at = (at + 1) & (map->capacity - 1);
    }
    if (map->used * 4 >= map->capacity * 3) {
        map_grow(map);
        return map_entry(map, word, len);
    }
    Entry *entry = &map->entries[at];
    entry->word = heap_alloc(len + 1);
    memcpy(entry->word, word, len);
    entry->word[len] = 0;
    entry->len = len;
    entry->hash = hash;
    map->used++;
    return entry;
}

/* Words of one to four syllables; the number of a word is skewed towards small ones. */
static void make_text(char *out, u32 len) {
    static const char *const syllables[] = {"ba", "ke", "li", "mon", "ru", "sta", "ti", "ver",
                                            "do", "en", "fi", "gar", "hu", "ja", "ol", "pre"};
    u64 seed = 0xDEADBEEF;
    u32 at = 0;
    while (at < len) {
        u32 a = random_below(&seed, 256), b = random_below(&seed, 256);
        u32 number = (a * b) >> random_below(&seed, 9);
        do {
            const char *s = syllables[number & 15];
            while (*s && at < len) out[at++] = *s++;
            number >>= 4;
        } while (number);
        if (at < len) out[at++] = random_below(&seed, 12) ? ' ' : '\n';
    }
}

static int is_letter(char c) { return c >= 'a' && c <= 'z'; }

EXPORT("run") i64 run(i32 n) {
    heap_reset();
    u32 len = (u32)n, words = 0;
    char *text = heap_alloc(len);
    make_text(text, len);
    Map map;
    map_init(&map, 64);
    for (u32 at = 0; at < len;) {
        while (at < len && !is_letter(text[at])) at++;
        u32 start = at;
        while (at < len && is_letter(text[at])) at++;
        if (at > start) {
            map_entry(&map, text + start, at - start)->count++;
            words++;
        }
    }
    u64 sum = mix(words, map.used);
    for (int rank = 0; rank < 10; rank++) {
        Entry *best = NULL;
        for (u32 i = 0; i < map.capacity; i++) {
            Entry *entry = &map.entries[i];
            if (!entry->word || entry->count == 0) continue;
            if (!best || entry->count > best->count ||
                (entry->count == best->count && strcmp(entry->word, best->word) < 0)) {
                best = entry;
            }
        }
        if (!best) break;
        sum = mix(mix(sum, best->count), best->hash);
        best->count = 0;
    }
    return (i64)sum;
}
