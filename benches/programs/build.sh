#!/bin/sh
# Builds the benchmark programs to WebAssembly, beside their sources.
#
#   ./build.sh             every program (or those named: ./build.sh sieve vectors/saxpy)
#   ./build.sh --expected  compiles them for this machine instead, runs them at the sizes listed in
#                          table.txt, and prints the table anew with the checksums found
#
# Needs clang and lld 14 or later, CLANG names the compiler; and for --expected GCC 12 or later, which
# CC names. Only instructions of WebAssembly 2.0 are used, as current compilers do by default, and
# vectors only by the programs in `vectors`.
set -eu
cd "$(dirname "$0")"

CLANG=${CLANG:-clang-14}
WASM_FLAGS="--target=wasm32 -mbulk-memory -msign-ext -mnontrapping-fptoint -mmutable-globals"
LINK_FLAGS="-nostdlib -Wl,--no-entry -Wl,-z,stack-size=65536"
# Fused multiply-add would change results; wrapping arithmetic is meant.
SAME_RESULTS="-fwrapv -fno-strict-aliasing -fno-math-errno -ffp-contract=off"
COMMON_FLAGS="-O2 -Wall -Wextra -Wno-unused-function -ffreestanding -fno-vectorize -fno-slp-vectorize"

# The flags for one program: where headers are, and what its group needs.
flags() {
    echo "-I."
    case "$1" in
    vectors/*) echo "-msimd128" ;;
    esac
}

build() {
    $CLANG $WASM_FLAGS -std=c11 $SAME_RESULTS $COMMON_FLAGS -fno-builtin -c rt.c -o "$tmp/rt.o"
    for name in "$@"; do
        $CLANG $WASM_FLAGS -std=c11 $SAME_RESULTS $COMMON_FLAGS $LINK_FLAGS $(flags "$name") \
            "$name.c" "$tmp/rt.o" -o "$name.wasm"
        chmod a-x "$name.wasm"
    done
}

expected() {
    cat > "$tmp/main.c" <<'C'
#include <stdio.h>
#include <stdlib.h>
long long run(int n);
int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) printf(" %12s %20lld", argv[i], run(atoi(argv[i])));
    printf("\n");
    return 0;
}
C
    grep '^#' table.txt
    grep -v '^#' table.txt | while read -r name n _ quick_n _; do
        ${CC:-cc} -std=gnu11 -O2 $SAME_RESULTS -I. "$name.c" rt.c "$tmp/main.c" -o "$tmp/program" -lm
        printf '%-20s%s\n' "$name" "$("$tmp/program" "$n" "$quick_n")"
    done
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
case "${1:-}" in
--expected) expected ;;
"") build $(grep -v '^#' table.txt | cut -d' ' -f1) ;;
*) build "$@" ;;
esac
