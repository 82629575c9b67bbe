/* Evaluates: special forms, macros, and calls, with tail calls that take no stack. */
#include <string.h>

#include "lisp.h"

/* What a special form leaves: a value, or an expression to go on with in its place. */
struct step {
    value expression, env;
};

struct special_form {
    const char *name;
    int min, max;
    /* The value; or NULL with `next->expression` set to go on there, or with an error. */
    value (*run)(value args, value env, struct step *next);
};

static value s_else, s_unquote, s_splice, s_quasi, s_rest, s_arrow;

enum { MAX_DEPTH = 2000 };
static int depth;

size_t list_length(value list) {
    size_t n = 0;
    for (; is(list, T_PAIR); list = tail(list))
        n++;
    return n;
}

/* Where a variable's value is; NULL if it has none. */
static value *lookup(value name, value env) {
    for (; env != NIL; env = env->env.parent) {
        value n = env->env.names, v = env->env.values;
        for (; is(n, T_PAIR); n = tail(n), v = tail(v)) {
            if (head(n) == name)
                return &v->pair.head;
        }
    }
    return name->symbol.global ? &name->symbol.global : NULL;
}

static value go_on(struct step *next, value expression, value env) {
    next->expression = expression;
    next->env = env;
    return NULL;
}

/* Evaluates all but the last expression of a body. */
static value body(value list, value env, struct step *next) {
    if (list == NIL)
        return NOTHING;
    for (; tail(list) != NIL; list = tail(list)) {
        size_t mark = keep_mark();
        if (!eval(head(list), env))
            return NULL;
        keep_release(mark);
    }
    return go_on(next, head(list), env);
}

static value f_quote(value args, value env, struct step *next) {
    (void)env, (void)next;
    return head(args);
}

static value f_if(value args, value env, struct step *next) {
    value condition = eval(head(args), env);
    if (!condition)
        return NULL;
    if (is_true(condition))
        return go_on(next, second(args), env);
    value otherwise = tail(tail(args));
    return otherwise == NIL ? NOTHING : go_on(next, head(otherwise), env);
}

static value define_in(value env, value name, value v) {
    if (env == NIL) {
        name->symbol.global = v;
    } else {
        env->env.names = cons(name, env->env.names);
        env->env.values = cons(v, env->env.values);
    }
    return name;
}

static value f_define(value args, value env, struct step *next) {
    (void)next;
    value target = head(args);
    if (is(target, T_PAIR)) {
        value name = head(target);
        if (!is(name, T_SYMBOL))
            return fail("define: a function needs a name");
        return define_in(env, name, closure_new(T_CLOSURE, tail(target), tail(args), env, name));
    }
    if (!is(target, T_SYMBOL) || tail(args) == NIL)
        return fail("define: expected a name and a value");
    value v = eval(second(args), env);
    if (!v)
        return NULL;
    if (is(v, T_CLOSURE) && v->closure.name == NIL)
        v->closure.name = target;
    return define_in(env, target, v);
}

static value f_set(value args, value env, struct step *next) {
    (void)next;
    if (!is(head(args), T_SYMBOL))
        return fail("set!: expected a name");
    value v = eval(second(args), env);
    if (!v)
        return NULL;
    value *place = lookup(head(args), env);
    if (!place)
        return fail("set!: %s is not defined", head(args)->symbol.name);
    *place = v;
    return NOTHING;
}

static value f_lambda(value args, value env, struct step *next) {
    (void)next;
    return closure_new(T_CLOSURE, head(args), tail(args), env, NIL);
}

static value f_macro(value args, value env, struct step *next) {
    (void)next;
    value target = head(args);
    if (!is(target, T_PAIR) || !is(head(target), T_SYMBOL))
        return fail("define-macro: expected (name parameters...)");
    value macro = closure_new(T_MACRO, tail(target), tail(args), env, head(target));
    return define_in(env, head(target), macro);
}

static value f_begin(value args, value env, struct step *next) { return body(args, env, next); }

