/* The configuration's lists of prefixes and limits, made into the rules that workers ask. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway.h"

/** Where a rule stands in the file: "admission.deny[3]". */
#define PATH_LEN 64

static bool read_prefix(struct settings *settings, const char *path, const char *text,
                        struct sl_prefix *out)
{
    char meant[SL_PREFIX_TEXT_LEN];
    switch (sl_prefix_parse(text, out)) {
    case SL_PREFIX_SOUND:
        return true;
    case SL_PREFIX_LENGTH:
        return settings_fail_at(settings, path,
                                "'%s': behind the slash stand the bits of the prefix, 0 to 32 of "
                                "IPv4, 0 to 128 of IPv6",
                                text);
    case SL_PREFIX_HOST_BITS:
        sl_prefix_print(out, meant);
        return settings_fail_at(settings, path,
                                "'%s' has bits behind its prefix; is '%s' meant, or one address?",
                                text, meant);
    case SL_PREFIX_ADDRESS:
        break;
    }
    return settings_fail_at(
        settings, path, "'%s' is no prefix of addresses, such as 198.18.0.0/15 or 2001:db8::/32",
        text);
}

static bool read_list(struct settings *settings, const char *key, char *const *texts,
                      unsigned count, bool is_allowed, struct sl_access_rule *rules)
{
    char path[PATH_LEN];
    for (unsigned i = 0; i < count; i++) {
        snprintf(path, sizeof path, "admission.%s[%u]", key, i);
        rules[i].is_allowed = is_allowed;
        if (!read_prefix(settings, path, texts[i], &rules[i].prefix))
            return false;
    }
    return true;
}

static bool fail_conflict(struct settings *settings, unsigned which)
{
    const struct sl_config_admission *lists = &settings->config->admission;
    char path[PATH_LEN];
    /* The denied ones stand behind the allowed ones, and a list does not contradict itself. */
    const unsigned i = which - lists->allow_count;
    snprintf(path, sizeof path, "admission.deny[%u]", i);
    return settings_fail_at(settings, path, "'%s' is allowed as well as denied", lists->deny[i]);
}

static bool make_access(struct settings *settings, struct sl_access **access)
{
    const struct sl_config_admission *lists = &settings->config->admission;
    const unsigned allow = lists->allow_count, deny = lists->deny_count;
    struct sl_access_rule *rules = calloc(allow + deny + 1UL, sizeof *rules);
    if (rules == NULL)
        return settings_fail_at(settings, "admission", "out of memory");
    bool is_sound = read_list(settings, "allow", lists->allow, allow, true, rules) &&
                    read_list(settings, "deny", lists->deny, deny, false, rules + allow);
    unsigned conflict = 0;
    int error = is_sound ? sl_access_create(rules, allow + deny, access, &conflict) : 0;
    free(rules);
    if (error == -EEXIST)
        return fail_conflict(settings, conflict);
    if (error != 0)
        return settings_fail_at(settings, "admission", "out of memory");
    return is_sound;
}

/** A worker's share of a rate; at once may come what comes in a second. */
static struct sl_rate share_of(const struct settings *settings, unsigned per_second)
{
    const unsigned workers = settings->config->workers;
    const unsigned share = per_second / workers + (per_second % workers != 0);
    return sl_rate_of(share, share);
}

static void make_limits(struct settings *settings)
{
    const struct sl_config_admission *limits = &settings->config->admission;
    const unsigned workers = settings->config->workers;
    struct sl_admission_rules *rules = settings->rules;
    rules->hellos = share_of(settings, limits->hellos_per_second);
    rules->hellos_per_prefix = share_of(settings, limits->hellos_per_prefix_per_second);
    rules->handshakes_per_prefix = share_of(settings, limits->handshakes_per_prefix_per_second);
    rules->handshakes_in_flight_per_prefix =
        (limits->handshakes_in_flight_per_prefix + workers - 1) / workers;
    rules->echoes = share_of(settings, limits->echoes_per_second);
    rules->neighbours = share_of(settings, limits->neighbours_per_second);
}

bool admission_make(struct settings *settings)
{
    settings->rules = calloc(1, sizeof *settings->rules);
    if (settings->rules == NULL)
        return settings_fail_at(settings, "admission", "out of memory");
    make_limits(settings);
    return make_access(settings, &settings->rules->access);
}

void admission_free(struct sl_admission_rules *rules)
{
    if (rules == NULL)
        return;
    sl_access_destroy(rules->access);
    free(rules);
}

void admission_print(const struct sl_admission_rules *rules, FILE *out)
{
    char text[SL_PREFIX_TEXT_LEN];
    for (unsigned i = 0; i < sl_access_count(rules->access); i++) {
        const struct sl_access_rule *rule = sl_access_rule_at(rules->access, i);
        sl_prefix_print(&rule->prefix, text);
        fprintf(out, "%s %s\n", rule->is_allowed ? "allow" : "deny", text);
    }
    fprintf(out, "%s all others\n", sl_access_allows_others(rules->access) ? "allow" : "deny");
}
