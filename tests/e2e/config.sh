#!/usr/bin/env bash
# `sluice check` and `sluice version`: no port, no privileges, errors with file and line.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
. "$support/net.sh"
. "$support/gateway.sh"
tap_begin
. "$support/clients.sh"
"$support/pki.sh" "$pki"
file=$work/sluice.yaml

good() {
    cat <<END
workers: 2
ports:
  - interface: sl0
    addresses: [198.18.0.1]
listeners:
  - port: 4433
    service: echo
certificates:
  - certificate: pki/server.crt
    key: pki/server.key
END
}
says() { # EXPECTED: `sluice check` fails, with that line and no other
    local output status
    output=$("$sluice" check -c "$file" 2>&1)
    status=$?
    printf 'status %d, expected: %s\n%s\n' $status "$1" "$output"
    [ $status != 0 ] && [ "$output" = "$1" ]
}
check_error() { # WHAT LINE-AND-REASON
    check "$1" says "$file:$2"
}

good >"$file"
check 'a good file passes' "$sluice" check -c "$file"
check 'also from another folder' bash -c "cd / && $sluice check -c $file"
check 'the demo'"'"'s configuration passes' bash -c \
    "cp '$root/drivers-config/sluice-demo.yaml' '$work/demo.yaml' && '$sluice' check -c '$work/demo.yaml'"
check 'sluice version prints one' bash -c "$sluice version | grep -qE '[0-9]+\.[0-9]+\.[0-9]+'"

nobody='nobody is trusted: give a CA file, fingerprints or node ids, or say that anonymous peers are'
for trust in '{}' '{anonymous: false}' '{node_id_prefix: n-}'; do
    { good; echo "trust: $trust"; } >"$file"
    check_error "trust: $trust" "11: $nobody"
    { good; printf 'trust: %s\nservices: [{name: echo, trust: {anonymous: true}}]\n' "$trust"; } >"$file"
    check "trust: $trust, where no service goes by it" "$sluice" check -c "$file"
    { good | sed '/^listeners/,/service/d'; cat <<END; } >"$file"
trust: $trust
connect: [{name: up, address: "198.18.0.2:4433", service: relay, trust: {fingerprints: [$(printf '%064d' 0)]}}]
END
    check "trust: $trust, and nobody comes" "$sluice" check -c "$file"
done

{ good; echo 'colour: red'; } >"$file"
check_error 'an unknown key' "11: unknown key 'colour'"
{ good; echo 'workers: 3'; } >"$file"
check_error 'a duplicate key' "11: duplicate key 'workers' (first on line 1)"
good | grep -v 'service:' >"$file"
check_error 'a missing key' "6: missing key 'service'"
good | sed 's/workers: 2/workers: two/' >"$file"
check_error 'a wrong type' "1: 'workers' has to be a number, not 'two'"
: >"$file"
check_error 'an empty file' '1: the file is empty'
{ good | sed '/^certificates/,$d'; printf 'certificates:\n  - certificate: none.crt\n    key: pki/server.key\n'; } >"$file"
output=$("$sluice" check -c "$file" 2>&1)
check 'an unreadable certificate is named at its line' test $? != 0
check 'with file, line and the path' grep -qE "^$file:9: .*none\.crt" <(echo "$output")
{ good | sed 's,pki/server.key,pki/client.key,'; } >"$file"
output=$("$sluice" check -c "$file" 2>&1)
check 'a key of another certificate is named at its line' grep -qE "^$file:10: .*client\.key" <(echo "$output")
{ good; echo 'client_ca: /etc/hostname'; } >"$file"
output=$("$sluice" check -c "$file" 2>&1)
check 'a client_ca without a certificate is named at its line' grep -qE "^$file:11: .*/etc/hostname" <(echo "$output")
{ good | sed '/^certificates/,$d'; printf '  - port: 4433\n    service: other\n'; good | sed -n '/^certificates/,$p'; } >"$file"
check_error 'a UDP port used twice' '8: UDP port used twice'

# The reason stands behind the file's name, however long that is; and behind a certificate's.
folder=$work/$(printf 'd%.0s' {1..200})/$(printf 'e%.0s' {1..200})/$(printf 'f%.0s' {1..200})
mkdir -p "$folder"
file=$folder/sluice.yaml
{ good; echo 'colour: red'; } >"$file"
check_error 'an error in a file with a long path is said whole' "11: unknown key 'colour'"
good | sed "s,pki/,$pki/,; s,/server.crt,/none.crt," >"$file"
check_error 'also one that only the certificates show' \
    "9: certificate file $pki/none.crt cannot be opened: No such file or directory"
good >"$file"
check_error 'and one of a certificate with a long path' \
    "9: certificate file $folder/pki/server.crt cannot be opened: No such file or directory"

refuses() { "$@" >"$work/out" 2>&1; local status=$?; cat "$work/out"; [ $status != 0 ] && [ $status -lt 124 ]; }
check 'a file that is not there is refused' refuses "$sluice" check -c "$work/none.yaml"
check 'an unknown command is refused' refuses "$sluice" fly
check 'no arguments are refused' refuses "$sluice"

# Every key of the file has its place in the manual.
documented() {
    local key status=0
    for key in $(grep -oE 'CYAML_FIELD_[A-Z_]+\("[a-z_]+"' "$root/lib/config/schema.c" | cut -d'"' -f2); do
        grep -qE "^(\*[a-z_]+\*, )*\*$key\*" "$root/docs/man/sluice.yaml.5.scd" && continue
        echo "$key is not in sluice.yaml(5)"
        status=1
    done
    return $status
}
check 'every key is in the manual page' documented