static value f_let(value args, value env, struct step *next) {
    value name = NIL, bindings = head(args);
    if (is(bindings, T_SYMBOL)) {
        name = bindings;
        args = tail(args);
        if (args == NIL)
            return fail("let: expected bindings");
        bindings = head(args);
    }
    value names = NIL, values = NIL;
    for (value b = bindings; is(b, T_PAIR); b = tail(b)) {
        if (!is(head(b), T_PAIR) || !is(head(head(b)), T_SYMBOL) || !is(tail(head(b)), T_PAIR))
            return fail("let: expected (name value)");
        value v = eval(second(head(b)), env);
        if (!v)
            return NULL;
        names = cons(head(head(b)), names);
        values = cons(v, values);
    }
    if (name != NIL) {
        /* The names were collected backwards. */
        value params = NIL;
        for (value n = names; n != NIL; n = tail(n))
            params = cons(head(n), params);
        value scope = env_new(NIL, NIL, env);
        value loop = closure_new(T_CLOSURE, params, tail(args), scope, name);
        define_in(scope, name, loop);
        return body(tail(args), env_new(names, values, scope), next);
    }
    return body(tail(args), env_new(names, values, env), next);
}

static value f_let_star(value args, value env, struct step *next) {
    env = env_new(NIL, NIL, env);
    for (value b = head(args); is(b, T_PAIR); b = tail(b)) {
        if (!is(head(b), T_PAIR) || !is(tail(head(b)), T_PAIR))
            return fail("let*: expected (name value)");
        value v = eval(second(head(b)), env);
        if (!v)
            return NULL;
        define_in(env, head(head(b)), v);
    }
    return body(tail(args), env, next);
}

static value f_letrec(value args, value env, struct step *next) {
    env = env_new(NIL, NIL, env);
    for (value b = head(args); is(b, T_PAIR); b = tail(b))
        define_in(env, head(head(b)), NOTHING);
    for (value b = head(args); is(b, T_PAIR); b = tail(b)) {
        value v = eval(second(head(b)), env);
        if (!v)
            return NULL;
        *lookup(head(head(b)), env) = v;
    }
    return body(tail(args), env, next);
}

static value f_cond(value args, value env, struct step *next) {
    for (; is(args, T_PAIR); args = tail(args)) {
        value clause = head(args);
        if (!is(clause, T_PAIR))
            return fail("cond: expected (condition expressions...)");
        if (head(clause) == s_else)
            return body(tail(clause), env, next);
        value condition = eval(head(clause), env);
        if (!condition)
            return NULL;
        if (!is_true(condition))
            continue;
        if (tail(clause) == NIL)
            return condition;
        if (second(clause) == s_arrow) {
            value function = eval(third(clause), env);
            return function ? apply(function, cons(condition, NIL)) : NULL;
        }
        return body(tail(clause), env, next);
    }
    return NOTHING;
}

static value f_case(value args, value env, struct step *next) {
    value key = eval(head(args), env);
    if (!key)
        return NULL;
    for (args = tail(args); is(args, T_PAIR); args = tail(args)) {
        value clause = head(args);
        if (head(clause) == s_else)
            return body(tail(clause), env, next);
        for (value datum = head(clause); is(datum, T_PAIR); datum = tail(datum))
            if (equal(head(datum), key))
                return body(tail(clause), env, next);
    }
    return NOTHING;
}

static value f_and(value args, value env, struct step *next) {
    if (args == NIL)
        return TRUE;
    for (; tail(args) != NIL; args = tail(args)) {
        value v = eval(head(args), env);
        if (!v || !is_true(v))
            return v;
    }
    return go_on(next, head(args), env);
}

static value f_or(value args, value env, struct step *next) {
    if (args == NIL)
        return FALSE;
    for (; tail(args) != NIL; args = tail(args)) {
        value v = eval(head(args), env);
        if (!v || is_true(v))
            return v;
    }
    return go_on(next, head(args), env);
}

