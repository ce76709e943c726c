/**
 * A ring whose other side writes what it likes: the gateway's reading and writing half, and
 * libsluice's reading half. lib/ring, docs/ring-protocol.md
 */
#include "fuzz.h"

#include <algorithm>
#include <memory>

extern "C" {
#include "sl_ring.h"
}

using fuzz::Bytes;

namespace
{

constexpr uint64_t kSize = SL_RING_SIZE_MIN;

/** One ring: a producer of ours that is sound, and words and data that the input changes. */
struct Ring {
    sl_ring_producer_words producer_words{};
    sl_ring_consumer_words consumer_words{};
    std::unique_ptr<uint8_t, void (*)(void *)> data{
        static_cast<uint8_t *>(aligned_alloc(SL_RING_ALIGN, kSize)), free};
    sl_ring_producer producer{};
    sl_ring_consumer consumer{};
    Bytes copied; /* the last payload, by whole pieces */

    Ring()
    {
        memset(data.get(), 0, kSize);
        sl_ring_producer_init(&producer, &producer_words, &consumer_words, data.get(), kSize);
        sl_ring_consumer_init(&consumer, &consumer_words, &producer_words, data.get(), kSize);
    }

    bool holds(const void *at, size_t len) const
    {
        auto *byte = static_cast<const uint8_t *>(at);
        return byte >= data.get() && byte + len <= data.get() + kSize;
    }

    void produce(uint32_t len, uint8_t kind)
    {
        sl_ring_entry *entry = sl_ring_reserve(&producer, len);
        if (entry == nullptr)
            return;
        FUZZ_CHECK(!producer.corrupt && holds(entry, sizeof *entry + len));
        FUZZ_CHECK((uintptr_t)entry % SL_RING_ALIGN == 0);
        FUZZ_CHECK(producer.head - producer.tail + len + sizeof *entry <= kSize);
        memset(entry + 1, 0x5a, len);
        entry->kind = kind;
        sl_ring_commit(&producer, entry, len);
    }

    /** As a worker reads what a consumer wrote. false: nothing, or corrupt for ever. */
    bool take()
    {
        sl_ring_taken taken;
        const bool was_corrupt = consumer.corrupt;
        const uint64_t tail = consumer.tail;
        int got = sl_ring_take(&consumer, &taken);
        FUZZ_CHECK(!was_corrupt || got == -EBADMSG || got == 0);
        FUZZ_CHECK((got == -EBADMSG) == consumer.corrupt);
        check_consumed(tail, got == 1);
        if (got != 1)
            return false;
        FUZZ_CHECK(taken.kind != SL_RING_PAD);
        FUZZ_CHECK(sizeof(sl_ring_entry) + taken.payload_len <= sl_ring_entry_max(kSize));
        read_payload(taken);
        return true;
    }

    /** A worker copies whole pieces, and so reads on within the entry's room. */
    void read_payload(const sl_ring_taken &taken)
    {
        constexpr size_t kPiece = 32;
        const size_t len = (taken.payload_len + kPiece - 1) / kPiece * kPiece;
        const uint8_t *room_end = data.get() + ((consumer.tail - 1) & (kSize - 1)) + 1;
        FUZZ_CHECK(holds(taken.payload, len) && taken.payload + len <= room_end);
        copied.assign(taken.payload, taken.payload + len);
    }

    /** As libsluice reads what a gateway wrote. */
    bool next()
    {
        const uint64_t tail = consumer.tail;
        const sl_ring_entry *entry = sl_ring_next(&consumer);
        check_consumed(tail, entry != nullptr);
        if (entry == nullptr)
            return false;
        FUZZ_CHECK(holds(entry, sizeof *entry) && holds(entry, entry->len));
        FUZZ_CHECK(entry->len >= sizeof *entry && entry->len <= sl_ring_entry_max(kSize));
        return true;
    }

    void check_consumed(uint64_t before, bool got_one) const
    {
        FUZZ_CHECK(consumer.tail % SL_RING_ALIGN == 0 && consumer.head % SL_RING_ALIGN == 0);
        FUZZ_CHECK(consumer.tail - before <= kSize && (!got_one || consumer.tail > before));
        FUZZ_CHECK(consumer.head - consumer.tail <= kSize);
    }

    /** The input writes to shared memory. */
    void scribble(fuzz::Input &input)
    {
        uint8_t where = input.u8();
        uint64_t value = input.u8() & 1 ? input.u64() : input.u16();
        switch (where % 6) {
        case 0:
            producer_words.head += value;
            break;
        case 1:
            consumer_words.tail += value;
            break;
        case 2:
            consumer_words.sleeping = (uint32_t)value;
            break;
        case 3: { /* a header where one is looked for */
            const Bytes bytes = input.bytes(8);
            std::copy(bytes.begin(), bytes.end(), data.get() + (consumer.tail & (kSize - 1)));
            break;
        }
        case 4: { /* anywhere */
            const Bytes bytes = input.bytes(32);
            size_t at = value % (kSize - 32);
            std::copy(bytes.begin(), bytes.end(), data.get() + at);
            break;
        }
        default: /* a hole is punched */
            memset(data.get(), 0, kSize);
        }
    }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    const auto ring = std::make_unique<Ring>();
    const bool as_worker = input.u8() & 1;
    while (!input.is_empty()) {
        uint8_t step = input.u8();
        switch (step % 6) {
        case 0:
            ring->produce(input.u16() % 1100, step);
            break;
        case 1:
            sl_ring_publish(&ring->producer);
            break;
        case 2:
            for (unsigned n = 0; as_worker ? ring->take() : ring->next(); n++)
                FUZZ_CHECK(n <= kSize / SL_RING_ALIGN); /* the head is loaded when all is read */
            break;
        case 3:
            sl_ring_release(&ring->consumer);
            break;
        case 4:
            if (sl_ring_sleep(&ring->consumer))
                sl_ring_wake_up(&ring->consumer);
            (void)sl_ring_is_sleeping(&ring->producer);
            break;
        default:
            ring->scribble(input);
        }
    }
    return 0;
}

std::vector<Bytes> fuzz::seeds()
{
    /* Entries and a wrap; then something wrong. */
    Bytes good;
    for (uint8_t i = 0; i < 6; i++)
        good = join({good, {6, 3, 0xe8, 12, 2, i, 1, 2, 0xf8, 3}});
    std::vector<Bytes> seeds;
    for (uint8_t as_worker : {0, 1}) {
        seeds.push_back(join({{as_worker}, good}));
        for (const Bytes &bad :
             {Bytes{5, 0, 0, 0, 64, 2}, Bytes{5, 0, 0, 0x10, 0x40, 2},
              Bytes{5, 1, 0, 0, 64, 0, 0, 32, 1}, Bytes{5, 0, 0, 0, 1, 2},
              Bytes{6, 0, 32, 1, 5, 3, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 2},
              Bytes{6, 0, 32, 1, 5, 5, 0, 0, 0, 2}})
            seeds.push_back(join({{as_worker}, good, bad, good}));
    }
    return seeds;
}
