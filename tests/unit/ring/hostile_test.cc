/** What the other process may write: anything. */
#include "ring_fixture.h"

namespace
{

constexpr uint32_t kHeader = sizeof(sl_ring_entry);

struct RingHostileConsumer : test::RingTest {
    sl_ring_consumer_words *theirs = nullptr;

    void SetUp() override
    {
        theirs = const_cast<sl_ring_consumer_words *>(p->peer);
        while (put(32, 1))
            continue;
        sl_ring_publish(p);
    }
    void expect_corrupt_for_good()
    {
        EXPECT_FALSE(put(1, 1));
        EXPECT_TRUE(p->corrupt);
        theirs->tail = p->published;
        EXPECT_FALSE(put(1, 1)) << "it is too late now";
        theirs->sleeping = 1;
        EXPECT_FALSE(sl_ring_is_sleeping(p));
        EXPECT_FALSE(sl_ring_publish(p));
    }
};

TEST_F(RingHostileConsumer, IsCorruptAheadOfWhatWasPublished)
{
    theirs->tail = p->published + 64;
    expect_corrupt_for_good();
}

TEST_F(RingHostileConsumer, IsCorruptAheadOfWhatWasPublishedEvenIfItWasReserved)
{
    theirs->tail = 128;
    ASSERT_TRUE(put(1, 1)); /* committed, not published */
    theirs->tail = p->head;
    ASSERT_TRUE(put(1, 1)) << "the room known before";
    expect_corrupt_for_good();
}

TEST_F(RingHostileConsumer, IsCorruptWhenItsIndexGoesBack)
{
    theirs->tail = 1024;
    ASSERT_TRUE(put(32, 1));
    sl_ring_publish(p);
    while (put(32, 1))
        continue;
    ASSERT_FALSE(p->corrupt);
    theirs->tail = 512;
    expect_corrupt_for_good();
}

TEST_F(RingHostileConsumer, IsCorruptBetweenEntries)
{
    theirs->tail = 65;
    expect_corrupt_for_good();
}

TEST_F(RingHostileConsumer, IsCorruptFarAway)
{
    theirs->tail = UINT64_MAX - 63;
    expect_corrupt_for_good();
}

TEST_F(RingHostileConsumer, MayStandStillWithoutHarm)
{
    for (unsigned i = 0; i < 1000; i++)
        EXPECT_FALSE(put(1, 1));
    EXPECT_FALSE(p->corrupt);
}

struct RingHostileProducer : test::RingTest {
    sl_ring_producer_words *theirs = nullptr;
    uint8_t *bytes = nullptr;

    void SetUp() override
    {
        theirs = const_cast<sl_ring_producer_words *>(c->peer);
        bytes = const_cast<uint8_t *>(c->data);
    }

    sl_ring_entry *entry_at(uint64_t index)
    {
        return reinterpret_cast<sl_ring_entry *>(bytes + index % SL_RING_SIZE_MIN);
    }

    void write(uint64_t index, uint8_t kind, uint32_t entry_len)
    {
        *entry_at(index) = sl_ring_entry{};
        entry_at(index)->kind = kind;
        entry_at(index)->len = entry_len;
    }

