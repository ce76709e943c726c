#!/usr/bin/env bash
# run.sh [--deep] [SUITE...]
# Installs what the tests need, builds, and runs every suite (or those named):
#   unit sim         Google Test, built by gcc
#   fuzz             hostile bytes: corpus and some mutations, built by gcc; then libFuzzer, 20 s a target
#   clang            everything, the gateway included, built by clang without a warning (--deep)
#   asan             unit, sim and scripts of hostile bytes once more under clang's address and undefined
#                    sanitizers; every script with --deep
#   tsan             rings, messages and what is replaced at run time under clang's thread sanitizer
#   valgrind         connections under memcheck; no branch on a secret
#   analysis         clang's static analyzer, cppcheck, what the fuzzers' corpus reaches (--deep)
#   interop e2e nic  real clients, through a real port; nic: on an emulated network card
# --deep adds what takes longer. The last line is "N passed, N failed, N skipped".
# CC, CXX choose the compiler of the first build. Up to two jobs at once; needs root.
set -uo pipefail
root=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
cd "$root" || exit 1
PATH=$PATH:/usr/sbin:/sbin # `su` without `-` leaves them out

deep=
suites=()
for argument in "$@"; do
    case $argument in
        --deep) deep=yes ;;
        unit | sim | fuzz | clang | asan | tsan | valgrind | analysis | interop | e2e | nic) suites+=("$argument") ;;
        *) sed -n '2,15s/^# //p' "$0"; exit 2 ;;
    esac
