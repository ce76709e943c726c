/** Lists of prefixes as text: each reads the same again when it is printed, and the table that they
 * make answers as a plain search through them does. lib/admission */
#ifndef PREFIX_LISTS_H
#define PREFIX_LISTS_H

#include "fuzz.h"

extern "C" {
#include "sl_access.h"
}

namespace fuzz
{

using Rules = std::vector<sl_access_rule>;

inline bool is_same(const sl_prefix &a, const sl_prefix &b)
{
    return a.is_v4 == b.is_v4 && a.len == b.len && memcmp(&a.ip, &b.ip, sizeof a.ip) == 0;
}

inline bool bit_of(const sl_ip &ip, unsigned i)
{
    return ip.bytes[i / 8] >> (7 - i % 8) & 1;
}

inline bool contains(const sl_prefix &prefix, const sl_ip &ip)
{
    if (sl_ip_is_v4(&ip) != prefix.is_v4)
        return false;
    for (unsigned i = 0; i < prefix.len; i++)
        if (bit_of(ip, i) != bit_of(prefix.ip, i))
            return false;
    return true;
}

/** false: the text is none. */
inline bool check_prefix(const std::string &text, sl_prefix &prefix)
{
    memset((void *)&prefix, 0xee, sizeof prefix);
    const sl_prefix_error error = sl_prefix_parse(text.c_str(), &prefix);
    if (error != SL_PREFIX_SOUND && error != SL_PREFIX_HOST_BITS)
        return false;
    FUZZ_CHECK(prefix.len <= 128 && (!prefix.is_v4 || prefix.len >= 96));
    FUZZ_CHECK(text.find_first_not_of("0123456789abcdefABCDEF:./") == std::string::npos);
    for (unsigned i = prefix.len; i < 128; i++)
        FUZZ_CHECK(!bit_of(prefix.ip, i));
    char printed[SL_PREFIX_TEXT_LEN];
    memset(printed, 0xee, sizeof printed);
    sl_prefix_print(&prefix, printed);
    FUZZ_CHECK(memchr(printed, 0, sizeof printed) != nullptr);
    sl_prefix again;
    FUZZ_CHECK(sl_prefix_parse(printed, &again) == SL_PREFIX_SOUND && is_same(prefix, again));
    const sl_prefix of = sl_prefix_of(&prefix.ip, prefix.len - 96U, prefix.len);
    FUZZ_CHECK(prefix.is_v4 != sl_ip_is_v4(&prefix.ip) || is_same(prefix, of));
    return error == SL_PREFIX_SOUND;
}

/** The longest that contains it says; else all may, unless some are allowed by name. */
inline bool may_enter(const Rules &rules, const sl_ip &ip)
{
    const sl_access_rule *longest = nullptr;
    bool is_open = true;
    for (const sl_access_rule &rule : rules) {
        is_open &= !rule.is_allowed;
        if (contains(rule.prefix, ip) &&
            (longest == nullptr || rule.prefix.len > longest->prefix.len))
            longest = &rule;
    }
    return longest != nullptr ? longest->is_allowed : is_open;
}

/** Addresses at both ends of a prefix, and the ones beside them. */
inline std::vector<sl_ip> edges_of(const sl_prefix &prefix)
{
    std::vector<sl_ip> edges(4, prefix.ip);
    for (unsigned i = prefix.len; i < 128; i++)
        edges[1].bytes[i / 8] |= (uint8_t)(1 << (7 - i % 8));
    edges[3] = edges[1];
    for (unsigned i = 16; i-- > 0 && edges[2].bytes[i]-- == 0;)
        continue;
    for (unsigned i = 16; i-- > 0 && ++edges[3].bytes[i] == 0;)
        continue;
    return edges;
}

inline bool is_contradicted(const Rules &rules, size_t at)
{
    return std::any_of(rules.begin(), rules.end(), [&](const sl_access_rule &rule) {
        return is_same(rule.prefix, rules[at].prefix) && rule.is_allowed != rules[at].is_allowed;
    });
}

inline void check_table(const Rules &rules)
{
    sl_access *access = nullptr;
    unsigned conflict = UINT32_MAX;
    const int result = sl_access_create(rules.data(), (unsigned)rules.size(), &access, &conflict);
    bool is_sound = true;
    for (size_t i = 0; i < rules.size(); i++)
        is_sound &= !is_contradicted(rules, i);
    FUZZ_CHECK((result == 0) == is_sound);
    if (result != 0) {
        FUZZ_CHECK(result == -EEXIST && conflict < rules.size());
        FUZZ_CHECK(is_contradicted(rules, conflict));
        return;
    }
    FUZZ_CHECK(sl_access_count(access) == rules.size());
    for (const sl_access_rule &rule : rules)
        for (const sl_ip &ip : edges_of(rule.prefix))
            FUZZ_CHECK(sl_access_allows(access, &ip) == may_enter(rules, ip));
    const sl_ip v6 = {};
    FUZZ_CHECK(sl_access_allows(access, &v6) == may_enter(rules, v6));
    FUZZ_CHECK(sl_access_allows(nullptr, &v6));
    bool is_open = true;
    for (unsigned i = 0; i < rules.size(); i++) {
        const sl_access_rule *rule = sl_access_rule_at(access, i);
        const auto is_it = [&](const sl_access_rule &one) {
            return is_same(one.prefix, rule->prefix) && one.is_allowed == rule->is_allowed;
        };
        FUZZ_CHECK(std::any_of(rules.begin(), rules.end(), is_it));
        is_open &= !rules[i].is_allowed;
    }
    FUZZ_CHECK(sl_access_allows_others(access) == is_open);
    sl_access_destroy(access);
}

/** A line each: `+`, who may, or anything else, who may not; then the prefix. */
inline void check_prefix_lists(const std::string &text)
{
    Rules rules;
    for (size_t at = 0; at < text.size() && rules.size() < 64;) {
        const size_t end = std::min(text.find('\n', at), text.size());
        const std::string line = text.substr(at, end - at);
        sl_access_rule rule;
        rule.is_allowed = line.empty() || line[0] == '+';
        if (check_prefix(line.empty() ? line : line.substr(1), rule.prefix))
            rules.push_back(rule);
        at = end + 1;
    }
    check_table(rules);
}

inline std::vector<std::string> prefix_list_seeds()
{
    return {"+198.18.0.0/15\n-198.18.0.0/16\n-198.18.7.1\n+198.18.7.0/24",
            "-2001:db8::/32\n+2001:db8:1::/48\n-2001:db8::1/128\n-::/0\n+0.0.0.0/0",
            "+::ffff:198.18.0.0/111\n-::ffff:0:0/96\n-::ffff:0:0/95",
            "+198.18.0.0/15\n-198.18.0.0/15",
            "-198.18.0.1/15\n-198.18.0.0/33\n-198.18.0.0/\n-198.18/16\n-x\n-2001:db8::/129",
            "-255.255.255.255\n-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n-::\n-0.0.0.0",
            "-198.18.0.0/15\n-198.18.0.0/15\n-198.19.255.255\n-198.20.0.0/14",
            "-" + std::string(60, '1') + "\n-1.2.3.4/0008\n-1.2.3.4/ 8\n-::1/-1"};
}

} // namespace fuzz

#endif
