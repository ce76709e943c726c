#!/usr/bin/env bash
# ipsec_secgw.sh [--rounds N]
# Nanoseconds a packet of DPDK's own IPsec gateway, which does for ESP what Sluice does for DTLS:
# receive, find the association, AES-128-GCM, route, transmit, on one core. A round is half a minute,
# and prints a line KEY VALUE for each of
#
#   peer.secgw.{in,out}.{64,1400}.ns   one tunnel; in: decrypts, out: encrypts
#   peer.secgw.in.64.t1000.ns          1,000 tunnels, packets drawn at random
#   peer.secgw.port.{in,out}.{64,1400}.ns, .port.in.64.t1000.ns
#                                      the share of its ports: dpdk-testpmd --forward-mode=io, that
#                                      is receive and transmit alone, on the same file; to be
#                                      subtracted, as pipeline.port is from pipeline.in
#   machine.peer.secgw.CODE_PATH.SA_TYPE.CRYPTO 1
#                                      which of its ways that was
#
# It is built by ipsec-secgw/build.sh from Debian's source; root and about 400 free huge pages of
# 2 MiB are needed, which are raised and put back. Where it can't be had, this says so on standard
# error, prints no figure and ends with status 77. BUILD names the build folder (default: build),
# SECONDS_EACH the time of one measurement (1.5).
#
# It is measured the way that is fastest (docs/decisions/the-fastest-ipsec-secgw.md). Others by
# CODE_PATH: own, or library (-l, librte_ipsec); SA_TYPE: no-offload, the program's default, or
# cpu-crypto; CRYPTO: aesni_gcm or aesni_mb, DPDK's driver.
#
# What is the same on both sides. A size is the payload of the innermost UDP datagram: what a
# consumer of Sluice gets, and what the program behind this tunnel would. 4,096 frames that come again
# and again, from memory: net_pcap infinite_rx to net_null, nothing leaves the process; Sluice's are
# 4,096 per pass. The last core alone, at the priority that bench_begin takes too; DPDK's other
# threads sleep, on the other cores.
# What is not. Of 64 bytes, ESP in tunnel mode encrypts 96: IPv4 and UDP headers (28) and its own end
# (2, and 2 of padding); DTLS encrypts 65, or 64 without a connection ID. Of 1,400 it is 1,432 and
# 1,401. The frame on the wire is 14 + 20 + 8 + 8 + 96 + 16 = 162 bytes beside 14 + 28 + 21 + 8 + 65 +
# 16 = 152. The replay window is off here (the program's default: packets that come again would end
# in it), Sluice's is on. Outbound, Sluice writes and checks headers of UDP, this of IPv4 alone.
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
root=$(dirname "$(dirname "$here")")
. "$root/drivers-config/host/hugepages.sh"
. "$root/bench/priority.sh"
usage() { sed -n '2,37s/^# \{0,1\}//p' "$0"; exit 2; }
skip() { echo "ipsec_secgw: not measured: $*" >&2; exit 77; }

rounds=5
case $# in
    0) ;;
    2) [ "$1" = --rounds ] && [[ $2 =~ ^[1-9][0-9]*$ ]] || usage; rounds=$2 ;;
    *) usage ;;
esac
seconds=${SECONDS_EACH:-1.5}
code_path=${CODE_PATH:-own} sa_type=${SA_TYPE:-no-offload} crypto=${CRYPTO:-aesni_gcm}
[[ $code_path = @(own|library) ]] || usage
frames=4096 huge_pages=400
folder=$(realpath -m "${BUILD:-$root/build}/bench/compare/ipsec-secgw")
tools=$here/ipsec-secgw

