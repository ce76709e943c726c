#!/usr/bin/env bash
# `sluice run --preload-sessions`: recorded sessions are there without a handshake, their records are
# opened and echoed, once; who has no configuration for benchmarks, or a bad file, gets a sentence.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump
recorded_client=$build/tests/e2e/recorded_client
sessions=$work/sessions.txt

make() { # WORKERS COUNT KIND
    "$recorded_client" make "$sessions" "$@"
}
refuses() { # STATUS PATTERN ARG..: `sluice ARG..` ends by itself so, and the last line but usage matches
    local wanted=$1 pattern=$2 status
    shift 2
    gateway_log=$work/refused.log
    on_gateway timeout 20 "$sluice" "$@" -c "$config" >"$gateway_log" 2>&1
    status=$?
    cat "$gateway_log"
    [ $status = "$wanted" ] && sed '/^usage/,$d' "$gateway_log" | tail -n 1 | grep -qE "$pattern"
}
run_refuses() { refuses 1 "$1" run --preload-sessions "$sessions"; }

gateway_config
make 2 10 cid
check 'a configuration that is not for benchmarks takes none, and says why' \
    run_refuses "^$config:1: --preload-sessions is for benchmarks: it needs 'benchmark: true' here$"
gateway_config 'benchmark: false'
check 'also where it says so itself, at its line' run_refuses "^$config:9: --preload-sessions is for"
check 'they are for run alone' refuses 2 'goes with: run' check --preload-sessions "$sessions"

gateway_config 'benchmark: true'
check 'sluice check knows the key' "$sluice" check -c "$config"
sessions=$work/none.txt
check 'a file that does not exist is named' run_refuses "$work/none.txt:1: it can't be opened: No such file"
sessions=$work/sessions.txt
sed -i '5s/suite=[^ ]*/suite=des/' "$sessions"
check 'a bad line is named' run_refuses "$sessions:5: 'suite' has to be one of aes-128-gcm, "
make 2 10 cid
sed -i '7p' "$sessions"
check 'a session that is there twice is named' run_refuses "$sessions:8: another session has the same connection ID$"
make 2 10 cid
sed -i '9s/server=198.18.0.1/server=198.18.0.7/' "$sessions"
check 'an address that is not the gateway'"'"'s is named' run_refuses "$sessions:9: no port of this gateway has"
gateway_config 'benchmark: true' 'workers: 1'
make 2 10 cid
check 'of a gateway with more workers it says what to set' run_refuses "$sessions:[0-9]+: .*more workers \(set 'workers' to as many\)"
gateway_config 'benchmark: true' 'sessions: 8'
make 2 40 cid
check 'of a gateway with a larger table it says what to set' run_refuses "$sessions:[0-9]+: .*set 'sessions' to [0-9]+ at least$"

answered() { # COUNT: of the records of $sessions, as many answers as there were records; none readable
    on_peer timeout 60 "$recorded_client" send "$sessions" "$1" >"$work/send.out"
    cat "$work/send.out"
    grep -qE "^SENT $2, ANSWERED $3, READABLE 0$" "$work/send.out"
}
for kind in cid v6 plain; do
    gateway_config 'benchmark: true'
    make 2 30 $kind
    gateway_options=(--preload-sessions "$sessions")
    gateway_start || exit
    check "$kind: the log warns" grep -q 'warning BENCHMARK: .*never in production' "$gateway_log"
    check "$kind: and counts" grep -q "30 sessions preloaded from $sessions" "$gateway_log"
    check "$kind: they are there" counter_is .total.sessions '== 30'
    check "$kind: and no handshake was" counter_is .total.events.sessions_opened '== 0'
    consumer_start "echo_$kind" "$sluice_echo" -s "$consumers" echo
    check "$kind: each record is answered once, under a key that nobody has" answered 20 630 600
    check "$kind: all were delivered" counter_is .total.events.delivered '== 600'
    check "$kind: copies were not" counter_is .total.drops.replay '== 30'
    check "$kind: both workers had some" eval \
        '"$sluice_ctl" -s "$control" stats --json | jq -e "all(.workers[]; .events.delivered > 0)"'
    check "$kind: who comes by a handshake is served as ever" mbedtls cid=aabb messages=100 size=1-1350 window=8
    check_equation
    consumer_stop "echo_$kind"
    check "$kind: the gateway ends cleanly" gateway_stop
done

gateway_options=()
gateway_start || exit
check 'without a file it starts with no session' counter_is .total.sessions '== 0'
check 'and ends cleanly' gateway_stop
