#include "ticket_priv.h"

/*
 * version | method | be64 expiry | two hashes | node id | subject | count | links
 * Behind the expiry nothing stands for a peer without a certificate. Strings and serial numbers
 * have their length before them.
 */
#define VERSION 1
static_assert(sizeof(struct sl_identity) == 328, "what is added to an identity is added here, too");

static void write_text(struct sl_writer *w, const char *text, size_t room)
{
    size_t len = strnlen(text, room);
    sl_write_u8(w, (uint8_t)len);
    sl_write_bytes(w, text, len);
}

static void write_chain(struct sl_writer *w, const struct sl_chain *chain)
{
    sl_write_u8(w, (uint8_t)chain->count);
    for (unsigned i = 0; i < chain->count; i++) {
        const struct sl_chain_link *link = &chain->links[i];
        sl_write_bytes(w, link->issuer_sha256, sizeof link->issuer_sha256);
        sl_write_u8(w, link->serial_len);
        sl_write_bytes(w, link->serial, link->serial_len);
    }
}

size_t sl_handshake_write_ticket_data(const struct ticket_data *data, uint8_t *out, size_t out_len)
{
    struct sl_writer w = sl_writer_of(out, out_len);
    const struct sl_identity *identity = &data->identity;
    sl_write_u8(&w, VERSION);
    sl_write_u8(&w, identity->method);
    sl_write_be(&w, data->expires_s, 8);
    if (data->chain.count > 0) {
        sl_write_bytes(&w, identity->certificate_sha256, sizeof identity->certificate_sha256);
        sl_write_bytes(&w, identity->public_key_sha256, sizeof identity->public_key_sha256);
        write_text(&w, identity->node_id, sizeof identity->node_id - 1);
        write_text(&w, identity->subject, sizeof identity->subject - 1);
        write_chain(&w, &data->chain);
    }
    return w.failed ? 0 : (size_t)(w.at - out);
}

static void read_into(struct sl_reader *r, void *out, size_t len)
{
    const uint8_t *bytes = sl_read_bytes(r, len);
    if (bytes != NULL)
        memcpy(out, bytes, len);
}

/** A length and as many bytes, fewer than room. */
static uint8_t read_short(struct sl_reader *r, void *out, size_t room)
{
    struct sl_reader text = sl_read_vector(r, 1);
    size_t len = sl_reader_left(&text);
    if (text.failed || len > room) {
        r->failed = true;
        return 0;
    }
    read_into(&text, out, len);
    return (uint8_t)len;
}

static void read_chain(struct sl_reader *r, struct sl_chain *chain)
{
    chain->count = sl_read_u8(r);
    if (chain->count == 0 || chain->count > SL_CHAIN_MAX)
        r->failed = true;
    for (unsigned i = 0; !r->failed && i < chain->count; i++) {
        struct sl_chain_link *link = &chain->links[i];
        read_into(r, link->issuer_sha256, sizeof link->issuer_sha256);
        link->serial_len = read_short(r, link->serial, sizeof link->serial);
    }
}

bool sl_handshake_read_ticket_data(struct ticket_data *data, const uint8_t *bytes, size_t len)
{
    struct sl_reader r = sl_reader_of(bytes, len);
    struct sl_identity *identity = &data->identity;
    *data = (struct ticket_data){0};
    bool is_known = sl_read_u8(&r) == VERSION;
    identity->method = sl_read_u8(&r);
    data->expires_s = sl_read_be(&r, 8);
    if (sl_reader_left(&r) > 0) {
        read_into(&r, identity->certificate_sha256, sizeof identity->certificate_sha256);
        read_into(&r, identity->public_key_sha256, sizeof identity->public_key_sha256);
        (void)read_short(&r, identity->node_id, sizeof identity->node_id - 1);
        (void)read_short(&r, identity->subject, sizeof identity->subject - 1);
        read_chain(&r, &data->chain);
    }
    return is_known && !r.failed && sl_reader_left(&r) == 0;
}
