/**
 * What all SSL objects of a role, or of a service, have in common: libssl's contexts.
 */
#ifndef SL_HANDSHAKE_CONTEXTS_PRIV_H
#define SL_HANDSHAKE_CONTEXTS_PRIV_H

#include <openssl/ssl.h>

#include "sl_handshake.h"

struct handshake;

/* roles.c: what clients come for, and the clients that we are. */

/** A service's context, and whom it takes. What differs between services is in the context, so that
 * nothing that libssl keeps for one of them is ever used for another. */
struct service {
    SSL_CTX *ctx;
    struct sl_trust *trust; /* a share; NULL: anybody */
    struct sl_psks *psks;   /* a share; NULL: who has a pre-shared key is looked up, if at all */
    char name[32];
    const char *suites; /* in order of preference */
    bool takes_certificates;
};

/** One of the clients of the configuration. */
struct client {
    struct sl_client_config config; /* with a share of the credentials */
    SSL_CTX *ctx;                   /* NULL: there is no client of this index */
};

/** Immutable, but for how many handshakes have begun with it and not ended. */
struct sl_handshake_roles {
    unsigned users;                     /* the handshaker's thread's */
    struct sl_credentials *credentials; /* a share; NULL: none */
    unsigned service_count, client_count;
    struct service *services; /* [service_count] */
    struct client *clients;   /* [client_count] */
};

/** Takes what another thread has given, if it has. */
void sl_handshake_take_roles(struct sl_handshaker *handshaker);
/** The handshake begins with the roles there are, as one of them; and lets go of them. */
void sl_handshake_use_service(struct handshake *handshake, unsigned service);
void sl_handshake_use_client(struct handshake *handshake, unsigned client);
void sl_handshake_leave_roles(struct handshake *handshake);

/* context.c, server_context.c, client_context.c */

/** suites.c: OpenSSL's names of those that somebody takes or offers, the best first; static.
 * with_psks: it has pre-shared keys. with_certificates: it shows or takes certificates. plain_psk:
 * without forward secrecy, too, and AES-CCM in general. At least one of the first two. */
const char *sl_handshake_suites_for(bool with_psks, bool with_certificates, bool plain_psk);

bool sl_handshake_make_contexts(struct sl_handshaker *handshaker, char *reason);
/** A context for DTLS 1.2 with what both roles want; NULL and reason when libssl refuses. */
SSL_CTX *sl_handshake_make_context(const struct sl_handshaker *handshaker, const SSL_METHOD *method,
                                   const char *suites, char *reason);
/** `what`, and libssl's reason. return false. */
bool sl_handshake_refuse(char *reason, const char *what);
/** NULL and reason when libssl refuses. */
SSL_CTX *sl_handshake_make_server_context(const struct sl_handshaker *handshaker,
                                          struct sl_credentials *credentials,
                                          const struct sl_handshake_service *service, char *reason);
bool sl_handshake_make_client_context(const struct sl_handshaker *handshaker, struct client *client,
                                      char *reason);
/** Lets the context show these, by name and by what the client can do; certificates.c. */
bool sl_handshake_show_certificates(SSL_CTX *ctx, struct sl_credentials *credentials, char *reason);
/** Lets the context's peers be checked by the trust. */
bool sl_handshake_check_peers(SSL_CTX *ctx, const struct sl_trust *trust, char *reason);
bool sl_handshake_answer_connection_ids(SSL_CTX *ctx);
bool sl_handshake_offer_connection_ids(SSL_CTX *ctx);

/* server_psk.c: pre-shared keys. */

void sl_handshake_give_psks(SSL_CTX *ctx);
/** The suites of a service, in order of preference. */
const char *sl_handshake_suites_of(const struct sl_handshake_service *service);

/* ticket.c: session tickets in the server's role, RFC 5077. */

/** Gives tickets and takes them, when it is to. false and reason: libssl refuses. */
bool sl_handshake_set_up_tickets(SSL_CTX *ctx, const struct sl_handshaker *handshaker,
                                 char *reason);

#endif
