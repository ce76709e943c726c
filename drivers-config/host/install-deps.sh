#!/usr/bin/env bash
# install-deps.sh [demo|tests|deep|compare]
# Installs what Sluice needs on Debian 12. `demo`: to build the gateway and run app/demo/run.sh.
# `tests` (the default): that, the test peers and the second compiler. `deep`: that, the analysers and large test peers.
# `compare`: what the first needs and what bench/compare's peers and the page of plots need.
# Quick when all is there.
# Ends with one line that says what it did; exit status 0 only when nothing is missing.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin # `su` without `-` leaves them out

demo=(build-essential meson ninja-build pkg-config python3 scdoc
      libdpdk-dev libssl-dev libipsec-mb-dev libcyaml-dev libyaml-dev libcap-ng-dev libseccomp-dev
      libxdp-dev libbpf-dev libnuma-dev libpcap-dev libgtest-dev
      gnuplot-nox fonts-dejavu-core
      iproute2 iputils-ping ethtool openssl procps util-linux man-db debian-archive-keyring ca-certificates)
compare=(dpdk dpdk-dev)
tests=(clang-14 libclang-rt-14-dev gnutls-bin libcoap3-bin libwolfssl-dev tshark tcpreplay jq valgrind)
deep=(clang-tidy-14 cppcheck golang-go golang-github-pion-dtls.v2-dev libbctls-java)

# Whoever has another Node.js or JDK than Debian's default keeps it.
command -v npm >/dev/null || deep+=(nodejs npm)
command -v javac >/dev/null || deep+=(default-jdk-headless)

case ${1:-tests} in
    demo) wanted=("${demo[@]}") ;;
    tests) wanted=("${demo[@]}" "${tests[@]}") ;;
    deep) wanted=("${demo[@]}" "${tests[@]}" "${deep[@]}") ;;
    compare) wanted=("${demo[@]}" "${compare[@]}") ;;
    *) sed -n '2,7s/^# //p' "$0"; exit 2 ;;
esac

say() { printf 'install-deps: %s\n' "$*"; }

# Names of `wanted` that dpkg does not hold as installed.
missing() {
    local have
    have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
    local name
    for name in "${wanted[@]}"; do
        grep -qxF "installed $name" <<<"$have" || printf '%s\n' "$name"
    done
}

# A mirror may fail once; five times in a row it is down.
apt() {
    local try
    for try in 1 2 3 4 5; do
        DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 \
            -o Acquire::Retries=3 "$@" && return 0
        say "apt-get $1 failed (try $try of 5)" >&2
        sleep $((try * 2))
    done
    return 1
}

mapfile -t absent < <(missing)
if [ ${#absent[@]} = 0 ]; then
    say "all ${#wanted[@]} packages are there"
    exit 0
fi
if [ "$(id -u)" != 0 ]; then
    say "run as root to install: ${absent[*]}" >&2
    exit 1
fi
if ! grep -q '^VERSION_ID="12"' /etc/os-release; then
    say "made for Debian 12; this is $(. /etc/os-release && echo "$PRETTY_NAME"). Trying all the same." >&2
fi

say "installing ${absent[*]}; a few minutes"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Whoever was interrupted in the middle of an installation goes on from there.
if ! { dpkg --configure -a && apt update && apt install -y --no-install-recommends "${absent[@]}"; } >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    say "apt-get could not install all of: ${absent[*]}" >&2
    exit 1
fi
mapfile -t left < <(missing)
if [ ${#left[@]} != 0 ]; then
    say "still missing: ${left[*]}" >&2
    exit 1
fi
say "installed ${#absent[@]} packages; all ${#wanted[@]} are there"
