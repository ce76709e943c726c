#!/usr/bin/env bash
# What sluice-load records is sent again by somebody else, tcpreplay, to a gateway that is given the
# sessions; and Wireshark can read it with the key log.
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
pcap=$work/run.pcap

record() { # ARG..: a run whose messages are all echoed; $sent, how many they were
    on_peer timeout 60 "$sluice_load" --ca "$pki/ca.crt" --name localhost --json "$work/run.json" --write-pcap "$pcap" \
        "$@" "$gateway_ip4:$port" >"$work/run.out" 2>&1
    local status=$?
    cat "$work/run.out"
    sent=$(jq .messages.sent "$work/run.json")
    [ $status = 0 ] && [ "$sent" -gt 0 ] && [ "$(jq .messages.echoed "$work/run.json")" = "$sent" ]
}
packets() { tshark -r "$pcap" "$@" 2>/dev/null | wc -l; }
# The gateway's MAC address stands in the place of the capture's, where it comes from sockets.
replay() {
    on_peer timeout 60 tcpreplay-edit --enet-dmac="$gateway_mac" --mbps=20 -i sl1 "$pcap" >"$work/replay.out" 2>&1 ||
        { cat "$work/replay.out"; return 1; }
}

gateway_config 'connection_ids: true'
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo
gateway_mac=$(on_gateway cat /sys/class/net/sl0/address)

check 'a run is recorded, handshakes and answers too' record -c 3 -r 100 -d 1s --keylog "$work/keys"
check 'both directions are there' [ "$(packets -Y "ip.src == $gateway_ip4")" -gt "$sent" ]
messages_read() { # as many as were sent, and as many echoes
    local direction
    for direction in dst src; do
        tshark -r "$pcap" -o tls.keylog_file:"$work/keys" -o udp.check_checksum:TRUE -d udp.port==$port,dtls -T fields -e data.data \
            -Y "udp.${direction}port == $port && dtls.record.content_type == 23" 2>/dev/null | grep -c . || return 1
    done | uniq -c | tee "$work/read" | grep -qx " *2 $sent" || { cat "$work/read"; return 1; }
}
check 'Wireshark reads the messages with the key log' messages_read
check 'nobody else reads the sessions' [ "$(stat -c %a "$pcap.sessions")" = 600 ]
check 'what clients send alone' record -c 3 -r 100 -d 1s --pcap sent
check 'has none of the answers' [ "$(packets -Y "ip.src == $gateway_ip4")" = 0 ]
check 'and the handshakes' [ "$(packets)" -gt "$sent" ]

check 'messages alone, of thirty clients' record -c 30 -r 600 -d 2s -s 64-1200 --pcap data
check 'are all that is there' [ "$(packets)" = "$sent" ]
check 'and every session' [ "$(wc -l <"$pcap.sessions")" = 31 ]
consumer_stop echo
check 'the gateway stops' gateway_stop

gateway_config 'connection_ids: true' 'benchmark: true'
gateway_options=(--preload-sessions "$pcap.sessions")
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo
check 'another gateway is given them' counter_is .total.sessions '== 30'
check 'tcpreplay sends the capture' replay
check 'every message arrives' wait_counter 10 .total.events.delivered "== $sent"
check 'and is echoed' wait_counter 10 .total.events.tx_records "== $sent"
check 'once more' replay
check 'each is known as a copy' wait_counter 10 '.total.drops | (.replay + .replay_old)' "== $sent"
check_equation
consumer_stop echo
check 'and stops as well' gateway_stop
