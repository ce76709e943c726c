// Answers for a range of clients, who asks for the next hop. The other side is a second of these.
extern "C" {
#include "neighbours.h"
}

#include <gtest/gtest.h>

#include "packets.h"

namespace
{

constexpr uint64_t ms = 1000000;
constexpr uint64_t start = 5000 * ms;

struct Neighbours : load_neighbours {
    char reason[LOAD_NEIGHBOURS_REASON_LEN] = "";
    explicit Neighbours(load_neighbours_config config)
    {
        EXPECT_EQ(0, load_neighbours_init(this, &config, reason)) << reason;
    }
};

load_neighbours_config of_clients(bool v6, uint16_t vlan = SL_VLAN_NONE)
{
    load_neighbours_config config{};
    memcpy(config.mac, kPeerMac, 6); // packets.h is written from the gateway's side
    config.vlan_id = vlan;
    config.ranges[0] = {v6 ? V6(7) : V4(198, 19, 0, 7), 1000};
    config.range_count = 1;
    config.next_ip = v6 ? V6(1) : V4(198, 18, 0, 1);
    config.attempts = 3;
    return config;
}

load_neighbours_config of_server(bool v6, uint16_t vlan = SL_VLAN_NONE)
{
    load_neighbours_config config = of_clients(v6, vlan);
    memcpy(config.mac, kOwnMac, 6);
    config.ranges[0] = {v6 ? V6(1) : V4(198, 18, 0, 1), 1};
    config.has_next_mac = true;
    return config;
}

/** What comes of a request of this station for this address. */
enum sl_drop answer(const Neighbours &neighbours, Frame *frame)
{
    enum sl_drop drop = sl_wire_parse_frame(frame, SL_RX_CHECKSUM_REQUIRE);
    EXPECT_EQ(SL_DROP_NONE, drop);
    return load_answer_neighbour(&neighbours, frame);
}

enum sl_drop ask(const Neighbours &neighbours, const sl_ip &target, uint16_t vlan = SL_VLAN_NONE)
{
    Frame frame{Bytes()};
    sl_neighbour asker{};
    asker.ip = sl_ip_is_v4(&target) ? V4(198, 18, 0, 1) : V6(1);
    memcpy(asker.mac, kOwnMac, 6);
    asker.vlan_id = vlan;
    EXPECT_TRUE(sl_wire_write_neighbour_request(&frame, &asker, &target));
    enum sl_drop drop = answer(neighbours, &frame);
    if (drop == SL_DROP_NONE) {
        sl_neighbour out{};
        EXPECT_TRUE(sl_wire_parse_neighbour_answer(&frame, &out));
        EXPECT_EQ(0, memcmp(&out.ip, &target, sizeof target));
        EXPECT_EQ(0, memcmp(out.mac, kPeerMac, 6));
        EXPECT_EQ(vlan, out.vlan_id);
    }
    return drop;
}

sl_ip add(sl_ip ip, int steps)
{
    for (; steps != 0; steps += steps > 0 ? -1 : 1)
        for (int i = 15; i >= 0; i--) {
            ip.bytes[i] = (uint8_t)(ip.bytes[i] + (steps > 0 ? 1 : -1));
            if (ip.bytes[i] != (steps > 0 ? 0 : 0xff))
                break;
        }
    return ip;
}

} // namespace

TEST(LoadNeighbours, EveryAddressOfTheRangesIsAnsweredForAndNoOther)
{
    // One of them begins just below a carry into the upper half of the address.
    const sl_ip carry = {
        {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0}};
    load_neighbours_config config = of_clients(false);
    config.ranges[1] = {carry, 300};
    config.ranges[2] = {V4(198, 19, 255, 200), 1};
    config.ranges[3] = {V4(198, 18, 77, 0), 0};
    config.range_count = 4;
    Neighbours neighbours(config);
    for (const load_ip_range &range : {config.ranges[0], config.ranges[1], config.ranges[2]}) {
        EXPECT_EQ(SL_DROP_NOT_OURS, ask(neighbours, add(range.first, -1)));
        for (uint64_t i = 0; i < range.count; i++)
            EXPECT_EQ(SL_DROP_NONE, ask(neighbours, add(range.first, (int)i))) << i;
        EXPECT_EQ(SL_DROP_NOT_OURS, ask(neighbours, add(range.first, (int)range.count)));
    }
    EXPECT_EQ(SL_DROP_NOT_OURS, ask(neighbours, V4(198, 18, 77, 0)));
    EXPECT_EQ(SL_DROP_NOT_OURS, ask(neighbours, V6(7)));
}

