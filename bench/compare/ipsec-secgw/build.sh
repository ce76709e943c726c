#!/usr/bin/env bash
# build.sh FOLDER
# Builds DPDK's example program ipsec-secgw in FOLDER, from Debian's source package of the DPDK that
# is installed, against that. Its path is the last line printed; a second call only prints it. The
# machine's apt configuration stays as it is: the source is fetched with one of FOLDER's own, from
# the mirrors that the machine's names.
#
# Two changes to the source. net_pcap and net_null have no receive checksum offload, which it asks
# for; and it prints its counters ten times a second instead of once, so that a disturbed moment is
# one value of many.
set -euo pipefail
[ $# = 1 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2; }
mkdir -p "$1"
cd "$1"
program=$PWD/ipsec-secgw
version=$(dpkg-query -W -f '${source:Version}' libdpdk-dev)
if [ "$(cat .stamp 2>/dev/null)" = "$version" ] && [ -x "$program" ]; then
    echo "$program"
    exit
fi

suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
state=$PWD/apt
rm -rf "$state" source
mkdir -p "$state"/lists/partial source
for archive in debian:$suite debian-security:$suite-security; do
    mirror=$(grep -rhoE "https?://[^] ]+/${archive%:*}/?( |\$)" /etc/apt/sources.list \
        /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null | head -n 1 | tr -d ' ' || true)
    [ -z "$mirror" ] ||
        echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror%/} ${archive#*:} main"
done >"$state/sources.list"
[ -s "$state/sources.list" ] || { echo "build: no Debian mirror in this machine's apt sources" >&2; exit 1; }
options=(-qq -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::State::lists="$state/lists" -o Dir::Cache="$state"
    -o Acquire::Retries=3 -o Acquire::Languages=none -o APT::Sandbox::User=root -o Debug::NoLocking=1)
fetch() { (cd source && timeout 120 apt-get "${options[@]}" "$@") >&2; }

fetch update
# A mirror may have a newer point release than the machine: its example builds all the same.
fetch --download-only source "dpdk=$version" || fetch --download-only source dpdk
tar -C source -xf source/dpdk_*.orig.tar.*
example=$(echo "$PWD"/source/dpdk-*/examples/ipsec-secgw)
sed -i 's/\.offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM,/.offloads = 0,/
        s|stats_interval \* US_PER_S|& / 10|' "$example"/ipsec-secgw.c
[ "$(grep -c 'US_PER_S / 10' "$example"/ipsec-secgw.c)" = 2 ] ||
    { echo 'build: the source is not as it was known: its counters' >&2; exit 1; }
make -s -C "$example" shared >&2
cp -L "$example/build/ipsec-secgw" "$program"
rm -rf "$state" source
echo "$version" >.stamp
echo "$program"
