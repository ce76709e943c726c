#!/usr/bin/env bash
# bench/run.sh in its shortest form: the file it writes has every key that others read, in its form.
support=$(dirname "$(realpath "$0")")/../support
. "$support/tap.sh"
tap_begin
export BUILD=$build OUT=$work/out.json

has_keys() { # KEY..: each with numbers that can be
    local key
    for key in "$@"; do
        jq -e --arg key "$key" '.results[$key] |
            .rounds == 2 and 0 <= .min and .min <= .p25 and .p25 <= .median and .median <= .p75 and
            .p75 <= .max' "$OUT" >/dev/null ||
            { echo "$key: $(jq -c --arg key "$key" '.results[$key]' "$OUT")"; return 1; }
    done
}
keys() { eval "printf '%s\n' $1"; }

check 'it runs' "$root/bench/run.sh" --quick --rounds 2
check 'it says what machine that was' jq -e '.machine | (.processor | length > 0) and
    (.flags | type == "array") and (.compiler_flags | length > 0) and .cores > 0 and
    .["gaps_over_10us.per_s"] >= 0' "$OUT"
check 'and how much of the measuring others disturbed' jq -e '.machine | .spans > 1000 and
    0 <= .disturbed_spans and .disturbed_spans <= .spans and .disturbed_rounds >= 0' "$OUT"
check 'it has every stage in both sizes' has_keys \
    $(keys 'stage.{parse,find,open,deliver,collect,seal,send}.{64,1400}.ns')
check 'and the pipeline, with the share of its port' has_keys \
    $(keys 'pipeline.{,port.}{in,out}.{64,1400}{,.s65536}.ns')
check 'and every flood, and answers to strangers' has_keys flood.good.ns cookie.per_second \
    $(keys 'flood.{client_hello,random,forged,replay,fragment,wrong_cid,mixed}.{good_ratio,busy_percent,ns,sessions_lost,bytes_per_byte}')
check 'in which no session was lost, no memory taken, and less sent to strangers than they sent' jq -e '
    [.results | to_entries[] | select(.key | test("^flood.*(sessions_lost|memory_growth_kib)$")) | .value.max]
        == [range(8) | 0] and
    ([.results | to_entries[] | select(.key | endswith("bytes_per_byte")) | .value.max] | max < 1)' "$OUT"
check 'and full and resumed handshakes' has_keys handshake.{,mutual.}{full,resumed}.us \
    ratio.handshake_{,mutual_}resumed
check 'and open and seal of libcrypto' has_keys \
    $(keys '{record,aead}.{open,seal}.openssl{,.aes128}.{64,1400}.ns' | grep -E 'record.*ssl\.[0-9]|aead.*aes')
if grep -qw avx /proc/cpuinfo; then
    check 'and of IPsec_MB' has_keys \
        $(keys '{record,aead}.{open,seal}.ipsecmb{,.aes128}.{64,1400}.ns' | grep -E 'record.*mb\.[0-9]|aead.*aes')
fi
check 'and the window, parsing and the session table alone' has_keys \
    $(keys 'replay.{in_order,reordered,replayed}.ns parse.{ipv4,ipv6,vlan,record,cid}.ns') \
    $(keys 'find.{cid,tuple}.{1,65536}.ns find.cid.{1,65536}.alone.ns session.{fill.ns,bytes}')
crossed_ring() { # wherever the host had put the two cores in each round
    jq -e '[.results["ring.64.ns", "ring.far.64.ns"].rounds] | add == 2' "$OUT" &&
        jq -e '[.results["ring.libsluice.64.ns", "ring.far.libsluice.64.ns"].rounds] | add == 2' "$OUT"
}
if [ "$(nproc)" -gt 1 ]; then
    check 'and a ring between two cores, alone and through libsluice' crossed_ring
fi
check 'a file has nothing but machine, results and targets, each in one form' \
    jq -e 'keys == ["machine", "results", "targets"] and
        ([.results[] | keys] | unique) == [["max", "median", "min", "p25", "p75", "rounds"]] and
        ([.targets[] | keys] | unique) == [["figure", "met", "relation", "target", "value"]]' "$OUT"
if grep -qw avx /proc/cpuinfo; then
    check 'and how our AES-GCM compares with IPsec_MB called directly' has_keys \
        $(keys 'ratio.aead_{open,seal}.{64,1400}{,.65536}')
fi

