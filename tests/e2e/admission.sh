#!/usr/bin/env bash
# Who may come in: lists of prefixes, put in force while the gateway runs, all or nothing.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
net_up
at_failure gateway_dump
on_peer ip addr add 198.18.0.3/24 dev sl1
other_ip4=198.18.0.3

ctl() { "$sluice_ctl" -s "$control" "$@"; }
access_is() { ctl access | tee "$work/access" | diff - <(printf '%s\n' "$@"); }
reload_says() { # STATUS LINE..: what is read from now on, or why nothing changes
    local wanted=$1 status
    shift
    ctl reload >"$work/reload" 2>&1
    status=$?
    diff "$work/reload" <(printf '%s\n' "$@") && [ $status = "$wanted" ]
}
pings() { on_peer ping -n -q -c 3 -i 0.1 -W 1 -I "$1" $gateway_ip4 | grep -q ' 0% packet loss'; }
silent() { ! on_peer ping -n -q -c 2 -i 0.2 -W 1 -I "$1" $gateway_ip4; }
logged() { grep -qF -- "$1" "$gateway_log"; }

gateway_config
gateway_start || exit
consumer_start echo "$sluice_echo" -s "$consumers" echo
check 'without lists everybody may come in' access_is 'allow all others'
check 'a session from one address' mbedtls cid=aabb messages=20
check 'a ping from another' pings $other_ip4

# A denial while a session of that address is open, and one of another address beside it.
mbedtls cid=aabb messages=2000 size=100 resend_ms=200 tries=20 >"$work/denied.log" 2>&1 &
denied=$!
check 'a session is open' wait_counter 10 .total.sessions '== 1'
gateway_config "admission: {deny: [$peer_ip4, \"2001:db8:bad::/48\"]}"
check 'a reload puts a list in force' reload_says 0 "reloaded $config: 0 prefixes allowed, 2 denied; certificates: 1, connections: 0"
check 'and it can be asked for' access_is "deny $peer_ip4" 'deny 2001:db8:bad::/48' 'allow all others'
check 'the session of the address ends' wait_counter 10 .total.sessions '== 0'
wait $denied
check 'and its client has failed' test $? != 0
check 'nobody of it gets in any more' refused 'timed out' mbedtls messages=1
check 'its pings are not answered' silent $peer_ip4
check 'both are counted' wait_counter 10 .total.drops.denied '>= 4'
check 'another address is as welcome as ever' pings $other_ip4

# A bad file changes nothing, and says where it is bad.
gateway_config "admission: {deny: [198.18.0.0/33]}"
line=$(grep -n admission "$config" | cut -d: -f1)
check 'a prefix that is none is refused' reload_says 1 "error: $config:$line: '198.18.0.0/33': behind the slash stand the \
bits of the prefix, 0 to 32 of IPv4, 0 to 128 of IPv6"
gateway_config "admission: {deny: [198.18.0.1/15]}"
check 'one with bits behind it too' reload_says 1 "error: $config:$line: '198.18.0.1/15' has bits behind its prefix; is \
'198.18.0.0/15' meant, or one address?"
gateway_config 'admission: {deny: [198.18.0.0/15, some]}'
check 'and what is no address' reload_says 1 "error: $config:$line: 'some' is no prefix of addresses, such as \
198.18.0.0/15 or 2001:db8::/32"
gateway_config 'admission: {allow: [198.18.0.0/15], deny: [198.18.0.0/16, 198.18.0.0/15]}'
check 'and a list that contradicts the other' reload_says 1 "error: $config:$line: '198.18.0.0/15' is allowed as well as denied"
gateway_config 'colour: red'
line=$(grep -n colour "$config" | cut -d: -f1)
check 'and any other error of the file' reload_says 1 "error: $config:$line: unknown key 'colour'"
gateway_config "certificates: [{certificate: $work/none.crt, key: $pki/server.key}]"
check 'and a certificate that is not there' grep -q '^error: .*none.crt' <(ctl reload 2>&1)
check 'the log warns of the refusals too' logged "warning reload refused: $config:$line: unknown key 'colour'"
check 'nothing of it has changed anything' access_is "deny $peer_ip4" 'deny 2001:db8:bad::/48' 'allow all others'
check 'the denied one is still kept out' silent $peer_ip4

# By signal; what needs a restart is named, and the rest is in force.
gateway_config "admission: {allow: [$peer_ip4/32, 198.18.0.128/25], deny: [198.18.0.130]}" 'workers: 1' 'half_open: 17'
kill -HUP "$gateway_pid"
check 'SIGHUP reloads as well' wait_for 10 logged "reloaded $config: 2 prefixes allowed, 1 denied"
check 'and the log names what needs a restart' wait_for 10 logged 'needs a restart: workers, half_open; run `sluice check` before it'
check 'the list is in force' access_is "allow $peer_ip4" 'allow 198.18.0.128/25' 'deny 198.18.0.130' 'deny all others'
check 'who is on the list of those allowed comes in' mbedtls cid=aabb messages=20
check 'nobody else does' silent $other_ip4
check 'the MAC of the port is no secret' on_peer bash -c \
    "ip neigh flush dev sl1; ping -n -q -c 1 -W 1 -I $other_ip4 $gateway_ip4; ip neigh show $gateway_ip4 | grep -q lladdr"

gateway_config
check 'without lists everybody may come in again' reload_says 0 "reloaded $config: 0 prefixes allowed, 0 denied; certificates: 1, connections: 0"
check 'so does this one' pings $other_ip4
check_equation
check 'the gateway ends cleanly' gateway_stop
