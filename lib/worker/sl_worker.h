/**
 * All that one core owns, and the stages of a packet's way over bursts of frame descriptors. Frames
 * and messages in, frames and messages out, the time an argument: no DPDK, no thread, no clock.
 * docs/architecture.md draws the stages.
 *
 * A worker never allocates, blocks or logs after it was created; its one system call wakes a
 * consumer that sleeps. One thread calls everything on one worker.
 */
#ifndef SL_WORKER_H
#define SL_WORKER_H

#include "sl_admission.h"
#include "sl_base.h"
#include "sl_crypto.h"
#include "sl_message.h"
#include "sl_preload.h"
#include "sl_registry.h"
#include "sl_telemetry.h"
#include "sl_wire.h"

#define SL_SHARDS 256
#define SL_GROUPS_MAX 8
#define SL_GROUP_ADDRESSES_MAX 16
#define SL_LISTENERS_MAX 64
#define SL_HANDSHAKERS_MAX 8
#define SL_NEXT_HOPS_MAX 128 /* known at once */

enum sl_peer_moves { SL_PEER_MOVES_HOLD, SL_PEER_MOVES_ACCEPT, SL_PEER_MOVES_REFUSE };

/** A port group as a worker sees it. */
struct sl_group {
    uint8_t mac[SL_ETHER_ADDR_LEN];
    uint16_t vlan_id;  /* SL_VLAN_NONE, or the only VLAN served */
    uint16_t mtu;      /* IP packet bytes */
    uint16_t tx_flags; /* SL_FRAME_TX_*: what the port does for frames sent */
    enum sl_rx_checksum rx_checksum;
    unsigned address_count;
    struct sl_ip addresses[SL_GROUP_ADDRESSES_MAX];
};

struct sl_listener {
    uint16_t port; /* UDP, host order */
    uint16_t service;
};

/** What the worker asks of its surroundings; each call is for a burst, n <= SL_BURST. */
struct sl_worker_io {
    void *arg;
    /** Frames that ended return to their pools. */
    void (*free_frames)(void *arg, struct sl_frame **frames, unsigned n);
    /** Empty frames to send on a group: data at the start of the room, len 0, tailroom the room,
     * headroom >= 0. return how many, 0..n. */
    unsigned (*take_frames)(void *arg, unsigned group, struct sl_frame **frames, unsigned n);
    /** Sends; ownership of the first `return` frames passes, the rest stays with the worker. Their
     * headroom and tailroom say nothing. */
    unsigned (*transmit)(void *arg, unsigned group, struct sl_frame **frames, unsigned n);
    /** Hands parsed frames to another worker; likewise. */
    unsigned (*hand_over)(void *arg, unsigned worker, struct sl_frame **frames, unsigned n);
};

struct sl_worker_config {
    unsigned index; /* this worker's */
    unsigned worker_count;
    const uint8_t *shard_owner; /* [SL_SHARDS], values < worker_count; borrowed */
    struct sl_worker_io io;
    enum sl_crypto_backend crypto;
    uint32_t sessions_max; /* of this worker */
    uint32_t half_open_max;
    uint64_t idle_timeout_ns;
    uint64_t handshake_timeout_ns;
    enum sl_peer_moves peer_moves;
    uint8_t prefix_len_v4, prefix_len_v6;       /* bits of a source prefix, for limits by prefix */
    const struct sl_admission_rules *admission; /* borrowed, until others come by message; NULL: no
                                                   limits, and everybody may come in */
    bool close_at_usage_limit; /* close a session whose AES-GCM key has sealed 2^24.5 records */
    unsigned group_count;
    struct sl_group groups[SL_GROUPS_MAX];
    unsigned listener_count;
    struct sl_listener listeners[SL_LISTENERS_MAX];
    uint16_t connect_port;  /* first of the local ports of sessions that the gateway begins */
    unsigned connect_ports; /* how many; none of them is a listener's. 0: it begins none */
    unsigned service_count;
    unsigned handshaker_count;
    struct sl_ring_producer *to_handshaker[SL_HANDSHAKERS_MAX];
    struct sl_ring_consumer *from_handshaker[SL_HANDSHAKERS_MAX];
    struct sl_ring_producer *to_control;
    struct sl_ring_consumer *from_control;
    uint8_t cookie_root[32]; /* secret, the same for all workers */
    uint8_t random_seed[32]; /* secret, this worker's own: hash keys, CID tags */
};

struct sl_worker;

/** Bytes of arena that a worker of this configuration takes. */
size_t sl_worker_memory_len(const struct sl_worker_config *config);
/** return the worker, its memory from the arena (and a few libcrypto objects); NULL and errno. */
struct sl_worker *sl_worker_create(const struct sl_worker_config *config, struct sl_arena *arena);
void sl_worker_destroy(struct sl_worker *worker);

/** The worker that a recorded session belongs to: by its connection ID's shard, else by its
 * 5-tuple's. shard_owner [SL_SHARDS] as in the configuration. */
unsigned sl_worker_of_preload(const uint8_t *shard_owner,
                              const struct sl_preload_session *recorded);
/**
 * Takes over a session that was recorded: established, its client not known, to be opened with the
 * key recorded. It is sealed for under a key that nobody else has, for with the one it was recorded
 * under record numbers have been used that nobody knows; its next hop is where the first authentic
 * record comes from, and nothing is sent before. No handshaker hears of it. Sessions without a
 * connection ID take any slot: they come after those with one.
 *
 * random [SL_PRELOAD_RANDOM_LEN] secret, and used for nothing else.
 * reason [SL_PRELOAD_REASON_LEN] when refused: what to do about it.
 * return 0 or -EINVAL: nothing has changed. thread: whoever will run the worker, or before that.
 */
#define SL_PRELOAD_RANDOM_LEN (32 + 12)
#define SL_PRELOAD_REASON_LEN 192
int sl_worker_preload(struct sl_worker *worker, const struct sl_preload_session *recorded,
                      const uint8_t random[SL_PRELOAD_RANDOM_LEN], uint64_t now_ns,
                      char *reason) SL_MUST_USE;

/** Stages 1 to 5 for frames [n] just received on group/queue; takes ownership of all of them. */
void sl_worker_receive(struct sl_worker *worker, struct sl_frame **frames, unsigned n,
                       uint64_t now_ns);
/** The same for frames that another worker handed over: parsed already, never handed over again. */
void sl_worker_take_over(struct sl_worker *worker, struct sl_frame **frames, unsigned n,
                         uint64_t now_ns);
/**
 * The rest of one turn: messages of the handshakers and of control, stages 6 to 8 for what
 * consumers and handshakers send, the sweep, one publish for each ring that was written, wake-ups.
 * return whether there was anything to do.
 */
bool sl_worker_turn(struct sl_worker *worker, uint64_t now_ns);

/** True once `stop` was received and every session has been closed, its close_notify handed to the
 * port or given up. */
bool sl_worker_is_stopped(const struct sl_worker *worker);

/** Its counters: readable by any thread with sl_counters_snapshot. */
const struct sl_counters *sl_worker_counters(const struct sl_worker *worker);
const char *sl_worker_crypto_name(const struct sl_worker *worker);

#endif
