/* What one option says about another. */
#include <stdarg.h>
#include <stdio.h>

#include "plan.h"

struct complaint {
    const struct plan *plan;
    char *error;
    size_t error_len;
};

static bool complain(struct complaint *c, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The option is named as it was given: by its line in the file, or by its flag. */
static bool complain(struct complaint *c, const char *name, const char *format, ...)
{
    const struct plan_option *option = plan_option_named(name);
    unsigned line = c->plan->lines[option - plan_options];
    int len = line != 0 ? snprintf(c->error, c->error_len, "%s:%u: '%s': ", c->plan->file, line,
                                   option->path)
                        : snprintf(c->error, c->error_len, "sluice-load: --%s: ", name);
    if (len < 0 || (size_t)len >= c->error_len)
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->error + len, c->error_len - (size_t)len, format, arguments);
    va_end(arguments);
    return false;
}

static bool say(struct complaint *c, const char *sentence)
{
    snprintf(c->error, c->error_len, "sluice-load: %s", sentence);
    return false;
}

static bool check_server(struct complaint *c)
{
    const struct plan *plan = c->plan;
    char host[256], reason[VALUE_REASON_LEN];
    uint16_t port;
    if (plan->server == NULL)
        return say(c,
                   "no server: HOST:PORT is needed, or 'address' under 'server' in the scenario");
    if (!value_split_server(plan->server, host, sizeof host, &port, reason)) {
        if (c->plan->lines[plan_option_named("server") - plan_options] != 0)
            return complain(c, "server", "%s", reason);
        return say(c, reason);
    }
    bool has_trust = plan->ca != NULL || plan->fingerprints.count + plan->node_ids.count > 0;
    if (plan->is_insecure && has_trust)
        return complain(c, "insecure",
                        "takes any certificate, and --ca, --fingerprint or --node-id does not");
    if (!has_trust && !plan->is_insecure && plan->psk == NULL)
        return say(c, "how is the server to be recognized? Choose --ca FILE, --fingerprint HEX, "
                      "--node-id ID, --psk FILE or --insecure");
    if (plan->crl != NULL && plan->ca == NULL)
        return complain(c, "crl", "has the lists of those in --ca, which is not given");
    if (plan->name != NULL && plan->ca == NULL)
        return complain(c, "name", "is looked for where --ca says who may vouch for it");
    return true;
}

static bool check_identity(struct complaint *c)
{
    const struct plan *plan = c->plan;
    if (plan->cert != NULL && plan->key == NULL)
        return complain(c, "cert", "needs --key");
    if (plan->key != NULL && plan->cert == NULL)
        return complain(c, "key", "needs --cert");
    if (plan->first_timeout_ns < 100000000 || plan->first_timeout_ns > 60000000000)
        return complain(c, "first-timeout", "100ms to 60s are possible");
    if (plan->handshake_timeout_ns < 100000000 || plan->handshake_timeout_ns > 600000000000)
        return complain(c, "handshake-timeout", "100ms to 10m are possible");
    return true;
}

static bool check_sources(struct complaint *c)
{
    const struct plan *plan = c->plan;
    const struct sl_load_sources *sources = &plan->sources;
    if (sources->ip_count == 0 || sources->first_port == 0)
        return true;
    uint64_t count = (uint64_t)sources->ip_count * sources->port_count;
    if (count < plan->clients)
        return complain(c, "from", "has %llu addresses and ports for %u clients",
                        (unsigned long long)count, plan->clients);
    if (plan->rebind > 0 && count == plan->clients)
        return complain(c, "rebind", "needs more addresses and ports than clients");
    return true;
}

