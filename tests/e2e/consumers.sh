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
    timeout 20 "$@" >"$work/refused.out" 2>&1
    status=$?
    cat "$work/refused.out"
    [ $status != 0 ] && [ $status -lt 124 ] && grep -qi "$pattern" "$work/refused.out"
}
check 'a service that the gateway does not have is refused with a sentence' \
    refuses 'no such service' "$sluice_echo" -s "$consumers" nothing
check 'a socket that is not there is refused with a sentence, told --once' \
    refuses 'nowhere.sock: no gateway' "$sluice_cat" --once -s "$work/nowhere.sock" echo

clients_begin() { # COUNT OPTION..: $clients_pid ends when all have
    local count=$1
    shift
    clients "$count" "$@" >"$work/clients" 2>&1 &
    clients_pid=$!
}
clients() {
    local count=$1 pids=() i status=0
    shift
    for ((i = 0; i < count; i++)); do
        mbedtls cid=aabb size=1-1350 resend_ms=300 tries=100 "$@" >"$work/client.$i" 2>&1 &
        pids+=($!)
    done
    for i in "${!pids[@]}"; do wait "${pids[i]}" || { status=1; cat "$work/client.$i"; }; done
    return $status
}
check_clients() { # WHAT: those begun last have all been echoed
    check "$1" wait "$clients_pid" || sed 's/^/# /' "$work/clients"
}
waiting() { kill -0 "$clients_pid"; }
served() { # NAME: how many messages that consumer has had in its life, once it has ended
    sed -n 's/^sluice-echo: \([0-9]*\) received.*/\1/p' "$work/$1.out"
}

clients_begin 2 messages=50
check 'without a consumer two clients are in all the same' wait_counter 20 .total.sessions '== 2'
check 'what they send is dropped, and counted' wait_counter 20 .total.drops.no_consumer '>= 3'
check 'and delivered to nobody' counter_is .total.events.delivered '== 0'
consumer_start one "$sluice_echo" -s "$consumers" echo
check_clients 'a consumer that comes later serves them'
consumer_start two "$sluice_echo" -s "$consumers" echo
consumer_start other "$sluice_echo" -s "$consumers" other
check 'two consumers share eight sessions' clients 8 messages=300 window=4
no_session 'which end'

# One stands still: the sessions that it has wait for it, until it is gone.
opened=$(counter .total.events.sessions_opened)
kill -STOP "$one_pid"
clients_begin 6 messages=300 window=4
check 'six clients are in' wait_counter 20 .total.events.sessions_opened "== $((opened + 6))"
check 'the other service works while a consumer is stopped' mbedtls port=4434 cid=aabb messages=50
check 'whose sessions wait' waiting
kill -KILL "$one_pid"
check_clients 'they go on with the other consumer when it is killed'
wait "$one_pid" 2>/dev/null
kill -STOP "$two_pid"
consumer_start three "$sluice_echo" -s "$consumers" echo
opened=$(counter .total.events.sessions_opened)
clients_begin 6 messages=100
check 'six more are in, while another is stopped' \
    wait_counter 20 .total.events.sessions_opened "== $((opened + 6))"
check 'whose sessions wait, too' waiting
kill -CONT "$two_pid"
check_clients 'and go on when it is let go'
check 'the gateway still serves the other service' mbedtls port=4434 cid=aabb messages=50
consumer_stop two
consumer_stop three
check 'both had their share' test "$(served two)" -gt 0 -a "$(served three)" -gt 0

# sluice-cat: events and payloads, one JSON object a line.
consumer_start cat "$sluice_cat" -s "$consumers" --json echo
check 'a client comes and goes' mbedtls cid=aabb messages=0
unanswered() { ! mbedtls cid=aabb messages=1 size=5 tries=1 resend_ms=300; }
check 'one that says something has no answer' unanswered
cat_shows() { # LIST: the events so far, those of the first session first
    jq -se "(.[0].session) as \$first | sort_by(.session != \$first) | map(.event) == $1" "$work/cat.out"
}
check 'sluice-cat shows each event, as JSON lines' wait_for 10 cat_shows '["open", "close", "open", "data"]'
cat_payload() { jq -se 'map(select(.event == "data"))[0] | .len == 5 and (.hex | startswith("00000000"))' "$work/cat.out"; }
check 'and the payload' cat_payload
consumer_stop cat

# The gateway goes away and comes back: a consumer waits for it, or ends when told --once.
consumer_start four "$sluice_echo" -s "$consumers" echo
consumer_start once "$sluice_echo" --once -s "$consumers" echo
check_equation
check 'the gateway ends cleanly' gateway_stop
check 'sluice-echo --once ends with its gateway' wait_for 20 ended "$once_pid"
check 'and says why' grep -q 'the gateway has ended' "$work/once.log"
gateway_start || exit
check 'sluice-echo finds the new gateway by itself' wait_for 20 consumer_is_listed "$four_pid"
check 'and serves it' mbedtls cid=aabb messages=50
check_equation
check 'the new gateway ends cleanly' gateway_stop
