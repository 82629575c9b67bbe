/* Objects, and the collector: mark and sweep.
 *
 * Everything allocated is kept until the evaluation that allocated it ends: it is put on the list
 * of kept values, which `eval` cuts back. So code in between need not say what it still uses.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lisp.h"

struct heap_stats heap_stats;

static struct object specials[5];
value NIL = &specials[0], TRUE = &specials[1], FALSE = &specials[2], END = &specials[3],
      NOTHING = &specials[4];

static struct object *all;
static size_t threshold = 20000;

static value *kept;
static size_t kept_count, kept_capacity;

enum { SYMBOL_BUCKETS = 1024 };
static value symbols[SYMBOL_BUCKETS];
static value characters[128];
static value pending_error;

void *xmalloc(size_t bytes) { return xrealloc(NULL, bytes); }

void *xrealloc(void *old, size_t bytes) {
    void *memory = realloc(old, bytes ? bytes : 1);
    if (!memory) {
        fputs("lisp: out of memory\n", stderr);
        exit(70);
    }
    return memory;
}

void heap_init(void) {
    static const char *const names[] = {"()", "#t", "#f", "#<eof>", "#<nothing>"};
    for (int i = 0; i < 5; i++) {
        specials[i].type = T_SPECIAL;
        specials[i].special = names[i];
    }
}

size_t keep_mark(void) { return kept_count; }

void keep_release(size_t mark) { kept_count = mark; }

value keep(value v) {
    if (kept_count == kept_capacity) {
        kept_capacity = kept_capacity ? kept_capacity * 2 : 256;
        kept = xrealloc(kept, kept_capacity * sizeof *kept);
    }
    return kept[kept_count++] = v;
}

/* Values still to be marked. */
static value *grey;
static size_t grey_count, grey_capacity;

static void reach(value v) {
    if (!v || is_fix(v) || v->type == T_SPECIAL || v->marked)
        return;
    v->marked = 1;
    if (grey_count == grey_capacity) {
        grey_capacity = grey_capacity ? grey_capacity * 2 : 256;
        grey = xrealloc(grey, grey_capacity * sizeof *grey);
    }
    grey[grey_count++] = v;
}

static void reach_inside(value v) {
    switch (type_of(v)) {
    case T_PAIR:
        reach(v->pair.head);
        reach(v->pair.tail);
        break;
    case T_SYMBOL:
        reach(v->symbol.global);
        break;
    case T_VECTOR:
        for (size_t i = 0; i < v->vector.count; i++)
            reach(v->vector.items[i]);
        break;
    case T_TABLE:
        for (size_t i = 0; i < v->table.capacity; i++) {
            reach(v->table.keys[i]);
            reach(v->table.values[i]);
        }
        break;
    case T_CLOSURE:
    case T_MACRO:
        reach(v->closure.params);
        reach(v->closure.body);
        reach(v->closure.env);
        reach(v->closure.name);
        break;
    case T_ENV:
        reach(v->env.names);
        reach(v->env.values);
        reach(v->env.parent);
        break;
    case T_ERROR:
        reach(v->error.message);
        reach(v->error.irritants);
        break;
    default:
        break;
    }
}

static void release(value v) {
    switch (type_of(v)) {
    case T_STRING:
        free(v->string.bytes);
        break;
    case T_BIG:
        free(v->big.limbs);
        break;
    case T_VECTOR:
        free(v->vector.items);
        break;
    case T_TABLE:
        free(v->table.keys);
        free(v->table.values);
        break;
    default:
        break;
    }
    free(v);
}

void collect(void) {
    for (size_t i = 0; i < SYMBOL_BUCKETS; i++)
        for (value s = symbols[i]; s; s = s->symbol.bucket)
            reach(s);
    for (size_t i = 0; i < 128; i++)
        reach(characters[i]);
    for (size_t i = 0; i < kept_count; i++)
        reach(kept[i]);
    reach(pending_error);
    while (grey_count > 0)
        reach_inside(grey[--grey_count]);

    unsigned long live = 0;
    struct object **link = &all;
    while (*link) {
        struct object *o = *link;
        if (o->marked) {
            o->marked = 0;
            live++;
            link = &o->next;
        } else {
            *link = o->next;
            release(o);
            heap_stats.freed++;
        }
    }
    heap_stats.live = live;
    heap_stats.collections++;
    threshold = live * 2 > 20000 ? live * 2 : 20000;
}

static value allocate(enum type type) {
    static size_t since;
    if (++since >= threshold) {
        since = 0;
        collect();
    }
    value v = xmalloc(sizeof *v);
    memset(v, 0, sizeof *v);
    v->type = (uint8_t)type;
    v->next = all;
    all = v;
    heap_stats.allocated++;
    return keep(v);
}

