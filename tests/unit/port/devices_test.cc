// Devices of other kinds than rings: files, taps, shared memory. Any DPDK port is a port.
#include "group.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <rte_ethdev.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <memory>

using test::Group;

namespace
{

constexpr uint16_t kType = 0x88b5; // IEEE 802: local experimental

std::string frame_of(size_t len, char fill)
{
    std::string frame(len, fill);
    memset(&frame[0], 0xff, 6);
    memcpy(&frame[6], "\x02\x00\x00\x00\x00\x01", 6);
    frame[12] = (char)(kType >> 8);
    frame[13] = (char)(kType & 0xff);
    return frame;
}

void write_pcap(const std::string &path, const std::vector<std::string> &frames)
{
    std::ofstream file(path, std::ios::binary);
    auto put32 = [&](uint32_t value) { file.write((const char *)&value, sizeof value); };
    const uint32_t header[] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    for (uint32_t word : header)
        put32(word);
    for (const std::string &frame : frames) {
        put32(0);
        put32(0);
        put32((uint32_t)frame.size());
        put32((uint32_t)frame.size());
        file << frame;
    }
}

/** What comes in within a second, with its length as the port says it. */
struct Received {
    std::string bytes;
    unsigned segs;
};
std::vector<Received> receive(sl_port *port, unsigned queue, unsigned count)
{
    std::vector<Received> all;
    for (unsigned turn = 0; turn < 10000 && all.size() < count; turn++) {
        sl_frame *frames[SL_BURST];
        unsigned n = sl_port_receive(port, queue, frames, SL_BURST);
        for (unsigned i = 0; i < n; i++)
            all.push_back({std::string((char *)frames[i]->data, frames[i]->len), frames[i]->segs});
        sl_port_free(frames, n);
        if (n == 0)
            usleep(100);
    }
    return all;
}

bool send(sl_port *port, unsigned queue, const std::string &bytes)
{
    sl_frame *frame;
    if (sl_port_take(port, queue, &frame, 1) != 1)
        return false;
    memcpy(frame->data, bytes.data(), bytes.size());
    frame->len = (uint16_t)bytes.size();
    if (sl_port_transmit(port, queue, &frame, 1) == 1)
        return true;
    sl_port_free(&frame, 1);
    return false;
}

struct File {
    std::string path = ::testing::TempDir() + "sluice-port-" + std::to_string(getpid()) + ".pcap";
    ~File()
    {
        unlink(path.c_str());
    }
};

} // namespace

TEST(PortDevices, AFileOfPackets)
{
    File file;
    write_pcap(file.path, {frame_of(60, 'a'), frame_of(1514, 'b')});
    std::string device = "net_pcap_a,rx_pcap=" + file.path;
    Group group({device.c_str()});
    ASSERT_EQ(0, group.create()) << group.reason;
    EXPECT_STREQ("net_pcap", sl_port_info(group.port)->driver);
    std::vector<Received> got = receive(group.port, 0, 2);
    ASSERT_EQ(2U, got.size());
    EXPECT_EQ(frame_of(60, 'a'), got[0].bytes);
    EXPECT_EQ(frame_of(1514, 'b'), got[1].bytes);
    EXPECT_TRUE(send(group.port, 0, frame_of(60, 'c'))); // to nowhere
}

TEST(PortDevices, AFrameLongerThanABufferSaysSo)
{
    File file;
    write_pcap(file.path, {frame_of(6000, 'a'), frame_of(60, 'b')});
    std::string device = "net_pcap_b,rx_pcap=" + file.path;
    Group group({device.c_str()});
    ASSERT_EQ(0, group.create()) << group.reason;
    std::vector<Received> got = receive(group.port, 0, 2);
    ASSERT_EQ(2U, got.size());
    EXPECT_LT(1U, got[0].segs); // a counted drop of the worker's
    EXPECT_GT(6000U, got[0].bytes.size());
    EXPECT_EQ(1U, got[1].segs);
}

