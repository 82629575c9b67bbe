/* A guest for tests: an allocator, strings, linked lists, structs passed by pointer, function
 * pointers, 64-bit arithmetic. It imports nothing and exports its memory, the functions marked
 * EXPORT, and `allocate` and `release`, so that a host can pass strings.
 *
 * Rebuild with
 *
 *   clang-14 --target=wasm32 -nostdlib -ffreestanding -fno-builtin -std=c11 -O2 -Wall -Wextra \
 *     -fwrapv -Wl,--no-entry -Wl,-z,stack-size=65536 strings.c -o strings.wasm
 *
 * and the expected results, which come from the same source compiled for the host, with
 *
 *   cc -std=c11 -O2 -fwrapv -ffp-contract=off -fno-builtin -DPRINT_EXPECTED strings.c -o strings \
 *     && ./strings > strings.txt
 */

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int i32;
typedef long long i64;
typedef double f64;
typedef __SIZE_TYPE__ usize;

#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(#name)))
#else
#define EXPORT(name)
#endif

/* The allocator: first fit in a list of free blocks, which are split but not merged. */

typedef struct Block {
    usize len; /* of what comes after the header */
    struct Block *next;
} Block;

static Block *free_blocks;
static i32 live;

#ifdef __wasm__
extern u8 __heap_base;
static usize heap_top;

static void *more(usize len) {
    if (heap_top == 0) heap_top = ((usize)&__heap_base + 15) & ~(usize)15;
    usize start = heap_top, end = start + len;
    usize have = __builtin_wasm_memory_size(0) * 65536;
    if (end > have) {
        usize pages = (end - have + 65535) / 65536;
        if (__builtin_wasm_memory_grow(0, pages) == (usize)-1) return 0;
    }
    heap_top = end;
    return (void *)start;
}
#else
static u8 arena[64 << 20];
static usize arena_used;

static void *more(usize len) {
    if (arena_used + len > sizeof arena) return 0;
    arena_used += len;
    return arena + arena_used - len;
}
#endif

/* Returns 0 when there is no more memory. */
EXPORT(allocate) void *allocate(usize len) {
    len = (len + 15) & ~(usize)15;
    for (Block **link = &free_blocks; *link; link = &(*link)->next) {
        Block *block = *link;
        if (block->len < len) continue;
        if (block->len - len >= 64) {
            Block *rest = (Block *)((u8 *)(block + 1) + len);
            rest->len = block->len - len - sizeof(Block);
            rest->next = block->next;
            block->len = len;
            *link = rest;
        } else {
            *link = block->next;
        }
        live++;
        return block + 1;
    }
    Block *block = more(sizeof(Block) + len);
    if (!block) return 0;
    block->len = len;
    live++;
    return block + 1;
}

EXPORT(release) void release(void *pointer) {
    if (!pointer) return;
    Block *block = (Block *)pointer - 1;
    block->next = free_blocks;
    free_blocks = block;
    live--;
}

/* How many blocks are allocated and not released. */
EXPORT(live_blocks) i32 live_blocks(void) { return live; }

/* Strings. Those that are returned are allocated and end in a zero. */

EXPORT(text_len) i32 text_len(const char *s) {
    i32 len = 0;
    while (s[len]) len++;
    return len;
}

static char *copy_text(char *to, const char *s) {
    while ((*to = *s++)) to++;
    return to;
}

/* A string that grows as it is written. */
typedef struct {
    char *text;
    usize len, capacity;
} Builder;

static void append(Builder *b, const char *s) {
    usize added = (usize)text_len(s);
    if (b->len + added + 1 > b->capacity) {
        usize capacity = b->capacity * 2 + added + 1;
        char *text = allocate(capacity);
        if (b->text) copy_text(text, b->text);
        release(b->text);
        b->text = text;
        b->capacity = capacity;
    }
    copy_text(b->text + b->len, s);
    b->len += added;
}

static void append_number(Builder *b, i64 value, u32 base) {
    char digits[66], *at = digits + sizeof digits;
    u64 rest = value < 0 ? 0 - (u64)value : (u64)value;
    *--at = 0;
    do {
        *--at = "0123456789abcdefghijklmnopqrstuvwxyz"[rest % base];
        rest /= base;
    } while (rest);
    if (value < 0) *--at = '-';
    append(b, at);
}

EXPORT(format) char *format(i64 value, u32 base) {
    Builder b = {0, 0, 0};
    append_number(&b, value, base);
    return b.text;
}

EXPORT(parse) i64 parse(const char *s) {
    int negative = *s == '-';
    u64 value = 0;
    for (s += negative; *s >= '0' && *s <= '9'; s++) value = value * 10 + (u64)(*s - '0');
    return (i64)(negative ? 0 - value : value);
}

