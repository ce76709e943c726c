#!/usr/bin/env bash
# Revocation lists and OCSP responses that end while the gateway runs: shown, said in time, and what
# becomes of clients; and those that have ended, or not begun, at a start or a reload. Authorities that end.
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
at() { date -u -d "@$(($(date +%s) + $1))" +%Y%m%d%H%M%SZ; } # SECONDS from now
cd "$pki" || exit
: >index.txt
echo 01 >crlnumber
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\n' >ca.cnf
quietly openssl ca -config ca.cnf -keyfile ca.key -cert ca.crt -valid server.crt
cd / || exit
make_list() { # BEGIN END: seconds from now
    quietly eval "cd $pki && openssl ca -config ca.cnf -keyfile ca.key -cert ca.crt -gencrl -crl_lastupdate $(at "$1") \
        -crl_nextupdate $(at "$2") -out ca.crl; cd /"
}
# openssl's responder knows days only: the times are written over afterwards. That the signature does
# not fit any more is the clients' business.
make_response() { # BEGIN END: seconds from now
    quietly openssl ocsp -index "$pki/index.txt" -rsigner "$pki/ca.crt" -rkey "$pki/ca.key" -CA "$pki/ca.crt" \
        -issuer "$pki/ca.crt" -cert "$pki/server.crt" -ndays 2 -respout "$pki/server.ocsp"
    python3 - "$pki/server.ocsp" "$(at "$1")" "$(at "$2")" <<'PYTHON'
import re, sys
der = open(sys.argv[1], "rb").read()
end = max(re.findall(rb"\x18\x0f(\d{14}Z)", der))
begins = lambda time: time[0] if time[1] == end else b"\x18\x0f" + sys.argv[2].encode()
der = re.sub(rb"\x18\x0f(\d{14}Z)", begins, der).replace(end, sys.argv[3].encode())
open(sys.argv[1], "wb").write(der)
PYTHON
}
quietly openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$pki/soon.key" \
    -out "$pki/soon.crt" -subj /CN=soon -days 5
ctl() { "$sluice_ctl" -s "$control" "$@"; }
shows() { ctl certificates >"$work/shown"; cat "$work/shown"; grep -qE "$1" "$work/shown"; }
logged() { wait_for "$1" grep -qE "$2" "$gateway_log"; }
checked() { # STATUS PATTERN
    "$sluice" check -c "$config" >"$work/checked" 2>&1
    local status=$?
    cat "$work/checked"
    [ $status = "$1" ] && grep -qE "$2" "$work/checked"
}
on_open() { s_client_to=$gateway_ip4:4435 s_client "$@"; }
client=(-cert "$pki/client.crt" -key "$pki/client.key")

gateway_config "listeners: [{port: 4433, service: echo}, {port: 4434, service: other}, {port: 4435, service: open}]" \
    "certificates: [{certificate: $pki/server.crt, key: $pki/server.key, ocsp_file: $pki/server.ocsp}]" \
    "trust: {ca_file: $pki/ca.crt, crl_file: $pki/ca.crl}" \
    "services:
  - name: open
    trust: {ca_file: $pki/soon.crt, anonymous: true}" \
    "connect: [{name: upstream, address: \"$peer_ip4:4433\", service: open, server_name: localhost, certificate: $pki/client.crt,
    key: $pki/client.key, trust: {ca_file: $pki/ca.crt, crl_file: $pki/ca.crl}}]"
make_list -40 20 # the last quarter begins in five seconds
make_response -40 20
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo
consumer_start open "$sluice_echo" -s "$consumers" open
check 'a client that the list allows comes in' s_client line-1 "${client[@]}" -status
check 'and is shown the response' grep -q 'Cert Status: good' "$work/s_client.out"
check 'sluice-ctl shows until when the list is good, and for whom' \
    shows "$pki/ca.crl revocation list of CN=Sluice test authority for echo,other,\(connect\) expires 2.*Z \([0-9]+ seconds\)$"
check 'and the response' shows "$pki/server.ocsp OCSP response for $pki/server.crt expires 2.*Z \([0-9]+ seconds\)$"
check 'and the certificate of a connect entry' shows "$pki/client.crt key .* \((29|30) days\)$"
check 'and authorities, for whom' \
    shows "$pki/ca.crt authority CN=Sluice test authority for echo,other,\(connect\) expires 2.*Z \((29|30) days\)$"
