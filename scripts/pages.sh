#!/usr/bin/env bash
# Opens the pages that the tools write in Chromium and uses them: search, keyboard, clicks, themes, a
# narrow window. Does nothing without Chromium. `scripts/pages.sh [LINEAL]`
#
# With a folder in `SCREENSHOTS`, pictures of all pages are left there.
set -euo pipefail
cd "$(dirname "$0")/.."

lineal=${1:-target/release/lineal}
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
    echo "no Chromium here, so the pages were not opened"
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
faults=crates/insight/tests/faults

# Exit statuses say what was found.
"$lineal" check --html "$folder/check.html" "$faults/strings-O2.wasm" qsort_too_many >/dev/null 2>&1 || [ $? = 99 ]
"$lineal" heap --html "$folder/heap.html" "$faults/leaks-O2.wasm" lost_list >/dev/null 2>&1
"$lineal" heat --html "$folder/heat.html" examples/counter.wasm >/dev/null 2>&1
"$lineal" blame --at 0x400..0x2000 --html "$folder/blame.html" examples/counter.wasm >/dev/null 2>&1
"$lineal" snapshot --at lost_list -o "$folder/a" "$faults/leaks-O2.wasm" lost_list >/dev/null 2>&1
"$lineal" snapshot -o "$folder/b" "$faults/leaks-O2.wasm" lost_list >/dev/null 2>&1
"$lineal" diff --html "$folder/diff.html" "$folder/a" "$folder/b" >/dev/null

chromium() { timeout 120 "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars "$@" 2>/dev/null; }

failed=0
for page in check heap heat blame diff; do
    for theme in light dark; do
        for width in 1280 500; do
            # The page with a script at its end that uses it and leaves what it found.
            tested=$folder/$page-$theme-$width.html
            {
                sed "s|<html lang=\"en\">|<html lang=\"en\" data-theme=\"$theme\">|; s|</body>|<script>|" \
                    "$folder/$page.html" | sed '$d'
                cat scripts/pages.js
                printf '</script></body></html>\n'
            } >"$tested"
            result=$(chromium --window-size=$width,900 --virtual-time-budget=3000 --dump-dom "file://$tested" |
                grep -o 'data-tested="[^"]*"' || true)
            if [ "$result" != 'data-tested="all is well"' ]; then
                echo "$page, $theme, $width pixels wide: ${result:-no answer}"
                failed=1
            fi
            if [ -n "${SCREENSHOTS:-}" ]; then
                sed "s|<html lang=\"en\">|<html lang=\"en\" data-theme=\"$theme\">|" "$folder/$page.html" >"$tested"
                chromium --window-size=$width,1800 --screenshot="$SCREENSHOTS/$page-$theme-$width.png" "file://$tested" >/dev/null
            fi
        done
    done
done
[ $failed = 0 ] && echo "pages: all is well"
exit $failed
