#include <gtest/gtest.h>

#include "worker_bench.h"

extern "C" {
#include "worker_priv.h"
}

using namespace sluice;

// After 2^26 registrations, which would take too long: the number stands in the worker's own
// struct.
TEST(WorkerConsumerKey, IsNobodysForNoConsumer)
{
    WorkerBench bench;
    bench.worker()->consumer_serial = (1U << 26) - 2;
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    for (uint8_t i = 0; i < 4; i++) {
        Consumer consumer(0, 0, 0);
        bench.Attach(consumer);
        bench.Receive({WorkerBench::UdpFrame(peer.path, bench.Seal(peer, 23, {i}))});
        auto events = consumer.Receive();
        ASSERT_EQ(events.size(), 2u) << "registration " << (int)i;
        EXPECT_EQ(events[0].kind, SL_RING_OPEN);
        EXPECT_EQ(events[1].payload, Bytes{i});
        bench.Detach(consumer);
    }
}
