extern "C" {
#include "sl_identity.h"
}

#include <algorithm>

#include <errno.h>

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>

#include "test_certificates.h"

using namespace sl_test;

namespace
{

std::string hex(const uint8_t (&bytes)[32])
{
    char out[65];
    for (int i = 0; i < 32; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return out;
}

sl_identity identity_of(const Certificate &certificate)
{
    sl_identity identity = {};
    EXPECT_EQ(sl_identity_from_certificate(&identity, certificate.get(), nullptr), 0);
    return identity;
}

/** A self-signed certificate around this key, however it is encoded. */
Certificate certify(EVP_PKEY *key)
{
    Certificate certificate(X509_new(), X509_free);
    EXPECT_EQ(X509_set_pubkey(certificate.get(), key), 1);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                               (const unsigned char *)"x", -1, -1, 0);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    EXPECT_GT(X509_sign(certificate.get(), key, EVP_sha256()), 0);
    unsigned char *der = nullptr;
    int len = i2d_X509(certificate.get(), &der);
    const unsigned char *at = der;
    Certificate parsed(d2i_X509(nullptr, &at, len), X509_free);
    OPENSSL_free(der);
    return parsed;
}

} // namespace

TEST(Identity, IsEmptyWithoutACertificate)
{
    sl_identity identity;
    memset(&identity, 0xff, sizeof identity);
    EXPECT_EQ(sl_identity_from_certificate(&identity, nullptr, nullptr), 0);
    EXPECT_EQ(identity.method, SL_IDENTITY_NONE);
    EXPECT_EQ(hex(identity.certificate_sha256), std::string(64, '0'));
    EXPECT_EQ(hex(identity.public_key_sha256), std::string(64, '0'));
    EXPECT_STREQ(identity.node_id, "");
    EXPECT_STREQ(identity.subject, "");
}

TEST(Identity, HasFingerprintsOfCertificateAndKey)
{
    for (const char *kind : {"RSA", "EC", "ED25519"}) {
        Identity made = make_identity(kind, "client");
        sl_identity identity = identity_of(made.certificate);
        uint8_t expected[32];
        EXPECT_EQ(identity.method, SL_IDENTITY_CERTIFICATE);
        ASSERT_EQ(X509_digest(made.certificate.get(), EVP_sha256(), expected, nullptr), 1);
        EXPECT_EQ(hex(identity.certificate_sha256), hex(expected)) << kind;
        unsigned char *der = nullptr;
        int len = i2d_PUBKEY(made.key.get(), &der);
        ASSERT_EQ(EVP_Digest(der, (size_t)len, expected, nullptr, EVP_sha256(), nullptr), 1);
        OPENSSL_free(der);
        EXPECT_EQ(hex(identity.public_key_sha256), hex(expected)) << kind;
        EXPECT_STREQ(identity.subject, "CN=client");
    }
}

TEST(Identity, StaysTheSameWhenAKeyIsEncodedInAnotherWay)
{
    Key key = make_key("EC");
    sl_identity plain = identity_of(certify(key.get()));
    Key compressed(EVP_PKEY_dup(key.get()), EVP_PKEY_free);
    ASSERT_EQ(EVP_PKEY_set_utf8_string_param(compressed.get(),
                                             OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                             OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_COMPRESSED),
              1);
    Certificate certificate = certify(compressed.get());
    int raw_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), nullptr);
    ASSERT_LT(raw_len, 91) << "the point is not compressed: the test proves nothing";
    EXPECT_EQ(hex(identity_of(certificate).public_key_sha256), hex(plain.public_key_sha256));
}

TEST(Identity, IsRefusedToAKeyWithExplicitCurveParameters)
{
    Key key = make_key("EC");
    ASSERT_EQ(EVP_PKEY_set_utf8_string_param(key.get(), OSSL_PKEY_PARAM_EC_ENCODING,
                                             OSSL_PKEY_EC_ENCODING_EXPLICIT),
              1);
    Certificate certificate = certify(key.get());
    sl_identity identity = {};
    EXPECT_EQ(sl_identity_from_certificate(&identity, certificate.get(), nullptr), -EINVAL);
    EXPECT_EQ(identity.method, SL_IDENTITY_NONE);
}

TEST(Identity, CutsALongSubjectAndEscapesWhatIsNotPlainText)
{
    std::string name(63, 'n');
    Identity long_name = make_identity("EC", name);
    for (int i = 0; i < 3; i++)
        X509_NAME_add_entry_by_txt(X509_get_subject_name(long_name.certificate.get()), "OU",
                                   MBSTRING_UTF8, (const unsigned char *)name.c_str(), -1, -1, 0);
    sl_identity identity = identity_of(long_name.certificate);
    EXPECT_EQ(strlen(identity.subject), sizeof identity.subject - 1);

    identity = identity_of(make_identity("EC", "a\nb,\xc3\xa9\x1b[31m").certificate);
    std::string subject = identity.subject;
    EXPECT_TRUE(std::all_of(subject.begin(), subject.end(), [](char c) {
        return c >= 0x20 && c < 0x7f;
    })) << subject;
}
