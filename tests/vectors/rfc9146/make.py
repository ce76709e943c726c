#!/usr/bin/env python3
"""Makes records.txt (README.md): make.py > records.txt"""
import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

EPOCH = 1
TLS12_CID = 25
VERSION = b"\xfe\xfd"
# name: (suite, hash, key length, IV length, AEAD)
SUITES = {
    "aes128": (0xC02B, "sha256", 16, 4, AESGCM),
    "aes256": (0xC02C, "sha384", 32, 4, AESGCM),
    "chacha": (0xCCA9, "sha256", 32, 12, ChaCha20Poly1305),
}
# real type, padding, plaintext: an empty payload, one with zeros at its end, an alert, a long one
RECORDS = [
    ("client", 1, 23, 0, b"hello, gateway"),
    ("client", 2, 23, 17, b"padded, and zeros of its own\0\0\0"),
    ("server", 1, 23, 0, b"hello, client"),
    ("server", 0x010203040506, 23, 0, bytes(range(256)) * 5),
    ("client", 0xFFFFFFFFFFFE, 23, 255, b"x"),
    ("server", 0x010203040507, 21, 0, b"\x01\x00"),
]


def fixed(name, length):
    """Bytes that stand for randomness: the same every time."""
    return hashlib.shake_128(b"sluice vectors " + name.encode()).digest(length)


def prf(digest, secret, label, seed, length):
    """RFC 5246 5."""
    seed = label + seed
    out, a = b"", seed
    while len(out) < length:
        a = hmac.digest(secret, a, digest)
        out += hmac.digest(secret, a + seed, digest)
    return out[:length]


def protect(aead, iv, cid, seq, real_type, padding, plain):
    epoch_seq = struct.pack(">Q", EPOCH << 48 | seq)
    if cid:  # RFC 9146 5
        inner, wire_type = plain + bytes([real_type]) + bytes(padding), TLS12_CID
        aad = b"\xff" * 8 + bytes([TLS12_CID, len(cid), TLS12_CID]) + VERSION + epoch_seq + cid
    else:  # RFC 6347 4.1.2.1
        inner, wire_type = plain, real_type
        aad = epoch_seq + bytes([real_type]) + VERSION
    aad += struct.pack(">H", len(inner))
    if len(iv) == 4:  # RFC 5288 3
        body = epoch_seq + aead.encrypt(iv + epoch_seq, inner, aad)
    else:  # RFC 7905 2
        nonce = bytes(a ^ b for a, b in zip(iv, bytes(4) + epoch_seq))
        body = aead.encrypt(nonce, inner, aad)
    return bytes([wire_type]) + VERSION + epoch_seq + cid + struct.pack(">H", len(body)) + body


def make_session(suite_name, client_cid, server_cid):
    suite, digest, key_len, iv_len, aead = SUITES[suite_name]
    name = "%s-%d-%d" % (suite_name, len(client_cid), len(server_cid))
    client_random, server_random = fixed(name + " client", 32), fixed(name + " server", 32)
    master = fixed(name + " master", 48)
    block = prf(digest, master, b"key expansion", server_random + client_random,
                2 * (key_len + iv_len))
    ivs = block[2 * key_len:]
    sides = {  # a record carries the connection ID that its receiver asked for
        "client": (aead(block[:key_len]), ivs[:iv_len], server_cid),
        "server": (aead(block[key_len:2 * key_len]), ivs[iv_len:], client_cid),
    }
    fields = (client_random, server_random, master, client_cid, server_cid)
    print("session", name, "%04x" % suite, *(f.hex() or "-" for f in fields))
    for side, seq, real_type, padding, plain in RECORDS:
        key, iv, cid = sides[side]
        padding = padding if cid else 0
        record = protect(key, iv, cid, seq, real_type, padding, plain)
        print("record", name, side, seq, real_type, padding, plain.hex() or "-", record.hex())


for suite_name in SUITES:
    make_session(suite_name, b"", b"")
    make_session(suite_name, fixed("client cid", 3), fixed("server cid", 8))
    make_session(suite_name, b"", fixed("server cid", 20))
    make_session(suite_name, fixed("client cid", 32), fixed("server cid", 1))
