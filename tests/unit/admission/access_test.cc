extern "C" {
#include "sl_access.h"
}

#include <arpa/inet.h>
#include <errno.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace
{

using Table = std::unique_ptr<sl_access, void (*)(sl_access *)>;

sl_access_rule Rule(const std::string &text, bool is_allowed)
{
    sl_access_rule rule{};
    EXPECT_EQ(sl_prefix_parse(text.c_str(), &rule.prefix), SL_PREFIX_SOUND) << text;
    rule.is_allowed = is_allowed;
    return rule;
}

Table Make(const std::vector<sl_access_rule> &rules)
{
    sl_access *access = nullptr;
    unsigned conflict;
    EXPECT_EQ(sl_access_create(rules.data(), (unsigned)rules.size(), &access, &conflict), 0);
    return {access, sl_access_destroy};
}

Table Make(const std::vector<std::string> &allow, const std::vector<std::string> &deny)
{
    std::vector<sl_access_rule> rules;
    for (const std::string &text : allow)
        rules.push_back(Rule(text, true));
    for (const std::string &text : deny)
        rules.push_back(Rule(text, false));
    return Make(rules);
}

sl_ip Ip(const char *text)
{
    return Rule(text, true).prefix.ip;
}

bool Allows(const Table &table, const char *text)
{
    const sl_ip ip = Ip(text);
    return sl_access_allows(table.get(), &ip);
}

} // namespace

TEST(Access, WithoutAListEverybodyMayComeIn)
{
    const sl_ip ip = Ip("198.18.0.1");
    EXPECT_TRUE(sl_access_allows(nullptr, &ip));
    EXPECT_TRUE(Allows(Make({}, {}), "198.18.0.1"));
    EXPECT_TRUE(Allows(Make({}, {}), "2001:db8::1"));
}

TEST(Access, ADenyListKeepsOutWhomItNames)
{
    Table table = Make({}, {"203.0.113.0/24", "2001:db8:bad::/48"});
    EXPECT_FALSE(Allows(table, "203.0.113.0"));
    EXPECT_FALSE(Allows(table, "203.0.113.255"));
    EXPECT_TRUE(Allows(table, "203.0.112.255"));
    EXPECT_TRUE(Allows(table, "203.0.114.0"));
    EXPECT_FALSE(Allows(table, "2001:db8:bad::7"));
    EXPECT_TRUE(Allows(table, "2001:db8:bae::7"));
}

TEST(Access, WhereAnyPrefixIsAllowedNobodyElseMayComeIn)
{
    Table table = Make({"198.18.0.0/15"}, {});
    EXPECT_TRUE(Allows(table, "198.19.255.255"));
    EXPECT_FALSE(Allows(table, "198.20.0.0"));
    EXPECT_FALSE(Allows(table, "2001:db8::1")) << "of another family either";
    EXPECT_FALSE(sl_access_allows_others(table.get()));
    EXPECT_TRUE(sl_access_allows_others(Make({}, {"198.18.0.0/15"}).get()));
}

TEST(Access, TheLongestPrefixDecides)
{
    Table table = Make({"198.18.0.0/15", "198.18.7.7"}, {"198.18.7.0/24", "198.18.7.8/30"});
    EXPECT_TRUE(Allows(table, "198.18.6.255"));
    EXPECT_FALSE(Allows(table, "198.18.7.6"));
    EXPECT_TRUE(Allows(table, "198.18.7.7"));
    EXPECT_FALSE(Allows(table, "198.18.7.8"));
    EXPECT_FALSE(Allows(table, "198.18.7.255"));
    EXPECT_TRUE(Allows(table, "198.18.8.0"));
    EXPECT_FALSE(Allows(table, "198.17.255.255"));
}

