/** The replay window, RFC 6479: words are cleared as the window enters them, nothing is shifted. */
#include "sl_record.h"

void sl_replay_init(struct sl_replay *replay)
{
    memset(replay, 0, sizeof *replay);
}

void sl_replay_enter_words(struct sl_replay *replay, uint64_t seq)
{
    /* Before the first record every word is clear; otherwise newest is at least 1. */
    uint64_t last = replay->newest > 0 ? (replay->newest - 1) / 64 : 0;
    uint64_t entered = seq / 64 - last;
    if (entered > SL_REPLAY_WORDS)
        entered = SL_REPLAY_WORDS;
    for (uint64_t i = 0; i < entered; i++)
        replay->seen[(seq / 64 - i) % SL_REPLAY_WORDS] = 0;
}
