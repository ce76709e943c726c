#include <stdio.h>
#include <stdlib.h>

#include "handshake_priv.h"

static bool make_service(const struct sl_handshaker *handshaker, struct service *service,
                         const struct sl_handshake_service *from, char *reason)
{
    service->trust = from->trust != NULL ? sl_trust_share(from->trust) : NULL;
    service->ctx = sl_handshake_make_server_context(handshaker, from, reason);
    return service->ctx != NULL;
}

struct services *sl_handshake_make_services(const struct sl_handshaker *handshaker,
                                            const struct sl_handshake_service *from, unsigned count,
                                            char *reason)
{
    struct services *services = NULL;
    if (count > 0)
        services = calloc(1, sizeof *services + count * sizeof services->each[0]);
    if (services == NULL) {
        snprintf(reason, SL_REASON_LEN,
                 count > 0 ? "out of memory" : "a server needs a service that clients come for");
        return NULL;
    }
    services->count = count;
    for (unsigned i = 0; i < count; i++) {
        if (make_service(handshaker, &services->each[i], &from[i], reason))
            continue;
        sl_handshake_free_services(services);
        return NULL;
    }
    return services;
}

void sl_handshake_free_services(struct services *services)
{
    if (services == NULL)
        return;
    for (unsigned i = 0; i < services->count; i++) {
        SSL_CTX_free(services->each[i].ctx);
        sl_trust_destroy(services->each[i].trust);
    }
    free(services);
}
