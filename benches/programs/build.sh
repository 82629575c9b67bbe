#!/bin/sh
# Builds the benchmark programs to WebAssembly, beside their sources.
#
#   ./build.sh             every program (or those named: ./build.sh sieve vectors/saxpy)
#   ./build.sh --expected  compiles them for this machine instead, runs them at the sizes listed in
#                          table.txt, and prints the table anew with the checksums found
#
# A program `name_o0` is name.c without optimisation.
#
# Needs clang and lld 14 or later, CLANG names the compiler; and for --expected GCC 12 or later, which
# CC names. What is written in AssemblyScript needs Node, and its packages where NODE_PATH says:
#
#   npm install --prefix /tmp/as assemblyscript@0.28.20 typescript@5.8
#   export NODE_PATH=/tmp/as/node_modules
#
# Only instructions of WebAssembly 2.0 are used, as current compilers do by default, and vectors only
# by the programs in `vectors`.
set -eu
cd "$(dirname "$0")"

CLANG=${CLANG:-clang-14}
WASM_FLAGS="--target=wasm32 -mbulk-memory -msign-ext -mnontrapping-fptoint -mmutable-globals"
LINK_FLAGS="--target=wasm32 -nostdlib -Wl,--no-entry -Wl,-z,stack-size=65536"
# Fused multiply-add would change results; wrapping arithmetic is meant.
SAME_RESULTS="-O2 -I. -fwrapv -fno-strict-aliasing -fno-math-errno -ffp-contract=off"
COMMON_FLAGS="-Wall -Wextra -Wno-unused-function -ffreestanding -fno-vectorize -fno-slp-vectorize"
CXX_FLAGS="-std=c++17 -fno-exceptions -fno-rtti"

# The source of a program.
source_of() {
    for file in "$1.c" "$1.cc" "$1.ts" "${1%_o0}.c"; do
        if [ -e "$file" ]; then echo "$file" && return; fi
    done
    echo "no source of $1" >&2
    return 1
}

# The language and what only some of the programs need.
flags() {
    case "$2" in
    *.cc) echo "$CXX_FLAGS" ;;
    *) echo "-std=gnu11" ;;
    esac
    case "$1" in
    vectors/*) echo "$3" ;;
    *_o0) echo "-O0" ;;
    esac
}

build() {
    $CLANG $WASM_FLAGS -std=c11 $SAME_RESULTS $COMMON_FLAGS -fno-builtin -c rt.c -o "$tmp/rt.o"
    for name in "$@"; do
        source=$(source_of "$name")
        case "$source" in
        *.ts)
            node "$NODE_PATH/assemblyscript/bin/asc.js" "$source" -o "$name.wasm" -O3 --use abort=
            ;;
        *)
            $CLANG $WASM_FLAGS $SAME_RESULTS $COMMON_FLAGS $(flags "$name" "$source" -msimd128) \
                -c "$source" -o "$tmp/program.o"
            $CLANG $LINK_FLAGS "$tmp/program.o" "$tmp/rt.o" -o "$name.wasm"
            ;;
        esac
        chmod a-x "$name.wasm"
    done
}

# AssemblyScript that JavaScript understands too, once the types are gone.
expected_script() {
    source=$1
    shift
    node -e '
        const [source, ...sizes] = process.argv.slice(1);
        const text = require("fs").readFileSync(source, "utf8");
        const script = require("typescript")
            .transpile(text, { target: "es2022" }).replace("export function", "function");
        import(process.env.NODE_PATH + "/assemblyscript/std/portable/index.js").then(() => {
            globalThis.i64 = (x) => x;
            const run = new Function(script + "return run;")();
            const cells = sizes.map((n) => " " + n.padStart(12) + " " + String(run(Number(n))).padStart(20));
            console.log(cells.join(""));
        });
    ' "$source" "$@"
}

expected() {
    CC=${CC:-cc}
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
    $CC -std=gnu11 $SAME_RESULTS -c rt.c -o "$tmp/rt.o"
    $CC -std=gnu11 $SAME_RESULTS -c "$tmp/main.c" -o "$tmp/main.o"
    grep '^#' table.txt
    grep -v '^#' table.txt | while read -r name n _ quick_n _; do
        source=$(source_of "$name")
        case "$source" in
        *.ts) cells=$(expected_script "$source" "$n" "$quick_n") ;;
        *)
            $CC $SAME_RESULTS $(flags "$name" "$source" "") -c "$source" -o "$tmp/program.o"
            $CC "$tmp/program.o" "$tmp/rt.o" "$tmp/main.o" -o "$tmp/program" -lm
            cells=$("$tmp/program" "$n" "$quick_n")
            ;;
        esac
        printf '%-20s%s\n' "$name" "$cells"
    done
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
case "${1:-}" in
--expected) expected ;;
"") build $(grep -v '^#' table.txt | cut -d' ' -f1) ;;
*) build "$@" ;;
esac
