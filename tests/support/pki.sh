#!/usr/bin/env bash
# pki.sh DIR
# Certificates for tests and the demo, PEM, good for 30 days, made afresh in DIR:
#   ca.crt        the authority                       other-ca.crt  one that nobody here trusts
#   server.*      ECDSA P-256, signed by ca           server-rsa.*  RSA 2048, likewise
#   client.*      ECDSA P-256, signed by ca           other.*       a client's, signed by other-ca
# Servers are called localhost and sluice.test. Each is NAME.crt and NAME.key.
set -euo pipefail
[ $# = 1 ] || { sed -n '2,7s/^# //p' "$0"; exit 2; }
mkdir -p "$1"
cd "$1"
umask 077

run() {
    local output
    output=$(openssl "$@" 2>&1) || { printf '%s\n' "$output" >&2; exit 1; }
}

make_key() { # NAME ecdsa|rsa
    case $2 in
        ecdsa) run genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" ;;
        rsa) run genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1.key" ;;
    esac
}

make_authority() { # NAME SUBJECT
    make_key "$1" ecdsa
    run req -new -x509 -key "$1.key" -subj "/CN=$2" -days 30 -out "$1.crt" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

make_leaf() { # NAME ALGORITHM AUTHORITY SUBJECT USAGE [EXTENSION]
    make_key "$1" "$2"
    run req -new -key "$1.key" -subj "/CN=$4" -out "$1.csr"
    printf '%s\n' basicConstraints=CA:FALSE keyUsage=digitalSignature "extendedKeyUsage=$5" \
        "${@:6}" >"$1.ext"
    run x509 -req -in "$1.csr" -CA "$3.crt" -CAkey "$3.key" -days 30 -extfile "$1.ext" \
        -set_serial "0x$(openssl rand -hex 8)" -out "$1.crt"
    rm -f "$1.csr" "$1.ext"
}

names=subjectAltName=DNS:localhost,DNS:sluice.test,IP:198.18.0.1,IP:2001:db8::1
make_authority ca 'Sluice test authority'
make_authority other-ca 'Another authority'
make_leaf server ecdsa ca localhost serverAuth "$names"
make_leaf server-rsa rsa ca localhost serverAuth "$names"
make_leaf client ecdsa ca client-1 clientAuth
make_leaf other ecdsa other-ca client-1 clientAuth
