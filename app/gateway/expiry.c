/* What ends while the gateway runs: its certificates with their OCSP responses, and the authorities
 * that it trusts with their revocation lists. Shown to operators, and said before it ends. */
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
    bool is_for_due; /* only what has to be said since looked_s */
    int64_t looked_s, now_s;
};

static bool wants(const struct visitor *visitor, const struct sl_expiry *expiry)
{
    return !visitor->is_for_due || sl_expiry_is_due(expiry, visitor->looked_s, visitor->now_s);
}

static void show(const struct visitor *visitor, const struct item *item)
{
    if (wants(visitor, &item->expiry))
        visitor->visit(visitor, item);
}

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
    show(visitor, &certificate);
    if (info->ocsp_file == NULL)
        return;
    snprintf(details, sizeof details, "OCSP response for %.512s", info->file);
    const struct item response = {{SL_EXPIRY_RENEWED, info->ocsp_begins_s, info->ocsp_ends_s},
                                  "OCSP response",
                                  info->ocsp_file,
                                  details,
                                  "clients are not shown it any more"};
    show(visitor, &response);
}

static bool is_same(const struct sl_trust_part *a, const struct sl_trust_part *b)
{
    return a->kind == b->kind && a->begins_s == b->begins_s && a->ends_s == b->ends_s &&
           strcmp(a->file, b->file) == 0 && strcmp(a->name, b->name) == 0;
}

static bool has_part(const struct sl_trust *trust, const struct sl_trust_part *part)
{
    struct sl_trust_part other;
    for (unsigned i = 0; i < sl_trust_part_count(trust); i++) {
        sl_trust_describe_part(trust, i, &other);
        if (is_same(&other, part))
            return true;
    }
    return false;
}

/** Those who trust it, with commas; false: an earlier trust than the first has it, too. */
static bool write_users(const struct settings *settings, unsigned first,
                        const struct sl_trust_part *part, char users[USERS_LEN])
{
    size_t len = 0;
    users[0] = 0;
    for (unsigned i = 0; i < TRUSTS_MAX; i++) {
        bool is_service = i < SL_SERVICES_MAX;
        if (!has_part(identity_trust(settings, i), part))
            continue;
        if (i < first)
            return false;
        len += (size_t)snprintf(users + len, USERS_LEN - len, "%s%s", len > 0 ? "," : "",
                                is_service ? settings->services[i] : "(connect)");
        if (len >= USERS_LEN || !is_service)
            break;
    }
    return true;
}

/** One file may be everybody's: then it is one line, which names all of them. */
static void visit_part(const struct visitor *visitor, const struct settings *settings,
                       unsigned first, const struct sl_trust_part *part)
{
    bool is_list = part->kind == SL_TRUST_LIST;
    char users[USERS_LEN], details[DETAILS_LEN], what[USERS_LEN] = "revocation list";
    const struct item item = {
        {is_list ? SL_EXPIRY_RENEWED : SL_EXPIRY_CERTIFICATE, part->begins_s, part->ends_s},
        what,
        part->file,
        details,
        "whoever that authority vouches for is refused"};
    /* There may be thousands, of which none is near its end: this costs least, and is first. */
    if (!wants(visitor, &item.expiry) || !write_users(settings, first, part, users))
        return;
    if (!is_list) /* the one of many in its file */
        snprintf(what, sizeof what, "authority %s in", part->name);
    snprintf(details, sizeof details, "%s %s for %s", is_list ? "revocation list of" : "authority",
             part->name, users);
    visitor->visit(visitor, &item);
}

static void visit_all(const struct settings *settings, const struct visitor *visitor)
{
    struct sl_certificate_info info;
    struct sl_trust_part part;
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
        const struct sl_trust *trust = identity_trust(settings, i);
        for (unsigned k = 0; k < sl_trust_part_count(trust); k++) {
            sl_trust_describe_part(trust, k, &part);
            visit_part(visitor, settings, i, &part);
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
    const struct visitor visitor = {.visit = say_item,
                                    .arg = &say,
                                    .is_for_due = true,
                                    .looked_s = looked_s,
                                    .now_s = (int64_t)time(NULL)};
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
