#!/usr/bin/env bash
# Compiles the guests of the examples. Needs AssemblyScript (npm install assemblyscript) and clang
# for the target wasm32-wasi with wasi-libc (Debian: clang-14 lld-14 wasi-libc).
set -euo pipefail
cd "$(dirname "$0")"

asc() { npx asc bytes.ts --runtime stub -O --noAssert "$@"; }
asc -o bytes.wasm
# The data begins at address 65536: everything below is the host's.
asc -o bytes-base.wasm --memoryBase 65536 --initialMemory 3
# The memory is the host's, and shared between threads.
asc -o bytes-shared.wasm --enable threads --sharedMemory --importMemory --initialMemory 1 \
    --maximumMemory 4

"${CLANG:-clang-14}" --target=wasm32-wasi --sysroot="${SYSROOT:-/usr}" -O2 -Wall -Wextra -Werror \
    -mexec-model=reactor -Wl,--strip-all -Wl,--export=malloc -Wl,--export=free -o text.wasm text.c
