#!/usr/bin/env bash
# Whom the gateway takes, service by service: authorities with revocation lists, fingerprints, node
# ids, expected peers; and which alert the others hear, from OpenSSL's and GnuTLS's clients.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

self_signed() { # NAME ALGORITHM..
    openssl req -x509 -newkey "${@:2}" -nodes -keyout "$pki/$1.key" -out "$pki/$1.crt" -subj "/CN=$1" \
        -days 2 2>"$work/openssl.log" || cat "$work/openssl.log"
}
self_signed listed ec -pkeyopt ec_paramgen_curve:P-256
self_signed known rsa:2048
self_signed peer ed25519
self_signed stranger ec -pkeyopt ec_paramgen_curve:P-256
print_of() { openssl x509 -in "$pki/$1.crt" -noout -fingerprint "-$2" | sed 's/.*=//'; }
# As sluice.yaml(5) has them.
node_id() { echo "node-$(openssl x509 -in "$pki/$1.crt" -noout -pubkey | openssl pkey -pubin -pubout -outform DER | sha256sum | cut -c-64)"; }
compatible_id() { echo "dpc-node-$(openssl x509 -in "$pki/$1.crt" -noout -pubkey | sha256sum | cut -c-32)"; }

# A revocation list of the authority's that names `revoked`.
( cd "$pki" && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout revoked.key \
    -subj /CN=revoked -out revoked.csr && openssl x509 -req -in revoked.csr -CA ca.crt -CAkey ca.key \
    -set_serial 0x7777 -days 2 -out revoked.crt && : >index.txt && echo 01 >crlnumber &&
    printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\ndefault_crl_days=2\n' >ca.cnf &&
    openssl ca -config ca.cnf -keyfile ca.key -cert ca.crt -revoke revoked.crt &&
    openssl ca -config ca.cnf -keyfile ca.key -cert ca.crt -gencrl -out ca.crl ) >"$work/openssl.log" 2>&1 ||
    cat "$work/openssl.log"

# Certificates of the authority's, each with one fault.
signed() { # NAME AUTHORITY BEGIN END [EXTENSION]: seconds from now
    local at
    at="-startdate $(date -u -d "@$((now + $3))" +%Y%m%d%H%M%SZ) -enddate $(date -u -d "@$((now + $4))" +%Y%m%d%H%M%SZ)"
    ( cd "$pki" && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "/CN=$1" -out "$1.csr" &&
        openssl ca -batch -notext -config ca.cnf -keyfile "$2.key" -cert "$2.crt" $at -policy any -outdir . \
            -extfile <(echo "${5:-}") -in "$1.csr" -out "$1.crt" ) >"$work/openssl.log" 2>&1 || cat "$work/openssl.log"
}
now=$(date +%s)
printf 'serial=serial\n[any]\ncommonName=supplied\n' >>"$pki/ca.cnf" # what is there ends in its section d
echo 1000 >"$pki/serial"
signed late ca -7200 -3600
signed early ca 3600 7200
signed servers ca -60 7200 extendedKeyUsage=serverAuth
signed strange ca -60 7200 1.2.3.4=critical,DER:0500
signed between ca -60 7200 basicConstraints=critical,CA:TRUE
signed below between -60 7200
cat "$pki/between.crt" >>"$pki/below.crt"
python3 - "$pki" <<'PYTHON'
import base64, sys
pem = open(sys.argv[1] + "/client.crt").read().split("-----")
der = bytearray(base64.b64decode(pem[2]))
der[-1] ^= 1
open(sys.argv[1] + "/forged.crt", "w").write(f"-----{pem[1]}-----\n{base64.encodebytes(der).decode()}-----{pem[3]}-----\n")
PYTHON
cp "$pki/client.key" "$pki/forged.key"

