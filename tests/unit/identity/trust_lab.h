/* Puts certificates before a trust, and loads trusts from rules. */
#ifndef SL_TEST_TRUST_LAB_H
#define SL_TEST_TRUST_LAB_H

#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include "test_trust.h"

namespace sl_test
{

struct Verdict {
    bool is_trusted, is_unexpected;
    int method, error;
    int chain_len;
};

/** Puts a certificate, and those that its holder sends with it, before the trust. */
inline Verdict ask(const Trust &trust, const Certificate &certificate,
                   const std::vector<Certificate> &chain = {})
{
    STACK_OF(X509) *sent = sk_X509_new_null();
    for (const Certificate &one : chain)
        sk_X509_push(sent, one.get());
    X509_STORE *nothing = X509_STORE_new();
    X509_STORE *store = (X509_STORE *)sl_trust_store(trust.get());
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    EXPECT_EQ(
        X509_STORE_CTX_init(context, store != nullptr ? store : nothing, certificate.get(), sent),
        1);
    X509_STORE_CTX_set_default(context, "ssl_client"); /* as libssl does */
    sl_trust_verdict given = sl_trust_check(trust.get(), context);
    Verdict verdict = {given.is_trusted, given.is_unexpected, given.method,
                       X509_STORE_CTX_get_error(context),
                       sk_X509_num(X509_STORE_CTX_get0_chain(context))};
    X509_STORE_CTX_free(context);
    X509_STORE_free(nothing);
    sk_X509_free(sent);
    return verdict;
}

inline Trust must_load(const TrustRules &rules)
{
    std::string reason;
    Trust trust = rules.load(&reason);
    EXPECT_NE(trust, nullptr) << reason;
    return trust;
}

inline void expect_refused(const TrustRules &rules, sl_trust_rule rule, unsigned index,
                           const std::string &text)
{
    std::string reason;
    sl_trust_fault fault;
    EXPECT_EQ(rules.load(&reason, &fault), nullptr);
    EXPECT_EQ(fault.rule, rule) << reason;
    EXPECT_EQ(fault.index, index) << reason;
    EXPECT_NE(reason.find(text), std::string::npos) << reason;
}

} // namespace sl_test

#endif
