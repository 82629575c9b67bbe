/* A small Lisp: what its parts have in common.
 *
 *   reader.c   text to data            print.c    data to text
 *   eval.c     special forms, calls    heap.c     objects and the collector
 *   bignum.c   integers of any size    numbers.c  the tower of numbers
 *   lists.c strings.c tables.c io.c    functions
 *   prelude.c  what is written in Lisp itself
 *
 * An error is a NULL value: the functions that meet one describe it with `fail` and return NULL,
 * and everything in between passes it on.
 */
#ifndef LISP_H
#define LISP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum type {
    T_SPECIAL, /* nil, true, false, end of file, nothing */
    T_PAIR,
    T_SYMBOL,
    T_STRING,
    T_CHAR,
    T_FLOAT,
    T_BIG,
    T_VECTOR,
    T_TABLE,
    T_CLOSURE,
    T_MACRO,
    T_BUILTIN,
    T_ENV,
    T_ERROR,
    T_FIXNUM /* not an object: in the pointer itself */
};

typedef struct object *value;

struct object {
    uint8_t type;
    uint8_t marked;
    uint8_t flag; /* negative (big), frozen (string) */
    struct object *next;
    union {
        struct {
            value head, tail;
        } pair;
        struct {
            char *name;
            value global;
            const struct special_form *form;
            struct object *bucket;
        } symbol;
        struct {
            char *bytes;
            size_t length;
        } string;
        uint32_t character;
        double number;
        struct {
            uint32_t *limbs;
            size_t count;
        } big;
        struct {
            value *items;
            size_t count;
        } vector;
        struct {
            value *keys, *values;
            size_t capacity, used, live;
        } table;
        struct {
            value params, body, env, name;
        } closure;
        const struct builtin *builtin;
        struct {
            value names, values, parent;
        } env;
        struct {
            value message, irritants;
        } error;
        const char *special;
    };
};

struct builtin {
    const char *name;
    int min, max; /* max < 0: any number */
    value (*call)(value args);
};

extern value NIL, TRUE, FALSE, END, NOTHING;

/* Integers of 30 bits live in the pointer. */
#define FIX_MAX ((1 << 29) - 1)
#define FIX_MIN (-(1 << 29))
static inline bool is_fix(value v) { return ((uintptr_t)v & 1) != 0; }
static inline value fix(intptr_t n) { return (value)(uintptr_t)(((uintptr_t)n << 1) | 1); }
static inline intptr_t unfix(value v) { return (intptr_t)v >> 1; }

static inline enum type type_of(value v) { return is_fix(v) ? T_FIXNUM : (enum type)v->type; }
static inline bool is(value v, enum type t) { return type_of(v) == t; }
static inline value truth(bool b) { return b ? TRUE : FALSE; }
static inline bool is_true(value v) { return v != FALSE && v != NIL; }
static inline value head(value v) { return v->pair.head; }
static inline value tail(value v) { return v->pair.tail; }
static inline value second(value v) { return head(tail(v)); }
static inline value third(value v) { return head(tail(tail(v))); }

/* heap.c */
struct heap_stats {
    unsigned long allocated, freed, collections, live;
};
extern struct heap_stats heap_stats;
void heap_init(void);
void collect(void);
size_t keep_mark(void);
void keep_release(size_t mark);
value keep(value v);
value cons(value h, value t);
value symbol(const char *name);
value string_of(const char *bytes, size_t length);
value string_z(const char *text);
value string_own(char *bytes, size_t length);
value character(uint32_t c);
value real(double d);
value big_new(size_t limbs);
value vector_of(size_t count, value fill);
value table_new(void);
value closure_new(enum type type, value params, value body, value env, value name);
value builtin_new(const struct builtin *b);
value env_new(value names, value values, value parent);
value error_new(value message, value irritants);
void define_builtins(const struct builtin *list);
void *xmalloc(size_t bytes);
void *xrealloc(void *old, size_t bytes);

/* errors */
value fail(const char *format, ...);
value fail_with(value error);
value take_error(void);

/* text that grows */
struct text {
    char *bytes;
    size_t length, capacity;
};
void text_add(struct text *t, const char *bytes, size_t length);
void text_char(struct text *t, char c);
void text_z(struct text *t, const char *s);
void text_utf8(struct text *t, uint32_t c);

/* reader.c */
struct reader {
    const char *at, *end;
    const char *name;
    int line;
};
value read_value(struct reader *r);
value parse_number(const char *text, size_t length, int base);

/* print.c */
void print_to(struct text *t, value v, bool quoted);
void print_file(FILE *file, value v, bool quoted);

/* eval.c */
void eval_init(void);
value eval(value expression, value env);
value apply(value function, value args);
value eval_all(struct reader *r, bool show);
size_t list_length(value list);

/* bignum.c */
value big_from(int64_t n);
value big_normal(value b);
value big_parse(const char *digits, size_t count, bool negative);
char *big_text(value v);
double big_double(value v);
int big_compare(value a, value b);
value big_add(value a, value b);
value big_subtract(value a, value b);
value big_multiply(value a, value b);
bool big_divide(value a, value b, value *quotient, value *remainder);

/* numbers.c */
bool is_number(value v);
bool is_integer(value v);
double to_double(value v);
value integer(int64_t n);
int compare_numbers(value a, value b);

/* tables.c */
uint32_t hash_of(value v);
bool equal(value a, value b);
value table_get(value table, value key, value otherwise);
void table_put(value table, value key, value v);

void init_numbers(void);
void init_lists(void);
void init_strings(void);
void init_tables(void);
void init_io(void);
extern const char prelude[];

#endif