    /** Neither side of the reading goes on, now or later; nothing of it was given back. */
    void expect_corrupt_for_good()
    {
        uint64_t tail = c->tail;
        EXPECT_EQ(take(), -EBADMSG);
        EXPECT_TRUE(c->corrupt);
        EXPECT_EQ(take(), -EBADMSG);
        EXPECT_EQ(sl_ring_next(c), nullptr);
        EXPECT_FALSE(sl_ring_is_ready(c));
        EXPECT_FALSE(sl_ring_sleep(c));
        EXPECT_EQ(c->tail, tail);
    }
};

TEST_F(RingHostileProducer, IsCorruptWithMoreThanTheDataHolds)
{
    for (uint64_t at = 0; at < SL_RING_SIZE_MIN; at += 64)
        write(at, SL_RING_SEND, kHeader);
    theirs->head = SL_RING_SIZE_MIN + 64;
    expect_corrupt_for_good();
}

TEST_F(RingHostileProducer, StaysCorruptWhenTheEntryIsMended)
{
    write(0, SL_RING_SEND, kHeader - 1);
    theirs->head = 128;
    EXPECT_EQ(take(), -EBADMSG);
    write(0, SL_RING_SEND, kHeader);
    expect_corrupt_for_good();
}

TEST_F(RingHostileProducer, IsCorruptWithAPadOfAnotherLengthThanTheRest)
{
    write(0, SL_RING_SEND, kHeader);
    write(64, SL_RING_PAD, 128);
    theirs->head = SL_RING_SIZE_MIN;
    ASSERT_EQ(take(), 1);
    expect_corrupt_for_good();
}

TEST_F(RingHostileProducer, IsCorruptWithAnIndexFurtherThanTheRingIsLong)
{
    theirs->head = SL_RING_SIZE_MIN + 64;
    expect_corrupt_for_good();
}

TEST_F(RingHostileProducer, IsCorruptWithAnIndexThatWentBack)
{
    start_at(1 << 20);
    theirs->head = (1 << 20) - 64;
    expect_corrupt_for_good();
}

TEST_F(RingHostileProducer, IsCorruptWithAnIndexBetweenEntries)
{
    write(0, SL_RING_SEND, kHeader);
    theirs->head = 96;
    expect_corrupt_for_good();
}

TEST_F(RingHostileProducer, IsCorruptWithALengthBelowTheHeaders)
{
    theirs->head = 64;
    for (uint32_t bad : {0u, 1u, kHeader - 1}) {
        c->corrupt = false;
        write(0, SL_RING_SEND, bad);
        expect_corrupt_for_good();
    }
}

TEST_F(RingHostileProducer, IsCorruptWithALengthBeyondWhatWasPublished)
{
    theirs->head = 64;
    for (uint32_t bad : {65u, 1024u, UINT32_MAX, UINT32_MAX - 62, 0x80000000u}) {
        c->corrupt = false;
        write(0, SL_RING_SEND, bad);
        expect_corrupt_for_good();
    }
}

TEST_F(RingHostileProducer, IsCorruptWithAnEntryLongerThanAny)
{
    theirs->head = SL_RING_SIZE_MIN;
    write(0, SL_RING_SEND, SL_RING_SIZE_MIN / 4 + 1);
    expect_corrupt_for_good();
}

TEST_F(RingHostileProducer, IsCorruptWithAnEntryThatWraps)
{
    start_at(SL_RING_SIZE_MIN - 64);
    theirs->head = c->tail + 1024;
    write(c->tail, SL_RING_SEND, 65);
    expect_corrupt_for_good();
}

TEST_F(RingHostileProducer, IsCorruptWithZerosOfAPunchedHole)
{
    theirs->head = 64;
    expect_corrupt_for_good();
}

TEST_F(RingHostileProducer, IsCorruptWithAPadThatDoesNotReachTheEnd)
{
    theirs->head = 1024;
    for (uint32_t bad : {1u, 32u, 64u, SL_RING_SIZE_MIN - 64u, UINT32_MAX}) {
        c->corrupt = false;
        write(0, SL_RING_PAD, bad);
        expect_corrupt_for_good();
    }
}

TEST_F(RingHostileProducer, IsCorruptWithAPadAllAround)
{
    theirs->head = SL_RING_SIZE_MIN;
    write(0, SL_RING_PAD, SL_RING_SIZE_MIN);
    expect_corrupt_for_good();
}

TEST_F(RingHostileProducer, IsCorruptWithAPadThatIsNotAllPublished)
{
    start_at(1024);
    theirs->head = 2048;
    write(1024, SL_RING_PAD, SL_RING_SIZE_MIN - 1024);
    expect_corrupt_for_good();
}

TEST_F(RingHostileProducer, IsCorruptWithAPadBehindAPad)
{
    start_at(SL_RING_SIZE_MIN - 64);
    theirs->head = SL_RING_SIZE_MIN + 128;
    write(c->tail, SL_RING_PAD, 64);
    write(0, SL_RING_PAD, 64);
    EXPECT_EQ(take(), -EBADMSG);
    EXPECT_TRUE(c->corrupt);
}

/** Every byte a producer may write is random, some of it nearly right; seeds are fixed. */
TEST_F(RingHostileProducer, NeverMakesTheConsumerReadOutside)
{
    for (uint64_t seed = 0; seed < 4000; seed++) {
        std::mt19937_64 random(seed);
        start_at(random() % 1024 * 64);
        c->corrupt = false;
        for (unsigned i = 0; i < SL_RING_SIZE_MIN; i += 64) {
            static const uint8_t kinds[] = {SL_RING_PAD, SL_RING_SEND, SL_RING_CONFIRM_MOVE, 255};
            uint32_t entry_len =
                random() % 4 != 0 ? kHeader + (uint32_t)(random() % 600) : (uint32_t)random();
            if (random() % 8 == 0)
                entry_len = SL_RING_SIZE_MIN - i;
            write(i, kinds[random() % 4], entry_len);
        }
        theirs->head = c->tail + random() % 70 * 64;
        int result = 1;
        unsigned count = 0;
        for (; result == 1; count++) {
            ASSERT_LE(count, SL_RING_SIZE_MIN / 64u) << "it goes round and round";
            result = take();
            ASSERT_LE(result == 1 ? taken.payload_len : 0, SL_RING_SIZE_MIN / 4u - kHeader);
            ASSERT_LE(c->tail - c->released, (uint64_t)SL_RING_SIZE_MIN);
        }
        ASSERT_TRUE(result == 0 || result == -EBADMSG);
    }
}

/** What is checked is what is used, even when the producer writes in between. */
TEST(RingRace, UsesTheHeaderItHasChecked)
{
    test::Ring ring{sl_ring_create(SL_RING_SIZE_MIN)};
    sl_ring_consumer *c = sl_ring_consumer_of(ring.get());
    auto *head = &const_cast<sl_ring_producer_words *>(c->peer)->head;
    auto *words = reinterpret_cast<uint64_t *>(const_cast<uint8_t *>(c->data));
    __atomic_store_n(head, 64, __ATOMIC_RELEASE);
    bool stop = false;
    std::thread producer([&] {
        std::mt19937_64 random(1);
        while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
            uint64_t entry_len = random() % 2 == 0 ? kHeader : random() % 5000;
            __atomic_store_n(words, entry_len | (uint64_t)SL_RING_SEND << 32, __ATOMIC_RELAXED);
        }
    });
    for (unsigned i = 0; i < 200000; i++) {
        sl_ring_taken taken;
        c->tail = c->released = 0;
        c->corrupt = false;
        int result = sl_ring_take(c, &taken);
        if (result == 1) {
            ASSERT_EQ(taken.kind, SL_RING_SEND);
            ASSERT_LE(taken.payload_len, 64u - kHeader);
            ASSERT_EQ(c->tail, 64u);
        } else {
            ASSERT_EQ(result, -EBADMSG);
        }
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    producer.join();
}

struct RingTaken : test::RingTest {
};

TEST_F(RingTaken, IsWhatThePutSaid)
{
    for (uint32_t payload_len : {0u, 1u, 31u, 32u, 33u, 700u}) {
        ASSERT_TRUE(put(payload_len, payload_len + 1));
        sl_ring_publish(p);
        ASSERT_EQ(take(), 1);
        EXPECT_EQ(taken.kind, SL_RING_DATA);
        EXPECT_EQ(taken.session, payload_len + 1);
        ASSERT_EQ(taken.payload_len, payload_len);
        for (uint32_t i = 0; i < payload_len; i++)
            ASSERT_EQ(taken.payload[i], (payload_len + 1) & 0xff);
        EXPECT_EQ(take(), 0);
        sl_ring_release(c);
    }
}

TEST_F(RingTaken, StaysWhatItWasWhenItsEntryIsRewritten)
{
    ASSERT_TRUE(put(100, 7));
    ASSERT_TRUE(put(10, 8));
    sl_ring_publish(p);
    ASSERT_EQ(take(), 1);
    memset(p->data, 0xff, sizeof(sl_ring_entry));
    EXPECT_EQ(taken.session, 7u);
    EXPECT_EQ(taken.payload_len, 100u);
    ASSERT_EQ(take(), 1) << "found by the length that was checked";
    EXPECT_EQ(taken.session, 8u);
}

TEST_F(RingTaken, IsNoneBehindAnEntryThatCannotBe)
{
    ASSERT_TRUE(put(10, 1));
    ASSERT_TRUE(put(10, 2));
    ASSERT_TRUE(put(10, 3));
    sl_ring_publish(p);
    p->data[64 + 3] = 0x80; // a length beyond the ring
    ASSERT_EQ(take(), 1);
    EXPECT_EQ(take(), -EBADMSG);
    EXPECT_EQ(take(), -EBADMSG) << "corrupt for good";
    EXPECT_TRUE(c->corrupt);
}

TEST_F(RingTaken, NeverPassesTheEndOfTheDataWhateverIsWritten)
{
    std::mt19937_64 random(3);
    auto *head = &const_cast<sl_ring_producer_words *>(c->peer)->head;
    for (unsigned round = 0; round < 20000; round++) {
        for (uint64_t at = 0; at < c->size; at += 64) {
            uint64_t word = (random() % 4 == 0 ? random() % 2000 : 32 + random() % 96) |
                            (uint64_t)(random() % 8 == 0 ? SL_RING_PAD : SL_RING_SEND) << 32;
            memcpy(p->data + at, &word, sizeof word);
        }
        c->tail = c->released = c->head = c->limit = random() % 64 * 64;
        c->corrupt = false;
        *head = c->tail + random() % 65 * 64;
        while (take() == 1) {
            ASSERT_GE(taken.payload, c->data + sizeof(sl_ring_entry));
            ASSERT_LE(taken.payload + taken.payload_len, c->data + c->size);
            ASSERT_LE(c->tail, *head);
        }
    }
}

} // namespace
