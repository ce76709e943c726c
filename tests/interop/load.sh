#!/usr/bin/env bash
# sluice-load against other people's servers: `openssl s_server`, Mbed TLS with connection IDs, and
# `gnutls-serv`. The same cases over kernel sockets and through DPDK.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
sluice_load=$build/app/load/sluice-load
json=$work/run.json
server_log=$work/server.log
at_failure show_ends
show_ends() { # s_server prints what it receives
    echo '--- the last run:'
    cat "$work/load.out" "$work/load.err"
    echo '--- its server:'
    strings -n 12 "$server_log" | tail -n 20
}

# The generator is in the gateway's place, and the servers are the kernel's on the other side.
sockets_up() {
    on_gateway sysctl -qw net.ipv6.conf.sl0.disable_ipv6=0 net.ipv6.conf.sl0.accept_ra=0
    ip -n "$gateway_ns" addr add $gateway_ip4/24 dev sl0
    ip -n "$gateway_ns" addr add $gateway_ip6/64 dev sl0 nodad
}
sockets_port() { wrapper=() port_arguments=(); }

af_xdp_up() { # the kernel has no address there, and says nothing
    ip -n "$gateway_ns" addr flush dev sl0
    on_gateway sysctl -qw net.ipv6.conf.sl0.disable_ipv6=1
}
af_xdp_port() { # SERVER; without huge pages, of which others may have what there is
    local from=$gateway_ip4
    [[ $1 != \[* ]] || from=$gateway_ip6
    wrapper=("${no_hugepages[@]}") port_arguments=(--interface sl0 --driver af_xdp --from "$from")
}

# load EXIT-STATUS ARG..: a run, against the server that the last of them names.
load() {
    local wanted=$1 status
    shift
    "${over}_port" "${!#}"
    rm -f "$json"
    on_gateway timeout 60 "${wrapper[@]}" "$sluice_load" "${port_arguments[@]}" --json "$json" "$@" >"$work/load.out" 2>"$work/load.err"
    status=$?
    cat "$work/load.out" "$work/load.err"
    [ $status != 1 ] || ! was_only_slow || status=0
    [ $status = "$wanted" ] || { echo "exit status $status, and not $wanted"; return 1; }
}
# That a rate was not reached says nothing of two who talk to each other.
was_only_slow() {
    jq -e '.sentences | length > 0 and all(test("messages a second were asked for|after its time"))' "$json"
} >/dev/null 2>&1
says() { grep -qE -- "$1" "$work/load.err" || { cat "$work/load.err"; return 1; }; }
holds() { jq -e "$1" "$json" || { jq 'del(.series, .messages.latency_curve, .handshakes.time_curve)' "$json"; return 1; }; }

# attempt EXIT-STATUS COMMAND ARGUMENT ARG..: a run, and COMMAND ARGUMENT of what came out. A run for
# most of which somebody had to wait for a processor says nothing when it went wrong: twice more.
attempt() {
    local wanted=$1 outcome=("$2" "$3") tries=3
    shift 3
    while true; do
        waited=$(waited_us) began=${EPOCHREALTIME/./}
        load "$wanted" "$@" && "${outcome[@]}" && return 0
        [ $((--tries)) -gt 0 ] && [ $((2 * ($(waited_us) - waited))) -gt $((${EPOCHREALTIME/./} - began)) ] || return 1
        echo '--- once more'
    done
}
waited_us() { sed -n 's/^some .*total=//p' /proc/pressure/cpu 2>/dev/null || echo 0; }

# A run that has to succeed, and of which CONDITION must hold beside what always does.
run() { # WHAT CONDITION ARG..
    check "$1, over $over" attempt 0 holds "$sound and ($2)" "${@:3}"
}
# One that has to fail with a sentence.
fails() { # WHAT SENTENCE ARG..
    check "$1, over $over" attempt 1 says "$2" --handshake-timeout 2s --first-timeout 500ms "${@:3}"
}
sound='(.handshakes | .begun == .completed and .failed == 0) and (.messages | .sent > 0)'
exact='(.messages | .sent == .echoed + .late + .lost and .lost <= 0.05 * .sent)'
without_cid='.handshakes.with_cid == 0'
renewed='(.handshakes | .completed > 2 and .resumed == .completed - 1)' # by one client

# serve COMMAND..: in the peer's namespace, for a minute at most, until it listens.
mkfifo "$work/quiet"
exec {quiet}<>"$work/quiet" # an input that says nothing, and does not end
serve() {
    ip netns exec "$peer_ns" timeout 60 "$@" <&"$quiet" >"$server_log" 2>&1 &
    server_pid=$!
    at_exit gateway_kill $server_pid
    wait_for 10 listens || fail "$1 listens" "$(tail -n 20 "$server_log")"
}
listens() { ended "$server_pid" || [ -n "$(on_peer ss -Hnul "sport = :$port")" ]; }
serve_no_more() {
    ended "$server_pid" || kill -TERM "$server_pid"
    wait "$server_pid"
    return 0 # however it ended
}
logged() { grep -aqE -- "$1" "$server_log" || { strings -n 12 "$server_log" | tail -n 40; return 1; }; }
served() { # what mbedtls_server has counted, by name, in awk
    serve_no_more
    sed -n 's/^SERVED //p' "$server_log" | tr ' ' '\n' | awk -F= '{ print; n[$1] = $2 } END { exit !('"$1"') }'
}

to4=$peer_ip4:$port to6=[$peer_ip6]:$port
trusting=(--ca "$pki/ca.crt" --name localhost)
known=(--cert "$pki/client.crt" --key "$pki/client.key")
stranger=(--cert "$pki/other.crt" --key "$pki/other.key")
psk_key=00112233445566778899aabbccddeeff
echo "alice:$psk_key" | tee "$work/psk" >"$work/gnutls.psk"
echo "alice:${psk_key/00/01}" >"$work/wrong.psk"
echo "bob:$psk_key" >"$work/unknown.psk"
unfinished='handshakes failed: the server began to answer, and did not finish the handshake'
refused_alert() { echo "handshakes failed: the server answered alert $1 "; }
not_trusted="handshakes failed: the server's certificate is not trusted: "

# One client at a time; what it gets it prints, and does not send back.
openssl_cases() {
    local suite one=(--no-echo -c 1 -r 500 -d 500ms) s_server=(openssl s_server -dtls1_2 -accept "$port")
    local certified=("${s_server[@]}" -cert "$pki/server.crt" -key "$pki/server.key" -dcert "$pki/server-rsa.crt" -dkey "$pki/server-rsa.key")
    serve "${certified[@]}"
    for suite in ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-AES128-GCM-SHA256; do
        run "s_server under $suite" "$without_cid" "${trusting[@]}" "${one[@]}" --suites $suite "$to4"
        check '  under no other' logged "^CIPHER is $suite"
    done
    run 's_server by IPv6, messages of all lengths' "$without_cid" "${trusting[@]}" "${one[@]}" -s 16-1300 "$to6"
    run 's_server resumes from a ticket' "$renewed" "${trusting[@]}" "${one[@]}" -d 2s --churn 2 --resume "$to4"
    check '  by its own word' logged '^Reused session-id'
    fails 's_server with a certificate of another authority' "$not_trusted" --ca "$pki/other-ca.crt" --name localhost "${one[@]}" "$to4"
    fails 's_server with another name' "${not_trusted}hostname mismatch" --ca "$pki/ca.crt" --name elsewhere.test "${one[@]}" "$to4"
    serve_no_more

    serve "${certified[@]}" -no_ticket
    run 's_server resumes by session ID' "$renewed" "${trusting[@]}" "${one[@]}" -d 2s --churn 2 --resume "$to4"
    serve_no_more

    serve "${certified[@]}" -CAfile "$pki/ca.crt" -Verify 1 -verify_return_error
    run 's_server asks for a certificate' true "${trusting[@]}" "${known[@]}" "${one[@]}" "$to4"
    check '  and has it' logged 'subject=.*client-1|Client certificate'
    fails 's_server gets none' "$(refused_alert 40)" "${trusting[@]}" "${one[@]}" "$to4"
    fails 's_server gets one that it does not trust' "$(refused_alert 48)" "${trusting[@]}" "${stranger[@]}" "${one[@]}" "$to4"
    serve_no_more

    serve "${s_server[@]}" -nocert -psk_identity alice -psk $psk_key
    run 's_server with a pre-shared key' true --psk "$work/psk" "${one[@]}" "$to4"
    fails 's_server has another key' "$unfinished" --psk "$work/wrong.psk" "${one[@]}" "$to4"
    serve_no_more
}

# Connection IDs, each side's of its own length; many clients.
mbedtls_cid_case() { # SERVER'S OURS WITH-CID
    local wanted="connection IDs: $1 bytes from the client, $2 to it" records='== 0'
    [ $3 != 0 ] || wanted='no connection ID'
    [ $3 = 0 ] || [ $1 = 0 ] || records='>= n["messages"]'
    serve "${mbedtls_server[@]}" cid=$1
    run "Mbed TLS, connection IDs of $1 bytes there and $2 here" "$exact and .handshakes.with_cid == $3" \
        "${trusting[@]}" -c 10 -r 500 -d 500ms --cid $2 "$to4"
    check '  which were negotiated' logged "$wanted"
    check '  and used in each record' served "n[\"handshakes\"] >= 10 && n[\"cid_records\"] $records"
}

mbedtls_cases() {
    local suite mbedtls_server=("$peers/mbedtls_server" host="$peer_ip4" port="$port")
    local bare=("${mbedtls_server[@]}") many=(-c 10 -r 500 -d 500ms)
    mbedtls_server+=(cert="$pki/server.crt" key="$pki/server.key")
    mbedtls_cid_case 8 8 10
    mbedtls_cid_case 0 8 10
    mbedtls_cid_case 1 20 10
    mbedtls_cid_case 20 1 10
    mbedtls_cid_case 8 0 10
    mbedtls_cid_case 0 0 0
    mbedtls_cid_case off 8 0
    mbedtls_cid_case 8 none 0

    serve "${mbedtls_server[@]}"
    for suite in AES128-GCM-SHA256 AES256-GCM-SHA384 CHACHA20-POLY1305; do
        run "Mbed TLS under $suite" "$exact and .handshakes.with_cid == 10" "${trusting[@]}" "${many[@]}" --suites ECDHE-ECDSA-$suite "$to4"
    done
    check '  AES with 128 bits' logged 'SESSION TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256'
    check '  AES with 256 bits' logged 'SESSION TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384'
    check '  ChaCha20' logged 'SESSION TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256'
    fails 'Mbed TLS with a certificate of another authority' "$not_trusted" --ca "$pki/other-ca.crt" --name localhost "${many[@]}" "$to4"
    serve_no_more

    serve "${bare[@]}" cert="$pki/server-rsa.crt" key="$pki/server-rsa.key" host=$peer_ip6
    run 'Mbed TLS by IPv6, with RSA, messages of all lengths' "$exact" "${trusting[@]}" "${many[@]}" -s 16-1200 "$to6"
    serve_no_more

    serve "${mbedtls_server[@]}" swallow=10
    run 'Mbed TLS, every tenth message is not answered' \
        '.messages | .sent == .echoed + .late + .lost and .lost >= 0.09 * .sent and .lost <= 0.15 * .sent' \
        "${trusting[@]}" -c 97 -r 2k -d 1s "$to4"
    at_least=$(jq '.messages.echoed + .messages.late' "$json")
    check '  and what it answered has arrived' served "n[\"echoed\"] >= $at_least && n[\"echoed\"] < 0.91 * n[\"messages\"]"

    serve "${mbedtls_server[@]}"
    run 'Mbed TLS, clients that change their ports' "$exact and .counters.rebound >= 5" "${trusting[@]}" "${many[@]}" -d 1s --rebind 100% "$to4"
    check '  and are found' served 'n["moves"] >= 5'

    for how in ticket id; do
        serve "${mbedtls_server[@]}" resume=$how
        run "Mbed TLS resumes, $how" "$exact and .handshakes.resumed > 0 and .handshakes.resumed == .handshakes.completed - 10" \
            "${trusting[@]}" "${many[@]}" -d 1s --churn 20 --resume "$to4"
        check '  by its own word' served "n[\"resumed\"] >= $(jq .handshakes.resumed "$json")"
    done

    serve "${mbedtls_server[@]}" client_ca="$pki/ca.crt"
    run 'Mbed TLS asks for certificates' "$exact" "${trusting[@]}" "${known[@]}" "${many[@]}" "$to4"
    fails 'Mbed TLS gets none' "$unfinished" "${trusting[@]}" -d 100ms "$to4"
    fails 'Mbed TLS gets one that it does not trust' "$(refused_alert 48)" "${trusting[@]}" "${stranger[@]}" -d 100ms "$to4"
    serve_no_more

    serve "${bare[@]}" psk=alice:$psk_key
    run 'Mbed TLS with a pre-shared key' "$exact" --psk "$work/psk" "${many[@]}" "$to4"
    check '  under a suite for it' logged 'SESSION TLS-[A-Z]*-?PSK-WITH'
    fails 'Mbed TLS has another key' "$(refused_alert 20)" --psk "$work/wrong.psk" "${many[@]}" "$to4"
    fails 'Mbed TLS does not know the identity' "$(refused_alert 115)" --psk "$work/unknown.psk" "${many[@]}" "$to4"
    serve_no_more

    serve "${mbedtls_server[@]}" close_after=10
    fails 'Mbed TLS ends its sessions' '10 sessions were closed by the server' "${trusting[@]}" "${many[@]}" "$to4"
    serve_no_more
    serve "${mbedtls_server[@]}" exit_after=100
    fails 'Mbed TLS dies' 'the server stopped answering' "${trusting[@]}" "${many[@]}" -d 1s --late-after 500ms "$to4"
    check '  and the messages are lost' holds '.messages | .sent == .echoed + .late + .lost and .lost > 200'
    serve_no_more
}

# One client at a time; it sends back what is longer than 254 bytes in pieces.
gnutls_cases() {
    local suite one=(-c 1 -r 500 -d 500ms) gnutls_serv=(gnutls-serv --udp --echo --quiet -p "$port")
    local certified=("${gnutls_serv[@]}" --x509certfile "$pki/server.crt" --x509keyfile "$pki/server.key"
        --x509certfile "$pki/server-rsa.crt" --x509keyfile "$pki/server-rsa.key")
    serve "${certified[@]}"
    for suite in ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-AES128-GCM-SHA256; do
        run "gnutls-serv under $suite" "$exact and $without_cid" "${trusting[@]}" "${one[@]}" --suites $suite "$to4"
    done
    run 'gnutls-serv by IPv6, all lengths that it echoes' "$exact and $without_cid" "${trusting[@]}" "${one[@]}" -s 16-254 "$to6"
    fails 'gnutls-serv cuts longer ones' 'echoes were not what had been sent' "${trusting[@]}" "${one[@]}" -s 256-1200 "$to6"
    check '  and none counts as echoed' holds '.messages | .echoed + .late == 0 and .lost == .sent'
    run 'gnutls-serv resumes from a ticket' "$exact and $renewed" "${trusting[@]}" "${one[@]}" -d 2s --churn 2 --resume "$to4"
    fails 'gnutls-serv with a certificate of another authority' "$not_trusted" --ca "$pki/other-ca.crt" --name localhost "${one[@]}" "$to4"
    serve_no_more

    serve "${certified[@]}" --noticket
    run 'gnutls-serv resumes by session ID' "$exact and $renewed" "${trusting[@]}" "${one[@]}" -d 2s --churn 2 --resume "$to4"
    serve_no_more

    serve "${certified[@]}" --x509cafile "$pki/ca.crt" --require-client-cert --verify-client-cert
    run 'gnutls-serv asks for a certificate' "$exact" "${trusting[@]}" "${known[@]}" "${one[@]}" "$to4"
    fails 'gnutls-serv gets one that it does not trust' "$(refused_alert 49)" "${trusting[@]}" "${stranger[@]}" "${one[@]}" "$to4"
    serve_no_more
    serve "${certified[@]}" --x509cafile "$pki/ca.crt" --require-client-cert
    fails 'gnutls-serv gets none' "$unfinished" "${trusting[@]}" "${one[@]}" "$to4"
    serve_no_more

    serve "${gnutls_serv[@]}" --pskpasswd "$work/gnutls.psk" --priority NORMAL:-KX-ALL:+ECDHE-PSK:+PSK
    run 'gnutls-serv with a pre-shared key' "$exact" --psk "$work/psk" "${one[@]}" "$to4"
    fails 'gnutls-serv has another key' "$unfinished" --psk "$work/wrong.psk" "${one[@]}" "$to4"
    serve_no_more
}

for over in sockets af_xdp; do
    "${over}_up"
    openssl_cases
    mbedtls_cases
    gnutls_cases
done