static value f_while(value args, value env, struct step *next) {
    (void)next;
    for (;;) {
        size_t mark = keep_mark();
        value condition = eval(head(args), env);
        if (!condition)
            return NULL;
        if (!is_true(condition))
            return NOTHING;
        for (value list = tail(args); list != NIL; list = tail(list)) {
            if (!eval(head(list), env))
                return NULL;
            keep_release(mark);
        }
    }
}

static value quasi(value v, value env, int level) {
    if (!is(v, T_PAIR))
        return v;
    if (head(v) == s_unquote && is(tail(v), T_PAIR)) {
        if (level == 1)
            return eval(second(v), env);
        value inner = quasi(tail(v), env, level - 1);
        return inner ? cons(s_unquote, inner) : NULL;
    }
    if (head(v) == s_quasi) {
        value inner = quasi(tail(v), env, level + 1);
        return inner ? cons(s_quasi, inner) : NULL;
    }
    if (is(head(v), T_PAIR) && head(head(v)) == s_splice && level == 1) {
        value spliced = eval(second(head(v)), env);
        if (!spliced)
            return NULL;
        value rest = quasi(tail(v), env, level);
        if (!rest)
            return NULL;
        value first = NIL, last = NIL;
        for (; is(spliced, T_PAIR); spliced = tail(spliced)) {
            value cell = cons(head(spliced), NIL);
            if (last == NIL)
                first = cell;
            else
                last->pair.tail = cell;
            last = cell;
        }
        if (last == NIL)
            return rest;
        last->pair.tail = rest;
        return first;
    }
    value first = quasi(head(v), env, level);
    value rest = first ? quasi(tail(v), env, level) : NULL;
    return rest ? cons(first, rest) : NULL;
}

static value f_quasiquote(value args, value env, struct step *next) {
    (void)next;
    return quasi(head(args), env, 1);
}

/* (try expression (lambda (error) ...)) */
static value f_try(value args, value env, struct step *next) {
    (void)next;
    int before = depth;
    value v = eval(head(args), env);
    if (v)
        return v;
    depth = before;
    value error = take_error();
    value handler = eval(second(args), env);
    return handler ? apply(handler, cons(error, NIL)) : NULL;
}

static const struct special_form forms[] = {
    {"quote", 1, 1, f_quote},       {"if", 2, 3, f_if},
    {"define", 1, -1, f_define},    {"set!", 2, 2, f_set},
    {"lambda", 1, -1, f_lambda},    {"define-macro", 2, -1, f_macro},
    {"begin", 0, -1, f_begin},      {"let", 1, -1, f_let},
    {"let*", 1, -1, f_let_star},    {"letrec", 1, -1, f_letrec},
    {"cond", 0, -1, f_cond},        {"case", 1, -1, f_case},
    {"and", 0, -1, f_and},          {"or", 0, -1, f_or},
    {"while", 1, -1, f_while},      {"quasiquote", 1, 1, f_quasiquote},
    {"try", 2, 2, f_try},
};

void eval_init(void) {
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        symbol(forms[i].name)->symbol.form = &forms[i];
    s_else = symbol("else");
    s_unquote = symbol("unquote");
    s_splice = symbol("unquote-splicing");
    s_quasi = symbol("quasiquote");
    s_rest = symbol("&rest");
    s_arrow = symbol("=>");
}

static const char *function_name(value f) {
    if (is(f, T_BUILTIN))
        return f->builtin->name;
    if ((is(f, T_CLOSURE) || is(f, T_MACRO)) && is(f->closure.name, T_SYMBOL))
        return f->closure.name->symbol.name;
    return "a function";
}

/* The environment of a call; parameters are (a b), (a &rest b) or (a . b). */
static value bind(value f, value args) {
    value names = NIL, values = NIL, params = f->closure.params, rest = args;
    for (; is(params, T_PAIR); params = tail(params), rest = tail(rest)) {
        if (head(params) == s_rest) {
            params = second(params);
            break;
        }
        if (rest == NIL)
            return fail("%s: too few arguments", function_name(f));
        names = cons(head(params), names);
        values = cons(head(rest), values);
    }
    if (params != NIL) {
        names = cons(params, names);
        values = cons(rest, values);
    } else if (rest != NIL) {
        return fail("%s: too many arguments", function_name(f));
    }
    return env_new(names, values, f->closure.env);
}

