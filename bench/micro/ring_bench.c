/**
 * Nanoseconds a message through a ring between two cores that spin: from deliver (sl_ring_write;
 * published in batches) to consumed (next, every byte read; released in batches).
 *
 *   ring.LEN.ns            lib/ring on both sides
 *   ring.libsluice.LEN.ns  the same, received as a consumer's program does: sluice_connect,
 *                          sluice_receive, over the memory that a registry makes for it
 *   ring.far.LEN.ns, ring.far.libsluice.LEN.ns
 *                          rounds in which the two cores shared no cache
 *   ring.hop.ns            a word's way from one core to the other, before each round
 *
 * A hypervisor moves virtual cores about, and a line takes 20 ns between two that share a cache,
 * 190 between two that do not: so each round looks first, and again at its end, where they are.
 *
 * A span is SPAN_LEN bytes of ring, from the moment the producer is told to begin until the last
 * one was read, so it is what a message costs the slower side, both at work. Numbers and bytes are
 * added up while they are read, and compared outside the spans.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "sl_registry.h"
#include "sluice.h"

#define BATCH 32
#define EMPTY_PAUSES 2 /* after a look that found nothing, so that the producer keeps its line */
#define SPAN_LEN (2UL << 20) /* bytes of ring, so that a span is short for long messages too */
#define PASS_SPANS 8
#define RING_SIZE (1UL << 20) /* the gateway's default */
#define TEXTS 64              /* different payloads, that take turns */
#define HOP_TRIES 16          /* the shortest counts: others may take a core away */
#define HOP_BOUNCES 32
#define HOP_NEAR_NS 60
#define WORDS_MAX 176 /* of 8 bytes, of a payload */
#define LEN_MAX (WORDS_MAX * sizeof(uint64_t))

/** What the two threads say to each other, each word with one writer. */
struct word {
    _Atomic uint64_t value __attribute__((aligned(SL_RING_INDEX_ALIGN)));
};

struct received {
    uint64_t count, numbers, bytes; /* sums: of the sessions' numbers, and of the payload's words */
};

/** A ring with both ends, and how its consumer takes a batch. */
struct channel {
    const char *name;
    struct sl_ring_producer *to;
    struct received (*take)(struct channel *channel);
    struct sl_ring_consumer *from;
    struct sluice *sluice;
    struct sl_registry *registry; /* whose heart must beat; NULL: none */
    uint32_t len, span_messages;
    struct bench_sum sum;
    struct word wanted, ready, sent, ball;
    /* The producer's, on a line of their own; read by the other side once `sent` shows them. */
    uint64_t next __attribute__((aligned(SL_RING_INDEX_ALIGN))); /* message to be sent */
    bool was_disturbed;
};

static uint64_t texts[TEXTS][WORDS_MAX];

static void fail(const char *what)
{
    fprintf(stderr, "ring_bench: %s\n", what);
    exit(1);
}

static uint64_t value_of(const struct word *word)
{
    return atomic_load_explicit(&word->value, memory_order_acquire);
}

static void wait_until(const struct word *word, uint64_t value)
{
    while (value_of(word) != value)
        __builtin_ia32_pause();
}

static void tell(struct word *word, uint64_t value)
{
    atomic_store_explicit(&word->value, value, memory_order_release);
}

/** As a worker tells its consumer: lib/worker/admit.c. */
static bool deliver(struct channel *channel)
{
    struct sl_ring_label label = sl_ring_label(SL_RING_DATA, 0, 0);
    if (!sl_ring_write(channel->to, label, channel->next, 1, texts[channel->next % TEXTS],
                       channel->len))
        return false;
    channel->next++;
    return true;
}

static void produce(struct channel *channel, unsigned count)
{
    for (unsigned i = 0; i < count;) {
        unsigned batch_end = i + BATCH < count ? i + BATCH : count;
        while (i < batch_end && deliver(channel))
            i++;
        sl_ring_publish(channel->to);
    }
}

/** Until something else is wanted; returns the ball meanwhile. */
static uint64_t wait_for_wish(struct channel *channel, uint64_t last)
{
    uint64_t wanted;
    while ((wanted = value_of(&channel->wanted)) == last) {
        uint64_t bounce = value_of(&channel->ball);
        if (bounce % 2 == 1)
            tell(&channel->ball, bounce + 1);
        __builtin_ia32_pause();
    }
    return wanted;
}

