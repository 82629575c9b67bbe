/* Splits n bytes of a language like C into tokens with one large switch, and parses them with
 * precedences into code for a stack machine, of which it keeps a checksum. */
#include "rt.h"

typedef enum {
    END, NAME, INTEGER, FLOATING, TEXT, LETTER,
    IF, ELSE, WHILE, FOR, RETURN, INT, STRUCT,
    OPEN, CLOSE, OPEN_BRACE, CLOSE_BRACE, OPEN_INDEX, CLOSE_INDEX, SEMICOLON, COMMA, QUESTION, COLON,
    DOT, ARROW, PLUS, MINUS, TIMES, DIVIDE, MODULO, AND, OR, XOR, NOT, FLIP, ASSIGN, LESS, GREATER,
    SHIFT_LEFT, SHIFT_RIGHT, EQUAL, UNEQUAL, LESS_EQUAL, GREATER_EQUAL, AND_ALSO, OR_ELSE,
    INCREMENT, DECREMENT, ASSIGN_PLUS, ASSIGN_MINUS, ASSIGN_TIMES, WRONG,
} Kind;

typedef struct {
    const char *at, *start;
    Kind kind;
    u64 value;
    u32 lines;
    u64 sum;
} Parser;

static int is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static Kind keyword(const char *start, usize len) {
    static const struct { const char *word; Kind kind; } words[] = {
        {"if", IF}, {"else", ELSE}, {"while", WHILE}, {"for", FOR},
        {"return", RETURN}, {"int", INT}, {"struct", STRUCT},
    };
    for (usize i = 0; i < COUNT_OF(words); i++) {
        if (strlen(words[i].word) == len && memcmp(words[i].word, start, len) == 0) return words[i].kind;
    }
    return NAME;
}

static int accept(Parser *p, char c) {
    if (*p->at != c) return 0;
    p->at++;
    return 1;
}

static Kind number(Parser *p, char first) {
    u64 value = (u64)(first - '0');
    if (first == '0' && (accept(p, 'x') || accept(p, 'X'))) {
        for (;; p->at++) {
            char c = *p->at;
            if (c >= '0' && c <= '9') value = value * 16 + (u64)(c - '0');
            else if ((c | 32) >= 'a' && (c | 32) <= 'f') value = value * 16 + (u64)((c | 32) - 'a' + 10);
            else break;
        }
        p->value = value;
        return INTEGER;
    }
    while (*p->at >= '0' && *p->at <= '9') value = value * 10 + (u64)(*p->at++ - '0');
    p->value = value;
    if (!accept(p, '.')) return INTEGER;
    while (*p->at >= '0' && *p->at <= '9') p->value = p->value * 10 + (u64)(*p->at++ - '0');
    return FLOATING;
}

static Kind quoted(Parser *p, char quote, Kind kind) {
    u64 value = 0;
    while (*p->at && *p->at != quote) {
        if (*p->at == '\\') p->at++;
        value = value * 31 + (u8)*p->at++;
    }
    p->value = value;
    return accept(p, quote) ? kind : WRONG;
}

static Kind token(Parser *p) {
    for (;;) {
        p->start = p->at;
        char c = *p->at++;
        switch (c) {
        case 0: p->at--; return END;
        case '\n': p->lines++; continue;
        case ' ': case '\t': case '\r': continue;
        case '(': return OPEN;
        case ')': return CLOSE;
        case '{': return OPEN_BRACE;
        case '}': return CLOSE_BRACE;
        case '[': return OPEN_INDEX;
        case ']': return CLOSE_INDEX;
        case ';': return SEMICOLON;
        case ',': return COMMA;
        case '?': return QUESTION;
        case ':': return COLON;
        case '.': return DOT;
        case '~': return FLIP;
        case '^': return XOR;
        case '%': return MODULO;
        case '+': return accept(p, '+') ? INCREMENT : accept(p, '=') ? ASSIGN_PLUS : PLUS;
        case '-': return accept(p, '-') ? DECREMENT : accept(p, '=') ? ASSIGN_MINUS : accept(p, '>') ? ARROW : MINUS;
        case '*': return accept(p, '=') ? ASSIGN_TIMES : TIMES;
        case '&': return accept(p, '&') ? AND_ALSO : AND;
        case '|': return accept(p, '|') ? OR_ELSE : OR;
        case '!': return accept(p, '=') ? UNEQUAL : NOT;
        case '=': return accept(p, '=') ? EQUAL : ASSIGN;
        case '<': return accept(p, '<') ? SHIFT_LEFT : accept(p, '=') ? LESS_EQUAL : LESS;
        case '>': return accept(p, '>') ? SHIFT_RIGHT : accept(p, '=') ? GREATER_EQUAL : GREATER;
        case '/':
            if (accept(p, '/')) {
                while (*p->at && *p->at != '\n') p->at++;
                continue;
            }
            if (accept(p, '*')) {
                while (*p->at && !(p->at[0] == '*' && p->at[1] == '/')) p->lines += *p->at++ == '\n';
                p->at += 2;
                continue;
            }
            return DIVIDE;
        case '"': return quoted(p, '"', TEXT);
        case '\'': return quoted(p, '\'', LETTER);
        case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
            return number(p, c);
        default:
            if (!is_name(c)) return WRONG;
            p->value = (u8)c;
            while (is_name(*p->at)) p->value = p->value * 31 + (u8)*p->at++;
            return keyword(p->start, (usize)(p->at - p->start));
        }
    }
}

static void advance(Parser *p) { p->kind = token(p); }

static void emit(Parser *p, u32 operation, u64 operand) { p->sum = mix(p->sum, operand << 8 | operation); }

