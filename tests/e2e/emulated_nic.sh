#!/usr/bin/env bash
# The gateway on a real driver for a network card: a QEMU guest (emulated, no KVM) with an Intel 82576
# behind an emulated IOMMU, bound to vfio-pci, driven by DPDK's igb with RSS over two queues. Inside:
# sluice with two workers and sluice-echo. Outside, in a namespace: real clients on a tap.
#
#   guest                                                   namespace $peer_ns
#   +-----------------------------------------------+       +-------------------------------+
#   | sluice-echo <= sluice <= igb (vfio-pci, RSS)  |       | OpenSSL, Mbed TLS with CID    |
#   |   198.18.0.1, 2001:db8::1     emulated card --+- tap -+-- sl1  198.18.0.2 2001:db8::2 |
#   +-----------------------------------------------+       +-------------------------------+
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"

guest=$build/guest
serial=$work/serial.log

tap_up() {
    at_exit net_down
    ip netns add $peer_ns && ip -n $peer_ns link set lo up || return 1
    on_peer sysctl -qw net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.default.router_solicitations=0
    on_peer ip tuntap add dev sl1 mode tap || return 1
    ip -n $peer_ns addr add $peer_ip4/24 dev sl1
    ip -n $peer_ns addr add $peer_ip6/64 dev sl1 nodad
    ip -n $peer_ns link set sl1 up
}

image() {
    local files=$work/files
    mkdir -p "$files/etc/sluice"
    cp "$pki"/server.* "$files/etc/sluice/"
    cat >"$files/etc/sluice/sluice.yaml" <<END
workers: 2
idle: yield
memory_mb: 128
sessions: 4096
control_socket: /run/sluice/control.sock
consumer_socket: /run/sluice/consumers.sock
ports: [{driver: dpdk, devices: ["0000:00:05.0"], addresses: [$gateway_ip4, "$gateway_ip6"]}]
listeners: [{port: $port, service: echo}]
certificates: [{certificate: server.crt, key: server.key}]
END
    "$support/guest/image.sh" "$guest" "$files" "$work/root.cpio" \
        "$sluice" "$sluice_ctl" "$sluice_echo"
}

# no_timer_check: the kernel counts 40 ms worth of timer interrupts early on, and panics when an
# emulator that shares its cores with others is late with them.
boot() {
    local usr=$guest/prefix/usr libraries=lib/x86_64-linux-gnu
    mkfifo "$work/console"
    exec {console}<>"$work/console" # both ways: writing to a guest that is gone must not end us
    QEMU_MODULE_DIR=$usr/$libraries/qemu LD_LIBRARY_PATH=$usr/$libraries:$guest/prefix/$libraries \
        ip netns exec "$peer_ns" "$usr/bin/qemu-system-x86_64" -L "$usr/share/qemu" -L "$usr/share/seabios" \
        -M q35 -accel tcg,thread=multi -cpu max -smp 3 -m 640 -nodefaults -display none -vga none \
        -serial stdio -no-reboot -kernel "$(echo "$guest"/kernel/boot/vmlinuz*)" \
        -initrd "$work/root.cpio" \
        -append 'console=ttyS0 quiet panic=-1 no_timer_check tsc=reliable mitigations=off hugepages=100 intel_iommu=on' \
        -device intel-iommu,intremap=on,aw-bits=48 \
        -netdev tap,id=n0,ifname=sl1,script=no,downscript=no,vhost=off \
        -device igb,netdev=n0,mac=52:54:00:12:34:56,romfile=,addr=0x5 \
        <"$work/console" >"$serial" 2>&1 &
    qemu_pid=$!
    at_exit gateway_kill $qemu_pid
}
said() { grep -qa "$1" "$serial"; }
said_or_gone() { said "$1" || ended "$qemu_pid"; }
guest_is_ready() {
    wait_for 180 said_or_gone '^\(NOT \)\?READY'
    said '^READY' && ! said '^NOT READY'
}
# ask_stats: the gateway's counters to $work/stats.json. The answer carries the question's number: it
# is read once its line is whole.
ask_stats() {
    echo "stats $((asked += 1))" >&"$console"
    wait_for 20 answered
}
asked=0
answered() {
    tr -d '\r' <"$serial" | sed -n "s/^STATS $asked \({.*}\)$/\1/p" >"$work/stats.json"
    [ -s "$work/stats.json" ] && jq -e . "$work/stats.json" >/dev/null 2>&1 # a line that is still being written may end in a brace, too
}
stat() { jq -r "$1" "$work/stats.json"; }
each_worker() { # COUNTER: more than nothing on both
    ask_stats && stat ".workers[]$1" && stat "[.workers[]$1] | length == 2 and all(. > 0)" | grep -qx true
}
never() { # COUNTER
    ask_stats && stat ".total$1" && [ "$(stat ".total$1")" = 0 ]
}
balanced() {
    ask_stats && jq -e '.total | (.events.delivered + .events.answered + .events.to_handshake
        + .events.consumed + ([.drops | to_entries[] | select(.key | startswith("send_") | not)
        | .value] | add)) == .events.rx_records' "$work/stats.json"
}
several() { # PORT CLIENT OPTION..: eight clients on PORT and the seven after it, which RSS spreads
    local first=$1 i status=0 pids=()
    shift
    for i in 0 1 2 3 4 5 6 7; do
        "$@" local_port=$((first + i)) >"$work/several.$i" 2>&1 &
        pids+=($!)
    done
    for i in "${!pids[@]}"; do wait "${pids[i]}" || { status=1; cat "$work/several.$i"; }; done
    return $status
}
show_serial() { echo "--- serial console:"; tail -n 60 "$serial" | tr -d '\r' | cut -c1-400; }
at_failure show_serial

