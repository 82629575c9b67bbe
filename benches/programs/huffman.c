/* Compresses text with a canonical Huffman code and decompresses it n times: a heap of weights,
 * codes of up to 15 bits, single bits in and out, a table of 10 bits that decodes most symbols. */
#include "rt.h"
#include "lz.h"

#define LEN 60000
#define MAX_BITS 15
#define FAST_BITS 10

static u8 text[LEN], packed[2 * LEN], unpacked[LEN];

/* Lengths of the codes, in bits. */
static u8 bits_of[256];

typedef struct {
    u32 weight;
    i32 node;
} Item;

static Item heap[256];
static u32 heap_len;

static void push(Item item) {
    u32 at = heap_len++;
    for (; at > 0 && heap[(at - 1) / 2].weight > item.weight; at = (at - 1) / 2) {
        heap[at] = heap[(at - 1) / 2];
    }
    heap[at] = item;
}

static Item pop(void) {
    Item least = heap[0], last = heap[--heap_len];
    u32 at = 0;
    for (u32 child; (child = 2 * at + 1) < heap_len; at = child) {
        if (child + 1 < heap_len && heap[child + 1].weight < heap[child].weight) child++;
        if (heap[child].weight >= last.weight) break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return least;
}

/* Whether no code is too long. */
static int choose_lengths(const u32 *weights) {
    static i32 parents[512];
    i32 nodes = 256;
    heap_len = 0;
    for (i32 i = 0; i < 256; i++) {
        bits_of[i] = 0;
        if (weights[i]) push((Item){weights[i], i});
    }
    while (heap_len > 1) {
        Item a = pop(), b = pop();
        parents[a.node] = parents[b.node] = nodes;
        push((Item){a.weight + b.weight, nodes++});
    }
    for (i32 i = 0; i < 256; i++) {
        if (!weights[i]) continue;
        for (i32 node = i; node != nodes - 1; node = parents[node]) bits_of[i]++;
        if (bits_of[i] > MAX_BITS) return 0;
    }
    return 1;
}

/* The first code of each length, and where its symbols begin in their list. */
static u32 first_code[MAX_BITS + 2], first_index[MAX_BITS + 2];
static u8 symbols[256];
static u16 codes[256];
static u16 fast[1 << FAST_BITS]; /* the length above the symbol; 0 for longer codes */

static void assign_codes(void) {
    u32 code = 0, index = 0;
    memset(fast, 0, sizeof fast);
    for (u32 bits = 1; bits <= MAX_BITS; bits++, code <<= 1) {
        first_code[bits] = code;
        first_index[bits] = index;
        for (u32 i = 0; i < 256; i++) {
            if (bits_of[i] != bits) continue;
            symbols[index++] = (u8)i;
            if (bits <= FAST_BITS) {
                u32 spare = FAST_BITS - bits;
                for (u32 k = 0; k < 1u << spare; k++) fast[code << spare | k] = (u16)(bits << 8 | i);
            }
            codes[i] = (u16)code++;
        }
    }
    first_code[MAX_BITS + 1] = ~0u;
    first_index[MAX_BITS + 1] = index;
}

static usize encode(const u8 *in, usize len, u8 *out) {
    u8 *start = out;
    u64 buffer = 0;
    u32 held = 0;
    for (usize i = 0; i < len; i++) {
        buffer = buffer << bits_of[in[i]] | codes[in[i]];
        held += bits_of[in[i]];
        while (held >= 8) *out++ = (u8)(buffer >> (held -= 8));
    }
    *out++ = (u8)(buffer << (8 - held));
    return (usize)(out - start);
}

static void decode(const u8 *in, const u8 *end, u8 *out, usize len) {
    u64 buffer = 0; /* the next bit is the highest */
    u32 held = 0;
    for (u8 *out_end = out + len; out < out_end; out++) {
        while (held <= 56) {
            buffer |= (u64)(in < end ? *in++ : 0) << (56 - held);
            held += 8;
        }
        u32 entry = fast[buffer >> (64 - FAST_BITS)], bits = entry >> 8;
        if (entry) {
            *out = (u8)entry;
        } else {
            u32 code;
            for (bits = FAST_BITS + 1;; bits++) {
                code = (u32)(buffer >> (64 - bits)) - first_code[bits];
                if (code < first_index[bits + 1] - first_index[bits]) break;
            }
            *out = symbols[first_index[bits] + code];
        }
        buffer <<= bits;
        held -= bits;
    }
}

EXPORT("run") i64 run(i32 n) {
    u64 sum = 0;
    static u32 weights[256];
    lz_sample(text, LEN);
    memset(weights, 0, sizeof weights);
    for (usize i = 0; i < LEN; i++) weights[text[i]]++;
    /* Letters that do not occur, so that there are long codes too. */
    for (u32 i = 0; i < 64; i++) weights[128 + i] += 8 + 4 * i;
    if (!choose_lengths(weights)) return -1;
    assign_codes();
    for (i32 i = 0; i < n; i++) {
        text[(u32)i * 2741 % LEN] = (u8)(128 + i % 64);
        usize len = encode(text, LEN, packed);
        decode(packed, packed + len, unpacked, LEN);
        if (memcmp(text, unpacked, LEN) != 0) return -2;
        sum = mix(sum, len);
    }
    for (usize i = 0; i < LEN; i += 97) sum = mix(sum, (u64)packed[i] << 8 | unpacked[i]);
    return (i64)sum;
}
