#!/usr/bin/env bash
# The program that is asked for pre-shared keys: what it and its supervisor may do, which signals they
# survive, and what the operator hears when they do not.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

# The user is nobody; his are the folder of the sockets, and, by their group, the key and the program's secret.
uid=$(id -u nobody) gid=$(id -g nobody)
chmod 755 "$work" "$pki"
chgrp "$gid" "$pki/server.key"
chmod 640 "$pki/server.key"
chmod 644 "$pki/server.crt"
install -d -o "$uid" -g "$gid" "$work/run"
install -m 755 "$support/../../drivers-config/psk/lookup.py" "$work/lookup.py"
head -c 32 /dev/urandom >"$work/secret"
chgrp "$gid" "$work/secret"
chmod 640 "$work/secret"
printf '#!/bin/sh\nexec %q %q\n' "$work/lookup.py" "$work/secret" >"$work/lookup"
chmod 755 "$work/lookup"
lookup_config() { # LINE..
    gateway_config "control_socket: $work/run/control.sock" "consumer_socket: $work/run/consumers.sock" \
        "trust: {psk_lookup: $work/lookup}" "handshake_threads: 1" "$@"
    control=$work/run/control.sock consumers=$work/run/consumers.sock
}
key=$(printf %s sensor-1 | openssl dgst -sha256 -mac hmac -macopt "hexkey:$(xxd -p -c 64 "$work/secret")" | sed 's/.*= *//' | cut -c-32)
comes_in() { # LINE
    local ready='^ *PSK identity: '
    talk "$1" "$work/s_client.out" openssl s_client -dtls1_2 -connect "$gateway_ip4:$port" \
        -cipher ECDHE-PSK-CHACHA20-POLY1305 -psk_identity sensor-1 -psk "$key"
}
checked_sound() { "$sluice" check -c "$config" >"$work/check" 2>&1 && cat "$work/check" && grep -q sound "$work/check"; }
logged() { wait_for 10 grep -qE "$1" "$gateway_log"; }

find_programs() { # $copy and $supervisor
    copy=$(pgrep -f "$work/lookup.py $work/secret") && supervisor=$(ps -o ppid= "$copy" | tr -d ' ')
}
status_is() { # PID LINE EXPECTED
    local is
    is=$(sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr '\t' ' ')
    echo "$2 is '$is', expected '$3'"
    [ "$is" = "$3" ]
}
check_programs() { # WHAT UID GROUPS
    local name pid
    check "$1: the program runs" wait_for 10 find_programs
    for name in copy supervisor; do
        pid=${!name}
        check "$1: the $name is the user" status_is "$pid" Uid "$2 $2 $2 $2"
        check "$1: the $name is in his groups alone" status_is "$pid" Groups "$3"
        check "$1: the $name may gain no privileges" status_is "$pid" NoNewPrivs 1
        check "$1: the $name has no capability" status_is "$pid" CapEff 0000000000000000
        check "$1: nor could the $name have one" status_is "$pid" CapPrm 0000000000000000
        check "$1: nor could what the $name starts" status_is "$pid" CapBnd 0000000000000000
        check "$1: the $name writes no core" grep -qE '^Max core file size +0 +0 ' "/proc/$pid/limits"
    done
}

lookup_config 'user: nobody'
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo
check_programs 'with a user' "$uid" "$gid "
check 'its user may not look into the supervisor' \
    eval "! setpriv --reuid $uid --regid $gid --clear-groups ls /proc/$supervisor/fd"
check 'whom it has the key of comes in' comes_in line-1

kill -HUP "$gateway_pid" "$supervisor" && kill -USR1 "$gateway_pid" "$supervisor" && kill -INT "$supervisor"
check 'SIGHUP reloads the gateway' logged ' reloaded '
check 'SIGUSR1 prints its counters' logged sessions_opened
kill -KILL "$copy"
check 'the log says that the program ended, and what becomes of it' \
    logged "warning lookup program $work/lookup ended \(signal 9\); started again in [01] s"
