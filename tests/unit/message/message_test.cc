extern "C" {
#include "sl_message.h"
}

#include <gtest/gtest.h>

#include <memory>

namespace
{

struct RingDeleter {
    void operator()(sl_ring *ring) const
    {
        sl_ring_destroy(ring);
    }
};

struct MessageTest : testing::Test {
    std::unique_ptr<sl_ring, RingDeleter> ring{sl_ring_create(65536)};
    sl_ring_producer *to = sl_ring_producer_of(ring.get());
    sl_ring_consumer *from = sl_ring_consumer_of(ring.get());
    sl_message message{};
};

} // namespace

TEST_F(MessageTest, ArrivesAfterAFlushWithItsBytesBehindTheFixedPart)
{
    struct sl_message_send head {
    };
    head.count = 1;
    head.bytes_len = 5;
    ASSERT_TRUE(sl_message_send(to, SL_MESSAGE_SEND, 77, &head, sizeof head, "\x16\0\0\1A", 5));
    EXPECT_FALSE(sl_message_receive(from, &message));
    EXPECT_TRUE(sl_message_flush(to));
    ASSERT_TRUE(sl_message_receive(from, &message));
    EXPECT_EQ(message.kind, SL_MESSAGE_SEND);
    EXPECT_EQ(message.session, 77u);
    ASSERT_EQ(message.body_len, sizeof head + 5);
    const auto *got = static_cast<const struct sl_message_send *>(message.body);
    EXPECT_EQ(got->count, 1);
    EXPECT_EQ(memcmp(got->bytes, "\x16\0\0\1A", 5), 0);
    EXPECT_FALSE(sl_message_receive(from, &message));
}

TEST_F(MessageTest, CarriesNoBodyWhereThereIsNone)
{
    ASSERT_TRUE(sl_message_send(to, SL_MESSAGE_STOP, 0, nullptr, 0, nullptr, 0));
    sl_message_flush(to);
    ASSERT_TRUE(sl_message_receive(from, &message));
    EXPECT_EQ(message.kind, SL_MESSAGE_STOP);
    EXPECT_EQ(message.body_len, 0u);
}

TEST_F(MessageTest, IsRefusedWholeWhenTheRingIsFull)
{
    sl_message_abort abort{};
    unsigned sent = 0;
    while (sl_message_send(to, SL_MESSAGE_ABORT, sent, &abort, sizeof abort, nullptr, 0))
        sent++;
    sl_message_flush(to);
    unsigned received = 0;
    for (; sl_message_receive(from, &message); received++)
        EXPECT_EQ(message.session, received);
    EXPECT_EQ(received, sent);
}

TEST_F(MessageTest, WipesKeysInTheRing)
{
    sl_message_keys keys;
    memset(&keys, 0xaa, sizeof keys);
    ASSERT_TRUE(sl_message_send(to, SL_MESSAGE_KEYS, 1, &keys, sizeof keys, nullptr, 0));
    sl_message_flush(to);
    ASSERT_TRUE(sl_message_receive(from, &message));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(message.body) % 8, 0u);
    sl_message_wipe(&message);
    const auto *bytes = static_cast<const uint8_t *>(message.body);
    for (uint32_t i = 0; i < message.body_len; i++)
        ASSERT_EQ(bytes[i], 0);
}

TEST(MessageParts, AreWalkedToTheEnd)
{
    const uint8_t bytes[] = {22, 0, 0, 2, 'a', 'b', 20, 0, 0, 0, 22, 1, 0, 1, 'c'};
    sl_reader reader = sl_reader_of(bytes, sizeof bytes);
    sl_message_part part;
    ASSERT_TRUE(sl_message_next_part(&reader, &part));
    EXPECT_EQ(part.type, 22);
    EXPECT_EQ(part.len, 2);
    EXPECT_EQ(memcmp(part.bytes, "ab", 2), 0);
    ASSERT_TRUE(sl_message_next_part(&reader, &part));
    EXPECT_EQ(part.type, 20);
    EXPECT_EQ(part.len, 0);
    ASSERT_TRUE(sl_message_next_part(&reader, &part));
    EXPECT_EQ(part.epoch, 1);
    EXPECT_EQ(part.bytes[0], 'c');
    EXPECT_FALSE(sl_message_next_part(&reader, &part));
    EXPECT_FALSE(reader.failed);
}

TEST(MessageParts, EndAtOneThatIsCutShort)
{
    const uint8_t bytes[] = {22, 0, 0, 3, 'a', 'b'};
    sl_reader reader = sl_reader_of(bytes, sizeof bytes);
    sl_message_part part;
    EXPECT_FALSE(sl_message_next_part(&reader, &part));
    EXPECT_TRUE(reader.failed);
    reader = sl_reader_of(bytes, 3);
    EXPECT_FALSE(sl_message_next_part(&reader, &part));
    EXPECT_TRUE(reader.failed);
    EXPECT_FALSE(sl_message_next_part(&reader, &part));
}