static value call_builtin(value f, value args) {
    const struct builtin *b = f->builtin;
    int count = (int)list_length(args);
    if (count < b->min)
        return fail("%s: too few arguments", b->name);
    if (b->max >= 0 && count > b->max)
        return fail("%s: too many arguments", b->name);
    return b->call(args);
}

value apply(value f, value args) {
    if (is(f, T_BUILTIN))
        return call_builtin(f, args);
    if (!is(f, T_CLOSURE))
        return fail("what is called is not a function");
    size_t mark = keep_mark();
    keep(f);
    keep(args);
    value env = bind(f, args);
    value v = env ? NOTHING : NULL;
    for (value list = f->closure.body; v && list != NIL; list = tail(list))
        v = eval(head(list), env);
    keep_release(mark);
    return v ? keep(v) : NULL;
}

static value eval_args(value list, value env) {
    value first = NIL, last = NIL;
    for (; is(list, T_PAIR); list = tail(list)) {
        value v = eval(head(list), env);
        if (!v)
            return NULL;
        value cell = cons(v, NIL);
        if (last == NIL)
            first = cell;
        else
            last->pair.tail = cell;
        last = cell;
    }
    return first;
}

static value eval_step(value x, value env, struct step *next) {
    if (is(x, T_SYMBOL)) {
        value *place = lookup(x, env);
        return place ? *place : fail("%s is not defined", x->symbol.name);
    }
    if (!is(x, T_PAIR))
        return x;
    value operator = head(x);
    if (is(operator, T_SYMBOL) && operator->symbol.form) {
        const struct special_form *form = operator->symbol.form;
        int count = (int)list_length(tail(x));
        if (count < form->min || (form->max >= 0 && count > form->max))
            return fail("%s: wrong number of parts", form->name);
        return form->run(tail(x), env, next);
    }
    value f = eval(operator, env);
    if (!f)
        return NULL;
    if (is(f, T_MACRO)) {
        value scope = bind(f, tail(x));
        if (!scope)
            return NULL;
        value expansion = NOTHING;
        for (value list = f->closure.body; list != NIL; list = tail(list))
            if (!(expansion = eval(head(list), scope)))
                return NULL;
        return go_on(next, expansion, env);
    }
    value args = eval_args(tail(x), env);
    if (!args)
        return NULL;
    if (is(f, T_BUILTIN))
        return call_builtin(f, args);
    if (!is(f, T_CLOSURE)) {
        fail("not a function:");
        value error = take_error();
        error->error.irritants = cons(f, NIL);
        return fail_with(error);
    }
    value scope = bind(f, args);
    return scope ? body(f->closure.body, scope, next) : NULL;
}

value eval(value x, value env) {
    if (is_fix(x))
        return x;
    if (++depth > MAX_DEPTH) {
        depth = 0;
        return fail("the recursion is too deep");
    }
    size_t mark = keep_mark();
    value result;
    for (;;) {
        keep(x);
        keep(env);
        struct step next = {NULL, NULL};
        result = eval_step(x, env, &next);
        if (result || !next.expression)
            break;
        x = next.expression;
        env = next.env;
        keep_release(mark);
    }
    if (depth > 0)
        depth--;
    keep_release(mark);
    return result ? keep(result) : NULL;
}

/* Evaluates all of a text; the last value. With `show`, prints each. */
value eval_all(struct reader *r, bool show) {
    value last = NOTHING;
    for (;;) {
        size_t mark = keep_mark();
        value x = read_value(r);
        if (!x)
            return NULL;
        if (x == END)
            return last;
        depth = 0;
        last = eval(x, NIL);
        if (!last)
            return NULL;
        if (show && last != NOTHING) {
            print_file(stdout, last, true);
            putchar('\n');
        }
        keep_release(mark);
        keep(last);
    }
}
