#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <random>

#include "raw_consumer.h"
#include "test_gateway.h"

namespace
{

constexpr uint64_t kRing = 65536;
constexpr size_t kLen = SL_RING_DATA_OFF + kRing;

struct RegistryMemory : testing::Test {
    test::TempDir dir;
    std::string path = dir.file("consumers.sock");
    test::Gateway gateway{path, 1, kRing};
    test::RawConsumer consumer{path};
    sl_attachment *attachment = nullptr;

    void SetUp() override
    {
        consumer.say_hello();
        gateway.poll();
        gateway.poll();
        ASSERT_EQ(consumer.hear(), (ssize_t)sizeof consumer.reply);
        attachment = gateway.attachments().at(0);
    }

    void expect_read_only(int fd, size_t len)
    {
        const int shared = MAP_SHARED;
        EXPECT_EQ(mmap(nullptr, len, PROT_READ | PROT_WRITE, shared, fd, 0), MAP_FAILED);
        void *at = mmap(nullptr, len, PROT_READ, shared, fd, 0);
        ASSERT_NE(at, MAP_FAILED);
        EXPECT_NE(mprotect(at, len, PROT_READ | PROT_WRITE), 0);
        munmap(at, len);
        EXPECT_LT(pwrite(fd, "x", 1, 0), 0);
        EXPECT_NE(ftruncate(fd, 0), 0);
        EXPECT_NE(ftruncate(fd, 1 << 20), 0);
        EXPECT_NE(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), 0);
        EXPECT_NE(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);

        std::string name = "/proc/self/fd/" + std::to_string(fd);
        int again = open(name.c_str(), O_RDWR);
        if (again >= 0) {
            EXPECT_EQ(mmap(nullptr, len, PROT_READ | PROT_WRITE, shared, again, 0), MAP_FAILED);
            EXPECT_LT(pwrite(again, "x", 1, 0), 0);
            close(again);
        }
    }
};

TEST_F(RegistryMemory, IsReadOnlyWhereTheGatewayWrites)
{
    expect_read_only(consumer.receive_fd(), kLen);
}

TEST_F(RegistryMemory, HasAnInfoPageThatIsReadOnly)
{
    expect_read_only(consumer.info_fd(), sizeof(sl_ring_info));
}

