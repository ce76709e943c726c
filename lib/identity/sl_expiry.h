/**
 * What ends without anybody's doing: certificates, OCSP responses, revocation lists. When an
 * operator is to hear of it. Moments are seconds since 1970.
 */
#ifndef SL_EXPIRY_H
#define SL_EXPIRY_H

#include "sl_base.h"

enum sl_expiry_kind {
    SL_EXPIRY_CERTIFICATE, /* near in its last two weeks: somebody has to ask for another one */
    SL_EXPIRY_RENEWED, /* lists and responses, which come by themselves: near in the last quarter of
                          their time, and in the last two weeks at most */
};

struct sl_expiry {
    enum sl_expiry_kind kind;
    int64_t begins_s;
    int64_t ends_s; /* 0: never */
};

enum sl_expiry_state { SL_EXPIRY_FAR, SL_EXPIRY_NEAR, SL_EXPIRY_OVER };
enum sl_expiry_state sl_expiry_state(const struct sl_expiry *expiry, int64_t now_s);

/**
 * Whether it is to be said now: when it has become near, and when it is over, at once; and while
 * either lasts each day after that.
 * looked_s  when this was asked the last time; 0: never.
 */
bool sl_expiry_is_due(const struct sl_expiry *expiry, int64_t looked_s, int64_t now_s);

#endif
