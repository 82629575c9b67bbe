/* Encodes 24 KiB in base64 and decodes them again, n times: 12 bytes to 16 letters and back, with
 * tables of bytes and shifts. */
#include "vectors.h"

#define LEN 24576 /* a multiple of 12 */

static u8 bytes[LEN + 16], letters[LEN / 3 * 4], decoded[LEN + 16];

static NOINLINE void encode(const u8 *from, usize len, u8 *to) {
    /* What is added to a number of six bits, by the range that it is in. */
    const u8x16 shifts = {(u8)('a' - 26), (u8)('0' - 52), (u8)('0' - 52), (u8)('0' - 52), (u8)('0' - 52),
                          (u8)('0' - 52), (u8)('0' - 52), (u8)('0' - 52), (u8)('0' - 52), (u8)('0' - 52),
                          (u8)('0' - 52), (u8)('+' - 62), (u8)('/' - 63), 'A', 0, 0};
    for (usize i = 0; i < len; i += 12, to += 16) {
        u8x16 in = load(from + i);
        /* Each three bytes, the first one highest, in 32 bits. */
        u32x4 threes = (u32x4)__builtin_shufflevector(in, (u8x16){0}, 2, 1, 0, 16, 5, 4, 3, 16, 8, 7, 6,
                                                      16, 11, 10, 9, 16);
        u8x16 sixes = (u8x16)((threes >> splat_u32(18)) | (threes >> splat_u32(4) & splat_u32(0x3F00)) |
                              (threes << splat_u32(10) & splat_u32(0x3F0000)) |
                              (threes << splat_u32(24) & splat_u32(0x3F000000)));
        /* 13 for capitals, 0 for small letters, 1 to 10 for digits, 11 and 12 for the rest. */
        u8x16 range = select((u8x16)(sixes > splat_u8(51)), sixes - splat_u8(51), splat_u8(0));
        range |= (u8x16)(sixes < splat_u8(26)) & splat_u8(13);
        store(to, sixes + lookup(shifts, range));
    }
}

/* Whether there were only letters of base64. */
static NOINLINE int decode(const u8 *from, usize len, u8 *to) {
    const u8x16 shifts = {0, 0, 19, 4, (u8)-65, (u8)-65, (u8)-71, (u8)-71, 0, 0, 0, 0, 0, 0, 0, 0};
    u8x16 wrong = {0};
    for (usize i = 0; i < len; i += 16, to += 12) {
        u8x16 in = load(from + i);
        u8x16 slash = (u8x16)(in == splat_u8('/'));
        u8x16 shift = select(slash, splat_u8(16), lookup(shifts, in >> splat_u8(4)));
        u8x16 sixes = in + shift;
        u8x16 letter = (u8x16)((in | splat_u8(32)) - splat_u8('a') < splat_u8(26));
        u8x16 digit = (u8x16)(in - splat_u8('0') < splat_u8(10));
        wrong |= ~(letter | digit | slash | (u8x16)(in == splat_u8('+')));
        u32x4 fours = (u32x4)sixes;
        u32x4 threes = (fours << splat_u32(18) & splat_u32(0xFC0000)) | (fours << splat_u32(4) & splat_u32(0x3F000)) |
                       (fours >> splat_u32(10) & splat_u32(0xFC0)) | (fours >> splat_u32(24) & splat_u32(0x3F));
        store(to, __builtin_shufflevector((u8x16)threes, (u8x16)threes, 2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13,
                                          12, 3, 3, 3, 3));
    }
    return !any(wrong);
}

EXPORT("run") i64 run(i32 n) {
    u64 seed = 13, sum = 0;
    for (usize i = 0; i < LEN; i++) bytes[i] = (u8)random_below(&seed, 256);
    for (i32 i = 0; i < n; i++) {
        bytes[random_below(&seed, LEN)] ^= (u8)(i + 1);
        encode(bytes, LEN, letters);
        if (i % 8 == 0) letters[random_below(&seed, LEN)] = '=';
        sum = mix(sum, (u64)decode(letters, sizeof letters, decoded));
        for (usize j = (usize)i % 64; j < LEN; j += 997) sum = mix(sum, decoded[j] | (u64)letters[j] << 8);
    }
    for (usize j = 0; j < sizeof letters; j++) sum = mix(sum, letters[j]);
    return (i64)sum;
}
