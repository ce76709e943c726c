/* The gateway's certificates, whom its services take, and the sessions that it begins, replaced
 * while it runs. */
#include "gateway.h"

/** What the new configuration has for a service that runs; one that it has no listener for any more
 * goes on as it is, as listeners need a restart. */
static struct sl_handshake_service service_for(const struct gateway *gateway,
                                               const struct settings *next, unsigned service)
{
    const char *name = gateway->settings.services[service];
    struct sl_handshake_service found = gateway->settings.handshake_services[service];
    for (unsigned s = 0; s < next->served_count; s++)
        if (strcmp(next->services[s], name) == 0)
            found = next->handshake_services[s];
    found.name = name; /* the new one's is gone with its file */
    return found;
}

static void keep_service(struct settings *now, unsigned s,
                         const struct sl_handshake_service *service)
{
    struct sl_trust *trust_before = now->trusts[s];
    struct sl_psks *psks_before = now->psks[s];
    now->handshake_services[s] = *service;
    now->trusts[s] = sl_trust_share(service->trust);
    now->psks[s] = sl_psks_share(service->psks);
    sl_trust_destroy(trust_before);
    sl_psks_destroy(psks_before);
}

int certificates_replace(struct gateway *gateway, struct settings *next, char *reason)
{
    struct settings *now = &gateway->settings;
    unsigned count = now->runtime.handshaker.roles.service_count;
    struct sl_handshake_service services[SL_SERVICES_MAX] = {0};
    for (unsigned s = 0; s < count; s++)
        services[s] = service_for(gateway, next, s);
    const struct sl_handshake_roles_config roles = {.credentials = next->credentials,
                                                    .services = services,
                                                    .service_count = count,
                                                    .clients = next->clients,
                                                    .client_count = next->runtime.connection_count};
    int error = sl_runtime_replace_roles(gateway->runtime, &roles, next->connections, reason);
    if (error != 0)
        return error;
    for (unsigned s = 0; s < count; s++)
        keep_service(now, s, &services[s]);
    connections_keep(now, next);
    sl_credentials_destroy(now->credentials);
    now->credentials = sl_credentials_share(next->credentials);
    gateway->expiry_looked_s = 0; /* what is new is looked at anew */
    return 0;
}
