#!/usr/bin/env bash
# Two workers over two queues: 10,000 messages of 1 to 1,350 bytes, each echoed and compared, with
# connection IDs and without, over IPv4 and IPv6, on every kind of kernel port.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

load=(messages=10000 size=1-1350 window=32 resend_ms=1000)

# Clients side by side: their packets come in through both queues, their sessions are both workers'.
together() { # CLIENT COUNT OPTION..
    local client=$1 count=$2 pids=() i status=0
    shift 2
    for ((i = 0; i < count; i++)); do
        "$client" "$@" >"$work/together.$i" 2>&1 &
        pids+=($!)
    done
    for i in "${!pids[@]}"; do
        wait "${pids[i]}" || status=1
        cat "$work/together.$i"
    done
    return $status
}
workers_with() { # PATH: how many workers have counted something there
    "$sluice_ctl" -s "$control" stats --json | jq "[.workers[] | select($1 > 0)] | length"
}

gateway_config
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo
check '10,000 messages come back equal with a connection ID' mbedtls cid=aabbccdd "${load[@]}"
check '10,000 come back equal without one' openssl_echo "${load[@]}"
check '10,000 come back equal with a connection ID over IPv6' mbedtls host=$gateway_ip6 cid=aabb "${load[@]}"
check '10,000 come back equal without one over IPv6' openssl_echo host=$gateway_ip6 "${load[@]}"
check 'eight clients with connection IDs at once, 2,000 messages each' \
    together mbedtls 8 cid=aabbccdd messages=2000 size=1-1350 window=8 resend_ms=1000
check 'eight clients without at once, 2,000 messages each' \
    together openssl_echo 8 messages=2000 size=1-1350 window=8 resend_ms=1000
check 'both workers received' test "$(workers_with .events.rx_frames)" = 2
check 'both workers delivered' test "$(workers_with .events.delivered)" = 2
no_session 'no session is left'
check_equation
check 'the gateway ends cleanly' gateway_stop

# The consumer's ring is far smaller than what is in flight here, so that it wraps many times.
gateway_config 'ring_kib: 64' 'workers: 1'
gateway_start || exit
consumer_start echo2 "$sluice_echo" -s "$consumers" echo
check '10,000 messages through rings of 64 KiB' mbedtls cid=aabb "${load[@]}"
check 'the gateway ends cleanly with one worker' gateway_stop

on_vlan() { # the same wire, tagged
    on_peer ip link add link sl1 name sl1.7 type vlan id 7 &&
        on_peer ip addr flush dev sl1 && on_peer ip link set sl1.7 up &&
        on_peer ip addr add $peer_ip4/24 dev sl1.7 && on_peer ip addr add $peer_ip6/64 dev sl1.7 nodad &&
        on_peer ethtool -K sl1 txvlan off && on_peer ethtool -K sl1.7 tx off
}
group="interface: sl0, addresses: [$gateway_ip4, \"$gateway_ip6\"]"
for case in 'af_packet' 'af_packet, vlan: 7' 'af_xdp, vlan: 7' 'auto, rx_checksum: require, vlan: 7'; do
    case $case in
        *vlan*) ip netns exec $peer_ns ip link show sl1.7 >/dev/null 2>&1 || check 'the peer tags its frames' on_vlan ;;
    esac
    gateway_config "ports: [{driver: $case, $group}]"
    gateway_start || continue
    consumer_start echo3 "$sluice_echo" -s "$consumers" echo
    check "driver $case: 2,000 messages with a connection ID" mbedtls cid=aabb messages=2000 size=1-1350 window=16
    check "driver $case: 2,000 messages over IPv6 without" openssl_echo host=$gateway_ip6 messages=2000 size=1-1350 window=16
    check_equation
    check "driver $case: the gateway ends cleanly" gateway_stop
done
