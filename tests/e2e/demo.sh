#!/usr/bin/env bash
# app/demo/run.sh as a newcomer uses it: once to its end, with --keep, and interrupted on its way.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/gateway.sh"
tap_begin
export SLUICE_BUILD=$build TMPDIR=$work

demo() { # NAME OPTION..: in the background; $demo_pid, $work/NAME.out
    local name=$1
    shift
    "$root/app/demo/run.sh" "$@" >"$work/$name.out" 2>&1 </dev/null &
    demo_pid=$!
    at_exit gateway_kill $demo_pid
}
ends_with() { # STATUS SENTENCE NAME
    local status
    wait_for 120 ended "$demo_pid"
    wait "$demo_pid"
    status=$?
    tail -n 40 "$work/$3.out"
    [ $status = "$1" ] && tail -n 1 "$work/$3.out" | grep -qF "$2"
}
reached() { grep -qF "$2" "$work/$1.out" || ended "$demo_pid"; }
nothing_left() { # of the run whose process was $demo_pid
    local left
    left=$(ip netns list | grep -- "-$demo_pid\b"
        ls -d "$work"/sluice-demo-* 2>/dev/null
        ls -l /proc/[0-9]*/cwd 2>/dev/null | grep -F "$work/sluice-demo-")
    echo "$left"
    [ -z "$left" ]
}
hint() { sed -n "/^  $1  /{s/^  $1 *//;:a;/\\\\$/{N;s/\\\\\\n *//;ba};p}" "$work/keep.out"; } # a command it gives
on_hint() { timeout 20 bash -c "$(hint "$1") ${*:2}"; }

# COMMAND.. where there is nothing of the packages that only tests need.
without_test_packages() {
    local packages
    packages=$(sed -n 's/^tests=(\(.*\))$/\1/p' "$root/drivers-config/host/install-deps.sh")
    # shellcheck disable=SC2086 # one word each
    dpkg -L $packages | grep -E '^/usr/(include|s?bin)/' >"$work/hidden"
    grep -q /wolfssl/ "$work/hidden" || return 1
    # shellcheck disable=SC2016 # the inner shell's
    unshare -m bash -c 'while read -r file; do
            [ ! -f "$file" ] || mount --bind /dev/null "$file" || exit
        done <"$1" && shift && exec "$@"' bash "$work/hidden" "$@"
}
mkdir -p "$work/alone/peers"
cp -r "$build/peers/mbedtls" "$work/alone/peers"
clients=$(sed -n 's/.*peers\.sh" "$build" *\(.*\) ||$/\1/p' "$root/app/demo/run.sh")
# shellcheck disable=SC2086 # one word each
check 'what it builds for itself needs no package that it does not install' \
    without_test_packages "$support/peers.sh" "$work/alone" $clients
demo whole
check 'it ends with a clear verdict' ends_with 0 'The demo works: all clients got back what they sent.' whole
check 'the client with a connection ID got every message back' grep -q 'ECHOED 1000 of 1000 equal, 0 different' \
    "$work/whole.out"
check 'what openssl s_client got back is shown' grep -q 'echoed: Hello from openssl' "$work/whole.out"
check 'the counters are shown' grep -qE '^ +sessions_closed +2 ' "$work/whole.out"
check '200 clients are loaded with' grep -qE 'handshakes +200 begun, 200 completed' "$work/whole.out"
check 'and nearly all that they sent came back' grep -qE 'echoed +[0-9,]+ +(9[5-9]|100)\.' "$work/whole.out"
plot=$(sed -n 's/^ *Its plot: //p' "$work/whole.out")
check 'its plot is a picture' [ "$(head -c 4 "$plot" | tail -c 3)" = PNG ]
check 'nothing of it is left' nothing_left

demo keep --keep
at_exit eval "$work/sluice-demo-*/stop.sh"
check 'with --keep it ends likewise' ends_with 0 'The demo works, and keeps running.' keep
check 'the client it names works' on_hint 'with a CID'
check 'so does ping' on_hint 'ping it' -c 1
check 'and the counters' eval 'on_hint counters | grep -E "sessions_opened +203 "'
check 'what it says ends it' "$work"/sluice-demo-*/stop.sh
check 'and nothing of it is left' nothing_left

for stage in '1. What' '2. Build' '3. Two' '4. Mbed' '5. openssl' '7. Load'; do
    demo term
    wait_for 60 reached term "$stage"
    kill -TERM $demo_pid
    check "a signal in stage ${stage%%.*} ends it" ends_with 143 'Interrupted' term
    check 'and nothing of it is left' nothing_left
done
