#!/usr/bin/env bash
# fetch.sh FOLDER
# Unpacks into FOLDER what an emulated guest is made of, all of it Debian's: QEMU (of
# bookworm-backports: the first with igb), its firmware and libraries, a kernel with the VFIO
# modules, and busybox. FOLDER/.stamp remembers that it is done. Nothing is installed.
set -euo pipefail
[ $# = 1 ] || { sed -n '2,5s/^# //p' "$0"; exit 2; }
[ ! -e "$1/.stamp" ] || exit 0
rm -rf "$1"
mkdir -p "$1"
folder=$(realpath "$1")
mkdir -p "$folder"/apt/{lists,archives}/partial "$folder"/{prefix,kernel}
cd "$folder"

mirror=$(grep -rhoE 'https?://[^] ]+/debian/?( |$)' /etc/apt/sources.list \
    /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null |
    head -n 1 | tr -d ' ' || true)
mirror=${mirror%/}
[ -n "$mirror" ] || { echo "guest: no Debian mirror in this machine's apt sources" >&2; exit 1; }
by='signed-by=/usr/share/keyrings/debian-archive-keyring.gpg'
printf "deb [$by] %s %s main\n" "$mirror" bookworm "$mirror" bookworm-backports \
    "$mirror-security" bookworm-security >apt/sources.list
options=(-qq -y -o Dir::Etc::sourcelist="$folder/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::State::lists="$folder/apt/lists" -o Dir::Cache="$folder/apt"
    -o Dir::Cache::archives="$folder/apt/archives" -o Acquire::Retries=3 -o Acquire::Languages=none
    -o APT::Sandbox::User=root -o Debug::NoLocking=1)

# A mirror may fail once; five times in a row it is down.
apt() {
    local try
    for try in 1 2 3 4 5; do
        (cd apt/archives && apt-get "${options[@]}" "$@" >/dev/null) && return 0
        echo "guest: apt-get $1 failed (try $try of 5)" >&2
        sleep $((try * 2))
    done
    return 1
}
apt update
kernel=$(apt-cache "${options[@]:2}" depends linux-image-cloud-amd64 |
    awk '/Depends: linux-image-[0-9]/ { print $2; exit }')
# With what QEMU depends on and this machine lacks.
apt --download-only --no-install-recommends install \
    {qemu-system-x86,qemu-system-common,qemu-system-data,seabios}/bookworm-backports
apt download "$kernel" busybox-static

for deb in apt/archives/*.deb; do
    case $deb in
        */linux-image*)
            dpkg-deb --fsys-tarfile "$deb" | tar -x -C kernel -f - --wildcards './boot/vmlinuz*' \
                '*/virt/lib/*' '*/drivers/vfio/*'
            ;;
        *) dpkg-deb -x "$deb" prefix ;;
    esac
done
rm -rf apt
touch .stamp