static bool check_port(struct complaint *c)
{
    const struct plan *plan = c->plan;
    static const struct sl_ip any;
    const bool has_dpdk = plan_has_dpdk(plan);
    const char *const of_dpdk[] = {"driver", "next-hop", "vlan"};
    for (unsigned i = 0; !has_dpdk && i < 3; i++)
        if (plan_has(plan, of_dpdk[i]))
            return complain(c, of_dpdk[i], "is for --interface and --device");
    if (plan->interface != NULL && plan->devices.count > 0)
        return complain(c, "device", "does not go together with --interface");
    if (plan->devices.count > 0 && plan_has(plan, "driver"))
        return complain(c, "driver", "is for --interface");
    if (plan->vlan > 4094)
        return complain(c, "vlan", "1 to 4094 are possible");
    if (has_dpdk &&
        (plan->sources.ip_count == 0 || memcmp(&plan->sources.first_ip, &any, sizeof any) == 0))
        return complain(c, plan->interface != NULL ? "interface" : "device",
                        "needs --from: past the kernel nobody else gives the clients addresses");
    if (plan->sources.first_port > 0 && plan->sources.first_port + plan->sources.port_count > 65536)
        return complain(c, "from", "goes beyond port 65535");
    return true;
}

static bool check_data(struct complaint *c)
{
    const struct plan *plan = c->plan;
    const char *const not_in_a_storm[] = {"rate", "churn", "rebind", "idle", "find-max"};
    for (unsigned i = 0; plan->storm > 0 && i < 5; i++)
        if (plan_has(plan, not_in_a_storm[i]) &&
            (strcmp(not_in_a_storm[i], "find-max") != 0 || plan->finds_max))
            return complain(c, not_in_a_storm[i], "does not go together with --storm");
    for (unsigned flood = 0; plan->storm > 0 && flood < SL_LOAD_FLOOD_COUNT; flood++)
        if (plan->floods[flood] > 0)
            return complain(c, "storm", "floods go beside sessions, and a storm keeps none");
    if (plan->duration_ns < 100000000)
        return complain(c, "duration", "is at least 100ms");
    if (plan->warmup_ns >= plan->duration_ns)
        return complain(c, "warmup", "has to be shorter than --duration");
    if (plan->late_after_ns < 1000000 || plan->late_after_ns > 60000000000)
        return complain(c, "late-after", "1ms to 60s are possible");
    if (!plan->expects_echo && plan_has(plan, "max-loss"))
        return complain(c, "max-loss", "loss shows by echoes, and --no-echo expects none");
    return true;
}

static bool check_search(struct complaint *c)
{
    const struct plan *plan = c->plan;
    if (!plan->finds_max)
        return true;
    if (!plan->expects_echo)
        return complain(c, "find-max", "loss shows by echoes, and --no-echo expects none");
    if (plan->rate > 0)
        return complain(c, "rate", "is what --find-max searches");
    if (plan_has(plan, "duration"))
        return complain(c, "duration", "--find-max takes as long as it takes; see --trial");
    if (plan->cycle.idle_ns > 0)
        return complain(c, "idle", "a rate that stops at times has no highest one");
    if (plan->trial_ns < 100000000)
        return complain(c, "trial", "is at least 100ms");
    if (plan->precision < 0.0001 || plan->precision > 0.5)
        return complain(c, "precision", "0.01%% to 50%% are possible");
    if (plan->from_rate >= plan->to_rate)
        return complain(c, plan_has(plan, "to-rate") ? "to-rate" : "from-rate",
                        "the search begins at %g and goes up to %g", plan->from_rate,
                        plan->to_rate);
    return true;
}

static bool has_end(const char *text, const char *end)
{
    size_t text_len = strlen(text), end_len = strlen(end);
    return text_len > end_len && strcmp(text + text_len - end_len, end) == 0;
}

bool plan_is_plot_name(const char *name)
{
    return has_end(name, ".png") || has_end(name, ".svg");
}

static bool check_program(struct complaint *c)
{
    const struct plan *plan = c->plan;
    if (plan->cores > plan->clients)
        return complain(c, "cores", "more of them than clients");
    if (plan_has(plan, "pcap") && plan->write_pcap == NULL)
        return complain(c, "pcap", "is for --write-pcap");
    if (plan->plot != NULL && !plan_is_plot_name(plan->plot))
        return complain(c, "plot", "'%s' ends neither in .png nor in .svg", plan->plot);
    return true;
}

bool plan_check(const struct plan *plan, char *error, size_t error_len)
{
    struct complaint c = {plan, error, error_len};
    return check_server(&c) && check_identity(&c) && check_sources(&c) && check_port(&c) &&
           check_data(&c) && check_search(&c) && check_program(&c);
}
