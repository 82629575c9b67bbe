/* Compresses 256 KiB of text once and decompresses it n times: byte copies, short loops. */
#include "lz.h"

#define LEN (256u << 10)

EXPORT("run") i64 run(i32 n) {
    heap_reset();
    u8 *text = heap_alloc(LEN), *packed = heap_alloc(LEN + LEN / 255 + 16), *out = heap_alloc(LEN);
    lz_sample(text, LEN);
    usize packed_len = lz_compress(text, LEN, packed);
    u64 sum = packed_len;
    for (i32 i = 0; i < n; i++) {
        memset(out, 0, LEN);
        if (lz_decompress(packed, packed_len, out) != LEN) return -1;
        if (memcmp(out, text, LEN) != 0) return -2;
        sum = mix(sum, out[(u32)i * 977 % LEN]);
    }
    return (i64)sum;
}
