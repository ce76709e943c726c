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
both() { counter_is "([.workers[] | select($1 > 0)] | length)" '== 2'; }

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
check 'both workers received' both .events.rx_frames
check 'both workers delivered' both .events.delivered
no_session 'no session is left'
check_equation
check 'the gateway ends cleanly' gateway_stop

consumer_stop echo

# The consumer's ring is far smaller than what goes through it, so that it wraps many times.
gateway_config 'ring_kib: 64' 'workers: 1'
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo
check '10,000 messages through rings of 64 KiB' mbedtls cid=aabb "${load[@]}"
check 'the gateway ends cleanly with one worker' gateway_stop
consumer_stop echo

# The same wire, tagged, and an address of the peer behind the tag.
on_vlan() {
    ip netns exec "$peer_ns" "$support/vlan_tagger.py" sl1 vlan7 7 >"$work/tagger.out" 2>"$work/tagger.log" &
    at_exit gateway_kill $!
    wait_for 10 grep -q ready "$work/tagger.out" &&
        on_peer ip addr flush dev sl1 && on_peer ip link set vlan7 up &&
        on_peer ip addr add $peer_ip4/24 dev vlan7 && on_peer ip addr add $peer_ip6/64 dev vlan7 nodad
}
group="interface: sl0, addresses: [$gateway_ip4, \"$gateway_ip6\"]"
few=(messages=1000 size=1-1350 window=8 resend_ms=1000)
for case in 'af_packet' 'af_packet, vlan: 7' 'af_xdp, vlan: 7' 'auto, rx_checksum: require, vlan: 7'; do
    if [[ $case == *vlan* ]] && ! on_peer ip link show vlan7 >/dev/null 2>&1; then
        check 'the peer tags its frames' on_vlan || exit
    fi
    gateway_config "ports: [{driver: $case, $group}]"
    gateway_start || exit
    consumer_start echo "$sluice_echo" -s "$consumers" echo
    check "driver $case: 1,000 messages with a connection ID" mbedtls cid=aabb "${few[@]}"
    check "driver $case: 1,000 messages over IPv6 without" openssl_echo host=$gateway_ip6 "${few[@]}"
    check_equation
    check "driver $case: the gateway ends cleanly" gateway_stop
    consumer_stop echo
done
