/** All engines of the program: a thread each, with its port. */
#ifndef LOAD_ENGINES_H
#define LOAD_ENGINES_H

#include "port.h"
#include "result.h"
#include "settings.h"

struct engines;

/** return the engines (caller owns), not started, or NULL and reason [SETTINGS_REASON_LEN]. */
struct engines *engines_create(const struct settings *settings, unsigned count, char *reason);
/** Stops them, if they run. return 0, or -EIO: not all of the capture could be written. NULL:
 * nothing, 0. */
int engines_destroy(struct engines *engines);
/** return 0, or -errno and reason. */
int engines_start(struct engines *engines, char *reason) SL_MUST_USE;
/** Returns when every thread has ended. */
void engines_stop(struct engines *engines);

/* Of all together. */
void engines_order_phase(struct engines *engines, enum sl_load_phase phase);
void engines_order_rate(struct engines *engines, double rate);
bool engines_are_done(const struct engines *engines);
void engines_read_stats(const struct engines *engines, struct sl_load_stats *stats);
void engines_read_failures(const struct engines *engines, struct result *result);
/** What the ports have counted, and how it is spread over clients; once the threads have ended.
 * return false when there is no memory. */
bool engines_read_clients(const struct engines *engines, struct client_spread *spread) SL_MUST_USE;
void engines_read_ports(const struct engines *engines, struct result *result);

/** Monotonic. */
uint64_t engines_now_ns(void);

#endif
