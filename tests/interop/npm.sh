#!/usr/bin/env bash
# DTLS of Node.js against the gateway: node-dtls-client, @nodertc/dtls, werift-dtls; the last as the server of `connect`
# entries, too. Under SLUICE_DEEP only: they come from npm's registry.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
. "$support/upstream.sh"
if ! output=$("$support/deep_peer.sh" "$build" npm); then
    skip 'npm' "$output"
    exit
fi
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

key=00112233445566778899aabbccddeeff
printf '%s\n' "anna:$key" >"$work/psk"
chmod 600 "$work/psk"
# What comes from a registry runs as nobody, and so has to be where he can read it.
cp -r "$support/npm/peer.mjs" "$peers/npm/node_modules" "$work"
chmod a+x "$work"
chmod -R a+rX "$work/node_modules" "$work/peer.mjs" "$pki"
node_peer=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all
    env HOME=/nonexistent node "$work/peer.mjs" "$work/node_modules")
client() { # STACK OPTION=VALUE..
    local stack=$1
    shift
    on_peer timeout 60 "${node_peer[@]}" "$stack" host=$gateway_ip4 port=$port "$@"
}

gateway_config "listeners: [{port: 4433, service: echo}, {port: 4434, service: small}, {port: 4435, service: known}]" \
    "certificates: [{certificate: $pki/server.crt, key: $pki/server.key}, {certificate: $pki/server-rsa.crt, key: $pki/server-rsa.key}]" \
    "services:
  - name: small
    trust: {psk_file: $work/psk, plain_psk: true}
  - name: known
    trust: {ca_file: $pki/ca.crt}"
gateway_start || exit
for service in echo small known; do
    consumer_start $service "$sluice_echo" -s "$consumers" $service
done
for suite in AES_128_CCM_8 AES_256_CCM_8 AES_128_GCM_SHA256 AES_256_GCM_SHA384; do
    check "node-dtls-client with a pre-shared key and $suite" client node-dtls-client port=4434 psk=anna:$key suite=TLS_PSK_WITH_$suite
done
check 'with its own suites' client node-dtls-client port=4434 psk=anna:$key
check 'over IPv6' client node-dtls-client port=4434 psk=anna:$key host=$gateway_ip6
# It never repeats a message, and who has another key is told after the second time.
check 'with another key it has no session' refused 'handshake timed out' client node-dtls-client port=4434 psk=anna:11
for suite in PSK_WITH_AES_128_GCM_SHA256 PSK_WITH_AES_256_GCM_SHA384 PSK_WITH_CHACHA20_POLY1305_SHA256 \
    ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256; do
    check "@nodertc/dtls under $suite" client nodertc port=4434 psk=anna:$key suite=TLS_$suite
done
# It names no signature algorithm, and so asks for SHA-1 (RFC 5246 7.4.1.4.1), which is not to be had.
check 'with certificates @nodertc/dtls is refused' refused 'alert code 40' client nodertc
check 'werift-dtls is echoed' client werift
check 'with a certificate' client werift port=4435 cert="$pki/client.crt" key="$pki/client.key"
check 'the first datagrams of its handshake may be lost' lossy 3 client werift messages=3
check 'with certificates on both sides, too' lossy 3 client werift messages=3 port=4435 cert="$pki/client.crt" key="$pki/client.key"
check_equation
check 'the gateway ends cleanly' gateway_stop

werift_serves() { # [SERVER-OPTION ENTRY-FIELDS]: it leaves the end to the gateway
    ip netns exec "$peer_ns" "${node_peer[@]}" werift role=server host="$peer_ip4" port=$port cert="$pki/server.crt" \
        key="$pki/server.key" "${1:-asks=off}" >"$work/server.out" 2>&1 &
    local server_pid=$! status=0
    at_exit gateway_kill $server_pid
    gateway_config "connect: [{name: upstream, address: \"$peer_ip4:$port\", service: relay, retry_max_s: 1, \
        $by_ca${2:-}}]"
    gateway_start || return
    consumer_start says "$sluice_cat" -s "$consumers" --greet 'hello werift' relay >&2 || return
    wait_for 20 grep -q '^data .*hello werift' "$work/says.out" || status=1
    consumer_stop says
    gateway_stop || status=1
    wait_for 10 grep -q '^CLOSED' "$work/server.out" || status=1
    cat "$work/server.out" "$work/says.out"
    return $status
}
check 'a server: up, echoed, told of the end' werift_serves
shown=$(openssl x509 -in "$pki/client.crt" -outform DER | sha256sum | cut -d ' ' -f 1)
check 'which has seen no certificate' eval '! grep -q ^CERTIFICATE "$work/server.out"'
check 'one that asks for a certificate' werift_serves asks=on ", certificate: $pki/client.crt, key: $pki/client.key"
check 'is shown it' grep -qx "CERTIFICATE $shown" "$work/server.out"
