#include <stdio.h>

#include <openssl/err.h>
#include <openssl/hmac.h>

#include "handshake_priv.h"

#define EXTENSION_ENCRYPT_THEN_MAC 22 /* RFC 7366 */
/** Of AES-CBC with HMAC-SHA1: IV, whole blocks, MAC. RFC 5246 6.2.3.2, RFC 7366 3. */
#define BLOCK_LEN 16
#define SUITES_LEN 1024
#define LEGACY_SUITES "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA"

bool sl_handshake_allow_legacy(struct handshake *handshake, const struct assembly *hello)
{
    const struct sl_handshaker *handshaker = handshake->owner;
    const struct service *service = handshake->server.service;
    char suites[SUITES_LEN];
    struct sl_reader extension;
    if (!service->takes_certificates ||
        handshaker->legacy_count >= handshaker->config.legacy_sessions_max ||
        !sl_handshake_find_extension(hello, EXTENSION_ENCRYPT_THEN_MAC, &extension))
        return true;
    SSL_clear_options(handshake->ssl, SSL_OP_NO_ENCRYPT_THEN_MAC);
    snprintf(suites, sizeof suites, "%s:" LEGACY_SUITES, service->suites);
    return SSL_set_cipher_list(handshake->ssl, suites) == 1;
}

bool sl_handshake_is_legacy(const SSL *ssl)
{
    const SSL_CIPHER *cipher = SSL_get_pending_cipher(ssl);
    return cipher != NULL && !SSL_CIPHER_is_aead(cipher);
}

/** A record's two halves, RFC 7366 3: what is under the MAC, and the MAC. */
struct parts {
    const uint8_t *record;
    size_t sealed_len; /* header, IV and blocks */
};

static bool split(const uint8_t *record, size_t len, struct parts *out)
{
    struct sl_reader r = sl_reader_of(record, len);
    struct sl_record_header header;
    if (sl_wire_parse_record(&r, 0, &header) != SL_DROP_NONE ||
        header.body_len < 2 * BLOCK_LEN + LEGACY_MAC_LEN ||
        (header.body_len - LEGACY_MAC_LEN) % BLOCK_LEN != 0)
        return false;
    *out = (struct parts){record, (size_t)header.header_len + header.body_len - LEGACY_MAC_LEN};
    return true;
}

/**
 * The MAC of the client's record verifies. libssl 3.0 looks at it, too, but where it does not
 * verify it ends the session (dtls1_process_record): one datagram of a stranger's would suffice.
 */
static bool is_authentic(const struct handshake *handshake, const uint8_t *record, size_t len)
{
    struct parts parts;
    if (!split(record, len, &parts))
        return false;
    const size_t body_len = parts.sealed_len - SL_RECORD_HEADER_LEN;
    uint8_t mac[LEGACY_MAC_LEN], length[2] = {(uint8_t)(body_len >> 8), (uint8_t)body_len};
    uint8_t *input = handshake->owner->output; /* epoch and number, type, version, length, body */
    memcpy(input, record + 3, 8);
    memcpy(input + 8, record, 3);
    memcpy(input + 11, length, sizeof length);
    memcpy(input + SL_RECORD_HEADER_LEN, record + SL_RECORD_HEADER_LEN, body_len);
    const uint8_t *key = handshake->server.mac_key;
    return HMAC(EVP_sha1(), key, LEGACY_MAC_LEN, input, parts.sealed_len, mac, NULL) != NULL &&
           CRYPTO_memcmp(mac, record + parts.sealed_len, sizeof mac) == 0;
}

/** The key block begins with it, RFC 5246 6.3. */
static bool derive_mac_key(struct handshake *handshake)
{
    SSL *ssl = handshake->ssl;
    uint8_t master[48], client_random[SL_RANDOM_LEN], server_random[SL_RANDOM_LEN];
    SSL_get_client_random(ssl, client_random, sizeof client_random);
    SSL_get_server_random(ssl, server_random, sizeof server_random);
    bool ok =
        SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof master) == sizeof master &&
        sl_crypto_expand_keys(SL_PRF_SHA256, master, client_random, server_random,
                              handshake->server.mac_key, LEGACY_MAC_LEN) == 0;
    OPENSSL_cleanse(master, sizeof master);
    return ok;
}

/** As it came: libssl knows its number and whether it is authentic. */
static void point_input_at(struct handshake *handshake, const uint8_t *record, size_t len)
{
    handshake->input = record;
    handshake->input_len = len;
    ERR_clear_error();
}

static int feed(struct handshake *handshake, const struct held *held)
{
    point_input_at(handshake, held->record, held->len);
    int result = SSL_do_handshake(handshake->ssl);
    handshake->input_len = 0;
    return SSL_get_error(handshake->ssl, result);
}

/** The ChangeCipherSpec before the first record that is under libssl's keys. */
static bool begin_epoch_1(struct handshake *handshake)
{
    if (handshake->server.has_fed_change)
        return true;
    handshake->server.has_fed_change = true;
    return derive_mac_key(handshake) &&
           sl_handshake_feed(handshake, SL_CONTENT_CHANGE_CIPHER_SPEC, 0, (const uint8_t[]){1},
                             1) == SSL_ERROR_WANT_READ;
}

