#!/usr/bin/env bash
# veth_echo.sh [--rounds N]
# The whole system through a veth pair: how many messages a second our gateway, on AF_XDP, echoes with
# `sluice-echo`, beside a libssl server on the kernel's UDP socket (libssl_echo.c); sluice-load sends
# both more than they bear. In each round one after the other, each started afresh; a line KEY VALUE
# for each of
#
#   e2e.{gateway,libssl}.echo.{64,1400}.kpps    thousands of messages a second, there and back
#   e2e.{gateway,libssl}.echo.{64,1400}.lost_percent
#                                               of those sent; near 0 the server bears more than this
#
# Root is needed, and two cores. Where it can't be measured this says so in one sentence on standard
# error, prints no figure, and ends with status 77. BUILD names the build folder (default: build),
# SECONDS_EACH the time of one measurement (1.5), RATE the messages a second sent (400k).
# docs/benchmarks.md says what is fair about it.
#
#   namespace $server_ns, core B                     namespace $client_ns, core A
#   +-------------------------------------+          +---------------------------+
#   | sluice-echo <= rings => sluice, or  |   veth   | sluice-load               |
#   | libssl_echo    198.18.0.1  sl0 -----+----------+--- sl1   198.18.0.2       |
#   +-------------------------------------+          +---------------------------+
# Nothing of this is reachable from outside, and all of it is gone at the end, however that comes.
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
root=$(dirname "$(dirname "$here")")
. "$root/drivers-config/host/hugepages.sh"
. "$root/bench/priority.sh"
usage() { sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 2; }
skip() { echo "veth_echo: not measured: $*" >&2; exit 77; }
fail() { echo "veth_echo: $*" >&2; exit 1; }

rounds=5
case $# in
    0) ;;
    2) [ "$1" = --rounds ] && [[ $2 =~ ^[1-9][0-9]*$ ]] || usage; rounds=$2 ;;
    *) usage ;;
esac
seconds=${SECONDS_EACH:-1.5} rate=${RATE:-400k}
build=$(realpath -m "${BUILD:-$root/build}")
compare=$build/bench/compare
address=198.18.0.1 port=4433
server_ns=sluice-vs-server-$$ client_ns=sluice-vs-client-$$
server_pid='' echo_pid=''
warmup=$(awk -v s="$seconds" 'BEGIN { print s / 5 }') duration=$(awk -v s="$seconds" 'BEGIN { print s * 1.2 }')
patience=$(awk -v s="$seconds" 'BEGIN { print int(30 + 4 * s) }') # of a client, in seconds