gateway_config "listeners: [{port: 4433, service: echo}, {port: 4434, service: bare}, {port: 4435, service: open},
    {port: 4436, service: strict}, {port: 4437, service: single}]" \
    "trust: {ca_file: $pki/ca.crt}" \
    "services:
  - name: bare
    trust: {fingerprints: [\"sha-512 $(print_of listed sha512)\"], node_ids: [$(node_id known), $(compatible_id peer)]}
  - name: open
    trust: {ca_file: $pki/ca.crt, anonymous: true}
  - name: strict
    trust: {ca_file: $pki/ca.crt, crl_file: $pki/ca.crl}
  - name: single
    expect: {node_ids: [$(node_id client)]}"
cp "$config" "$work/full.yaml"
gateway_start || exit
for service in echo bare open strict single; do
    consumer_start $service "$sluice_echo" -s "$consumers" $service
done

as() { # NAME: the options of a client with this certificate, and with what stands behind it in its file
    printf -- '-cert\n%s\n-key\n%s\n-cert_chain\n%s\n' "$pki/$1.crt" "$pki/$1.key" "$pki/$1.crt"
}
on() { # PORT CLIENT..
    local port=$1
    shift
    "$@"
}
welcome() { # WORDS PORT [NAME]
    local options=()
    [ -z "${3:-}" ] || mapfile -t options < <(as "$3")
    check "$1" on "$2" s_client "line of ${3:-nobody} at $2" "${options[@]}"
}
turned_away=0
turned_away() { # WORDS ALERT PORT [NAME]
    local options=()
    [ -z "${4:-}" ] || mapfile -t options < <(as "$4")
    turned_away=$((turned_away + 1))
    check "$1" refused "alert $2" on "$3" s_client x "${options[@]}"
}

welcome 'the trust of the gateway is that of a service which says nothing' 4433 client
turned_away 'and nobody comes in without a certificate' 'handshake failure' 4433
turned_away 'nor with one of another authority' 'unknown ca' 4433 other
welcome 'a self-signed certificate comes in by its fingerprint (SHA-512)' 4434 listed
welcome 'another by the node id of its RSA key' 4434 known
welcome 'a third by the compatible node id of its Ed25519 key' 4434 peer
turned_away 'a stranger does not' 'bad certificate' 4434 stranger
turned_away 'nor one whom the authority vouches for: that is another service' 'bad certificate' 4434 client
welcome 'where anybody is taken, too, one without a certificate comes in' 4435
welcome 'and one with a certificate' 4435 client
turned_away 'but not one that shows a certificate nobody trusts' 'unknown ca' 4435 stranger
welcome 'with a revocation list, one that is not on it comes in' 4436 client
turned_away 'and one that is on it hears so' 'certificate revoked' 4436 revoked
welcome 'the expected peer comes in' 4437 client
turned_away 'another of the same authority is told that it may not' 'access denied' 4437 revoked
turned_away 'a stranger hears that nobody vouches for him' 'unknown ca' 4437 stranger

# The rest of the table of sluice.yaml(5), ALERTS.
turned_away 'who is late hears it' 'certificate expired' 4433 late
turned_away 'who is early hears no more than that it is a bad one' 'bad certificate' 4433 early
turned_away 'one for servers is no client' 'unsupported certificate' 4433 servers
turned_away 'what is critical has to be known' 'certificate unknown' 4433 strange
turned_away 'a forged signature is one that does not decrypt' 'decrypt error' 4433 forged
welcome 'an authority between may vouch' 4433 below
turned_away 'but not without a list of its own where there are lists' 'unknown ca' 4436 below
check 'each of them counts as refused for its certificate' wait_counter 5 .handshake.refused_peer "== $turned_away"

gnutls_as() { # PORT LINE NAME
    port=$1 gnutls "$2" --x509certfile "$pki/$3.crt" --x509keyfile "$pki/$3.key"
}
check 'gnutls-cli comes in by a node id' gnutls_as 4434 'line of gnutls' known
check 'and without a certificate where anybody may' on 4435 gnutls 'line of anybody'
check 'it is refused as a stranger' refused 'bad certificate|\[42\]|fatal alert' gnutls_as 4434 x stranger
check 'and where another is expected' refused 'access was denied|\[49\]|fatal alert' gnutls_as 4437 x revoked
no_session 'no session is left of them'
check_equation
check 'the gateway ends cleanly' gateway_stop

# A service that loses its listener in a reload, and stays for a connection: listeners need a restart, so clients still
# come, and whom it takes must not become what its name stands for without an entry of its own, which is anybody.
relay=("connect: [{name: upstream, address: \"$peer_ip4:$port\", service: relay, trust: {anonymous: true}}]")
gateway_config "listeners: [{port: 4433, service: echo}, {port: 4434, service: relay}]" "${relay[@]}" \
    "services: [{name: relay, trust: {ca_file: $pki/ca.crt}}]"
gateway_start || exit
consumer_start relay "$sluice_echo" -s "$consumers" relay
welcome 'a service that has a listener and a connection takes its clients' 4434 client
gateway_config "listeners: [{port: 4433, service: echo}]" "${relay[@]}"
check 'a reload takes its listener and its trust away' eval '"$sluice_ctl" -s "$control" reload | grep "^reloaded "'
turned_away 'it takes no stranger for that' 'handshake failure' 4434
welcome 'and whom it took before' 4434 client
check_equation
check 'the gateway ends cleanly' gateway_stop
cp "$work/full.yaml" "$config"

{ sed "s,$pki/ca.crl,$pki/ca.key," "$config"; } >"$work/bad.yaml"
check 'sluice check reads the lists as run would' refused "bad.yaml:17: CRL file .* holds no revocation list" \
    "$sluice" check -c "$work/bad.yaml"
{ sed "s,$(node_id client),node-12," "$config"; } >"$work/bad.yaml"
check 'and the node ids' refused "bad.yaml:19: node-12 is no node id" "$sluice" check -c "$work/bad.yaml"