/** Nanoseconds from one core to the other. */
static double measure_hop(struct channel *channel)
{
    double shortest = 1e9;
    for (unsigned i = 0; i < HOP_TRIES; i++) {
        uint64_t begin = bench_now_ns();
        for (unsigned bounce = 0; bounce < HOP_BOUNCES; bounce++) {
            uint64_t value = value_of(&channel->ball) + 1;
            tell(&channel->ball, value);
            wait_until(&channel->ball, value + 1);
        }
        double hop = (double)(bench_now_ns() - begin) / (2 * HOP_BOUNCES);
        shortest = hop < shortest ? hop : shortest;
    }
    return shortest;
}

/** Ends when a span is wanted that is not the next. */
static void *run_producer(void *arg)
{
    struct channel *channel = arg;
    bench_pin(1);
    for (uint64_t span = 1;; span++) {
        long switches = bench_involuntary_switches();
        tell(&channel->ready, span);
        if (wait_for_wish(channel, span - 1) != span)
            return NULL;
        produce(channel, channel->span_messages);
        channel->was_disturbed = bench_involuntary_switches() != switches;
        tell(&channel->sent, span);
    }
}

static inline uint64_t sum_of(const void *payload, uint32_t len)
{
    uint64_t sum = 0;
    for (uint32_t at = 0; at < len; at += sizeof sum) {
        uint64_t word;
        memcpy(&word, (const uint8_t *)payload + at, sizeof word);
        sum += word;
    }
    return sum;
}

static void add_message(struct received *received, uint64_t number, const void *payload,
                        uint32_t len)
{
    received->count++;
    received->numbers += number;
    received->bytes += sum_of(payload, len);
}

static struct received take_from_ring(struct channel *channel)
{
    struct received batch = {0};
    const struct sl_ring_entry *entry;
    while (batch.count < BATCH && (entry = sl_ring_next(channel->from)) != NULL)
        add_message(&batch, entry->session, entry + 1, entry->len - (uint32_t)sizeof *entry);
    sl_ring_release(channel->from);
    return batch;
}

static struct received take_from_sluice(struct channel *channel)
{
    struct received batch = {0};
    struct sluice_event events[BATCH];
    int count = sluice_receive(channel->sluice, events, BATCH);
    if (count < 0)
        fail("the registration has ended");
    for (int i = 0; i < count; i++)
        add_message(&batch, events[i].session, events[i].data, events[i].data_len);
    return batch;
}

static struct received take_span(struct channel *channel)
{
    struct received all = {0};
    while (all.count < channel->span_messages) {
        struct received batch = channel->take(channel);
        for (unsigned i = 0; batch.count == 0 && i < EMPTY_PAUSES; i++)
            __builtin_ia32_pause();
        all.count += batch.count;
        all.numbers += batch.numbers;
        all.bytes += batch.bytes;
    }
    return all;
}

static void check(const struct channel *channel, const struct received *received, uint64_t first)
{
    struct received expected = {.count = channel->span_messages};
    for (uint64_t i = first; i < first + channel->span_messages; i++) {
        expected.numbers += i;
        expected.bytes += sum_of(texts[i % TEXTS], channel->len);
    }
    if (memcmp(received, &expected, sizeof expected) != 0)
        fail("what was received is not what was sent");
}

static bool measure(void *arg)
{
    struct channel *channel = arg;
    channel->sum = (struct bench_sum){0};
    for (unsigned i = 0; i < PASS_SPANS; i++) {
        uint64_t span_number = value_of(&channel->wanted) + 1, first = channel->next;
        wait_until(&channel->ready, span_number);
        struct bench_span span = bench_span_begin();
        tell(&channel->wanted, span_number);
        struct received received = take_span(channel);
        bench_span_stop(&span);
        wait_until(&channel->sent, span_number);
        span.is_disturbed = channel->was_disturbed;
        bench_span_add(&span, channel->span_messages, &channel->sum);
        check(channel, &received, first);
    }
    return channel->sum.items > 0;
}

