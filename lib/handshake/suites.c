#include "handshake_priv.h"

/* RFC 9325 4.2 */
#define CERTIFICATE_SUITES                                                                         \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                                   \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                                   \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
/* RFC 7251 */
#define CERTIFICATE_CCM_SUITES                                                                     \
    "ECDHE-ECDSA-AES128-CCM:ECDHE-ECDSA-AES256-CCM:"                                               \
    "ECDHE-ECDSA-AES128-CCM8:ECDHE-ECDSA-AES256-CCM8"
/* The one of OpenSSL 3.0's that has forward secrecy and an AEAD, RFC 7905. */
#define PSK_SUITES "ECDHE-PSK-CHACHA20-POLY1305"
/* RFC 5487, RFC 6655 */
#define PLAIN_PSK_SUITES                                                                           \
    "PSK-AES128-GCM-SHA256:PSK-AES256-GCM-SHA384:PSK-CHACHA20-POLY1305:"                           \
    "PSK-AES128-CCM:PSK-AES256-CCM:PSK-AES128-CCM8:PSK-AES256-CCM8"

const char *sl_handshake_suites_for(bool with_psks, bool with_certificates, bool plain_psk)
{
    if (!with_psks)
        return plain_psk ? CERTIFICATE_SUITES ":" CERTIFICATE_CCM_SUITES : CERTIFICATE_SUITES;
    if (!with_certificates)
        return plain_psk ? PSK_SUITES ":" PLAIN_PSK_SUITES : PSK_SUITES;
    /* A client that has a key for us comes to the proof of it before anything else. */
    return plain_psk ? PSK_SUITES ":" PLAIN_PSK_SUITES ":" CERTIFICATE_SUITES
                                  ":" CERTIFICATE_CCM_SUITES
                     : PSK_SUITES ":" CERTIFICATE_SUITES;
}
