# shellcheck shell=bash
# clients.sh: DTLS clients in the peer's namespace; source it after gateway.sh.
#
#   mbedtls OPTION=VALUE..      openssl_echo OPTION=VALUE..    the project's own (client.h)
#   s_client LINE ARG..         `openssl s_client`: succeeds when LINE comes back; $work/s_client.out
#   gnutls LINE ARG..           `gnutls-cli`, likewise; $work/gnutls.out
#   refused PATTERN COMMAND..   succeeds when the client's handshake does not, for that reason
peers=$build/peers
pki=$work/pki

mbedtls() {
    on_peer timeout 60 "$peers/mbedtls_client" host=$gateway_ip4 port=$port ca="$pki/ca.crt" "$@"
}
openssl_echo() {
    on_peer timeout 60 "$peers/openssl_client" host=$gateway_ip4 port=$port ca="$pki/ca.crt" "$@"
}

# talk LINE OUTPUT COMMAND..: says LINE once the program is ready ($ready in its output), waits for
# it to come back, and ends the program's input.
talk() {
    local line=$1 output=$2 pid status=1
    shift 2
    rm -f "$work/talk.in"
    mkfifo "$work/talk.in"
    on_peer timeout 40 "$@" <"$work/talk.in" >"$output" 2>&1 &
    pid=$!
    exec {talk_fd}>"$work/talk.in"
    if wait_for 15 talk_ready "$pid" "$output"; then
        (echo "$line" >&$talk_fd) 2>/dev/null # it may have ended: a broken pipe is not ours
        wait_for 15 talk_answered "$pid" "$output" "$line"
        grep -qxF -- "$line" "$output" && status=0
    fi
    exec {talk_fd}>&-
    wait "$pid"
    [ $status = 0 ] || grep -v '^[A-Za-z0-9/+=]\{64\}$' "$output"
    return $status
}
talk_ready() { grep -qE "$ready" "$2" || ended "$1"; }
talk_answered() { grep -qxF -- "$3" "$2" || ended "$1"; }

s_client() {
    local line=$1 ready='^ *Verify return code: 0'
    shift
    talk "$line" "$work/s_client.out" openssl s_client -dtls1_2 -connect "${s_client_to:-$gateway_ip4:$port}" \
        -CAfile "$pki/ca.crt" -verify_return_error -verify_hostname localhost "$@"
}

gnutls() {
    local line=$1 ready='^- Handshake was completed|Simple Client Mode'
    shift
    talk "$line" "$work/gnutls.out" gnutls-cli --udp --port $port --x509cafile "$pki/ca.crt" \
        --verify-hostname localhost "$@" "${gnutls_to:-$gateway_ip4}"
}

refused() {
    local pattern=$1
    shift
    if "$@" >"$work/refused.out" 2>&1; then
        echo 'the handshake succeeded, and must not'
        return 1
    fi
    grep -qiE -- "$pattern" "$work/refused.out" && return 0
    cat "$work/refused.out"
    return 1
}
# What clients print that got a fatal alert.
no_certificate='alert handshake failure|alert \[40\]|fatal alert message was received'
unknown_ca='alert unknown ca|alert \[48\]|fatal alert message was received'
