/** What the files of lib/sockets share: the sources, the pool, a batch of received messages. */
#ifndef SOCKETS_PRIV_H
#define SOCKETS_PRIV_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "sl_sockets.h"

#define SOCKETS_REASON_LEN 256
#define SOCKETS_SOURCES_MAX (1U << 20)
/** Messages of one socket that are received with one call. */
#define SOCKETS_BATCH 16
/** Frames that are sorted and sent together; the kernel's oldest limit of segments, too. */
#define SOCKETS_BURST 64
/** The most bytes that the kernel hands over, or takes, as one message. */
#define SOCKETS_MESSAGE_MAX 65535
#define SOCKETS_NO_GROUP UINT16_MAX

/** A socket. */
struct sockets_source {
    struct sl_tuple tuple;
    int fd;               /* -1: none */
    uint32_t overruns;    /* of the socket's, that are counted already */
    uint16_t group;       /* of the burst that is being sent, or SOCKETS_NO_GROUP */
    uint16_t segment_max; /* the longest datagrams that the kernel cuts for it; 0: none */
    bool is_ready;        /* stands in `ready` */
};

/** A control message of one int (UDP_GRO) or uint16_t (UDP_SEGMENT), aligned for its header. */
union sockets_control {
    struct cmsghdr header;
    uint8_t bytes[CMSG_SPACE(sizeof(int))];
};

/**
 * What one call received of one source, until all of it is handed out. Each message begins in a
 * frame of its own and goes on in its landing place. Joined datagrams are then copied there, each
 * at its offset, and from there to frames.
 */
struct sockets_batch {
    unsigned source, count;
    unsigned at;                            /* the message that is handed out */
    unsigned off;                           /* and how many of its bytes were */
    struct sl_frame *frames[SOCKETS_BATCH]; /* NULL: handed out */
    unsigned segment_len[SOCKETS_BATCH];    /* of its datagrams but the last */
    struct mmsghdr messages[SOCKETS_BATCH];
    struct iovec parts[SOCKETS_BATCH][2];
    union sockets_control control[SOCKETS_BATCH];
    uint8_t *landing; /* [SOCKETS_BATCH][SOCKETS_MESSAGE_MAX + 1]; NULL: nothing is joined */
};

/** What one call sends of one source. */
struct sockets_outgoing {
    struct mmsghdr messages[SOCKETS_BURST];
    struct iovec parts[SOCKETS_BURST];
    union sockets_control control[SOCKETS_BURST];
    unsigned frame_count[SOCKETS_BURST]; /* of each message */
};

struct sl_sockets {
    struct sl_sockets_config config;
    int epoll_fd;
    struct sockets_source *sources; /* [sources_max] */
    struct sockets_source nowhere;  /* of frames whose source there is not */

    /* Sources that may have something, each once, in the order of their turns: a ring. */
    uint32_t *ready; /* [sources_max] */
    unsigned ready_first, ready_count;

    uint8_t *slots; /* [frame_count], each a descriptor, headroom and room */
    struct sl_frame **free;
    unsigned free_count;

    struct sockets_batch batch;
    struct sockets_outgoing outgoing;
    uint64_t counters[SL_SOCKET_COUNTER_COUNT];
};

int sockets_pool_create(struct sl_sockets *sockets);
void sockets_pool_destroy(struct sl_sockets *sockets);
/** One empty frame, of which there is one. */
struct sl_frame *sockets_take_frame(struct sl_sockets *sockets);
void sockets_free_frame(struct sl_sockets *sockets, struct sl_frame *frame);

/** Forgets what was received of a source and not handed out. */
void sockets_forget_batch(struct sl_sockets *sockets, unsigned source);

/** Counts an error that a socket told; `otherwise` is for those without a counter of their own. */
void sockets_count_error(struct sl_sockets *sockets, int error, enum sl_socket_counter otherwise);

static inline void sockets_count(struct sl_sockets *sockets, enum sl_socket_counter counter,
                                 uint64_t n)
{
    sockets->counters[counter] += n;
}

#endif
