/*
 * Prefixes either contain each other or have nothing in common. So they are laid out flat once, as
 * stretches of addresses with one answer each, and looking one up is a search by halves.
 */
#include <errno.h>
#include <stdlib.h>

#include "sl_access.h"

/** An address as a number. */
typedef unsigned __int128 number;

/** Addresses from `first` to where the next stretch begins. */
struct stretch {
    number first;
    bool is_allowed;
};

/** Of one family, in order; the first begins at 0. */
struct stretches {
    struct stretch *at;
    unsigned count;
};

struct sl_access {
    struct stretches v4, v6;
    bool allows_others;
    unsigned count;
    struct sl_access_rule rules[]; /* in order of prefix_compare */
};

static number number_of(const struct sl_ip *ip)
{
    return (number)sl_load_be64(ip->bytes) << 64 | sl_load_be64(ip->bytes + 8);
}

static number last_of(const struct sl_prefix *prefix)
{
    number behind = prefix->len < 128 ? ~(number)0 >> prefix->len : 0;
    return number_of(&prefix->ip) | behind;
}

/** By family, then by where they begin, the widest first: whoever contains another comes before. */
static int prefix_compare(const struct sl_prefix *a, const struct sl_prefix *b)
{
    if (a->is_v4 != b->is_v4)
        return a->is_v4 ? -1 : 1;
    int order = memcmp(&a->ip, &b->ip, sizeof a->ip);
    return order != 0 ? order : a->len - b->len;
}

/** qsort is not stable; a rule's place in the file settles what is equal. */
struct placed_rule {
    struct sl_access_rule rule;
    unsigned place;
};

static int placed_compare(const void *a, const void *b)
{
    const struct placed_rule *x = a, *y = b;
    int order = prefix_compare(&x->rule.prefix, &y->rule.prefix);
    return order != 0 ? order : x->place < y->place ? -1 : 1;
}

/** The rules in order. -EEXIST: two contradict each other. */
static int sort(struct sl_access *access, const struct sl_access_rule *rules, unsigned *conflict)
{
    struct placed_rule *placed = calloc(access->count + 1UL, sizeof *placed);
    if (placed == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < access->count; i++)
        placed[i] = (struct placed_rule){rules[i], i};
    qsort(placed, access->count, sizeof *placed, placed_compare);
    int error = 0;
    for (unsigned i = 0; i < access->count; i++) {
        access->rules[i] = placed[i].rule;
        if (i > 0 && error == 0 && placed[i].rule.is_allowed != placed[i - 1].rule.is_allowed &&
            prefix_compare(&placed[i].rule.prefix, &placed[i - 1].rule.prefix) == 0) {
            *conflict = placed[i].place;
            error = -EEXIST;
        }
    }
    free(placed);
    return error;
}

/** From here on; a stretch that would be empty is replaced. */
static void begin_stretch(struct stretches *s, number first, bool is_allowed)
{
    if (s->count > 0 && s->at[s->count - 1].first == first)
        s->count--;
    s->at[s->count++] = (struct stretch){first, is_allowed};
}

/** Ends the innermost prefix: those behind it are the next outer one's. */
static void close_prefix(struct sl_access *access, struct stretches *s,
                         const struct sl_access_rule *const *open, unsigned depth)
{
    number last = last_of(&open[depth - 1]->prefix);
    bool is_allowed = depth > 1 ? open[depth - 2]->is_allowed : access->allows_others;
    if (last != ~(number)0)
        begin_stretch(s, last + 1, is_allowed);
}

/** return false: no memory. */
static bool lay_out(struct sl_access *access, struct stretches *s, bool is_v4)
{
    const struct sl_access_rule *open[129]; /* each inside the one before it */
    unsigned depth = 0;
    s->at = calloc(2UL * access->count + 1, sizeof *s->at);
    if (s->at == NULL)
        return false;
    begin_stretch(s, 0, access->allows_others);
    for (unsigned i = 0; i < access->count; i++) {
        const struct sl_access_rule *rule = &access->rules[i];
        if (rule->prefix.is_v4 != is_v4)
            continue;
        if (depth > 0 && prefix_compare(&rule->prefix, &open[depth - 1]->prefix) == 0)
            continue; /* the same again */
        number first = number_of(&rule->prefix.ip);
        for (; depth > 0 && last_of(&open[depth - 1]->prefix) < first; depth--)
            close_prefix(access, s, open, depth);
        begin_stretch(s, first, rule->is_allowed);
        open[depth++] = rule;
    }
    for (; depth > 0; depth--)
        close_prefix(access, s, open, depth);
    return true;
}

int sl_access_create(const struct sl_access_rule *rules, unsigned count, struct sl_access **out,
                     unsigned *conflict)
{
    struct sl_access *access = calloc(1, sizeof *access + count * sizeof *rules);
    if (access == NULL)
        return -ENOMEM;
    access->count = count;
    access->allows_others = true;
    for (unsigned i = 0; i < count; i++)
        access->allows_others &= !rules[i].is_allowed;
    int error = sort(access, rules, conflict);
    if (error == 0 && (!lay_out(access, &access->v4, true) || !lay_out(access, &access->v6, false)))
        error = -ENOMEM;
    if (error != 0) {
        sl_access_destroy(access);
        return error;
    }
    *out = access;
    return 0;
}

void sl_access_destroy(struct sl_access *access)
{
    if (access == NULL)
        return;
    free(access->v4.at);
    free(access->v6.at);
    free(access);
}

bool sl_access_allows(const struct sl_access *access, const struct sl_ip *ip)
{
    if (access == NULL)
        return true;
    const struct stretches *s = sl_ip_is_v4(ip) ? &access->v4 : &access->v6;
    const number wanted = number_of(ip);
    unsigned from = 0; /* at[from].first <= wanted, and the one sought is in [from, from + left) */
    for (unsigned left = s->count; left > 1;) {
        unsigned half = left / 2;
        if (s->at[from + half].first <= wanted) {
            from += half;
            left -= half;
        } else {
            left = half;
        }
    }
    return s->at[from].is_allowed;
}

unsigned sl_access_count(const struct sl_access *access)
{
    return access->count;
}

const struct sl_access_rule *sl_access_rule_at(const struct sl_access *access, unsigned i)
{
    return &access->rules[i];
}

bool sl_access_allows_others(const struct sl_access *access)
{
    return access->allows_others;
}
