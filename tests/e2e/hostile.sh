#!/usr/bin/env bash
# Consumers that misbehave lose their own rings. Nobody else notices: neither another service nor their
# neighbours in their own.
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
bad() { timeout 60 "$peers/bad_consumer" "$consumers" "$@"; }
listed() { [ "$("$sluice_ctl" -s "$control" consumers | wc -l)" = "$1" ]; }
client_begin() { # NAME OPTION..: $NAME_pid, ends when all has been echoed
    local name=$1
    shift
    mbedtls cid=aabb resend_ms=300 tries=100 "$@" >"$work/$name.out" 2>&1 &
    printf -v "${name}_pid" %s $!
}
in_with() { counter_is .total.sessions "== $1"; }

# A session of the other service, whose handle a stranger learns.
consumer_start cat "$sluice_cat" -s "$consumers" --json other
client_begin victim port=4434 messages=1
handle_of_victim() { jq -re 'select(.event == "data") | .session' "$work/cat.out" | head -n 1 | grep .; }
check 'a client speaks to the other service' wait_for 20 handle_of_victim
check 'a stranger may neither send, confirm a move nor close on its handle' \
    bad echo handles "$(handle_of_victim)"
check 'each request is counted' wait_counter 10 .total.drops.send_handle '== 1000'
check 'the session is still there' in_with 1
consumer_stop cat
consumer_start other "$sluice_echo" -s "$consumers" other
check 'its client has seen nothing, and is served by the next consumer of its service' wait "$victim_pid"
no_session 'and closes it'

# One that may get sessions before it is evicted: the good one takes them over.
for how in scribble holes kinds; do
    consumer_start good "$sluice_echo" -s "$consumers" echo
    evictions=$(counter .total.events.evictions)
    client_begin neighbour port=4434 messages=2000 window=4 size=1-1350
    client_begin shared messages=2000 window=4 size=1-1350
    check "$how: the gateway hangs up" bad echo $how
    check "$how: it was evicted, and counted" wait_counter 10 .total.events.evictions "> $evictions"
    check "$how: a client of its service is echoed" wait "$shared_pid"
    check "$how: a client of the other service is echoed" wait "$neighbour_pid"
    check "$how: only the good ones are left" wait_for 10 listed 2
    consumer_stop good
done
consumer_start good "$sluice_echo" -s "$consumers" echo
check 'one that chatters on its socket is hung up on' bad echo chatter
check 'only the good ones are left' wait_for 10 listed 2
check 'a client of its service is echoed after it' mbedtls cid=aabb messages=50

# One that is never there: what it is sent is lost, and only that.
consumer_stop good
"$peers/bad_consumer" "$consumers" echo deaf >"$work/deaf.out" 2>&1 &
deaf_pid=$!
at_exit gateway_kill $deaf_pid
check 'a deaf one fills its wake-up socket' wait_for 20 grep -q DEAF "$work/deaf.out"
delivered=$(counter .total.events.delivered)
client_begin patient messages=200 window=64 size=1300
check 'it is sent messages' wait_counter 20 .total.events.delivered ">= $((delivered + 64))"
check 'the other service has not noticed' mbedtls port=4434 cid=aabb messages=2000 window=8 size=1-1350
kill -KILL "$deaf_pid"
consumer_start good "$sluice_echo" -s "$consumers" echo
check 'its client is echoed by the next one' wait "$patient_pid"
check_equation
check 'the gateway ends cleanly' gateway_stop
