/* Numbers: fixnums, big integers and floats, each giving way to the next. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lisp.h"

bool is_integer(value v) { return is(v, T_FIXNUM) || is(v, T_BIG); }

bool is_number(value v) { return is_integer(v) || is(v, T_FLOAT); }

double to_double(value v) {
    return is(v, T_FIXNUM) ? (double)unfix(v) : is(v, T_FLOAT) ? v->number : big_double(v);
}

value integer(int64_t n) { return big_from(n); }

int compare_numbers(value a, value b) {
    if (is(a, T_FIXNUM) && is(b, T_FIXNUM))
        return (unfix(a) > unfix(b)) - (unfix(a) < unfix(b));
    if (is(a, T_FLOAT) || is(b, T_FLOAT)) {
        double x = to_double(a), y = to_double(b);
        return (x > y) - (x < y);
    }
    return big_compare(a, b);
}

static value not_a_number(const char *name) { return fail("%s: expected a number", name); }

enum operation { ADD, SUBTRACT, MULTIPLY };

static value combine(enum operation op, value a, value b) {
    if (is(a, T_FLOAT) || is(b, T_FLOAT)) {
        double x = to_double(a), y = to_double(b);
        return real(op == ADD ? x + y : op == SUBTRACT ? x - y : x * y);
    }
    if (is_fix(a) && is_fix(b)) {
        int64_t x = unfix(a), y = unfix(b);
        return big_from(op == ADD ? x + y : op == SUBTRACT ? x - y : x * y);
    }
    return op == ADD ? big_add(a, b) : op == SUBTRACT ? big_subtract(a, b) : big_multiply(a, b);
}

static value fold(const char *name, enum operation op, value start, value args) {
    value sum = start;
    for (; args != NIL; args = tail(args)) {
        if (!is_number(head(args)))
            return not_a_number(name);
        sum = combine(op, sum, head(args));
    }
    return sum;
}

static value n_add(value args) { return fold("+", ADD, fix(0), args); }

static value n_multiply(value args) { return fold("*", MULTIPLY, fix(1), args); }

static value n_subtract(value args) {
    if (!is_number(head(args)))
        return not_a_number("-");
    if (tail(args) == NIL)
        return combine(SUBTRACT, fix(0), head(args));
    return fold("-", SUBTRACT, head(args), tail(args));
}

static value divide(value a, value b) {
    if (!is_number(a) || !is_number(b))
        return not_a_number("/");
    if (is_integer(a) && is_integer(b)) {
        value q, r;
        if (!big_divide(a, b, &q, &r))
            return fail("/: division by zero");
        if (r == fix(0))
            return q;
    }
    return real(to_double(a) / to_double(b));
}

static value n_divide(value args) {
    if (tail(args) == NIL)
        return divide(fix(1), head(args));
    value quotient = head(args);
    for (args = tail(args); args != NIL; args = tail(args))
        if (!(quotient = divide(quotient, head(args))))
            return NULL;
    return quotient;
}

static bool integers(value args, value *q, value *r, const char *name) {
    if (!is_integer(head(args)) || !is_integer(second(args))) {
        fail("%s: expected integers", name);
        return false;
    }
    if (!big_divide(head(args), second(args), q, r)) {
        fail("%s: division by zero", name);
        return false;
    }
    return true;
}

static value n_quotient(value args) {
    value q, r;
    return integers(args, &q, &r, "quotient") ? q : NULL;
}

static value n_remainder(value args) {
    value q, r;
    return integers(args, &q, &r, "remainder") ? r : NULL;
}

/* The remainder with the divisor's sign. */
static value n_modulo(value args) {
    value q, r, by = second(args);
    if (!integers(args, &q, &r, "modulo"))
        return NULL;
    if (r != fix(0) && (compare_numbers(r, fix(0)) < 0) != (compare_numbers(by, fix(0)) < 0))
        r = combine(ADD, r, by);
    return r;
}

static value compare_all(const char *name, value args, int low, int high) {
    for (value a = args; a != NIL; a = tail(a))
        if (!is_number(head(a)))
            return not_a_number(name);
    for (; tail(args) != NIL; args = tail(args)) {
        value a = head(args), b = second(args);
        if (is(a, T_FLOAT) || is(b, T_FLOAT)) {
            if (isnan(to_double(a)) || isnan(to_double(b)))
                return FALSE;
        }
        int order = compare_numbers(a, b);
        if (order < low || order > high)
            return FALSE;
    }
    return TRUE;
}

