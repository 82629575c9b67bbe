/* Compresses n bytes of text with a hash table of recent positions: unaligned 32-bit loads,
 * table look-ups, byte copies. */
#include "lz.h"

EXPORT("run") i64 run(i32 n) {
    heap_reset();
    usize len = (usize)n;
    u8 *text = heap_alloc(len), *packed = heap_alloc(len + len / 255 + 16);
    lz_sample(text, len);
    usize packed_len = lz_compress(text, len, packed);
    u64 sum = packed_len;
    for (usize i = 0; i < packed_len; i += 61) sum = mix(sum, packed[i]);
    return (i64)sum;
}
