/** What reading and writing share. */
#ifndef PRELOAD_PRIV_H
#define PRELOAD_PRIV_H

#include "sl_preload.h"

/** The first line, without its end. */
#define PRELOAD_HEADER "sluice-sessions 1"

/** write.c: by enum sl_aead_alg. */
extern const char *const preload_suites[SL_AEAD_ALG_COUNT];

#endif
