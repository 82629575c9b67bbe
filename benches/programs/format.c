/* Formats n lines with a `printf` of its own: whole numbers in several bases, padding, strings, and
 * floating-point numbers with their shortest digits; then reads the numbers back. */
#include "rt.h"

typedef __builtin_va_list va_list;

typedef struct {
    char *at, *end;
} Buffer;

static void put(Buffer *b, char c) {
    if (b->at < b->end) *b->at++ = c;
}

static void put_padded(Buffer *b, const char *text, u32 len, i32 width, char padding, int left) {
    i32 spare = width > (i32)len ? width - (i32)len : 0;
    if (!left) for (i32 i = 0; i < spare; i++) put(b, padding);
    for (u32 i = 0; i < len; i++) put(b, text[i]);
    if (left) for (i32 i = 0; i < spare; i++) put(b, ' ');
}

static u32 digits_of(char *out, u64 value, u32 base) {
    char reversed[64];
    u32 len = 0;
    do reversed[len++] = "0123456789abcdef"[value % base];
    while (value /= base);
    for (u32 i = 0; i < len; i++) out[i] = reversed[len - 1 - i];
    return len;
}

/* 10 to the power of an exponent. */
static f64 power(i32 exponent) {
    f64 result = 1, factor = exponent < 0 ? 0.1 : 10;
    for (u32 e = (u32)(exponent < 0 ? -exponent : exponent); e; e >>= 1, factor *= factor) {
        if (e & 1) result *= factor;
    }
    return result;
}

/* The fewest digits, up to 15, from which the number can be read back nearly. */
static u32 put_float(char *out, f64 value) {
    char *start = out;
    if (value < 0) {
        *out++ = '-';
        value = -value;
    }
    if (value == 0) {
        *out++ = '0';
        return (u32)(out - start);
    }
    i32 exponent = 0;
    while (value >= 1e8) value *= 1e-8, exponent += 8;
    while (value >= 10) value /= 10, exponent++;
    while (value < 1e-8) value *= 1e8, exponent -= 8;
    while (value < 1) value *= 10, exponent--;
    u32 count = 1;
    u64 digits = 0;
    for (f64 scale = 1; count <= 15; count++, scale *= 10) {
        digits = (u64)(value * scale + 0.5);
        f64 error = (f64)digits / scale - value;
        if (error < 1e-13 && error > -1e-13) break;
    }
    char text[24];
    u32 len = digits_of(text, digits, 10);
    *out++ = text[0];
    if (len > 1) *out++ = '.';
    for (u32 i = 1; i < len; i++) *out++ = text[i];
    if (exponent) {
        *out++ = 'e';
        if (exponent < 0) *out++ = '-';
        out += digits_of(out, (u64)(exponent < 0 ? -exponent : exponent), 10);
    }
    return (u32)(out - start);
}

/* %[-][0][width][l](d|u|x|o|c|s|g|%) */
static NOINLINE void format(Buffer *b, const char *pattern, ...) {
    va_list args;
    __builtin_va_start(args, pattern);
    for (; *pattern; pattern++) {
        if (*pattern != '%') {
            put(b, *pattern);
            continue;
        }
        int left = 0, wide = 0;
        char padding = ' ', text[80];
        i32 width = 0;
        u32 len = 0;
        for (pattern++; *pattern == '-' || *pattern == '0'; pattern++) {
            if (*pattern == '-') left = 1;
            else padding = '0';
        }
        for (; *pattern >= '0' && *pattern <= '9'; pattern++) width = width * 10 + (*pattern - '0');
        if (*pattern == 'l') pattern++, wide = 1;
        switch (*pattern) {
        case 'd': {
            i64 value = wide ? __builtin_va_arg(args, i64) : __builtin_va_arg(args, i32);
            if (value < 0) text[len++] = '-';
            len += digits_of(text + len, value < 0 ? -(u64)value : (u64)value, 10);
            break;
        }
        case 'u': case 'x': case 'o': {
            u64 value = wide ? __builtin_va_arg(args, u64) : __builtin_va_arg(args, u32);
            len = digits_of(text, value, *pattern == 'u' ? 10 : *pattern == 'x' ? 16 : 8);
            break;
        }
        case 'c': text[len++] = (char)__builtin_va_arg(args, int); break;
        case 's': {
            const char *s = __builtin_va_arg(args, const char *);
            put_padded(b, s, (u32)strlen(s), width, ' ', left);
            continue;
        }
        case 'g': len = put_float(text, __builtin_va_arg(args, f64)); break;
        default: text[len++] = *pattern;
        }
        put_padded(b, text, len, width, padding, left);
    }
    __builtin_va_end(args);
}

static const char *read_float(const char *at, f64 *value) {
    f64 sign = 1, number = 0;
    i32 exponent = 0;
    if (*at == '-') sign = -1, at++;
    while (*at >= '0' && *at <= '9') number = number * 10 + (*at++ - '0');
    if (*at == '.') {
        for (at++; *at >= '0' && *at <= '9'; exponent--) number = number * 10 + (*at++ - '0');
    }
    if (*at == 'e') {
        int down = *++at == '-';
        i32 by = 0;
        if (down) at++;
        while (*at >= '0' && *at <= '9') by = by * 10 + (*at++ - '0');
        exponent += down ? -by : by;
    }
    *value = sign * number * power(exponent);
    return at;
}

EXPORT("run") i64 run(i32 n) {
    static const char *const names[] = {"alpha", "beta", "gamma", "a rather long name", ""};
    static char line[256];
    u64 seed = 61, sum = 0;
    f64 total = 0;
    for (i32 i = 0; i < n; i++) {
        u64 r = random_next(&seed);
        f64 value = (f64)(i32)r / (f64)(1 + random_below(&seed, 1000)), back;
        if (i % 3 == 0) value = (f64)random_below(&seed, 10000) / 100;
        Buffer b = {line, line + sizeof line};
        format(&b, "%g %6d|%-20s|%08x|%lu|%lo %c%%\n", value, (i32)r >> (r & 15), names[r % COUNT_OF(names)],
               (u32)r, r, r >> 20, 'a' + (int)(r & 15));
        for (const char *c = line; c < b.at; c++) sum = sum * 31 + (u8)*c;
        read_float(line, &back);
        total += back;
    }
    return (i64)mix(sum, (u64)(i64)total);
}
