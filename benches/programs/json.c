/* Writes a JSON document of n records, parses it into a tree, and sums the tree up: a recursive
 * descent parser over bytes, small allocations, linked nodes, decimal numbers. */
#include "rt.h"

typedef enum { NOTHING, FALSE, TRUE, NUMBER, STRING, ARRAY, OBJECT } Kind;

typedef struct Node {
    Kind kind;
    u32 len; /* of the string, or how many children */
    union {
        f64 number;
        char *string;
        struct Node *first;
    };
    char *key;
    struct Node *next;
} Node;

/* Writing. */

static char *put(char *out, const char *s) {
    while (*s) *out++ = *s++;
    return out;
}

static char *put_number(char *out, u32 value) {
    char digits[10];
    int count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (count > 0) *out++ = digits[--count];
    return out;
}

static char *put_record(char *out, u32 id, u64 *seed) {
    static const char *const names[] = {"\"Ada\"", "\"Grace \\\"Amazing\\\" H.\"", "\"Al\\u00e9n\"",
                                        "\"Edsger\\tW.\"", "\"Barbara\""};
    out = put(out, "{\"id\": ");
    out = put_number(out, id);
    out = put(out, ", \"name\": ");
    out = put(out, names[random_below(seed, COUNT_OF(names))]);
    out = put(out, random_below(seed, 2) ? ",\n  \"active\": true" : ",\n  \"active\": false");
    out = put(out, ", \"score\": -");
    out = put_number(out, random_below(seed, 1000));
    *out++ = '.';
    out = put_number(out, random_below(seed, 100000));
    out = put(out, random_below(seed, 2) ? "e-2" : "E+1");
    out = put(out, ", \"tags\": [");
    u32 tags = random_below(seed, 6);
    for (u32 i = 0; i < tags; i++) {
        if (i) *out++ = ',';
        if (random_below(seed, 4)) {
            out = put_number(out, random_below(seed, 1 << 20));
        } else {
            out = put(out, "null");
        }
    }
    return put(out, "], \"at\": {\"x\": 1.5, \"y\": [ ], \"z\": { } } }");
}

/* Parsing. */

typedef struct {
    const char *at;
    u32 failed;
} Parser;

static void skip_space(Parser *p) {
    while (*p->at == ' ' || *p->at == '\n' || *p->at == '\t' || *p->at == '\r') p->at++;
}

static int accept(Parser *p, char c) {
    skip_space(p);
    if (*p->at != c) return 0;
    p->at++;
    return 1;
}

static void expect(Parser *p, char c) {
    if (!accept(p, c)) p->failed = 1;
}

static u32 hex4(Parser *p) {
    u32 value = 0;
    for (int i = 0; i < 4; i++) {
        char c = *p->at++;
        u32 digit = c >= '0' && c <= '9' ? (u32)(c - '0') : (u32)((c | 32) - 'a' + 10);
        if (digit > 15) p->failed = 1;
        value = value << 4 | digit;
    }
    return value;
}

static char *put_utf8(char *out, u32 c) {
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
        *out++ = (char)(0x80 | (c & 63));
    } else {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | ((c >> 6) & 63));
        *out++ = (char)(0x80 | (c & 63));
    }
    return out;
}

static char *parse_string(Parser *p, u32 *len) {
    expect(p, '"');
    const char *end = p->at;
    while (*end != '"' && *end) end += *end == '\\' ? 2 : 1;
    char *string = heap_alloc((usize)(end - p->at) + 1), *out = string;
    while (*p->at != '"' && *p->at) {
        char c = *p->at++;
        if (c == '\\') {
            switch (c = *p->at++) {
            case 'n': c = '\n'; break;
            case 't': c = '\t'; break;
            case 'r': c = '\r'; break;
            case 'b': c = '\b'; break;
            case 'f': c = '\f'; break;
            case 'u': out = put_utf8(out, hex4(p)); continue;
            default: break;
            }
        }
        *out++ = c;
    }
    expect(p, '"');
    *out = 0;
    *len = (u32)(out - string);
    return string;
}

