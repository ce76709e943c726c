#!/usr/bin/env bash
# run.sh [--quick] [--rounds N]
# Builds and runs every measuring program, prints a table, and writes bench/out/latest.json.
# --quick measures fewer cases and rounds, and takes less than two minutes. BUILD names the build folder (default:
# build), OUT another file to write.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
options=()
while [ $# != 0 ]; do
    case $1 in
        --quick) options+=(--quick) ;;
        --rounds)
            [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || { echo "run.sh: --rounds wants a number" >&2; exit 2; }
            options+=(--rounds "$2")
            shift
            ;;
        *) sed -n '2,5s/^# //p' "$0"; exit 2 ;;
    esac
    shift
done
out=$(realpath -m "${OUT:-$root/bench/out/latest.json}")
cd "$root"
build=${BUILD:-build}
programs=(machine_bench crypto_bench record_bench stage_bench pipeline_bench)

[ -f "$build/build.ninja" ] || meson setup "$build" >&2
if [ "$(meson introspect --buildoptions "$build" |
    python3 -c 'import json, sys; print(*[o["value"] for o in json.load(sys.stdin) if o["name"] == "gateway"])')" = disabled ]; then
    echo 'run.sh: the build has no gateway: the pipeline is not measured' >&2
    unset 'programs[-1]'
fi
ninja -C "$build" "${programs[@]/#/bench/}" >&2
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
for program in "${programs[@]}"; do
    printf '== %s\n' "$program" >&2
    "$build/bench/$program" "${options[@]}" >>"$lines"
done
python3 bench/report.py "$build" "$out" <"$lines"
