/**
 * A worker with everything around it in memory: a port that takes frames from an array, sessions
 * whose other ends are here, and one consumer. What feeds and drains it is not timed.
 */
#ifndef BENCH_RIG_H
#define BENCH_RIG_H

#include "sl_worker.h"

#define RIG_FEED_MAX 4096 /* frames of one pass */

struct rig;

/** Takes session_count clients (<= SL_SESSIONS_MAX) through cookie and keys; exits on failure. */
struct rig *rig_create(uint32_t session_count);
void rig_destroy(struct rig *rig);
struct sl_worker *rig_worker(struct rig *rig);

/** Seals RIG_FEED_MAX records of payload_len bytes, fresh numbers, sessions mixed, into frames. */
void rig_feed(struct rig *rig, uint32_t payload_len);
/** The next burst of frames that were fed: what a port's receive call gives. */
unsigned rig_receive(struct rig *rig, struct sl_frame *frames[SL_BURST]);
/** Consumes what the worker delivered without reading payloads. return how many messages. */
unsigned rig_drain(struct rig *rig);
/** The loop of a worker's thread until all that was fed is delivered. Exits when any is lost. */
void rig_run_in(struct rig *rig);
/** The same loop without a worker: port, clock and frames only. */
void rig_run_port(struct rig *rig);

/** The consumer sends RIG_FEED_MAX messages of payload_len bytes, sessions mixed. */
void rig_send(struct rig *rig, uint32_t payload_len);
/** The worker's turns until all of them were transmitted. */
void rig_run_out(struct rig *rig);

#endif
