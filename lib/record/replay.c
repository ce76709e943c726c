/** The replay window, RFC 6479: words are cleared as the window enters them, nothing is shifted. */
#include "sl_record.h"

void sl_replay_init(struct sl_replay *replay)
{
    memset(replay, 0, sizeof *replay);
}

static inline uint64_t bit_of(uint64_t seq)
{
    return 1ULL << (seq % 64);
}

enum sl_drop sl_replay_check(const struct sl_replay *replay, uint64_t seq)
{
    if (seq >= replay->newest)
        return SL_DROP_NONE;
    if (replay->newest - seq > SL_REPLAY_WINDOW)
        return SL_DROP_REPLAY_OLD;
    bool seen = replay->seen[seq / 64 % SL_REPLAY_WORDS] & bit_of(seq);
    return seen ? SL_DROP_REPLAY : SL_DROP_NONE;
}

/* Clears the words between the newest record so far and seq, the one of seq included. */
static void enter_words(struct sl_replay *replay, uint64_t seq)
{
    /* Before the first record every word is clear; otherwise newest is at least 1. */
    uint64_t last = replay->newest > 0 ? (replay->newest - 1) / 64 : 0;
    uint64_t entered = seq / 64 - last;
    if (entered > SL_REPLAY_WORDS)
        entered = SL_REPLAY_WORDS;
    for (uint64_t i = 0; i < entered; i++)
        replay->seen[(seq / 64 - i) % SL_REPLAY_WORDS] = 0;
}

enum sl_drop sl_replay_admit(struct sl_replay *replay, uint64_t seq, bool *newer)
{
    *newer = false;
    enum sl_drop drop = sl_replay_check(replay, seq);
    if (drop != SL_DROP_NONE)
        return drop;
    if (seq >= replay->newest) {
        enter_words(replay, seq);
        replay->newest = seq + 1;
        *newer = true;
    }
    replay->seen[seq / 64 % SL_REPLAY_WORDS] |= bit_of(seq);
    return SL_DROP_NONE;
}
