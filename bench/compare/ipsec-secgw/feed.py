#!/usr/bin/env python3
"""What ipsec-secgw reads: its configuration, and packets for it as pcap files.

feed.py config FILE TUNNELS [TYPE]      security associations with AES-128-GCM, numbered from 5, in
                                        tunnel mode over IPv4, a key each; TYPE as in ipsec-secgw's
                                        manual, e.g. cpu-crypto
feed.py packets FILE TUNNELS LEN COUNT  plain UDP packets over IPv4 with a payload of LEN bytes, each
                                        for a tunnel drawn at random, always the same ones
feed.py compare FILE FILE               fails unless both hold the same UDP datagrams, in any order

Port 0 is the side of the tunnels, port 1 the plain one. Addresses are of 198.18.0.0/15, which is for
benchmarks (RFC 2544).
"""
import ipaddress
import random
import struct
import sys

OUTER_SOURCE, OUTER_DESTINATION = "198.18.1.5", "198.18.2.5"
INNER_SOURCE, INNER_NET = "198.18.0.5", ipaddress.ip_address("198.19.0.1")
MACS = bytes.fromhex("020000000001" "020000000002")
FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
HEADERS_LEN = 14 + 20  # Ethernet and IPv4: what a router rewrites


def inner_address(tunnel):
    return INNER_NET + tunnel


def write_config(path, tunnels, kind=""):
    kind = " type " + kind if kind else ""
    with open(path, "w", encoding="ascii") as out:
        for tunnel in range(tunnels):
            spi = 5 + tunnel
            key = ":".join("%02x" % byte for byte in random.Random(tunnel).randbytes(16 + 4))
            for way in ("in", "out"):
                out.write("sp ipv4 %s esp protect %d pri 1 dst %s/32 sport 0:65535 dport 0:65535\n"
                          % (way, spi, inner_address(tunnel)))
                out.write("sa %s %d aead_algo aes-128-gcm aead_key %s mode ipv4-tunnel src %s dst %s%s\n"
                          % (way, spi, key, OUTER_SOURCE, OUTER_DESTINATION, kind))
        out.write("rt ipv4 dst %s/32 port 0\nrt ipv4 dst 198.19.0.0/16 port 1\n" % OUTER_DESTINATION)
        out.write("neigh port 0 02:00:00:00:00:03\nneigh port 1 02:00:00:00:00:04\n")


def checksum(header):
    total = sum(struct.unpack("!%dH" % (len(header) // 2), header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(number, tunnel, length):
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + 8 + length, number & 0xFFFF, 0, 64, 17, 0,
                     ipaddress.ip_address(INNER_SOURCE).packed, inner_address(tunnel).packed)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    udp = struct.pack("!HHHH", 1000 + number % 1000, 4433, 8 + length, 0)
    payload = bytes((number + at) & 255 for at in range(length))
    return MACS + b"\x08\x00" + ip + udp + payload


def write_packets(path, tunnels, length, count):
    draw = random.Random(7)
    with open(path, "wb") as out:
        out.write(FILE_HEADER)
        for number in range(count):
            frame = packet(number, draw.randrange(tunnels), length)
            out.write(struct.pack("<IIII", 0, number, len(frame), len(frame)) + frame)


def datagrams(path):
    with open(path, "rb") as file:
        data = file.read()
    at, found = len(FILE_HEADER), []
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        found.append(data[at + 16 + HEADERS_LEN:at + 16 + length])
        at += 16 + length
    return sorted(found)


def main():
    verb, path, *rest = sys.argv[1:] if len(sys.argv) > 3 else ("", "")
    if verb == "config":
        write_config(path, int(rest[0]), *rest[1:])
    elif verb == "packets":
        write_packets(path, *map(int, rest))
    elif verb == "compare":
        plain, other = datagrams(path), datagrams(rest[0])
        if plain != other:
            sys.exit("feed: %s has %d datagrams, %s has others or %d" % (path, len(plain), rest[0],
                                                                         len(other)))
    else:
        sys.exit(__doc__)


main()
