# shellcheck shell=bash
# priority.sh: that others' work takes little of a measurement's time; source it.
#
#   priority_raise     this session before all others, where the kernel groups by sessions and lets us
#   priority_restore   what was found
#
# With sched_autogroup (Linux's default) a nice value counts against the own session alone: a compiler
# in another terminal gets half of the core beside a program of nice -20. The session's own nice value
# is what counts there.
priority_file=/proc/$$/autogroup

priority_raise() {
    local nice
    read -r _ _ nice 2>/dev/null <"$priority_file" && [ "$nice" != -20 ] || return 0
    echo -20 2>/dev/null >"$priority_file" && priority_found=$nice || true
}

priority_restore() {
    [ -n "${priority_found:-}" ] && [ "$BASHPID" = $$ ] || return 0
    echo "$priority_found" 2>/dev/null >"$priority_file" || true
    unset priority_found
}
