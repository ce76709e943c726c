#include <stdlib.h>

#include <openssl/crypto.h>

#include "handshake_priv.h"

static void count_bad(struct handshake *handshake)
{
    sl_handshake_count(handshake->owner, SL_HANDSHAKE_BAD_RECORD);
}

static void take_fragments(struct handshake *handshake, const uint8_t *bytes, size_t len,
                           bool is_protected)
{
    struct sl_reader record = sl_reader_of(bytes, len);
    struct fragment fragment;
    bool is_sound = len > 0;
    for (unsigned i = 0; is_sound && sl_handshake_read_fragment(&record, &fragment); i++) {
        if (i == FRAGMENTS_PER_RECORD || !sl_handshake_pay_for_fragment(handshake, fragment.len)) {
            sl_handshake_count(handshake->owner, SL_HANDSHAKE_FRAGMENT_LIMIT);
            return;
        }
        is_sound = handshake->role->take_fragment(handshake, &fragment, is_protected, i == 0);
    }
    if (!is_sound || record.failed)
        count_bad(handshake);
}

bool sl_handshake_is_end(const uint8_t *alert, size_t len)
{
    return len >= 2 && (alert[0] == SL_ALERT_FATAL || alert[1] == SL_ALERT_CLOSE_NOTIFY);
}

/** Notes an alert that ends a handshake. return whether it is one. */
static bool is_end(struct handshake *handshake, const uint8_t *alert, size_t len)
{
    if (!sl_handshake_is_end(alert, len))
        return false;
    handshake->was_alerted = true;
    handshake->alert = alert[1];
    return true;
}

/**
 * Anyone can write an alert in epoch 0: RFC 6347 4.1.2.7 lets us ignore it. But it is how a server
 * says no, and a client remembers it for when it gives up.
 */
static void take_plain_alert(struct handshake *handshake, const uint8_t *alert, size_t len)
{
    if (handshake->role->is_client && is_end(handshake, alert, len) &&
        handshake->client.self->config.believes_alerts)
        sl_handshake_fail(handshake, SL_HANDSHAKE_FAILED);
}

/** Takes an authentic record. false: the peer has given up. */
static bool take_protected(struct handshake *handshake, uint8_t type, const uint8_t *bytes,
                           size_t len)
{
    switch (type) {
    case SL_CONTENT_HANDSHAKE:
        take_fragments(handshake, bytes, len, true);
        return true;
    case SL_CONTENT_ALERT:
        return len >= 2 && !is_end(handshake, bytes, len);
    case SL_CONTENT_APPLICATION_DATA:
        sl_handshake_count(handshake->owner, SL_HANDSHAKE_EARLY_DATA);
        return true;
    default:
        count_bad(handshake);
        return true;
    }
}

void sl_handshake_take_plaintext(struct handshake *handshake, uint8_t type, const uint8_t *bytes,
                                 size_t len)
{
    if (take_protected(handshake, type, bytes, len))
        sl_handshake_advance(handshake);
    else
        sl_handshake_fail(handshake, SL_HANDSHAKE_FAILED);
}

/** The oldest goes. */
static void make_room(struct handshake *handshake)
{
    count_bad(handshake);
    free(handshake->held[0].record);
    handshake->held_count--;
    memmove(handshake->held, handshake->held + 1, handshake->held_count * sizeof *handshake->held);
}

/** An epoch-1 record overtook what makes the keys. The true one is the last of its flight, and
 * comes again when it must: it is not kept out by what a stranger has sent before. */
static void hold(struct handshake *handshake, const uint8_t *record, size_t len)
{
    if (handshake->held_count == HELD_MAX)
        make_room(handshake);
    struct held *held = &handshake->held[handshake->held_count];
    held->record = malloc(len);
    if (held->record == NULL) {
        count_bad(handshake);
        return;
    }
    memcpy(held->record, record, len);
    held->len = (uint16_t)len;
    handshake->held_count++;
}

bool sl_handshake_open_held(struct handshake *handshake)
{
    bool goes_on = true;
    while (handshake->held_count > 0) {
        struct held *held = &handshake->held[--handshake->held_count];
        uint8_t type;
        size_t len;
        if (!sl_handshake_open(handshake, held->record, held->len, &type, &len)) {
            count_bad(handshake);
            sl_handshake_doubt_psk(handshake);
        } else {
            goes_on &= take_protected(handshake, type, handshake->owner->plain, len);
            OPENSSL_cleanse(handshake->owner->plain, len);
        }
        free(held->record);
    }
    return goes_on;
}

void sl_handshake_drop_held(struct handshake *handshake)
{
    while (handshake->held_count > 0)
        free(handshake->held[--handshake->held_count].record);
}

static void take_legacy_record(struct handshake *handshake, const struct sl_record_header *header,
                               const uint8_t *record, size_t len)
{
    if (handshake->state == HANDSHAKE_KEPT) {
        sl_handshake_read_legacy(handshake, record, len);
    } else if (header->type == SL_CONTENT_APPLICATION_DATA) {
        sl_handshake_count(handshake->owner, SL_HANDSHAKE_EARLY_DATA);
    } else {
        hold(handshake, record, len);
        sl_handshake_advance(handshake);
    }
}

static void take_sealed_record(struct handshake *handshake, const uint8_t *record, size_t len)
{
    uint8_t *plain = handshake->owner->plain;
    uint8_t type;
    size_t plain_len;
    if (handshake->state != HANDSHAKE_RUNNING) {
        count_bad(handshake);
    } else if (handshake->keys == NULL) {
        hold(handshake, record, len);
    } else if (!sl_handshake_open(handshake, record, len, &type, &plain_len)) {
        count_bad(handshake);
        sl_handshake_doubt_psk(handshake);
    } else {
        if (sl_handshake_send_keys(handshake))
            sl_handshake_take_plaintext(handshake, type, plain, plain_len);
        else
            sl_handshake_fail(handshake, SL_HANDSHAKE_FAILED);
        OPENSSL_cleanse(plain, plain_len); /* the handshake may be gone */
    }
}

void sl_handshake_take_record(struct handshake *handshake, const uint8_t *record, size_t len)
{
    struct sl_reader datagram = sl_reader_of(record, len);
    struct sl_record_header header;
    if (sl_wire_parse_record(&datagram, handshake->own_cid_len, &header) != SL_DROP_NONE ||
        sl_reader_left(&datagram) != 0 || header.epoch > 1) {
        count_bad(handshake);
    } else if (header.epoch == 1 && handshake->server.is_legacy) {
        take_legacy_record(handshake, &header, record, len);
    } else if (header.epoch == 1) {
        take_sealed_record(handshake, record, len);
    } else if (header.type == SL_CONTENT_HANDSHAKE) {
        take_fragments(handshake, record + header.header_len, header.body_len, false);
        sl_handshake_advance(handshake);
    } else if (header.type == SL_CONTENT_ALERT) {
        take_plain_alert(handshake, record + header.header_len, header.body_len);
    } else if (header.type != SL_CONTENT_CHANGE_CIPHER_SPEC) {
        count_bad(handshake);
    }
}
