/* Regular expressions, compiled to a nondeterministic automaton and run over n lines of text, all
 * states at once: small arrays of states, recursion over empty transitions, byte classes. */
#include "rt.h"

/* `BYTES` consumes one byte of a set; `SPLIT` goes on in two places; `MATCH` accepts. */
typedef enum { BYTES, SPLIT, MATCH } Op;

typedef struct {
    Op op;
    u32 set[8];
    u16 to, other;
} State;

#define MOST_STATES 256
#define OPEN 0xFFFF

typedef struct {
    State states[MOST_STATES];
    u16 count, start;
} Regex;

/* A piece of automaton: where it starts and its loose ends, each a `to` or `other` that is
 * `OPEN`. Loose ends are chained by position. */
typedef struct {
    u16 start;
    u16 ends[32], end_count;
} Piece;

typedef struct {
    const char *at;
    Regex *regex;
} Compiler;

static u16 new_state(Regex *regex, Op op) {
    State *state = &regex->states[regex->count];
    memset(state, 0, sizeof *state);
    state->op = op;
    state->to = state->other = OPEN;
    return regex->count++;
}

static void patch(Regex *regex, const Piece *piece, u16 target) {
    for (u16 i = 0; i < piece->end_count; i++) {
        State *state = &regex->states[piece->ends[i] / 2];
        if (piece->ends[i] & 1) {
            state->other = target;
        } else {
            state->to = target;
        }
    }
}

static void include(State *state, u32 from, u32 to) {
    for (u32 b = from; b <= to; b++) state->set[b / 32] |= 1u << (b % 32);
}

static Piece alternatives(Compiler *c);

static Piece atom(Compiler *c) {
    if (*c->at == '(') {
        c->at++;
        Piece inner = alternatives(c);
        c->at++;
        return inner;
    }
    u16 number = new_state(c->regex, BYTES);
    State *state = &c->regex->states[number];
    if (*c->at == '.') {
        include(state, 1, 255);
        c->at++;
    } else if (*c->at == '[') {
        c->at++;
        int inverted = *c->at == '^';
        if (inverted) c->at++;
        while (*c->at != ']') {
            u32 from = (u8)*c->at++, to = from;
            if (*c->at == '-') {
                to = (u8)c->at[1];
                c->at += 2;
            }
            include(state, from, to);
        }
        c->at++;
        if (inverted) {
            for (int i = 0; i < 8; i++) state->set[i] = ~state->set[i];
        }
    } else {
        if (*c->at == '\\') c->at++;
        include(state, (u8)*c->at, (u8)*c->at);
        c->at++;
    }
    return (Piece){number, {(u16)(number * 2)}, 1};
}

static Piece repeated(Compiler *c) {
    Piece piece = atom(c);
    for (; *c->at == '*' || *c->at == '+' || *c->at == '?'; c->at++) {
        u16 split = new_state(c->regex, SPLIT);
        u16 start = *c->at == '+' ? piece.start : split;
        c->regex->states[split].to = piece.start;
        if (*c->at == '?') {
            piece.ends[piece.end_count++] = (u16)(split * 2 + 1);
        } else {
            patch(c->regex, &piece, split);
            piece.ends[0] = (u16)(split * 2 + 1);
            piece.end_count = 1;
        }
        piece.start = start;
    }
    return piece;
}

static Piece sequence(Compiler *c) {
    Piece all = repeated(c);
    while (*c->at && *c->at != '|' && *c->at != ')') {
        Piece next = repeated(c);
        patch(c->regex, &all, next.start);
        next.start = all.start;
        all = next;
    }
    return all;
}

static Piece alternatives(Compiler *c) {
    Piece left = sequence(c);
    while (*c->at == '|') {
        c->at++;
        Piece right = sequence(c);
        u16 split = new_state(c->regex, SPLIT);
        c->regex->states[split].to = left.start;
        c->regex->states[split].other = right.start;
        left.start = split;
        for (u16 i = 0; i < right.end_count; i++) left.ends[left.end_count++] = right.ends[i];
    }
    return left;
}

static void compile(Regex *regex, const char *pattern) {
    Compiler c = {pattern, regex};
    regex->count = 0;
    Piece all = alternatives(&c);
    patch(regex, &all, new_state(regex, MATCH));
    regex->start = all.start;
}

typedef struct {
    u16 list[MOST_STATES];
    u32 count;
} Set;

static u32 marks[MOST_STATES], generation;

static void enter(const Regex *regex, Set *set, u16 number) {
    if (marks[number] == generation) return;
    marks[number] = generation;
    const State *state = &regex->states[number];
    if (state->op == SPLIT) {
        enter(regex, set, state->to);
        enter(regex, set, state->other);
    } else {
        set->list[set->count++] = number;
    }
}

/* The length of the longest match that starts at `text`, or -1. */
static i32 match(const Regex *regex, const char *text) {
    static Set sets[2];
    Set *now = &sets[0], *then = &sets[1];
    i32 longest = -1;
    now->count = 0;
    generation++;
    enter(regex, now, regex->start);
    for (i32 at = 0; now->count > 0; at++) {
        u32 byte = (u8)text[at];
        then->count = 0;
        generation++;
        for (u32 i = 0; i < now->count; i++) {
            const State *state = &regex->states[now->list[i]];
            if (state->op == MATCH) {
                longest = at;
            } else if (byte && state->set[byte / 32] >> (byte % 32) & 1) {
                enter(regex, then, state->to);
            }
        }
        Set *swapped = now;
        now = then;
        then = swapped;
    }
    return longest;
}

static void make_line(char *out, u64 *seed) {
    static const char *const pieces[] = {
        "error: ", "warning: ", "127.0.0.1 ", "10.24.7.255 ", "ada@example.org ", "2024-05-17 ",
        "0x7fff ", "page fault ", "at offset ", "3.1415 ", "foo.bar@sub.host.net ", "aaaaaaaab ",
    };
    u32 count = 3 + random_below(seed, 6);
    for (u32 i = 0; i < count; i++) {
        const char *s = pieces[random_below(seed, COUNT_OF(pieces))];
        while (*s) *out++ = *s++;
    }
    *out = 0;
}

EXPORT("run") i64 run(i32 n) {
    static const char *const patterns[] = {
        "[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+",
        "[a-z.]+@[a-z]+(\\.[a-z]+)+",
        "(error|warning): (0x[0-9a-f]+|[a-z ]*)",
        "(a|aa|aaa)*b",
        "[0-9][0-9][0-9][0-9]-(0[1-9]|1[0-2])-[0-3]?[0-9]",
    };
    static Regex regexes[COUNT_OF(patterns)];
    for (usize i = 0; i < COUNT_OF(patterns); i++) compile(&regexes[i], patterns[i]);
    memset(marks, 0, sizeof marks);
    generation = 0;
    u64 seed = 99, sum = 0;
    char line[256];
    for (i32 i = 0; i < n; i++) {
        make_line(line, &seed);
        for (usize r = 0; r < COUNT_OF(patterns); r++) {
            for (const char *at = line; *at;) {
                i32 len = match(&regexes[r], at);
                if (len > 0) {
                    sum = mix(sum, (u64)(at - line) * 1024 + (u64)len * 8 + r);
                    at += len;
                } else {
                    at++;
                }
            }
        }
    }
    return (i64)sum;
}
