/* `lisp [FILE...]`: runs files, or what is on standard input, showing each value. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lisp.h"

static int report(void) {
    value error = take_error();
    fflush(stdout);
    fputs("error: ", stderr);
    print_file(stderr, error->error.message, false);
    for (value i = error->error.irritants; is(i, T_PAIR); i = tail(i)) {
        fputc(' ', stderr);
        print_file(stderr, head(i), true);
    }
    fputc('\n', stderr);
    return 1;
}

static int run(const char *name, FILE *file, bool show) {
    struct text t = {0};
    text_add(&t, "", 0);
    char block[4096];
    size_t got;
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        text_add(&t, block, got);
    struct reader r = {t.bytes, t.bytes + t.length, name, 1};
    value last = eval_all(&r, show);
    free(t.bytes);
    return last ? 0 : report();
}

int main(int argc, char **argv) {
    heap_init();
    eval_init();
    init_numbers();
    init_lists();
    init_strings();
    init_tables();
    init_io();
    struct reader r = {prelude, prelude + strlen(prelude), "prelude", 1};
    if (!eval_all(&r, false))
        return report();

    int status = 0;
    if (argc < 2)
        status = run("stdin", stdin, true);
    for (int i = 1; i < argc && status == 0; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file) {
            fprintf(stderr, "lisp: %s: %s\n", argv[i], strerror(errno));
            return 2;
        }
        status = run(argv[i], file, false);
        fclose(file);
    }
    fflush(stdout);
    return status;
}
