/** What the files of the rig share. */
#ifndef RIG_PRIV_H
#define RIG_PRIV_H

#include "rig.h"

#define CID_LEN 8
#define PEER_CID_LEN 5
/* The receive ring holds a span at least; the send ring holds a whole pass. */
#define RECEIVE_RING_SIZE (1UL << 20)
#define SEND_RING_SIZE (8UL << 20)

#define OWN_PORT 4433
#define FRAME_MAX 2048
#define FED_LEN_MAX 1664
/* Payloads are stretches of random bytes that begin at so many different places. */
#define PAYLOAD_PLACES 4093
#define PAYLOAD_LEN_MAX 1408
extern const uint8_t rig_own_mac[SL_ETHER_ADDR_LEN];

/** A client: where it is, and its half of the session. */
struct client {
    struct sl_path path; /* from the gateway's side: remote is the client */
    uint64_t handle;
    struct sl_epoch epoch;
};

/** A frame that is to be received, and what its record says. */
struct fed_frame {
    struct client *client;
    const uint8_t *plain;
    uint32_t plain_len;
    uint16_t len;
    uint8_t bytes[FED_LEN_MAX] __attribute__((aligned(SL_CACHE_LINE)));
};

struct rig {
    struct rig_port *port;
    struct sl_worker *worker;
    struct sl_aead *aead;
    uint8_t shard_owner[SL_SHARDS];
    struct sl_ring *to_handshaker, *from_handshaker, *to_control, *from_control;
    void *worker_memory;
    uint32_t client_count;
    struct client *clients;
    uint32_t busy_count;  /* <= client_count */
    uint32_t begun_count; /* clients that have sent anything */
    uint64_t random;
    uint8_t *payload; /* [PAYLOAD_PLACES + PAYLOAD_LEN_MAX] */
    uint64_t next_payload;
    enum rig_buffers buffers;
    struct fed_frame *fed; /* [RIG_FEED_MAX]; of what is sent, without the bytes */
    unsigned offered;      /* of fed */
    unsigned checked;      /* of fed */

    struct sl_attachment attachment;
    struct sl_ring_consumer consumer_receive;
    struct sl_ring_producer consumer_send;
    struct sl_ring_producer_words *producer_words; /* [2] */
    struct sl_ring_consumer_words *consumer_words; /* [2] */
    uint8_t *receive_data, *send_data;
    uint64_t delivered_before; /* the feeding, counted by the worker */
    unsigned done;             /* of what was fed or sent last */
};

void rig_fail(const char *what);

/** The consumer's ring has no room for what the next turn may deliver. */
bool rig_is_ring_nearly_full(const struct rig *rig);

/* rig_array.c or rig_ring.c: the port. Frames belong to it; all calls exit on failure. */
struct rig_port *rig_port_open(void);
void rig_port_close(struct rig_port *port);
/** What the worker asks of it. */
struct sl_worker_io rig_port_io(struct rig_port *port);
/** The worker that rig_port_turn is about. */
void rig_port_serve(struct rig_port *port, struct sl_worker *worker);
/** Empty frames, to be filled and offered; up to RIG_FEED_MAX before they are received. n <=
 * SL_BURST. */
void rig_port_take(struct rig_port *port, struct sl_frame **frames, unsigned n);
/** Frames to be received, in this order. n <= SL_BURST. */
void rig_port_offer(struct rig_port *port, struct sl_frame **frames, unsigned n);
/** The worker's clock stands still between these two. */
void rig_port_stop_clock(struct rig_port *port);
void rig_port_start_clock(struct rig_port *port);
/** One turn of a worker's loop. */
void rig_port_turn(struct rig_port *port);
/** The same with no worker: receives a burst and frees it. return its frames. */
unsigned rig_port_pass_in(struct rig_port *port);
/** The same for what is sent: takes a burst of frames and transmits it as it is. */
void rig_port_pass_out(struct rig_port *port);
/** Takes away what was transmitted, the oldest first. look  is given each frame, unless NULL.
 * return how many. */
typedef void rig_look(void *arg, const uint8_t *bytes, size_t len);
unsigned rig_port_drain(struct rig_port *port, rig_look *look, void *arg);

/* rig_clients.c */
struct sl_path rig_path_of(uint32_t client);
/** Headers from the client to the gateway before payload_len bytes that stand behind them. */
void rig_write_client_headers(struct sl_frame *frame, const struct sl_path *path,
                              uint32_t payload_len);
/** Opens a frame of the gateway's. return whether it is for this client and holds this. */
bool rig_opens(struct rig *rig, struct client *client, const uint8_t *bytes, size_t len,
               const uint8_t *plain, uint32_t plain_len);
/** Exits unless it is what was sent. */
void rig_check_frame(struct rig *rig, const struct fed_frame *sent, const uint8_t *bytes,
                     size_t len);
/** Takes a client through cookie and keys. */
void rig_connect_client(struct rig *rig, uint32_t index);

#endif
