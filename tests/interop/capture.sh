#!/usr/bin/env bash
# What is on the wire, read by tshark with the gateway's key log: an independent decoder of the
# gateway's records, checksums included.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

keylog=$work/keys.log
capture=$work/wire.pcap

# A ping of that size is in the capture: so is all that was sent between the first and the last one.
captured() { # SIZE
    on_peer ping -n -q -c 1 -W 1 -s "$1" $gateway_ip4
    tshark -r "$capture" -Y "icmp.type == 0 && ip.len == $((28 + $1))" 2>/dev/null | grep -q .
}
capture_start() {
    ip netns exec "$peer_ns" tshark -q -i sl1 -w "$capture" >"$work/tshark.log" 2>&1 &
    capture_pid=$!
    at_exit gateway_kill $capture_pid
    wait_for 20 captured 111
}
capture_stop() { wait_for 20 captured 222; kill -INT "$capture_pid"; wait "$capture_pid"; }

decode() { # ARG..
    tshark -r "$capture" -o tls.keylog_file:"$keylog" -o udp.check_checksum:TRUE \
        -o ip.check_checksum:TRUE -d udp.port==$port,dtls "$@" 2>/dev/null
}
payloads() { # SOURCE-PORT-FILTER: "connection ID present" and the plaintext of each data record
    decode -Y "udp.$1 == $port && dtls.record.content_type == 23" \
        -T fields -e dtls.record.special_type -e data.data
}

gateway_config "keylog_file: $keylog"
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo
check 'tshark listens' capture_start || exit
# Each with a connection ID of its own: tshark 4.0 finds the keys by it, and those it found first.
# (It can't decrypt ChaCha20-Poly1305 in DTLS; Mbed TLS and OpenSSL are that suite's judges.)
check 'a client is echoed under AES-128-GCM' mbedtls cid=aabbcc01 messages=40 size=1-1350 \
    suite=TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256
check 'a client is echoed under AES-256-GCM' mbedtls cid=aabbcc02 messages=40 size=1-1350 \
    suite=TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384
check 'one over IPv6 without a connection ID too' openssl_echo host=$gateway_ip6 messages=40 size=1-1350
check 'the capture ends' capture_stop

payloads dstport >"$work/to"
payloads srcport >"$work/from"
check 'tshark decrypts all 120 messages to the gateway' test "$(wc -l <"$work/to")" = 120
check 'and reads the same 120 from the gateway' cmp "$work/to" "$work/from"
check '80 of them under a connection ID' test "$(grep -c '^25' "$work/from")" = 80
none() { # FILTER
    local lines
    lines=$(decode -Y "$1")
    printf '%s\n' "$lines" | head -n 5
    [ -z "$lines" ]
}
check 'no UDP checksum is wrong' none 'udp.checksum.status == 0'
check 'no IP header checksum is wrong' none 'ip.checksum.status == 0'
check 'tshark finds nothing malformed' none '_ws.malformed'
check 'no datagram of ours is longer than the MTU' none "udp.srcport == $port && frame.len > 1514"

# HelloVerifyRequest carries its cookie and is no longer than what asked for it.
sizes() { decode -Y "dtls.handshake.type == $1" -T fields -e udp.length | sort -n | "$2" -n 1; }
check 'no HelloVerifyRequest is longer than a ClientHello' \
    test "$(sizes 3 tail)" -le "$(sizes 1 head)"

repeated() {
    decode -Y "udp.srcport == $port && dtls.record.content_type == 23" \
        -T fields -e ip.dst -e udp.dstport -e dtls.record.sequence_number | sort | uniq -d
}
check 'no record number of the gateway comes twice' test -z "$(repeated)"
check_equation
