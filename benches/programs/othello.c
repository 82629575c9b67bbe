/* Counts the positions of Othello that n moves lead to from the start: boards are sets of squares
 * in 64 bits, and everything is shifts and masks. */
#include "rt.h"

#define NOT_LEFT 0xFEFEFEFEFEFEFEFEull
#define NOT_RIGHT 0x7F7F7F7F7F7F7F7Full

/* The squares next to these in one of eight directions. */
static inline u64 shifted(u64 squares, int direction) {
    switch (direction) {
    case 0: return squares << 1 & NOT_LEFT;
    case 1: return squares >> 1 & NOT_RIGHT;
    case 2: return squares << 8;
    case 3: return squares >> 8;
    case 4: return squares << 9 & NOT_LEFT;
    case 5: return squares >> 9 & NOT_RIGHT;
    case 6: return squares << 7 & NOT_RIGHT;
    default: return squares >> 7 & NOT_LEFT;
    }
}

static u64 moves(u64 own, u64 other) {
    u64 found = 0, empty = ~(own | other);
    for (int direction = 0; direction < 8; direction++) {
        u64 line = shifted(own, direction) & other;
        for (int i = 0; i < 5; i++) line |= shifted(line, direction) & other;
        found |= shifted(line, direction) & empty;
    }
    return found;
}

/* The discs that a disc on the square turns. */
static u64 turned(u64 own, u64 other, u64 square) {
    u64 all = 0;
    for (int direction = 0; direction < 8; direction++) {
        u64 line = 0, at = shifted(square, direction);
        while (at & other) {
            line |= at;
            at = shifted(at, direction);
        }
        if (at & own) all |= line;
    }
    return all;
}

static u64 best; /* a checksum of the final positions that does not depend on their order */

static u64 positions(u64 own, u64 other, i32 depth, int passed) {
    if (depth == 0) {
        best += mix(own, other) ^ (u64)(__builtin_popcountll(own) - __builtin_popcountll(other));
        return 1;
    }
    u64 open = moves(own, other);
    if (!open) return passed ? 1 : positions(other, own, depth - 1, 1);
    u64 total = 0;
    for (; open; open &= open - 1) {
        u64 square = 1ull << __builtin_ctzll(open), gain = turned(own, other, square);
        total += positions(other & ~gain, own | gain | square, depth - 1, 0);
    }
    return total;
}

EXPORT("run") i64 run(i32 n) {
    best = 0;
    u64 total = positions(0x0000000810000000ull, 0x0000001008000000ull, n, 0);
    return (i64)mix(best, total);
}
