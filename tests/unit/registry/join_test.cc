#include <poll.h>
#include <sys/stat.h>

#include "raw_consumer.h"
#include "test_gateway.h"

namespace
{

struct RegistryJoin : testing::Test {
    test::TempDir dir;
    std::string path = dir.file("consumers.sock");
    test::Gateway gateway{path, 2};

    /** What the gateway does with one packet: closes (0), or answers. */
    ssize_t answer_to(const void *bytes, size_t len)
    {
        test::RawConsumer consumer(path);
        consumer.say(bytes, len);
        gateway.poll();
        gateway.poll();
        ssize_t heard = consumer.hear();
        EXPECT_TRUE(gateway.attachments().empty());
        return heard;
    }
};

TEST_F(RegistryJoin, HandsOutRingsForEveryWorker)
{
    test::RawConsumer consumer(path);
    consumer.say_hello("relay");
    gateway.poll();
    gateway.poll();
    ASSERT_EQ(consumer.hear(), (ssize_t)sizeof consumer.reply);
    EXPECT_EQ(consumer.reply.status, SL_RING_STATUS_OK);
    EXPECT_EQ(consumer.reply.abi_version, (uint32_t)SL_RING_ABI_VERSION);
    EXPECT_EQ(consumer.reply.worker_count, 2u);
    EXPECT_EQ(consumer.reply.ring_size, 65536u);
    EXPECT_EQ(consumer.reply.generation, 1u);
    EXPECT_EQ(consumer.fds.size(), 6u);

    auto attachments = gateway.attachments();
    ASSERT_EQ(attachments.size(), 2u);
    for (unsigned i = 0; i < 2; i++) {
        EXPECT_EQ(attachments[i]->worker, i);
        EXPECT_EQ(attachments[i]->service, 1);
        EXPECT_EQ(attachments[i]->consumer, consumer.reply.consumer);
    }
}

TEST_F(RegistryJoin, KnowsWhoTheConsumerIs)
{
    test::RawConsumer consumer(path);
    consumer.say_hello();
    gateway.poll();
    gateway.poll();
    auto list = gateway.list();
    ASSERT_EQ(list.size(), 1u);
    EXPECT_EQ(list[0].pid, getpid());
    EXPECT_EQ(list[0].uid, getuid());
    EXPECT_EQ(list[0].service, 0);
}

TEST_F(RegistryJoin, BecomesReadableWhenSomebodyComes)
{
    pollfd p = {sl_registry_fd(gateway.registry), POLLIN, 0};
    EXPECT_EQ(::poll(&p, 1, 0), 0);
    test::RawConsumer consumer(path);
    EXPECT_EQ(::poll(&p, 1, 0), 1);
    gateway.poll();
    EXPECT_EQ(::poll(&p, 1, 0), 0);
    consumer.say_hello();
    EXPECT_EQ(::poll(&p, 1, 0), 1);
}

TEST_F(RegistryJoin, AnswersAnUnknownServiceWithoutRings)
{
    test::RawConsumer consumer(path);
    consumer.say_hello("nothing");
    gateway.poll();
    gateway.poll();
    ASSERT_EQ(consumer.hear(), (ssize_t)sizeof consumer.reply);
    EXPECT_EQ(consumer.reply.status, SL_RING_STATUS_SERVICE);
    EXPECT_TRUE(consumer.fds.empty());
    EXPECT_EQ(consumer.hear(), 0) << "and closes";
    EXPECT_TRUE(gateway.attachments().empty());
}

TEST_F(RegistryJoin, TellsItsVersionToAConsumerOfAnother)
{
    sl_ring_hello hello = test::hello_for("echo");
    hello.abi_version = SL_RING_ABI_VERSION + 1;
    for (size_t len : {(size_t)12, sizeof hello}) {
        test::RawConsumer consumer(path);
        consumer.say(&hello, len);
        gateway.poll();
        gateway.poll();
        ASSERT_EQ(consumer.hear(), (ssize_t)sizeof consumer.reply);
        EXPECT_EQ(consumer.reply.status, SL_RING_STATUS_ABI);
        EXPECT_EQ(consumer.reply.abi_version, (uint32_t)SL_RING_ABI_VERSION);
    }
}

TEST_F(RegistryJoin, ClosesOnAHelloThatIsNone)
{
    sl_ring_hello hello = test::hello_for("echo");
    EXPECT_EQ(answer_to(&hello, sizeof hello - 1), 0);
    EXPECT_EQ(answer_to(&hello, 1), 0);
    uint8_t longer[sizeof hello + 1] = {};
    memcpy(longer, &hello, sizeof hello);
    EXPECT_EQ(answer_to(longer, sizeof longer), 0);

    hello.magic++;
    EXPECT_EQ(answer_to(&hello, sizeof hello), 0);
    hello = test::hello_for("echo");
    memset(hello.service, 'x', sizeof hello.service);
    EXPECT_EQ(answer_to(&hello, sizeof hello), 0) << "a name without an end";
}

TEST_F(RegistryJoin, ClosesConnectionsThatStaySilent)
{
    test::RawConsumer consumer(path);
    uint64_t now = test::now_ns();
    gateway.poll(now);
    gateway.poll(now + 1000000000ULL);
    EXPECT_EQ(consumer.hear(), -1);
    gateway.poll(now + 3000000000ULL);
    EXPECT_EQ(consumer.hear(), 0);
}

TEST_F(RegistryJoin, LetsOthersWaitBehindABoundedNumberOfSilentOnes)
{
    std::vector<std::unique_ptr<test::RawConsumer>> silent;
    for (unsigned i = 0; i < 16; i++)
        silent.push_back(std::make_unique<test::RawConsumer>(path));
    uint64_t now = test::now_ns();
    gateway.poll(now);
    test::RawConsumer late(path);
    late.say_hello();
    gateway.poll(now);
    gateway.poll(now);
    EXPECT_EQ(late.hear(), -1);
    pollfd p = {sl_registry_fd(gateway.registry), POLLIN, 0};
    EXPECT_EQ(::poll(&p, 1, 0), 0) << "nothing can be done now, so nothing is readable";
    gateway.poll(now + 3000000000ULL);
    gateway.poll(now + 3000000000ULL);
    EXPECT_EQ(late.hear(), (ssize_t)sizeof late.reply);
    EXPECT_EQ(late.reply.status, SL_RING_STATUS_OK);
}

/** A consumer of another user; only root can make one. */
std::unique_ptr<test::RawConsumer> consumer_of(uid_t uid, const std::string &path)
{
    EXPECT_EQ(seteuid(uid), 0);
    auto consumer = std::make_unique<test::RawConsumer>(path); // the kernel notes who connects
    EXPECT_EQ(seteuid(0), 0);
    return consumer;
}

TEST_F(RegistryJoin, OneUserCanNotTakeAllThePlaces)
{
    if (geteuid() != 0)
        GTEST_SKIP() << "only root can be somebody else";
    const std::string limited = dir.file("limited.sock");
    test::Gateway quota{limited, 1, 65536, 1, true, 2};
    ASSERT_EQ(chmod(limited.c_str(), 0666), 0);
    ASSERT_EQ(chmod(dir.path.c_str(), 0755), 0);
    std::vector<std::unique_ptr<test::RawConsumer>> consumers;
    auto status_of = [&](uid_t uid) {
        consumers.push_back(consumer_of(uid, limited));
        consumers.back()->say_hello();
        quota.poll();
        quota.poll();
        EXPECT_EQ(consumers.back()->hear(), (ssize_t)sizeof(sl_ring_reply));
        return consumers.back()->reply.status;
    };
    EXPECT_EQ(status_of(1234), SL_RING_STATUS_OK);
    EXPECT_EQ(status_of(1234), SL_RING_STATUS_OK);
    EXPECT_EQ(status_of(1234), SL_RING_STATUS_FULL);
    EXPECT_EQ(status_of(1235), SL_RING_STATUS_OK) << "another user has his own";
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(status_of(0), SL_RING_STATUS_OK) << "root is not counted";
    consumers[0]->leave();
    quota.poll();
    EXPECT_EQ(status_of(1234), SL_RING_STATUS_OK) << "who leaves makes room";
}

TEST_F(RegistryJoin, RefusesMoreConsumersThanItHasRoomFor)
{
    std::vector<std::unique_ptr<test::RawConsumer>> consumers;
    for (unsigned i = 0; i < SL_CONSUMERS_MAX + 1; i++) {
        consumers.push_back(std::make_unique<test::RawConsumer>(path));
        consumers.back()->say_hello();
        gateway.poll();
        gateway.poll();
        ASSERT_EQ(consumers.back()->hear(), (ssize_t)sizeof(sl_ring_reply));
        ASSERT_EQ(consumers.back()->reply.status,
                  i < SL_CONSUMERS_MAX ? SL_RING_STATUS_OK : SL_RING_STATUS_FULL);
    }
    EXPECT_EQ(gateway.list().size(), (size_t)SL_CONSUMERS_MAX);
    consumers[5]->leave();
    gateway.poll();
    test::RawConsumer next(path);
    next.say_hello();
    gateway.poll();
    gateway.poll();
    ASSERT_EQ(next.hear(), (ssize_t)sizeof next.reply);
    EXPECT_EQ(next.reply.consumer, 5u) << "the room that became free";
}

TEST_F(RegistryJoin, SurvivesAConsumerThatLeavesBeforeTheAnswer)
{
    for (unsigned i = 0; i < 100; i++) {
        test::RawConsumer consumer(path);
        consumer.say_hello();
        if (i % 2 == 0)
            gateway.poll();
        consumer.leave();
        gateway.poll();
        gateway.poll();
        gateway.poll();
        ASSERT_TRUE(gateway.attachments().empty());
    }
    EXPECT_TRUE(gateway.list().empty());
}

} // namespace
