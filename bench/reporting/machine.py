"""What was measured, by whom compiled, and on what."""
import json
import os
import pathlib
import platform
import shlex
import shutil
import subprocess
import time

INTERESTING_FLAGS = ("aes", "pclmulqdq", "avx2", "avx512f", "vaes", "vpclmulqdq", "sha_ni", "gfni")
# Each program counts its own.
COUNTED = ("machine.spans", "machine.disturbed_spans", "machine.disturbed_rounds")


def processor():
    fields = {}
    for line in open("/proc/cpuinfo", encoding="ascii", errors="replace"):
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    return fields


def commit():
    """What was measured; "unknown" where the tree is a copy, or git is not installed."""
    if shutil.which("git") is None:
        return "unknown"
    run = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True,
                         cwd=pathlib.Path(__file__).parent, check=False)
    return run.stdout.strip() or "unknown"


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
    """Takes what the programs say of the machine (machine.*) out of the results."""
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
    about.update({key.removeprefix("machine."): int(sum(values.get(key, []))) for key in COUNTED})
    return about
