#!/usr/bin/env bash
# What a call between a script and a guest takes, in ns of processor time:
#
#     benches/scripts/calls.sh target/release/lineal [ROUNDS]
#
# Each number is the difference between two runs with different counts of calls, and the least of all
# rounds, so that neither starting nor a busy machine counts. Engines and counts take turns. Node is
# measured if it is installed.
set -euo pipefail
lineal=$(realpath "$1") rounds=${2:-7} calls=3000000
cd "$(dirname "$0")"

# microseconds COMMAND...: how much processor time it takes.
microseconds() {
    local TIMEFORMAT='%3U %3S' user system
    read -r user system < <({ time "$@" >/dev/null 2>&1; } 2>&1)
    echo $(((10#${user/./} + 10#${system/./}) * 1000))
}

declare -A least
peers=(js lua star)
if command -v node >/dev/null; then peers+=(node); fi
for ((round = 0; round < rounds; round++)); do
    for kind in export import read plain; do
        for peer in "${peers[@]}"; do
            command=("$lineal" script "calls.$peer" "$kind")
            if [ "$peer" = node ]; then command=(node calls.js "$kind"); fi
            for count in 1 $calls; do
                key=$kind/$peer/$count took=$(microseconds "${command[@]}" "$count")
                if [ "$took" -lt "${least[$key]:-999999999999}" ]; then least[$key]=$took; fi
            done
        done
    done
done
printf '%-38s' 'ns for each'
printf '%10s' "${peers[@]}"
declare -A names=([export]='call of an (i32, i32) -> i32 export' [import]="guest's call of the script"
    [read]='read of an i32 in memory' [plain]='call of a function of the script')
for kind in export import read plain; do
    printf '\n%-38s' "${names[$kind]}"
    for peer in "${peers[@]}"; do
        printf '%10d' $(((least[$kind/$peer/$calls] - least[$kind/$peer/1]) * 1000 / calls))
    done
done
echo
