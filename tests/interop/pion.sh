#!/usr/bin/env bash
# pion's clients against the gateway, and its servers as those of `connect` entries: certificates, pre-shared keys, and
# each datagram of a handshake lost in turn. Under SLUICE_DEEP only: Go takes 400 MB.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
. "$support/upstream.sh"
if ! output=$("$support/deep_peer.sh" "$build" pion); then
    skip 'pion' "$output"
    exit
fi
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

# pion verifies an RSA key's signature only under a certificate that an RSA key has signed.
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$pki/rsa.key" -out "$pki/rsa.crt" -subj /CN=localhost -days 2 \
    -addext subjectAltName=DNS:localhost 2>/dev/null
key=00112233445566778899aabbccddeeff
printf '%s\n' "anna:$key" >"$work/psk"
printf '%s\n' "gateway:$key" >"$work/psk.own"
chmod 600 "$work/psk" "$work/psk.own"

pion() { on_peer timeout 60 "$peers/pion_peer" host=$gateway_ip4 port=$port "$@"; } # OPTION=VALUE..
pion_ca() { pion ca="$pki/ca.crt" "$@"; }

gateway_config "listeners: [{port: 4433, service: echo}, {port: 4434, service: known}, {port: 4435, service: small}]" \
    "certificates: [{certificate: $pki/server.crt, key: $pki/server.key}, {certificate: $pki/rsa.crt, key: $pki/rsa.key}]" \
    "services:
  - name: known
    trust: {ca_file: $pki/ca.crt}
  - name: small
    trust: {ca_file: $pki/ca.crt, psk_file: $work/psk, plain_psk: true}"
gateway_start || exit
for service in echo known small; do
    consumer_start $service "$sluice_echo" -s "$consumers" $service
done
check 'a client that names the server is echoed' pion_ca
check 'over IPv6' pion_ca host=$gateway_ip6
check 'without extended master secret' pion_ca ems=off
for suite in AES_128_GCM_SHA256 AES_256_GCM_SHA384; do
    check "under ECDHE_ECDSA, $suite" pion_ca suite=TLS_ECDHE_ECDSA_WITH_$suite
    check "under ECDHE_RSA, $suite" pion ca="$pki/rsa.crt" suite=TLS_ECDHE_RSA_WITH_$suite
done
known=(cert="$pki/client.crt" key="$pki/client.key")
check 'with a certificate' pion_ca port=4434 "${known[@]}"
check 'in pieces of 100 bytes' pion_ca port=4434 mtu=100 "${known[@]}"
for suite in AES_128_CCM AES_128_CCM_8; do
    check "with a certificate, under $suite" pion_ca port=4435 "${known[@]}" suite=TLS_ECDHE_ECDSA_WITH_$suite
done
check 'a client without a certificate is refused' refused 'Alert Fatal: HandshakeFailure' pion_ca port=4434
check 'and one that another authority signed' refused 'Alert Fatal' pion_ca port=4434 cert="$pki/other.crt" key="$pki/other.key"
check 'a server that the client does not trust' refused 'unknown authority' pion ca="$pki/other-ca.crt"
for suite in AES_128_CCM AES_128_CCM_8 AES_256_CCM_8 AES_128_GCM_SHA256; do
    check "a pre-shared key, under $suite" pion port=4435 psk=anna:$key suite=TLS_PSK_WITH_$suite
done
check 'another key is refused' refused 'Alert Fatal: DecryptError' pion port=4435 psk=anna:11 suite=TLS_PSK_WITH_AES_128_CCM_8
check 'any datagram of a handshake may be lost' lossy 8 pion_ca messages=3
check 'with certificates on both sides, too' lossy 8 pion_ca messages=3 port=4434 "${known[@]}"
repeated() { # datagram 3 is our Finished, and 4 the first answer to the repeated one
    local before
    before=$(counter .handshake.last_flight_repeated)
    pion_ca messages=3 miss=3,4 && counter_is .handshake.last_flight_repeated "> $before"
}
check 'a client that repeats its last flight gets ours once more' repeated
check_equation
check 'the gateway ends cleanly' gateway_stop

server=("$peers/pion_peer" role=server)
own=(cert="$pki/server.crt" key="$pki/server.key")
check 'a server: up, echoed, closed' serves "$by_ca" "${server[@]}" "${own[@]}"
check 'certificates on both sides' serves "$by_ca, certificate: $pki/client.crt, key: $pki/client.key" \
    "${server[@]}" "${own[@]}" ca="$pki/ca.crt"
check 'a pre-shared key' serves "psk_file: $work/psk.own, plain_psk: true" \
    "${server[@]}" psk=gateway:$key suite=TLS_PSK_WITH_AES_128_CCM_8
