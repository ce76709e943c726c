#!/usr/bin/env python3
"""vlan_tagger.py WIRE TAP ID: an 802.1Q interface for kernels that have none.

What comes in on WIRE with the tag ID goes untagged to TAP, made here; what comes from TAP goes tagged
to WIRE. Says "ready", and runs until it is ended.
"""
import fcntl
import os
import select
import socket
import struct
import sys

SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING = 263, 8, 4
TUNSETIFF, IFF_TAP_NO_PI = 0x400454CA, 0x1002
TP_STATUS_VLAN_VALID = 1 << 4

wire_name, tap_name, vlan = sys.argv[1], sys.argv[2], int(sys.argv[3])
tap = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tap, TUNSETIFF, struct.pack('16sH14x', tap_name.encode(), IFF_TAP_NO_PI))
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
wire.bind((wire_name, 3))
tag = struct.pack('!HH', 0x8100, vlan)
print('ready', flush=True)


def tag_of(ancillary):
    """The kernel takes the tag off the frame and tells it beside (struct tpacket_auxdata)."""
    for level, kind, data in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, _ = struct.unpack('IIIHHHH', data[:20])
            return tci & 0xFFF if status & TP_STATUS_VLAN_VALID else None
    return None


while True:
    readable, _, _ = select.select([tap, wire], [], [])
    if tap in readable:
        frame = os.read(tap, 65536)
        wire.send(frame[:12] + tag + frame[12:])
    if wire in readable:
        frame, ancillary, _, address = wire.recvmsg(65536, 64)
        if address[2] != PACKET_OUTGOING and tag_of(ancillary) == vlan:
            try:
                os.write(tap, frame)
            except OSError:  # the interface is not up yet
                pass
