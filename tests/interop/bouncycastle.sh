#!/usr/bin/env bash
# Bouncy Castle's clients (Java) against the gateway, and its servers as those of `connect` entries: certificates,
# pre-shared keys, datagrams lost. Under SLUICE_DEEP only: it takes a JDK.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
. "$support/upstream.sh"
if ! output=$("$support/deep_peer.sh" "$build" bouncycastle); then
    skip 'Bouncy Castle' "$output"
    exit
fi
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

key=00112233445566778899aabbccddeeff
printf '%s\n' "anna:$key" >"$work/psk"
printf '%s\n' "gateway:$key" >"$work/psk.own"
chmod 600 "$work/psk" "$work/psk.own"
java=(java -XX:TieredStopAtLevel=1 -cp "$peers/java:$(printf '/usr/share/java/%s.jar:' bctls bcprov bcutil)" BouncyPeer)
client() { on_peer timeout 60 "${java[@]}" host=$gateway_ip4 port=$port ca="$pki/ca.crt" "$@"; } # OPTION=VALUE..

gateway_config "listeners: [{port: 4433, service: echo}, {port: 4434, service: small}, {port: 4435, service: forward}, {port: 4436, service: known}]" \
    "certificates: [{certificate: $pki/server.crt, key: $pki/server.key}, {certificate: $pki/server-rsa.crt, key: $pki/server-rsa.key}]" \
    "services:
  - name: small
    trust: {ca_file: $pki/ca.crt, psk_file: $work/psk, plain_psk: true}
  - name: forward
    trust: {psk_file: $work/psk}
  - name: known
    trust: {ca_file: $pki/ca.crt}"
gateway_start || exit
for service in echo small forward known; do
    consumer_start $service "$sluice_echo" -s "$consumers" $service
done
check 'a client is echoed' client
check 'over IPv6' client host=$gateway_ip6
for suite in c02b c02c cca9 c02f c030 cca8; do
    check "under suite $suite" client suite=$suite
done
known=(cert="$pki/client.crt" key="$pki/client.key")
check 'with a certificate' client port=4436 "${known[@]}"
check 'without one it is refused' refused 'handshake_failure\(40\)' client port=4436
check 'and with one that another authority signed' refused 'unknown_ca\(48\)' client port=4436 cert="$pki/other.crt" key="$pki/other.key"
check 'a server that the client does not trust' refused 'unknown_ca\(48\)' client ca="$pki/other-ca.crt"
for suite in c0ac c0ae; do
    check "with a certificate, under CCM: suite $suite" client port=4434 "${known[@]}" suite=$suite
done
for suite in 00a8 00a9 c0a4 c0a5 c0a8 c0a9 ccab; do
    check "a pre-shared key, under suite $suite" client port=4434 psk=anna:$key suite=$suite
done
check 'with forward secrecy, of its own accord' client port=4435 psk=anna:$key
check 'another key is refused' refused 'decrypt_error\(51\)' client port=4434 psk=anna:11
check 'any datagram of a handshake may be lost' lossy 4 client messages=3
check 'with certificates on both sides, too' lossy 4 client messages=3 port=4436 "${known[@]}"
check_equation
check 'the gateway ends cleanly' gateway_stop

server=("${java[@]}" role=server)
own=(cert="$pki/server.crt" key="$pki/server.key" suite=c02b)
check 'a server: up, echoed, closed' serves "$by_ca" "${server[@]}" "${own[@]}"
check 'certificates on both sides' serves "$by_ca, certificate: $pki/client.crt, key: $pki/client.key" \
    "${server[@]}" "${own[@]}" ca="$pki/ca.crt"
check 'a pre-shared key and a hint, with forward secrecy' serves "psk_file: $work/psk.own" "${server[@]}" psk=gateway:$key
check 'and without' serves "psk_file: $work/psk.own, plain_psk: true" "${server[@]}" psk=gateway:$key suite=c0a8
