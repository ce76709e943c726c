// The entries of `connect`.
#include "config_fixture.h"

namespace
{

// kGood has ten lines; this begins on the eleventh.
const char kEntry[] = "connect:\n"                       // 11
                      "  - name: upstream\n"             // 12
                      "    address: 198.18.5.1:4433\n"   // 13
                      "    service: relay\n"             // 14
                      "    server_name: relay.example\n" // 15
                      "    trust: {ca_file: ca.crt}\n";  // 16

const char kNoEndpoint[] = "13: 'address' is an IP address with a UDP port, as 198.18.5.1:4433 or "
                           "[2001:db8::1]:4433; names are not looked up";

} // namespace

TEST_F(Config, AConnectionHasDefaultsAndFilesRelativeToTheFolder)
{
    ASSERT_TRUE(Load(std::string(kGood) + kEntry)) << error;
    ASSERT_EQ(config->connections_count, 1u);
    const sl_config_connection &c = config->connections[0];
    EXPECT_STREQ(c.name, "upstream");
    EXPECT_STREQ(c.service, "relay");
    EXPECT_STREQ(c.from, "198.18.0.1");
    EXPECT_EQ(c.next_hop, nullptr);
    EXPECT_EQ(c.handshake_timeout_s, 10u);
    EXPECT_EQ(c.retry_min_s, 1u);
    EXPECT_EQ(c.retry_max_s, 60u);
    EXPECT_EQ(c.trust->ca_file, ::testing::TempDir() + "ca.crt");
    EXPECT_EQ(c.expect, nullptr);
    EXPECT_EQ(config->connect_ports[0], 49152);
    EXPECT_EQ(config->connect_ports[1], 65535);
}

TEST_F(Config, AConnectionTakesEverySetting)
{
    const std::string two = Replace(kGood, "[198.18.0.1]", "[198.18.0.1, \"2001:db8::1\"]");
    ASSERT_TRUE(Load(two + kEntry +
                     "    from: 198.18.0.1\n    next_hop: 198.18.0.254\n"
                     "    expect: {node_ids: [x]}\n    certificate: a.crt\n    key: a.key\n"
                     "    psk_file: psk\n    plain_psk: true\n    on_demand: true\n    "
                     "handshake_timeout_s: 3\n    retry_min_s: 2\n"
                     "    silence_timeout_s: 20\n"
                     "    retry_max_s: 4\n"
                     "  - {name: six, address: \"[2001:db8::5]:1\", service: echo, psk_file: /p}\n"
                     "connect_ports: [20000, 20010]\nhandshake_timeout_s: 5\n"))
        << error;
    const sl_config_connection &c = config->connections[0];
    EXPECT_STREQ(c.next_hop, "198.18.0.254");
    EXPECT_STREQ(c.expect->node_ids[0], "x");
    EXPECT_EQ(c.certificate, ::testing::TempDir() + "a.crt");
    EXPECT_EQ(c.psk_file, ::testing::TempDir() + "psk");
    EXPECT_TRUE(c.plain_psk);
    EXPECT_FALSE(config->connections[1].plain_psk);
    EXPECT_EQ(c.handshake_timeout_s, 3u);
    EXPECT_EQ(c.silence_timeout_s, 20u);
    EXPECT_EQ(config->connections[1].silence_timeout_s, 0u);
    EXPECT_TRUE(c.on_demand);
    EXPECT_FALSE(config->connections[1].on_demand);
    EXPECT_EQ(c.retry_max_s, 4u);
    EXPECT_STREQ(config->connections[1].from, "2001:db8::1") << "the first of its family";
    EXPECT_STREQ(config->connections[1].psk_file, "/p");
    EXPECT_EQ(config->connections[1].handshake_timeout_s, 5u) << "no longer than the gateway's";
    EXPECT_EQ(config->connect_ports[1], 20010);
}

TEST_F(Config, AServiceMayBeThatOfAConnectionAlone)
{
    EXPECT_TRUE(Load(std::string(kGood) + kEntry + "services:\n  - name: relay\n")) << error;
}

