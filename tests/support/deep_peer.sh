#!/usr/bin/env bash
# deep_peer.sh BUILD PEER
# Makes a test peer that takes more than a plain run has, in BUILD/peers: pion (Go), bouncycastle (Java), npm (a
# folder of packages, from npm's registry). What it needs is in install-deps.sh's `deep`. Does nothing when it is there.
# Fails with a line that says why there is none: SLUICE_DEEP is not set, something is not installed, or it can't be made.
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

bouncycastle() {
    local jars=/usr/share/java
    { command -v javac && [ -f $jars/bctls.jar ]; } >/dev/null || { echo 'a JDK or libbctls-java is not installed'; return 1; }
    [ ! "$peers/java/BouncyPeer.class" -nt "$here/java/BouncyPeer.java" ] || return 0
    javac -nowarn -d "$peers/java" -cp $jars/bctls.jar:$jars/bcprov.jar:$jars/bcutil.jar "$here/java/BouncyPeer.java" 2>&1
}

npm() {
    local output
    type -P npm >/dev/null || { echo 'npm is not installed'; return 1; }
    ! cmp -s "$here/npm/package-lock.json" "$peers/npm/.stamp" || return 0
    mkdir -p "$peers/npm"
    cp "$here/npm/package.json" "$here/npm/package-lock.json" "$peers/npm"
    # What the lock file has, and nothing else, from the registry that npm is set up for; nothing of it runs here.
    output=$(cd "$peers/npm" && timeout 300 "$(type -P npm)" ci --ignore-scripts --no-audit --no-fund 2>&1) ||
        { echo "npm can't install what package-lock.json has: $(grep -m 1 error <<<"$output")"; return 1; }
    cp "$here/npm/package-lock.json" "$peers/npm/.stamp"
}
"$2"
