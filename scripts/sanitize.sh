#!/usr/bin/env bash
# Runs tests under AddressSanitizer, ThreadSanitizer and valgrind:
#
#     scripts/sanitize.sh [asan|tsan|valgrind]...
#
# Without names, all three. The sanitizers need a nightly toolchain, valgrind needs valgrind; what
# is missing is skipped, and each skip is a line that begins with `skipped`. Each takes some minutes
# once its tests are built; nothing here is part of `.ci/run`.
#
# The sanitizers get the dev profile, which dispatches in a loop: instrumented handlers do not all
# end in a jump, and so would fill the native stack. Tail calls are for valgrind, which takes the
# release profile's plain binaries.
set -uo pipefail
cd "$(dirname "$0")/.."

target=x86_64-unknown-linux-gnu
# Always both, so that they are built once.
packages=(-p lineal -p spec-tests)
engine=("${packages[@]}" --test api --test atomics --test faults --test fuel --test gc --test isolation
    --test observe --test page_sizes --test panic_safety --test vector_memory --test vectors)
failed=0 done_any=0

say() { printf '\n== %s\n' "$*"; }
skipped() { printf 'skipped: %s\n' "$*"; }
run() {
    printf '   %s\n' "$*"
    done_any=1
    "$@" || { failed=1; printf 'FAILED: %s\n' "$*"; }
}

nightly() { rustup run nightly rustc --version >/dev/null 2>&1; }

# sanitized NAME RUSTC-FLAGS CARGO-ARGUMENTS...: runs tests in a target directory of their own.
sanitized() {
    local name=$1 flags=$2
    shift 2
    run env RUSTFLAGS="$flags" CARGO_INCREMENTAL=0 \
        CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/$name" \
        cargo +nightly test --quiet --target "$target" "$@"
}

asan() {
    say "AddressSanitizer, with leaks"
    nightly || { skipped "asan: there is no nightly toolchain"; return; }
    skipped "asan: tests in little address space, as the shadow memory takes terabytes"
    skipped "asan: resident memory (leaks), as freed memory stays in quarantine"
    skipped "asan: the depth of native stacks (stack_limit), as instrumented frames are larger"
    skipped "asan: model checking, whose stacks it does not know"
    # Refused allocations are null, as the tests of refusals want.
    export ASAN_OPTIONS=allocator_may_return_null=1
    local flags="-Zsanitizer=address"
    sanitized asan "$flags" -p lineal-memory --lib --tests -- \
        --skip a_refused_reservation --skip four_gibibytes --skip wait::model
    sanitized asan "$flags" "${engine[@]}" --test litmus --test suite
}

tsan() {
    say "ThreadSanitizer"
    nightly || { skipped "tsan: there is no nightly toolchain"; return; }
    # Without instrumentation std's locks, channels and scopes order nothing that is seen.
    if ! [ -d "$(rustup run nightly rustc --print sysroot)/lib/rustlib/src" ]; then
        skipped "tsan: it needs std's source: rustup component add rust-src --toolchain nightly"
        return
    fi
    skipped "tsan: tests of one thread, which has nothing to race with"
    # Refused allocations are null, as the tests of refusals want.
    export TSAN_OPTIONS=allocator_may_return_null=1
    # Memory that is unmapped and mapped again is new; it is seen where libc does so.
    local flags="-Zsanitizer=thread --cfg=rustix_use_libc"
    sanitized tsan "$flags" -Zbuild-std -p lineal-memory --test shared --test wait
    sanitized tsan "$flags" -Zbuild-std "${packages[@]}" --test litmus --test atomics
    sanitized tsan "$flags" -Zbuild-std "${packages[@]}" --test api -- shared_memory thread epoch
    sanitized tsan "$flags" -Zbuild-std "${packages[@]}" --test suite -- threads
}

valgrind_() {
    say "valgrind, on the release profile's tail calls"
    command -v valgrind >/dev/null || { skipped "valgrind: it is not installed"; return; }
    skipped "valgrind: tests of gigabytes, of little address space and of all edges (grid): minutes"
    skipped "valgrind: model checking, whose stacks it does not know"
    skipped "valgrind: scripts that fill memory, run for a time, or make many calls"
    skipped "valgrind: conversions.wast, as it rounds 64-bit integers twice on the way to f32"
    export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="valgrind --quiet --error-exitcode=9 \
--suppressions=$PWD/scripts/valgrind.supp \
--leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite"
    run cargo test --release --quiet -p lineal-memory --lib --test faults --test grow \
        --test shared --test wait -- --test-threads=1 \
        --skip a_refused_reservation --skip four_gibibytes --skip wait::model
    run cargo test --release --quiet -p lineal-script --test scripts -- --test-threads=1 \
        lua_scripts starlark_scripts blocks_that the_module errors_of texts_of compiled
    run cargo test --release --quiet -p lineal-script --test js -- --test-threads=1 \
        the_console what_newcomers the_loader what_the_linker a_module a_script a_trap an_error \
        environment exceptions failures_of memory module shared_memories table
    run cargo test --release --quiet "${engine[@]}" --test stack_limit --test suite \
        -- --test-threads=1 --skip conversions.wast
}

names=()
for name in "$@"; do
    case $name in
        asan | tsan | valgrind) names+=("$name") ;;
        *) echo "usage: scripts/sanitize.sh [asan|tsan|valgrind]..." >&2; exit 2 ;;
    esac
done
[ ${#names[@]} -gt 0 ] || names=(asan tsan valgrind)
if [ "$(uname -sm)" != "Linux x86_64" ]; then
    skipped "everything: this is for x86-64 Linux"
    names=()
fi
for name in "${names[@]}"; do
    case $name in
        valgrind) valgrind_ ;;
        *) "$name" ;;
    esac
done
if [ $failed = 1 ]; then
    say "something FAILED"
elif [ $done_any = 0 ]; then
    say "nothing ran"
else
    say "nothing found"
fi
[ $failed = 0 ] && [ $done_any = 1 ]
