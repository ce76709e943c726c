#!/usr/bin/env bash
# sluice-load, over kernel sockets: against our gateway and sluice-echo, against openssl s_server,
# and against servers that are not what they should be, each with its sentence and exit status.
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
trusting=(--ca "$pki/ca.crt" --name localhost)
shows() { grep -qE -- "$1" "$work/load.out" || { cat "$work/load.out"; return 1; }; }
exact='.messages | .sent > 0 and .sent == .echoed + .late + .lost'

gateway_config
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo
to=$gateway_ip4:$port

check '200 clients, 2,000 messages a second for three seconds' load 0 "${trusting[@]}" -c 200 -r 2k -d 3s \
    -s 64-1000 --csv "$work/run.csv" --plot "$work/run.png" "$to"
check 'all sent are echoed, late or lost' holds "$exact"
check 'nearly all are echoed' holds '.messages | .sent > 5500 and .echoed > 0.9 * .sent'
check 'every handshake completed, with a connection ID' holds \
    '.handshakes | .begun == 200 and .completed == 200 and .with_cid == 200 and .failed == 0'
check 'latency was measured' holds '.messages.latency_us | .count > 5000 and .p50 > 1 and .p50 <= .p99 and .p99 <= .max'
check 'the series adds up to the whole' holds '([.series[].sent] | add) == .messages.sent and ([.series[].echoed] | add) == .messages.echoed'
check 'the table has all of it' shows 'echoed .* %'
check 'Python reads the JSON too' python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$json"
check 'the CSV has a row for each interval' \
    [ "$(wc -l <"$work/run.csv")" = "$(jq '1 + (.series | length)' "$json")" ]
check 'and the same columns in each' awk -F, 'NR == 1 { n = NF } NF != n { exit 1 } END { exit NR < 20 }' "$work/run.csv"
check 'a plot was drawn' [ "$(head -c 4 "$work/run.png" | tail -c 3)" = PNG ]
cp "$json" "$work/first.json"

check 'without connection IDs, over IPv6, at random' load 0 "${trusting[@]}" -c 20 -r 500 -d 2s --poisson --cid none \
    "[$gateway_ip6]:$port"
check 'all sent are echoed, late or lost, again' holds "$exact and (.lost + .late) < 0.2 * .sent"
check 'none carried a connection ID' holds '.handshakes.with_cid == 0'
check 'two runs side by side' "$sluice_load" report --plot "$work/both.svg" "$work/first.json" "$json"
check 'and over each other' grep -q '</svg>' "$work/both.svg"

check 'sessions that end and begin anew, and clients that move' load 0 "${trusting[@]}" -c 50 -r 500 -d 3s --churn 20 \
    --rebind 10% "$to"
check 'they did' holds '.handshakes.completed > 90 and .counters.rebound > 10'
check 'and every message ended once' holds "$exact"
check 'ClientHellos from the sockets of clients that have a session' load 0 "${trusting[@]}" -c 20 -r 500 -d 2s \
    --flood-hello 300 "$to"
check 'are answered, which is counted and disturbs nobody' holds "($exact) and (.messages | .echoed > 0.9 * .sent) and
    .counters.flood_answers > 300 and .counters.flood_answers <= .floods.hello and .handshakes.completed == 20"
says_of_floods() { grep -aE 'ClientHellos without a cookie$' "$work/load.out" && grep -aE "^ +$1\$" "$work/load.out"; }
check 'the table calls no address false that is none' says_of_floods "from the clients' own sockets: no address is false"
check 'a handshake storm' load 0 "${trusting[@]}" -c 20 --storm 100 -d 2s "$to"
check 'it came to most of what was asked for' holds '.handshakes.completed > 150 and .messages.sent == 0'
check 'clients that are silent in turn' load 0 "${trusting[@]}" -c 5 -r 500 -d 2s --idle 500ms/500ms "$to"
check 'half of the time' holds '.messages.sent > 350 and .messages.sent < 650'
check 'the highest rate, within bounds' load 0 "${trusting[@]}" -c 50 --find-max --max-loss 50% --trial 300ms --settle 100ms \
    --from-rate 500 --to-rate 2k --late-after 300ms "$to"
check 'is the upper bound' holds '.search.end == "ceiling" and .search.rate == 2000'
check 'a search that loses' load 0 "${trusting[@]}" -c 4 --find-max --max-loss 90% --trial 200ms --settle 100ms \
    --from-rate 300 --to-rate 600 --late-after 2ms --size 64 "$to"
check 'has an end for every message of each trial' holds '[.search.trials[] | .sent == .echoed + .late + .lost] | all'
ln -s /dev/full "$work/full.pcap"
check 'a capture on a full disk' load 1 "${trusting[@]}" -r 100 -d 500ms --write-pcap "$work/full.pcap" "$to"
check 'fails the run' says 'could be written'
check 'two engines, a core each' load 0 "${trusting[@]}" -c 40 -r 1k -d 1s --cores 2 "$to"
check 'have all clients and messages' holds "(.handshakes.completed == 40) and ($exact)"
cat >"$work/scenario.yaml" <<END
server: {address: "$to", ca: pki/ca.crt, name: localhost}
clients: {count: 10, from: "$peer_ip4:20000-20099"}
data: {rate: 200, duration: 1s}
END
check 'messages as large as a datagram holds' load 0 "${trusting[@]}" -c 5 -r 200 -d 500ms -s 1420 "$to"
check 'are sent and echoed' holds '.messages | .sent > 90 and .echoed > 0.95 * .sent'
check 'messages larger than a datagram holds' load 1 "${trusting[@]}" -c 5 -r 200 -d 500ms -s 1440 "$to"
check 'are told' says 'too large for a datagram'
check 'a scenario from a file, and a flag over it' load 0 -f "$work/scenario.yaml" -c 11
check 'both count' holds '.scenario.clients.count == 11 and .handshakes.completed == 11 and .scenario.data.rate == 200'

