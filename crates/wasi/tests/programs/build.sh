#!/usr/bin/env bash
# Compiles the programs of this directory to WebAssembly. Needs clang for the target wasm32-wasi
# with wasi-libc (Debian: clang-14 lld-14 wasi-libc libclang-rt-14-dev-wasm32).
set -euo pipefail
cd "$(dirname "$0")"

build() {
    local output=$1
    shift
    "${CLANG:-clang-14}" --target=wasm32-wasi --sysroot="${SYSROOT:-/usr}" -O2 -Wall -Wextra -Werror \
        -Wl,--strip-all -Wl,-z,stack-size=4194304 -o "$output" "$@" -lm
}

for source in *.c; do
    build "${source%.c}.wasm" "$source"
done
build lisp.wasm lisp/*.c
