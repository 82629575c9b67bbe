/* Strings of bytes, and characters. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lisp.h"

static bool want_string(const char *name, value v) {
    if (is(v, T_STRING))
        return true;
    fail("%s: expected a string", name);
    return false;
}

/* The range that optional arguments name. */
static bool range(const char *name, value args, size_t length, size_t *start, size_t *end) {
    *start = 0;
    *end = length;
    if (args != NIL) {
        if (!is_fix(head(args)))
            goto bad;
        *start = (size_t)unfix(head(args));
        args = tail(args);
    }
    if (args != NIL) {
        if (!is_fix(head(args)))
            goto bad;
        *end = (size_t)unfix(head(args));
    }
    if (*start <= *end && *end <= length)
        return true;
bad:
    fail("%s: the range is not inside", name);
    return false;
}

static value s_is_string(value args) { return truth(is(head(args), T_STRING)); }
static value s_is_char(value args) { return truth(is(head(args), T_CHAR)); }

static value s_substring(value args) {
    size_t start, end;
    value s = head(args);
    if (!want_string("substring", s) ||
        !range("substring", tail(args), s->string.length, &start, &end))
        return NULL;
    return string_of(s->string.bytes + start, end - start);
}

static value s_ref(value args) {
    value s = head(args);
    if (!want_string("string-ref", s))
        return NULL;
    if (!is_fix(second(args)) || (size_t)unfix(second(args)) >= s->string.length)
        return fail("string-ref: the index is not inside");
    return character((unsigned char)s->string.bytes[unfix(second(args))]);
}

/* Everything as `display` shows it, joined. */
static value s_string(value args) {
    struct text t = {0};
    text_add(&t, "", 0);
    for (; args != NIL; args = tail(args))
        print_to(&t, head(args), false);
    return string_own(t.bytes, t.length);
}

static value s_written(value args) {
    struct text t = {0};
    text_add(&t, "", 0);
    print_to(&t, head(args), true);
    return string_own(t.bytes, t.length);
}

static value s_to_number(value args) {
    if (!want_string("string->number", head(args)))
        return NULL;
    int base = tail(args) == NIL ? 10 : (int)unfix(second(args));
    value n = parse_number(head(args)->string.bytes, head(args)->string.length, base);
    return n ? n : FALSE;
}

static value s_to_list(value args) {
    if (!want_string("string->list", head(args)))
        return NULL;
    value list = NIL;
    for (size_t i = head(args)->string.length; i-- > 0;)
        list = cons(character((unsigned char)head(args)->string.bytes[i]), list);
    return list;
}

static value s_from_list(value args) {
    struct text t = {0};
    text_add(&t, "", 0);
    for (value v = head(args); is(v, T_PAIR); v = tail(v)) {
        if (!is(head(v), T_CHAR)) {
            free(t.bytes);
            return fail("list->string: expected characters");
        }
        if (head(v)->character < 256)
            text_char(&t, (char)head(v)->character);
        else
            text_utf8(&t, head(v)->character);
    }
    return string_own(t.bytes, t.length);
}

static int compare_strings(value a, value b) {
    size_t shorter = a->string.length < b->string.length ? a->string.length : b->string.length;
    int order = memcmp(a->string.bytes, b->string.bytes, shorter);
    if (order != 0)
        return order;
    return (a->string.length > b->string.length) - (a->string.length < b->string.length);
}

static value s_equal(value args) {
    if (!want_string("string=?", head(args)) || !want_string("string=?", second(args)))
        return NULL;
    return truth(compare_strings(head(args), second(args)) == 0);
}

static value s_less(value args) {
    if (!want_string("string<?", head(args)) || !want_string("string<?", second(args)))
        return NULL;
    return truth(compare_strings(head(args), second(args)) < 0);
}

static value map_bytes(const char *name, value s, int (*change)(int)) {
    if (!want_string(name, s))
        return NULL;
    value copy = string_of(s->string.bytes, s->string.length);
    for (size_t i = 0; i < copy->string.length; i++)
        copy->string.bytes[i] = (char)change((unsigned char)copy->string.bytes[i]);
    return copy;
}

static value s_upcase(value args) { return map_bytes("string-upcase", head(args), toupper); }
static value s_downcase(value args) { return map_bytes("string-downcase", head(args), tolower); }

