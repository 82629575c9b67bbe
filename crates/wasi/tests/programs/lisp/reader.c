/* Reads data from text. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lisp.h"

static value read_error(struct reader *r, const char *what) {
    return fail("%s:%d: %s", r->name, r->line, what);
}

static void skip(struct reader *r) {
    int depth = 0;
    while (r->at < r->end) {
        char c = *r->at;
        if (c == '\n')
            r->line++;
        if (depth == 0 && c == ';') {
            while (r->at < r->end && *r->at != '\n')
                r->at++;
            continue;
        }
        if (c == '#' && r->at + 1 < r->end && r->at[1] == '|') {
            depth++;
            r->at += 2;
            continue;
        }
        if (depth > 0 && c == '|' && r->at + 1 < r->end && r->at[1] == '#') {
            depth--;
            r->at += 2;
            continue;
        }
        if (depth == 0 && !isspace((unsigned char)c))
            return;
        r->at++;
    }
}

static bool is_delimiter(char c) {
    return isspace((unsigned char)c) || strchr("()[]\";'`,", c) != NULL;
}

static value read_list(struct reader *r, char close) {
    value items = NIL, last = NIL;
    for (;;) {
        skip(r);
        if (r->at == r->end)
            return read_error(r, "a list is not closed");
        if (*r->at == close) {
            r->at++;
            return items;
        }
        if (*r->at == ')' || *r->at == ']')
            return read_error(r, "a list is closed with the wrong bracket");
        if (*r->at == '.' && r->at + 1 < r->end && is_delimiter(r->at[1])) {
            r->at++;
            value rest = read_value(r);
            if (!rest)
                return NULL;
            if (last == NIL)
                return read_error(r, "nothing is before the dot");
            last->pair.tail = rest;
            skip(r);
            if (r->at == r->end || *r->at != close)
                return read_error(r, "more than one datum is behind the dot");
            r->at++;
            return items;
        }
        value item = read_value(r);
        if (!item)
            return NULL;
        value cell = cons(item, NIL);
        if (last == NIL)
            items = cell;
        else
            last->pair.tail = cell;
        last = cell;
    }
}

static value read_string(struct reader *r) {
    struct text t = {0};
    while (r->at < r->end && *r->at != '"') {
        char c = *r->at++;
        if (c == '\n')
            r->line++;
        if (c != '\\') {
            text_char(&t, c);
            continue;
        }
        if (r->at == r->end)
            break;
        c = *r->at++;
        switch (c) {
        case 'n': text_char(&t, '\n'); break;
        case 't': text_char(&t, '\t'); break;
        case 'r': text_char(&t, '\r'); break;
        case '0': text_char(&t, '\0'); break;
        case 'u': {
            char *end;
            char hex[9] = {0};
            size_t left = (size_t)(r->end - r->at);
            memcpy(hex, r->at, left < 8 ? left : 8);
            if (hex[0] != '{')
                return read_error(r, "\\u needs {a hexadecimal number}");
            unsigned long code = strtoul(hex + 1, &end, 16);
            if (*end != '}')
                return read_error(r, "\\u needs {a hexadecimal number}");
            text_utf8(&t, (uint32_t)code);
            r->at += end - hex + 1;
            break;
        }
        default: text_char(&t, c); break;
        }
    }
    if (r->at == r->end) {
        free(t.bytes);
        return read_error(r, "a string is not closed");
    }
    r->at++;
    if (!t.bytes)
        return string_of("", 0);
    return string_own(t.bytes, t.length);
}

static const struct {
    const char *name;
    uint32_t code;
} character_names[] = {{"space", ' '}, {"newline", '\n'}, {"tab", '\t'}, {"return", '\r'},
                       {"nul", 0},     {"escape", 27},    {"delete", 127}};

static value read_hash(struct reader *r) {
    if (r->at == r->end)
        return read_error(r, "nothing is behind #");
    char c = *r->at;
    if (c == '(') {
        r->at++;
        value list = read_list(r, ')');
        if (!list)
            return NULL;
        value v = vector_of(list_length(list), NIL);
        for (size_t i = 0; list != NIL; list = tail(list))
            v->vector.items[i++] = head(list);
        return v;
    }
    const char *start = r->at;
    if (c == '\\') {
        r->at += 2;
        while (r->at < r->end && !is_delimiter(*r->at))
            r->at++;
        size_t length = (size_t)(r->at - start) - 1;
        if (length == 1)
            return character((unsigned char)start[1]);
        for (size_t i = 0; i < sizeof character_names / sizeof *character_names; i++)
            if (strlen(character_names[i].name) == length &&
                memcmp(character_names[i].name, start + 1, length) == 0)
                return character(character_names[i].code);
        if (start[1] == 'x' && length > 1)
            return character((uint32_t)strtoul(start + 2, NULL, 16));
        return read_error(r, "a character has no such name");
    }
    while (r->at < r->end && !is_delimiter(*r->at))
        r->at++;
    size_t length = (size_t)(r->at - start);
    if (length == 1 && c == 't')
        return TRUE;
    if (length == 1 && c == 'f')
        return FALSE;
    int base = c == 'x' ? 16 : c == 'b' ? 2 : c == 'o' ? 8 : 0;
    if (base) {
        value n = parse_number(start + 1, length - 1, base);
        if (n)
            return n;
    }
    return read_error(r, "what is behind # is not known");
}

/* A number, or NULL without an error if the text is none. */
value parse_number(const char *text, size_t length, int base) {
    size_t at = 0;
    bool negative = false;
    if (length > 1 && (text[0] == '-' || text[0] == '+')) {
        negative = text[0] == '-';
        at++;
    }
    size_t digits = at;
    while (at < length && isdigit((unsigned char)text[at]))
        at++;
    if (base == 10 && at == length && at > digits)
        return big_parse(text + digits, length - digits, negative);
    if (base != 10) {
        value n = fix(0);
        for (at = digits; at < length; at++) {
            int c = tolower((unsigned char)text[at]);
            int digit = isdigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
            if (digit >= base)
                return NULL;
            n = big_add(big_multiply(n, fix(base)), fix(digit));
        }
        if (at == digits)
            return NULL;
        return negative ? big_subtract(fix(0), n) : n;
    }
    /* A float: digits with a dot or an exponent. */
    bool seen_digit = at > digits;
    if (at < length && text[at] == '.') {
        at++;
        while (at < length && isdigit((unsigned char)text[at])) {
            at++;
            seen_digit = true;
        }
    }
    if (!seen_digit)
        return NULL;
    if (at < length && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        if (at < length && (text[at] == '-' || text[at] == '+'))
            at++;
        if (at == length)
            return NULL;
        while (at < length && isdigit((unsigned char)text[at]))
            at++;
    }
    if (at != length || length > 300)
        return NULL;
    char copy[304];
    memcpy(copy, text, length);
    copy[length] = 0;
    return real(strtod(copy, NULL));
}

