/* Messages out: whose turn it is when one is due, its payload, number and seal, in passes over a
 * burst. */
#include "load_priv.h"

/** Room that sealing needs behind the plaintext. */
#define TX_TAIL (1 + SL_AEAD_TAG_LEN)

uint16_t load_plain_max(const struct sl_load *load, const struct client *client)
{
    const struct sl_epoch *epoch = load_epoch_of(load, client);
    const uint32_t overhead = sl_record_sealed_len(epoch, 0), payload = load_payload_max(load);
    const uint32_t max = payload > overhead ? payload - overhead : 0;
    return (uint16_t)(max < epoch->plain_max ? max : epoch->plain_max);
}

/** 1. Who sends, and when it was meant to; their memory is asked for. */
static void take_arrivals(struct sl_load *load, unsigned max)
{
    struct tx_burst *tx = &load->tx;
    tx->count = 0;
    while (tx->count < max &&
           load_take_arrival(&load->messages, load->now_ns, &tx->intended_ns[tx->count])) {
        const uint32_t number = load_next(&load->active, &load->next_active);
        __builtin_prefetch(&load->clients[number], 1);
        sl_epoch_prefetch_seal(load_epoch_of(load, &load->clients[number]));
        tx->clients[tx->count++] = number;
    }
}

/** A message's place in the client's books; those that leave its window unanswered are lost. */
static inline uint32_t book(struct sl_load *load, struct client *client)
{
    if (!load->scenario.expects_echo)
        return (uint32_t)client->books.sent++;
    const uint64_t lost = client->books.lost;
    const uint32_t number = (uint32_t)load_books_send(&client->books);
    if (client->books.lost != lost)
        load_count(load, SL_LOAD_LOST, client->books.lost - lost);
    return number;
}

/** false: it does not fit into a record of this session, or into the frame. */
static inline bool make_message(struct sl_load *load, struct client *client, uint64_t intended_ns,
                                struct sl_frame *frame, struct sl_seal_job *job)
{
    struct sl_epoch *epoch = load_epoch_of(load, client);
    const uint32_t len = sl_load_sizes_draw(&load->scenario.sizes, load_random_next(&load->random));
    if (len > client->plain_max || TX_PLAIN_OFF + len + TX_TAIL > frame->tailroom)
        return false;
    uint8_t *plain = frame->data + TX_PLAIN_OFF;
    const struct load_payload payload = {.client = load_number_of(load, client),
                                         .number = book(load, client),
                                         .intended_ns = intended_ns};
    load_write_payload(plain, len, &payload);
    sl_epoch_prefetch_seal_key(epoch, load->key_lines);
    *job = (struct sl_seal_job){.epoch = epoch,
                                .plain = plain,
                                .plain_len = len,
                                .type = SL_CONTENT_APPLICATION_DATA,
                                .record = plain - sl_record_body_off(epoch)};
    return true;
}

/** 2. Arrivals become messages, in place; those that can't are dropped. */
static void make_messages(struct sl_load *load)
{
    struct tx_burst *tx = &load->tx;
    unsigned made = 0;
    uint64_t bytes = 0;
    for (unsigned i = 0; i < tx->count; i++) {
        struct sl_frame *frame = load->outbox.spare[load->outbox.spare_count - 1];
        const uint32_t number = tx->clients[i];
        const uint64_t intended_ns = tx->intended_ns[i];
        if (!make_message(load, &load->clients[number], intended_ns, frame, &tx->jobs[made])) {
            load_drop(load, SL_DROP_SEND_TOO_LARGE);
            continue;
        }
        load->outbox.spare_count--;
        sl_histogram_record(&load->stats.pacing, load->now_ns - intended_ns);
        if (load->scenario.expects_echo)
            load_overdue_send(&load->overdue, intended_ns);
        bytes += tx->jobs[made].plain_len;
        tx->frames[made] = frame;
        tx->clients[made++] = number;
    }
    tx->count = made;
    load_count(load, SL_LOAD_SENT, made);
    if (!load->scenario.expects_echo)
        load_count(load, SL_LOAD_UNECHOED, made);
    load_count(load, SL_LOAD_SENT_BYTES, bytes);
}

/** Keys without a number left: nobody has sent 2^48 records, but no number is ever used twice. */
static void keep_unsealed(struct sl_load *load)
{
    for (unsigned i = 0; i < load->tx.count; i++) {
        if (load->tx.jobs[i].drop == SL_DROP_NONE)
            continue;
        load_drop(load, load->tx.jobs[i].drop);
        load_keep_frame(load, load->tx.frames[i]);
    }
}

bool load_send_messages(struct sl_load *load)
{
    if (load->phase != SL_LOAD_RUN || load->active.count == 0 ||
        load_next_arrival_ns(&load->messages) > load->now_ns || load_outbox_room(load) < SL_BURST)
        return false;
    take_arrivals(load, load_have_frames(load, SL_BURST));
    make_messages(load);
    if (load->tx.count == 0)
        return false;
    if (sl_record_seal_burst(load->aead, load->tx.jobs, load->tx.count) < load->tx.count)
        keep_unsealed(load);
    load_queue_datagrams(load, &load->tx);
    return true;
}
