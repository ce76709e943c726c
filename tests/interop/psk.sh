#!/usr/bin/env bash
# Clients with pre-shared keys: OpenSSL's, GnuTLS's, Mbed TLS's with connection IDs, sluice-load; keys
# from a file and from a program; strangers.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump
sluice_load=$build/app/load/sluice-load
lookup=$support/../../drivers-config/psk/lookup.py

key=00112233445566778899aabbccddeeff
printf '%s\n' "anna:$key" "b er:t:ff" $'o\xf6:ff' >"$work/psk"
chmod 600 "$work/psk"
head -c 32 /dev/urandom >"$work/secret"
printf '#!/bin/sh\nexec %q %q\n' "$lookup" "$work/secret" >"$work/lookup"
chmod 700 "$work/lookup"
key_of() { # IDENTITY: as the lookup program has it
    printf %s "$1" | openssl dgst -sha256 -mac hmac -macopt "hexkey:$(xxd -p -c 64 "$work/secret")" | sed 's/.*= *//' | cut -c-32
}

gateway_config "listeners: [{port: 4433, service: echo}, {port: 4434, service: mixed}, {port: 4435, service: asked}, {port: 4436, service: seen}]" \
    "services:
  - name: echo
    trust: {psk_file: $work/psk, plain_psk: true}
  - name: mixed
    trust: {ca_file: $pki/ca.crt, psk_file: $work/psk}
  - name: seen
    trust: {psk_file: $work/psk}
  - name: asked
    trust: {psk_lookup: $work/lookup, plain_psk: true}"
gateway_start || exit
for service in echo mixed asked; do
    consumer_start $service "$sluice_echo" -s "$consumers" $service
done

psk_client() { # LINE SUITE [IDENTITY [KEY [PORT]]]
    local ready='^ *PSK identity: '
    talk "$1" "$work/s_client.out" openssl s_client -dtls1_2 -connect "$gateway_ip4:${5:-$port}" -cipher "$2" \
        -psk_identity "${3:-anna}" -psk "${4:-$key}"
}
for suite in ECDHE-PSK-CHACHA20-POLY1305 PSK-AES128-GCM-SHA256 PSK-AES256-GCM-SHA384 PSK-CHACHA20-POLY1305 \
    PSK-AES128-CCM PSK-AES256-CCM PSK-AES128-CCM8 PSK-AES256-CCM8; do
    check "s_client gets its line back under $suite" psk_client "line-$suite" $suite
done
consumer_start cat "$sluice_cat" -s "$consumers" --greet 'who is it' seen
greeted() { # IDENTITY KEY
    echo | on_peer timeout 10 openssl s_client -dtls1_2 -connect "$gateway_ip4:4436" -cipher ECDHE-PSK-CHACHA20-POLY1305 \
        -psk_identity "$1" -psk "$2" >"$work/greeted.out" 2>&1
    wait_for 10 grep -qE "^open .* method=psk subject=$3\$" "$work/cat.out"
}
check 'sluice-cat prints whose key it was' greeted anna $key anna
check 'with what is not printable escaped, and the backslash of that, too' greeted $'o\xf6' ff 'o\\x5cxf6'
check 's_client with an identity of other characters' psk_client line ECDHE-PSK-CHACHA20-POLY1305 'b er:t' ff
check 'a wrong key hears decrypt error' refused 'alert decrypt error' psk_client x PSK-AES128-GCM-SHA256 anna "${key/0/1}"
check 'and so does a stranger' refused 'alert decrypt error' psk_client x PSK-AES128-GCM-SHA256 otto
check 'who is counted' wait_counter 5 '.handshake.psk_unknown' '== 1'
check 'a client without a key finds no suite' refused 'alert handshake failure' s_client x

