#!/usr/bin/env bash
# run.sh [--keep]
# Sluice from nothing to an echo: installs what is missing, builds, makes two network namespaces
# joined by a veth pair, starts the gateway and a consumer in one and talks to it from the other,
# as Mbed TLS with connection IDs, as `openssl s_client`, and with 200 clients of `sluice-load`, whose
# plot it leaves in the build folder. Cleans up whatever happens.
# --keep leaves it running, and says how to play with it and how to stop it.
# Exit status 0 when all clients got back what they sent. Needs root on Debian 12.
set -uo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
root=$(dirname "$(dirname "$here")")
build=${SLUICE_BUILD:-$root/build}
PATH=$PATH:/usr/sbin:/sbin # `su` without `-` leaves them out

keep=
case ${1:-} in
    '') ;;
    --keep) keep=yes ;;
    *) sed -n '2,8s/^# //p' "$0"; exit 2 ;;
esac

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }
indent() { sed 's/^/    /'; }
give_up() {
    printf '\nThe demo failed: %s\n' "$1"
    exit 1
}
[ "$(id -u)" = 0 ] || give_up 'it needs root, for network namespaces and AF_XDP.'

. "$root/drivers-config/host/hugepages.sh"
. "$here/scene.sh"

quietly() { # LOG COMMAND..
    local log=$1
    shift
    "$@" >"$log" 2>&1 || { tail -n 40 "$log" | indent; return 1; }
}
install_all() { "$root/drivers-config/host/install-deps.sh" demo 2>&1 | indent; }
build_all() {
    [ -f "$build/build.ninja" ] || meson setup "$build" "$root" || return 1
    ninja -C "$build" app/gateway/sluice app/{ctl/sluice-ctl,echo/sluice-echo,cat/sluice-cat,load/sluice-load}
}
end() {
    local status=$?
    [ "$BASHPID" = $$ ] || return # a child between fork and exec still has our traps
    scene_clear # and whoever still had something to say has said it
    [ $status -lt 128 ] || printf '\nInterrupted: the demo has cleared up.\n'
}

scene=
trap end EXIT
trap 'exit 143' TERM
trap 'exit 129' HUP
trap 'exit 130' INT
scene=$(mktemp -d "${TMPDIR:-/tmp}/sluice-demo-XXXXXX")

title '1. What it needs'
attend install_all || give_up 'packages are missing (see above).'

title '2. Build'
echo "in $build; a minute or two the first time" | indent
mkdir -p "$build"
attend quietly "$scene/build.log" build_all || give_up 'the build failed (see above).'
attend quietly "$scene/peers.log" "$root/tests/support/peers.sh" "$build" mbedtls_client ||
    give_up 'the test clients could not be built (see above).'
echo 'sluice, sluice-ctl, sluice-echo, sluice-cat, sluice-load, and a test client on Mbed TLS' | indent

title '3. Two namespaces and a wire, the gateway on one end'
"$root/tests/support/pki.sh" "$scene/pki" || give_up 'openssl could not make certificates.'
hugepages_raise 128
scene_build || give_up 'the network namespaces could not be made.'
scene_start || { tail -n 30 "$scene/gateway.log" | indent; give_up 'the gateway did not start (see above).'; }
grep -v '^EAL:' "$scene/gateway.log" | indent

status=0
title '4. Mbed TLS with a connection ID (RFC 9146), changing its port half way'
with_cid() {
    on_client timeout --foreground 60 "$build/peers/mbedtls_client" host=$scene_ip4 port=4433 \
        ca="$scene/pki/ca.crt" cid=c0ffee messages=1000 size=1-1350 window=16 rebind=500 2>&1 | indent
}
attend with_cid || status=1

title '5. openssl s_client, without'
line="Hello from openssl at $(date -u +%T)"
if scene_say "$line" "$scene/openssl.out"; then
    printf 'sent:   %s\nechoed: %s\n' "$line" "$(grep -xF "$line" "$scene/openssl.out")" | indent
else
    tail -n 30 "$scene/openssl.out" | indent
    status=1
fi

title '6. What the gateway counted: sluice-ctl stats'
"$build/app/ctl/sluice-ctl" -s "$scene/control.sock" stats | indent || status=1

title '7. Load: 200 clients, 2,000 messages a second for ten seconds'
plot=$build/demo-load.png
load() {
    on_client timeout --foreground 60 "$build/app/load/sluice-load" --ca "$scene/pki/ca.crt" --name localhost \
        --clients 200 --ramp 400 --rate 2k --size imix --duration 10s --plot "$plot" $scene_ip4:4433 2>&1 | indent
}
attend load && echo "Its plot: $plot" | indent || status=1

if [ $status != 0 ]; then
    tail -n 30 "$scene/gateway.log" "$scene/consumer.log" | indent
    give_up 'a client did not get back what it sent (see above).'
fi
if [ -n "$keep" ]; then
    trap - EXIT
    scene_describe
    printf '\nThe demo works, and keeps running.\n'
    exit 0
fi
scene_stop || give_up 'the gateway did not end cleanly on SIGTERM.'
printf '\nThe demo works: all clients got back what they sent.\n'
