/* Equality, hash tables with open addressing, and vectors. */
#include <stdlib.h>
#include <string.h>

#include "lisp.h"

bool equal(value a, value b) {
    for (;;) {
        if (a == b)
            return true;
        if (type_of(a) != type_of(b))
            return false;
        switch (type_of(a)) {
        case T_PAIR:
            if (!equal(head(a), head(b)))
                return false;
            a = tail(a);
            b = tail(b);
            continue;
        case T_STRING:
            return a->string.length == b->string.length &&
                   memcmp(a->string.bytes, b->string.bytes, a->string.length) == 0;
        case T_CHAR: return a->character == b->character;
        case T_FLOAT: return a->number == b->number;
        case T_BIG: return big_compare(a, b) == 0;
        case T_VECTOR:
            if (a->vector.count != b->vector.count)
                return false;
            for (size_t i = 0; i < a->vector.count; i++)
                if (!equal(a->vector.items[i], b->vector.items[i]))
                    return false;
            return true;
        default: return false;
        }
    }
}

static uint32_t mix(uint32_t h, uint32_t n) { return (h ^ n) * 16777619u; }

uint32_t hash_of(value v) {
    uint32_t h = mix(2166136261u, (uint32_t)type_of(v));
    switch (type_of(v)) {
    case T_FIXNUM: return mix(h, (uint32_t)unfix(v));
    case T_CHAR: return mix(h, v->character);
    case T_FLOAT: return mix(h, (uint32_t)(int64_t)(v->number * 1024));
    case T_STRING:
        for (size_t i = 0; i < v->string.length; i++)
            h = mix(h, (unsigned char)v->string.bytes[i]);
        return h;
    case T_SYMBOL:
        for (const char *c = v->symbol.name; *c; c++)
            h = mix(h, (unsigned char)*c);
        return h;
    case T_BIG:
        for (size_t i = 0; i < v->big.count; i++)
            h = mix(h, v->big.limbs[i]);
        return h;
    case T_PAIR:
        for (; is(v, T_PAIR); v = tail(v))
            h = mix(h, hash_of(head(v)));
        return h;
    case T_VECTOR:
        for (size_t i = 0; i < v->vector.count; i++)
            h = mix(h, hash_of(v->vector.items[i]));
        return h;
    default: return h;
    }
}

/* Where a key is or would be; a deleted key is END. */
static size_t find(value table, value key) {
    size_t mask = table->table.capacity - 1, at = hash_of(key) & mask;
    size_t free_slot = SIZE_MAX;
    while (table->table.keys[at]) {
        if (table->table.keys[at] == END) {
            if (free_slot == SIZE_MAX)
                free_slot = at;
        } else if (equal(table->table.keys[at], key)) {
            return at;
        }
        at = (at + 1) & mask;
    }
    return free_slot == SIZE_MAX ? at : free_slot;
}

static void resize(value table, size_t capacity) {
    value *keys = table->table.keys, *values = table->table.values;
    size_t old = table->table.capacity;
    table->table.keys = xmalloc(capacity * sizeof *keys);
    table->table.values = xmalloc(capacity * sizeof *values);
    memset(table->table.keys, 0, capacity * sizeof *keys);
    memset(table->table.values, 0, capacity * sizeof *values);
    table->table.capacity = capacity;
    table->table.used = table->table.live;
    for (size_t i = 0; i < old; i++) {
        if (keys[i] && keys[i] != END) {
            size_t at = find(table, keys[i]);
            table->table.keys[at] = keys[i];
            table->table.values[at] = values[i];
        }
    }
    free(keys);
    free(values);
}

value table_get(value table, value key, value otherwise) {
    if (table->table.capacity == 0)
        return otherwise;
    size_t at = find(table, key);
    value found = table->table.keys[at];
    return found && found != END ? table->table.values[at] : otherwise;
}

void table_put(value table, value key, value v) {
    if ((table->table.used + 1) * 4 > table->table.capacity * 3) {
        size_t capacity = 16;
        while (capacity < table->table.live * 3)
            capacity *= 2;
        resize(table, capacity);
    }
    size_t at = find(table, key);
    value there = table->table.keys[at];
    if (!there || there == END) {
        table->table.used += !there;
        table->table.live++;
        table->table.keys[at] = key;
    }
    table->table.values[at] = v;
}

