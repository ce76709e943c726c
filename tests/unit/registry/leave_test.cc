#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "raw_consumer.h"
#include "test_gateway.h"

namespace
{

struct RegistryLeave : testing::Test {
    test::TempDir dir;
    std::string path = dir.file("consumers.sock");
    test::Gateway gateway{path, 2, 65536, 1, false};

    void join(test::RawConsumer &consumer)
    {
        consumer.say_hello();
        gateway.poll();
        gateway.poll();
        ASSERT_EQ(consumer.hear(), (ssize_t)sizeof consumer.reply);
        ASSERT_EQ(consumer.reply.status, SL_RING_STATUS_OK);
    }
};

TEST_F(RegistryLeave, AsksEveryWorkerForItsAttachmentAndFreesWhenAllAreBack)
{
    test::RawConsumer first(path), second(path);
    join(first);
    join(second);
    EXPECT_NE(first.reply.consumer, second.reply.consumer);
    EXPECT_EQ(gateway.attachments().size(), 4u);

    auto held = gateway.attachments();
    first.leave();
    gateway.poll();
    EXPECT_EQ(gateway.detached_count(), 2u);
    EXPECT_EQ(gateway.list().size(), 1u);
    EXPECT_TRUE(test::put(held[0], SL_RING_DATA, 1, "x", 1)) << "a worker may still write";
    EXPECT_FALSE(test::show(held[0]));

    gateway.give_back_one();
    test::RawConsumer third(path);
    join(third);
    EXPECT_EQ(third.reply.consumer, 2u) << "the index is not free before both workers are done";
    gateway.give_back_one();
    test::RawConsumer fourth(path);
    join(fourth);
    EXPECT_EQ(fourth.reply.consumer, first.reply.consumer);
}

TEST_F(RegistryLeave, NoticesAConsumerThatWasKilled)
{
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        test::RawConsumer consumer(path);
        consumer.say_hello();
        for (;;)
            pause();
    }
    ASSERT_TRUE(test::eventually([&] {
        gateway.poll();
        return gateway.attachments().size() == 2;
    }));
    EXPECT_EQ(gateway.list().at(0).pid, child);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_TRUE(test::eventually([&] {
        gateway.poll();
        return gateway.detached_count() == 2;
    }));
}

TEST_F(RegistryLeave, EvictsOneAndLeavesTheOther)
{
    test::RawConsumer bad(path), good(path);
    join(bad);
    join(good);
    gateway.evict(bad.reply.consumer);
    gateway.evict(bad.reply.consumer);
    gateway.evict(12345);
    EXPECT_EQ(gateway.detached_count(), 2u);
    EXPECT_EQ(bad.hear(), 0) << "it sees the end";
    EXPECT_EQ(good.hear(), -1);
    EXPECT_EQ(gateway.attachments().size(), 2u);
}

TEST_F(RegistryLeave, EvictsWhoTalksAfterTheHello)
{
    test::RawConsumer consumer(path);
    join(consumer);
    consumer.say_hello();
    gateway.poll();
    EXPECT_EQ(gateway.detached_count(), 2u);
}

TEST_F(RegistryLeave, ShowsItsEndInTheInfoPage)
{
    test::RawConsumer consumer(path);
    auto own = std::make_unique<test::Gateway>(dir.file("other.sock"), 1, 65536, 99);
    test::RawConsumer other(dir.path + "/other.sock");
    other.say_hello();
    own->poll();
    own->poll();
    ASSERT_EQ(other.hear(), (ssize_t)sizeof other.reply);
    void *at = mmap(nullptr, sizeof(sl_ring_info), PROT_READ, MAP_SHARED, other.info_fd(), 0);
    ASSERT_NE(at, MAP_FAILED);
    const volatile sl_ring_info *info = static_cast<sl_ring_info *>(at);
    EXPECT_EQ(info->magic, SL_RING_MAGIC);
    EXPECT_EQ(info->generation, 99u);
    EXPECT_EQ(info->payload_max, 1400u);
    uint64_t heartbeat = info->heartbeat_ns;
    own->poll();
    EXPECT_GT(info->heartbeat_ns, heartbeat);
    own.reset();
    EXPECT_EQ(info->generation, 0u);
    EXPECT_EQ(other.hear(), 0);
    munmap(at, sizeof(sl_ring_info));
}

} // namespace
