#!/usr/bin/env bash
# The gateway's own certificates: chosen by server name, with a stapled OCSP response, replaced while
# sessions live, shown to the operator.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

quietly() { "$@" >"$work/openssl.log" 2>&1 || cat "$work/openssl.log"; }
leaf() { # NAME COMMON_NAME DNS_NAME DAYS
    quietly openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$pki/$1.key" \
        -subj "/CN=$2" -out "$pki/$1.csr"
    quietly openssl x509 -req -in "$pki/$1.csr" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -days "$4" \
        -set_serial "0x$(openssl rand -hex 8)" -extfile <(echo "subjectAltName=DNS:$3") -out "$pki/$1.crt"
}
leaf named named named.test 30
leaf next next localhost 5
leaf late late localhost 0 # ends as it begins
cd "$pki" || exit
: >index.txt
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\n' >ca.cnf
quietly openssl ca -config ca.cnf -keyfile ca.key -cert ca.crt -valid server.crt
quietly openssl ocsp -index index.txt -rsigner ca.crt -rkey ca.key -CA ca.crt -issuer ca.crt -cert server.crt \
    -ndays 2 -respout server.ocsp
cd / || exit

write_config() { # CERTIFICATES [LINE..]
    gateway_config "certificates: $1" "${@:2}"
}
write_config "
  - {certificate: $pki/server.crt, key: $pki/server.key, ocsp_file: $pki/server.ocsp}
  - {certificate: $pki/server-rsa.crt, key: $pki/server-rsa.key}
  - {certificate: $pki/named.crt, key: $pki/named.key}"
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo
ctl() { "$sluice_ctl" -s "$control" "$@"; }
shown() { # NAME: the common name of the certificate that s_client saw last
    grep -qE "^subject=CN = $1\$" "$work/s_client.out"
}
stapled() { grep -q 'Cert Status: good' "$work/s_client.out"; }

check 's_client without a name gets its line back' s_client 'line without a name' -noservername
check 'and saw the first certificate' shown localhost
check 'with the name of another' s_client 'line with a name' -servername named.test -verify_hostname named.test
check 'it saw that one' shown named
check 'with a name that none has it gets the first' s_client 'line with a strange name' -servername strange.test
check 'which is' shown localhost
check 'a client that asks for the status gets it' s_client 'line with a status' -status
check 'and it is good' stapled
check 'one that shows another certificate has none' s_client 'line without a status' -status \
    -servername named.test -verify_hostname named.test
check 'so it says' grep -q 'OCSP response: no response sent' "$work/s_client.out"
check 'gnutls-cli checks the stapled response' gnutls 'line of gnutls' --ocsp
check 'sluice-ctl shows the certificates' grep -qE \
    "server.crt key ECDSA P-256 subject CN=localhost names localhost,.* expires .* \((29|30) days\)" <(ctl certificates)
check 'all of them' test "$(ctl certificates | grep -c ' key ')" = 3
check 'and until when the response is good' grep -qE \
    "server.ocsp OCSP response for .*server.crt expires .* \((47 hours|2 days)\)" <(ctl certificates)

# A session that lives through it all.
mkfifo "$work/long.in"
exec {long_fd}<>"$work/long.in"
on_peer timeout 120 openssl s_client -dtls1_2 -connect "$gateway_ip4:$port" -CAfile "$pki/ca.crt" -quiet \
    <"$work/long.in" >"$work/long.out" 2>"$work/long.log" &
long_pid=$!
at_exit gateway_kill $long_pid
goes_on() { # LINE
    echo "$1" >&$long_fd
    wait_for 10 grep -qxF "$1" "$work/long.out"
}
check 'a session begins' goes_on 'before the reload'

write_config "[{certificate: $pki/next.crt, key: $pki/next.key}]" "trust: {ca_file: $pki/ca.crt}" \
    "workers: 2"
check 'a reload takes other certificates and another trust' grep -q '^reloaded ' <(ctl reload)
check 'the next client sees the new one' s_client 'line after the reload' -cert "$pki/client.crt" -key "$pki/client.key"
check 'which is' shown next
check 'and has to have one itself' refused "$no_certificate" s_client x
check 'the session does not notice' goes_on 'after the reload'
check 'one that ends soon is warned of' wait_for 5 grep -q 'next.crt expires in 4 days' "$gateway_log"

write_config "[{certificate: $pki/next.crt, key: $pki/server.key}]" "trust: {ca_file: $pki/other-ca.crt}"
check 'a set that does not fit together is refused with its line' grep -qE \
    "error: $config:8: key file .*server.key does not belong to certificate" <(ctl reload 2>&1)
write_config "[{certificate: $pki/late.crt, key: $pki/late.key}]" "trust: {ca_file: $pki/other-ca.crt}"
check 'and so is one that has expired' grep -qE "error: $config:8: certificate 1 of file .*late.crt has expired" \
    <(ctl reload 2>&1)
check 'sluice check tells of it' grep -qE "^$config:8: certificate 1 of file .* has expired" \
    <("$sluice" check -c "$config" 2>&1)
check 'and nothing has changed' s_client 'line after a bad reload' -cert "$pki/client.crt" -key "$pki/client.key"
check 'neither for the session' goes_on 'after a bad reload'
write_config "[{certificate: $pki/server.crt, key: $pki/server.key}]" 'ring_kib: 2048'
kill -HUP "$gateway_pid"
check 'SIGHUP reloads too' wait_for 10 grep -q 'needs a restart: ring_kib' "$gateway_log"
check 'and everybody is welcome again' s_client 'line after SIGHUP'
check 'under the certificate of the beginning' shown localhost
check 'the session is still there' goes_on 'after SIGHUP'
exec {long_fd}>&-
kill $long_pid
check_equation
check 'the gateway ends cleanly' gateway_stop
