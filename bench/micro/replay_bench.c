/**
 * Nanoseconds a record for the replay window: checked before its tag is verified, admitted after,
 * each a pass over the burst, as when a burst is opened. RFC 6347 4.1.2.6.
 *
 *   replay.in_order.ns   numbers that only grow
 *   replay.reordered.ns  the same, each stretch of REORDER numbers in random order
 *   replay.replayed.ns   every record twice, the second time REPLAY_AFTER records later
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "sl_record.h"

#define PASS_ITEMS 8192
#define REORDER 16
#define REPLAY_AFTER 64

struct mix {
    const char *name;
    uint64_t (*number_of)(unsigned item);
    unsigned admitted; /* of a pass */
};

static uint8_t shuffled[PASS_ITEMS]; /* [i] a number below REORDER, each once a stretch */

static uint64_t in_order(unsigned item)
{
    return item;
}

static uint64_t reordered(unsigned item)
{
    return item - item % REORDER + shuffled[item];
}

/** Stretches of REPLAY_AFTER numbers, each sent twice. */
static uint64_t replayed(unsigned item)
{
    return item / (2 * REPLAY_AFTER) * REPLAY_AFTER + item % REPLAY_AFTER;
}

static const struct mix mixes[] = {
    {"in_order", in_order, PASS_ITEMS},
    {"reordered", reordered, PASS_ITEMS},
    {"replayed", replayed, PASS_ITEMS / 2},
};

static void shuffle(void)
{
    srand(7);
    for (unsigned from = 0; from < PASS_ITEMS; from += REORDER)
        for (unsigned i = 0; i < REORDER; i++) {
            unsigned j = (unsigned)rand() % (i + 1);
            shuffled[from + i] = shuffled[from + j];
            shuffled[from + j] = (uint8_t)i;
        }
}

struct pass {
    const struct mix *mix;
    uint64_t numbers[PASS_ITEMS];
    struct bench_sum sum;
};

static unsigned admit_burst(struct sl_replay *replay, const uint64_t *numbers)
{
    enum sl_drop drops[SL_BURST];
    unsigned admitted = 0;
    for (unsigned i = 0; i < SL_BURST; i++)
        drops[i] = sl_replay_check(replay, numbers[i]);
    for (unsigned i = 0; i < SL_BURST; i++) {
        bool newer;
        if (drops[i] == SL_DROP_NONE)
            admitted += sl_replay_admit(replay, numbers[i], &newer) == SL_DROP_NONE;
    }
    return admitted;
}

static bool measure(void *arg)
{
    struct pass *pass = arg;
    struct sl_replay replay;
    unsigned admitted = 0;
    pass->sum = (struct bench_sum){0};
    sl_replay_init(&replay);
    for (unsigned at = 0; at < PASS_ITEMS;) {
        struct bench_span span = bench_span_begin();
        for (unsigned goal = bench_span_goal(at); at < goal; at += SL_BURST)
            admitted += admit_burst(&replay, &pass->numbers[at]);
        bench_span_add(&span, BENCH_SPAN_ITEMS, &pass->sum);
    }
    if (admitted != pass->mix->admitted) {
        fprintf(stderr, "replay.%s: %u records were admitted\n", pass->mix->name, admitted);
        exit(1);
    }
    return pass->sum.items > 0;
}

int main(int argc, char **argv)
{
    struct bench_options options = bench_begin(argc, argv);
    static struct pass pass;
    shuffle();
    for (unsigned round = 0; round < options.rounds + 1; round++) /* the first warms up */
        for (size_t m = 0; m < sizeof mixes / sizeof mixes[0]; m++) {
            pass.mix = &mixes[m];
            for (unsigned i = 0; i < PASS_ITEMS; i++)
                pass.numbers[i] = pass.mix->number_of(i);
            bench_measure(measure, &pass);
            if (round > 0)
                bench_result(bench_sum_ns(&pass.sum), "replay.%s.ns", pass.mix->name);
        }
    return 0;
}
