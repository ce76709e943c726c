/** Paths of Unix sockets that somebody is to listen on. Control thread, at start-up. */
#ifndef SL_UNIX_H
#define SL_UNIX_H

#include <sys/un.h>

#include "sl_base.h"

/** Makes the socket's folder if it is not there: one level, as /run/sluice; for the rest, bind(2)
 * says what is wrong. */
void sl_unix_make_folder(const struct sockaddr_un *address);
/**
 * Removes what is at the address if it is a socket that nobody listens on: what is left of a
 * process that was killed. type    as of socket(2), the listener's. return  0: the address is free;
 * -EADDRINUSE: somebody listens there; -EEXIST: it is no socket; -EACCES, -EPERM: it is somebody
 * else's, to be asked or removed by him; or another -errno.
 */
int sl_unix_free_address(const struct sockaddr_un *address, int type) SL_MUST_USE;

#endif
