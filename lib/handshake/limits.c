/*
 * What one handshake may cost: fragments, bytes, memory. Beyond a limit what comes is dropped and
 * nothing ends, as it may be anybody's; a bucket fills again, and the peer sends again. How many
 * messages reach libssl is a matter of the roles' tables. docs/decisions/limits-of-a-handshake.md
 */
#include "handshake_priv.h"

/** Of one peer, in small pieces: 90 for a flight with a chain of 16 KiB on a path of 256 bytes. */
#define FRAGMENTS_AT_ONCE 1024
#define FRAGMENTS_PER_SECOND 512
/** A flight has 40 KiB at most, and may have to come three times. */
#define BYTES_AT_ONCE (128 * 1024)
#define BYTES_PER_SECOND (64 * 1024)
/** Of memory for messages before their turn: all that a flight can have. */
#define AHEAD_MAX (48 * 1024)

bool sl_handshake_pay_for_fragment(struct handshake *handshake, uint32_t len)
{
    const struct sl_rate fragments = sl_rate_of(FRAGMENTS_PER_SECOND, FRAGMENTS_AT_ONCE);
    const struct sl_rate bytes = sl_rate_of(BYTES_PER_SECOND, BYTES_AT_ONCE);
    const uint64_t now_ns = handshake->owner->now_ns;
    if (!sl_bucket_allows(handshake->bytes_full_ns, &bytes, now_ns) ||
        !sl_bucket_take(&handshake->fragments_full_ns, &fragments, now_ns))
        return false;
    sl_bucket_charge(&handshake->bytes_full_ns, &bytes, len, now_ns);
    return true;
}

/** Of messages before their turn, when messages[at] has this length. */
static size_t memory_ahead(const struct handshake *handshake, unsigned turn, unsigned at,
                           uint32_t msg_len)
{
    size_t sum = sl_handshake_assembly_size(msg_len);
    for (unsigned i = 0; i < MESSAGES_MAX; i++)
        if (i != turn && i != at && handshake->messages[i].message != NULL)
            sum += sl_handshake_assembly_size(handshake->messages[i].room);
    return sum;
}

bool sl_handshake_keep_fragment(struct handshake *handshake, unsigned at, unsigned turn,
                                const struct fragment *fragment)
{
    struct assembly *message = &handshake->messages[at];
    if (at != turn && !sl_handshake_has_room(message, fragment->msg_len) &&
        memory_ahead(handshake, turn, at, fragment->msg_len) > AHEAD_MAX) {
        sl_handshake_count(handshake->owner, SL_HANDSHAKE_AHEAD_LIMIT);
        return true;
    }
    return sl_handshake_add_fragment(message, fragment);
}
