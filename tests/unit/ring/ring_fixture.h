/** An in-process ring, and entries whose bytes tell whether they came through whole. */
#ifndef RING_FIXTURE_H
#define RING_FIXTURE_H

extern "C" {
#include "sl_ring.h"
}

#include <errno.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace test
{

struct RingDeleter {
    void operator()(sl_ring *ring) const
    {
        sl_ring_destroy(ring);
    }
};
using Ring = std::unique_ptr<sl_ring, RingDeleter>;

inline bool put(sl_ring_producer *p, uint32_t payload_len, uint64_t session)
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

/** The same in one step. */
inline bool write(sl_ring_producer *p, uint32_t payload_len, uint64_t session)
{
    const std::vector<uint8_t> payload(payload_len, (uint8_t)session);
    return sl_ring_write(p, sl_ring_label(SL_RING_DATA, 0, 0), session, 0, payload.data(),
                         payload_len);
}

/** Is this the entry that put() wrote for the session? */
inline bool is_whole(const sl_ring_taken &taken, uint32_t payload_len, uint64_t session)
{
    if (taken.kind != SL_RING_DATA || taken.session != session || taken.payload_len != payload_len)
        return false;
    for (uint32_t i = 0; i < payload_len; i++)
        if (taken.payload[i] != (session & 0xff))
            return false;
    return true;
}

inline bool is_whole(const sl_ring_entry *entry, uint32_t payload_len, uint64_t session)
{
    const sl_ring_taken taken{entry->session, reinterpret_cast<const uint8_t *>(entry + 1),
                              entry->len - (uint32_t)sizeof *entry, entry->kind};
    return is_whole(taken, payload_len, session);
}

struct RingTest : testing::Test {
    Ring ring{sl_ring_create(SL_RING_SIZE_MIN)};
    sl_ring_producer *p = sl_ring_producer_of(ring.get());
    sl_ring_consumer *c = sl_ring_consumer_of(ring.get());
    sl_ring_taken taken;

    bool put(uint32_t payload_len, uint64_t session)
    {
        return test::put(p, payload_len, session);
    }

    bool write(uint32_t payload_len, uint64_t session)
    {
        return test::write(p, payload_len, session);
    }

    void expect_next(uint32_t payload_len, uint64_t session)
    {
        const sl_ring_entry *entry = sl_ring_next(c);
        ASSERT_NE(entry, nullptr);
        ASSERT_TRUE(is_whole(entry, payload_len, session));
    }

    int take()
    {
        return sl_ring_take(c, &taken);
    }

    /** Both private indices and what is shared, moved to where a test wants to begin. */
    void start_at(uint64_t index)
    {
        p->own->head = c->own->tail = index;
        p->head = p->limit = p->published = p->tail = c->head = c->limit = c->tail = c->released =
            index;
    }
};

} // namespace test

#endif