value cons(value h, value t) {
    /* They may not be kept by anybody else yet. */
    keep(h);
    keep(t);
    value v = allocate(T_PAIR);
    v->pair.head = h;
    v->pair.tail = t;
    return v;
}

static uint32_t hash_bytes(const char *bytes, size_t length) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < length; i++)
        h = (h ^ (unsigned char)bytes[i]) * 16777619u;
    return h;
}

value symbol(const char *name) {
    value *bucket = &symbols[hash_bytes(name, strlen(name)) % SYMBOL_BUCKETS];
    for (value s = *bucket; s; s = s->symbol.bucket)
        if (strcmp(s->symbol.name, name) == 0)
            return s;
    value s = allocate(T_SYMBOL);
    s->symbol.name = xmalloc(strlen(name) + 1);
    strcpy(s->symbol.name, name);
    s->symbol.bucket = *bucket;
    *bucket = s;
    return s;
}

value string_own(char *bytes, size_t length) {
    value v = allocate(T_STRING);
    v->string.bytes = bytes;
    v->string.length = length;
    return v;
}

value string_of(const char *bytes, size_t length) {
    char *copy = xmalloc(length + 1);
    memcpy(copy, bytes, length);
    copy[length] = 0;
    return string_own(copy, length);
}

value string_z(const char *text) { return string_of(text, strlen(text)); }

value character(uint32_t c) {
    if (c < 128 && characters[c])
        return characters[c];
    value v = allocate(T_CHAR);
    v->character = c;
    if (c < 128)
        characters[c] = v;
    return v;
}

value real(double d) {
    value v = allocate(T_FLOAT);
    v->number = d;
    return v;
}

value big_new(size_t limbs) {
    value v = allocate(T_BIG);
    v->big.limbs = xmalloc(limbs * sizeof *v->big.limbs);
    memset(v->big.limbs, 0, limbs * sizeof *v->big.limbs);
    v->big.count = limbs;
    return v;
}

value vector_of(size_t count, value fill) {
    keep(fill);
    value v = allocate(T_VECTOR);
    v->vector.items = xmalloc(count * sizeof *v->vector.items);
    v->vector.count = count;
    for (size_t i = 0; i < count; i++)
        v->vector.items[i] = fill;
    return v;
}

value table_new(void) { return allocate(T_TABLE); }

value closure_new(enum type type, value params, value body, value env, value name) {
    value v = allocate(type);
    v->closure.params = params;
    v->closure.body = body;
    v->closure.env = env;
    v->closure.name = name;
    return v;
}

value builtin_new(const struct builtin *b) {
    value v = allocate(T_BUILTIN);
    v->builtin = b;
    return v;
}

value env_new(value names, value values, value parent) {
    value v = allocate(T_ENV);
    v->env.names = names;
    v->env.values = values;
    v->env.parent = parent;
    return v;
}

value error_new(value message, value irritants) {
    keep(message);
    keep(irritants);
    value v = allocate(T_ERROR);
    v->error.message = message;
    v->error.irritants = irritants;
    return v;
}

void define_builtins(const struct builtin *list) {
    for (; list->name; list++) {
        size_t mark = keep_mark();
        symbol(list->name)->symbol.global = builtin_new(list);
        keep_release(mark);
    }
}

value fail_with(value error) {
    pending_error = error;
    return NULL;
}

value fail(const char *format, ...) {
    char message[256];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return fail_with(error_new(string_z(message), NIL));
}

value take_error(void) {
    value error = pending_error;
    pending_error = NULL;
    return error ? keep(error) : error_new(string_z("unknown error"), NIL);
}

void text_add(struct text *t, const char *bytes, size_t length) {
    if (t->length + length + 1 > t->capacity) {
        t->capacity = (t->length + length + 1) * 2;
        t->bytes = xrealloc(t->bytes, t->capacity);
    }
    memcpy(t->bytes + t->length, bytes, length);
    t->length += length;
    t->bytes[t->length] = 0;
}

void text_char(struct text *t, char c) { text_add(t, &c, 1); }

void text_z(struct text *t, const char *s) { text_add(t, s, strlen(s)); }

void text_utf8(struct text *t, uint32_t c) {
    if (c < 0x80) {
        text_char(t, (char)c);
    } else if (c < 0x800) {
        text_char(t, (char)(0xc0 | c >> 6));
        text_char(t, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        text_char(t, (char)(0xe0 | c >> 12));
        text_char(t, (char)(0x80 | (c >> 6 & 0x3f)));
        text_char(t, (char)(0x80 | (c & 0x3f)));
    } else {
        text_char(t, (char)(0xf0 | c >> 18));
        text_char(t, (char)(0x80 | (c >> 12 & 0x3f)));
        text_char(t, (char)(0x80 | (c >> 6 & 0x3f)));
        text_char(t, (char)(0x80 | (c & 0x3f)));
    }
}
