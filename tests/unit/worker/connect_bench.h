// A worker that begins sessions: the test plays control, the handshaker, the network and the
// server.
#ifndef CONNECT_BENCH_H
#define CONNECT_BENCH_H

#include <gtest/gtest.h>

#include <algorithm>

#include "worker_bench.h"

extern "C" {
#include "sl_session.h"
}

namespace sluice
{

inline constexpr uint8_t kServerMac[6] = {0x02, 0, 0, 0, 0, 0x05};

inline WorkerBench::Options Begins(unsigned index = 0, unsigned worker_count = 1)
{
    WorkerBench::Options options;
    options.begins_sessions = true;
    options.index = index;
    options.worker_count = worker_count;
    return options;
}

struct ConnectBench : WorkerBench {
    Consumer consumer{0, 0, 0};
    explicit ConnectBench(const Options &options = Begins()) : WorkerBench(options)
    {
        Attach(consumer);
    }
    ~ConnectBench()
    {
        EXPECT_EQ("", CheckEquation());
    }

    void FindHop(uint32_t attempt, const sl_ip &ip)
    {
        const bool is_v6 = !sl_ip_is_v4(&ip);
        const sl_message_find_hop body = {attempt, 0, ip, ClientPath(0, 1, is_v6).tuple.local_ip};
        FromControl(SL_MESSAGE_FIND_HOP, &body, sizeof body);
    }
    void FindHop(uint32_t attempt, uint32_t server)
    {
        FindHop(attempt, Servers().at(server));
    }
    /** The messages of this kind that control has got since the last call; others are lost. */
    template <typename Body> std::vector<Body> Told(sl_message_kind kind)
    {
        std::vector<Body> told;
        for (const Message &message : ToControl())
            if (message.kind == kind) {
                EXPECT_EQ(sizeof(Body), message.body.size());
                told.push_back(*(const Body *)message.body.data());
            }
        return told;
    }
    static sl_message_begin Beginning(uint32_t attempt, uint16_t local_port = kConnectPort)
    {
        sl_message_begin begin{};
        begin.attempt = attempt;
        begin.connection = 5;
        begin.handshake_timeout_ms = 9000;
        begin.offers_cid = true;
        strcpy(begin.name, "upstream");
        begin.path = ClientPath(0);
        begin.path.tuple.remote_ip = Servers()[0];
        begin.path.tuple.remote_port = 4433;
        begin.path.tuple.local_port = local_port;
        memcpy(begin.path.hop.mac, kServerMac, 6);
        return begin;
    }
    /** The session of an attempt that the worker has begun. */
    Peer Begin(uint32_t attempt, uint16_t local_port = kConnectPort)
    {
        const sl_message_begin begin = Beginning(attempt, local_port);
        FromControl(SL_MESSAGE_BEGIN, &begin, sizeof begin);
        Peer peer;
        peer.path = begin.path;
        for (const Message &message : ToHandshaker())
            if (message.kind == SL_MESSAGE_CONNECT)
                peer.handle = message.session;
        return peer;
    }
    Peer Open(uint32_t attempt, bool with_cid, uint16_t local_port = kConnectPort,
              uint64_t replaces = 0)
    {
        sl_message_begin begin = Beginning(attempt, local_port);
        begin.replaces = replaces;
        FromControl(SL_MESSAGE_BEGIN, &begin, sizeof begin);
        Peer peer;
        peer.path = begin.path;
        for (const Message &message : ToHandshaker()) {
            if (message.kind != SL_MESSAGE_CONNECT)
                continue;
            const auto *connect = (const sl_message_connect *)message.body.data();
            peer.handle = message.session;
            if (with_cid)
                peer.own_cid.assign(connect->own_cid, connect->own_cid + connect->own_cid_len);
        }
        GiveKeys(peer, with_cid);
        Establish(peer);
        return peer;
    }
    void HangUp(uint32_t attempt, uint8_t reason = SL_CLOSE_REPLACED)
    {
        const sl_message_hang_up body = {attempt, reason};
        FromControl(SL_MESSAGE_HANG_UP, &body, sizeof body);
    }
};

/** What the server at the target of a request answers. */
inline Bytes AnswerTo(const Bytes &request)
{
    Bytes room(2048);
    sl_frame frame{};
    frame.data = room.data();
    frame.len = (uint16_t)request.size();
    frame.tailroom = (uint16_t)(room.size() - request.size());
    frame.segs = 1;
    std::copy(request.begin(), request.end(), room.begin());
    EXPECT_EQ(SL_DROP_NONE, sl_wire_parse_frame(&frame, SL_RX_CHECKSUM_REQUIRE));
    EXPECT_EQ(SL_DROP_NONE, sl_wire_answer_frame(&frame, kServerMac));
    room.resize(frame.len);
    return room;
}

inline Bytes Plaintext(uint8_t type, const Bytes &body, uint64_t seq = 0)
{
    Bytes record(SL_RECORD_HEADER_LEN);
    sl_wire_write_record_header(record.data(), type, 0, seq, (uint16_t)body.size());
    record.insert(record.end(), body.begin(), body.end());
    return record;
}

inline Bytes HandshakeMessage(uint8_t type)
{
    return {type, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3, 0xfe, 0xff, 0};
}

} // namespace sluice

#endif
