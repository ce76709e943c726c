/* A client's life: it waits, connects, is established, drains, ends, and comes back or not. */
#include <stdio.h>

#include "load_priv.h"

static bool is_running(const struct sl_load *load)
{
    return load->phase == SL_LOAD_RUN;
}

void load_settle(struct sl_load *load, struct client *client)
{
    const uint64_t before = client->books.lost;
    load_books_close(&client->books);
    load_count(load, SL_LOAD_LOST, client->books.lost - before);
}

/** The handshaker knows that the session is over: the client is free. */
static void release(struct sl_load *load, struct client *client)
{
    client->handle = 0;
    client->state = client->comes_back ? CLIENT_WAITING : CLIENT_GONE;
    if (client->comes_back)
        load_push(&load->waiting, load_number_of(load, client));
}

static void close_client(struct sl_load *load, struct client *client)
{
    if (load_has_keys(client))
        sl_epoch_wipe(load_epoch_of(load, client), load->epoch_len);
    client->state = CLIENT_CLOSING;
    if (load_tell_closed(load, client))
        release(load, client);
    else
        load_push(&load->untold, load_number_of(load, client));
}

static bool tell_untold(struct sl_load *load)
{
    bool any = false;
    while (load->untold.count > 0) {
        struct client *client = &load->clients[load_peek(&load->untold)];
        if (!load_tell_closed(load, client))
            break;
        load_pop(&load->untold);
        release(load, client);
        any = true;
    }
    return any;
}

/** Its first handshake has ended, well or not. */
static void note_first(struct sl_load *load, struct client *client)
{
    if (!client->has_tried)
        load->untried--;
    client->has_tried = true;
}

void load_end_session(struct sl_load *load, struct client *client, bool is_ours)
{
    const uint32_t number = load_number_of(load, client);
    load_settle(load, client);
    if (client->state == CLIENT_ESTABLISHED)
        load_remove(&load->active, number);
    else
        load_remove(&load->draining, number);
    if (is_ours)
        load_send_close_notify(load, client);
    load_count(load, is_ours ? SL_LOAD_SESSIONS_ENDED : SL_LOAD_SESSIONS_CLOSED, 1);
    client->comes_back =
        is_running(load) && (load->scenario.is_storm || load->scenario.churn_rate > 0);
    close_client(load, client);
}

/** Sends nothing any more; ends when nothing is outstanding. */
static void drain(struct sl_load *load, struct client *client)
{
    const uint32_t number = load_number_of(load, client);
    load_remove(&load->active, number);
    load_put(&load->draining, number);
    client->state = CLIENT_DRAINING;
    client->drained_by_ns = load->now_ns + load->scenario.late_after_ns;
}

void load_establish(struct sl_load *load, struct client *client,
                    const struct sl_message_established *message)
{
    if (client->state != CLIENT_KEYED)
        return;
    client->state = CLIENT_ESTABLISHED;
    client->plain_max = load_plain_max(load, client);
    load_remove(&load->connecting, load_number_of(load, client));
    load_put(&load->active, load_number_of(load, client));
    note_first(load, client);
    load_count(load, SL_LOAD_HANDSHAKES_COMPLETED, 1);
    load_count(load, SL_LOAD_HANDSHAKES_RESUMED, message->is_resumed);
    load_count(load, SL_LOAD_HANDSHAKES_WITH_CID,
               message->own_cid_in_use || message->peer_cid_in_use);
    sl_histogram_record(&load->stats.handshake, load->now_ns - client->begin_ns);
    if (load->scenario.is_storm)
        load_end_session(load, client, true);
}

static void end_handshake(struct sl_load *load, struct client *client, enum sl_load_counter how)
{
    load_count(load, how, 1);
    load_remove(&load->connecting, load_number_of(load, client));
    note_first(load, client);
    client->comes_back = is_running(load) && load->scenario.is_storm;
    close_client(load, client);
}

void load_fail(struct sl_load *load, struct client *client, const char *why)
{
    load_note_failure(load, why);
    end_handshake(load, client, SL_LOAD_HANDSHAKES_FAILED);
}

static void make_cid(struct sl_load *load, struct client *client)
{
    for (unsigned at = 0; at < sizeof client->own_cid; at += 4) {
        const uint32_t bits = (uint32_t)load_random_next(&load->random);
        memcpy(client->own_cid + at, &bits, sizeof bits);
    }
}

/** No socket, so no session either. */
static void fail_source(struct sl_load *load, struct client *client, int error)
{
    char why[SL_REASON_LEN];
    snprintf(why, sizeof why, "a socket could not be opened: %s", strerror(-error));
    load_note_failure(load, why);
    note_first(load, client);
    client->state = CLIENT_GONE;
}

