/* An interpreter for a language like Lua, with tables, closures and strings: each node of the tree
 * has a function that evaluates it, so that there is an indirect call for each. It parses a program
 * and runs it n times. */
#include "rt.h"

/* Values. */

typedef enum { NIL, FALSE, TRUE, NUMBER, STRING, TABLE, FUNCTION } Tag;

typedef struct String {
    u32 len, hash;
    struct String *next; /* in the same list of the table of all strings */
    char text[];
} String;

typedef struct {
    Tag tag;
    union {
        f64 number;
        String *string;
        struct Table *table;
        struct Function *function;
    };
} Value;

typedef struct Table {
    Value *items; /* of the keys from 1 to count */
    u32 count, room;
    Value *pairs; /* keys and values in turn */
    u32 used, mask;
} Table;

typedef struct Frame {
    struct Frame *outer;
    Value locals[];
} Frame;

typedef struct Function {
    struct Node *node;
    Frame *frame;
} Function;

static const Value nil = {NIL, {0}};

static Value number(f64 x) { return (Value){NUMBER, {.number = x}}; }
static Value boolean(int x) { return (Value){x ? TRUE : FALSE, {0}}; }
static int is_true(Value v) { return v.tag > FALSE; }

static int same(Value a, Value b) {
    if (a.tag != b.tag) return 0;
    if (a.tag == NUMBER) return a.number == b.number;
    return a.tag < NUMBER || a.string == b.string;
}

/* Strings are unique, so that equal ones are at the same place. */

static String *strings[4096];

static String *intern(const char *text, u32 len) {
    u32 hash = 2166136261u;
    for (u32 i = 0; i < len; i++) hash = (hash ^ (u8)text[i]) * 16777619u;
    String **list = &strings[hash % COUNT_OF(strings)];
    for (String *s = *list; s; s = s->next) {
        if (s->hash == hash && s->len == len && memcmp(s->text, text, len) == 0) return s;
    }
    String *s = heap_alloc(sizeof(String) + len);
    *s = (String){len, hash, *list};
    memcpy(s->text, text, len);
    return *list = s;
}

/* Tables. */

static u32 hash_of(Value key) {
    if (key.tag == STRING) return key.string->hash;
    if (key.tag == NUMBER) return (u32)(i32)key.number * 2654435761u;
    return (u32)key.tag;
}

static Value *pair_of(Table *t, Value key) {
    for (u32 at = hash_of(key) & t->mask;; at = (at + 1) & t->mask) {
        Value *pair = &t->pairs[2 * at];
        if (pair->tag == NIL || same(*pair, key)) return pair;
    }
}

static Value get(Table *t, Value key) {
    if (key.tag == NUMBER) {
        u32 index = (u32)(i32)key.number;
        if (index - 1 < t->count && (f64)index == key.number) return t->items[index - 1];
    }
    return t->pairs ? pair_of(t, key)[1] : nil;
}

static void set(Table *t, Value key, Value value);

static void grow_pairs(Table *t) {
    Table old = *t;
    u32 room = old.pairs ? 2 * (old.mask + 1) : 4;
    t->mask = room - 1;
    t->used = 0;
    t->pairs = heap_alloc_zeroed(2 * room * sizeof(Value));
    for (u32 i = 0; old.pairs && i <= old.mask; i++) {
        if (old.pairs[2 * i].tag != NIL) set(t, old.pairs[2 * i], old.pairs[2 * i + 1]);
    }
    heap_free(old.pairs);
}

