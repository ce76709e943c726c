/** What the files of the flood share. */
#ifndef FLOOD_PRIV_H
#define FLOOD_PRIV_H

#include "flood.h"
#include "rig_priv.h"

#define FLOOD_FRAME_MAX 304
/** So many packets are made in a row, untimed. */
#define FLOOD_AHEAD 4096
/** Good messages that are remembered; as many may be under way, and a few more. */
#define FLOOD_MESSAGES 65536
static_assert(FLOOD_MESSAGES > FLOOD_AHEAD + FLOOD_QUEUE_LEN, "none is forgotten under way");
/** Good packets of which replays are made. */
#define FLOOD_SAVED 16384
static_assert(FLOOD_SAVED < FLOOD_MESSAGES - FLOOD_AHEAD, "what became of them is remembered");

/** A packet that is to come. */
struct flood_packet {
    uint64_t due;    /* the worker's time */
    uint64_t number; /* of a good message, from 1 on; 0: a bad packet */
    uint16_t len;
    uint8_t bytes[FLOOD_FRAME_MAX];
} __attribute__((aligned(SL_CACHE_LINE)));

struct flood_message {
    uint64_t number;
    const struct client *client;
    bool is_delivered;
};

/** A good packet as it came. */
struct flood_saved {
    uint64_t number;
    uint16_t len;
    uint8_t bytes[FLOOD_FRAME_MAX];
};

struct flood {
    struct rig *rig;
    struct flood_traffic traffic;
    double next_good, next_bad; /* when they are due, the worker's time */
    uint64_t random;
    struct flood_outcome outcome;
    uint64_t now;                   /* the worker's time */
    uint64_t offered;               /* frames put into the queue */
    struct flood_packet *packets;   /* [FLOOD_AHEAD] */
    unsigned next, count;           /* of packets */
    struct flood_message *messages; /* [FLOOD_MESSAGES] by number */
    uint64_t message_count;
    struct flood_saved *saved; /* [FLOOD_SAVED] */
    uint64_t saved_count;
    uint8_t cookie_tag; /* the first byte of the cookies that are made now */
};

/* flood_packets.c: what packets look like. */
/** A good message of one of the clients. */
void flood_make_good(struct flood *flood, uint32_t client, struct flood_packet *packet);
void flood_make_bad(struct flood *flood, enum flood_kind kind, struct flood_packet *packet);
/** The plaintext of a good message. */
void flood_write_message(const struct rig *rig, uint64_t number, uint8_t out[FLOOD_MESSAGE_LEN]);
static inline struct flood_message *flood_message_of(const struct flood *flood, uint64_t number)
{
    return &flood->messages[number % FLOOD_MESSAGES];
}

/* flood_schedule.c */
/** From now on the traffic comes. */
void flood_schedule_begin(struct flood *flood);
/** When the next packet is due, and whether it is a good one. */
bool flood_schedule_next(struct flood *flood, uint64_t *due);

/** xorshift, Marsaglia 2003; its better half is the upper one. */
static inline uint64_t flood_random(struct flood *flood)
{
    flood->random ^= flood->random << 13;
    flood->random ^= flood->random >> 7;
    flood->random ^= flood->random << 17;
    return flood->random;
}

#endif
