#!/usr/bin/env bash
# wolfSSL's clients against the gateway, and its servers as those of `connect` entries: certificates, long ones too,
# tickets, pre-shared keys.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
. "$support/upstream.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

# Certificates of 5 KB, several datagrams each.
long() { # NAME
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$pki/$1.key" -subj "/CN=$1" -out "$pki/$1.csr" &&
        openssl x509 -req -in "$pki/$1.csr" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -days 30 -out "$pki/$1.crt" -set_serial "0x$(openssl rand -hex 8)" \
            -extfile <(printf 'basicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost%s' "$(printf ',DNS:name-%s.example.net' {1..150})")
}
check 'long certificates' eval 'long long-server && long long-client'

key=00112233445566778899aabbccddeeff
printf '%s\n' "anna:$key" >"$work/psk"
printf '%s\n' "gateway:$key" >"$work/psk.own"
chmod 600 "$work/psk" "$work/psk.own"

wolf() { # OPTION=VALUE..
    on_peer timeout 60 "$peers/wolfssl_client" host=$gateway_ip4 port=$port ca="$pki/ca.crt" messages=20 size=1-1350 "$@"
}
said() { # PATTERN OPTION..: the client succeeds and says so
    local output
    output=$(wolf "${@:2}") && grep -qE -- "$1" <<<"$output" || ! echo "$output"
}

gateway_config "listeners: [{port: 4433, service: echo}, {port: 4434, service: known}, {port: 4435, service: forward}, {port: 4436, service: small}]" \
    "certificates: [{certificate: $pki/server.crt, key: $pki/server.key}, {certificate: $pki/server-rsa.crt, key: $pki/server-rsa.key}]" \
    "services:
  - name: known
    trust: {ca_file: $pki/ca.crt}
  - name: forward
    trust: {psk_file: $work/psk}
  - name: small
    trust: {ca_file: $pki/ca.crt, psk_file: $work/psk, plain_psk: true}"
gateway_start || exit
for service in echo known forward small; do
    consumer_start $service "$sluice_echo" -s "$consumers" $service
done
for kind in ECDSA RSA; do
    for cipher in AES128-GCM-SHA256 AES256-GCM-SHA384 CHACHA20-POLY1305; do
        check "a client is echoed under ECDHE-$kind-$cipher" said "DTLSv1.2 ECDHE-$kind-$cipher," suite=ECDHE-$kind-$cipher
    done
done
check 'over IPv6' said 'ECHOED 20 of 20' host=$gateway_ip6
check 'a client gets a ticket' said 'no connection ID' session="$work/session"
check 'and comes back with it' said ', resumed, ' session="$work/session"
check 'a server that the client does not trust is refused' refused 'certificate verify failed' wolf ca="$pki/other-ca.crt"
known=(port=4434 cert="$pki/client.crt" key="$pki/client.key")
check 'a client with a certificate is echoed' said 'ECHOED 20 of 20' "${known[@]}" session="$work/known"
check 'and comes back without showing it' said ', resumed, ' "${known[@]}" session="$work/known"
check 'its certificate may fill several datagrams' said 'ECHOED 20 of 20' port=4434 cert="$pki/long-client.crt" key="$pki/long-client.key"
check 'one without is refused' refused 'received alert fatal' wolf port=4434
check 'so is one that another authority signed' refused 'received alert fatal' wolf port=4434 cert="$pki/other.crt" key="$pki/other.key"
# wolfSSL before 5.7 can't finish this one with X25519, which it offers all the same.
check 'a pre-shared key with forward secrecy' said ' ECDHE-PSK-CHACHA20-POLY1305,' port=4435 psk=anna:$key
check 'and without' said ' PSK-CHACHA20-POLY1305,' port=4436 psk=anna:$key suite=PSK-CHACHA20-POLY1305
check 'another key is refused' refused 'received alert fatal' wolf port=4435 psk=anna:11
for suite in AES128-CCM AES128-CCM-8 AES256-CCM-8; do
    check "a certificate with $suite" said " ECDHE-ECDSA-$suite," port=4436 cert="$pki/client.crt" key="$pki/client.key" suite=ECDHE-ECDSA-$suite
done
no_session 'close_notify of the clients has ended their sessions'
check_equation
check 'the gateway ends cleanly' gateway_stop
consumer_stop echo

gateway_config "certificates: [{certificate: $pki/long-server.crt, key: $pki/long-server.key}]"
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo
check "the gateway's certificate may fill several datagrams, too" said 'ECHOED 20 of 20'
check 'the gateway ends cleanly' gateway_stop

server=("$peers/wolfssl_server")
own=(cert="$pki/server.crt" key="$pki/server.key")
check 'a server: up, echoed, closed' serves "$by_ca" "${server[@]}" "${own[@]}"
check 'certificates of several datagrams on both sides' \
    serves "$by_ca, certificate: $pki/long-client.crt, key: $pki/long-client.key" \
    "${server[@]}" cert="$pki/long-server.crt" key="$pki/long-server.key" client_ca="$pki/ca.crt"
check 'a server with a pre-shared key' serves "psk_file: $work/psk.own" "${server[@]}" psk=gateway:$key
