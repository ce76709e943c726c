#!/usr/bin/env bash
# run.sh SECONDS [TARGET...]
# Runs fuzz targets (all of them, or those named) under libFuzzer with clang's address and undefined
# sanitizers, for so long each. What was found to be interesting stays in build-fuzz/corpus/TARGET
# and is where the next run begins; an input that fails is left in build-fuzz/TARGET-*.
# FUZZ_LOCK, when set, names a file that is locked while a target runs.
set -uo pipefail
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." || exit 1
[[ ${1:-} =~ ^[0-9]+$ ]] || { sed -n '2,6s/^# //p' "$0"; exit 2; }
seconds=$1
targets=("${@:2}")
if [ ${#targets[@]} = 0 ]; then
    for file in tests/fuzz/*_fuzz.cc; do
        file=${file##*/}
        targets+=("${file%_fuzz.cc}")
    done
fi

build=build-fuzz
if [ ! -f $build/build.ninja ]; then
    CC=clang-14 CXX=clang++-14 meson setup $build -Dfuzz=libfuzzer -Dgateway=disabled \
        -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized || exit 1
fi
programs=()
for name in "${targets[@]}"; do
    programs+=("tests/fuzz/fuzz_$name" "tests/fuzz/libfuzzer_$name")
done
ninja -C $build "${programs[@]}" || exit 1

export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
# Kernels with much address randomness are too much for clang 14's sanitizers.
fixed="setarch $(uname -m) -R"
failed=0
for name in "${targets[@]}"; do
    corpus=$build/corpus/$name
    mkdir -p "$corpus"
    $fixed $build/tests/fuzz/fuzz_"$name" --write-seeds "$corpus" || exit 1
    more=()
    [ ! -d tests/fuzz/corpus/"$name" ] || more=(tests/fuzz/corpus/"$name")
    ${FUZZ_LOCK:+flock "$FUZZ_LOCK"} $fixed $build/tests/fuzz/libfuzzer_"$name" -fork=1 \
        -ignore_crashes=0 -print_funcs=0 -max_total_time="$seconds" -max_len=4096 -timeout=20 \
        -artifact_prefix=$build/"$name"- "$corpus" "${more[@]}" >$build/"$name".log 2>&1
    status=$?
    printf '%-12s %s: %s\n' "$name" "$([ $status = 0 ] && echo fine || echo FAILED)" \
        "$(grep -E '^#[0-9]+:|cov:' $build/"$name".log | tail -n 1)"
    [ $status = 0 ] || { failed=1; grep -vE '^#[0-9]+' $build/"$name".log | grep -vE "^(stat::|INFO|MS|0x|\\|Base64)" | tail -n 40 | cut -c1-200; }
done
exit $failed
