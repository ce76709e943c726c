#!/usr/bin/env bash
# Mbed TLS with connection IDs (RFC 9146) against the gateway.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

said() { # PATTERN OPTION..: the client succeeds and says so
    local pattern=$1
    shift
    mbedtls "$@" >"$work/mbedtls.out" 2>&1 && grep -qE "$pattern" "$work/mbedtls.out"
    local status=$?
    cat "$work/mbedtls.out"
    return $status
}

gateway_config "certificates: [{certificate: $pki/server.crt, key: $pki/server.key},
    {certificate: $pki/server-rsa.crt, key: $pki/server-rsa.key}]"
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo

for kind in ECDSA RSA; do
    for cipher in AES-128-GCM-SHA256 AES-256-GCM-SHA384 CHACHA20-POLY1305-SHA256; do
        check "a client with a connection ID is echoed under ECDHE-$kind, $cipher" \
            said "$kind-WITH-$cipher, server's connection ID [0-9a-f]{16}$" cid=aabbccdd \
            suite=TLS-ECDHE-$kind-WITH-$cipher messages=200 size=1-1350 window=8
    done
done
check 'over IPv6 too' said 'connection ID [0-9a-f]{16}$' host=$gateway_ip6 cid=aabb messages=50 size=1-1350
check 'a client that wants no connection ID itself uses ours' said 'connection ID [0-9a-f]{16}$' cid= messages=20
long=$(printf 'c5%.0s' {1..32})
check 'a connection ID of 32 bytes is honoured' said 'connection ID [0-9a-f]{16}$' cid="$long" messages=20 size=1-1350
check 'a client that offers none gets none' said 'no connection ID$' cid=off messages=20 size=1-1350
check 'datagrams of 300 bytes will do for the handshake' said 'ECHOED 20 of 20' cid=aabb mtu=300 messages=20
check 'a client that rebinds is answered at its new address' said '^REBOUND' cid=aabb messages=20 \
    size=100 rebind=10
check 'and the gateway counted a candidate' wait_counter 10 .total.events.move_candidates '== 1'
resumed() { wait_counter 10 .handshake.resumed "== $1"; }
check 'a client with a connection ID gets a ticket' said 'connection ID [0-9a-f]{16}$' cid=aabbcc messages=5 session="$work/ticket"
check 'comes back with it under another connection ID' said 'connection ID [0-9a-f]{16}$' cid=ddee messages=200 \
    size=1-1350 window=8 session="$work/ticket"
check 'and has resumed its session' resumed 1
check 'without one, and in small pieces' said 'no connection ID$' cid=off mtu=300 messages=20 session="$work/ticket"
check 'it does so once more' resumed 2
no_session 'close_notify of the clients has ended their sessions'

check 'a client that leaves without a word keeps its session' mbedtls cid=aabb messages=2 \
    local_port=5555 close=silent
check 'which is still there' wait_counter 10 .total.sessions '== 1'
check 'the same address may begin anew' mbedtls cid=off messages=2 local_port=5556 close=silent
check 'a client that restarted on its old port gets in again' mbedtls cid=off messages=2 \
    local_port=5556 close=notify
check 'the session it had before is gone' wait_counter 10 .total.sessions '== 1'
check 'a server certificate that the client does not trust ends the handshake' refused \
    'Certificate verification failed' mbedtls ca="$pki/other-ca.crt" cid=aabb
check_equation
check 'the gateway ends cleanly' gateway_stop
consumer_stop echo

gateway_config "client_ca: $pki/ca.crt"
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo
check 'with client_ca, a client with a certificate is echoed' mbedtls cid=aabb messages=20 \
    cert="$pki/client.crt" key="$pki/client.key"
check 'and gets a ticket' mbedtls cid=aabb messages=5 cert="$pki/client.crt" key="$pki/client.key" session="$work/known"
check 'with which it comes back' mbedtls cid=aabb messages=20 cert="$pki/client.crt" key="$pki/client.key" session="$work/known"
check 'without another signature' resumed 1
check 'a client without one is refused' refused "$no_certificate" mbedtls cid=aabb
check 'one that another authority signed is refused' refused "$unknown_ca" mbedtls cid=aabb \
    cert="$pki/other.crt" key="$pki/other.key"
check 'the gateway ends cleanly once more' gateway_stop
consumer_stop echo

gateway_config 'connection_ids: false'
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo
check 'with connection_ids: false an offer is declined' said 'no connection ID$' cid=aabb messages=20
check_equation
