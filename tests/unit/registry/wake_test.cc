#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "raw_consumer.h"
#include "test_gateway.h"

namespace
{

constexpr uint64_t kLater = 1000000000ULL;

struct AttachmentWake : testing::Test {
    test::TempDir dir;
    std::string path = dir.file("consumers.sock");
    test::Gateway gateway{path, 2};
    test::RawConsumer consumer{path};
    std::vector<sl_attachment *> attachments;
    std::vector<uint32_t *> sleeping;

    void SetUp() override
    {
        consumer.say_hello();
        gateway.poll();
        gateway.poll();
        ASSERT_EQ(consumer.hear(), (ssize_t)sizeof consumer.reply);
        attachments = gateway.attachments();
        for (unsigned i = 0; i < 2; i++) {
            void *at = mmap(nullptr, SL_RING_DATA_OFF, PROT_READ | PROT_WRITE, MAP_SHARED,
                            consumer.send_fd(i), 0);
            ASSERT_NE(at, MAP_FAILED);
            sleeping.push_back(&static_cast<sl_ring_client_words *>(at)->receive.sleeping);
        }
    }
    void TearDown() override
    {
        for (uint32_t *word : sleeping)
            munmap(reinterpret_cast<uint8_t *>(word) - 128, SL_RING_DATA_OFF);
    }

