"""The report as text, and the README's tables as Markdown."""
from reporting.targets import FLOODS, verdict


def machine_lines(about):
    for name, value in about.items():
        yield "%-28s %s" % (name, " ".join(value) if isinstance(value, list) else value)


def result_lines(results):
    yield "%-44s %9s %9s %9s %9s %9s %6s" % ("key", "median", "p25", "p75", "min", "max", "rounds")
    for key, r in results.items():
        digits = 1 if r["median"] >= 100 else 2
        numbers = ["%9.*f" % (digits, r[name]) for name in ("median", "p25", "p75", "min", "max")]
        yield "%-44s %s %6d" % (key, " ".join(numbers), r["rounds"])


def target_lines(targets):
    yield "%-32s %10s %10s  %s" % ("target", "measured", "wanted", "")
    for key, t in targets.items():
        measured = "-" if t["value"] is None else "%.2f" % t["value"]
        yield "%-32s %10s %10s  %s" % (key, measured, "%s %g" % (t["relation"], t["target"]),
                                       verdict(t["met"]))


# Of the README's table: what a row says, and its keys; %s is the size. A list of keys is the first
# that was measured. (gross, port) is the difference. Several in a row stand beside each other.
OWN_OPEN = ["aead.open.%s.aes128.%%s.ns" % engine for engine in ("vaes512", "vaes256", "ipsecmb")]


def net(kind):
    return ("pipeline.%s.ns" % kind, "pipeline.port.%s.ns" % kind)


def secgw(kind):
    return ("peer.secgw.%s.ns" % kind, "peer.secgw.port.%s.ns" % kind)


ROWS = (
    ("AEAD alone, open: ours / IPsec_MB called directly", OWN_OPEN, "aead.open.direct.aes128.%s.ns"),
    ("the same, a session of 65,536 each: ours / IPsec_MB",
     [key.replace("%s", "%s.s65536") for key in OWN_OPEN],
     "aead.open.direct.aes128.%s.s65536.ns"),
    ("worker, received packet to consumer's ring: 1 session / 65,536", net("in.%s"),
     net("in.%s.s65536")),
    ("worker, consumer's ring to sealed packet: 1 session / 65,536", net("out.%s"),
     net("out.%s.s65536")),
    ("ipsec-secgw, 1 tunnel: decrypt / encrypt", secgw("in.%s"), secgw("out.%s")),
    ("libssl, from memory, 1 session: read / write", "peer.libssl.in.%s.s1.ns",
     "peer.libssl.out.%s.s1.ns"),
    ("ring, core to core, 32 at a time: itself / as libsluice gives it", "ring.%s.ns",
     "ring.libsluice.%s.ns"),
)


def cell(results, keys, size):
    """One figure of a row, or a dash."""
    if isinstance(keys, list):
        keys = next((key for key in keys if key % size in results), keys[0])
    keys = keys if isinstance(keys, tuple) else (keys,)
    names = [key % size for key in keys]
    if any(name not in results for name in names):
        return "-"
    gross, *port = (results[name]["median"] for name in names)
    value = gross - sum(port)
    return "%.1f" % value if value < 30 else "%.0f" % value


def veth_lines(results):
    """The whole system, both ends the kernel's, so apart from the table."""
    for size in ("64", "1400"):
        ours, peer = (results.get("e2e.%s.echo.%s.kpps" % (who, size))
                      for who in ("gateway", "libssl"))
        if ours and peer:
            yield "Through a veth, %s B: %.0f thousand messages a second echoed, by libssl on a " \
                  "kernel socket %.0f." % (size, ours["median"], peer["median"])


def flood_lines(results):
    """What a bad packet costs beside a good one."""
    costs = ["%.0f (`%s`)" % (results[key]["median"], kind)
             for kind, key in ((kind, "flood.%s.ns" % kind) for kind in FLOODS) if key in results]
    if costs and "flood.good.ns" in results:
        yield "A good message of 64 B costs the loop %.0f ns, port and all, a bad packet %s." % (
            results["flood.good.ns"]["median"], ", ".join(costs))


def markdown_lines(report):
    """The README's: nanoseconds, then the targets."""
    about, results = report["machine"], report["results"]
    yield "%s, %d cores, %s; commit %s." % (about["processor"], about["cores"],
                                             about["time"].partition("T")[0], about["commit"])
    yield ""
    yield "| nanoseconds | 64 B | 1400 B |"
    yield "| --- | --- | --- |"
    for text, *columns in ROWS:
        cells = [" / ".join(cell(results, keys, size) for keys in columns)
                 for size in ("64", "1400")]
        if any(part != "-" for both in cells for part in both.split(" / ")):
            yield "| %s | %s |" % (text, " | ".join(cells))
    yield ""
    yield from veth_lines(results)
    yield from flood_lines(results)
    yield ""
    yield "| target | measured | wanted | |"
    yield "| --- | --- | --- | --- |"
    for key, t in report["targets"].items():
        measured = "-" if t["value"] is None else "%.2f" % t["value"]
        yield "| `%s` %s | %s | %s %g | %s |" % (key, t["figure"], measured, t["relation"],
                                                 t["target"], verdict(t["met"]))
