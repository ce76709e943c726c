// Ports on a veth pair of the kernel's: frames, queues, tags, drivers.
#include "veth.h"

using namespace test;

TEST(PortVeth, CarriesFramesOverAfXdp)
{
    Veth veth(1);
    On group(SL_PORT_AF_XDP, 1);
    ASSERT_EQ(0, group.create()) << group.reason;
    ASSERT_TRUE(opens(veth, group.port, 1));
    EXPECT_STREQ("net_af_xdp", sl_port_info(group.port)->driver);
    EXPECT_EQ(1500, sl_port_info(group.port)->mtu);
    EXPECT_TRUE(veth.is_up());
    for (size_t len : {60, 64, 1000, 1514})
        exchange(veth, group.port, 1, len);
}

TEST(PortVeth, CarriesFramesOverAfXdpWithSeveralQueues)
{
    Veth veth(2);
    On group(SL_PORT_AF_XDP, 2);
    ASSERT_EQ(0, group.create()) << group.reason;
    ASSERT_TRUE(opens(veth, group.port, 2));
    EXPECT_EQ(2U, sl_port_info(group.port)->queue_count);
    for (unsigned i = 0; i < 20; i++)
        exchange(veth, group.port, 2, 100 + i);
}

TEST(PortVeth, ServesMoreQueuesThanItHasWorkers)
{
    Veth veth(4);
    On group(SL_PORT_AF_XDP, 1);
    ASSERT_EQ(0, group.create()) << group.reason;
    ASSERT_TRUE(opens(veth, group.port, 1));
    EXPECT_EQ(1U, sl_port_info(group.port)->queue_count);
    for (unsigned i = 0; i < 20; i++)
        exchange(veth, group.port, 1, 100 + i);
}

TEST(PortVeth, SendsForWorkersWithoutAQueue)
{
    Veth veth(1);
    On group(SL_PORT_AF_XDP, 2);
    ASSERT_EQ(0, group.create()) << group.reason;
    ASSERT_TRUE(opens(veth, group.port, 2));
    EXPECT_EQ(1U, sl_port_info(group.port)->queue_count);
    ASSERT_EQ(1U, Group::log().size());
    sl_frame *frame;
    ASSERT_EQ(1U, sl_port_take(group.port, 1, &frame, 1));
    std::string sent = frame_of(99, 'z');
    memcpy(frame->data, sent.data(), sent.size());
    frame->len = (uint16_t)sent.size();
    ASSERT_EQ(1U, sl_port_transmit(group.port, 1, &frame, 1));
    sl_frame *none[SL_BURST];
    sl_port_free(none, sl_port_receive(group.port, 0, none, SL_BURST)); // worker 0's turn
    EXPECT_EQ(sent, veth.receive());
}

// The kernel drops buffers beyond the memory that it was told of, for good and in silence.

TEST(PortVeth, StillReceivesAfterEveryBufferWasUsed)
{
    Veth veth(1);
    On group(SL_PORT_AF_XDP, 1);
    group.config.frames_per_queue = 8191;
    ASSERT_EQ(0, group.create()) << group.reason;
    ASSERT_TRUE(opens(veth, group.port, 1));
    std::string sent = frame_of(100, 'u');
    std::vector<sl_frame *> held; // given back so many at once that it is not the same ones again
    for (unsigned count = 0; count < 3 * 8192; count++) {
        veth.send(sent);
        sl_frame *frame = nullptr;
        for (unsigned turn = 0; turn < 10000 && frame == nullptr; turn++)
            if (sl_port_receive(group.port, 0, &frame, 1) == 0)
                usleep(100);
        ASSERT_NE(nullptr, frame) << "after " << count;
        held.push_back(frame);
        if (held.size() == 2000) {
            sl_port_free(held.data(), (unsigned)held.size());
            held.clear();
        }
    }
    sl_port_free(held.data(), (unsigned)held.size());
}

TEST(PortVeth, CarriesTheLargestFramesOfItsMtu)
{
    Veth veth(1, 3000);
    On group(SL_PORT_AF_XDP, 1);
    ASSERT_EQ(0, group.create()) << group.reason;
    ASSERT_TRUE(opens(veth, group.port, 1));
    EXPECT_EQ(3000, sl_port_info(group.port)->mtu);
    exchange(veth, group.port, 1, 3014);
}

TEST(PortVeth, RefusesAnMtuThatAfXdpCantTake)
{
    Veth veth(1, 9000);
    On group(SL_PORT_AF_XDP, 1);
    EXPECT_EQ(-EMSGSIZE, group.create());
    EXPECT_NE(std::string::npos, std::string(group.reason).find("MTU")) << group.reason;
}

TEST(PortVeth, FallsBackToAfPacketAndSaysSo)
{
    Veth veth(1, 9000);
    On group(SL_PORT_AUTO, 2);
    ASSERT_EQ(0, group.create()) << group.reason;
    ASSERT_TRUE(opens(veth, group.port, 2));
    EXPECT_STREQ("net_af_packet", sl_port_info(group.port)->driver);
    EXPECT_EQ(2U, sl_port_info(group.port)->queue_count);
    ASSERT_EQ(1U, Group::log().size());
    EXPECT_NE(std::string::npos, Group::log()[0].find("falls back to AF_PACKET"));
    for (size_t len : {60, 1514, 9014})
        exchange(veth, group.port, 2, len);
}

