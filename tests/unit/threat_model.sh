#!/usr/bin/env bash
# Each test that docs/threat-model.md names is there, and each line of its tables names one.
. "$(dirname "$(realpath "$0")")/../support/tap.sh"
tap_begin
model=$root/docs/threat-model.md

exists() { # FILE NAME
    case $1 in
        *.cc) grep -qE "^TEST(_[FP])?\(${2%%.*}, ${2#*.}\)" "$root/$1" ;;
        *.sh) grep -qF -e "check '$2'" -e "check \"$2\"" "$root/$1" ;;
        *) false ;;
    esac
}

named=0 missing=() bare=()
while IFS= read -r line; do
    [[ $line == '| '* && $line != '| ---'* && $line != *'| test |' ]] || continue
    tests=$(grep -oE '`tests/[^`]+`' <<<"$line") || bare+=("$line")
    while IFS= read -r test; do
        [ -n "$test" ] || continue
        named=$((named + 1))
        test=${test//\`/}
        exists "${test%%: *}" "${test#*: }" || missing+=("$test")
    done <<<"$tests"
done <"$model"

if [ ${#missing[@]} = 0 ]; then pass "the $named tests that the threat model names are there"; else
    fail 'tests that the threat model names are there' "${missing[@]}"; fi
if [ ${#bare[@]} = 0 ]; then pass 'each of its lines names a test'; else fail 'each of its lines names a test' "${bare[@]}"; fi
check 'there are enough of them for the script to have read the page' test $named -gt 60
