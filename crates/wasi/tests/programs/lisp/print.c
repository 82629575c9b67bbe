/* Writes data as text. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lisp.h"

static void print_float(struct text *t, double d) {
    char buffer[40];
    if (isnan(d) || isinf(d)) {
        text_z(t, isnan(d) ? "+nan" : d < 0 ? "-inf" : "+inf");
        return;
    }
    /* The shortest form that reads back as the same number. */
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(buffer, sizeof buffer, "%.*g", precision, d);
        if (strtod(buffer, NULL) == d)
            break;
    }
    text_z(t, buffer);
    if (!strpbrk(buffer, ".e"))
        text_z(t, ".0");
}

static void print_string(struct text *t, value v) {
    text_char(t, '"');
    for (size_t i = 0; i < v->string.length; i++) {
        char c = v->string.bytes[i];
        switch (c) {
        case '"': text_z(t, "\\\""); break;
        case '\\': text_z(t, "\\\\"); break;
        case '\n': text_z(t, "\\n"); break;
        case '\t': text_z(t, "\\t"); break;
        case '\r': text_z(t, "\\r"); break;
        case '\0': text_z(t, "\\0"); break;
        default: text_char(t, c); break;
        }
    }
    text_char(t, '"');
}

static void print_character(struct text *t, uint32_t c) {
    static const struct {
        uint32_t code;
        const char *name;
    } names[] = {{' ', "space"}, {'\n', "newline"}, {'\t', "tab"}, {'\r', "return"}, {0, "nul"}};
    text_z(t, "#\\");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].code == c) {
            text_z(t, names[i].name);
            return;
        }
    }
    text_utf8(t, c);
}

static const char *prefix(value v) {
    static const struct {
        const char *name, *text;
    } forms[] = {{"quote", "'"},
                 {"quasiquote", "`"},
                 {"unquote", ","},
                 {"unquote-splicing", ",@"}};
    if (!is(head(v), T_SYMBOL) || !is(tail(v), T_PAIR) || tail(tail(v)) != NIL)
        return NULL;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcmp(head(v)->symbol.name, forms[i].name) == 0)
            return forms[i].text;
    return NULL;
}

static void print_list(struct text *t, value v, bool quoted) {
    const char *short_form = prefix(v);
    if (short_form) {
        text_z(t, short_form);
        print_to(t, second(v), quoted);
        return;
    }
    text_char(t, '(');
    for (bool first = true; is(v, T_PAIR); v = tail(v), first = false) {
        if (!first)
            text_char(t, ' ');
        print_to(t, head(v), quoted);
    }
    if (v != NIL) {
        text_z(t, " . ");
        print_to(t, v, quoted);
    }
    text_char(t, ')');
}

static void print_function(struct text *t, const char *kind, value name) {
    text_z(t, "#<");
    text_z(t, kind);
    if (is(name, T_SYMBOL)) {
        text_char(t, ' ');
        text_z(t, name->symbol.name);
    }
    text_char(t, '>');
}

void print_to(struct text *t, value v, bool quoted) {
    char buffer[40];
    switch (type_of(v)) {
    case T_SPECIAL: text_z(t, v->special); break;
    case T_PAIR: print_list(t, v, quoted); break;
    case T_SYMBOL: text_z(t, v->symbol.name); break;
    case T_STRING:
        if (quoted)
            print_string(t, v);
        else
            text_add(t, v->string.bytes, v->string.length);
        break;
    case T_CHAR:
        if (quoted)
            print_character(t, v->character);
        else
            text_utf8(t, v->character);
        break;
    case T_FLOAT: print_float(t, v->number); break;
    case T_BIG: {
        char *text = big_text(v);
        text_z(t, text);
        free(text);
        break;
    }
    case T_FIXNUM:
        snprintf(buffer, sizeof buffer, "%ld", (long)unfix(v));
        text_z(t, buffer);
        break;
    case T_VECTOR:
        text_z(t, "#(");
        for (size_t i = 0; i < v->vector.count; i++) {
            if (i > 0)
                text_char(t, ' ');
            print_to(t, v->vector.items[i], quoted);
        }
        text_char(t, ')');
        break;
    case T_TABLE:
        snprintf(buffer, sizeof buffer, "#<table of %zu>", v->table.live);
        text_z(t, buffer);
        break;
    case T_CLOSURE: print_function(t, "function", v->closure.name); break;
    case T_MACRO: print_function(t, "macro", v->closure.name); break;
    case T_BUILTIN: print_function(t, "builtin", symbol(v->builtin->name)); break;
    case T_ENV: text_z(t, "#<environment>"); break;
    case T_ERROR:
        text_z(t, "#<error ");
        print_to(t, v->error.message, true);
        for (value i = v->error.irritants; is(i, T_PAIR); i = tail(i)) {
            text_char(t, ' ');
            print_to(t, head(i), true);
        }
        text_char(t, '>');
        break;
    }
}

void print_file(FILE *file, value v, bool quoted) {
    struct text t = {0};
    print_to(&t, v, quoted);
    if (t.length > 0)
        fwrite(t.bytes, 1, t.length, file);
    free(t.bytes);
}
