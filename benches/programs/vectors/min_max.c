/* The least and the greatest of 16,384 bytes, integers and numbers, n times. */
#include "vectors.h"

#define LEN 16384

static u8 bytes[LEN];
static i32 integers[LEN];
static f32 numbers[LEN];

static NOINLINE u32 bytes_range(const u8 *at, usize len) {
    u8x16 least = load(at), most = least;
    for (usize i = 0; i < len; i += 16) {
        u8x16 v = load(at + i);
        least = select((u8x16)(v < least), v, least);
        most = select((u8x16)(v > most), v, most);
    }
    u8 low = 255, high = 0;
    for (int i = 0; i < 16; i++) {
        if (least[i] < low) low = least[i];
        if (most[i] > high) high = most[i];
    }
    return (u32)low << 8 | high;
}

static NOINLINE u64 integers_range(const i32 *at, usize len) {
    i32x4 least = (i32x4)load((const u8 *)at), most = least;
    for (usize i = 0; i < len; i += 4) {
        i32x4 v = (i32x4)load((const u8 *)(at + i));
        least = (i32x4)select((u8x16)(v < least), (u8x16)v, (u8x16)least);
        most = (i32x4)select((u8x16)(v > most), (u8x16)v, (u8x16)most);
    }
    i32 low = least[0], high = most[0];
    for (int i = 1; i < 4; i++) {
        if (least[i] < low) low = least[i];
        if (most[i] > high) high = most[i];
    }
    return (u64)(u32)low << 32 | (u32)high;
}

/* Also where the greatest is. */
static NOINLINE u64 numbers_range(const f32 *at, usize len) {
    f32x4 least = *(const any_f32x4 *)at, most = least;
    u32x4 index = {0, 1, 2, 3}, where = index;
    for (usize i = 0; i < len; i += 4, index += 4) {
        f32x4 v = *(const any_f32x4 *)(at + i);
        least = (f32x4)select((u8x16)(v < least), (u8x16)v, (u8x16)least);
        u8x16 above = (u8x16)(v > most);
        most = (f32x4)select(above, (u8x16)v, (u8x16)most);
        where = (u32x4)select(above, (u8x16)index, (u8x16)where);
    }
    f32 low = least[0], high = most[0];
    u32 place = where[0];
    for (int i = 1; i < 4; i++) {
        if (least[i] < low) low = least[i];
        if (most[i] > high || (most[i] == high && where[i] < place)) {
            high = most[i];
            place = where[i];
        }
    }
    return (u64)(i64)((high - low) * 1000.0f) << 20 | place;
}

EXPORT("run") i64 run(i32 n) {
    u64 seed = 7, sum = 0;
    for (usize i = 0; i < LEN; i++) {
        bytes[i] = (u8)(20 + random_below(&seed, 200));
        integers[i] = (i32)random_next(&seed);
        numbers[i] = (f32)random_below(&seed, 1 << 20) / 16.0f - 30000.0f;
    }
    for (i32 i = 0; i < n; i++) {
        u32 at = random_below(&seed, LEN);
        bytes[at] = (u8)i;
        integers[at] = i;
        numbers[at] = -numbers[at];
        sum = mix(sum, bytes_range(bytes, LEN));
        sum = mix(sum, integers_range(integers, LEN));
        sum = mix(sum, numbers_range(numbers, LEN));
    }
    return (i64)sum;
}
