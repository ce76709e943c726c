/* The gateway's certificates: shown to operators, warned of before they end, and replaced, with
 * whom the services take, while the gateway runs. */
#include <errno.h>
#include <time.h>

#include "gateway.h"

#define DAY_S 86400
#define WARNING_DAYS 14

static int64_t days_left(const struct sl_certificate_info *info)
{
    int64_t left_s = info->ends_s - (int64_t)time(NULL);
    return left_s >= 0 ? left_s / DAY_S : -1;
}

void certificates_print(const struct sl_credentials *credentials, FILE *out)
{
    struct sl_certificate_info info;
    for (unsigned i = 0; i < sl_credentials_count(credentials); i++) {
        char end[32] = "";
        struct tm utc;
        sl_credentials_describe(credentials, i, &info);
        time_t ends_s = (time_t)info.ends_s;
        strftime(end, sizeof end, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&ends_s, &utc));
        fprintf(out, "%s key %s subject %s names %s ", info.file, info.key, info.subject,
                info.names[0] != 0 ? info.names : "none");
        if (days_left(&info) < 0)
            fprintf(out, "EXPIRED on %s\n", end);
        else
            fprintf(out, "expires %s (%lld days)\n", end, (long long)days_left(&info));
    }
}

void certificates_warn(struct gateway *gateway)
{
    struct sl_certificate_info info;
    int64_t now_s = (int64_t)time(NULL);
    if (now_s < gateway->certificates_warned_s + DAY_S)
        return;
    gateway->certificates_warned_s = now_s;
    for (unsigned i = 0; i < sl_credentials_count(gateway->settings.credentials); i++) {
        char line[REASON_LEN];
        sl_credentials_describe(gateway->settings.credentials, i, &info);
        if (days_left(&info) >= WARNING_DAYS)
            continue;
        if (days_left(&info) < 0)
            snprintf(line, sizeof line, "certificate %.512s has expired", info.file);
        else
            snprintf(line, sizeof line, "certificate %.512s expires in %lld days", info.file,
                     (long long)days_left(&info));
        log_warning(line);
    }
}

/** What the new configuration has for a service that runs; one that it has no listener for any more
 * goes on as it is, as listeners need a restart. */
static struct sl_handshake_service service_for(const struct gateway *gateway,
                                               const struct settings *next, unsigned service)
{
    const char *name = gateway->settings.services[service];
    struct sl_handshake_service found = gateway->settings.handshake_services[service];
    for (unsigned s = 0; s < next->runtime.worker.service_count; s++)
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
    unsigned count = now->runtime.handshaker.service_count;
    struct sl_handshake_service services[SL_SERVICES_MAX] = {0};
    for (unsigned s = 0; s < count; s++)
        services[s] = service_for(gateway, next, s);
    int error = sl_runtime_replace_services(gateway->runtime, next->credentials, services, reason);
    if (error != 0)
        return error;
    for (unsigned s = 0; s < count; s++)
        keep_service(now, s, &services[s]);
    sl_credentials_destroy(now->credentials);
    now->credentials = sl_credentials_share(next->credentials);
    gateway->certificates_warned_s = 0;
    return 0;
}
