/* Integers of any size: a sign and limbs in base 10^9, the least significant first.
 *
 * Functions take fixnums and big integers, and return whichever fits.
 */
#include <stdlib.h>
#include <string.h>

#include "lisp.h"

#define BASE 1000000000u
enum { DIGITS = 9 };

/* An integer as sign and limbs; those of a fixnum are in the struct itself. */
struct view {
    const uint32_t *limbs;
    size_t count;
    bool negative;
    uint32_t own[3];
};

static void look(struct view *view, value v) {
    if (is_fix(v)) {
        int64_t n = unfix(v);
        uint64_t m = n < 0 ? (uint64_t)-n : (uint64_t)n;
        view->negative = n < 0;
        view->count = 0;
        while (m > 0) {
            view->own[view->count++] = (uint32_t)(m % BASE);
            m /= BASE;
        }
        view->limbs = view->own;
    } else {
        view->limbs = v->big.limbs;
        view->count = v->big.count;
        view->negative = v->flag;
    }
}

value big_normal(value b) {
    while (b->big.count > 0 && b->big.limbs[b->big.count - 1] == 0)
        b->big.count--;
    if (b->big.count <= 1) {
        int64_t n = b->big.count ? (int64_t)b->big.limbs[0] : 0;
        if (b->flag)
            n = -n;
        if (n >= FIX_MIN && n <= FIX_MAX)
            return fix((intptr_t)n);
    }
    return b;
}

value big_from(int64_t n) {
    if (n >= FIX_MIN && n <= FIX_MAX)
        return fix((intptr_t)n);
    uint64_t m = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    value b = big_new(3);
    b->flag = n < 0;
    for (size_t i = 0; i < 3; i++) {
        b->big.limbs[i] = (uint32_t)(m % BASE);
        m /= BASE;
    }
    return big_normal(b);
}

value big_parse(const char *digits, size_t count, bool negative) {
    size_t limbs = (count + DIGITS - 1) / DIGITS;
    value b = big_new(limbs ? limbs : 1);
    b->flag = negative;
    for (size_t i = 0; i < limbs; i++) {
        size_t end = count - i * DIGITS, start = end > DIGITS ? end - DIGITS : 0;
        uint32_t limb = 0;
        for (size_t at = start; at < end; at++)
            limb = limb * 10 + (uint32_t)(digits[at] - '0');
        b->big.limbs[i] = limb;
    }
    return big_normal(b);
}

char *big_text(value v) {
    struct view a;
    look(&a, v);
    char *text = xmalloc(a.count * DIGITS + 3), *at = text;
    if (a.count == 0) {
        strcpy(text, "0");
        return text;
    }
    if (a.negative)
        *at++ = '-';
    at += sprintf(at, "%u", (unsigned)a.limbs[a.count - 1]);
    for (size_t i = a.count - 1; i-- > 0;)
        at += sprintf(at, "%09u", (unsigned)a.limbs[i]);
    return text;
}

double big_double(value v) {
    struct view a;
    look(&a, v);
    double d = 0;
    for (size_t i = a.count; i-- > 0;)
        d = d * BASE + a.limbs[i];
    return a.negative ? -d : d;
}

static int compare_limbs(const struct view *a, const struct view *b) {
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    for (size_t i = a->count; i-- > 0;)
        if (a->limbs[i] != b->limbs[i])
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
    return 0;
}

int big_compare(value x, value y) {
    struct view a, b;
    look(&a, x);
    look(&b, y);
    if (a.negative != b.negative)
        return a.negative ? -1 : 1;
    int order = compare_limbs(&a, &b);
    return a.negative ? -order : order;
}

static value add_limbs(const struct view *a, const struct view *b, bool negative) {
    size_t count = a->count > b->count ? a->count : b->count;
    value r = big_new(count + 1);
    uint32_t carry = 0;
    for (size_t i = 0; i <= count; i++) {
        uint32_t sum = carry;
        sum += i < a->count ? a->limbs[i] : 0;
        sum += i < b->count ? b->limbs[i] : 0;
        carry = sum >= BASE;
        r->big.limbs[i] = carry ? sum - BASE : sum;
    }
    r->flag = negative;
    return big_normal(r);
}

/* |a| - |b|, where |a| is not the smaller. */
static value subtract_limbs(const struct view *a, const struct view *b, bool negative) {
    value r = big_new(a->count ? a->count : 1);
    int64_t borrow = 0;
    for (size_t i = 0; i < a->count; i++) {
        int64_t difference = (int64_t)a->limbs[i] - borrow - (i < b->count ? b->limbs[i] : 0);
        borrow = difference < 0;
        r->big.limbs[i] = (uint32_t)(borrow ? difference + BASE : difference);
    }
    r->flag = negative;
    return big_normal(r);
}

