#include <poll.h>
#include <sys/wait.h>

#include "consumer_fixture.h"

namespace
{

struct SluiceEnd : test::ConsumerTest {
    test::Sluice s;
    std::vector<sl_attachment *> attachments;
    sluice_event events[16];

    void SetUp() override
    {
        start_gateway(2);
        s = connect();
        ASSERT_TRUE(gateway->has_attachments(2));
        attachments = gateway->attachments();
    }

    void expect_ended()
    {
        EXPECT_EQ(sluice_receive(s.get(), events, 16), -EPIPE);
        EXPECT_EQ(sluice_send(s.get(), 1, "x", 1), -EPIPE);
        EXPECT_EQ(sluice_confirm_move(s.get(), 1, (const uint8_t[16]){}, 1), -EPIPE);
        EXPECT_EQ(sluice_close_session(s.get(), 1), -EPIPE);
        EXPECT_EQ(sluice_flush(s.get()), -EPIPE);
        EXPECT_EQ(sluice_wait(s.get(), -1), -EPIPE);
        EXPECT_EQ(sluice_prepare_wait(s.get()), -EPIPE);
    }
};

TEST_F(SluiceEnd, IsSeenByAProgramThatWaits)
{
    std::thread ends([this] {
        usleep(20000);
        gateway.reset();
    });
    EXPECT_EQ(sluice_wait(s.get(), 5000), -EPIPE);
    ends.join();
    expect_ended();
}

TEST_F(SluiceEnd, IsSeenByAProgramThatSpins)
{
    gateway.reset();
    int result = 0;
    for (unsigned i = 0; i < 1000 && result == 0; i++)
        result = sluice_receive(s.get(), events, 16);
    EXPECT_EQ(result, -EPIPE);
    expect_ended();
}

TEST_F(SluiceEnd, IsSeenByAnotherLoop)
{
    ASSERT_EQ(sluice_prepare_wait(s.get()), 0);
    gateway.reset();
    pollfd p = {sluice_fd(s.get()), POLLIN, 0};
    EXPECT_EQ(poll(&p, 1, 5000), 1);
    EXPECT_EQ(sluice_receive(s.get(), events, 16), -EPIPE);
}

TEST_F(SluiceEnd, ComesAfterTheLastEvents)
{
    test::put(attachments[1], SL_RING_CLOSE, 7, nullptr, 0, SL_CLOSE_SHUTDOWN);
    test::show(attachments[1]);
    gateway.reset();
    EXPECT_EQ(sluice_wait(s.get(), 5000), 1);
    ASSERT_EQ(sluice_receive(s.get(), events, 16), 1);
    EXPECT_EQ(events[0].reason, SLUICE_CLOSE_SHUTDOWN);
    EXPECT_EQ(sluice_wait(s.get(), 5000), -EPIPE);
}

TEST_F(SluiceEnd, IsClearAfterARestartAndTheNextConnectWorks)
{
    gateway.reset();
    start_gateway(2, 65536, 2);
    EXPECT_EQ(sluice_wait(s.get(), 5000), -EPIPE) << "the old rings belong to nobody";
    s = connect();
    ASSERT_TRUE(gateway->has_attachments(2));
    test::put(gateway->attachments()[0], SL_RING_DATA, 3, "x", 1);
    test::show(gateway->attachments()[0]);
    EXPECT_EQ(sluice_wait(s.get(), 5000), 1);
    EXPECT_EQ(sluice_receive(s.get(), events, 16), 1);
}

TEST_F(SluiceEnd, IsWhatAnEvictedProgramSees)
{
    test::Sluice other = connect();
    ASSERT_TRUE(gateway->has_attachments(4));
    gateway->evict(gateway->list().at(0).consumer);
    EXPECT_EQ(sluice_wait(s.get(), 5000), -EPIPE);
    expect_ended();
    EXPECT_EQ(sluice_wait(other.get(), 0), 0) << "the other one notices nothing";
    EXPECT_TRUE(gateway->has_attachments(2));
}

TEST_F(SluiceEnd, IsAssumedWhenTheHeartbeatHasStopped)
{
    EXPECT_EQ(sluice_prepare_wait(s.get()), 0);
    gateway->stop_polling();
    gateway->poll(test::now_ns() - SL_RING_HEARTBEAT_STALE_NS - 1000000000ULL);
    EXPECT_EQ(sluice_prepare_wait(s.get()), -EPIPE);
}

TEST_F(SluiceEnd, OfAChildThatFreesItsShareIsNotOurs)
{
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        sluice_disconnect(s.release());
        _exit(0);
    }
    waitpid(child, nullptr, 0);
    EXPECT_EQ(sluice_wait(s.get(), 0), 0);
    test::put(attachments[0], SL_RING_DATA, 3, "x", 1);
    std::thread later([this] {
        usleep(20000);
        test::show(attachments[0]);
    });
    EXPECT_EQ(sluice_wait(s.get(), 5000), 1);
    EXPECT_EQ(sluice_receive(s.get(), events, 16), 1);
    later.join();
    EXPECT_EQ(gateway->attachments().size(), 2u);
}

TEST_F(SluiceEnd, IsReachedThroughARingThatIsCorrupt)
{
    auto *words = const_cast<sl_ring_producer_words *>(attachments[0]->receive.own);
    words->head = 12345;
    EXPECT_EQ(sluice_receive(s.get(), events, 16), -EPIPE);
    expect_ended();
}

} // namespace
