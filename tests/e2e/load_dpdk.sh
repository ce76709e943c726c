#!/usr/bin/env bash
# sluice-load past the kernel: on AF_XDP and AF_PACKET through a veth, with one core and two, floods
# beside the good traffic, and what it says when there is nobody or when it may not.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump
. "$support/load.sh"
complete='.handshakes.completed == .handshakes.begun and (.messages | .sent > 0 and .sent == .echoed + .late + .lost and .echoed > 0.98 * .sent)'

gateway_config
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo
# The interface is the load generator's alone: the kernel has no address there, and says nothing.
on_peer ip addr flush dev sl1
on_peer sysctl -qw net.ipv6.conf.all.disable_ipv6=1
to4=$gateway_ip4:$port to6=[$gateway_ip6]:$port

check 'on AF_XDP, a hundred clients of eight addresses' load 0 --insecure --interface sl1 --driver af_xdp \
    --from 198.18.0.2-198.18.0.9 -c 100 -r 2k -d 2s "$to4"
check 'are all served' holds "$complete and .handshakes.with_cid == 100"
check 'of what the port counts, the table has what went wrong' [ "$(grep -c 'that the port' "$work/load.out")" = 0 ]
check 'the gateway has met as many' counter_is .total.events.sessions_opened '== 100'
check 'over IPv6, of two cores' load 0 --insecure --interface sl1 --from 2001:db8::2-2001:db8::5 -c 60 -r 1k -d 2s --cores 2 "$to6"
check 'answers find the core that has the client' holds "$complete"
check 'and are counted there alone' holds '.counters.handed_over > 50 and .counters.rx_frames < .port.rx_packets + 20'
check 'on AF_PACKET' load 0 --insecure --interface sl1 --driver af_packet --from 198.18.0.2 -c 20 -r 500 -d 1s "$to4"
check 'it is the same' holds "$complete"
check 'clients that change their ports, and sessions that end' load 0 --insecure --interface sl1 --from 198.18.0.2 -c 20 -r 500 -d 2s \
    --churn 10 --cid 8 "$to4"
check 'lose nothing' holds "$complete and .handshakes.completed > 30"

forged() { "$sluice_ctl" -s "$control" forged; }
forged_appear() {
    for _ in {1..50}; do
        forged | grep -E '^session [0-9a-f]{16} of 198\.18\.0\.2:[0-9]+, worker 0: [0-9]+ forged$' && return
        sleep 0.1
    done
    return 1
}
check 'no session has met a forged record' [ "$(forged)" = none ]
forged_appear >"$work/forged" &
watch=$!
before=$(counter .total.events.sessions_opened)
check 'seven floods beside the good traffic' load 0 --insecure --interface sl1 --from 198.18.0.2 -c 20 -r 500 -d 2s \
    --flood-hello 500 --flood-random 500 --flood-forged 500 --flood-replay 500 --flood-cid 500 \
    --flood-truncated 500 --flood-fragment 500 --flood-from 198.18.0.128-198.18.0.191:1024-65000 "$to4"
check 'which does not notice' holds '.handshakes.completed == .handshakes.begun and (.messages | .sent > 0 and .echoed > 0.9 * .sent)'
check 'sessions that met forged records could be asked for meanwhile' wait $watch
check 'no flood began a session' counter_is .total.events.sessions_opened "== $((before + 20))"
check 'each was dropped for its reason' counter_is '.total.drops | [.auth, .replay, .not_dtls, .ip_fragment, .truncated] | min' '> 100'
check 'of connection IDs that nobody has, too' counter_is .total.drops.unknown_cid '> 400'
check 'the table says where they seem to come from' grep -qaE \
    "^ +from false addresses; records of living sessions from their clients'\$" "$work/load.out"
check 'what was answered to false addresses is counted' holds '.counters.flood_answers > 400 and
    .counters.flood_answers < .floods.hello + .floods.fragment and
    .counters.flood_answer_bytes > 0 and .counters.flood_answer_bytes < .counters.flood_bytes / 4'
check 'and told' grep -qE 'of them answered; bytes of answers for each byte: 0\.[01]' "$work/load.out"
check_equation

check 'a next hop that does not answer' load 1 --insecure --interface sl1 --from 198.18.0.2 -c 5 -d 1s 198.18.0.77:$port
check 'is named' says '198.18.0.77'
flooding=(--flood-hello 10 --flood-from 10.2.0.0/16 --next-hop 02:00:00:00:00:99 --handshake-timeout 1s -d 1s)
check 'floods with false addresses go where nobody is hurt' load 1 --insecure --interface sl1 --from 10.1.0.2 "${flooding[@]}" 10.1.0.1:$port
check 'and nowhere else' says 'reserved for benchmarks and documentation'
check 'not past a port that leads nowhere either' load 1 --insecure --device net_af_packet0,iface=sl1 --device net_null0 --from 10.1.0.2 \
    "${flooding[@]}" 10.1.0.1:$port
check 'which is no excuse' says 'reserved for benchmarks and documentation'
check 'nor from addresses that somebody may have' load 1 --insecure --interface sl1 --from 198.18.0.2 -d 1s --flood-hello 10 \
    --flood-from 10.2.0.0/16 "$to4"
check 'which get the answers' says 'that is where answers go'
check 'a port that leads nowhere may have any' load 1 --insecure --device net_null0 --from 10.1.0.2 "${flooding[@]}" 10.1.0.1:$port
check 'but nobody answers there' says 'no answer'
on_peer ip addr add 198.18.0.2/24 dev sl1
check 'past the kernel clients need addresses' load 2 --insecure --interface sl1 "$to4"
check 'which is said' says 'needs --from'
check 'a tag that no frame can have' load 2 --insecure --interface sl1 --from 198.18.0.2 --vlan 5000 "$to4"
of_the_gateway() {
    on_gateway timeout 20 "$sluice_load" --insecure --interface sl0 --from 198.18.0.2 "$to4" >"$work/load.out" 2>"$work/load.err"
    [ $? = 1 ] && says 'sl0 is in use'
}
check 'the interface of a gateway is not taken' of_the_gateway
check 'and has its XDP program still' on_gateway bash -c 'ip -d link show sl0 | grep -q xdp'
check 'an interface that is not there' load 1 --insecure --interface nowhere0 --from 198.18.0.2 "$to4"
check 'is named' says 'nowhere0'
consumer_stop echo
check 'the gateway stops' gateway_stop
