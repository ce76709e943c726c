/** The replay window, RFC 6479: words are cleared as the window enters them, nothing is shifted. */
#include "sl_record.h"

void sl_replay_init(struct sl_replay *replay)
{
    memset(replay, 0, sizeof *replay);
}

void sl_replay_enter(struct sl_replay *replay, uint64_t seq)
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
