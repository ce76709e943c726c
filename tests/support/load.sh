# shellcheck shell=bash
# load.sh: sluice-load in the peer's namespace; source it after gateway.sh.
#
#   load EXIT-STATUS ARG..   a run that ends so; its output in $work/load.out and load.err, and in $json
#   says TEXT                its standard error has it
#   holds FILTER             jq's filter is true of its JSON
sluice_load=$build/app/load/sluice-load
json=$work/run.json

load() {
    local wanted=$1 status
    shift
    on_peer timeout 60 "$sluice_load" --json "$json" "$@" >"$work/load.out" 2>"$work/load.err"
    status=$?
    cat "$work/load.out" "$work/load.err"
    [ $status = "$wanted" ] || { echo "exit status $status, and not $wanted"; return 1; }
}
says() { grep -qF -- "$1" "$work/load.err" || { cat "$work/load.err"; return 1; }; }
holds() { jq -e "$1" "$json" || { jq 'del(.series, .messages.latency_curve, .handshakes.time_curve)' "$json"; return 1; }; }