static value n_equal(value args) { return compare_all("=", args, 0, 0); }
static value n_less(value args) { return compare_all("<", args, -1, -1); }
static value n_greater(value args) { return compare_all(">", args, 1, 1); }
static value n_less_equal(value args) { return compare_all("<=", args, -1, 0); }
static value n_greater_equal(value args) { return compare_all(">=", args, 0, 1); }

static value extreme(const char *name, value args, int wanted) {
    value best = head(args);
    for (; args != NIL; args = tail(args)) {
        if (!is_number(head(args)))
            return not_a_number(name);
        if (compare_numbers(head(args), best) == wanted)
            best = head(args);
    }
    return best;
}

static value n_min(value args) { return extreme("min", args, -1); }
static value n_max(value args) { return extreme("max", args, 1); }

static value n_abs(value args) {
    if (!is_number(head(args)))
        return not_a_number("abs");
    if (is(head(args), T_FLOAT))
        return real(fabs(head(args)->number));
    return compare_numbers(head(args), fix(0)) < 0 ? combine(SUBTRACT, fix(0), head(args))
                                                   : head(args);
}

static value n_gcd(value args) {
    value a = fix(0);
    for (; args != NIL; args = tail(args)) {
        value b = head(args);
        if (!is_integer(b))
            return fail("gcd: expected integers");
        while (b != fix(0)) {
            value q, r;
            big_divide(a, b, &q, &r);
            a = b;
            b = r;
        }
    }
    return n_abs(cons(a, NIL));
}

static value n_expt(value args) {
    value base = head(args), exponent = second(args);
    if (!is_number(base) || !is_number(exponent))
        return not_a_number("expt");
    if (!is_integer(base) || !is_fix(exponent) || unfix(exponent) < 0)
        return real(pow(to_double(base), to_double(exponent)));
    value result = fix(1);
    for (intptr_t n = unfix(exponent); n > 0; n >>= 1) {
        if (n & 1)
            result = combine(MULTIPLY, result, base);
        if (n > 1)
            base = combine(MULTIPLY, base, base);
    }
    return result;
}

/* The largest integer whose square is not more, by Newton's method. */
static value n_isqrt(value args) {
    value n = head(args);
    if (!is_integer(n) || compare_numbers(n, fix(0)) < 0)
        return fail("isqrt: expected an integer that is not negative");
    if (n == fix(0))
        return n;
    value x = n, q, r;
    for (;;) {
        big_divide(n, x, &q, &r);
        value y = combine(ADD, x, q);
        big_divide(y, fix(2), &y, &r);
        if (compare_numbers(y, x) >= 0)
            return x;
        x = y;
    }
}

#define REAL_FUNCTION(c_name, name, expression)                                                   \
    static value c_name(value args) {                                                             \
        if (!is_number(head(args)))                                                               \
            return not_a_number(name);                                                            \
        double x = to_double(head(args));                                                         \
        return real(expression);                                                                  \
    }

REAL_FUNCTION(n_sin, "sin", sin(x))
REAL_FUNCTION(n_cos, "cos", cos(x))
REAL_FUNCTION(n_atan, "atan", tail(args) == NIL ? atan(x) : atan2(x, to_double(second(args))))
REAL_FUNCTION(n_exp, "exp", exp(x))
REAL_FUNCTION(n_log, "log", log(x))
REAL_FUNCTION(n_float, "float", x)

static value n_sqrt(value args) {
    if (!is_number(head(args)))
        return not_a_number("sqrt");
    if (is_integer(head(args)) && compare_numbers(head(args), fix(0)) >= 0) {
        value root = n_isqrt(args);
        if (compare_numbers(combine(MULTIPLY, root, root), head(args)) == 0)
            return root;
    }
    return real(sqrt(to_double(head(args))));
}

static value whole(double d) {
    if (isnan(d) || isinf(d))
        return fail("a float is not finite");
    if (fabs(d) < 9e18)
        return big_from((int64_t)d);
    char digits[400];
    snprintf(digits, sizeof digits, "%.0f", fabs(d));
    return big_parse(digits, strlen(digits), d < 0);
}

#define ROUND_FUNCTION(c_name, name, expression)                                                  \
    static value c_name(value args) {                                                             \
        if (is_integer(head(args)))                                                               \
            return head(args);                                                                    \
        if (!is(head(args), T_FLOAT))                                                             \
            return not_a_number(name);                                                            \
        double x = head(args)->number;                                                            \
        return whole(expression);                                                                 \
    }

