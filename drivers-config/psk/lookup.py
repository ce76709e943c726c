#!/usr/bin/env python3
"""A lookup program for sluice's psk_lookup: sluice.yaml(5), TRUST.

Each device has a key of its own, derived from one secret, so that there is nothing to look up: HMAC-SHA256 of the
identity, cut to 16 bytes. The secret is 32 random bytes in the file that SECRET names, which is the program's user's
alone: `psk_lookup_user`, else `user`. Devices are "sensor-" and digits. Copy it and put your own way to keys in key_of().
"""
import hashlib
import hmac
import re
import sys

SECRET = "/etc/sluice/psk.secret"


def key_of(secret, identity):
    key = hmac.new(secret, identity, hashlib.sha256).digest()[:16]
    return key if re.fullmatch(rb"sensor-[0-9]{1,20}", identity) else None


def main():
    with open(SECRET if len(sys.argv) < 2 else sys.argv[1], "rb") as file:
        secret = file.read()
    for line in sys.stdin:
        number, identity, _service = line.split()
        key = key_of(secret, b"" if identity == "-" else bytes.fromhex(identity))
        print(number, key.hex() if key else "-", flush=True)


main()
