#include <stdlib.h>

#include <openssl/crypto.h>

#include "handshake_priv.h"

struct suite {
    uint16_t number; /* IANA */
    enum sl_aead_alg alg;
    enum sl_prf_hash hash;
};

static const struct suite suites[] = {
    {0xc02b, SL_AEAD_AES_128_GCM, SL_PRF_SHA256},
    {0xc02f, SL_AEAD_AES_128_GCM, SL_PRF_SHA256},
    {0xc02c, SL_AEAD_AES_256_GCM, SL_PRF_SHA384},
    {0xc030, SL_AEAD_AES_256_GCM, SL_PRF_SHA384},
    {0xcca9, SL_AEAD_CHACHA20_POLY1305, SL_PRF_SHA256},
    {0xcca8, SL_AEAD_CHACHA20_POLY1305, SL_PRF_SHA256},
    {0x00a8, SL_AEAD_AES_128_GCM, SL_PRF_SHA256}, /* with pre-shared keys: RFC 5487, RFC 7905 */
    {0x00a9, SL_AEAD_AES_256_GCM, SL_PRF_SHA384},
    {0xccab, SL_AEAD_CHACHA20_POLY1305, SL_PRF_SHA256},
    {0xccac, SL_AEAD_CHACHA20_POLY1305, SL_PRF_SHA256},
    {0xc0a4, SL_AEAD_AES_128_CCM, SL_PRF_SHA256}, /* the same: RFC 6655 4, 5 */
    {0xc0a5, SL_AEAD_AES_256_CCM, SL_PRF_SHA256},
    {0xc0a8, SL_AEAD_AES_128_CCM_8, SL_PRF_SHA256},
    {0xc0a9, SL_AEAD_AES_256_CCM_8, SL_PRF_SHA256},
    {0xc0ac, SL_AEAD_AES_128_CCM, SL_PRF_SHA256}, /* with certificates: RFC 7251 */
    {0xc0ad, SL_AEAD_AES_256_CCM, SL_PRF_SHA256},
    {0xc0ae, SL_AEAD_AES_128_CCM_8, SL_PRF_SHA256},
    {0xc0af, SL_AEAD_AES_256_CCM_8, SL_PRF_SHA256},
};

static const struct suite *find_suite(uint16_t number)
{
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        if (suites[i].number == number)
            return &suites[i];
    return NULL;
}

bool sl_handshake_knows_suite(uint16_t number)
{
    return find_suite(number) != NULL;
}

static bool derive(SSL *ssl, struct sl_key_material *out)
{
    const SSL_CIPHER *cipher = SSL_get_pending_cipher(ssl);
    const struct suite *suite =
        cipher != NULL ? find_suite(SSL_CIPHER_get_protocol_id(cipher)) : NULL;
    uint8_t master[48], client_random[SL_RANDOM_LEN], server_random[SL_RANDOM_LEN];
    SSL_get_client_random(ssl, client_random, sizeof client_random);
    SSL_get_server_random(ssl, server_random, sizeof server_random);
    bool ok =
        suite != NULL &&
        SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof master) == sizeof master &&
        sl_crypto_derive_keys(suite->alg, suite->hash, master, client_random, server_random, out) ==
            0;
    OPENSSL_cleanse(master, sizeof master);
    return ok;
}

/** Who seals with which key. */
struct sides {
    const uint8_t *own_key, *own_iv;
    const uint8_t *peer_key, *peer_iv;
};

static struct sides sides_of(const struct handshake *handshake,
                             const struct sl_key_material *material)
{
    if (handshake->role->is_client)
        return (struct sides){material->client_key, material->client_iv, material->server_key,
                              material->server_iv};
    return (struct sides){material->server_key, material->server_iv, material->client_key,
                          material->client_iv};
}

static void init_epochs(struct handshake *handshake, enum sl_aead_alg alg,
                        const struct sides *sides)
{
    const struct sl_aead *aead = handshake->owner->aead;
    struct keys *keys = handshake->keys;
    struct sl_epoch_config wire = {.number = 1,
                                   .alg = alg,
                                   .open_key = sides->peer_key,
                                   .open_iv = sides->peer_iv,
                                   .seal_key = sides->own_key,
                                   .seal_iv = sides->own_iv,
                                   .own_cid_negotiated = handshake->cid_negotiated,
                                   .own_cid_len = handshake->own_cid_len,
                                   .own_cid = handshake->own_cid,
                                   .peer_cid_len = handshake->peer_cid_len,
                                   .peer_cid = handshake->peer_cid};
    /* Here we play the peer: what it sealed is sealed again, what libssl seals is opened. */
    struct sl_epoch_config inner = {.number = 1,
                                    .alg = alg,
                                    .open_key = sides->own_key,
                                    .open_iv = sides->own_iv,
                                    .seal_key = sides->peer_key,
                                    .seal_iv = sides->peer_iv};
    sl_epoch_init(&keys->wire, aead, &wire);
    sl_epoch_init(&keys->inner, aead, &inner);
}