check 'QEMU, a kernel and busybox are there' "$support/guest/fetch.sh" "$guest" || exit
check 'a tap in a namespace' tap_up || exit
check 'the guest'"'"'s file system' image || exit
boot
check 'the guest boots, and the gateway starts in it' guest_is_ready || exit
check 'on the card behind vfio-pci' said '^NIC 0000:00:05.0 0x8086:0x10c9 vfio-pci'
check 'with two workers, on its own driver' said 'ready: 2 workers, port 0 net_e1000_igb'
check 'the processor has no AVX-512' said '^AVX-512 no'
check 'and the back-end chosen does without' said 'crypto ipsecmb avx2'
check 'ping is answered' on_peer ping -n -q -c 5 -i 0.1 -W 3 $gateway_ip4
check 'ping over IPv6 is answered' on_peer ping -n -q -c 5 -i 0.1 -W 3 $gateway_ip6
check 'Mbed TLS with a connection ID: 500 messages of all sizes' mbedtls cid=aabbccdd messages=500 \
    size=1-1350 window=8 resend_ms=2000
check 'OpenSSL without one: 500 messages of all sizes' openssl_echo messages=500 size=1-1350 \
    window=8 resend_ms=2000
check 'OpenSSL over IPv6' openssl_echo host=$gateway_ip6 messages=200 size=1-1350 window=8 resend_ms=2000
check 'ChaCha20-Poly1305' mbedtls cid=aabb messages=100 size=1-1350 window=8 resend_ms=2000 \
    suite=TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256
check 'eight clients with connection IDs at once' several 40000 mbedtls cid=aabb messages=100 \
    size=1-1350 window=4 resend_ms=3000
check 'eight clients without at once' several 41000 openssl_echo messages=100 size=1-1350 window=4 \
    resend_ms=3000
check 'the card spread what came over both queues' each_worker .events.rx_frames
check 'both workers opened sessions' each_worker .events.sessions_opened
check 'and delivered what they received' each_worker .events.delivered
check 'the card hashes as the workers do: each packet came to its owner' never .events.handed_over
check 'eight clients that rebind, to any queue' several 42000 mbedtls cid=aabb messages=40 size=200 \
    rebind=20 resend_ms=3000
check 'every record received has ended exactly once' wait_for 5 balanced
echo stop >&"$console"
check 'SIGTERM ends the gateway' wait_for 15 said '^ENDED'
check 'with status 0' said '^ENDED 0 '
echo exit >&"$console"
wait_for 10 ended "$qemu_pid"
