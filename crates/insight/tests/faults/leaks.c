/* Blocks that are lost, and blocks that are still reachable at exit. */
#include "faults.h"

CASE(lost_at_once) {
    char *p = malloc(100); // LEAK definite
    KEEP(p);
    p[0] = 1;
    if (fixed) free(p);
    p = NULL;
    KEEP(p);
}

static char *text;

CASE(overwritten_pointer) {
    text = malloc(30); // LEAK definite
    KEEP(text);
    if (fixed) free(text);
    text = malloc(31);
    KEEP(text);
    free(text);
    text = NULL;
}

struct node { struct node *next; char name[20]; };

static struct node *list;

static void grow_list(void) {
    struct node *n = malloc(sizeof *n); // LEAK definite
    n->next = list;
    list = n;
}

CASE(lost_list) {
    for (int i = 0; i < 5; i++) grow_list();
    while (fixed && list) {
        struct node *next = list->next;
        free(list);
        list = next;
    }
    list = NULL;
}

static char *kept;

CASE(reachable) {
    kept = malloc(50); // LEAK reachable
    KEEP(kept);
    if (fixed) { free(kept); kept = NULL; }
}

CASE(possible) {
    kept = malloc(60); // LEAK possible
    KEEP(kept);
    if (fixed) { free(kept); kept = NULL; }
    else kept += 10;
}

CASE(cycle) {
    struct node *a = malloc(sizeof *a); // LEAK definite
    struct node *b = malloc(sizeof *b);
    KEEP(a); KEEP(b);
    a->next = b;
    b->next = a;
    if (fixed) { free(a); free(b); }
    a = b = NULL;
    KEEP(a); KEEP(b);
}

static int fails(int step) {
    char *p = malloc(12); // LEAK definite
    KEEP(p);
    if (step == 1 && !fixed) return -1;
    free(p);
    return 0;
}

CASE(early_return) { (void)fails(0); (void)fails(1); }

CASE(realloc_result_dropped) {
    char *p = malloc(16);
    KEEP(p);
    char *q = realloc(p, 32); // LEAK definite
    KEEP(q);
    if (fixed) free(q);
    q = NULL;
    KEEP(q);
}

CASE(strdup_dropped) {
    const char *from = "a name";
    KEEP(from);
    char *p = strdup(from); // LEAK definite
    KEEP(p);
    if (fixed) free(p);
    p = NULL;
    KEEP(p);
}
