#!/usr/bin/env bash
# peers.sh BUILD [PROGRAM..]
# Makes the test peers in BUILD/peers, or those named: mbedtls_client and mbedtls_server (connection IDs; Mbed TLS 3.6
# of Debian trixie, unpacked there), wolfssl_client and wolfssl_server, openssl_client, flood, bad_consumer and
# coap_consumer. Does nothing when they are newer than their sources. But for the last they are written apart from
# the gateway's libraries; load is sluice-load's.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,6s/^# //p' "$0"; exit 2; }
here=$(dirname "$(realpath "$0")")
root=$(dirname "$(dirname "$here")")
build=$1
wanted=("${@:2}")
mkdir -p "$build/peers"
peers=$(realpath "$build/peers")

exec {lock}>"$peers/.lock"
flock "$lock"
"$root/drivers-config/host/debian-prefix.sh" trixie "$peers/mbedtls" \
    libmbedtls-dev libmbedtls21 libmbedx509-7 libmbedcrypto16

# program NAME SOURCE.. COMPILER-ARGUMENT..: sources are named *.c, in this folder.
program() {
    [ ${#wanted[@]} = 0 ] || [[ " ${wanted[*]} " == *" $1 "* ]] || return 0
    local program=$peers/$1 newer sources=()
    shift
    while [[ ${1:-} == *.c ]]; do
        sources+=("$here/$1")
        shift
    done
    newer=$(find "${sources[@]}" "$here"/{client,echo_load,mbedtls_server_settings}.h "$here/peers.sh" \
        "$root"/lib/ring/*.h -newer "$program" 2>/dev/null || echo all)
    [ -n "$newer" ] || return 0
    cc -std=gnu11 -O2 -g -Wall -Wextra -Wshadow -Werror -D_GNU_SOURCE "${sources[@]}" "$@" -o "$program"
}
libraries=$peers/mbedtls/usr/lib/x86_64-linux-gnu
program flood flood.c
program bad_consumer bad_consumer.c -I"$root/lib/ring" -I"$root/lib/base"
program coap_consumer coap_consumer.c -I"$root/lib/consumer" -L"$build/lib/consumer" -Wl,-rpath,"$(realpath "$build/lib/consumer")" -lsluice
program openssl_client openssl_client.c client.c echo_load.c -lssl -lcrypto
mbedtls=(-isystem "$peers/mbedtls/usr/include" -L"$libraries" -Wl,-rpath,"$libraries" -lmbedtls -lmbedx509 -lmbedcrypto)
program mbedtls_client mbedtls_client.c client.c echo_load.c "${mbedtls[@]}"
program mbedtls_server mbedtls_server.c mbedtls_server_settings.c "${mbedtls[@]}"
program wolfssl_client wolfssl_client.c client.c echo_load.c -lwolfssl
program wolfssl_server wolfssl_server.c -lwolfssl
