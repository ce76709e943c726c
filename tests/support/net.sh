# shellcheck shell=bash
# net.sh: two network namespaces and the wire between them; source it after tap.sh.
#
#   namespace $gateway_ns                              namespace $peer_ns
#   +----------------------------------+               +----------------------------------+
#   | sluice, on AF_XDP                |               | test clients, on the kernel      |
#   |   198.18.0.1   2001:db8::1       |     veth      |   198.18.0.2/24  2001:db8::2/64  |
#   |   (its own: the kernel has none) |  two queues   |                                  |
#   |                      sl0 --------+---------------+-------- sl1                      |
#   +----------------------------------+               +----------------------------------+
#
# Nothing of this is reachable from outside, and nothing can leave. The names carry the process id,
# so that tests may run side by side.
#
#   net_up [QUEUES]     makes it; taken down at the script's end
#   on_gateway CMD..    on_peer CMD..
gateway_ns=sluice-gw-$$
peer_ns=sluice-peer-$$
gateway_ip4=198.18.0.1 gateway_ip6=2001:db8::1
peer_ip4=198.18.0.2 peer_ip6=2001:db8::2

on_gateway() { ip netns exec "$gateway_ns" "$@"; }
on_peer() { ip netns exec "$peer_ns" "$@"; }

net_down() {
    local ns pids
    for ns in "$gateway_ns" "$peer_ns"; do
        pids=$(ip netns pids "$ns" 2>/dev/null) && [ -n "$pids" ] && kill -9 $pids
        rm -f "/run/sluice-interface-$(stat -c %i "/run/netns/$ns")"-*.lock # nobody has them any more
        ip netns del "$ns"
    done 2>/dev/null
    return 0
}

net_up() {
    local queues=${1:-2} ns
    at_exit net_down
    for ns in "$gateway_ns" "$peer_ns"; do
        ip netns add "$ns" || return 1
        ip -n "$ns" link set lo up
    done
    # The kernel's own neighbour and router chatter would be counted as the peer's packets.
    on_gateway sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    on_peer sysctl -qw net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.default.router_solicitations=0
    ip link add sl0 netns "$gateway_ns" numrxqueues "$queues" numtxqueues "$queues" type veth \
        peer name sl1 netns "$peer_ns" numrxqueues "$queues" numtxqueues "$queues" || return 1
    # veth hands over packets whose UDP checksum nobody has finished; this makes the kernel do it.
    on_peer ethtool -K sl1 tx off >/dev/null
    ip -n "$peer_ns" addr add "$peer_ip4/24" dev sl1
    ip -n "$peer_ns" addr add "$peer_ip6/64" dev sl1 nodad
    ip -n "$gateway_ns" link set sl0 up
    ip -n "$peer_ns" link set sl1 up
}
