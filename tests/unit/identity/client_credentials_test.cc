#include <gtest/gtest.h>

#include "test_certificates.h"

extern "C" {
#include "sl_identity.h"
}

using namespace sl_test;

namespace
{

using Loaded = std::unique_ptr<sl_client_credentials, decltype(&sl_client_credentials_destroy)>;

class ClientCredentials : public ::testing::Test
{
  protected:
    Loaded load()
    {
        reason[0] = 0;
        return Loaded(sl_client_credentials_load(&files, reason), sl_client_credentials_destroy);
    }

    void expect_refusal(const std::string &text)
    {
        EXPECT_EQ(load(), nullptr);
        EXPECT_NE(std::string(reason).find(text), std::string::npos) << reason;
    }

    void give_psks(const std::string &lines)
    {
        psk_file = directory.write("psk", lines);
        files.psk_file = psk_file.c_str();
    }

    void give_certificate(const Identity &identity)
    {
        certificate_file = directory.write("crt", to_pem(identity.certificate));
        key_file = directory.write("key", to_pem(identity.key));
        pair = {certificate_file.c_str(), key_file.c_str(), nullptr};
        files.certificates = &pair;
        files.certificate_count = 1;
    }

    TemporaryDirectory directory;
    std::string psk_file, certificate_file, key_file;
    sl_certificate_files pair = {};
    sl_client_files files = {};
    char reason[SL_CREDENTIALS_REASON_LEN];
};

} // namespace

TEST_F(ClientCredentials, HaveAsManyCertificatesOfAKindAsAreGiven)
{
    std::vector<std::string> paths;
    for (const char *kind : {"EC", "EC", "RSA"}) {
        Identity made = make_identity(kind, "client");
        std::string name = std::to_string(paths.size());
        paths.push_back(directory.write(name + ".crt", to_pem(made.certificate)));
        paths.push_back(directory.write(name + ".key", to_pem(made.key)));
    }
    std::vector<sl_certificate_files> pairs;
    for (size_t i = 0; i < paths.size(); i += 2)
        pairs.push_back({paths[i].c_str(), paths[i + 1].c_str(), nullptr});
    files.certificates = pairs.data();
    files.certificate_count = 3;
    files.trust.anonymous = true;
    Loaded loaded = load();
    ASSERT_NE(loaded, nullptr) << reason;
    ASSERT_EQ(sl_client_certificate_count(loaded.get()), 3u);
    for (unsigned i = 0; i < 3; i++)
        EXPECT_EQ(X509_check_private_key((X509 *)sl_client_certificate(loaded.get(), i),
                                         (EVP_PKEY *)sl_client_key(loaded.get(), i)),
                  1);
    pairs[1].key_file = pairs[2].key_file;
    expect_refusal("does not belong to certificate");
}

TEST_F(ClientCredentials, SayWhenACertificateIsNotValidToday)
{
    files.trust.anonymous = true;
    give_certificate(make_identity("EC", "good"));
    Loaded good = load();
    ASSERT_NE(good, nullptr) << reason;
    EXPECT_TRUE(sl_client_credentials_are_current(good.get(), nullptr, reason)) << reason;
    give_certificate(make_identity("EC", "late", nullptr, false, -3600));
    Loaded late = load();
    ASSERT_NE(late, nullptr) << reason;
    EXPECT_FALSE(sl_client_credentials_are_current(late.get(), nullptr, reason));
    EXPECT_NE(std::string(reason).find("has expired"), std::string::npos) << reason;
    EXPECT_FALSE(sl_client_credentials_are_current(late.get(), good.get(), reason));
    EXPECT_TRUE(sl_client_credentials_are_current(late.get(), late.get(), reason)) << "known";
}

TEST_F(ClientCredentials, SayHowTheServerIsChecked)
{
    expect_refusal("nothing says how to check the server");
    expect_refusal("(psk_file), or `anonymous: true`: it is not checked");
    files.trust.anonymous = true;
    Loaded loaded = load();
    ASSERT_NE(loaded, nullptr) << reason;
    ASSERT_NE(sl_client_trust(loaded.get()), nullptr);
    EXPECT_FALSE(sl_trust_asks(sl_client_trust(loaded.get())));
    const char *print = "00";
    files.trust.peers.fingerprints = &print;
    files.trust.peers.fingerprint_count = 1;
    expect_refusal("is to be checked, and not to be checked");
}

