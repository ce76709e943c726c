/** The lost wake-up litmus: sleeping word, fence and second look on both sides. */
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "let_others_run.h"
#include "ring_fixture.h"

namespace
{

struct RingSleep : test::RingTest {
};

TEST_F(RingSleep, IsAnnouncedOnlyWhenNothingWaits)
{
    EXPECT_FALSE(sl_ring_is_sleeping(p));
    EXPECT_TRUE(sl_ring_sleep(c));
    EXPECT_TRUE(sl_ring_is_sleeping(p));
    sl_ring_wake_up(c);
    EXPECT_FALSE(sl_ring_is_sleeping(p));
    ASSERT_TRUE(put(1, 1));
    sl_ring_publish(p);
    EXPECT_FALSE(sl_ring_sleep(c));
    EXPECT_FALSE(sl_ring_is_sleeping(p));
}

/** Memory of two processes. */
struct Shared {
    sl_ring_producer_words producer;
    sl_ring_consumer_words consumer;
    uint64_t round __attribute__((aligned(128)));  /* begun by the producer */
    uint64_t looked __attribute__((aligned(128))); /* rounds in which it has seen who sleeps */
    uint64_t done __attribute__((aligned(128)));   /* rounds ended by the consumer */
    uint64_t was_asleep;                           /* in this round */
    uint8_t data[SL_RING_SIZE_MIN] __attribute__((aligned(128)));
};

/**
 * Puts the calling thread on one of the processors it may use, where there are two: on one and the
 * same nothing would happen at the same moment. return whether there are.
 */
bool stay_on_processor(unsigned which)
{
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2)
        return false;
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && which-- == 0)
            CPU_SET(cpu, &one);
    return sched_setaffinity(0, sizeof one, &one) == 0;
}

/** A few nanoseconds for each turn. */
void delay(uint64_t turns)
{
    for (volatile uint64_t i = 0; i < turns; i = i + 1)
        continue;
}

void wait_for(const uint64_t *word, uint64_t value)
{
    for (unsigned spin = 0; __atomic_load_n(word, __ATOMIC_ACQUIRE) < value; spin++)
        if (spin % 1024 == 1023)
            let_others_run();
}

/**
 * In each round one side publishes and looks whether the other sleeps, while the other falls asleep
 * and looks whether something came: at the same moment, give or take. Somebody must see something.
 */
class Litmus
{
  public:
    Litmus()
    {
        void *at = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                        -1, 0);
        if (at == MAP_FAILED)
            abort();
        shared_ = static_cast<Shared *>(at);
    }
    ~Litmus()
    {
        munmap(shared_, sizeof(Shared));
    }

    struct Counts {
        uint64_t seen, lost;
    };

    Counts produce(uint64_t rounds)
    {
        sl_ring_producer p;
        Counts counts = {0, 0};
        sl_ring_producer_init(&p, &shared_->producer, &shared_->consumer, shared_->data,
                              SL_RING_SIZE_MIN);
        for (uint64_t i = 1; i <= rounds; i++) {
            if (!test::put(&p, 0, i))
                abort();
            __atomic_store_n(&shared_->round, i, __ATOMIC_RELEASE);
            delay(i * 13 % 1000);
            sl_ring_publish(&p);
            __atomic_thread_fence(__ATOMIC_SEQ_CST);
            bool is_sleeping = sl_ring_is_sleeping(&p);
            __atomic_store_n(&shared_->looked, i, __ATOMIC_RELEASE);
            wait_for(&shared_->done, i);
            counts.seen += is_sleeping;
            counts.lost += !is_sleeping && shared_->was_asleep;
        }
        return counts;
    }

    void consume(uint64_t rounds)
    {
        sl_ring_consumer c;
        sl_ring_consumer_init(&c, &shared_->consumer, &shared_->producer, shared_->data,
                              SL_RING_SIZE_MIN);
        for (uint64_t i = 1; i <= rounds; i++) {
            wait_for(&shared_->round, i);
            delay(i * 7 % 300);
            shared_->was_asleep = sl_ring_sleep(&c);
            wait_for(&shared_->looked, i);
            const sl_ring_entry *entry = sl_ring_next(&c);
            if (entry == nullptr || entry->session != i)
                abort();
            sl_ring_release(&c);
            sl_ring_wake_up(&c);
            __atomic_store_n(&shared_->done, i, __ATOMIC_RELEASE);
        }
    }

  private:
    Shared *shared_;
};

constexpr uint64_t kRounds = 200000;

void expect_nothing_lost(Litmus &litmus)
{
    Litmus::Counts counts{};
    bool is_parallel = false;
    std::thread producer([&] { /* one of its own, so that only it is put somewhere */
                               is_parallel = stay_on_processor(0);
                               counts = litmus.produce(kRounds);
    });
    producer.join();
    EXPECT_EQ(counts.lost, 0u);
    EXPECT_TRUE(!is_parallel || (counts.seen > 0 && counts.seen < kRounds))
        << counts.seen << " of " << kRounds << ": nothing was tried";
}

TEST(RingLitmus, LosesNoWakeUpBetweenTwoThreads)
{
    Litmus litmus;
    std::thread consumer([&] {
        stay_on_processor(1);
        litmus.consume(kRounds);
    });
    expect_nothing_lost(litmus);
    consumer.join();
}

TEST(RingLitmus, LosesNoWakeUpBetweenTwoProcesses)
{
    Litmus litmus;
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        stay_on_processor(1);
        litmus.consume(kRounds);
        _exit(0);
    }
    expect_nothing_lost(litmus);
    waitpid(child, nullptr, 0);
}

} // namespace