static void connect_client(struct sl_load *load, struct client *client, uint64_t begin_ns)
{
    if (client->path.tuple.remote_port == 0) {
        int error = load_open_source(load, client);
        if (error != 0) {
            fail_source(load, client, error);
            return;
        }
    }
    make_cid(load, client);
    client->state = CLIENT_HANDSHAKE;
    client->handle = (uint64_t)++client->generation << 32 | load_number_of(load, client);
    client->begin_ns = begin_ns;
    client->epoch0_next = 0;
    load_put(&load->connecting, load_number_of(load, client));
    load_count(load, SL_LOAD_HANDSHAKES_BEGUN, 1);
    if (!load_tell_connect(load, client)) /* the ring has room for all that may be in flight */
        load_fail(load, client, "the handshaker's ring is full");
}

void load_send_all_home(struct sl_load *load)
{
    while (load->waiting.count > 0) {
        struct client *client = &load->clients[load_pop(&load->waiting)];
        note_first(load, client);
        client->state = CLIENT_GONE;
    }
}

/** Handshakes begin while it is a storm's time, or else while somebody waits. */
static bool is_time_to_connect(const struct sl_load *load)
{
    if (load->scenario.is_storm)
        return is_running(load);
    return load->phase <= SL_LOAD_RUN && load->waiting.count > 0;
}

/** When the next handshake was meant to begin. false: not yet. */
static bool take_connect(struct sl_load *load, uint64_t *begin_ns)
{
    *begin_ns = load->now_ns;
    return load->scenario.connect_rate <= 0 ||
           load_take_arrival(&load->connects, load->now_ns, begin_ns);
}

static bool begin_handshakes(struct sl_load *load)
{
    const bool is_time = load_is_on_the_net(load) && is_time_to_connect(load);
    if (is_time && !load->connects_run) { /* not to make up for the time when nobody waited */
        load_arrivals_init(&load->connects, LOAD_ARRIVALS_CONSTANT, 0);
        load_set_rate(&load->connects, load->now_ns, load_rate_of(load->scenario.connect_rate));
    }
    load->connects_run = is_time;
    unsigned n = 0;
    uint64_t begin_ns;
    while (is_time && n < CLIENTS_PER_TURN && load->waiting.count > 0 &&
           load->connecting.count < load->scenario.connects_in_flight &&
           take_connect(load, &begin_ns)) {
        connect_client(load, &load->clients[load_pop(&load->waiting)], begin_ns);
        n++;
    }
    return n > 0;
}

/** Sessions that end while the run goes on. */
static bool churn(struct sl_load *load)
{
    uint64_t intended_ns;
    unsigned n = 0;
    while (is_running(load) && n < CLIENTS_PER_TURN && load->active.count > 0 &&
           load_take_arrival(&load->churns, load->now_ns, &intended_ns)) {
        drain(load, &load->clients[load_next(&load->active, &load->next_churn)]);
        n++;
    }
    return n > 0;
}

static bool rebind(struct sl_load *load)
{
    uint64_t intended_ns;
    unsigned n = 0;
    while (is_running(load) && n < CLIENTS_PER_TURN && load->active.count > 0 &&
           load_take_arrival(&load->rebinds, load->now_ns, &intended_ns)) {
        struct client *client = &load->clients[load_next(&load->active, &load->next_rebind)];
        load_count(load, SL_LOAD_REBOUND, load_change_source(load, client));
        n++;
    }
    return n > 0;
}

static bool end_drained(struct sl_load *load)
{
    bool any = false;
    for (unsigned n = load->draining.count < CLIENTS_PER_TURN ? load->draining.count
                                                              : CLIENTS_PER_TURN;
         n > 0 && load->draining.count > 0 && load_outbox_room(load) > 0; n--) {
        struct client *client = &load->clients[load_next(&load->draining, &load->next_drained)];
        if (client->books.outstanding > 0 && load->now_ns < client->drained_by_ns)
            continue;
        load_end_session(load, client, true);
        any = true;
    }
    return any;
}

static struct client *last_of(struct sl_load *load, const struct load_set *set)
{
    return set->count > 0 ? &load->clients[set->numbers[set->count - 1]] : NULL;
}

/** CLOSE: everybody leaves, also who has not got in yet. */
static bool close_all(struct sl_load *load)
{
    unsigned n = 0;
    for (; n < CLIENTS_PER_TURN && load_outbox_room(load) > 0; n++) {
        struct client *client = last_of(load, &load->active);
        if (client == NULL)
            client = last_of(load, &load->draining);
        if (client != NULL)
            load_end_session(load, client, true);
        else if ((client = last_of(load, &load->connecting)) != NULL)
            end_handshake(load, client, SL_LOAD_HANDSHAKES_ABANDONED);
        else
            break;
    }
    return n > 0;
}

bool load_move_clients(struct sl_load *load)
{
    bool is_busy = tell_untold(load);
    is_busy |= begin_handshakes(load);
    is_busy |= churn(load);
    is_busy |= rebind(load);
    is_busy |= end_drained(load);
    if (load->phase == SL_LOAD_CLOSE)
        is_busy |= close_all(load);
    return is_busy;
}
