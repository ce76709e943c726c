extern "C" {
#include "values.h"
}

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>

namespace
{

char reason[VALUE_REASON_LEN];

double RateOf(const char *text)
{
    double rate = -1;
    return value_read_rate(text, &rate, reason) ? rate : -1;
}

double ShareOf(const char *text)
{
    double share = -1;
    return value_read_share(text, &share, reason) ? share : -1;
}

int64_t DurationOf(const char *text)
{
    uint64_t ns = 0;
    return value_read_duration(text, &ns, reason) ? (int64_t)ns : -1;
}

int64_t CountOf(const char *text)
{
    uint32_t count = 0;
    return value_read_count(text, &count, reason) ? (int64_t)count : -1;
}

std::string TextOf(const sl_ip &ip)
{
    char text[INET6_ADDRSTRLEN];
    bool is_v4 = sl_ip_is_v4(&ip);
    return inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? ip.bytes + 12 : ip.bytes, text,
                     sizeof text);
}

// "FIRST_IP ip_count FIRST_PORT port_count", or "none".
std::string SourcesOf(const char *text)
{
    sl_load_sources sources;
    if (!value_read_sources(text, &sources, reason))
        return "none";
    return TextOf(sources.first_ip) + " " + std::to_string(sources.ip_count) + " " +
           std::to_string(sources.first_port) + " " + std::to_string(sources.port_count);
}

// "HOST PORT", or "none".
std::string ServerOf(const std::string &text)
{
    char host[32];
    uint16_t port;
    if (!value_split_server(text.c_str(), host, sizeof host, &port, reason))
        return "none";
    return std::string(host) + " " + std::to_string(port);
}

} // namespace

TEST(Values, ReadsRatesWithTheirSuffixes)
{
    EXPECT_EQ(RateOf("500"), 500);
    EXPECT_EQ(RateOf("0.5"), 0.5);
    EXPECT_EQ(RateOf("0.001"), 0.001);
    EXPECT_EQ(RateOf("0.0009"), -1) << "an engine would take it for none";
    EXPECT_EQ(RateOf("20k"), 20e3);
    EXPECT_EQ(RateOf("1.5M"), 1.5e6);
    for (const char *text : {"", "0", "-1", "k", "1m", "1e3", "1 k", " 1", "0x10", "nan", "inf",
                             "1.2.3", "2000M", "99999999999999999999999999999999999999999"})
        EXPECT_EQ(RateOf(text), -1) << text;
    EXPECT_FALSE(RateOf("fast") > 0);
    EXPECT_STREQ(reason, "'fast' is no rate; such are 500, 20k, 1.5M (a second)");
}

TEST(Values, ReadsCountsThatAreWhole)
{
    EXPECT_EQ(CountOf("1"), 1);
    EXPECT_EQ(CountOf("1M"), 1000000);
    EXPECT_EQ(CountOf("1.5k"), 1500);
    for (const char *text : {"0", "1.5", "-3", "1.0001k", "1001M", ""})
        EXPECT_EQ(CountOf(text), -1) << text;
}

TEST(Values, ReadsShares)
{
    EXPECT_DOUBLE_EQ(ShareOf("1%"), 0.01);
    EXPECT_DOUBLE_EQ(ShareOf("0.25"), 0.25);
    EXPECT_EQ(ShareOf("0"), 0);
    EXPECT_EQ(ShareOf("100%"), 1);
    for (const char *text : {"101%", "1.1", "-1%", "%", "1%%", "1 %"})
        EXPECT_EQ(ShareOf(text), -1) << text;
}

TEST(Values, ReadsDurations)
{
    EXPECT_EQ(DurationOf("10s"), 10000000000);
    EXPECT_EQ(DurationOf("500ms"), 500000000);
    EXPECT_EQ(DurationOf("1.5s"), 1500000000);
    EXPECT_EQ(DurationOf("250us"), 250000);
    EXPECT_EQ(DurationOf("2m"), 120000000000);
    EXPECT_EQ(DurationOf("1h"), 3600000000000);
    EXPECT_EQ(DurationOf("0"), 0);
    for (const char *text : {"", "10", "s", "10 s", "-1s", "1e3s", "1001h", "1d"})
        EXPECT_EQ(DurationOf(text), -1) << text;
}

TEST(Values, ReadsACycle)
{
    value_cycle cycle;
    ASSERT_TRUE(value_read_cycle("5s/20s", &cycle, reason));
    EXPECT_EQ(cycle.active_ns, 5000000000u);
    EXPECT_EQ(cycle.idle_ns, 20000000000u);
    for (const char *text : {"5s", "5s/", "/5s", "5s/0", "0/5s", "5s/20s/5s"})
        EXPECT_FALSE(value_read_cycle(text, &cycle, reason)) << text;
}

TEST(Values, ReadsTheLengthOfAConnectionId)
{
    int len;
    ASSERT_TRUE(value_read_cid("none", &len, reason));
    EXPECT_EQ(len, -1);
    ASSERT_TRUE(value_read_cid("0", &len, reason));
    EXPECT_EQ(len, 0);
    ASSERT_TRUE(value_read_cid("20", &len, reason));
    EXPECT_EQ(len, 20);
    for (const char *text : {"21", "-1", "", "8 ", "99999999999999999999"})
        EXPECT_FALSE(value_read_cid(text, &len, reason)) << text;
}