check 'one line for each' eval '[ "$(wc -l <"$work/shown")" = 6 ]'
check 'the log says that an authority ends soon' logged 10 "warning authority CN=soon in $pki/soon.crt expires in [45] days"
check 'the log says that the list ends soon' logged 40 "warning revocation list $pki/ca.crl expires in [0-9]+ seconds"
check 'and the response' logged 10 "warning OCSP response $pki/server.ocsp expires in [0-9]+ seconds"
check 'and that the list has ended' logged 40 "warning revocation list $pki/ca.crl has expired: whoever that authority vouches for is refused"
check 'and the response' logged 10 "warning OCSP response $pki/server.ocsp has expired: clients are not shown it any more"
check 'each of it once' eval '[ "$(grep -cE "warning (revocation|OCSP)" "$gateway_log")" = 4 ]'
check 'sluice-ctl shows it' shows 'revocation list .* EXPIRED on 2'
check 'of both' shows 'OCSP response .* EXPIRED on 2'
check 'the client is refused' refused 'alert certificate expired' s_client x "${client[@]}"
check 'others are not shown the response' on_open line-2 -status
check 'which is' grep -q 'OCSP response: no response sent' "$work/s_client.out"
check 'sluice check tells of the list, with its line' \
    checked 0 "^$config:[0-9]+: the revocation list of authority CN=Sluice test authority in file $pki/ca.crl has expired"
cp "$config" "$work/before.yaml"
echo 'admission: {deny: [198.18.77.0/24]}' >>"$config"
check 'a reload denies somebody though the list in force has ended' eval "ctl reload | grep -q '^reloaded .* 1 denied'"
check 'he is denied' eval "ctl access | grep -qx 'deny 198.18.77.0/24'"
check 'and the log warns of the list again' \
    wait_for 20 eval '[ "$(grep -c "warning revocation list .* has expired" "$gateway_log")" = 2 ]'
check 'those of its authority are refused as before' refused 'alert certificate expired' s_client x "${client[@]}"
make_list -30 -10
cp "$work/before.yaml" "$config"
check 'a reload refuses another list that has ended, with its line' grep -qE \
    "^error: $config:[0-9]+: the revocation list of .* has expired: get a new one" <(ctl reload 2>&1)
check 'and nothing has changed' eval "ctl access | grep -qx 'deny 198.18.77.0/24'"
make_list -30 86400
check 'a reload takes another list, whatever the response is' eval "ctl reload | grep -q '^reloaded '"
check 'and the client is welcome' s_client line-3 "${client[@]}"
check 'it is shown, for all three' shows "revocation list .* for echo,other,\(connect\) .* \(2[34] hours\)$"
check 'beside the response that has ended' shows 'OCSP response .* EXPIRED on 2'
check 'of which a reload reminds' wait_for 20 eval '[ "$(grep -c "warning OCSP response .* has expired" "$gateway_log")" = 3 ]'
check_equation
check 'the gateway ends cleanly' gateway_stop

check 'the check says that the response has ended, and finds all sound' \
    checked 0 "^OCSP response $pki/server.ocsp has expired: clients are not shown it any more"
check 'so it says' grep -q ': sound$' "$work/checked"
make_list -40 -20
gateway_start || exit
check 'a gateway starts with such a response, and a list that has ended' wait_for 20 on_open line-4
check 'and says so at once' logged 10 'warning OCSP response .* has expired'
check 'of both' logged 10 'warning revocation list .* has expired: whoever that authority vouches for is refused'
check 'and refuses whom the authority vouches for' refused 'alert certificate expired' s_client x "${client[@]}"
check 'sluice-load does not begin with such a list' refused 'the revocation list of authority .* has expired: get a new one' \
    on_peer "$build/app/load/sluice-load" --ca "$pki/ca.crt" --crl "$pki/ca.crl" --name localhost -c 1 "$gateway_ip4:4435"
check 'it ends cleanly' gateway_stop

make_response 4000 8000
check 'a response of the future is refused' checked 1 'OCSP file .* is not valid yet'
( cd "$pki" && quietly openssl ca -config ca.cnf -keyfile ca.key -cert ca.crt -revoke server.crt )
make_response -8000 -4000
check 'one that says revoked is, even when it has ended' checked 1 'OCSP file .* says that the certificate is revoked'
sed -i 's/, ocsp_file: [^}]*//' "$config"
make_list 3600 7200
check 'so is a list of the future' checked 1 'the revocation list of authority .* is not valid yet'
