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

static bool make_client(const struct sl_handshaker *handshaker, struct client *client,
                        const struct sl_client_config *from, char *reason)
{
    if (from->credentials == NULL)
        return true;
    client->config = *from;
    sl_client_credentials_share(from->credentials);
    return sl_handshake_make_client_context(handshaker, client, reason);
}

/** Services of a server, and clients; what has been made so far is counted. */
static bool make_all(const struct sl_handshaker *handshaker, struct sl_handshake_roles *roles,
                     const struct sl_handshake_roles_config *config, char *reason)
{
    while (roles->service_count < config->service_count) {
        const unsigned i = roles->service_count++;
        if (!make_service(handshaker, roles->credentials, &roles->services[i], &config->services[i],
                          reason))
            return false;
    }
    while (roles->client_count < config->client_count) {
        const unsigned i = roles->client_count++;
        if (!make_client(handshaker, &roles->clients[i], &config->clients[i], reason))
            return false;
    }
    return true;
}

struct sl_handshake_roles *sl_handshake_roles_create(const struct sl_handshaker *handshaker,
                                                     const struct sl_handshake_roles_config *config,
                                                     char *reason)
{
    struct sl_handshake_roles *roles = calloc(1, sizeof *roles);
    if (roles != NULL) {
        roles->credentials = sl_credentials_share(config->credentials);
        roles->services = calloc(config->service_count + 1UL, sizeof *roles->services);
        roles->clients = calloc(config->client_count + 1UL, sizeof *roles->clients);
    }
    if (roles == NULL || roles->services == NULL || roles->clients == NULL)
        snprintf(reason, SL_REASON_LEN, "out of memory");
    else if (make_all(handshaker, roles, config, reason))
        return roles;
    sl_handshake_roles_destroy(roles);
    return NULL;
}

void sl_handshake_roles_destroy(struct sl_handshake_roles *roles)
{
    if (roles == NULL)
        return;
    for (unsigned i = 0; i < roles->service_count; i++) {
        SSL_CTX_free(roles->services[i].ctx);
        sl_trust_destroy(roles->services[i].trust);
        sl_psks_destroy(roles->services[i].psks);
    }
    for (unsigned i = 0; i < roles->client_count; i++) {
        SSL_CTX_free(roles->clients[i].ctx);
        sl_client_credentials_destroy(roles->clients[i].config.credentials);
    }
    free(roles->services);
    free(roles->clients);
    sl_credentials_destroy(roles->credentials);
    free(roles);
}

bool sl_handshaker_replace_roles(struct sl_handshaker *handshaker, struct sl_handshake_roles *roles)
{
    struct sl_handshake_roles *none = NULL;
    /* Pairs with the acquire in sl_handshake_take_roles: they are there whole. */
    return atomic_compare_exchange_strong_explicit(&handshaker->next_roles, &none, roles,
                                                   memory_order_release, memory_order_relaxed);
}

bool sl_handshaker_has_replaced_roles(const struct sl_handshaker *handshaker)
{
    return atomic_load_explicit(&handshaker->next_roles, memory_order_relaxed) == NULL;
}

static void free_unused(const struct sl_handshaker *handshaker, struct sl_handshake_roles *roles)
{
    if (roles->users == 0 && roles != handshaker->roles)
        sl_handshake_roles_destroy(roles);
}

void sl_handshake_take_roles(struct sl_handshaker *handshaker)
{
    if (sl_handshaker_has_replaced_roles(handshaker)) /* so nearly always: a load, no more */
        return;
    struct sl_handshake_roles *before = handshaker->roles;
    handshaker->roles =
        atomic_exchange_explicit(&handshaker->next_roles, NULL, memory_order_acquire);
    free_unused(handshaker, before);
}

static struct sl_handshake_roles *use(struct handshake *handshake)
{
    struct sl_handshake_roles *roles = handshake->owner->roles;
    roles->users++;
    handshake->roles = roles;
    return roles;
}

void sl_handshake_use_service(struct handshake *handshake, unsigned service)
{
    handshake->server.service = &use(handshake)->services[service];
    handshake->trust = handshake->server.service->trust;
}

void sl_handshake_use_client(struct handshake *handshake, unsigned client)
{
    handshake->client.self = &use(handshake)->clients[client];
    handshake->trust = sl_client_trust(handshake->client.self->config.credentials);
}

void sl_handshake_leave_roles(struct handshake *handshake)
{
    struct sl_handshake_roles *roles = handshake->roles;
    if (roles == NULL)
        return;
    handshake->roles = NULL;
    handshake->server.service = NULL;
    handshake->client.self = NULL;
    handshake->trust = NULL;
    roles->users--;
    free_unused(handshake->owner, roles);
}
