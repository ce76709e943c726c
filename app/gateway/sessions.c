/* What an operator may ask about single sessions. */
#include <inttypes.h>

#include "gateway.h"

static void print_forged(void *out, unsigned worker, const struct sl_listed_session *session)
{
    fprintf(out, "session %016" PRIx64 " of ", session->handle);
    print_address(out, &session->remote_ip, session->remote_port);
    fprintf(out, ", worker %u: %" PRIu64 " forged\n", worker, session->forged);
}

void sessions_print_forged(struct sl_runtime *runtime, FILE *out)
{
    if (!sl_runtime_list_forged(runtime, print_forged, out))
        fprintf(out, "a worker does not answer: these may not be all\n");
}
