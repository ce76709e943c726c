// Ports on a veth pair of the kernel's, both ends in a network namespace of the test's own.
#include "group.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

using test::Group;

namespace
{

constexpr uint16_t kType = 0x88b5; // IEEE 802: local experimental

void run(const std::string &command)
{
    ASSERT_EQ(0, system(command.c_str())) << command;
}

/** The pair va (the port's) and vb (the peer's), in a namespace that the process moves into. */
class Veth
{
  public:
    explicit Veth(unsigned queues, unsigned mtu = 1500)
    {
        static bool moved = false;
        test::start_eal();
        if (!moved && unshare(CLONE_NEWNET) != 0)
            ADD_FAILURE() << "these tests need root: unshare: " << strerror(errno);
        moved = true;
        std::string q = std::to_string(queues), m = std::to_string(mtu);
        std::string end = " numrxqueues " + q + " numtxqueues " + q + " mtu " + m;
        run("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
        run("ip link add va" + end + " type veth peer name vb" + end);
        run("ip link set vb up");
        socket_ = open(kType);
        tap_ = open(ETH_P_ALL);
        int on = 1;
        EXPECT_EQ(0, setsockopt(tap_, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on));
    }
    ~Veth()
    {
        close(socket_);
        close(tap_);
        system("ip link del va");
        remove_claims();
    }
    /** The ports' locks stay behind, one for each interface there was in the namespace. */
    static void remove_claims()
    {
        run("rm -f /run/sluice-interface-$(stat -Lc %i /proc/self/ns/net)-*.lock");
    }
    bool is_up()
    {
        return flags() & IFF_UP;
    }
    bool is_promiscuous()
    {
        return flags() & IFF_PROMISC;
    }
    void send(const std::string &frame)
    {
        EXPECT_EQ((ssize_t)frame.size(), ::send(socket_, frame.data(), frame.size(), 0));
    }
    /** The next frame that the port sent, or nothing within a second. */
    std::string receive()
    {
        char buffer[16384];
        pollfd wait{socket_, POLLIN, 0};
        if (poll(&wait, 1, 1000) != 1)
            return "";
        ssize_t len = recv(socket_, buffer, sizeof buffer, 0);
        return std::string(buffer, len < 0 ? 0 : (size_t)len);
    }

    /** The same, and the tag that the kernel took off: -1, none. */
    std::string receive_tagged(int *tag)
    {
        char buffer[2048], control[256];
        iovec bytes{buffer, sizeof buffer};
        msghdr message{};
        message.msg_iov = &bytes;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        pollfd wait{tap_, POLLIN, 0};
        *tag = -1;
        if (poll(&wait, 1, 1000) != 1)
            return "";
        ssize_t len = recvmsg(tap_, &message, 0);
        for (cmsghdr *c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
            tpacket_auxdata data;
            memcpy(&data, CMSG_DATA(c), sizeof data);
            if (c->cmsg_type == PACKET_AUXDATA && (data.tp_status & TP_STATUS_VLAN_VALID))
                *tag = data.tp_vlan_tci;
        }
        return std::string(buffer, len < 0 ? 0 : (size_t)len);
    }

  private:
    int flags()
    {
        ifreq request{};
        strcpy(request.ifr_name, "va");
        EXPECT_EQ(0, ioctl(socket_, SIOCGIFFLAGS, &request));
        return request.ifr_flags;
    }
    int open(uint16_t type)
    {
        int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(type));
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(type);
        address.sll_ifindex = (int)if_nametoindex("vb");
        EXPECT_EQ(0, bind(fd, (sockaddr *)&address, sizeof address));
        return fd;
    }

