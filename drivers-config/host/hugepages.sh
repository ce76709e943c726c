# shellcheck shell=bash
# hugepages.sh: for scripts that start gateways; source it.
#
#   hugepages_raise COUNT   at least COUNT pages of 2 MiB, when memory allows; never fewer than found
#   hugepages_restore       the number found, once the last script that raised it has ended
#
# Several scripts may run side by side: each holds a shared lock, the first notes what it found, and
# only the last puts it back, and then only when the number is still ours and no page is in use.
hugepages_lock=${XDG_RUNTIME_DIR:-/run}/sluice-hugepages.lock
hugepages_file=/proc/sys/vm/nr_hugepages

hugepages_meminfo() { awk -v name="$1:" '$1 == name { print $2 }' /proc/meminfo; }

hugepages_raise() {
    local wanted=$1 found
    [ -w "$hugepages_file" ] || return 0
    exec {hugepages_fd}>>"$hugepages_lock" || return 0
    flock -s "$hugepages_fd"
    found=$(cat "$hugepages_file")
    [ "$found" -lt "$wanted" ] || return 0
    # Half of what is available stays for everybody else.
    [ "$(hugepages_meminfo MemAvailable)" -ge $(((wanted - found) * 2 * 2048)) ] || return 0
    echo "$wanted" >"$hugepages_file" 2>/dev/null || true
    # What another of us found counts on if the number was still his; else his note is of no use.
    local first ours
    read -r first ours <"$hugepages_lock" && [ "$ours" = "$found" ] || first=$found
    echo "$first $(cat "$hugepages_file")" >"$hugepages_lock"
}

hugepages_restore() {
    [ -n "${hugepages_fd:-}" ] && [ "$BASHPID" = $$ ] || return 0 # not for a child before its exec
    local found ours
    if flock -n -x "$hugepages_fd" && read -r found ours <"$hugepages_lock"; then
        if [ "$(cat "$hugepages_file")" = "$ours" ] &&
            [ "$(hugepages_meminfo HugePages_Free)" = "$(hugepages_meminfo HugePages_Total)" ]; then
            echo "$found" >"$hugepages_file" 2>/dev/null || true
            : >"$hugepages_lock"
        fi
    fi
    exec {hugepages_fd}>&-
    unset hugepages_fd
}
