/** Two processes over a memfd, as gateway and consumer are. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "let_others_run.h"
#include "ring_fixture.h"

namespace
{

constexpr uint64_t kSize = 16384;
constexpr size_t kLen = SL_RING_DATA_OFF + kSize;

/** One memfd for both words and the data; each process maps it for itself. */
struct Mapping {
    explicit Mapping(int fd)
    {
        at = static_cast<uint8_t *>(mmap(nullptr, kLen, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
        producer = reinterpret_cast<sl_ring_producer_words *>(at);
        consumer = reinterpret_cast<sl_ring_consumer_words *>(at + 128);
        data = at + SL_RING_DATA_OFF;
    }
    ~Mapping()
    {
        munmap(at, kLen);
    }
    uint8_t *at, *data;
    sl_ring_producer_words *producer;
    sl_ring_consumer_words *consumer;
};

struct RingProcesses : testing::Test {
    int fd = memfd_create("ring-test", MFD_CLOEXEC);

    void SetUp() override
    {
        ASSERT_EQ(ftruncate(fd, kLen), 0);
    }
    void TearDown() override
    {
        close(fd);
    }
};

uint32_t len_of(uint64_t i)
{
    return (uint32_t)(i * 2654435761u % 2000);
}

void produce(int fd, uint64_t entries)
{
    Mapping m(fd);
    sl_ring_producer p;
    sl_ring_producer_init(&p, m.producer, m.consumer, m.data, kSize);
    for (uint64_t i = 0; i < entries && !p.corrupt;) {
        for (unsigned burst = 0; burst < 8 && i < entries && test::put(&p, len_of(i), i); burst++)
            i++;
        if (!sl_ring_publish(&p))
            let_others_run();
    }
}

TEST_F(RingProcesses, CarryEveryEntryWhole)
{
    constexpr uint64_t kEntries = 100000;
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        produce(fd, kEntries);
        _exit(0);
    }
    Mapping m(fd);
    sl_ring_consumer c;
    sl_ring_consumer_init(&c, m.consumer, m.producer, m.data, kSize);
    bool whole = true;
    for (uint64_t i = 0; i < kEntries && whole;) {
        sl_ring_taken taken;
        int result = sl_ring_take(&c, &taken);
        if (result == 0) {
            sl_ring_release(&c);
            let_others_run();
            continue;
        }
        whole = result == 1 && test::is_whole(taken, len_of(i), i);
        i++;
    }
    EXPECT_TRUE(whole);
    if (!whole)
        kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
}

TEST_F(RingProcesses, SurviveHolesPunchedUnderTheReader)
{
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) { /* publishes and punches holes, for ever */
        Mapping m(fd);
        sl_ring_producer p;
        sl_ring_producer_init(&p, m.producer, m.consumer, m.data, kSize);
        for (uint64_t i = 0;; i++) {
            test::put(&p, len_of(i), i);
            sl_ring_publish(&p);
            if (i % 16 == 0)
                fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                          (off_t)(SL_RING_DATA_OFF + i * 256 % kSize), 4096);
        }
    }
    Mapping m(fd);
    sl_ring_consumer c;
    sl_ring_consumer_init(&c, m.consumer, m.producer, m.data, kSize);
    std::vector<uint8_t> payload(kSize);
    uint64_t good = 0, bad = 0;
    for (time_t end = time(nullptr) + 30; time(nullptr) < end && (good < 100 || bad < 20);) {
        sl_ring_taken taken;
        int result = sl_ring_take(&c, &taken);
        if (result == 1)
            memcpy(payload.data(), taken.payload, taken.payload_len);
        good += result == 1;
        bad += result == -EBADMSG;
        sl_ring_release(&c);
        if (c.corrupt) { /* an evicted consumer would end here; go on where the producer is */
            uint64_t head = __atomic_load_n(&m.producer->head, __ATOMIC_ACQUIRE);
            sl_ring_consumer_init(&c, m.consumer, m.producer, m.data, kSize);
            c.tail = c.head = c.limit = head;
        }
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_GE(good, 100u);
    EXPECT_GE(bad, 20u);
}

} // namespace
