#!/usr/bin/env python3
"""coverage.py [--lines] [--figures] [--tap] [OUT.json]

Which lines of each parser the fuzz targets reach by their seeds and their corpus, without a mutation:
builds build-coverage with gcc, runs each target, prints a table, and writes
    {FILE: {"targets": [NAME], "lines": N, "reached": N, "excused": N, "percent": P, "missed": [LINE],
            "idle_excuses": [LINE'S BEGINNING]}}
Lines that no input can reach are excused, see excused.py, and not counted. The exit status is 1 when
a parser is below 95 %, or an excuse is none. --lines: shows the lines that are missed. --figures:
for bench/report.py, `KEY VALUE` lines instead of the table; --tap: a test for each parser.
"""
import json
import os
import pathlib
import subprocess
import sys

from excused import EXCUSED
from parsers import PARSERS

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build-coverage"
LEAST = 95.0


def quietly(*command, **options):
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}:\n{done.stdout[-4000:]}")


def build(targets):
    if not (BUILD / "build.ninja").exists():
        quietly("meson", "setup", BUILD, "-Dgateway=disabled", "-Dbuildtype=debug",
                "-Doptimization=0", "-Db_coverage=true", "-Dwerror=false",
                env={"CC": "gcc", "CXX": "g++"} | os.environ)
    quietly("ninja", "-C", BUILD, *(f"tests/fuzz/fuzz_{name}" for name in targets))


def notes_of(parsers):
    """{FILE: [its .gcno]}; a header's lines are in those of the targets, which include it."""
    notes = {}
    for file, targets in parsers.items():
        path = pathlib.Path(file)
        found = BUILD.glob(f"{path.parts[0]}/**/*{path.name}.gcno")
        if path.suffix == ".h":
            found = (note for name in targets
                     for note in BUILD.glob(f"tests/fuzz/fuzz_{name}.p/*.gcno"))
        notes[file] = list(found)
    return notes


def count(notes, file, reached):
    """Adds what the run that has just been reached: {LINE: times}."""
    for note in notes:
        if not note.with_suffix(".gcda").exists():
            continue
        text = subprocess.run(["gcov", "--json-format", "--stdout", note], cwd=BUILD, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        for line in text.splitlines():
            for source in json.loads(line)["files"]:
                if (BUILD / source["file"]).resolve() != ROOT / file:
                    continue
                for entry in source["lines"]:
                    number = entry["line_number"]
                    reached[number] = reached.get(number, 0) + entry["count"]


def run(target):
    for data in BUILD.rglob("*.gcda"):
        data.unlink()
    corpus = ROOT / "tests/fuzz/corpus" / target
    quietly(BUILD / "tests/fuzz" / f"fuzz_{target}", "--runs", "0",
            *([corpus] if corpus.is_dir() else []))


def measure():
    targets = sorted({name for names in PARSERS.values() for name in names})
    build(targets)
    notes = notes_of(PARSERS)
    reached = {file: {} for file in PARSERS}
    for target in targets:
        run(target)
        for file, names in PARSERS.items():
            if target in names:
                count(notes[file], file, reached[file])
    return {file: judged(file, lines) for file, lines in reached.items()}


def indent_of(line):
    return len(line) - len(line.lstrip())


def block(text, start):
    """The numbers of the lines from this one to where its block ends."""
    end = start + 1
    while end < len(text) and (not text[end].strip() or indent_of(text[end]) > indent_of(text[start])
                               or text[end].strip() == "{"):
        end += 1
    return range(start + 1, end + 2)


def excuses(file, lines):
    """The lines that no input can reach, and those excuses of which none is needed."""
    text = (ROOT / file).read_text().splitlines()
    excused, idle = set(), []
    for beginning in EXCUSED.get(file, {}):
        starts = [i for i, line in enumerate(text) if line.strip().startswith(beginning)]
        missed = {number for start in starts for number in block(text, start)
                  if lines.get(number) == 0}
        if not missed:
            idle.append(beginning)
        excused |= missed
    return excused, idle


def judged(file, lines):
    excused, idle = excuses(file, lines)
    missed = sorted(number for number, times in lines.items()
                    if times == 0 and number not in excused)
    total = len(lines) - len(excused)
    got = total - len(missed)
    return {"targets": PARSERS[file], "lines": total, "reached": got, "excused": len(excused),
            "percent": round(100.0 * got / total, 1) if total else 0.0, "missed": missed,
            "idle_excuses": idle}


def show(result, with_lines):
    print(f"{'parser':32} {'lines':>6} {'reached':>8} {'excused':>8} {'%':>6}  targets")
    for file, about in result.items():
        print(f"{file:32} {about['lines']:6} {about['reached']:8} {about['excused']:8} "
              f"{about['percent']:6}  " + " ".join(about["targets"]))
        if with_lines and about["missed"]:
            text = (ROOT / file).read_text().splitlines()
            for number in about["missed"]:
                print(f"    {number:4}: {text[number - 1].strip()}")


def figures(result):
    for file, about in result.items():
        name = file.removeprefix("lib/").removesuffix(".c").replace("/", ".")
        print(f"fuzz.coverage.{name} {about['percent']}")
    print("fuzz.coverage.least", min(about["percent"] for about in result.values()))


def tap(result):
    for number, (file, about) in enumerate(result.items(), 1):
        verdict = "ok" if about["percent"] >= LEAST and not about["idle_excuses"] else "not ok"
        print(f"{verdict} {number} - {file}: {about['percent']} % of its lines")
        if verdict != "ok":
            print("# missed:", *about["missed"])
    print(f"1..{len(result)}")


def main():
    options = {a for a in sys.argv[1:] if a.startswith("--")}
    files = [a for a in sys.argv[1:] if not a.startswith("--")]
    if len(files) > 1 or not options <= {"--lines", "--figures", "--tap"}:
        sys.exit(__doc__)
    result = measure()
    if "--figures" in options:
        figures(result)
    elif "--tap" in options:
        tap(result)
    else:
        show(result, "--lines" in options)
    for path in files:
        pathlib.Path(path).write_text(json.dumps(result, indent=1) + "\n")
    for file, about in result.items():
        for beginning in about["idle_excuses"]:
            print(f"{file}: nothing is missed where it says: {beginning}", file=sys.stderr)
    is_short = any(about["percent"] < LEAST or about["idle_excuses"] for about in result.values())
    sys.exit(is_short and "--figures" not in options)


main()
