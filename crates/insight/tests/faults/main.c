/* Runs one case of the program that it is linked to, or lists them. */
#include "faults.h"

volatile int fixed;
struct fault_case *fault_cases;

int main(int argc, char **argv) {
    struct fault_case *c;
    fixed = argc > 2;
    for (c = fault_cases; c; c = c->next) {
        if (argc < 2) puts(c->name);
        else if (strcmp(c->name, argv[1]) == 0) {
            c->run();
            return 0;
        }
    }
    return argc < 2 ? 0 : 2;
}
