/*
 * Cookie = tag | MAC | MAC with suites. The tag is the number of the secret's period, and whether
 * the ClientHello came whole. RFC 6347 4.2.1 proposes the shape.
 */
#include <openssl/crypto.h>
#include <stdlib.h>

#include "sl_admission.h"

#define SECRET_LEN 32
#define MAC_LEN 16
#define SUITES_MAC_LEN 15
#define TAG_WHOLE 0x80
#define TAG_PERIOD_MASK 0x7f
static_assert(SL_COOKIE_LEN == 1 + MAC_LEN + SUITES_MAC_LEN, "shape of the cookie");

/** Secrets of two neighbouring periods, kept by parity. */
struct sl_cookie_jar {
    struct sl_mac *mac;
    uint8_t root[SECRET_LEN];
    struct {
        uint64_t period;
        bool is_valid;
        uint8_t secret[SECRET_LEN];
    } kept[2];
};

struct sl_cookie_jar *sl_cookie_jar_create(const uint8_t root[32])
{
    struct sl_cookie_jar *jar = calloc(1, sizeof *jar);
    if (jar == NULL)
        return NULL;
    jar->mac = sl_mac_create();
    if (jar->mac == NULL) {
        free(jar);
        return NULL;
    }
    memcpy(jar->root, root, SECRET_LEN);
    return jar;
}

void sl_cookie_jar_destroy(struct sl_cookie_jar *jar)
{
    if (jar == NULL)
        return;
    sl_mac_destroy(jar->mac);
    OPENSSL_cleanse(jar, sizeof *jar);
    free(jar);
}

/** The secret of a period; derived when first asked for. NULL when libcrypto fails. */
static const uint8_t *secret_of(struct sl_cookie_jar *jar, uint64_t period)
{
    unsigned i = period & 1;
    if (!jar->kept[i].is_valid || jar->kept[i].period != period) {
        jar->kept[i].is_valid = false;
        if (sl_mac_compute(jar->mac, jar->root, &period, sizeof period, jar->kept[i].secret) != 0)
            return NULL;
        jar->kept[i].period = period;
        jar->kept[i].is_valid = true;
    }
    return jar->kept[i].secret;
}

/** What the MACs cover; fixed fields first, every length before its bytes. */
static size_t cover(uint8_t *out, size_t room, uint8_t tag, const struct sl_tuple *tuple,
                    const struct sl_client_hello *hello)
{
    struct sl_writer w = sl_writer_of(out, room);
    sl_write_u8(&w, tag);
    sl_write_bytes(&w, tuple, sizeof *tuple);
    sl_write_be16(&w, hello->client_version);
    sl_write_bytes(&w, hello->random, SL_RANDOM_LEN);
    sl_write_u8(&w, hello->session_id_len);
    sl_write_bytes(&w, hello->session_id, hello->session_id_len);
    return (size_t)(w.at - out);
}

/** Cipher suites are covered by their hash: there may be many. */
static bool compute(struct sl_cookie_jar *jar, uint64_t period, uint8_t tag,
                    const struct sl_tuple *tuple, const struct sl_client_hello *hello,
                    uint8_t cookie[SL_COOKIE_LEN])
{
    uint8_t covered[1 + sizeof *tuple + 2 + SL_RANDOM_LEN + 1 + SL_SESSION_ID_MAX + 32];
    uint8_t mac[32];
    const uint8_t *secret = secret_of(jar, period);
    if (secret == NULL)
        return false;
    size_t len = cover(covered, sizeof covered - 32, tag, tuple, hello);
    if (sl_mac_compute(jar->mac, secret, covered, len, mac) != 0)
        return false;
    cookie[0] = tag;
    memcpy(cookie + 1, mac, MAC_LEN);
    memset(cookie + 1 + MAC_LEN, 0, SUITES_MAC_LEN);
    if (!hello->whole)
        return true;
    if (sl_mac_compute(jar->mac, secret, hello->suites, hello->suites_len, covered + len) != 0 ||
        sl_mac_compute(jar->mac, secret, covered, len + 32, mac) != 0)
        return false;
    memcpy(cookie + 1 + MAC_LEN, mac, SUITES_MAC_LEN);
    return true;
}

void sl_cookie_make(struct sl_cookie_jar *jar, const struct sl_tuple *tuple,
                    const struct sl_client_hello *hello, uint64_t now_ns,
                    uint8_t cookie[SL_COOKIE_LEN])
{
    uint64_t period = now_ns / SL_COOKIE_ROTATE_NS;
    uint8_t tag = (uint8_t)((period & TAG_PERIOD_MASK) | (hello->whole ? TAG_WHOLE : 0));
    if (!compute(jar, period, tag, tuple, hello, cookie))
        memset(cookie, 0, SL_COOKIE_LEN); /* one that can't be checked either */
}

bool sl_cookie_check(struct sl_cookie_jar *jar, const struct sl_tuple *tuple,
                     const struct sl_client_hello *hello, uint64_t now_ns)
{
    if (hello->cookie_len != SL_COOKIE_LEN)
        return false;
    uint8_t tag = hello->cookie[0];
    uint64_t period = now_ns / SL_COOKIE_ROTATE_NS;
    if (((period ^ tag) & TAG_PERIOD_MASK) != 0)
        period--; /* if it is not the last period's either, the MAC is another's */
    if (((period ^ tag) & TAG_PERIOD_MASK) != 0)
        return false;
    uint8_t right[SL_COOKIE_LEN];
    if (!compute(jar, period, tag, tuple, hello, right))
        return false;
    bool covers_suites = (tag & TAG_WHOLE) && hello->whole;
    return CRYPTO_memcmp(hello->cookie, right, covers_suites ? SL_COOKIE_LEN : 1 + MAC_LEN) == 0;
}
