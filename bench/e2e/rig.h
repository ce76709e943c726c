/**
 * A worker with everything around it in memory: a port, sessions whose other ends are here, and one
 * consumer. Feeding and taking away is not timed by who runs the loops.
 *
 * Which port, the program's build file says: rig_array.c, an array of frames and no DPDK, for what
 * a stage costs; rig_ring.c, a DPDK port of rings and the gateway's own loop, for what a packet
 * costs.
 */
#ifndef BENCH_RIG_H
#define BENCH_RIG_H

#include "sl_worker.h"

#define RIG_FEED_MAX 4096 /* frames of one pass; a multiple of a span */

struct rig;

/** Takes session_count clients (<= SL_SESSIONS_MAX) through cookie and keys; exits on failure. */
struct rig *rig_create(uint32_t session_count);
void rig_destroy(struct rig *rig);

/** From now on only so many of the clients are fed and sent to. */
void rig_use(struct rig *rig, uint32_t session_count);

/** Which buffers the port receives into; REUSED until another is said. */
enum rig_buffers {
    RIG_BUFFERS_REUSED,   /* each burst's are those freed last: near caches hold them, as they do
                             with a port that copies, net_pcap for one */
    RIG_BUFFERS_ROTATING, /* each is received into once a pass: no near cache holds them, as behind
                             a card with a ring of RIG_FEED_MAX descriptors */
};
void rig_receive_into(struct rig *rig, enum rig_buffers buffers);

/** Seals RIG_FEED_MAX records of payload_len bytes, fresh numbers, sessions mixed. */
void rig_feed(struct rig *rig, uint32_t payload_len);
/**
 * The loop of a worker's thread until so many of the records fed are delivered, or a burst more.
 * Each turn copies a burst of them into buffers, unless these rotate, and the port receives it.
 * Exits when any is lost.
 *
 * return how many are, counted from the feeding.
 */
unsigned rig_run_in(struct rig *rig, unsigned until);
/** The consumer takes what it was given; exits when it is not what was sealed. Not a part of what
 * is timed: it would be another core's work. */
void rig_drain(struct rig *rig);
/** The same loop without a worker: copies, clock, port and frames only. */
unsigned rig_run_port_in(struct rig *rig, unsigned until);

/** The consumer sends RIG_FEED_MAX messages of payload_len bytes, sessions mixed. */
void rig_send(struct rig *rig, uint32_t payload_len);
/** The loop until so many of them were transmitted, or a burst more. return how many were. */
unsigned rig_run_out(struct rig *rig, unsigned until);
/** The same loop without a worker: clock, empty frames, and the port; after rig_begin, not
 * rig_send. */
void rig_begin(struct rig *rig);
unsigned rig_run_port_out(struct rig *rig, unsigned until);
/** As rig_run_out to the end, and the clients open what comes: exits when a frame is not what was
 * sent. */
void rig_check_out(struct rig *rig);

#endif
