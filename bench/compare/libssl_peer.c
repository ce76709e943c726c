#include "libssl_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "bench.h"

#define LINK_MTU 1500

static void fail(const char *what)
{
    fprintf(stderr, "libssl: %s\n", what);
    exit(1);
}

struct libssl_wire libssl_wire_create(unsigned capacity)
{
    return (struct libssl_wire){.bytes = bench_alloc((size_t)capacity * LIBSSL_DATAGRAM_MAX),
                                .lens = bench_alloc(capacity * sizeof(uint16_t)),
                                .capacity = capacity};
}

void libssl_wire_destroy(struct libssl_wire *wire)
{
    free(wire->bytes);
    free(wire->lens);
}

/* The BIO: its data is the wire. */
static int wire_read(BIO *bio, char *out, int room)
{
    struct libssl_wire *wire = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (wire->begin == wire->end) {
        BIO_set_retry_read(bio);
        return -1;
    }
    int len = wire->lens[wire->begin];
    len = len < room ? len : room;
    memcpy(out, libssl_wire_at(wire, wire->begin++), (size_t)len);
    return len;
}

static int wire_write(BIO *bio, const char *data, int len)
{
    struct libssl_wire *wire = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (wire->end == wire->capacity) {
        BIO_set_retry_write(bio);
        return -1;
    }
    if (len > LIBSSL_DATAGRAM_MAX)
        return -1;
    memcpy(libssl_wire_at(wire, wire->end), data, (size_t)len);
    wire->lens[wire->end++] = (uint16_t)len;
    return len;
}

static long wire_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO *bio_on(struct libssl_wire *wire)
{
    static BIO_METHOD *method;
    if (method == NULL) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
        BIO_meth_set_read(method, wire_read);
        BIO_meth_set_write(method, wire_write);
        BIO_meth_set_ctrl(method, wire_ctrl);
    }
    BIO *bio = BIO_new(method);
    BIO_set_data(bio, wire);
    BIO_set_init(bio, 1);
    return bio;
}

SSL_CTX *libssl_context_create(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(method);
    if (SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-GCM-SHA256") != 1)
        fail("no context");
    SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET);
    return context;
}

void libssl_give_certificate(SSL_CTX *context)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 24 * 3600);
    X509_set_pubkey(certificate, key);
    if (X509_sign(certificate, key, EVP_sha256()) == 0 ||
        SSL_CTX_use_certificate(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context, key) != 1)
        fail("no certificate");
    X509_free(certificate);
    EVP_PKEY_free(key);
}

SSL *libssl_end_create(SSL_CTX *context, struct libssl_wire *in, struct libssl_wire *out)
{
    SSL *ssl = SSL_new(context);
    if (ssl == NULL)
        fail("no memory");
    SSL_set_bio(ssl, bio_on(in), bio_on(out));
    DTLS_set_link_mtu(ssl, LINK_MTU);
    return ssl;
}

void libssl_end_attach(SSL *ssl, struct libssl_wire *in, struct libssl_wire *out)
{
    BIO_set_data(SSL_get_rbio(ssl), in);
    BIO_set_data(SSL_get_wbio(ssl), out);
}
