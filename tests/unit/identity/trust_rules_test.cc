/* Rules of trust that make no sense. */
#include "trust_lab.h"

using namespace sl_test;

TEST(TrustRules, HaveToNameSomebody)
{
    expect_refused({}, SL_TRUST_RULES, 0, "nobody is trusted");
    TrustRules rules;
    rules.lists = "x";
    expect_refused(rules, SL_TRUST_CRL_FILE, 0, "without the CA file");
}

TEST(TrustRules, SayWhichOfThemIsWrong)
{
    const std::string print = fingerprint_of(make_identity("EC", "x").certificate);
    const std::string id = "node-" + std::string(64, 'a');
    TrustRules rules;
    rules.fingerprints = {print, print + "00"};
    expect_refused(rules, SL_TRUST_FINGERPRINT, 1, "is no fingerprint");
    rules.fingerprints = {print};
    rules.node_ids = {id, id, "a" + id};
    expect_refused(rules, SL_TRUST_NODE_ID, 2, "is no node id: 'node-' and 64 hex digits");
    rules.node_ids = {id};
    rules.expected_fingerprints = {""};
    expect_refused(rules, SL_TRUST_EXPECTED_FINGERPRINT, 0, "is no fingerprint");
    rules.expected_fingerprints = {};
    rules.expected_node_ids = {"node-"};
    expect_refused(rules, SL_TRUST_EXPECTED_NODE_ID, 0, "is no node id");
    rules.expected_node_ids = {};
    for (const char *prefix : {"0123456789abcdef", "a b", "a\n", "a/"}) {
        rules.prefix = prefix;
        expect_refused(rules, SL_TRUST_NODE_ID_PREFIX, 0, "is no prefix of node ids");
    }
}

TEST(TrustRules, RefuseWhatIsNoFingerprint)
{
    std::string right = fingerprint_of(make_identity("EC", "server").certificate);
    const std::string wrong[] = {"",
                                 "0",
                                 right + ":",
                                 right + "0",
                                 "x" + right,
                                 right + ":00",
                                 right.substr(3),
                                 std::string(130, 'a'),
                                 "::",
                                 "sha-256 ",
                                 "sha-384 " + right,
                                 "sha-1 " + right,
                                 "sha-256" + right,
                                 right + right + right};
    for (const std::string &text : wrong) {
        TrustRules rules;
        rules.fingerprints = {text};
        expect_refused(rules, SL_TRUST_FINGERPRINT, 0, "is no fingerprint");
    }
}

TEST(TrustRules, RefuseWhatIsNoNodeId)
{
    const std::string half(32, '7'), whole(64, '7');
    for (const std::string &text :
         {std::string(), whole, "node-" + whole + "7", "node-" + half, "dpc-node-" + whole,
          "dpc-node-" + half.substr(1), "NODE-" + whole, "node-" + whole.substr(1) + "g"}) {
        TrustRules rules;
        rules.node_ids = {text};
        expect_refused(rules, SL_TRUST_NODE_ID, 0, "is no node id");
    }
}
