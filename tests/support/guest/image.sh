#!/usr/bin/env bash
# image.sh GUEST FILES OUTPUT PROGRAM...
# Makes the guest's root file system, a cpio archive that the kernel unpacks into memory: busybox, the
# PROGRAMs in /usr/bin with the libraries they need, DPDK's drivers for emulated cards, the VFIO
# modules, the folder FILES as it is, and the script `init` beside this one. GUEST as fetch.sh made it.
set -euo pipefail
[ $# -ge 4 ] || { sed -n '2,5s/^# //p' "$0"; exit 2; }
here=$(dirname "$(realpath "$0")")
guest=$1 files=$2 output=$(realpath -m "$3")
shift 3

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/{bin,dev,proc,sys,tmp,run,mod,lib64,usr/bin,usr/lib}
ln -s usr/lib "$tree/lib"
cp "$guest/prefix/bin/busybox" "$tree/bin/"
cp -L /lib64/ld-linux-x86-64.so.2 "$tree/lib64/"
cp -L "$@" "$tree/usr/bin/"
cp -a "$files"/. "$tree/"
cp "$here/init" "$tree/init"
chmod 755 "$tree" "$tree/init"

pmds=$(echo /usr/lib/x86_64-linux-gnu/dpdk/pmds-*)
drivers=$(ls "$pmds"/librte_{bus_pci,bus_vdev,mempool_ring,net_e1000}.so.*)

# Symbolic links stay links: one driver under two names would make EAL register it twice, and abort.
chain() {
    local file=$1
    echo "$file"
    while [ -L "$file" ]; do
        file=$(realpath -s "$(dirname "$file")/$(readlink "$file")")
        echo "$file"
    done
    realpath "$1"
}
for file in $drivers /usr/lib/x86_64-linux-gnu/libgcc_s.so.1 \
    $(ldd "$@" $drivers | awk '/=> \// { print $3 }' | sort -u); do
    chain "${file/#\/lib\//\/usr\/lib\/}"
done | sed 's,^/lib/,/usr/lib/,; s,^/,,' | sort -u >"$tree.list"
# Libraries of the build itself are not below /usr: they go where the loader looks anyhow.
grep '^usr/' "$tree.list" | tar -C / -cf - --no-recursion -T - | tar -xf - -C "$tree"
grep -v '^usr/' "$tree.list" | sed 's,^,/,' | xargs -r cp -P -t "$tree/usr/lib/x86_64-linux-gnu/" || true
rm -f "$tree.list"

for module in irqbypass vfio vfio_virqfd vfio_iommu_type1 vfio-pci-core vfio-pci; do
    find "$guest/kernel" -name "$module.ko" -exec cp {} "$tree/mod/" \;
done
(cd "$tree" && find . | "$guest/prefix/bin/busybox" cpio -o -H newc 2>/dev/null) >"$output"
