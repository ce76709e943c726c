/**
 * Threads: one lcore for each worker with the loop `receive, stages, send`, the handshake threads,
 * and the rings between them. Starts and stops the whole gateway; no policy of its own.
 */
#ifndef SL_RUNTIME_H
#define SL_RUNTIME_H

#include "sl_base.h"
#include "sl_connect.h"
#include "sl_handshake.h"
#include "sl_hardening.h"
#include "sl_lookup.h"
#include "sl_port.h"
#include "sl_registry.h"
#include "sl_worker.h"

struct sl_runtime;

struct sl_runtime_config {
    unsigned worker_count;
    bool yield_when_idle;
    unsigned port_count;
    struct sl_port_config
        ports[SL_GROUPS_MAX];               /* group, queue_count, rss fields are filled in here */
    struct sl_worker_config worker;         /* template: what is the same for all workers; groups
                                               hold addresses, VLAN and checksum policy only */
    struct sl_handshaker_config handshaker; /* template */
    unsigned handshaker_count;
    const struct sl_lookup_programs *lookup; /* NULL, or a copy for each handshaker; borrowed */
    const char *consumer_socket;
    uint32_t consumer_socket_mode;
    unsigned consumers_per_user; /* root aside; 0: as many as there is room for */
    const char *const *services; /* [worker.service_count] */
    uint64_t ring_size;
    unsigned connection_count; /* whose ports are in worker, and credentials in
                                  handshaker.roles.clients; 0: none ever */
    const struct sl_connection_config *connections;
    struct sl_hardening *hardening; /* each thread gives up what its kind does not need; or NULL */
    void (*log)(const char *line);
};

/** EAL must be up, with one lcore for each worker beside the main one. return NULL and reason[256].
 */
struct sl_runtime *sl_runtime_create(const struct sl_runtime_config *config, char *reason);
/**
 * Hands a recorded session to the worker that it belongs to (sl_worker_preload), between create and
 * start; those without a connection ID after the others. return 0, or negative and
 * reason[SL_PRELOAD_REASON_LEN]: nothing has changed.
 */
int sl_runtime_preload(struct sl_runtime *runtime, const struct sl_preload_session *recorded,
                       char *reason) SL_MUST_USE;
/**
 * Launches all threads, and waits until each has given up what it is to. The calling thread, the
 * control thread, sees to itself. return 0 or -errno and reason.
 */
int sl_runtime_start(struct sl_runtime *runtime, char *reason) SL_MUST_USE;

/** The control thread's turn: messages of workers, registration of consumers. */
void sl_runtime_poll(struct sl_runtime *runtime, uint64_t now_ns);
/** Readable when a consumer wants something; poll at least every 100 ms all the same. */
int sl_runtime_fd(const struct sl_runtime *runtime);

/**
 * From now on handshakes begin with these certificates, with what these services take, and with
 * these clients; sessions and handshakes that have begun do not notice. Sessions are begun for
 * these connections, and those of others are closed: sl_connector_replace. roles        as many
 * services as at the start: the same names in the same order; a client for each connection, in the
 * same order. connections  [roles->client_count]; none where there were none at the start. return
 * 0, or negative and reason[256]: nothing has changed. -EBUSY: the last ones have not been taken by
 * all threads yet, or sessions of the last connections have not ended yet.
 */
int sl_runtime_replace_roles(struct sl_runtime *runtime,
                             const struct sl_handshake_roles_config *roles,
                             const struct sl_connection_config *connections,
                             char *reason) SL_MUST_USE;
/** All handshake threads have taken the last ones. */
bool sl_runtime_has_replaced_roles(const struct sl_runtime *runtime);

/** Asks all workers to close their sessions; poll until sl_runtime_is_stopped, then destroy. */
void sl_runtime_stop(struct sl_runtime *runtime);
bool sl_runtime_is_stopped(const struct sl_runtime *runtime);
/** Ends all threads, stopped or not, and frees everything. */
void sl_runtime_destroy(struct sl_runtime *runtime);

/**
 * Gives the workers other rules of admission: those before are borrowed until
 * sl_runtime_has_admitted(rules). return 0; -EBUSY: the last ones are still on their way.
 */
int sl_runtime_admit(struct sl_runtime *runtime,
                     const struct sl_admission_rules *rules) SL_MUST_USE;
/** Whether every worker reads the rules that were given last, and no others. */
bool sl_runtime_has_admitted(const struct sl_runtime *runtime);

/** What a port turned out to be, and the crypto back-end that was chosen. */
const struct sl_port_info *sl_runtime_port(const struct sl_runtime *runtime, unsigned port);
const char *sl_runtime_crypto_name(const struct sl_runtime *runtime);
/** Consumers registered now; out [SL_CONSUMERS_MAX]. return how many. */
unsigned sl_runtime_consumers(const struct sl_runtime *runtime, struct sl_consumer_info *out);

/** The sessions that the gateway begins: sl_connector_list, sl_connector_reconnect. */
unsigned sl_runtime_connections(struct sl_runtime *runtime, struct sl_connection_info *out);
enum sl_reconnect sl_runtime_reconnect(struct sl_runtime *runtime, const char *name,
                                       uint64_t now_ns) SL_MUST_USE;

/**
 * Calls take for each session whose key has met forged records (RFC 9325 4.4), and waits for the
 * workers' answers: some milliseconds, for a million sessions a second. Sessions that libssl keeps
 * are not among them. return false: a worker did not answer in 3 s.
 */
typedef void sl_runtime_take_session(void *arg, unsigned worker,
                                     const struct sl_listed_session *session);
bool sl_runtime_list_forged(struct sl_runtime *runtime, sl_runtime_take_session *take,
                            void *arg) SL_MUST_USE;

/** For telemetry: everything there is to print. The result is borrowed until the next call. */
const struct sl_stats *sl_runtime_stats(struct sl_runtime *runtime, uint64_t now_ns);

#endif
