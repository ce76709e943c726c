/**
 * The two roles: what each keeps of a handshake beside what both do, and its functions.
 */
#ifndef SL_HANDSHAKE_ROLES_PRIV_H
#define SL_HANDSHAKE_ROLES_PRIV_H

#include <openssl/ssl.h>

#include "assembly_priv.h"
#include "sl_handshake.h"

struct client;
struct handshake;
struct service;

/** How far the next message leads: see struct role. */
enum progress {
    PROGRESS_WAITS, /* it is not there yet */
    PROGRESS_MADE,
    PROGRESS_DONE, /* the handshake is complete, and the worker knows */
    PROGRESS_FAILED,
};

/** What the two roles do each in its own way. */
struct role {
    bool is_client;
    /**
     * Puts a fragment with the others of its message. false: no peer sends it now. A forged one
     * that no peer could send must not come near libssl, which would end the handshake over it.
     */
    bool (*take_fragment)(struct handshake *handshake, const struct fragment *fragment,
                          bool is_protected, bool is_first_of_record);
    /** The peer's Certificate is the next message: before that nobody's is worth a doubt. */
    bool (*awaits_chain)(const struct handshake *handshake);
    /** Gives libssl the next message, if it is there, whole and in its turn. */
    enum progress (*take_message)(struct handshake *handshake);
};
/** server.c, client.c */
extern const struct role sl_handshake_server, sl_handshake_client;

/** A client's messages in the order in which a full handshake has them, RFC 5246 7.3. */
enum step_kind {
    STEP_HELLO,
    STEP_CERTIFICATE,
    STEP_KEY_EXCHANGE,
    STEP_PSK_KEY_EXCHANGE,
    STEP_CERTIFICATE_VERIFY,
    STEP_FINISHED,
};

/** HMAC-SHA1, and its key. */
#define LEGACY_MAC_LEN 20

/** What only a server needs. */
struct server_side {
    const struct service *service; /* that its client has come for */
    const enum step_kind *steps;   /* what this client has to send, in order */
    unsigned step_count;
    unsigned step;             /* the next to be fed */
    uint16_t hello_seq;        /* message sequence of the ClientHello; the steps count on from it */
    uint16_t key_exchange_len; /* bytes of a ClientKeyExchange that are the suite's, and no PSK's */
    uint8_t cookie[255];
    uint8_t cookie_len;
    uint64_t expires_s; /* of a resumed session's identity: see struct ticket_data */
    bool cid_wanted;    /* the client offered a length that we take */
    bool offers_ems;    /* extended master secret, RFC 7627 */
    bool offers_ticket; /* one that is not empty */
    bool fills_ticket;  /* there is something to be put into a ticket */
    bool drops_hello_verify;
    bool is_legacy;      /* AES-CBC: libssl does the records, too */
    bool has_fed_change; /* its ChangeCipherSpec has been fed, for a Finished under libssl's keys */
    uint8_t mac_key[LEGACY_MAC_LEN]; /* secret: of the client's records */
    uint64_t forged;                 /* records that did not verify under it */
    uint64_t answered_ns;            /* when libssl last had a handshake message to answer */
    bool is_psk;                     /* libssl has chosen a suite with a pre-shared key */
    struct sl_psk_secret psk;        /* the client's, once it is found */
    uint64_t question;               /* its number while the lookup program is asked, else 0 */
    uint64_t asker;                  /* then: its source prefix, hashed */
    uint64_t answer_due_ns;          /* until when the answer is waited for */
    uint64_t key_exchange_hash;      /* of the ClientKeyExchange with an identity */
    bool is_unanswered;              /* nobody said whether the client has a key */
};

/** client_steps.c: what a client waits for. */
enum client_state {
    CLIENT_REFUSES = 0, /* no state: what an empty cell of the table says */
    CLIENT_AWAITS_VERIFY_OR_HELLO,
    CLIENT_AWAITS_HELLO,
    CLIENT_AWAITS_CERTIFICATE,
    CLIENT_AWAITS_KEY_EXCHANGE,
    CLIENT_AWAITS_REQUEST_OR_DONE,
    CLIENT_AWAITS_PSK_HINT_OR_DONE,
    CLIENT_AWAITS_PSK_KEY_EXCHANGE,
    CLIENT_AWAITS_DONE,
    CLIENT_AWAITS_TICKET,
    CLIENT_AWAITS_FINISHED,
    CLIENT_ESTABLISHED,
    CLIENT_STATES,
};

