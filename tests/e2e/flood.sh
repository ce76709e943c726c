#!/usr/bin/env bash
# Anybody's packets, as fast as the machine sends them: sessions go on, nobody gets an answer but who
# asks with a ClientHello, and the port is none the worse for it; on ordinary pages and on huge ones.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

# More than all buffers of both queues, several times.
flood() { on_peer timeout 60 "$peers/flood" "$1" $gateway_ip4 $port 60000 >"$work/flood"; }
talk_on() { mbedtls cid=aabb messages=300 size=1-1350 window=4 resend_ms=200 tries=100; }
unanswered() { grep -q 'ANSWERED 0 0,' "$work/flood" || { cat "$work/flood"; return 1; }; }
answers_are_short() {
    cat "$work/flood"
    awk '{ exit !($5 > 0 && $5 <= $2 && $6 <= $3 && $8 <= 1) }' <(tr -d , <"$work/flood")
}
both_queues_received() {
    "$sluice_ctl" -s "$control" stats --json |
        jq -e '.workers | length == 2 and all(.events.rx_frames > 10000)'
}

for pages in ordinary huge; do
    gateway_config
    if [ $pages = ordinary ]; then
        gateway_launch "${no_hugepages[@]}"
        wait_for 20 gateway_ready || { fail "the gateway starts on $pages pages"; exit; }
    else
        gateway_start || exit
    fi
    consumer_start "echo_$pages" "$sluice_echo" -s "$consumers" echo
    for kind in garbage records hellos; do
        flood $kind &
        pid=$!
        check "$pages pages, $kind: a session goes on in the flood" talk_on
        check "$pages pages, $kind: all was sent" wait $pid
        if [ $kind = hellos ]; then
            check "$pages pages, $kind: no answer is longer than what asked for it" answers_are_short
        else
            check "$pages pages, $kind: nothing is answered" unanswered
        fi
    done
    check "$pages pages: both queues received" both_queues_received
    check "$pages pages: and a session is as good as ever" mbedtls cid=aabb messages=500 size=1-1350 window=8
    no_session "$pages pages: no session is left"
    check "$pages pages: nobody got a slot by it" wait_counter 10 .total.half_open '== 0'
    check_equation
    check "$pages pages: the gateway ends cleanly" gateway_stop
done