done
[ ${#suites[@]} != 0 ] || suites=(unit sim fuzz asan tsan valgrind interop e2e nic ${deep:+clang analysis})
[ -z "$deep" ] || export SLUICE_DEEP=1

jobs=$(nproc)
started=$SECONDS
table=()
passed=0 failed=0 skipped=0
logs=$root/build/test-logs

row() { # NAME PASSED FAILED SKIPPED SECONDS
    table+=("$(printf '%-28s %8s %8s %8s %9s' "$@")")
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
}

finish() {
    leave
    printf '\n%-28s %8s %8s %8s %9s\n' suite passed failed skipped seconds
    printf '%s\n' "${table[@]}"
    printf '%-28s %8s %8s %8s %9s\n\n' total $passed $failed $skipped $((SECONDS - started))
    printf '%d passed, %d failed, %d skipped\n' $passed $failed $skipped
    exit $((failed != 0 || passed == 0))
}

# step NAME COMMAND..: something that must work before tests can run; quiet when it does.
step() {
    local name=$1 log begun=$EPOCHREALTIME
    log=$logs/${name//[^a-z0-9]/-}.log
    shift
    printf '== %s\n' "$name"
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 60 "$log" | sed 's/^/    | /'
        printf '    FAILED: %s\n' "$name"
        row "$name" 0 1 0 "$(since "$begun")"
        return 1
    fi
    row "$name" 0 0 0 "$(since "$begun")"
}
since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

# configure BUILD OPTION..: sets up a build folder, or mends one that is there.
configure() {
    local folder=$1
    shift
    if [ -f "$folder/build.ninja" ]; then
        meson configure "$folder" "${@}" && return 0
    fi
    rm -rf "$folder/meson-private" "$folder/meson-info" "$folder/build.ninja"
    meson setup "$folder" "$@"
}
compile() { ninja -C "$1" -j "$jobs" "${@:2}"; }
clang() { CC=clang-14 CXX=clang++-14 "$@"; }

# suite LABEL BUILD SUITE OPTION..
suite() {
    local label=$1 folder=$2 name=$3 line
    shift 3
    printf '== %s\n' "$label"
    tests/support/run_suite.py --jobs "$jobs" --label "$label" "$@" "$folder" "$name" |
        tee "$logs/$label.out" | sed '$d'
    line=$(tail -n 1 "$logs/$label.out")
    if [[ $line =~ ^$label\ [0-9]+\ [0-9]+\ [0-9]+\ [0-9.]+$ ]]; then
        row $line
    else
        row "$label" 0 1 0 0
    fi
}

# tap LABEL COMMAND..: a program whose own lines are TAP.
tap() {
    local label=$1 begun=$EPOCHREALTIME out=$logs/$1.out good bad
    shift
    printf '== %s\n' "$label"
    "$@" 2>"$out.err" | tee "$out" | sed 's/^/  /'
    good=$(grep -c '^ok ' "$out") bad=$(grep -c '^not ok ' "$out")
    if [ $((good + bad)) = 0 ]; then # it did not come that far
        bad=1
        tail -n 40 "$out.err" | sed 's/^/    | /'
    fi
    row "$label" "$good" "$bad" 0 "$(since "$begun")"
}

wants() { [[ " ${suites[*]} " == *" $1 "* ]]; }
has() { [ -f "tests/$1/meson.build" ]; }

# Kernels with much address randomness are too much for clang 14's sanitizers.
fixed="setarch $(uname -m) -R"
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 TSAN_OPTIONS=halt_on_error=1
export LSAN_OPTIONS=suppressions=$root/tests/support/lsan.supp:print_suppressions=0
export SLUICE_BUILD=$root/build

leave() {
    [ -z "$behind" ] || kill -- "-$behind" 2>/dev/null
    hugepages_restore
}

# behind FUNCTION ARG..: begins a step that has only what the others leave of the processors. A session
# of its own is a group of its own where the kernel groups processes so, and that is to come last, too.
behind=
behind() {
    export -f "$1" configure compile clang
    export jobs
    setsid bash -c 'echo 19 >/proc/self/autogroup; chrt --idle --pid 0 $$ || renice 19 $$; "$@"' bash "$@" \
        >"$logs/behind.log" 2>&1 </dev/null &
    behind=$!
}
# await_behind: waits for it; its status.
await_behind() {
    local status
    wait "$behind"
    status=$?
    behind=
    [ $status = 0 ] || cat "$logs/behind.log"
    return $status
}

# One tree for asan and fuzz: libFuzzer's instruments do the other tests no harm. Lines are all that a
# report needs of debugging information.
asan_tree() { # [PROGRAM..]
    clang configure build-asan -Dgateway=enabled -Dfuzz=libfuzzer -Db_sanitize=address,undefined -Db_lundef=false \
        -Doptimization=1 -Ddebug=true -Dcpp_args=-g1 && clang compile build-asan "$@"
}

asan_peers() { # the same as the others'
    tests/support/peers.sh build && ln -sfn ../build/peers build-asan/peers
}

mkdir -p "$logs"
. drivers-config/host/hugepages.sh
trap 'exit 143' TERM INT HUP
trap leave EXIT

needs=tests
[ -z "$deep" ] || needs=deep
step 'install' drivers-config/host/install-deps.sh $needs || finish

needs_gcc=$(for name in unit sim fuzz valgrind analysis interop e2e nic; do ! wants $name || echo yes; done)
if [ -n "$needs_gcc" ]; then
    step 'build' configure build -Dtests=true -Dgateway=enabled &&
        step 'build: compile' compile build || finish
fi
for name in unit sim fuzz valgrind; do
    if wants $name && has $name; then suite $name build $name; fi
done
# Scripts wait more than they work: the sanitizers' build goes on beside them.
if wants asan || wants fuzz; then
    sanitized=()
    if ! wants asan; then
        for file in tests/fuzz/*_fuzz.cc; do
            file=${file##*/}
            sanitized+=("tests/fuzz/fuzz_${file%_fuzz.cc}")
        done
    fi
    behind asan_tree "${sanitized[@]}"
fi
if wants interop || wants e2e || wants nic || wants asan; then
    hugepages_raise 256
fi
if wants interop || wants e2e || wants nic; then
    if step 'build: peers' tests/support/peers.sh build; then
        repeat=1
        [ -z "$deep" ] || repeat=5
        for name in interop e2e; do
            if wants $name; then suite $name build $name --jobs 1 --repeat $repeat; fi
        done
        if wants nic && step 'build: guest' tests/support/guest/fetch.sh build/guest; then
            suite nic build nic --jobs 1
        fi
    fi
fi
if wants clang; then
    begun=$EPOCHREALTIME
    # Its warnings are the same without optimization.
    if step 'clang' clang configure build-clang -Dtests=true -Dgateway=enabled -Doptimization=0 &&
        step 'clang: compile' clang compile build-clang; then
        row 'clang: no warnings' 1 0 0 "$(since "$begun")"
    fi
fi
if wants asan || wants fuzz; then
    if step 'asan: rest of compile' await_behind; then
        for name in unit sim; do
            if wants asan; then suite "asan-$name" build-asan $name --wrap "$fixed"; fi
        done
        if wants asan && step 'asan: peers' asan_peers; then
            if [ -n "$deep" ]; then
                suite asan-interop build-asan interop --jobs 1 --wrap "$fixed"
                suite asan-e2e build-asan e2e --jobs 1 --wrap "$fixed"
            else
                suite asan-e2e build-asan e2e --jobs 1 --wrap "$fixed" --only consumers,flood,hostile,limits,lookup,moves
            fi
        fi
        if wants fuzz; then
            # The same inputs each time, for whoever changes something else; --deep looks for new ones.
            if [ -n "$deep" ]; then seconds=600 seed=0; else seconds=20 seed=1; fi
            FUZZ_SEED=$seed tap libfuzzer tests/fuzz/run.sh --jobs "$jobs" $seconds
        fi
    fi
fi
if wants tsan; then
    if step 'tsan' clang configure build-tsan -Dgateway=disabled -Db_sanitize=thread \
        -Db_lundef=false -Doptimization=1 -Ddebug=true &&
        step 'tsan: compile' compile build-tsan tests/unit/unit_{ring,message} \
            tests/unit/worker/unit_worker_threads tests/unit/handshake/unit_handshake_threads; then
        suite tsan build-tsan unit --only 'ring,message,worker threads,handshake threads' --wrap "$fixed"
    fi
fi
if wants analysis && step 'install: analysers' drivers-config/host/install-deps.sh deep; then
    tap analysers tests/support/analyse.sh build
    tap coverage tests/fuzz/coverage.py --tap
fi
finish