TEST(Values, ReadsAddressesAndPorts)
{
    EXPECT_EQ(SourcesOf("198.18.0.2"), "198.18.0.2 1 0 1");
    EXPECT_EQ(SourcesOf("198.18.0.2:4000"), "198.18.0.2 1 4000 1");
    EXPECT_EQ(SourcesOf("198.18.0.2:1024-65535"), "198.18.0.2 1 1024 64512");
    EXPECT_EQ(SourcesOf("198.18.0.2-198.18.1.9:1-2"), "198.18.0.2 264 1 2");
    EXPECT_EQ(SourcesOf("198.18.0.2-198.18.0.2"), "198.18.0.2 1 0 1");
    EXPECT_EQ(SourcesOf("2001:db8::2"), "2001:db8::2 1 0 1");
    EXPECT_EQ(SourcesOf("[2001:db8::2]:4000-4001"), "2001:db8::2 1 4000 2");
    EXPECT_EQ(SourcesOf("2001:db8::2-2001:db8::11"), "2001:db8::2 16 0 1");
    EXPECT_EQ(SourcesOf("[2001:db8::2]-[2001:db8::11]:7"), "2001:db8::2 16 7 1");
}

TEST(Values, APrefixStandsForItsHosts)
{
    EXPECT_EQ(SourcesOf("198.18.0.0/24"), "198.18.0.1 254 0 1");
    EXPECT_EQ(SourcesOf("198.18.0.77/24:9"), "198.18.0.1 254 9 1");
    EXPECT_EQ(SourcesOf("198.18.0.4/31"), "198.18.0.4 2 0 1");
    EXPECT_EQ(SourcesOf("198.18.0.4/32"), "198.18.0.4 1 0 1");
    EXPECT_EQ(SourcesOf("198.0.0.0/8"), "198.0.0.1 16777214 0 1");
    EXPECT_EQ(SourcesOf("[2001:db8::]/120:4000"), "2001:db8::1 255 4000 1");
    EXPECT_EQ(SourcesOf("2001:db8::/128"), "2001:db8:: 1 0 1");
    EXPECT_EQ(SourcesOf("198.0.0.0/7"), "none");
    EXPECT_EQ(SourcesOf("2001:db8::/64"), "none");
}

TEST(Values, WhatIsNoAddressIsRefused)
{
    for (const char *text :
         {"",
          "x",
          "198.18.0",
          "198.18.0.2:",
          "198.18.0.2:0",
          "198.18.0.2:65536",
          "198.18.0.2:9-8",
          "198.18.0.9-198.18.0.2",
          "198.18.0.2-2001:db8::2",
          "198.18.0.2/33",
          "198.18.0.2/",
          "2001:db8::/129",
          "[2001:db8::2",
          "2001:db8::2]:1",
          "[198.18.0.2]x",
          "198.18.0.2:1-",
          "198.18.0.2:-1",
          "198.18.0.2:1-2-3",
          "2001:db8::1-2001:db9::1",
          ":4000",
          "[]:1",
          "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21.22.23.24.25.26.27.28.29.30"})
        EXPECT_EQ(SourcesOf(text), "none") << text;
}

TEST(Values, SplitsAServer)
{
    EXPECT_EQ(ServerOf("localhost:4433"), "localhost 4433");
    EXPECT_EQ(ServerOf("198.18.0.1:1"), "198.18.0.1 1");
    EXPECT_EQ(ServerOf("[2001:db8::1]:65535"), "2001:db8::1 65535");
    for (const char *text : {"", "localhost", ":4433", "localhost:", "localhost:0",
                             "localhost:65536", "localhost:http", "2001:db8::1:4433", "[]:1"})
        EXPECT_EQ(ServerOf(text), "none") << text;
    EXPECT_EQ(ServerOf(std::string(31, 'a') + ":1"), std::string(31, 'a') + " 1");
    EXPECT_EQ(ServerOf(std::string(32, 'a') + ":1"), "none");
}

TEST(Values, ReadsANextHopOfEitherKind)
{
    value_hop hop;
    ASSERT_TRUE(value_read_hop("02:00:5e:Ff:00:99", &hop, reason)) << reason;
    const uint8_t mac[] = {0x02, 0x00, 0x5e, 0xff, 0x00, 0x99};
    EXPECT_TRUE(hop.is_mac && !hop.is_ip);
    EXPECT_EQ(memcmp(hop.mac, mac, sizeof mac), 0);
    ASSERT_TRUE(value_read_hop("198.18.0.254", &hop, reason)) << reason;
    EXPECT_TRUE(hop.is_ip && !hop.is_mac);
    EXPECT_EQ(TextOf(hop.ip), "198.18.0.254");
    ASSERT_TRUE(value_read_hop("2001:db8::fe", &hop, reason)) << reason;
    EXPECT_EQ(TextOf(hop.ip), "2001:db8::fe");
    for (const char *text : {"", "router", "02:00:5e:ff:00", "02:00:5e:ff:00:99:01",
                             "02-00-5e-ff-00-99", "2:0:5e:ff:0:99", "0x:00:5e:ff:00:99",
                             "02:00:5e:ff:00:9", "198.18.0.256", "198.18.0.1:53"})
        EXPECT_FALSE(value_read_hop(text, &hop, reason)) << text;
}
