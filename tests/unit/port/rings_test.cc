// Frames through a port that is a ring in this process: what is sent on a queue comes back on it.
#include "group.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <set>

using test::Group;

namespace
{

/** Frames come in bursts; a fresh ring holds what was sent and nothing else. */
std::vector<sl_frame *> receive(sl_port *port, unsigned queue, unsigned count)
{
    std::vector<sl_frame *> all;
    for (unsigned turn = 0; turn < 100 && all.size() < count; turn++) {
        sl_frame *frames[SL_BURST];
        unsigned n = sl_port_receive(port, queue, frames, SL_BURST);
        all.insert(all.end(), frames, frames + n);
    }
    return all;
}

sl_frame *fill(sl_port *port, unsigned queue, const std::string &bytes)
{
    sl_frame *frame = nullptr;
    if (sl_port_take(port, queue, &frame, 1) != 1)
        return nullptr;
    EXPECT_GE(frame->tailroom, bytes.size());
    memcpy(frame->data, bytes.data(), bytes.size());
    frame->len = (uint16_t)bytes.size();
    return frame;
}

} // namespace

TEST(PortFrames, ComeBackAsTheyWereSent)
{
    Group group({"net_ring_a"});
    ASSERT_EQ(0, group.create()) << group.reason;
    std::string bytes(1514, 'x');
    bytes[0] = 'y';
    sl_frame *frame = fill(group.port, 0, bytes);
    ASSERT_NE(nullptr, frame);
    ASSERT_EQ(1U, sl_port_transmit(group.port, 0, &frame, 1));
    std::vector<sl_frame *> got = receive(group.port, 0, 1);
    ASSERT_EQ(1U, got.size());
    EXPECT_EQ(bytes, std::string((char *)got[0]->data, got[0]->len));
    EXPECT_EQ(1, got[0]->segs);
    EXPECT_EQ(0, got[0]->flags);
    EXPECT_EQ(got[0]->len + got[0]->headroom + got[0]->tailroom,
              ((rte_mbuf *)got[0]->handle)->buf_len);
    sl_port_free(got.data(), 1);
}

TEST(PortFrames, MayBeginElsewhereThanTheyWereTaken)
{
    Group group({"net_ring_b"});
    ASSERT_EQ(0, group.create()) << group.reason;
    sl_frame *frame = fill(group.port, 0, "0123456789");
    ASSERT_NE(nullptr, frame);
    frame->data += 4;
    frame->len = 3;
    ASSERT_EQ(1U, sl_port_transmit(group.port, 0, &frame, 1));
    std::vector<sl_frame *> got = receive(group.port, 0, 1);
    ASSERT_EQ(1U, got.size());
    EXPECT_EQ("456", std::string((char *)got[0]->data, got[0]->len));
    sl_port_free(got.data(), 1);
}

TEST(PortFrames, TellThePortsMarksApart)
{
    Group group({"net_ring_c"});
    ASSERT_EQ(0, group.create()) << group.reason;
    const struct {
        uint64_t marks;
        uint16_t flags;
    } table[] = {
        {RTE_MBUF_F_RX_IP_CKSUM_GOOD, SL_FRAME_RX_IP_CHECKSUM_GOOD},
        {RTE_MBUF_F_RX_IP_CKSUM_BAD, SL_FRAME_RX_IP_CHECKSUM_BAD},
        {RTE_MBUF_F_RX_IP_CKSUM_NONE, 0},
        {RTE_MBUF_F_RX_L4_CKSUM_GOOD, SL_FRAME_RX_L4_CHECKSUM_GOOD},
        {RTE_MBUF_F_RX_L4_CKSUM_BAD, SL_FRAME_RX_L4_CHECKSUM_BAD},
        {RTE_MBUF_F_RX_L4_CKSUM_NONE, 0},
        {RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED, SL_FRAME_RX_VLAN_STRIPPED},
        {RTE_MBUF_F_RX_VLAN, 0},
        {RTE_MBUF_F_RX_RSS_HASH, 0},
    };
    for (const auto &row : table) {
        sl_frame *frame = fill(group.port, 0, "x");
        ASSERT_NE(nullptr, frame);
        rte_mbuf *mbuf = (rte_mbuf *)frame->handle;
        mbuf->data_len = 1;
        mbuf->ol_flags = row.marks; // the ring port hands the buffer over as it is
        mbuf->vlan_tci = 77;
        ASSERT_EQ(1, rte_eth_tx_burst(0, 0, &mbuf, 1));
        std::vector<sl_frame *> got = receive(group.port, 0, 1);
        ASSERT_EQ(1U, got.size());
        EXPECT_EQ(row.flags, got[0]->flags) << row.marks;
        EXPECT_EQ(77, got[0]->vlan_tci);
        sl_port_free(got.data(), 1);
    }
}

