extern "C" {
#include "sl_ring.h"
}

#include <errno.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace
{

struct RingDeleter {
    void operator()(sl_ring *ring) const
    {
        sl_ring_destroy(ring);
    }
};

struct RingTest : testing::Test {
    std::unique_ptr<sl_ring, RingDeleter> ring{sl_ring_create(SL_RING_SIZE_MIN)};
    sl_ring_producer *p = sl_ring_producer_of(ring.get());
    sl_ring_consumer *c = sl_ring_consumer_of(ring.get());

    bool put(uint32_t payload_len, uint64_t session)
    {
        sl_ring_entry *entry = sl_ring_reserve(p, payload_len);
        if (entry == nullptr)
            return false;
        entry->kind = SL_RING_DATA;
        entry->session = session;
        memset(entry + 1, (int)(session & 0xff), payload_len);
        sl_ring_commit(p, entry, payload_len);
        return true;
    }

    /** The next entry is the one that put() wrote for this session. */
    void expect_next(uint32_t payload_len, uint64_t session)
    {
        const sl_ring_entry *entry = sl_ring_next(c);
        ASSERT_NE(entry, nullptr);
        EXPECT_EQ(entry->kind, SL_RING_DATA);
        EXPECT_EQ(entry->session, session);
        ASSERT_EQ(entry->len, sizeof *entry + payload_len);
        const uint8_t *payload = reinterpret_cast<const uint8_t *>(entry + 1);
        for (uint32_t i = 0; i < payload_len; i++)
            ASSERT_EQ(payload[i], session & 0xff);
    }
};

} // namespace

TEST_F(RingTest, TellsTheWorkerOfAHandle)
{
    EXPECT_EQ(sl_ring_session_worker(0xfffffffff0000000ULL | 0xa5ULL << 20 | 0xfffff), 0xa5);
}

TEST_F(RingTest, ShowsEntriesOnlyAfterAPublish)
{
    ASSERT_TRUE(put(10, 1));
    EXPECT_FALSE(sl_ring_is_ready(c));
    EXPECT_EQ(sl_ring_next(c), nullptr);
    EXPECT_TRUE(sl_ring_publish(p));
    EXPECT_FALSE(sl_ring_publish(p));
    EXPECT_TRUE(sl_ring_is_ready(c));
    expect_next(10, 1);
    EXPECT_EQ(sl_ring_next(c), nullptr);
    EXPECT_FALSE(c->corrupt);
}

TEST_F(RingTest, KeepsOrderAndBytesOverManyWraps)
{
    uint64_t written = 0, read = 0;
    for (unsigned round = 0; round < 20000; round++) {
        for (unsigned i = 0; i < round % 7; i++)
            if (put((uint32_t)(written * 37 % 900), written))
                written++;
        sl_ring_publish(p);
        for (unsigned i = 0; i < round % 5 && read < written; i++, read++)
            ASSERT_NO_FATAL_FAILURE(expect_next((uint32_t)(read * 37 % 900), read));
        sl_ring_release(c);
    }
    EXPECT_GT(read, 10000u);
    EXPECT_FALSE(p->corrupt);
    EXPECT_FALSE(c->corrupt);
}

TEST_F(RingTest, IsFullUntilTheConsumerGivesRoomBack)
{
    unsigned held = 0;
    while (put(32, held))
        held++;
    EXPECT_EQ(held, SL_RING_SIZE_MIN / SL_RING_ALIGN);
    sl_ring_publish(p);
    expect_next(32, 0);
    EXPECT_FALSE(put(32, held)) << "consumed, but not released";
    sl_ring_release(c);
    EXPECT_TRUE(put(32, held));
    EXPECT_FALSE(put(32, held));
    EXPECT_FALSE(p->corrupt);
}
