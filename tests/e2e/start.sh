#!/usr/bin/env bash
# Starts that must not succeed say one sentence; starts on a poor machine succeed all the same.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

# refuses PATTERN COMMAND..: ends by itself, status not 0, and the last line matches; no core, no EAL
# chatter that a reader has to search through.
refuses() {
    local pattern=$1 status
    shift
    gateway_log=$work/refused.log
    on_gateway timeout 20 "$@" "$sluice" run -c "$config" >"$gateway_log" 2>&1
    status=$?
    cat "$gateway_log"
    [ $status != 0 ] && [ $status -lt 124 ] && tail -n 1 "$gateway_log" | grep -qiE "$pattern"
}

group="addresses: [$gateway_ip4]"
gateway_config "ports: [{driver: af_xdp, interface: nowhere0, $group}]"
check 'an interface that does not exist is named' refuses 'nowhere0'
gateway_config "ports: [{driver: dpdk, devices: [\"0000:ff:1f.7\"], $group}]"
check 'a PCI device that does not exist is named' refuses '0000:ff:1f.7'
gateway_config "certificates: [{certificate: $work/none.crt, key: $pki/server.key}]"
check 'a certificate that does not exist is named with its line' refuses "^$config:[0-9]+: .*none.crt"
gateway_config "certificates: [{certificate: $pki/server.crt, key: $pki/client.key}]"
check 'a key that is not the certificate'"'"'s is named with its line' refuses "^$config:[0-9]+: .*client.key"
gateway_config "control_socket: $work/no/such/folder/control.sock"
check 'a socket in a folder that does not exist is named' refuses 'no/such/folder'
gateway_config
chmod -R a+rX "$work"
check 'without privileges it says which it needs' refuses 'root|privilege|capabilit|permission' \
    setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all
gateway_start || exit
second() {
    local first_config=$config
    config=$work/second.yaml
    sed "s,interface: sl0,interface: lo," "$first_config" >"$config"
    refuses 'control.sock|consumers.sock|already|in use'
    local status=$?
    config=$first_config
    return $status
}
check 'a second gateway on the same sockets is refused' second
check 'and the first one has not noticed' gateway_ready

# With sockets of its own it would share nothing but the interface, and take the first one's XDP program away.
second_config() { # DRIVER
    config=$work/second.yaml
    control=$work/control2.sock
    sed "s,driver: af_xdp,driver: $1,; s,$work/\(control\|consumers\),&2," "$work/sluice.yaml" >"$config"
}
in_use='interface sl0 is in use by another gateway or sluice-load; end that one'
consumer_start echo "$sluice_echo" -s "$consumers" echo
for driver in af_xdp af_packet auto; do
    second_config $driver
    check "a second gateway on the same interface is refused, with driver $driver" refuses "$in_use"
    check 'before it has tried anything' eval "! grep -iE 'xsk|af_packet' '$work/refused.log'"
done
gateway_log=$work/gateway.log
config=$work/sluice.yaml control=$work/control.sock
check 'the first one answers ping as before' on_peer ping -c 3 -i 0.2 -W 2 $gateway_ip4
check 'and serves' mbedtls cid=aabb messages=200 size=1-1350 window=8
consumer_stop echo
check 'it ends cleanly' gateway_stop
second_config auto
gateway_start || exit
check 'then the second one starts, on AF_XDP' grep -q 'ready: .*net_af_xdp' "$gateway_log"
check 'and ends cleanly' gateway_stop
gateway_config

# The kernel has addresses that are the gateway's, on whichever interface.
kernels() { # what the check says of them
    on_gateway "$sluice" check -c "$config" 2>&1 | grep 'the kernel has the address'
}
no_kernels() { # and the rest of it is sound
    local said
    said=$(on_gateway "$sluice" check -c "$config" 2>&1) && grep -q ': sound' <<<"$said" &&
        ! grep 'the kernel has the address' <<<"$said"
}
check 'of addresses that are the gateway'"'"'s alone nothing is said' no_kernels
on_gateway sysctl -qw net.ipv6.conf.lo.disable_ipv6=0
ip -n "$gateway_ns" addr add $gateway_ip4/24 dev sl0
ip -n "$gateway_ns" addr add $gateway_ip6/64 dev lo nodad
check 'the check says which the kernel has, too, with their line, and what to do' eval "kernels | grep -qE \
    '^$config:[0-9]+: the kernel has the address $gateway_ip4, too, on sl0, .*: ip address del $gateway_ip4/24 dev sl0$'"
