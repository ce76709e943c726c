#include <poll.h>
#include <signal.h>

#include "consumer_fixture.h"
#include "let_others_run.h"

namespace
{

struct SluiceWait : test::ConsumerTest {
    test::Sluice s;
    std::vector<sl_attachment *> attachments;
    sluice_event events[16];

    void connect_to(unsigned workers)
    {
        start_gateway(workers);
        s = connect();
        ASSERT_TRUE(gateway->has_attachments(workers));
        attachments = gateway->attachments();
    }

    bool is_readable()
    {
        pollfd p = {sluice_fd(s.get()), POLLIN, 0};
        return poll(&p, 1, 0) == 1;
    }
};

TEST_F(SluiceWait, TimesOut)
{
    connect_to(2);
    EXPECT_EQ(sluice_wait(s.get(), 0), 0);
    uint64_t start = test::now_ns();
    EXPECT_EQ(sluice_wait(s.get(), 30), 0);
    EXPECT_GE(test::now_ns() - start, 30000000ULL);
    EXPECT_FALSE(sl_ring_is_sleeping(&attachments[0]->receive)) << "nobody is to be woken now";
}

TEST_F(SluiceWait, ReturnsAtOnceWhenSomethingIsThere)
{
    connect_to(2);
    test::put(attachments[1], SL_RING_DATA, 1, "x", 1);
    test::show(attachments[1]);
    EXPECT_EQ(sluice_wait(s.get(), -1), 1);
    EXPECT_EQ(sluice_wait(s.get(), -1), 1) << "until it is received";
    EXPECT_EQ(sluice_receive(s.get(), events, 16), 1);
}

TEST_F(SluiceWait, IsWokenByAMessageFromAnyWorker)
{
    connect_to(2);
    for (unsigned i = 0; i < 200; i++) {
        std::thread worker([&, i] {
            usleep(i % 10 * 50);
            sl_attachment *attachment = attachments[i % 2];
            test::put(attachment, SL_RING_DATA, i, "x", 1);
            test::show(attachment);
        });
        int result = sluice_wait(s.get(), 5000);
        worker.join();
        ASSERT_EQ(result, 1);
        ASSERT_EQ(sluice_receive(s.get(), events, 16), 1);
        ASSERT_EQ(events[0].session, i);
    }
}

TEST_F(SluiceWait, IsNotReturnedFromByAWakeUpWithNothingBehindIt)
{
    connect_to(1);
    std::thread worker([&] {
        EXPECT_TRUE(test::eventually([&] {
            __atomic_thread_fence(__ATOMIC_SEQ_CST);
            return sl_attachment_wake(attachments[0], test::now_ns());
        }));
    });
    EXPECT_EQ(sluice_wait(s.get(), 100), 0);
    worker.join();
}

TEST_F(SluiceWait, IsInterruptedBySignals)
{
    connect_to(1);
    struct sigaction action {
    };
    action.sa_handler = [](int) {};
    sigaction(SIGUSR2, &action, nullptr);
    std::atomic<bool> done{false};
    pthread_t self = pthread_self();
    std::thread other([&] {
        for (; !done; usleep(1000))
            pthread_kill(self, SIGUSR2);
    });
    EXPECT_EQ(sluice_wait(s.get(), 5000), -EINTR);
    done = true;
    other.join();
}

TEST_F(SluiceWait, GivesADescriptorForOtherLoops)
{
    connect_to(2);
    EXPECT_EQ(sluice_prepare_wait(s.get()), 0);
    EXPECT_FALSE(is_readable());
    test::put(attachments[1], SL_RING_DATA, 1, "x", 1);
    EXPECT_TRUE(test::show(attachments[1]));
    EXPECT_TRUE(is_readable());
    EXPECT_EQ(sluice_receive(s.get(), events, 16), 1);
    EXPECT_FALSE(is_readable()) << "the receive cleared it";

    test::put(attachments[0], SL_RING_DATA, 2, "x", 1);
    EXPECT_FALSE(test::show(attachments[0])) << "not asleep, not woken";
    EXPECT_EQ(sluice_prepare_wait(s.get()), 1);
    EXPECT_EQ(sluice_receive(s.get(), events, 16), 1);
}

/** Messages one by one to a program that sleeps between them: each wake-up lost would hang it. */
TEST_F(SluiceWait, NeverLosesAWakeUp)
{
    constexpr uint64_t kMessages = 20000;
    connect_to(2);
    std::atomic<uint64_t> received{0};
    std::thread worker([&] {
        for (uint64_t i = 0; i < kMessages; i++) {
            sl_attachment *attachment = attachments[i % 2];
            while (!test::put(attachment, SL_RING_DATA, i, "x", 1))
                usleep(10);
            test::show(attachment);
            while (i % 3 == 0 && received <= i) /* let it fall asleep */
                let_others_run();
        }
    });
    while (received < kMessages) {
        ASSERT_EQ(sluice_wait(s.get(), 10000), 1) << "after " << received;
        for (int count; (count = sluice_receive(s.get(), events, 16)) > 0;)
            received += (uint64_t)count;
    }
    worker.join();
}

} // namespace
