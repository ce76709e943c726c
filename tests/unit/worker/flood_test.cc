// The bench's own floods: they are what they say, and what becomes of good traffic is counted
// right.
#include <gtest/gtest.h>

extern "C" {
#include "bench.h"
#include "flood_priv.h"
}

#include <cmath>
#include <memory>
#include <set>

namespace
{

constexpr uint32_t kSessions = 64;
constexpr uint64_t kTicks = 3000000; // about a millisecond

// More than a worker can do.
constexpr double kOverload = 20;

class Flood : public ::testing::Test
{
  protected:
    flood *const line = flood_create(kSessions);
    ~Flood() override
    {
        flood_destroy(line);
    }
    uint64_t Dropped(sl_drop drop) const
    {
        return sl_worker_counters(line->rig->worker)->drops[drop];
    }
    uint64_t Counted(sl_counter counter) const
    {
        return sl_worker_counters(line->rig->worker)->events[counter];
    }
    // Reasons for which bad packets of a kind are dropped.
    std::set<sl_drop> ReasonsFor(flood_kind kind)
    {
        uint64_t before[SL_DROP_COUNT];
        std::set<sl_drop> reasons;
        flood_traffic traffic = {INFINITY, kOverload, kind, 2 * SL_BURST};
        for (unsigned i = 1; i < SL_DROP_COUNT; i++)
            before[i] = Dropped((sl_drop)i);
        outcome = flood_run(line, &traffic, kTicks);
        flood_settle(line);
        for (unsigned i = 1; i < SL_DROP_COUNT; i++)
            if (Dropped((sl_drop)i) != before[i])
                reasons.insert((sl_drop)i);
        return reasons;
    }
    void SendGood(uint64_t ticks = kTicks)
    {
        flood_traffic traffic = {2000, INFINITY, FLOOD_RANDOM, FLOOD_QUEUE_LEN};
        outcome = flood_run(line, &traffic, ticks);
        flood_settle(line);
    }
    flood_outcome outcome{};
};

} // namespace

TEST_F(Flood, GoodMessagesComeAtAConstantRateAndAllArrive)
{
    SendGood();
    /* A turn that the machine prolonged is charged as an average one: its arrivals are not. */
    const double due = (double)outcome.ticks / 2000;
    EXPECT_NEAR((double)outcome.good, due, 2 + due / 50);
    EXPECT_EQ(outcome.good_lost, 0u);
    EXPECT_LE(outcome.good - outcome.delivered, SL_BURST) << "what the last turn left";
    EXPECT_EQ(outcome.bad, 0u);
}

TEST_F(Flood, BadPacketsComeAsOftenAsTheyShallOnAverageAndAtRandom)
{
    line->traffic = {INFINITY, 100, FLOOD_RANDOM, 1};
    flood_schedule_begin(line);
    constexpr unsigned kPackets = 100000;
    unsigned near = 0;
    uint64_t due = 0, last = 0;
    for (unsigned i = 0; i < kPackets; i++, last = due) {
        ASSERT_FALSE(flood_schedule_next(line, &due));
        near += due - last < 50;
    }
    EXPECT_NEAR((double)(due - line->now) / kPackets, 100, 2);
    EXPECT_NEAR((double)near / kPackets, 1 - exp(-0.5), 0.01) << "a Poisson process";
}

TEST_F(Flood, WhatFindsTheQueueFullIsLostGoodAndBadAlike)
{
    flood_traffic traffic = {4 * kOverload, kOverload, FLOOD_FORGED, 100};
    outcome = flood_run(line, &traffic, kTicks);
    EXPECT_GT(outcome.good_lost, outcome.good / 2);
    EXPECT_GT(outcome.bad_lost, outcome.bad / 2);
    EXPECT_NEAR((double)outcome.good_lost / (double)outcome.good,
                (double)outcome.bad_lost / (double)outcome.bad, 0.05);
    EXPECT_LE(outcome.delivered + outcome.good_lost, outcome.good);
    EXPECT_GE(outcome.delivered + outcome.good_lost + 100, outcome.good);
}

