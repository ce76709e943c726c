#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "handshake_priv.h"

/* Which certificates a server shows. What of them fits the client libssl finds out itself, but for
 * EC keys of several curves, of which it can have one at a time. */

#define ALL UINT32_MAX

static bool use_all(SSL *ssl, const struct sl_credentials *credentials, uint32_t chosen)
{
    for (unsigned i = 0; i < sl_credentials_count(credentials); i++)
        if ((chosen >> i & 1) != 0 &&
            SSL_use_cert_and_key(ssl, sl_credentials_certificate(credentials, i),
                                 sl_credentials_key(credentials, i),
                                 sl_credentials_chain(credentials, i), 1) != 1)
            return false;
    return true;
}

/** RFC 8422 5.1: the client's groups are also those of keys that it can verify with. */
static bool knows_curve(SSL *ssl, int curve)
{
    const int count = (int)SSL_get_shared_group(ssl, -1);
    if (curve == NID_undef || count == 0)
        return true;
    for (int i = 0; i < count; i++)
        if (SSL_get_shared_group(ssl, i) == curve)
            return true;
    return false;
}

static uint32_t fitting(SSL *ssl, const struct sl_credentials *credentials)
{
    uint32_t set = 0;
    for (unsigned i = 0; i < sl_credentials_count(credentials); i++)
        set |= (uint32_t)knows_curve(ssl, sl_credentials_curve(credentials, i)) << i;
    return set;
}

/** The context has those for no name; only another choice costs something. */
static int choose(SSL *ssl, void *credentials)
{
    uint32_t preset = sl_credentials_choose(credentials, NULL, ALL);
    uint32_t chosen = sl_credentials_choose(
        credentials, SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name), fitting(ssl, credentials));
    if (chosen == preset)
        return 1;
    SSL_certs_clear(ssl);
    return use_all(ssl, credentials, chosen);
}

/** The client has asked for the certificate's status, RFC 6066 8. */
static int staple(SSL *ssl, void *credentials)
{
    size_t len;
    const uint8_t *response =
        sl_credentials_ocsp(credentials, SSL_get_certificate(ssl), time(NULL), &len);
    unsigned char *copy = response != NULL ? OPENSSL_memdup(response, len) : NULL;
    if (copy == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)len); /* libssl frees it */
    return SSL_TLSEXT_ERR_OK;
}

bool sl_handshake_show_certificates(SSL_CTX *ctx, struct sl_credentials *credentials, char *reason)
{
    uint32_t preset = sl_credentials_choose(credentials, NULL, ALL);
    for (unsigned i = 0; i < sl_credentials_count(credentials); i++)
        if ((preset >> i & 1) != 0 &&
            SSL_CTX_use_cert_and_key(ctx, sl_credentials_certificate(credentials, i),
                                     sl_credentials_key(credentials, i),
                                     sl_credentials_chain(credentials, i), 1) != 1)
            return sl_handshake_refuse(reason, "libssl refuses a certificate or its key");
    SSL_CTX_set_cert_cb(ctx, choose, credentials);
    SSL_CTX_set_tlsext_status_cb(ctx, staple);
    SSL_CTX_set_tlsext_status_arg(ctx, credentials);
    return true;
}
