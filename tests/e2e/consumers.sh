#!/usr/bin/env bash
# Consumers come, share, die and come back, and so does the gateway.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

gateway_config 'listeners: [{port: 4433, service: echo}, {port: 4434, service: other}]'
gateway_start || exit
refuses() { # PATTERN COMMAND..: ends by itself with a status and a sentence
    local pattern=$1 status
    shift
    timeout 10 "$@" >"$work/refused.out" 2>&1
    status=$?
    cat "$work/refused.out"
    [ $status != 0 ] && [ $status -lt 124 ] && grep -qi "$pattern" "$work/refused.out"
}
check 'a service that the gateway does not have is refused with a sentence' \
    refuses nothing "$sluice_echo" -s "$consumers" nothing
check 'a socket that is not there is refused with a sentence' \
    refuses nowhere.sock "$sluice_cat" -s "$work/nowhere.sock" echo

# Nobody serves: the handshake succeeds, the data is dropped, and counted.
unanswered() { ! mbedtls cid=aabb messages=1 tries=2 resend_ms=200; }
check 'without a consumer nothing comes back' unanswered
check 'and the reason is counted' wait_counter 2 .total.drops.no_consumer '>= 1'
no_session 'that session is closed'

consumer_start one "$sluice_echo" -s "$consumers" echo
consumer_start two "$sluice_echo" -s "$consumers" echo
consumer_start other "$sluice_echo" -s "$consumers" other
sleep 0.3
clients() { # COUNT OPTION..
    local count=$1 pids=() i status=0
    shift
    for ((i = 0; i < count; i++)); do
        mbedtls cid=aabb size=1-1350 window=4 "$@" >"$work/client.$i" 2>&1 &
        pids+=($!)
    done
    for i in "${!pids[@]}"; do wait "${pids[i]}" || { status=1; cat "$work/client.$i"; }; done
    return $status
}
check 'two consumers share eight sessions' clients 8 messages=300

# A consumer is killed while clients talk: its sessions move to the other one.
clients 6 messages=3000 resend_ms=300 tries=20 >"$work/during" 2>&1 &
busy=$!
sleep 0.5
kill -KILL "$one_pid"
check 'six clients go on when one of two consumers is killed' wait $busy
check 'the other service has not noticed' mbedtls port=4434 cid=aabb messages=50
kill -STOP "$two_pid"
consumer_start three "$sluice_echo" -s "$consumers" echo
sleep 0.2
check 'the other service works while a consumer is stopped' mbedtls port=4434 cid=aabb messages=50
kill -CONT "$two_pid"
check 'and it goes on when it is let go' clients 4 messages=100 resend_ms=500 tries=20

# sluice-cat: events and payloads, one JSON object a line.
kill -TERM "$two_pid" "$three_pid"
wait_for 3 ended "$two_pid"
wait_for 3 ended "$three_pid"
consumer_start cat "$sluice_cat" -s "$consumers" --json echo
sleep 0.3
on_peer timeout 10 "$peers/mbedtls_client" host=$gateway_ip4 port=$port ca="$pki/ca.crt" cid=aabb \
    messages=1 size=5 tries=1 resend_ms=300 >/dev/null 2>&1
check 'sluice-cat shows what came, as JSON lines' wait_for 3 test -s "$work/cat.log"
check 'every line of it is JSON' jq -e . "$work/cat.log"
consumer_stop cat

# The gateway goes away and comes back: a consumer waits for it, or ends when told --once.
consumer_start four "$sluice_echo" -s "$consumers" echo
consumer_start once "$sluice_echo" --once -s "$consumers" echo
sleep 0.2
check 'the gateway ends cleanly' gateway_stop
check 'sluice-echo --once ends with its gateway' wait_for 3 ended "$once_pid"
check 'and says why' test -s "$work/once.log"
gateway_start || exit
check 'sluice-echo finds the new gateway by itself' wait_for 5 mbedtls cid=aabb messages=1 tries=2
check 'and serves it' mbedtls cid=aabb messages=50
check_equation
check 'and ends cleanly' gateway_stop
