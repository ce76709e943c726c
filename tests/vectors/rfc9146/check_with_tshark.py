#!/usr/bin/env python3
"""Asks tshark what it reads in the AES-GCM sessions of records.txt (README.md). Exit status 0: the same as the file says.

    check_with_tshark.py [records.txt]
"""
import collections
import pathlib
import struct
import subprocess
import sys
import tempfile

CLIENT, SERVER = ("198.18.0.1", 4433), ("198.18.0.2", 4444)
# tshark 4.0 leaves the epoch out of ChaCha20-Poly1305's nonce (RFC 7905 2 has it in), so it can read
# no DTLS 1.2 record of these suites; OpenSSL and Mbed TLS are their readers in the interop suite.
UNREADABLE_SUITES = {0xCCA8, 0xCCA9}
Session = collections.namedtuple(
    "Session", "name suite client_random server_random master client_cid server_cid records")
Record = collections.namedtuple("Record", "side seq type padding plain bytes")


def unhex(text):
    return b"" if text == "-" else bytes.fromhex(text)


def load(path):
    sessions = {}
    for line in open(path, encoding="ascii"):
        kind, name, *rest = line.split()
        if kind == "session":
            sessions[name] = Session(name, int(rest[0], 16), *map(unhex, rest[1:]), [])
        else:
            side, seq, real_type, padding, plain, record = rest
            sessions[name].records.append(
                Record(side, int(seq), int(real_type), int(padding), unhex(plain), unhex(record)))
    return sessions.values()


def plain_record(content_type, seq, body):
    return struct.pack(">BHHHIH", content_type, 0xFEFD, 0, 0, seq, len(body)) + body


def hello(session, is_client):
    cid = session.client_cid if is_client else session.server_cid
    extensions = struct.pack(">HH", 23, 0)  # extended master secret
    if session.client_cid or session.server_cid:
        extensions += struct.pack(">HHB", 54, 1 + len(cid), len(cid)) + cid
    extensions = struct.pack(">H", len(extensions)) + extensions
    suite = struct.pack(">H", session.suite)
    if is_client:
        body = b"\xfe\xfd" + session.client_random + b"\0\0\0\2" + suite + b"\1\0" + extensions
    else:
        body = b"\xfe\xfd" + session.server_random + b"\0" + suite + b"\0" + extensions
    length = struct.pack(">I", len(body))[1:]
    header = bytes([1 if is_client else 2]) + length + b"\0\0" + b"\0\0\0" + length
    return plain_record(22, 0, header + body)


def datagrams(session):
    """(side, payload) in order: the hellos, both ChangeCipherSpecs, then the records."""
    yield "client", hello(session, True)
    yield "server", hello(session, False)
    for side in ("client", "server"):
        yield side, plain_record(20, 1, b"\1")
    for record in session.records:
        yield record.side, record.bytes


def write_capture(session, path):
    """text2pcap's UDP header goes one way in a run, so a capture is made of raw IPv4 packets."""
    text = ""
    for side, payload in datagrams(session):
        source, target = (CLIENT, SERVER) if side == "client" else (SERVER, CLIENT)
        udp = struct.pack(">HHHH", source[1], target[1], 8 + len(payload), 0) + payload
        ips = bytes(int(part) for host in (source, target) for part in host[0].split("."))
        packet = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + ips + udp
        text += "000000 " + packet.hex(" ") + "\n"
    subprocess.run(["text2pcap", "-q", "-l", "101", "-", path], input=text, text=True,
                   stdout=subprocess.DEVNULL, check=True)


def read_with_tshark(session, folder):
    """For every datagram after the handshake: connection ID, alert, and decrypted payload."""
    capture, keys = folder / (session.name + ".pcap"), folder / (session.name + ".keys")
    keys.write_text("CLIENT_RANDOM %s %s\n" % (session.client_random.hex(), session.master.hex()))
    write_capture(session, str(capture))
    command = ["tshark", "-r", str(capture), "-o", "tls.keylog_file:" + str(keys),
               "-d", "udp.port==%d,dtls" % SERVER[1], "-T", "fields", "-E", "separator=|"]
    for field in ("dtls.record.connection_id", "dtls.app_data", "data.data",
                  "dtls.alert_message.desc", "dtls.record.sequence_number"):
        command += ["-e", field]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line.split("|") for line in out.splitlines()[4:]]


def check(session, folder):
    failures = 0
    read = read_with_tshark(session, folder)
    for i, record in enumerate(session.records):
        cid = session.server_cid if record.side == "client" else session.client_cid
        fields = read[i] if i < len(read) else [""] * 5
        if record.type == 21:
            same = fields[3] == str(record.plain[1])
        else:
            same = record.plain.hex() in (fields[1], fields[2])
        if not same or fields[0] != cid.hex() or int(fields[4] or -1) != record.seq:
            print("%s: record %d: tshark read %s" % (session.name, i, fields))
            failures += 1
    return failures


def main():
    default = pathlib.Path(__file__).parent / "records.txt"
    sessions = [session for session in load(sys.argv[1] if len(sys.argv) > 1 else default)
                if session.suite not in UNREADABLE_SUITES]
    with tempfile.TemporaryDirectory() as folder:
        failures = sum(check(session, pathlib.Path(folder)) for session in sessions)
    count = sum(len(session.records) for session in sessions)
    print("tshark agrees on %d of %d records" % (count - failures, count))
    return 0 if failures == 0 and count > 0 else 1


sys.exit(main())
