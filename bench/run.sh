#!/usr/bin/env bash
# run.sh [--quick] [--rounds N] [--fuzz]
# Builds and runs every measuring program, prints tables, and writes bench/out/latest.json and, with
# gnuplot, latest.png. --quick measures fewer cases, and takes less than a minute once built. Without it
# libssl and DPDK's ipsec-secgw are measured beside: the latter needs root. `install-deps.sh compare`
# installs what the peers and the plots need. --fuzz: and each fuzz target for 20 s, and which lines of
# the parsers their corpus reaches; builds two more trees.
# BUILD names the build folder (default: build), OUT another file to write.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
options=() rounds=45 fuzz=
while [ $# != 0 ]; do
    case $1 in
        --quick) options=(--quick) ;;
        --fuzz) fuzz=yes ;;
        --rounds)
            [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || { echo "run.sh: --rounds wants a number" >&2; exit 2; }
            wanted=$2
            shift
            ;;
        *) sed -n '2,9s/^# //p' "$0"; exit 2 ;;
    esac
    shift
done
out=$(realpath -m "${OUT:-$root/bench/out/latest.json}")
cd "$root"
build=${BUILD:-build}
programs=(micro/{machine,replay,parse,session,crypto,record,ring}_bench e2e/{stage,load,handshake}_bench)

[ -f "$build/build.ninja" ] || meson setup "$build" >&2
gateway=$(meson introspect --buildoptions "$build" |
    python3 -c 'import json, sys; print(*[o["value"] for o in json.load(sys.stdin) if o["name"] == "gateway"])')
if [ "$gateway" = disabled ]; then
    echo 'run.sh: the build has no gateway: neither the pipeline nor floods are measured' >&2
else
    programs+=(e2e/{pipeline,flood}_bench)
fi
others=() # what the scripts of bench/compare start
if [ ${#options[@]} = 0 ]; then
    programs+=(compare/libssl_bench)
    others=(bench/compare/libssl_echo)
    [ "$gateway" = disabled ] || others+=(app/{gateway/sluice,ctl/sluice-ctl,echo/sluice-echo,load/sluice-load})
fi
ninja -C "$build" "${programs[@]/#/bench/}" "${others[@]}" >&2
lines=$(mktemp)
. drivers-config/host/hugepages.sh
. bench/priority.sh
trap 'rm -f "$lines"; hugepages_restore; priority_restore' EXIT
trap 'exit 143' TERM INT HUP
# For the packet buffers, as a gateway has them; ipsec-secgw wants more.
hugepages_raise $((${#options[@]} == 0 ? 400 : 100))
priority_raise
# In laps: a neighbour who slows the machine down for seconds is to hit few rounds of every key, not all of one.
rounds=${wanted:-$rounds} laps=5
for ((lap = 0; lap < laps; lap++)); do
    share=$((rounds * (lap + 1) / laps - rounds * lap / laps))
    [ $share != 0 ] || continue
    for program in "${programs[@]}"; do
        printf '== %s, lap %d\n' "$program" $((lap + 1)) >&2
        "$build/bench/$program" "${options[@]}" --rounds $share >>"$lines"
    done
    [ ${#options[@]} = 0 ] || continue
    printf '== ipsec-secgw, lap %d\n' $((lap + 1)) >&2
    BUILD=$build bench/compare/ipsec_secgw.sh --rounds 1 >>"$lines" 2>"$build/bench/secgw.log" ||
        grep 'not measured' "$build/bench/secgw.log" >&2 || tail -n 3 "$build/bench/secgw.log" >&2
    printf '== through a veth, lap %d\n' $((lap + 1)) >&2
    BUILD=$build bench/compare/veth_echo.sh --rounds 1 >>"$lines" 2>"$build/bench/veth.log" ||
        grep 'not measured' "$build/bench/veth.log" >&2 || tail -n 3 "$build/bench/veth.log" >&2
done
if [ -n "$fuzz" ]; then
    printf '== fuzz targets\n' >&2
    tests/fuzz/run.sh --jobs 2 20 >&2 || echo 'run.sh: a fuzz target has found something' >&2
    awk '{ print "fuzz." $1 ".executions", $2 }' build-asan/fuzz/executions >>"$lines"
    tests/fuzz/coverage.py --figures >>"$lines"
fi
python3 bench/report.py "$build" "$out" <"$lines"
python3 bench/report.py --plots "$out"
