#!/usr/bin/env python3
"""Turns Wycheproof's AEAD test files into lines that a test can read without a JSON library.

    convert.py aes_gcm_test.json chacha20_poly1305_test.json aes_ccm_test.json > aead.txt

Kept are the cases that DTLS 1.2 can meet: keys of 128 and 256 bits for AES, nonces of 96 bits, tags
of 128 bits or, with AES-CCM, of 64, additional data of at most 64 bytes. One case a line:

    ALGORITHM TCID valid|invalid KEY NONCE AAD PLAINTEXT CIPHERTEXT TAG

bytes in hexadecimal, "-" for none.
"""
import json
import sys

AAD_MAX = 64


def lines(path):
    data = json.load(open(path, encoding="utf-8"))
    for group in data["testGroups"]:
        name = data["algorithm"]
        tag_sizes = (128, 64) if name == "AES-CCM" else (128,)
        if group["ivSize"] != 96 or group["tagSize"] not in tag_sizes or group["keySize"] == 192:
            continue
        if name.startswith("AES-"):
            name = name.replace("AES-", "AES-%d-" % group["keySize"])
        if group["tagSize"] == 64:
            name += "-8"
        for case in group["tests"]:
            if len(case["aad"]) > 2 * AAD_MAX:
                continue
            fields = (case[f] or "-" for f in ("key", "iv", "aad", "msg", "ct", "tag"))
            yield " ".join([name, str(case["tcId"]), case["result"], *fields])


for argument in sys.argv[1:]:
    print("\n".join(lines(argument)))