check 'beside certificates, a key comes in with forward secrecy' psk_client line ECDHE-PSK-CHACHA20-POLY1305 anna $key 4434
check 'and not without' refused 'alert handshake failure' psk_client x PSK-AES128-GCM-SHA256 anna $key 4434
s_client_to=$gateway_ip4:4434
check 'a certificate does, too' s_client 'line of a certificate' -cert "$pki/client.crt" -key "$pki/client.key"
check 'and who has neither does not' refused "$no_certificate" s_client x
unset s_client_to

# With ECDHE-PSK gnutls-cli 3.7.9 ends itself when it tells about the handshake, at gnutls-serv, too: a server's
# ServerKeyExchange makes it ask for a user name, which a client has not (gnutls_psk_server_get_username). GnuTLS with
# these suites is in coap.sh.
gnutls_psk() { # LINE PRIORITIES
    local ready='^- Handshake was completed|Simple Client Mode'
    talk "$1" "$work/gnutls.out" gnutls-cli --udp --port $port --pskusername anna --pskkey "$key" \
        --priority "NORMAL:-KX-ALL:-VERS-ALL:+VERS-DTLS1.2:$2" "$gateway_ip4"
}
check 'gnutls-cli with PSK and AES-128-GCM' gnutls_psk line-g1 +PSK:-CIPHER-ALL:+AES-128-GCM
check 'gnutls-cli with PSK and AES-128-CCM-8' gnutls_psk line-g2 +PSK:-CIPHER-ALL:+AES-128-CCM-8
check 'gnutls-cli with PSK and AES-256-CCM' gnutls_psk line-g3 +PSK:-CIPHER-ALL:+AES-256-CCM

for suite in AES-128-CCM-8 AES-256-CCM-8 AES-128-CCM AES-128-GCM-SHA256; do
    check "Mbed TLS with PSK and $suite, under a connection ID" \
        mbedtls psk=anna:$key suite=TLS-PSK-WITH-$suite cid=a1b2c3 messages=20 size=1-200
done
check 'its sessions had connection IDs' wait_counter 5 .handshake.connection_id '>= 4'
check 'Mbed TLS with another key is told' refused 'HANDSHAKE FAILED' mbedtls psk=anna:11 suite=TLS-PSK-WITH-AES-128-CCM-8

load_psk() { # PORT SUITE FILE
    on_peer timeout 60 "$sluice_load" --psk "$3" --suites "$2" --clients 20 --rate 200 --duration 2s "$gateway_ip4:$1"
}
head -1 "$work/psk" >"$work/psk.one"
check 'sluice-load with PSK and AES-128-CCM-8' load_psk 4433 PSK-AES128-CCM8 "$work/psk.one"
for i in 1 2 3; do echo "sensor-$i:$(key_of sensor-$i)"; done >"$work/sensors"
check 'the lookup program tells the keys of many' load_psk 4435 PSK-AES128-GCM-SHA256 "$work/sensors"
check 'it was asked' wait_counter 5 .handshake.psk_lookup '>= 20'
check 'a stranger to it hears what a wrong key hears' refused 'alert decrypt error' psk_client x PSK-AES128-GCM-SHA256 nobody $key 4435

# Another file: who is in it comes in, who is not any more does not, and sessions go on.
mkfifo "$work/long.in"
exec {long_fd}<>"$work/long.in"
ip netns exec "$peer_ns" timeout 120 openssl s_client -dtls1_2 -connect "$gateway_ip4:$port" \
    -cipher ECDHE-PSK-CHACHA20-POLY1305 -psk_identity anna -psk "$key" <"$work/long.in" >"$work/long.out" 2>&1 &
