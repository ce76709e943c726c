"""The report's page of plots, OUT.png beside OUT.json: eight questions, drawn by gnuplot.

Every point or bar is a median, its whisker the middle half of the rounds (p25 to p75). Axes begin
at zero. What was not measured is left out; a panel without any figure says so.
"""
import shutil
import subprocess
import sys

WIDTH, HEIGHT = 1800, 2640
FONT = "DejaVu Sans"
# Okabe and Ito's colours, which those who see red and green alike can tell apart.
BLUE, SKY, GREEN, ORANGE, RED, PURPLE, GREY, YELLOW = (
    "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#8C8C8C", "#F0E442")
OURS, SECGW, LIBSSL = BLUE, ORANGE, GREY

ENGINES = (("vaes512", "own kernel, 512 bits", BLUE, 7), ("vaes256", "own kernel, 256 bits", SKY, 5),
           ("ipsecmb", "IPsec MB behind our interface", GREEN, 9),
           ("direct", "IPsec MB called directly", ORANGE, 11))
SIZES = (64, 256, 512, 1024, 1400)
SESSIONS = (1, 1000, 65536, 1000000)
SESSIONS_AXIS = ("set logscale x", "set xrange [0.7:1500000]", "set rmargin 6",
                 "set xtics ('1' 1, '1,000' 1000, '65,536' 65536, '1,000,000' 1000000)")
STAGES = (("parse", SKY), ("find", BLUE), ("open", GREEN), ("deliver", PURPLE),
          ("collect", SKY), ("seal", GREEN), ("checksum", YELLOW), ("send", PURPLE))
STAGES_IN, STAGES_OUT = STAGES[:4], STAGES[4:]