static value s_index(value args) {
    value s = head(args), part = second(args);
    if (!want_string("string-index", s) || !want_string("string-index", part))
        return NULL;
    size_t from = tail(tail(args)) == NIL ? 0 : (size_t)unfix(third(args));
    for (size_t i = from; i + part->string.length <= s->string.length; i++)
        if (memcmp(s->string.bytes + i, part->string.bytes, part->string.length) == 0)
            return fix((intptr_t)i);
    return FALSE;
}

static value s_split(value args) {
    value s = head(args);
    if (!want_string("string-split", s) || !is(second(args), T_CHAR))
        return fail("string-split: expected a string and a character");
    char separator = (char)second(args)->character;
    value parts = NIL;
    size_t end = s->string.length;
    for (size_t i = s->string.length + 1; i-- > 0;) {
        if (i == 0 || s->string.bytes[i - 1] == separator) {
            parts = cons(string_of(s->string.bytes + i, end - i), parts);
            end = i ? i - 1 : 0;
        }
    }
    return parts;
}

static value s_join(value args) {
    if (!want_string("string-join", second(args)))
        return NULL;
    struct text t = {0};
    text_add(&t, "", 0);
    for (value v = head(args); is(v, T_PAIR); v = tail(v)) {
        if (v != head(args))
            text_add(&t, second(args)->string.bytes, second(args)->string.length);
        print_to(&t, head(v), false);
    }
    return string_own(t.bytes, t.length);
}

static value s_pad(value args) {
    struct text t = {0};
    intptr_t width = is_fix(second(args)) ? unfix(second(args)) : 0;
    text_add(&t, "", 0);
    print_to(&t, head(args), false);
    struct text padded = {0};
    size_t wanted = (size_t)(width < 0 ? -width : width);
    size_t spaces = t.length < wanted ? wanted - t.length : 0;
    if (width < 0)
        text_add(&padded, t.bytes, t.length);
    for (size_t i = 0; i < spaces; i++)
        text_char(&padded, ' ');
    if (width >= 0)
        text_add(&padded, t.bytes, t.length);
    free(t.bytes);
    if (!padded.bytes)
        return string_of("", 0);
    return string_own(padded.bytes, padded.length);
}

static value s_char_to_integer(value args) {
    return is(head(args), T_CHAR) ? fix((intptr_t)head(args)->character)
                                  : fail("char->integer: expected a character");
}

static value s_integer_to_char(value args) {
    if (!is_fix(head(args)) || unfix(head(args)) < 0 || unfix(head(args)) > 0x10ffff)
        return fail("integer->char: there is no such character");
    return character((uint32_t)unfix(head(args)));
}

static value s_is_alphabetic(value args) {
    return truth(is(head(args), T_CHAR) && head(args)->character < 128 &&
                 isalpha((int)head(args)->character));
}

static value s_is_numeric(value args) {
    return truth(is(head(args), T_CHAR) && head(args)->character < 128 &&
                 isdigit((int)head(args)->character));
}

static value s_is_space(value args) {
    return truth(is(head(args), T_CHAR) && head(args)->character < 128 &&
                 isspace((int)head(args)->character));
}

static const struct builtin functions[] = {
    {"string?", 1, 1, s_is_string},
    {"char?", 1, 1, s_is_char},
    {"substring", 2, 3, s_substring},
    {"string-ref", 2, 2, s_ref},
    {"string", 0, -1, s_string},
    {"string-append", 0, -1, s_string},
    {"written", 1, 1, s_written},
    {"string->number", 1, 2, s_to_number},
    {"string->list", 1, 1, s_to_list},
    {"list->string", 1, 1, s_from_list},
    {"string=?", 2, 2, s_equal},
    {"string<?", 2, 2, s_less},
    {"string-upcase", 1, 1, s_upcase},
    {"string-downcase", 1, 1, s_downcase},
    {"string-index", 2, 3, s_index},
    {"string-split", 2, 2, s_split},
    {"string-join", 2, 2, s_join},
    {"pad", 2, 2, s_pad},
    {"char->integer", 1, 1, s_char_to_integer},
    {"integer->char", 1, 1, s_integer_to_char},
    {"char-alphabetic?", 1, 1, s_is_alphabetic},
    {"char-numeric?", 1, 1, s_is_numeric},
    {"char-whitespace?", 1, 1, s_is_space},
    {NULL, 0, 0, NULL},
};

void init_strings(void) { define_builtins(functions); }
