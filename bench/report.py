#!/usr/bin/env python3
"""Gathers the results of the measuring programs.

report.py BUILD OUT.json < "KEY VALUE" lines   prints tables, and writes
    {"machine": {...},
     "results": {KEY: {median, p25, p75, min, max, rounds}},
     "targets": {KEY: {figure, relation, target, value, met}}}
report.py --markdown OUT.json                  the README's tables of a report that is there
report.py --plots OUT.json                     OUT.png beside it; needs gnuplot
"""
import json
import pathlib
import statistics
import sys

from reporting import plots, tables
from reporting.machine import machine
from reporting.ratios import ratios
from reporting.targets import judge


def spread(rounds):
    """The middle half of the rounds is between p25 and p75."""
    quartiles = statistics.quantiles(rounds, n=4, method="inclusive") if len(rounds) > 1 \
        else rounds * 3
    named = zip(("median", "p25", "p75", "min", "max"),
                (quartiles[1], quartiles[0], quartiles[2], min(rounds), max(rounds)))
    return {name: round(value, 4) for name, value in named} | {"rounds": len(rounds)}


def read(lines):
    values = {}
    for line in lines:
        key, value = line.split()
        values.setdefault(key, []).append(float(value))
    return values


def gather(build, out):
    values = read(sys.stdin)
    results = {key: spread(rounds) for key, rounds in (values | ratios(values)).items()}
    about = machine(values, results, build)
    if not results:
        sys.exit("no results")
    report = {"machine": about, "results": results, "targets": judge(results)}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n")
    for lines in (tables.machine_lines(about), [""], tables.result_lines(results), [""],
                  tables.target_lines(report["targets"])):
        print(*lines, sep="\n")


def main():
    match sys.argv[1:]:
        case ["--markdown", path]:
            print(*tables.markdown_lines(json.loads(pathlib.Path(path).read_text())), sep="\n")
        case ["--plots", path]:
            plots.draw(json.loads(pathlib.Path(path).read_text()), pathlib.Path(path))
        case [build, out] if not build.startswith("-"):
            gather(pathlib.Path(build), pathlib.Path(out))
        case _:
            sys.exit(__doc__)


main()
