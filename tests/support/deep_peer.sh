#!/usr/bin/env bash
# deep_peer.sh BUILD PEER
# Makes a test peer that takes more than a plain run has, in BUILD/peers: pion (Go). What it needs is in
# install-deps.sh's `deep`. Does nothing when it is newer than its source. Fails with a line that says why there is
# none: SLUICE_DEEP is not set, something is not installed, or it does not build.
set -euo pipefail
[ $# = 2 ] || { sed -n '2,5s/^# //p' "$0"; exit 2; }
here=$(dirname "$(realpath "$0")")
peers=$(realpath "$1")/peers
[ -n "${SLUICE_DEEP:-}" ] || { echo 'takes SLUICE_DEEP=1'; exit 1; }

pion() {
    command -v go >/dev/null && [ -d /usr/share/gocode/src/github.com/pion/dtls/v2 ] ||
        { echo 'golang-go or golang-github-pion-dtls.v2-dev is not installed'; return 1; }
    [ ! "$peers/pion_peer" -nt "$here/pion/main.go" ] || return 0
    (cd "$here/pion" && GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$peers/go GOFLAGS= go build -o "$peers/pion_peer" .) 2>&1
}
"$2"
