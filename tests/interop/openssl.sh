#!/usr/bin/env bash
# `openssl s_client` against the gateway: certificates, suites, fragments, refusals.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

suite_negotiated() { grep -qE "Cipher *: $1\$|Cipher is $1\$" "$work/s_client.out"; }
check_suite() { # SUITE
    check "s_client gets its line back under $1" s_client "line-$1" -cipher "$1" &&
        check "and $1 it was" suite_negotiated "$1"
}

both="[{certificate: $pki/server.crt, key: $pki/server.key},
    {certificate: $pki/server-rsa.crt, key: $pki/server-rsa.key}]"
gateway_config "certificates: $both
legacy_cbc: true"
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo

for kind in ECDSA RSA; do
    for cipher in AES128-GCM-SHA256 AES256-GCM-SHA384 CHACHA20-POLY1305; do
        check_suite ECDHE-$kind-$cipher
    done
done
check 'the extended master secret was negotiated' grep -q 'Extended master secret: yes' "$work/s_client.out"
for cipher in AES128-SHA AES256-SHA; do
    check_suite ECDHE-ECDSA-$cipher
done
check 'their messages have gone through libssl' wait_counter 10 .total.events.legacy_delivered '>= 2'
check 'without encrypt-then-MAC they are refused' refused 'alert handshake failure' s_client x \
    -cipher ECDHE-ECDSA-AES128-SHA -no_etm
check 'each ClientHello was first answered with a cookie' wait_counter 10 .total.events.hello_verify '>= 6'
s_client_to="[$gateway_ip6]:$port"
check 's_client gets its line back over IPv6' s_client 'line over IPv6'
unset s_client_to

# 1,500 bytes of protocol names: the ClientHello can't go in one datagram of 1,400.
names=$(for i in 1 2 3 4 5 6; do printf "$i%.0s" {1..250}; printf ,; done)
check 'a ClientHello in two fragments is answered' s_client 'line after two fragments' \
    -mtu 1400 -alpn "${names%,}" -msg
first_flight() { sed '/^<<</q' "$work/s_client.out" | grep -ac '^>>> .*content_type=256'; } # record headers
check 'which were two' test "$(first_flight)" = 2
check 'a server certificate that the client does not trust ends the handshake' refused \
    'certificate verify failed' s_client x -CAfile "$pki/other-ca.crt"
check 'a handshake in datagrams of 256 bytes succeeds' s_client 'line in small pieces' -mtu 256

check 'TLS 1.2 suites with CBC are refused' refused 'alert handshake failure' s_client x -cipher ECDHE-ECDSA-AES128-SHA256
s_client_reused() { grep -q '^Reused, ' "$work/s_client.out"; }
check 's_client gets a ticket' s_client 'line before' -sess_out "$work/ticket"
check 'for as long as is configured' grep -q 'lifetime hint: 7200 ' "$work/s_client.out"
check 'and comes back with it' s_client 'line after' -sess_in "$work/ticket"
check 'its session resumed' s_client_reused
check 'in pieces, too' s_client 'line after in pieces' -sess_in "$work/ticket" -mtu 256
check 'its session resumed' s_client_reused
check 'both counted' wait_counter 10 .handshake.resumed '== 2'

check 'suites without forward secrecy are refused' refused 'alert handshake failure' s_client x -cipher AES128-GCM-SHA256
check 'DTLS 1.0 is refused' refused 'alert protocol version' on_peer timeout 8 openssl s_client -dtls1 \
    -cipher ALL@SECLEVEL=0 -connect $gateway_ip4:$port -CAfile "$pki/ca.crt"
check 'a client that asks for renegotiation is told no' refused 'no renegotiation' s_client R
check 'and where libssl keeps the session' refused 'no renegotiation' s_client R -cipher ECDHE-ECDSA-AES128-SHA
no_session 'close_notify of the clients has ended their sessions'
check_equation
check 'the gateway ends cleanly' gateway_stop
consumer_stop echo

gateway_config "client_ca: $pki/ca.crt"
gateway_start || exit
consumer_start cat "$sluice_cat" -s "$consumers" --json echo
check 'with client_ca, a client with a certificate gets in' \
    openssl_echo messages=0 cert="$pki/client.crt" key="$pki/client.key"
key_sha256=$(openssl pkey -in "$pki/client.key" -pubout -outform DER | sha256sum)
# known COUNT: so many sessions were that client's.
known() {
    jq -se --arg key "${key_sha256%% *}" --argjson count "$1" '[.[] | select(.event == "open") | .peer] | length == $count
        and all(.method == "certificate" and .public_key_sha256 == $key and .subject == "CN=client-1")' "$work/cat.out"
}
check 'and the consumer hears who it is' wait_for 10 known 1
by_ticket() { openssl_echo messages=0 cert="$pki/client.crt" key="$pki/client.key" session="$work/known" | tee "$work/by_ticket.out"; }
check 'it gets a ticket' by_ticket
check 'and comes back without a signature' by_ticket
check 'its session resumed' grep -q ', resumed' "$work/by_ticket.out"
check 'and the consumer hears each time who it is' wait_for 10 known 3
consumer_stop cat
consumer_start echo "$sluice_echo" -s "$consumers" echo
check 'and s_client with one has its line echoed' s_client 'line of a known client' \
    -cert "$pki/client.crt" -key "$pki/client.key"
check 'without legacy_cbc its suites are refused' refused 'alert handshake failure' s_client x \
    -cipher ECDHE-ECDSA-AES128-SHA -cert "$pki/client.crt" -key "$pki/client.key"
check 'a client without a certificate is refused' refused "$no_certificate" s_client x
check 'a client whose certificate another authority signed is refused' refused "$unknown_ca" s_client x \
    -cert "$pki/other.crt" -key "$pki/other.key"
no_session 'no session is left of them'
check_equation
check 'the gateway ends cleanly once more' gateway_stop