[ "$(id -u)" = 0 ] || skip 'needs root'
command -v dpdk-testpmd >/dev/null || skip 'no dpdk-testpmd: install-deps.sh compare'
secgw=$("$tools/build.sh" "$folder" | tail -n 1) || skip 'ipsec-secgw could not be built'
trap 'hugepages_restore; priority_restore' EXIT
trap 'exit 143' TERM INT HUP
hugepages_raise $huge_pages
priority_raise
[ "$(hugepages_meminfo HugePages_Free)" -ge $((huge_pages - 40)) ] || skip "no $huge_pages huge pages"

cores=$(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0)))')
core=${cores##* }
eal=(--no-pci --in-memory --no-telemetry --file-prefix "compare$$" -m 700)
nice=(nice -n -20)
secgw_run() { # MODE AMOUNT TUNNELS RX-SIDE TX-SIDE: the port arguments of the tunnels and the plain side
    local how=()
    [ $code_path = own ] || how+=(-l)
    [ "$3" = 1 ] || how+=(-c 1024) # its cache of associations, 128 by default: one for each tunnel
    "${nice[@]}" "$tools/rate.py" "$1" "$2" "$secgw" --lcores "0@$core" "${eal[@]}" --vdev "crypto_${crypto}0" \
        --vdev "$4" --vdev "$5" -- -p 3 -P -u 1 "${how[@]}" -t 1 '--config=(0,0,0),(1,0,0)' -f "$folder/$3.cfg"
}
port_run() { # FILE
    "${nice[@]}" "$tools/rate.py" testpmd "$seconds" dpdk-testpmd --lcores "0@${cores%% *},1@$core" "${eal[@]}" \
        --vdev "net_pcap0,rx_pcap=$1,infinite_rx=1" --vdev net_null1,no-rx=1 \
        -- --forward-mode=io --stats-period=1 --nb-cores=1
}

# Packets, and the proof that what is measured decrypts: what comes out is what once went in.
prepare() { # TUNNELS LEN
    local name=$1.$2
    [ "$folder/$name.done" -nt "$tools/feed.py" ] && return
    rm -f "$folder/$name".*
    "$tools/feed.py" config "$folder/$1.cfg" "$1" "$sa_type"
    "$tools/feed.py" packets "$folder/$name.plain" "$1" "$2" $frames
    secgw_run secgw-until $frames "$1" "net_pcap0,tx_pcap=$folder/$name.esp" "net_pcap1,rx_pcap=$folder/$name.plain"
    secgw_run secgw-until $frames "$1" "net_pcap0,rx_pcap=$folder/$name.esp" "net_pcap1,tx_pcap=$folder/$name.back"
    "$tools/feed.py" compare "$folder/$name.plain" "$folder/$name.back"
    touch "$folder/$name.done"
}
inbound() { secgw_run secgw "$seconds" "$1" "net_pcap0,rx_pcap=$folder/$1.$2.esp,infinite_rx=1" net_null1,no-rx=1; }
outbound() { secgw_run secgw "$seconds" "$1" net_null0,no-rx=1 "net_pcap1,rx_pcap=$folder/$1.$2.plain,infinite_rx=1"; }

kind=$code_path.$sa_type.$crypto
[ "$(cat "$folder/kind" 2>/dev/null)" = "$kind" ] || { rm -f "$folder"/*.done; echo "$kind" >"$folder/kind"; }
prepare 1 64
prepare 1 1400
prepare 1000 64
# A program that fails ends the script: better no figure than one that means something else.
result() { local value; value=$("${@:2}") && printf '%s %s\n' "$1" "$value"; }
echo "machine.peer.secgw.$kind 1"
for ((round = 0; round < rounds; round++)); do
    for len in 64 1400; do
        result peer.secgw.in.$len.ns inbound 1 $len
        result peer.secgw.port.in.$len.ns port_run "$folder/1.$len.esp"
        result peer.secgw.out.$len.ns outbound 1 $len
        result peer.secgw.port.out.$len.ns port_run "$folder/1.$len.plain"
    done
    result peer.secgw.in.64.t1000.ns inbound 1000 64
    result peer.secgw.port.in.64.t1000.ns port_run "$folder/1000.64.esp"
done