/** What only a client needs. */
struct client_side {
    const struct client *self;
    enum client_state state;
    uint16_t next_seq; /* message sequence of what is to be fed next */
    bool expects_ticket;
    bool offers_cid;
    uint32_t credential;
    uint64_t resume;
};

/* server.c, server_steps.c: the server's role. */

/** Begins one with the first record of a ClientHello, for a service that there is. */
struct handshake *sl_handshake_accept(struct sl_handshaker *handshaker, unsigned worker,
                                      uint64_t handle, const struct sl_message_record *first);
/** is_mutual: the client is asked for a certificate. */
void sl_handshake_choose_steps(struct handshake *handshake, bool is_mutual);
/** What is left of them when the client resumes a session. */
void sl_handshake_abbreviate_steps(struct handshake *handshake);
/** The same, once libssl has chosen a suite with a pre-shared key. */
void sl_handshake_choose_psk_steps(struct handshake *handshake);
/** The step a fragment belongs to, or step_count. */
unsigned sl_handshake_step_of(const struct handshake *handshake, const struct fragment *fragment,
                              bool is_protected);
/** The client's Certificate is the next step. */
bool sl_handshake_awaits_certificate(const struct handshake *handshake);
enum progress sl_handshake_take_step(struct handshake *handshake);

/* server_psk.c: pre-shared keys. */

/** Finds the key that a ClientKeyExchange names: PROGRESS_MADE when it is there. */
enum progress sl_handshake_find_psk(struct handshake *handshake, struct assembly *message);
/** What the lookup program has said while something was asked, at most `budget` answers. return
 * whether there was one. */
bool sl_handshake_take_answers(struct sl_handshaker *handshaker, unsigned budget);
/** The lookup program has not answered in time. The handshake may be gone afterwards. */
void sl_handshake_miss_answer(struct handshake *handshake);
void sl_handshake_forget_question(struct handshake *handshake);
/** A record of epoch 1 has not opened: perhaps the client does not know the key. */
void sl_handshake_doubt_psk(struct handshake *handshake);
/** A fragment of a message that libssl has: if it is the ClientKeyExchange of somebody in doubt,
 * his Finished follows once more, and has to open. */
void sl_handshake_see_psk_again(struct handshake *handshake, const struct fragment *fragment);
/** It has had its time. */
void sl_handshake_refuse_psk(struct handshake *handshake);

/* client_hello.c: what libssl is not left to make of a ClientHello by itself. */

/** An extension of a whole ClientHello, RFC 5246 7.4.1.4. return whether it has it, and *out reads
 * it. */
bool sl_handshake_find_extension(const struct assembly *hello, uint16_t type,
                                 struct sl_reader *out);

/** Takes the client's word on which of the two common groups comes first. return false: no memory.
 */
bool sl_handshake_order_groups(struct handshake *handshake, const struct assembly *hello);

/* server_hello.c: from the ClientHello to libssl's first flight. */

/** Makes the SSL and leads it past the cookie. false: the handshake has failed. */
bool sl_handshake_enter(struct handshake *handshake);

/* legacy.c: sessions with AES-CBC, which libssl keeps. RFC 5246 6.2.3.2, RFC 7366. */

/** Lets libssl choose AES-CBC, too, where the client offers encrypt-then-MAC. false: no memory. */
bool sl_handshake_allow_legacy(struct handshake *handshake, const struct assembly *hello);
/** libssl has chosen it, or is about to, in the handshake whose hello it is taking. */
bool sl_handshake_is_legacy(const SSL *ssl);
/** Gives libssl the records of epoch 1 that are held: the Finished is among them, or not yet. */
enum progress sl_handshake_take_legacy_finished(struct handshake *handshake);
/** A record of epoch 1 for a session that is kept. It may be over afterwards, not gone. */
void sl_handshake_read_legacy(struct handshake *handshake, const uint8_t *record, size_t len);
/** What the worker's `write` asks for. Likewise. */
void sl_handshake_write_legacy(struct handshake *handshake, const struct sl_message_data *data);

/* client.c, client_steps.c: the client's role. */

/** Begins one and sends the ClientHello. */
void sl_handshake_connect(struct sl_handshaker *handshaker, unsigned worker, uint64_t handle,
                          const struct sl_message_connect *connect);
bool sl_handshake_take_server_fragment(struct handshake *handshake, const struct fragment *fragment,
                                       bool is_protected, bool is_first_of_record);
bool sl_handshake_awaits_server_chain(const struct handshake *handshake);
enum progress sl_handshake_take_server_message(struct handshake *handshake);

#endif