/* "0, 1, 4, 9" and so on: the first n squares. */
EXPORT(squares) char *squares(i32 n) {
    Builder b = {0, 0, 0};
    append(&b, "");
    for (i32 i = 0; i < n; i++) {
        if (i > 0) append(&b, ", ");
        append_number(&b, (i64)i * i, 10);
    }
    return b.text;
}

EXPORT(reverse_words) char *reverse_words(const char *s) {
    i32 len = text_len(s), end = len;
    char *result = allocate((usize)len + 1), *out = result;
    while (end > 0) {
        i32 start = end;
        while (start > 0 && s[start - 1] != ' ') start--;
        for (i32 i = start; i < end; i++) *out++ = s[i];
        if (start > 0) *out++ = ' ';
        end = start - 1;
    }
    *out = 0;
    return result;
}

EXPORT(replace) char *replace(const char *s, const char *from, const char *to) {
    Builder b = {0, 0, 0};
    i32 from_len = text_len(from);
    append(&b, "");
    while (*s) {
        i32 same = 0;
        while (from[same] && s[same] == from[same]) same++;
        if (from_len > 0 && same == from_len) {
            append(&b, to);
            s += from_len;
        } else {
            char one[2] = {*s++, 0};
            append(&b, one);
        }
    }
    return b.text;
}

/* Like strcmp, but the result is -1, 0 or 1. */
EXPORT(compare) i32 compare(const char *a, const char *b) {
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return ((u8)*a > (u8)*b) - ((u8)*a < (u8)*b);
}

/* FNV-1a of 64 bits. */
EXPORT(hash) i64 hash(const char *s) {
    u64 h = 0xcbf29ce484222325ull;
    for (; *s; s++) h = (h ^ (u8)*s) * 0x100000001b3ull;
    return (i64)h;
}

EXPORT(is_palindrome) i32 is_palindrome(const char *s) {
    const char *end = s + text_len(s);
    while (s < end) {
        if (*s++ != *--end) return 0;
    }
    return 1;
}

/* Linked lists. */

typedef struct Node {
    i64 value;
    struct Node *next;
} Node;

static Node *push(Node *list, i64 value) {
    Node *node = allocate(sizeof *node);
    node->value = value;
    node->next = list;
    return node;
}

static void release_list(Node *list) {
    while (list) {
        Node *next = list->next;
        release(list);
        list = next;
    }
}

static Node *reversed(Node *list) {
    Node *result = 0;
    while (list) {
        Node *next = list->next;
        list->next = result;
        result = list;
        list = next;
    }
    return result;
}

static Node *merge(Node *a, Node *b) {
    Node *result = 0, **link = &result;
    while (a && b) {
        Node **less = a->value <= b->value ? &a : &b;
        *link = *less;
        link = &(*less)->next;
        *less = (*less)->next;
    }
    *link = a ? a : b;
    return result;
}

static Node *sorted(Node *list) {
    if (!list || !list->next) return list;
    Node *slow = list, *fast = list->next;
    while (fast && fast->next) {
        slow = slow->next;
        fast = fast->next->next;
    }
    Node *second = slow->next;
    slow->next = 0;
    return merge(sorted(list), sorted(second));
}

static i64 weighted_sum(const Node *list) {
    i64 sum = 0, place = 1;
    for (; list; list = list->next) sum += place++ * list->value;
    return sum;
}

/* Places times values of the list n, n-1, ... 1. */
EXPORT(list_sum) i64 list_sum(i32 n) {
    Node *list = 0;
    for (i32 i = 1; i <= n; i++) list = push(list, i);
    i64 sum = weighted_sum(list);
    release_list(list);
    return sum;
}

EXPORT(list_reversed_sum) i64 list_reversed_sum(i32 n) {
    Node *list = 0;
    for (i32 i = 1; i <= n; i++) list = push(list, i);
    list = reversed(list);
    i64 sum = weighted_sum(list);
    release_list(list);
    return sum;
}

/* Sorts n pseudorandom numbers; -1 if they are not in order then. */
EXPORT(list_sort) i64 list_sort(i32 n) {
    Node *list = 0;
    u32 state = 12345;
    for (i32 i = 0; i < n; i++) {
        state = state * 1103515245u + 12345u;
        list = push(list, (i32)state >> 8);
    }
    list = sorted(list);
    i64 sum = weighted_sum(list);
    for (Node *node = list; node && node->next; node = node->next) {
        if (node->value > node->next->value) sum = -1;
    }
    release_list(list);
    return sum;
}

/* Structs by pointer and by value. */

typedef struct {
    f64 x, y;
} Point;

typedef struct {
    Point low, high;
    i32 count;
} Bounds;

