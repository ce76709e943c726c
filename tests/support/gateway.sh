# shellcheck shell=bash
# gateway.sh: starts and stops the gateway and its consumers; source it after tap.sh and net.sh.
#
#   gateway_config [LINE..]   writes $config: two workers, service `echo` on port 4433, plus LINEs;
#                             a LINE "KEY: value" replaces the default of the same top-level key
#   gateway_start             starts it and waits until it is ready; $gateway_pid, $gateway_log
#   gateway_launch [COMMAND..]   starts it behind a command, and waits for nothing
#   gateway_options=(OPTION..)   for `sluice run`, from then on
#   "${no_hugepages[@]}"      such a command: there are no huge pages then
#   gateway_stop [SECONDS]    SIGTERM; succeeds when it ended with status 0 within SECONDS (10), and its counters added
#                             up before
#   consumer_start NAME PROGRAM ARG..   a consumer in the background, waited for until the gateway
#                             lists it; $NAME_pid, $work/NAME.out, $work/NAME.log its standard error
#   consumer_stop NAME
#   counter PATH              a number from `sluice-ctl stats --json`, as jq: .total.events.answered
#   wait_counter SECONDS PATH TEST   e.g. wait_counter 5 .total.sessions '== 0'
sluice=$build/app/gateway/sluice
sluice_ctl=$build/app/ctl/sluice-ctl
sluice_echo=$build/app/echo/sluice-echo
sluice_cat=$build/app/cat/sluice-cat
port=4433
gateway_pid=
gateway_options=()

gateway_config() {
    config=$work/sluice.yaml
    control=$work/control.sock
    consumers=$work/consumers.sock
    local line key text
    text="workers: 2
idle: yield
memory_mb: 128
control_socket: $control
consumer_socket: $consumers
ports: [{driver: af_xdp, interface: sl0, addresses: [$gateway_ip4, \"$gateway_ip6\"]}]
listeners: [{port: $port, service: echo}]
certificates: [{certificate: $work/pki/server.crt, key: $work/pki/server.key}]"
    for line in "$@"; do
        key=${line%%:*}
        text=$(grep -v "^$key:" <<<"$text")$'\n'$line
    done
    printf '%s\n' "$text" >"$config"
}

gateway_ready() {
    kill -0 "$gateway_pid" 2>/dev/null || return 2
    "$sluice_ctl" -s "$control" stats --json
}

# The kernel's number of huge pages is the machine's: they are hidden from this one process.
no_hugepages=(unshare -m bash -c 'mount -t tmpfs none /sys/kernel/mm/hugepages && exec "$@"' bash)

gateway_launch() { # [COMMAND..] to be put in front of sluice's own
    gateway_log=$work/gateway.log
    : >"$gateway_log" # here and now: the child empties it when it gets to run
    # Not on_gateway: behind a function, $! would be a shell's.
    ip netns exec "$gateway_ns" "$@" "$sluice" run -c "$config" "${gateway_options[@]}" >"$gateway_log" 2>&1 &
    gateway_pid=$!
    at_exit gateway_kill "$gateway_pid"
}

gateway_start() {
    gateway_launch
    local tries
    for ((tries = 0; tries < 400; tries++)); do
        gateway_ready >/dev/null 2>&1
        case $? in
            0) return 0 ;;
            2) break ;;
        esac
        sleep 0.05
    done
    fail "the gateway starts" "$(tail -n 20 "$gateway_log")"
    return 1
}

gateway_kill() { # only what is still a child of ours: another process may have the number by now
    jobs -p | grep -qx "$1" && kill -9 "$1" && wait "$1"
}

ended() { ! kill -0 "$1" 2>/dev/null; }

gateway_stop() {
    local limit=${1:-10} status started
    if gateway_ready >/dev/null 2>&1 && ! wait_for 10 counters_add_up; then
        echo "records received that have not ended exactly once: $(cat "$work/equation")"
        return 1
    fi
    started=$EPOCHREALTIME
    kill -TERM "$gateway_pid" || return 1
    if ! wait_for 10 ended "$gateway_pid"; then
        echo "still there ten seconds after SIGTERM"
        return 1
    fi
    wait "$gateway_pid"
    status=$?
    awk -v a="$started" -v b="$EPOCHREALTIME" -v s=$status -v limit="$limit" \
        'BEGIN { printf "ended with status %d after %.2f s\n", s, b - a; exit !(s == 0 && b - a <= limit) }'
}

gateway_dump() {
    echo "--- gateway's log:"
    tail -n 60 "$work/gateway.log"
    echo "--- counters:"
    "$sluice_ctl" -s "$control" stats
    local log
    for log in "$work"/*.log "$work"/*.out; do
        [ "$log" = "$work/gateway.log" ] || { echo "--- $(basename "$log"):"; tail -n 30 "$log"; }
    done
}

consumer_start() {
    local name=$1
    shift
    "$@" >"$work/$name.out" 2>"$work/$name.log" &
    printf -v "${name}_pid" %s $!
    at_exit gateway_kill $!
    # Who is listed is on the way to the workers too, ahead of any session that begins from now on.
    wait_for 20 consumer_is_listed $! || fail "consumer $name registers" "$(cat "$work/$name.log")"
}
consumer_is_listed() { "$sluice_ctl" -s "$control" consumers | grep -q " pid $1 "; }

consumer_stop() {
    local pid=${1}_pid
    kill -TERM "${!pid}" && wait "${!pid}"
}

counter() { "$sluice_ctl" -s "$control" stats --json | jq -r "$1"; }

wait_counter() {
    local seconds=$1 path=$2 condition=$3
    wait_for "$seconds" counter_is "$path" "$condition"
}
counter_is() { # a path that does not exist, a name spelt wrong, is not what was expected
    [ "$("$sluice_ctl" -s "$control" stats --json | jq -r "($1) as \$is | \$is != null and (\$is $2)")" = true ]
}

# Every record received has ended exactly once (docs/architecture.md), whatever the test has done.
counters_add_up() {
    "$sluice_ctl" -s "$control" stats --json | jq -e '.total |
        (.events.delivered + .events.answered + .events.to_handshake + .events.consumed
         + ([.drops | to_entries[] | select(.key | startswith("send_") | not) | .value] | add)) as $ended
        | "received \(.events.rx_records), ended \($ended)", .events.rx_records == $ended' >"$work/equation"
    [ "$(tail -n 1 "$work/equation")" = true ]
}
equation_holds() { counters_add_up && cat "$work/equation" && ! grep -q 'received 0,' "$work/equation"; }
check_equation() { check 'every record received has ended exactly once' wait_for 10 equation_holds; }

no_session() { check "$1" wait_counter 10 .total.sessions '== 0'; }