TEST(Access, AllOfOneFamilyIsNothingOfTheOther)
{
    Table no_v6 = Make({}, {"::/0"}), no_v4 = Make({}, {"0.0.0.0/0"});
    EXPECT_FALSE(Allows(no_v6, "2001:db8::1"));
    EXPECT_FALSE(Allows(no_v6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    EXPECT_TRUE(Allows(no_v6, "198.18.0.1"));
    EXPECT_FALSE(Allows(no_v4, "0.0.0.0"));
    EXPECT_FALSE(Allows(no_v4, "255.255.255.255"));
    EXPECT_TRUE(Allows(no_v4, "2001:db8::1"));
}

TEST(Access, NamesTheRuleThatContradictsAnother)
{
    std::vector<sl_access_rule> rules = {Rule("198.18.0.0/16", true), Rule("198.18.0.0/24", false),
                                         Rule("203.0.113.0/24", false),
                                         Rule("198.18.0.0/16", false)};
    sl_access *access = nullptr;
    unsigned conflict = 99;
    EXPECT_EQ(sl_access_create(rules.data(), 4, &access, &conflict), -EEXIST);
    EXPECT_EQ(conflict, 3u);
    EXPECT_EQ(access, nullptr);
    rules[3].is_allowed = true;
    EXPECT_EQ(sl_access_count(Make(rules).get()), 4u) << "the same twice is no contradiction";
}

TEST(Access, TellsItsRulesInOrder)
{
    Table table = Make({"2001:db8::/32", "198.18.0.0/15"}, {"198.18.0.0/16", "192.0.2.1"});
    std::string all;
    for (unsigned i = 0; i < sl_access_count(table.get()); i++) {
        const sl_access_rule *rule = sl_access_rule_at(table.get(), i);
        char text[SL_PREFIX_TEXT_LEN];
        sl_prefix_print(&rule->prefix, text);
        all += std::string(rule->is_allowed ? "+" : "-") + text + " ";
    }
    EXPECT_EQ(all, "-192.0.2.1 +198.18.0.0/15 -198.18.0.0/16 +2001:db8::/32 ");
}

// Rules and addresses of few bits, so that prefixes contain each other and addresses meet borders.
TEST(Access, AnswersAsASearchThroughAllRulesDoes)
{
    std::mt19937 random(1);
    for (unsigned round = 0; round < 300; round++) {
        std::vector<sl_access_rule> rules;
        for (unsigned n = random() % 40; n > 0; n--) {
            bool is_v4 = random() % 2;
            sl_ip ip = Ip(is_v4 ? "198.18.0.0" : "2001:db8::");
            ip.bytes[14] = (uint8_t)(random() % 4);
            ip.bytes[15] = (uint8_t)random();
            unsigned less = random() % 20;
            sl_access_rule rule = {sl_prefix_of(&ip, 32 - less, 128 - less), false};
            rule.is_allowed = rule.prefix.len % 3 == 0; // the same prefix never both
            rules.push_back(rule);
        }
        Table table = Make(rules);
        for (unsigned tries = 0; tries < 200; tries++) {
            sl_ip ip = Ip(random() % 2 ? "198.18.0.0" : "2001:db8::");
            ip.bytes[13] = (uint8_t)(random() % 20 == 0);
            ip.bytes[14] = (uint8_t)(random() % 5);
            ip.bytes[15] = (uint8_t)random();
            int longest = -1;
            bool is_allowed = sl_access_allows_others(table.get());
            for (const sl_access_rule &rule : rules) {
                unsigned bits = rule.prefix.is_v4 ? rule.prefix.len - 96U : 0;
                sl_prefix own = sl_prefix_of(&ip, bits, rule.prefix.is_v4 ? 0 : rule.prefix.len);
                bool contains = own.is_v4 == rule.prefix.is_v4 &&
                                memcmp(&own.ip, &rule.prefix.ip, sizeof ip) == 0;
                if (contains && rule.prefix.len > longest) {
                    longest = rule.prefix.len;
                    is_allowed = rule.is_allowed;
                }
            }
            ASSERT_EQ(sl_access_allows(table.get(), &ip), is_allowed) << "round " << round;
        }
    }
}
