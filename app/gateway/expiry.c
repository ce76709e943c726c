/* What ends while the gateway runs: its certificates with their OCSP responses, and the revocation
 * lists of those whom it trusts. Shown to operators, and said before it ends. */
#include <time.h>

#include "gateway.h"
#include "sl_expiry.h"

#define LOOK_EVERY_S 5
#define USERS_LEN 256
#define DETAILS_LEN 768

/** One of them, in words. */
struct item {
    struct sl_expiry expiry;
    const char *what; /* with the file behind it: "certificate" */
    const char *file;
    const char *details; /* for who has asked */
    const char *outcome; /* of its end */
};

struct visitor {
    void (*visit)(const struct visitor *visitor, const struct item *item);
    void *arg;
    int64_t looked_s, now_s;
};

static void visit_certificate(const struct visitor *visitor, const struct sl_certificate_info *info)
{
    char details[DETAILS_LEN];
    snprintf(details, sizeof details, "key %s subject %s names %s", info->key, info->subject,
             info->names[0] != 0 ? info->names : "none");
    const struct item certificate = {{SL_EXPIRY_CERTIFICATE, 0, info->ends_s},
                                     "certificate",
                                     info->file,
                                     details,
                                     "peers refuse it"};
    visitor->visit(visitor, &certificate);
    if (info->ocsp_file == NULL)
        return;
    snprintf(details, sizeof details, "OCSP response for %.512s", info->file);
    const struct item response = {{SL_EXPIRY_RENEWED, info->ocsp_begins_s, info->ocsp_ends_s},
                                  "OCSP response",
                                  info->ocsp_file,
                                  details,
                                  "clients are not shown it any more"};
    visitor->visit(visitor, &response);
}

static bool is_same(const struct sl_crl_info *a, const struct sl_crl_info *b)
{
    return strcmp(a->file, b->file) == 0 && strcmp(a->issuer, b->issuer) == 0 &&
           a->begins_s == b->begins_s && a->ends_s == b->ends_s;
}

static bool has_list(const struct sl_trust *trust, const struct sl_crl_info *list)
{
    struct sl_crl_info other;
    for (unsigned i = 0; i < sl_trust_crl_count(trust); i++) {
        sl_trust_describe_crl(trust, i, &other);
        if (is_same(&other, list))
            return true;
    }
    return false;
}

/** Whose trust is the i-th: services, then entries of `connect`. */
static struct sl_trust *trust_at(const struct settings *settings, unsigned i)
{
    if (i < SL_SERVICES_MAX)
        return settings->trusts[i];
    const struct sl_client_credentials *client = settings->client_credentials[i - SL_SERVICES_MAX];
    return client != NULL ? sl_client_trust(client) : NULL;
}

#define TRUSTS_MAX (SL_SERVICES_MAX + SL_CONNECTIONS_MAX)

/** One file may be everybody's: then it is one line, which names all of them. */
static void visit_list(const struct visitor *visitor, const struct settings *settings,
                       unsigned first, const struct sl_crl_info *list)
{
    char users[USERS_LEN] = "", details[DETAILS_LEN];
    size_t len = 0;
    for (unsigned i = 0; i < TRUSTS_MAX; i++) {
        bool is_service = i < SL_SERVICES_MAX;
        if (!has_list(trust_at(settings, i), list))
            continue;
        if (i < first)
            return; /* it had its line */
        len += (size_t)snprintf(users + len, sizeof users - len, "%s%s", len > 0 ? "," : "",
                                is_service ? settings->services[i] : "(connect)");
        if (len >= sizeof users || !is_service)
            break;
    }
    snprintf(details, sizeof details, "revocation list of %s for %s", list->issuer, users);
    const struct item item = {{SL_EXPIRY_RENEWED, list->begins_s, list->ends_s},
                              "revocation list",
                              list->file,
                              details,
                              "whoever that authority vouches for is refused"};
    visitor->visit(visitor, &item);
}

