#!/usr/bin/env bash
# How much of whom comes in: floods of ClientHellos, handshakes and pings from one address, while sessions of others
# go on and begin; and silence to all that is no question.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
. "$support/load.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

gateway_config "admission: {hellos_per_prefix_per_second: 20, echoes_per_second: 10}"
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo
mac=$(on_gateway cat /sys/class/net/sl0/address)
on_peer ip neigh replace $gateway_ip4 lladdr "$mac" dev sl1 nud permanent
on_peer ip neigh replace $gateway_ip6 lladdr "$mac" dev sl1 nud permanent

# All that the gateway sends arrives at sl1, and nothing else does.
came() { on_peer cat /sys/class/net/sl1/statistics/rx_packets; }
nothing_came_since() { sleep 0.2; echo "$(($(came) - $1)) frames came"; [ "$(came)" = "$1" ]; }
flood() { on_peer timeout 60 "$peers/flood" "$1" $gateway_ip4 $port 20000; }
tcp() { ! on_peer timeout 2 bash -c "echo >/dev/tcp/$gateway_ip4/$1"; }

before=$(came)
check 'any bytes' flood garbage
check 'records of nobody' flood records
check 'a TCP connection' tcp $port
check 'a datagram to another port' on_peer bash -c "echo hello >/dev/udp/$gateway_ip4/9"
check 'have no answer, not one frame' nothing_came_since "$before"

# ClientHellos from one address, and a client with another in the midst of them. The bucket holds 10 at each of two
# workers, and fills with 10 a second.
talk_on() { mbedtls host=$gateway_ip6 cid=aabb messages=300 size=1-1350 window=4 resend_ms=200 tries=100; }
started=$SECONDS
flood hellos >"$work/flood" &
pid=$!
check 'a client of another prefix gets in and loses nothing' talk_on
wait $pid
answers_are_few() {
    cat "$work/flood"
    awk -v most=$((20 * (SECONDS - started + 2))) '{ exit !($5 > 0 && $5 <= most) }' <(tr -d , <"$work/flood")
}
check 'the flood has had its share of answers' answers_are_few
check 'the rest is counted' wait_counter 10 '(.total.drops.hello_rate + .total.drops.hello_budget)' '> 10000'
check 'nobody got a slot by it' wait_counter 10 .total.half_open '== 0'
sleep 1
check 'when the flood is over its address is as welcome as any' mbedtls cid=aabb messages=50

# Pings.
some_pings() {
    on_peer ping -n -q -c 200 -i 0.002 -W 1 $gateway_ip4 >"$work/ping"
    cat "$work/ping"
    awk '/received/ { exit !($4 > 0 && $4 <= 40) }' "$work/ping"
}
check 'of 200 pings some are answered' some_pings
check 'and the others counted' wait_counter 10 .total.drops.answer_rate '> 150'

# Handshakes, after a reload that changes nothing but limits.
gateway_config "admission: {handshakes_per_prefix_per_second: 4}"
check 'other limits are put in force' "$sluice_ctl" -s "$control" reload
check 'pings are answered again' on_peer ping -n -q -c 20 -i 0.02 -W 1 $gateway_ip4
storm() { on_peer timeout 30 "$sluice_load" --insecure --clients 50 --handshake-timeout 2s --duration 1s --rate 100 $gateway_ip4:$port; }
before=$(counter .handshake.started)
storm >"$work/storm" 2>&1
check 'a prefix begins so many handshakes and no more' wait_counter 10 .total.drops.handshake_rate '> 20'
check 'the handshake thread heard of few' counter_is .handshake.started "< $((before + 30))"
check 'another prefix begins one meanwhile' mbedtls host=$gateway_ip6 cid=aabb messages=50

gateway_config "admission: {prefix_len_v4: 24, handshake_cpu_percent: 50}"
check 'what is taken at the start is named' grep -qxF \
    'needs a restart: admission.prefix_len_v4, admission.handshake_cpu_percent; run `sluice check` before it' <("$sluice_ctl" -s "$control" reload)
no_session 'no session is left'
check_equation
check 'the gateway ends cleanly' gateway_stop

# The processor time of the handshake thread: 1 % is 10 ms a second, some twenty handshakes.
gateway_config "admission: {handshake_cpu_percent_per_prefix: 1}"
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo
spends_it_all() { # a busy machine spreads a storm over more seconds, each of which has its share
    storm
    counter_is .handshake.cpu_spent '> 0'
}
check 'a prefix has its share of processor time' wait_for 20 spends_it_all
check 'and another one has its own' mbedtls host=$gateway_ip6 cid=aabb messages=50
check_equation
check 'the gateway ends cleanly' gateway_stop
