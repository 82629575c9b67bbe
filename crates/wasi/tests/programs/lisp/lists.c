/* Pairs, lists, symbols, and functions on functions. */
#include <stdlib.h>
#include <string.h>

#include "lisp.h"

static value l_cons(value args) { return cons(head(args), second(args)); }

static value part(const char *name, value v, bool first) {
    if (!is(v, T_PAIR))
        return fail("%s: expected a pair", name);
    return first ? head(v) : tail(v);
}

static value l_car(value args) { return part("car", head(args), true); }
static value l_cdr(value args) { return part("cdr", head(args), false); }

static value l_cadr(value args) {
    value rest = part("cadr", head(args), false);
    return rest ? part("cadr", rest, true) : NULL;
}

static value l_cddr(value args) {
    value rest = part("cddr", head(args), false);
    return rest ? part("cddr", rest, false) : NULL;
}

static value l_set_car(value args) {
    if (!is(head(args), T_PAIR))
        return fail("set-car!: expected a pair");
    head(args)->pair.head = second(args);
    return NOTHING;
}

static value l_set_cdr(value args) {
    if (!is(head(args), T_PAIR))
        return fail("set-cdr!: expected a pair");
    head(args)->pair.tail = second(args);
    return NOTHING;
}

static value l_list(value args) { return args; }

static value l_length(value args) {
    value v = head(args);
    switch (type_of(v)) {
    case T_STRING: return fix((intptr_t)v->string.length);
    case T_VECTOR: return fix((intptr_t)v->vector.count);
    case T_TABLE: return fix((intptr_t)v->table.live);
    default: break;
    }
    if (v != NIL && !is(v, T_PAIR))
        return fail("length: expected a list, string, vector or table");
    return fix((intptr_t)list_length(v));
}

/* A copy of a list in front of another. */
static value copy_onto(value list, value rest) {
    value first = rest, last = NIL;
    for (; is(list, T_PAIR); list = tail(list)) {
        value cell = cons(head(list), rest);
        if (last == NIL)
            first = cell;
        else
            last->pair.tail = cell;
        last = cell;
    }
    return first;
}

static value l_append(value args) {
    if (args == NIL)
        return NIL;
    if (tail(args) == NIL)
        return head(args);
    value rest = l_append(tail(args));
    return copy_onto(head(args), rest);
}

static value l_reverse(value args) {
    value reversed = NIL;
    for (value v = head(args); is(v, T_PAIR); v = tail(v))
        reversed = cons(head(v), reversed);
    return reversed;
}

static value l_nth(value args) {
    if (!is_fix(head(args)) || unfix(head(args)) < 0)
        return fail("nth: expected an index");
    intptr_t n = unfix(head(args));
    value v = second(args);
    for (; n > 0 && is(v, T_PAIR); n--)
        v = tail(v);
    return is(v, T_PAIR) ? head(v) : fail("nth: the list is too short");
}

static value search(value args, bool by_key, bool (*same)(value, value)) {
    for (value v = second(args); is(v, T_PAIR); v = tail(v)) {
        value item = head(v);
        if (by_key && is(item, T_PAIR) && same(head(item), head(args)))
            return item;
        if (!by_key && same(item, head(args)))
            return v;
    }
    return FALSE;
}

static bool identical(value a, value b) {
    if (is_number(a) && is_number(b))
        return type_of(a) == type_of(b) && compare_numbers(a, b) == 0;
    if (is(a, T_CHAR) && is(b, T_CHAR))
        return a->character == b->character;
    return a == b;
}

static value l_member(value args) { return search(args, false, equal); }
static value l_memq(value args) { return search(args, false, identical); }
static value l_assoc(value args) { return search(args, true, equal); }
static value l_assq(value args) { return search(args, true, identical); }
static value l_eq(value args) { return truth(identical(head(args), second(args))); }
static value l_equal(value args) { return truth(equal(head(args), second(args))); }
static value l_not(value args) { return truth(!is_true(head(args))); }

static value l_is_pair(value args) { return truth(is(head(args), T_PAIR)); }
static value l_is_null(value args) { return truth(head(args) == NIL); }
static value l_is_symbol(value args) { return truth(is(head(args), T_SYMBOL)); }
static value l_is_boolean(value args) { return truth(head(args) == TRUE || head(args) == FALSE); }

static value l_is_procedure(value args) {
    return truth(is(head(args), T_CLOSURE) || is(head(args), T_BUILTIN));
}

static value l_apply(value args) {
    if (tail(tail(args)) == NIL)
        return apply(head(args), second(args));
    /* All but the last are arguments themselves. */
    value front = NIL, v = tail(args);
    for (; tail(v) != NIL; v = tail(v))
        front = cons(head(v), front);
    value list = head(v);
    for (; front != NIL; front = tail(front))
        list = cons(head(front), list);
    return apply(head(args), list);
}

static value l_map(value args) {
    value function = head(args), lists = tail(args), first = NIL, last = NIL;
    for (;;) {
        value heads = NIL, tails = NIL;
        for (value l = lists; l != NIL; l = tail(l)) {
            if (!is(head(l), T_PAIR))
                return first;
            heads = cons(head(head(l)), heads);
            tails = cons(tail(head(l)), tails);
        }
        value result = apply(function, l_reverse(cons(heads, NIL)));
        if (!result)
            return NULL;
        value cell = cons(result, NIL);
        if (last == NIL)
            first = cell;
        else
            last->pair.tail = cell;
        last = cell;
        lists = l_reverse(cons(tails, NIL));
    }
}

