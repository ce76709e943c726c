/*
 * A man in the middle who rewrites hellos, so that two honest peers would settle for less than both
 * can do. Every hello but the first ClientHello is under the Finished, RFC 5246 7.4.9: the
 * handshake ends, in either of our roles, and nobody has taken a byte of application data.
 */
#include <gtest/gtest.h>

#include "handshake_client_lab.h"
#include "handshake_lab.h"
#include "hello_editor.h"

using namespace sl_test;

namespace
{

constexpr uint16_t supported_groups = 10, signature_algorithms = 13, extended_master_secret = 23,
                   connection_id = SL_EXTENSION_CONNECTION_ID;
constexpr uint16_t ecdsa_aes128_gcm = 0xc02b, ecdsa_aes256_gcm = 0xc02c, ecdsa_aes128_sha = 0xc009;
const char *const both_suites = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384";

struct Attack {
    const char *name;
    void (*rewrite)(Hello &hello);
    bool on_client_hello;
};

void PrintTo(const Attack &attack, std::ostream *out)
{
    *out << attack.name;
}

/** Leaves only the last of a list of 2-byte numbers behind its 2-byte length. */
void keep_last(Bytes *list)
{
    ASSERT_NE(list, nullptr);
    ASSERT_GE(list->size(), 6U);
    *list = {0, 2, (*list)[list->size() - 2], (*list)[list->size() - 1]};
}

void replace_cid(Hello &hello)
{
    Bytes *cid = hello.extension(connection_id);
    ASSERT_NE(cid, nullptr);
    *cid = {4, 0x66, 0x66, 0x66, 0x66};
}

const Attack attacks[] = {
    {"VersionOfTheClient", [](Hello &hello) { hello.version = 0xfeff; }, true},
    {"VersionOfTheServer", [](Hello &hello) { hello.version = 0xfeff; }, false},
    {"VersionOfNobody", [](Hello &hello) { hello.version = 0xfefc; }, false},
    {"SuitesWithoutTheBest", [](Hello &hello) { hello.suites.assign(1, ecdsa_aes256_gcm); }, true},
    {"SuitesWithCbcAlone", [](Hello &hello) { hello.suites.assign(1, ecdsa_aes128_sha); }, true},
    {"SuiteThatTheServerDidNotChoose",
     [](Hello &hello) {
         ASSERT_EQ(hello.suites.at(0), ecdsa_aes128_gcm);
         hello.suites[0] = ecdsa_aes256_gcm;
     },
     false},
    {"SuiteThatNobodyOffered", [](Hello &hello) { hello.suites[0] = ecdsa_aes128_sha; }, false},
    {"ExtendedMasterSecretOfTheClient",
     [](Hello &hello) {
         ASSERT_NE(hello.extension(extended_master_secret), nullptr);
         hello.remove_extension(extended_master_secret);
     },
     true},
    {"ExtendedMasterSecretOfTheServer",
     [](Hello &hello) {
         ASSERT_NE(hello.extension(extended_master_secret), nullptr);
         hello.remove_extension(extended_master_secret);
     },
     false},
    {"ConnectionIdOfTheClient",
     [](Hello &hello) {
         ASSERT_NE(hello.extension(connection_id), nullptr);
         hello.remove_extension(connection_id);
     },
     true},
    {"ConnectionIdOfTheServer",
     [](Hello &hello) {
         ASSERT_NE(hello.extension(connection_id), nullptr);
         hello.remove_extension(connection_id);
     },
     false},
    {"ConnectionIdOfTheClientReplaced", replace_cid, true},
    {"ConnectionIdOfTheServerReplaced", replace_cid, false},
    {"SignatureAlgorithms",
     [](Hello &hello) {
         Bytes *list = hello.extension(signature_algorithms);
         ASSERT_NE(list, nullptr);
         *list = {0, 2, 4, 3}; /* ecdsa_secp256r1_sha256 */
     },
     true},
    {"Groups", [](Hello &hello) { keep_last(hello.extension(supported_groups)); }, true},
    {"Compression",
     [](Hello &hello) {
         hello.compression = {1, 0};
     },
     true},
    {"CompressionByTheServer", [](Hello &hello) { hello.compression = {1}; }, false},
    {"RandomOfTheClient", [](Hello &hello) { hello.random[9] ^= 1; }, true},
    {"RandomOfTheServer", [](Hello &hello) { hello.random[9] ^= 1; }, false},
};

class Downgrade : public ::testing::TestWithParam<Attack>
{
  protected:
    /** For a lab's `alter`: attack NULL only takes hellos apart and puts them together. */
    std::function<void(bool, unsigned, Bytes &)> man_in_the_middle(const Attack *attack)
    {
        return [this, attack](bool to_server, unsigned, Bytes &datagram) {
            std::optional<Hello> hello = Hello::read(datagram);
            if (!hello)
                return;
            ASSERT_EQ(hello->is_client, to_server);
            ASSERT_EQ(hello->write(), datagram);
            if (attack != nullptr && attack->on_client_hello == to_server)
                attack->rewrite(*hello);
            datagram = hello->write();
            rewritten++;
        };
    }

