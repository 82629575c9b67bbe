/* A register machine with 32-bit instructions, one large switch, running three small programs n
 * times: a table of branches in a loop, as interpreters have. */
#include "rt.h"

typedef enum {
    HALT, MOVE, IMM, ADD, SUB, MUL, DIV, REM, AND, OR, XOR, SHL, SHR, ADDI,
    LOAD, STORE, JUMP, JEQ, JNE, JLT, JGE, CALL, RET, PUSH, POP, NOT, NEG, MIN, MAX, ODD
} Op;

/* Operation, target register, and two registers or an 8-bit signed immediate. */
#define I(op, a, b, c) ((u32)(op) | (u32)(a) << 8 | (u32)(b) << 16 | (u32)(u8)(c) << 24)
/* Operation, register, 16-bit signed immediate. */
#define W(op, a, imm) ((u32)(op) | (u32)(a) << 8 | (u32)(u16)(imm) << 16)

/* The longest Collatz sequence among the starts below r1: length in r0. */
static const u32 collatz[] = {
    /*  0 */ W(IMM, 0, 0),
    /*  1 */ W(IMM, 2, 1),      /* r2: start */
    /*  2 */ I(MOVE, 3, 2, 0),  /* r3: current */
    /*  3 */ W(IMM, 4, 0),      /* r4: length */
    /*  4 */ W(IMM, 5, 1),
    /*  5 */ I(JEQ, 3, 5, 9),   /* to 15 */
    /*  6 */ I(ADDI, 4, 4, 1),
    /*  7 */ I(ODD, 6, 3, 0),
    /*  8 */ I(JEQ, 6, 5, 2),   /* to 11 */
    /*  9 */ I(SHR, 3, 3, 5),
    /* 10 */ W(JUMP, 0, -6),    /* to 5 */
    /* 11 */ W(IMM, 7, 3),
    /* 12 */ I(MUL, 3, 3, 7),
    /* 13 */ I(ADDI, 3, 3, 1),
    /* 14 */ W(JUMP, 0, -10),   /* to 5 */
    /* 15 */ I(MAX, 0, 0, 4),
    /* 16 */ I(ADDI, 2, 2, 1),
    /* 17 */ I(JLT, 2, 1, -16), /* to 2 */
    /* 18 */ W(HALT, 0, 0),
};

/* Sums the primes below r1 with a sieve in the machine's memory: sum in r0. */
static const u32 primes[] = {
    /*  0 */ W(IMM, 0, 0),
    /*  1 */ W(IMM, 2, 0),
    /*  2 */ W(IMM, 9, 0),
    /*  3 */ I(STORE, 9, 2, 0), /* clear memory[r2] */
    /*  4 */ I(ADDI, 2, 2, 1),
    /*  5 */ I(JLT, 2, 1, -3),  /* to 3 */
    /*  6 */ W(IMM, 2, 2),
    /*  7 */ W(IMM, 8, 1),
    /*  8 */ I(LOAD, 3, 2, 0),
    /*  9 */ I(JEQ, 3, 8, 6),   /* to 16 */
    /* 10 */ I(ADD, 0, 0, 2),
    /* 11 */ I(ADD, 4, 2, 2),
    /* 12 */ I(JGE, 4, 1, 3),   /* to 16 */
    /* 13 */ I(STORE, 8, 4, 0),
    /* 14 */ I(ADD, 4, 4, 2),
    /* 15 */ W(JUMP, 0, -4),    /* to 12 */
    /* 16 */ I(ADDI, 2, 2, 1),
    /* 17 */ I(JLT, 2, 1, -10), /* to 8 */
    /* 18 */ W(HALT, 0, 0),
};

