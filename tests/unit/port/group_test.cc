// Port groups: several devices, fewer queues than workers, and what can't be.
#include "group.h"

#include <rte_eth_ring.h>
#include <rte_ring.h>

#include <sys/resource.h>
#include <unistd.h>

using test::Group;

namespace
{

unsigned receive_some(sl_port *port, unsigned queue)
{
    sl_frame *frames[SL_BURST];
    unsigned n = sl_port_receive(port, queue, frames, SL_BURST);
    sl_port_free(frames, n);
    return n;
}

bool send_one(sl_port *port, unsigned queue)
{
    sl_frame *frame;
    if (sl_port_take(port, queue, &frame, 1) != 1)
        return false;
    frame->len = 60;
    if (sl_port_transmit(port, queue, &frame, 1) == 1)
        return true;
    sl_port_free(&frame, 1);
    return false;
}

} // namespace

TEST(PortGroup, SaysWhatItIs)
{
    Group group({"net_ring_h"}, 2);
    ASSERT_EQ(0, group.create()) << group.reason;
    const struct sl_port_info *info = sl_port_info(group.port);
    EXPECT_STREQ("net_ring", info->driver);
    EXPECT_EQ(2U, info->queue_count);
    EXPECT_EQ(1500, info->mtu);
    EXPECT_EQ(0, info->tx_flags);
    EXPECT_FALSE(info->rss);
    EXPECT_TRUE(Group::log().empty());
}

TEST(PortGroup, OfOneDeviceAWorkerKeepsThemApart)
{
    Group group({"net_ring_i", "net_ring_j"}, 2);
    ASSERT_EQ(0, group.create()) << group.reason;
    EXPECT_EQ(2U, sl_port_info(group.port)->queue_count);
    ASSERT_TRUE(send_one(group.port, 1));
    EXPECT_EQ(0U, receive_some(group.port, 0));
    EXPECT_EQ(1U, receive_some(group.port, 1));
}

TEST(PortGroup, WithMoreDevicesThanWorkersReceivesFromAll)
{
    Group group({"net_null_a,size=64", "net_null_b,size=64", "net_null_c,size=64"}, 1);
    ASSERT_EQ(0, group.create()) << group.reason;
    EXPECT_EQ(1U, sl_port_info(group.port)->queue_count);
    for (unsigned turn = 0; turn < 6; turn++)
        EXPECT_EQ((unsigned)SL_BURST, receive_some(group.port, 0));
    sl_port_stat stats[8];
    ASSERT_EQ(8U, sl_port_stats(group.port, stats, 8));
    EXPECT_STREQ("rx_packets", stats[0].name);
    EXPECT_EQ(6U * SL_BURST, stats[0].value); // each device had its turn
}

TEST(PortGroup, WithFewerQueuesThanWorkersSendsForAll)
{
    // net_ring has 16 queues: the workers 16 to 19 send by way of others.
    Group group({"net_ring_k"}, 20);
    ASSERT_EQ(0, group.create()) << group.reason;
    EXPECT_EQ(16U, sl_port_info(group.port)->queue_count);
    ASSERT_EQ(1U, Group::log().size());
    EXPECT_NE(std::string::npos, Group::log()[0].find("16 of 20 workers"));
    EXPECT_EQ(0U, receive_some(group.port, 17));
    ASSERT_TRUE(send_one(group.port, 17));
    unsigned got = 0;
    for (unsigned turn = 0; turn < 2; turn++) // sent in one, back in the same or the next
        for (unsigned q = 0; q < 16; q++)
            got += receive_some(group.port, q);
    EXPECT_EQ(1U, got);
}

TEST(PortGroup, ThatIsDestroyedSendsWhatWorkersLeftToOthers)
{
    test::start_eal();
    rte_ring *rx = rte_ring_create("relay_rx", 64, SOCKET_ID_ANY, 0);
    rte_ring *tx = rte_ring_create("relay_tx", 64, SOCKET_ID_ANY, 0);
    ASSERT_LE(0, rte_eth_from_rings("relay", &rx, 1, &tx, 1, 0));
    {
        Group group({"net_ring_relay"}, 2); // one queue: worker 1 sends by way of worker 0
        ASSERT_EQ(0, group.create()) << group.reason;
        ASSERT_TRUE(send_one(group.port, 1));
        ASSERT_TRUE(send_one(group.port, 1));
        EXPECT_EQ(0U, rte_ring_count(tx));
    }
    EXPECT_EQ(2U, rte_ring_count(tx)); // of a pool that is gone: not to be looked at
    rte_ring_free(rx);
    rte_ring_free(tx);
}

TEST(PortGroup, ThatIsDestroyedLeavesItsNamesFree)
{
    for (unsigned round = 0; round < 3; round++) {
        Group group({"net_ring_l"}, 20);
        ASSERT_EQ(0, group.create()) << group.reason;
        ASSERT_TRUE(send_one(group.port, 18)); // left in a relay
    }
}

TEST(PortGroup, OfADeviceThatIsNotThereSaysSo)
{
    Group group({"0000:ff:1f.7"});
    EXPECT_GT(0, group.create());
    EXPECT_EQ(nullptr, group.port);
    EXPECT_NE(std::string::npos, std::string(group.reason).find("0000:ff:1f.7")) << group.reason;
    EXPECT_NE(std::string::npos, std::string(group.reason).find("vfio-pci")) << group.reason;
}

TEST(PortGroup, KeepsNothingOfAFailedStart)
{
    {
        Group group({"net_ring_m", "nonsense_device"}, 2);
        EXPECT_GT(0, group.create());
    }
    Group group({"net_ring_m"}, 2);
    EXPECT_EQ(0, group.create()) << group.reason;
}

TEST(PortGroup, OfAnInterfaceThatIsNotThereSaysSo)
{
    for (sl_port_driver driver : {SL_PORT_AUTO, SL_PORT_AF_XDP, SL_PORT_AF_PACKET}) {
        Group group({});
        group.config.driver = driver;
        group.config.interface = "nothere0";
        EXPECT_GT(0, group.create());
        EXPECT_STREQ("there is no network interface nothere0 here; `ip link` shows those there are",
                     group.reason);
    }
}

TEST(PortGroup, OfANameThatNoInterfaceCanHaveSaysSo)
{
    for (const char *name : {"", "far-too-long-a-name-for-linux"}) {
        Group group({});
        group.config.driver = SL_PORT_AF_XDP;
        group.config.interface = name;
        EXPECT_EQ(-EINVAL, group.create());
        EXPECT_NE(std::string::npos, std::string(group.reason).find("can't be the name"));
    }
}

TEST(PortGroup, WithoutMemoryForItsBuffersSaysWhatToRaise)
{
    Group group({"net_ring_n"});
    group.config.frames_per_queue = 1U << 20;
    EXPECT_GT(0, group.create());
    EXPECT_NE(std::string::npos, std::string(group.reason).find("raise memory_mb")) << group.reason;
}

TEST(PortGroup, RefusesMoreWorkersOrFewerDevicesThanCanBe)
{
    Group none({});
    EXPECT_EQ(-EINVAL, none.create());
    Group many({"net_ring_o"}, 33);
    EXPECT_EQ(-EINVAL, many.create());
}
