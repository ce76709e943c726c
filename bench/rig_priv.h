/** What the files of the rig share. */
#ifndef RIG_PRIV_H
#define RIG_PRIV_H

#include "rig.h"

#define FRAME_ROOM 2176 /* as an mbuf of the gateway's pool */
#define FRAME_HEADROOM 128
#define TX_FRAMES 512
#define CID_LEN 8
#define PEER_CID_LEN 5
/* The receive ring is drained in the loop; the send ring holds a whole pass. */
#define RECEIVE_RING_SIZE (1UL << 20)
#define SEND_RING_SIZE (8UL << 20)

#define OWN_PORT 4433
extern const uint8_t rig_own_mac[SL_ETHER_ADDR_LEN];

/** A client: where it is, and its half of the session. */
struct client {
    struct sl_path path; /* from the gateway's side: remote is the client */
    uint64_t handle;
    struct sl_epoch epoch;
};

struct rig {
    struct sl_worker *worker;
    struct sl_aead *aead;
    uint8_t shard_owner[SL_SHARDS];
    struct sl_ring *to_handshaker, *from_handshaker, *to_control, *from_control;
    void *worker_memory;
    uint32_t client_count;
    struct client *clients;
    uint32_t next_client;
    uint8_t *payload;

    struct sl_frame *frames; /* [RIG_FEED_MAX], then [TX_FRAMES] */
    uint8_t *buffers;
    uint32_t fed, received;
    struct sl_frame *spare[TX_FRAMES]; /* frames to send, not in use */
    uint32_t spare_count;
    uint64_t transmitted;
    uint8_t last_sent[FRAME_ROOM];
    uint16_t last_sent_len;
    bool keeps_last;

    struct sl_attachment attachment;
    struct sl_ring_consumer consumer_receive;
    struct sl_ring_producer consumer_send;
    struct sl_ring_producer_words *producer_words; /* [2] */
    struct sl_ring_consumer_words *consumer_words; /* [2] */
    uint8_t *receive_data, *send_data;
    uint64_t delivered;
};

void rig_fail(const char *what);
/** An empty frame of the feed or of those to send. */
void rig_reset_frame(struct rig *rig, struct sl_frame *frame);

/* rig_clients.c */
struct sl_path rig_path_of(uint32_t client);
/** Headers from the client to the gateway before payload_len bytes that stand behind them. */
void rig_write_client_headers(struct sl_frame *frame, const struct sl_path *path,
                              uint32_t payload_len);
/** Takes a client through cookie and keys. */
void rig_connect_client(struct rig *rig, uint32_t index);

#endif
