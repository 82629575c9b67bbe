/* Builds, searches, splits, reverses, compares and formats zero-terminated strings, n times. */
#include "rt.h"

static char *append(char *to, const char *s) {
    while ((*to = *s)) {
        to++;
        s++;
    }
    return to;
}

static NOINLINE const char *find_char(const char *s, char c) {
    for (; *s; s++) {
        if (*s == c) return s;
    }
    return NULL;
}

static NOINLINE const char *find(const char *s, const char *wanted) {
    for (; *s; s++) {
        usize i = 0;
        while (wanted[i] && s[i] == wanted[i]) i++;
        if (!wanted[i]) return s;
    }
    return NULL;
}

static NOINLINE void reverse(char *s) {
    usize len = strlen(s);
    for (usize i = 0; i < len / 2; i++) {
        char c = s[i];
        s[i] = s[len - 1 - i];
        s[len - 1 - i] = c;
    }
}

static NOINLINE void upper(char *s) {
    for (; *s; s++) {
        if (*s >= 'a' && *s <= 'z') *s = (char)(*s - 32);
    }
}

static NOINLINE char *format(char *out, i32 value, u32 base) {
    static const char digits[] = "0123456789abcdef";
    u32 rest = value < 0 ? 0u - (u32)value : (u32)value;
    char *start = out;
    do {
        *out++ = digits[rest % base];
        rest /= base;
    } while (rest);
    if (value < 0) *out++ = '-';
    *out = 0;
    reverse(start);
    return out;
}

static i32 parse(const char *s) {
    int negative = *s == '-';
    i32 value = 0;
    for (s += negative; *s >= '0' && *s <= '9'; s++) value = value * 10 + (*s - '0');
    return negative ? -value : value;
}

static u64 hash(const char *s) {
    u64 h = 14695981039346656037ull;
    for (; *s; s++) h = (h ^ (u8)*s) * 1099511628211ull;
    return h;
}

/* Splits at commas in place and counts the fields that are equal to the one before. */
static u32 count_repeats(char *s) {
    u32 repeats = 0;
    const char *before = NULL;
    for (char *field = s; field;) {
        char *comma = (char *)find_char(field, ',');
        if (comma) *comma = 0;
        if (before && strcmp(before, field) == 0) repeats++;
        before = field;
        field = comma ? comma + 1 : NULL;
    }
    return repeats;
}

EXPORT("run") i64 run(i32 n) {
    static const char *const names[] = {"alpha", "beta", "gamma", "delta", "epsilon", "zeta"};
    static char line[1024], work[1024];
    u64 seed = 5, sum = 0;
    for (i32 i = 0; i < n; i++) {
        char *out = line;
        u32 fields = 4 + random_below(&seed, 24);
        for (u32 f = 0; f < fields; f++) {
            if (f) out = append(out, ",");
            if (random_below(&seed, 3)) {
                out = append(out, names[random_below(&seed, COUNT_OF(names))]);
            } else {
                out = format(out, (i32)(random_next(&seed) >> 33) - (1 << 30), f & 1 ? 10 : 16);
            }
        }
        memcpy(work, line, (usize)(out - line) + 1);
        const char *at = find(work, "gamma,");
        if (at) sum = mix(sum, (u64)(at - work));
        const char *minus = find_char(work, '-');
        if (minus) sum = mix(sum, (u32)parse(minus));
        upper(work);
        reverse(work);
        sum = mix(sum, hash(work));
        reverse(work);
        sum = mix(sum, count_repeats(work));
    }
    return (i64)sum;
}