ROUND_FUNCTION(n_floor, "floor", floor(x))
ROUND_FUNCTION(n_ceiling, "ceiling", ceil(x))
ROUND_FUNCTION(n_truncate, "truncate", trunc(x))
ROUND_FUNCTION(n_round, "round", nearbyint(x))

static value bits(const char *name, value args, int op) {
    uint32_t a = 0;
    bool first = true;
    for (; args != NIL; args = tail(args), first = false) {
        if (!is_fix(head(args)))
            return fail("%s: expected small integers", name);
        uint32_t b = (uint32_t)unfix(head(args));
        a = first ? b : op == 0 ? a & b : op == 1 ? a | b : a ^ b;
    }
    return big_from((int32_t)a);
}

static value n_and(value args) { return bits("bit-and", args, 0); }
static value n_or(value args) { return bits("bit-or", args, 1); }
static value n_xor(value args) { return bits("bit-xor", args, 2); }

static value n_shift(value args) {
    if (!is_integer(head(args)) || !is_fix(second(args)))
        return fail("shift: expected integers");
    intptr_t by = unfix(second(args));
    value power = n_expt(cons(fix(2), cons(fix(by < 0 ? -by : by), NIL)));
    if (by >= 0)
        return combine(MULTIPLY, head(args), power);
    value q, r;
    big_divide(head(args), power, &q, &r);
    if (compare_numbers(r, fix(0)) < 0)
        q = combine(SUBTRACT, q, fix(1));
    return q;
}

static value n_is_number(value args) { return truth(is_number(head(args))); }
static value n_is_integer(value args) { return truth(is_integer(head(args))); }
static value n_is_float(value args) { return truth(is(head(args), T_FLOAT)); }

static value n_to_string(value args) {
    if (!is_number(head(args)))
        return not_a_number("number->string");
    intptr_t base = tail(args) == NIL ? 10 : unfix(second(args));
    struct text t = {0};
    if (base == 10 || is(head(args), T_FLOAT)) {
        print_to(&t, head(args), false);
        return string_own(t.bytes, t.length);
    }
    if (base < 2 || base > 16)
        return fail("number->string: a base is from 2 to 16");
    char digits[1100];
    size_t at = sizeof digits;
    value n = n_abs(args), r;
    do {
        if (at < 2)
            return fail("number->string: the number is too long");
        big_divide(n, fix(base), &n, &r);
        digits[--at] = "0123456789abcdef"[unfix(r)];
    } while (n != fix(0));
    if (compare_numbers(head(args), fix(0)) < 0)
        digits[--at] = '-';
    return string_of(digits + at, sizeof digits - at);
}

static const struct builtin functions[] = {
    {"+", 0, -1, n_add},
    {"-", 1, -1, n_subtract},
    {"*", 0, -1, n_multiply},
    {"/", 1, -1, n_divide},
    {"quotient", 2, 2, n_quotient},
    {"remainder", 2, 2, n_remainder},
    {"modulo", 2, 2, n_modulo},
    {"=", 1, -1, n_equal},
    {"<", 1, -1, n_less},
    {">", 1, -1, n_greater},
    {"<=", 1, -1, n_less_equal},
    {">=", 1, -1, n_greater_equal},
    {"min", 1, -1, n_min},
    {"max", 1, -1, n_max},
    {"abs", 1, 1, n_abs},
    {"gcd", 0, -1, n_gcd},
    {"expt", 2, 2, n_expt},
    {"isqrt", 1, 1, n_isqrt},
    {"sqrt", 1, 1, n_sqrt},
    {"sin", 1, 1, n_sin},
    {"cos", 1, 1, n_cos},
    {"atan", 1, 2, n_atan},
    {"exp", 1, 1, n_exp},
    {"log", 1, 1, n_log},
    {"float", 1, 1, n_float},
    {"floor", 1, 1, n_floor},
    {"ceiling", 1, 1, n_ceiling},
    {"truncate", 1, 1, n_truncate},
    {"round", 1, 1, n_round},
    {"bit-and", 1, -1, n_and},
    {"bit-or", 1, -1, n_or},
    {"bit-xor", 1, -1, n_xor},
    {"shift", 2, 2, n_shift},
    {"number?", 1, 1, n_is_number},
    {"integer?", 1, 1, n_is_integer},
    {"float?", 1, 1, n_is_float},
    {"number->string", 1, 2, n_to_string},
    {NULL, 0, 0, NULL},
};

void init_numbers(void) { define_builtins(functions); }
