#!/usr/bin/env bash
# Compiles the programs of `faults` and `correct`. Needs clang and lld 14, wasi-libc and libc++ for
# wasm32 (Debian: clang-14 lld-14 wasi-libc libc++-14-dev-wasm32 libc++abi-14-dev-wasm32
# libclang-rt-14-dev-wasm32), AssemblyScript 0.28 as `asc`, Zig 0.17 as `zig` and rustc 1.95 with the target
# wasm32-wasip1.
# clang would run wasm-opt, if it is installed, which removes names and line tables.
set -euo pipefail
cd "$(dirname "$0")"

flags=(--target=wasm32-wasi --sysroot=/usr -fdebug-compilation-dir=. -Wno-everything)
c() { clang-14 "${flags[@]}" "$@"; }
# Line tables alone: libc++ has much to say otherwise.
cpp() { clang++-14 "${flags[@]}" -std=c++17 -fno-exceptions -fsized-deallocation -gline-tables-only "$@"; }

cd faults
object=$(mktemp --suffix=.o)
for level in 0 2; do
    for name in bounds lifetime strings shapes kinds leaks regions stacks; do
        c -O$level -g -o $name-O$level.wasm $name.c main.c
    done
    c -O$level -g -Wl,--stack-first -o stacks-first-O$level.wasm stacks.c main.c
    c -O$level -g -c -o "$object" main.c
    cpp -O$level -o cpp-O$level.wasm cpp.cpp "$object"
done
rm "$object"
zig build-exe -target wasm32-freestanding -O ReleaseSmall -fno-strip -fno-entry -rdynamic zig.zig
for level in 0 2; do
    asc assembly.ts -o assembly-O$level.wasm -O$level --debug --sourceMap --use abort= --exportRuntime
    # The sources of AssemblyScript's library are not needed.
    sed -i 's/,"sourcesContent":.*$/}/' assembly-O$level.wasm.map
done

cd ../correct
for level in 0 2; do
    c -O$level -g -o libc-O$level.wasm libc.c -lm
    c -O$level -g -o more-O$level.wasm more.c -lm
    cpp -O$level -Wl,--strip-debug -o containers-O$level.wasm containers.cpp
done
cpp -O2 -Wl,--strip-debug -o objects-O2.wasm objects.cpp
asc collected.ts -o collected.wasm -O0 --debug --use abort= --exportRuntime
asc collected.ts -o collected-O3.wasm -O3 --debug --use abort= --exportRuntime
asc collected.ts -o collected-stripped.wasm -O3 --use abort= --exportRuntime
asc garbage.ts -o garbage-O2.wasm -O2 --debug --use abort=
asc garbage.ts -o garbage-minimal.wasm -O0 --debug --use abort= --runtime minimal --exportRuntime
asc finalize.ts -o finalize-O0.wasm -O0 --debug --use abort= --exportRuntime
asc finalize.ts -o finalize-O2.wasm -O2 --debug --use abort= --exportRuntime
c -Oz -g0 -o pool-Oz.wasm pool.c
c -Oz -flto -Wl,--export=malloc,--export=free,-s -o pool-stripped.wasm pool.c
cpp -Oz -g0 -o operators-Oz.wasm operators.cpp
rustc --edition 2024 --target wasm32-wasip1 -C opt-level=z -C lto=fat -C codegen-units=1 -C panic=abort \
    -C strip=debuginfo -o values.wasm values.rs
