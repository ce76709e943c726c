#!/usr/bin/env python3
"""Gathers the results of the measuring programs: report.py BUILD OUT.json < "KEY VALUE" lines.

Prints a table, and writes {"machine": {...}, "results": {KEY: {median, min, max, rounds}}}.
"""
import json
import os
import pathlib
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import time

INTERESTING_FLAGS = ("aes", "pclmulqdq", "avx2", "avx512f", "vaes", "vpclmulqdq", "sha_ni", "gfni")
# Each program counts its own.
COUNTED = ("machine.spans", "machine.disturbed_spans", "machine.disturbed_rounds")

# Ours beside a peer's, by keys whose values were measured in turns: ratio.NAME, the median of the
# rounds' own ratios. Of our keys the first that there is: what the processor can run.
OURS = ("aead.%s.vaes512", "aead.%s.vaes256", "aead.%s.ipsecmb")
RATIOS = {
    "ratio.aead_%s.%s" % (way, size.replace("s65536", "65536")):
        ([(own + ".aes128.%s.ns") % (way, size) for own in OURS],
         "aead.%s.direct.aes128.%s.ns" % (way, size))
    for way in ("open", "seal") for size in ("64", "1400", "64.s65536", "1400.s65536")
}


# The worker beside ipsec-secgw, each without its port: ratio.NAME: (ours, our port, peer, its port).
PIPELINES = {
    "ratio.pipeline_in.64": ("in.64", "in.64", "in.64", "in.64"),
    "ratio.pipeline_in.1400": ("in.1400", "in.1400", "in.1400", "in.1400"),
    "ratio.pipeline_in.64.65536": ("in.64.s65536", "in.64.s65536", "in.64.t1000", "in.64.t1000"),
    "ratio.pipeline_out.64": ("out.64", "out.64", "out.64", "out.64"),
    "ratio.pipeline_out.1400": ("out.1400", "out.1400", "out.1400", "out.1400"),
}


def in_laps(rounds, count):
    """The medians of `count` stretches of rounds that followed each other."""
    return [statistics.median(rounds[len(rounds) * lap // count:len(rounds) * (lap + 1) // count])
            for lap in range(count)]


def pipeline_ratios(values):
    """Lap by lap: what the peer took in a lap, and what we took in the same one."""
    found = {}
    for name, (ours, our_port, peer, peer_port) in PIPELINES.items():
        keys = ("pipeline.%s.ns" % ours, "pipeline.port.%s.ns" % our_port,
                "peer.secgw.%s.ns" % peer, "peer.secgw.port.%s.ns" % peer_port)
        if any(key not in values for key in keys):
            continue
        count = min(len(values[key]) for key in keys)
        laps = zip(*(in_laps(values[key], count) for key in keys))
        found[name] = [(own - port) / (other - other_port) for own, port, other, other_port in laps]
    return found


def libssl_ratios(values):
    """How many of our packets one core does while libssl does one record."""
    found = {}
    for size in ("64", "1400"):
        keys = [key % size for key in
                ("peer.libssl.in.%s.ns", "pipeline.in.%s.ns", "pipeline.port.in.%s.ns")]
        if all(key in values for key in keys):
            count = min(len(values[key]) for key in keys)
            laps = zip(*(in_laps(values[key], count) for key in keys))
            found["ratio.libssl." + size] = [peer / (own - port) for peer, own, port in laps]
    return found


def ratios(values):
    """Round by round, {KEY: [ratio, ...]}."""
    found = pipeline_ratios(values) | libssl_ratios(values)
    for name, (ours, peer) in RATIOS.items():
        own = next((key for key in ours if key in values), None)
        if own and peer in values:
            found[name] = [mine / theirs for mine, theirs in zip(values[own], values[peer])]
    return found


def processor():
    fields = {}
    for line in open("/proc/cpuinfo", encoding="ascii", errors="replace"):
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    return fields


def commit():
    """What was measured; nothing where the tree is a copy, or git is not installed."""
    if shutil.which("git") is None:
        return ""
    run = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True,
                         cwd=pathlib.Path(__file__).parent, check=False)
    return run.stdout.strip()


def compiler(build):
    """Who compiled the build folder's programs, and with what that matters to their speed."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if entry["file"].endswith("bench/bench.c"):
            break
    words = shlex.split(entry["command"])
    flags = [word for word in words if word.startswith(("-O", "-m", "-f", "-g"))
             and "diagnostics" not in word]
    first = next(i for i, word in enumerate(words) if word.startswith("-"))
    version = subprocess.run(words[:first] + ["--version"], capture_output=True, text=True,
                             check=False)
    return version.stdout.partition("\n")[0], flags


def machine(values, results, build):
    cpu = processor()
    flags = cpu.get("flags", "").split()
    version, compiler_flags = compiler(build)
    about = {
        "processor": cpu.get("model name", platform.processor()),
        "family_model": "%s/%s" % (cpu.get("cpu family"), cpu.get("model")),
        "mhz": cpu.get("cpu MHz"),
        "flags": [flag for flag in INTERESTING_FLAGS if flag in flags],
        "cores": len(os.sched_getaffinity(0)),
        "load_at_end": os.getloadavg()[0],
        "kernel": platform.release(),
        "compiler": version,
        "compiler_flags": compiler_flags,
        "commit": commit(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    for key in [key for key in results if key.startswith("machine.")]:
        about[key.removeprefix("machine.")] = results.pop(key)["median"]
    about.update({key.removeprefix("machine."): int(sum(values[key])) for key in COUNTED})
    return about


def main():
    values = {}
    for line in sys.stdin:
        key, value = line.split()
        values.setdefault(key, []).append(float(value))
    values.update(ratios(values))
    results = {
        key: {"median": round(statistics.median(rounds), 3), "min": min(rounds),
              "max": max(rounds), "rounds": len(rounds)}
        for key, rounds in values.items()
    }
    about = machine(values, results, pathlib.Path(sys.argv[1]))
    for name, value in about.items():
        print("%-24s %s" % (name, " ".join(value) if isinstance(value, list) else value))
    print("\n%-48s %10s %10s %10s %7s" % ("key", "median", "min", "max", "rounds"))
    for key, r in results.items():
        line = "%-48s %10.2f %10.2f %10.2f %7d" if key.startswith("ratio.") else \
               "%-48s %10.1f %10.1f %10.1f %7d"
        print(line % (key, r["median"], r["min"], r["max"], r["rounds"]))
    out = pathlib.Path(sys.argv[2])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"machine": about, "results": results}, indent=1) + "\n")
    if not results:
        sys.exit("no results")


main()
