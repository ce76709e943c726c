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
            .rounds == 2 and 0 <= .min and .min <= .median and .median <= .max' "$OUT" >/dev/null ||
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
    $(keys 'stage.{parse,find,open,admit,deliver,collect,seal,send}.{64,1400}.ns')
check 'and the pipeline, with the share of its port' has_keys \
    $(keys 'pipeline.{in,out,port}.{64,1400}{,.s65536}.ns')
check 'and open and seal of libcrypto' has_keys \
    $(keys '{record,aead}.{open,seal}.openssl{,.aes128}.{64,1400}.ns' | grep -E 'record.*ssl\.[0-9]|aead.*aes')
if grep -qw avx /proc/cpuinfo; then
    check 'and of IPsec_MB' has_keys \
        $(keys '{record,aead}.{open,seal}.ipsecmb{,.aes128}.{64,1400}.ns' | grep -E 'record.*mb\.[0-9]|aead.*aes')
fi
check 'a file has nothing but machine and results' \
    jq -e 'keys == ["machine", "results"] and ([.results[] | keys] | unique) ==
        [["max", "median", "min", "rounds"]]' "$OUT"
if grep -qw avx /proc/cpuinfo; then
    check 'and how our AES-GCM compares with IPsec_MB called directly' has_keys \
        $(keys 'ratio.aead_{open,seal}.{64,1400}{,.65536}')
fi
ratios() { # 2 to 4 and 3 to 3: 0.5 and 1; a peer that was not measured has no ratio
    printf '%s\n' 'aead.open.vaes256.aes128.64.ns '{2,3} 'aead.open.direct.aes128.64.ns '{4,3} \
        'aead.open.vaes256.aes128.1400.ns 9' 'machine.'{spans,disturbed_spans,disturbed_rounds}' 1' |
        python3 "$root/bench/report.py" "$BUILD" "$work/ratios.json" &&
        jq -e '.results | .["ratio.aead_open.64"] == {median: 0.75, min: 0.5, max: 1, rounds: 2} and
            (has("ratio.aead_open.1400") | not)' "$work/ratios.json"
}
check 'a ratio is that of each round, and where there is no peer there is none' ratios
without_git() { # as where the tree is a copy
    mkdir "$work/bin" && ln -s /usr/bin/[!g]* /usr/bin/g[!i]* "$work/bin"
    printf 'machine.%s 1\n' spans disturbed_spans disturbed_rounds |
        PATH=$work/bin python3 "$root/bench/report.py" "$BUILD" "$work/copy.json"
    jq -e '.machine.commit == ""' "$work/copy.json"
}
check 'where git is not installed it names no commit' without_git
misuse() { "$root/bench/run.sh" "$@"; [ $? = 2 ]; }
check 'an option it does not know is refused' misuse --fast
check 'as is a number of rounds that is none' misuse --rounds many