check 'on any interface' eval "kernels | grep -qE 'the address $gateway_ip6, too, on lo, .*: ip address del $gateway_ip6/64 dev lo$'"
gateway_start || exit
check 'the log warns of both' test "$(grep -c 'warning .*the kernel has the address' "$gateway_log")" = 2
check 'it ends cleanly' gateway_stop
kernels | sed 's/.*: ip /ip /' | while read -r command; do on_gateway $command; done
check 'what it says to do helps' no_kernels
ip -n "$gateway_ns" addr add $gateway_ip4/24 dev sl0
on_device() { # DEVICE COMMAND..: with that as the port
    gateway_config "ports: [{driver: dpdk, devices: [\"$1\"], $group}]"
    grep -qF "$1" "$config" && "${@:2}"
}
for device in net_null0 net_memif0 net_pcap0,rx_pcap=in.pcap,tx_pcap=out.pcap; do
    check "of $device, which the kernel does not see, nothing is said" on_device "$device" no_kernels
done
for device in {net,eth}_af_packet0,iface=sl0 net_af_xdp0,iface=sl0 {net,eth}_pcap0,iface=sl0 \
    net_pcap0,rx_iface=sl0,tx_iface=sl0 net_pcap0,rx_iface_in=sl0,tx_pcap=out.pcap {net,eth}_tap0,iface=sl1 net_tun0; do
    check "of $device, which it does, it is said" on_device "$device" kernels
done
ip -n "$gateway_ns" addr del $gateway_ip4/24 dev sl0
gateway_config

# Huge pages: none to be had.
gateway_launch "${no_hugepages[@]}"
check 'without huge pages it starts' wait_for 20 gateway_ready
check 'and says so, and how many pages of 2 MiB it wants' grep -q 'huge pages: .* 128 MiB .*nr_hugepages=64`' "$gateway_log"
consumer_start echo "$sluice_echo" -s "$consumers" echo
check 'and serves' mbedtls cid=aabb messages=200 size=1-1350 window=8
check 'and ends cleanly' gateway_stop
consumer_stop echo

# One core for everything: said, with what helps, and it works.
one=$(taskset -cp $$ | grep -oE '[0-9]+' | tail -n 1)
gateway_config 'idle: spin'
gateway_launch taskset -c "$one"
check 'on one core two workers start' wait_for 40 gateway_ready
check 'and it says what helps' grep -q 'cores: 1 for 2 workers.*idle: yield' "$gateway_log"
check 'and ends, spinning, with status 0' gateway_stop
gateway_config
gateway_launch taskset -c "$one"
check 'yielding, they start' wait_for 20 gateway_ready
consumer_start echo1 "$sluice_echo" -s "$consumers" echo
check 'and serve' mbedtls cid=aabb messages=200 size=1-1350 window=8
check 'and end cleanly' gateway_stop

# AF_XDP can't be had (a program of somebody else's sits on the interface): af_packet takes over.
gateway_config "ports: [{driver: auto, interface: sl0, $group}]" 'workers: 1'
no_xdp=(setpriv "--bounding-set=-bpf,-sys_admin,-perfmon" "--inh-caps=-bpf,-sys_admin,-perfmon")
gateway_launch "${no_xdp[@]}"
check 'where AF_XDP is not allowed it starts on AF_PACKET' wait_for 20 gateway_ready
check 'and says so' grep -qi 'af_packet' "$gateway_log"
consumer_start echo "$sluice_echo" -s "$consumers" echo
check 'and serves there' mbedtls cid=aabb messages=200 size=1-1350 window=8
check 'and ends cleanly there' gateway_stop
