/* What the programs of this folder have in common.
 *
 * Each file is one program with many cases. `PROGRAM CASE` runs the faulty form of a case and
 * `PROGRAM CASE fixed` its corrected twin. A comment `ERROR kind [size]` stands on the line at
 * which the fault has to be reported; `LEAK kind` on the line that allocates what is lost. `ALSO kind`
 * after it allows another report: what a fault both reads and writes has two. */
#ifndef FAULTS_H
#define FAULTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 1 in the corrected twin. */
extern volatile int fixed;

struct fault_case {
    const char *name;
    void (*run)(void);
    struct fault_case *next;
};

/* All cases of the program. */
extern struct fault_case *fault_cases;

#ifdef __cplusplus
}
#endif

/* Keeps the optimiser from knowing the value of a variable, and what it points to. */
#define KEEP(p) __asm__ volatile("" : "+r"(p) : : "memory")

/* Keeps what was written before. */
#define SYNC() __asm__ volatile("" : : : "memory")

#define CASE(name)                                                                    \
    static void name(void);                                                           \
    static struct fault_case case_##name = {#name, name, NULL};                       \
    __attribute__((constructor)) static void register_##name(void) {                  \
        case_##name.next = fault_cases;                                               \
        fault_cases = &case_##name;                                                   \
    }                                                                                 \
    static void name(void)

#endif
