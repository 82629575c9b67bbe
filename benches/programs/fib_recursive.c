/* The n-th Fibonacci number by recursion: calls and returns, little else. */
#include "rt.h"

static NOINLINE u64 fib(i32 n) { return n < 2 ? (u64)n : fib(n - 1) + fib(n - 2); }

EXPORT("run") i64 run(i32 n) { return (i64)fib(n); }
