/** What a dump of the process (core(5)) must not hold. */
#ifndef SL_DUMP_H
#define SL_DUMP_H

#include <stddef.h>

/**
 * Leaves the whole pages of at [len] out of dumps: keys and plaintext lie there. The bytes of a
 * page that others share stay. Where the kernel refuses, nothing happens.
 */
void sl_dump_leave_out(void *at, size_t len);

#endif