/** What a client may have asked for, and libssl has granted: RFC 6066 4. */
static uint16_t plain_max(const SSL *ssl)
{
    uint8_t code = SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl));
    return code >= TLSEXT_max_fragment_length_512 && code <= TLSEXT_max_fragment_length_4096
               ? (uint16_t)(256U << code)
               : SL_RECORD_PLAINTEXT_MAX;
}

/** The message that gives the keys to the worker; the replay window is filled in when it goes. */
static void write_message(const struct handshake *handshake, enum sl_aead_alg alg,
                          const struct sides *sides, struct sl_message_keys *out)
{
    *out = (struct sl_message_keys){.epoch = 1,
                                    .alg = (uint8_t)alg,
                                    .own_cid_negotiated = handshake->cid_negotiated,
                                    .peer_cid_len = handshake->peer_cid_len,
                                    .plain_max = plain_max(handshake->ssl),
                                    .write_next = 0};
    memcpy(out->peer_cid, handshake->peer_cid, sizeof out->peer_cid);
    memcpy(out->open_key, sides->peer_key, sizeof out->open_key);
    memcpy(out->seal_key, sides->own_key, sizeof out->seal_key);
    memcpy(out->open_iv, sides->peer_iv, sizeof out->open_iv);
    memcpy(out->seal_iv, sides->own_iv, sizeof out->seal_iv);
}

bool sl_handshake_derive_keys(struct handshake *handshake)
{
    struct sl_key_material material = {0};
    bool ok = derive(handshake->ssl, &material);
    handshake->keys = ok ? aligned_alloc(64, sizeof *handshake->keys) : NULL;
    if (handshake->keys != NULL) {
        struct sides sides = sides_of(handshake, &material);
        memset(handshake->keys, 0, sizeof *handshake->keys);
        init_epochs(handshake, material.alg, &sides);
        write_message(handshake, material.alg, &sides, &handshake->keys->message);
    }
    OPENSSL_cleanse(&material, sizeof material);
    return handshake->keys != NULL;
}

bool sl_handshake_send_keys(struct handshake *handshake)
{
    struct sl_message_keys *message = &handshake->keys->message;
    if (handshake->keys->is_sent || (handshake->server.is_psk && !handshake->keys->is_proven))
        return true;
    message->replay = handshake->keys->wire.replay;
    message->forged = handshake->keys->wire.forged;
    bool sent = sl_handshake_post(sl_handshake_outbox(handshake), SL_MESSAGE_KEYS,
                                  handshake->handle, message, sizeof *message, NULL, 0);
    OPENSSL_cleanse(message, sizeof *message);
    handshake->keys->is_sent = sent;
    return sent;
}

bool sl_handshake_open(struct handshake *handshake, const uint8_t *record, size_t len,
                       uint8_t *type, size_t *plain_len)
{
    struct sl_handshaker *handshaker = handshake->owner;
    memcpy(handshaker->record, record, len);
    struct sl_reader datagram = sl_reader_of(handshaker->record, len);
    struct sl_open_job job = {.epoch = &handshake->keys->wire, .out = handshaker->plain};
    if (sl_wire_parse_record(&datagram, handshake->own_cid_len, &job.header) != SL_DROP_NONE)
        return false;
    job.body = handshaker->record + job.header.header_len;
    if (sl_record_open_burst(handshaker->aead, &job, 1) != 1) {
        OPENSSL_cleanse(handshaker->plain, job.plain_len); /* a replay has been opened, too */
        return false;
    }
    handshake->keys->is_proven = true;
    handshake->is_doubted = false;
    handshake->refuse_ns = 0;
    *type = job.type;
    *plain_len = job.plain_len;
    return true;
}

void sl_handshake_free_keys(struct keys *keys)
{
    if (keys != NULL)
        OPENSSL_cleanse(keys, sizeof *keys);
    free(keys);
}