static __attribute__((noinline)) void include(Bounds *bounds, const Point *p) {
    if (bounds->count == 0 || p->x < bounds->low.x) bounds->low.x = p->x;
    if (bounds->count == 0 || p->y < bounds->low.y) bounds->low.y = p->y;
    if (bounds->count == 0 || p->x > bounds->high.x) bounds->high.x = p->x;
    if (bounds->count == 0 || p->y > bounds->high.y) bounds->high.y = p->y;
    bounds->count++;
}

static __attribute__((noinline)) Bounds widened(Bounds bounds, f64 by) {
    bounds.low.x -= by;
    bounds.low.y -= by;
    bounds.high.x += by;
    bounds.high.y += by;
    return bounds;
}

/* The area around n points on a spiral, with a margin. */
EXPORT(bounds_area) f64 bounds_area(i32 n, f64 margin) {
    static const Point directions[4] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
    Bounds bounds = {{0, 0}, {0, 0}, 0};
    for (i32 i = 0; i < n; i++) {
        Point p = directions[i & 3];
        p.x *= i * 0.5;
        p.y *= i * 0.25;
        include(&bounds, &p);
    }
    bounds = widened(bounds, margin);
    return (bounds.high.x - bounds.low.x) * (bounds.high.y - bounds.low.y);
}

/* Function pointers. */

static i64 sum_of(i64 a, i64 b) { return a + b; }
static i64 product_of(i64 a, i64 b) { return a * b; }
static i64 larger_of(i64 a, i64 b) { return a > b ? a : b; }
static i64 digits_of(i64 a, i64 b) { return a * 10 + b % 10; }

typedef i64 Operation(i64, i64);

static Operation *operations[] = {sum_of, product_of, larger_of, digits_of, 0};

/* Combines 1 to n. Operation 4 is a null pointer: calling it traps, as does 5, which does not
 * exist in the table of functions. */
EXPORT(fold) i64 fold(i32 operation, i32 n) {
    Operation *f = operation == 5 ? (Operation *)(usize)1000000 : operations[operation];
    i64 result = operation == 1;
    for (i32 i = 1; i <= n; i++) result = f(result, i);
    return result;
}

/* Arithmetic. */

