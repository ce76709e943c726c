#!/usr/bin/env bash
# The gateway as a client: sessions that it begins itself, with the servers of others and with
# another gateway; what a server has to be, and what becomes of one that goes away.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

connections() { "$sluice_ctl" -s "$control" connections; }
is_connection() { connections | grep -E "^$1"; } # PATTERN
heard() { grep -qE "$1" "$work/cat.out"; }       # what sluice-cat prints

# A server of each kind, in the peer's namespace.
s_server() { # ARG..
    rm -f "$work/s_server.in"
    mkfifo "$work/s_server.in"
    exec {s_server_fd}<>"$work/s_server.in"
    ip netns exec "$peer_ns" openssl s_server -dtls1_2 -accept "$peer_ip4:$port" -naccept 100 \
        -cert "$pki/server.crt" -key "$pki/server.key" "$@" <"$work/s_server.in" >"$work/s_server.out" 2>&1 &
    server_pid=$!
    at_exit gateway_kill $server_pid
}
mbedtls_server() { # OPTION..
    ip netns exec "$peer_ns" "$peers/mbedtls_server" host="$peer_ip4" port=$port cert="$pki/server.crt" \
        key="$pki/server.key" "$@" >"$work/mbedtls_server.out" 2>&1 &
    server_pid=$!
    at_exit gateway_kill $server_pid
}
server_end() { kill "-${1:-TERM}" "$server_pid"; wait "$server_pid" 2>/dev/null; }
fingerprint=$(openssl x509 -in "$pki/server.crt" -noout -fingerprint -sha256 | cut -d= -f2)

entry() { # FIELD..: of a connection to the peer, retried at once
    local fields="name: upstream, address: \"$peer_ip4:$port\", service: relay, retry_max_s: 1"
    printf 'connect: [{%s%s}]' "$fields" "$(printf ', %s' "$@")"
}
is_refused() { # PATTERN
    ! "$sluice" check -c "$config" 2>"$work/check.err" && cat "$work/check.err" && grep -qE "$1" "$work/check.err"
}

gateway_config "$(entry "trust: {ca_file: $pki/ca.crt}")"
check 'a CA without a name is refused' is_refused ':[0-9]+: CA file .* without the server.s name'
gateway_config "$(entry)"
check 'an entry that says nothing of whom to take is refused' is_refused 'nothing says how to check the server'
gateway_config "$(entry 'expect: {fingerprints: [AA]}')"
check 'so is a fingerprint that is none' is_refused ':[0-9]+: '

gateway_config "$(entry "trust: {ca_file: $pki/ca.crt}" 'server_name: localhost' 'handshake_timeout_s: 4' "certificate: $pki/client.crt" \
    "key: $pki/client.key")" 'idle_timeout_s: 5'
gateway_start || exit
consumer_start cat "$sluice_cat" -s "$consumers" --greet 'hello upstream' relay
check 'nobody there: it says why, and tries again' wait_for 30 is_connection 'upstream .*attempts [2-9].*last: no answer'
s_server -CAfile "$pki/ca.crt" -Verify 1 -verify_return_error
check 'openssl s_server: the session comes up' wait_for 20 is_connection 'upstream up'
check 'its consumer hears of it, and who it is' wait_for 10 heard "^open .*peer=$peer_ip4 port=$port"
check 'what the consumer sends arrives' wait_for 10 grep -q 'hello upstream' "$work/s_server.out"
echo 'hello gateway' >&$s_server_fd
check 'and what the server sends' wait_for 10 heard '^data .*hello gateway'
server_end KILL
check 'a server that dies without a word is found out by its silence' wait_for 30 heard '^close .*idle'
mbedtls_server cid=6 client_ca="$pki/ca.crt" close_after=1
check 'Mbed TLS, with connection IDs: up again by itself' wait_for 30 heard '^open .*cid_len=8'
check 'and the echo of the greeting' wait_for 10 heard '^data .*hello upstream'
check 'a server that closes a session is taken at its word' wait_for 20 heard '^close .*the peer closed'
opened_again() { [ "$(grep -c '^open .*cid_len=8' "$work/cat.out")" -ge 2 ]; }
check 'and another one is begun' wait_for 20 opened_again
check_equation
consumer_stop cat
check 'it ends in good order' gateway_stop
server_end

