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
    local packages=(node-dtls-client@2.0.3 @nodertc/dtls@0.6.0 werift-dtls@0.5.8) output
    type -P npm >/dev/null || { echo 'npm is not installed'; return 1; }
    [ "$(cat "$peers/npm/.stamp" 2>/dev/null)" != "${packages[*]}" ] || return 0
    mkdir -p "$peers/npm"
    # None of them builds or runs anything when it is installed.
    output=$(cd "$peers/npm" && timeout 300 "$(type -P npm)" install --prefix . --ignore-scripts --no-audit --no-fund --no-save "${packages[@]}" 2>&1) ||
        { echo "npm can't install ${packages[*]}: $(tail -n 1 <<<"$output")"; return 1; }
    echo "${packages[*]}" >"$peers/npm/.stamp"
}
"$2"