TEST(PortFrames, SaySoWhenTheyAreInSeveralSegments)
{
    Group group({"net_ring_d"});
    ASSERT_EQ(0, group.create()) << group.reason;
    sl_frame *first = fill(group.port, 0, "one"), *second = fill(group.port, 0, "two");
    rte_mbuf *head = (rte_mbuf *)first->handle, *tail = (rte_mbuf *)second->handle;
    head->data_len = head->pkt_len = 3;
    tail->data_len = tail->pkt_len = 3;
    ASSERT_EQ(0, rte_pktmbuf_chain(head, tail));
    ASSERT_EQ(1, rte_eth_tx_burst(0, 0, &head, 1));
    std::vector<sl_frame *> got = receive(group.port, 0, 1);
    ASSERT_EQ(1U, got.size());
    EXPECT_EQ(2, got[0]->segs);
    EXPECT_EQ(3, got[0]->len);
    unsigned before = rte_mempool_avail_count(head->pool);
    sl_port_free(got.data(), 1);
    EXPECT_EQ(before + 2, rte_mempool_avail_count(head->pool)); // both segments
}

TEST(PortFrames, RunOutAndComeBack)
{
    Group group({"net_ring_e"});
    ASSERT_EQ(0, group.create()) << group.reason;
    std::vector<sl_frame *> all;
    for (sl_frame *frames[SL_BURST];;) {
        unsigned n = sl_port_take(group.port, 0, frames, SL_BURST);
        if (n == 0)
            break;
        all.insert(all.end(), frames, frames + n);
    }
    EXPECT_GE(all.size(), 2000U);
    EXPECT_EQ(all.size(), std::set<sl_frame *>(all.begin(), all.end()).size());
    sl_port_free(all.data(), (unsigned)all.size());
    sl_frame *frames[SL_BURST];
    ASSERT_EQ((unsigned)SL_BURST, sl_port_take(group.port, 0, frames, SL_BURST));
    sl_port_free(frames, SL_BURST);
}

TEST(PortFrames, StayWithTheSenderWhenThePortIsFull)
{
    Group group({"net_ring_f"});
    ASSERT_EQ(0, group.create()) << group.reason;
    unsigned sent = 0;
    for (unsigned turn = 0; turn < 100; turn++) {
        sl_frame *frames[SL_BURST];
        ASSERT_EQ((unsigned)SL_BURST, sl_port_take(group.port, 0, frames, SL_BURST));
        for (sl_frame *frame : frames)
            frame->len = 60;
        unsigned gone = sl_port_transmit(group.port, 0, frames, SL_BURST);
        sl_port_free(frames + gone, SL_BURST - gone);
        sent += gone;
        if (gone < SL_BURST)
            break;
    }
    EXPECT_GT(sent, 0U);
    std::vector<sl_frame *> got = receive(group.port, 0, sent + 1);
    EXPECT_EQ(sent, got.size());
    sl_port_free(got.data(), (unsigned)got.size());
}

TEST(PortFrames, CarryTheirQueueAndComeFromItsPool)
{
    Group group({"net_ring_g"}, 2);
    group.config.group = 5;
    ASSERT_EQ(0, group.create()) << group.reason;
    rte_mempool *pools[2];
    for (unsigned q = 0; q < 2; q++) {
        sl_frame *frame = fill(group.port, q, "x");
        pools[q] = ((rte_mbuf *)frame->handle)->pool;
        ASSERT_EQ(1U, sl_port_transmit(group.port, q, &frame, 1));
    }
    EXPECT_NE(pools[0], pools[1]);
    for (unsigned q = 0; q < 2; q++) {
        std::vector<sl_frame *> got = receive(group.port, q, 1);
        ASSERT_EQ(1U, got.size());
        EXPECT_EQ(q, got[0]->queue);
        EXPECT_EQ(5, got[0]->group);
        sl_port_free(got.data(), 1);
    }
}
