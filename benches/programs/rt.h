/* A freestanding runtime for the benchmark programs: fixed-size types, the memory and string
 * functions that the compiler may call on its own, a heap, and a random number generator.
 *
 * Every program defines `run`, which takes a size and returns a checksum. The checksum never
 * depends on the width of a pointer, so the same source compiled for the machine at hand gives
 * the expected values. */
#ifndef RT_H
#define RT_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char i8;
typedef short i16;
typedef int i32;
typedef long long i64;
typedef float f32;
typedef double f64;
typedef __SIZE_TYPE__ usize;

#define NULL ((void *)0)
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define NOINLINE __attribute__((noinline))

#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(name)))
#else
#define EXPORT(name)
#endif

i64 run(i32 n);

void *memcpy(void *to, const void *from, usize len);
void *memmove(void *to, const void *from, usize len);
void *memset(void *to, int byte, usize len);
int memcmp(const void *a, const void *b, usize len);
usize strlen(const char *s);
int strcmp(const char *a, const char *b);

/* The heap: size classes with a free list each, over memory that only grows. Programs call
 * `heap_reset` first, so that every run starts from the same state. */
void heap_reset(void);
void *heap_alloc(usize len);
void *heap_alloc_zeroed(usize len);
void heap_free(void *block);

/* xorshift64*: state in, next state out; `random_below` is good enough for test data. */
static inline u64 random_next(u64 *state) {
    u64 x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545F4914F6CDD1Dull;
}

static inline u32 random_below(u64 *state, u32 limit) {
    return (u32)(((random_next(state) >> 32) * limit) >> 32);
}

/* Mixes one value into a running checksum. */
static inline u64 mix(u64 sum, u64 value) {
    sum ^= value;
    sum *= 0x9E3779B97F4A7C15ull;
    return sum ^ (sum >> 29);
}

#endif
