#include <stdio.h>
#include <stdlib.h>

#include "handshake_priv.h"

static bool make_service(const struct sl_handshaker *handshaker, struct sl_credentials *credentials,
                         struct service *service, const struct sl_handshake_service *from,
                         char *reason)
{
    service->trust = sl_trust_share(from->trust);
    service->psks = sl_psks_share(from->psks);
    service->suites = sl_handshake_suites_of(from);
    service->takes_certificates = !from->takes_only_psk;
    snprintf(service->name, sizeof service->name, "%s", from->name);
    if (credentials == NULL && service->takes_certificates) {
        snprintf(reason, SL_REASON_LEN, "service '%s' has to show a certificate, and there is none",
                 service->name);
        return false;
    }
    service->ctx = sl_handshake_make_server_context(handshaker, credentials, from, reason);
    return service->ctx != NULL;
}

struct sl_handshake_services *sl_handshake_services_create(const struct sl_handshaker *handshaker,
                                                           struct sl_credentials *credentials,
                                                           const struct sl_handshake_service *from,
                                                           char *reason)
{
    unsigned count = handshaker->config.service_count;
    struct sl_handshake_services *services = NULL;
    if (count > 0)
        services = calloc(1, sizeof *services + count * sizeof services->each[0]);
    if (services == NULL) {
        snprintf(reason, SL_REASON_LEN,
                 count > 0 ? "out of memory" : "a server needs a service that clients come for");
        return NULL;
    }
    services->credentials = sl_credentials_share(credentials);
    services->count = count;
    for (unsigned i = 0; i < count; i++) {
        if (make_service(handshaker, credentials, &services->each[i], &from[i], reason))
            continue;
        sl_handshake_services_destroy(services);
        return NULL;
    }
    return services;
}

void sl_handshake_services_destroy(struct sl_handshake_services *services)
{
    if (services == NULL)
        return;
    for (unsigned i = 0; i < services->count; i++) {
        SSL_CTX_free(services->each[i].ctx);
        sl_trust_destroy(services->each[i].trust);
        sl_psks_destroy(services->each[i].psks);
    }
    sl_credentials_destroy(services->credentials);
    free(services);
}

bool sl_handshaker_replace_services(struct sl_handshaker *handshaker,
                                    struct sl_handshake_services *services)
{
    struct sl_handshake_services *none = NULL;
    /* Pairs with the acquire in sl_handshake_take_services: they are there whole. */
    return atomic_compare_exchange_strong_explicit(&handshaker->next_services, &none, services,
                                                   memory_order_release, memory_order_relaxed);
}

bool sl_handshaker_has_replaced_services(const struct sl_handshaker *handshaker)
{
    return atomic_load_explicit(&handshaker->next_services, memory_order_relaxed) == NULL;
}

static void free_unused(const struct sl_handshaker *handshaker,
                        struct sl_handshake_services *services)
{
    if (services->users == 0 && services != handshaker->services)
        sl_handshake_services_destroy(services);
}

void sl_handshake_take_services(struct sl_handshaker *handshaker)
{
    if (sl_handshaker_has_replaced_services(handshaker)) /* so nearly always: a load, no more */
        return;
    struct sl_handshake_services *before = handshaker->services;
    handshaker->services =
        atomic_exchange_explicit(&handshaker->next_services, NULL, memory_order_acquire);
    if (before != NULL)
        free_unused(handshaker, before);
}

void sl_handshake_use_service(struct handshake *handshake, unsigned service)
{
    struct sl_handshake_services *services = handshake->owner->services;
    services->users++;
    handshake->server.services = services;
    handshake->server.service = &services->each[service];
    handshake->trust = handshake->server.service->trust;
}

void sl_handshake_leave_service(struct handshake *handshake)
{
    struct sl_handshake_services *services = handshake->server.services;
    if (services == NULL)
        return;
    handshake->server.services = NULL;
    handshake->server.service = NULL;
    handshake->trust = NULL;
    services->users--;
    free_unused(handshake->owner, services);
}
