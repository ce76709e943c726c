#!/usr/bin/env bash
# bench/compare in its shortest form: what is measured beside us yields all its keys, an echo that is
# not what was sent is noticed, and nothing stays behind. (ipsec-secgw itself takes too long here.)
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
tap_begin
compare=$root/bench/compare programs=$build/bench/compare
export BUILD=$build TMPDIR=$work/tmp SECONDS_EACH=0.3
mkdir "$TMPDIR"

# has_keys FILE COUNT LEAST MOST KEY..: each KEY has COUNT values in that range, and there is no other key.
has_keys() {
    local file=$1 count=$2 least=$3 most=$4
    shift 4
    awk -v count="$count" -v least="$least" -v most="$most" -v keys="$*" '
        NF != 2 || $2 !~ /^[0-9]+\.[0-9]+$/ || $2 < least || $2 > most { print "odd:", $0; bad = 1 }
        { seen[$1]++ }
        END { n = split(keys, wanted, " ")
              for (i = 1; i <= n; i++) { if (seen[wanted[i]] != count) { print "not " count ":", wanted[i]; bad = 1 } delete seen[wanted[i]] }
              for (key in seen) { print "unknown:", key; bad = 1 }
              exit bad }' "$file"
}
keys() { eval "printf '%s\n' $1"; }

libssl_quick() {
    "$programs/libssl_bench" --quick --rounds 2 >"$work/libssl.txt" &&
        grep -v '^machine\.' "$work/libssl.txt" >"$work/libssl.keys"
    has_keys "$work/libssl.keys" 2 20 1000000 $(keys 'peer.libssl.{in,out}.{64,1400}.ns')
}
check 'libssl from memory has its keys, in the quick form those of 64 sessions' libssl_quick

feed=$compare/ipsec-secgw/feed.py
feeds() {
    "$feed" packets "$work/one" 10 64 50 && "$feed" packets "$work/other" 10 64 51 &&
        "$feed" compare "$work/one" "$work/one" && ! "$feed" compare "$work/one" "$work/other"
}
check "ipsec-secgw's packets are told from others" feeds

# ended_with STATUS COMMAND..; what it says is in $work/said
ended_with() {
    local wanted=$1 status
    shift
    "$@" >"$work/values" 2>"$work/said"
    status=$?
    cat "$work/said"
    [ $status = "$wanted" ] || { echo "status $status"; return 1; }
}
skips() { # SENTENCE COMMAND..: that alone is said, and there is no figure
    local sentence=$1
    shift
    ended_with 77 "$@" && grep -qxF "$sentence" "$work/said" &&
        [ "$(wc -l <"$work/said")" = 1 ] && [ ! -s "$work/values" ]
}
check 'on one core the echoes through a veth are skipped, with a sentence' \
    skips 'veth_echo: not measured: client and server need a core each' \
    taskset -c "$(python3 -c 'import os; print(min(os.sched_getaffinity(0)))')" "$compare/veth_echo.sh"
check 'as they are where there is no gateway' \
    skips 'veth_echo: not measured: this build has no gateway' env BUILD="$work" "$compare/veth_echo.sh"
check 'what it does not know is refused' ended_with 2 "$compare/veth_echo.sh" --rounds none
check 'as is an unknown way of ipsec-secgw' ended_with 2 env CODE_PATH=other "$compare/ipsec_secgw.sh"

# Their number is everybody's: it is put back, and the note of it erased, by the last that raised it.
. "$root/drivers-config/host/hugepages.sh"
note_before=$(cat "$hugepages_lock" 2>/dev/null)
pages_are_put_back() {
    local lock
    exec {lock}>>"$hugepages_lock"
    if flock -n -x "$lock"; then # else another script still needs them
        [ ! -s "$hugepages_lock" ] || [ "$(cat "$hugepages_lock")" = "$note_before" ]
    fi
    local status=$?
    exec {lock}>&-
    return $status
}
priority() { awk '{ print $3 }' /proc/self/autogroup; }
priority_before=$(priority)
is_clean() {
    [ -z "$(ls "$TMPDIR")" ] || { ls "$TMPDIR"; return 1; }
    ! ip netns list | grep sluice-vs- || return 1
    ! pgrep -af "$TMPDIR|$programs/libssl_echo|$build/app/load/sluice-load" || return 1
    pages_are_put_back || { echo "huge pages: $(cat "$hugepages_lock")"; return 1; }
    [ "$(priority)" = "$priority_before" ] || { echo "priority $(priority), $priority_before before"; return 1; }
}
[ "$(python3 -c 'import os; print(len(os.sched_getaffinity(0)))')" -ge 2 ] || exit 0

echoes() {
    ended_with 0 "$compare/veth_echo.sh" --rounds 2 || return 1
    grep 'kpps ' "$work/values" >"$work/rates"
    grep -v 'kpps ' "$work/values" >"$work/shares"
    has_keys "$work/rates" 2 1 100000 $(keys 'e2e.{gateway,libssl}.echo.{64,1400}.kpps') &&
        has_keys "$work/shares" 2 0 100 $(keys 'e2e.{gateway,libssl}.echo.{64,1400}.lost_percent')
}
check 'both servers echo through a veth, twice in turns, and all keys are there' echoes
check 'nothing of it is left' is_clean

mangled() { # the gateway's figures stay, as it was not altered
    cc -shared -fPIC -O2 -Wall -Wextra -D_GNU_SOURCE "$support/mangle.c" -o "$work/mangle.so" &&
        ended_with 1 env LD_PRELOAD="$work/mangle.so" "$compare/veth_echo.sh" --rounds 1 &&
        grep -q 'something came that is no echo' "$work/said" &&
        grep -q gateway.echo.1400 "$work/values" && ! grep libssl "$work/values"
}
check 'a server that alters one message in a thousand has no figure' mangled
check 'nothing of it is left' is_clean

is_up() { pgrep -f "$1" >/dev/null; }
interrupted() { # PROGRAM: when that runs
    local pid status begun
    SECONDS_EACH=20 "$compare/veth_echo.sh" --rounds 1 >"$work/values" 2>&1 &
    pid=$!
    wait_for 20 is_up "$1" || echo "no $1"
    kill -TERM "$pid"
    begun=$SECONDS
    wait "$pid"
    status=$?
    [ $status = 143 ] && [ $((SECONDS - begun)) -lt 8 ] || { echo "status $status after $((SECONDS - begun)) s"; return 1; }
}
check 'it ends soon when it is told to' interrupted "$build/app/load/sluice-load"
check 'nothing of it is left then' is_clean
