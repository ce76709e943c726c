#!/usr/bin/env bash
# peer_moves: what happens to a session whose client comes from a new port, under each policy.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

moving=(cid=aabb messages=40 size=200-1200 rebind=20 resend_ms=300 tries=3)
# Echoed at its first address, and no more once it has moved.
unanswered() {
    mbedtls "${moving[@]}" >"$work/moving.out"
    cat "$work/moving.out"
    grep -q '^REBOUND' "$work/moving.out" && grep -q '^ECHOED 20 of 40 equal' "$work/moving.out" &&
        grep -q '^FAILED' "$work/moving.out"
}

gateway_config 'peer_moves: accept'
gateway_start || exit
consumer_start accept "$sluice_echo" -s "$consumers" echo
check 'accept: the client is echoed at its new address' mbedtls "${moving[@]}"
check 'accept: one move was counted' wait_counter 10 .total.events.moved '== 1'
check 'accept: and no candidate' wait_counter 10 .total.events.move_candidates '== 0'
no_session 'accept: close_notify from there ends the session'
check_equation
check 'accept: the gateway ends cleanly' gateway_stop
consumer_stop accept

gateway_config 'peer_moves: hold'
gateway_start || exit
consumer_start hold "$sluice_echo" -s "$consumers" echo
check 'hold: an echo fits into three times what came' mbedtls "${moving[@]}"
check 'hold: one candidate was counted' wait_counter 10 .total.events.move_candidates '== 1'
check 'hold: nobody confirmed it' wait_counter 10 .total.events.moved '== 0'
consumer_stop hold
consumer_start confirm "$sluice_echo" --confirm-moves -s "$consumers" echo
check 'hold: the client is echoed where the consumer confirms' mbedtls "${moving[@]}"
check 'hold: and the move was counted' wait_counter 10 .total.events.moved '== 1'
check_equation
check 'hold: the gateway ends cleanly' gateway_stop
consumer_stop confirm

gateway_config 'peer_moves: refuse' 'idle_timeout_s: 2'
gateway_start || exit
consumer_start refuse "$sluice_echo" -s "$consumers" echo
check 'refuse: nothing comes back to a new address' unanswered
check 'refuse: what came from there was dropped' wait_counter 10 .total.drops.peer_move_refused '>= 1'
check 'refuse: no move was counted' wait_counter 10 '(.total.events.moved + .total.events.move_candidates)' '== 0'
check 'a session that stays idle expires' wait_counter 20 .total.events.sessions_expired '== 1'
no_session 'and is gone'
check_equation
check 'refuse: the gateway ends cleanly' gateway_stop
