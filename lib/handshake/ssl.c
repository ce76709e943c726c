#include "handshake_priv.h"

#define LIBSSL_MTU_MIN 256

/** First timeout as configured, then doubled up to a minute: RFC 6347 4.2.4.1. */
static unsigned next_timeout_us(SSL *ssl, unsigned timeout_us)
{
    const struct handshake *handshake = SSL_get_app_data(ssl);
    if (timeout_us == 0)
        return handshake->owner->config.first_timeout_ms * 1000;
    return timeout_us < 30000000 ? timeout_us * 2 : 60000000;
}

/** libssl counts records as it writes them: without connection ID, and AEADs without overhead. */
static long mtu_of(const struct handshake *handshake)
{
    long mtu = (long)handshake->datagram_max - (SL_RECORD_OVERHEAD_MAX - SL_RECORD_HEADER_LEN);
    return mtu < LIBSSL_MTU_MIN ? LIBSSL_MTU_MIN : mtu;
}

bool sl_handshake_make_ssl(struct handshake *handshake, SSL_CTX *ctx)
{
    SSL *ssl = handshake->ssl = SSL_new(ctx);
    BIO *bio = ssl != NULL ? BIO_new(handshake->owner->bio_method) : NULL;
    if (bio == NULL)
        return false;
    BIO_set_data(bio, handshake);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, handshake);
    DTLS_set_timer_cb(ssl, next_timeout_us);
    return SSL_set_mtu(ssl, mtu_of(handshake)) != 0;
}
