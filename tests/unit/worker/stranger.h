// Frames of somebody at an IPv4 address whom nobody knows.
#ifndef STRANGER_H
#define STRANGER_H

#include "worker_bench.h"

namespace sluice
{

inline void PutSum(Bytes &frame, size_t at, size_t from, size_t len)
{
    uint16_t sum = sl_wire_checksum_fold(sl_wire_checksum_add(0, &frame[from], len));
    memcpy(&frame[at], &sum, sizeof sum);
}

inline Bytes Arp(const sl_path &from)
{
    Bytes frame(42);
    memset(&frame[0], 0xff, 6);
    memcpy(&frame[6], from.hop.mac, 6);
    const uint8_t head[] = {8, 6, 0, 1, 8, 0, 6, 4, 0, 1};
    memcpy(&frame[12], head, sizeof head);
    memcpy(&frame[22], from.hop.mac, 6);
    memcpy(&frame[28], from.tuple.remote_ip.bytes + 12, 4);
    memcpy(&frame[38], from.tuple.local_ip.bytes + 12, 4);
    return frame;
}

// A packet of another protocol, whose payload this is.
inline Bytes Ip4(const sl_path &from, uint8_t protocol, const Bytes &payload)
{
    constexpr size_t kIp = 14, kPayload = kIp + 20;
    Bytes frame = WorkerBench::UdpFrame(from, Bytes(payload.size() > 8 ? payload.size() - 8 : 0));
    frame.resize(kPayload + payload.size());
    frame[kIp + 2] = (uint8_t)((20 + payload.size()) >> 8);
    frame[kIp + 3] = (uint8_t)(20 + payload.size());
    frame[kIp + 9] = protocol;
    frame[kIp + 10] = frame[kIp + 11] = 0;
    PutSum(frame, kIp + 10, kIp, 20);
    std::copy(payload.begin(), payload.end(), frame.begin() + kPayload);
    return frame;
}

inline Bytes Icmp(const sl_path &from, uint8_t type, uint8_t code = 0, size_t len = 16)
{
    Bytes message(len);
    message[0] = type;
    message[1] = code;
    Bytes frame = Ip4(from, 1, message);
    PutSum(frame, 34 + 2, 34, len);
    return frame;
}

inline Bytes Ping(const sl_path &from)
{
    return Icmp(from, 8);
}

} // namespace sluice

#endif
