#!/usr/bin/env bash
# What a running gateway has given up, and that everything works without it.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

# The user is nobody; his are the folder of the sockets and the key, by its group.
user=nobody uid=$(id -u nobody) gid=$(id -g nobody)
chmod 755 "$work" "$pki"
install -d -o "$uid" -g "$gid" "$work/run"
chgrp "$gid" "$pki/server.key"
chmod 640 "$pki/server.key"
chmod 644 "$pki/server.crt"
group="addresses: [$gateway_ip4, \"$gateway_ip6\"]"
hardened_config() { # LINE..
    gateway_config "user: $user" "control_socket: $work/run/control.sock" "consumer_socket: $work/run/consumers.sock" "$@"
    control=$work/run/control.sock consumers=$work/run/consumers.sock
}
as_user=(setpriv --reuid "$uid" --regid "$gid" --clear-groups --no-new-privs) # no function: $! is to be the program's
status_of() { sed -n "s/^$2:[[:space:]]*//p" "$1/status"; }

# every_thread LINE EXPECTED [EXPECTED-OF-THE-CONTROL-THREAD]
every_thread() {
    local task is expected count=0
    for task in /proc/"$gateway_pid"/task/*; do
        expected=$2
        [ "${task##*/}" != "$gateway_pid" ] || expected=${3:-$2}
        is=$(status_of "$task" "$1")
        echo "$(cat "$task/comm"): $1 '$is', expected '$expected'"
        [ "${is//$'\t'/ }" = "$expected" ] || return 1
        count=$((count + 1))
    done
    [ "$count" -ge 5 ] # control, events, two workers, a handshake thread
}
none=0000000000000000
check_threads() { # WHAT NETWORK-CAPABILITIES
    check "$1: every thread is the user" every_thread Uid "$uid $uid $uid $uid"
    check "$1: and of his group" every_thread Gid "$gid $gid $gid $gid"
    check "$1: and of no group of root's" every_thread Groups "$gid "
    check "$1: no thread has a capability, but for interfaces the control thread" every_thread CapEff $none "$2"
    check "$1: nor could it have one" every_thread CapPrm $none "$2"
    check "$1: nor would a program started from it" every_thread CapBnd $none
    check "$1: no thread may gain privileges" every_thread NoNewPrivs 1
    check "$1: every thread has a filter of system calls" every_thread Seccomp 2
}
# Of all that is mapped for writing and is large, nothing is for a dump; heaps of libraries are small.
left_out_of_dumps() {
    awk -v least_kb=16384 '/^[0-9a-f]+-[0-9a-f]+ /{ head = $0 } /^Size:/{ kb = $2 }
        /^VmFlags:/ && head ~ / rw-/ && (kb >= least_kb || head ~ /memfd:sluice/) {
            if (/ dd( |$)/) out += kb; else if (/ wr /) { print "would be dumped: " head; wrong = 1 } }
        END { print out " KiB are left out"; exit wrong || out < 65536 }' "/proc/$gateway_pid/smaps"
}
nothing_left() {
    ip -n "$gateway_ns" -d link show sl0 >"$work/link"
    cat "$work/link"
    ls "$work/run"
    [ -z "$(ls "$work/run")" ] && ! grep -q xdp "$work/link" && grep -q 'promiscuity 0 ' "$work/link"
}

for driver in af_xdp af_packet; do
    hardened_config "ports: [{driver: $driver, interface: sl0, $group}]"
    gateway_start || exit
    check_threads $driver 0000000000001000
    check "$driver: no core is written" grep -qE '^Max core file size +0 +0 ' "/proc/$gateway_pid/limits"
    check "$driver: its user may not read its memory" eval "! ${as_user[*]} cat /proc/$gateway_pid/maps"
    check "$driver: sessions, rings and packets are left out of dumps" left_out_of_dumps
    consumer_start echo "$sluice_echo" -s "$consumers" echo
    check "$driver: a client with a connection ID is served" mbedtls cid=aabb messages=50 size=1-1350
    check "$driver: and one without" openssl_echo messages=50
    consumer_start cat "${as_user[@]}" "$sluice_cat" -s "$consumers" --json echo
    consumer_stop cat
    kill -KILL "$echo_pid"
    wait "$echo_pid" 2>/dev/null
    consumer_start again "$sluice_echo" -s "$consumers" echo
    check "$driver: consumers come and go" mbedtls cid=aabb messages=10
    check "$driver: sluice-ctl is answered" "$sluice_ctl" -s "$control" stats --json
    check "$driver: SIGUSR1 prints the counters" kill -USR1 "$gateway_pid"
    check "$driver: into the log" wait_for 10 grep -q 'sessions_opened' "$gateway_log"
    check "$driver: it ends" gateway_stop
    check "$driver: and nothing is left behind" nothing_left