static bool want_table(const char *name, value v) {
    if (is(v, T_TABLE))
        return true;
    fail("%s: expected a table", name);
    return false;
}

static value t_new(value args) {
    value table = table_new();
    for (; is(args, T_PAIR) && tail(args) != NIL; args = tail(tail(args)))
        table_put(table, head(args), second(args));
    return table;
}

static value t_get(value args) {
    if (!want_table("table-ref", head(args)))
        return NULL;
    value otherwise = tail(tail(args)) == NIL ? FALSE : third(args);
    return table_get(head(args), second(args), otherwise);
}

static value t_put(value args) {
    if (!want_table("table-set!", head(args)))
        return NULL;
    table_put(head(args), second(args), third(args));
    return NOTHING;
}

static value t_remove(value args) {
    if (!want_table("table-remove!", head(args)))
        return NULL;
    value table = head(args);
    if (table->table.capacity == 0)
        return FALSE;
    size_t at = find(table, second(args));
    if (!table->table.keys[at] || table->table.keys[at] == END)
        return FALSE;
    table->table.keys[at] = END;
    table->table.values[at] = NIL;
    table->table.live--;
    return TRUE;
}

/* A list of pairs, in no order that can be relied on. */
static value t_pairs(value args) {
    if (!want_table("table->list", head(args)))
        return NULL;
    value list = NIL, table = head(args);
    for (size_t i = 0; i < table->table.capacity; i++) {
        value key = table->table.keys[i];
        if (key && key != END)
            list = cons(cons(key, table->table.values[i]), list);
    }
    return list;
}

static value t_is_table(value args) { return truth(is(head(args), T_TABLE)); }
static value v_is_vector(value args) { return truth(is(head(args), T_VECTOR)); }

static value v_make(value args) {
    if (!is_fix(head(args)) || unfix(head(args)) < 0)
        return fail("make-vector: expected a size");
    return vector_of((size_t)unfix(head(args)), tail(args) == NIL ? fix(0) : second(args));
}

static value v_vector(value args) {
    value v = vector_of(list_length(args), NIL);
    for (size_t i = 0; args != NIL; args = tail(args))
        v->vector.items[i++] = head(args);
    return v;
}

static value *item(const char *name, value args) {
    if (!is(head(args), T_VECTOR)) {
        fail("%s: expected a vector", name);
        return NULL;
    }
    if (!is_fix(second(args)) || (size_t)unfix(second(args)) >= head(args)->vector.count) {
        fail("%s: the index is not inside", name);
        return NULL;
    }
    return &head(args)->vector.items[unfix(second(args))];
}

static value v_ref(value args) {
    value *place = item("vector-ref", args);
    return place ? *place : NULL;
}

static value v_set(value args) {
    value *place = item("vector-set!", args);
    if (!place)
        return NULL;
    *place = third(args);
    return NOTHING;
}

static value v_to_list(value args) {
    if (!is(head(args), T_VECTOR))
        return fail("vector->list: expected a vector");
    value list = NIL;
    for (size_t i = head(args)->vector.count; i-- > 0;)
        list = cons(head(args)->vector.items[i], list);
    return list;
}

static value v_from_list(value args) { return v_vector(head(args)); }

static const struct builtin functions[] = {
    {"table", 0, -1, t_new},
    {"table-ref", 2, 3, t_get},
    {"table-set!", 3, 3, t_put},
    {"table-remove!", 2, 2, t_remove},
    {"table->list", 1, 1, t_pairs},
    {"table?", 1, 1, t_is_table},
    {"vector?", 1, 1, v_is_vector},
    {"make-vector", 1, 2, v_make},
    {"vector", 0, -1, v_vector},
    {"vector-ref", 2, 2, v_ref},
    {"vector-set!", 3, 3, v_set},
    {"vector->list", 1, 1, v_to_list},
    {"list->vector", 1, 1, v_from_list},
    {NULL, 0, 0, NULL},
};

void init_tables(void) { define_builtins(functions); }
