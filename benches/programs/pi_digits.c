/* The first n decimal digits of pi, with whole numbers of any length: Gibbons' unbounded spigot. */
#include "rt.h"

/* A number that is not negative, the lowest limb first. */
typedef struct {
    u32 len;
    u32 limbs[4096];
} Big;

static void set(Big *a, u32 value) {
    a->len = value != 0;
    a->limbs[0] = value;
}

static void trim(Big *a) {
    while (a->len > 0 && a->limbs[a->len - 1] == 0) a->len--;
}

/* to = a * factor */
static void multiply(Big *to, const Big *a, u32 factor) {
    u64 carry = 0;
    u32 len = a->len;
    for (u32 i = 0; i < len; i++) {
        carry += (u64)a->limbs[i] * factor;
        to->limbs[i] = (u32)carry;
        carry >>= 32;
    }
    if (carry) to->limbs[len++] = (u32)carry;
    to->len = len;
    trim(to);
}

/* a += b */
static void add(Big *a, const Big *b) {
    u64 carry = 0;
    u32 len = a->len > b->len ? a->len : b->len;
    for (u32 i = 0; i < len; i++) {
        carry += i < a->len ? a->limbs[i] : 0;
        carry += i < b->len ? b->limbs[i] : 0;
        a->limbs[i] = (u32)carry;
        carry >>= 32;
    }
    if (carry) a->limbs[len++] = (u32)carry;
    a->len = len;
}

/* a -= b, which is not greater. */
static void subtract(Big *a, const Big *b) {
    i64 carry = 0;
    for (u32 i = 0; i < a->len; i++) {
        carry += (i64)a->limbs[i] - (i < b->len ? b->limbs[i] : 0);
        a->limbs[i] = (u32)carry;
        carry >>= 32;
    }
    trim(a);
}

static int compare(const Big *a, const Big *b) {
    if (a->len != b->len) return a->len < b->len ? -1 : 1;
    for (u32 i = a->len; i-- > 0;) {
        if (a->limbs[i] != b->limbs[i]) return a->limbs[i] < b->limbs[i] ? -1 : 1;
    }
    return 0;
}

/* What follows is between lower / denominator and (lower + width) / denominator. */
static Big lower, width, denominator;

static Big rest, multiple;

/* The whole part of (lower + times width) / denominator, which is at most 15; the rest is left in
 * `rest`. */
static u32 whole(u32 times) {
    multiply(&rest, &width, times);
    add(&rest, &lower);
    u32 quotient = 0;
    for (u32 step = 8; step > 0; step /= 2) {
        multiply(&multiple, &denominator, step);
        if (compare(&rest, &multiple) >= 0) {
            subtract(&rest, &multiple);
            quotient += step;
        }
    }
    return quotient;
}

EXPORT("run") i64 run(i32 n) {
    u64 sum = 0;
    set(&lower, 3);
    set(&width, 1);
    set(&denominator, 1);
    for (u32 k = 1, found = 0; found < (u32)n; k++) {
        /* One more term of the series. */
        multiply(&lower, &lower, 2 * k + 1);
        multiply(&rest, &width, k - 1);
        add(&lower, &rest);
        multiply(&width, &width, k);
        multiply(&denominator, &denominator, 2 * k + 1);
        u32 digit = whole(1);
        if (digit != whole(0)) continue;
        sum = mix(sum, digit);
        found++;
        multiply(&lower, &rest, 10);
        multiply(&width, &width, 10);
    }
    return (i64)sum;
}
