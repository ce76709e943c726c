#include <gtest/gtest.h>

#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "test_certificates.h"

extern "C" {
#include "sl_chain.h"
}

using namespace sl_test;

namespace
{

using Store = std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)>;

/** A store with these lists, which asks for some of the leaf, or of all certificates. */
Store make_store(const std::vector<std::string> &lists, unsigned long flags = X509_V_FLAG_CRL_CHECK)
{
    Store store(X509_STORE_new(), X509_STORE_free);
    for (const std::string &pem : lists) {
        BIO *bio = BIO_new_mem_buf(pem.data(), (int)pem.size());
        X509_CRL *list = PEM_read_bio_X509_CRL(bio, nullptr, nullptr, nullptr);
        EXPECT_EQ(X509_STORE_add_crl(store.get(), list), 1);
        X509_CRL_free(list);
        BIO_free(bio);
    }
    X509_STORE_set_flags(store.get(), flags);
    return store;
}

bool note(sl_chain &chain, const std::vector<Certificate> &certificates)
{
    STACK_OF(X509) *stack = sk_X509_new_null();
    for (const Certificate &certificate : certificates)
        sk_X509_push(stack, certificate.get());
    bool is_noted = sl_chain_note(&chain, stack);
    sk_X509_free(stack);
    return is_noted;
}

struct Family {
    Identity root = make_identity("EC", "root", nullptr, true);
    Identity middle = make_identity("EC", "middle", &root, true);
    Identity leaf = make_identity("EC", "leaf", &middle);
    Identity sibling = make_identity("EC", "sibling", &middle);
    Identity stranger_root = make_identity("EC", "stranger", nullptr, true);
    sl_chain chain = {};

    Family()
    {
        EXPECT_TRUE(note(chain, {leaf.certificate, middle.certificate, root.certificate}));
    }
};

} // namespace

TEST(Chain, IsAllowedWhereNoListsAreAskedFor)
{
    Family f;
    EXPECT_TRUE(sl_chain_is_unrevoked(&f.chain, nullptr));
    Store indifferent = make_store({make_crl_pem(f.middle, f.leaf.certificate)}, 0);
    EXPECT_TRUE(sl_chain_is_unrevoked(&f.chain, indifferent.get()));
    sl_chain none = {};
    EXPECT_TRUE(sl_chain_is_unrevoked(&none, make_store({}).get())) << "who shows no certificate";
}

TEST(Chain, IsRefusedWhenItsLeafIsOnItsIssuersList)
{
    Family f;
    EXPECT_FALSE(sl_chain_is_unrevoked(
        &f.chain, make_store({make_crl_pem(f.middle, f.leaf.certificate)}).get()));
    EXPECT_TRUE(sl_chain_is_unrevoked(
        &f.chain, make_store({make_crl_pem(f.middle, f.sibling.certificate)}).get()));
    EXPECT_FALSE(
        sl_chain_is_unrevoked(&f.chain, make_store({make_crl_pem(f.middle, f.sibling.certificate),
                                                    make_crl_pem(f.middle, f.leaf.certificate)})
                                            .get()))
        << "on one of two lists";
}

TEST(Chain, IsNotRefusedForAnotherIssuersListWithItsSerialNumber)
{
    Family f;
    EXPECT_TRUE(sl_chain_is_unrevoked(
        &f.chain, make_store({make_crl_pem(f.middle, f.sibling.certificate),
                              make_crl_pem(f.stranger_root, f.leaf.certificate)})
                      .get()));
}

TEST(Chain, IsRefusedWhenAListThatIsAskedForIsMissingOrNotInForce)
{
    Family f;
    EXPECT_FALSE(sl_chain_is_unrevoked(&f.chain, make_store({}).get()));
    EXPECT_FALSE(sl_chain_is_unrevoked(
        &f.chain, make_store({make_crl_pem(f.stranger_root, f.sibling.certificate)}).get()));
    EXPECT_FALSE(sl_chain_is_unrevoked(
        &f.chain, make_store({make_crl_pem(f.middle, f.sibling.certificate, -60, -120)}).get()));
    EXPECT_FALSE(sl_chain_is_unrevoked(
        &f.chain, make_store({make_crl_pem(f.middle, f.sibling.certificate, 120, 60)}).get()));
    EXPECT_TRUE(sl_chain_is_unrevoked(
        &f.chain, make_store({make_crl_pem(f.middle, f.sibling.certificate, -60, -120),
                              make_crl_pem(f.middle, f.sibling.certificate)})
                      .get()))
        << "an old one beside the new";
}

TEST(Chain, IsLookedAtWholeWhenTheStoreAsksForThat)
{
    Family f;
    const unsigned long all = X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
    std::string leafs = make_crl_pem(f.middle, f.sibling.certificate);
    std::string middles = make_crl_pem(f.root, f.middle.certificate);
    std::string others = make_crl_pem(f.root, f.stranger_root.certificate);
    EXPECT_TRUE(sl_chain_is_unrevoked(&f.chain, make_store({leafs, middles}).get()));
    EXPECT_FALSE(sl_chain_is_unrevoked(&f.chain, make_store({leafs, middles}, all).get()));
    EXPECT_FALSE(sl_chain_is_unrevoked(&f.chain, make_store({leafs}, all).get()));
    EXPECT_TRUE(sl_chain_is_unrevoked(&f.chain, make_store({leafs, others}, all).get()));
}

TEST(Chain, IsNotNotedWhenItIsTooLongOrEmpty)
{
    Family f;
    sl_chain chain;
    std::vector<Certificate> certificates(SL_CHAIN_MAX, f.leaf.certificate);
    EXPECT_TRUE(note(chain, certificates));
    EXPECT_EQ(chain.count, (unsigned)SL_CHAIN_MAX);
    certificates.push_back(f.leaf.certificate);
    EXPECT_FALSE(note(chain, certificates));
    EXPECT_FALSE(note(chain, {}));
    EXPECT_FALSE(sl_chain_note(&chain, nullptr));
}

TEST(Chain, IsNotNotedWithASerialNumberThatNoneCanHave)
{
    sl_chain chain;
    for (int len : {1, SL_SERIAL_MAX, SL_SERIAL_MAX + 1}) {
        Identity leaf = make_identity("EC", "leaf");
        std::vector<uint8_t> serial((size_t)len, 0x55);
        ASN1_STRING_set(X509_get_serialNumber(leaf.certificate.get()), serial.data(), len);
        EXPECT_EQ(note(chain, {leaf.certificate}), len <= SL_SERIAL_MAX) << len;
    }
    Identity negative = make_identity("EC", "leaf");
    ASN1_INTEGER_set(X509_get_serialNumber(negative.certificate.get()), -5);
    EXPECT_FALSE(note(chain, {negative.certificate}));
}
