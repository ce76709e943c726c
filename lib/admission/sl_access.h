/**
 * Who may come in: lists of address prefixes, allowed and denied. A table is made at load and never
 * changes; it is replaced whole.
 *
 * The longest prefix that contains an address decides; where none does, the address may come in
 * unless any prefix is allowed at all.
 */
#ifndef SL_ACCESS_H
#define SL_ACCESS_H

#include "sl_base.h"

/** Addresses whose first `len` bits are those of `ip`. IPv4 is IPv4-mapped, as everywhere, and an
 * IPv6 prefix never contains an IPv4 address: ::/0 is all of IPv6. */
struct sl_prefix {
    struct sl_ip ip; /* zeros behind the prefix */
    uint8_t len;     /* 0..128; of IPv4 96..128 */
    bool is_v4;
};

/** Room for a prefix as text. */
#define SL_PREFIX_TEXT_LEN 64

enum sl_prefix_error {
    SL_PREFIX_SOUND,
    SL_PREFIX_ADDRESS,   /* neither an IPv4 nor an IPv6 address */
    SL_PREFIX_LENGTH,    /* no number of bits that such an address has */
    SL_PREFIX_HOST_BITS, /* address bits behind the prefix: *out is the prefix it stands in */
};
/** "198.18.0.0/15", "2001:db8::/32", or an address alone. */
enum sl_prefix_error sl_prefix_parse(const char *text, struct sl_prefix *out) SL_MUST_USE;
/** text [SL_PREFIX_TEXT_LEN]; an address alone has no length behind it. */
void sl_prefix_print(const struct sl_prefix *prefix, char *text);
/** The prefix of an address: v4_len 0..32 bits of an IPv4 address, v6_len 0..128 of another. */
struct sl_prefix sl_prefix_of(const struct sl_ip *ip, unsigned v4_len, unsigned v6_len);

struct sl_access_rule {
    struct sl_prefix prefix;
    bool is_allowed;
};

struct sl_access;

/**
 * rules [count], in any order; the table keeps a copy. A prefix may be there twice.
 * conflict  on -EEXIST: the later of two rules for the same prefix, one of which allows it.
 * return 0 and *out (the caller's); -EEXIST; -ENOMEM. Allocates: not for a worker.
 */
int sl_access_create(const struct sl_access_rule *rules, unsigned count, struct sl_access **out,
                     unsigned *conflict) SL_MUST_USE;
void sl_access_destroy(struct sl_access *access);

/** Whether an address may come in. access NULL: all may. Allocates nothing; a search by halves. Any
 * thread: the table does not change. */
bool sl_access_allows(const struct sl_access *access, const struct sl_ip *ip);

/** The rules, by address and then by length; how many, and each of them. */
unsigned sl_access_count(const struct sl_access *access);
const struct sl_access_rule *sl_access_rule_at(const struct sl_access *access, unsigned i);
/** What becomes of an address that no rule is about. */
bool sl_access_allows_others(const struct sl_access *access);

#endif