/* Fibonacci of r1 by recursion: result in r0. */
static const u32 fibonacci[] = {
    /*  0 */ W(CALL, 0, 1),     /* to 2 */
    /*  1 */ W(HALT, 0, 0),
    /*  2 */ W(IMM, 2, 2),
    /*  3 */ I(JGE, 1, 2, 2),   /* to 6 */
    /*  4 */ I(MOVE, 0, 1, 0),
    /*  5 */ W(RET, 0, 0),
    /*  6 */ W(PUSH, 1, 0),
    /*  7 */ I(ADDI, 1, 1, -1),
    /*  8 */ W(CALL, 0, -7),    /* to 2 */
    /*  9 */ W(POP, 1, 0),
    /* 10 */ W(PUSH, 0, 0),
    /* 11 */ I(ADDI, 1, 1, -2),
    /* 12 */ W(CALL, 0, -11),   /* to 2 */
    /* 13 */ W(POP, 3, 0),
    /* 14 */ I(ADD, 0, 0, 3),
    /* 15 */ W(RET, 0, 0),
};

static i32 memory[4096], stack[256];

static NOINLINE i32 execute(const u32 *code, i32 argument, u64 *steps) {
    i32 r[16] = {0};
    u32 pc = 0, sp = 0;
    u64 count = 0;
    r[1] = argument;
    for (;;) {
        u32 instruction = code[pc++];
        u32 a = instruction >> 8 & 15, b = instruction >> 16 & 15, c = instruction >> 24 & 15;
        i32 near = (i8)(instruction >> 24), wide = (i16)(instruction >> 16);
        count++;
        switch ((Op)(instruction & 255)) {
        case HALT: *steps += count; return r[0];
        case MOVE: r[a] = r[b]; break;
        case IMM: r[a] = wide; break;
        case ADD: r[a] = r[b] + r[c]; break;
        case SUB: r[a] = r[b] - r[c]; break;
        case MUL: r[a] = r[b] * r[c]; break;
        case DIV: r[a] = r[c] ? r[b] / r[c] : 0; break;
        case REM: r[a] = r[c] ? r[b] % r[c] : 0; break;
        case AND: r[a] = r[b] & r[c]; break;
        case OR: r[a] = r[b] | r[c]; break;
        case XOR: r[a] = r[b] ^ r[c]; break;
        case SHL: r[a] = (i32)((u32)r[b] << (r[c] & 31)); break;
        case SHR: r[a] = (i32)((u32)r[b] >> (r[c] & 31)); break;
        case ADDI: r[a] = r[b] + near; break;
        case LOAD: r[a] = memory[(u32)(r[b] + near) & 4095]; break;
        case STORE: memory[(u32)(r[b] + near) & 4095] = r[a]; break;
        case JUMP: pc += (u32)wide; break;
        case JEQ: if (r[a] == r[b]) pc += (u32)near; break;
        case JNE: if (r[a] != r[b]) pc += (u32)near; break;
        case JLT: if (r[a] < r[b]) pc += (u32)near; break;
        case JGE: if (r[a] >= r[b]) pc += (u32)near; break;
        case CALL: stack[sp++ & 255] = (i32)pc; pc += (u32)wide; break;
        case RET: pc = (u32)stack[--sp & 255]; break;
        case PUSH: stack[sp++ & 255] = r[a]; break;
        case POP: r[a] = stack[--sp & 255]; break;
        case NOT: r[a] = ~r[b]; break;
        case NEG: r[a] = -r[b]; break;
        case MIN: r[a] = r[b] < r[c] ? r[b] : r[c]; break;
        case MAX: r[a] = r[b] > r[c] ? r[b] : r[c]; break;
        case ODD: r[a] = r[b] & 1; break;
        default: return -1;
        }
    }
}

EXPORT("run") i64 run(i32 n) {
    u64 sum = 0, steps = 0;
    for (i32 i = 0; i < n; i++) {
        sum = mix(sum, (u32)execute(collatz, 300, &steps));
        sum = mix(sum, (u32)execute(primes, 4000, &steps));
        sum = mix(sum, (u32)execute(fibonacci, 15, &steps));
    }
    return (i64)mix(sum, steps);
}
