/**
 * libssl as the comparisons use it: DTLS 1.2, AES-128-GCM, ends that speak over arrays of
 * datagrams. What fails here ends the program with a sentence.
 */
#ifndef LIBSSL_PEER_H
#define LIBSSL_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#define LIBSSL_DATAGRAM_MAX 1600

/** Datagrams in order; each lies in LIBSSL_DATAGRAM_MAX bytes of its own. */
struct libssl_wire {
    uint8_t *bytes; /* [capacity][LIBSSL_DATAGRAM_MAX] */
    uint16_t *lens; /* [capacity] */
    unsigned capacity;
    unsigned begin, end; /* those that are there: begin is read next, end is written next */
};

/** Allocates, zeroed, on huge pages where the kernel gives them. */
struct libssl_wire libssl_wire_create(unsigned capacity);
void libssl_wire_destroy(struct libssl_wire *wire);
static inline uint8_t *libssl_wire_at(const struct libssl_wire *wire, unsigned datagram)
{
    return wire->bytes + (size_t)datagram * LIBSSL_DATAGRAM_MAX;
}

/** The caller frees it; ends keep their own hold of it. */
SSL_CTX *libssl_context_create(const SSL_METHOD *method);
/** A fresh P-256 key and a certificate of its own, for a server. */
void libssl_give_certificate(SSL_CTX *context);

/**
 * One end: reads datagrams from `in`, one a read, and adds what it writes to `out`. Both wires are
 * borrowed and may be shared with other ends. A read of an empty wire, or a write to a full one,
 * is to be repeated. The caller sets whether it connects or accepts, and frees it.
 */
SSL *libssl_end_create(SSL_CTX *context, struct libssl_wire *in, struct libssl_wire *out);
/** From now on it reads from this and writes to that. */
void libssl_end_attach(SSL *ssl, struct libssl_wire *in, struct libssl_wire *out);

#endif
