/* A library that takes and returns strings and structs; `malloc` and `free` are exported too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The host writes a line. */
__attribute__((import_module("host"), import_name("log")))
void host_log(const char *text, size_t length);

struct person {
    int age;
    double height;
    const char *name;
};

/* Returns a greeting that the caller frees. */
__attribute__((export_name("greet")))
char *greet(const char *name) {
    static const char start[] = "Hello, ", end[] = "!";
    char *text = malloc(sizeof start + strlen(name) + sizeof end);
    strcpy(text, start);
    strcat(text, name);
    strcat(text, end);
    host_log(text, strlen(text));
    return text;
}

/* Changes a struct of the caller's in place. */
__attribute__((export_name("birthday")))
void birthday(struct person *person) {
    person->age++;
    person->height *= 1.01;
}

/* Returns a struct by value: the caller passes where to put it. */
__attribute__((export_name("older")))
struct person older(const struct person *a, const struct person *b) {
    return a->age > b->age ? *a : *b;
}
