# shellcheck shell=bash
# scene.sh: what the demo plays on; run.sh sources it. $scene is its folder, $build the programs'.
#
#   namespace $gateway_ns                           namespace $client_ns
#   +------------------------------------+          +-----------------------------+
#   | sluice-echo <= rings => sluice     |   veth   | Mbed TLS, s_client, load    |
#   |                198.18.0.1   sl0 ---+----------+--- sl1   198.18.0.2         |
#   |                2001:db8::1         |          |          2001:db8::2        |
#   +------------------------------------+          +-----------------------------+
# Every process of the scene runs in one of the two, so that all of them are found at its end.
gateway_ns=sluice-demo-gw-$$
client_ns=sluice-demo-client-$$
scene_ip4=198.18.0.1

on_gateway() { ip netns exec "$gateway_ns" "$@"; }
on_client() { ip netns exec "$client_ns" "$@"; }

# until_true TENTHS COMMAND..
until_true() {
    local left=$1
    shift
    until "$@" >/dev/null 2>&1; do
        [ $((left -= 1)) -gt 0 ] || return 1
        sleep 0.1
    done
}

# attend COMMAND..: as a job with a process group of its own. A signal to this script is not kept
# waiting until the command ends, and scene_clear ends the command with all its children.
attend() {
    local status
    set -m
    "$@" </dev/null &
    set +m
    wait $!
    status=$?
    return $status
}

scene_pids() { ip netns pids "$gateway_ns"; ip netns pids "$client_ns"; }
scene_is_empty() { [ -z "$(scene_pids; jobs -rp)" ]; }
scene_signal() { # SIGNAL, to the jobs of `attend` and to all in the namespaces
    local job
    for job in $(jobs -rp); do kill -s "$1" -- "-$job" || kill -s "$1" "$job"; done
    kill -s "$1" $(scene_pids)
}

scene_clear() {
    [ "$BASHPID" = $$ ] || return # a child between fork and exec still has our traps
    trap '' INT TERM HUP
    {
        scene_signal TERM
        until_true 50 scene_is_empty || scene_signal KILL
        wait
        ip netns del "$gateway_ns"
        ip netns del "$client_ns"
    } >/dev/null 2>&1
    rm -rf "$scene"
    hugepages_restore
}

scene_build() {
    ip netns add "$gateway_ns" && ip netns add "$client_ns" || return 1
    on_gateway sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    ip link add sl0 netns "$gateway_ns" numrxqueues 2 numtxqueues 2 type veth \
        peer name sl1 netns "$client_ns" numrxqueues 2 numtxqueues 2 || return 1
    # veth hands over packets whose UDP checksum nobody has finished; this makes the kernel do it.
    on_client ethtool -K sl1 tx off >/dev/null || return 1
    ip -n "$client_ns" addr add 198.18.0.2/24 dev sl1 &&
        ip -n "$client_ns" addr add 2001:db8::2/64 dev sl1 nodad &&
        ip -n "$gateway_ns" link set lo up && ip -n "$client_ns" link set lo up &&
        ip -n "$gateway_ns" link set sl0 up && ip -n "$client_ns" link set sl1 up
}

gateway_answers() { "$build/app/ctl/sluice-ctl" -s "$scene/control.sock" stats; }
consumer_registered() { "$build/app/ctl/sluice-ctl" -s "$scene/control.sock" consumers | grep -q echo; }
is_gone() { ! kill -0 "$1"; }

scene_start() {
    cd "$scene" || return 1
    cp "$root/drivers-config/sluice-demo.yaml" .
    setsid ip netns exec "$gateway_ns" "$build/app/gateway/sluice" run -c sluice-demo.yaml \
        >gateway.log 2>&1 &
    gateway_pid=$!
    until_true 200 eval "gateway_answers || is_gone $gateway_pid"
    gateway_answers >/dev/null 2>&1 || return 1
    setsid ip netns exec "$gateway_ns" "$build/app/echo/sluice-echo" -s consumers.sock echo \
        >consumer.log 2>&1 &
    until_true 100 consumer_registered
}

# scene_say LINE OUTPUT: openssl s_client sends a line once it is in, and waits for it to come back.
scene_say() {
    local line=$1 output=$2 client status=1
    mkfifo "$scene/input"
    on_client timeout 20 openssl s_client -dtls1_2 -connect $scene_ip4:4433 -CAfile "$scene/pki/ca.crt" \
        -verify_return_error -verify_hostname localhost <"$scene/input" >"$output" 2>&1 &
    client=$!
    exec 8<>"$scene/input" # both ways: a client that is gone must not end us
    if until_true 100 grep -q 'Verify return code: 0' "$output"; then
        echo "$line" >&8
        until_true 50 grep -qxF "$line" "$output" && status=0
    fi
    exec 8>&-
    wait "$client"
    rm -f "$scene/input"
    return $status
}

scene_stop() {
    kill -TERM "$gateway_pid" && until_true 100 is_gone "$gateway_pid" && wait "$gateway_pid"
}

# What `--keep` says. The script that ends the scene does what scene_clear does here.
scene_describe() {
    local ctl=$build/app/ctl/sluice-ctl
    cat >"$scene/stop.sh" <<END
#!/usr/bin/env bash
# Ends the demo that was left running, and takes away what it made.
. "$root/drivers-config/host/hugepages.sh"
. "$root/app/demo/scene.sh"
gateway_ns=$gateway_ns client_ns=$client_ns scene=$scene
hugepages_raise 0 # none: but it was raised, and is put back
scene_clear
echo 'The demo has ended.'
END
    chmod +x "$scene/stop.sh"
    cat <<END

Play with it:
  say something    ip netns exec $client_ns openssl s_client -dtls1_2 \\
                       -connect $scene_ip4:4433 -CAfile $scene/pki/ca.crt
  with a CID       ip netns exec $client_ns $build/peers/mbedtls_client \\
                       host=$scene_ip4 port=4433 ca=$scene/pki/ca.crt cid=c0ffee messages=10
  load it          ip netns exec $client_ns $build/app/load/sluice-load --insecure \\
                       --clients 100 --rate 5k --duration 10s --plot load.png $scene_ip4:4433
  ping it          ip netns exec $client_ns ping $scene_ip4
  counters         $ctl -s $scene/control.sock stats
  a consumer more  $build/app/cat/sluice-cat -s $scene/consumers.sock --json echo
  its log          tail -f $scene/gateway.log
Stop it:
  $scene/stop.sh
END
}
