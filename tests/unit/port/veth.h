/** A veth pair of the kernel's for a port and its peer, both ends in a network namespace of the
 * test's own, and frames that go over it. Needs root. */
#ifndef PORT_TEST_VETH_H
#define PORT_TEST_VETH_H

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

namespace test
{

constexpr uint16_t kType = 0x88b5; // IEEE 802: local experimental

inline void run(const std::string &command)
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

inline std::string tagged(const std::string &frame, uint8_t vlan)
{
    return frame.substr(0, 12) + std::string("\x81\x00\x00", 3) + (char)vlan + frame.substr(12);
}

inline std::string frame_of(size_t len, char fill)
{
    std::string frame(len, fill);
    memset(&frame[0], 0xff, 6);
    memcpy(&frame[6], "\x02\x00\x00\x00\x00\x01", 6);
    frame[12] = (char)(kType >> 8);
    frame[13] = (char)(kType & 0xff);
    return frame;
}

/** Looks on all queues for a frame of our type, for a second at most; answers it from there. */
inline bool echo_one(sl_port *port, unsigned queues, std::string *seen)
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
inline bool drain(sl_port *port, unsigned queues, unsigned ms)
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
inline testing::AssertionResult opens(Veth &veth, sl_port *port, unsigned queues)
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

inline void exchange(Veth &veth, sl_port *port, unsigned queues, size_t len)
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

} // namespace test

#endif
