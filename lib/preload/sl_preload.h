/**
 * The file of recorded sessions: what a gateway needs to open the records that were recorded of
 * them. sluice-load writes it beside a capture, `sluice run --preload-sessions` reads it.
 *
 *     sluice-sessions 1
 *     cid=00a00003d1c2b3a4 peer_cid=- suite=aes-128-gcm client_key=HEX client_iv=HEX
 *         client=198.18.0.2:20000 server=198.18.0.1:4433
 *
 * The first line says what the file is; each further line (here in two for width) is a session.
 * Fields stand in any order, one space between them; "-" is a connection ID that there is not; IPv6
 * addresses stand in brackets. Every line ends with a line feed, so that a file that was cut short
 * is noticed. The keys are secret.
 *
 * The keys are the client's alone. What the server's key has sealed in the meantime nobody has
 * recorded, so that a gateway that went on with it would use record numbers twice.
 */
#ifndef SL_PRELOAD_H
#define SL_PRELOAD_H

#include <stdio.h>

#include "sl_base.h"
#include "sl_crypto.h"

/** A line of the file, its end included. */
#define SL_PRELOAD_LINE_MAX 512

struct sl_preload_session {
    struct sl_tuple tuple; /* as the gateway sees it: the client is remote; one family */
    enum sl_aead_alg alg;
    uint8_t cid_len;      /* <= SL_PEER_CID_MAX, of the gateway's connection ID, which the client's
                             records have; 0: they have none */
    uint8_t peer_cid_len; /* <= SL_PEER_CID_MAX, of what the client wants in records to it */
    uint8_t cid[SL_PEER_CID_MAX];
    uint8_t peer_cid[SL_PEER_CID_MAX];
    uint8_t client_key[32]; /* [sl_aead_key_len(alg)] what the client seals with, in epoch 1 */
    uint8_t client_iv[12];  /* [sl_aead_iv_len(alg)] */
};

/**
 * Makes the file, readable by its owner alone (also where there was one before), with its first
 * line. return the file, which the caller closes, and looks there whether all was written; NULL and
 * errno.
 */
FILE *sl_preload_create(const char *path) SL_MUST_USE;
/** return 0, or -EIO: the file can't be written. */
int sl_preload_write_session(FILE *to, const struct sl_preload_session *session) SL_MUST_USE;

struct sl_preload_reader;

/**
 * Opens a file and checks its first line.
 *
 * error  [error_len] on failure: "FILE:LINE: reason", cut where it is longer: 256 bytes beside the
 *        path's are enough. Values of the file are never in it.
 * return the reader (caller closes it), or NULL.
 */
struct sl_preload_reader *sl_preload_open(const char *path, char *error,
                                          size_t error_len) SL_MUST_USE;
/**
 * The next session: out is whole and within the limits above, or untouched.
 * return 1; 0 at the end; -EINVAL or -EIO and error, as sl_preload_open, and so ever after.
 */
int sl_preload_read(struct sl_preload_reader *reader, struct sl_preload_session *out, char *error,
                    size_t error_len) SL_MUST_USE;
/** The line that was read last. */
unsigned sl_preload_line(const struct sl_preload_reader *reader);
/** Closes the file and wipes what was read. */
void sl_preload_close(struct sl_preload_reader *reader);

#endif
