/**
 * Who gets in: the lists of prefixes, and the stateless cookie: who has not shown that it receives
 * at its address gets no state. RFC 6347 4.2.1.
 */
#ifndef SL_ADMISSION_H
#define SL_ADMISSION_H

#include "sl_access.h"
#include "sl_base.h"
#include "sl_crypto.h"
#include "sl_rate.h"
#include "sl_wire.h"

/**
 * What a worker asks before it lets strangers in; rates are its share of the gateway's. Does not
 * change: it is replaced whole. All zero is no limit at all.
 */
struct sl_admission_rules {
    struct sl_access *access; /* NULL: everybody may come in */
    /* Before the cookie, when anybody can pretend to be anybody: against being made to send a lot
     * to somebody who has not asked for it. */
    struct sl_rate hellos, hellos_per_prefix; /* ClientHellos that are answered with a cookie */
    struct sl_rate echoes, neighbours;        /* answers to pings; ARP and neighbour discovery */
    /* After it, when the address is the client's. */
    struct sl_rate handshakes_per_prefix;     /* begun */
    uint32_t handshakes_in_flight_per_prefix; /* 0: no limit */
};

#define SL_COOKIE_LEN                                                                              \
    32 /* tag, MAC, MAC with the suites; GnuTLS takes no longer one (DTLS 1.0)                     \
        */
#define SL_COOKIE_ROTATE_NS (60ULL * 1000000000ULL)

/**
 * Secrets shared by all workers: derived from one random root and the time, so that nothing has to
 * be told to anybody when they rotate. A cookie is good in the period it was made in and the next.
 */
struct sl_cookie_jar;

/** root [32] random, the same for all workers. NULL: out of memory. One thread each. */
struct sl_cookie_jar *sl_cookie_jar_create(const uint8_t root[32]);
void sl_cookie_jar_destroy(struct sl_cookie_jar *jar);

/**
 * The cookie for this client: HMAC over addresses, ports, version, client random, session ID and,
 * when the ClientHello came whole, its cipher suites. Allocates nothing.
 * The suites have a MAC of their own beside the first, so that a client may send its second
 * ClientHello in other pieces than the first: what can be compared is.
 */
void sl_cookie_make(struct sl_cookie_jar *jar, const struct sl_tuple *tuple,
                    const struct sl_client_hello *hello, uint64_t now_ns,
                    uint8_t cookie[SL_COOKIE_LEN]);
/** Constant time. false: wrong, or too old. */
bool sl_cookie_check(struct sl_cookie_jar *jar, const struct sl_tuple *tuple,
                     const struct sl_client_hello *hello, uint64_t now_ns) SL_MUST_USE;

#endif
