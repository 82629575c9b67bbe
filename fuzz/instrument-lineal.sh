#!/bin/sh
# A wrapper of rustc that leaves everything but Lineal without the fuzzer's instrumentation:
#
#     RUSTC_WRAPPER=$PWD/instrument-lineal.sh cargo +nightly fuzz run -s none differential
#
# Wasmtime's compiler is 50 times slower with it, and its coverage is not what is looked for.
rustc=$1
shift
case " $* " in
    *" --crate-name lineal"*) exec "$rustc" "$@" ;;
esac
# Turns the list of arguments around once, without the flags of instrumentation.
for arg; do
    shift
    case $arg in
        -Cpasses=sancov-module | -Cllvm-args=-sanitizer-*) ;;
        *) set -- "$@" "$arg" ;;
    esac
done
exec "$rustc" "$@"