gateway_config "$(entry "expect: {fingerprints: [\"$fingerprint\"]}")"
sed -i '/^listeners:/d; /^certificates:/d' "$config" # a client only
gateway_start || exit
mbedtls_server cid=off
check 'a fingerprint that is expected: up, without connection IDs' wait_for 20 is_connection 'upstream up'
check 'from a gateway that is no server, and has no certificate' test "$("$sluice_ctl" -s "$control" certificates)" = none
check 'which reloads what there is to reload' eval '"$sluice_ctl" -s "$control" reload | grep -q "^reloaded "'
check 'nobody is served there' refused 'no session came up' on_peer timeout 20 "$build/app/load/sluice-load" \
    --insecure -c 1 --handshake-timeout 1s --first-timeout 200ms "$gateway_ip4:$port"
check 'the session goes on' is_connection 'upstream up .* opened 1,'
server_end KILL
check 'a gateway whose server is gone ends in good order' gateway_stop

other=$(openssl x509 -in "$pki/other.crt" -noout -fingerprint -sha256 | cut -d= -f2)
gateway_config "$(entry "expect: {fingerprints: [\"$other\"]}")"
gateway_start || exit
consumer_start cat2 "$sluice_cat" -s "$consumers" --greet 'secret' relay
mbedtls_server cid=8
check 'a certificate that is not the one expected: refused, with the reason' \
    wait_for 20 is_connection 'upstream .*last: the server.s certificate is not the one that is expected'
check 'again and again' wait_for 20 is_connection 'upstream .* attempts [3-9]'
check 'the server was told so' wait_for 10 grep -q '^REFUSED' "$work/mbedtls_server.out"
check 'and no consumer heard of it' test ! -s "$work/cat2.out"
check 'no session has opened' counter_is .total.events.sessions_opened '== 0'
check_equation
consumer_stop cat2
check 'one whose server is not trusted does, too' gateway_stop
server_end

# A reload: the files of an entry, and the entries themselves.
cp "$pki/other.crt" "$work/own.crt" && cp "$pki/other.key" "$work/own.key"
first="name: upstream, address: \"$peer_ip4:$port\", service: relay, retry_max_s: 1, certificate: $work/own.crt"
own="key: $work/own.key"
expected="expect: {fingerprints: [\"$fingerprint\"]}"
second="name: second, address: \"$peer_ip4:4434\", service: relay, retry_max_s: 1, $expected"
reload() { "$sluice_ctl" -s "$control" reload; }
reload_says() { reload >"$work/reload.out" 2>&1; grep -qE "$1" "$work/reload.out" || ! cat "$work/reload.out"; }
session_of() { connections | sed -nE "s/^$1 up .* session ([0-9a-f]+).*/\1/p"; }
gateway_config "connect: [{$first, $own, $expected}]"
gateway_start || exit
consumer_start cat_reload "$sluice_cat" -s "$consumers" relay
mbedtls_server cid=6 client_ca="$pki/ca.crt"
check 'a server does not take the certificate that the gateway has' wait_for 20 is_connection 'upstream .* attempts [2-9].*last: '
cp "$pki/client.crt" "$work/own.crt" && cp "$pki/client.key" "$work/own.key"
check 'another one is read' reload_says '^reloaded .* connections: 1$'
check 'and taken, without a restart' wait_for 20 is_connection 'upstream up'
session=$(session_of upstream)
second_server() {
    ip netns exec "$peer_ns" "$peers/mbedtls_server" host="$peer_ip4" port=4434 cert="$pki/server.crt" \
        key="$pki/server.key" cid=6 >"$work/second_server.out" 2>&1 &
    second_pid=$!
    at_exit gateway_kill $second_pid
}
second_server
gateway_config "connect: [{$second}, {$first, $own, $expected}]"
check 'an entry is added' reload_says '^reloaded .* connections: 2$'
check 'and its session begun' wait_for 20 is_connection 'second up'
gateway_config "connect: [{$second}, {$first, $own, expect: {fingerprints: [\"$other\"]}}]"
check 'an entry takes another certificate from now on' reload_says '^reloaded .* connections: 2$'
check 'sessions of entries that stay are the same' test "$(session_of upstream)" = "$session"
gateway_config "connect: [{$first, key: $work/nowhere, $expected}]"
check 'a file that is not there: refused' reload_says '^error: .*nowhere'
gateway_config "connect: [{name: third, address: \"$peer_ip4:4434\", service: new, $expected}]"
check 'a service that is new: refused' reload_says '^error: .*:[0-9]+: the gateway was started without a service .new.'
check 'with nothing changed' test "$(session_of upstream) $(connections | wc -l)" = "$session 2"
denying="admission: {deny: [$peer_ip4/32]}"
gateway_config "connect: [{$second}, {$first, $own, $expected}]" "$denying"
check 'the server is denied' reload_says '^reloaded .* 1 denied'
check 'its sessions end, and that is why they are not begun again' wait_for 20 is_connection 'upstream denied .*last: the server.s address is denied'
gateway_config "connect: [{$second}, {$first, $own, $expected}]"
check 'it is allowed' reload_says '^reloaded .* 0 denied'
check 'both come back' wait_for 20 is_connection 'upstream up'
check 'without anybody asking for it' wait_for 20 is_connection 'second up'
gateway_config "connect: [{$second}]"
check 'an entry is removed' reload_says '^reloaded .* connections: 1$'
check 'its session ends, and its consumer hears why' wait_for 10 grep -qE '^close .*(removed)' "$work/cat_reload.out"
is_alone() { [ "$(connections | wc -l)" = 1 ] && is_connection 'second up'; }
check 'the other one stays' is_alone
check_equation
consumer_stop cat_reload
check 'it ends in good order after reloads' gateway_stop
server_end
kill "$second_pid" && wait "$second_pid" 2>/dev/null
gateway_config
gateway_start || exit
gateway_config "connect: [{$second}]"
check 'a gateway that was started without entries wants a restart for its first one' reload_says 'needs a restart: connect'
check 'and one without entries' gateway_stop

# Two gateways: the other one is in the peer's namespace, at the other end of the wire.
write_other() { # writes the configuration of the other one
    cat >"$work/other.yaml" <<END
workers: 1
idle: yield
memory_mb: 64
control_socket: $work/other-control.sock
consumer_socket: $work/other-consumers.sock
ports: [{driver: af_xdp, interface: sl1, addresses: [198.18.0.3]}]
listeners: [{port: $port, service: echo}]
certificates: [{certificate: $pki/server.crt, key: $pki/server.key}]
END
}
other_start() {
    ip netns exec "$peer_ns" "$sluice" run -c "$work/other.yaml" >"$work/other.log" 2>&1 &
    other_pid=$!
    at_exit gateway_kill $other_pid
    wait_for 60 "$sluice_ctl" -s "$work/other-control.sock" version || return
    "$sluice_echo" -s "$work/other-consumers.sock" echo >"$work/other-echo.out" 2>"$work/other-echo.log" &
    at_exit gateway_kill $!
}
other_has_consumer() { "$sluice_ctl" -s "$work/other-control.sock" consumers | grep -q ' service echo '; }
write_other
gateway_config "connect: [{name: other, address: \"198.18.0.3:$port\", service: relay, retry_max_s: 1, \
    expect: {fingerprints: [\"$fingerprint\"]}}]"
check 'two gateways: the other one starts' other_start
check 'with a consumer that echoes' wait_for 20 other_has_consumer
gateway_start || exit
consumer_start cat3 "$sluice_cat" -s "$consumers" --greet 'hello other' relay
check 'the session between them comes up' wait_for 30 is_connection 'other up'
check 'with what is said echoed through both' wait_for 20 grep -q '^data .*hello other' "$work/cat3.out"
session=$(session_of other)
check 'an operator wants another session' eval '"$sluice_ctl" -s "$control" reconnect other | grep -qx "trying now"'
check 'it is begun beside the one there is' wait_for 20 grep -qE "^open .* replaces=$session" "$work/cat3.out"
check 'which is closed some seconds later' wait_for 20 grep -qE '^close .*has taken its place' "$work/cat3.out"
check 'and that is all' is_connection 'other up .* attempts 2, opened 2'
kill -TERM "$other_pid" && wait "$other_pid"
check 'the other one stops: the session is closed' wait_for 10 eval '[ "$(grep -c "^close " "$work/cat3.out")" = 2 ]'
check 'and comes back: so does the session' other_start
opens() { [ "$(grep -c '^open ' "$work/cat3.out")" -ge 3 ]; }
check 'without anybody asking' wait_for 30 opens
check_equation
consumer_stop cat3
check 'it ends in good order' gateway_stop

# A consumer asks.
gateway_config "connect: [{name: other, address: \"198.18.0.3:$port\", service: relay, on_demand: true, handshake_timeout_s: 4, \
    expect: {fingerprints: [\"$fingerprint\"]}}]"
gateway_start || exit
check 'an entry on demand is left alone' is_connection 'other on demand .* attempts 0'
reconnects() { [ "$("$sluice_ctl" -s "$control" reconnect other)" = "$1" ]; }
check 'an operator hears that there is nothing to be had anew' reconnects 'nothing to do: no consumer has asked for a session'
check 'and of an unknown name that it is' eval '! "$sluice_ctl" -s "$control" reconnect nobody >"$work/unknown" 2>&1 &&
    grep -q "no connection of this name" "$work/unknown"'
consumer_start cat4 "$sluice_cat" -s "$consumers" --request other --greet 'asked for' relay
check 'until a consumer asks: it has a session' wait_for 20 grep -q '^open .* request=1' "$work/cat4.out"
check 'which carries data' wait_for 10 grep -q '^data .*asked for' "$work/cat4.out"
check 'which the operator may have replaced' reconnects 'trying now'
check 'by another one of his' wait_for 20 grep -qE '^open .* replaces=' "$work/cat4.out"
kill -KILL "$other_pid"
consumer_start cat5 "$sluice_cat" -s "$consumers" --request other relay
check 'one who asks in vain is told why' wait_for 20 grep -q '^failed .* request=1 .*[a-z]' "$work/cat5.out"
unknown() { ! timeout 10 "$sluice_cat" -s "$consumers" --request nobody relay 2>"$work/unknown" && grep -q 'no connection nobody' "$work/unknown"; }
check 'and one who asks for what there is not, at once' unknown
check_equation