    ssize_t drain()
    {
        char bytes[4096];
        return read(consumer.wake_fd(), bytes, sizeof bytes);
    }
};

TEST_F(AttachmentWake, WritesOneByteToAConsumerThatSleeps)
{
    EXPECT_FALSE(sl_attachment_wake(attachments[0], kLater));
    EXPECT_EQ(drain(), -1);
    *sleeping[0] = 1;
    EXPECT_TRUE(sl_attachment_wake(attachments[0], kLater));
    EXPECT_FALSE(attachments[0]->wake_due);
    EXPECT_EQ(drain(), 1);
    EXPECT_FALSE(sl_attachment_wake(attachments[1], 2 * kLater)) << "not asleep on that ring";
}

TEST_F(AttachmentWake, PutsOffAWakeUpThatComesTooSoon)
{
    *sleeping[0] = *sleeping[1] = 1;
    EXPECT_TRUE(sl_attachment_wake(attachments[0], kLater));
    EXPECT_FALSE(sl_attachment_wake(attachments[0], kLater + SL_WAKE_INTERVAL_NS - 1));
    EXPECT_TRUE(attachments[0]->wake_due);
    EXPECT_FALSE(sl_attachment_wake(attachments[1], kLater + 1)) << "one limit for all workers";
    EXPECT_TRUE(attachments[1]->wake_due);
    EXPECT_EQ(drain(), 1);

    EXPECT_TRUE(sl_attachment_wake(attachments[0], kLater + SL_WAKE_INTERVAL_NS));
    EXPECT_FALSE(attachments[0]->wake_due);
    *sleeping[1] = 0;
    EXPECT_FALSE(sl_attachment_wake(attachments[1], kLater + SL_WAKE_INTERVAL_NS + 1));
    EXPECT_FALSE(attachments[1]->wake_due) << "it woke by itself";
}

TEST_F(AttachmentWake, IsNotBlockedByAConsumerThatNeverReadsIt)
{
    *sleeping[0] = 1;
    unsigned written = 0;
    uint64_t now = kLater, start = test::now_ns();
    for (unsigned i = 0; i < 100000; i++, now += SL_WAKE_INTERVAL_NS)
        written += sl_attachment_wake(attachments[0], now);
    EXPECT_GT(written, 0u);
    EXPECT_LT(written, 100000u) << "it is full, and that is the consumer's business";
    EXPECT_LT(test::now_ns() - start, 10000000000ULL);
}

TEST_F(AttachmentWake, IsNotDisturbedByWhatTheConsumerDoesWithItsEnd)
{
    *sleeping[0] = 1;
    int flags = fcntl(consumer.wake_fd(), F_GETFL);
    fcntl(consumer.wake_fd(), F_SETFL, flags & ~O_NONBLOCK);
    char bytes[4096] = {};
    EXPECT_LT(send(consumer.wake_fd(), bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT), 0);
    EXPECT_TRUE(sl_attachment_wake(attachments[0], kLater));
    shutdown(consumer.wake_fd(), SHUT_RDWR);
    EXPECT_FALSE(sl_attachment_wake(attachments[0], 2 * kLater));
    close(consumer.wake_fd());
    consumer.fds[1] = open("/dev/null", O_RDONLY);
    EXPECT_FALSE(sl_attachment_wake(attachments[0], 3 * kLater)) << "and no SIGPIPE";
}

/** A page whose first touch takes as long as its owner wants. fd -1: not allowed here. */
class SlowPage
{
  public:
    SlowPage()
    {
        at = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
        uffdio_api api{};
        api.api = UFFD_API;
        uffdio_register range{};
        range.range = {reinterpret_cast<uintptr_t>(at), 4096};
        range.mode = UFFDIO_REGISTER_MODE_MISSING;
        if (fd >= 0 &&
            (ioctl(fd, UFFDIO_API, &api) != 0 || ioctl(fd, UFFDIO_REGISTER, &range) != 0))
            abort();
    }
    ~SlowPage()
    {
        munmap(at, 4096);
        if (fd >= 0)
            close(fd);
    }
    void resolve()
    {
        uffdio_zeropage zero{};
        zero.range = {reinterpret_cast<uintptr_t>(at), 4096};
        ioctl(fd, UFFDIO_ZEROPAGE, &zero);
    }
    void *at;
    int fd;
};

/** Not so with a pipe: its mutex is held while the reader's page is missing. */
TEST_F(AttachmentWake, DoesNotWaitForAReaderThatStallsInAPageFault)
{
    struct stat status;
    ASSERT_EQ(fstat(attachments[0]->wake_fd, &status), 0);
    EXPECT_TRUE(S_ISSOCK(status.st_mode));

    SlowPage page;
    *sleeping[0] = 1;
    ASSERT_TRUE(sl_attachment_wake(attachments[0], kLater));
    std::thread reader([&] { (void)!read(consumer.wake_fd(), page.at, 16); });
    usleep(50000);
    std::atomic<bool> is_back{false};
    std::thread resolver([&] {
        test::eventually([&] { return is_back.load(); });
        page.resolve();
    });
    uint64_t start = test::now_ns();
    EXPECT_TRUE(sl_attachment_wake(attachments[0], 2 * kLater));
    EXPECT_LT(test::now_ns() - start, 5000000000ULL);
    is_back = true;
    resolver.join();
    reader.join();
}

/** Each of them waits for the consumer's end a thousand times over. */
class Watchers
{
  public:
    Watchers(int fd, unsigned count)
    {
        for (unsigned i = 0; i < count; i++)
            threads_.emplace_back([this, fd] {
                std::vector<pollfd> all(1000, pollfd{fd, POLLIN, 0});
                char bytes[64];
                while (!stop_)
                    if (poll(all.data(), all.size(), 100) > 0)
                        (void)!read(fd, bytes, sizeof bytes);
            });
    }
    ~Watchers()
    {
        stop_ = true;
        for (std::thread &thread : threads_)
            thread.join();
    }

  private:
    std::atomic<bool> stop_{false};
    std::vector<std::thread> threads_;
};

/** The kernel tells every waiter, in the time of whoever sends: 1.5 ms for 20,000 of them. */
TEST_F(AttachmentWake, SpendsNoMoreThanATenthOfTheTimeOnAConsumerWhoseWakeUpsAreDear)
{
    Watchers watchers(consumer.wake_fd(), 20);
    *sleeping[0] = 1;
    uint64_t now = kLater;
    bool is_put_off = test::eventually([&] {
        now += SL_WAKE_INTERVAL_NS;
        sl_attachment_wake(attachments[0], now);
        return attachments[0]->wake_due;
    });
    EXPECT_TRUE(is_put_off);
    while (drain() > 0)
        continue;
    EXPECT_TRUE(sl_attachment_wake(attachments[0], now + 60 * kLater)) << "later, not never";
}

TEST_F(AttachmentWake, WakesNobodyWhereThereIsNoLimit)
{
    *sleeping[0] = 1;
    attachments[0]->wake_gate = nullptr;
    EXPECT_FALSE(sl_attachment_wake(attachments[0], kLater));
    EXPECT_EQ(drain(), -1);
}

} // namespace
