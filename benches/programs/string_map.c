/* A hash map from strings to numbers with open addressing, in which an entry that is far from home
 * displaces one that is near: n rounds of insertions, look-ups, removals and growth. */
#include "rt.h"

typedef struct {
    char *key; /* NULL if the place is free */
    u32 len, hash;
    u64 value;
} Entry;

typedef struct {
    Entry *entries;
    u32 mask, count;
} Map;

static u32 hash_of(const char *key, u32 len) {
    u32 hash = 2166136261u;
    for (u32 i = 0; i < len; i++) hash = (hash ^ (u8)key[i]) * 16777619u;
    return hash ^ hash >> 15;
}

static u32 distance(const Map *map, u32 place, u32 hash) { return (place - hash) & map->mask; }

static void place_entry(Map *map, Entry entry) {
    u32 at = entry.hash & map->mask;
    for (u32 far = 0; map->entries[at].key; at = (at + 1) & map->mask, far++) {
        u32 its = distance(map, at, map->entries[at].hash);
        if (its < far) {
            Entry displaced = map->entries[at];
            map->entries[at] = entry;
            entry = displaced;
            far = its;
        }
    }
    map->entries[at] = entry;
}

static void grow(Map *map) {
    Map old = *map;
    u32 room = old.entries ? 2 * (old.mask + 1) : 8;
    map->mask = room - 1;
    map->entries = heap_alloc_zeroed(room * sizeof(Entry));
    if (!old.entries) return;
    for (u32 i = 0; i <= old.mask; i++) {
        if (old.entries[i].key) place_entry(map, old.entries[i]);
    }
    heap_free(old.entries);
}

static Entry *find(const Map *map, const char *key, u32 len) {
    u32 hash = hash_of(key, len), at = hash & map->mask;
    for (u32 far = 0;; at = (at + 1) & map->mask, far++) {
        Entry *entry = &map->entries[at];
        if (!entry->key || distance(map, at, entry->hash) < far) return NULL;
        if (entry->hash == hash && entry->len == len && memcmp(entry->key, key, len) == 0) return entry;
    }
}

static u64 *value_of(Map *map, const char *key, u32 len) {
    Entry *found = find(map, key, len);
    if (found) return &found->value;
    if (++map->count * 8 > (map->mask + 1) * 7) grow(map);
    Entry entry = {heap_alloc(len), len, hash_of(key, len), 0};
    memcpy(entry.key, key, len);
    place_entry(map, entry);
    return &find(map, key, len)->value;
}

static int remove(Map *map, const char *key, u32 len) {
    Entry *entry = find(map, key, len);
    if (!entry) return 0;
    map->count--;
    heap_free(entry->key);
    u32 at = (u32)(entry - map->entries);
    /* Moves the following entries nearer to their homes. */
    for (u32 next; ; at = next) {
        next = (at + 1) & map->mask;
        Entry *follower = &map->entries[next];
        if (!follower->key || distance(map, next, follower->hash) == 0) break;
        map->entries[at] = *follower;
    }
    map->entries[at].key = NULL;
    return 1;
}

/* A name like `config.worker_17.path`. */
static u32 write_key(char *out, u32 number) {
    static const char *const parts[] = {"config", "worker", "request", "path", "user", "session_of"};
    static const char separators[] = "._/-";
    u32 len = 0;
    for (int i = 0; i < 3; i++) {
        const char *part = parts[number % COUNT_OF(parts)];
        while (*part) out[len++] = *part++;
        number /= COUNT_OF(parts);
        out[len++] = separators[(number ^ (u32)i) & 3];
    }
    do out[len++] = (char)('0' + number % 10);
    while (number /= 10);
    return len;
}

EXPORT("run") i64 run(i32 n) {
    heap_reset();
    Map map = {0};
    grow(&map);
    char key[64];
    u64 seed = 47, sum = 0;
    for (i32 i = 0; i < n; i++) {
        /* Low numbers are more likely. */
        u32 a = random_below(&seed, 60000), b = random_below(&seed, 60000);
        u32 len = write_key(key, a < b ? a : b);
        if (random_below(&seed, 8) == 0) {
            sum += (u64)remove(&map, key, len) << 32;
        } else {
            *value_of(&map, key, len) += (u64)i;
        }
        if (i % 64 == 0) sum = mix(sum, map.count);
    }
    for (u32 i = 0; i <= map.mask; i++) {
        const Entry *entry = &map.entries[i];
        if (entry->key) sum += mix(entry->hash, entry->value);
    }
    return (i64)sum;
}