static void visit_all(const struct settings *settings, const struct visitor *visitor)
{
    struct sl_certificate_info info;
    struct sl_crl_info list;
    for (unsigned i = 0; i < sl_credentials_count(settings->credentials); i++) {
        sl_credentials_describe(settings->credentials, i, &info);
        visit_certificate(visitor, &info);
    }
    for (unsigned i = 0; i < SL_CONNECTIONS_MAX; i++) {
        const struct sl_client_credentials *client = settings->client_credentials[i];
        for (unsigned c = 0; client != NULL && c < sl_client_certificate_count(client); c++) {
            sl_client_credentials_describe(client, c, &info);
            visit_certificate(visitor, &info);
        }
    }
    for (unsigned i = 0; i < TRUSTS_MAX; i++) {
        const struct sl_trust *trust = trust_at(settings, i);
        for (unsigned l = 0; l < sl_trust_crl_count(trust); l++) {
            sl_trust_describe_crl(trust, l, &list);
            visit_list(visitor, settings, i, &list);
        }
    }
}

/** "13 days": of what is left, whole ones of the unit of which there are two at least. */
static void write_left(int64_t left_s, char *out, size_t out_len)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "days"}, {3600, "hours"}, {60, "minutes"}, {1, "seconds"}};
    unsigned u = 0;
    while (units[u].seconds > 1 && left_s < 2 * units[u].seconds)
        u++;
    snprintf(out, out_len, "%lld %s", (long long)(left_s / units[u].seconds), units[u].name);
}

static void print_item(const struct visitor *visitor, const struct item *item)
{
    FILE *out = visitor->arg;
    char end[32] = "", left[32];
    time_t ends_s = (time_t)item->expiry.ends_s;
    struct tm utc;
    if (gmtime_r(&ends_s, &utc) != NULL)
        strftime(end, sizeof end, "%Y-%m-%dT%H:%M:%SZ", &utc);
    write_left(item->expiry.ends_s - visitor->now_s, left, sizeof left);
    fprintf(out, "%s %s ", item->file, item->details);
    if (ends_s == 0)
        fprintf(out, "never expires\n");
    else if (sl_expiry_state(&item->expiry, visitor->now_s) == SL_EXPIRY_OVER)
        fprintf(out, "EXPIRED on %s\n", end);
    else
        fprintf(out, "expires %s (%s)\n", end, left);
}

void expiry_print(const struct settings *settings, FILE *out)
{
    const struct visitor visitor = {.visit = print_item, .arg = out, .now_s = (int64_t)time(NULL)};
    visit_all(settings, &visitor);
}

static void say_item(const struct visitor *visitor, const struct item *item)
{
    void (*const *say)(const char *line) = visitor->arg;
    char line[REASON_LEN], left[32];
    if (!sl_expiry_is_due(&item->expiry, visitor->looked_s, visitor->now_s))
        return;
    write_left(item->expiry.ends_s - visitor->now_s, left, sizeof left);
    if (sl_expiry_state(&item->expiry, visitor->now_s) == SL_EXPIRY_OVER)
        snprintf(line, sizeof line, "%s %.512s has expired: %s; a reload takes a new one",
                 item->what, item->file, item->outcome);
    else
        snprintf(line, sizeof line, "%s %.512s expires in %s; a reload takes a new one", item->what,
                 item->file, left);
    (*say)(line);
}

void expiry_say(const struct settings *settings, int64_t looked_s, void (*say)(const char *line))
{
    const struct visitor visitor = {
        .visit = say_item, .arg = &say, .looked_s = looked_s, .now_s = (int64_t)time(NULL)};
    visit_all(settings, &visitor);
}

void expiry_warn(struct gateway *gateway)
{
    int64_t now_s = (int64_t)time(NULL), looked_s = gateway->expiry_looked_s;
    if (now_s >= looked_s && now_s < looked_s + LOOK_EVERY_S)
        return;
    gateway->expiry_looked_s = now_s;
    expiry_say(&gateway->settings, looked_s, log_warning);
}
