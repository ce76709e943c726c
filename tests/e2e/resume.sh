#!/usr/bin/env bash
# Clients that come back: sluice-load resumes its sessions by tickets, with and without a certificate
# of its own; both sides count the same.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump
. "$support/load.sh"
clients=20
# A client that goes away takes its session with it, and comes back at once.
coming_back=(--ca "$pki/ca.crt" --name localhost -c $clients -r 100 -d 3s --churn 20 --resume)
mutual=(--cert "$pki/client.crt" --key "$pki/client.key")
services() { # [LINE..]
    gateway_config "listeners: [{port: $port, service: echo}, {port: 4434, service: mutual}]" \
        "services: [{name: mutual, trust: {ca_file: $pki/ca.crt}}]" "$@"
    gateway_start || exit
    consumer_start echo "$sluice_echo" -s "$consumers" echo
    consumer_start both "$sluice_echo" -s "$consumers" mutual
}
total() { jq -r ".handshakes.$1" "$json"; }
gateway_counted() { # RESUMED ISSUED DECLINED
    wait_counter 5 ".handshake | [.resumed, .ticket_issued, .ticket_declined]" "== [$1, $2, $3]" ||
        { counter .handshake; return 1; }
}

services
check 'clients that come back' load 0 "${coming_back[@]}" "$gateway_ip4:$port"
check 'resume all but their first sessions' \
    holds ".handshakes | .completed > 2 * $clients and .resumed == .completed - $clients and .failed == 0"
check 'with what they send echoed' holds '.messages | .echoed > 0 and .sent == .echoed + .late + .lost'
resumed=$(total resumed)
check 'the gateway has counted as many, and a ticket for each full handshake' gateway_counted "$resumed" $clients 0
check 'connection IDs are negotiated each time' holds '.handshakes | .with_cid == .completed'
consumer_start cat "$sluice_cat" -s "$consumers" --json mutual
consumer_stop both
check 'clients with certificates come back' load 0 "${coming_back[@]}" "${mutual[@]}" --no-echo "$gateway_ip4:4434"
check 'and resume theirs' \
    holds ".handshakes | .completed > 2 * $clients and .resumed == .completed - $clients and .failed == 0"
resumed=$((resumed + $(total resumed)))
check 'the gateway has counted these, too' gateway_counted "$resumed" $((2 * clients)) 0
opened() { jq -s '[.[] | select(.event == "open")]' "$work/cat.out"; }
all_known() { # each open event names the client; a session that ended before it sent anything has none
    opened >"$work/opened"
    jq -c '.[0]' "$work/opened"
    jq -e --argjson clients $clients 'length > $clients and all(.[]; .peer.method == "certificate" and (.peer.subject | test("client-1")))' "$work/opened"
}
check 'and told the consumer who each is' wait_for 10 all_known
check 'without a certificate nobody comes in' load 1 "${coming_back[@]}" "$gateway_ip4:4434"
check_equation
check 'the gateway ends cleanly' gateway_stop
consumer_stop cat

services 'session_tickets: false'
check 'without tickets clients come back' load 0 "${coming_back[@]}" "$gateway_ip4:$port"
check 'by full handshakes' holds ".handshakes | .completed > 2 * $clients and .resumed == 0 and .failed == 0"
check 'and the gateway has none to give' gateway_counted 0 0 0
check_equation
check 'the gateway ends cleanly' gateway_stop

# Started with pre-shared keys alone: the first certificate comes by a reload, and tickets with it.
echo "anna:$(openssl rand -hex 16)" >"$work/psk"
chmod 600 "$work/psk"
gateway_config "trust: {psk_file: $work/psk}"
sed -i '/^certificates:/d' "$config"
gateway_start || exit
consumer_start bare "$sluice_echo" -s "$consumers" echo
gateway_config
check 'a gateway without a certificate gets one by a reload' \
    eval '"$sluice_ctl" -s "$control" reload | grep -q "^reloaded .* certificates: 1"'
check 'clients come back to it' load 0 "${coming_back[@]}" "$gateway_ip4:$port"
check 'and resume all but their first sessions' \
    holds ".handshakes | .completed > 2 * $clients and .resumed == .completed - $clients and .failed == 0"
check_equation
check 'the gateway ends cleanly' gateway_stop
