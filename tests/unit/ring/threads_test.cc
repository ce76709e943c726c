/**
 * Rings between threads, in plain memory: the thread sanitizer knows memory by its address, so it
 * sees nothing of what two mappings share. It reports each memory order that is too weak.
 */
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <functional>

#include "let_others_run.h"
#include "ring_fixture.h"

namespace
{

constexpr uint32_t kPayloadMax = SL_RING_SIZE_MIN / 4 - sizeof(sl_ring_entry);
constexpr uint64_t kEntries = 30000;

/** Of any length up to the longest, so that there are pads at the wrap and rings that are full. */
uint32_t payload_len_of(uint64_t session)
{
    return (uint32_t)(session * 2654435761U % kPayloadMax);
}

/** Puts all entries into the ring, up to more than it holds to a publish, of each of which it is
 * told whether it is the last. return how often the ring was full. */
uint64_t produce(sl_ring_producer *p, const std::function<void(bool is_last)> &after_publish)
{
    uint64_t full_count = 0;
    for (uint64_t i = 0; i < kEntries;) {
        unsigned burst = 0;
        while (i < kEntries && burst < 1 + i % 16 && test::put(p, payload_len_of(i), i)) {
            i++;
            burst++;
        }
        if (sl_ring_publish(p))
            after_publish(i == kEntries);
        if (burst == 0) {
            full_count++;
            let_others_run();
        }
    }
    return full_count;
}

TEST(RingThreads, LendEntriesUntilTheirRelease)
{
    test::Ring ring(sl_ring_create(SL_RING_SIZE_MIN));
    sl_ring_consumer *c = sl_ring_consumer_of(ring.get());
    uint64_t full_count = 0;
    std::thread producer(
        [&] { full_count = produce(sl_ring_producer_of(ring.get()), [](bool) {}); });
    uint64_t broken = 0;
    for (uint64_t read = 0; read < kEntries;) {
        const sl_ring_entry *entry = sl_ring_next(c);
        if (entry == nullptr) {
            sl_ring_release(c);
            let_others_run();
            continue;
        }
        broken += !test::is_whole(entry, payload_len_of(read), read);
        read++;
    }
    producer.join();
    EXPECT_EQ(broken, 0u);
    EXPECT_GT(full_count, 0u);
}

TEST(RingThreads, GiveEntriesToWhoTrustsNobody)
{
    test::Ring ring(sl_ring_create(SL_RING_SIZE_MIN));
    sl_ring_consumer *c = sl_ring_consumer_of(ring.get());
    std::thread producer([&] { produce(sl_ring_producer_of(ring.get()), [](bool) {}); });
    uint64_t broken = 0;
    for (uint64_t read = 0; read < kEntries;) {
        sl_ring_taken taken;
        int got = sl_ring_take(c, &taken);
        if (got == 0) {
            let_others_run();
            continue;
        }
        broken += got < 0 || !test::is_whole(taken, payload_len_of(read), read);
        sl_ring_release(c);
        read++;
    }
    producer.join();
    EXPECT_EQ(broken, 0u);
}

/** A consumer that sleeps while all its rings are empty, as programs on libsluice do. */
class Sleeper
{
  public:
    explicit Sleeper(unsigned ring_count)
    {
        for (unsigned i = 0; i < ring_count; i++)
            rings.emplace_back(sl_ring_create(SL_RING_SIZE_MIN));
    }
    ~Sleeper()
    {
        close(wake_fd);
    }

    /** On the thread of one producer, after a publish. */
    void wake(unsigned ring)
    {
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (sl_ring_is_sleeping(sl_ring_producer_of(rings[ring].get()))) {
            EXPECT_EQ(eventfd_write(wake_fd, 1), 0);
        }
    }

    /** On the thread of one producer that wants to write to a consumer that sleeps. */
    void wait_until_asleep(unsigned ring)
    {
        while (!sl_ring_is_sleeping(sl_ring_producer_of(rings[ring].get())))
            let_others_run();
    }

    /** Until something waits; false when nobody woke it. */
    bool sleep()
    {
        bool is_quiet = true;
        for (auto &ring : rings)
            is_quiet = is_quiet && sl_ring_sleep(sl_ring_consumer_of(ring.get()));
        pollfd wake = {wake_fd, POLLIN, 0};
        bool was_woken = true;
        if (is_quiet) {
            was_woken = poll(&wake, 1, 60000) == 1;
            slept_count++;
        }
        for (auto &ring : rings)
            sl_ring_wake_up(sl_ring_consumer_of(ring.get()));
        eventfd_t ignored;
        (void)eventfd_read(wake_fd, &ignored);
        return was_woken;
    }

    uint64_t take(unsigned ring, uint64_t first)
    {
        sl_ring_consumer *c = sl_ring_consumer_of(rings[ring].get());
        uint64_t count = 0;
        while (const sl_ring_entry *entry = sl_ring_next(c)) {
            uint64_t session = first + count++;
            broken += !test::is_whole(entry, payload_len_of(session), session);
        }
        sl_ring_release(c);
        return count;
    }

    std::vector<test::Ring> rings;
    uint64_t broken = 0, slept_count = 0;

  private:
    int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
};

TEST(RingThreads, WakeOneThatSleepsOnSeveralRings)
{
    constexpr unsigned kRings = 3;
    Sleeper sleeper(kRings);
    std::atomic<uint64_t> full_count{0};
    std::vector<std::thread> producers;
    for (unsigned i = 0; i < kRings; i++)
        producers.emplace_back([&, i] {
            unsigned published = 0;
            full_count += produce(sl_ring_producer_of(sleeper.rings[i].get()), [&](bool is_last) {
                sleeper.wake(i);
                if (++published % 100 == 0 && !is_last) /* who has all does not sleep again */
                    sleeper.wait_until_asleep(i);
            });
        });
    uint64_t taken[kRings] = {}, total = 0;
    bool was_woken = true;
    while (total < kRings * kEntries && was_woken) {
        uint64_t before = total;
        for (unsigned i = 0; i < kRings; i++) {
            uint64_t count = sleeper.take(i, taken[i]);
            taken[i] += count;
            total += count;
        }
        if (total == before)
            was_woken = sleeper.sleep();
    }
    ASSERT_TRUE(was_woken) << "a wake-up was lost after " << total;
    for (std::thread &producer : producers)
        producer.join();
    EXPECT_EQ(sleeper.broken, 0u);
    EXPECT_GT(sleeper.slept_count, 0u);
    EXPECT_GT(full_count, 0u);
}

} // namespace
