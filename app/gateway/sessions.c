/* What an operator may ask about single sessions. */
#include <inttypes.h>

#include "gateway.h"

/** More are counted: whoever forges may have met very many. */
#define SHOWN_MAX 4096

struct forged_list {
    FILE *out;
    uint64_t count;
};

static void print_forged(void *arg, unsigned worker, const struct sl_listed_session *session)
{
    struct forged_list *list = arg;
    if (list->count++ >= SHOWN_MAX)
        return;
    fprintf(list->out, "session %016" PRIx64 " of ", session->handle);
    print_address(list->out, &session->remote_ip, session->remote_port);
    fprintf(list->out, ", worker %u: %" PRIu64 " forged\n", worker, session->forged);
}

void sessions_print_forged(struct sl_runtime *runtime, FILE *out)
{
    struct forged_list list = {.out = out};
    const bool is_whole = sl_runtime_list_forged(runtime, print_forged, &list);
    if (list.count > SHOWN_MAX)
        fprintf(out, "and %" PRIu64 " more\n", list.count - SHOWN_MAX);
    if (!is_whole)
        fprintf(out, "a worker does not answer: these may not be all\n");
}