TEST_F(ClientCredentials, WithACaFileWantTheServersName)
{
    std::string ca = directory.write("ca", to_pem(make_identity("EC", "ca").certificate));
    files.trust.ca_file = ca.c_str();
    expect_refusal("without the server's name");
    expect_refusal("server_name, or fingerprints or node_ids under expect");
    const std::string id = "node-" + std::string(64, '7');
    const char *ids[] = {id.c_str()};
    files.trust.expected.node_ids = ids;
    files.trust.expected.node_id_count = 1;
    EXPECT_NE(load(), nullptr) << "what is expected is as good as a name: " << reason;
    files.trust.expected = {};
    files.server_name = "";
    expect_refusal("the server's name is empty");
    files.server_name = "a.test";
    Loaded loaded = load();
    ASSERT_NE(loaded, nullptr) << reason;
    EXPECT_NE(sl_client_trust(loaded.get()), nullptr);
    EXPECT_STREQ(sl_client_server_name(loaded.get()), "a.test");
    std::string missing = directory.path("missing");
    files.trust.ca_file = missing.c_str();
    expect_refusal("cannot be opened");
}

TEST_F(ClientCredentials, ReadPresharedKeysLineByLine)
{
    give_psks("# a comment\n\nanna:00ff\r\nb:with:colons:AbCd01\n" + std::string(128, 'i') + ":" +
              std::string(128, '7'));
    Loaded loaded = load();
    ASSERT_NE(loaded, nullptr) << reason;
    EXPECT_EQ(sl_client_trust(loaded.get()), nullptr);
    ASSERT_EQ(sl_client_psk_count(loaded.get()), 3u);
    const sl_psk *psk = sl_client_psk(loaded.get(), 0);
    EXPECT_STREQ(psk->identity, "anna");
    EXPECT_EQ(std::string((const char *)psk->key, psk->key_len), std::string("\0\xff", 2));
    psk = sl_client_psk(loaded.get(), 1);
    EXPECT_STREQ(psk->identity, "b:with:colons");
    EXPECT_EQ(std::string((const char *)psk->key, psk->key_len), "\xab\xcd\x01");
    psk = sl_client_psk(loaded.get(), 2);
    EXPECT_EQ(strlen(psk->identity), (size_t)SL_PSK_IDENTITY_MAX);
    EXPECT_EQ(psk->key_len, (size_t)SL_PSK_KEY_MAX);
}

TEST_F(ClientCredentials, WithAPresharedKeyCanNotExpectACertificate)
{
    give_psks("anna:00ff\n");
    const std::string id = "node-" + std::string(64, '7');
    const char *ids[] = {id.c_str()};
    files.trust.expected.node_ids = ids;
    files.trust.expected.node_id_count = 1;
    expect_refusal("shows no certificate");
    files.trust.expected = {};
    EXPECT_NE(load(), nullptr) << reason;
}

TEST_F(ClientCredentials, ReadAThousandPresharedKeys)
{
    std::string lines;
    for (unsigned i = 0; i < 1000; i++)
        lines += "client-" + std::to_string(i) + ":00112233445566778899aabbccddeeff\n";
    give_psks(lines);
    Loaded loaded = load();
    ASSERT_NE(loaded, nullptr) << reason;
    ASSERT_EQ(sl_client_psk_count(loaded.get()), 1000u);
    EXPECT_STREQ(sl_client_psk(loaded.get(), 999)->identity, "client-999");
}

TEST_F(ClientCredentials, RefusePresharedKeysThatAreNone)
{
    struct {
        std::string lines, reason;
    } wrong[] = {
        {"", "holds no key"},
        {"# nothing\n\n", "holds no key"},
        {"anna:00\nbert\n", "line 2: an identity, a colon and a key in hex are needed"},
        {":00", "line 1: an identity"},
        {"anna:", "line 1: the key is not one of 1 to 64 bytes in hex"},
        {"anna:0", "line 1: the key"},
        {"anna:0g", "line 1: the key"},
        {"anna:00 ", "line 1: the key"},
        {"anna:" + std::string(130, '0'), "line 1: the key"},
        {std::string(129, 'i') + ":00", "line 1: the identity is longer than 128 bytes"},
        {std::string("anna:00\0\n", 9), "is no text file"},
    };
    for (const auto &one : wrong) {
        give_psks(one.lines);
        expect_refusal(one.reason);
        EXPECT_EQ(std::string(reason).find("0000"), std::string::npos) << "a key was told";
    }
    files.psk_file = "/missing";
    expect_refusal("PSK file /missing cannot be opened");
}
