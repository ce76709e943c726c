"""What the figures are to reach on a processor with VAES and AVX-512: the medians of one run."""

AT_MOST, AT_LEAST = "<=", ">="

FLOODS = ("client_hello", "random", "forged", "replay", "fragment", "wrong_cid")

TARGETS = {
    "ratio.aead_open.64": (AT_MOST, 0.60, "open, own kernel / IPsec_MB, 64 B"),
    "ratio.aead_open.1400": (AT_MOST, 0.97, "open, own kernel / IPsec_MB, 1400 B"),
    "ratio.aead_open.64.65536": (AT_MOST, 0.75, "open, own kernel / IPsec_MB, 65,536 sessions, 64 B"),
    "ratio.pipeline_in.64": (AT_MOST, 0.50, "worker / ipsec-secgw, in, 64 B"),
    "ratio.pipeline_in.1400": (AT_MOST, 0.75, "worker / ipsec-secgw, in, 1400 B"),
    "ratio.pipeline_in.64.65536": (AT_MOST, 0.65,
                                   "worker with 65,536 sessions / ipsec-secgw with 1,000, in, 64 B"),
    "ratio.pipeline_out.64": (AT_MOST, 0.55, "worker / ipsec-secgw, out, 64 B"),
    "ratio.libssl.64": (AT_LEAST, 6, "packets a second and core, worker / libssl, 64 B"),
    "ratio.libssl.1400": (AT_LEAST, 3, "packets a second and core, worker / libssl, 1400 B"),
    "ring.64.ns": (AT_MOST, 5, "ns a message of 64 B between two cores"),
    "fuzz.coverage.least": (AT_LEAST, 95, "% of a parser's lines that fuzzing reaches: the parser with the least"),
    "load.tx.64.mpps": (AT_LEAST, 8, "sluice-load: million records a second, core to memory, 64 B"),
    "load.pacing_above_gap_us": (AT_MOST, 10, "sluice-load: us late, 99 of 100 packets, beyond the machine's own"),
    "load.handshakes_per_second": (AT_LEAST, 1500, "sluice-load: full handshakes a second and core"),
    "load.memory_100k_clients_mib": (AT_MOST, 1024, "sluice-load: MiB with 100,000 clients"),
    "cookie.per_second": (AT_LEAST, 1e6, "ClientHellos answered a second and core"),
    **{"flood.%s.good_ratio" % kind: (AT_LEAST, 0.95, "of good messages, up to 10 bad packets beside each")
       for kind in FLOODS},
    "flood.memory_growth_kib": (AT_MOST, 0, "KiB more after all floods"),
}


def judge(results):
    """{KEY: {figure, relation, target, value, met}}; value and met are None where not measured."""
    judged = {}
    for key, (relation, target, figure) in TARGETS.items():
        value = results[key]["median"] if key in results else None
        met = None
        if value is not None:
            met = value <= target if relation == AT_MOST else value >= target
        judged[key] = {"figure": figure, "relation": relation, "target": target, "value": value,
                       "met": met}
    return judged


def verdict(met):
    return {True: "met", False: "missed", None: "not measured"}[met]