static int skip(Parser *p, Kind kind) {
    if (p->kind != kind) return 0;
    advance(p);
    return 1;
}

static void expect(Parser *p, Kind kind) {
    if (!skip(p, kind)) {
        emit(p, WRONG, (u64)kind);
        advance(p);
    }
}

/* How strongly an operator binds what is on its left; 0 if it is none between two operands. */
static u32 precedence(Kind kind) {
    switch (kind) {
    case ASSIGN: case ASSIGN_PLUS: case ASSIGN_MINUS: case ASSIGN_TIMES: return 1;
    case QUESTION: return 2;
    case OR_ELSE: return 3;
    case AND_ALSO: return 4;
    case OR: return 5;
    case XOR: return 6;
    case AND: return 7;
    case EQUAL: case UNEQUAL: return 8;
    case LESS: case GREATER: case LESS_EQUAL: case GREATER_EQUAL: return 9;
    case SHIFT_LEFT: case SHIFT_RIGHT: return 10;
    case PLUS: case MINUS: return 11;
    case TIMES: case DIVIDE: case MODULO: return 12;
    default: return 0;
    }
}

static void expression(Parser *p, u32 least);

static void operand(Parser *p) {
    Kind kind = p->kind;
    u64 value = p->value;
    switch (kind) {
    case NAME: case INTEGER: case FLOATING: case TEXT: case LETTER:
        advance(p);
        emit(p, (u32)kind, value);
        break;
    case OPEN:
        advance(p);
        expression(p, 1);
        expect(p, CLOSE);
        break;
    case MINUS: case NOT: case FLIP: case TIMES: case AND: case INCREMENT: case DECREMENT:
        advance(p);
        operand(p);
        emit(p, (u32)kind, 1);
        return;
    default:
        emit(p, WRONG, p->lines);
        advance(p);
        return;
    }
    for (;;) {
        switch (kind = p->kind) {
        case OPEN_INDEX:
            advance(p);
            expression(p, 1);
            expect(p, CLOSE_INDEX);
            emit(p, OPEN_INDEX, 0);
            continue;
        case OPEN: {
            u32 count = 0;
            advance(p);
            while (p->kind != CLOSE && p->kind != END) {
                expression(p, 1);
                count++;
                if (!skip(p, COMMA)) break;
            }
            expect(p, CLOSE);
            emit(p, OPEN, count);
            continue;
        }
        case DOT: case ARROW:
            advance(p);
            emit(p, (u32)kind, p->value);
            expect(p, NAME);
            continue;
        case INCREMENT: case DECREMENT:
            advance(p);
            emit(p, (u32)kind, 0);
            continue;
        default: return;
        }
    }
}

static void expression(Parser *p, u32 least) {
    operand(p);
    for (;;) {
        Kind kind = p->kind;
        u32 binds = precedence(kind);
        if (binds < least || binds == 0) return;
        advance(p);
        if (kind == QUESTION) {
            expression(p, 1);
            expect(p, COLON);
        }
        /* Assignments and conditions group from the right. */
        expression(p, binds <= 2 ? binds : binds + 1);
        emit(p, (u32)kind, 2);
    }
}

static void statement(Parser *p) {
    Kind kind = p->kind;
    switch (kind) {
    case OPEN_BRACE:
        advance(p);
        while (p->kind != CLOSE_BRACE && p->kind != END) statement(p);
        expect(p, CLOSE_BRACE);
        return;
    case IF: case WHILE:
        advance(p);
        expect(p, OPEN);
        expression(p, 1);
        expect(p, CLOSE);
        emit(p, (u32)kind, 0);
        statement(p);
        if (kind == IF && skip(p, ELSE)) statement(p);
        emit(p, (u32)kind, 1);
        return;
    case FOR:
        advance(p);
        expect(p, OPEN);
        for (int i = 0; i < 3; i++) {
            if (p->kind != SEMICOLON && p->kind != CLOSE) expression(p, 1);
            if (i < 2) expect(p, SEMICOLON);
        }
        expect(p, CLOSE);
        statement(p);
        emit(p, FOR, 1);
        return;
    case RETURN:
        advance(p);
        if (p->kind != SEMICOLON) expression(p, 1);
        emit(p, RETURN, 0);
        break;
    case INT:
        advance(p);
        do expression(p, 1);
        while (skip(p, COMMA));
        emit(p, INT, 0);
        break;
    default: expression(p, 1);
    }
    expect(p, SEMICOLON);
}

/* Statements that are put one after the other at random. */
static const char *const samples[] = {
    "if (count > limit && !done) { total += items[count]->price * 12; count--; } else total = 0;\n",
    "for (i = 0; i < n; i++) sum = sum * 31 + (text[i] ^ mask) % 0x7fff; // a hash\n",
    "/* A loop that\n * looks for the end. */\nwhile (*at != '\\n' && at < end) at++;\n",
    "int width = (right - left) >> 1, height = bottom - top;\n",
    "print(\"%d of %d\\n\", index, size ? size : 1);\n",
    "node = node->left == 0 ? node->right : balance(node->left, depth + 1, &changed);\n",
    "return (a & ~b) | (c << 3) - -d * 1.25;\n",
    "{ x = y = z; matrix[row][column] *= factor; }\n",
};

EXPORT("run") i64 run(i32 n) {
    heap_reset();
    usize len = (usize)n;
    char *source = heap_alloc(len + 256), *out = source;
    u64 seed = 59;
    while ((usize)(out - source) < len) {
        for (const char *s = samples[random_below(&seed, COUNT_OF(samples))]; *s;) *out++ = *s++;
    }
    *out = 0;
    Parser p = {.at = source};
    advance(&p);
    while (p.kind != END) statement(&p);
    return (i64)mix(p.sum, p.lines);
}
