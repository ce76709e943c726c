#!/usr/bin/env bash
# debian-prefix.sh SUITE PREFIX PACKAGE...
# Unpacks packages of another Debian release under PREFIX; the machine's own packages and apt
# configuration stay as they are. Dependencies are not followed: name what is needed. The mirror is
# the one in the machine's apt sources. PREFIX/.stamp remembers what is there: a second call is free.
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,5s/^# //p' "$0"; exit 2; }
suite=$1 prefix=$2
shift 2

stamp="$suite $*"
[ "$(cat "$prefix/.stamp" 2>/dev/null)" = "$stamp" ] && exit 0

mirror=$(grep -rhoE 'https?://[^] ]+/debian/?( |$)' /etc/apt/sources.list \
    /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null |
    head -n 1 | tr -d ' ' || true)
[ -n "$mirror" ] || { echo "debian-prefix: no Debian mirror in this machine's apt sources" >&2; exit 1; }

rm -rf "$prefix"
mkdir -p "$prefix"
prefix=$(realpath "$prefix")
state=$prefix/.apt
mkdir -p "$state"/lists/partial "$state"/archives/partial
: >"$state/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror%/} $suite main" \
    >"$state/sources.list"
options=(-qq -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status"
    -o Dir::Cache="$state" -o Dir::Cache::archives="$state/archives"
    -o Acquire::Check-Valid-Until=false -o Acquire::Retries=3 -o Acquire::Languages=none
    -o APT::Sandbox::User=root -o Debug::NoLocking=1)

# A mirror may fail once; five times in a row it is down.
fetch() {
    local try
    for try in 1 2 3 4 5; do
        (cd "$state/archives" && apt-get "${options[@]}" "$@") && return 0
        echo "debian-prefix: apt-get $1 failed (try $try of 5)" >&2
        sleep $((try * 2))
    done
    return 1
}
fetch update
fetch download "$@"
for deb in "$state"/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$prefix" --keep-directory-symlink -f -
done
rm -rf "$state"
echo "$stamp" >"$prefix/.stamp"
