/** Somebody without a key who hears all that goes over the wire, and writes from any address. */
#ifndef SL_SIM_ATTACKER_H
#define SL_SIM_ATTACKER_H

#include <deque>
#include <optional>

#include "world.h"

namespace sl_sim
{

/** Frames that must change nothing. Names, for messages of tests, grow from the list. */
#define SL_SIM_HOSTILE_LIST(X)                                                                     \
    X(GARBAGE)            /* any bytes, from nowhere */                                            \
    X(BROKEN_HEADERS)     /* a frame heard, some bytes of its headers changed */                   \
    X(FORGED_RECORD)      /* from a client's address, of any type, epoch and number */             \
    X(FORGED_CLOSE)       /* a plaintext close_notify from a client's address */                   \
    X(FLIPPED_BIT)        /* a message heard, one bit of it changed */                             \
    X(OTHER_LENGTH)       /* a message heard, cut short or with bytes behind it */                 \
    X(REPLAY)             /* a message heard, again */                                             \
    X(REPLAY_ELSEWHERE)   /* the same from an address of the attacker's */                         \
    X(REPLAY_AS_ANOTHER)  /* the same from another client's address */                             \
    X(REFLECTED)          /* what the gateway sent to a client */                                  \
    X(GUESSED_CID)        /* a message heard under another connection ID */                        \
    X(NEXT_NUMBER)        /* a message heard under a number not used yet */                        \
    X(HIGHEST_NUMBER)     /* a message heard under the number 2^48 - 1 */                          \
    X(HELLO)              /* a ClientHello without cookie, from nowhere */                         \
    X(HELLO_WRONG_COOKIE) /* one with a cookie of the attacker's own making */                     \
    X(HELLO_SPOOFED)      /* the same from a client's address, who gets the answer */

enum class Hostile {
#define X(name) name,
    SL_SIM_HOSTILE_LIST(X)
#undef X
        COUNT,
};
const char *name_of(Hostile kind);

class Attacker
{
  public:
    /** Listens from now on. Its choices are its own: the network's random numbers are untouched. */
    Attacker(World &world, uint64_t seed);

    /** A frame; none where nothing was heard yet that it could be made of. */
    std::optional<Bytes> make(Hostile kind);
    /** Frames of any kind that no client gets an answer to, to any worker, in the next step. */
    void strike(unsigned count);
    uint64_t pick(uint64_t bound)
    {
        return random() % bound;
    }
    /** An address that is nobody's. */
    sl_path nowhere();
    /** From the attacker's address number `place`, always the same. */
    sl_path own_place(unsigned place) const;
    Bytes random_bytes(size_t len);

    uint64_t struck = 0;

  private:
    struct Heard {
        sl_path from; /* the client's view */
        Bytes payload;
    };

    void hear(bool to_gateway, const Bytes &frame, const Tag &tag);
    Bytes forged_record();
    std::optional<Bytes> altered(Hostile kind, const Heard &message);

    World &world;
    std::mt19937_64 random;
    std::deque<Heard> messages, answers; /* of clients, and to them; the latest */
};

/** A plaintext record; seq may be any. */
Bytes plaintext_record(uint8_t type, uint16_t epoch, uint64_t seq, const Bytes &body);

} // namespace sl_sim

#endif
