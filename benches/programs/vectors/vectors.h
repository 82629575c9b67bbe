/* Vectors of 128 bits in the language's own notation, which compiles for WebAssembly and for the
 * machine at hand alike. Only what that notation cannot say has a function here. */
#ifndef VECTORS_H
#define VECTORS_H

#include "rt.h"

typedef u8 u8x16 __attribute__((vector_size(16)));
typedef i8 i8x16 __attribute__((vector_size(16)));
typedef u16 u16x8 __attribute__((vector_size(16)));
typedef u32 u32x4 __attribute__((vector_size(16)));
typedef i32 i32x4 __attribute__((vector_size(16)));
typedef f32 f32x4 __attribute__((vector_size(16)));

/* The same at any address. */
typedef u8x16 any_u8x16 __attribute__((aligned(1), may_alias));
typedef u32x4 any_u32x4 __attribute__((aligned(1), may_alias));
typedef f32x4 any_f32x4 __attribute__((aligned(1), may_alias));

static inline u8x16 load(const u8 *from) { return *(const any_u8x16 *)from; }
static inline void store(u8 *to, u8x16 v) { *(any_u8x16 *)to = v; }

static inline u8x16 splat_u8(u8 x) {
    return (u8x16){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}
static inline u16x8 splat_u16(u16 x) { return (u16x8){x, x, x, x, x, x, x, x}; }
static inline u32x4 splat_u32(u32 x) { return (u32x4){x, x, x, x}; }
static inline f32x4 splat_f32(f32 x) { return (f32x4){x, x, x, x}; }

/* The bits of `a` where those of the mask are set, else those of `b`. */
static inline u8x16 select(u8x16 mask, u8x16 a, u8x16 b) { return (a & mask) | (b & ~mask); }

#ifdef __wasm__

/* The bytes of `table` at the indices; 0 where an index is 16 or more. */
static inline u8x16 lookup(u8x16 table, u8x16 indices) {
    return (u8x16)__builtin_wasm_swizzle_i8x16((i8x16)table, (i8x16)indices);
}

/* The highest bits of all bytes. */
static inline u32 bitmask(u8x16 v) { return (u32)__builtin_wasm_bitmask_i8x16((i8x16)v); }

static inline int any(u8x16 v) { return __builtin_wasm_any_true_v128((i8x16)v); }

#else

static inline u8x16 lookup(u8x16 table, u8x16 indices) {
    u8x16 found;
    for (int i = 0; i < 16; i++) found[i] = indices[i] < 16 ? table[indices[i]] : 0;
    return found;
}

static inline u32 bitmask(u8x16 v) {
    u32 bits = 0;
    for (int i = 0; i < 16; i++) bits |= (u32)(v[i] >> 7) << i;
    return bits;
}

static inline int any(u8x16 v) {
    u8 all = 0;
    for (int i = 0; i < 16; i++) all |= v[i];
    return all != 0;
}

#endif

#endif