TEST(LoadNeighbours, OnlyOnTheirVlanAnyOfTheirMacAndGroups)
{
    Neighbours plain(of_clients(false)), tagged(of_clients(true, 42));
    EXPECT_EQ(SL_DROP_NOT_OURS, ask(plain, V4(198, 19, 0, 7), 42));
    EXPECT_EQ(SL_DROP_NONE, ask(tagged, V6(7), 42));
    EXPECT_EQ(SL_DROP_NOT_OURS, ask(tagged, V6(7), 43));
    EXPECT_EQ(SL_DROP_NOT_OURS, ask(tagged, V6(7)));
    Bytes unicast = ArpRequest(); // from 198.19.0.7 for 198.18.0.1
    Neighbours server(of_server(false));
    memcpy(unicast.data(), kOwnMac, 6);
    Frame to_us(unicast);
    EXPECT_EQ(SL_DROP_NONE, answer(server, &to_us));
    unicast[5] = 0x99;
    Frame to_another(unicast);
    EXPECT_EQ(SL_DROP_NOT_OURS, answer(server, &to_another));
}

TEST(LoadNeighbours, PingIsAnsweredAndUdpIsNot)
{
    Neighbours server(of_server(false));
    Frame echo(EchoFrame4({'h', 'i'}));
    EXPECT_EQ(SL_DROP_NONE, answer(server, &echo));
    EXPECT_EQ(0, echo.data[34]);
    Bytes to_all = EchoFrame4({'h', 'i'});
    memset(to_all.data(), 0xff, 6);
    Frame broadcast(to_all);
    EXPECT_EQ(SL_DROP_NOT_OURS, answer(server, &broadcast));
    Frame udp(UdpFrame(false, {22}));
    EXPECT_EQ(SL_DROP_NOT_OURS, answer(server, &udp));
}

TEST(LoadNeighbours, OneOfTheClientsAsksForTheNextHopInItsFamily)
{
    for (bool v6 : {false, true}) {
        load_neighbours_config config = of_clients(v6, 7);
        config.ranges[1] = config.ranges[0];
        config.ranges[0] = {v6 ? V4(198, 19, 0, 7) : V6(7), 1000};
        config.range_count = 2;
        Neighbours clients(config), server(of_server(v6, 7));
        Frame frame{Bytes()};
        ASSERT_TRUE(sl_next_hop_ask(&clients.next_hop, &frame, start));
        ASSERT_EQ(SL_DROP_NONE, answer(server, &frame));
        EXPECT_TRUE(sl_next_hop_hear(&clients.next_hop, &frame, start));
        uint8_t mac[6] = {0};
        EXPECT_EQ(SL_NEXT_HOP_KNOWN, sl_next_hop_of(&clients.next_hop, mac));
        EXPECT_EQ(0, memcmp(kOwnMac, mac, 6));
    }
}

TEST(LoadNeighbours, ANextHopThatWasGivenUpIsExplainedWithWhatToDo)
{
    Neighbours clients(of_clients(false, 7));
    for (unsigned i = 0; i < 4; i++) {
        Frame frame{Bytes()};
        EXPECT_EQ(i < 3, sl_next_hop_ask(&clients.next_hop, &frame, start + i * 200 * ms));
    }
    char reason[LOAD_NEIGHBOURS_REASON_LEN];
    load_explain_next_hop(&clients, reason);
    EXPECT_STREQ(
        "198.18.0.1 has not answered 3 ARP requests on VLAN 7: if it is in another network, "
        "name the router on the way, or the MAC of the next hop (--next-hop)",
        reason);
}

TEST(LoadNeighbours, AMacOfTheConfigurationIsNotAskedFor)
{
    load_neighbours_config config = of_clients(false);
    config.has_next_mac = true;
    memcpy(config.next_mac, kOwnMac, 6);
    config.range_count = 0;
    Neighbours clients(config);
    uint8_t mac[6];
    Frame frame{Bytes()};
    EXPECT_EQ(SL_NEXT_HOP_KNOWN, sl_next_hop_of(&clients.next_hop, mac));
    EXPECT_EQ(0, memcmp(kOwnMac, mac, 6));
    EXPECT_FALSE(sl_next_hop_ask(&clients.next_hop, &frame, start));
}

TEST(LoadNeighbours, ANextHopOfAFamilyThatNoClientHasIsRefused)
{
    load_neighbours_config config = of_clients(false), empty = of_clients(true);
    config.next_ip = V6(1);
    empty.ranges[0].count = 0;
    for (const load_neighbours_config &c : {config, empty}) {
        load_neighbours neighbours;
        char reason[LOAD_NEIGHBOURS_REASON_LEN];
        EXPECT_EQ(-EINVAL, load_neighbours_init(&neighbours, &c, reason));
        EXPECT_NE(nullptr, strstr(reason, "IPv6")) << reason;
        EXPECT_NE(nullptr, strstr(reason, "2001:db8::1")) << reason;
    }
}
