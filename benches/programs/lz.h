/* A byte-oriented Lempel-Ziv format, shared by lz_compress and lz_decompress.
 *
 * A block is a sequence of: one token byte (literal count in the high four bits, match length
 * less 4 in the low four), more count bytes while the count is saturated (15, then 255s), the
 * literals, a 16-bit little-endian distance, more length bytes. The last sequence has no match. */
#ifndef LZ_H
#define LZ_H

#include "rt.h"

#define LZ_MIN_MATCH 4
#define LZ_HASH_BITS 13

/* Text with repetition: words of a small vocabulary, some numbers, punctuation. */
static void lz_sample(u8 *out, usize len) {
    static const char *const words[] = {
        "memory ", "linear ", "address ", "page ", "grow ", "trap ", "the ", "of ", "a ", "store ",
        "load ", "offset ", "bounds ", "segment ", "data ", "copy ", "and ", "fill ", "is ", "byte ",
    };
    u64 seed = 0x1234567;
    usize at = 0;
    while (at < len) {
        u32 r = random_below(&seed, 64);
        if (r < 56) {
            /* Low indices are more likely. */
            u32 a = random_below(&seed, COUNT_OF(words)), b = random_below(&seed, COUNT_OF(words));
            const char *w = words[a < b ? a : b];
            while (*w && at < len) out[at++] = (u8)*w++;
        } else if (r < 62) {
            u32 value = random_below(&seed, 100000);
            do {
                out[at++] = (u8)('0' + value % 10);
                value /= 10;
            } while (value && at < len);
        } else {
            out[at++] = '\n';
        }
    }
}

static u32 lz_read32(const u8 *p) {
    u32 v;
    memcpy(&v, p, 4);
    return v;
}

static u8 *lz_put_count(u8 *out, usize extra) {
    while (extra >= 255) {
        *out++ = 255;
        extra -= 255;
    }
    *out++ = (u8)extra;
    return out;
}

static u8 *lz_put_sequence(u8 *out, const u8 *literals, usize count, usize distance, usize match) {
    usize extra = match ? match - LZ_MIN_MATCH : 0;
    *out++ = (u8)((count < 15 ? count : 15) << 4 | (extra < 15 ? extra : 15));
    if (count >= 15) out = lz_put_count(out, count - 15);
    for (usize i = 0; i < count; i++) *out++ = literals[i];
    if (match) {
        *out++ = (u8)distance;
        *out++ = (u8)(distance >> 8);
        if (extra >= 15) out = lz_put_count(out, extra - 15);
    }
    return out;
}

/* Returns the compressed length. `out` has room for len + len / 255 + 16 bytes. */
static usize lz_compress(const u8 *in, usize len, u8 *out) {
    static u32 table[1 << LZ_HASH_BITS];
    memset(table, 0, sizeof table);
    u8 *start = out;
    usize at = 0, anchor = 0, limit = len > 12 ? len - 12 : 0;
    while (at < limit) {
        u32 here = lz_read32(in + at);
        u32 slot = (here * 2654435761u) >> (32 - LZ_HASH_BITS);
        usize candidate = table[slot];
        table[slot] = (u32)at + 1;
        if (candidate == 0 || at + 1 - candidate > 65535 || lz_read32(in + candidate - 1) != here) {
            at++;
            continue;
        }
        candidate--;
        usize match = LZ_MIN_MATCH;
        while (at + match < len && in[candidate + match] == in[at + match]) match++;
        out = lz_put_sequence(out, in + anchor, at - anchor, at - candidate, match);
        at += match;
        anchor = at;
    }
    return (usize)(lz_put_sequence(out, in + anchor, len - anchor, 0, 0) - start);
}

static usize lz_decompress(const u8 *in, usize len, u8 *out) {
    const u8 *end = in + len;
    u8 *start = out;
    for (;;) {
        u8 token = *in++;
        usize count = token >> 4, match = token & 15;
        if (count == 15) {
            u8 more;
            do count += more = *in++;
            while (more == 255);
        }
        for (; count > 0; count--) *out++ = *in++;
        if (in >= end) return (usize)(out - start);
        usize distance = in[0] | (usize)in[1] << 8;
        in += 2;
        if (match == 15) {
            u8 more;
            do match += more = *in++;
            while (more == 255);
        }
        match += LZ_MIN_MATCH;
        /* The ranges may overlap: that is how runs are encoded. */
        const u8 *from = out - distance;
        for (; match > 0; match--) *out++ = *from++;
    }
}

#endif
