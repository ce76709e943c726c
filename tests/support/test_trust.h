/** Rules of trust for tests: as texts, owned here. */
#ifndef SL_TEST_TRUST_H
#define SL_TEST_TRUST_H

#include <memory>
#include <string>
#include <vector>

#include "test_certificates.h"

extern "C" {
#include "sl_identity.h"
}

namespace sl_test
{

using Trust = std::shared_ptr<sl_trust>;

struct TrustRules {
    std::string authorities, lists; /* PEM; empty: no file */
    std::vector<std::string> fingerprints, node_ids;
    bool anonymous = false;
    std::vector<std::string> expected_fingerprints, expected_node_ids;
    std::string prefix = SL_NODE_ID_PREFIX;

    /** Calls with the rules as they are loaded; what they borrow is gone afterwards. */
    template <typename Call> auto with_rules(Call call) const
    {
        TemporaryDirectory directory;
        std::string ca = directory.write("ca", authorities), crl = directory.write("crl", lists);
        std::vector<const char *> texts[4];
        const std::vector<std::string> *from[4] = {&fingerprints, &node_ids, &expected_fingerprints,
                                                   &expected_node_ids};
        for (unsigned i = 0; i < 4; i++)
            for (const std::string &text : *from[i])
                texts[i].push_back(text.c_str());
        sl_trust_rules rules = {};
        rules.ca_file = authorities.empty() ? nullptr : ca.c_str();
        rules.crl_file = lists.empty() ? nullptr : crl.c_str();
        rules.peers = {texts[0].data(), (unsigned)texts[0].size(), texts[1].data(),
                       (unsigned)texts[1].size()};
        rules.anonymous = anonymous;
        rules.expected = {texts[2].data(), (unsigned)texts[2].size(), texts[3].data(),
                          (unsigned)texts[3].size()};
        rules.node_id_prefix = prefix.c_str();
        return call(rules);
    }

    /** NULL and reason, when they are refused. */
    Trust load(std::string *reason = nullptr, sl_trust_fault *fault = nullptr) const
    {
        return with_rules([&](const sl_trust_rules &rules) {
            char text[SL_CREDENTIALS_REASON_LEN] = "";
            sl_trust_fault ignored;
            sl_trust *trust = sl_trust_load(&rules, fault != nullptr ? fault : &ignored, text);
            if (reason != nullptr)
                *reason = text;
            return Trust(trust, sl_trust_destroy);
        });
    }
};

} // namespace sl_test

#endif
