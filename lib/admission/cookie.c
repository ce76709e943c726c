/*
 * Cookie = tag | MAC | MAC with suites. The tag is the number of the secret's period, and whether
 * the ClientHello came whole. RFC 6347 4.2.1 proposes the shape.
 */
#include <openssl/crypto.h>
#include <stdlib.h>

#include "sl_admission.h"

#define MAC_LEN 16
#define SUITES_MAC_LEN 15
/** Bytes of cipher suites that no honest client fills. */
#define SUITES_MAX 256
#define TAG_WHOLE 0x80
#define TAG_PERIOD_MASK 0x7f
static_assert(SL_COOKIE_LEN == 1 + MAC_LEN + SUITES_MAC_LEN, "shape of the cookie");

/** Of a period, the secret of each MAC. */
struct period_keys {
    uint64_t period;
    bool is_valid;
    struct sl_mac_key plain, suites;
};

/** Those of two neighbouring periods, kept by parity. */
struct sl_cookie_jar {
    struct sl_mac_key root;
    struct period_keys kept[2];
};

struct sl_cookie_jar *sl_cookie_jar_create(const uint8_t root[32])
{
    struct sl_cookie_jar *jar = calloc(1, sizeof *jar);
    if (jar != NULL)
        sl_mac_key_init(&jar->root, root);
    return jar;
}

void sl_cookie_jar_destroy(struct sl_cookie_jar *jar)
{
    if (jar == NULL)
        return;
    OPENSSL_cleanse(jar, sizeof *jar);
    free(jar);
}

enum purpose { PURPOSE_PLAIN, PURPOSE_SUITES };

static void derive(const struct sl_cookie_jar *jar, uint64_t period, enum purpose purpose,
                   struct sl_mac_key *key)
{
    uint8_t label[1 + sizeof period], secret[32];
    label[0] = (uint8_t)purpose;
    memcpy(label + 1, &period, sizeof period);
    sl_mac_key_compute(&jar->root, label, sizeof label, secret);
    sl_mac_key_init(key, secret);
    OPENSSL_cleanse(secret, sizeof secret);
}

/** The secrets of a period; derived when first asked for. */
static const struct period_keys *keys_of(struct sl_cookie_jar *jar, uint64_t period)
{
    struct period_keys *keys = &jar->kept[period & 1];
    if (!keys->is_valid || keys->period != period) {
        derive(jar, period, PURPOSE_PLAIN, &keys->plain);
        derive(jar, period, PURPOSE_SUITES, &keys->suites);
        keys->period = period;
        keys->is_valid = true;
    }
    return keys;
}

/** What the first MAC covers; fixed fields first, every length before its bytes. [32] */
static void compute_mac(const struct period_keys *keys, uint8_t tag, const struct sl_tuple *tuple,
                        const struct sl_client_hello *hello, uint8_t mac[32])
{
    uint8_t covered[1 + sizeof *tuple + 2 + SL_RANDOM_LEN + 1 + SL_SESSION_ID_MAX];
    struct sl_writer w = sl_writer_of(covered, sizeof covered);
    sl_write_u8(&w, tag);
    sl_write_bytes(&w, tuple, sizeof *tuple);
    sl_write_be16(&w, hello->client_version);
    sl_write_bytes(&w, hello->random, SL_RANDOM_LEN);
    sl_write_u8(&w, hello->session_id_len);
    sl_write_bytes(&w, hello->session_id, hello->session_id_len);
    sl_mac_key_compute(&keys->plain, covered, (size_t)(w.at - covered), mac);
}

/** The second covers the first in its full length, and the cipher suites. [32] */
static void compute_suites_mac(const struct period_keys *keys, const uint8_t mac[32],
                               const struct sl_client_hello *hello, uint8_t suites_mac[32])
{
    uint8_t covered[32 + SUITES_MAX] = {0};
    size_t len = 32 + hello->suites_len;
    memcpy(covered, mac, 32);
    if (hello->suites_len < SUITES_MAX) {
        memcpy(covered + 32, hello->suites, hello->suites_len);
    } else { /* there are not so many: a MAC stands for them, in a length that no others have */
        sl_mac_key_compute(&keys->suites, hello->suites, hello->suites_len, covered + 32);
        len = sizeof covered;
    }
    sl_mac_key_compute(&keys->suites, covered, len, suites_mac);
}

static uint8_t tag_of(uint64_t period, const struct sl_client_hello *hello)
{
    return (uint8_t)((period & TAG_PERIOD_MASK) | (hello->whole ? TAG_WHOLE : 0));
}

void sl_cookie_make(struct sl_cookie_jar *jar, const struct sl_tuple *tuple,
                    const struct sl_client_hello *hello, uint64_t now_ns,
                    uint8_t cookie[SL_COOKIE_LEN])
{
    const uint64_t period = now_ns / SL_COOKIE_ROTATE_NS;
    const struct period_keys *keys = keys_of(jar, period);
    uint8_t mac[32], suites_mac[32] = {0};
    cookie[0] = tag_of(period, hello);
    compute_mac(keys, cookie[0], tuple, hello, mac);
    if (hello->whole)
        compute_suites_mac(keys, mac, hello, suites_mac);
    memcpy(cookie + 1, mac, MAC_LEN);
    memcpy(cookie + 1 + MAC_LEN, suites_mac, SUITES_MAC_LEN);
}

bool sl_cookie_check(struct sl_cookie_jar *jar, const struct sl_tuple *tuple,
                     const struct sl_client_hello *hello, uint64_t now_ns)
{
    if (hello->cookie_len != SL_COOKIE_LEN)
        return false;
    const uint8_t tag = hello->cookie[0];
    uint64_t period = now_ns / SL_COOKIE_ROTATE_NS;
    if (((period ^ tag) & TAG_PERIOD_MASK) != 0)
        period--; /* if it is not the last period's either, the MAC is another's */
    if (((period ^ tag) & TAG_PERIOD_MASK) != 0)
        return false;
    const struct period_keys *keys = keys_of(jar, period);
    uint8_t mac[32], suites_mac[32];
    compute_mac(keys, tag, tuple, hello, mac);
    if (CRYPTO_memcmp(hello->cookie + 1, mac, MAC_LEN) != 0)
        return false; /* and one that was made up costs no second MAC */
    if (!(tag & TAG_WHOLE) || !hello->whole)
        return true;
    compute_suites_mac(keys, mac, hello, suites_mac);
    return CRYPTO_memcmp(hello->cookie + 1 + MAC_LEN, suites_mac, SUITES_MAC_LEN) == 0;
}