done
check 'nothing was said of the user' eval "! grep -q 'user .nobody' '$gateway_log'"

# Who asks at the control socket.
gateway_config "control_group: daemon" "keylog_file: $work/keys.log" 'seccomp: log'
check_warns() { "$sluice" check -c "$config" >"$work/check" 2>&1 && cat "$work/check" && grep -q "$1" "$work/check"; }
check 'check warns of a key log' check_warns '^KEY LOG'
check 'and of system calls that nobody refuses' check_warns '^seccomp does not refuse'
gateway_start || exit
daemon=$(getent group daemon | cut -d: -f3)
turned_away() { # not a byte
    ! "${as_user[@]}" "$sluice_ctl" -s "$control" stats >"$work/answer" && [ ! -s "$work/answer" ]
}
chmod 666 "$control"
check 'another user gets no answer, whatever the socket'"'"'s mode is' turned_away
check 'the log names him' wait_for 5 grep -q "refused pid [0-9]* of uid $uid" "$gateway_log"
check 'a member of control_group is answered' setpriv --reuid 12345 --regid 12345 --groups "$daemon" "$sluice_ctl" -s "$control" stats
check 'a key log is warned of' grep -q 'warning KEY LOG' "$gateway_log"
check 'and for its owner alone' eval '[ "$(stat -c %a "$work/keys.log")" = 600 ]'
check 'that it is root is warned of' grep -q 'warning runs as root' "$gateway_log"
check 'as are system calls that nobody refuses' grep -q 'warning seccomp' "$gateway_log"
check 'root has no capability more' every_thread CapEff $none 0000000000001000
check 'it ends cleanly' gateway_stop
chmod 644 "$work/keys.log"
open_keylog() {
    on_gateway timeout 20 "$sluice" run -c "$config" >"$work/refused.log" 2>&1
    [ $? = 1 ] && tail -n 1 "$work/refused.log" | grep 'keys.log is open to other users'
}
check 'a key log that others can read is refused' open_keylog

gateway_config 'seccomp: off' 'core_dumps: true'
check 'check warns of core dumps' check_warns '^CORE DUMPS'
gateway_start || exit
check 'without seccomp there is no filter' every_thread Seccomp 0
check 'core dumps are warned of' grep -q 'warning CORE DUMPS' "$gateway_log"
check 'and possible' eval '[ "$(stat -c %u /proc/$gateway_pid/status)" = 0 ] && ! grep -qE "^Max core file size +0 +0 " /proc/$gateway_pid/limits'
check 'it ends cleanly' gateway_stop

# Any DPDK device: nobody has traced all drivers, so the lists are longer.
hardened_config "ports: [{driver: dpdk, devices: [\"net_af_packet0,iface=sl0,qpairs=2\"], $group}]"
gateway_start || exit
check_threads dpdk 0000000000001000
consumer_start other "$sluice_echo" -s "$consumers" echo
check 'dpdk: a client is served' mbedtls cid=aabb messages=50
check 'dpdk: it ends' gateway_stop
hardened_config "ports: [{driver: dpdk, devices: [net_null0], $group}]"
gateway_start || exit
check_threads 'a device without an interface' $none
check 'it ends' gateway_stop

# A reload reads as the user, who may do less than whoever started the gateway.
mkdir "$work/tls"
renew() { # NAME MODE-OF-THE-KEY: that certificate, which root has put there, and its key for the user's group
    cp "$pki/$1.crt" "$work/tls/cert.crt"
    install -m "$2" -g "$gid" "$pki/$1.key" "$work/tls/cert.key"
}
give_keys() { install -m "$2" -g "$gid" <(echo "$1:00112233445566778899aabbccddeeff") "$work/tls/psk"; } # IDENTITY MODE
psk_client() { # LINE IDENTITY
    local ready='^ *PSK identity: '
    talk "$1" "$work/s_client.out" openssl s_client -dtls1_2 -connect "$gateway_ip4:$port" \
        -cipher ECDHE-PSK-CHACHA20-POLY1305 -psk_identity "$2" -psk 00112233445566778899aabbccddeeff
}
reload_says() { "$sluice_ctl" -s "$control" reload >"$work/reload" 2>&1; cat "$work/reload"; grep -qE "$1" "$work/reload"; }
suite_was() { grep -q "Cipher is $1-" "$work/s_client.out"; }
renew server 640
give_keys anna 640
hardened_config "certificates: [{certificate: $work/tls/cert.crt, key: $work/tls/cert.key}]" \
    "trust: {psk_file: $work/tls/psk, anonymous: true}"