TEST_F(Config, PortsOfListenersMatterToConnectPortsOnlyWhereThereAreConnections)
{
    const std::string high = Replace(kGood, "4433", "50000");
    EXPECT_TRUE(Load(high)) << error;
    EXPECT_EQ(
        ErrorOf(high + kEntry),
        "1: 'connect_ports', 49152 to 65535, hold the listener's port 50000: sessions that the "
        "gateway begins need ports of their own");
    EXPECT_TRUE(Load(high + kEntry + "connect_ports: [50001, 50001]\n")) << error;
}

TEST_F(Config, ErrorsOfConnectionsNameTheLine)
{
    const std::string good = std::string(kGood) + kEntry;
    const struct {
        std::string text, error;
    } cases[] = {
        {Replace(good, "upstream", "Up"),
         "12: the name of a connection has letters a-z, digits, '_', '-' and '.'"},
        {Replace(good, "relay\n", "re lay\n"),
         "14: the name of a service has letters a-z, digits, '_', '-' and '.'"},
        {good + "  - {name: upstream, address: \"198.18.5.2:1\", service: a, psk_file: p}\n",
         "17: two connections have this name"},
        {Replace(good, "    service: relay\n", ""), "12: missing key 'service'"},
        {Replace(good, ".1:4433", ".1"), kNoEndpoint},
        {Replace(good, "198.18.5.1:4433", "\"2001:db8::5:4433\""), kNoEndpoint},
        {Replace(good, "198.18.5.1:4433", "\"[198.18.5.1]:4433\""), kNoEndpoint},
        {Replace(good, ":4433\n    service: relay", ":0\n    service: relay"), kNoEndpoint},
        {Replace(good, ":4433\n    service: relay", ":65536\n    service: relay"), kNoEndpoint},
        {Replace(good, "198.18.5.1:", "224.0.0.1:"), "13: no address that a server can have"},
        {Replace(good, "198.18.5.1:", "198.18.0.1:"),
         "13: an address of this gateway: it can't be its own client"},
        {Replace(good, "198.18.5.1:4433", "\"[2001:db8::5]:4433\""),
         "13: no port of the gateway has an address of this family"},
        {good + "    from: 198.18.0.2\n", "17: no port of the gateway has this address"},
        {good + "    next_hop: router\n", "17: no IPv4 or IPv6 address that a router can have"},
        {good + "    next_hop: \"2001:db8::5\"\n",
         "17: IPv4 and IPv6: 'next_hop' and 'address' are of one family"},
        {good + "    handshake_timeout_s: 31\n",
         "17: 'handshake_timeout_s' is 31; 1 to 30, the gateway's own, are possible"},
        {good + "    retry_min_s: 0\n", "17: 'retry_min_s' is 0; 1 to 3600 are possible"},
        {good + "    silence_timeout_s: 2592001\n",
         "17: 'silence_timeout_s' is 2592001; 0 to 2592000 are possible"},
        {good + "    retry_max_s: 3601\n",
         "17: 'retry_max_s' is 3601; 1, its 'retry_min_s', to 3600 are possible"},
        {good + "    retry_min_s: 9\n    retry_max_s: 8\n",
         "18: 'retry_max_s' is 8; 9, its 'retry_min_s', to 3600 are possible"},
        {good + "    retry_min_s: 90\n",
         "12: 'retry_max_s' is 60; 90, its 'retry_min_s', to 3600 are possible"},
        {Replace(good, "198.18.5.1:", "relay.example:"), kNoEndpoint},
        {good + "    certificate: a\n", "17: a 'certificate' needs its 'key'"},
        {good + "    key: a\n", "17: a 'key' needs its 'certificate'"},
        {Replace(good, "{ca_file: ca.crt}", "{psk_file: a}"),
         "16: unknown key 'psk_file' (did you mean 'ca_file'?)"},
        {good + "connect_ports: [5000, 4999]\n",
         "17: 'connect_ports' are the first and the last of a range"},
        {good + "connect_ports: [0, 4999]\n",
         "17: 'connect_ports' are the first and the last of a range"},
        {good + "connect_ports: [4433, 4433]\n",
         "17: 'connect_ports', 4433 to 4433, hold the listener's port 4433: sessions that the "
         "gateway begins need ports of their own"},
    };
    for (const auto &c : cases)
        EXPECT_EQ(ErrorOf(c.text), c.error);
}