TEST(PortVeth, CarriesFramesOverAfPacket)
{
    Veth veth(1);
    On group(SL_PORT_AF_PACKET, 1);
    ASSERT_EQ(0, group.create()) << group.reason;
    ASSERT_TRUE(opens(veth, group.port, 1));
    EXPECT_TRUE(veth.is_up());
    for (size_t len : {60, 64, 1000, 1514})
        exchange(veth, group.port, 1, len);
}

TEST(PortVeth, LeavesTheInterfaceAsPromiscuousAsItWas)
{
    for (sl_port_driver driver : {SL_PORT_AF_XDP, SL_PORT_AF_PACKET}) {
        for (bool before : {false, true}) {
            Veth veth(2);
            if (before)
                run("ip link set va promisc on");
            {
                On group(driver, 2);
                ASSERT_EQ(0, group.create()) << group.reason;
                EXPECT_TRUE(veth.is_promiscuous()); // neighbour discovery is multicast
            }
            EXPECT_EQ(before, veth.is_promiscuous()) << driver;
        }
    }
}

TEST(PortVeth, TellsOfAVlanTagInTheFrameOrBesideIt)
{
    for (sl_port_driver driver : {SL_PORT_AF_XDP, SL_PORT_AF_PACKET}) {
        Veth veth(1);
        On group(driver, 1);
        ASSERT_EQ(0, group.create()) << group.reason;
        ASSERT_TRUE(opens(veth, group.port, 1));
        std::string plain = frame_of(100, 'v');
        veth.send(tagged(plain, 7));
        bool found = false;
        for (unsigned turn = 0; turn < 10000 && !found; turn++) {
            sl_frame *frames[SL_BURST];
            unsigned n = sl_port_receive(group.port, 0, frames, SL_BURST);
            for (unsigned i = 0; i < n; i++) {
                std::string bytes((char *)frames[i]->data, frames[i]->len);
                bool is_stripped = frames[i]->flags & SL_FRAME_RX_VLAN_STRIPPED;
                found |= is_stripped ? bytes == plain && frames[i]->vlan_tci == 7
                                     : bytes == tagged(plain, 7);
            }
            sl_port_free(frames, n);
            usleep(100);
        }
        EXPECT_TRUE(found) << sl_port_info(group.port)->driver;
    }
}

TEST(PortVeth, SendsATagThatIsInTheFrame)
{
    for (sl_port_driver driver : {SL_PORT_AF_XDP, SL_PORT_AF_PACKET}) {
        Veth veth(1);
        On group(driver, 1);
        ASSERT_EQ(0, group.create()) << group.reason;
        std::string plain = frame_of(100, 'w'), sent = tagged(plain, 9);
        sl_frame *frame;
        ASSERT_EQ(1U, sl_port_take(group.port, 0, &frame, 1));
        memcpy(frame->data, sent.data(), sent.size());
        frame->len = (uint16_t)sent.size();
        ASSERT_EQ(1U, sl_port_transmit(group.port, 0, &frame, 1));
        int tag;
        EXPECT_EQ(plain, veth.receive_tagged(&tag)) << sl_port_info(group.port)->driver;
        EXPECT_EQ(9, tag) << sl_port_info(group.port)->driver;
    }
}

TEST(PortVeth, CarriesTaggedFramesOfAFullMtu)
{
    for (sl_port_driver driver : {SL_PORT_AF_XDP, SL_PORT_AF_PACKET}) {
        Veth veth(1);
        On group(driver, 1);
        ASSERT_EQ(0, group.create()) << group.reason;
        std::string plain = frame_of(1514, 'x'), sent = tagged(plain, 9);
        sl_frame *frame;
        ASSERT_EQ(1U, sl_port_take(group.port, 0, &frame, 1));
        memcpy(frame->data, sent.data(), sent.size());
        frame->len = (uint16_t)sent.size();
        ASSERT_EQ(1U, sl_port_transmit(group.port, 0, &frame, 1));
        int tag;
        EXPECT_EQ(plain, veth.receive_tagged(&tag)) << sl_port_info(group.port)->driver;
    }
}

TEST(PortVeth, CountsWhatItCarried)
{
    Veth veth(1);
    On group(SL_PORT_AF_XDP, 1);
    ASSERT_EQ(0, group.create()) << group.reason;
    ASSERT_TRUE(opens(veth, group.port, 1));
    exchange(veth, group.port, 1, 100);
    sl_port_stat stats[16];
    unsigned count = sl_port_stats(group.port, stats, 16);
    ASSERT_EQ(8U, count);
    EXPECT_STREQ("rx_packets", stats[0].name);
    EXPECT_LE(1U, stats[0].value);
    EXPECT_EQ(1U, sl_port_stats(group.port, stats, 1));
}
