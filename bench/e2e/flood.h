/**
 * Floods: packets that nobody should send, between good ones, through one receive queue that loses
 * what does not fit, and all of it in the worker's own time. Its clock is what its turns took, and
 * by that clock packets come: so one core both makes them and handles them, and making costs
 * nothing that is measured.
 *
 * One thread; a rig whose sessions are all established.
 */
#ifndef BENCH_FLOOD_H
#define BENCH_FLOOD_H

#include "rig.h"

/** Descriptors of the receive queue: as many as lib/port asks a card for. */
#define FLOOD_QUEUE_LEN 1024
/** Plaintext of a good message. */
#define FLOOD_MESSAGE_LEN 64

enum flood_kind {
    FLOOD_CLIENT_HELLO, /* whole and well-formed, from anywhere; one in four with a cookie that the
                           gateway could have made, had it not been invented */
    FLOOD_RANDOM,       /* bytes; half of the packets begin as a DTLS record does */
    FLOOD_FORGED,       /* records of living sessions, numbers that may be next, no key's tag */
    FLOOD_REPLAY,       /* copies of good packets that were delivered */
    FLOOD_FRAGMENT,     /* IPv4 fragments, IPv6 fragments, pieces of ClientHellos: a third each */
    FLOOD_WRONG_CID, /* connection IDs of nobody: half random, half with a living session's slot */
    FLOOD_MIXED,     /* one of these after another */
    FLOOD_KINDS,
};
/** "client_hello" */
const char *flood_name(enum flood_kind kind);

/** What comes in a stretch of time. */
struct flood_traffic {
    double
        good_gap;   /* ticks between good messages, which come at a constant rate; INFINITY: none */
    double bad_gap; /* between bad ones on average, at random times (Poisson); INFINITY: none */
    enum flood_kind kind;
    unsigned queue_len; /* <= FLOOD_QUEUE_LEN */
};

/** What became of it. Ticks are the time stamp counter's. */
struct flood_outcome {
    uint64_t ticks;           /* of the worker's time */
    uint64_t busy_ticks;      /* of these, in turns that received anything */
    uint64_t busy_turns;      /* these turns */
    uint64_t good, good_lost; /* came; found the queue full */
    uint64_t bad, bad_lost;
    uint64_t delivered;                        /* good messages that the consumer got */
    uint64_t answers, answer_bytes, bad_bytes; /* frames sent, and received from strangers */
    uint64_t gaps; /* turns in which the machine did something else, charged as the others */
};

struct flood;

/** A rig with so many sessions, <= 65,536. Exits on failure, as all calls do. */
struct flood *flood_create(uint32_t session_count);
void flood_destroy(struct flood *flood);

/**
 * Lets traffic come for so many ticks of the worker's time. What it finds in the queue is what was
 * left there. Each message the consumer gets is compared with what was sealed, and the worker's
 * counters have to add up; exits when one of these is wrong.
 */
struct flood_outcome flood_run(struct flood *flood, const struct flood_traffic *traffic,
                               uint64_t ticks);
/** Turns without arrivals until the queue is empty. */
void flood_settle(struct flood *flood);
/** A message to each session, and one from it. return of how many sessions one of the two did not
 * arrive. */
uint32_t flood_count_lost_sessions(struct flood *flood);

#endif
