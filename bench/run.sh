#!/usr/bin/env bash
# run.sh [--quick]
# Builds and runs every measuring program, prints a table, and writes bench/out/latest.json.
# --quick takes less than two minutes. BUILD names the build folder (default: build).
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
case ${1:-} in
    "") options=() ;;
    --quick) options=(--quick) ;;
    *) sed -n '2,4s/^# //p' "$0"; exit 2 ;;
esac
cd "$root"
build=${BUILD:-build}
programs=(machine_bench crypto_bench record_bench stage_bench pipeline_bench)

[ -f "$build/build.ninja" ] || meson setup "$build" >&2
ninja -C "$build" "${programs[@]/#/bench/}" >&2
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
for program in "${programs[@]}"; do
    printf '== %s\n' "$program" >&2
    "$build/bench/$program" "${options[@]}" >>"$lines"
done
python3 bench/report.py "$build" bench/out/latest.json <"$lines"
