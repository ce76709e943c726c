// A worker whose table is full with 65,536 sessions: each is served, and each expires.
extern "C" {
#include "bench.h"
#include "rig_priv.h"
}

#include <gtest/gtest.h>

namespace
{

constexpr uint32_t kSessions = 65536;
constexpr uint64_t kIdleNs = 3600ULL * 1000000000ULL; // as the rig has it
constexpr uint64_t kTurnNs = 500000;                  // the hand passes 31 slots in it

uint64_t live(const rig *rig)
{
    return sl_worker_counters(rig->worker)->sessions;
}

void take_all_messages(sl_ring *ring)
{
    sl_ring_consumer *from = sl_ring_consumer_of(ring);
    sl_message message;
    while (sl_message_receive(from, &message))
        continue;
    sl_ring_release(from);
}

} // namespace

TEST(WorkerScale, Serves65536SessionsAndSweepsThemWhenTheyAreIdle)
{
    rig *rig = rig_create(kSessions); // one record of each is delivered
    ASSERT_EQ(live(rig), kSessions);
    uint64_t now_ns = bench_now_ns() + kIdleNs / 2;
    for (unsigned turn = 0; turn < 4000; turn++)
        sl_worker_turn(rig->worker, now_ns += kTurnNs);
    EXPECT_EQ(live(rig), kSessions) << "nothing is idle for long enough yet";

    now_ns += kIdleNs;
    unsigned turns = 0;
    for (; turns < 4 * kSessions / 31 && live(rig) > 0; turns++) {
        sl_worker_turn(rig->worker, now_ns += kTurnNs);
        take_all_messages(rig->to_handshaker);
        rig_drain(rig);
        rig_port_drain(rig->port, nullptr, nullptr);
    }
    EXPECT_EQ(live(rig), 0u) << "after " << turns << " turns";
    rig_destroy(rig);
}