[ "$(id -u)" = 0 ] || skip 'network namespaces need root'
[ -x "$build/app/gateway/sluice" ] || skip 'this build has no gateway'
[ -x "$build/app/load/sluice-load" ] || skip 'this build has no sluice-load'
for tool in ip ethtool; do command -v $tool >/dev/null || skip "there is no $tool"; done
read -ra cores < <(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0)))')
[ ${#cores[@]} -ge 2 ] || skip 'client and server need a core each'
client_core=${cores[0]} server_core=${cores[-1]}

# Not functions: behind one, $! would be a shell's, and the server would outlive its end.
on_server=(ip netns exec "$server_ns" taskset -c "$server_core" nice -n -20
    timeout -k 5 $((2 * patience)))
on_client=(ip netns exec "$client_ns" taskset -c "$client_core" nice -n -20 timeout -k 1 "$patience")

work=$(mktemp -d "${TMPDIR:-/tmp}/sluice-vs-XXXXXX")
# empty_namespace NS: ends what runs there and waits, two seconds at most, until its memory is given back.
empty_namespace() {
    local pids tries
    for ((tries = 0; tries < 40; tries++)); do
        pids=$(ip netns pids "$1") && [ -n "$pids" ] || return 0
        kill -9 $pids
        sleep 0.05
    done
}
clean_up() {
    local ns
    trap '' TERM INT HUP
    for ns in "$server_ns" "$client_ns"; do
        empty_namespace "$ns" || true
        ip netns del "$ns" || true
    done 2>/dev/null
    wait 2>/dev/null
    rm -rf "$work"
    hugepages_restore
    priority_restore
}
trap clean_up EXIT
trap 'exit 143' TERM INT HUP

make_wire() {
    ip netns add "$server_ns" && ip netns add "$client_ns" || return 1
    "${on_server[@]}" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    "${on_client[@]}" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    ip link add sl0 netns "$server_ns" type veth peer name sl1 netns "$client_ns" || return 1
    # veth hands over packets whose UDP checksum nobody has finished; this makes the kernel do it.
    "${on_client[@]}" ethtool -K sl1 tx off >/dev/null || return 1
    ip -n "$client_ns" addr add 198.18.0.2/24 dev sl1
    ip -n "$server_ns" link set sl0 up && ip -n "$client_ns" link set sl1 up
}

# until_true COMMAND..: within ten seconds, while the server lives.
until_true() {
    local left=200
    until "$@" >/dev/null 2>&1; do
        [ $((left -= 1)) -gt 0 ] && kill -0 "$server_pid" 2>/dev/null || return 1
        sleep 0.05
    done
}
control() { "$build/app/ctl/sluice-ctl" -s "$work/control.sock" "$1"; }
has_consumer() { control consumers | grep -q echo; }

end() { # PID..: the server first; whoever stayed would answer for the next one
    local pid pids
    for pid in "$@"; do
        kill -TERM "$pid" || true
        wait "$pid" || true
    done
    pids=$(ip netns pids "$server_ns")
    [ -z "$pids" ] || fail "something still runs beside the next server: $pids"
}

# figures KEY: its two lines, from what sluice-load wrote. The exit status would not do: what a server
# does not bear, and a rate that the client did not quite reach, are no failures here.
figures() {
    python3 - "$1" "$work/run.json" <<'END'
import json, sys
key, run = sys.argv[1], json.load(open(sys.argv[2]))
counters, messages = run['counters'], run['messages']
if run['end'] != 'complete' or run['handshakes']['failed'] or counters['sessions_closed']:
    sys.exit('; '.join(run['sentences']))
if counters['corrupt'] or counters['duplicates']:
    sys.exit('something came that is no echo')
if not messages['echoed']:
    sys.exit('nothing came back')
print(f"{key}.kpps {messages['echoed_per_s'] / 1e3:.6f}")
print(f"{key}.lost_percent {100 * messages['loss']:.6f}")
END
}

# measure NAME: what the server of that name echoes. The client is a job: a signal to us can't wait for
# it. Eight sessions: with more of them fewer messages go with each of the client's system calls, and it
# would be the limit.
measure() {
    local len
    for len in 64 1400; do
        rm -f "$work/run.json"
        "${on_client[@]}" "$build/app/load/sluice-load" --insecure --cid none -c 8 -s $len -r "$rate" \
            --suites ECDHE-ECDSA-AES128-GCM-SHA256 --warmup "${warmup}s" -d "${duration}s" \
            --json "$work/run.json" -q $address:$port >/dev/null 2>"$work/client.log" &
        wait $! || [ -s "$work/run.json" ] ||
            { tail -n 2 "$work/client.log" "$work/$1.log" >&2; fail "the client of $1 failed"; }
        figures "e2e.$1.echo.$len" || fail "the client of $1 failed"
    done
}

measure_gateway() {
    "${on_server[@]}" "$build/app/gateway/sluice" run -c "$work/sluice.yaml" >"$work/gateway.log" 2>&1 &
    server_pid=$!
    until_true control stats || { tail -n 5 "$work/gateway.log" >&2; fail 'the gateway does not start'; }
    "${on_server[@]}" "$build/app/echo/sluice-echo" -s "$work/consumers.sock" echo >>"$work/gateway.log" 2>&1 &
    echo_pid=$!
    until_true has_consumer || fail 'the consumer does not register'
    measure gateway
    end "$server_pid" "$echo_pid"
}

measure_libssl() {
    ip -n "$server_ns" addr add $address/24 dev sl0
    : >"$work/libssl.log" # what the one before it said must not be taken for its own
    "${on_server[@]}" "$compare/libssl_echo" $address $port >"$work/libssl.log" 2>&1 &
    server_pid=$!
    until_true grep -q ready "$work/libssl.log" || { cat "$work/libssl.log" >&2; fail 'libssl_echo does not start'; }
    measure libssl
    end "$server_pid"
    ip -n "$server_ns" addr del $address/24 dev sl0
}

"$root/tests/support/pki.sh" "$work/pki"
cat >"$work/sluice.yaml" <<END
workers: 1
idle: yield
sessions: 1024
memory_mb: 64
control_socket: $work/control.sock
consumer_socket: $work/consumers.sock
ports: [{driver: af_xdp, interface: sl0, addresses: [$address]}]
listeners: [{port: $port, service: echo}]
certificates: [{certificate: $work/pki/server.crt, key: $work/pki/server.key}]
END
make_wire 2>"$work/wire.log" || { cat "$work/wire.log" >&2; skip 'a veth pair in namespaces could not be made'; }
hugepages_raise 100
priority_raise
for ((round = 0; round < rounds; round++)); do
    measure_gateway
    measure_libssl
done