/** return what libssl says; SSL_ERROR_WANT_READ for a record that was not the client's, too. */
static int take_held(struct handshake *handshake, const struct held *held)
{
    if (is_authentic(handshake, held->record, held->len))
        return feed(handshake, held);
    sl_handshake_count(handshake->owner, SL_HANDSHAKE_BAD_RECORD);
    return SSL_ERROR_WANT_READ;
}

enum progress sl_handshake_take_legacy_finished(struct handshake *handshake)
{
    int error = SSL_ERROR_WANT_READ;
    unsigned i = 0;
    if (handshake->held_count > 0 && !begin_epoch_1(handshake))
        return PROGRESS_FAILED;
    while (i < handshake->held_count && error == SSL_ERROR_WANT_READ)
        error = take_held(handshake, &handshake->held[i++]);
    sl_handshake_drop_held(handshake);
    if (error == SSL_ERROR_WANT_READ)
        return PROGRESS_WAITS;
    if (error != SSL_ERROR_NONE || !sl_handshake_establish(handshake))
        return PROGRESS_FAILED;
    handshake->server.answered_ns = handshake->owner->now_ns;
    sl_handshake_count(handshake->owner, SL_HANDSHAKE_LEGACY);
    return PROGRESS_DONE;
}

/** It is over: the worker closes it, and answers `closed`. */
static void end_session(struct handshake *handshake, enum sl_abort_cause cause)
{
    const struct sl_message_abort over = {.cause = (uint8_t)cause};
    sl_handshake_post_abort(handshake->owner, handshake->worker, handshake->handle, &over);
    sl_handshake_end_kept(handshake);
}

static void deliver(struct handshake *handshake, const uint8_t *plain, size_t len)
{
    const struct sl_message_data data = {.bytes_len = (uint16_t)len};
    if (!sl_handshake_post(sl_handshake_outbox(handshake), SL_MESSAGE_DELIVER, handshake->handle,
                           &data, offsetof(struct sl_message_data, bytes), plain, (uint32_t)len))
        sl_handshake_count(handshake->owner, SL_HANDSHAKE_WORKER_RING_FULL);
}

/** RFC 5246 7.2.1: with a close_notify, which also answers the client's. */
static void shut_down(struct handshake *handshake, enum sl_abort_cause cause)
{
    ERR_clear_error();
    SSL_shutdown(handshake->ssl);
    end_session(handshake, cause);
}

/** The worker is asked whose records are forged. */
static void tell_forged(struct handshake *handshake, uint64_t count)
{
    const struct sl_message_forged forged = {.forged =
                                                 count < UINT32_MAX ? (uint32_t)count : UINT32_MAX};
    if (!sl_handshake_post(sl_handshake_outbox(handshake), SL_MESSAGE_FORGED, handshake->handle,
                           &forged, sizeof forged, NULL, 0))
        sl_handshake_count(handshake->owner, SL_HANDSHAKE_WORKER_RING_FULL);
}

/** RFC 9325 4.4, as for keys that the worker has. */
static void meet_forged(struct handshake *handshake)
{
    const uint64_t configured = handshake->owner->config.legacy_forged_max;
    const uint64_t max = configured != 0 ? configured : sl_aead_forgery_limit(SL_AEAD_AES_128_GCM);
    sl_handshake_count(handshake->owner, SL_HANDSHAKE_LEGACY_FORGED);
    tell_forged(handshake, ++handshake->server.forged);
    if (handshake->server.forged >= max)
        shut_down(handshake, SL_ABORT_FORGERIES);
}

/** libssl answers each: a repeated Finished with its last flight, RFC 6347 4.2.4, and a ClientHello
 * with no_renegotiation. */
static bool may_answer(struct handshake *handshake)
{
    const uint64_t now_ns = handshake->owner->now_ns;
    if (now_ns < handshake->server.answered_ns + LAST_FLIGHT_APART_NS)
        return false;
    handshake->server.answered_ns = now_ns;
    return true;
}

void sl_handshake_read_legacy(struct handshake *handshake, const uint8_t *record, size_t len)
{
    uint8_t *plain = handshake->owner->plain;
    int got;
    if (!is_authentic(handshake, record, len)) {
        meet_forged(handshake);
        return;
    }
    if (record[0] == SL_CONTENT_HANDSHAKE && !may_answer(handshake)) {
        sl_handshake_count(handshake->owner, SL_HANDSHAKE_LEGACY_REPEATED);
        return;
    }
    point_input_at(handshake, record, len);
    while ((got = SSL_read(handshake->ssl, plain, sizeof handshake->owner->plain)) > 0) {
        deliver(handshake, plain, (size_t)got);
        OPENSSL_cleanse(plain, (size_t)got);
    }
    handshake->input_len = 0;
    if (SSL_get_error(handshake->ssl, got) == SSL_ERROR_WANT_READ)
        return;
    shut_down(handshake, SL_ABORT_ALERT);
}

void sl_handshake_write_legacy(struct handshake *handshake, const struct sl_message_data *data)
{
    ERR_clear_error();
    if (data->is_close)
        SSL_shutdown(handshake->ssl);
    if (data->is_close || SSL_write(handshake->ssl, data->bytes, data->bytes_len) <= 0)
        end_session(handshake, SL_ABORT_ALERT);
}
