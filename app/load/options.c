/* The list of options: flags, keys, presets and help grow from it. */
#include <stddef.h>

#include "plan.h"

#define FIELD(field) offsetof(struct plan, field)

/* clang-format off */
const struct plan_option plan_options[] = {
    /* server */
    {"server", 0, "HOST:PORT", "server.address", VALUE_TEXT, FIELD(server), NULL,
     "the server; for flags alone, just an argument"},
    {"ca", 0, "FILE", "server.ca", VALUE_FILE, FIELD(ca), NULL,
     "PEM: who may have signed the server's certificate"},
    {"name", 0, "NAME", "server.name", VALUE_TEXT, FIELD(name), NULL,
     "that the certificate is to have (default: the host)"},
    {"fingerprint", 0, "HEX", "server.fingerprints", VALUE_LIST, FIELD(fingerprints), NULL,
     "of the server's certificate, SHA-256, 384 or 512; may be given several times"},
    {"node-id", 0, "ID", "server.node_ids", VALUE_LIST, FIELD(node_ids), NULL,
     "of the server's key: prefix and SHA-256, or dpc-node- and 32 digits; may be given several times"},
    {"crl", 0, "FILE", "server.crl", VALUE_FILE, FIELD(crl), NULL,
     "PEM: revocation lists of those in --ca"},
    {"insecure", 0, NULL, "server.insecure", VALUE_SWITCH, FIELD(is_insecure), NULL,
     "take any certificate"},
    /* clients */
    {"clients", 'c', "N", "clients.count", VALUE_COUNT, FIELD(clients), "1", "how many"},
    {"from", 0, "ADDRESSES", "clients.from", VALUE_SOURCES, FIELD(sources), NULL,
     "what they send from: ADDR[-ADDR|/PREFIXLEN][:PORT[-PORT]] (default: the kernel's choice)"},
    {"ramp", 0, "RATE", "clients.ramp", VALUE_RATE, FIELD(ramp), NULL,
     "handshakes begun a second (default: at once)"},
    {"in-flight", 0, "N", "clients.in_flight", VALUE_COUNT, FIELD(in_flight), "256",
     "handshakes at once"},
    /* port */
    {"interface", 0, "NAME", "port.interface", VALUE_TEXT, FIELD(interface), NULL,
     "past the kernel, through DPDK, on this network interface (default: the kernel's sockets)"},
    {"driver", 0, "NAME", "port.driver", VALUE_DRIVER, FIELD(driver), "auto",
     "how: af_xdp, af_packet, or auto, the first of them that works"},
    {"device", 0, "DEVICE", "port.devices", VALUE_LIST, FIELD(devices), NULL,
     "or on this DPDK device: a PCI address, or a virtual one such as net_memif0; several are one port"},
    {"next-hop", 0, "ADDRESS", "port.next_hop", VALUE_HOP, FIELD(next_hop), NULL,
     "IP address of the router on the way to the server, or MAC address (default: the server is in the same network)"},
    {"vlan", 0, "N", "port.vlan", VALUE_COUNT, FIELD(vlan), NULL, "frames have this tag"},
    /* handshake */
    {"cid", 0, "N", "handshake.cid", VALUE_CID, FIELD(cid_len), "8",
     "length of the connection ID that the server is to send: 0 to 20, or none to offer none"},
    {"resume", 0, NULL, "handshake.resume", VALUE_SWITCH, FIELD(resumes), NULL,
     "who connects again resumes the session"},
    {"storm", 0, "RATE", "handshake.storm", VALUE_RATE, FIELD(storm), NULL,
     "handshakes a second, each session ended at once; no data"},
    {"suites", 0, "LIST", "handshake.suites", VALUE_TEXT, FIELD(suites), NULL,
     "cipher suites, by OpenSSL's names, with colons between"},
    {"first-timeout", 0, "TIME", "handshake.first_timeout", VALUE_DURATION, FIELD(first_timeout_ns), "1s",
     "until a flight is sent again; it doubles each time"},
    {"handshake-timeout", 0, "TIME", "handshake.timeout", VALUE_DURATION, FIELD(handshake_timeout_ns), "10s",
     "a handshake that takes longer has failed"},
    {"keylog", 0, "FILE", "handshake.keylog", VALUE_FILE, FIELD(keylog), NULL,
     "secrets go there, for Wireshark"},
    /* identity */
    {"cert", 0, "FILE", "identity.cert", VALUE_FILE, FIELD(cert), NULL,
     "PEM: the clients' certificate and chain"},
    {"key", 0, "FILE", "identity.key", VALUE_FILE, FIELD(key), NULL, "PEM: its key"},
    {"psk", 0, "FILE", "identity.psk", VALUE_FILE, FIELD(psk), NULL,
     "pre-shared keys, lines of IDENTITY:HEXKEY"},
    /* data */
    {"rate", 'r', "RATE", "data.rate", VALUE_RATE, FIELD(rate), NULL,
     "messages a second, of all clients together: 500, 20k, 1M (default: none)"},
    {"poisson", 0, NULL, "data.poisson", VALUE_SWITCH, FIELD(is_poisson), NULL,
     "they come at random, and not evenly"},
    {"size", 's', "SIZES", "data.size", VALUE_SIZES, FIELD(sizes), "64",
     "bytes of plaintext: 64, 64-1350, imix, 64:7,512:4"},
    {"duration", 'd', "TIME", "data.duration", VALUE_LENGTH, FIELD(duration_ns), "10s",
     "500ms, 10s, 2m, forever"},
    {"warmup", 0, "TIME", "data.warmup", VALUE_DURATION, FIELD(warmup_ns), "0",
     "first part of it, of which rates and latency are not told"},
    {"no-echo", 0, NULL, "data.echo", VALUE_SWITCH_OFF, FIELD(expects_echo), "true",
     "the server does not send back what it gets"},
    {"late-after", 0, "TIME", "data.late_after", VALUE_DURATION, FIELD(late_after_ns), "1s",
     "an echo that comes later is late, one that never comes lost"},
    /* changes */
    {"churn", 0, "RATE", "changes.churn", VALUE_RATE, FIELD(churn), NULL,
     "sessions a second that end and begin anew"},
    {"rebind", 0, "SHARE", "changes.rebind", VALUE_SHARE, FIELD(rebind), NULL,
     "of the clients, each second, go on from another port: 1%"},
    {"idle", 0, "TIME/TIME", "changes.idle", VALUE_CYCLE, FIELD(cycle), NULL,
     "all talk, then are silent, in turn: 5s/20s"},
    /* floods */
#define X(name, word, text)                                                                        \
    {"flood-" word, 0, "RATE", "floods." word, VALUE_RATE, FIELD(floods[SL_LOAD_FLOOD_##name]),    \
     NULL, text},
    SL_LOAD_FLOOD_LIST(X)
#undef X
    {"flood-from", 0, "ADDRESSES", "floods.from", VALUE_SOURCES, FIELD(false_sources), NULL,
     "false addresses that they seem to come from, past the kernel; sockets' are their own"},
    /* search */
    {"find-max", 0, NULL, "search.find_max", VALUE_SWITCH, FIELD(finds_max), NULL,
     "search the highest rate that the server bears"},
    {"max-loss", 0, "SHARE", "search.max_loss", VALUE_SHARE, FIELD(max_loss), "0",
     "lost or late that it may have: 0.1%; without --find-max: the run fails when there is more"},
    {"trial", 0, "TIME", "search.trial", VALUE_DURATION, FIELD(trial_ns), "5s", "length of a trial"},
    {"settle", 0, "TIME", "search.settle", VALUE_DURATION, FIELD(settle_ns), "1s",
     "at the same rate before it, not counted"},
    {"precision", 0, "SHARE", "search.precision", VALUE_SHARE, FIELD(precision), "1%",
     "how near it has to come"},
    {"from-rate", 0, "RATE", "search.from_rate", VALUE_RATE, FIELD(from_rate), "1000",
     "begin there"},
    {"to-rate", 0, "RATE", "search.to_rate", VALUE_RATE, FIELD(to_rate), "2M",
     "go no higher"},
    /* the program */
    {"cores", 0, "N", "program.cores", VALUE_COUNT, FIELD(cores), "1",
     "threads, each on a core of its own"},
    {"seed", 0, "N", "program.seed", VALUE_NUMBER, FIELD(seed), "1",
     "of what is random: sizes, arrivals"},
    {"json", 0, "FILE", "program.json", VALUE_FILE, FIELD(json), NULL,
     "everything, for programs and `sluice-load report`"},
    {"csv", 0, "FILE", "program.csv", VALUE_FILE, FIELD(csv), NULL, "a row for each interval"},
    {"plot", 0, "FILE", "program.plot", VALUE_FILE, FIELD(plot), NULL, "NAME.png or NAME.svg"},
    {"write-pcap", 0, "FILE", "program.write_pcap", VALUE_FILE, FIELD(write_pcap), NULL,
     "the encrypted traffic, for other generators and Wireshark; FILE.sessions is for `sluice run --preload-sessions`"},
    {"pcap", 0, "WHAT", "program.pcap", VALUE_CAPTURE, FIELD(pcap), "all",
     "that has: all; sent, what clients send; data, their messages alone"},
    {"quiet", 'q', NULL, "program.quiet", VALUE_SWITCH, FIELD(is_quiet), NULL,
     "no line a second; the table at the end stays"},
};
/* clang-format on */

const unsigned plan_option_count = sizeof plan_options / sizeof plan_options[0];
static_assert(sizeof plan_options / sizeof plan_options[0] <= PLAN_OPTIONS_MAX,
              "a plan has a place for each");