# What goes wrong, each with its sentence, counters and status.
check 'an authority that did not sign' load 1 --ca "$pki/other-ca.crt" --name localhost -d 1s "$to"
check 'is a matter of the certificate' says 'certificate'
check 'no session came up' says 'no session came up; 1 of 1 handshakes failed'
check 'and the counters are there' shows '^handshakes +1 begun, 0 completed .*, 1 failed'
check 'a name that the certificate does not have' load 1 --ca "$pki/ca.crt" --name elsewhere.test -d 1s "$to"
digest=$(openssl x509 -in "$pki/server.crt" -noout -fingerprint -sha256 | cut -d= -f2)
check 'a fingerprint instead' load 0 --fingerprint "$digest" -r 100 -d 500ms "$to"
check 'a wrong one' load 1 --fingerprint "${digest//[0-4]/5}" -r 100 -d 500ms "$to"
check 'is refused' says 'no session came up'
check 'a loss that was not allowed' load 1 "${trusting[@]}" -r 100 -d 500ms --late-after 1ms --max-loss 0 -c 1 "[$gateway_ip6]:1"

# Nobody there: a socket that never answers.
on_peer python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 4499)); time.sleep(60)' &
silent_pid=$!
at_exit gateway_kill $silent_pid
sleep 0.3
check 'a silent server' load 1 --insecure -c 3 --handshake-timeout 1s --first-timeout 200ms 127.0.0.1:4499
check 'did not bring up a session' says 'no session came up; 3 of 3 handshakes failed'
check 'a port where nobody listens' load 1 --insecure --handshake-timeout 1s 127.0.0.1:4498
check 'is told' says 'nobody listened on the server'"'"'s port'

# A signal ends a run well.
interrupt() { # EXIT-STATUS ARG..: SIGINT after a second
    local wanted=$1 pid
    shift
    ip netns exec "$peer_ns" "$sluice_load" --json "$json" "${trusting[@]}" -c 10 -r 200 "$@" "$to" >"$work/load.out" 2>"$work/load.err" &
    pid=$!
    sleep 1.5
    kill -INT $pid
    wait $pid
    local status=$?
    cat "$work/load.out" "$work/load.err"
    [ $status = "$wanted" ]
}
check 'Ctrl-C ends a run' interrupt 130 -d 50s
check 'it says how far it came' says 'interrupted after'
check 'with the table' shows '^messages +sent'
check 'and every message ended' holds ".end == \"interrupt\" and ($exact)"
check 'a run without an end ends so' interrupt 0 -d forever
check 'timeout(1), which signals twice at once, ends a run well, too' \
    [ "$(on_peer timeout 1.5 "$sluice_load" "${trusting[@]}" -q -c 10 -r 200 -d forever --json "$json" "$to" >"$work/load.out"; echo $?)" = 124 ]
check 'and every message ended once' holds ".end == \"interrupt\" and ($exact)"

# openssl s_server takes one client at a time, and does not echo; it would end with its input.
mkfifo "$work/s_server.in"
exec {s_server_in}<>"$work/s_server.in"
ip netns exec "$peer_ns" openssl s_server -dtls1_2 -accept 127.0.0.1:4433 -cert "$pki/server.crt" -key "$pki/server.key" \
    <"$work/s_server.in" >"$work/s_server.out" 2>&1 &
at_exit gateway_kill $!
sleep 0.5
check 'openssl s_server, a session after the other' load 0 "${trusting[@]}" -r 200 -d 2s --churn 2 --resume --no-echo 127.0.0.1:4433
check 'took the messages, and resumed the sessions' \
    holds '.messages.sent > 300 and .handshakes.completed > 3 and .handshakes.resumed == .handshakes.completed - 1'
check 'and got what was sent' [ "$(stat -c %s "$work/s_server.out")" -ge "$(jq .counters.sent_bytes "$json")" ]

# A server that dies in the middle, and one that dies when the run is nearly over.
(sleep 2.6; kill -9 "$echo_pid") &
killer=$!
check 'a server that falls silent before the end' load 1 "${trusting[@]}" -c 20 -r 500 -d 3s "$to"
wait $killer
check 'has stopped answering, too' says 'the server stopped answering: nothing has come back since'
consumer_start echo "$sluice_echo" -s "$consumers" echo
check_equation
(sleep 2.5; kill -9 "$gateway_pid") &
killer=$!
check 'a server killed in the middle' load 1 "${trusting[@]}" -c 20 -r 500 -d 5s --late-after 500ms "$to"
wait $killer
check 'has stopped answering' says 'the server stopped answering: nothing has come back since'
check 'and every message ended once all the same' holds "$exact and .lost > 500"
consumer_stop echo

# What is no file is not removed, as that is where a run that could not be made leaves nothing.
mknod "$work/null" c 1 3
check 'a run that can not be made' load 1 --ca "$work/nothing.crt" --csv "$work/null" "$to"
check 'removes no device' [ -c "$work/null" ]
check 'but what it began' [ ! -e "$json" ]

# Misuse.
check 'without a way to recognize the server' load 2 "$to"
check 'the ways are named' says 'Choose --ca FILE'
check 'a scenario with a mistake' bash -c 'echo "data: {rat: 1}" >"$1/bad.yaml"; "$2" -f "$1/bad.yaml" 2>"$1/load.err"; [ $? = 2 ]' \
    bash "$work" "$sluice_load"
check 'names the line' says "bad.yaml:1: unknown key 'rat' (did you mean 'rate'?)"
