/**
 * A capture of what the engines send and receive, for other generators and for Wireshark, and the
 * file of its sessions, for a gateway that is to open what a generator sends.
 */
#ifndef LOAD_CAPTURE_H
#define LOAD_CAPTURE_H

#include "port.h"

struct capture;

/**
 * Makes FILE and FILE.sessions.
 * return the capture (caller closes it), or NULL and reason [SL_REASON_LEN].
 */
struct capture *capture_create(const char *path, enum value_capture what, char *reason);
/** Writes all that is still to be written. return 0, or -EIO: something could not be written, and
 * the files are not whole. NULL: nothing, 0. */
int capture_close(struct capture *capture);

/** Puts the capture between an engine and its port, which must outlive it. Any engine's thread may
 * use it then. return 0 or -ENOMEM. */
int capture_attach(struct capture *capture, struct port *port) SL_MUST_USE;
/** As sl_load_config.tell_session; arg is the capture. */
void capture_session(void *arg, const struct sl_load_session *session);

#endif
