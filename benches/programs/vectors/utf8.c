/* Validates n texts of 32 KiB, some of them with a mistake: 16 bytes at a time, with three tables
 * that tell from two neighbouring bytes what is wrong with them (Keiser and Lemire, "Validating
 * UTF-8 in less than one instruction per byte", 2021). */
#include "vectors.h"

#define LEN 32768

static u8 text[LEN + 16];

enum {
    TOO_SHORT = 1 << 0,  /* a leading byte, then no continuation */
    TOO_LONG = 1 << 1,   /* ASCII, then a continuation */
    OVERLONG_3 = 1 << 2, /* E0 80 */
    TOO_LARGE = 1 << 3,  /* above U+10FFFF */
    SURROGATE = 1 << 4,  /* ED A0 */
    OVERLONG_2 = 1 << 5, /* C0 80 */
    TOO_LARGE_4 = 1 << 6, /* F5 80; also OVERLONG_4: F0 80 */
    TWO_CONTS = 1 << 7,
    CARRY = TOO_SHORT | TOO_LONG | TWO_CONTS,
};

static u8x16 special_cases(u8x16 bytes, u8x16 before) {
    static const u8x16 first_high = {
        TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
        TWO_CONTS, TWO_CONTS, TWO_CONTS, TWO_CONTS,
        TOO_SHORT | OVERLONG_2, TOO_SHORT, TOO_SHORT | OVERLONG_3 | SURROGATE,
        TOO_SHORT | TOO_LARGE | TOO_LARGE_4,
    };
    static const u8x16 first_low = {
        CARRY | OVERLONG_3 | OVERLONG_2 | TOO_LARGE_4, CARRY | OVERLONG_2, CARRY, CARRY,
        CARRY | TOO_LARGE, CARRY | TOO_LARGE | TOO_LARGE_4, CARRY | TOO_LARGE | TOO_LARGE_4,
        CARRY | TOO_LARGE | TOO_LARGE_4, CARRY | TOO_LARGE | TOO_LARGE_4,
        CARRY | TOO_LARGE | TOO_LARGE_4, CARRY | TOO_LARGE | TOO_LARGE_4,
        CARRY | TOO_LARGE | TOO_LARGE_4, CARRY | TOO_LARGE | TOO_LARGE_4,
        CARRY | TOO_LARGE | TOO_LARGE_4 | SURROGATE, CARRY | TOO_LARGE | TOO_LARGE_4,
        CARRY | TOO_LARGE | TOO_LARGE_4,
    };
    static const u8x16 second_high = {
        TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
        TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE_4,
        TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE,
        TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
        TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
        TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
    };
    u8x16 low = splat_u8(15);
    return lookup(first_high, before >> splat_u8(4)) & lookup(first_low, before & low) &
           lookup(second_high, bytes >> splat_u8(4));
}

/* `bytes` moved up by one, two or three, after the last ones of `before`. */
#define AFTER_1(before, bytes) \
    __builtin_shufflevector(before, bytes, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30)
#define AFTER_2(before, bytes) \
    __builtin_shufflevector(before, bytes, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29)
#define AFTER_3(before, bytes) \
    __builtin_shufflevector(before, bytes, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28)

static u8x16 errors_in(u8x16 bytes, u8x16 before) {
    u8x16 special = special_cases(bytes, AFTER_1(before, bytes));
    u8x16 third = (u8x16)(AFTER_2(before, bytes) >= splat_u8(0xE0));
    u8x16 fourth = (u8x16)(AFTER_3(before, bytes) >= splat_u8(0xF0));
    return ((third | fourth) & splat_u8(0x80)) ^ special;
}

/* `len` is a multiple of 16, and 16 bytes of zero follow. */
static NOINLINE int is_valid(const u8 *at, usize len) {
    u8x16 before = {0}, errors = {0};
    for (usize i = 0; i <= len; i += 16) {
        u8x16 bytes = load(at + i);
        if (any((bytes | before) & splat_u8(0x80))) errors |= errors_in(bytes, before);
        before = bytes;
    }
    return !any(errors);
}

static usize put(u8 *out, u32 c) {
    if (c < 0x80) {
        out[0] = (u8)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (u8)(0xC0 | c >> 6);
        out[1] = (u8)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (u8)(0xE0 | c >> 12);
        out[1] = (u8)(0x80 | (c >> 6 & 63));
        out[2] = (u8)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (u8)(0xF0 | c >> 18);
    out[1] = (u8)(0x80 | (c >> 12 & 63));
    out[2] = (u8)(0x80 | (c >> 6 & 63));
    out[3] = (u8)(0x80 | (c & 63));
    return 4;
}

/* Words of several scripts. */
static void write_text(u64 *seed) {
    static const u32 first[] = {'a', 'a', 'a', 0xE0, 0x430, 0x5D0, 0x3042, 0x4E00, 0x1F600};
    usize at = 0;
    while (at < LEN) {
        u32 start = first[random_below(seed, COUNT_OF(first))];
        for (u32 letters = 2 + random_below(seed, 40); letters > 0 && at < LEN - 4; letters--) {
            at += put(text + at, start + random_below(seed, 26));
        }
        text[at++] = ' ';
        while (at >= LEN - 4 && at < LEN) text[at++] = '.';
    }
    for (int i = 0; i < 16; i++) text[LEN + i] = 0;
}

EXPORT("run") i64 run(i32 n) {
    u64 seed = 9, sum = 0;
    write_text(&seed);
    sum = mix(sum, (u64)is_valid(text, LEN));
    for (i32 i = 0; i < n; i++) {
        u32 at = random_below(&seed, LEN);
        u8 old = text[at];
        text[at] = (u8)random_below(&seed, 256);
        sum = mix(sum, (u64)is_valid(text, LEN) << 8 | text[at]);
        text[at] = old;
    }
    sum = mix(sum, (u64)is_valid(text, LEN));
    return (i64)sum;
}