static void set(Table *t, Value key, Value value) {
    if (key.tag == NUMBER) {
        u32 index = (u32)(i32)key.number;
        if (index - 1 < t->count && (f64)index == key.number) {
            t->items[index - 1] = value;
            return;
        }
        if ((f64)index == key.number && index == t->count + 1) {
            if (t->count == t->room) {
                t->room = t->room ? 2 * t->room : 4;
                Value *items = heap_alloc(t->room * sizeof(Value));
                if (t->items) memcpy(items, t->items, t->count * sizeof(Value));
                heap_free(t->items);
                t->items = items;
            }
            t->items[t->count++] = value;
            return;
        }
    }
    if (!t->pairs || 4 * t->used > 3 * t->mask) grow_pairs(t);
    Value *pair = pair_of(t, key);
    if (pair->tag == NIL) t->used++;
    pair[0] = key;
    pair[1] = value;
}

/* The tree. */

typedef struct Node Node;
typedef Value (*Evaluate)(const Node *, Frame *);

struct Node {
    Evaluate evaluate;
    Value constant;
    u32 slot, levels; /* of a variable: which one, and how many functions further out */
    u32 parameters, locals;
    Node *a, *b, *c;
    Node *next; /* argument or statement */
};

/* What ends a function early. */
static int returning;

static Value constant(const Node *node, Frame *frame) { (void)frame; return node->constant; }

static Value local(const Node *node, Frame *frame) { return frame->locals[node->slot]; }

static Value *outer_variable(const Node *node, Frame *frame) {
    for (u32 i = node->levels; i > 0; i--) frame = frame->outer;
    return &frame->locals[node->slot];
}

static Value outer(const Node *node, Frame *frame) { return *outer_variable(node, frame); }

static Value evaluate(const Node *node, Frame *frame) { return node->evaluate(node, frame); }

static Value index_of(const Node *node, Frame *frame) {
    Value table = evaluate(node->a, frame), key = evaluate(node->b, frame);
    return table.tag == TABLE ? get(table.table, key) : nil;
}

#define ARITHMETIC(name, expression)                                               \
    static Value name(const Node *node, Frame *frame) {                            \
        Value left = evaluate(node->a, frame), right = evaluate(node->b, frame);   \
        if (left.tag != NUMBER || right.tag != NUMBER) return nil;                 \
        f64 x = left.number, y = right.number;                                     \
        return expression;                                                         \
    }

ARITHMETIC(add, number(x + y))
ARITHMETIC(subtract, number(x - y))
ARITHMETIC(multiply, number(x * y))
ARITHMETIC(divide, number(x / y))
ARITHMETIC(modulo, number(x - y * __builtin_floor(x / y)))
ARITHMETIC(less, boolean(x < y))
ARITHMETIC(at_most, boolean(x <= y))

static Value equal(const Node *node, Frame *frame) {
    Value left = evaluate(node->a, frame);
    return boolean(same(left, evaluate(node->b, frame)));
}

static Value unequal(const Node *node, Frame *frame) { return boolean(!is_true(equal(node, frame))); }

static Value and_also(const Node *node, Frame *frame) {
    Value left = evaluate(node->a, frame);
    return is_true(left) ? evaluate(node->b, frame) : left;
}

static Value or_else(const Node *node, Frame *frame) {
    Value left = evaluate(node->a, frame);
    return is_true(left) ? left : evaluate(node->b, frame);
}

static Value length(const Node *node, Frame *frame) {
    Value of = evaluate(node->a, frame);
    if (of.tag == STRING) return number(of.string->len);
    return of.tag == TABLE ? number(of.table->count) : nil;
}

static u32 write(char *out, Value v) {
    if (v.tag == STRING) {
        memcpy(out, v.string->text, v.string->len);
        return v.string->len;
    }
    char digits[24];
    u32 len = 0, count = 0;
    u64 whole = v.tag == NUMBER ? (u64)v.number : 0;
    do digits[count++] = (char)('0' + whole % 10);
    while (whole /= 10);
    while (count > 0) out[len++] = digits[--count];
    return len;
}

static Value concatenate(const Node *node, Frame *frame) {
    char text[256];
    Value left = evaluate(node->a, frame), right = evaluate(node->b, frame);
    u32 len = write(text, left);
    len += write(text + len, right);
    return (Value){STRING, {.string = intern(text, len < 128 ? len : 128)}};
}