EXPORT(gcd) i64 gcd(i64 a, i64 b) {
    while (b) {
        i64 rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

/* Does not overflow for any modulus below 2^63. */
static u64 times_modulo(u64 a, u64 b, u64 modulus) {
    u64 result = 0;
    for (a %= modulus; b; b >>= 1) {
        if (b & 1) result = (result + a) % modulus;
        a = (a + a) % modulus;
    }
    return result;
}

EXPORT(power_modulo) i64 power_modulo(i64 base, i64 exponent, i64 modulus) {
    u64 result = 1 % (u64)modulus, square = (u64)base % (u64)modulus;
    for (u64 rest = (u64)exponent; rest; rest >>= 1) {
        if (rest & 1) result = times_modulo(result, square, (u64)modulus);
        square = times_modulo(square, square, (u64)modulus);
    }
    return (i64)result;
}

EXPORT(square_root) i64 square_root(i64 n) {
    u64 root = 0;
    for (u64 bit = 1ull << 31; bit; bit >>= 1) {
        if ((root | bit) * (root | bit) <= (u64)n) root |= bit;
    }
    return (i64)root;
}

/* Traps when b is 0, and for the least number divided by -1. */
EXPORT(divide) i64 divide(i64 a, i64 b) {
#ifdef __wasm__
    i64 result;
    __asm__("local.get %1\n local.get %2\n i64.div_s\n local.set %0" : "=r"(result) : "r"(a), "r"(b));
    return result;
#else
    return a / b;
#endif
}

/* Ones, leading zeros and trailing zeros of a number that is not 0, in decimal. */
EXPORT(bits) i32 bits(i64 n) {
    return __builtin_popcountll((u64)n) * 10000 + __builtin_clzll((u64)n) * 100 +
           __builtin_ctzll((u64)n);
}

EXPORT(rotate) i64 rotate(i64 n, i32 by) {
    return (i64)((u64)n << (by & 63) | (u64)n >> (-by & 63));
}

EXPORT(ackermann) i32 ackermann(i32 m, i32 n) {
    if (m == 0) return n + 1;
    if (n == 0) return ackermann(m - 1, 1);
    return ackermann(m - 1, ackermann(m, n - 1));
}

/* Every second number from 0 on, their mean and their variance's square root by iteration. */
EXPORT(deviation) f64 deviation(i32 n) {
    f64 sum = 0, squares = 0;
    for (i32 i = 0; i < n; i++) {
        sum += 2.0 * i;
        squares += 4.0 * i * i;
    }
    f64 mean = sum / n, variance = squares / n - mean * mean, root = variance;
    for (i32 i = 0; i < 60 && root > 0; i++) root = 0.5 * (root + variance / root);
    return root;
}

#ifdef PRINT_EXPECTED
#include <inttypes.h>
#include <stdio.h>

#define INT(call, args) printf(args " = %" PRId64 "\n", (int64_t)(call))
#define REAL(call, args) printf(args " = %.17g\n", call)
#define TEXT(call, args) \
    do { \
        char *text = call; \
        printf(args " = \"%s\"\n", text); \
        release(text); \
    } while (0)

int main(void) {
    printf("# What the functions of strings.wasm return: function, arguments = result. Strings are\n"
           "# in quotes and pass through memory; a function's type tells the other types.\n"
           "# Written by strings.c (see there).\n");
    INT(text_len(""), "text_len \"\"");
    INT(text_len("linear memory"), "text_len \"linear memory\"");
    TEXT(format(0, 10), "format 0 10");
    TEXT(format(-255, 16), "format -255 16");
    TEXT(format(INT64_MIN, 10), "format -9223372036854775808 10");
    TEXT(format(INT64_MAX, 2), "format 9223372036854775807 2");
    TEXT(format(123456789012345, 36), "format 123456789012345 36");
    INT(parse("0"), "parse \"0\"");
    INT(parse("-9223372036854775808"), "parse \"-9223372036854775808\"");
    INT(parse("1234567890123 pages"), "parse \"1234567890123 pages\"");
    TEXT(squares(0), "squares 0");
    TEXT(squares(12), "squares 12");
    TEXT(reverse_words("the quick brown fox"), "reverse_words \"the quick brown fox\"");
    TEXT(reverse_words("alone"), "reverse_words \"alone\"");
    TEXT(replace("one page, two pages", "page", "step"),
         "replace \"one page, two pages\" \"page\" \"step\"");
    TEXT(replace("aaaa", "aa", "b"), "replace \"aaaa\" \"aa\" \"b\"");
    TEXT(replace("nothing", "", "x"), "replace \"nothing\" \"\" \"x\"");
    INT(compare("load", "load"), "compare \"load\" \"load\"");
    INT(compare("load", "loads"), "compare \"load\" \"loads\"");
    INT(compare("store", "load"), "compare \"store\" \"load\"");
    INT(hash(""), "hash \"\"");
    INT(hash("bounds check"), "hash \"bounds check\"");
    INT(is_palindrome("never odd or even"), "is_palindrome \"never odd or even\"");
    INT(is_palindrome("rotator"), "is_palindrome \"rotator\"");
    INT(list_sum(0), "list_sum 0");
    INT(list_sum(10), "list_sum 10");
    INT(list_sum(20000), "list_sum 20000");
    INT(list_reversed_sum(20000), "list_reversed_sum 20000");
    INT(list_sort(1), "list_sort 1");
    INT(list_sort(5000), "list_sort 5000");
    REAL(bounds_area(1, 0.5), "bounds_area 1 0.5");
    REAL(bounds_area(100, 0.125), "bounds_area 100 0.125");
    INT(fold(0, 100000), "fold 0 100000");
    INT(fold(1, 20), "fold 1 20");
    INT(fold(1, 30), "fold 1 30");
    INT(fold(2, 77), "fold 2 77");
    INT(fold(3, 12), "fold 3 12");
    INT(gcd(1071, -462), "gcd 1071 -462");
    INT(gcd(6000000000000000000, 4500000000000000000),
        "gcd 6000000000000000000 4500000000000000000");
    INT(power_modulo(2, 64, 1000000007), "power_modulo 2 64 1000000007");
    INT(power_modulo(3, 1000000000000, 4611686018427387847),
        "power_modulo 3 1000000000000 4611686018427387847");
    INT(square_root(0), "square_root 0");
    INT(square_root(INT64_MAX), "square_root 9223372036854775807");
    INT(divide(-7, 2), "divide -7 2");
    INT(divide(INT64_MIN, 3), "divide -9223372036854775808 3");
    INT(bits(1), "bits 1");
    INT(bits(INT64_MIN), "bits -9223372036854775808");
    INT(bits(0x00FF00000000F000), "bits 71776119061278720");
    INT(rotate(1, -1), "rotate 1 -1");
    INT(rotate(0x123456789ABCDEF, 20), "rotate 81985529216486895 20");
    INT(ackermann(2, 9), "ackermann 2 9");
    INT(ackermann(3, 5), "ackermann 3 5");
    REAL(deviation(1), "deviation 1");
    REAL(deviation(1000), "deviation 1000");
    INT(live_blocks(), "live_blocks");
    return 0;
}
#endif
