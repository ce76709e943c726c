#include <stdio.h>

#include <openssl/crypto.h>

#include "identity_priv.h"

#define COMPATIBLE_PREFIX "dpc-node-"
#define COMPATIBLE_LEN 16

static size_t digest_len(bool is_compatible)
{
    return is_compatible ? COMPATIBLE_LEN : sizeof((struct sl_node_id *)NULL)->digest;
}

/** The rest of an id behind its prefix: just that many bytes in hex. */
static bool read_digest(struct sl_node_id *out, const char *hex, bool is_compatible)
{
    size_t len = digest_len(is_compatible);
    *out = (struct sl_node_id){.is_compatible = is_compatible};
    for (size_t i = 0; i < len; i++, hex += 2) {
        int byte = sl_hex_byte(hex);
        if (byte < 0)
            return false;
        out->digest[i] = (uint8_t)byte;
    }
    return *hex == 0;
}

/** What follows the prefix in text, or NULL. */
static const char *behind(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

bool sl_node_id_parse(struct sl_node_id *out, const char *text, const char *prefix, char *reason)
{
    const char *own = behind(text, prefix), *compatible = behind(text, COMPATIBLE_PREFIX);
    if ((own != NULL && read_digest(out, own, false)) ||
        (compatible != NULL && read_digest(out, compatible, true)))
        return true;
    return sl_identity_refuse(reason,
                              "%.200s is no node id: '%s' and 64 hex digits, or '%s' and 32, are "
                              "needed",
                              text, prefix, COMPATIBLE_PREFIX);
}

bool sl_node_id_matches(const struct sl_node_id *id, const struct sl_key_digests *key)
{
    return CRYPTO_memcmp(id->digest, id->is_compatible ? key->pem : key->der,
                         digest_len(id->is_compatible)) == 0;
}

void sl_node_id_write(char *out, const struct sl_key_digests *key, const char *prefix,
                      bool is_compatible)
{
    const uint8_t *digest = is_compatible ? key->pem : key->der;
    int at = snprintf(out, SL_NODE_ID_SIZE, "%s", is_compatible ? COMPATIBLE_PREFIX : prefix);
    for (size_t i = 0; i < digest_len(is_compatible); i++, at += 2)
        snprintf(out + at, (size_t)(SL_NODE_ID_SIZE - at), "%02x", digest[i]);
}
