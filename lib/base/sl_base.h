/** The base library: what every other one speaks in. */
#ifndef SL_BASE_H
#define SL_BASE_H

#include "sl_address.h"
#include "sl_arena.h"
#include "sl_bytes.h"
#include "sl_drop.h"
#include "sl_dump.h"
#include "sl_frame.h"
#include "sl_protocol.h"

#define SL_MUST_USE __attribute__((warn_unused_result))

#endif