TEST(PortDevices, ATapOfTheKernel)
{
    test::start_eal();
    ASSERT_EQ(0, unshare(CLONE_NEWNET)) << "this test needs root";
    Group group({"net_tap_a,iface=sltap"}, 2);
    ASSERT_EQ(0, group.create()) << group.reason;
    EXPECT_STREQ("net_tap", sl_port_info(group.port)->driver);
    EXPECT_EQ(2U, sl_port_info(group.port)->queue_count);
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(kType));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(kType);
    address.sll_ifindex = (int)if_nametoindex("sltap");
    ASSERT_EQ(0, bind(fd, (sockaddr *)&address, sizeof address));
    for (unsigned q = 0; q < 2; q++) {
        ASSERT_TRUE(send(group.port, q, frame_of(100, (char)('a' + q))));
        char buffer[2048];
        pollfd wait{fd, POLLIN, 0};
        ASSERT_EQ(1, poll(&wait, 1, 5000));
        ASSERT_EQ(100, recv(fd, buffer, sizeof buffer, 0));
        EXPECT_EQ(frame_of(100, (char)('a' + q)), std::string(buffer, 100));
    }
    std::string sent = frame_of(1514, 'x');
    ASSERT_EQ((ssize_t)sent.size(), ::send(fd, sent.data(), sent.size(), 0));
    bool found = false;
    for (unsigned turn = 0; turn < 10000 && !found; turn++) {
        for (unsigned q = 0; q < 2; q++) {
            sl_frame *frames[SL_BURST];
            unsigned n = sl_port_receive(group.port, q, frames, SL_BURST);
            for (unsigned i = 0; i < n; i++)
                found |= sent == std::string((char *)frames[i]->data, frames[i]->len);
            sl_port_free(frames, n);
        }
        usleep(100);
    }
    EXPECT_TRUE(found);
    close(fd);
}

TEST(PortDevices, SharedMemoryOfAnotherProgram)
{
    // Both ends in this process: the server's port and the client's.
    std::string socket = ::testing::TempDir() + "sluice-memif-" + std::to_string(getpid());
    std::string server = "net_memif_a,role=server,id=0,socket-abstract=no,socket=" + socket;
    std::string client = "net_memif_b,role=client,id=0,socket-abstract=no,socket=" + socket;
    Group first({server.c_str()});
    auto second = std::make_unique<Group>(std::vector<const char *>{client.c_str()});
    second->config.group = 1;
    ASSERT_EQ(0, first.create()) << first.reason;
    ASSERT_EQ(0, second->create()) << second->reason;
    EXPECT_STREQ("net_memif", sl_port_info(first.port)->driver);
    std::vector<Received> got;
    for (unsigned turn = 0; turn < 10000 && got.empty();
         turn++) { // until they have found each other
        send(second->port, 0, frame_of(1000, 'm'));
        sl_frame *frames[SL_BURST];
        unsigned n = sl_port_receive(first.port, 0, frames, SL_BURST);
        for (unsigned i = 0; i < n; i++)
            got.push_back({std::string((char *)frames[i]->data, frames[i]->len), frames[i]->segs});
        sl_port_free(frames, n);
        usleep(100);
    }
    ASSERT_FALSE(got.empty());
    EXPECT_EQ(frame_of(1000, 'm'), got[0].bytes);
    /* net_memif 22.11 takes the leaving of its peer apart in a thread of DPDK's, and a port that is
     * closed meanwhile frees the same memory once more: first one end, then the other. */
    second.reset();
    uint16_t id;
    ASSERT_EQ(0, rte_eth_dev_get_port_by_name("net_memif_a", &id));
    rte_eth_link link{};
    for (unsigned turn = 0; turn < 5000; turn++, usleep(1000))
        if (rte_eth_link_get_nowait(id, &link) == 0 && link.link_status == RTE_ETH_LINK_DOWN)
            break;
    EXPECT_EQ(RTE_ETH_LINK_DOWN, link.link_status);
    usleep(50000); // the link is down before its memory is given back
    unlink(socket.c_str());
}

TEST(PortDevices, OfDifferentKindsMakeOneGroup)
{
    File file;
    write_pcap(file.path, {frame_of(60, 'a')});
    std::string device = "net_pcap_c,rx_pcap=" + file.path;
    Group group({"net_ring_mixed", device.c_str()}, 2);
    ASSERT_EQ(0, group.create()) << group.reason;
    EXPECT_STREQ("mixed", sl_port_info(group.port)->driver)
        << "what one does not do is not said of all";
    EXPECT_EQ(1U, receive(group.port, 1, 1).size());
    ASSERT_TRUE(send(group.port, 0, frame_of(64, 'r')));
    EXPECT_EQ(1U, receive(group.port, 0, 1).size());
}