static f64 parse_number(Parser *p) {
    int negative = *p->at == '-';
    if (negative) p->at++;
    u64 digits = 0;
    int exponent = 0;
    for (; *p->at >= '0' && *p->at <= '9'; p->at++) digits = digits * 10 + (u64)(*p->at - '0');
    if (*p->at == '.') {
        for (p->at++; *p->at >= '0' && *p->at <= '9'; p->at++, exponent--) {
            digits = digits * 10 + (u64)(*p->at - '0');
        }
    }
    if ((*p->at | 32) == 'e') {
        p->at++;
        int down = *p->at == '-', by = 0;
        if (*p->at == '-' || *p->at == '+') p->at++;
        for (; *p->at >= '0' && *p->at <= '9'; p->at++) by = by * 10 + (*p->at - '0');
        exponent += down ? -by : by;
    }
    f64 value = (f64)digits;
    for (; exponent > 0; exponent--) value *= 10.0;
    for (; exponent < 0; exponent++) value /= 10.0;
    return negative ? -value : value;
}

static Node *parse(Parser *p);

static void parse_children(Parser *p, Node *parent, char close) {
    Node **link = &parent->first;
    if (accept(p, close)) return;
    do {
        char *key = NULL;
        u32 key_len;
        if (parent->kind == OBJECT) {
            skip_space(p);
            key = parse_string(p, &key_len);
            expect(p, ':');
        }
        Node *child = parse(p);
        child->key = key;
        *link = child;
        link = &child->next;
        parent->len++;
    } while (!p->failed && accept(p, ','));
    expect(p, close);
}

static void parse_word(Parser *p, const char *word) {
    for (; *word; word++) {
        if (*p->at++ != *word) p->failed = 1;
    }
}

static Node *parse(Parser *p) {
    Node *node = heap_alloc_zeroed(sizeof *node);
    skip_space(p);
    switch (*p->at) {
    case '{':
        p->at++;
        node->kind = OBJECT;
        parse_children(p, node, '}');
        break;
    case '[':
        p->at++;
        node->kind = ARRAY;
        parse_children(p, node, ']');
        break;
    case '"':
        node->kind = STRING;
        node->string = parse_string(p, &node->len);
        break;
    case 't':
        node->kind = TRUE;
        parse_word(p, "true");
        break;
    case 'f':
        node->kind = FALSE;
        parse_word(p, "false");
        break;
    case 'n':
        node->kind = NOTHING;
        parse_word(p, "null");
        break;
    default:
        node->kind = NUMBER;
        node->number = parse_number(p);
    }
    return node;
}

static u64 sum_up(const Node *node, u64 sum) {
    sum = mix(sum, (u64)node->kind * 64 + node->len);
    if (node->key) sum = mix(sum, (u8)node->key[0]);
    switch (node->kind) {
    case NUMBER: return mix(sum, (u64)(i64)(node->number * 1000.0));
    case STRING: return mix(sum, (u8)node->string[node->len / 2]);
    case ARRAY:
    case OBJECT:
        for (const Node *child = node->first; child; child = child->next) sum = sum_up(child, sum);
        return sum;
    default: return sum;
    }
}

EXPORT("run") i64 run(i32 n) {
    heap_reset();
    char *text = heap_alloc((usize)n * 200 + 16), *out = text;
    u64 seed = 2024;
    *out++ = '[';
    for (i32 i = 0; i < n; i++) {
        if (i) out = put(out, ",\n ");
        out = put_record(out, (u32)i, &seed);
    }
    *out++ = ']';
    *out = 0;
    Parser parser = {text, 0};
    Node *root = parse(&parser);
    if (parser.failed || *parser.at || root->len != (u32)n) return -1;
    return (i64)sum_up(root, (u64)(out - text));
}