static Value constructor(const Node *node, Frame *frame) {
    Table *t = heap_alloc_zeroed(sizeof(Table));
    for (const Node *item = node->a; item; item = item->next) {
        Value key = item->a ? evaluate(item->a, frame) : number(t->count + 1);
        set(t, key, evaluate(item->b, frame));
    }
    return (Value){TABLE, {.table = t}};
}

static Value closure(const Node *node, Frame *frame) {
    Function *f = heap_alloc(sizeof(Function));
    *f = (Function){(Node *)node, frame};
    return (Value){FUNCTION, {.function = f}};
}

static Value block(const Node *node, Frame *frame) {
    Value last = nil;
    for (const Node *s = node->a; s; s = s->next) {
        last = evaluate(s, frame);
        if (returning) return last;
    }
    return nil;
}

static Value call(const Node *node, Frame *frame) {
    Value callee = evaluate(node->a, frame);
    if (callee.tag != FUNCTION) return nil;
    const Node *function = callee.function->node;
    Frame *inner = heap_alloc(sizeof(Frame) + function->locals * sizeof(Value));
    inner->outer = callee.function->frame;
    u32 i = 0;
    for (const Node *argument = node->b; argument; argument = argument->next) {
        Value value = evaluate(argument, frame);
        if (i < function->parameters) inner->locals[i++] = value;
    }
    while (i < function->locals) inner->locals[i++] = nil;
    Value result = block(function, inner);
    returning = 0;
    /* Frames of functions that make no closures are not needed any longer. */
    if (!function->slot) heap_free(inner);
    return result;
}

static Value assign_local(const Node *node, Frame *frame) {
    frame->locals[node->slot] = evaluate(node->a, frame);
    return nil;
}

static Value assign_outer(const Node *node, Frame *frame) {
    Value value = evaluate(node->a, frame);
    *outer_variable(node, frame) = value;
    return nil;
}

static Value assign_index(const Node *node, Frame *frame) {
    Value table = evaluate(node->a, frame), key = evaluate(node->b, frame);
    Value value = evaluate(node->c, frame);
    if (table.tag == TABLE && key.tag != NIL) set(table.table, key, value);
    return nil;
}

static Value if_else(const Node *node, Frame *frame) {
    if (is_true(evaluate(node->a, frame))) return evaluate(node->b, frame);
    return node->c ? evaluate(node->c, frame) : nil;
}

static Value while_do(const Node *node, Frame *frame) {
    while (is_true(evaluate(node->a, frame))) {
        Value value = evaluate(node->b, frame);
        if (returning) return value;
    }
    return nil;
}

static Value for_do(const Node *node, Frame *frame) {
    Value from = evaluate(node->a, frame), to = evaluate(node->b, frame);
    for (f64 i = from.number; i <= to.number; i++) {
        frame->locals[node->slot] = number(i);
        Value value = evaluate(node->c, frame);
        if (returning) return value;
    }
    return nil;
}

static Value give_back(const Node *node, Frame *frame) {
    Value value = node->a ? evaluate(node->a, frame) : nil;
    returning = 1;
    return value;
}

/* Parsing. */

typedef struct Scope {
    struct Scope *outer;
    String *names[64];
    u32 count, most, closures;
} Scope;

typedef struct {
    const char *at, *start;
    u32 len; /* of the token that begins at `start` */
    Scope *scope;
} Parser;

static int is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void advance(Parser *p) {
    while (*p->at == ' ' || *p->at == '\n') p->at++;
    p->start = p->at;
    if (is_letter(*p->at)) {
        while (is_letter(*p->at)) p->at++;
    } else if (*p->at == '"') {
        for (p->at++; *p->at != '"';) p->at++;
        p->at++;
    } else if (*p->at) {
        char first = *p->at++;
        if ((*p->at == '=' && (first == '=' || first == '<' || first == '~')) || (*p->at == '.' && first == '.')) p->at++;
    }
    p->len = (u32)(p->at - p->start);
}