other_programs() { local before=$copy; find_programs && [ "$copy" != "$before" ]; }
same=$supervisor
check 'it is started again' wait_for 10 other_programs
check 'by the same supervisor' [ "$same" = "$supervisor" ]
check 'and answers' comes_in line-2
check 'its end is counted' wait_counter 5 .handshake.psk_program_ends '== 1'
check 'its supervisor is there' wait_counter 5 .handshake.psk_supervisor_lost '== 0'

kill -KILL "$supervisor"
check 'the log says when the supervisor is gone, and what to do' \
    logged 'warning LOOKUP PROGRAM: its supervisor has been ended\..* restart the gateway'
check 'so do the counters' wait_counter 5 .handshake.psk_supervisor_lost '== 1'
check 'the program still answers' comes_in line-3
no_session 'no session is left of them'
check_equation
check 'the gateway ends cleanly' gateway_stop
no_lookup() { ! pgrep -f "$work/secret" >/dev/null; }
check 'and the lookup program with it' wait_for 10 no_lookup
consumer_stop echo

# Who ends everything at once, as service managers do, sees no program start meanwhile.
gateway_start || exit
check 'another gateway' wait_for 10 find_programs
kill -TERM "$supervisor" "$copy"
check 'a gateway whose every process hears SIGTERM ends cleanly' gateway_stop
check 'and so does all of it' wait_for 10 no_lookup
check 'without a word of the lookup program' eval "! grep -i lookup '$gateway_log'"

lookup_config
gateway_start || exit
consumer_start other "$sluice_echo" -s "$consumers" echo
check_programs 'of root' 0 "$(sed -n 's/^Groups:[[:space:]]*//p' /proc/self/status)"
check 'of root: whom it has the key of comes in' comes_in line-4
check 'of root: the gateway ends cleanly' gateway_stop
consumer_stop other

# A user of the program's own, who is neither the gateway nor root.
daemon_uid=$(id -u daemon) daemon_gid=$(id -g daemon)
chown "$daemon_uid" "$work/secret" "$work/lookup"
chmod 600 "$work/secret"
chmod 700 "$work/lookup"
lookup_config 'user: nobody' 'psk_lookup_user: daemon'
check 'a program that only its own user may run and read is sound' checked_sound
gateway_start || exit
consumer_start third "$sluice_echo" -s "$consumers" echo
check_programs 'with a user of its own' "$daemon_uid" "$daemon_gid "
check 'with a user of its own: whom it has the key of comes in' comes_in line-5
as_daemon=(setpriv --reuid "$daemon_uid" --regid "$daemon_gid" --clear-groups)
check 'with a user of its own: it gets nothing at the control socket' \
    refused 'is not open to this user' "${as_daemon[@]}" "$sluice_ctl" -s "$control" stats
check 'with a user of its own: nor sessions' \
    refused 'register for service echo .* permission denied' "${as_daemon[@]}" timeout 5 "$sluice_cat" -s "$consumers" echo
check 'a reload does not ask the gateway'"'"'s user to run it' eval '"$sluice_ctl" -s "$control" reload | grep "^reloaded "'
check 'with a user of its own: the gateway ends cleanly' gateway_stop
consumer_stop third

lookup_config 'user: nobody'
chmod 700 "$work/lookup"
line=$(grep -n psk_lookup "$config" | cut -d: -f1)
check 'a program that the user may not run is refused, with its line' refused \
    "$config:$line: lookup program $work/lookup cannot be run by user nobody: Permission denied" \
    "$sluice" check -c "$config"
for key in user psk_lookup_user; do
    lookup_config "$key: no-such-user"
    check "a $key that there is not as well" refused "[0-9]: there is no user 'no-such-user' here" \
        on_gateway timeout 20 "$sluice" run -c "$config"
done
