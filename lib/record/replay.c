/** The replay window, RFC 6479: words are cleared as the window enters them, nothing is shifted. */
#include "sl_record.h"

void sl_replay_init(struct sl_replay *replay)
{
    memset(replay, 0, sizeof *replay);
}

/** Moves on to the 64 numbers that seq is among; newest is still the old one. */
static void enter(struct sl_replay *replay, uint64_t seq)
{
    if (replay->newest > 0) {
        const uint64_t last = (replay->newest - 1) / 64;
        replay->seen_before[last % SL_REPLAY_WORDS] = replay->seen;
        /* Between the two, and of that no more than the window has: it may be the word just kept.
         */
        uint64_t skipped = seq / 64 - last - 1;
        if (skipped > SL_REPLAY_WORDS)
            skipped = SL_REPLAY_WORDS;
        for (uint64_t i = 1; i <= skipped; i++)
            replay->seen_before[(seq / 64 - i) % SL_REPLAY_WORDS] = 0;
    }
    replay->seen = 0;
}

enum sl_drop sl_replay_admit_any(struct sl_replay *replay, uint64_t seq, bool *newer)
{
    enum sl_drop drop = sl_replay_check(replay, seq);
    *newer = drop == SL_DROP_NONE && seq >= replay->newest;
    if (drop != SL_DROP_NONE)
        return drop;
    if (*newer) {
        if (!sl_replay_is_near(replay, seq))
            enter(replay, seq);
        replay->newest = seq + 1;
    }
    uint64_t *word = sl_replay_is_near(replay, seq)
                         ? &replay->seen
                         : &replay->seen_before[seq / 64 % SL_REPLAY_WORDS];
    *word |= 1ULL << seq % 64;
    return SL_DROP_NONE;
}
