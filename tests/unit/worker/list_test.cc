// Sessions that have met forged records, as control asks for them.
#include <gtest/gtest.h>

#include <map>

#include "worker_bench.h"

using namespace sluice;

namespace
{

// All of them, by handle, and how many answers that took.
std::map<uint64_t, sl_listed_session> ListAll(WorkerBench &bench, uint32_t number,
                                              unsigned *answers)
{
    std::map<uint64_t, sl_listed_session> sessions;
    const sl_message_list question{number};
    bench.FromControl(SL_MESSAGE_LIST_FORGED, &question, sizeof question);
    *answers = 0;
    for (unsigned turn = 0; turn < 1000; turn++) {
        for (const auto &message : bench.ToControl()) {
            EXPECT_EQ(message.kind, SL_MESSAGE_LISTED);
            const auto *answer = (const sl_message_listed *)message.body.data();
            EXPECT_EQ(answer->number, number);
            ++*answers;
            for (uint32_t i = 0; i < answer->count && i < SL_LISTED_MAX; i++)
                EXPECT_TRUE(sessions.emplace(answer->each[i].handle, answer->each[i]).second);
            if (answer->is_last)
                return sessions;
        }
        bench.Turn();
    }
    ADD_FAILURE() << "there was no last answer";
    return sessions;
}

void Forge(WorkerBench &bench, Peer &peer, unsigned count)
{
    Bytes forged = bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {1});
    forged.back() ^= 1;
    for (unsigned i = 0; i < count; i++)
        bench.Receive({WorkerBench::UdpFrame(peer.path, forged)});
}

} // namespace

TEST(WorkerList, EachSessionThatHasMetForgedRecordsIsListedOnceWithHowMany)
{
    WorkerBench bench;
    std::map<uint64_t, unsigned> forged;
    std::map<uint64_t, sl_path> paths;
    for (unsigned i = 1; i <= 40; i++) {
        Peer peer = bench.Connect(WorkerBench::ClientPath(i), i % 3 == 0, (uint8_t)i);
        if (i % 2 == 0) {
            Forge(bench, peer, i);
            forged[peer.handle] = i;
            paths[peer.handle] = peer.path;
        }
    }
    bench.ToControl();
    unsigned answers;
    const auto sessions = ListAll(bench, 7, &answers);
    EXPECT_GT(answers, 1u) << "they are more than one answer has room for";
    ASSERT_EQ(sessions.size(), forged.size());
    for (const auto &[handle, session] : sessions) {
        EXPECT_EQ(session.forged, forged.at(handle));
        EXPECT_EQ(session.remote_port, paths.at(handle).tuple.remote_port);
        EXPECT_EQ(memcmp(&session.remote_ip, &paths.at(handle).tuple.remote_ip, sizeof(sl_ip)), 0);
    }
}

TEST(WorkerList, SessionsThatLibsslKeepsAreListedWithWhatTheirHandshakerSays)
{
    WorkerBench bench;
    uint64_t handles[3];
    for (unsigned i = 0; i < 3; i++) {
        handles[i] = bench.BeginHandshake(WorkerBench::ClientPath(i + 1));
        sl_message_established established{};
        established.is_legacy = true;
        bench.FromHandshaker(SL_MESSAGE_ESTABLISHED, handles[i], &established, sizeof established);
        bench.Turn();
    }
    for (uint32_t count : {1, 2, 3}) {
        const sl_message_forged forged{count};
        bench.FromHandshaker(SL_MESSAGE_FORGED, handles[1], &forged, sizeof forged);
        bench.FromHandshaker(SL_MESSAGE_FORGED, 0x1234, &forged, sizeof forged); /* gone */
    }
    bench.Turn();
    bench.ToControl();
    unsigned answers;
    const auto sessions = ListAll(bench, 7, &answers);
    ASSERT_EQ(sessions.size(), 1u);
    EXPECT_EQ(sessions.at(handles[1]).forged, 3u);
    EXPECT_EQ(sessions.at(handles[1]).remote_port, WorkerBench::ClientPath(2).tuple.remote_port);
    EXPECT_EQ(sl_worker_counters(bench.worker())->forged_most, 3u);
}

TEST(WorkerList, NobodyIsListedWhereNothingWasForged)
{
    WorkerBench bench;
    bench.BeginHandshake(WorkerBench::ClientPath(9));
    bench.Connect(WorkerBench::ClientPath(1), true, 1);
    bench.ToControl();
    unsigned answers;
    EXPECT_TRUE(ListAll(bench, 7, &answers).empty());
    EXPECT_GE(answers, 1u);
}

TEST(WorkerList, IsAskedAgainFromTheBeginning)
{
    WorkerBench bench;
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true, 1);
    Forge(bench, peer, 3);
    bench.ToControl();
    const sl_message_list question{6}; // nobody waits for the rest of its answers
    bench.FromControl(SL_MESSAGE_LIST_FORGED, &question, sizeof question);
    bench.ToControl();
    unsigned answers;
    EXPECT_EQ(ListAll(bench, 7, &answers).size(), 1u);
    bench.Turn(10);
    EXPECT_TRUE(bench.ToControl().empty());
}