    bool connect_server_role(const Attack *attack)
    {
        server_lab = std::make_unique<HandshakeLab>();
        server_lab->alter = man_in_the_middle(attack);
        ClientOptions options;
        options.suites = both_suites;
        options.cid = Bytes{1, 2, 3};
        return server_lab->connect(1, options);
    }

    bool connect_client_role(const Attack *attack)
    {
        ClientLabOptions options;
        options.has_gateway = true;
        options.suites = both_suites;
        options.cid_len = SL_OWN_CID_LEN;
        client_lab = std::make_unique<ClientLab>(options);
        client_lab->alter = man_in_the_middle(attack);
        return client_lab->connect(1);
    }

    std::unique_ptr<HandshakeLab> server_lab;
    std::unique_ptr<ClientLab> client_lab;
    unsigned rewritten = 0;
};

using DowngradeControl = Downgrade;

} // namespace

TEST_P(Downgrade, EndsTheHandshakeOfTheServerRole)
{
    EXPECT_FALSE(connect_server_role(&GetParam()));
    EXPECT_GT(rewritten, 0U);
    EXPECT_FALSE(server_lab->peer(1).is_established);
    EXPECT_FALSE(server_lab->client(1).is_connected());
    EXPECT_EQ(server_lab->counter(SL_HANDSHAKE_COMPLETED), 0U);
    EXPECT_TRUE(server_lab->counters_add_up());
}

TEST_P(Downgrade, EndsTheHandshakeOfTheClientRole)
{
    EXPECT_FALSE(connect_client_role(&GetParam()));
    EXPECT_GT(rewritten, 0U);
    EXPECT_FALSE(client_lab->client(1).is_established);
    EXPECT_FALSE(client_lab->gateway_peer(1).is_established);
    EXPECT_EQ(client_lab->counter(SL_HANDSHAKE_COMPLETED), 0U);
    EXPECT_TRUE(client_lab->counters_add_up());
}

INSTANTIATE_TEST_SUITE_P(Of, Downgrade, ::testing::ValuesIn(attacks),
                         [](const auto &info) { return std::string(info.param.name); });

/* Without a change the man in the middle is not noticed: what the tests see is the change. */
TEST_F(DowngradeControl, OfNothingIsNotNoticed)
{
    EXPECT_TRUE(connect_server_role(nullptr));
    EXPECT_TRUE(server_lab->client(1).uses_cid());
    EXPECT_GE(rewritten, 2U);
    rewritten = 0;
    EXPECT_TRUE(connect_client_role(nullptr));
    EXPECT_TRUE(client_lab->client(1).own_cid_in_use);
    EXPECT_TRUE(client_lab->echoes(1));
    EXPECT_GE(rewritten, 2U);
}