gateway_start || exit
consumer_start reloading "$sluice_echo" -s "$consumers" echo
check 'before a reload: a client sees the certificate' s_client line-1
check 'which is' suite_was ECDHE-ECDSA
check 'a key of the file is taken' psk_client line-2 anna
renew server-rsa 640
give_keys bert 640
kill -HUP "$gateway_pid"
check 'SIGHUP: the user reads the files again' wait_for 10 grep -q " reloaded $config" "$gateway_log"
check 'a client sees the new certificate' s_client line-3
check 'which is' suite_was ECDHE-RSA
check 'a key of the new file is taken' psk_client line-4 bert
check 'one that is gone is not' refused 'alert decrypt error' psk_client x anna
renew server 600
check 'a private key that he may not read is refused, with its line' \
    reload_says "^error: $config:[0-9]+: key file $work/tls/cert.key .*Permission denied"
renew server 640
give_keys anna 600
check 'so are pre-shared keys' reload_says "^error: $config:[0-9]+: PSK file $work/tls/psk .*Permission denied"
check 'nothing has changed: the certificate' s_client line-5
check 'which is' suite_was ECDHE-RSA
check 'and the keys' psk_client line-6 bert
give_keys anna 640
chmod 600 "$config"
check 'a configuration that he may not read is refused' reload_says "^error: .*$config.*Permission denied"
chmod 644 "$config"
check 'and taken when he may' reload_says '^reloaded '
check 'with its certificate' s_client line-7
check 'which is' suite_was ECDHE-ECDSA
check 'and its keys' psk_client line-8 anna
check_threads 'after reloads' 0000000000001000
check_equation
check 'it ends' gateway_stop
consumer_stop reloading

# sluice check: what the user could not read or remove later.
hardened_config
key_line=$(grep -n server.key "$config" | cut -d: -f1)
check 'check says nothing where the user can read all' eval '[ "$("$sluice" check -c "$config" 2>&1)" = "$config: sound" ]'
config_folder=$(dirname "$config")
mode=$(stat -c %a "$config_folder")
chmod 755 "$config_folder"
somebody_else() {
    setpriv --reuid 12345 --regid "$gid" --clear-groups "$sluice" check -c "$config" >"$work/check" 2>&1 && cat "$work/check" &&
        [ "$(wc -l <"$work/check")" = 2 ] && grep -q "^$config:[0-9]*: user '$user' is somebody else, and only root can become him: " "$work/check"
}
check 'nor to somebody who can not become him, but this, once' somebody_else
chmod "$mode" "$config_folder"
user=root hardened_config
check 'check warns of a user who is root' check_warns "user 'root' is root all the same"
hardened_config
chmod 600 "$pki/server.key"
says() { "$sluice" check -c "$config" >"$work/check" 2>&1 && cat "$work/check" && grep -qxF "$1" "$work/check"; }
check 'check names a key that the user may not read, with its line' \
    says "$config:$key_line: user 'nobody' can't read, when the gateway reloads, $pki/server.key: Permission denied"
chown 0 "$work/run"
user_line=$(grep -n '^user:' "$config" | cut -d: -f1)
check 'and a socket that he can'"'"'t remove' \
    says "$config:$user_line: user 'nobody' can't remove, when the gateway ends, $control: Permission denied"
gateway_start || exit
check 'the log says so at a start' grep -q "warning .*$pki/server.key: Permission denied" "$gateway_log"
check 'which ends with status 0 all the same' gateway_stop
gateway_config 'user: no-such-user'
refused_user() { ! "$sluice" check -c "$config" >"$work/check" 2>&1 && grep -q "there is no user 'no-such-user' here" "$work/check"; }
check 'a user that does not exist is refused' refused_user

# One queue, and no bpffs, which is how `ip netns exec` leaves it: libxdp goes another way at the end.
net_down
net_up 1
chmod 644 "$pki/server.key"
chown nobody "$work/run"
hardened_config
gateway_start || exit
check 'on an interface with one queue it ends as well' gateway_stop
check 'and nothing is left behind there' nothing_left
