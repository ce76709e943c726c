#!/usr/bin/env bash
# `gnutls-cli --udp` against the gateway.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

only=NONE:+VERS-DTLS1.2:+MAC-ALL:+SIGN-ALL:+COMP-NULL:+GROUP-ALL
gateway_config "certificates: [{certificate: $pki/server.crt, key: $pki/server.key},
    {certificate: $pki/server-rsa.crt, key: $pki/server-rsa.key}]"
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo

check 'gnutls-cli gets its line back with its defaults' gnutls 'line by default'
for kind in ECDSA RSA; do
    for cipher in AES-128-GCM AES-256-GCM CHACHA20-POLY1305; do
        check "gnutls-cli gets its line back under ECDHE-$kind, $cipher" \
            gnutls "line-$kind-$cipher" --priority "$only:+ECDHE-$kind:+$cipher"
    done
done
gnutls_to=$gateway_ip6
check 'gnutls-cli gets its line back over IPv6' gnutls 'line over IPv6'
unset gnutls_to
resumed_line() { gnutls 'line of a resumed session' --resume && grep -q 'This is a resumed session' "$work/gnutls.out"; }
check 'gnutls-cli resumes its session and gets its line back' resumed_line
check 'which was counted' wait_counter 10 .handshake.resumed '== 1'
gnutls_other_ca() { gnutls x --x509cafile "$pki/other-ca.crt"; }
check 'a server certificate that the client does not trust ends the handshake' refused \
    'verification of server certificate failed' gnutls_other_ca
check 'datagrams of 300 bytes will do for the handshake' gnutls 'line in small pieces' --mtu 300
no_session 'close_notify of the clients has ended their sessions'
check_equation
check 'the gateway ends cleanly' gateway_stop
consumer_stop echo

gateway_config "client_ca: $pki/ca.crt"
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo
check 'with client_ca, a client with a certificate gets its line back' gnutls 'line of a known client' \
    --x509certfile "$pki/client.crt" --x509keyfile "$pki/client.key"
check 'a client without a certificate is refused' refused "$no_certificate" gnutls x
check 'a client whose certificate another authority signed is refused' refused "$unknown_ca" gnutls x \
    --x509certfile "$pki/other.crt" --x509keyfile "$pki/other.key"
check_equation
