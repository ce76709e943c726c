#include "let_others_run.h"
#include "ring_fixture.h"

namespace
{

struct RingTest : test::RingTest {
};

constexpr uint32_t kHeader = sizeof(sl_ring_entry);

TEST(RingSession, TellsTheWorkerOfAHandle)
{
    EXPECT_EQ(sl_ring_session_worker(0xfffffffff0000000ULL | 0xa5ULL << 20 | 0xfffff), 0xa5);
}

TEST(RingCreate, RefusesSizesThatAreNoPowerOfTwo)
{
    for (uint64_t size : {0ULL, 64ULL, 2048ULL, 4097ULL, 12288ULL, 1ULL << 63}) {
        errno = 0;
        EXPECT_EQ(sl_ring_create(size), nullptr);
        EXPECT_EQ(errno, EINVAL);
    }
    sl_ring_destroy(nullptr);
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

TEST_F(RingTest, GivesAHeaderOfZerosButForItsLength)
{
    memset(p->data, 0xff, SL_RING_SIZE_MIN);
    sl_ring_entry *entry = sl_ring_reserve(p, 5);
    ASSERT_NE(entry, nullptr);
    sl_ring_entry zero{};
    zero.len = kHeader + 5;
    EXPECT_EQ(memcmp(entry, &zero, sizeof zero), 0);
}

TEST_F(RingTest, FillsAnEntryWithItsPayloadAndNoMore)
{
    uint8_t text[600];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 7 + 1);
    memset(p->data, 0xff, SL_RING_SIZE_MIN);
    sl_ring_entry *entry = sl_ring_reserve(p, sizeof text + 1);
    const uint8_t *payload = reinterpret_cast<const uint8_t *>(entry + 1);
    for (uint32_t filled = 0; filled <= sizeof text; filled++) {
        sl_ring_fill(entry, filled > 0 ? text : nullptr, filled);
        ASSERT_EQ(memcmp(payload, text, filled), 0) << filled;
        ASSERT_EQ(payload[filled], 0xff) << filled;
    }
}

TEST_F(RingTest, WritesAHeaderAndAPayloadAtOnce)
{
    const uint8_t text[] = "what a peer said";
    memset(p->data, 0xff, SL_RING_SIZE_MIN);
    ASSERT_TRUE(sl_ring_write(p, sl_ring_label(SL_RING_CLOSE, 7, 0x1234), 0x1122334455667788, 99,
                              text, sizeof text));
    const sl_ring_entry expected{
        kHeader + sizeof text, SL_RING_CLOSE, 7, 0x1234, 0x1122334455667788, 99, 0};
    EXPECT_EQ(memcmp(p->data, &expected, kHeader), 0);
    EXPECT_EQ(memcmp(p->data + kHeader, text, sizeof text), 0);
    EXPECT_EQ(p->data[kHeader + sizeof text], 0xff);
    EXPECT_EQ(p->head, 64u);
}

TEST_F(RingTest, AnEntryIsNeverTooLongHoweverMuchRoomIsKnown)
{
    const uint32_t longest = SL_RING_SIZE_MIN / 4 - kHeader;
    ASSERT_TRUE(write(0, 1));
    EXPECT_FALSE(write(longest + 1, 2));
    ASSERT_TRUE(write(0, 3));
    EXPECT_EQ(sl_ring_reserve(p, longest + 1), nullptr);
    EXPECT_TRUE(write(longest, 4));
}

TEST_F(RingTest, WritesNothingThatHasNoRoom)
{
    EXPECT_FALSE(write(SL_RING_SIZE_MIN / 4 - kHeader + 1, 0)) << "longer than an entry may be";
    unsigned held = 0;
    while (write(32, held))
        held++;
    EXPECT_EQ(held, SL_RING_SIZE_MIN / SL_RING_ALIGN);
    sl_ring_publish(p);
    for (unsigned i = 0; i < held; i++)
        ASSERT_NO_FATAL_FAILURE(expect_next(32, i));
    EXPECT_FALSE(write(0, 1)) << "consumed, but not released";
    sl_ring_release(c);
    EXPECT_TRUE(write(0, 1));
}

TEST_F(RingTest, ForgetsAnEntryThatIsNotCommitted)
{
    ASSERT_NE(sl_ring_reserve(p, 100), nullptr);
    EXPECT_FALSE(sl_ring_publish(p));
    ASSERT_TRUE(put(5, 1));
    sl_ring_publish(p);
    expect_next(5, 1);
}

TEST_F(RingTest, ShortensAnEntryAtItsCommit)
{
    sl_ring_entry *entry = sl_ring_reserve(p, 900);
    entry->kind = SL_RING_DATA;
    entry->session = 0;
    memset(entry + 1, 0, 3);
    sl_ring_commit(p, entry, 3);
    ASSERT_TRUE(put(4, 1));
    sl_ring_publish(p);
    expect_next(3, 0);
    expect_next(4, 1);
}

TEST_F(RingTest, KeepsOrderAndBytesOverManyWraps)
{
    uint64_t written = 0, read = 0;
    for (unsigned round = 0; round < 20000; round++) {
        for (unsigned i = 0; i < round % 7; i++) {
            uint32_t len = (uint32_t)(written * 37 % 900);
            if (i % 2 == 0 ? put(len, written) : write(len, written))
                written++;
        }
        sl_ring_publish(p);
        for (unsigned i = 0; i < round % 5 && read < written; i++, read++)
            ASSERT_NO_FATAL_FAILURE(expect_next((uint32_t)(read * 37 % 900), read));
        sl_ring_release(c);
    }
    EXPECT_GT(read, 10000u);
    EXPECT_FALSE(p->corrupt);
    EXPECT_FALSE(c->corrupt);
}

TEST_F(RingTest, CountsOnWhenItsIndicesWrapIn64Bits)
{
    start_at(0 - (uint64_t)SL_RING_SIZE_MIN);
    for (uint64_t i = 0; i < 500; i++) {
        ASSERT_TRUE(put((uint32_t)(i % 700), i));
        sl_ring_publish(p);
        ASSERT_NO_FATAL_FAILURE(expect_next((uint32_t)(i % 700), i));
        sl_ring_release(c);
    }
    EXPECT_LT(p->head, 1ULL << 32);
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

TEST_F(RingTest, PadsToTheEndWhereAnEntryWouldWrap)
{
    start_at(SL_RING_SIZE_MIN - 64);
    ASSERT_TRUE(put(100, 1));
    sl_ring_publish(p);
    const sl_ring_entry *entry = sl_ring_next(c);
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(reinterpret_cast<const uint8_t *>(entry), c->data) << "at the start";
    EXPECT_EQ(c->tail, SL_RING_SIZE_MIN + 192u);
    sl_ring_release(c);
    EXPECT_EQ(c->own->tail, SL_RING_SIZE_MIN + 192u) << "the pad is given back too";
}

TEST_F(RingTest, FitsAnEntryThatEndsAtTheEndWithoutAPad)
{
    start_at(SL_RING_SIZE_MIN - 128);
    ASSERT_TRUE(put(128 - kHeader, 1));
    EXPECT_EQ(p->head, (uint64_t)SL_RING_SIZE_MIN);
    ASSERT_TRUE(put(1, 2));
    sl_ring_publish(p);
    expect_next(128 - kHeader, 1);
    expect_next(1, 2);
}

TEST_F(RingTest, WritesNoPadForAnEntryThatDoesNotFitBehindIt)
{
    start_at(SL_RING_SIZE_MIN - 64);
    ASSERT_TRUE(put(1, 0));
    unsigned count = 0;
    while (put(1000 - kHeader, 1))
        count++;
    EXPECT_EQ(count, 3u);
    uint64_t head = p->head;
    EXPECT_EQ(sl_ring_reserve(p, 1024 - kHeader), nullptr);
    EXPECT_EQ(p->head, head);
}

TEST_F(RingTest, SkipsAPadWithNothingBehindIt)
{
    start_at(SL_RING_SIZE_MIN - 64);
    ASSERT_NE(sl_ring_reserve(p, 100), nullptr); /* and given up */
    EXPECT_TRUE(sl_ring_publish(p));
    EXPECT_EQ(sl_ring_next(c), nullptr);
    EXPECT_FALSE(c->corrupt);
    EXPECT_EQ(take(), 0);
    ASSERT_TRUE(put(100, 1));
    sl_ring_publish(p);
    expect_next(100, 1);
}

TEST_F(RingTest, TakesEntriesUpToAQuarterOfIt)
{
    uint32_t max = sl_ring_entry_max(SL_RING_SIZE_MIN);
    EXPECT_EQ(max, SL_RING_SIZE_MIN / 4u);
    for (unsigned i = 0; i < 100; i++) {
        ASSERT_TRUE(put(max - kHeader, i));
        ASSERT_TRUE(put(i, i));
        sl_ring_publish(p);
        ASSERT_NO_FATAL_FAILURE(expect_next(max - kHeader, i));
        ASSERT_NO_FATAL_FAILURE(expect_next(i, i));
        sl_ring_release(c);
    }
    EXPECT_EQ(sl_ring_reserve(p, max - kHeader + 1), nullptr);
    EXPECT_EQ(sl_ring_reserve(p, UINT32_MAX), nullptr);
    EXPECT_EQ(sl_ring_reserve(p, UINT32_MAX - kHeader), nullptr);
    EXPECT_FALSE(p->corrupt);
    EXPECT_EQ(sl_ring_entry_max(1ULL << 40), 1u << 30);
}

TEST_F(RingTest, GivesEntriesToAConsumerThatTrustsNobody)
{
    for (uint64_t i = 0; i < 1000; i++) {
        ASSERT_TRUE(put((uint32_t)(i % 900), i));
        sl_ring_publish(p);
        ASSERT_EQ(take(), 1);
        ASSERT_TRUE(test::is_whole(taken, (uint32_t)(i % 900), i));
        ASSERT_EQ(take(), 0);
        sl_ring_release(c);
    }
}

TEST_F(RingTest, AnEntryThatIsPutBackIsReadAnew)
{
    start_at(SL_RING_SIZE_MIN - 128);
    ASSERT_TRUE(put(32, 1));
    ASSERT_TRUE(put(100, 2)); /* behind a pad */
    ASSERT_TRUE(put(32, 3));
    sl_ring_publish(p);
    for (auto [len, session] : {std::pair(32U, 1U), {100, 2}, {32, 3}}) {
        for (bool stays : {true, true, false}) {
            ASSERT_EQ(take(), 1);
            ASSERT_TRUE(test::is_whole(taken, len, session));
            if (stays)
                sl_ring_put_back(c, &taken);
            sl_ring_release(c);
            EXPECT_EQ(c->own->tail, c->tail) << "a pad before it is given back";
        }
    }
    EXPECT_EQ(take(), 0);
    EXPECT_EQ(c->tail, p->head);
}

TEST_F(RingTest, GoesThroughTwoThreads)
{
    constexpr uint64_t kEntries = 300000;
    std::thread producer([this] {
        for (uint64_t i = 0; i < kEntries;) {
            unsigned burst = 0;
            while (i < kEntries && burst++ < 5 && put((uint32_t)(i * 31 % 300), i))
                i++;
            if (!sl_ring_publish(p))
                let_others_run();
        }
    });
    bool whole = true;
    for (uint64_t read = 0; read < kEntries && whole;) {
        const sl_ring_entry *entry = sl_ring_next(c);
        if (entry == nullptr) {
            sl_ring_release(c);
            let_others_run();
            continue;
        }
        whole = test::is_whole(entry, (uint32_t)(read * 31 % 300), read);
        read++;
    }
    EXPECT_TRUE(whole);
    if (!whole)
        p->corrupt = true;
    producer.join();
}

} // namespace