static value add_signed(value x, value y, bool flip) {
    struct view a, b;
    look(&a, x);
    look(&b, y);
    bool b_negative = b.negative != flip;
    if (a.negative == b_negative)
        return add_limbs(&a, &b, a.negative);
    if (compare_limbs(&a, &b) >= 0)
        return subtract_limbs(&a, &b, a.negative);
    return subtract_limbs(&b, &a, b_negative);
}

value big_add(value a, value b) { return add_signed(a, b, false); }

value big_subtract(value a, value b) { return add_signed(a, b, true); }

value big_multiply(value x, value y) {
    struct view a, b;
    look(&a, x);
    look(&b, y);
    value r = big_new(a.count + b.count + 1);
    for (size_t i = 0; i < a.count; i++) {
        uint64_t carry = 0;
        for (size_t j = 0; j < b.count || carry; j++) {
            uint64_t t = r->big.limbs[i + j] + carry;
            if (j < b.count)
                t += (uint64_t)a.limbs[i] * b.limbs[j];
            r->big.limbs[i + j] = (uint32_t)(t % BASE);
            carry = t / BASE;
        }
    }
    r->flag = a.negative != b.negative;
    return big_normal(r);
}

/* Divides by one limb; the remainder. */
static uint32_t divide_small(uint32_t *limbs, size_t count, uint32_t by) {
    uint64_t rest = 0;
    for (size_t i = count; i-- > 0;) {
        uint64_t t = rest * BASE + limbs[i];
        limbs[i] = (uint32_t)(t / by);
        rest = t % by;
    }
    return (uint32_t)rest;
}

/* Schoolbook division: each digit is guessed from the top limbs and corrected. */
static void divide_long(const struct view *a, const struct view *b, value q, value r) {
    size_t n = b->count, m = a->count - n;
    uint32_t scale = BASE / (b->limbs[n - 1] + 1);
    uint32_t *u = xmalloc((a->count + 1) * sizeof *u), *v = xmalloc(n * sizeof *v);
    uint64_t carry = 0;
    for (size_t i = 0; i < a->count; i++) {
        carry += (uint64_t)a->limbs[i] * scale;
        u[i] = (uint32_t)(carry % BASE);
        carry /= BASE;
    }
    u[a->count] = (uint32_t)carry;
    carry = 0;
    for (size_t i = 0; i < n; i++) {
        carry += (uint64_t)b->limbs[i] * scale;
        v[i] = (uint32_t)(carry % BASE);
        carry /= BASE;
    }
    for (size_t j = m + 1; j-- > 0;) {
        uint64_t top = (uint64_t)u[j + n] * BASE + u[j + n - 1];
        uint64_t guess = top / v[n - 1], rest = top % v[n - 1];
        while (guess >= BASE || guess * v[n - 2] > rest * BASE + u[j + n - 2]) {
            guess--;
            rest += v[n - 1];
            if (rest >= BASE)
                break;
        }
        int64_t borrow = 0;
        uint64_t product = 0;
        for (size_t i = 0; i < n; i++) {
            product += guess * v[i];
            int64_t t = (int64_t)u[i + j] - borrow - (int64_t)(product % BASE);
            product /= BASE;
            borrow = t < 0;
            u[i + j] = (uint32_t)(borrow ? t + BASE : t);
        }
        int64_t t = (int64_t)u[j + n] - borrow - (int64_t)product;
        if (t < 0) {
            guess--;
            uint32_t over = 0;
            for (size_t i = 0; i < n; i++) {
                uint32_t sum = u[i + j] + v[i] + over;
                over = sum >= BASE;
                u[i + j] = over ? sum - BASE : sum;
            }
            t += over;
        }
        u[j + n] = (uint32_t)(t < 0 ? t + BASE : t);
        q->big.limbs[j] = (uint32_t)guess;
    }
    divide_small(u, n, scale);
    memcpy(r->big.limbs, u, n * sizeof *u);
    free(u);
    free(v);
}

/* Truncating division; false if the divisor is zero. */
bool big_divide(value x, value y, value *quotient, value *remainder) {
    struct view a, b;
    look(&a, x);
    look(&b, y);
    if (b.count == 0)
        return false;
    if (compare_limbs(&a, &b) < 0) {
        *quotient = fix(0);
        *remainder = x;
        return true;
    }
    value q = big_new(a.count), r = big_new(b.count);
    if (b.count == 1) {
        memcpy(q->big.limbs, a.limbs, a.count * sizeof *a.limbs);
        r->big.limbs[0] = divide_small(q->big.limbs, a.count, b.limbs[0]);
    } else {
        divide_long(&a, &b, q, r);
    }
    q->flag = a.negative != b.negative;
    r->flag = a.negative;
    *quotient = big_normal(q);
    *remainder = big_normal(r);
    return true;
}