TEST_F(RegistryMemory, KeepsItsSizeWhereTheConsumerWrites)
{
    int fd = consumer.send_fd();
    EXPECT_NE(ftruncate(fd, 0), 0);
    EXPECT_NE(ftruncate(fd, 1 << 20), 0);
    EXPECT_NE(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
    EXPECT_NE(fallocate(fd, 0, kLen, 4096), 0);
}

/** The consumer's side as the ABI header lays it out. */
struct Mapped {
    sl_ring_client_words *ours;
    const sl_ring_gateway_words *theirs;
    sl_ring_consumer receive;
    sl_ring_producer send;

    explicit Mapped(const test::RawConsumer &consumer)
    {
        theirs = static_cast<sl_ring_gateway_words *>(
            mmap(nullptr, kLen, PROT_READ, MAP_SHARED, consumer.receive_fd(), 0));
        ours = static_cast<sl_ring_client_words *>(
            mmap(nullptr, kLen, PROT_READ | PROT_WRITE, MAP_SHARED, consumer.send_fd(), 0));
        sl_ring_consumer_init(&receive, &ours->receive, &theirs->receive,
                              reinterpret_cast<const uint8_t *>(theirs) + SL_RING_DATA_OFF, kRing);
        sl_ring_producer_init(&send, &ours->send, &theirs->send,
                              reinterpret_cast<uint8_t *>(ours) + SL_RING_DATA_OFF, kRing);
    }
    ~Mapped()
    {
        munmap(const_cast<sl_ring_gateway_words *>(theirs), kLen);
        munmap(ours, kLen);
    }
};

TEST_F(RegistryMemory, CarriesEntriesBothWays)
{
    Mapped mapped(consumer);
    uint8_t payload[2000];
    sl_ring_taken taken;
    for (unsigned i = 0; i < 1000; i++) {
        memset(payload, (int)i, sizeof payload);
        ASSERT_TRUE(test::put(attachment, SL_RING_DATA, i, payload, i));
        test::show(attachment);
        const sl_ring_entry *entry = sl_ring_next(&mapped.receive);
        ASSERT_NE(entry, nullptr);
        ASSERT_EQ(entry->session, i);
        ASSERT_EQ(memcmp(entry + 1, payload, i), 0);
        sl_ring_release(&mapped.receive);

        sl_ring_entry *out = sl_ring_reserve(&mapped.send, i);
        ASSERT_NE(out, nullptr);
        out->kind = SL_RING_SEND;
        out->session = i;
        sl_ring_commit(&mapped.send, out, i);
        sl_ring_publish(&mapped.send);
        ASSERT_EQ(sl_ring_take(&attachment->send, &taken), 1);
        ASSERT_EQ(taken.session, i);
        ASSERT_EQ(taken.payload_len, i);
        sl_ring_release(&attachment->send);
    }
}

TEST_F(RegistryMemory, SurvivesHolesPunchedWhileTheWorkerReads)
{
    Mapped mapped(consumer);
    sl_ring_taken taken;
    uint8_t payload[1024];
    unsigned bad = 0;
    for (unsigned i = 0; i < 200; i++) {
        sl_ring_entry *out = sl_ring_reserve(&mapped.send, 500);
        if (out == nullptr)
            break;
        out->kind = SL_RING_SEND;
        sl_ring_commit(&mapped.send, out, 500);
        sl_ring_publish(&mapped.send);
        off_t hole = (off_t)(SL_RING_DATA_OFF + (i * 4096) % kRing);
        ASSERT_EQ(
            fallocate(consumer.send_fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, hole, 4096),
            0);
        int result = sl_ring_take(&attachment->send, &taken);
        if (result == 1)
            memcpy(payload, taken.payload, std::min<size_t>(taken.payload_len, sizeof payload));
        sl_ring_release(&attachment->send);
        bad += result == -EBADMSG;
    }
    EXPECT_GT(bad, 0u) << "zeros are no entry";
    EXPECT_TRUE(attachment->send.corrupt);

    /* The words are gone too: what the gateway has published can't be given back any more. */
    for (unsigned i = 0; i < 100; i++)
        test::put(attachment, SL_RING_DATA, i, payload, 500);
    test::show(attachment);
    while (sl_ring_next(&mapped.receive) != nullptr)
        continue;
    sl_ring_release(&mapped.receive);
    for (unsigned i = 0; i < 100; i++)
        test::put(attachment, SL_RING_DATA, i, payload, 500);
    ASSERT_EQ(fallocate(consumer.send_fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096),
              0);
    for (unsigned i = 0; i < 1000; i++)
        test::put(attachment, SL_RING_DATA, i, payload, 500);
    EXPECT_TRUE(attachment->receive.corrupt) << "an index that went back evicts";
}

TEST_F(RegistryMemory, SurvivesAConsumerThatScribblesOnAllItMayWrite)
{
    auto *bytes = static_cast<uint8_t *>(
        mmap(nullptr, kLen, PROT_READ | PROT_WRITE, MAP_SHARED, consumer.send_fd(), 0));
    std::mt19937_64 random(7);
    sl_ring_taken taken;
    uint8_t payload[512];
    for (unsigned round = 0; round < 3000; round++) {
        for (unsigned i = 0; i < 512; i++)
            bytes[random() % (round % 2 == 0 ? 512 : kLen)] = (uint8_t)random();
        if (round % 3 == 0) /* an index that could be */
            *reinterpret_cast<uint64_t *>(bytes + 256) =
                attachment->send.tail + random() % 64 * SL_RING_ALIGN;
        const uint8_t *data = attachment->send.data;
        for (unsigned i = 0; i < 100 && sl_ring_take(&attachment->send, &taken) == 1; i++) {
            ASSERT_LE(taken.payload + taken.payload_len, data + attachment->send.size);
            memcpy(payload, taken.payload, std::min<size_t>(taken.payload_len, sizeof payload));
        }
        sl_ring_release(&attachment->send);
        test::put(attachment, SL_RING_DATA, round, payload, round % 512);
        test::show(attachment);
        attachment->send.corrupt = attachment->receive.corrupt = false; /* let it go on */
    }
    munmap(bytes, kLen);
}

} // namespace