long_pid=$!
at_exit gateway_kill $long_pid
goes_on() { # LINE
    echo "$1" >&$long_fd
    wait_for 10 grep -qxF "$1" "$work/long.out"
}
ctl() { "$sluice_ctl" -s "$control" "$@"; }
reload_says() { ctl reload >"$work/reload" 2>&1; cat "$work/reload"; grep -qE "$1" "$work/reload"; }
check 'a session begins' goes_on 'before the reload'
printf '%s\n' "carla:$key" >"$work/psk"
check 'sluice-ctl reload takes another file' reload_says '^reloaded '
check 'who is new in it comes in' psk_client line-carla ECDHE-PSK-CHACHA20-POLY1305 carla
check 'beside certificates, too' psk_client line-carla-2 ECDHE-PSK-CHACHA20-POLY1305 carla $key 4434
check 'who is not in it any more does not' refused 'alert decrypt error' psk_client x PSK-AES128-GCM-SHA256
check 'nor does anybody without a key' refused 'alert handshake failure' s_client x
check 'nor one without forward secrecy beside certificates' refused 'alert handshake failure' psk_client x PSK-AES128-GCM-SHA256 carla $key 4434
check 'the lookup program is still asked' psk_client line-sensor PSK-AES128-GCM-SHA256 sensor-1 "$(key_of sensor-1)" 4435
check 'the session does not notice' goes_on 'after the reload'
printf '%s\n' "anna:$key" 'no key' >"$work/psk"
check 'a file with a mistake is refused with its line' reload_says "^error: $config:[0-9]+: PSK file .*psk"
check 'and nothing has changed' psk_client line-carla-3 ECDHE-PSK-CHACHA20-POLY1305 carla
sed "s,$work/lookup,/bin/true," "$config" >"$work/new" && cp "$config" "$work/old" && cp "$work/new" "$config"
printf '%s\n' "anna:$key" >"$work/psk"
check 'another lookup program needs a restart, and the file is taken' reload_says '^needs a restart: .*psk_lookup'
cp "$work/old" "$config"
printf '%s\n' "anna:$key" "b er:t:ff" >"$work/psk"
kill -HUP "$gateway_pid"
reloaded_thrice() { [ "$(grep -c " reloaded $config" "$gateway_log")" = 3 ]; }
check 'SIGHUP reloads, too' wait_for 10 reloaded_thrice
check 'and who was gone is back' psk_client line-anna ECDHE-PSK-CHACHA20-POLY1305
check 'the session is still there' goes_on 'after SIGHUP'
echo Q >&$long_fd
exec {long_fd}>&-
wait $long_pid

no_session 'no session is left of them'
check_equation
check 'the gateway ends cleanly' gateway_stop
no_lookup() { ! pgrep -f "$work/secret" >/dev/null; }
check 'and the lookup program with it' wait_for 10 no_lookup

# Nothing but keys: no certificate is needed.
consumer_stop echo
gateway_config "trust: {psk_file: $work/psk}"
sed -i '/^certificates:/d' "$config"
gateway_start || exit
consumer_start alone "$sluice_echo" -s "$consumers" echo
check 'a gateway without a certificate takes who has a key' psk_client line ECDHE-PSK-CHACHA20-POLY1305
check 'and nobody else' refused 'alert handshake failure' s_client x
check 'it has no certificates to show' test "$(ctl certificates)" = none
check 'and reloads' reload_says '^reloaded .* certificates: 0,'
cp "$config" "$work/old"
sed -i "s,psk_file: .*psk,psk_lookup: $work/lookup," "$config"
check 'a lookup program where there was none needs a restart' reload_says \
    "^error: $config:[0-9]+: the gateway was started without a lookup program: restart it"
cp "$work/old" "$config"
check 'its keys are still taken' psk_client line-2 ECDHE-PSK-CHACHA20-POLY1305
sed -i '/^trust:/d' "$config"
check 'with a service that shows one it needs one' reload_says "^error: $config:[0-9]+: service 'echo' has to show a certificate"
check_equation
check 'it ends cleanly' gateway_stop
consumer_stop alone

gateway_config "trust: {psk_lookup: $work/lookup}"
sed 's/psk_lookup: .*lookup/psk_lookup: nowhere/' "$config" >"$work/bad.yaml"
check 'sluice check names a program that is not there' refused 'bad.yaml:[0-9]*: lookup program .*/nowhere cannot be run' \
    "$sluice" check -c "$work/bad.yaml"