static int is(const Parser *p, const char *word) {
    u32 len = (u32)strlen(word);
    return p->len == len && memcmp(p->start, word, len) == 0;
}

static int accept(Parser *p, const char *word) {
    if (!is(p, word)) return 0;
    advance(p);
    return 1;
}

/* The program below has no mistakes. */
static void expect(Parser *p, const char *word) {
    if (!accept(p, word)) __builtin_trap();
}

static Node *node_of(Evaluate evaluate, Node *a, Node *b, Node *c) {
    Node *node = heap_alloc_zeroed(sizeof(Node));
    node->evaluate = evaluate;
    node->a = a, node->b = b, node->c = c;
    return node;
}

static String *name(Parser *p) {
    String *text = intern(p->start, p->len);
    advance(p);
    return text;
}

static u32 declare(Scope *scope, String *name) {
    scope->names[scope->count++] = name;
    if (scope->count > scope->most) scope->most = scope->count;
    return scope->count - 1;
}

static Node *variable(Parser *p, String *name) {
    u32 levels = 0;
    for (Scope *scope = p->scope; scope; scope = scope->outer, levels++) {
        for (u32 i = scope->count; i-- > 0;) {
            if (scope->names[i] != name) continue;
            Node *node = node_of(levels ? outer : local, NULL, NULL, NULL);
            node->slot = i;
            node->levels = levels;
            return node;
        }
    }
    __builtin_trap();
}

static Node *expression(Parser *p, u32 least);
static Node *statements(Parser *p);

static Node *string_constant(String *text) {
    Node *node = node_of(constant, NULL, NULL, NULL);
    node->constant = (Value){STRING, {.string = text}};
    return node;
}

/* From the list of parameters to `end`. */
static Node *function_rest(Parser *p) {
    Scope scope = {.outer = p->scope};
    for (Scope *s = p->scope; s; s = s->outer) s->closures = 1;
    p->scope = &scope;
    expect(p, "(");
    while (!accept(p, ")")) {
        declare(&scope, name(p));
        accept(p, ",");
    }
    u32 parameters = scope.count;
    Node *node = node_of(closure, statements(p)->a, NULL, NULL);
    expect(p, "end");
    node->parameters = parameters;
    node->locals = scope.most;
    node->slot = scope.closures;
    p->scope = scope.outer;
    return node;
}

static Node *list(Parser *p, const char *close) {
    Node *first = NULL, **link = &first;
    while (!accept(p, close)) {
        *link = expression(p, 1);
        link = &(*link)->next;
        accept(p, ",");
    }
    return first;
}

static Node *table_rest(Parser *p) {
    Node *first = NULL, **link = &first;
    while (!accept(p, "}")) {
        const char *ahead = p->at;
        while (*ahead == ' ') ahead++;
        Node *item = node_of(NULL, NULL, NULL, NULL);
        if (is_letter(*p->start) && ahead[0] == '=' && ahead[1] != '=') {
            item->a = string_constant(name(p));
            advance(p);
        }
        item->b = expression(p, 1);
        *link = item;
        link = &item->next;
        accept(p, ",");
    }
    return node_of(constructor, first, NULL, NULL);
}

static Node *suffixed(Parser *p, Node *node) {
    for (;;) {
        if (accept(p, "(")) {
            node = node_of(call, node, list(p, ")"), NULL);
        } else if (accept(p, "[")) {
            node = node_of(index_of, node, expression(p, 1), NULL);
            expect(p, "]");
        } else if (accept(p, ".")) {
            node = node_of(index_of, node, string_constant(name(p)), NULL);
        } else {
            return node;
        }
    }
}