static value l_for_each(value args) {
    for (value v = second(args); is(v, T_PAIR); v = tail(v)) {
        size_t mark = keep_mark();
        if (!apply(head(args), cons(head(v), NIL)))
            return NULL;
        keep_release(mark);
    }
    return NOTHING;
}

static value l_filter(value args) {
    value first = NIL, last = NIL;
    for (value v = second(args); is(v, T_PAIR); v = tail(v)) {
        value keep_it = apply(head(args), cons(head(v), NIL));
        if (!keep_it)
            return NULL;
        if (!is_true(keep_it))
            continue;
        value cell = cons(head(v), NIL);
        if (last == NIL)
            first = cell;
        else
            last->pair.tail = cell;
        last = cell;
    }
    return first;
}

/* (fold function start list) */
static value l_fold(value args) {
    value sum = second(args);
    for (value v = third(args); is(v, T_PAIR); v = tail(v)) {
        sum = apply(head(args), cons(sum, cons(head(v), NIL)));
        if (!sum)
            return NULL;
    }
    return sum;
}

/* Merges two sorted lists by relinking their cells; NULL on an error. */
static value merge(value a, value b, value less) {
    value first = NIL, last = NIL;
    while (a != NIL && b != NIL) {
        size_t mark = keep_mark();
        value before = apply(less, cons(head(b), cons(head(a), NIL)));
        if (!before)
            return NULL;
        keep_release(mark);
        value *from = is_true(before) ? &b : &a;
        if (last == NIL)
            first = *from;
        else
            last->pair.tail = *from;
        last = *from;
        *from = tail(*from);
    }
    value rest = a != NIL ? a : b;
    if (last == NIL)
        return rest;
    last->pair.tail = rest;
    return first;
}

static value sort_list(value list, size_t count, value less) {
    if (count <= 1) {
        if (count == 1)
            list->pair.tail = NIL;
        return count ? list : NIL;
    }
    value middle = list;
    for (size_t i = 0; i < count / 2; i++)
        middle = tail(middle);
    /* The cells are all kept by the copy's caller; only their order changes. */
    value b = sort_list(middle, count - count / 2, less);
    value a = b ? sort_list(list, count / 2, less) : NULL;
    return a ? merge(a, b, less) : NULL;
}

static value l_sort(value args) {
    /* A vector keeps the cells while the list is in pieces. */
    value copy = copy_onto(head(args), NIL);
    size_t count = list_length(copy);
    value cells = vector_of(count, NIL);
    size_t i = 0;
    for (value v = copy; v != NIL; v = tail(v))
        cells->vector.items[i++] = v;
    return sort_list(copy, count, second(args));
}

static value l_to_string(value args) {
    if (!is(head(args), T_SYMBOL))
        return fail("symbol->string: expected a symbol");
    return string_z(head(args)->symbol.name);
}

static value l_to_symbol(value args) {
    if (!is(head(args), T_STRING))
        return fail("string->symbol: expected a string");
    return symbol(head(args)->string.bytes);
}

static value l_gensym(value args) {
    static unsigned number;
    char name[32];
    (void)args;
    snprintf(name, sizeof name, "#:g%u", ++number);
    return symbol(name);
}

static value l_error(value args) { return fail_with(error_new(head(args), tail(args))); }

static value l_error_message(value args) {
    return is(head(args), T_ERROR) ? head(args)->error.message : fail("expected an error");
}

static value l_error_irritants(value args) {
    return is(head(args), T_ERROR) ? head(args)->error.irritants : fail("expected an error");
}

static value l_is_error(value args) { return truth(is(head(args), T_ERROR)); }

static value l_eval(value args) { return eval(head(args), NIL); }

static const struct builtin functions[] = {
    {"cons", 2, 2, l_cons},
    {"car", 1, 1, l_car},
    {"cdr", 1, 1, l_cdr},
    {"cadr", 1, 1, l_cadr},
    {"cddr", 1, 1, l_cddr},
    {"set-car!", 2, 2, l_set_car},
    {"set-cdr!", 2, 2, l_set_cdr},
    {"list", 0, -1, l_list},
    {"length", 1, 1, l_length},
    {"append", 0, -1, l_append},
    {"reverse", 1, 1, l_reverse},
    {"nth", 2, 2, l_nth},
    {"member", 2, 2, l_member},
    {"memq", 2, 2, l_memq},
    {"assoc", 2, 2, l_assoc},
    {"assq", 2, 2, l_assq},
    {"eq?", 2, 2, l_eq},
    {"equal?", 2, 2, l_equal},
    {"not", 1, 1, l_not},
    {"pair?", 1, 1, l_is_pair},
    {"null?", 1, 1, l_is_null},
    {"symbol?", 1, 1, l_is_symbol},
    {"boolean?", 1, 1, l_is_boolean},
    {"procedure?", 1, 1, l_is_procedure},
    {"apply", 2, -1, l_apply},
    {"map", 2, -1, l_map},
    {"for-each", 2, 2, l_for_each},
    {"filter", 2, 2, l_filter},
    {"fold", 3, 3, l_fold},
    {"sort", 2, 2, l_sort},
    {"symbol->string", 1, 1, l_to_string},
    {"string->symbol", 1, 1, l_to_symbol},
    {"gensym", 0, 0, l_gensym},
    {"error", 1, -1, l_error},
    {"error-message", 1, 1, l_error_message},
    {"error-irritants", 1, 1, l_error_irritants},
    {"error?", 1, 1, l_is_error},
    {"eval", 1, 1, l_eval},
    {NULL, 0, 0, NULL},
};

void init_lists(void) { define_builtins(functions); }
