#include "consumer_fixture.h"
#include "ring_copy.h"

namespace
{

struct SluiceSend : test::ConsumerTest {
    test::Sluice s;
    std::vector<sl_attachment *> attachments;
    test::CopiedEntry entry;

    void connect_to(unsigned workers, uint64_t ring_size = 65536)
    {
        start_gateway(workers, ring_size);
        s = connect();
        ASSERT_TRUE(gateway->has_attachments(workers));
        attachments = gateway->attachments();
    }

    int collect(unsigned worker = 0)
    {
        return test::copy_next(&attachments[worker]->send, &entry);
    }
};

TEST_F(SluiceSend, ReachesTheSessionsWorkerAfterAFlush)
{
    connect_to(3);
    sluice_session session = test::handle_of(2, 77);
    EXPECT_EQ(sluice_send(s.get(), session, "hello", 5), 0);
    EXPECT_EQ(collect(2), 0);
    EXPECT_EQ(sluice_flush(s.get()), 0);
    EXPECT_EQ(collect(0), 0);
    EXPECT_EQ(collect(1), 0);
    ASSERT_EQ(collect(2), 1);
    EXPECT_EQ(entry.kind, SL_RING_SEND);
    EXPECT_EQ(entry.session, session);
    ASSERT_EQ(entry.payload.size(), 5u);
    EXPECT_EQ(memcmp(entry.payload.data(), "hello", 5), 0);
}

TEST_F(SluiceSend, IsShownByTheNextReceiveToo)
{
    connect_to(1);
    sluice_event event;
    EXPECT_EQ(sluice_send(s.get(), test::handle_of(0, 1), "x", 1), 0);
    EXPECT_EQ(sluice_receive(s.get(), &event, 1), 0);
    EXPECT_EQ(collect(), 1);
}

TEST_F(SluiceSend, IsShownByAWaitToo)
{
    connect_to(1);
    EXPECT_EQ(sluice_send(s.get(), test::handle_of(0, 1), "x", 1), 0);
    EXPECT_EQ(sluice_wait(s.get(), 0), 0);
    EXPECT_EQ(collect(), 1);
    EXPECT_EQ(sluice_send(s.get(), test::handle_of(0, 1), "x", 1), 0);
    EXPECT_EQ(sluice_prepare_wait(s.get()), 0);
    EXPECT_EQ(collect(), 1);
}

TEST_F(SluiceSend, ConfirmsMovesAndClosesSessions)
{
    connect_to(1);
    const uint8_t address[16] = {0x20, 0x01, 0x0d, 0xb8};
    EXPECT_EQ(sluice_confirm_move(s.get(), test::handle_of(0, 5), address, 4711), 0);
    EXPECT_EQ(sluice_close_session(s.get(), test::handle_of(0, 6)), 0);
    sluice_flush(s.get());
    ASSERT_EQ(collect(), 1);
    EXPECT_EQ(entry.kind, SL_RING_CONFIRM_MOVE);
    EXPECT_EQ(entry.session, test::handle_of(0, 5));
    ASSERT_EQ(entry.payload.size(), sizeof(sl_ring_moved));
    sl_ring_moved checked;
    memcpy(&checked, entry.payload.data(), sizeof checked);
    EXPECT_EQ(memcmp(&checked.ip, address, sizeof address), 0);
    EXPECT_EQ(checked.port, 4711);
    ASSERT_EQ(collect(), 1);
    EXPECT_EQ(entry.kind, SL_RING_CLOSE_SESSION);
    EXPECT_EQ(entry.session, test::handle_of(0, 6));
}

TEST_F(SluiceSend, TakesMessagesUpToTheLongestAndNoLonger)
{
    connect_to(1);
    std::string bytes(1401, 'x');
    EXPECT_EQ(sluice_send(s.get(), 0, bytes.data(), 1400), 0);
    EXPECT_EQ(sluice_send(s.get(), 0, bytes.data(), 1401), -EMSGSIZE);
    EXPECT_EQ(sluice_send(s.get(), 0, nullptr, 0), 0);
    sluice_flush(s.get());
    EXPECT_EQ(collect(), 1);
    EXPECT_EQ(entry.payload.size(), 1400u);
    EXPECT_EQ(collect(), 1);
    EXPECT_EQ(entry.payload.size(), 0u);
    EXPECT_EQ(collect(), 0);
}

TEST_F(SluiceSend, SaysThatTheRingIsFullAndShowsItMeanwhile)
{
    connect_to(2, 4096);
    unsigned sent = 0;
    int result;
    while ((result = sluice_send(s.get(), test::handle_of(0, sent), "x", 1)) == 0)
        sent++;
    EXPECT_EQ(result, -EAGAIN);
    EXPECT_EQ(sent, 4096u / 64);
    EXPECT_EQ(sluice_send(s.get(), test::handle_of(1, 0), "x", 1), 0) << "the other ring is not";
    EXPECT_EQ(collect(), 1) << "shown without a flush";
    EXPECT_EQ(sluice_send(s.get(), test::handle_of(0, sent), "x", 1), 0);
}

TEST_F(SluiceSend, LeavesAHandleOfNoWorkerToTheGatewayToRefuse)
{
    connect_to(2);
    EXPECT_EQ(sluice_send(s.get(), test::handle_of(255, 1), "x", 1), 0);
    sluice_flush(s.get());
    ASSERT_EQ(collect(0), 1);
    EXPECT_EQ(entry.session, test::handle_of(255, 1));
}

} // namespace