static value read_atom(struct reader *r) {
    const char *start = r->at;
    while (r->at < r->end && !is_delimiter(*r->at))
        r->at++;
    size_t length = (size_t)(r->at - start);
    value n = parse_number(start, length, 10);
    if (n)
        return n;
    char name[128];
    if (length >= sizeof name)
        return read_error(r, "a name is too long");
    memcpy(name, start, length);
    name[length] = 0;
    return symbol(name);
}

static value read_quoted(struct reader *r, const char *name) {
    value datum = read_value(r);
    return datum ? cons(symbol(name), cons(datum, NIL)) : NULL;
}

/* The next datum; END at the end of the text. */
value read_value(struct reader *r) {
    skip(r);
    if (r->at == r->end)
        return END;
    switch (*r->at) {
    case '(':
        r->at++;
        return read_list(r, ')');
    case '[':
        r->at++;
        return read_list(r, ']');
    case ')':
    case ']':
        r->at++;
        return read_error(r, "a bracket closes nothing");
    case '"':
        r->at++;
        return read_string(r);
    case '\'':
        r->at++;
        return read_quoted(r, "quote");
    case '`':
        r->at++;
        return read_quoted(r, "quasiquote");
    case ',':
        r->at++;
        if (r->at < r->end && *r->at == '@') {
            r->at++;
            return read_quoted(r, "unquote-splicing");
        }
        return read_quoted(r, "unquote");
    case '#':
        r->at++;
        return read_hash(r);
    default:
        return read_atom(r);
    }
}
