#!/bin/bash
# stage.sh TARGET...: makes each target, stops at the first that fails, prints how long each took.
set -u

took=()
report() { printf '%-12s %s\n' stage seconds "${took[@]}"; }

for target in "$@"; do
    printf '\n=== %s ===\n' "$target"
    began=$SECONDS
    make --no-print-directory "$target"
    code=$?
    took+=("$target" "$((SECONDS - began))")
    if [ "$code" -ne 0 ]; then
        report
        echo "stage $target failed" >&2
        exit "$code"
    fi
done
report
