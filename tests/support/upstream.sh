# shellcheck shell=bash
# upstream.sh: what scripts of other people's DTLS have in common; source it after clients.sh.
#
#   serves FIELDS COMMAND..   COMMAND is a server that echoes one message and closes; it is run in the peer's namespace
#                             with host=.. port=.. messages=1. Succeeds when the gateway has a session with it by an
#                             entry of `connect` with FIELDS, its consumer's message comes back, and both the server's
#                             close and the gateway's end are good
#   lossy COUNT CLIENT..      twice COUNT clients at once, with lose=N or miss=N, 1 to COUNT: each loses another
#                             datagram, one way or the other. Succeeds when all of them do
#   $by_ca                    FIELDS for a server with pki.sh's certificate
by_ca="trust: {ca_file: $pki/ca.crt}, server_name: localhost"

serves() {
    local fields=$1 server_pid status=0
    shift
    ip netns exec "$peer_ns" "$@" host="$peer_ip4" port=$port messages=1 >"$work/server.out" 2>&1 &
    server_pid=$!
    at_exit gateway_kill $server_pid
    gateway_config "connect: [{name: upstream, address: \"$peer_ip4:$port\", service: relay, retry_max_s: 1, $fields}]"
    gateway_start || return
    consumer_start says "$sluice_cat" -s "$consumers" --greet 'hello upstream' relay >&2 || return
    wait_for 20 grep -q '^data .*hello upstream' "$work/says.out" &&
        wait_for 10 grep -q '^close .*the peer closed' "$work/says.out" || status=1
    cat "$work/server.out" "$work/says.out"
    gateway_kill $server_pid
    consumer_stop says
    gateway_stop || status=1
    return $status
}

lossy() {
    local count=$1 number which one clients=() status=0
    shift
    for ((number = 1; number <= count; number++)); do
        for which in lose miss; do
            "$@" $which=$number &
            clients+=($!)
        done
    done
    for one in "${clients[@]}"; do
        wait "$one" || status=1
    done
    return $status
}
