/* Input, output, files and the world outside. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lisp.h"

static value i_display(value args) {
    for (; args != NIL; args = tail(args))
        print_file(stdout, head(args), false);
    return NOTHING;
}

static value i_print(value args) {
    i_display(args);
    putchar('\n');
    return NOTHING;
}

static value i_write(value args) {
    print_file(stdout, head(args), true);
    return NOTHING;
}

static value i_newline(value args) {
    (void)args;
    putchar('\n');
    return NOTHING;
}

static value i_read_line(value args) {
    (void)args;
    struct text t = {0};
    text_add(&t, "", 0);
    int c;
    while ((c = getchar()) != EOF && c != '\n')
        text_char(&t, (char)c);
    if (c == EOF && t.length == 0) {
        free(t.bytes);
        return END;
    }
    return string_own(t.bytes, t.length);
}

static value i_is_eof(value args) { return truth(head(args) == END); }

static bool want_path(const char *name, value v) {
    if (is(v, T_STRING))
        return true;
    fail("%s: expected a path", name);
    return false;
}

static value i_read_file(value args) {
    if (!want_path("read-file", head(args)))
        return NULL;
    FILE *file = fopen(head(args)->string.bytes, "rb");
    if (!file)
        return fail("read-file: %s: %s", head(args)->string.bytes, strerror(errno));
    struct text t = {0};
    text_add(&t, "", 0);
    char block[4096];
    size_t got;
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        text_add(&t, block, got);
    fclose(file);
    return string_own(t.bytes, t.length);
}

static value i_write_file(value args) {
    if (!want_path("write-file", head(args)) || !is(second(args), T_STRING))
        return fail("write-file: expected a path and a string");
    const char *mode = tail(tail(args)) != NIL && is_true(third(args)) ? "ab" : "wb";
    FILE *file = fopen(head(args)->string.bytes, mode);
    if (!file)
        return fail("write-file: %s: %s", head(args)->string.bytes, strerror(errno));
    size_t length = second(args)->string.length;
    bool written = fwrite(second(args)->string.bytes, 1, length, file) == length;
    if (fclose(file) != 0 || !written)
        return fail("write-file: %s: %s", head(args)->string.bytes, strerror(errno));
    return fix((intptr_t)length);
}

static value i_remove_file(value args) {
    if (!want_path("remove-file", head(args)))
        return NULL;
    return truth(remove(head(args)->string.bytes) == 0);
}

static value i_getenv(value args) {
    if (!is(head(args), T_STRING))
        return fail("getenv: expected a name");
    const char *found = getenv(head(args)->string.bytes);
    return found ? string_z(found) : FALSE;
}

static value i_exit(value args) {
    fflush(stdout);
    exit(args == NIL ? 0 : is_fix(head(args)) ? (int)unfix(head(args)) : 1);
}

static value i_collect(value args) {
    (void)args;
    collect();
    return truth(heap_stats.live < heap_stats.allocated);
}

static value i_read_string(value args) {
    if (!is(head(args), T_STRING))
        return fail("read-string: expected a string");
    value s = head(args);
    struct reader r = {s->string.bytes, s->string.bytes + s->string.length, "string", 1};
    return read_value(&r);
}

static const struct builtin functions[] = {
    {"display", 0, -1, i_display},
    {"print", 0, -1, i_print},
    {"write", 1, 1, i_write},
    {"newline", 0, 0, i_newline},
    {"read-line", 0, 0, i_read_line},
    {"eof?", 1, 1, i_is_eof},
    {"read-file", 1, 1, i_read_file},
    {"write-file", 2, 3, i_write_file},
    {"remove-file", 1, 1, i_remove_file},
    {"getenv", 1, 1, i_getenv},
    {"exit", 0, 1, i_exit},
    {"collect", 0, 0, i_collect},
    {"read-string", 1, 1, i_read_string},
    {NULL, 0, 0, NULL},
};

void init_io(void) { define_builtins(functions); }
