/**
 * One session of echo_client: a kernel socket of its own, a handshake by libssl, records by
 * lib/record, so that the client costs little beside the server that is measured. Every message
 * carries its number; an echo counts once, when all of it is as it was sent.
 */
#ifndef ECHO_SESSION_H
#define ECHO_SESSION_H

#include <netinet/in.h>

#include "sl_record.h"

#define ECHO_BURST 32
#define ECHO_DATAGRAM_MAX 1600
#define ECHO_LEN_MIN 8 /* a message's number */
#define ECHO_LEN_MAX 1400

/** What all sessions use in turns: room for one burst. */
struct echo_workspace {
    struct sl_aead *aead;
    struct mmsghdr headers[ECHO_BURST];
    struct iovec vectors[ECHO_BURST];
    uint8_t datagrams[ECHO_BURST][ECHO_DATAGRAM_MAX];
    uint8_t plains[ECHO_BURST][ECHO_LEN_MAX];
    uint8_t pattern[ECHO_LEN_MAX]; /* a message behind its number */
    bool is_foreign;               /* a datagram came that is no echo of ours; once set it stays */
};

struct echo_session {
    struct sl_epoch epoch;
    struct sl_replay echoed; /* numbers of messages that have come back */
    uint64_t sent;           /* messages; the next one's number */
    uint64_t progress_ns;    /* when one last came, or was given up */
    unsigned in_flight;
    uint32_t len; /* of the messages */
    int fd;
};

/** Allocates its engine, and exits where there is none. */
void echo_workspace_init(struct echo_workspace *workspace);

/**
 * Connects, shakes hands (AES-128-GCM, no connection ID, no certificate is looked at) and takes the
 * keys. Blocks. return 0, or -ETIMEDOUT or -EPROTO: then there is nothing to close.
 */
int echo_session_open(struct echo_session *session, const struct echo_workspace *workspace,
                      const struct sockaddr_in *server) SL_MUST_USE;
/** Tells the server with a close_notify, and closes. */
void echo_session_close(struct echo_session *session, struct echo_workspace *workspace);

/** Seals and sends count more messages, count <= ECHO_BURST. return how many the kernel took. */
unsigned echo_session_send(struct echo_session *session, struct echo_workspace *workspace,
                           unsigned count);
/** Takes what waits on the socket, up to a burst, and opens it. return how many messages came back,
 * each for the first time, unchanged. Never blocks. */
unsigned echo_session_receive(struct echo_session *session, struct echo_workspace *workspace);

#endif
