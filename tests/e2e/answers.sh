#!/usr/bin/env bash
# What the gateway answers without state: ARP, neighbour discovery, ICMP echo. And what it does not.
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
mac=$(on_gateway cat /sys/class/net/sl0/address)

ping_all() { on_peer ping -n -q -c 20 -i 0.02 -W 2 "$@" | tee "$work/ping"; grep -q ' 0% packet loss' "$work/ping"; }
neighbour_is() { on_peer ip neigh show "$1" | grep -q "lladdr $mac"; }
silent() { ! on_peer ping -n -q -c 2 -i 0.2 -W 1 "$@"; }

check 'ping is answered' ping_all $gateway_ip4
check 'ARP has told the MAC of the port' neighbour_is $gateway_ip4
check 'ping over IPv6 is answered' ping_all $gateway_ip6
check 'neighbour discovery has told the MAC of the port' neighbour_is $gateway_ip6
for size in 0 1 17 1472; do
    check "a ping of $size bytes comes back whole" ping_all -s $size -M do $gateway_ip4
done
check 'a ping of 1,452 bytes comes back whole over IPv6' ping_all -s 1452 -M do $gateway_ip6
check 'an address that is not the gateway'"'"'s is not answered' silent 198.18.0.77
check 'nor one over IPv6' silent 2001:db8::77
check 'fragments are not answered' silent -s 4000 $gateway_ip4
check 'and are counted' wait_counter 10 .total.drops.ip_fragment '>= 2'

# Nothing but a datagram with a DTLS record on a listener's port is looked into.
send_udp() { on_peer bash -c "printf '%b' '$2' >/dev/udp/$1"; }
check 'a datagram to a port without a listener is sent' send_udp $gateway_ip4/9 'hello'
check 'and counted' wait_counter 10 .total.drops.no_listener '== 1'
check 'a datagram that is not DTLS is sent' send_udp $gateway_ip4/$port 'GET / HTTP/1.0\r\n'
check 'and counted' wait_counter 10 .total.drops.not_dtls '== 1'
check 'half a record header is sent' send_udp $gateway_ip4/$port '\x16\xfe\xfd\x00\x00'
check 'and counted' wait_counter 10 '(.total.drops.record_header + .total.drops.truncated)' '== 1'
check 'a record of an unknown connection ID is sent' send_udp $gateway_ip4/$port \
    '\x19\xfe\xfd\x00\x01\x00\x00\x00\x00\x00\x01AAAAAAAA\x00\x20BBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCC'
check 'and counted' wait_counter 10 .total.drops.unknown_cid '== 1'
check 'nothing was sent but what was asked for' \
    wait_counter 10 '(.total.events.tx_frames == .total.events.answered)' '== true'
check_equation
check 'the gateway ends cleanly' gateway_stop
