#!/usr/bin/env bash
# The end of a gateway, as its clients, its consumers and its supervisor see it.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

gateway_config
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo
consumer_start cat "$sluice_cat" -s "$consumers" --json echo

waiting() { # NAME CLIENT OPTION..: a client that stays until the server closes
    local name=$1
    shift
    "$@" messages=1 close=wait >"$work/$name.log" 2>&1 &
    printf -v "${name}_pid" %s $!
}
closed() { local pid=${1}_pid; wait "${!pid}" && grep -q '^CLOSED by the server' "$work/$1.log"; }

consumer_stop cat
waiting with_cid mbedtls cid=aabb
waiting without openssl_echo
check 'two clients are in' wait_counter 10 .total.sessions '== 2'
check 'SIGUSR1 prints the counters' kill -USR1 "$gateway_pid"
check 'into the log' wait_for 10 grep -q 'sessions_opened' "$gateway_log"
check 'sluice-ctl prints them as text' "$sluice_ctl" -s "$control" stats
check 'SIGTERM ends it within five seconds, with status 0' gateway_stop 5
says_once() { [ "$(grep -c "$1" "$gateway_log")" = 1 ]; }
check 'the log says once that it stops' says_once 'stopping'
check 'and once that it has stopped' says_once 'stopped'
check 'the client with a connection ID got close_notify' closed with_cid
check 'the client without one got close_notify' closed without
nobody_there() { ! "$sluice_ctl" -s "$control" stats; }
check 'sluice-ctl says that nobody is there, with a status' nobody_there

# The same file again: sockets and interface are free, and a consumer finds the new gateway.
gateway_start || exit
consumer_start again "$sluice_echo" -s "$consumers" echo
check 'the next gateway on the same file serves' mbedtls cid=aabb messages=10
check 'SIGINT ends it as well' kill -INT "$gateway_pid"
check 'with status 0' wait "$gateway_pid"

# Many sessions: nobody is forgotten.
gateway_start || exit
many=${SLUICE_DEEP:+5000}
many=${many:-500}
# Not on_peer: behind a function, $! would be a shell's.
ip netns exec "$peer_ns" "$build/app/load/sluice-load" --ca "$pki/ca.crt" --name localhost -c $many -d forever \
    --json "$work/crowd.json" $gateway_ip4:$port >"$work/crowd.out" 2>"$work/crowd.log" &
crowd_pid=$!
at_exit gateway_kill $crowd_pid
all_were_closed() { # each by an alert that verified
    wait_for 5 grep -q ' run  *0 sessions' "$work/crowd.log"
    kill -INT "$crowd_pid"
    wait "$crowd_pid"
    jq -c '[.handshakes.completed, .counters.sessions_closed, .failures]' "$work/crowd.json"
    jq -e --argjson many "$many" '.handshakes.completed == $many and .counters.sessions_closed == $many and
        (.failures | length == 1 and (.[0] | .count == $many and (.text | contains("close_notify"))))' "$work/crowd.json"
}
check "$many clients are in" wait_counter 100 .total.sessions "== $many"
check 'the gateway ends within five seconds all the same' gateway_stop 5
check 'and each of them got close_notify' all_were_closed

# Signals that come early or twice.
gateway_launch
is_sluice() { [ "$(cat "/proc/$gateway_pid/comm")" = sluice ]; }
wait_for 10 is_sluice # until then it is a shell, which may swallow a signal between fork and exec
kill -TERM "$gateway_pid"
early() { wait "$gateway_pid"; local status=$?; echo "status $status"; [ $status = 0 ] || [ $status = 143 ]; }
check 'SIGTERM while it starts ends it, as soon as it can' early
gateway_launch
wait_for 20 grep -q 'info sessions' "$gateway_log" # EAL and the port are there, the threads not yet
kill -TERM "$gateway_pid"
check 'also when it has got further' wait "$gateway_pid"
check 'and leaves no socket behind' test ! -e "$control" -a ! -e "$consumers"
gateway_start || exit
kill -TERM "$gateway_pid"
kill -TERM "$gateway_pid"
check 'a second SIGTERM changes nothing' wait "$gateway_pid"

# Killed, it leaves its XDP program and sockets behind; that must not be in anybody's way.
gateway_start || exit
kill -KILL "$gateway_pid"
wait "$gateway_pid" 2>/dev/null
gateway_start || exit
consumer_start last "$sluice_echo" -s "$consumers" echo
check 'after a kill the next gateway serves' mbedtls cid=aabb messages=10
check 'and ends cleanly' gateway_stop
