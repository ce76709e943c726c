/**
 * Session tickets, RFC 5077, as far as they know nothing of libssl: their keys, and what is in
 * them.
 */
#ifndef SL_HANDSHAKE_TICKET_PRIV_H
#define SL_HANDSHAKE_TICKET_PRIV_H

#include "sl_base.h"
#include "sl_crypto.h"
#include "sl_identity.h"

/* ticket_keys.c: keys of session tickets, RFC 5077 4: a new one each period, the last still good.
 */

#define TICKET_KEY_NAME_LEN 16

struct ticket_key {
    bool is_valid;
    uint8_t name[TICKET_KEY_NAME_LEN]; /* public; the rest is secret */
    uint8_t cipher[32];
    uint8_t mac[32];
};

struct ticket_keys {
    struct sl_mac *mac; /* NULL: no tickets */
    uint8_t secret[32]; /* of the next period */
    uint64_t next_ns;   /* when that begins */
    uint64_t period_ns;
    uint64_t period_count;     /* that have begun */
    struct ticket_key kept[2]; /* of the last two periods, by parity */
};

/** All who begin with the same root and time have the same keys. false: no memory. */
bool sl_handshake_init_ticket_keys(struct ticket_keys *keys, const uint8_t root[32],
                                   uint64_t begin_ns, uint64_t period_ns);
void sl_handshake_wipe_ticket_keys(struct ticket_keys *keys);
/** Makes the keys of the periods that have begun until now, and forgets older ones. */
void sl_handshake_turn_ticket_keys(struct ticket_keys *keys, uint64_t now_ns);
/** What tickets are sealed with now; NULL: there is none. */
const struct ticket_key *sl_handshake_newest_ticket_key(const struct ticket_keys *keys);
/** What a ticket was sealed with, if it is still good; else NULL. */
const struct ticket_key *sl_handshake_find_ticket_key(const struct ticket_keys *keys,
                                                      const uint8_t name[TICKET_KEY_NAME_LEN]);

/* ticket_data.c: what a ticket says of its owner, beside what libssl needs. */

struct ticket_data {
    struct sl_identity identity; /* what the certificate says, and how it was checked */
    uint64_t expires_s;          /* when its chain ends, in seconds since 1970; 0: never */
    struct sl_chain chain;       /* empty without a certificate */
};
/** Longest: a subject that was cut, and as long a chain as can be noted. */
#define TICKET_DATA_MAX 1024

/** return the length, or 0: no room. */
size_t sl_handshake_write_ticket_data(const struct ticket_data *data, uint8_t *out, size_t out_len);
/** false: nothing that the above has written. */
bool sl_handshake_read_ticket_data(struct ticket_data *data, const uint8_t *bytes, size_t len);

#endif