    int socket_;
    int tap_; // sees frames before the kernel has dealt with their tags
};

std::string tagged(const std::string &frame, uint8_t vlan)
{
    return frame.substr(0, 12) + std::string("\x81\x00\x00", 3) + (char)vlan + frame.substr(12);
}

std::string frame_of(size_t len, char fill)
{
    std::string frame(len, fill);
    memset(&frame[0], 0xff, 6);
    memcpy(&frame[6], "\x02\x00\x00\x00\x00\x01", 6);
    frame[12] = (char)(kType >> 8);
    frame[13] = (char)(kType & 0xff);
    return frame;
}

/** Looks on all queues for a frame of our type, for a second at most; answers it from there. */
bool echo_one(sl_port *port, unsigned queues, std::string *seen)
{
    for (unsigned turn = 0; turn < 10000; turn++) {
        for (unsigned q = 0; q < queues; q++) {
            sl_frame *frames[SL_BURST];
            unsigned n = sl_port_receive(port, q, frames, SL_BURST);
            bool found = false;
            for (unsigned i = 0; i < n; i++) {
                std::string bytes((char *)frames[i]->data, frames[i]->len);
                if (!found && bytes.size() > 14 && bytes.substr(12, 2) == "\x88\xb5") {
                    found = true;
                    *seen = bytes;
                    if (sl_port_transmit(port, q, &frames[i], 1) == 1)
                        continue;
                }
                sl_port_free(&frames[i], 1);
            }
            if (found)
                return true;
        }
        usleep(100);
    }
    return false;
}

/** Takes what comes within some milliseconds. return whether something of ours was among it. */
bool drain(sl_port *port, unsigned queues, unsigned ms)
{
    bool seen = false;
    for (unsigned turn = 0; turn < ms; turn++) {
        for (unsigned q = 0; q < queues; q++) {
            sl_frame *frames[SL_BURST];
            unsigned n = sl_port_receive(port, q, frames, SL_BURST);
            for (unsigned i = 0; i < n; i++)
                seen |= frames[i]->len > 14 && memcmp(frames[i]->data + 12, "\x88\xb5", 2) == 0;
            sl_port_free(frames, n);
        }
        usleep(1000);
    }
    return seen;
}

/** The kernel may drop frames for a moment after XDP was attached: until one has come through. */
testing::AssertionResult opens(Veth &veth, sl_port *port, unsigned queues)
{
    for (unsigned sent = 1; sent <= 100; sent++) {
        veth.send(frame_of(60, 'p'));
        if (drain(port, queues, 20)) {
            drain(port, queues, 20);
            return testing::AssertionSuccess();
        }
    }
    return testing::AssertionFailure() << "nothing came through in two seconds";
}

void exchange(Veth &veth, sl_port *port, unsigned queues, size_t len)
{
    std::string sent = frame_of(len, 'e'), seen;
    veth.send(sent);
    ASSERT_TRUE(echo_one(port, queues, &seen)) << len;
    EXPECT_EQ(sent, seen);
    EXPECT_EQ(sent, veth.receive());
}

struct On : Group {
    On(sl_port_driver driver, unsigned queues) : Group({}, queues)
    {
        config.driver = driver;
        config.interface = "va";
    }
};

} // namespace

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

// DPDK's driver, in giving AF_XDP up, would take the first one's XDP program away.
TEST(PortVeth, IsOnePortsAloneUntilThatOneHasEnded)
{
    for (sl_port_driver driver : {SL_PORT_AF_XDP, SL_PORT_AF_PACKET}) {
        Veth veth(1);
        On second(SL_PORT_AUTO, 1);
        second.config.group = 1;
        {
            On first(driver, 1);
            ASSERT_EQ(0, first.create()) << first.reason;
            ASSERT_TRUE(opens(veth, first.port, 1));
            ASSERT_EQ(-EBUSY, second.create());
            EXPECT_NE(std::string::npos, std::string(second.reason).find("interface va is in use"))
                << second.reason;
            EXPECT_TRUE(Group::log().empty()) << "it tried nothing";
            exchange(veth, first.port, 1, 100);
        }
        EXPECT_EQ(0, second.create()) << second.reason;
    }
}

TEST(PortVeth, IsFreeAgainWhenAPortCouldNotBeMade)
{
    Veth veth(1, 9000);
    On first(SL_PORT_AF_XDP, 1), second(SL_PORT_AF_PACKET, 1);
    ASSERT_EQ(-EMSGSIZE, first.create());
    EXPECT_EQ(0, second.create()) << second.reason;
}

TEST(PortVeth, OfTheSameNameAndNumberElsewhereIsAnotherOne)
{
    Veth veth(1);
    On first(SL_PORT_AF_XDP, 1), second(SL_PORT_AF_PACKET, 1);
    second.config.group = 1;
    ASSERT_EQ(0, first.create()) << first.reason;
    std::string number = std::to_string(if_nametoindex("va"));
    int home = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    ASSERT_LE(0, home);
    ASSERT_EQ(0, unshare(CLONE_NEWNET));
    run("ip link add va index " + number + " type veth peer name vb");
    EXPECT_EQ(0, second.create()) << second.reason;
    sl_port_destroy(second.port);
    second.port = nullptr;
    Veth::remove_claims();
    EXPECT_EQ(0, setns(home, CLONE_NEWNET));
    close(home);
}

TEST(PortVeth, LeavesOtherInterfacesToOthers)
{
    Veth veth(1);
    On first(SL_PORT_AF_XDP, 1), second(SL_PORT_AF_PACKET, 1);
    second.config.group = 1;
    second.config.interface = "vb";
    ASSERT_EQ(0, first.create()) << first.reason;
    EXPECT_EQ(0, second.create()) << second.reason;
}

TEST(PortVeth, GoesWithoutAClaimWhereNoneCanBeMade)
{
    Veth veth(1);
    On group(SL_PORT_AF_PACKET, 1);
    std::string file = "/run/sluice-interface-$(stat -Lc %i /proc/self/ns/net)-" +
                       std::to_string(if_nametoindex("va")) + ".lock";
    run("mkdir " + file); // for somebody who is not root, all of /run is as closed
    EXPECT_EQ(0, group.create()) << group.reason;
    run("rmdir " + file);
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
