#!/usr/bin/env bash
# run.sh [--jobs N] SECONDS [TARGET...]
# run.sh --keep [TARGET...]
# Runs fuzz targets (all of them, or those named) under libFuzzer with clang's address and undefined
# sanitizers, for so long each, N of them (1) at once. Prints TAP: a line a target. What was found to
# be interesting stays in build-asan/fuzz/TARGET.found and is where the next run begins; an input that
# fails is left in build-asan/fuzz/TARGET-*. How many inputs ran is in build-asan/fuzz/executions.
# --keep: what was found, made as small as it reaches the same code, becomes tests/fuzz/corpus/TARGET.
# FUZZ_SEED makes a run the same as another, as far as time allows; 0, as libFuzzer has it: a new one.
# FUZZ_LOCK, when set, names a file that is locked while a target runs.
set -uo pipefail
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." || exit 1
usage() { sed -n '2,10s/^# //p' tests/fuzz/run.sh; exit 2; }
jobs=1 keep=
while [[ ${1:-} == --* ]]; do
    case $1 in
        --jobs) jobs=${2:-}; shift ;;
        --keep) keep=yes ;;
        *) usage ;;
    esac
    shift
done
[[ $jobs =~ ^[1-9][0-9]*$ ]] || usage
if [ -z "$keep" ]; then
    [[ ${1:-} =~ ^[1-9][0-9]*$ ]] || usage
    seconds=$1
    shift
fi
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
    for file in tests/fuzz/*_fuzz.cc; do
        file=${file##*/}
        targets+=("${file%_fuzz.cc}")
    done
fi

build=build-asan # the one of tests/run.sh
out=$build/fuzz
if [ ! -f $build/build.ninja ]; then
    CC=${CC:-clang-14} CXX=${CXX:-clang++-14} meson setup $build -Dfuzz=libfuzzer -Dgateway=disabled \
        -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 -Ddebug=true >&2 || exit 1
fi
ninja -C $build "${targets[@]/#/tests/fuzz/fuzz_}" >&2 || exit 1
mkdir -p $out

export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
# Kernels with much address randomness are too much for clang 14's sanitizers.
fixed="setarch $(uname -m) -R"

# run_one TARGET: leaves TARGET.log and TARGET.result, a line of TAP without its number.
run_one() {
    local name=$1 program=$build/tests/fuzz/fuzz_$1 found=$out/$1.found log=$out/$1.log left runs
    mkdir -p "$found"
    rm -f $out/"$name".executions
    $fixed $program --write-seeds "$found"
    left=(tests/fuzz/corpus/"$name")
    [ -d "${left[0]}" ] || left=()
    touch $out/"$name".begun
    if ${FUZZ_LOCK:+flock "$FUZZ_LOCK"} $fixed $program -max_total_time="$seconds" -max_len=4096 -seed="${FUZZ_SEED:-0}" \
        -timeout=20 -print_funcs=0 -print_final_stats=1 -artifact_prefix=$out/"$name"- \
        "$found" "${left[@]}" >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        echo "$name $runs" >$out/"$name".executions
        echo "ok - fuzz $name: $runs inputs" >$out/"$name".result
        return
    fi
    {
        echo "not ok - fuzz $name"
        grep -vE '^#[0-9]+\s|^(INFO|MS|0x|\\|Base64|stat)' "$log" | tail -n 40 | cut -c1-200
        find $out -maxdepth 1 -name "$name-*" -newer $out/"$name".begun | while read -r input; do
            echo "again: $build/tests/fuzz/fuzz_$name --runs 0 $input"
        done
    } | sed '2,$s/^/# /' >$out/"$name".result
}

# keep_one TARGET: files whose names are no checksums were put there by somebody, and stay.
keep_one() {
    local name=$1 corpus=tests/fuzz/corpus/$1 small=$out/$1.small
    rm -rf "$small"
    mkdir -p "$corpus" "$small" $out/"$name".found
    find "$corpus" -type f -printf '%f\n' | grep -vE '^[0-9a-f]{40}$' |
        while read -r kept; do cp "$corpus/$kept" "$small"; done
    # What the seeds reach needs no file.
    $fixed $build/tests/fuzz/fuzz_"$name" --write-seeds "$small"
    $fixed $build/tests/fuzz/fuzz_"$name" -merge=1 -set_cover_merge=1 -use_counters=0 -max_len=4096 \
        -timeout=20 "$small" $out/"$name".found "$corpus" >$out/"$name".log 2>&1 || return 1
    rm -rf "$corpus" "$small"/seed-[0-9]*
    mv "$small" "$corpus"
    printf '%-20s %4d files, %d bytes\n' "$name" "$(find "$corpus" -type f | wc -l)" \
        "$(find "$corpus" -type f -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }')"
}

if [ -n "$keep" ]; then
    for name in "${targets[@]}"; do keep_one "$name" || exit 1; done
    exit 0
fi
count=0 failed=0
report() { # TARGET
    count=$((count + 1))
    sed "1s/ok/ok $count/" $out/"$1".result
    grep -q '^ok' $out/"$1".result || failed=1
}
for ((i = 0; i < ${#targets[@]}; i++)); do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
    run_one "${targets[i]}" &
done
wait
for name in "${targets[@]}"; do report "$name"; done
cat $out/*.executions >$out/executions
echo "1..$count"
exit $failed
