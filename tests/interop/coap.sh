#!/usr/bin/env bash
# libcoap's clients and servers, on OpenSSL and on GnuTLS: CoAP (RFC 7252) over pre-shared keys and
# certificates, with datagrams lost, and as the servers of `connect` entries.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

hex() { printf %s "$1" | xxd -p; }
printf '%s\n' "anna:$(hex secret-of-anna)" >"$work/psk"
chmod 600 "$work/psk"

# What coap_consumer answers: who asked, for which path, and with which body.
coap() { # ANSWER ARG..: of coap-client-$tls
    local answer=$1 output
    shift
    output=$(on_peer timeout 30 "coap-client-$tls" -v 6 -B 20 "$@" 2>&1)
    grep -qF -- "$answer" <<<"$output" || ! echo "$output"
}
coap_psk() { coap "$1" -u anna -k secret-of-anna "${@:2}"; }
lossy() { # four clients at once; of each another datagram is lost
    local lost client clients=() status=0
    for lost in 1 2 3 4; do
        coap_psk 'psk anna /lost' -l $lost "$(at 5684)/lost" &
        clients+=($!)
    done
    for client in "${clients[@]}"; do
        wait "$client" || status=1
    done
    return $status
}
at() { printf 'coaps://%s:%s' "$gateway_ip4" "$1"; } # PORT

gateway_config "listeners: [{port: 5684, service: small}, {port: 5685, service: forward}, {port: 5686, service: mixed}]" \
    "services:
  - name: small
    trust: {psk_file: $work/psk, plain_psk: true}
  - name: forward
    trust: {psk_file: $work/psk}
  - name: mixed
    trust: {ca_file: $pki/ca.crt, anonymous: true}"
gateway_start || exit
for service in small forward mixed; do
    consumer_start $service "$peers/coap_consumer" "$consumers" $service
done
for tls in openssl gnutls; do
    check "$tls: a pre-shared key asks, and is answered" coap_psk 'psk anna /sensors/1' "$(at 5684)/sensors/1"
    check "$tls: over IPv6" coap_psk 'psk anna /6' "coaps://[$gateway_ip6]:5684/6"
    check "$tls: a body, without confirmation" coap_psk 'psk anna /led on' -N -m put -e on "$(at 5684)/led"
    check "$tls: with forward secrecy, where nothing else is taken" coap_psk 'psk anna /forward' "$(at 5685)/forward"
    check "$tls: another key hears decrypt error" coap 'ecrypt error' -u anna -k another "$(at 5684)/"
    check "$tls: no certificate, and the server's is verified" coap 'anonymous  /x' -C "$pki/ca.crt" "$(at 5686)/x"
    check "$tls: a certificate" coap 'certificate CN=client-1 /y' -C "$pki/ca.crt" -c "$pki/client.crt" -j "$pki/client.key" \
        "$(at 5686)/y"
    check "$tls: the first, second, third or fourth datagram of the client is lost" lossy
done
no_session 'close_notify of the clients has ended their sessions'
check_equation
check 'the gateway ends cleanly' gateway_stop

# The other way round: the gateway's consumer is the one that asks.
get_time=$'\x40\x01\x12\x34\xb4time' # confirmable, GET, a number, Uri-Path: time
content='E\x124'                     # its acknowledgement: 2.05, the same number
serves() { # TLS SERVER-ARGUMENTS ENTRY-FIELDS
    ip netns exec "$peer_ns" "coap-server-$1" -A "$peer_ip4" $2 >"$work/coap-server.out" 2>&1 &
    local server_pid=$!
    at_exit gateway_kill $server_pid
    gateway_config "connect: [{name: upstream, address: \"$peer_ip4:5684\", service: relay, retry_max_s: 1, $3}]"
    gateway_start || return
    consumer_start asks "$sluice_cat" -s "$consumers" --greet "$get_time" relay >&2 || return
    wait_for 20 grep -qF "$content" "$work/asks.out"
    local status=$?
    kill $server_pid && wait $server_pid
    wait_for 10 grep -q '^close .*the peer closed' "$work/asks.out" || status=1
    cat "$work/coap-server.out" "$work/asks.out"
    consumer_stop asks
    gateway_stop || status=1
    return $status
}
entry_ca="trust: {ca_file: $pki/ca.crt}, server_name: localhost"
for tls in openssl gnutls; do
    check "coap-server on $tls, with a pre-shared key and a hint, answers a consumer, and says goodbye" \
        serves $tls '-k secret-of-anna -h hint' "psk_file: $work/psk"
    check "likewise on $tls, with certificates on both sides" serves $tls "-c $pki/server.crt -j $pki/server.key -C $pki/ca.crt" \
        "$entry_ca, certificate: $pki/client.crt, key: $pki/client.key"
done
