#include "sl_drop.h"

#include <assert.h>

struct drop_info {
    const char *name;
    const char *text;
    enum sl_direction direction;
};

static const struct drop_info drops[SL_DROP_COUNT] = {
    [SL_DROP_NONE] = {"NONE", "not dropped", SL_DIRECTION_RX},
#define X(name, direction, text) [SL_DROP_##name] = {#name, text, SL_DIRECTION_##direction},
    SL_DROP_LIST(X)
#undef X
};

const char *sl_drop_name(enum sl_drop drop)
{
    assert(drop < SL_DROP_COUNT);
    return drops[drop].name;
}

const char *sl_drop_text(enum sl_drop drop)
{
    assert(drop < SL_DROP_COUNT);
    return drops[drop].text;
}

enum sl_direction sl_drop_direction(enum sl_drop drop)
{
    assert(drop < SL_DROP_COUNT);
    return drops[drop].direction;
}
