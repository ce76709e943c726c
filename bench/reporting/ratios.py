"""Ours beside the peers': ratios of what was measured in turns, so of one moment of the machine."""
import statistics

# Our keys first, the best that the processor can run before the others.
AEAD_OURS = ("aead.%s.vaes512.aes128.%s.ns", "aead.%s.vaes256.aes128.%s.ns",
             "aead.%s.ipsecmb.aes128.%s.ns")
AEAD_PEER = "aead.%s.direct.aes128.%s.ns"

# The worker beside ipsec-secgw, each without its port: ratio.NAME: (ours, peer). Keys are
# pipeline.{,port.}OURS.ns and peer.secgw.{,port.}PEER.ns.
PIPELINES = {
    "ratio.pipeline_in.64": ("in.64", "in.64"),
    "ratio.pipeline_in.1400": ("in.1400", "in.1400"),
    "ratio.pipeline_in.64.65536": ("in.64.s65536", "in.64.t1000"),
    "ratio.pipeline_out.64": ("out.64", "out.64"),
    "ratio.pipeline_out.1400": ("out.1400", "out.1400"),
}


# A handshake that resumes a session beside a full one, on the server's side.
HANDSHAKES = {
    "ratio.handshake_resumed": ("handshake.resumed.us", "handshake.full.us"),
    "ratio.handshake_mutual_resumed": ("handshake.mutual.resumed.us", "handshake.mutual.full.us"),
}


def first_of(keys, values):
    """The first key that was measured, or None."""
    return next((key for key in keys if key in values), None)


def laps_of(values, keys):
    """Tuples of the keys' medians, lap by lap: a peer has one value a lap, we have some rounds."""
    if any(key not in values for key in keys):
        return []
    count = min(len(values[key]) for key in keys)
    return zip(*(in_laps(values[key], count) for key in keys))


def in_laps(rounds, count):
    """The medians of `count` stretches of rounds that followed each other."""
    return [statistics.median(rounds[len(rounds) * lap // count:len(rounds) * (lap + 1) // count])
            for lap in range(count)]


def aead_ratios(values):
    """Round by round, the engines take turns within one."""
    for way in ("open", "seal"):
        for name, size in (("64", "64"), ("1400", "1400"), ("64.65536", "64.s65536"),
                           ("1400.65536", "1400.s65536")):
            ours = first_of([key % (way, size) for key in AEAD_OURS], values)
            peer = AEAD_PEER % (way, size)
            if ours and peer in values:
                yield ("ratio.aead_%s.%s" % (way, name),
                       [mine / theirs for mine, theirs in zip(values[ours], values[peer])])


def pipeline_ratios(values):
    """What the peer took in a lap, and what we took in the same one."""
    for name, (ours, peer) in PIPELINES.items():
        keys = ("pipeline.%s.ns" % ours, "pipeline.port.%s.ns" % ours,
                "peer.secgw.%s.ns" % peer, "peer.secgw.port.%s.ns" % peer)
        yield name, [(own - port) / (other - other_port)
                     for own, port, other, other_port in laps_of(values, keys)]


def libssl_ratios(values):
    """How many of our packets one core does while libssl does one record."""
    for size in ("64", "1400"):
        keys = [key % size for key in
                ("peer.libssl.in.%s.s1.ns", "pipeline.in.%s.ns", "pipeline.port.in.%s.ns")]
        yield ("ratio.libssl." + size,
               [peer / (own - port) for peer, own, port in laps_of(values, keys)])


def handshake_ratios(values):
    """Round by round: the kinds take turns within one."""
    for name, (resumed, full) in HANDSHAKES.items():
        yield name, [one / other for one, other in zip(values.get(resumed, []), values.get(full, []))]


def ratios(values):
    """values: {KEY: [round, ...]}. {ratio.NAME: [...]} of those whose both sides were measured."""
    found = {}
    for kind in (aead_ratios, pipeline_ratios, libssl_ratios, handshake_ratios):
        found.update((name, rounds) for name, rounds in kind(values) if rounds)
    return found
