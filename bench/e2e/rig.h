/**
 * A worker with everything around it in memory: a port, sessions whose other ends are here, and one
 * consumer. Feeding is not timed by who runs the loops. Of what the consumer does, only its walk
 * over the entries' headers lies inside them: the ring has the gateway's default size, not a
 * pass's.
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

/** Seals RIG_FEED_MAX records of payload_len bytes, fresh numbers, sessions mixed, into frames that
 * the port will receive. */
void rig_feed(struct rig *rig, uint32_t payload_len);
/**
 * The loop of a worker's thread until so many of the frames fed are delivered, or a burst more.
 * Exits when any is lost.
 *
 * return how many are, counted from the feeding.
 */
unsigned rig_run_in(struct rig *rig, unsigned until);
/** The same loop without a worker: clock, port and frames only. */
unsigned rig_run_port(struct rig *rig, unsigned until);

/** The consumer sends RIG_FEED_MAX messages of payload_len bytes, sessions mixed. */
void rig_send(struct rig *rig, uint32_t payload_len);
/** The loop until so many of them were transmitted, or a burst more. return how many were. */
unsigned rig_run_out(struct rig *rig, unsigned until);

#endif