static Node *operand(Parser *p) {
    if (accept(p, "#")) return node_of(length, operand(p), NULL, NULL);
    if (accept(p, "function")) return function_rest(p);
    if (accept(p, "{")) return table_rest(p);
    if (accept(p, "(")) {
        Node *inner = expression(p, 1);
        expect(p, ")");
        return suffixed(p, inner);
    }
    Node *node = node_of(constant, NULL, NULL, NULL);
    if (accept(p, "nil")) return node;
    if (*p->start == '"') {
        node->constant = (Value){STRING, {.string = intern(p->start + 1, p->len - 2)}};
        advance(p);
        return node;
    }
    if (*p->start >= '0' && *p->start <= '9') {
        f64 value = 0;
        for (u32 i = 0; i < p->len; i++) value = value * 10 + (p->start[i] - '0');
        node->constant = number(value);
        advance(p);
        return node;
    }
    return suffixed(p, variable(p, name(p)));
}

static Node *expression(Parser *p, u32 least) {
    static const struct { const char *text; u32 binds; Evaluate evaluate; } operators[] = {
        {"or", 1, or_else}, {"and", 2, and_also}, {"<", 3, less}, {"<=", 3, at_most}, {"==", 3, equal},
        {"~=", 3, unequal}, {"..", 4, concatenate}, {"+", 5, add}, {"-", 5, subtract}, {"*", 6, multiply},
        {"/", 6, divide}, {"%", 6, modulo},
    };
    Node *left = operand(p);
    for (u32 i = 0; i < COUNT_OF(operators); i++) {
        if (operators[i].binds < least || !accept(p, operators[i].text)) continue;
        left = node_of(operators[i].evaluate, left, expression(p, operators[i].binds + 1), NULL);
        i = ~0u; /* from the start */
    }
    return left;
}

static Node *assignment(Node *target, Node *value) {
    if (target->evaluate == index_of) return node_of(assign_index, target->a, target->b, value);
    target->evaluate = target->levels ? assign_outer : assign_local;
    target->a = value;
    return target;
}

static Node *conditional(Parser *p) {
    Node *condition = expression(p, 1);
    expect(p, "then");
    Node *node = node_of(if_else, condition, statements(p), NULL);
    if (accept(p, "elseif")) {
        node->c = conditional(p);
        return node;
    }
    if (accept(p, "else")) node->c = statements(p);
    expect(p, "end");
    return node;
}

static Node *statement(Parser *p) {
    if (accept(p, "local")) {
        int function = accept(p, "function");
        String *text = name(p);
        if (function) declare(p->scope, text);
        Node *value = function ? function_rest(p) : NULL;
        if (!function) {
            expect(p, "=");
            value = expression(p, 1);
            declare(p->scope, text);
        }
        return assignment(variable(p, text), value);
    }
    if (accept(p, "if")) return conditional(p);
    if (accept(p, "while")) {
        Node *condition = expression(p, 1);
        expect(p, "do");
        Node *node = node_of(while_do, condition, statements(p), NULL);
        expect(p, "end");
        return node;
    }
    if (accept(p, "for")) {
        String *text = name(p);
        expect(p, "=");
        Node *from = expression(p, 1);
        expect(p, ",");
        Node *to = expression(p, 1);
        expect(p, "do");
        u32 outside = p->scope->count, slot = declare(p->scope, text);
        Node *node = node_of(for_do, from, to, statements(p));
        node->slot = slot;
        p->scope->count = outside;
        expect(p, "end");
        return node;
    }
    if (accept(p, "return")) return node_of(give_back, expression(p, 1), NULL, NULL);
    Node *target = operand(p);
    return accept(p, "=") ? assignment(target, expression(p, 1)) : target;
}

static Node *statements(Parser *p) {
    Node *first = NULL, **link = &first;
    u32 outside = p->scope->count;
    while (!is(p, "end") && !is(p, "else") && !is(p, "elseif") && p->len > 0) {
        *link = statement(p);
        link = &(*link)->next;
    }
    p->scope->count = outside;
    return node_of(block, first, NULL, NULL);
}

