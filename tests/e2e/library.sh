#!/usr/bin/env bash
# What the author of a consumer does: installs, compiles the program of the README with what
# pkg-config says, and runs it at a gateway whose sockets are where both sides look by default.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump

installed=$work/root
check 'everything installs under DESTDIR' \
    env DESTDIR="$installed" meson install -C "$build" --no-rebuild
pc=$(find "$installed" -name libsluice.pc)
library=$(find "$installed" -name 'libsluice.so.0')
header=$(find "$installed" -name sluice.h)
package() { # what pkg-config says, as if DESTDIR were /
    PKG_CONFIG_LIBDIR=$(dirname "$pc") PKG_CONFIG_SYSROOT_DIR=$installed pkg-config "$@" libsluice
}
same() { diff <(printf '%s\n' "$1" | sort) <(printf '%s\n' "$2" | sort); }
dynamic() { readelf -d "$library" | sed -n "s/.*($1).*\[\(.*\)\]/\1/p"; }
check 'the library has the name that programs ask for' same "$(dynamic SONAME)" libsluice.so.0
check 'and needs nothing but libc' same "$(dynamic NEEDED)" libc.so.6
check 'it exports what sluice.h declares, with a version, and nothing else' same \
    "$(nm -D --defined-only "$library" | awk '$2 == "T" { print $3 }')" \
    "$(grep -oE '\bsluice_[a-z_]+\(' "$header" | tr -d '(' | sort -u | sed 's/$/@@SLUICE_0/')"
for page in libsluice.3 sluice-echo.1 sluice-cat.1 sluice-ctl.1; do
    check "$page is there" test -n "$(find "$installed" -path "*/man?/$page*")"
done

for example in lookup.py sluice.service; do # the name by which the manual pages give it
    check "$example is there, and is what is in the source" \
        cmp "$(find "$installed" -path "*/doc/sluice/$example")" "$(find "$root/drivers-config" -name $example)"
done

compiles() { "$@" -Wall -Wextra -Werror -pedantic -fsyntax-only -include "$header" /dev/null; }
check 'the header is C99' compiles cc -std=c99 -x c
check 'and C++' compiles c++ -std=c++11 -x c++
sed -n '/^```c$/,/^```$/p' "$root/README.md" | grep -v '^```' >"$work/echo.c"
# shellcheck disable=SC2046
check 'the program of the README compiles' \
    cc -Wall -Wextra -Werror -o "$work/echo" "$work/echo.c" $(package --cflags --libs)

# A machine just started: nothing in /run. What is done there is seen through the holder's root.
ip netns exec "$gateway_ns" unshare -m bash -c \
    'mount -t tmpfs none /run && touch /run/new && exec sleep infinity' &
holder=$!
at_exit kill "$holder"
gateway_config
sed -i '/^control_socket:/d; /^consumer_socket:/d' "$config"
control=/proc/$holder/root/run/sluice/control.sock
check 'there is nothing in /run' wait_for 5 test -e "/proc/$holder/root/run/new"
gateway_launch nsenter -m -r -t "$holder"
check 'the gateway makes the directory of its sockets' wait_for 20 gateway_ready
consumer_start readme nsenter -m -r -t "$holder" env LD_LIBRARY_PATH="$(dirname "$library")" "$work/echo"
check 'the program registers' wait_counter 5 .consumers.registered '== 1'
check 'and answers' mbedtls cid=aabb messages=200 size=1-1350 window=8
check 'the gateway ends cleanly' gateway_stop
check 'and its consumer with it' wait_for 5 ended "$readme_pid"