TEST_F(Flood, ClientHellosAreWholeAndAnsweredOrTooMany)
{
    const std::set<sl_drop> reasons = ReasonsFor(FLOOD_CLIENT_HELLO);
    if (!reasons.empty()) { /* none on a machine, or under a sanitizer, too slow to have too many */
        EXPECT_EQ(reasons, (std::set<sl_drop>{SL_DROP_HELLO_BUDGET}));
    }
    EXPECT_GT(outcome.answers, 0u);
    EXPECT_LT(outcome.answer_bytes, outcome.bad_bytes);
    EXPECT_EQ(Counted(SL_COUNTER_TO_HANDSHAKE), kSessions) << "as many as were established";
}

TEST_F(Flood, RandomBytesAreNoRecords)
{
    for (sl_drop drop : ReasonsFor(FLOOD_RANDOM))
        EXPECT_TRUE(drop == SL_DROP_NOT_DTLS || drop == SL_DROP_RECORD_HEADER ||
                    drop == SL_DROP_RECORD_VERSION || drop == SL_DROP_RECORD_TOO_LARGE)
            << sl_drop_name(drop);
    EXPECT_EQ(outcome.answers, 0u);
}

TEST_F(Flood, ForgedRecordsFailAtTheTagOnly)
{
    EXPECT_EQ(ReasonsFor(FLOOD_FORGED), std::set<sl_drop>{SL_DROP_AUTH});
}

TEST_F(Flood, ReplaysAreOfWhatWasDelivered)
{
    SendGood();
    EXPECT_EQ(ReasonsFor(FLOOD_REPLAY), std::set<sl_drop>{SL_DROP_REPLAY});
}

TEST_F(Flood, ConnectionIdsAreOfNobody)
{
    EXPECT_EQ(ReasonsFor(FLOOD_WRONG_CID), std::set<sl_drop>{SL_DROP_UNKNOWN_CID});
}

TEST_F(Flood, FragmentsAreOfPacketsAndOfClientHellos)
{
    const std::set<sl_drop> reasons = ReasonsFor(FLOOD_FRAGMENT);
    EXPECT_TRUE(reasons.count(SL_DROP_IP_FRAGMENT));
    EXPECT_TRUE(reasons.count(SL_DROP_HELLO_FRAGMENT));
    for (sl_drop drop : reasons)
        EXPECT_TRUE(drop == SL_DROP_IP_FRAGMENT || drop == SL_DROP_HELLO_FRAGMENT ||
                    drop == SL_DROP_HELLO_BUDGET)
            << sl_drop_name(drop);
    const double handled = (double)(outcome.bad - outcome.bad_lost);
    EXPECT_NEAR((double)Dropped(SL_DROP_IP_FRAGMENT) / handled, 2.0 / 3, 0.03)
        << "of IPv4 and of IPv6, a third each";
    EXPECT_NEAR((double)Dropped(SL_DROP_HELLO_FRAGMENT) / handled, 1.0 / 6, 0.03);
}

TEST_F(Flood, NoTwoPacketsAreTheSame)
{
    SendGood();
    for (flood_kind kind : {FLOOD_CLIENT_HELLO, FLOOD_FORGED, FLOOD_WRONG_CID, FLOOD_FRAGMENT}) {
        std::set<std::vector<uint8_t>> seen;
        for (unsigned i = 0; i < 1000; i++) {
            flood_packet packet;
            flood_make_bad(line, kind, &packet);
            seen.insert({packet.bytes, packet.bytes + packet.len});
        }
        EXPECT_EQ(seen.size(), 1000u) << flood_name(kind);
    }
}

TEST_F(Flood, FindsTheSessionThatWasLost)
{
    EXPECT_EQ(flood_count_lost_sessions(line), 0u);
    client *gone = &line->rig->clients[5];
    flood_packet packet{};
    const uint8_t close_notify[2] = {1, SL_ALERT_CLOSE_NOTIFY};
    sl_seal_job job{};
    job.epoch = &gone->epoch;
    job.plain = close_notify;
    job.plain_len = sizeof close_notify;
    job.type = SL_CONTENT_ALERT;
    job.record = packet.bytes + sl_wire_headers_len(&gone->path);
    ASSERT_EQ(sl_record_seal_burst(line->rig->aead, &job, 1), 1u);
    sl_frame *frame;
    rig_port_take(line->rig->port, &frame, 1);
    memcpy(frame->data, packet.bytes, sizeof packet.bytes);
    rig_write_client_headers(frame, &gone->path, job.record_len);
    rig_port_offer(line->rig->port, &frame, 1);
    line->offered++;
    flood_settle(line);
    EXPECT_EQ(flood_count_lost_sessions(line), 1u);
}
