/* What services need, and what those that run without do not. */
#include "config_fixture.h"

namespace
{

const std::string ports = "ports:\n  - interface: va\n    addresses: [198.18.0.1]\n"; // 1 to 3
const std::string listener = "listeners:\n  - port: 4433\n    service: echo\n";       // 4 to 6
const std::string needs_one = "service 'echo' has to show a certificate, and 'certificates' are "
                              "missing: only one that takes nothing but pre-shared keys does "
                              "without";

} // namespace

TEST_F(Config, DoesWithoutCertificatesWhereOnlyPreSharedKeysAreTaken)
{
    for (const char *trust : {"trust: {psk_file: keys}\n", "trust: {psk_lookup: ask}\n",
                              "services:\n  - {name: echo, trust: {psk_file: keys}}\n",
                              "client_ca: ca.crt\nservices:\n  - {name: echo, trust: {psk_file: "
                              "keys, plain_psk: true}}\n"}) {
        ASSERT_TRUE(Load(ports + listener + trust)) << trust << error;
        EXPECT_EQ(config->certificates_count, 0u);
        EXPECT_TRUE(sl_config_takes_only_psk(config, "echo"));
    }
}

TEST_F(Config, WantsACertificateForAServiceThatShowsOne)
{
    for (const char *trust :
         {"", "client_ca: ca.crt\n", "trust: {psk_file: keys, anonymous: true}\n",
          "trust: {psk_file: keys, ca_file: ca.crt}\n", "trust: {psk_file: keys, crl_file: crl}\n",
          "trust: {psk_file: keys, fingerprints: [aa]}\n",
          "trust: {psk_lookup: ask, node_ids: [n]}\n",
          "trust: {psk_file: keys}\nservices:\n  - {name: echo, trust: {ca_file: ca.crt}}\n"}) {
        EXPECT_EQ(ErrorOf(ports + listener + trust), "6: " + needs_one) << trust;
        ASSERT_TRUE(Load(ports + listener + trust +
                         "certificates: [{certificate: server.crt, key: server.key}]\n"))
            << error;
        EXPECT_FALSE(sl_config_takes_only_psk(config, "echo")) << trust;
    }
}

TEST_F(Config, NamesTheFirstOfSeveralServicesThatNeedsACertificate)
{
    EXPECT_EQ(ErrorOf(ports + "listeners:\n  - {port: 1, service: keys}\n"
                              "  - {port: 2, service: echo}\n"
                              "services:\n  - {name: keys, trust: {psk_file: keys}}\n"),
              "6: " + needs_one);
}

TEST_F(Config, DoesWithoutListenersWhereItIsAClient)
{
    ASSERT_TRUE(Load(ports + "connect:\n  - {name: up, address: \"198.18.0.2:4433\", service: r, "
                             "psk_file: key}\n"))
        << error;
    EXPECT_EQ(config->listeners_count, 0u);
    EXPECT_EQ(config->certificates_count, 0u);
    EXPECT_EQ(ErrorOf(ports + "connect:\n  - {name: up, address: \"198.18.0.2:4433\", service: r, "
                              "psk_file: key}\nlisteners: []\n")
                  .substr(0, 3),
              "6: ")
        << "a list without entries is a slip of the pen";
}

TEST_F(Config, WantsToBeAServerOrAClient)
{
    EXPECT_EQ(ErrorOf(ports + "certificates: [{certificate: server.crt, key: server.key}]\n"),
              "1: give 'listeners', 'connect' or both: nobody could come, and nobody is gone to");
}
