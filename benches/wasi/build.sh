#!/usr/bin/env bash
# Compiles io.c to WebAssembly. Needs clang for the target wasm32-wasi with wasi-libc (Debian:
# clang-14 lld-14 wasi-libc libclang-rt-14-dev-wasm32).
set -euo pipefail
cd "$(dirname "$0")"
"${CLANG:-clang-14}" --target=wasm32-wasi --sysroot="${SYSROOT:-/usr}" -O2 -Wall -Wextra -Werror \
    -Wl,--strip-all -o io.wasm io.c
