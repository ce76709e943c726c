#include "handshake_priv.h"

#define EXTENSION_SUPPORTED_GROUPS 10 /* RFC 8422 5.1.1, as the groups */
#define GROUP_P256 23
#define GROUP_X25519 29

bool sl_handshake_find_extension(const struct assembly *hello, uint16_t type, struct sl_reader *out)
{
    struct sl_reader r = sl_reader_of(hello->message + SL_HANDSHAKE_HEADER_LEN, hello->len);
    sl_read_bytes(&r, 2 + SL_RANDOM_LEN);
    sl_read_vector(&r, 1); /* session ID, cookie, suites, compression methods */
    sl_read_vector(&r, 1);
    sl_read_vector(&r, 2);
    sl_read_vector(&r, 1);
    struct sl_reader extensions = sl_read_vector(&r, 2);
    while (sl_reader_left(&extensions) > 0) {
        const uint16_t found = sl_read_be16(&extensions);
        *out = sl_read_vector(&extensions, 2);
        if (!extensions.failed && found == type)
            return true;
    }
    return false;
}

static bool prefers_p256(const struct assembly *hello)
{
    struct sl_reader extension;
    if (!sl_handshake_find_extension(hello, EXTENSION_SUPPORTED_GROUPS, &extension))
        return false;
    struct sl_reader groups = sl_read_vector(&extension, 2);
    while (sl_reader_left(&groups) > 0) {
        const uint16_t group = sl_read_be16(&groups);
        if (group == GROUP_P256 || group == GROUP_X25519)
            return group == GROUP_P256;
    }
    return false;
}

/* Both are as strong and as quick here, while a client may have hardware for one of them. And
 * wolfSSL before 5.7, which names X25519 last, can't finish an ECDHE-PSK handshake with it. */
bool sl_handshake_order_groups(struct handshake *handshake, const struct assembly *hello)
{
    return !prefers_p256(hello) ||
           SSL_set1_groups_list(handshake->ssl, "P-256:X25519:P-384:P-521") == 1;
}
