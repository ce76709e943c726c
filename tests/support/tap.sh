# shellcheck shell=bash
# tap.sh: what every test script sources first. Results are lines "ok N - sentence" and
# "not ok N - sentence" (the Test Anything Protocol, as meson and tests/run.sh read it).
#
#   tap_begin            the first thing a script does
#   check WHAT COMMAND.. passes when the command succeeds; its output is shown when it does not
#   pass WHAT, fail WHAT [DETAIL]
#   skip WHAT REASON     neither passed nor failed: what it needs is not there
#   at_exit COMMAND..    run when the script ends, however it ends, the last one given first
#   at_failure COMMAND.. run before those when something failed: what to show of the state
#   wait_for SECONDS COMMAND..   until the command succeeds
#   $work                a folder of the script's own, gone at its end
#   $root $build $support
support=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
root=$(dirname "$(dirname "$support")")
build=${SLUICE_BUILD:-$root/build}

tap_count=0
tap_failed=0
tap_exits=()
tap_dumps=()

tap_begin() {
    set -uo pipefail
    work=$(mktemp -d "${TMPDIR:-/tmp}/sluice-test-XXXXXX")
    trap tap_end EXIT
    trap 'exit 143' TERM INT HUP
}

tap_end() {
    local status=$? i
    # A child between fork and exec still has our traps: a signal that meets it there is its own end.
    [ "$BASHPID" = $$ ] || exit "$status"
    trap '' TERM INT HUP
    trap - EXIT
    if [ $status != 0 ] && [ $tap_failed = 0 ]; then
        fail "the script runs to its end" "it ended with status $status"
    fi
    local reports
    # A program that a sanitizer ended may be one that the script ends itself, and whose status it does not see.
    if reports=$(grep -rhIE -A 30 'ERROR: [A-Za-z]+Sanitizer|: runtime error: ' "$work"); then
        fail "no sanitizer has anything to report" "$reports"
    fi
    if [ $tap_failed != 0 ]; then
        for ((i = 0; i < ${#tap_dumps[@]}; i++)); do
            eval "${tap_dumps[i]}" 2>&1 | sed 's/^/# /'
        done
    fi
    for ((i = ${#tap_exits[@]} - 1; i >= 0; i--)); do
        eval "${tap_exits[i]}" >/dev/null 2>&1
    done
    rm -rf "$work"
    printf '1..%d\n' "$tap_count"
    exit $((tap_failed != 0))
}

at_exit() { tap_exits+=("$(printf '%q ' "$@")"); }
at_failure() { tap_dumps+=("$(printf '%q ' "$@")"); }

pass() { printf 'ok %d - %s\n' $((++tap_count)) "$1"; }
skip() { printf 'ok %d - %s # SKIP %s\n' $((++tap_count)) "$1" "$2"; }
fail() {
    tap_failed=$((tap_failed + 1))
    printf 'not ok %d - %s\n' $((++tap_count)) "$1"
    [ $# = 1 ] || printf '%s\n' "${@:2}" | sed 's/^/#   /'
}

check() {
    local what=$1 status
    shift
    "$@" >"$work/check.out" 2>&1 </dev/null
    status=$?
    if [ $status = 0 ]; then
        pass "$what"
    else
        fail "$what" "status $status of: $*" "$(tail -n 60 "$work/check.out")"
    fi
    return $status
}

wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.05
    done
}
