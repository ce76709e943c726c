// Frames of a client at 198.19.0.7 / 2001:db8::7, to a gateway at 198.18.0.1 / 2001:db8::1.
#ifndef PACKETS_H
#define PACKETS_H

extern "C" {
#include "sl_wire.h"
}

#include <algorithm>
#include <cstring>
#include <vector>

using Bytes = std::vector<uint8_t>;

inline const uint8_t kOwnMac[6] = {2, 0, 0, 0, 0, 0xfe};
inline const uint8_t kPeerMac[6] = {2, 0, 0, 0, 0, 0x07};

inline sl_ip V4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    uint8_t bytes[4] = {a, b, c, d};
    return sl_ip_from_v4(bytes);
}

inline sl_ip V6(uint8_t last)
{
    return sl_ip{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last}};
}

// A frame with room around it.
struct Frame : sl_frame {
    static constexpr size_t kHeadroom = 32;
    Bytes room;
    explicit Frame(const Bytes &bytes) : sl_frame{}, room(2048)
    {
        data = room.data() + kHeadroom;
        if (!bytes.empty()) /* an empty vector may have no address at all */
            memcpy(data, bytes.data(), bytes.size());
        len = (uint16_t)bytes.size();
        headroom = kHeadroom;
        tailroom = (uint16_t)(room.size() - kHeadroom - bytes.size());
        segs = 1;
    }
    Frame(const Frame &) = delete;
    Bytes bytes() const
    {
        return Bytes(data, data + len);
    }
};

inline Bytes UdpFrame(bool v6, const Bytes &payload, uint16_t vlan = SL_VLAN_NONE)
{
    Frame frame{Bytes()};
    sl_path path{};
    path.tuple.local_ip = v6 ? V6(7) : V4(198, 19, 0, 7); // the writer's side is the client here
    path.tuple.remote_ip = v6 ? V6(1) : V4(198, 18, 0, 1);
    path.tuple.local_port = 40000;
    path.tuple.remote_port = 4433;
    memcpy(path.hop.mac, kOwnMac, 6);
    path.hop.vlan_id = vlan;
    frame.payload_len = (uint16_t)payload.size();
    std::copy(payload.begin(), payload.end(), frame.data + sl_wire_headers_len(&path));
    sl_wire_write_headers(&frame, &path, kPeerMac);
    return frame.bytes();
}

inline void PutSum(Bytes &bytes, size_t from, size_t to, size_t at, uint64_t start = 0)
{
    bytes[at] = bytes[at + 1] = 0;
    uint16_t sum =
        sl_wire_checksum_fold(sl_wire_checksum_add(start, bytes.data() + from, to - from));
    memcpy(&bytes[at], &sum, 2);
}

// The IPv6 pseudo-header's sum for next header 58.
inline uint64_t Icmp6Start(const Bytes &frame, size_t len)
{
    Bytes pseudo(frame.begin() + 22, frame.begin() + 54);
    pseudo.insert(pseudo.end(), {0, 0, (uint8_t)(len >> 8), (uint8_t)len, 0, 0, 0, 58});
    return sl_wire_checksum_add(0, pseudo.data(), pseudo.size());
}

inline Bytes EchoFrame4(const Bytes &data)
{
    Bytes f(kOwnMac, kOwnMac + 6);
    f.insert(f.end(), kPeerMac, kPeerMac + 6);
    uint8_t total = (uint8_t)(28 + data.size());
    f.insert(f.end(), {8,  0, 0x45, 0,   0,  total, 1, 2, 0, 0, 61, 1,    0,    0, 198,
                       19, 0, 7,    198, 18, 0,     1, 8, 0, 0, 0,  0x12, 0x34, 0, 9});
    f.insert(f.end(), data.begin(), data.end());
    PutSum(f, 14, 34, 24);
    PutSum(f, 34, f.size(), 36);
    return f;
}

inline Bytes Icmp6Frame(const Bytes &icmp, uint8_t hop_limit, const sl_ip &from, const sl_ip &to)
{
    Bytes f(kOwnMac, kOwnMac + 6);
    f.insert(f.end(), kPeerMac, kPeerMac + 6);
    f.insert(f.end(), {0x86, 0xdd, 0x60, 0, 0, 0, 0, (uint8_t)icmp.size(), 58, hop_limit});
    f.insert(f.end(), from.bytes, from.bytes + 16);
    f.insert(f.end(), to.bytes, to.bytes + 16);
    f.insert(f.end(), icmp.begin(), icmp.end());
    PutSum(f, 54, f.size(), 56, Icmp6Start(f, icmp.size()));
    return f;
}

inline Bytes Solicitation(const sl_ip &target, bool with_option)
{
    Bytes icmp = {135, 0, 0, 0, 0, 0, 0, 0};
    icmp.insert(icmp.end(), target.bytes, target.bytes + 16);
    if (with_option) {
        icmp.insert(icmp.end(), {1, 1});
        icmp.insert(icmp.end(), kPeerMac, kPeerMac + 6);
    }
    return icmp;
}

inline Bytes ArpRequest()
{
    Bytes f(6, 0xff);
    f.insert(f.end(), kPeerMac, kPeerMac + 6);
    f.insert(f.end(), {8, 6, 0, 1, 8, 0, 6, 4, 0, 1});
    f.insert(f.end(), kPeerMac, kPeerMac + 6);
    f.insert(f.end(), {198, 19, 0, 7, 0, 0, 0, 0, 0, 0, 198, 18, 0, 1});
    f.resize(60); // Ethernet padding
    return f;
}

#endif