static void run_channel(struct channel *channel, uint32_t len, unsigned rounds)
{
    pthread_t producer;
    channel->len = len;
    channel->span_messages =
        (uint32_t)(SPAN_LEN / ((sizeof(struct sl_ring_entry) + len + 63) & ~63UL));
    tell(&channel->wanted, 0);
    tell(&channel->ready, 0);
    if (pthread_create(&producer, NULL, run_producer, channel) != 0)
        fail("no thread");
    for (unsigned round = 0; round < rounds + 1; round++) { /* the first warms up */
        if (channel->registry != NULL)
            sl_registry_poll(channel->registry, bench_now_ns());
        double before = measure_hop(channel);
        bench_measure(measure, channel);
        double after = measure_hop(channel);
        if (round == 0)
            continue;
        bool is_near = before < HOP_NEAR_NS && after < HOP_NEAR_NS;
        bench_result(before, "ring.hop.ns");
        bench_result(bench_sum_ns(&channel->sum), "ring.%s%s%u.ns", is_near ? "" : "far.",
                     channel->name, len);
    }
    tell(&channel->wanted, UINT64_MAX);
    pthread_join(producer, NULL);
}

/** A registry without a gateway, and a consumer that has registered at it. */
struct gateway {
    struct sl_registry *registry;
    struct sl_attachment *attachment;
    _Atomic bool is_connected;
};

static void on_attach(void *arg, struct sl_attachment *attachment)
{
    ((struct gateway *)arg)->attachment = attachment;
}

static void on_detach(void *arg, struct sl_attachment *attachment)
{
    sl_registry_detached(((struct gateway *)arg)->registry, attachment);
}

static void *poll_registry(void *arg)
{
    struct gateway *gateway = arg;
    while (!atomic_load(&gateway->is_connected)) {
        sl_registry_poll(gateway->registry, bench_now_ns());
        usleep(200);
    }
    return NULL;
}

static struct sluice *connect_to(struct gateway *gateway)
{
    static const char *const services[] = {"bench"};
    char folder[] = "/tmp/ring-bench-XXXXXX", path[64], reason[256];
    if (mkdtemp(folder) == NULL)
        fail("no folder for a socket");
    snprintf(path, sizeof path, "%s/socket", folder);
    struct sl_registry_config config = {
        .socket_path = path,
        .socket_mode = 0600,
        .services = services,
        .service_count = 1,
        .worker_count = 1,
        .ring_size = RING_SIZE,
        .generation = 1,
        .attach = on_attach,
        .detach = on_detach,
        .payload_max = LEN_MAX,
        .arg = gateway,
    };
    struct sluice *sluice = NULL;
    pthread_t poller;
    if (sl_registry_create(&config, &gateway->registry, reason) != 0)
        fail(reason);
    if (pthread_create(&poller, NULL, poll_registry, gateway) != 0)
        fail("no thread");
    int result = sluice_connect(path, "bench", &sluice);
    atomic_store(&gateway->is_connected, true);
    pthread_join(poller, NULL);
    unlink(path);
    rmdir(folder);
    if (result != 0)
        fail("no registration");
    return sluice;
}

int main(int argc, char **argv)
{
    struct bench_options options = bench_begin(argc, argv);
    static struct channel plain = {.name = "", .take = take_from_ring};
    static struct channel library = {.name = "libsluice.", .take = take_from_sluice};
    struct gateway gateway = {.registry = NULL};
    if (bench_core_count() < 2) {
        fprintf(stderr, "ring_bench: a ring between two cores is not measured on one\n");
        return 0;
    }
    for (size_t i = 0; i < TEXTS; i++)
        for (size_t at = 0; at < WORDS_MAX; at++)
            texts[i][at] = (i * WORDS_MAX + at + 1) * 0x9e3779b97f4a7c15ULL;
    struct sl_ring *ring = sl_ring_create(RING_SIZE);
    if (ring == NULL)
        fail("no ring");
    plain.to = sl_ring_producer_of(ring);
    plain.from = sl_ring_consumer_of(ring);
    library.sluice = connect_to(&gateway);
    library.registry = gateway.registry;
    library.to = &gateway.attachment->receive;
    static const uint32_t lens[] = {64, 1400};
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        run_channel(&plain, lens[i], options.rounds);
        run_channel(&library, lens[i], options.rounds);
    }
    sluice_disconnect(library.sluice);
    sl_registry_poll(gateway.registry, bench_now_ns()); /* it leaves, its rings are given back */
    sl_registry_destroy(gateway.registry);
    sl_ring_destroy(ring);
    return 0;
}
