/* Sessions that were recorded, for a benchmark: established without a handshake. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "sessions_priv.h"
#include "stages_priv.h"

static int refuse(char *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(char *reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reason, SL_PRELOAD_REASON_LEN, format, args);
    va_end(args);
    return -EINVAL;
}

unsigned sl_worker_of_preload(const uint8_t *shard_owner, const struct sl_preload_session *recorded)
{
    uint8_t shard = recorded->cid_len == SL_OWN_CID_LEN ? sl_cid_parse(recorded->cid).shard
                                                        : worker_shard_of(&recorded->tuple);
    return shard_owner[shard];
}

/** The group that has the address; group_count: none has. */
static unsigned group_of(const struct sl_worker *w, const struct sl_ip *ip)
{
    for (unsigned g = 0; g < w->config.group_count; g++)
        for (unsigned a = 0; a < w->config.groups[g].address_count; a++)
            if (memcmp(&w->config.groups[g].addresses[a], ip, sizeof *ip) == 0)
                return g;
    return w->config.group_count;
}

static const struct sl_listener *listener_of(const struct sl_worker *w, uint16_t port)
{
    for (unsigned i = 0; i < w->config.listener_count; i++)
        if (w->config.listeners[i].port == port)
            return &w->config.listeners[i];
    return NULL;
}

/** May this worker have it, as far as its slot does not matter? return 0 or -EINVAL. */
static int check(struct sl_worker *w, const struct sl_preload_session *recorded, char *reason)
{
    if (recorded->cid_len != 0 && recorded->cid_len != SL_OWN_CID_LEN)
        return refuse(reason,
                      "its connection ID has %u bytes, and a gateway's has %d: it was recorded "
                      "somewhere else",
                      recorded->cid_len, SL_OWN_CID_LEN);
    unsigned owner = sl_worker_of_preload(w->config.shard_owner, recorded);
    if (owner != w->config.index)
        return refuse(reason, "it belongs to worker %u", owner);
    if (group_of(w, &recorded->tuple.local_ip) == w->config.group_count)
        return refuse(reason, "no port of this gateway has the server's address");
    if (listener_of(w, recorded->tuple.local_port) == NULL)
        return refuse(reason, "no listener of this gateway has port %u",
                      recorded->tuple.local_port);
    if (recorded->cid_len == 0 && sl_session_find_tuple(w->table, &recorded->tuple) != NULL)
        return refuse(reason, "another session without a connection ID has the same addresses");
    return 0;
}

/** Takes the slot that the connection ID names. return 0 or -EINVAL. */
static int take_slot(struct sl_worker *w, const uint8_t *cid, struct sl_session **session,
                     char *reason)
{
    const uint32_t slot = sl_cid_parse(cid).slot;
    const uint32_t capacity = sl_session_table_capacity(w->table);
    switch (sl_session_take_cid(w->table, cid, session)) {
    case 0:
        return 0;
    case -EINVAL:
        return refuse(reason, "its connection ID has a layout that no gateway gives out");
    case -ERANGE:
        return refuse(reason,
                      "its connection ID names slot %u, and a worker has %u of them: set "
                      "'sessions' to %llu at least",
                      slot, capacity, (slot + 1ULL) * w->config.worker_count);
    default:
        break;
    }
    if (memcmp(sl_session_at(w->table, slot)->own_cid, cid, SL_OWN_CID_LEN) == 0)
        return refuse(reason, "another session has the same connection ID");
    return refuse(reason,
                  "another session has slot %u of worker %u: the gateway recorded had more "
                  "workers (set 'workers' to as many), or sessions ended in the recording",
                  slot, w->config.index);
}

static void take_keys(struct sl_worker *w, struct sl_session *session,
                      const struct sl_preload_session *recorded, const uint8_t *random)
{
    struct sl_epoch_config config = {
        .number = 1,
        .alg = recorded->alg,
        .open_key = recorded->client_key,
        .open_iv = recorded->client_iv,
        .seal_key = random,
        .seal_iv = random + 32,
        .own_cid_negotiated = session->has_cid,
        .own_cid_len = SL_OWN_CID_LEN,
        .own_cid = session->own_cid,
        .peer_cid_len = recorded->peer_cid_len,
        .peer_cid = recorded->peer_cid,
    };
    sl_epoch_init(sl_session_take_epoch(w->table, session), w->aead, &config);
}

int sl_worker_preload(struct sl_worker *w, const struct sl_preload_session *recorded,
                      const uint8_t random[SL_PRELOAD_RANDOM_LEN], uint64_t now_ns, char *reason)
{
    struct sl_session *session = NULL;
    int error = check(w, recorded, reason);
    if (error == 0 && recorded->cid_len > 0)
        error = take_slot(w, recorded->cid, &session, reason);
    if (error != 0)
        return error;
    if (session == NULL)
        session = sl_session_take(w->table, worker_shard_of(&recorded->tuple));
    if (session == NULL)
        return refuse(reason, "there is no slot left for it: set 'sessions' higher");
    session->path.tuple = recorded->tuple;
    session->path.hop.group = (uint16_t)group_of(w, &recorded->tuple.local_ip);
    session->service = listener_of(w, recorded->tuple.local_port)->service;
    session->has_cid = recorded->cid_len > 0;
    if (!session->has_cid && !sl_session_index(w->table, session))
        __builtin_unreachable(); /* nobody has the tuple: check */
    take_keys(w, session, recorded, random);
    worker_establish_preloaded(w, session, now_ns);
    return 0;
}
