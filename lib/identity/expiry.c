#include "sl_expiry.h"

#define DAY_S 86400
#define NEAR_S (14LL * DAY_S)

static int64_t near_s(const struct sl_expiry *expiry)
{
    int64_t quarter_s = (expiry->ends_s - expiry->begins_s) / 4;
    bool is_short = expiry->kind == SL_EXPIRY_RENEWED && quarter_s < NEAR_S;
    return expiry->ends_s - (is_short ? quarter_s : NEAR_S);
}

enum sl_expiry_state sl_expiry_state(const struct sl_expiry *expiry, int64_t now_s)
{
    if (expiry->ends_s == 0 || now_s < near_s(expiry))
        return SL_EXPIRY_FAR;
    return now_s < expiry->ends_s ? SL_EXPIRY_NEAR : SL_EXPIRY_OVER;
}

bool sl_expiry_is_due(const struct sl_expiry *expiry, int64_t looked_s, int64_t now_s)
{
    enum sl_expiry_state state = sl_expiry_state(expiry, now_s);
    if (state == SL_EXPIRY_FAR)
        return false;
    int64_t since_s = state == SL_EXPIRY_OVER ? expiry->ends_s : near_s(expiry);
    return looked_s < since_s || (now_s - since_s) / DAY_S > (looked_s - since_s) / DAY_S;
}