def quoted(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class Panel:
    """One plot: its settings, then what is drawn."""

    def __init__(self, title, y_label, x_label=""):
        self.settings = ["set title %s font '%s,19' offset 0,0.3" % (quoted(title), FONT),
                         "set ylabel %s" % quoted(y_label), "set xlabel %s" % quoted(x_label),
                         "set border 3 lc rgb '#555555'", "set tics nomirror out font '%s,14'" % FONT,
                         "set grid ytics lc rgb '#DDDDDD' lt 1", "set yrange [0:*]",
                         "set key top left Left reverse samplen 2 spacing 1.25 font '%s,14'" % FONT,
                         "set lmargin 10", "set rmargin 3", "set tmargin 3.2", "set bmargin 4.5"]
        self.blocks, self.drawn = [], []
        self.top, self.headroom = 0, 1.22  # the highest mark, and where the axis ends beside it

    def set(self, *settings):
        self.settings += settings

    def draw(self, rows, style):
        """rows: tuples of columns; style: the rest of a plot clause from `using` on."""
        if not rows:
            return
        name = "$data%d" % len(self.blocks)
        lines = [" ".join(quoted(c) if isinstance(c, str) else "%.6g" % c for c in row)
                 for row in rows]
        self.blocks.append("%s << EOD\n%s\nEOD" % (name, "\n".join(lines)))
        self.drawn.append("%s %s" % (name, style))

    def bar(self, x, low, high, style, title="", width=0.7):
        self.top = max(self.top, high)
        self.draw([(x, (low + high) / 2, x - width / 2, x + width / 2, low, high)],
                  "using 1:2:3:4:5:6 with boxxyerror %s %s" % (style, title_of(title)))

    def whisker(self, x, result, shift=0.0):
        self.top = max(self.top, result["p75"] + shift)
        self.draw([(x, result["p25"] + shift, 0, result["p75"] - result["p25"])],
                  "using 1:2:3:4 with vectors heads size graph 0.008,90 lw 1.6 lc rgb '#222222' notitle")

    def label(self, x, y, text):
        self.draw([(x, y, text)],
                  "using 1:2:3 with labels offset 0,0.9 font '%s,14' notitle" % FONT)

    def x_names(self, names):
        """names: {x: text}"""
        self.set("set xtics (%s) scale 0" % ", ".join("%s %g" % (quoted(text), x)
                                                      for x, text in names.items()))

    def script(self):
        if not self.drawn:
            return "\n".join(self.settings + [
                "unset tics", "unset grid", "unset border", "set yrange [0:1]", "set xrange [0:1]",
                "set label 'not measured in this run' at 0.5,0.5 center font '%s,16'" % FONT,
                "plot NaN notitle"])
        if self.top:
            self.set("set yrange [0:%g]" % (self.headroom * self.top))
        return "\n".join(self.settings + self.blocks + ["plot " + ", ".join(self.drawn)])


def title_of(text):
    return "title %s" % quoted(text) if text else "notitle"


def solid(colour):
    return "fs solid 1 border lc rgb '#FFFFFF' lc rgb '%s'" % colour


def hatched(colour):
    return "fs pattern 4 border lc rgb '%s' lc rgb '%s'" % (colour, colour)


def aead_panel(results, title, x_label, xs, key_of, x_of):
    panel = Panel(title, "nanoseconds a record", x_label)
    for engine, name, colour, point in ENGINES:
        rows = [(x_of(x), r["median"], r["p25"], r["p75"])
                for x in xs if (r := results.get(key_of(engine, x)))]
        panel.top = max([panel.top, *(row[3] for row in rows)])
        panel.draw(rows, "using 1:2:3:4 with yerrorlines lw 2.4 ps 1.5 pt %d lc rgb '%s' title %s" %
                   (point, colour, quoted(name)))
    beyond = [results[key]["median"] for x in xs if (key := key_of("openssl", x)) in results]
    if beyond:
        panel.set("set label %s at graph 0.98,0.06 right font '%s,13' tc rgb '#666666'" % (
            quoted("beyond this scale: libcrypto's EVP, %.0f to %.0f ns" % (min(beyond), max(beyond))),
            FONT))
    return panel


def aead_by_size(results):
    panel = aead_panel(results, "What does it cost to open a record? AES-128-GCM, one session",
                       "bytes of plaintext", SIZES,
                       lambda engine, size: "aead.open.%s.aes128.%d.ns" % (engine, size), float)
    panel.set("set xrange [0:1450]", "set xtics (%s)" % ", ".join("%d" % size for size in SIZES))
    return panel


def aead_by_sessions(results):
    panel = aead_panel(
        results, "... and when each record is of another session? 64 bytes", "sessions", SESSIONS,
        lambda engine, count: "aead.open.%s.aes128.64%s.ns" % (
            engine, ".s%d" % count if count > 1 else ""), float)
    panel.set(*SESSIONS_AXIS)
    return panel


# x, what the bar is, its keys without and with the port, whose.
PIPELINE_BARS = (
    (1, "64 B in", "pipeline.%sin.64.ns", OURS), (2, "64 B in", "peer.secgw.%sin.64.ns", SECGW),
    (3.6, "64 B in, many\nsessions", "pipeline.%sin.64.s65536.ns", OURS),
    (4.6, "64 B in, many\nsessions", "peer.secgw.%sin.64.t1000.ns", SECGW),
    (6.2, "64 B out", "pipeline.%sout.64.ns", OURS), (7.2, "64 B out", "peer.secgw.%sout.64.ns", SECGW),
    (8.8, "1400 B in", "pipeline.%sin.1400.ns", OURS), (9.8, "1400 B in", "peer.secgw.%sin.1400.ns", SECGW),
    (11.4, "1400 B out", "pipeline.%sout.1400.ns", OURS),
    (12.4, "1400 B out", "peer.secgw.%sout.1400.ns", SECGW),
)


def pipelines(results):
    panel = Panel("The whole worker beside DPDK's ipsec-secgw", "nanoseconds a packet, one core",
                  "above the bars: without the port. Many sessions: 65,536, of ipsec-secgw 1,000")
    panel.headroom = 1.35
    names, titles = {}, {OURS: "Sluice", SECGW: "ipsec-secgw"}
    hatch_title = "the port's share, taken off in the ratios"
    for x, name, key, colour in PIPELINE_BARS:
        gross, port = results.get(key % ""), results.get(key % "port.")
        if not gross or not port:
            continue
        net = gross["median"] - port["median"]
        panel.bar(x, 0, net, solid(colour), titles.pop(colour, ""))
        panel.bar(x, net, gross["median"], hatched("#777777"), hatch_title)
        hatch_title = ""
        panel.whisker(x, gross)
        panel.label(x, max(gross["median"], gross["p75"]), "%.0f" % net)
        names.setdefault(name, []).append(x)
    panel.x_names({sum(xs) / len(xs): name for name, xs in names.items()})
    panel.set("set xrange [0:13.4]", "set xlabel offset 0,-1", "set bmargin 5.5")
    return panel


def apart(places, gap):
    """The places, in rising order, moved up where they would be nearer than gap to the one below."""
    moved = []
    for place in places:
        moved.append(max(place, moved[-1] + gap) if moved else place)
    return moved


STAGE_BARS = ((1, "64 B in", STAGES_IN, 64), (2.6, "1400 B in", STAGES_IN, 1400),
              (4.2, "64 B out", STAGES_OUT, 64), (6.0, "1400 B out", STAGES_OUT, 1400))


def stages(results):
    panel = Panel("Where do the worker's nanoseconds go? (no port)",
                  "nanoseconds a packet")
    names, texts = {}, {}
    for x, name, stage_list, size in STAGE_BARS:
        measured = [(stage, colour, result) for stage, colour in stage_list
                    if (result := results.get("stage.%s.%d.ns" % (stage, size)))]
        floor = 0
        for stage, colour, result in measured:
            ceiling = floor + result["median"]
            panel.bar(x, floor, ceiling, solid(colour))
            panel.whisker(x, result, floor)
            texts.setdefault(x, []).append(((floor + ceiling) / 2,
                                            "%s %.0f" % (stage, result["median"])))
            floor = ceiling
        if measured:
            names[x] = name
            panel.label(x, floor, "%.0f" % floor)
    for x, marks in texts.items():
        gap = 0.043 * panel.top
        places = apart([max(place, gap / 2) for place, _ in marks], gap)
        panel.draw([(x + 0.4, place, text) for place, (_, text) in zip(places, marks)],
                   "using 1:2:3 with labels left font '%s,13' notitle" % FONT)
    panel.x_names(names)
    panel.headroom = 1.1
    panel.set("set xrange [0.4:7.4]")
    return panel


def rates(results):
    panel = Panel("Packets a second and core, received and decrypted", "million packets a second")
    names, titles = {}, {OURS: "Sluice, headers to consumer's ring, port taken off",
                         LIBSSL: "libssl, SSL_read alone, from memory"}
    for x, size in ((1, 64), (3.6, 1400)):
        ours = results.get("pipeline.in.%d.ns" % size)
        port = results.get("pipeline.port.in.%d.ns" % size)
        peer = results.get("peer.libssl.in.%d.s1.ns" % size)
        bars = [(x, ours, port["median"], OURS)] if ours and port else []
        bars += [(x + 1, peer, 0, LIBSSL)] if peer else []
        for at, result, share, colour in bars:
            rate = {name: 1000 / (result[of] - share)
                    for name, of in (("median", "median"), ("p25", "p75"), ("p75", "p25"))}
            panel.bar(at, 0, rate["median"], solid(colour), titles.pop(colour, ""))
            panel.whisker(at, rate)
            panel.label(at, rate["p75"], "%.1f" % rate["median"])
            names.setdefault("%d B" % size, []).append(at)
    panel.x_names({sum(xs) / len(xs): name for name, xs in names.items()})
    panel.headroom = 1.3
    panel.set("set xrange [0:5.6]", "set key top right")
    return panel


def systems(results):
    panel = Panel("The whole system through a veth, echoed by one core",
                  "thousand messages a second",
                  "both are bounded by the kernel: its veth, its client, its UDP socket")
    names, titles = {}, {OURS: "Sluice on AF_XDP, sluice-echo behind it",
                         LIBSSL: "libssl on a UDP socket, recvmmsg"}
    for x, size in ((1, 64), (3.6, 1400)):
        for at, who, colour in ((x, "gateway", OURS), (x + 1, "libssl", LIBSSL)):
            result = results.get("e2e.%s.echo.%d.kpps" % (who, size))
            if not result:
                continue
            panel.bar(at, 0, result["median"], solid(colour), titles.pop(colour, ""))
            panel.whisker(at, result)
            panel.label(at, result["p75"], "%.0f" % result["median"])
            names.setdefault("%d B" % size, []).append(at)
    panel.x_names({sum(xs) / len(xs): name for name, xs in names.items()})
    panel.headroom = 1.35
    panel.set("set xrange [0:5.6]", "set key top right")
    return panel


FINDS = (("find.tuple.%d.ns", "by 5-tuple, all that opening needs asked for", RED, 9),
         ("find.cid.%d.ns", "by connection ID, all that opening needs asked for", BLUE, 7),
         ("find.cid.%d.alone.ns", "by connection ID, one by one", SKY, 5))


def finds(results):
    panel = Panel("To find one session of many, at random", "nanoseconds", "sessions")
    for key, name, colour, point in FINDS:
        rows = [(count, r["median"], r["p25"], r["p75"]) for count in SESSIONS
                if (r := results.get(key % count))]
        panel.top = max([panel.top, *(row[3] for row in rows)])
        panel.draw(rows, "using 1:2:3:4 with yerrorlines lw 2.4 ps 1.5 pt %d lc rgb '%s' title %s" %
                   (point, colour, quoted(name)))
    panel.set(*SESSIONS_AXIS)
    return panel


# How what was measured stands to what is wanted.
SIGN = {(True, "<="): "≤", (False, "<="): ">", (True, ">="): "≥", (False, ">="): "<"}


def targets(report):
    panel = Panel("How far from the targets?", "",
                  "measured / target; the target is 1, a shorter bar is better")
    y, names, texts = len(report["targets"]), {}, []
    for key, target in report["targets"].items():
        names[y] = key.removeprefix("ratio.")
        if target["value"]:
            part = target["value"] / target["target"]
            if target["relation"] == ">=":
                part = 1 / part
            panel.draw([(part / 2, y, 0, part, y - 0.32, y + 0.32)],
                       "using 1:2:3:4:5:6 with boxxyerror %s notitle" %
                       solid(GREEN if target["met"] else RED))
            texts.append((y, "%.2f %s %g" % (target["value"],
                                             SIGN[target["met"], target["relation"]],
                                             target["target"])))
            panel.top = max(panel.top, part)
        y -= 1
    right = 1.4 * max(panel.top, 1)
    panel.draw([(0.99 * right, at, text) for at, text in texts],
               "using 1:2:3 with labels right font '%s,14' notitle" % FONT)
    panel.top = 0
    panel.set("set xrange [0:%g]" % right, "set yrange [0.3:%g]" % (len(names) + 0.7),
              "set ytics (%s) scale 0" % ", ".join("%s %d" % (quoted(text), at)
                                                   for at, text in names.items()),
              "set grid noytics", "set lmargin 24",
              "set arrow from 1,0.3 to 1,%g nohead lw 2 dt 2 lc rgb '#222222' front" % (len(names) + 0.7))
    return panel


def heading(about):
    spans, disturbed = about.get("spans", 0), about.get("disturbed_spans", 0)
    share = 100 * disturbed / spans if spans else 0
    first = "Sluice %s, measured %s" % (about["commit"], about["time"].partition("T")[0])
    second = "%s (family %s), %s cores, %s; %s; Linux %s" % (
        about["processor"], about["family_model"], about["cores"], " ".join(about["flags"]),
        about["compiler"], about["kernel"])
    third = "medians, whiskers p25 to p75; %.0f%% of the measured spans were disturbed by others " \
            "and left out" % share
    return first, second, third


def heading_lines(about):
    for i, (text, y, size, colour) in enumerate(zip(
            heading(about), (0.986, 0.972, 0.961), (26, 14, 14), ("#000000", "#444444", "#444444"))):
        yield "set label %d %s at screen 0.5,%g center font '%s,%d' tc rgb '%s'" % (
            i + 1, quoted(text), y, FONT, size, colour)


def script_of(report, png):
    results = report["results"]
    panels = [aead_by_size(results), aead_by_sessions(results), pipelines(results), stages(results),
              rates(results), systems(results), finds(results), targets(report)]
    rows, height = len(panels) // 2, 0.95 / (len(panels) // 2)
    lines = ["set encoding utf8",
             "set terminal pngcairo noenhanced size %d,%d font '%s,15' background rgb '#FFFFFF'" %
             (WIDTH, HEIGHT, FONT),
             "set output %s" % quoted(str(png)), "set multiplot", *heading_lines(report["machine"]),
             "unset border", "unset tics", "plot [0:1] [0:1] NaN notitle"]
    for i, panel in enumerate(panels):
        lines += ["reset", "set size 0.5,%g" % height,
                  "set origin %g,%g" % (0.5 * (i % 2), height * (rows - 1 - i // 2)),
                  panel.script()]
    return "\n".join(lines + ["unset multiplot", ""])


def draw(report, path):
    """OUT.png beside OUT.json. Where gnuplot is missing: one sentence, and nothing is drawn."""
    if shutil.which("gnuplot") is None:
        print("report: no plots: gnuplot is missing (install-deps.sh compare)", file=sys.stderr)
        return
    png = path.with_suffix(".png")
    subprocess.run(["gnuplot"], input=script_of(report, png), text=True, check=True)
    print("plots: %s" % png)