# What the report makes of lines whose answers are known.
report() { # NAME, lines "KEY VALUE" on standard input: writes NAME.json
    python3 "$root/bench/report.py" "$BUILD" "$work/$1.json"
}
values() { printf "$1 %s\n" "${@:2}"; } # KEY VALUE..
recorded() {
    values a.ns 5 1 4 2 3
    values one.ns 7
    values aead.open.vaes256.aes128.64.ns 2 3
    values aead.open.direct.aes128.64.ns 4 3
    values aead.open.vaes256.aes128.1400.ns 9
    values pipeline.in.64.ns 60 62 70 74 # two laps, of the peer one value each
    values pipeline.port.in.64.ns 10 12 11 13
    values peer.secgw.in.64.ns 120 140
    values peer.secgw.port.in.64.ns 20 20
    values peer.libssl.in.64.s1.ns 300 420
    values ring.64.ns 4 5 6
}
recorded | report recorded >"$work/recorded.txt" || fail 'recorded lines are reported'
of_recorded() { jq -e "$1" "$work/recorded.json"; }
check 'rounds become a median, quartiles and ends, whatever their order' of_recorded \
    '.results["a.ns"] == {median: 3, p25: 2, p75: 4, min: 1, max: 5, rounds: 5}'
check 'one round is all of them' of_recorded \
    '.results["one.ns"] == {median: 7, p25: 7, p75: 7, min: 7, max: 7, rounds: 1}'
check 'a ratio of AEADs is that of each round' of_recorded \
    '.results["ratio.aead_open.64"] | .median == 0.75 and .min == 0.5 and .max == 1 and .rounds == 2'
check 'a ratio of pipelines is that of each lap, its ports taken off' of_recorded \
    '.results["ratio.pipeline_in.64"] | .min == 0.5 and .max == 0.5 and .rounds == 2'
check 'one of rates is the other way round' of_recorded \
    '.results["ratio.libssl.64"] | .min == 6 and .max == 7 and .median == 6.5'
check 'where there is no peer there is no ratio' of_recorded \
    '.results | has("ratio.aead_open.1400") or has("ratio.pipeline_out.64") | not'
check 'a target is met at its border, missed beyond it, open where nothing was measured' of_recorded \
    '.targets | (.["ratio.pipeline_in.64"] | .met and .value == 0.5) and .["ring.64.ns"].met and
        .["ratio.libssl.64"].met and .["ratio.aead_open.64"].met == false and
        (.["ratio.pipeline_out.64"] | .met == null and .value == null) and length == 23'
check 'and the text says so' grep -qE 'ratio.aead_open.64 +0.75 +<= 0.6  missed' "$work/recorded.txt"
in_readme() { # LINE: as the README would have it
    python3 "$root/bench/report.py" --markdown "$work/recorded.json" >"$work/readme.md" &&
        grep -qxF -- "$1" "$work/readme.md"
}
check "the README's table takes the ports off, and has a dash for what was not measured" in_readme \
    "| worker, received packet to consumer's ring: 1 session / 65,536 | 54 / - | - / - |"
check 'and leaves out the rows of which nothing was' eval \
    "! grep -q 'ipsec-secgw, 1 tunnel: .*- / - | - / -' '$work/readme.md'"
check 'a report without lines is none' eval '! report nothing </dev/null'

draws() { # NAME: a picture beside NAME.json
    python3 "$root/bench/report.py" --plots "$work/$1.json" &&
        [ "$(head -c 8 "$work/$1.png" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ] &&
        [ "$(stat -c %s "$work/$1.png")" -gt 20000 ]
}
if command -v gnuplot >/dev/null; then
    check 'what was measured is drawn' draws out
    check 'as is a report that lacks most of it' draws recorded
fi
without_gnuplot() {
    mkdir "$work/no-gnuplot" && ln -s /usr/bin/[!g]* "$work/no-gnuplot"
    PATH=$work/no-gnuplot python3 "$root/bench/report.py" --plots "$work/recorded.json" 2>&1 |
        grep -q 'gnuplot is missing (install-deps.sh compare)'
}
check 'where gnuplot is missing it says what to install' without_gnuplot
without_git() { # as where the tree is a copy
    mkdir "$work/bin" && ln -s /usr/bin/[!g]* /usr/bin/g[!i]* "$work/bin"
    values a.ns 1 | PATH=$work/bin report copy
    jq -e '.machine.commit == "unknown"' "$work/copy.json"
}
check 'where git is not installed the commit is unknown' without_git
misuse() { "$root/bench/run.sh" "$@"; [ $? = 2 ]; }
check 'an option it does not know is refused' misuse --fast
check 'as is a number of rounds that is none' misuse --rounds many
