// A worker with two ports.
#ifndef TWO_PORTS_H
#define TWO_PORTS_H

#include <gtest/gtest.h>

#include "worker_bench.h"

namespace sluice
{

inline constexpr uint64_t kMillisecond = 1000000;

/** A consumer's two sessions, each over a port of its own. */
struct TwoPorts {
    WorkerBench bench;
    Consumer consumer{0, 0, 0};
    Peer near, far;

    TwoPorts() : bench(Options())
    {
        bench.Attach(consumer);
        near = bench.Connect(WorkerBench::ClientPath(1), true);
        far = bench.Connect(WorkerBench::ClientPath(2), true);
        far.path = WorkerBench::ClientPath(3); /* it moves to where the other port leads */
        far.path.hop.vlan_id = WorkerBench::kVlan;
        const Bytes record = bench.Seal(far, SL_CONTENT_APPLICATION_DATA, {1});
        bench.ReceiveMixed({WorkerBench::UdpFrame(far.path, record)}, {1});
        bench.Sent();
        consumer.Receive();
    }
    static WorkerBench::Options Options()
    {
        WorkerBench::Options options;
        options.group_count = 2;
        options.peer_moves = SL_PEER_MOVES_ACCEPT;
        return options;
    }
};

} // namespace sluice

#endif