/* What is interpreted. */
static const char source[] =
    "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end\n"
    "local function counter(step)\n"
    "  local count = 0\n"
    "  return function() count = count + step return count end\n"
    "end\n"
    "local function map(list, f)\n"
    "  local out = {}\n"
    "  for i = 1, #list do out[i] = f(list[i]) end\n"
    "  return out\n"
    "end\n"
    "local function sort(list, from, to, less)\n"
    "  if to <= from then return nil end\n"
    "  local middle = list[(from + to) / 2 - ((from + to) / 2) % 1]\n"
    "  local i = from\n"
    "  local j = to\n"
    "  while i <= j do\n"
    "    while less(list[i], middle) do i = i + 1 end\n"
    "    while less(middle, list[j]) do j = j - 1 end\n"
    "    if i <= j then\n"
    "      local swapped = list[i]\n"
    "      list[i] = list[j]\n"
    "      list[j] = swapped\n"
    "      i = i + 1\n"
    "      j = j - 1\n"
    "    end\n"
    "  end\n"
    "  sort(list, from, j, less)\n"
    "  sort(list, i, to, less)\n"
    "end\n"
    "local function account(owner)\n"
    "  local self = { owner = owner, balance = 0, log = {} }\n"
    "  self.pay = function(amount, what)\n"
    "    self.balance = self.balance + amount\n"
    "    self.log[#self.log + 1] = { what = what, amount = amount }\n"
    "    return self\n"
    "  end\n"
    "  return self\n"
    "end\n"
    "local total = fib(17)\n"
    "local a = counter(1)\n"
    "local b = counter(3)\n"
    "for i = 1, 1000 do total = total + a() * b() % 7 end\n"
    "local seed = 42\n"
    "local function random(limit) seed = (seed * 1103 + 12345) % 65536 return seed % limit end\n"
    "local numbers = {}\n"
    "for i = 1, 600 do numbers[i] = { key = random(1000), place = i } end\n"
    "sort(numbers, 1, #numbers, function(x, y) return x.key < y.key or x.key == y.key and x.place < y.place end)\n"
    "local squares = map(numbers, function(x) return x.key * x.key + x.place end)\n"
    "for i = 1, #squares do total = (total * 31 + squares[i]) % 1000003 end\n"
    "local words = {}\n"
    "for i = 1, 1500 do\n"
    "  local word = \"w\" .. random(50) .. \"_\" .. i % 3\n"
    "  words[word] = (words[word] or 0) + #word\n"
    "end\n"
    "for i = 0, 49 do total = total + (words[\"w\" .. i .. \"_1\"] or 1) * i end\n"
    "local accounts = {}\n"
    "for i = 1, 20 do accounts[i] = account(\"owner \" .. i) end\n"
    "for i = 1, 800 do accounts[1 + random(20)].pay(random(100), \"rent\").pay(5, \"tax\") end\n"
    "for i = 1, 20 do\n"
    "  local self = accounts[i]\n"
    "  total = (total + self.balance * #self.log + #self.owner) % 1000003\n"
    "  if self.log[3].what == \"rent\" then total = total + 1 elseif self.balance ~= 0 then total = total + 2 end\n"
    "end\n"
    "return total\n";

EXPORT("run") i64 run(i32 n) {
    u64 sum = 0;
    for (i32 i = 0; i < n; i++) {
        heap_reset();
        for (u32 k = 0; k < COUNT_OF(strings); k++) strings[k] = NULL;
        Scope scope = {0};
        Parser p = {.at = source, .scope = &scope};
        advance(&p);
        Node *program = statements(&p);
        Frame *frame = heap_alloc_zeroed(sizeof(Frame) + scope.most * sizeof(Value));
        returning = 0;
        Value result = evaluate(program, frame);
        sum = mix(sum, (u64)(result.number * 16) + result.tag);
    }
    return (i64)sum;
}
