/* Looks for a few hundred words at once in n bytes of text with the automaton of Aho and
 * Corasick: one dependent table load per byte. */
#include "rt.h"

#define LETTERS 8
#define MOST_NODES 4096
#define WORDS 400

static u16 go[MOST_NODES][LETTERS], fail[MOST_NODES], hits[MOST_NODES];
static u32 node_count;

static void insert(const u8 *word, u32 len) {
    u32 at = 0;
    for (u32 i = 0; i < len; i++) {
        if (!go[at][word[i]]) go[at][word[i]] = (u16)node_count++;
        at = go[at][word[i]];
    }
    hits[at]++;
}

/* Breadth first: failure links, then every missing transition is filled in. */
static void link_nodes(void) {
    static u16 queue[MOST_NODES];
    u32 head = 0, tail = 0;
    for (u32 c = 0; c < LETTERS; c++) {
        if (go[0][c]) queue[tail++] = go[0][c];
    }
    while (head < tail) {
        u32 node = queue[head++];
        hits[node] = (u16)(hits[node] + hits[fail[node]]);
        for (u32 c = 0; c < LETTERS; c++) {
            u32 child = go[node][c];
            if (child) {
                fail[child] = go[fail[node]][c];
                queue[tail++] = (u16)child;
            } else {
                go[node][c] = go[fail[node]][c];
            }
        }
    }
}

EXPORT("run") i64 run(i32 n) {
    heap_reset();
    memset(go, 0, sizeof go);
    memset(fail, 0, sizeof fail);
    memset(hits, 0, sizeof hits);
    node_count = 1;
    u64 seed = 31337;
    for (u32 i = 0; i < WORDS; i++) {
        u8 word[12];
        u32 len = 3 + random_below(&seed, 6);
        for (u32 k = 0; k < len; k++) word[k] = (u8)random_below(&seed, LETTERS);
        insert(word, len);
    }
    link_nodes();

    u8 *text = heap_alloc((usize)n);
    for (i32 i = 0; i < n; i++) text[i] = (u8)(random_next(&seed) >> 40) & (LETTERS - 1);
    u64 found = 0, sum = 0;
    u32 node = 0;
    for (i32 i = 0; i < n; i++) {
        node = go[node][text[i]];
        if (hits[node]) {
            found += hits[node];
            sum = sum * 31 + node;
        }
    }
    return (i64)mix(sum, found);
}
